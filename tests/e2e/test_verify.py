"""What others can check with the log's public key alone: `receipt verify`, `log key`, `log verify`, `log follow`, against a real
server, and against logs whose operator cheats or whose web server misbehaves."""

import base64
import contextlib
import hashlib
import http.server
import json
import os
import pathlib
import shutil
import signal
import ssl
import subprocess
import sys
import threading
import time

import pytest

from conftest import ENTREPOT, ROOT, House, wait_for

pytest.importorskip("cryptography")
sys.path.append(str(ROOT / "tests" / "proof"))
import made  # noqa: E402

ASK = {"model": "aurora-large", "messages": [{"role": "user", "content": "Tell me about rivers."}], "max_tokens": 20}


def run(*words, **options):
    """Anywhere but in a working folder: whoever checks has none."""
    return subprocess.run([ENTREPOT, *map(str, words)], capture_output=True, cwd="/", text=True, timeout=60, **options)


def outcomes(done):
    return {row["test"]: row["result"] for row in json.loads(done.stdout)["tests"]}


class Sold:
    """A server that has sold three calls, its key, and the receipts."""

    def __init__(self, house):
        self.house = house
        self.log = f"http://127.0.0.1:{house.public}/log"
        self.folder = house.folder / "var" / "log"
        self.key = house.command("log", "key").stdout.strip()
        self.receipts = house.folder / "receipts"
        self.receipts.mkdir()
        for _ in range(3):
            self.sell()

    def sell(self):
        status, headers, body = self.house.request("/v1/chat/completions", ASK)
        assert status == 200, body
        call = headers["x-entrepot-call"]
        wait_for(lambda: self.receipt(call)["proof"], "a proof", 5)
        file = self.receipts / f"{call}.json"
        file.write_text(json.dumps(self.receipt(call)))
        return file

    def receipt(self, call):
        return json.loads(self.house.request(f"/v1/receipts/{call}")[2])

    def entries(self):
        found = []
        for file in sorted(self.folder.glob("tile/entries/*.p/*")):
            rest = file.read_bytes()
            one = []
            while rest:
                size = int.from_bytes(rest[:2], "big")
                one.append(rest[2:2 + size])
                rest = rest[2 + size:]
            found = max(found, one, key=len)
        return found

    def cheat(self, entries, folder):
        """The log that its operator, who has its key, publishes in the place of the true one."""
        seed = base64.b64decode((self.house.folder / "keys" / "log.key").read_text())
        name = self.key.split("+")[0]
        folder.mkdir(parents=True)
        return made.Log(made.Key(seed, name), entries).write(folder)


@pytest.fixture(scope="module")
def sold(tmp_path_factory):
    house = House(tmp_path_factory.mktemp("verify") / "shop")
    house.upstream(0)
    house.upstream(1)
    house.start()
    yield Sold(house)
    house.stop()


@pytest.fixture
def receipt(sold):
    return next(iter(sorted(sold.receipts.glob("*.json"))))


# ---- receipts

