"""Scenario B: an aggregator with three licensed sources, on 2 November 2026, from one minute to the next.

Not here, as they come with the settlement: S3's invoice that counts the swapped call (16:00, BILL_INVOICE_QTY), and C2's
invoice that somebody else pays (16:10, BILL_PAYER)."""

import json
import threading

import pytest

from conftest import VOCAB, wait_for
from law_house import (LawHouse, agreement, bought, client_party, client_terms, grant, lane, model, needs_law,
                       party, route, upstream_terms)

DAY = "2026-11-02T"
TOKENIZERS = ("--tokenizer", f"m-alpha={VOCAB}/qwen3.etk", "--tokenizer", f"m-beta={VOCAB}/o200k_base.etk",
              "--tokenizer", f"m-xray={VOCAB}/o200k_base.etk")
CLIENTS = {"c1": "SG", "c2": "BR", "c3": "SG", "c9": "CN", "c10": "HK", "c11": "MY"}


def price(name, **lines):
    return {"id": name, "version": "1", "currency": "USD",
            "lines": {key.replace("_", "-"): dict(zip(("input", "output"), value)) for key, value in lines.items()}}


def registry(house):
    """P buys m-alpha of its maker A (S1) and of a cloud (S2), m-xray of the cloud too, m-beta of a channel (S3)."""
    rules, doc = house.rules, house.document
    rules["parties"] = [
        party("vendor-a", "vendor", "CN", reg_no="91350100M000100Y43"),
        party("vendor-b", "vendor", "CN", reg_no="91440500MA00000X1W"),
        party("vendor-x", "vendor", "US"), party("cloud", "cloud", "SG"), party("chan", "channel", "SG"),
        party("p", "aggregator", "SG")]
    rules["parties"] += [client_party(name, country) for name, country in CLIENTS.items()]
    house.row("parties", "c10").update(registered_at="2026-09-23T00:00:00Z",
                                       billing_instrument={"country": "CN", "kind": "company_card"})
    rules["models"] = [
        model("m-alpha", "vendor-a", "CN", tokenizer="qwen3"),
        model("m-beta", "vendor-b", "CN", tokenizer="o200k_base"),
        model("m-xray", "vendor-x", "US", tokenizer="o200k_base")]
    rules["keys"] = []
    wide = ["SG", "MY", "TH"]
    rules["grants"] = [
        grant("G-S1", "vendor-a", "p", "root", ["m-alpha"], ["WORLD"], doc("letter-s1", "A lets P sell m-alpha."),
              valid_until=f"{DAY}12:00:00Z"),
        grant("G-A-CLOUD", "vendor-a", "cloud", "root", ["m-alpha"], wide, doc("letter-a-cloud", "A, the cloud."),
              sublicense_depth=1),
        grant("G-CLOUD-P", "cloud", "p", "G-A-CLOUD", ["m-alpha"], wide, doc("letter-cloud-p", "The cloud, P.")),
        grant("G-X-CLOUD", "vendor-x", "cloud", "root", ["m-xray"], ["WORLD"], doc("letter-x-cloud", "X, the cloud."),
              sublicense_depth=1),
        grant("G-CLOUD-P-X", "cloud", "p", "G-X-CLOUD", ["m-xray"], ["WORLD"], doc("letter-cloud-p-x", "m-xray.")),
        grant("G-B-CHAN", "vendor-b", "chan", "root", ["m-beta"], ["SG", "VN", "AE", "BR"],
              doc("letter-b-chan", "B, the channel."), sublicense_depth=1),
        grant("G-CHAN-P", "chan", "p", "G-B-CHAN", ["m-beta"], ["SG", "VN", "AE", "BR"],
              doc("letter-chan-p", "The channel, P."))]
    paper = doc("client-papers", "P supplies calls; nothing is stored, nothing trained on.")
    basis = [(country, "SG", "consent") for country in ("BR", "CN", "HK", "MY")]
    rules["data_terms"] = [client_terms("dt.clients", paper, ["SG"], basis)]
    rules["agreements"] = [agreement(f"A-{name}", "p", name, ["SG" if country == "CN" else country], paper, "dt.clients")
                           for name, country in CLIENTS.items()]
    rules["data_terms"] += [upstream_terms(f"dt.{name}", paper) for name in ("vendor-a", "cloud", "chan")]
    rules["lanes"] = [lane("to-sg", ["BR", "CN", "HK", "MY"], ["SG"], ["consent"], "made up for the scenario")]
    rules["subprocessors"] = [
        {"id": "list-1", "version": 1, "published_at": "2025-11-01T00:00:00Z", "effective_at": "2025-12-01T00:00:00Z",
         "notice_days": 30, "objections": [], "entries": [{"party": name, "service": "inference", "location": "SG"}
                                                          for name in ("vendor-a", "vendor-b", "vendor-x", "cloud",
                                                                       "chan")]}]
    rules["networks"] = []
    rules["requirements"] = []
    rules["price_books"] = [
        price("cost-s1", m_alpha=("0.20", "0.80")), price("cost-s2", m_alpha=("0.24", "0.95"), m_xray=("2.50", "10")),
        price("cost-s3", m_beta=("0.15", "0.60")),
        price("world", m_alpha=("0.30", "1.20"), m_beta=("0.22", "0.90"), m_xray=("3", "12"))]
    bought(house, "vendor-a", "p", grant="G-S1")
    bought(house, "cloud", "p")
    bought(house, "chan", "p", grant="G-CHAN-P")
    one, two, three = house.upstreams
    rules["routes"] = [
        route("S1", "vendor-a", "m-alpha", one, "SG/west", "dt.vendor-a", "cost-s1"),
        route("S2", "cloud", "m-alpha", two, "SG/east", "dt.cloud", "cost-s2"),
        route("X", "cloud", "m-xray", two, "SG/east", "dt.cloud", "cost-s2"),
        route("S3", "chan", "m-beta", three, "SG/north", "dt.chan", "cost-s3")]
    rules["products"] = [
        {"id": "world", "name": "World models", "mode": "aggregate", "brand": "Example", "seller": "p",
         "models": ["m-alpha", "m-beta", "m-xray"], "price_book": "world",
         "markets": {"allow": ["WORLD"], "deny": ["CN", "IR", "KP"]}, "dpa": {"version": "3"},
         "unit": {"name": "AI token", "per_currency_unit": 10000},
         "plans": [{"id": "starter", "price": "100", "currency": "USD", "units": 1000000, "expires_days": 365}]}]


