"""Calls that wait for a place: in fair order, for a while, and never more than there is room for."""

import http.client
import json
import re
import threading
import time
import urllib.request

import pytest

from conftest import House, wait_for

MODEL = "borealis-chat"  # it has one source
ASK = {"model": MODEL, "messages": [{"role": "user", "content": "Tell me about rivers."}], "max_tokens": 40,
       "stream": True}


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A house whose second upstream has one place, and one thread: its line is everybody's."""
    made = House(tmp_path_factory.mktemp("queue") / "demo")
    for file in (made.folder / "registry").glob("credentials.yaml"):
        file.write_text(re.sub(r"max_concurrent: \d+", "max_concurrent: 1", file.read_text()))
    made.apply()
    made.plain = made.conf.read_text()
    configure(made, ms=5000, calls=8)
    made.upstream(0)
    made.upstream(1, "--words", "10", "--pace-ms", "30")
    made.start()
    yield made
    made.stop()
    audit = made.command("audit", check=False)
    assert audit.returncode == 0, audit.stdout + audit.stderr


def configure(house, ms, calls):
    house.conf.write_text(f"{house.plain}\nthreads: 1\nlimits:\n  queue_ms: {ms}\n  queue_calls: {calls}\n")
    if "server" in house.processes:
        house.command("registry", "apply")


@pytest.fixture
def set_queue(shop):
    yield lambda ms, calls: configure(shop, ms, calls)
    configure(shop, 5000, 8)


def new_key(house, name):
    client = house.json("client", "add", "--name", name, "--party", "first-client")["id"]
    house.command("credit", "purchase", "--client", client, "--amount", "5")
    return house.json("key", "add", "--client", client, "--product", "world")["key"]


def figure(house, name):
    with urllib.request.urlopen(f"http://127.0.0.1:{house.operator}/metrics", timeout=5) as answer:
        return int(re.search(rf"^{name} (\d+)$", answer.read().decode(), re.M).group(1))


class Caller(threading.Thread):
    def __init__(self, house, key, ended, **change):
        super().__init__()
        self.house, self.key, self.ended, self.change = house, key, ended, change
        self.start()

    def run(self):
        self.status, self.headers, body = self.house.request("/v1/chat/completions", {**ASK, **self.change},
                                                             key=self.key)
        self.error = json.loads(body)["error"] if self.status != 200 else None
        self.ended.append(self)


def waiting(house, count):
    wait_for(lambda: figure(house, "entrepot_queue_waiting") == count, f"{count} calls that wait")


def test_calls_wait_for_the_place_and_are_all_served(shop):
    key, ended = new_key(shop, "Waits"), []
    before = figure(shop, "entrepot_queue_waited_total")
    callers = [Caller(shop, key, ended) for _ in range(4)]
    for caller in callers:
        caller.join()
    assert [caller.status for caller in callers] == [200] * 4, [caller.error for caller in callers]
    assert figure(shop, "entrepot_queue_waited_total") - before == 3
    assert figure(shop, "entrepot_queue_waiting") == 0


def test_the_line_is_fair_between_clients(shop):
    many, one, ended = new_key(shop, "Many"), new_key(shop, "One"), []
    callers = [Caller(shop, many, ended) for _ in range(5)]
    waiting(shop, 4)
    single = Caller(shop, one, ended)
    for caller in [*callers, single]:
        caller.join()
    assert all(caller.status == 200 for caller in ended)
    assert ended.index(single) <= 2, "it came last, and stands behind the first that waits of the other's"


def test_a_full_line_refuses_at_once(shop, set_queue):
    set_queue(5000, 2)
    key, ended = new_key(shop, "Full"), []
    callers = [Caller(shop, key, ended) for _ in range(3)]
    waiting(shop, 2)
    begun = time.monotonic()
    late = Caller(shop, key, ended)
    late.join()
    assert time.monotonic() - begun < 0.2 and late.status == 503
    assert late.error["code"] == "queue_full" and late.headers["retry-after"] == "1"
    assert late.headers["x-should-retry"] == "true"
    for caller in callers:
        caller.join()
    assert [caller.status for caller in callers] == [200] * 3


