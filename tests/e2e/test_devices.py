"""A maker's fleet: devices' keys issued, used up, woken, revoked under load and killed in between."""

import http.client
import hmac
import json
import signal
import threading
import time
import urllib.parse

import pytest

from conftest import wait_for
from test_privacy import traces

BODY = {"model": "aurora-small", "max_tokens": 40, "messages": [{"role": "user", "content": "Tell me of the mouse deer."}]}
NANO = 10**9


@pytest.fixture(scope="module")
def client(house):
    return house.json("client", "list")[0]["id"]


def add_fleet(house, client, *more, market="SG"):
    return house.json("fleet", "add", "--client", client, "--product", "world", "--market", market, "--maker",
                      "Kancil Toys", *more)


@pytest.fixture(scope="module")
def fleet(house, client):
    return add_fleet(house, client)


def ask(house, secret, path, body=None, method=None):
    """(status, object) of the maker's systems, or of a device."""
    data = json.dumps(body).encode() if isinstance(body, (dict, list)) else body
    status, headers, answer = house.request(path, data, key=secret, method=method or ("POST" if data is not None else "GET"))
    return status, json.loads(answer), headers


def issue(house, fleet, device, **more):
    status, made, _ = ask(house, fleet["secret"], "/v1/devices", {"device_id": device, **more})
    assert status == 201, made
    return made


def call(house, key, **more):
    status, headers, body = house.request("/v1/chat/completions", {**BODY, **more}, key=key)
    return status, json.loads(body), headers


def code(answer):
    return answer[0], answer[1]["error"]["code"]


def shown(house, fleet, device):
    status, found, _ = ask(house, fleet["secret"], f"/v1/devices/{device}")
    assert status == 200, found
    return found


# ---- issuing


def test_a_device_gets_a_key_that_calls_and_nobody_elses_does(house, fleet):
    made = issue(house, fleet, "KT-000001")
    assert made["made"] and made["status"] == "active" and made["market"] == "SG" and made["consent"] is None
    assert abs(made["server_time"]["timestamp"] / 1000 - time.time()) < 60
    status, _, headers = call(house, made["key"])
    assert status == 200
    receipt = json.loads(house.request(f"/v1/receipts/{headers['x-entrepot-call']}", key=made["key"])[2])
    assert receipt["client"]["key"] == made["id"]
    other = issue(house, fleet, "KT-000002")
    assert house.request(f"/v1/receipts/{headers['x-entrepot-call']}", key=other["key"])[0] == 404
    assert house.request(f"/v1/receipts/{headers['x-entrepot-call']}")[0] == 200, "the client sees what its devices do"


def test_what_a_device_and_an_issuing_secret_may_not(house, fleet):
    made = issue(house, fleet, "KT-000003")
    for path in ("/v1/credits", "/v1/usage"):
        assert code(ask(house, made["key"], path)) == (403, "key_of_device")
    assert ask(house, made["key"], "/v1/key")[0] == 200
    assert code(ask(house, made["key"], "/v1/devices")) == (403, "key_no_issuer")
    assert code(ask(house, house.key, "/v1/devices")) == (403, "key_no_issuer")
    assert code(call(house, fleet["secret"])) == (403, "key_issues_only")
    assert code(ask(house, fleet["secret"], "/v1/models")) == (403, "key_issues_only")
    assert code(ask(house, fleet["secret"], "/v1/devices/KT-000003/wake", {})) == (403, "key_no_device")
    assert code(ask(house, "sk-ep-" + "0" * 52, "/v1/devices")) == (401, "invalid_api_key")


def test_a_device_does_not_learn_what_credit_its_client_has_left(house):
    poor = house.json("client", "add", "--name", "Poor Toys", "--party", "first-client")["id"]
    own = house.json("key", "add", "--client", poor, "--product", "world")["key"]
    made = issue(house, add_fleet(house, poor), "KT-POOR-1")
    for key, told in ((own, True), (made["key"], False)):
        status, refused, _ = call(house, key)
        assert (status, refused["error"]["code"]) == (429, "insufficient_quota")
        assert ("available" in refused["error"]["entrepot"]) == told and refused["error"]["entrepot"]["needed"]


