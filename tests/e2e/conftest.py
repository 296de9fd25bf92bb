"""A real server, real sandbox upstreams, a real working folder for each test module."""

import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("EP_BUILD", ROOT / "build" / "release"))
ENTREPOT = str(BUILD / "entrepot")
SANDBOX = str(BUILD / "entrepot-sandbox")
VOCAB = ROOT / "share" / "vocab"
# What an honest upstream of the example's models counts by.
TOKENIZERS = [word for model, name in (("aurora-large", "o200k_base"), ("aurora-small", "o200k_base"),
                                       ("borealis-chat", "qwen3"))
              for word in ("--tokenizer", f"{model}={VOCAB}/{name}.etk")]


# Ports are bound later than they are chosen: each of the processes that run scenarios at a time has its own, and gives none
# twice. Below the range of outgoing connections: a client that tries again and again while its server is down could
# otherwise be connected to itself, and hold the server's port.
WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
SPAN = 22000 // WORKERS
PORTS = 10000 + SPAN * int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])
given = set()


def free_port():
    while True:
        port = random.randrange(PORTS, PORTS + SPAN)
        if port in given:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        given.add(port)
        return port


def wait_for(condition, what, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError(f"{what} did not happen within {seconds} s")


def port_open(port):
    with socket.socket() as probe:
        probe.settimeout(0.2)
        return probe.connect_ex(("127.0.0.1", port)) == 0


class House:
    """A working folder made by `entrepot init`, its server and its two sandbox upstreams."""

    env = None  # of the programs: as the tests' own
    tokenizers = TOKENIZERS

    def __init__(self, folder):
        self.folder = folder
        self.public, self.operator = free_port(), free_port()
        self.upstreams = [free_port(), free_port()]
        self.processes = {}
        subprocess.run([ENTREPOT, "init", str(folder)], check=True, capture_output=True)
        self.conf = folder / "entrepot.yaml"
        text = self.conf.read_text()
        text = re.sub(r"public: .*", f'public: "127.0.0.1:{self.public}"', text)
        text = re.sub(r"operator: .*", f'operator: "127.0.0.1:{self.operator}"', text)
        self.conf.write_text(text)
        for file in (folder / "registry").glob("*.yaml"):
            routes = file.read_text()
            for old, new in zip((9001, 9002), self.upstreams):
                routes = routes.replace(f"127.0.0.1:{old}", f"127.0.0.1:{new}")
            file.write_text(routes)
        self.apply()
        self.key = (folder / "first-client.key").read_text().strip()
        self.base = f"http://127.0.0.1:{self.public}/v1"

    def upstream(self, at, *flags):
        self.stop_process(f"upstream{at}")
        port = self.upstreams[at]
        self.processes[f"upstream{at}"] = subprocess.Popen(
            [SANDBOX, "--listen", f"127.0.0.1:{port}", *self.tokenizers, *flags],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(lambda: port_open(port), "the sandbox's listener")

    def start(self, *flags):
        log = open(self.folder / "server.log", "ab")
        self.processes["server"] = subprocess.Popen(
            [ENTREPOT, "serve", "-c", str(self.conf), *flags], stdout=log, stderr=log, env=self.env)
        wait_for(self.ready, "readiness")

    def ready(self):
        assert self.processes["server"].poll() is None, (self.folder / "server.log").read_text()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.operator}/readyz", timeout=1) as answer:
                return answer.status == 200
        except (urllib.error.URLError, OSError):
            return False

    def send(self, number):
        self.processes["server"].send_signal(number)

    def stop_process(self, name, number=signal.SIGTERM):
        process = self.processes.pop(name, None)
        if process is not None:
            process.send_signal(number)
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise AssertionError(f"{name} did not stop")
            return process.returncode
        return None

    def stop(self):
        """Stops everything; the server must end in good order (a leak would show here)."""
        code = self.stop_process("server")
        for name in list(self.processes):
            self.stop_process(name)
        assert code in (0, None), (self.folder / "server.log").read_text()[-4000:]

    def command(self, *words, check=True):
        done = subprocess.run([ENTREPOT, *words, "-c", str(self.conf)], capture_output=True, text=True,
                              env=self.env)
        if check:
            assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return done

    def resign(self, folder=None):
        """The example's two persons sign what the registry's folder says now."""
        for person, role in (("ann", "entered"), ("ben", "reviewed")):
            self.command("registry", "sign", str(folder or self.folder / "registry"), "--person", person,
                         "--key", str(self.folder / "keys" / f"{person}.key"), "--as", role)

    def apply(self):
        """Puts the registry's folder in force, with a server or without."""
        self.resign()
        return self.json("registry", "apply")

    def json(self, *words):
        return json.loads(self.command(*words, "--json").stdout)

    def request(self, path, body=None, key=None, headers=None, method=None, port=None):
        """(status, headers, body bytes) of one request, whatever the status."""
        data = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{port or self.public}{path}", data=data, method=method)
        request.add_header("Authorization", f"Bearer {key or self.key}")
        if data is not None:
            request.add_header("Content-Type", "application/json")
        for name, value in (headers or {}).items():
            request.add_header(name, value)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read()

    def count(self, text, *flags):
        """Tokens of a text, or with --chat of a request, as `entrepot count` has them."""
        done = subprocess.run([ENTREPOT, "count", "--json", "-c", str(self.conf), *flags], input=text.encode(),
                              capture_output=True)
        assert done.returncode == 0, done.stderr.decode()
        return json.loads(done.stdout)

    def credits(self):
        return json.loads(self.request("/v1/credits")[2])["data"]


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    for program in (ENTREPOT, SANDBOX):
        assert os.access(program, os.X_OK), f"{program} is not built: make build"
    folder = tmp_path_factory.mktemp("house") / "demo"
    made = House(folder)
    made.upstream(0)
    made.upstream(1)
    made.start()
    yield made
    made.stop()
    audit = made.command("audit", check=False)
    assert audit.returncode == 0, audit.stdout + audit.stderr
    shutil.rmtree(folder, ignore_errors=True)


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: takes more than some seconds")
