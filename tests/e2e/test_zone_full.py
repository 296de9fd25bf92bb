"""A zone that is full serves nobody elsewhere: not from the queue, not by another model, not on a retry, not because power is
cheaper there."""

import json
import threading
import time

import pytest

from conftest import wait_for
from law_house import LawHouse, model, needs_law, route
from talker import Talker
from test_scenario_a import DOMESTIC, POOL_PLACES, ZONE, registry, say

DAY = "2026-12-02T"


class Zone(LawHouse):
    def configure(self, **limits):
        lines = "".join(f"  {name}: {value}\n" for name, value in limits.items())
        self.conf.write_text(f"{self.plain}\nlimits:\n{lines}" if limits else self.plain)
        self.command("registry", "apply")

    def say(self, **change):
        return self.ask(self.keyed, say(**change), "SG", link=True)


@pytest.fixture(scope="module")
def zone(tmp_path_factory):
    """Scenario A, with a second model there, and one that is nowhere but outside."""
    needs_law()
    made = Zone(tmp_path_factory.mktemp("zone") / "demo", f"{DAY}03:00:00Z", 2)
    made.tokenizers = []
    registry(made)
    rules = made.rules
    for name in ("toy-song", "toy-story"):
        rules["models"].append(model(name, "v", "CN"))
        for book in rules["price_books"]:
            book["lines"][name] = book["lines"]["toy-voice"]
    rules["grants"][0]["models"] = ["toy-voice", "toy-song", "toy-story"]
    rules["routes"] += [
        route("zone-song", "c", "toy-song", made.upstreams[ZONE], "CN/shantou", "dt.c", "cost", pool="swa-1"),
        route("story", "c", "toy-story", made.upstreams[DOMESTIC], "CN/guangzhou", "dt.c", "cheap",
              credential="c.c-domestic", pool="domestic-1")]
    rules["products"][0]["models"] = ["toy-voice", "toy-song", "toy-story"]
    for pool, joules in zip(rules["pools"], (9000000, 1)):
        pool["energy"] = {"microjoules_in": joules, "microjoules_out": joules}
    rules["pools"][0]["tariff"] = {"utc_offset": "+00:00", "windows": [
        {"from": "02:00", "until": "03:30", "percent": 900}]}
    made.put_in_force()
    made.plain = made.conf.read_text()
    made.client("T", "t", "toys")
    made.keyed = made.new_key("T", "toys", "--market", "SG", "--consent", "consent-1")
    made.talkers = [Talker(port) for port in made.upstreams]
    made.start()
    yield made
    assert made.talkers[DOMESTIC].asked == [], "nothing was ever processed outside the zone"
    made.calls = made.calls[-4:]
    made.replay_all()
    made.stop()
    for talker in made.talkers:
        talker.stop()
    audit = made.command("audit", check=False)
    assert audit.returncode == 0, audit.stdout + audit.stderr


@pytest.fixture
def full(zone):
    """All of the zone's places are taken, for a second."""
    inside = zone.talkers[ZONE]
    inside.first, inside.status = 1.0, 200
    inside.asked.clear()
    threads = [threading.Thread(target=zone.say) for _ in range(POOL_PLACES)]
    for thread in threads:
        thread.start()
    wait_for(lambda: len(inside.asked) == POOL_PLACES, "a full zone")
    yield zone
    for thread in threads:
        thread.join()
    inside.first = 0.0
    zone.configure()
    assert zone.say()[0] == 200


def refused(answer, status, code):
    assert answer[0] == status and json.loads(answer[2])["error"]["code"] == code, answer[2]
    assert answer[1]["x-should-retry"] == "true"


def test_a_full_zone_answers_503_whatever_is_preferred(full):
    for change in ({}, {"models": ["toy-song"]}, {"models": ["toy-story"]}, {"models": ["toy-song", "toy-story"]},
                   {"provider": {"sort": "energy"}}, {"provider": {"order": ["domestic"]}},
                   {"provider": {"sort": "latency"}}):
        refused(full.say(**change), 503, "no_closed_route")


def test_a_full_zone_waits_and_refuses_and_does_not_spill(full):
    full.configure(queue_ms=200)
    refused(full.say(), 503, "queue_timeout")
    refused(full.say(models=["toy-song", "toy-story"], provider={"sort": "energy"}), 503, "queue_timeout")
    full.configure(queue_ms=5000)
    status, headers, body = full.say(models=["toy-story"])
    assert status == 200, body
    assert full.receipt(headers["x-entrepot-call"])["operator"]["route"] == "zone"


def test_flex_work_of_a_full_zone_stays_in_it(full):
    full.configure(defer_ms=200)
    refused(full.say(service_tier="flex", provider={"sort": "energy"}), 429, "resource_unavailable")
    full.configure(defer_ms=8000)
    status, headers, body = full.say(service_tier="flex", provider={"sort": "energy"}, models=["toy-story"])
    assert status == 200, body
    assert full.receipt(headers["x-entrepot-call"])["operator"]["route"] == "zone"


def test_flex_work_of_a_zone_sleeps_until_its_cheap_hours(zone):
    zone.configure(defer_ms=60000)
    zone.clock.set(f"{DAY}03:29:58.500Z")
    begun = time.monotonic()
    status, headers, body = zone.say(service_tier="flex", provider={"sort": "energy"})
    assert status == 200 and 1 < time.monotonic() - begun < 10, body
    assert zone.receipt(headers["x-entrepot-call"])["operator"]["route"] == "zone"


def test_what_fails_in_the_zone_is_not_tried_outside(zone):
    zone.talkers[ZONE].status = 500
    try:
        for change in ({}, {"models": ["toy-song", "toy-story"]}, {"service_tier": "flex"}):
            status, _, body = zone.say(**change)
            assert status in (502, 503), body
    finally:
        zone.talkers[ZONE].status = 200