def test_a_second_issue_says_that_it_is_there_and_a_rotation_ends_the_old_key(house, fleet):
    first = issue(house, fleet, "KT-000004", caps={"calls_total": 5})
    assert call(house, first["key"])[0] == 200
    status, again, _ = ask(house, fleet["secret"], "/v1/devices", {"device_id": "KT-000004"})
    assert status == 200 and not again["made"] and "key" not in again and again["id"] == first["id"]
    assert call(house, first["key"])[0] == 200
    status, new, _ = ask(house, fleet["secret"], "/v1/devices", {"device_id": "KT-000004", "rotate": True})
    assert status == 200 and not new["made"] and new["key"] != first["key"] and new["id"] == first["id"]
    assert code(call(house, first["key"])) == (401, "invalid_api_key")
    assert call(house, new["key"])[0] == 200
    assert shown(house, fleet, "KT-000004")["used"]["calls_total"] == 3, "what was used is the device's, not the key's text's"


def test_fleets_do_not_see_each_others_devices(house, client, fleet):
    other = add_fleet(house, client)
    mine = issue(house, fleet, "KT-000005")
    for name in ("KT-000005", mine["id"]):
        assert code(ask(house, other["secret"], f"/v1/devices/{name}")) == (404, "not_found")
        assert code(ask(house, other["secret"], f"/v1/devices/{name}/revoke", {})) == (404, "not_found")
        assert ask(house, fleet["secret"], f"/v1/devices/{name}")[0] == 200
    theirs = issue(house, other, "KT-000005")
    assert theirs["id"] != mine["id"]
    assert [row["id"] for row in ask(house, other["secret"], "/v1/devices")[1]["data"]] == [theirs["id"]]


def test_an_id_is_found_as_a_path_writes_it(house, fleet):
    made = issue(house, fleet, "a4:cf:12:0b:77:e1")
    assert shown(house, fleet, urllib.parse.quote("a4:cf:12:0b:77:e1", safe=""))["id"] == made["id"]


def test_a_batch_is_issued_whole_or_not_at_all_and_listed_by_pages(house, client):
    fleet = add_fleet(house, client)
    orders = [{"device_id": f"BATCH-{i:04}"} for i in range(250)]
    status, refused, _ = ask(house, fleet["secret"], "/v1/devices", {"devices": orders + [{"device_id": "BATCH-0007"}]})
    assert (status, refused["error"]["param"]) == (400, "devices[250].device_id")
    assert ask(house, fleet["secret"], "/v1/devices")[1]["total"] == 0
    status, made, _ = ask(house, fleet["secret"], "/v1/devices", {"devices": orders})
    assert status == 201 and len(made["data"]) == 250 and len({row["key"] for row in made["data"]}) == 250
    assert call(house, made["data"][123]["key"])[0] == 200
    listed, start = [], 0
    while start is not None:
        page = ask(house, fleet["secret"], f"/v1/devices?limit=100&from={start}")[1]
        listed += [row["id"] for row in page["data"]]
        start = page["next"]
        assert page["has_more"] == (start is not None)
    assert listed == [row["id"] for row in made["data"]]
    assert not any("key" in row for row in page["data"])
    rows = house.json("device", "list", "--fleet", fleet["fleet"], "--limit", "3", "--from", "10")
    assert [row["device"] for row in rows] == listed[10:13]


