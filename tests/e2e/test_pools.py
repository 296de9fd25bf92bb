"""Pools of compute: capacity in tokens a minute, energy and tariffs, work that may wait, one line for all threads."""

import http.client
import json
import re
import threading
import time
import urllib.request

import pytest

from conftest import wait_for
from law_house import Clock, needs_law
from test_dispatch import ASK, CHAT, SG, US, Two

US_ENERGY = "energy: {microjoules_in: 50000, microjoules_out: 1000000, pue_overhead_percent: 60}"
SG_ENERGY = "energy: {microjoules_in: 60000, microjoules_out: 1200000, pue_overhead_percent: 10}"


class Pooled(Two):
    """Each of the two sources of aurora-small in a pool; the clock is the test's."""

    def __init__(self, folder):
        self.clock = Clock(folder.parent / "clock", "2026-12-02T10:00:00Z")
        self.env, self.day, self.pooled = self.clock.env, 2, None
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


@pytest.fixture(scope="module")
def pooled(tmp_path_factory):
    needs_law()
    made = Pooled(tmp_path_factory.mktemp("pools") / "demo")
    made.start()
    yield made
    made.stop()
    for talker in made.talkers:
        talker.stop()
    audit = made.command("audit", check=False)
    assert audit.returncode == 0, audit.stdout + audit.stderr


@pytest.fixture
def house(pooled):
    pooled.fresh()
    yield pooled
    pooled.pools()
    pooled.configure()


def tariff(*windows, **more):
    rows = ", ".join(f'{{from: "{a}", until: "{b}", percent: {percent}}}' for a, b, percent in windows)
    extra = "".join(f", {name}: {value}" for name, value in more.items())
    return f', tariff: {{utc_offset: "+00:00", windows: [{rows}]{extra}}}'


# ---- energy and tariffs ---------------------------------------------------------------------


def test_energy_is_joules_with_what_the_building_adds(house):
    assert house.served() == US, "the cheaper one"
    _, heads, _ = house.chat(provider={"sort": "energy"})
    told = house.operator_of(heads)
    assert told["route"] == SG, "more joules a token, and a better building"
    assert told["choice"]["sort"] == "energy"
    scores = {row["route"]: int(row["score"]) for row in told["choice"]["candidates"]}
    assert 0 < scores[SG] < scores[US]
    rows = house.explain("--preferences", '{"sort":"energy"}')
    assert rows[SG]["why"] == "chosen" and rows[US]["rank"] == 2
    assert (rows[US]["kj_1m"], rows[SG]["kj_1m"]) == (460, 379)
    assert (rows[US]["tariff_%"], rows[SG]["tariff_%"]) == (100, 100)


def test_the_tariff_of_the_hour_counts(house):
    house.at("10:00:00")
    house.pools(sg=tariff(("09:00", "12:00", 300)))
    assert house.served(provider={"sort": "energy"}) == US
    assert house.explain("--preferences", '{"sort":"energy"}')[SG]["tariff_%"] == 300
    house.at("12:00:00")
    assert house.served(provider={"sort": "energy"}) == SG
    house.pools(us=tariff(("00:00", "24:00", 1000)))
    assert house.served() == US, "a tariff is of power; the contract's price is what it is"
    house.pools(us=tariff(("00:00", "24:00", 1000), scales_price="true"))
    assert house.served() == SG


# ---- work that may wait ---------------------------------------------------------------------

DEAR = tariff(("11:00", "12:00", 900))
ENERGY = {"sort": "energy"}


def near_noon(house, seconds=1.5):
    house.at("11:58:00")
    house.pools(us=DEAR, sg=DEAR)
    house.configure(defer_ms=60000)
    house.clock.set(f"2026-12-{house.day:02}T11:59:{60 - seconds:06.3f}Z")


