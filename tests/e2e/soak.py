"""The mixed-outcome soak: a real server on one thread, and for MINUTES calls of every outcome at once. Upstreams do all that
rogue.py can, one of the good ones fails now and then, clients leave, stall, repeat themselves and talk nonsense, and the
configuration is read again under load. What must hold: memory flat, nothing left over (hold, call, connection, file), the
books sound while it runs and after it. EP_BUILD names the programs (build/release)."""

import argparse
import collections
import http.client
import json
import multiprocessing
import pathlib
import queue
import random
import re
import socket
import sys
import tempfile
import threading
import time

import rogue
from conftest import wait_for
from test_bad_upstream import BEGUN, CASES, CHAT, Zoo

WORKERS, THREADS = 2, 10
SAMPLE_S, RELOAD_S, OUTAGE_S = 2, 20, 30
# Until the store's cache of pages (64 MiB) is full, and each thread has done each kind of its work: memory grows until
# then, and may.
WARM_CALLS, WARM_PART = 40000, 0.25
GROWTH_KIB, GROWTH = 2048, 0.01  # of private memory, from the first half of what follows to the second
FAILED = {502, 503, 504}
FILES_SPARE = 40  # connections to upstreams and from clients that may be kept, and files of the store


# ---- clients, in processes of their own ------------------------------------------------------


class Client:
    """One thread's calls, one after the other, each of another manner."""

    def __init__(self, public, key, models, seed):
        self.public, self.key, self.models, self.random = public, key, models, random.Random(seed)
        self.line, self.seen = None, collections.Counter()

    def body(self, model, stream, **more):
        return json.dumps({"model": model, "stream": stream, "max_tokens": 50,
                           "messages": [{"role": "user", "content": "Tell me about rivers."}], **more}).encode()

    def request(self, body, key=None, headers=()):
        """Over a kept connection, as clients do."""
        for fresh in (False, True):
            if self.line is None or fresh:
                self.line = http.client.HTTPConnection("127.0.0.1", self.public, timeout=30)
            try:
                self.line.request("POST", CHAT, body, {"Authorization": f"Bearer {key or self.key}",
                                                       "Content-Type": "application/json", **dict(headers)})
                answer = self.line.getresponse()
                return answer.status, answer.headers, answer.read()
            except (OSError, http.client.HTTPException):
                self.line.close()
                if fresh:
                    raise

    def raw(self, body, length=None):
        line = socket.socket()
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        line.settimeout(30)
        line.connect(("127.0.0.1", self.public))
        line.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: application/json"
                     b"\r\nContent-Length: %d\r\n\r\n" % (self.key.encode(), length or len(body)) + body)
        return line

    def check(self, name, status, wanted, body=b""):
        self.seen[f"{name} {status}"] += 1
        assert status in wanted, (name, status, body[:300])

    def model(self, names, alone):
        name, stream = self.random.choice([run for run in self.models if run[0] in names])
        return Zoo.names(name, stream)[alone], stream

    def well(self):
        model, stream = self.model({"good", "good_chunked", "quick", "tls_good"}, self.random.random() < 0.5)
        status, _, body = self.request(self.body(model, stream))
        self.check("well", status, {200}, body)
        assert body.count(b" word") == rogue.WORDS, body

    def fails_over(self):
        """While the second route is out, both fail."""
        model, stream = self.model(CASES, 0)
        status, _, body = self.request(self.body(model, stream))
        self.check("fails_over", status, {200} | FAILED, body)
        assert status != 200 or body.count(b" word") == rogue.WORDS, body

    def fails(self):
        model, stream = self.model(CASES, 1)
        status, _, body = self.request(self.body(model, stream))
        self.check("fails", status, FAILED, body)
        assert json.loads(body)["error"]["entrepot"]["call"], body

    def breaks_off(self):
        model, stream = self.model(BEGUN, self.random.random() < 0.5)
        status, _, body = self.request(self.body(model, stream))
        self.check("breaks_off", status, {200} | FAILED, body)

    def leaves(self):
        """Before the first byte, or in the middle."""
        model, stream = self.model({"begun_silent", "begun_drip", "good_slow", "never"}, 1)
        with self.raw(self.body(model, stream)) as line:
            line.settimeout(self.random.choice([0.01, 0.3]))
            try:
                line.recv(self.random.choice([1, 65536]))
            except OSError:
                pass
            if self.random.random() < 0.5:
                line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.seen["leaves"] += 1

    def stalls(self):
        """Half a request, or an answer that is read byte by byte for a while."""
        if self.random.random() < 0.5:
            body = self.body("aurora-small", False)
            self.raw(body[:20], len(body)).close()
        else:
            with self.raw(self.body(self.model({"good"}, 0)[0], True)) as line:
                for _ in range(50):
                    line.recv(1)
        self.seen["stalls"] += 1

    def nonsense(self):
        good = self.body("m.quick.w.one", False)
        for name, wanted, body, key in self.random.sample([
                ("no key", {401}, good, "sk-nobody"), ("no JSON", {400}, good[:-3], None), ("no model", {404, 400, 403},
                self.body("nothing-such", False), None), ("no money", {400, 429}, self.body("m.quick.w.one", False, max_tokens=-1), None)], 2):
            status, _, answer = self.request(body, key)
            self.check(name, status, wanted, answer)

    def repeats(self):
        """The same key twice: one call, one charge."""
        key = f"{self.random.getrandbits(64):x}"
        answers = [self.request(self.body("m.quick.w.one", False), headers={"Idempotency-Key": key}.items()) for _ in range(2)]
        for status, _, body in answers:
            self.check("repeats", status, {200}, body)
        assert answers[0][1]["x-entrepot-call"] == answers[1][1]["x-entrepot-call"]

    def one(self):
        ways = {self.well: 40, self.fails_over: 20, self.fails: 12, self.breaks_off: 8, self.leaves: 8, self.stalls: 4,
                self.nonsense: 4, self.repeats: 4}
        self.random.choices(list(ways), list(ways.values()))[0]()


