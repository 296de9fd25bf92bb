"""The official OpenAI SDK for Node, unchanged but for its base URL."""

import os
import pathlib
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODULES = ROOT / "build" / "node" / "node_modules"

if shutil.which("node") is None or not (MODULES / "openai").exists():
    pytest.skip("node or its openai package is not installed", allow_module_level=True)


@pytest.mark.parametrize("scenario", ["chat", "stream", "helper", "tools", "errors", "abort", "twenty"])
def test_with_node(house, tmp_path, scenario):
    script = tmp_path / "scenario.mjs"
    script.write_text((ROOT / "tests/e2e/node/scenario.mjs").read_text())
    (tmp_path / "node_modules").symlink_to(MODULES)
    done = subprocess.run(["node", str(script), scenario], capture_output=True, text=True, timeout=60,
                          env={**os.environ, "EP_BASE": house.base, "EP_KEY": house.key})
    assert done.returncode == 0, done.stdout + done.stderr
