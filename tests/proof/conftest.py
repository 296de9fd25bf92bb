"""The receipts of cases.py as files, a browser, the verifiers in Go, and the House of the scenarios."""

import contextlib
import functools
import http.server
import importlib.util
import json
import pathlib
import shutil
import subprocess
import sys
import threading

import pytest

import cases
from browser import Browser

ROOT = pathlib.Path(__file__).resolve().parents[2]
OUTSIDE, FSCK = (ROOT / "build" / "proof" / name for name in ("outside", "fsck"))

needs_go = pytest.mark.skipif(not OUTSIDE.exists() or not FSCK.exists(),
                              reason="the verifiers in Go could not be built: Go 1.25 or the modules are missing")
needs_browser = pytest.mark.skipif(shutil.which("chromium") is None or shutil.which("chromedriver") is None,
                                   reason="chromium and its chromedriver are not installed: tools/deps chromium chromium-driver")


def scenario_house():
    """tests/e2e's module, by another name: two conftest.py cannot be told apart by theirs."""
    spec = importlib.util.spec_from_file_location("house", ROOT / "tests/e2e/conftest.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["house"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def case_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cases")
    index = {}
    for case in cases.all_cases():
        case.write(folder / case.name)
        index[case.name] = {"outcomes": case.outcomes, "good": case.good}
    (folder / "cases.json").write_text(json.dumps({"key": cases.LOG_KEY.vkey, "cases": index}))
    return folder


@pytest.fixture(scope="session")
def browser():
    made = Browser(scenario_house().free_port())
    yield made
    made.close()


def outside(*words):
    """What the verifiers in Go say of each place or file, "ok" or "wrong"; and all that they print."""
    done = subprocess.run([str(OUTSIDE), *map(str, words)], capture_output=True, text=True, timeout=120)
    found = {}
    for line in done.stdout.splitlines():
        word, place, *_ = line.split(" ", 2)
        found[place.rstrip(":")] = word
    assert done.returncode == (0 if set(found.values()) == {"ok"} else 1), done.stdout + done.stderr
    return found, done.stdout


@contextlib.contextmanager
def serving(handler, folder):
    """A folder behind a web server of another make; its address."""
    made = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(handler, directory=folder))
    handler.log_message = lambda *_: None
    threading.Thread(target=made.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{made.server_port}/"
    finally:
        made.shutdown()
        made.server_close()