def test_flex_work_waits_for_the_cheap_hours(house):
    near_noon(house)
    before = house.figure("entrepot_queue_deferred_total")
    flex = Caller(house, service_tier="flex", provider=ENERGY)
    soon = Caller(house, provider=ENERGY).done()
    assert soon.status == 200 and soon.took < 1, "what may not wait does not"
    assert flex.done().status == 200 and flex.took > 1, flex.error
    assert house.figure("entrepot_queue_deferred_total") - before == 1
    assert house.talkers[1].asked[-1]["service_tier"] == "flex", "goes upstream as it came"
    scores = {row["route"]: int(row["score"]) for row in house.operator_of(flex.headers)["choice"]["candidates"]}
    dear = {row["route"]: int(row["score"]) for row in house.operator_of(soon.headers)["choice"]["candidates"]}
    assert scores[SG] * 7 < dear[SG]


def test_a_deadline_that_is_far_enough_lets_a_call_wait(house):
    near_noon(house)
    far = Caller(house, provider=ENERGY, headers={"x-request-deadline": f"{house.now() + 20:.3f}"})
    near = Caller(house, provider=ENERGY, headers={"x-request-deadline": f"{house.now() + 2:.3f}"})
    assert near.done().status == 200 and near.took < 1, "half of its time is for finding a place"
    assert far.done().status == 200 and far.took > 1


@pytest.mark.parametrize("change", [{}, {"provider": {"sort": "price"}}, {"service_tier": "default", "provider": ENERGY},
                                    {"service_tier": None, "provider": ENERGY}])
def test_what_does_not_ask_for_it_does_not_wait(house, change):
    near_noon(house, 30)
    if change == {"provider": {"sort": "price"}}:
        change = {**change, "service_tier": "flex"}
    call = Caller(house, **change).done()
    assert call.status == 200 and call.took < 1


def test_hours_that_are_too_far_are_not_waited_for(house):
    near_noon(house, 30)
    house.configure(defer_ms=20000)
    call = Caller(house, service_tier="flex", provider=ENERGY).done()
    assert call.status == 200 and call.took < 1
    house.configure(defer_ms=0)
    call = Caller(house, service_tier="flex", provider=ENERGY).done()
    assert call.status == 200 and call.took < 1


def test_whoever_hangs_up_while_it_waits_is_not_served(house):
    near_noon(house, 30)
    line = http.client.HTTPConnection("127.0.0.1", house.public, timeout=10)
    line.request("POST", CHAT, json.dumps({**ASK, "service_tier": "flex", "provider": ENERGY}),
                 {"Authorization": f"Bearer {house.key}", "Content-Type": "application/json"})
    wait_for(lambda: house.figure("entrepot_queue_waiting") == 1, "a call that sleeps")
    line.close()
    wait_for(lambda: house.figure("entrepot_queue_waiting") == 0, "its end")
    assert not house.talkers[0].asked and not house.talkers[1].asked
    wait_for(lambda: house.credits()["held"] == 0, "its hold's end")


def test_flex_work_that_finds_no_place_is_refused_as_openai_refuses_it(house):
    house.pools(places=1)
    house.configure(defer_ms=300)
    for talker in house.talkers:
        talker.first = 1.0
    held = [Caller(house), Caller(house)]
    wait_for(lambda: all(len(talker.asked) == 1 for talker in house.talkers), "two full pools")
    flex = Caller(house, service_tier="flex").done()
    assert (flex.status, flex.error["code"]) == (429, "resource_unavailable")
    assert flex.headers["x-should-retry"] == "true" and 0.25 < flex.took < 0.9
    assert house.json("receipt", "show", flex.headers["x-entrepot-call"])["client"]["amount"] == "0"
    assert all(call.done().status == 200 for call in held)


def test_flex_work_lets_others_pass(house):
    house.pools(places=1)
    house.configure(defer_ms=20000, queue_ms=20000)
    for talker in house.talkers:
        talker.first = 0.3
    ended = []
    held = [Caller(house, ended), Caller(house, ended)]
    wait_for(lambda: all(len(talker.asked) == 1 for talker in house.talkers), "two full pools")
    flex = Caller(house, ended, service_tier="flex")
    wait_for(lambda: house.figure("entrepot_queue_waiting") == 1, "the flex call in the line")
    later = [Caller(house, ended) for _ in range(4)]
    for call in [*held, *later, flex]:
        assert call.done().status == 200, call.error
    assert ended[-1] is flex