def test_a_receipt_holds_offline(sold, receipt, tmp_path):
    done = run("receipt", "verify", receipt, "--key", sold.key, "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["ok"] and said["shown"] == ["client", "evidence"] and not said["late"]
    assert outcomes(done) == {"form": "holds", "client section": "holds", "evidence section": "holds", "operator section": "not shown",
                              "one call": "holds", "promise": "holds", "inclusion": "holds", "checkpoint": "holds",
                              "witnesses": "not shown"}
    text = run("receipt", "verify", receipt, "--key", sold.key).stdout
    assert "the receipt holds\n" in text and "operator section  not shown" in text
    key = tmp_path / "log.vkey"
    key.write_text(sold.key + "\n")
    assert run("receipt", "verify", "-", "--key", key, input=receipt.read_text()).returncode == 0
    policy = tmp_path / "policy"
    policy.write_text(f"log {sold.key}\nquorum none\n")
    assert run("receipt", "verify", receipt, "--policy", policy).returncode == 0
    # The operator, in his folder, needs no key; and he shows an auditor all three sections.
    call = receipt.stem
    (tmp_path / "all.json").write_text(sold.house.command("receipt", "show", call, "--json").stdout)
    done = sold.house.command("receipt", "verify", str(tmp_path / "all.json"), "--json")
    assert json.loads(done.stdout)["shown"] == ["client", "evidence", "operator"]


def test_a_proof_alone_holds(sold, receipt, tmp_path):
    status, _, body = sold.house.request(f"/v1/receipts/{receipt.stem}.tlog-proof")
    assert status == 200
    file = tmp_path / "one.tlog-proof"
    file.write_bytes(body)
    done = run("receipt", "verify", file, "--key", sold.key, "--json")
    assert done.returncode == 0, done.stdout
    assert outcomes(done)["inclusion"] == "holds" and outcomes(done)["client section"] == "not shown"
    document = json.loads(receipt.read_text())
    document["proof"] = None
    bare = tmp_path / "bare.json"
    bare.write_text(json.dumps(document))
    done = run("receipt", "verify", bare, "--key", sold.key, "--json")
    assert done.returncode == 0 and outcomes(done)["inclusion"] == "not shown"  # the promise holds
    done = run("receipt", "verify", bare, "--proof", file, "--key", sold.key, "--json")
    assert done.returncode == 0 and outcomes(done)["inclusion"] == "holds"


@pytest.mark.parametrize(("change", "test"), [
    (lambda it: it["client"].update(amount="1"), "client section"),
    (lambda it: it["evidence"].update(place="CN"), "evidence section"),
    (lambda it: it["salts"].update(client=it["salts"]["evidence"]), "client section"),
    (lambda it: it["salts"].pop("client"), "client section"),
    (lambda it: it.update(leaf=it["leaf"] - 1), "promise"),
    (lambda it: it.update(proof=it["proof"].replace("index ", "index 1")), "inclusion"),
    (lambda it: it.update(proof=it["proof"].replace("\n\n\u2014", "\n\n\u2013")), "checkpoint"),
    (lambda it: it.update(entry={"kind": "receipt"}), "form"),
    (lambda it: it.pop("entry"), "form"),
])
def test_a_changed_receipt_is_named(sold, receipt, tmp_path, change, test):
    document = json.loads(receipt.read_text())
    change(document)
    file = tmp_path / "changed.json"
    file.write_text(json.dumps(document))
    done = run("receipt", "verify", file, "--key", sold.key, "--json")
    assert done.returncode == 1
    assert outcomes(done)[test] == "fails", done.stdout
    assert "does NOT hold" in run("receipt", "verify", file, "--key", sold.key).stdout


def test_whose_word_it_is_is_never_the_receipts(sold, receipt, tmp_path):
    done = run("receipt", "verify", receipt)
    assert done.returncode == 2 and sold.key in done.stderr and "nobody vouches" in done.stderr
    rival = made.Key(bytes(32), sold.key.split("+")[0])  # of the same name
    done = run("receipt", "verify", receipt, "--key", rival.vkey, "--json")
    assert done.returncode == 1 and outcomes(done)["checkpoint"] == "fails"
    for words, code in (
            (("receipt", "verify"), 2),
            (("receipt", "verify", receipt, "--key", "rubbish"), 2),
            (("receipt", "verify", receipt, "--key", sold.key[:-4] + "AAAA"), 2),
            (("receipt", "verify", tmp_path / "none", "--key", sold.key), 2),
            (("receipt", "verify", tmp_path, "--key", sold.key), 3),
            (("receipt", "verify", receipt, "--policy", receipt), 2),
            (("receipt", "verify", receipt, "--quickly"), 2)):
        done = run(*words)
        assert done.returncode == code and done.stderr.startswith("entrepot: "), (words, done.stderr)
    witness = made.Key(bytes(range(32)), "w.example", algorithm=4)
    policy = tmp_path / "policy"
    policy.write_text(f"log {sold.key}\nwitness w {witness.vkey}\nquorum w\n")
    done = run("receipt", "verify", receipt, "--policy", policy, "--json")
    assert done.returncode == 1 and outcomes(done)["witnesses"] == "fails"
    policy.write_text(f"log {rival.vkey}\nquorum none\n")
    done = run("receipt", "verify", receipt, "--policy", policy, "--key", sold.key)
    assert done.returncode == 2 and "does not name the log" in done.stderr
    (tmp_path / "proof").write_text("c2sp.org/tlog-proof@v1\n" + "A" * 200000)
    done = run("receipt", "verify", receipt, "--proof", tmp_path / "proof", "--key", sold.key)
    assert done.returncode == 1 and "is no proof" in done.stderr
    large = tmp_path / "large.json"
    large.write_text(" " * 300000)
    assert run("receipt", "verify", large, "--key", sold.key).returncode == 1


def test_the_key_is_shown_by_its_operator(sold, tmp_path):
    said = json.loads(sold.house.command("log", "key", "--json").stdout)
    assert said == {"origin": "entrepot.example/receipts", "key": sold.key}
    name, number, key = sold.key.split("+", 2)
    assert number == hashlib.sha256(name.encode() + b"\n" + base64.b64decode(key)).hexdigest()[:8]
    done = run("log", "key")
    assert done.returncode == 2 and "configuration is missing" in done.stderr


# ---- a whole log

def test_the_whole_log_holds_by_address_and_by_folder(sold):
    for where in (sold.log, sold.log + "/", sold.folder):
        done = run("log", "verify", where, "--key", sold.key, "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        said = json.loads(done.stdout)
        assert said["ok"] and said["entries"]["receipt"] >= 3 and said["size"] == sum(said["entries"].values())
    assert "holds" in run("log", "verify", sold.log, "--key", sold.key).stdout


def faults(done):
    assert done.returncode == 1, done.stdout + done.stderr
    return {fault["path"] for fault in json.loads(done.stdout)["faults"]}


def test_a_flipped_bit_names_its_file(sold, tmp_path):
    """Each byte: tests/unit/app/test_log_verify.c."""
    copy = tmp_path / "log"
    sold.cheat(sold.entries(), copy)
    for file in sorted(path for path in copy.rglob("*") if path.is_file()):
        kept = file.read_bytes()
        for at in range(0, len(kept), max(1, len(kept) // 8)):
            file.write_bytes(kept[:at] + bytes([kept[at] ^ 1 << at % 8]) + kept[at + 1:])
            named = faults(run("log", "verify", copy, "--key", sold.key, "--json"))
            assert str(file.relative_to(copy)) in named and named <= {str(file.relative_to(copy)), "checkpoint"}, (file, at)
        file.write_bytes(kept[:-1])
        assert str(file.relative_to(copy)) in faults(run("log", "verify", copy, "--key", sold.key, "--json"))
        file.write_bytes(kept)
    assert run("log", "verify", copy, "--key", sold.key).returncode == 0


def test_a_changed_past_is_found_from_outside(sold, receipt, tmp_path):
    """Edited, deleted and exchanged rows. Published under the old checkpoint, the log fails by itself; signed anew by its own
    operator it is consistent, and contradicts what was seen of it and the receipts that were given."""
    true = sold.entries()
    leaf = json.loads(receipt.read_text())["leaf"]
    checkpoint = (sold.folder / "checkpoint").read_bytes()
    other = json.dumps({**json.loads(true[leaf]), "client": "0" * 64}, separators=(",", ":"), sort_keys=True).encode()
    pasts = {
        "edited": [*true[:leaf], other, *true[leaf + 1:]],
        "deleted": [*true[:leaf], *true[leaf + 1:], other],
        "exchanged": [*true[:leaf], true[leaf + 1], true[leaf], *true[leaf + 2:]],
    }
    state = tmp_path / "seen"
    assert run("log", "follow", sold.log, "--state", state, "--once", "--key", sold.key).returncode == 0
    own = tmp_path / "receipts"
    own.mkdir()
    shutil.copy(receipt, own)
    for name, past in pasts.items():
        folder = sold.cheat(past, tmp_path / name)
        signed = (folder / "checkpoint").read_bytes()
        (folder / "checkpoint").write_bytes(checkpoint)
        assert "checkpoint" in faults(run("log", "verify", folder, "--key", sold.key, "--json")), name
        (folder / "checkpoint").write_bytes(signed)
        assert run("log", "verify", folder, "--key", sold.key).returncode == 0
        done = run("log", "follow", folder, "--state", state, "--once", "--key", sold.key, "--json")
        assert done.returncode == 1, done.stdout
        told = [json.loads(line) for line in done.stdout.splitlines()]
        assert [line["kind"] for line in told if line["fault"]] == ["forked"]
        evidence = json.loads(pathlib.Path(f"{state}.evidence").read_text())
        assert evidence["shown"].encode() == signed and evidence["other"] == state.read_text()
        # Whoever never looked before has his receipt.
        done = run("log", "follow", folder, "--state", tmp_path / f"{name}.seen", "--receipts", own, "--once", "--key", sold.key)
        assert done.returncode == 1 and "FAULT broken" in done.stdout and "FAULT split" in done.stdout
    assert run("log", "follow", sold.log, "--state", state, "--once", "--key", sold.key).returncode == 0


# ---- a log as it grows

def test_a_log_is_followed(sold, tmp_path):
    state = tmp_path / "seen"
    words = ("log", "follow", sold.log, "--state", state, "--key", sold.key, "--receipts", sold.receipts)
    done = run(*words, "--once")
    assert done.returncode == 0 and "begun" in done.stdout, done.stdout + done.stderr
    follower = subprocess.Popen([ENTREPOT, *map(str, words), "--every", "1", "--json"], stdout=subprocess.PIPE, text=True)
    try:
        first = json.loads(follower.stdout.readline())
        assert first["kind"] == "same" and not first["fault"]
        sold.sell()
        kinds = []
        while "grew" not in kinds:
            kinds.append(json.loads(follower.stdout.readline())["kind"])
        assert state.read_bytes().startswith(b"entrepot.example/receipts\n")
    finally:
        follower.send_signal(signal.SIGTERM)
        follower.wait(timeout=10)
    done = run(*words, "--once")
    count = len(list(sold.receipts.glob("*.json")))
    assert done.returncode == 0 and f"receipts: {count} are in the log" in done.stdout, done.stdout
    # A folder that was put back to an older day.
    old = sold.cheat(sold.entries()[:5], tmp_path / "old")
    done = run("log", "follow", old, "--state", state, "--once", "--key", sold.key)
    assert done.returncode == 1 and "FAULT older" in done.stdout


def test_follow_is_asked_rightly(sold, tmp_path):
    state = tmp_path / "seen"
    state.write_text("rubbish\n")
    for words, code, what in (
            ((sold.log,), 2, "--state FILE"),
            ((), 2, "address or folder"),
            ((sold.log, "--state", tmp_path / "s", "--every", "0"), 2, "--every takes"),
            ((sold.log, "--state", tmp_path / "s", "--every", "soon"), 2, "--every takes"),
            ((sold.log, "--state", state), 2, "holds no checkpoint"),
            ((tmp_path / "nowhere", "--state", tmp_path / "s"), 2, "nowhere"),
            ((sold.log, "--state", tmp_path / "s", "--receipts", tmp_path / "none"), 3, "none")):
        done = run("log", "follow", *words, "--once", "--key", sold.key)
        assert done.returncode == code and what in done.stderr, (words, done.returncode, done.stderr)


# ---- over a web server that is not ours

class Files:
    """Serves a folder; `odd` has functions of the handler for paths that are to be answered otherwise."""

    def __init__(self, folder):
        self.odd, self.folder = {}, folder
        files = self

        class Handler(http.server.SimpleHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def __init__(self, *args):
                super().__init__(*args, directory=str(folder))

            def do_GET(self):
                odd = files.odd.get(self.path)
                with contextlib.suppress(OSError):
                    odd(self) if odd else super().do_GET()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.base = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


def answer(status, body=b"", **headers):
    def odd(handler):
        handler.send_response(status)
        for name, value in {"content-length": str(len(body)), **headers}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)
    return odd


def cut(handler):
    handler.send_response(200)
    handler.send_header("content-length", "1000")
    handler.end_headers()
    handler.wfile.write(b"x")
    handler.close_connection = True


def no_http(handler):
    handler.wfile.write(b"220 mail.example ready\r\n")
    handler.close_connection = True


def once(odd):
    """The first time; the file itself from then on."""
    seen = []

    def first(handler):
        if seen:
            http.server.SimpleHTTPRequestHandler.do_GET(handler)
        else:
            seen.append(1)
            odd(handler)
    return first


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory):
    key = made.Key(bytes(range(32)), "elsewhere.example/log")
    entries = [made.canonical({"event": f"e{at}", "kind": "event", "version": "1"}) for at in range(600)]
    folder = tmp_path_factory.mktemp("elsewhere")
    made.Log(key, entries).write(folder)
    files = Files(folder)
    yield files, key
    files.stop()


TILE = "/tile/0/001"


@pytest.mark.parametrize(("odd", "code", "what"), [
    ({}, 0, ""),
    ({TILE: once(answer(503))}, 0, ""),
    ({TILE: once(answer(429))}, 0, ""),
    ({TILE: once(cut)}, 0, ""),
    ({TILE: answer(404)}, 1, "it is not there"),
    ({TILE: answer(410)}, 1, "it is not there"),
    ({TILE: answer(403)}, 1, "answers 403"),
    ({TILE: answer(301, location="http://other.example/")}, 1, "points to \\\"http://other.example/"),
    ({TILE: answer(200, b"x" * 8192, content_encoding="gzip")}, 1, "comes packed"),
    ({TILE: answer(200, b"x" * 8193)}, 1, "more than 8192 bytes"),
    ({TILE: answer(200, b"x" * 8191)}, 1, "8191 bytes, not 8192"),
    ({TILE: answer(200)}, 1, "0 bytes, not 8192"),
    ({"/tile/entries/002.p/88": answer(404)}, 1, "it is not there"),
    ({"/checkpoint": answer(404)}, 1, "no log"),
    ({"/checkpoint": answer(200, b"x" * 70000)}, 1, "more than 65536 bytes"),
    ({"/checkpoint": answer(200, b"<html>")}, 1, "checkpoint"),
])
def test_web_servers_that_misbehave_are_named(elsewhere, odd, code, what):
    files, key = elsewhere
    files.odd = odd
    done = run("log", "verify", files.base, "--key", key.vkey, "--json")
    assert done.returncode == code and what in done.stdout, done.stdout + done.stderr
    assert code == 0 or all(path.lstrip("/") in done.stdout for path in odd)


def test_a_way_that_is_cut_is_no_verdict(elsewhere):
    """Each is tried four times, within three seconds: all of them at once."""
    files, key = elsewhere
    servers = {"no_http": Files(files.folder), "500": Files(files.folder)}
    servers["no_http"].odd = {TILE: no_http}
    servers["500"].odd = {TILE: answer(500)}
    ways = [(servers["no_http"].base, 3, "HTTP"), (servers["500"].base, 3, "answers 500"), ("http://127.0.0.1:1/log", 3, "checkpoint"),
            ("http://", 2, "address"), ("http://" + "a" * 3000, 2, "address"), ("/nonexistent", 2, "folder"), ("", 2, "missing")]
    asked = [subprocess.Popen([ENTREPOT, "log", "verify", base, "--key", key.vkey], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True) for base, _, _ in ways]
    for (base, code, what), process in zip(ways, asked):
        out, errors = process.communicate(timeout=30)
        assert process.returncode == code and what in errors and out == "", (base, process.returncode, out, errors)
        assert errors.startswith("entrepot: ")
    for server in servers.values():
        server.stop()


def test_a_log_behind_tls_is_read_if_the_server_is_who_it_says(elsewhere, tmp_path):
    files, key = elsewhere
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ed25519", "-nodes", "-days", "2", "-subj", "/CN=log", "-keyout", tmp_path / "key",
                    "-out", tmp_path / "cert", "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
    secure = Files(files.folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert", tmp_path / "key")
    secure.server.socket = context.wrap_socket(secure.server.socket, server_side=True)
    where = secure.base.replace("http:", "https:")
    trusting = {**os.environ, "SSL_CERT_FILE": str(tmp_path / "cert")}
    try:
        assert run("log", "verify", where, "--key", key.vkey, env=trusting).returncode == 0
        done = run("log", "verify", where, "--key", key.vkey)
        assert done.returncode == 3 and "UPSTREAM_TLS" in done.stderr, done.stdout + done.stderr
    finally:
        secure.stop()


def test_a_witness_is_asked_what_it_was_shown(tmp_path):
    """Over HTTP, at the address that the policy names; the cases: tests/unit/app/test_log_follow.c."""
    key = made.Key(bytes(range(32)), "split.example/log")
    witness = made.Key(bytes(range(32, 64)), "w.example", algorithm=4)
    entries = [made.canonical({"event": f"e{at}", "kind": "event", "version": "1"}) for at in range(6)]
    shown = tmp_path / "served"
    shown.mkdir()
    made.Log(key, entries, [witness]).write(shown)
    asked = shown / "w" / hashlib.sha256(key.name.encode()).hexdigest()
    asked.mkdir(parents=True)
    files = Files(shown)
    try:
        policy = tmp_path / "policy"
        policy.write_text(f"log {key.vkey}\nwitness w {witness.vkey} {files.base}/w\nquorum w\n")
        words = ("log", "follow", files.base, "--state", tmp_path / "seen", "--policy", policy, "--once")
        (asked / "checkpoint").write_text(made.Log(key, entries[:4], [witness]).checkpoint)
        done = run(*words)
        assert done.returncode == 0 and "begun" in done.stdout and "note" not in done.stdout, done.stdout
        split = made.Log(key, [*entries[:3], b"another"], [witness])
        (asked / "checkpoint").write_text(split.checkpoint)
        done = run(*words)
        assert done.returncode == 1 and "FAULT split" in done.stdout, done.stdout
        evidence = json.loads((tmp_path / "seen.evidence").read_text())
        assert evidence["other"] == split.checkpoint
    finally:
        files.stop()


def test_a_promise_that_was_not_kept_is_told(tmp_path):
    key, call = made.Key(bytes(range(32)), "late.example/log"), "call_0aaaaaaaaaaaaaaaaaaaaaaaaa"
    log = tmp_path / "log"
    log.mkdir()
    made.Log(key, [made.canonical({"event": "start", "kind": "event", "version": "1"})]).write(log)
    document = made.receipt(key, None, 1, call)
    entry = made.canonical(document["entry"])
    own = tmp_path / "receipts"
    own.mkdir()
    words = ("log", "follow", log, "--state", tmp_path / "seen", "--receipts", own, "--once", "--key", key.vkey)
    for by, code, told in ((1000, 1, "FAULT broken: \"one.json\": leaf 1 was promised by 1970-01-01T00:16:40.000Z, the log has 1 entries"),
                           (int(time.time()) + 5, 0, "receipts: 0 are in the log, 1 are not due yet")):
        document["promise"] = made.promise(key, 1, entry, by)
        (own / "one.json").write_text(json.dumps(document))
        done = run(*words)
        assert done.returncode == code and told in done.stdout, done.stdout + done.stderr
        done = run("receipt", "verify", own / "one.json", "--key", key.vkey, "--json")
        assert done.returncode == 0 and json.loads(done.stdout)["late"] == (code == 1)


def memory(log, key):
    """The most that verifying takes, in KiB."""
    process = subprocess.Popen([ENTREPOT, "log", "verify", str(log), "--key", key.vkey], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return usage.ru_maxrss


def test_a_large_log_is_verified_quickly_and_in_little_memory(tmp_path):
    """Forty thousand receipts, 13 MB, take no more memory than a thousand: nor would forty million."""
    key = made.Key(bytes(range(32)), "large.example/log")
    line = made.canonical(made.entry(made.sections("c"), made.salts("c")))
    small, large = tmp_path / "small", tmp_path / "large"
    for folder, size in ((small, 1000), (large, 40000)):
        folder.mkdir()
        made.Log(key, [line] * size).write(folder)
    begun = time.monotonic()
    assert memory(large, key) < memory(small, key) + 4096
    assert time.monotonic() - begun < 20
