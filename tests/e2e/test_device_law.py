"""Fleets of toys and the law: the market of sale, children's consents, and the server's clock alone."""

import hashlib
import json
import time

import pytest

import test_scenario_a as toys
import test_scenario_b as world
from law_house import LawHouse, needs_law

ZONE = toys.ZONE
CONSENT = {"reference": "guardian-4711", "given": "2026-10-31"}


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    needs_law()
    house = LawHouse(tmp_path_factory.mktemp("toys") / "demo", f"{toys.DAY}03:00:00Z", 2)
    house.tokenizers = []
    toys.registry(house)
    house.put_in_force()
    house.client("T", "t", "toys")
    house.fleets = {}
    house.upstream(ZONE)
    house.upstream(toys.DOMESTIC)
    house.start()
    yield house
    assert house.served(toys.DOMESTIC) == 0, "nothing was ever processed outside the zone"
    house.end()


def fleet(house, market, client="T", product="toys"):
    if market not in house.fleets:
        house.fleets[market] = house.json("fleet", "add", "--client", house.clients[client], "--product", product, "--market",
                                          market, "--maker", "Kancil Toys Pte Ltd")
    return house.fleets[market]


def manage(house, market, path, body):
    status, _, answer = house.request(f"/v1/devices{path}", body, key=house.fleets[market]["secret"])
    return status, json.loads(answer)


def device(house, market, name, **more):
    fleet(house, market)
    status, made = manage(house, market, "", {"device_id": name, **more})
    assert status == 201, made
    return made["key"]


def call(house, key, place):
    return house.ask(key, toys.say(), place, link=True)


def test_the_market_of_sale_decides_whatever_the_call_says(house):
    for market in ("SG", "MY", "ID"):
        shown = house.fine(house.ask(device(house, market, f"{market}-00001", consent=CONSENT), toys.say(), market, link=True,
                                     headers={"x-entrepot-market": "JP"}))
        assert shown["evidence"]["market"] == market
    told, shown = house.refusal(call(house, device(house, "JP", "JP-00001", consent=CONSENT), "SG"), 451, "zone_market")
    assert toys.reasons(shown)[0].startswith("ZONE_MARKET JP not in {")
    told, shown = house.refusal(call(house, device(house, "CN", "CN-00001", consent=CONSENT), "SG"), 451, "zone_origin")
    assert told["retry"] == "never" and shown["operator"]["reasons"][0].startswith("ZONE_ORIGIN_CN")


def test_a_toy_of_children_needs_a_consent_that_is_in_force(house):
    key = device(house, "SG", "SG-00002")
    told, _ = house.refusal(call(house, key, "SG"), 403, "data_child")
    assert told["closure"] == "data" and told["retry"] == "after_change"
    assert manage(house, "SG", "/SG-00002/consent", CONSENT)[0] == 200
    shown = house.fine(call(house, key, "SG"))
    facts = json.dumps(shown["operator"])
    assert hashlib.sha256(b"guardian-4711").hexdigest() in facts and "guardian" not in json.dumps(shown)
    assert manage(house, "SG", "/SG-00002/consent", {"reference": None})[0] == 200
    house.refusal(call(house, key, "SG"), 403, "data_child")


def test_a_day_is_the_servers_whatever_a_device_believes(house):
    key = device(house, "SG", "SG-00003", consent=CONSENT, expires="2026-11-04T12:00:00Z",
                 caps={"calls_day": 1, "wakes_day": 1})
    for day in (2, 3):
        house.clock.set(f"2026-11-0{day}T23:59:00Z")
        house.fine(call(house, key, "SG"))
        status, headers, body = house.ask(key, toys.say(), "SG", link=True, headers={"Date": "Fri, 01 Jan 2027 00:00:00 GMT"})
        error = json.loads(body)["error"]
        assert (status, error["code"]) == (429, "calls_day") and error["entrepot"]["resets"] == f"2026-11-0{day + 1}T00:00:00.000Z"
        for status in (200, 429):
            assert house.request("/v1/devices/SG-00003/wake", {}, key=key)[0] == status
        told = json.loads(house.request("/v1/devices/time", key="none")[2])["server_time"]["timestamp"]
        assert house.clock.offset + time.time() - told / 1000 < 30
    house.clock.set("2026-11-04T11:59:00Z")
    house.fine(call(house, key, "SG"))
    house.clock.set("2026-11-04T12:00:00Z")
    status, _, body = house.ask(key, toys.say(), "SG", link=True)
    assert (status, json.loads(body)["error"]["code"]) == (403, "device_expired")
    house.calls.pop()  # nobody is known to answer for it: there is no receipt


def test_a_day_of_money_ends_with_the_servers_day(house):
    key = device(house, "MY", "MY-00003", consent=CONSENT, caps={"money_day": "0.0005"})
    house.clock.set("2026-11-05T23:59:00Z")
    refused = spent = 0
    while not refused:
        status, headers, body = call(house, key, "MY")
        refused = status == 429 and json.loads(body)["error"]
        spent += 0 if refused else int(house.receipt(headers["x-entrepot-call"])["client"]["amount"])
    assert refused["code"] == "budget_day" and refused["entrepot"]["left"] == f"{(500000 - spent) / 1e9:.9f}".rstrip("0")
    house.clock.set("2026-11-06T00:00:00Z")
    house.fine(call(house, key, "MY"))


# ---- toys with foreign models


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    needs_law()
    house = LawHouse(tmp_path_factory.mktemp("world") / "demo", f"{world.DAY}11:00:00Z", 3)
    house.tokenizers = []
    world.registry(house)
    house.put_in_force()
    for name in ("c1", "c10"):
        house.client(name, name, "world")
    house.fleets = {}
    for at in range(3):
        house.upstream(at, *world.TOKENIZERS)
    house.start()
    yield house
    house.end()


def body(model):
    return {"model": model, "max_tokens": 20, "messages": [{"role": "user", "content": "Tell me of the mouse deer."}]}


def test_a_toy_that_is_sold_in_the_mainland_gets_no_foreign_model_and_its_neighbour_does(shop):
    fleet(shop, "CN", "c1", "world")
    key = device(shop, "CN", "CN-00001")
    told, shown = shop.refusal(shop.ask(key, body("m-xray"), "SG"), 451, "reverse_import_refused")
    assert toys.reasons(shown)[0] == "REVERSE_IMPORT m-xray: domestic by market" and told["retry"] == "never"
    shop.refusal(shop.ask(key, body("m-alpha"), "SG"), 403, "scope_region")  # the client's contract is for SG
    fleet(shop, "HK", "c10", "world")
    shop.fine(shop.ask(device(shop, "HK", "HK-00001"), body("m-xray"), "HK"))
    fleet(shop, "SG", "c1", "world")
    near = device(shop, "SG", "SG-00001")
    shop.fine(shop.ask(near, body("m-xray"), "SG"))
    shop.refusal(shop.ask(near, body("m-xray"), "CN"), 451, "reverse_origin")  # carried there, though sold abroad
