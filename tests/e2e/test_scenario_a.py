"""Scenario A: an AI toy sold in South-East Asia, whose calls are processed in a special zone and nowhere else.

Not here, as they come later: speech and its prices (the text of each segment is billed here; a wake, speech in and speech
out are not sold yet); and with the settlement the month's split, the energy, the evidence pack, and the line that is
withheld when one segment's egress record was deleted (ZONE_TRACE_GAP): the call itself is served as any other."""

import json
import re
import threading

import pytest

from conftest import wait_for
from law_house import (FROM, UNTIL, LawHouse, agreement, bought, client_party, client_terms, grant, lane, model,
                       needs_law, party, route, upstream_terms)
from talker import Talker

DAY = "2026-11-02T"
RESIDENT = "11010519491231002X"  # the example of the standard itself
ZONE, DOMESTIC = 0, 1
POOL_PLACES = 2


def registry(house):
    rules, doc = house.rules, house.document
    rules["parties"] = [
        party("v", "vendor", "CN", reg_no="91350100M000100Y43"), party("c", "compute_center", "CN"),
        party("k", "carrier", "CN"), party("p", "platform", "CN"),
        client_party("t", "SG", legal_name="Kancil Toys Pte Ltd", end_users=["SG", "MY", "ID"])]
    rules["models"] = [model("toy-voice", "v", "CN")]
    rules["keys"] = []
    rules["grants"] = [
        grant("G1", "v", "p", "root", ["toy-voice"], ["SG", "MY", "ID", "TH"], doc("letter", "V lets P sell."),
              actions=["api_call", "resell", "device_embed"], client_types=["enterprise", "child_directed"])]
    paper = doc("dpa-v3", "Data agreement, version 3: nothing is stored, nothing is trained on.")
    rules["data_terms"] = [
        client_terms("dt.t", paper, ["CN"], [("SG", "CN", "contract_pdpa26"), ("MY", "CN", "tia"),
                                             ("ID", "CN", "asean_mcc")], consent_ref_required=True),
        upstream_terms("dt.c", paper)]
    rules["agreements"] = [
        agreement("A1", "p", "t", ["SG", "MY", "ID"], doc("a1", "P supplies T's toys."), "dt.t",
                  actions=["api_call", "device_embed"], client_types=["enterprise", "child_directed"],
                  regions={"allow": ["SG", "MY", "ID"], "deny": []}, child_directed=True)]
    rules["lanes"] = [
        lane("sg-cn", ["SG"], ["CN"], ["contract_pdpa26"], "SG PDPA 2012, section 26"),
        lane("my-cn", ["MY"], ["CN"], ["tia"], "MY PDPA 2010, section 129 as amended"),
        lane("id-cn", ["ID"], ["CN"], ["adequacy", "asean_mcc"], "ID Law 27/2022, article 56")]
    rules["subprocessors"] = [
        {"id": "list-1", "version": 1, "published_at": "2025-11-01T00:00:00Z", "effective_at": "2025-12-01T00:00:00Z",
         "notice_days": 30, "objections": [], "entries": [
             {"party": name, "service": what, "location": "CN"}
             for name, what in (("c", "inference"), ("v", "model"), ("k", "landing station"))]}]
    rules["pools"] = [
        {"id": "swa-1", "operator": "c", "zone": "CN-SWA-Z1", "place": "CN/shantou", "max_concurrent": POOL_PLACES},
        {"id": "domestic-1", "operator": "c", "place": "CN/guangzhou", "max_concurrent": 64}]
    rules["zones"] = [
        {"id": "CN-SWA-Z1", "operator": "c", "pools": ["swa-1"], "facilities": ["hall 3"],
         "approval": {"authority": "Made-up zone authority", "valid_from": FROM, "valid_until": UNTIL,
                      "operators": ["c"], "pools": ["swa-1"], "doc": doc("approval", "The pilot is approved.")},
         "ingress_links": ["landing-1"], "egress_links": ["landing-1"],
         "allowed_markets": ["SG", "MY", "TH", "ID", "VN", "PH", "KH", "LA", "MM", "BN"],
         "separation": {"network": "physical", "compute": "physical", "storage": "physical", "keys": "logical",
                        "admin": "logical", "logs": "physical", "cache": "physical"}, "retention_max_s": 0}]
    for name in ("networks", "requirements"):
        rules[name] = []
    rules["price_books"] = [
        {"id": "cost", "version": "1", "currency": "USD", "lines": {"toy-voice": {"input": "0.10", "output": "0.40"}}},
        {"id": "cheap", "version": "1", "currency": "USD", "lines": {"toy-voice": {"input": "0.01", "output": "0.04"}}},
        {"id": "toys", "version": "1", "currency": "USD",
         "lines": {"toy-voice": {"input": "0.30", "cached_input": "0.06", "output": "1.20"}}}]
    bought(house, "c", "p")
    bought(house, "c", "p", name="c-domestic")
    rules["routes"] = [
        route("zone", "c", "toy-voice", house.upstreams[ZONE], "CN/shantou", "dt.c", "cost", pool="swa-1"),
        *(route(f"zone-{dialect}", "c", "toy-voice", house.upstreams[ZONE], "CN/shantou", "dt.c", "cost", pool="swa-1",
                dialect=f"openai_{dialect}") for dialect in ("speech", "transcriptions")),
        route("domestic", "c", "toy-voice", house.upstreams[DOMESTIC], "CN/guangzhou", "dt.c", "cheap",
              credential="c.c-domestic", pool="domestic-1")]
    rules["products"] = [
        {"id": "toys", "name": "Voices for toys", "mode": "zone", "zone": "CN-SWA-Z1", "brand": "Example",
         "seller": "p", "device": True, "models": ["toy-voice"], "price_book": "toys",
         "markets": {"allow": ["WORLD"], "deny": ["CN"]}, "dpa": {"version": "3"},
         "unit": {"name": "AI token", "per_currency_unit": 10000},
         "plans": [{"id": "starter", "price": "100", "currency": "USD", "units": 1000000, "expires_days": 365}]}]


