"""What limits of the law have used up: the quota of a grant, and purchase orders, over a restart too."""

import hashlib
import json

from conftest import House

ASK = {"model": "aurora-large", "max_tokens": 20, "messages": [{"role": "user", "content": "hello"}]}


def sign_grant(house, grant, key):
    house.command("registry", "sign-grant", str(house.folder / "registry"), "--grant", grant, "--key-id", key,
                  "--key", str(house.folder / "keys" / f"{key}.key"))


def replace(house, file, old, new):
    path = house.folder / "registry" / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def ask(house):
    status, headers, body = house.request("/v1/chat/completions", ASK)
    return status, headers, json.loads(body)


def check_used_up(house, allowed):
    """`allowed` calls pass, the next one meets the limit; so after a restart."""
    for _ in range(allowed):
        assert ask(house)[0] == 200
    first = ask(house)
    house.stop_process("server")
    house.start()
    again = ask(house)
    assert first[0] == again[0] and first[2]["error"]["code"] == again[2]["error"]["code"]
    for headers in (first[1], again[1]):
        replayed = house.json("verdict", "replay", headers["x-entrepot-call"])
        assert replayed["agrees"] == "yes"
    return again


def test_a_grants_quota_is_used_up(tmp_path):
    house = House(tmp_path / "demo")
    replace(house, "grants.yaml", "    sublicense_depth: 0\n    valid_from",
            "    sublicense_depth: 0\n    quota: {tokens: 50, period: month}\n    valid_from")
    sign_grant(house, "g.aurora-operator", "k.aurora.2026")
    house.apply()
    house.upstream(0)
    house.start()
    try:
        status, headers, answer = check_used_up(house, 2)  # 28 tokens each
        assert status == 429 and answer["error"]["code"] == "scope_quota"
        told = answer["error"]["entrepot"]
        assert headers["x-should-retry"] == "false" and told["retry"] == "after" and told["closure"] == "scope"
        assert told["resets"].endswith("-01T00:00:00.000Z") and "g.aurora" not in json.dumps(answer)
        receipt = house.json("receipt", "show", headers["x-entrepot-call"])
        assert receipt["client"]["amount"] == "0" and receipt["client"]["reasons"] == ["scope_quota"]
        assert any("SCOPE_QUOTA" in reason for reason in receipt["operator"]["reasons"])
        assert house.request("/v1/chat/completions", {**ASK, "model": "borealis-chat"})[0] != 429
    finally:
        house.stop()


def test_purchase_orders_are_used_up(tmp_path):
    house = House(tmp_path / "demo")
    letter = house.folder / "registry/documents/procurement-aurora.txt"
    order = ("{id: po-1, tokens: 50, valid_from: 2026-01-01T00:00:00Z, valid_until: 2028-01-01T00:00:00Z, doc: {file: "
             f"documents/procurement-aurora.txt, kind: order_form, sha256: {hashlib.sha256(letter.read_bytes()).hexdigest()}}}}}")
    replace(house, "procurements.yaml", "    keys_max: 1\n", f"    keys_max: 1\n    purchase_orders: [{order}]\n")
    house.apply()
    house.upstream(0)
    house.start()
    try:
        status, headers, answer = check_used_up(house, 2)
        assert status == 503 and answer["error"]["code"] == "no_closed_route"
        assert "BILL_PO_EXHAUSTED" in json.dumps(house.json("receipt", "show", headers["x-entrepot-call"])["operator"])
        assert "p.aurora" not in json.dumps(answer) and "po-1" not in json.dumps(answer)
    finally:
        house.stop()
