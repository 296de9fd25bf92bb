"""Speech and transcriptions by the official OpenAI SDKs: recordings up, sound down."""

import importlib.util
import sys

import pytest

from test_clients import NODE, PYTHON, ROOT, go, missing

CLIENTS = [
    ("openai (Python)", [PYTHON, "openai_audio.py"]),
    ("openai (Node) 7", [NODE, "openai_audio.mjs", "openai"]),
    ("openai (Node) 6", [NODE, "openai_audio.mjs", "openai6"]),
]


def module(name, alias=None):
    spec = importlib.util.spec_from_file_location(alias or name, ROOT / "tests" / "e2e" / f"{name}.py")
    made = importlib.util.module_from_spec(spec)
    sys.modules[alias or name] = made
    spec.loader.exec_module(made)
    return made


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    before = sys.modules.get("conftest")
    module("conftest")
    module("services_house")
    made = module("test_audio", "audio_house").Studio(tmp_path_factory.mktemp("audio") / "demo")
    if before is not None:
        sys.modules["conftest"] = before
    made.poor = made.key
    made.upstreams_are()
    made.start()
    yield made
    made.stop()
    audit = made.command("audit", check=False)
    assert audit.returncode == 0, audit.stdout + audit.stderr


@pytest.mark.parametrize("name, command", CLIENTS, ids=[row[0] for row in CLIENTS])
def test_a_client_speaks_and_hears(studio, tmp_path, name, command):
    why = missing(command)
    if why:
        pytest.skip(why)
    lines = go(studio, tmp_path, command)
    assert len(lines) >= 7 and not [line for line in lines if not line["held"]], "\n".join(line.get("why", "") for line in lines)
    studio.quiet()