def build(folder, at):
    house = LawHouse(folder, at, 3)
    house.tokenizers = TOKENIZERS
    registry(house)
    house.put_in_force()
    for name, country in CLIENTS.items():
        # C9 was let in as somebody else; that it is a mainland company came out later.
        domestic = country == "CN"
        house.client(name, None if domestic else name, "world",
                     more=("--country", "SG", "--billing-country", "SG", "--type", "enterprise") if domestic else ())
    house.keys = {name: house.new_key(name, "world") for name in CLIENTS}
    house.command("client", "standing", house.clients["c9"], "--party", "c9")
    for at in range(3):
        house.upstream(at)
    house.start()
    return house


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    needs_law()
    house = build(tmp_path_factory.mktemp("b") / "demo", f"{DAY}11:50:00Z")
    yield house
    house.end()


def say(name="m-alpha", text="Say something kind.", **more):
    return {"model": name, "max_tokens": 40, "messages": [{"role": "user", "content": text}], **more}


def call(house, client, body=None, address=None, **more):
    country = CLIENTS[client]
    return house.ask(house.keys[client], body or say(), address or ("SG" if country == "CN" else country), **more)


def reasons(shown):
    return shown["operator"]["reasons"]


def state(house, name):
    return next(row for row in house.json("route", "list") if row["route"] == name)


def claim_of(house, route, kind):
    return next((row for row in house.json("claim", "list") if (row["route"], row["kind"]) == (route, kind)), None)


def amount(shown):
    return int(shown["client"]["amount"])


def cost(shown):
    """By the list "world", of m-alpha: 300 and 1 200 billionths of a dollar a token."""
    billed = shown["client"]["billed"]
    return 300 * int(billed["in"]) + 1200 * int(billed["out"])