BAD = [
    ({}, "missing_required_parameter", "device_id"),
    ({"device_id": None}, "invalid_value", "device_id"),
    ({"device_id": 7}, "invalid_value", "device_id"),
    ({"device_id": "short"}, "invalid_value", "device_id"),
    ({"device_id": "x" * 65}, "invalid_value", "device_id"),
    ({"device_id": "x" * 300}, "invalid_value", "device_id"),
    ({"device_id": "a b c d"}, "invalid_value", "device_id"),
    ({"device_id": "../../etc"}, "invalid_value", "device_id"),
    ({"device_id": "KT-BAD-01", "extra": 1}, "unsupported_parameter", "extra"),
    ({"device_id": "KT-BAD-01", "expires": "tomorrow"}, "invalid_value", "expires"),
    ({"device_id": "KT-BAD-01", "expires": 17}, "invalid_value", "expires"),
    ({"device_id": "KT-BAD-01", "expires": "2020-01-01"}, "invalid_value", "expires"),
    ({"device_id": "KT-BAD-01", "rotate": "yes"}, "invalid_value", "rotate"),
    ({"device_id": "KT-BAD-01", "active": 1}, "invalid_value", "active"),
    ({"device_id": "KT-BAD-01", "caps": []}, "invalid_value", "caps"),
    ({"device_id": "KT-BAD-01", "caps": {"money_day": -1}}, "invalid_value", "caps.money_day"),
    ({"device_id": "KT-BAD-01", "caps": {"money_day": "0.0000000001"}}, "invalid_value", "caps.money_day"),
    ({"device_id": "KT-BAD-01", "caps": {"money_total": "1e3"}}, "invalid_value", "caps.money_total"),
    ({"device_id": "KT-BAD-01", "caps": {"calls_day": 1.5}}, "invalid_value", "caps.calls_day"),
    ({"device_id": "KT-BAD-01", "caps": {"calls_total": "3"}}, "invalid_value", "caps.calls_total"),
    ({"device_id": "KT-BAD-01", "caps": {"wakes_day": -1}}, "invalid_value", "caps.wakes_day"),
    ({"device_id": "KT-BAD-01", "caps": {"wakes_total": 10**30}}, "invalid_value", "caps.wakes_total"),
    ({"device_id": "KT-BAD-01", "caps": {"calls": 3}}, "unsupported_parameter", "caps.calls"),
    ({"device_id": "KT-BAD-01", "consent": "c-1"}, "invalid_value", "consent"),
    ({"device_id": "KT-BAD-01", "consent": {"given": "2026-01-01"}}, "missing_required_parameter", "consent.reference"),
    ({"device_id": "KT-BAD-01", "consent": {"reference": "c-1"}}, "missing_required_parameter", "consent.given"),
    ({"device_id": "KT-BAD-01", "consent": {"reference": "", "given": "2026-01-01"}}, "invalid_value", "consent.reference"),
    ({"device_id": "KT-BAD-01", "consent": {"reference": "a\nb", "given": "2026-01-01"}}, "invalid_value", "consent.reference"),
    ({"device_id": "KT-BAD-01", "consent": {"reference": "c" * 129, "given": "2026-01-01"}}, "invalid_value",
     "consent.reference"),
    ({"device_id": "KT-BAD-01", "consent": {"reference": "c-1", "given": "2199-01-01"}}, "invalid_value", "consent.given"),
    ({"devices": []}, "invalid_value", "devices"),
    ({"devices": {}}, "invalid_value", "devices"),
    ({"devices": [{"device_id": "KT-BAD-01"}], "rotate": True}, "invalid_value", "devices"),
    ({"devices": [{"device_id": "KT-BAD-01"}] * 1001}, "invalid_value", "devices"),
    ({"devices": [{"device_id": "KT-BAD-01"}, 5]}, "invalid_value", "devices[1]."),
    ({"devices": [{"device_id": "KT-BAD-01"}, {"device_id": "KT-BAD-02", "caps": {"calls_day": True}}]}, "invalid_value",
     "devices[1].caps.calls_day"),
    (('{"device_id": "KT-BAD-01", "' + "\u00e9" * 30 + '": 1}').encode(), "unsupported_parameter", "\u00e9" * 19 + "?"),
    (b"{", "invalid_json", None),
    (b"", "invalid_json", None),
    (b"[]", "invalid_value", None),
    (b'{"device_id": "KT-BAD-01", "device_id": "KT-BAD-02"}', "duplicate_key", "device_id"),
]


def test_each_field_that_is_wrong_is_named_and_nothing_is_made(house, client):
    fleet = add_fleet(house, client)
    for body, wanted, field in BAD:
        status, refused, headers = ask(house, fleet["secret"], "/v1/devices", body)
        error = refused["error"]
        assert (status, error["code"], error["param"]) == (400, wanted, field), (body, refused)
        assert headers["x-should-retry"] == "false"
    assert ask(house, fleet["secret"], "/v1/devices")[1]["total"] == 0
    for query in ("limit=0", "limit=1001", "limit=x", "from=-1", "from=y"):
        status, refused, _ = ask(house, fleet["secret"], f"/v1/devices?{query}")
        assert (status, refused["error"]["param"]) == (400, query.split("=")[0]), query
    issue(house, fleet, "KT-GOOD1")
    for path, body, field in (("wake", {"wake": -1}, "wake"), ("wake", {"wake": "1"}, "wake"), ("wake", {"n": 1}, "n")):
        key = ask(house, fleet["secret"], "/v1/devices", {"device_id": "KT-GOOD1", "rotate": True})[1]["key"]
        status, refused, _ = ask(house, key, f"/v1/devices/KT-GOOD1/{path}", body)
        assert (status, refused["error"]["param"]) == (400, field), (path, body, refused)
    for body, field in (({}, "reference"), ({"reference": "r"}, "given"), ({"reference": 5}, "reference"),
                        ({"reference": "r", "given": "2199-01-01"}, "given"), ({"reference": "r" * 129, "given": "2026-01-01"},
                                                                            "reference")):
        status, refused, _ = ask(house, fleet["secret"], "/v1/devices/KT-GOOD1/consent", body)
        assert (status, refused["error"]["param"]) == (400, field), (body, refused)
    for path, method in (("/v1/devices/KT-GOOD1/nothing", "POST"), ("/v1/devices/KT-GOOD1/revoke", "GET")):
        assert ask(house, fleet["secret"], path, method=method)[0] == 404


