"""`entrepot witness` as a process of its own, asked by logs whose trees, proofs and signatures are made here from the
specifications (RFC 6962, c2sp.org/signed-note, tlog-checkpoint, tlog-cosignature, tlog-witness)."""

import base64
import concurrent.futures
import hashlib
import http.client
import json
import os
import random
import resource
import shutil
import signal
import socket
import struct
import subprocess
import threading
import time

import pytest

from conftest import ENTREPOT, House, free_port, port_open, wait_for

pytest.importorskip("cryptography")
from cryptography.exceptions import InvalidSignature  # noqa: E402
from cryptography.hazmat.primitives import serialization  # noqa: E402
from cryptography.hazmat.primitives.asymmetric import ed25519  # noqa: E402

DASH = "\u2014"


def sha256(data):
    return hashlib.sha256(data).digest()


def b64(data):
    return base64.b64encode(data).decode()


def root_of(leaves):
    if not leaves:
        return sha256(b"")
    if len(leaves) == 1:
        return leaves[0]
    at = 1 << (len(leaves) - 1).bit_length() - 1
    return sha256(b"\1" + root_of(leaves[:at]) + root_of(leaves[at:]))


def proof_of(old, leaves, whole=True):
    """RFC 6962 section 2.1.2: SUBPROOF(old, leaves, whole)."""
    if old == len(leaves):
        return [] if whole else [root_of(leaves)]
    at = 1 << (len(leaves) - 1).bit_length() - 1
    if old <= at:
        return proof_of(old, leaves[:at], whole) + [root_of(leaves[at:])]
    return proof_of(old - at, leaves[at:], False) + [root_of(leaves[:at])]


class Log:
    def __init__(self, name, origin=None):
        self.name, self.origin = name, origin or name
        self.key = ed25519.Ed25519PrivateKey.generate()
        public = self.key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        self.id = sha256(name.encode() + b"\n\1" + public)[:4]
        self.vkey = f"{name}+{self.id.hex()}+{b64(bytes([1]) + public)}"
        self.leaves = [sha256(b"\0" + f"{name} {i}".encode()) for i in range(600)]

    def text(self, size, root=None, more=""):
        return f"{self.origin}\n{size}\n{b64(root or root_of(self.leaves[:size]))}\n{more}"

    def line(self, text):
        return f"{DASH} {self.name} {b64(self.id + self.key.sign(text.encode()))}\n"

    def ask(self, old, size, text=None, proof=None, line=None):
        text = text or self.text(size)
        proof = (proof_of(old, self.leaves[:size]) if 0 < old <= size else []) if proof is None else proof
        return f"old {old}\n" + "".join(b64(each) + "\n" for each in proof) + "\n" + text + "\n" + (line or self.line(text))