# ---- 11:59:59.9 to 12:45: a chain ends, and is renewed ------------------------------------------


def test_1159_a_stream_admitted_before_expiry_ends_after_it_and_is_billed(house):
    """And 12:00:00.000: the next call of C1 goes by S2, at the same price."""
    house.upstream(0, "--pace-ms", "200", "--words", "34")
    done = {}

    def stream():
        done["answer"] = call(house, "c1", say(stream=True), before=lambda: house.clock.wait(f"{DAY}11:59:59.900Z"))

    for _ in range(5):
        house.clock.set(f"{DAY}11:59:57.500Z")
        thread = threading.Thread(target=stream)
        thread.start()
        house.clock.wait(f"{DAY}12:00:00Z")
        second = house.fine(call(house, "c1"))
        house.clock.wait(f"{DAY}12:00:02Z")
        house.clock.set(f"{DAY}12:00:17Z")
        thread.join()
        first = house.fine(done["answer"])
        if first["client"]["begun"] < f"{DAY}12:00:00.000Z" and second["client"]["begun"] < f"{DAY}12:00:01":
            break  # on a machine that is busy the calls may come too late
    assert first["operator"]["route"] == "S1" and first["operator"]["law"] == "allow S1 S2"
    assert first["client"]["outcome"] == "complete" and b"[DONE]" in done["answer"][2]
    assert first["client"]["begun"] >= f"{DAY}11:59:59.900Z" and first["client"]["ended"] > f"{DAY}12:00:17"
    assert first["evidence"]["straddles_expiry"] == "yes"
    assert amount(first) == cost(first) > 0 and first["client"]["billed"]["out"] == "34"

    assert second["operator"]["route"] == "S2" and second["operator"]["law"] == "allow S2"
    assert f"{DAY}12:00:00" <= second["client"]["begun"] < f"{DAY}12:00:01"
    assert reasons(second) == ["S1 edge G-S1 CHAIN_EXPIRED since 0 s"]
    assert second["evidence"]["straddles_expiry"] == "no"
    # The client pays the same list; what P pays is S2's contract price, which is more.
    assert second["client"]["price_book"] == first["client"]["price_book"] == "world/1"
    assert amount(second) == cost(second)


def test_1200_the_route_left_by_the_clock_and_not_by_a_call(house):
    """What the server wrote at noon."""
    rows = [json.loads(line) for line in (house.folder / "server.log").read_text().splitlines() if line[:1] == "{"]
    ended = [row for row in rows if row["event"] == "law_ended"]
    closed = [row for row in rows if row["event"] == "route_closed"]
    assert (ended[0]["kind"], ended[0]["id"]) == ("grant", "G-S1")
    assert closed[0]["route"] == "S1" and f"{DAY}12:00:00" <= closed[0]["at"] < f"{DAY}12:00:01", closed
    soon = [row for row in rows if row["event"] == "law_ends_soon" and row["id"] == "G-S1"]
    assert soon and soon[0]["days"] == 1


def test_1200_whom_the_other_source_may_not_serve_is_refused(house):
    house.clock.set(f"{DAY}12:00:00Z")
    before = house.served(0), house.served(1)
    told, shown = house.refusal(call(house, "c2"), 503, "no_closed_route")
    assert told["retry"] == "after" and "closures" not in told and "closure" not in told
    lines = reasons(shown)
    assert any(line.startswith("S1 edge G-S1 CHAIN_EXPIRED since ") for line in lines), lines
    assert any(line.startswith("S2 SCOPE_REGION BR not in {MY,SG,TH}") for line in lines), lines
    assert shown["client"]["reasons"] == ["no_closed_route"] and shown["client"]["verdict"] == "refuse"
    assert (house.served(0), house.served(1)) == before
    assert "S1" not in json.dumps(told) and "vendor-a" not in json.dumps(told)


