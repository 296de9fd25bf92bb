"""An upstream that answers as another model, or reports what its text cannot be: not delivered, not paid for, taken out, claimed."""

import http.server
import json
import re
import threading
import urllib.request

import pytest

from conftest import House, wait_for

OTHER = "aurora-large-mini"


def ask(model="aurora-large", text="Say something kind.", **more):
    return {"model": model, "max_tokens": 20, "messages": [{"role": "user", "content": text}], **more}


@pytest.fixture
def house(tmp_path):
    house = House(tmp_path / "demo")
    house.upstream(0)
    house.upstream(1)
    house.start()
    yield house
    house.stop()
    assert house.command("audit").returncode == 0


def call(house, body):
    status, headers, answer = house.request("/v1/chat/completions", body)
    return status, headers["x-entrepot-call"], answer


def code(answer):
    return json.loads(answer)["error"]["code"]


def receipt(house, name):
    wait_for(lambda: house.command("receipt", "show", name, check=False).returncode == 0, "the receipt")
    return house.json("receipt", "show", name)


def route(house, name):
    return next(row for row in house.json("route", "list") if row["route"] == name)


def metrics(house):
    with urllib.request.urlopen(f"http://127.0.0.1:{house.operator}/metrics", timeout=5) as answer:
        return answer.read().decode()


def release(house, name):
    return house.command("route", "release", name, "--by", "Ada", "--why", "they say it is mended")


@pytest.mark.parametrize("stream", [False, True])
def test_a_swap_is_refused_quarantined_and_claimed(house, stream):
    house.upstream(0, "--declare-model", OTHER)
    before = float(house.credits()["total_usage"])
    status, name, answer = call(house, ask(stream=stream))
    assert (status, code(answer)) == (502, "upstream_model_mismatch")
    assert OTHER not in answer.decode() and "sandbox" not in answer.decode()
    shown = receipt(house, name)
    assert shown["client"]["outcome"] == "failed" and int(shown["client"]["amount"]) == 0
    assert float(house.credits()["total_usage"]) == before and float(house.credits()["held"]) == 0

    # The route is out, and says why; the claim has the upstream's own id of the request.
    row = route(house, "aurora-large-us")
    assert (row["state"], row["reason"]) == ("quarantined", "swap") and row["under_way"] == 0
    assert "entrepot_routes_quarantined 1" in metrics(house)
    [claim] = house.json("claim", "list")
    assert (claim["route"], claim["kind"], claim["state"], claim["calls"]) == ("aurora-large-us", "swap", "open", 1)
    [proof] = house.json("claim", "show", str(claim["claim"]))["calls"]
    assert proof["call"] == name and proof["declared"] == OTHER
    assert re.fullmatch(r"sandbox-\d+", proof["upstream_id"])
    log = (house.folder / "server.log").read_text()
    assert '"event":"route_quarantined"' in log and '"event":"model_swapped"' in log

    # Nobody is sent there any more, even where the upstream is honest again, and after a restart.
    house.upstream(0)
    status, again, answer = call(house, ask())
    assert status == 503 and code(answer) in ("no_route", "no_closed_route")
    assert int(receipt(house, again)["client"]["amount"]) == 0
    house.stop_process("server")
    house.start()
    assert call(house, ask())[0] == 503
    assert "entrepot_routes_quarantined 1" in metrics(house)
    assert call(house, ask("borealis-chat"))[0] == 200, "other routes sell"

    # An operator puts it back, by name.
    assert house.command("route", "release", "aurora-large-us", "--why", "x", check=False).returncode == 2
    release(house, "aurora-large-us")
    assert release_refused(house, "aurora-large-us")
    assert call(house, ask(stream=stream))[0] == 200
    assert route(house, "aurora-large-us")["state"] == "active"
    [past] = house.json("route", "history", "aurora-large-us")
    assert (past["released_by"], past["why"]) == ("Ada", "they say it is mended")
    house.command("claim", "close", str(claim["claim"]), "--by", "Ada", "--why", "credited by note 7")
    assert house.json("claim", "list", "--state", "settled")[0]["closed_by"] == "Ada"


def release_refused(house, name):
    done = house.command("route", "release", name, "--by", "Ada", "--why", "x", check=False)
    return done.returncode == 1 and "not quarantined" in done.stderr


@pytest.mark.parametrize("declared", ["chan/aurora-large-20260901", "AURORA-LARGE:free", "aurora-large-latest"])
def test_prefixes_tags_and_dates_are_the_same_model(house, declared):
    house.upstream(0, "--declare-model", declared)
    for stream in (False, True):
        assert call(house, ask(stream=stream))[0] == 200
    assert house.json("claim", "list") == []


