"""The client matrix: each official client goes through its scenarios against a real server and a scripted upstream."""

import importlib.util
import json
import os
import pathlib
import re
import shutil
import ssl
import subprocess
import urllib.request

import pytest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
spec = importlib.util.spec_from_file_location("e2e_conftest", ROOT / "tests" / "e2e" / "conftest.py")
e2e = importlib.util.module_from_spec(spec)
spec.loader.exec_module(e2e)

SDK, TOOLS = (ROOT / "build" / "clients" / name for name in ("sdk", "tools"))
NODE = SDK / "node_modules" / "node" / "bin" / "node"
PYTHON, GENAI = (ROOT / "build" / "clients" / name / "bin" / "python" for name in ("venv", "venv-genai"))
PYTHONS = (PYTHON, GENAI)
ALL = os.environ.get("EP_CLIENTS") == "all"
SCRIPT = [{"call": "read_notes", "arguments": {"name": "today"}}, {"say": "The notes say 42."}]

# name, package of which the version is told, command: those in front of the scenarios' names
CLIENTS = [
    ("openai (Python)", "openai", [PYTHON, "openai_sdk.py"]),
    ("google-genai (Python) 3", "google-genai", [GENAI, "genai_sdk.py"]),
    ("google-genai (Python) 2", "google-genai", [PYTHON, "genai_sdk.py"]),
    ("langchain-openai (Python)", "langchain-openai", [PYTHON, "langchain_sdk.py", "openai"]),
    ("langchain-anthropic (Python)", "langchain-anthropic", [PYTHON, "langchain_sdk.py", "anthropic"]),
    ("langchain-google-genai (Python)", "langchain-google-genai", [PYTHON, "langchain_sdk.py", "google"]),
    ("openai (Node) 7", "openai", [NODE, "openai.mjs", "openai"]),
    ("openai (Node) 6", "openai6", [NODE, "openai.mjs", "openai6"]),
    ("anthropic (Python)", "anthropic", [PYTHON, "anthropic_sdk.py"]),
    ("@anthropic-ai/sdk (Node)", "@anthropic-ai/sdk", [NODE, "anthropic.mjs", "sdk"]),
    ("@google/genai (Node) 3", "@google/genai", [NODE, "genai.mjs", "genai"]),
    ("@google/genai (Node) 2", "genai2", [NODE, "genai.mjs", "genai2"]),
    ("@openrouter/sdk", "@openrouter/sdk", [NODE, "openrouter.mjs", "sdk"]),
    ("ai, openai-compatible", "@ai-sdk/openai-compatible", [NODE, "vercel.mjs", "compatible"]),
    ("ai, openai.chat", "@ai-sdk/openai", [NODE, "vercel.mjs", "openai"]),
    ("ai, openai.responses", "@ai-sdk/openai", [NODE, "vercel.mjs", "responses"]),
    ("ai, anthropic", "@ai-sdk/anthropic", [NODE, "vercel.mjs", "anthropic"]),
    ("ai, google", "@ai-sdk/google", [NODE, "vercel.mjs", "google"]),
    ("ai, xai", "@ai-sdk/xai", [NODE, "vercel.mjs", "xai"]),
    ("ai, deepseek", "@ai-sdk/deepseek", [NODE, "vercel.mjs", "deepseek"]),
    ("ai, alibaba", "@ai-sdk/alibaba", [NODE, "vercel.mjs", "alibaba"]),
    ("ai, moonshotai", "@ai-sdk/moonshotai", [NODE, "vercel.mjs", "moonshotai"]),
    ("@langchain/openai (Node)", "@langchain/openai", [NODE, "langchain.mjs", "sdk"]),
]
# Kin of others in the table: with `make clients` alone, since a check has to be quick.
KIN = {"google-genai (Python) 2", "@google/genai (Node) 2", "ai, openai.responses", "ai, xai", "ai, deepseek",
       "ai, moonshotai", "openai realtime over TLS (Node) 6"}
# They stand on another of the table, which reads the stream, and take seconds to begin: likewise.
WRAPPERS = {"langchain-openai (Python)", "langchain-anthropic (Python)", "langchain-google-genai (Python)",
            "@langchain/openai (Node)", "openai (Node) 6"}
KIN_EXAMPLES = {"langchain-anthropic", "langchain-google"}
results = {}