def test_1200_closures_show_what_is_open(house):
    shown = house.command("closures", "--client", house.clients["c2"], "--model", "m-alpha", "--at",
                          f"{DAY}12:00:00Z").stdout
    print(shown)
    lines = {line.split()[0]: line for line in shown.splitlines()}
    assert lines["authorization"].startswith("authorization open: S1 edge G-S1 CHAIN_EXPIRED since 0 s; "
                                             "S2 closed (2 edges, next expiry 2027-01-01T00:00:00Z)")
    assert lines["scope"].startswith("scope open: ") and "S2 SCOPE_REGION BR not in {MY,SG,TH}" in lines["scope"]
    assert lines["data"] == "data closed"
    assert lines["billing"] == "billing pending (Nov)"
    assert lines["=>"] == "=> no route"
    before = house.command("closures", "--client", house.clients["c2"], "--model", "m-alpha", "--at",
                           f"{DAY}11:59:59Z").stdout
    assert "=> S1" in before


def test_1205_a_chat_message_is_no_renewal(house):
    house.clock.set(f"{DAY}12:05:00Z")
    chat = house.document("chat", "renewed, go on", "other")
    renewal = grant("G-S1v2", "vendor-a", "p", "root", ["m-alpha"], ["WORLD"], chat, version=2,
                    valid_from=f"{DAY}12:00:00Z", evidence_class="written_unsigned", entered_at=f"{DAY}12:05:00Z")
    house.rules["grants"].append(renewal)
    house.write_all()
    assert "G-S1v2" in house.refused("CHAIN_NOT_WRITTEN")
    # Nor does it become one by being called signed: nobody has signed it.
    renewal["evidence_class"] = "written_signed"
    renewal.pop("signature", None)
    house.write("grants")
    assert "G-S1v2" in house.refused("CHAIN_SIGNATURE")
    house.rules["grants"].remove(renewal)
    house.write("grants")
    assert house.fine(call(house, "c1"))["operator"]["route"] == "S2"


def test_1240_a_signed_renewal_is_back_at_once_and_not_before(house):
    house.clock.set(f"{DAY}12:29:59Z")
    before = house.served(0)
    assert house.fine(call(house, "c1"))["operator"]["route"] == "S2"
    house.clock.set(f"{DAY}12:35:00Z")
    assert house.fine(call(house, "c1"))["operator"]["route"] == "S2"
    house.clock.set(f"{DAY}12:40:00Z")
    house.rules["grants"].append(grant(
        "G-S1v2", "vendor-a", "p", "root", ["m-alpha"], ["WORLD"], house.document("renewal", "A renews."), version=2,
        valid_from=f"{DAY}12:30:00Z", entered_at=f"{DAY}12:40:00Z", reviewed_by="ann"))
    house.row("credentials", "c.vendor-a")["grant"] = "G-S1v2"
    house.write_all()
    house.refused("FOUR_EYES")
    house.row("grants", "G-S1v2")["reviewed_by"] = "ben"
    assert house.put_in_force()["state"] == "in force"
    assert house.served(0) == before, "nothing since 12:00 was sent to S1"
    assert house.fine(call(house, "c1"))["operator"]["route"] == "S1"
    assert house.fine(call(house, "c2"))["operator"]["route"] == "S1"


def test_1245_a_grant_that_says_more_than_the_one_above_is_refused(house):
    house.clock.set(f"{DAY}12:45:00Z")
    row = house.row("grants", "G-CLOUD-P")
    kept = dict(row)
    row["regions"] = {"allow": ["WORLD"], "deny": ["CN", "IR", "KP"]}
    row.pop("signature")
    house.write_all()
    said = house.refused("CHAIN_WIDENED")
    assert "regions" in said and "G-CLOUD-P" in said
    row.clear()
    row.update(kept)
    house.write_all()
    assert house.fine(call(house, "c1"))["operator"]["route"] == "S1"


# ---- 13:10 to 13:30: a source that is not honest ------------------------------------------------


@pytest.mark.parametrize("stream", [False, True])
def test_1310_a_prefix_and_a_date_are_the_same_model(house, stream):
    house.clock.set(f"{DAY}13:08:00Z")
    house.upstream(2, "--declare-model", "chan/m-beta-20260901")
    assert house.fine(call(house, "c1", say("m-beta", stream=stream)))["operator"]["route"] == "S3"
    assert house.json("claim", "list") == []


