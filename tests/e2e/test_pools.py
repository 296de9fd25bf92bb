"""Pools of compute: energy and tariffs, capacity in tokens a minute, one line for all threads."""

import threading

import pytest

from conftest import wait_for
from pooled import Caller, lent, opened, tariff
from test_dispatch import SG, US


@pytest.fixture(scope="module")
def pooled(tmp_path_factory):
    yield from opened(tmp_path_factory.mktemp("pools") / "demo")


@pytest.fixture
def house(pooled):
    return lent(pooled)


# ---- energy and tariffs ---------------------------------------------------------------------


def test_energy_is_joules_with_what_the_building_adds(house):
    house.pools()
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


# ---- capacity in tokens ---------------------------------------------------------------------


def test_an_attempt_that_fails_gives_its_tokens_back(house):
    house.pools(us=", tokens_per_minute: 300", sg=", tokens_per_minute: 300")
    house.configure()
    for talker in house.talkers:
        talker.status = 400  # the client's own fault: nothing is learned of the source
    for _ in range(5):  # of which three would be a minute's
        assert house.chat()[0] == 400
    house.fresh()
    assert house.served() == US


def test_a_pool_takes_no_more_tokens_than_its_minute_has(house):
    """A call is expected to take some hundred tokens, and takes 14."""
    house.pools(us=", tokens_per_minute: 150", sg=", tokens_per_minute: 150")
    house.configure(defer_ms=0)
    for talker in house.talkers:
        talker.first = 1.0
    first = Caller(house)
    wait_for(lambda: len(house.talkers[0].asked) == 1, "the first call")
    second = Caller(house)
    wait_for(lambda: len(house.talkers[1].asked) == 1, "the second, elsewhere")
    third = Caller(house).done()
    assert (third.status, third.error["code"]) == (503, "no_route")
    flex = Caller(house, service_tier="flex").done()
    assert (flex.status, flex.error["code"]) == (429, "resource_unavailable") and flex.took < 0.8, "nobody waits"
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


def test_a_report_that_contradicts_itself_shuts_no_pool(house, monkeypatch):
    """What it says was used would be owed for ten minutes."""
    house.pools(us=", tokens_per_minute: 1000", sg=", tokens_per_minute: 1000")
    house.configure()
    nonsense = {"prompt_tokens": 100_000_000, "completion_tokens": 5, "total_tokens": 14}
    monkeypatch.setattr(house.talkers[0], "report", lambda words: nonsense)
    for stream in (False, True, False):
        assert house.served(stream=stream) == US


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