def version(package, python=None, folder=SDK):
    if python in PYTHONS:
        done = subprocess.run([python, "-c", f"import importlib.metadata as m; print(m.version({package!r}))"],
                              capture_output=True, text=True)
        return done.stdout.strip()
    return json.loads((folder / "node_modules" / package / "package.json").read_text())["version"]


def missing(command, name=None):
    if name in KIN and not ALL:
        return "kin of other clients run with `make clients`"
    if command[0] in PYTHONS:
        return None if command[0].exists() else "PyPI's clients are not installed"
    return None if NODE.exists() else "npm's clients are not installed"


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    made = e2e.House(tmp_path_factory.mktemp("clients") / "demo")
    made.script = made.folder / "script.json"
    made.script.write_text(json.dumps(SCRIPT))
    products = made.folder / "registry" / "products.yaml"
    products.write_text(products.read_text().replace(
        "    price_book: world-2026\n", "    price_book: world-2026\n    batch: {price_percent: 50}\n", 1))
    made.apply()
    for at in (0, 1):
        made.upstream(at, "--script", str(made.script))
    made.start()
    client = made.json("client", "add", "--name", "poor", "--party", "first-client")["id"]
    made.poor = made.json("key", "add", "--client", client, "--product", "world")["key"]
    yield made
    made.stop()
    audit = made.command("audit", check=False)
    assert audit.returncode == 0, audit.stdout + audit.stderr


def environment(house, **more):
    return {**os.environ, **getattr(house, "trust", {}), "EP_BASE": house.base, "EP_KEY": house.key, "EP_POOR": house.poor,
            "ENTREPOT_KEY": house.key, **more}


def go(house, folder, command, *scenarios):
    """Its lines; a client that cannot even begin says why."""
    home = HERE / ("py" if command[0] in PYTHONS else "sdk")
    if command[0] == NODE:
        for file in home.glob("*.mjs"):
            shutil.copy(file, folder)
        if not (folder / "node_modules").exists():
            (folder / "node_modules").symlink_to(SDK / "node_modules")
        home = folder
    done = subprocess.run([str(word) for word in (command[0], home / command[1], *command[2:], *scenarios)],
                          capture_output=True, text=True, timeout=120, env=environment(house), cwd=folder)
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert lines, done.stdout + done.stderr
    return lines


@pytest.mark.parametrize("name, package, command", CLIENTS, ids=[row[0] for row in CLIENTS])
def test_a_client_does_all_that_it_can(house, tmp_path, name, package, command):
    why = missing(command, name)
    if why:
        pytest.skip(why)
    lines = go(house, tmp_path, command)
    results[name, version(package, command[0])] = lines
    assert not [line for line in lines if not line["held"]], "\n".join(line.get("why", "") for line in lines)


def test_a_stream_that_breaks_off_is_an_error_to_each_of_them(house, tmp_path):
    for at in (0, 1):
        house.upstream(at, "--cut-after", "5")
    failed = []
    try:
        for name, package, command in CLIENTS:
            if not missing(command, name) and (ALL or name not in WRAPPERS):
                house.stop_process("server")  # a source that has failed for one client is asked for the next
                house.start()
                lines = go(house, tmp_path, command, "cut")
                results.setdefault((name, version(package, command[0])), []).extend(lines)
                failed += [f"{name}: {line['why']}" for line in lines if not line["held"]]
    finally:
        for at in (0, 1):
            house.upstream(at, "--script", str(house.script))
        house.stop_process("server")
        house.start()
    assert not failed, "\n".join(failed)


# ---- realtime, which its clients speak over TLS alone ---------------------------------------------

REALTIME = [
    ("openai realtime over TLS (Python)", "openai", [PYTHON, "openai_realtime.py"]),
    ("openai realtime over TLS (Node) 7", "openai", [NODE, "openai_realtime.mjs", "openai"]),
    ("openai realtime over TLS (Node) 6", "openai6", [NODE, "openai_realtime.mjs", "openai6"]),
]