# ---- caps


def nano(text):
    whole, _, part = str(text).partition(".")
    return int(whole) * NANO + int(part.ljust(9, "0") or 0)


def decimal(amount):
    return f"{amount // NANO}.{amount % NANO:09}"


def test_money_is_capped_to_the_nano(house, fleet):
    free = issue(house, fleet, "KT-CAPS-1")
    assert call(house, free["key"])[0] == 200
    assert shown(house, fleet, "KT-CAPS-1")["used"]["money_total"] is None, "without a cap nothing is counted"
    # What a call needs: a refusal says it, by the bound of the bytes at first and then as it was counted.
    needed = 1
    for number in range(4):
        tried = issue(house, fleet, f"KT-CAPS-2{number}", caps={"money_day": decimal(needed)})
        status, refused, headers = call(house, tried["key"])
        if status == 200:
            break
        told = refused["error"]["entrepot"]
        assert (status, refused["error"]["code"], headers["x-should-retry"]) == (429, "budget_day", "false")
        assert nano(told["left"]) == needed and told["window"] == "day" and told["resets"].endswith("T00:00:00.000Z")
        needed = nano(told["needed"])
    assert status == 200
    below = issue(house, fleet, "KT-CAPS-3", caps={"money_total": decimal(needed - 1)})
    assert code(call(house, below["key"])) == (429, "budget_total")
    at = issue(house, fleet, "KT-CAPS-4", caps={"money_total": decimal(needed)})
    status, _, headers = call(house, at["key"])
    charged = int(house.json("receipt", "show", headers["x-entrepot-call"])["client"]["amount"])
    assert status == 200 and 0 < charged <= needed
    _, refused, _ = call(house, at["key"])
    assert refused["error"]["code"] == "budget_total" and nano(refused["error"]["entrepot"]["left"]) == needed - charged
    one = house.json("device", "show", at["id"])
    assert nano(one["spent"]) == charged and nano(one["money_total"]) == needed and one["spent_today"] == one["spent"]


def test_calls_are_capped_and_what_nobody_answered_does_not_count(house, fleet):
    made = issue(house, fleet, "KT-CALLS-1", caps={"calls_day": 2, "calls_total": 3})
    assert code(call(house, made["key"], model="no-such-model"))[0] == 404
    for _ in range(2):
        assert call(house, made["key"])[0] == 200
    status, refused, headers = call(house, made["key"])
    assert (status, refused["error"]["code"], headers["x-should-retry"]) == (429, "calls_day", "false")
    told = refused["error"]["entrepot"]
    assert (told["calls"], told["calls_max"], told["window"]) == (2, 2, "day") and told["resets"]
    assert house.json("receipt", "show", headers["x-entrepot-call"])["client"]["amount"] == "0"
    zero = issue(house, fleet, "KT-CALLS-2", caps={"calls_total": 0})
    assert code(call(house, zero["key"])) == (429, "calls_total")


def test_what_a_fleet_caps_its_devices_are_capped_by(house, client):
    fleet = add_fleet(house, client, "--calls-total", "1", "--wakes-day", "1", "--models", "aurora-small,borealis-chat")
    made = issue(house, fleet, "KT-FLEET-1")
    assert made["caps"]["calls_total"] == 1 and made["caps"]["wakes_day"] == 1 and made["caps"]["money_day"] is None
    assert code(call(house, made["key"], model="aurora-large")) == (404, "model_not_found")
    models = {row["id"] for row in ask(house, made["key"], "/v1/models")[1]["data"]}
    assert "aurora-small" in models and "aurora-large" not in models
    assert ask(house, made["key"], "/v1/models/aurora-small")[0] == 200
    assert code(ask(house, made["key"], "/v1/models/aurora-large")) == (404, "model_not_found")
    count = {"model": "aurora-large", "messages": BODY["messages"]}
    assert ask(house, made["key"], "/v1/messages/count_tokens", count)[0] == 404
    status, _, body = house.request("/v1/messages/count_tokens", count, headers={"x-entrepot-market": "Kancil"})
    assert (status, json.loads(body)["error"]["type"]) == (400, "invalid_request_error")
    assert call(house, made["key"])[0] == 200
    assert code(call(house, made["key"])) == (429, "calls_total")
    freer = issue(house, fleet, "KT-FLEET-2", caps={"calls_total": None})
    assert freer["caps"]["calls_total"] is None
    for bad in (("--models", "nothing"), ("--calls-day", "-1"), ("--budget-day", "x"), ("--consent", "maybe"), ("--market", "sg")):
        done = house.command("fleet", "add", "--client", client, "--product", "world", "--market", "SG", "--maker", "M", *bad,
                             check=False)
        assert done.returncode != 0, bad