class Witness:
    name = "witness.example/w1"

    def __init__(self, folder, logs):
        self.folder, self.port, self.process = folder, free_port(), None
        done = subprocess.run([ENTREPOT, "witness", "init", str(folder), "--name", self.name], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        self.vkey = done.stdout.strip()
        assert (folder / "witness.vkey").read_text() == done.stdout
        self.watch(*logs)

    def watch(self, *logs):
        with open(self.folder / "logs", "a") as file:
            file.writelines(f"{log.vkey} {log.origin}\n" for log in logs)

    def start(self):
        self.process = subprocess.Popen([ENTREPOT, "witness", str(self.folder), "--listen", f"127.0.0.1:{self.port}"],
                                        stderr=open(self.folder / "log", "ab"))
        wait_for(lambda: port_open(self.port), "the witness's listener")
        return self

    def end(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        code = self.process.wait(timeout=20)
        assert number == signal.SIGKILL or code == 0, (self.folder / "log").read_text()

    def request(self, body, method="POST", path="/add-checkpoint"):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.request(method, path, None if body is None else body.encode())
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, answer.getheader("content-type"), text

    def ask(self, body):
        status, _, text = self.request(body)
        return status, text

    def size(self, log):
        """What it remembers: asked with an old size that it cannot have."""
        status, kind, text = self.request(log.ask(599, 600))
        assert (status, kind) == (409, "text/x.tlog.size") and text.endswith("\n")
        return int(text)

    def check(self, text, line):
        """The time of a cosignature that holds."""
        dash, name, blob = line.removesuffix("\n").split(" ")
        public = base64.b64decode(self.vkey.split("+", 2)[2])
        blob = base64.b64decode(blob)
        assert (dash, name, public[0]) == (DASH, self.name, 4)
        assert blob[:4] == sha256(self.name.encode() + b"\n" + public)[:4] == bytes.fromhex(self.vkey.split("+")[1])
        seconds, = struct.unpack(">Q", blob[4:12])
        ed25519.Ed25519PublicKey.from_public_bytes(public[1:]).verify(blob[12:], f"cosignature/v1\ntime {seconds}\n{text}".encode())
        return seconds


@pytest.fixture
def watched(tmp_path):
    log = Log("log.example/receipts")
    witness = Witness(tmp_path / "w", [log]).start()
    yield witness, log
    if witness.process.poll() is None:
        witness.end()


def test_every_status_of_the_specification(watched):
    witness, log = watched
    text = log.text(5)
    status, kind, line = witness.request(log.ask(0, 5))
    assert (status, kind) == (200, "text/plain; charset=utf-8")
    assert abs(witness.check(text, line) - time.time()) < 5
    with pytest.raises(InvalidSignature):
        witness.check(log.text(6), line)

    other, bad = Log("other.example"), b"\0" * 32
    forged = Log(log.name)
    forged.id = log.id
    for want, body in (
        (400, ""), (400, log.ask(5, 8)[:-1]), (400, log.ask(5, 8).replace("old 5", "old 05")),
        (400, log.ask(9, 8)), (400, log.ask(5, 8, proof=[bad] * 64)), (400, log.ask(5, 8).replace("\n", "\r\n")),
        (403, log.ask(5, 8, line=forged.line(log.text(8)))), (403, log.ask(5, 8, line=other.line(log.text(8)))),
        (403, log.ask(9, 8, line=log.line(log.text(7)))),  # who signs comes before the sizes
        (404, other.ask(0, 5)), (404, other.ask(9, 5)),
        (409, log.ask(0, 8)), (409, log.ask(4, 8)), (409, log.ask(6, 8, proof=[bad])),
        (422, log.ask(5, 8, proof=[])), (422, log.ask(5, 8, proof=[bad])), (422, log.ask(5, 8, text=log.text(8, bad))),
        (422, log.ask(5, 5, text=log.text(5, bad))), (422, log.ask(5, 5, proof=[bad])),
    ):
        status, kind, said = witness.request(body)
        assert status == want, (want, status, said, body)
        assert (kind, said) == ("text/x.tlog.size", "5\n") if want == 409 else kind == "text/plain; charset=utf-8" and said
    # The log has signed two roots of size 5, and the line that says so has the proof.
    wait_for(lambda: "witness_split" in (witness.folder / "log").read_text(), "the event")
    event = next(json.loads(line) for line in (witness.folder / "log").read_text().splitlines() if "witness_split" in line)
    split = log.text(5, bad)
    assert base64.b64decode(event["note"]).decode() == split + "\n" + log.line(split)

    status, said = witness.ask(log.ask(5, 5))  # again, for a fresh time
    assert status == 200 and witness.check(text, said)
    status, said = witness.ask(log.ask(5, 8, text=log.text(8, more="an extension\n")))
    assert status == 200 and witness.check(log.text(8, more="an extension\n"), said)

    # What monitors are shown: the log's signature, the witness's, and nobody else's.
    both = log.ask(8, 9) + other.line(log.text(9))
    line = witness.ask(both)[1]
    path = f"/{hashlib.sha256(log.origin.encode()).hexdigest()}/checkpoint"
    assert witness.request(None, "GET", path)[2] == log.text(9) + "\n" + log.line(log.text(9)) + line
    for want, method, path, body in ((404, "GET", path.upper(), None), (405, "GET", "/add-checkpoint", None),
                                     (404, "POST", "/", "x"), (200, "GET", "/healthz", None),
                                     (413, "POST", "/add-checkpoint", "x" * 70000)):
        assert witness.request(body, method, path)[0] == want


def test_the_empty_tree_and_a_log_of_two_keys(tmp_path):
    first, second = Log("key.example/1", "go.sum database tree"), Log("key.example/2", "go.sum database tree")
    second.leaves = first.leaves
    witness = Witness(tmp_path / "w", [first, second]).start()
    assert witness.ask(first.ask(0, 0, text=first.text(0, b"\1" * 32)))[0] == 422
    assert witness.ask(first.ask(0, 3, proof=[b"\1" * 32]))[0] == 422
    path = f"/{hashlib.sha256(first.origin.encode()).hexdigest()}/checkpoint"
    assert witness.request(None, "GET", path)[0] == 404  # watched, and nothing cosigned yet
    assert witness.ask(first.ask(0, 0))[0] == 200
    assert witness.ask(second.ask(0, 3))[0] == 200
    assert witness.ask(first.ask(3, 7) + second.line(first.text(6)))[0] == 403  # one good line, one bad
    assert witness.ask(first.ask(3, 7) + second.line(first.text(7)))[0] == 200
    witness.end()


def test_a_request_in_pieces_is_one_request(watched):
    witness, log = watched
    body = log.ask(0, 9).encode()
    head = f"POST /add-checkpoint HTTP/1.1\r\nhost: w\r\ncontent-length: {len(body)}\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", witness.port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in head + body:
            connection.sendall(bytes([byte]))
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
        # The connection is kept: a log asks once a second.
        connection.sendall(head + body)
        assert connection.recv(65536).startswith(b"HTTP/1.1 409 ")


def test_of_many_at_once_one_wins_and_nothing_goes_back(watched):
    witness, log = watched
    size = 0
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        for _ in range(8):
            sizes = [size + 1 + at for at in range(16)]
            random.shuffle(sizes)
            answers = list(pool.map(witness.ask, [log.ask(size, each) for each in sizes]))
            won = [each for each, (status, _) in zip(sizes, answers) if status == 200]
            assert len(won) == 1 and all(status in (200, 409) for status, _ in answers)
            assert {text for status, text in answers if status == 409} == {f"{won[0]}\n"}
            size = won[0]
            assert witness.size(log) == size


def test_killed_at_any_time_it_remembers_what_it_cosigned(tmp_path):
    logs = [Log(f"log{at}.example") for at in range(3)]
    witness = Witness(tmp_path / "w", logs).start()
    given = {log: 0 for log in logs}

    def submit(log, stop):
        while not stop.is_set():
            try:
                size = given[log] + random.randrange(1, 3)
                status, text = witness.ask(log.ask(given[log], size))
                given[log] = size if status == 200 else int(text)
            except (OSError, http.client.HTTPException):
                time.sleep(0.01)  # killed

    for _ in range(6):
        stop = threading.Event()
        threads = [threading.Thread(target=submit, args=(log, stop)) for log in logs]
        for thread in threads:
            thread.start()
        time.sleep(random.uniform(0.05, 0.2))
        witness.end(signal.SIGKILL)
        stop.set()
        for thread in threads:
            thread.join()
        witness.start()
        for log in logs:
            # What was given is remembered. A cosignature that was written and not given may be, too.
            assert given[log] <= witness.size(log) <= given[log] + 2
            given[log] = witness.size(log)
    assert all(size > 0 for size in given.values())
    witness.end()


def test_a_log_is_added_while_it_runs(watched):
    witness, log = watched
    later = Log("later.example")
    assert witness.ask(later.ask(0, 5))[0] == 404
    told = lambda: (witness.folder / "log").read_text().count('"event":"reload')  # noqa: E731
    stop = threading.Event()

    def submit():
        size = 0
        while not stop.is_set():
            size += 1
            assert witness.ask(log.ask(size - 1, size))[0] == 200

    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        busy = pool.submit(submit)
        for added in (f"{later.vkey}\n", f"{later.vkey}\n"):  # the second time it is there twice: what ran before goes on
            before = told()
            with open(witness.folder / "logs", "a") as file:
                file.write(added)
            witness.process.send_signal(signal.SIGHUP)
            wait_for(lambda: told() > before, "the reload")
            status, said = witness.ask(later.ask(599, 600))
            assert status == 409, said
        stop.set()
        busy.result()
    said = (witness.folder / "log").read_text()
    assert said.count('"event":"reloaded"') == 1 and "line 6: a line before has the same key" in said


def test_a_full_disk_stops_it_before_anything_is_given(watched):
    witness, log = watched
    witness.end()
    full = subprocess.Popen([ENTREPOT, "witness", str(witness.folder), "--listen", f"127.0.0.1:{witness.port}"],
                            stderr=subprocess.PIPE, text=True,
                            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)))
    wait_for(lambda: port_open(witness.port), "the witness's listener")
    size = 0
    while (answer := witness.ask(log.ask(size, size + 1)))[0] == 200:
        size += 1
    assert answer == (503, "the witness could not read or write what it remembers\n") and size > 1
    said = full.communicate(timeout=20)[1]
    assert full.returncode == 3 and "look at the disk, then start again" in said and '"store_failed"' in said
    witness.start()
    assert witness.size(log) == size


