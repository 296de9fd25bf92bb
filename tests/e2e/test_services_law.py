"""The law looks at calls of every service: what their text holds, where they come from, and where they are processed."""

import json

import pytest

from law_house import LawHouse, needs_law, route
from test_image_forms import PNG, form
from test_scenario_a import DOMESTIC, RESIDENT, ZONE, registry

DAY = "2026-11-02T"
ASKS = {
    "/v1/embeddings": lambda text: {"model": "toy-voice", "input": ["a river", text]},
    "/v2/rerank": lambda text: {"model": "toy-voice", "query": "a river", "documents": ["a road", {"text": text}]},
    "/v1/images/generations": lambda text: {"model": "toy-voice", "prompt": text, "size": "512x512", "quality": "low"},
}


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """Scenario A, where the zone also has vectors, orders and pictures; outside of it they are cheaper."""
    needs_law()
    made = LawHouse(tmp_path_factory.mktemp("law") / "demo", f"{DAY}03:00:00Z", 2)
    made.tokenizers = []
    registry(made)
    rules = made.rules
    for book in rules["price_books"]:
        book["lines"]["toy-voice"].update(per_search_unit="0.002", per_image="0.04")
    for dialect in ("openai_embeddings", "rerank", "openai_images"):
        name = dialect.replace("_", "-")
        rules["routes"] += [
            route(f"zone-{name}", "c", "toy-voice", made.upstreams[ZONE], "CN/shantou", "dt.c", "cost", pool="swa-1",
                  dialect=dialect),
            route(f"domestic-{name}", "c", "toy-voice", made.upstreams[DOMESTIC], "CN/guangzhou", "dt.c", "cheap",
                  credential="c.c-domestic", pool="domestic-1", dialect=dialect)]
    made.put_in_force()
    made.client("T", "t", "toys")
    made.toy = made.new_key("T", "toys", "--market", "SG", "--consent", "consent-1")
    made.upstream(ZONE)
    made.upstream(DOMESTIC)
    made.start()
    yield made
    assert made.served(DOMESTIC) == 0, "nothing was ever processed outside the zone"
    made.end()


@pytest.mark.parametrize("path", ASKS)
def test_each_is_served_in_the_zone(house, path):
    shown = house.fine(house.ask(house.toy, ASKS[path]("a fox"), "SG", link=True, path=path))
    assert shown["operator"]["route"].startswith("zone-") and shown["evidence"]["place"] == "CN/shantou"


@pytest.mark.parametrize("path", ASKS)
def test_what_may_not_be_mixed_in_is_found_in_their_text(house, path):
    before = house.served(ZONE)
    _, shown = house.refusal(house.ask(house.toy, ASKS[path](f"of {RESIDENT}, please"), "SG", link=True, path=path), 422,
                          "zone_mixed_data")
    assert shown["evidence"]["detected"] == "cn_resident_id 1" and house.served(ZONE) == before


def test_what_nobody_can_look_through_is_not_sold_there(house):
    answer = house.ask(house.toy, {"model": "toy-voice", "input": [17, 4, 99]}, "SG", link=True, path="/v1/embeddings")
    error = json.loads(answer[2])["error"]
    assert answer[0] in (403, 422) and error["type"] == "compliance_refusal", answer


@pytest.mark.parametrize("path, fields", [("/v1/images/edits", [("prompt", "a fox")]), ("/v1/images/variations", [])])
def test_pictures_that_nobody_has_looked_into_are_not_sold_there(house, path, fields):
    kind, body = form([("model", "toy-voice"), *fields], [("image", "a.png", PNG)])
    before = house.served(ZONE)
    answer = house.ask(house.toy, body, "SG", link=True, path=path, headers={"Content-Type": kind})
    error = json.loads(answer[2])["error"]
    assert answer[0] in (403, 422) and error["type"] == "compliance_refusal", answer
    assert house.served(ZONE) == before


@pytest.mark.parametrize("path", ASKS)
def test_the_zone_serves_no_mainland_address(house, path):
    before = house.served(ZONE)
    answer = house.ask(house.toy, ASKS[path]("a fox"), "CN", link=True, path=path)
    assert answer[0] in (403, 451) and json.loads(answer[2])["error"]["type"] == "compliance_refusal"
    assert house.served(ZONE) == before