def test_an_idempotency_key_is_the_devices_own(house, fleet):
    made = [issue(house, fleet, f"KT-IDEM-{i}") for i in range(2)]
    calls = []
    for key in (made[0]["key"], made[0]["key"], made[1]["key"]):
        status, headers, _ = house.request("/v1/chat/completions", BODY, key=key, headers={"Idempotency-Key": "boot-1"})
        assert status == 200
        calls.append((headers["x-entrepot-call"], headers.get("x-entrepot-replayed")))
    assert calls[1] == (calls[0][0], "true"), "its own call again"
    assert calls[2][0] != calls[0][0] and calls[2][1] is None, "nobody gets another device's answer"
    assert json.loads(house.request(f"/v1/receipts/{calls[2][0]}", key=made[1]["key"])[2])["client"]["key"] == made[1]["id"]


# ---- wake-ups


def test_wake_ups_are_counted_once_each_and_capped(house, fleet):
    made = issue(house, fleet, "KT-WAKE-1", caps={"wakes_day": 3})
    other = issue(house, fleet, "KT-WAKE-2")
    path = "/v1/devices/KT-WAKE-1/wake"
    for number, counted in ((1, True), (1, False), (2, True), (1, False)):
        status, answer, _ = ask(house, made["key"], path, {"wake": number})
        assert status == 200 and answer["counted"] == counted, answer
    assert ask(house, made["key"], f"/v1/devices/{made['id']}/wake", b"")[1]["wakes_day"] == 3
    status, refused, headers = ask(house, made["key"], path, {"wake": 3})
    assert (status, refused["error"]["code"], headers["x-should-retry"]) == (429, "wakes_day", "false")
    assert code(ask(house, other["key"], path, {})) == (403, "device_mismatch")
    assert shown(house, fleet, "KT-WAKE-1")["used"]["wakes_total"] == 3


# ---- activation, expiry, consent


def test_a_device_waits_for_its_activation_by_the_code_that_it_says(house, fleet):
    made = issue(house, fleet, "KT-WAIT-1", active=False)
    assert made["status"] == "issued" and len(made["code"]) == 6
    assert code(call(house, made["key"])) == (403, "device_inactive")
    assert code(ask(house, made["key"], "/v1/devices/KT-WAIT-1/wake", {})) == (403, "device_inactive")
    assert house.request("/v1/devices/ota/activate", b"{}", key=made["key"])[0] == 202
    wrong = "000000" if made["code"] != "000000" else "000001"
    status, refused, _ = ask(house, fleet["secret"], "/v1/devices/KT-WAIT-1/activate", {"code": wrong})
    assert (status, refused["error"]["param"]) == (400, "code")
    status, active, _ = ask(house, fleet["secret"], "/v1/devices/KT-WAIT-1/activate", {"code": made["code"]})
    assert status == 200 and active["status"] == "active" and active["activated"]
    assert house.request("/v1/devices/ota/activate", b"{}", key=made["key"])[0] == 200
    assert call(house, made["key"])[0] == 200
    assert ask(house, fleet["secret"], "/v1/devices/KT-WAIT-1/activate", b"")[1]["activated"] == active["activated"]