def test_what_is_suspended_while_its_calls_wait_reaches_no_source(shop):
    client = shop.json("client", "list")[0]["id"]
    fleet = shop.json("fleet", "add", "--client", client, "--product", "world", "--market", "SG", "--maker", "Kancil Toys")
    keys = [shop.json("device", "issue", "--fleet", fleet["fleet"], "--device", f"KT-WAITS-{i}")["key"] for i in range(4)]
    shop.upstream(1, "--words", "10", "--pace-ms", "300")  # time enough for a command
    ended = []
    callers = [Caller(shop, key, ended) for key in keys]
    waiting(shop, 3)
    shop.command("fleet", "suspend", fleet["fleet"])  # the one that is being answered ends, and is billed
    for caller in callers:
        caller.join()
    shop.upstream(1, "--words", "10", "--pace-ms", "30")
    assert sorted(caller.status for caller in callers) == [200, 403, 403, 403], [caller.error for caller in callers]
    for caller in callers:
        receipt = shop.json("receipt", "show", caller.headers["x-entrepot-call"])
        served = caller.status == 200
        assert (receipt["client"]["amount"] != "0") == served and bool(receipt["operator"]["tries"]) == served
        assert served or (caller.error["code"], caller.headers["x-should-retry"]) == ("fleet_suspended", "false")


def test_no_call_waits_longer_than_it_may(shop, set_queue):
    set_queue(60, 8)
    key, ended = new_key(shop, "Late"), []
    callers = [Caller(shop, key, ended) for _ in range(2)]
    for caller in callers:
        caller.join()
    assert sorted(caller.status for caller in callers) == [200, 503]
    late = next(caller for caller in callers if caller.status == 503)
    assert late.error["code"] == "queue_timeout" and late.headers["retry-after"] == "1"
    receipt = shop.json("receipt", "show", late.headers["x-entrepot-call"])
    assert receipt["client"]["outcome"] == "failed" and receipt["client"]["amount"] == "0"


def test_a_callers_own_deadline_ends_its_wait(shop):
    key, ended = new_key(shop, "Deadline"), []
    first = Caller(shop, key, ended)
    wait_for(lambda: figure(shop, "entrepot_calls_open") > 0, "the first call")
    status, _, body = shop.request("/v1/chat/completions", ASK, key=key,
                                   headers={"x-request-deadline": f"{time.time() + 0.08:.3f}"})
    assert status == 504 and json.loads(body)["error"]["code"] == "deadline_exceeded", body
    first.join()
    assert first.status == 200


def test_whoever_hangs_up_leaves_the_line(shop):
    key, ended = new_key(shop, "Gone"), []
    first = Caller(shop, key, ended)
    wait_for(lambda: figure(shop, "entrepot_calls_open") > 0, "the first call")
    line = http.client.HTTPConnection("127.0.0.1", shop.public, timeout=10)
    line.request("POST", "/v1/chat/completions", json.dumps(ASK),
                 {"Authorization": f"Bearer {key}", "Content-Type": "application/json"})
    waiting(shop, 1)
    line.close()
    waiting(shop, 0)
    first.join()
    assert first.status == 200


def test_without_a_line_a_full_source_refuses_at_once(shop, set_queue):
    set_queue(0, 8)
    key, ended = new_key(shop, "None"), []
    callers = [Caller(shop, key, ended) for _ in range(3)]
    for caller in callers:
        caller.join()
    assert sorted(caller.status for caller in callers) == [200, 503, 503]
    assert {caller.error["code"] for caller in callers if caller.status == 503} <= {"no_route", "no_closed_route"}


def test_nobody_waits_for_a_source_that_is_out(shop):
    """It is not full but taken out: waiting would not help."""
    shop.command("route", "quarantine", "borealis-chat-sg", "--by", "ann", "--why", "a test")
    try:
        begun = time.monotonic()
        status, _, body = shop.request("/v1/chat/completions", ASK)
        assert status == 503 and time.monotonic() - begun < 1, body
        assert json.loads(body)["error"]["code"] == "no_closed_route"
    finally:
        shop.command("route", "release", "borealis-chat-sg", "--by", "ann", "--why", "the test is over")


def test_a_stop_ends_the_wait(shop):
    key, ended = new_key(shop, "Stop"), []
    callers = [Caller(shop, key, ended) for _ in range(3)]
    waiting(shop, 2)
    shop.stop_process("server")  # lets calls end: the line goes on
    for caller in callers:
        caller.join()
    assert [caller.status for caller in callers] == [200] * 3
    shop.start()