def test_a_stop_wakes_whoever_sleeps(house):
    near_noon(house, 30)
    flex = Caller(house, service_tier="flex", provider=ENERGY)
    wait_for(lambda: house.figure("entrepot_queue_waiting") == 1, "a call that sleeps")
    house.stop_process("server")
    assert flex.done().status == 200 and flex.took < 10
    house.start()


# ---- capacity in tokens ---------------------------------------------------------------------


def test_an_attempt_that_fails_gives_its_tokens_back(house):
    house.pools(us=", tokens_per_minute: 300", sg=", tokens_per_minute: 300")
    for talker in house.talkers:
        talker.status = 400  # the client's own fault: nothing is learned of the source
    for _ in range(5):  # of which three would be a minute's
        assert house.chat()[0] == 400
    house.fresh()
    assert house.served() == US


def test_a_pool_takes_no_more_tokens_than_its_minute_has(house):
    """A call is expected to take some hundred tokens, and takes 14."""
    house.pools(us=", tokens_per_minute: 150", sg=", tokens_per_minute: 150")
    for talker in house.talkers:
        talker.first = 1.0
    first = Caller(house)
    wait_for(lambda: len(house.talkers[0].asked) == 1, "the first call")
    second = Caller(house)
    wait_for(lambda: len(house.talkers[1].asked) == 1, "the second, elsewhere")
    third = Caller(house).done()
    assert (third.status, third.error["code"]) == (503, "no_route")
    told = {row["route"]: row["why"]
            for row in house.operator_of(third.headers)["choice"]["candidates"]}
    assert told == {US: "pool_tokens", SG: "pool_tokens"}
    assert first.done().route == US and second.done().route == SG
    house.fresh()
    for _ in range(3):  # 14 of 150 each
        assert house.served() == US


def test_calls_wait_for_tokens_as_for_places(house):
    house.pools(us=", tokens_per_minute: 151", sg=", tokens_per_minute: 151")
    house.configure(queue_ms=10000)
    for talker in house.talkers:
        talker.first = 0.2
    calls = [Caller(house) for _ in range(5)]
    assert [call.done().status for call in calls] == [200] * 5


# ---- one line for all threads ---------------------------------------------------------------


def test_one_who_hammers_on_all_threads_starves_nobody(house):
    house.pools(places=1)
    house.configure(queue_ms=20000)
    for talker in house.talkers:
        talker.first = 0.1
    one, stop = house.new_key("One"), threading.Event()

    def hammer():
        while not stop.is_set():
            Caller(house).done()

    hammers = [threading.Thread(target=hammer) for _ in range(12)]
    for thread in hammers:
        thread.start()
    try:
        wait_for(lambda: house.figure("entrepot_queue_waiting") > 6, "a long line")
        took = [Caller(house, key=one).done().took for _ in range(6)]
    finally:
        stop.set()
        for thread in hammers:
            thread.join()
    # The client that hammers alone waits some 0.6 s: ten others for two places. One that comes waits for one answer.
    assert sorted(took)[len(took) // 2] < 0.45 and max(took) < 1, took


def test_a_call_that_waited_beside_its_stand_in_is_its_own_model_again(house):
    """Both the model and what would stand in for it are full: it waits for its own."""
    house.pools(places=1)
    house.configure(queue_ms=10000)
    with house.edited("credentials.yaml", "max_concurrent: 1000", "max_concurrent: 1"):
        for talker in house.talkers:
            talker.first = 0.6
        held = [Caller(house, model="borealis-chat"), Caller(house), Caller(house)]
        wait_for(lambda: sum(len(talker.asked) for talker in house.talkers) >= 2, "full sources")
        call = Caller(house, models=["borealis-chat"])
        assert call.done().status == 200, call.error
        for other in held:
            assert other.done().status == 200, other.error
        receipt = house.json("receipt", "show", call.headers["x-entrepot-call"])
        assert receipt["client"]["model_served"] in ("aurora-small", "borealis-chat")
        served = receipt["operator"]["route"]
        assert served.startswith(receipt["client"]["model_served"])
