"""A house whose two sources of aurora-small stand in a pool each, under a clock that the test sets."""

import json
import re
import threading
import time
import urllib.request

from law_house import Clock, clock_can_be_set, needs_law
from test_dispatch import ASK, CHAT, SG, US, Two

US_ENERGY = "energy: {microjoules_in: 50000, microjoules_out: 1000000, pue_overhead_percent: 60}"
SG_ENERGY = "energy: {microjoules_in: 60000, microjoules_out: 1200000, pue_overhead_percent: 10}"


class Pooled(Two):
    """Each of the two sources of aurora-small in a pool; the clock is the test's."""

    def __init__(self, folder):
        self.day, self.pooled = 2, None
        if clock_can_be_set():
            self.clock = Clock(folder.parent / "clock", "2026-12-02T10:00:00Z")
            self.env = self.clock.env
        super().__init__(folder)
        routes = self.folder / "registry" / "routes.yaml"
        text = routes.read_text()
        for name, pool in ((US, "us-1"), (SG, "sg-1")):
            text = text.replace(f"  - id: {name}\n", f"  - id: {name}\n    pool: {pool}\n")
        routes.write_text(text)
        self.plain = self.conf.read_text() + "\nthreads: 2\n"
        self.pools()
        self.configure()

    def at(self, time_of_day):
        """Of the next day: what is signed later must not be signed earlier."""
        needs_law()
        self.day += 1
        self.clock.set(f"2026-12-{self.day:02}T{time_of_day}Z")

    def pools(self, us="", sg="", places=50):
        """What the pools have beside their places and energy."""
        if (us, sg, places) == self.pooled:
            return
        self.pooled = (us, sg, places)
        (self.folder / "registry" / "pools.yaml").write_text(
            "pools:\n"
            f"  - {{id: us-1, operator: aurora, place: US, max_concurrent: {places}, {US_ENERGY}{us}}}\n"
            f"  - {{id: sg-1, operator: borealis-cloud, place: SG/north, max_concurrent: {places}, {SG_ENERGY}{sg}}}\n")
        self.apply()

    def configure(self, **limits):
        lines = "".join(f"  {name}: {value}\n" for name, value in {"queue_ms": 0, **limits}.items())
        if self.conf.read_text() == f"{self.plain}limits:\n{lines}":
            return
        self.conf.write_text(f"{self.plain}limits:\n{lines}")
        if "server" in self.processes:
            self.command("registry", "apply")

    def one_thread(self, **limits):
        """The server again, and from now on, with all calls on one loop."""
        self.stop_process("server")
        self.plain = self.plain.replace("threads: 2", "threads: 1")
        self.configure(**limits)
        self.start()

    def figure(self, name):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.operator}/metrics", timeout=5) as answer:
            return int(re.search(rf"^{name} (\d+)$", answer.read().decode(), re.M).group(1))

    def now(self):
        return time.time() + self.clock.offset

    def new_key(self, name):
        client = self.json("client", "add", "--name", name, "--party", "first-client")["id"]
        self.command("credit", "purchase", "--client", client, "--amount", "5")
        return self.json("key", "add", "--client", client, "--product", "world")["key"]


class Caller(threading.Thread):
    """A call on a thread of its own; `ended` collects them in the order of their ends."""

    def __init__(self, house, ended=None, key=None, headers=None, **change):
        super().__init__()
        self.house, self.ended, self.key, self.more, self.change = house, ended, key, headers, change
        self.start()

    def run(self):
        begun = time.monotonic()
        self.status, self.headers, body = self.house.request(CHAT, {**ASK, **self.change}, key=self.key,
                                                             headers=self.more)
        self.took = time.monotonic() - begun
        self.error = json.loads(body)["error"] if self.status != 200 else None
        if self.ended is not None:
            self.ended.append(self)

    def done(self):
        self.join()
        return self

    @property
    def route(self):
        return self.house.operator_of(self.headers)["route"]


def tariff(*windows, **more):
    rows = ", ".join(f'{{from: "{a}", until: "{b}", percent: {percent}}}' for a, b, percent in windows)
    extra = "".join(f", {name}: {value}" for name, value in more.items())
    return f', tariff: {{utc_offset: "+00:00", windows: [{rows}]{extra}}}'


def opened(folder):
    """A generator for a module's fixture."""
    made = Pooled(folder)
    made.start()
    yield made
    made.stop()
    for talker in made.talkers:
        talker.stop()
    audit = made.command("audit", check=False)
    assert audit.returncode == 0, audit.stdout + audit.stderr


def lent(pooled):
    """For a test's fixture. Pools and limits are as the test before left them: each says what it needs, so that tests
    that need the same put nothing in force again."""
    pooled.fresh()
    if "server" not in pooled.processes:
        pooled.start()
    return pooled
