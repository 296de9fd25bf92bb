"""To whom nothing may be sold: the catalogue, keys and the checkout refuse what a call would be refused for."""

import json

import pytest

from conftest import House

PARTY = """
  - id: {id}
    kind: client
    legal_name: {id} Ltd.
    jurisdiction: {country}
    billing_country: {country}
    client_type: enterprise
    billing_instrument: {{country: {card_of}, kind: {card}}}
"""


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    made = House(tmp_path_factory.mktemp("market") / "demo")
    made.upstream(0)
    made.upstream(1)
    made.start()
    yield made
    made.stop()
    assert made.command("audit").returncode == 0


def client(house, name, country="SG", card_of="SG", card="company_card"):
    """A client of the books whose party stands in the registry."""
    with (house.folder / "registry" / "parties.yaml").open("a") as parties:
        parties.write(PARTY.format(id=name, country=country, card_of=card_of, card=card))
    house.apply()
    return house.json("client", "add", "--name", name, "--party", name)["id"]


def refusal(house, *words):
    done = house.command(*words, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stderr


def buy(id):
    return "credit", "purchase", "--client", id, "--plan", "starter"


def test_a_mainland_consumers_card_or_wallet_pays_for_no_foreign_model(house):
    for name, card in (("card", "consumer_card"), ("wallet", "wallet")):
        id = client(house, f"cn-{name}", country="HK", card_of="CN", card=card)
        assert "PAYMENT_DOMESTIC" in refusal(house, *buy(id))


def test_a_company_card_and_a_card_from_elsewhere_pay(house):
    for name, more in (("cn-company", {"card_of": "CN"}), ("sg-consumer", {"card": "consumer_card"})):
        assert house.command(*buy(client(house, name, country="HK", **more))).returncode == 0


def test_a_mainland_client_gets_no_key_and_buys_nothing(house):
    id = client(house, "mainland", country="CN")
    assert "R1" in refusal(house, "key", "add", "--client", id, "--product", "world")
    assert "R1" in refusal(house, *buy(id))
    assert house.json("key", "list", "--client", id) == []
    assert house.json("credit", "entries", "--client", id) == []


def test_a_client_of_hong_kong_is_no_mainland_client(house):
    id = client(house, "hong-kong", country="HK")
    assert house.command("key", "add", "--client", id, "--product", "world").returncode == 0


def test_a_client_that_moves_inland_sees_and_calls_nothing_from_then_on(house):
    id = house.json("client", "add", "--name", "moves", "--country", "SG", "--billing-country", "SG", "--type", "developer",
                    "--accept", "a.online")["id"]
    key = house.json("key", "add", "--client", id, "--product", "world")["key"]
    house.command("credit", "purchase", "--client", id, "--amount", "5", "--kind", "promo")
    ask = {"model": "aurora-large", "max_tokens": 5, "messages": [{"role": "user", "content": "Hello."}]}
    assert house.request("/v1/chat/completions", ask, key=key)[0] == 200
    assert len(json.loads(house.request("/v1/models", key=key)[2])["data"]) == 4
    house.command("client", "standing", id, "--country", "CN")
    status, headers, body = house.request("/v1/chat/completions", ask, key=key)
    assert (status, json.loads(body)["error"]["code"]) == (451, "reverse_import_refused")
    assert json.loads(house.request("/v1/models", key=key)[2])["data"] == []
    assert house.request("/v1/models/aurora-large", key=key)[0] in (403, 404, 451)
    receipt = house.json("receipt", "show", headers["x-entrepot-call"])
    assert (receipt["client"]["amount"], receipt["client"]["reasons"]) == ("0", ["reverse_import_refused"])
    assert house.json("verdict", "replay", headers["x-entrepot-call"])["agrees"] == "yes"


def test_a_client_of_whom_nothing_is_known_is_refused(house):
    id = house.json("client", "add", "--name", "nobody")["id"]
    key = house.json("key", "add", "--client", id, "--product", "world")["key"]
    ask = {"model": "aurora-large", "max_tokens": 5, "messages": [{"role": "user", "content": "Hello."}]}
    status, _, body = house.request("/v1/chat/completions", ask, key=key)
    assert (status, json.loads(body)["error"]["code"]) == (403, "no_agreement")
    assert json.loads(house.request("/v1/models", key=key)[2])["data"] == []


def test_closures_tell_what_is_held_and_taken_out_now(house):
    id = client(house, "held")
    ask = ("closures", "--client", id, "--model", "aurora-large")
    assert "ORIGIN_REVIEW" not in house.command(*ask).stdout
    house.command("review", "open", "--client", id, "--kind", "origin", "--hold", "traffic", "--by", "Ann", "--why", "asked")
    assert "ORIGIN_REVIEW" in house.command(*ask).stdout
    ask = ("closures", "--client", "first-client", "--model", "aurora-large")
    assert "=> aurora-large-us" in house.command(*ask).stdout
    house.command("route", "quarantine", "aurora-large-us", "--by", "Ann", "--why", "odd answers")
    assert "aurora-large-us MODEL_SWAP" in house.command(*ask).stdout
    house.command("route", "release", "aurora-large-us", "--by", "Ann", "--why", "asked")
    assert "=> aurora-large-us" in house.command(*ask).stdout


def test_what_is_no_standing_is_refused_and_changes_nothing(house):
    id = house.json("client", "add", "--name", "firm", "--country", "SG")["id"]
    for flag, value in (("--country", "sg"), ("--billing-country", "Singapore"), ("--type", "robot"), ("--party", "aurora"),
                        ("--party", "nobody"), ("--accept", "a.first-client"), ("--accept", "nothing")):
        assert house.command("client", "standing", id, flag, value, check=False).returncode in (1, 2)
    standing = house.json("client", "standing", id)
    assert (standing["country"], standing["party"], standing["agreement"]) == ("SG", "", "")