DEVICES = {"SG-001": ("SG", "consent-0001"), "MY-014": ("MY", "consent-0014"), "ID-203": ("ID", "consent-0203"),
           "JP-001": ("JP", "consent-9001"), "SG-002": ("SG", None)}


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    needs_law()
    house = LawHouse(tmp_path_factory.mktemp("a") / "demo", f"{DAY}03:00:00Z", 2)
    house.tokenizers = []
    registry(house)
    house.put_in_force()
    house.client("T", "t", "toys")
    house.keys = {name: house.new_key("T", "toys", "--name", name, "--market", market,
                                      *(("--consent", consent) if consent else ()))
                  for name, (market, consent) in DEVICES.items()}
    house.upstream(ZONE)
    house.upstream(DOMESTIC)
    house.start()
    yield house
    assert house.served(DOMESTIC) == 0, "nothing was ever processed outside the zone"
    house.end()


def say(text="Tell me of the mouse deer.", **more):
    return {"model": "toy-voice", "max_tokens": 60, "messages": [{"role": "user", "content": text}], **more}


def call(house, device, body=None, address=None, link=True, **more):
    return house.ask(house.keys[device], body or say(), address or DEVICES[device][0], link=link, **more)


def reasons(shown):
    return shown["operator"]["reasons"]


class Kept:
    """Nothing is dispatched meanwhile."""

    def __init__(self, house):
        self.house = house

    def __enter__(self):
        self.before = self.house.served(ZONE)

    def __exit__(self, kind, *_):
        assert kind is not None or self.house.served(ZONE) == self.before


# ---- what is served ------------------------------------------------------------------------------


@pytest.mark.parametrize("device", ["SG-001", "MY-014", "ID-203"])
@pytest.mark.parametrize("stream", [False, True])
def test_a_toy_is_served_in_the_zone(house, device, stream):
    shown = house.fine(call(house, device, say(stream=stream)))
    assert shown["operator"]["route"] == "zone"
    assert any(line.startswith("domestic ZONE_POOL_OUTSIDE domestic-1") for line in reasons(shown)), reasons(shown)
    evidence = shown["evidence"]
    assert (evidence["mode"], evidence["place"], evidence["ingress"]) == ("zone", "CN/shantou", "landing-1")
    assert evidence["ingress"] == evidence["egress"]
    assert (evidence["origin"], evidence["market"], evidence["data_terms"]) == (DEVICES[device][0],) * 2 + ("3",)
    assert evidence["detected"] == ""


# device, text in, of it cached, text out, what the text of the segment costs in billionths of a dollar
SEGMENTS = [("SG-001", 412, 0, 48, 181_200), ("SG-001", 508, 350, 48, 126_000), ("MY-014", 655, 350, 120, 256_500),
            ("ID-203", 1204, 350, 310, 649_200)]


