"""kill -9 at every named point of the program, under load, and again while it recovers: what the clients noted against
what the books say afterwards. Needs a build with the points (cmake --preset crash)."""

import json
import os
import pathlib
import random
import re
import signal
import socket
import sqlite3
import subprocess
import threading
import time
import uuid

import pytest

from conftest import House, ROOT, wait_for

BUILD = pathlib.Path(os.environ.get("EP_CRASH_BUILD", ROOT / "build" / "crash"))
PROGRAM = str(BUILD / "entrepot")
POINTS = sorted({name for file in (ROOT / "src").rglob("*.c")
                 for name in re.findall(r'EP_CRASH_POINT\("([a-z-]+)"\)', file.read_text())
                 if not name.startswith(("erase-", "expire-"))})  # tests/e2e/test_privacy.py
ROUNDS = int(os.environ.get("EP_CRASH_ROUNDS", "1"))  # at each point
AT_START = {"migration", "recovery-half"}  # points that the start itself meets
FIRST = (("-commit", 20), ("log-file-", 16), ("log-", 2))  # a start commits, and publishes, too
CHAT = "/v1/chat/completions"
STEP = 16  # tokens that are held at a time
NANO_A_TOKEN = 10000  # of the example's aurora-large

pytestmark = [pytest.mark.slow,
              pytest.mark.skipif(not os.access(PROGRAM, os.X_OK), reason="build/crash is not built: make check does")]