def test_1310_another_model_is_not_delivered_nor_billed_and_claimed(house):
    house.clock.set(f"{DAY}13:10:00Z")
    house.upstream(2, "--declare-model", "m-beta-mini")
    status, headers, body = call(house, "c1", say("m-beta", stream=True))
    error = json.loads(body)["error"]
    assert (status, error["code"]) == (502, "upstream_model_mismatch")
    assert b"m-beta-mini" not in body and headers["x-should-retry"] == "false"
    name = headers["x-entrepot-call"]
    shown = house.receipt(name)
    assert amount(shown) == 0 and shown["client"]["outcome"] == "failed"
    assert state(house, "S3")["state"] == "quarantined" and state(house, "S3")["reason"] == "swap"
    claim = claim_of(house, "S3", "swap")
    assert (claim["state"], claim["calls"]) == ("open", 1)
    [proof] = house.json("claim", "show", str(claim["claim"]))["calls"]
    assert (proof["call"], proof["declared"]) == (name, "m-beta-mini")
    assert proof["upstream_id"] == shown["operator"]["tries"][0]["upstream_id"]


def test_1311_the_retry_finds_no_route(house):
    house.clock.set(f"{DAY}13:11:00Z")
    before = house.served(2)
    _, shown = house.refusal(call(house, "c1", say("m-beta")), 503, "no_closed_route")
    assert reasons(shown) == ["S3 MODEL_SWAP"]
    assert house.served(2) == before


def sized(house, tokens):
    """A call of m-alpha with a prompt of so many tokens."""
    def count(words):
        text = json.dumps(say(text="word" + " word" * (words - 1)))
        return house.count(text, "--chat", "--model", "m-alpha")["tokens"]
    return say(text="word" + " word" * (100 + tokens - count(101)))


def test_1320_inflation_is_another_slope(house):
    house.clock.set(f"{DAY}13:20:00Z")
    house.command("route", "quarantine", "S1", "--by", "Ada", "--why", "maintenance; S2 serves")
    house.upstream(1, "--usage", "inflated", "--inflate", "12")
    bodies = [sized(house, tokens) for tokens in (120, 480, 1024)]
    seen, served = set(), 0
    for at in range(75):
        answer = call(house, "c1", bodies[at % 3])
        if answer[0] != 200:
            break
        shown = house.receipt(answer[1]["x-entrepot-call"])["client"]
        seen.add((shown["counted"]["in"], shown["reported"]["in"]))
        served += 1
    assert seen == {("120", "134"), ("480", "538"), ("1024", "1147")}
    assert 40 <= served <= 70, "50 calls are looked at, with those of 12:00"
    _, shown = house.refusal(answer, 503, "no_closed_route")
    assert state(house, "S2")["reason"] == "slope" and "S2 MODEL_SWAP" in reasons(shown)
    assert state(house, "X")["state"] == "active", "m-xray of the same cloud goes on"
    claim = claim_of(house, "S2", "slope")
    assert claim["calls"] >= 50 and claim["difference"] == claim["reported"] - claim["counted"] > 0
    # While that stands the client pays by our count, where the route is used at all.
    house.command("route", "release", "S2", "--by", "Ada", "--why", "to see what is billed")
    billed = house.fine(call(house, "c1", bodies[2]))
    assert billed["operator"]["route"] == "S2" and billed["client"]["billed_by"] == "counted"
    assert billed["client"]["billed"]["in"] == "1024" and amount(billed) == cost(billed)
    assert claim_of(house, "S2", "slope")["calls"] == claim["calls"] + 1
    house.command("route", "release", "S1", "--by", "Ada", "--why", "done")
    house.upstream(1)


