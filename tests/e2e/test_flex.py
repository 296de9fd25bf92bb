"""Work that may wait: for the hours in which power is cheap, and for a place behind all others."""

import http.client
import json
import time

import pytest

from conftest import wait_for
from pooled import Caller, lent, opened, tariff
from test_dispatch import ASK, CHAT, SG


@pytest.fixture(scope="module")
def pooled(tmp_path_factory):
    yield from opened(tmp_path_factory.mktemp("pools") / "demo")


@pytest.fixture
def house(pooled):
    return lent(pooled)


DEAR = tariff(("11:00", "12:00", 900))
ENERGY = {"sort": "energy"}


def near_noon(house, seconds=1.2):
    house.at("11:58:00")
    house.pools(us=DEAR, sg=DEAR)
    house.configure(defer_ms=60000)
    house.clock.set(f"2026-12-{house.day:02}T11:59:{60 - seconds:06.3f}Z")


def test_flex_work_waits_for_the_cheap_hours(house):
    near_noon(house)
    before = house.figure("entrepot_queue_deferred_total")
    flex = Caller(house, service_tier="flex", provider=ENERGY)
    soon = Caller(house, provider=ENERGY).done()
    assert soon.status == 200 and soon.took < 0.6, "what may not wait does not"
    assert flex.done().status == 200 and flex.took > 0.7, flex.error
    assert house.figure("entrepot_queue_deferred_total") - before == 1
    assert house.talkers[1].asked[-1]["service_tier"] == "flex", "goes upstream as it came"
    scores = {row["route"]: int(row["score"]) for row in house.operator_of(flex.headers)["choice"]["candidates"]}
    dear = {row["route"]: int(row["score"]) for row in house.operator_of(soon.headers)["choice"]["candidates"]}
    assert scores[SG] * 7 < dear[SG]


def test_a_deadline_that_is_far_enough_lets_a_call_wait(house):
    near_noon(house)
    far = Caller(house, provider=ENERGY, headers={"x-request-deadline": f"{house.now() + 20:.3f}"})
    near = Caller(house, provider=ENERGY, headers={"x-request-deadline": f"{house.now() + 1.6:.3f}"})
    assert near.done().status == 200 and near.took < 0.6, "half of its time is for finding a place"
    assert far.done().status == 200 and far.took > 0.7


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


def test_another_registry_ends_all_waiting(house):
    """What waits was judged by the old one: it goes at once, or is told to ask again."""
    near_noon(house, 30)
    flex = Caller(house, service_tier="flex", provider=ENERGY)
    wait_for(lambda: house.figure("entrepot_queue_waiting") == 1, "a call that sleeps")
    house.configure(defer_ms=60001)  # no law has changed
    time.sleep(0.1)
    assert house.figure("entrepot_queue_waiting") == 1
    house.pools(places=1)
    assert flex.done().status == 200 and flex.took < 10
    house.configure(queue_ms=20000)
    for talker in house.talkers:
        talker.first = 2.0
        talker.asked.clear()
    held = [Caller(house), Caller(house)]
    wait_for(lambda: all(len(talker.asked) == 1 for talker in house.talkers), "two full pools")
    late = Caller(house)
    wait_for(lambda: house.figure("entrepot_queue_waiting") == 1, "a call that waits")
    house.pools(places=1, us=", tokens_per_minute: 1000000")
    assert (late.done().status, late.error["code"]) == (503, "queue_timeout") and late.took < 1.9
    assert late.headers["x-should-retry"] == "true"
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


def test_flex_work_takes_half_of_the_room_to_wait(house):
    house.pools(places=1)
    house.one_thread(defer_ms=20000, queue_ms=20000, queue_calls=2)
    for talker in house.talkers:
        talker.first = 0.8
    held = [Caller(house), Caller(house)]
    wait_for(lambda: all(len(talker.asked) == 1 for talker in house.talkers), "two full pools")
    flex = Caller(house, service_tier="flex")
    wait_for(lambda: house.figure("entrepot_queue_waiting") == 1, "a flex call in the line")
    late = Caller(house, service_tier="flex").done()
    assert (late.status, late.error["code"]) == (429, "resource_unavailable") and late.took < 0.5
    usual = Caller(house)
    assert all(call.done().status == 200 for call in [*held, usual, flex])


def test_a_stop_wakes_whoever_sleeps(house):
    near_noon(house, 30)
    flex = Caller(house, service_tier="flex", provider=ENERGY)
    wait_for(lambda: house.figure("entrepot_queue_waiting") == 1, "a call that sleeps")
    house.stop_process("server")
    assert flex.done().status == 200 and flex.took < 10