def test_a_fleet_that_wants_consents_makes_no_call_without_one(house, client):
    fleet = add_fleet(house, client, "--consent", "required")
    made = issue(house, fleet, "KT-CONS-1")
    answer = call(house, made["key"])
    assert code(answer) == (403, "device_consent") and answer[2]["x-should-retry"] == "false"
    status, given, _ = ask(house, fleet["secret"], "/v1/devices/KT-CONS-1/consent",
                           {"reference": "guardian-4711", "given": "2026-11-01"})
    assert status == 200 and given["consent"]["reference"] == "guardian-4711" and given["consent"]["given"].startswith("2026-11-01")
    status, _, headers = call(house, made["key"])
    assert status == 200
    receipt = house.json("receipt", "show", headers["x-entrepot-call"])
    assert given["consent"]["sha256"] in json.dumps(receipt["operator"]) and "guardian" not in json.dumps(receipt)
    assert ask(house, fleet["secret"], "/v1/devices/KT-CONS-1/consent", {"reference": None})[1]["consent"] is None
    assert code(call(house, made["key"])) == (403, "device_consent")
    with_one = issue(house, fleet, "KT-CONS-2", consent={"reference": "guardian-4712", "given": "2026-11-02T10:00:00Z"})
    assert with_one["consent"]["given"] == "2026-11-02T10:00:00.000Z"
    assert call(house, with_one["key"])[0] == 200


# ---- where to speak


def test_firmware_is_told_the_time_and_where_to_speak(house, fleet):
    made = issue(house, fleet, "a4:cf:12:0b:77:e2")
    now = json.loads(house.request("/v1/devices/time", key="none")[2])["server_time"]
    assert abs(now["timestamp"] / 1000 - time.time()) < 60 and now["timezone_offset"] == 0
    far = {"Device-Id": "a4:cf:12:0b:77:e2", "Client-Id": "0b0c", "Date": "Tue, 01 Jan 2030 00:00:00 GMT"}
    for path, key in ((f"/v1/devices/ota/{made['key']}", "sk-ep-other"), ("/v1/devices/ota", made["key"])):
        status, _, body = house.request(path, b'{"version":2}', key=key, headers=far)
        answer = json.loads(body)
        assert status == 200 and answer["websocket"]["token"].startswith("st-ep-")
        assert answer["websocket"]["url"] == f"ws://127.0.0.1:{house.public}/v1/devices/voice"
        assert answer["firmware"]["url"] == "" and "activation" not in answer and "mqtt" not in answer
    for serial, status in (({"Device-Id": "a4:cf:12:0b:77:e3"}, 403), ({"Serial-Number": "a4:cf:12:0b:77:e2"}, 200)):
        assert house.request("/v1/devices/ota", b"{}", key=made["key"], headers=serial)[0] == status
    assert house.request("/v1/devices/ota", b"{}")[0] == 403, "another kind of key"
    assert house.request("/v1/devices/ota", b"{}", key=made["key"], headers={"Host": "evil/path"})[0] == 400
    waits = issue(house, fleet, "a4:cf:12:0b:77:e4", active=False)
    answer = json.loads(house.request("/v1/devices/ota", b"{}", key=waits["key"])[2])
    assert answer["activation"]["code"] == waits["code"] and answer["activation"]["challenge"]


def test_firmware_proves_itself_by_the_key_in_its_fuses(house, client):
    """One URL for the whole fleet: a serial, a challenge, and a token that is good once the challenge is answered."""
    fleet = add_fleet(house, client)
    serial = "SN-PROOF-1"
    made = issue(house, fleet, serial, proof=True, active=False)
    fuses = bytes.fromhex(made["proof_key"])
    assert ask(house, fleet["secret"], "/v1/devices", {"device_id": serial, "proof": True})[1]["proof_key"] == made["proof_key"]
    ota = f"/v1/devices/ota/{fleet['fleet']}"

    def boot(says=serial):
        status, _, body = house.request(ota, b"{}", key="none", headers={"Serial-Number": says})
        assert status == 200, body
        return json.loads(body)

    def activate(told, **change):
        told = {"algorithm": "hmac-sha256", "serial_number": serial, "challenge": told,
                "hmac": hmac.new(fuses, told.encode(), "sha256").hexdigest(), **change}
        status, _, body = house.request(ota + "/activate", json.dumps(told).encode(), key="none")
        return status, json.loads(body).get("error", {}).get("code")

    first = boot()
    token, challenge = first["websocket"]["token"], first["activation"]["challenge"]
    assert "code" not in first["activation"] and boot("SN-NOBODY")["activation"]["challenge"] != challenge
    for change in ({"hmac": "00" * 32}, {"hmac": 7}, {"serial_number": "SN-PROOF-2"}, {"challenge": challenge[:-1] + "x"}, {"challenge": None}):
        assert activate(challenge, **change) == (403, "device_proof"), change
    assert activate(challenge, algorithm="md5") == (400, "invalid_value")
    assert house.request(ota + "/activate", b"[", key="none")[0] == 400
    assert house.request(ota + "/activate", b"[" * 4097, key="none")[0] == 413, "anybody may send it"
    assert activate(challenge) == (202, None)
    ask(house, fleet["secret"], f"/v1/devices/{serial}/activate", {})
    assert activate(challenge) == (200, None)
    again = boot()
    assert "activation" not in again and "token" not in again["websocket"], "it has what it needs"
    for headers, status in (({}, 400), ({"Serial-Number": "x"}, 400)):
        assert house.request(ota, b"{}", key="none", headers=headers)[0] == status
    assert house.request("/v1/devices/ota/fleet_01m8c1gh41000dpdxvnbvfed4g", b"{}", key="none")[0] == 401
    assert house.request("/v1/models", key=token)[0] == 401, "a token speaks, and does nothing else"
    house.command("fleet", "suspend", fleet["fleet"])
    assert house.request(ota, b"{}", key="none", headers={"Serial-Number": serial})[0] == 403