def test_1330_a_constant_is_padding_and_no_swap(tmp_path):
    needs_law()
    house = build(tmp_path / "demo", f"{DAY}13:30:00Z")
    try:
        house.upstream(1, "--usage", "padded", "--pad", "24")
        bodies = [sized(house, tokens) for tokens in (120, 480, 1024)]
        for at in range(64):
            shown = house.fine(call(house, "c1", bodies[at % 3]))
            assert shown["operator"]["route"] == "S2"
            assert int(shown["client"]["reported"]["in"]) == int(shown["client"]["counted"]["in"]) + 24
        assert state(house, "S2")["state"] == "active"
        assert claim_of(house, "S2", "slope") is None and claim_of(house, "S2", "swap") is None
        claim = claim_of(house, "S2", "offset")
        assert claim["calls"] >= 50 and claim["difference"] == 24 * claim["calls"]
        findings = json.loads(house.command("usage", "check", "--route", "S2", "--json", check=False).stdout)
        [finding] = [row for row in findings if row["side"] == "input"]
        assert (finding["kind"], finding["slope"], finding["offset"]) == ("offset", "+0.000000", "+24.000")
        assert shown["client"]["billed_by"] == "counted" and amount(shown) == cost(shown)
    finally:
        house.end()


# ---- 14:00 to 14:06: who is domestic ------------------------------------------------------------


def test_1400_a_mainland_company_gets_no_foreign_model(house):
    house.clock.set(f"{DAY}14:00:00Z")
    before = house.served(1)
    for address in ("SG", "13.250.0.1"):  # 14:02: through a hosting address in Singapore, the same
        status, _, body = house.ask(house.keys["c9"], None, address, path="/v1/models/m-xray")
        assert (status, json.loads(body)["error"]["code"]) == (451, "reverse_import_refused")
        assert b"pricing" not in body
        listed = json.loads(house.ask(house.keys["c9"], None, address, path="/v1/models")[2])["data"]
        assert "m-xray" not in [row["id"] for row in listed]
        told, shown = house.refusal(call(house, "c9", say("m-xray"), address), 451, "reverse_import_refused")
        assert told["retry"] == "never"
        assert reasons(shown)[0] == "REVERSE_IMPORT m-xray: domestic by kyc"
        house.clock.set(f"{DAY}14:02:00Z")
    assert house.served(1) == before
    # Nor a key, nor credit.
    for words in (("key", "add", "--client", house.clients["c9"], "--product", "world"),
                  ("credit", "purchase", "--client", house.clients["c9"], "--amount", "5", "--product", "world")):
        done = house.command(*words, check=False)
        assert done.returncode == 1 and "MARKET_NOT_SERVED" in done.stderr, done.stderr
    listed = json.loads(house.ask(house.keys["c1"], None, "SG", path="/v1/models")[2])["data"]
    assert "m-xray" in [row["id"] for row in listed]
    assert house.fine(call(house, "c1", say("m-xray")))["operator"]["route"] == "X"


def test_1406_a_language_is_no_signal(house):
    house.clock.set(f"{DAY}14:06:00Z")
    for text in ("今天吉隆坡的天气怎么样？", "请为华文报章写一则关于河流的短文。"):
        house.fine(call(house, "c11", say(text=text), headers={"Accept-Language": "zh-MY,zh;q=0.9"}))
    assert [row for row in house.json("review", "list", "--all") if row["client"] == house.clients["c11"]] == []


# ---- 14:30 to 14:40: what is refused when it is registered --------------------------------------


@pytest.fixture
def draft(house):
    """The registry's objects, to be spoilt; as they were, afterwards, and calls go on."""
    house.clock.set(f"{DAY}14:30:00Z")
    kept = json.dumps(house.rules)
    yield house
    house.rules = json.loads(kept)
    house.write_all()
    assert house.command("registry", "check", str(house.registry)).returncode == 0
    assert house.fine(call(house, "c1"))["operator"]["route"] == "S1"


@pytest.mark.parametrize("kind", ["personal", "education"])
def test_1430_a_key_of_somebody_is_no_source(draft, kind):
    draft.row("credentials", "c.vendor-a")["class"] = kind
    draft.write("credentials")
    assert kind in draft.refused("CREDENTIAL_PROVENANCE")