def test_the_text_of_each_segment_is_billed_by_the_tariff(house):
    """The table's amounts less wakes (200 000 each) and speech: 883 200 - 200 000 - 502 000 = 181 200, and so on."""
    class Segments(Talker):
        def report(self, words):
            _, text_in, cached, text_out, _ = SEGMENTS[self.asked_count - 1]
            return {"prompt_tokens": text_in, "completion_tokens": text_out, "total_tokens": text_in + text_out,
                    "prompt_tokens_details": {"cached_tokens": cached}}

    house.stop_process(f"upstream{ZONE}")
    talker = Segments(house.upstreams[ZONE])
    try:
        total = 0
        for device, text_in, cached, text_out, nano in SEGMENTS:
            shown = house.fine(call(house, device, say("word " * text_in, max_tokens=400)))
            billed = shown["client"]["billed"]
            assert int(billed["in"]) + int(billed.get("cached", 0)) == text_in and int(billed["out"]) == text_out
            assert int(billed.get("cached", 0)) == cached
            assert int(shown["client"]["amount"]) == nano, shown["client"]
            total += nano
        assert total == 1_212_900
    finally:
        talker.stop()
        house.upstream(ZONE)


# ---- what is refused: none billed, none dispatched -----------------------------------------------


def test_a_toy_that_was_carried_to_the_mainland(house):
    with Kept(house):
        told, shown = house.refusal(call(house, "SG-001", address="CN"), 451, "zone_origin")
        assert told["retry"] == "never" and "closure" not in told
        assert reasons(shown)[0] == "ZONE_ORIGIN_CN(origin)"
        assert shown["evidence"]["origin"] == "CN"
        told, shown = house.refusal(call(house, "SG-001", address="::ffff:223.5.5.5"), 451, "zone_origin")
        assert reasons(shown)[0] == "ZONE_ORIGIN_CN(origin)"


def test_an_address_on_which_the_databases_disagree(house):
    with Kept(house):
        _, shown = house.refusal(call(house, "SG-001", address="US/CN"), 451, "zone_origin")
        assert reasons(shown)[0] == "ZONE_ORIGIN_UNSURE(unsure)"
        assert sorted(shown["evidence"]["origin"].split()) == ["CN", "US"]


def test_a_way_in_that_is_no_link_of_the_zone(house):
    with Kept(house):
        _, shown = house.refusal(call(house, "SG-001", link=False), 451, "zone_origin")
        assert reasons(shown)[0] == "ZONE_INGRESS default"


@pytest.mark.parametrize("text", [RESIDENT, "１１０１０５ 1949-1231.002X"])
def test_a_child_reads_out_a_resident_id(house, text):
    with Kept(house):
        told, shown = house.refusal(call(house, "SG-001", say(f"My number is {text}, who am I?")), 422,
                                    "zone_mixed_data")
        assert told["class"] == "cn_resident_id" and told["retry"] == "after_change"
        assert reasons(shown)[0] == "ZONE_MIX_PI(cn_resident_id)"
        assert shown["evidence"]["detected"] == "cn_resident_id 1"
    for file in house.folder.rglob("*"):
        if file.is_file():
            data = file.read_bytes()
            assert RESIDENT.encode() not in data and text.encode() not in data, file


def test_a_resident_id_is_not_said_aloud(house):
    speak = {"model": "toy-voice", "voice": "x", "response_format": "wav"}
    with Kept(house):
        told, shown = house.refusal(call(house, "SG-001", {**speak, "input": f"My number is {RESIDENT}."}, path="/v1/audio/speech"),
                                    422, "zone_mixed_data")
        assert told["class"] == "cn_resident_id" and reasons(shown)[0] == "ZONE_MIX_PI(cn_resident_id)"
    shown = house.fine(call(house, "SG-001", {**speak, "input": "Good night."}, path="/v1/audio/speech"))
    assert shown["client"]["service"] == "speech" and shown["operator"]["route"] == "zone-speech"


def test_a_recording_that_nobody_has_looked_through(house):
    body = (b"--x\r\nContent-Disposition: form-data; name=model\r\n\r\ntoy-voice\r\n"
            b"--x\r\nContent-Disposition: form-data; name=file; filename=a.wav\r\n\r\nRIFF....WAVE\r\n--x--")
    with Kept(house):
        _, shown = house.refusal(call(house, "SG-001", body, path="/v1/audio/transcriptions",
                                      headers={"Content-Type": "multipart/form-data; boundary=x"}), 422, "zone_mixed_data")
        assert reasons(shown)[0].startswith("ZONE_MIX"), shown