# ---- the end of a device


def under_load(house, keys, end):
    """Calls by many at once until `end`; the instants at which each key's last call began that was let in."""
    last = {}

    def run(key):
        while not end.is_set():
            begun = time.monotonic()
            status = call(house, key)[0]
            if status == 200:
                last[key] = begun
            elif status != 429:
                return
    threads = [threading.Thread(target=run, args=(key,)) for key in keys for _ in range(2)]
    for thread in threads:
        thread.start()
    return last, threads


@pytest.mark.parametrize("how", ["api", "command", "fleet"])
def test_a_revocation_is_in_force_within_a_second_on_all_threads(house, client, how):
    fleet = add_fleet(house, client)
    keys = [issue(house, fleet, f"KT-REVO-{how}-{i}")["key"] for i in range(4)]
    end = threading.Event()
    last, threads = under_load(house, keys, end)
    wait_for(lambda: len(last) == 4, "calls by all devices")
    if how == "api":
        for i in range(4):
            assert ask(house, fleet["secret"], f"/v1/devices/KT-REVO-{how}-{i}/revoke", {})[1]["status"] == "revoked"
    elif how == "command":
        for i in range(4):
            assert house.json("device", "revoke", f"KT-REVO-{how}-{i}", "--fleet", fleet["fleet"])["status"] == "revoked"
    else:
        house.command("fleet", "suspend", fleet["fleet"])
    done = time.monotonic()
    for thread in threads:
        thread.join(30)
    end.set()
    assert all(begun - done < 1 for begun in last.values()), (done, last)
    late = [key for key in keys if call(house, key)[0] == 200]
    assert late == []
    wanted = (403, "fleet_suspended") if how == "fleet" else (401, "invalid_api_key")
    assert code(call(house, keys[0])) == wanted
    if how == "fleet":
        assert code(ask(house, fleet["secret"], "/v1/devices")) == (403, "fleet_suspended")
        house.command("fleet", "resume", fleet["fleet"])
        assert call(house, keys[0])[0] == 200


def test_a_revoked_device_stays_so(house, fleet):
    issue(house, fleet, "KT-GONE-1")
    for _ in range(2):
        status, gone, _ = ask(house, fleet["secret"], "/v1/devices/KT-GONE-1/revoke", b"")
        assert status == 200 and gone["status"] == "revoked" and gone["revoked"]
    for body in ({"device_id": "KT-GONE-1"}, {"device_id": "KT-GONE-1", "rotate": True}):
        status, refused, headers = ask(house, fleet["secret"], "/v1/devices", body)
        assert (status, refused["error"]["code"], refused["error"]["param"]) == (409, "device_revoked", "device_id")
        assert headers["x-should-retry"] == "false"
    assert code(ask(house, fleet["secret"], "/v1/devices/KT-GONE-1/activate", b"")) == (409, "device_revoked")


def test_a_leaked_secret_is_replaced(house, client):
    fleet = add_fleet(house, client)
    made = issue(house, fleet, "KT-LEAK-1")
    new = house.json("fleet", "secret", fleet["fleet"])
    assert code(ask(house, fleet["secret"], "/v1/devices")) == (401, "invalid_api_key")
    assert ask(house, new["secret"], "/v1/devices")[1]["total"] == 1
    assert call(house, made["key"])[0] == 200, "what it issued stays"
    listed = next(row for row in house.json("fleet", "list") if row["fleet"] == fleet["fleet"])
    assert listed["devices"] in (1, "1") and listed["maker"] == "Kancil Toys"