def test_what_has_lost_its_memory_does_not_start(watched):
    witness, log = watched
    assert witness.ask(log.ask(0, 20))[0] == 200
    second = subprocess.run([ENTREPOT, "witness", str(witness.folder), "--listen", f"127.0.0.1:{free_port()}"],
                            capture_output=True, text=True, timeout=20)
    assert second.returncode == 3 and "STORE_LOCKED" in second.stderr  # one process at a time
    kept = socket.create_connection(("127.0.0.1", witness.port))  # does not hold up the end
    witness.end()
    kept.close()

    # Back to an earlier tree, by every way there is.
    witness.start()
    assert witness.ask(log.ask(20, 10))[0] == 400
    assert witness.ask(log.ask(10, 10)) == (409, "20\n")
    assert witness.ask(log.ask(0, 10)) == (409, "20\n")
    witness.end()

    state = witness.folder / "state.db"
    os.rename(state, witness.folder / "lost.db")
    done = subprocess.run([ENTREPOT, "witness", str(witness.folder)], capture_output=True, text=True, timeout=20)
    assert done.returncode == 3 and "must begin anew, under another key" in done.stderr
    assert not state.exists()
    for words, code, said in ((["init", str(witness.folder), "--name", "w"], 3, "witness.key"),
                              (["init", str(witness.folder / "new"), "--name", "a b"], 2, "no name of a witness"),
                              (["init", str(witness.folder / "new")], 2, "--name"), ([], 2, "folder is missing"),
                              ([str(witness.folder), "--listen", "nowhere"], 2, "no address"),
                              ([str(witness.folder / "new")], 3, "entrepot witness init")):
        done = subprocess.run([ENTREPOT, "witness", *words], capture_output=True, text=True, timeout=20)
        assert (done.returncode, said in done.stderr) == (code, True), done.stderr