class Crashing(House):
    """A house that is run by the program with the points."""

    def __init__(self, folder):
        super().__init__(folder)
        self.conf.write_text(self.conf.read_text() + f"\nhold_first_tokens: {STEP}\n")

    def start(self, wish=None):
        log = open(self.folder / "server.log", "ab")
        environment = {**os.environ, "EP_CRASH": wish} if wish else None
        self.processes["server"] = subprocess.Popen([PROGRAM, "serve", "-c", str(self.conf)], stdout=log, stderr=log,
                                                    env=environment)

    def started(self):
        wait_for(self.ready, "readiness")

    def died(self, seconds):
        try:
            return self.processes["server"].wait(timeout=seconds) == -signal.SIGKILL
        except subprocess.TimeoutExpired:
            return False

    def rows(self, sql):
        base = sqlite3.connect(f"file:{self.folder}/var/entrepot.db?mode=ro", uri=True, timeout=20)
        try:
            return base.execute(sql).fetchall()
        finally:
            base.close()

    def receipts(self):
        clients = [json.loads(row[0]) for row in self.rows("SELECT client FROM receipt")]
        return {client["call"]: client for client in clients}

    def covered(self):
        """Output tokens that durable rows cover, by call: the first step, and what its extensions cost a token."""
        rows = self.rows("SELECT r.client, (SELECT coalesce(sum(x.amount), 0) FROM hold_ext x WHERE x.hold = h.id)"
                         " FROM receipt r JOIN hold h ON h.call = r.call")
        return {json.loads(client)["call"]: STEP + amount // NANO_A_TOKEN for client, amount in rows}

    def audit(self):
        audit = self.command("audit", check=False)
        assert audit.returncode == 0, audit.stdout + audit.stderr


class Buyer:
    """Calls without pause in its own manner, and notes what it saw."""

    def __init__(self, house, manner):
        self.house, self.manner = house, manner
        self.begun, self.complete, self.text_events = set(), set(), {}
        self.keyed = None  # the last call with a key: (key, body, id or None)
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.stop.is_set():
            try:
                self.one()
            except OSError:
                time.sleep(0.01)

    def one(self):
        stream = self.manner in ("stream", "leave", "retry")
        model = {"leave": "borealis-chat", "retry": "aurora-small"}.get(self.manner, "aurora-large")
        body = json.dumps({"model": model, "stream": stream, "max_tokens": 400,
                           "messages": [{"role": "user", "content": f"Tell me about {uuid.uuid4()}."}]}).encode()
        extra = b""
        if self.manner == "keyed":
            key = str(uuid.uuid4())
            self.keyed = (key, body, None)
            extra = b"Idempotency-Key: %s\r\n" % key.encode()
        with socket.create_connection(("127.0.0.1", self.house.public), timeout=10) as line:
            line.sendall(b"POST /v1/chat/completions HTTP/1.0\r\nHost: x\r\nAuthorization: Bearer %s\r\n%s"
                         b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n"
                         % (self.house.key.encode(), extra, len(body)) + body)
            self.listen(line, stream)

    def listen(self, line, stream):
        data, call = b"", None
        try:
            while got := line.recv(65536):
                data += got
                if call is None and b"\r\n\r\n" in data:
                    if b" 200 " not in data.split(b"\r\n")[0]:
                        return
                    call = re.search(rb"(?i)x-entrepot-call: (\S+)", data).group(1).decode()
                    self.begun.add(call)
                    self.keyed = self.keyed and (*self.keyed[:2], call)
                if self.manner == "leave" and data.count(b"data: ") > 5:
                    return
        finally:
            if call:
                self.text_events[call] = data.count(b'"content":')
                whole = b"data: [DONE]" in data if stream else data.rstrip().endswith(b"}")
                if whole and b'"error"' not in data:
                    self.complete.add(call)


MANNERS = ("stream", "stream", "whole", "keyed", "leave", "retry")


def check_key(house, buyer):
    """The last try with a key, again: the kept answer of a call that was sold, and never a second sale."""
    key, body, call = buyer.keyed
    status, headers, said = house.request(CHAT, body, headers={"Idempotency-Key": key})
    if call in buyer.complete:
        assert status == 200 and headers["x-entrepot-replayed"] == "true" and headers["x-entrepot-call"] == call
    else:
        assert status in (200, 409, 500, 502), said  # kept, lost with the server, or sold for the first time now
    sold = house.rows("SELECT count(*) FROM idem i JOIN settlement s ON s.hold = i.hold WHERE s.posted > 0"
                      " GROUP BY i.account, i.key HAVING count(*) > 1")
    assert sold == []


def check_notes(house, buyers):
    """The books hold whatever a client has seen."""
    receipts = house.receipts()
    covered = house.covered()
    for buyer in buyers:
        for call in buyer.begun:
            assert call in receipts, f"{call} was begun and has no receipt"
        for call in buyer.complete:
            assert receipts[call]["outcome"] == "complete", call
        for call in buyer.begun - buyer.complete:
            client = receipts[call]
            if buyer.manner == "stream":
                # Nothing leaves that no durable row covers: an event holds a token, now and then a part of one.
                assert buyer.text_events[call] <= covered[call] + 2, (call, buyer.text_events[call], covered[call])
            if client["billed_by"] == "recovered":
                # An event holds one token of these models, or a few; what was never sent is never billed.
                assert int(client["billed"].get("out", 0)) <= 4 * buyer.text_events[call] + 4, (call, client)
        if buyer.keyed:
            check_key(house, buyer)
    house.audit()


def load_until_it_dies(house, seconds):
    buyers = [Buyer(house, manner) for manner in MANNERS]
    died = house.died(seconds)
    for buyer in buyers:
        buyer.stop.set()
    died = died or house.died(10)  # a second after the last call the writer empties its journal
    house.stop_process("server", signal.SIGKILL)
    for buyer in buyers:
        buyer.thread.join(20)
    return buyers, died


def load_and_kill(house, seconds):
    buyers = [Buyer(house, manner) for manner in MANNERS]
    time.sleep(seconds)
    house.stop_process("server", signal.SIGKILL)
    for buyer in buyers:
        buyer.stop.set()
    for buyer in buyers:
        buyer.thread.join(20)
    return buyers


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    made = Crashing(tmp_path_factory.mktemp("crash") / "demo")
    made.upstream(0, "--words", "380", "--error-rate", "5")  # without a pace: its bytes are ahead of every row
    made.upstream(1, "--pace-ms", "6", "--words", "120")
    yield made
    made.stop()


@pytest.mark.parametrize("point", POINTS)
def test_a_crash_at_each_point_loses_nothing(house, point):
    dice = random.Random(point)
    met = 0
    house.stop_process("server", signal.SIGKILL)  # of a point before that failed
    for at in range(ROUNDS):
        if point == "migration":
            met += crash_in_migration(house, dice.randint(1, 5))
            continue
        if point in AT_START:
            house.start()
            house.started()
            buyers = load_and_kill(house, 0.8)
            house.start(f"{point}:{dice.randint(1, 2)}")
            met += house.died(10)
            house.stop_process("server", signal.SIGKILL)
            house.start()
            house.started()
            check_notes(house, buyers)
        else:
            first = next((times for part, times in FIRST if part in point), 1)
            house.start(f"{point}:{first if at == 0 else dice.randint(first + 1, first + 12)}")
            house.started()
            buyers, died = load_until_it_dies(house, 2.5)
            met += died
            house.audit()  # of what the crash left, open holds and all
            house.start()
            house.started()
            check_notes(house, buyers)
        assert float(house.credits()["held"]) == 0, "every hold that the crash left open has ended"
        assert house.stop_process("server") == 0
    assert met > 0, f"no round met the point {point}"


def crash_in_migration(house, count):
    """A new folder whose first start dies between two migrations, and goes on at the next."""
    other = house.folder.parent / f"migrating-{uuid.uuid4()}"
    made = subprocess.run([PROGRAM, "init", str(other)], env={**os.environ, "EP_CRASH": f"migration:{count}"},
                          capture_output=True)
    again = subprocess.run([PROGRAM, "audit", "-c", str(other / "entrepot.yaml")], capture_output=True, text=True)
    if made.returncode == 0:
        assert again.returncode == 0, again.stdout + again.stderr
    return made.returncode == -signal.SIGKILL