@pytest.mark.parametrize("stream", [False, True])
def test_another_route_serves_the_call_that_was_swapped(house, stream):
    first = receipt(house, call(house, ask("aurora-small"))[1])["operator"]["route"]
    at = 0 if first.endswith("-us") else 1
    house.upstream(at, "--declare-model", OTHER)
    status, name, answer = call(house, ask("aurora-small", stream=stream))
    assert status == 200 and OTHER not in answer.decode()
    operator = receipt(house, name)["operator"]
    assert operator["route"] != first
    assert route(house, first)["state"] == "quarantined" and route(house, operator["route"])["state"] == "active"
    [claim] = house.json("claim", "list")
    assert (claim["route"], claim["calls"]) == (first, 1)


def many(house, count, model="aurora-large"):
    for at in range(count):
        text = " ".join(f"word{at} and some more of it" for _ in range(1 + at % 50))
        status, name, answer = call(house, ask(model, text))
        if status != 200:
            return at, name, answer
    return count, name, None


def claim_of(house, kind):
    return next((claim for claim in house.json("claim", "list") if claim["kind"] == kind), None)


def test_inflation_is_quarantined_and_claimed_for_the_difference(house):
    house.upstream(0, "--usage", "inflated", "--inflate", "12")
    served, _, answer = many(house, 70)
    assert 50 <= served < 70 and code(answer) in ("no_route", "no_closed_route")
    assert route(house, "aurora-large-us")["reason"] == "slope"
    claim = claim_of(house, "slope")
    assert claim["calls"] >= 50 and claim["difference"] == claim["reported"] - claim["counted"] > 0
    assert 0.11 < claim["difference"] / claim["counted"] < 0.13
    shown = house.json("claim", "show", str(claim["claim"]))["calls"]
    assert len(shown) == claim["calls"]
    wait_for(lambda: all(call["upstream_id"] for call in
                         house.json("claim", "show", str(claim["claim"]))["calls"]), "the upstream's ids")
    # Released while the finding stands: the client pays by our own count, and the claim grows.
    release(house, "aurora-large-us")
    client = receipt(house, call(house, ask(text="word " * 100))[1])["client"]
    assert client["billed_by"] == "counted" and client["billed"]["in"] == client["counted"]["in"]
    assert claim_of(house, "slope")["calls"] == claim["calls"] + 1
    served, _, answer = many(house, 70)
    assert served < 60 and answer is not None, "fresh calls take it out again"


def test_padding_is_claimed_and_the_route_goes_on(house):
    house.upstream(0, "--usage", "padded", "--pad", "24")
    served, name, _ = many(house, 64)
    assert served == 64 and route(house, "aurora-large-us")["state"] == "active"
    assert claim_of(house, "slope") is None
    claim = claim_of(house, "offset")
    assert claim["difference"] == 24 * claim["calls"] and claim["calls"] >= 60
    client = receipt(house, name)["client"]
    assert client["billed_by"] == "counted" and client["billed"]["in"] == client["counted"]["in"]


class Nameless(http.server.BaseHTTPRequestHandler):
    """Answers well, and says no model."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        body = json.dumps({"id": "x", "object": "chat.completion", "created": 1, "choices": [
            {"index": 0, "message": {"role": "assistant", "content": "said"}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10}}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.mark.parametrize("always", [False, True])
def test_a_name_that_is_left_out_is_an_incident_where_the_contract_has_it(tmp_path, always):
    house = House(tmp_path / "demo")
    if always:
        routes = house.folder / "registry/routes.yaml"
        routes.write_text(routes.read_text().replace("    special_text: literal",
                                                     "    special_text: literal\n    declares_model: always"))
        house.apply()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", house.upstreams[0]), Nameless)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    house.start()
    try:
        for _ in range(103):
            assert call(house, ask())[0] == 200, "unknown is no swap"
        assert "entrepot_model_unknown_total 103" in metrics(house)
        assert f"entrepot_model_undeclared_total {1 if always else 0}" in metrics(house)
        wait_for(lambda: (claim_of(house, "unknown_model") is not None) == always, "the claim")
        assert route(house, "aurora-large-us")["state"] == "active"
        if always:
            assert claim_of(house, "unknown_model")["calls"] == 4  # the hundredth and those behind it
    finally:
        server.shutdown()
        house.stop()