# ---- a server that sells, and its witnesses

class Own:
    """A server's log as a witness's list names it."""

    def __init__(self, house):
        self.vkey = house.command("log", "key").stdout.strip()
        self.origin = self.vkey.split("+")[0]


@pytest.fixture
def selling(tmp_path):
    house = House(tmp_path / "demo")
    house.upstream(0)
    witnesses = [Witness(tmp_path / f"w{at}", [Own(house)]).start() for at in range(3)]
    (house.folder / "policy").write_text("".join(
        f"witness w{at} {witness.vkey} http://127.0.0.1:{witness.port}\n" for at, witness in enumerate(witnesses)) +
        "group g 2 w0 w1 w2\nquorum g\n")
    house.conf.write_text(house.conf.read_text().replace("log:\n", "log:\n  witnesses: policy\n"))
    yield house, witnesses
    house.stop()
    for witness in witnesses:
        if witness.process.poll() is None:
            witness.end()


ASK = {"model": "aurora-large", "messages": [{"role": "user", "content": "Tell me about rivers."}], "max_tokens": 40}


def sell(house):
    status, headers, body = house.request("/v1/chat/completions", ASK)
    assert status == 200, body
    return headers["x-entrepot-call"]


def ready_says(house):
    status, _, text = house.request("/readyz", port=house.operator)
    return status, text.decode()