@pytest.fixture(scope="module")
def secure(tmp_path_factory):
    """A server with a certificate of its own, which its clients are told to trust."""
    made = e2e.House(tmp_path_factory.mktemp("secure") / "demo")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", "tls.key", "-out", "tls.pem"],
                   check=True, capture_output=True, cwd=made.folder)
    (made.folder / "tls.key").chmod(0o600)
    listen = f'public: "127.0.0.1:{made.public}"'
    made.conf.write_text(made.conf.read_text().replace(listen, f"{listen}\n  tls: {{cert: tls.pem, key: tls.key}}"))
    made.base = f"https://localhost:{made.public}/v1"
    made.trust = {"SSL_CERT_FILE": str(made.folder / "tls.pem"), "NODE_EXTRA_CA_CERTS": str(made.folder / "tls.pem")}
    (made.folder / "script.json").write_text(json.dumps(SCRIPT))
    made.upstream(0, "--script", str(made.folder / "script.json"))
    made.start()
    client = made.json("client", "add", "--name", "poor", "--party", "first-client")["id"]
    made.poor = made.json("key", "add", "--client", client, "--product", "world")["key"]
    yield made
    made.stop()
    audit = made.command("audit", check=False)
    assert audit.returncode == 0, audit.stdout + audit.stderr


def secure_credits(house):
    request = urllib.request.Request(f"{house.base}/credits", headers={"Authorization": f"Bearer {house.key}"})
    trust = ssl.create_default_context(cafile=house.trust["SSL_CERT_FILE"])
    return json.load(urllib.request.urlopen(request, timeout=20, context=trust))["data"]


@pytest.mark.parametrize("name, package, command", REALTIME, ids=[row[0] for row in REALTIME])
def test_a_client_speaks_in_a_session_over_tls(secure, tmp_path, name, package, command):
    why = missing(command, name)
    if why:
        pytest.skip(why)
    lines = go(secure, tmp_path, command)
    results[name, version(package, command[0])] = lines
    assert not [line for line in lines if not line["held"]], "\n".join(line.get("why", "") for line in lines)


# ---- the examples of the document ---------------------------------------------------------------

DOCUMENT = (ROOT / "docs" / "clients.md").read_text()
EXAMPLES = re.findall(r"^#### (\S+)\n\n```(\w+)\n(.*?)```\n", DOCUMENT, re.M | re.S)


def example(house, folder, language, lines):
    lines = lines.replace("http://127.0.0.1:8080", f"http://127.0.0.1:{house.public}")
    path = os.environ["PATH"]
    if language == "js":
        (folder / "example.mjs").write_text(lines)
        if not (folder / "node_modules").exists():
            (folder / "node_modules").symlink_to(SDK / "node_modules")
        command = [str(NODE), "example.mjs"]
    elif language == "python":
        command = [str(PYTHON), "-c", lines]
    else:
        command = ["bash", "-ec", lines]
        path = f"{TOOLS / 'node_modules' / '.bin'}:{path}"
    home = folder / "home"
    home.mkdir(exist_ok=True)
    return subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=folder, stdin=subprocess.DEVNULL,
                          env=environment(house, PATH=path, HOME=str(home), XDG_CONFIG_HOME="", XDG_DATA_HOME="",
                                          XDG_CACHE_HOME="", XDG_STATE_HOME=""))


def test_the_document_has_an_example_of_each_tool_that_is_served():
    listed = subprocess.run([e2e.ENTREPOT, "quickstart"], capture_output=True, text=True, cwd="/")
    assert listed.returncode == 2
    names = [name for name in listed.stderr.split(": ", 2)[2].strip().split(", ")
             if subprocess.run([e2e.ENTREPOT, "quickstart", name], capture_output=True, cwd="/").returncode == 0]
    assert [name for name, _, _ in EXAMPLES] == names


@pytest.mark.parametrize("name, language, lines", EXAMPLES, ids=[row[0] for row in EXAMPLES])
def test_an_example_is_what_quickstart_prints_and_works(house, tmp_path, name, language, lines):
    printed = subprocess.run([e2e.ENTREPOT, "quickstart", name, "--model", "aurora-large"], capture_output=True,
                             text=True, cwd="/")
    assert (printed.returncode, printed.stdout) == (0, lines)
    tool = name in ("opencode", "qwen-code", "claude-code", "codex", "gemini-cli")
    if tool and not (ALL and (TOOLS / "node_modules").exists()):
        pytest.skip("coding tools run with `make clients`")
    if language == "js" and not NODE.exists() or language == "python" and not PYTHON.exists():
        pytest.skip("its client is not installed")
    if name in KIN_EXAMPLES and not ALL:
        pytest.skip("kin of other examples run with `make clients`")
    before = float(house.credits()["total_usage"])
    done = example(house, tmp_path, language, lines)
    assert done.returncode == 0 and done.stdout.strip(), done.stdout + done.stderr
    assert float(house.credits()["total_usage"]) > before
    results.setdefault((f"example {name}", ""), []).append({"scenario": "example", "held": True})