def test_1430_accounts_in_rotation_are_no_source(draft):
    """Five accounts of five holders behind one model and host."""
    for at in range(1, 6):
        draft.rules["parties"].append(party(f"holder-{at}", "aggregator", "SG"))
        draft.rules["credentials"].append({**draft.row("credentials", "c.vendor-a"), "id": f"c.account-{at}",
                                           "account_holder": f"holder-{at}", "grant": None, "procurement": None})
        draft.rules["routes"].append({**draft.row("routes", "S1"), "id": f"S1-{at}", "credential": f"c.account-{at}"})
    draft.write_all()
    draft.refused("CREDENTIAL_POOL")


def test_1435_a_host_that_is_not_the_vendors_is_no_source(draft):
    draft.row("routes", "S1")["endpoint"] = "https://api.a-vendor-cheap.example/v1"
    draft.row("credentials", "c.vendor-a")["endpoint_host"] = "api.a-vendor-cheap.example"
    draft.write_all()
    assert "api.a-vendor-cheap.example" in draft.refused("ENDPOINT_UNOFFICIAL")


@pytest.mark.parametrize("where", ["product", "route"])
def test_1440_one_model_is_not_sold_as_another(draft, where):
    if where == "product":
        draft.row("products", "world")["aliases"] = [{"name": "m-alpha", "model": "m-beta"}]
    else:
        draft.row("routes", "S1")["upstream_model"] = "m-beta"
    draft.write_all()
    draft.refused("MODEL_ALIAS")


# ---- 15:00: credit is not money -----------------------------------------------------------------


def test_1500_credit_is_not_moved_nor_cashed_out(house):
    house.clock.set(f"{DAY}15:00:00Z")
    before = house.json("credit", "show", "--client", house.clients["c1"])
    status, headers, body = house.ask(house.keys["c1"], {"to": "c2", "units": 1000000}, "SG", path="/v1/credits/transfer")
    assert (status, json.loads(body)["error"]["code"]) == (409, "token_not_transferable")
    assert headers["x-should-retry"] == "false"
    lot = house.json("credit", "entries", "--client", house.clients["c1"])[0]["lot"]
    done = house.command("credit", "refund", "--client", house.clients["c1"], "--lot", str(lot), "--payer",
                         "Somebody Else", "--method", "card", check=False)
    assert done.returncode == 1 and "TOKEN_NO_CASH_OUT" in done.stderr, done.stderr
    assert house.json("credit", "show", "--client", house.clients["c1"]) == before


# ---- 14:05 and 15:10: what is looked at over time -----------------------------------------------


@pytest.mark.slow
def test_1405_and_1510_signs_over_time_are_held_for_review(house):
    """C10: a Hong Kong shell 40 days old, a card of the mainland, Chinese of the mainland first, addresses that one
    database has in the mainland. That it sits in a hosting network on a consumer's plan, and its clock, are not known
    here: the points of the others are enough. C3: 31 networks and 6 countries within an hour, no leave to resell; the
    networks' owners (ASNs) are not known here."""
    house.clock.set(f"{DAY}14:05:00Z")
    for _ in range(12):
        call(house, "c10", address="43.128.0.1", headers={"Accept-Language": "zh-CN,zh;q=0.9"})
    house.clock.set(f"{DAY}15:10:00Z")
    for at in range(31):
        base = ("202.166.{}.9", "175.136.{}.9", "49.228.{}.9", "113.160.{}.9", "112.198.{}.9", "36.64.{}.9")[at % 6]
        call(house, "c3", address=base.format(1 + at // 6))

    def case(client):
        return next((row for row in house.json("review", "list") if row["client"] == house.clients[client]), None)

    wait_for(lambda: case("c10") and case("c3"), "both cases", 150)
    shown = house.json("review", "show", str(case("c10")["case"]))
    print(json.dumps(shown, indent=1))
    assert case("c10")["kind"] == "origin" and case("c10")["holds"] == "traffic"
    _, held = house.refusal(call(house, "c10"), 403, "account_under_review")
    assert reasons(held)[0] == "ORIGIN_REVIEW"
    assert case("c3")["kind"] == "resale" and case("c3")["holds"] == "purchases"
    bought = house.command("credit", "purchase", "--client", house.clients["c3"], "--plan", "starter", check=False)
    assert bought.returncode == 1 and "CLIENT_RESALE_SUSPECT" in bought.stderr
    house.fine(call(house, "c3"))
