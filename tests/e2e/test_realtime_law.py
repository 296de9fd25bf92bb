"""The law looks at realtime: at a session's opening, by a status at the handshake, and at each response, by an event."""

import collections

import pytest

websockets = pytest.importorskip("websockets")
from websockets.exceptions import ConnectionClosed, InvalidStatus  # noqa: E402
from websockets.sync.client import connect  # noqa: E402

import test_scenario_a  # noqa: E402
import test_scenario_b  # noqa: E402
from law_house import PLACES, LawHouse, needs_law, route  # noqa: E402
from test_realtime import receive, send, until  # noqa: E402

DAY = "2026-11-02T"


def session(house, key, model, address, link=False):
    return connect(f"ws://127.0.0.1:{house.link if link else house.public}/v1/realtime?model={model}", compression=None,
                   additional_headers={"Authorization": f"Bearer {key}", "X-Forwarded-For": PLACES[address]})


def refused(house, *words, **more):
    """As of any call: (status, headers, body)."""
    with pytest.raises(InvalidStatus) as caught:
        session(house, *words, **more)
    answer = caught.value.response
    house.calls.append(answer.headers["x-entrepot-call"])
    headers = {name.lower(): value for name, value in answer.headers.raw_items()}
    return answer.status_code, collections.defaultdict(lambda: None, headers), answer.body


@pytest.fixture(scope="module")
def zone(tmp_path_factory):
    """Scenario A, where the zone has realtime, too."""
    needs_law()
    made = LawHouse(tmp_path_factory.mktemp("zone") / "demo", f"{DAY}03:00:00Z", 2)
    made.tokenizers = []
    test_scenario_a.registry(made)
    made.rules["routes"].append(route("zone-realtime", "c", "toy-voice", made.upstreams[0], "CN/shantou", "dt.c", "cost",
                                      pool="swa-1", dialect="openai_realtime"))
    made.put_in_force()
    made.client("T", "t", "toys")
    made.toy = made.new_key("T", "toys", "--market", "SG", "--consent", "consent-1")
    made.upstream(0)
    made.start()
    yield made
    made.end()


@pytest.mark.parametrize("address, link, status, code", [
    ("SG", True, 422, "zone_mixed_data"),  # nobody could look through what will be said
    ("CN", True, 451, "zone_origin"),
    ("SG", False, 451, "zone_origin"),  # not by the landing
])
def test_a_zone_opens_no_session(zone, address, link, status, code):
    before = zone.served(0)
    told, shown = zone.refusal(refused(zone, zone.toy, "toy-voice", address, link=link), status, code)
    assert shown["client"]["service"] == "realtime" and shown["client"]["verdict"] == "refuse"
    assert zone.served(0) == before


@pytest.fixture
def world(tmp_path):
    """Scenario B, where S1's maker has realtime: its grant ends at noon."""
    needs_law()
    made = LawHouse(tmp_path / "demo", f"{DAY}11:50:00Z", 3)
    made.tokenizers = []
    test_scenario_b.registry(made)
    made.rules["routes"].append(route("V1", "vendor-a", "m-alpha", made.upstreams[0], "SG/west", "dt.vendor-a", "cost-s1",
                                      dialect="openai_realtime"))
    made.put_in_force()
    for name in ("c1", "c9"):
        made.client(name, None if name == "c9" else name, "world",
                    more=("--country", "SG", "--billing-country", "SG", "--type", "enterprise") if name == "c9" else ())
    made.keys = {name: made.new_key(name, "world") for name in made.clients}
    made.command("client", "standing", made.clients["c9"], "--party", "c9")
    made.upstream(0)
    made.start()
    yield made
    made.end()


def test_what_the_law_does_not_open_or_refuses_later_is_told_with_its_reason(world):
    world.refusal(refused(world, world.keys["c9"], "m-alpha", "SG"), 451, "market_not_served")
    with session(world, world.keys["c1"], "m-alpha", "SG") as socket:
        receive(socket)
        send(socket, "response.create", response={"output_modalities": ["text"]})
        done = until(socket, "response.done")[-1]
        assert world.receipt(done["entrepot"]["call"])["operator"]["route"] == "V1"
        world.clock.set(f"{DAY}12:00:00Z")
        send(socket, "response.create", event_id="late", response={"output_modalities": ["text"]})
        events = until(socket, "error")
        error = events[-1]["error"]
        assert len(events) == 1 and error["event_id"] == "late"
        assert (error["type"], error["code"]) == ("compliance_refusal", "no_closed_route")
        told = error["entrepot"]
        assert told["at"].startswith(f"{DAY}12:00") and told["remedy"] and told["retry"] == "after"
        with pytest.raises(ConnectionClosed) as closed:
            receive(socket)
        assert closed.value.rcvd.code == 1008 and "may not go on" in closed.value.rcvd.reason
    world.calls += [done["entrepot"]["call"], told["call"]]
    shown = world.receipt(told["call"])
    assert int(shown["client"]["amount"]) == 0 and shown["client"]["outcome"] == "refused" and shown["operator"]["tries"] == []
    assert any(line.startswith("V1 edge G-S1 CHAIN_EXPIRED") for line in shown["operator"]["reasons"]), shown["operator"]["reasons"]
    assert world.served(0) == 0  # a session is none of its calls by HTTP