SPOKEN = re.findall(r"```(python|js)\n(.*?)```\n", DOCUMENT.split("\n### Realtime\n")[1].split("\n## ")[0], re.S)


@pytest.mark.parametrize("language, lines", SPOKEN, ids=[row[0] for row in SPOKEN])
def test_an_example_of_realtime_works(secure, tmp_path, language, lines):
    if not (NODE if language == "js" else PYTHON).exists():
        pytest.skip("its client is not installed")
    before = float(secure_credits(secure)["total_usage"])
    done = example(secure, tmp_path, language, lines.replace("localhost:8443", f"localhost:{secure.public}"))
    assert done.returncode == 0 and done.stdout.strip() and not done.stderr, done.stdout + done.stderr
    assert float(secure_credits(secure)["total_usage"]) > before
    results.setdefault((f"example realtime ({language})", ""), []).append({"scenario": "example", "held": True})


# ---- coding tools: a task with a tool, to its end --------------------------------------------------


@pytest.fixture
def bench(house, tmp_path):
    """A folder with a file to be read, and upstreams that ask for it."""
    if not ALL:
        pytest.skip("coding tools run with `make clients`")
    if not (TOOLS / "node_modules").exists():
        pytest.skip("npm's coding tools are not installed")
    work = tmp_path / "work"
    work.mkdir()
    (work / "notes.txt").write_text("the answer is 4242\n")

    def script(call, arguments):
        steps = [{"call": call, "arguments": arguments(str(work / "notes.txt"))}, {"say": "I have read the notes."}]
        house.script.write_text(json.dumps(steps))
        for at in (0, 1):
            house.upstream(at, "--script", str(house.script))
        return work

    yield script
    house.script.write_text(json.dumps(SCRIPT))
    for at in (0, 1):
        house.upstream(at, "--script", str(house.script))


@pytest.mark.parametrize("name, package, call, arguments", [
    ("opencode", "opencode-ai", "read", lambda path: {"filePath": path}),
    ("qwen-code", "@qwen-code/qwen-code", "read_file", lambda path: {"file_path": path}),
    ("claude-code", "@anthropic-ai/claude-code", "Read", lambda path: {"file_path": path}),
    ("codex", "@openai/codex", "exec_command", lambda path: {"cmd": f"cat {path}"}),
    ("gemini-cli", "@google/gemini-cli", "read_file", lambda path: {"file_path": path}),
])
def test_a_coding_tool_does_a_task_with_a_tool(house, bench, name, package, call, arguments):
    work = bench(call, arguments)
    lines = next(lines for tool, _, lines in EXAMPLES if tool == name).replace('"Hello"', '"Read notes.txt."')
    begun = len(calls(house))
    done = example(house, work, "sh", lines)
    told = done.stdout + done.stderr
    assert done.returncode == 0 and "I have read the notes." in told, told
    new = calls(house)[begun:]
    assert len(new) >= 2 and all(line["outcome"] == "complete" for line in new), new
    results.setdefault((name, version(package, folder=TOOLS)), []).append({"scenario": "tools", "held": True})


def calls(house):
    """What the server's log says of the calls that it has served."""
    lines = [json.loads(line) for line in (house.folder / "server.log").read_text().splitlines() if line.startswith("{")]
    return [line for line in lines if line["event"] == "call"]


# ---- the table ----------------------------------------------------------------------------------


def test_the_table_of_results():
    names = sorted({line["scenario"] for lines in results.values() for line in lines},
                   key=lambda name: ["chat", "stream", "helper", "tools", "models"].index(name)
                   if name in ("chat", "stream", "helper", "tools", "models") else 9)
    rows = [["client", "version", *names]]
    for (name, number), lines in results.items():
        held = {line["scenario"]: "ok" if line["held"] else "FAILED" for line in lines}
        rows.append([name, number, *(held.get(scenario, "-") for scenario in names)])
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    table = "\n".join("  ".join(word.ljust(width) for word, width in zip(row, widths)).rstrip() for row in rows)
    (ROOT / "build" / "clients" / "table.txt").write_text(table + "\n")