def work(public, key, models, seed, until, rate, told):
    """A process of clients: tells what they saw, and the first thing that was not as it must be."""
    clients = [Client(public, key, models, f"{seed}-{number}") for number in range(THREADS)]
    faults = []

    def run(client):
        due = time.monotonic()
        try:
            while time.time() < until and not faults:
                client.one()
                if rate:
                    due = max(due + WORKERS * THREADS / rate, time.monotonic() - 1)
                    time.sleep(max(0, due - time.monotonic()))
        except Exception as fault:  # whatever it is, it ends the soak
            faults.append(f"{type(fault).__name__}: {fault}")

    threads = [threading.Thread(target=run, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    told.put((sum((client.seen for client in clients), collections.Counter()), faults))


# ---- the watch -------------------------------------------------------------------------------


class Watch:
    """What the server holds, sampled."""

    def __init__(self, zoo):
        self.zoo, self.began, self.samples = zoo, time.time(), []

    def private_kib(self):
        status = open(f"/proc/{self.zoo.processes['server'].pid}/status").read()
        return int(re.search(r"RssAnon:\s+(\d+)", status)[1])

    def look(self):
        names = ("calls_open", "holds_open", "upstream_connections_open", "attempts_failed_total", "calls_total")
        figures = {name: self.zoo.metric(f"entrepot_{name}") for name in names}
        figures.update(seconds=round(time.time() - self.began), private_kib=self.private_kib(), files=len(self.zoo.files()))
        self.samples.append(figures)
        return figures

    def floors(self, name):
        """Of the two halves of the run, once it is warm: a reload takes more for a while, a leak gives nothing back."""
        warm_s = self.samples[-1]["seconds"] * WARM_PART
        values = [sample[name] for sample in self.samples if sample["calls_total"] >= WARM_CALLS and sample["seconds"] >= warm_s]
        assert len(values) >= 10, f"too short to tell: {self.samples[-1]['calls_total']} calls, warm after {WARM_CALLS}"
        half = len(values) // 2
        return min(values[:half]), min(values[half:])


def show(figures):
    print("  ".join(f"{name} {value}" for name, value in figures.items()), flush=True)


def disturb(zoo, at_s):
    """A reload, and an outage of the second route, from time to time."""
    if at_s % RELOAD_S == 0:
        zoo.command("registry", "apply")
    zoo.talker.status = 503 if at_s % OUTAGE_S < 2 else 200


def run(zoo, minutes, seed, rate):
    until = time.time() + 60 * minutes
    spawn = multiprocessing.get_context("spawn")
    told = spawn.Queue()
    workers = [spawn.Process(target=work, args=(zoo.public, zoo.key, zoo.runs, f"{seed}-{number}", until, rate, told))
               for number in range(WORKERS)]
    for worker in workers:
        worker.start()
    watch = Watch(zoo)
    seen, faults, told_of = collections.Counter(), [], 0
    while told_of < WORKERS:
        figures = watch.look()
        disturb(zoo, figures["seconds"] // SAMPLE_S * SAMPLE_S)
        if len(watch.samples) % max(1, int(minutes * 60 / SAMPLE_S / 20)) == 0:
            show(figures)
        try:
            counted, bad = told.get(timeout=SAMPLE_S)
            seen, told_of = seen + counted, told_of + 1
            faults += bad
        except queue.Empty:
            pass
    for worker in workers:
        worker.join()
    return watch, seen, faults


def settle(zoo, files):
    """Nothing is under way, and nothing is left of what was."""
    zoo.talker.status = 200
    wait_for(lambda: zoo.metric("entrepot_calls_open") == 0, "the end of all calls")
    wait_for(lambda: zoo.metric("entrepot_holds_open") == 0, "the end of all holds")
    assert float(zoo.credits()["held"]) == 0, "held credit came back"
    wait_for(lambda: zoo.upstream_sides() <= zoo.metric("entrepot_upstream_connections_open"), "the end of connections to upstreams")
    wait_for(lambda: len(zoo.files()) <= files + FILES_SPARE, "the end of files")


def main():
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("minutes", type=float, nargs="?", default=60)
    asked.add_argument("--rate", type=float, default=0, help="calls a second of all clients; 0: as many as they can")
    asked.add_argument("--seed", default=str(time.time_ns()))
    asked = asked.parse_args()
    print(f"soak: {asked.minutes:g} minutes of mixed outcomes, seed {asked.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="entrepot-soak-") as folder:
        zoo = Zoo(pathlib.Path(folder) / "demo")
        try:
            zoo.start()
            client = zoo.json("client", "list")[0]["id"]
            zoo.command("credit", "purchase", "--client", client, "--amount", "5000")
            zoo.credits()
            files = len(zoo.files())
            watch, seen, faults = run(zoo, asked.minutes, asked.seed, asked.rate)
            assert not faults, faults
            zoo.command("audit")
            settle(zoo, files)
            show(watch.look())
        finally:
            zoo.end()
        zoo.command("audit")
    for name, count in sorted(seen.items()):
        print(f"  {count:8} {name}")
    first, last = watch.floors("private_kib")
    print(f"soak: {watch.samples[-1]['calls_total']} calls, {watch.samples[-1]['attempts_failed_total']} failed attempts; private "
          f"memory when warm {first:.0f} KiB, at last {last:.0f} KiB; nothing left over, the audit finds no fault")
    assert last - first <= max(GROWTH_KIB, GROWTH * first), "memory grows"


if __name__ == "__main__":
    sys.exit(main())
