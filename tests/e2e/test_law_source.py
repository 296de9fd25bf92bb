"""A source from nothing to its first call: registered, seen to be open and why, closed step by step, and called."""

import json

import pytest

from law_house import bought, grant, model, needs_law, party, route, upstream_terms
from test_scenario_b import DAY, build, call, reasons, say

NAME = "m-delta"


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    needs_law()
    house = build(tmp_path_factory.mktemp("source") / "demo", f"{DAY}09:00:00Z")
    yield house
    house.end()


def closures(shop):
    text = shop.command("closures", "--client", shop.clients["c1"], "--model", NAME).stdout
    return text, {line.split()[0]: line for line in text.splitlines()}


def test_a_source_is_closed_step_by_step(shop):
    rules = shop.rules
    rules["parties"].append(party("vendor-d", "vendor", "SG"))
    rules["models"].append(model(NAME, "vendor-d", "SG"))
    for book, line in (("cost-s1", ("0.2", "0.8")), ("world", ("0.3", "1.2"))):
        shop.row("price_books", book)["lines"][NAME] = dict(zip(("input", "output"), line))
        shop.row("price_books", book)["version"] = "2"
    bought(shop, "vendor-d", "p")
    rules["routes"].append(route("S4", "vendor-d", NAME, shop.upstreams[0], "SG/south", None, "cost-s1"))
    shop.row("products", "world")["models"].append(NAME)
    shop.put_in_force()

    # Nothing about it is known yet, and all of that is told at once.
    text, lines = closures(shop)
    assert lines["authorization"].startswith("authorization open: S4 "), text
    assert "CHAIN_" in lines["authorization"], text
    assert "S4 DATA_UPSTREAM_TERMS(none) vendor-d" in lines["data"], text
    assert "S4 DATA_SUBPROCESSOR(unlisted) vendor-d" in lines["data"], text
    assert lines["=>"] == "=> no route"
    answer = call(shop, "c1", say(NAME))
    error = json.loads(answer[2])["error"]
    assert answer[0] in (403, 503) and "vendor-d" not in answer[2].decode()
    told, shown = shop.refusal(answer, answer[0], error["code"])
    assert any("DATA_UPSTREAM_TERMS" in line for line in reasons(shown)), reasons(shown)
    listed = json.loads(shop.ask(shop.keys["c1"], None, "SG", path="/v1/models")[2])["data"]
    assert NAME not in [row["id"] for row in listed]

    # The maker's letter.
    rules["grants"].append(grant("G-S4", "vendor-d", "p", "root", [NAME], ["SG"], shop.document("letter-s4", "D, P.")))
    shop.put_in_force()
    text, lines = closures(shop)
    assert lines["authorization"].startswith("authorization closed: S4 (1 edge, next expiry 2027-01-01T00:00:00Z)"), text
    assert lines["scope"] == "scope closed" and lines["=>"] == "=> no route"

    # What it does with content, and that clients were told of it.
    rules["data_terms"].append(upstream_terms("dt.vendor-d", shop.document("data-d", "Nothing is kept.")))
    shop.row("routes", "S4")["data_terms"] = "dt.vendor-d"
    rules["subprocessors"].append({
        **shop.row("subprocessors", "list-1"), "id": "list-2", "version": 2, "published_at": "2026-09-01T00:00:00Z",
        "effective_at": "2026-10-01T00:00:00Z"})
    rules["subprocessors"][-1]["entries"] = [*rules["subprocessors"][0]["entries"],
                                             {"party": "vendor-d", "service": "inference", "location": "SG"}]
    shop.put_in_force()
    text, lines = closures(shop)
    assert lines["data"] == "data closed" and lines["=>"] == "=> S4", text
    shown = shop.fine(call(shop, "c1", say(NAME)))
    assert shown["operator"]["route"] == "S4" and int(shown["client"]["amount"]) > 0

    # A client where the letter does not reach is told so, and by which closure.
    told, shown = shop.refusal(call(shop, "c2", say(NAME)), 403, "scope_region")
    assert told["closure"] == "scope" and told["closures"]["scope"] == "open"
    assert told["closures"]["authorization"] == "closed" and told["closures"]["data"] == "closed"
    assert any(line.startswith("S4 SCOPE_REGION BR not in {SG}") for line in reasons(shown)), reasons(shown)