def proof(house, call):
    status, _, text = house.request(f"/v1/receipts/{call}.tlog-proof")
    return text.decode() if status == 200 else ""


def cosigned(house, witnesses, call):
    """Whether the call's proof has a cosignature of just these, each of which holds."""
    text = proof(house, call)
    if not text:
        return False
    note = text.split("\n\n", 1)[1]
    body, lines = note.split("\n\n")
    lines = lines.removesuffix("\n").split("\n")[1:]
    by_key = {base64.b64decode(line.split(" ")[2])[:4].hex(): line for line in lines}
    for witness in witnesses:
        line = by_key.pop(witness.vkey.split("+")[1], None)
        if line is None or not witness.check(body + "\n", line):
            return False
    return not by_key


def test_a_server_reaches_its_quorum_and_does_without(selling):
    house, witnesses = selling
    house.start()
    call = sell(house)
    wait_for(lambda: cosigned(house, witnesses, call), "three cosignatures")
    assert "has its quorum of witnesses" in ready_says(house)[1]
    shown = house.request("/log/checkpoint")[2].decode()
    path = f"/{hashlib.sha256(shown.split(chr(10))[0].encode()).hexdigest()}/checkpoint"
    for witness in witnesses:
        wait_for(lambda: witness.request(None, "GET", path)[2].split("\n\n")[0] == shown.split("\n\n")[0], "the same tree")
    done = house.command("log", "verify", f"http://127.0.0.1:{house.public}/log", "--policy", str(house.folder / "policy"),
                         "--key", Own(house).vkey, check=False)
    assert done.returncode == 0, done.stdout + done.stderr

    witnesses[1].end(signal.SIGKILL)  # two of three are still a quorum
    call = sell(house)
    wait_for(lambda: cosigned(house, [witnesses[0], witnesses[2]], call), "two cosignatures")
    assert "has its quorum of witnesses" in ready_says(house)[1]
    witnesses[2].end()  # one is not, and the sale goes on
    call = sell(house)
    wait_for(lambda: cosigned(house, witnesses[:1], call), "one cosignature")
    assert "has no quorum of witnesses" in ready_says(house)[1]
    for witness in witnesses[1:]:
        witness.start()  # and goes on from what it remembers

    def all_are_back():
        call = sell(house)
        time.sleep(0.5)
        return cosigned(house, witnesses, call)

    wait_for(all_are_back, "three cosignatures again")
    assert "has its quorum of witnesses" in ready_says(house)[1]


def test_witnesses_know_more_than_an_old_copy_which_then_signs_nothing(selling):
    house, witnesses = selling
    house.start()
    call = sell(house)
    wait_for(lambda: cosigned(house, witnesses, call), "three cosignatures")
    house.command("backup", str(house.folder / "old.backup"))
    call = sell(house)
    wait_for(lambda: cosigned(house, witnesses, call), "three cosignatures")
    assert house.stop_process("server") == 0
    size = int((house.folder / "var" / "log" / "checkpoint").read_text().split("\n")[1])
    witnesses[2].end(signal.SIGKILL)

    # A machine of its own, on which nothing says how long the log has been: only the witnesses do.
    for name in ("entrepot.db", "entrepot.db-wal", "entrepot.db-shm", "log.size"):
        (house.folder / "var" / name).unlink(missing_ok=True)
    shutil.rmtree(house.folder / "var" / "log")
    shutil.copy(house.folder / "old.backup", house.folder / "var" / "entrepot.db")
    log = open(house.folder / "server.log", "ab")
    house.processes["server"] = subprocess.Popen([ENTREPOT, "serve", "-c", str(house.conf)], stdout=log, stderr=log)
    wait_for(lambda: port_open(house.operator) and ready_says(house)[0] == 503 and "--accept-loss" in ready_says(house)[1],
             "the stop")
    assert house.request("/v1/chat/completions", ASK)[0] == 503
    for witness in witnesses[:2]:  # nothing else was signed, and so nothing was cosigned
        path = f"/{hashlib.sha256(Own(house).origin.encode()).hexdigest()}/checkpoint"
        assert witness.request(None, "GET", path)[2].split("\n")[1] == str(size)
        assert "witness_split" not in (witness.folder / "log").read_text()