# ---- a server that dies


def test_what_was_told_is_there_after_a_kill_and_what_was_not_is_asked_again(house, client):
    fleet = add_fleet(house, client, "--calls-total", "100", "--wakes-day", "1000")
    told, woken = {}, {}
    end = threading.Event()

    def run(worker):
        number = 0
        while not end.is_set():
            name = f"KT-KILL-{worker}-{number:04}"
            number += 1
            try:
                made = issue(house, fleet, name)
                told[name] = made
                assert ask(house, made["key"], f"/v1/devices/{name}/wake", {"wake": 1})[0] == 200
                woken[name] = 1
            except (OSError, http.client.HTTPException, ValueError, AssertionError):
                return
    threads = [threading.Thread(target=run, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    wait_for(lambda: len(woken) > 40, "devices")
    house.stop_process("server", signal.SIGKILL)
    end.set()
    for thread in threads:
        thread.join(30)
    house.start()
    for name, made in list(told.items())[-30:] + list(told.items())[:5]:
        found = shown(house, fleet, name)
        assert found["id"] == made["id"] and found["caps"]["calls_total"] == 100, "a device without its caps is never there"
        assert found["used"]["wakes_total"] >= woken.get(name, 0)
    assert call(house, list(told.values())[-1]["key"])[0] == 200
    # Whoever lost an answer asks again, and is told: there, or made.
    names = [f"KT-KILL-{worker}-{number:04}" for worker in range(4) for number in range(len(told) // 4, len(told) // 4 + 3)]
    for name in names:
        status, made, _ = ask(house, fleet["secret"], "/v1/devices", {"device_id": name, "rotate": True})
        assert status in (200, 201) and call(house, made["key"])[0] == 200


# ---- a client that is erased


def test_an_erased_client_takes_its_fleets_along(house, fleet):
    id = house.json("client", "add", "--name", "Zyx Quarries", "--party", "first-client")["id"]
    house.command("credit", "purchase", "--client", id, "--amount", "5", "--payer", "Zyx", "--method", "bank_transfer")
    gone = house.json("fleet", "add", "--client", id, "--product", "world", "--market", "SG", "--maker", "Zyx Toys of Quarries")
    made = issue(house, gone, "ZYX-00000001", consent={"reference": "zyx-guardian-1", "given": "2026-11-01"})
    assert call(house, made["key"])[0] == 200
    assert ask(house, gone["secret"], "/v1/devices/ZYX-00000001/consent", {"reference": "zyx-guardian-2", "given": "2026-11-02"})[0] == 200
    words = [b"Zyx Toys of Quarries", b"zyx-guardian-1", b"zyx-guardian-2", made["key_hint"].encode()]
    assert all(traces(house.folder / "var", [word]) for word in words)
    erased = house.json("erase", "--client", id, "--forfeit", "--yes", "--by", "Ana", "--why", "asked for it")
    assert erased["state"] == "ended" and int(erased["keys"]) == 2
    assert traces(house.folder / "var", [*words, b"ZYX-00000001"]) == []
    for key, path in ((made["key"], "/v1/models"), (gone["secret"], "/v1/devices")):
        assert code(ask(house, key, path)) == (401, "invalid_api_key")
    row = house.json("fleet", "show", gone["fleet"])
    assert row["status"] == "erased" and not row["maker"] and not row["market"]
    assert ask(house, fleet["secret"], "/v1/devices")[0] == 200


# ---- an SDK in the device's place


def test_an_sdk_calls_with_a_devices_key(house, fleet):
    openai = pytest.importorskip("openai")
    made = issue(house, fleet, "KT-SDK-01", caps={"calls_total": 1})
    asked = []
    watched = openai.DefaultHttpxClient(event_hooks={"request": [asked.append]})
    sdk = openai.OpenAI(api_key=made["key"], base_url=house.base, max_retries=2, http_client=watched)
    answer = sdk.chat.completions.create(model=BODY["model"], messages=BODY["messages"], max_tokens=20)
    assert answer.choices[0].message.content
    asked.clear()
    with pytest.raises(openai.RateLimitError) as refused:
        sdk.chat.completions.create(model=BODY["model"], messages=BODY["messages"], max_tokens=20)
    assert refused.value.code == "calls_total" and len(asked) == 1, "it is not tried again"