def test_the_same_digits_with_a_wrong_check(house):
    shown = house.fine(call(house, "SG-001", say(f"My number is {RESIDENT[:17]}1, who am I?")))
    assert shown["operator"]["route"] == "zone" and "resident" not in shown["evidence"]["detected"]


def test_an_answer_that_is_to_go_elsewhere(house):
    with Kept(house):
        told, shown = house.refusal(call(house, "SG-001", say(callback_url="https://cb.example.cn/answer")), 422,
                                    "zone_route_return")
        assert told["retry"] == "after_change" and reasons(shown)[0] == "ZONE_ROUTE_RETURN"
    house.fine(call(house, "SG-001", say(callback_url=None)))


def test_a_toy_that_was_sold_where_the_zone_may_not_serve(house):
    with Kept(house):
        told, shown = house.refusal(call(house, "JP-001"), 451, "zone_market")
        assert told["retry"] == "never"
        assert reasons(shown)[0].startswith("ZONE_MARKET JP not in {"), reasons(shown)


def test_a_toy_without_a_consent(house):
    with Kept(house):
        told, shown = house.refusal(call(house, "SG-002"), 403, "data_child")
        assert told["retry"] == "after_change" and told["closure"] == "data"
        assert told["closures"] == {"authorization": "closed", "scope": "closed", "data": "open", "billing": "pending"}
        assert any(line.startswith("zone DATA_CHILD(") for line in reasons(shown)), reasons(shown)


def test_the_zone_is_full_and_another_pool_idle(house):
    house.upstream(ZONE, "--pace-ms", "100", "--words", "30")
    threads = [threading.Thread(target=call, args=(house, "MY-014", say(stream=True))) for _ in range(POOL_PLACES)]
    for thread in threads:
        thread.start()
    wait_for(lambda: route_of(house, "zone")["under_way"] == POOL_PLACES, "a full pool")
    status, headers, body = call(house, "SG-001")
    error = json.loads(body)["error"]
    assert (status, error["code"]) == (503, "no_closed_route"), body
    assert headers["retry-after"] and headers["x-should-retry"] == "true" and error["entrepot"]["retry"] == "after"
    shown = house.receipt(headers["x-entrepot-call"])
    assert int(shown["client"]["amount"]) == 0 and shown["operator"]["tries"] == []
    assert any("domestic ZONE_POOL_OUTSIDE" in line for line in reasons(shown)), reasons(shown)
    for thread in threads:
        thread.join()
    house.fine(call(house, "SG-001"))
    house.upstream(ZONE)


def route_of(house, name):
    return next(row for row in house.json("route", "list") if row["route"] == name)


# ---- what is refused when it is registered, and what opens the whole zone ------------------------


def test_a_domestic_source_is_not_attached(house):
    zone = house.row("routes", "zone")
    zone["attachments"] = [{"id": "nursery-rhymes", "kind": "rag", "tag": "domestic"}]
    house.write("routes")
    said = house.refused("ZONE_MIX_SOURCE")
    assert re.search(r"^routes\.yaml:\d+:\d+: ZONE_MIX_SOURCE: .*nursery-rhymes", said, re.M), said
    house.fine(call(house, "SG-001"))
    zone["attachments"][0]["tag"] = "overseas"
    house.write("routes")
    assert house.command("registry", "check", str(house.registry)).returncode == 0
    del zone["attachments"]
    house.write("routes")


def test_a_log_store_shared_with_a_domestic_system_opens_the_zone(house):
    separation = house.row("zones", "CN-SWA-Z1")["separation"]
    separation["logs"] = "shared"
    house.write_all()
    warned = house.command("registry", "check", str(house.registry))
    assert "ZONE_SHARED" in warned.stdout + warned.stderr
    house.apply()
    with Kept(house):
        for device in ("SG-001", "MY-014", "ID-203"):
            told, shown = house.refusal(call(house, device), 503, "no_closed_route")
            assert reasons(shown)[0] == "ZONE_SHARED(logs) in CN-SWA-Z1"
            assert "logs" not in json.dumps(told)
    separation["logs"] = "physical"
    house.put_in_force()
    house.fine(call(house, "SG-001"))
