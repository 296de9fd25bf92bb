"""Hedging: a second attempt beside one that is late. Who wins, what the client pays, what the operator is told, and that
nothing is left of the one that lost."""

import concurrent.futures
import contextlib
import json
import socket
import time

import pytest

from conftest import wait_for
from talker import events, text_of
from test_dispatch import ASK, CHAT, SG, US, Two

BRAND = "    brand: Example\n"
HEDGE = BRAND + "    dispatch: {hedge: {after_percentile: 50, at_least_ms: 200}}\n"
SLOW, LATE = 1.2, 0.5  # seconds: far behind the hedge; behind it, and before a hedge that is slow as well
KNOWN = 80  # answers of each kind, from which the percentile is told, and more than all that tests make late


class Pair(Two):
    """Two sources, of which the cheaper one is asked first; how soon it begins is known."""

    def many(self, count, call):
        """So many calls, eight at a time."""
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            return list(pool.map(call, range(count)))

    def learn(self, count=KNOWN, **change):
        done = self.many(count, lambda _: self.chat(provider={"only": ["aurora"]}, **change))
        assert {status for status, _, _ in done} == {200}

    def counters(self):
        return {name: self.metric(f"entrepot_hedges{name}_total") for name in ("", "_won", "_lost", "_refused")}

    def metric(self, name):
        text = self.request("/metrics", port=self.operator)[2].decode()
        return int(next(line.split()[1] for line in text.split("\n") if line.startswith(name + " ")))

    def idle(self):
        return all(row["under_way"] == 0 for row in self.json("route", "list"))

    def asked(self):
        return [len(talker.asked) for talker in self.talkers]

    @contextlib.contextmanager
    def counted(self, **more):
        """What the counters rise by."""
        before = self.counters()
        yield
        wait_for(self.idle, "places given back")
        after = self.counters()
        assert {name: after[name] - before[name] for name in after} == {"": 0, "_won": 0, "_lost": 0, "_refused": 0, **more}

    def receipt(self, heads):
        return self.json("receipt", "show", heads["x-entrepot-call"])


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    made = Pair(tmp_path_factory.mktemp("pair") / "demo")
    file = made.folder / "registry" / "products.yaml"
    assert BRAND in file.read_text()
    file.write_text(file.read_text().replace(BRAND, HEDGE, 1))
    made.apply()
    made.start()
    made.learn()
    made.learn(stream=True)
    yield made
    wait_for(made.idle, "places given back")
    made.stop()
    for talker in made.talkers:
        talker.stop()
    audit = made.command("audit", check=False)
    assert audit.returncode == 0, audit.stdout + audit.stderr


@pytest.fixture(autouse=True)
def calm(request):
    if "pair" in request.fixturenames:
        made = request.getfixturevalue("pair")
        made.fresh()
        for party in ("aurora", "borealis-cloud"):  # so that failures of the tests before open no breaker
            assert made.chat(provider={"only": [party]})[0] == 200
        made.fresh()


def whole_text(body, stream):
    if stream:
        parsed, done = events(body)
        assert done
        return text_of(parsed)
    return json.loads(body)["choices"][0]["message"]["content"]


# ---- who wins -------------------------------------------------------------------------------


@pytest.mark.parametrize("stream", [False, True])
def test_a_hedge_wins_where_the_first_one_is_late(pair, stream):
    pair.talkers[0].first, pair.talkers[1].words = SLOW, 7
    before = pair.credits()
    begun = time.monotonic()
    with pair.counted(**{"": 1, "_won": 1}):
        status, heads, body = pair.chat(stream=stream)
    assert time.monotonic() - begun < SLOW, "nobody waited for the first one"
    assert status == 200 and whole_text(body, stream) == " word" * 7
    receipt = pair.receipt(heads)
    client, operator = receipt["client"], receipt["operator"]
    assert operator["route"] == SG and operator["attempts"] == "2"
    first, second = operator["tries"]
    assert (first["route"], first["outcome"], first["billable"], first["sent"]) == (US, "overtaken", "no", "yes")
    assert (second["route"], second["outcome"], second["billable"], second["hedge"]) == (SG, "complete", "yes", "yes")
    assert "hedge" not in first and "cost" not in second
    assert (client["billed"]["in"], client["billed"]["out"]) == ("9", "7"), "of the winner alone"
    assert int(client["amount"]) == 9 * 150 + 7 * 600, "0.15 and 0.60 a million, in 10^-9"
    after = pair.credits()
    assert float(after["held"]) == 0
    paid = float(before["available"]) - float(after["available"])
    assert round(paid * 10**9) == int(client["amount"])
    assert first["cost_by"] == "reported" and first["cost_currency"] == "USD"
    assert int(first["cost"]) == 9 * 100, "the input at 0.10 a million: its upstream stops with its connection"
    seen = {c["route"]: c["why"] for c in operator["choice"]["candidates"]}
    assert seen == {US: "overtaken", SG: "chosen"}
    shown = pair.command("receipt", "show", heads["x-entrepot-call"]).stdout
    assert "overtaken" in shown and "cost_by" in shown


@pytest.mark.parametrize("stream", [False, True])
def test_the_first_one_wins_where_it_is_sooner_after_all(pair, stream):
    pair.talkers[0].first, pair.talkers[1].first, pair.talkers[0].words = LATE, SLOW, 6
    with pair.counted(**{"": 1, "_lost": 1}):
        status, heads, body = pair.chat(stream=stream)
    assert status == 200 and whole_text(body, stream) == " word" * 6
    receipt = pair.receipt(heads)
    client, operator = receipt["client"], receipt["operator"]
    assert operator["route"] == US and operator["attempts"] == "2"
    first, second = operator["tries"]
    assert (first["outcome"], first["billable"]) == ("complete", "yes")
    assert (second["outcome"], second["billable"], second["hedge"]) == ("overtaken", "no", "yes")
    assert second["cost_by"] == "reported" and "cost" not in first
    assert int(second["cost"]) == 9 * 110 + 6 * 420, "that upstream may go on, and write as much as the winner"
    assert client["billed"]["out"] == "6"
    assert {c["route"]: c["why"] for c in operator["choice"]["candidates"]} == {US: "chosen", SG: "overtaken"}


def test_the_loser_is_broken_off_at_once(pair):
    pair.talkers[0].first, pair.talkers[0].words, pair.talkers[0].pace = LATE, 200, 0.01
    aborted = pair.talkers[0].aborted
    status, heads, body = pair.chat(stream=True)
    assert status == 200 and whole_text(body, True) == " word" * 5
    wait_for(lambda: pair.talkers[0].aborted == aborted + 1, "the upstream's notice that nobody reads")
    assert pair.idle()


# ---- failures -------------------------------------------------------------------------------


@pytest.mark.parametrize("stream", [False, True])
def test_a_hedge_that_fails_harms_nobody(pair, stream):
    pair.talkers[0].first, pair.talkers[1].status = LATE, 500
    with pair.counted(**{"": 1}):
        status, heads, body = pair.chat(stream=stream)
    assert status == 200 and whole_text(body, stream) == " word" * 5
    first, second = pair.receipt(heads)["operator"]["tries"]
    assert (first["outcome"], first["billable"]) == ("complete", "yes")
    assert second["outcome"] == "upstream_error" and "cost" not in second


@pytest.mark.parametrize("stream", [False, True])
def test_a_hedge_goes_on_alone_where_the_first_one_fails(pair, stream, monkeypatch):
    fail_after(pair.talkers[0], LATE, monkeypatch)
    pair.talkers[1].first = 0.6
    with pair.counted(**{"": 1, "_won": 1}):
        status, heads, body = pair.chat(stream=stream)
    assert status == 200 and whole_text(body, stream) == " word" * 5
    operator = pair.receipt(heads)["operator"]
    first, second = operator["tries"]
    assert first["outcome"] == "upstream_error" and "cost" not in first
    assert (second["outcome"], second["billable"]) == ("complete", "yes")
    assert {c["route"]: c["why"] for c in operator["choice"]["candidates"]} == {US: "tried", SG: "chosen"}


def test_both_fail_and_the_call_with_them(pair, monkeypatch):
    before = pair.credits()
    for talker, after in zip(pair.talkers, (LATE, 0.5)):
        fail_after(talker, after, monkeypatch)
    status, heads, error = pair.error()
    assert (status, error["code"]) == (502, "upstream_error")
    receipt = pair.receipt(heads)
    assert receipt["client"]["amount"] == "0"
    assert [t["outcome"] for t in receipt["operator"]["tries"]] == ["upstream_error"] * 2
    after = pair.credits()
    assert (after["available"], float(after["held"])) == (before["available"], 0)
    assert pair.asked() == [1, 1]


def fail_after(talker, seconds, monkeypatch):
    def answer(handler, asked):
        with talker.lock:
            talker.asked.append(asked)
        time.sleep(seconds)
        body = b'{"error":{"message":"no"}}'
        with contextlib.suppress(OSError):
            handler.send_response(500)
            handler.send_header("Content-Length", str(len(body)))
            handler.end_headers()
            handler.wfile.write(body)
        handler.close_connection = True

    monkeypatch.setattr(talker, "answer", answer)


@pytest.mark.parametrize("status", [503, 400])
def test_an_error_that_comes_slowly(pair, monkeypatch, status):
    """A source that fails by its head need not be waited for; but the client's own mistake is told as the first one
    tells it."""
    def answer(handler, asked):
        with pair.talkers[0].lock:
            pair.talkers[0].asked.append(asked)
        body = b'{"error":{"message":"no","code":"wrong"}}'
        with contextlib.suppress(OSError):
            handler.send_response(status)
            handler.send_header("Content-Type", "application/json")
            handler.send_header("Content-Length", str(len(body)))
            handler.end_headers()
            handler.wfile.write(body[:5])
            handler.wfile.flush()
            time.sleep(LATE)
            handler.wfile.write(body[5:])
        handler.close_connection = True

    monkeypatch.setattr(pair.talkers[0], "answer", answer)
    told, heads, body = pair.chat()
    first, *others = pair.receipt(heads)["operator"]["tries"]
    assert first["outcome"] == "upstream_error" and "cost" not in first
    if status == 503:
        assert told == 200 and [t["billable"] for t in others] == ["yes"]
    else:
        assert told == 400 and b"wrong" in body and others == []


def test_another_model_does_not_win(pair, monkeypatch):
    pair.talkers[0].first = LATE
    answer = pair.talkers[1].answer
    monkeypatch.setattr(pair.talkers[1], "answer", lambda handler, asked: answer(handler, {**asked, "model": "other"}))
    try:
        status, heads, body = pair.chat(stream=True)
        assert status == 200 and whole_text(body, True) == " word" * 5
        first, second = pair.receipt(heads)["operator"]["tries"]
        assert first["outcome"] == "complete" and second["outcome"] == "upstream_model_mismatch"
        assert pair.explain()[SG]["why"] == "quarantined"
    finally:
        pair.command("route", "release", SG, "--why", "it was a trial", "--by", "A. Operator")


# ---- clients that go, deadlines -------------------------------------------------------------


@pytest.mark.parametrize("stream", [False, True])
def test_both_are_broken_off_when_the_client_goes(pair, stream):
    for talker in pair.talkers:
        talker.first = SLOW
    before = pair.credits()
    lost = pair.counters()["_lost"]
    body = json.dumps({**ASK, "stream": stream}).encode()
    with socket.create_connection(("127.0.0.1", pair.public)) as client:
        client.sendall(b"POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\n"
                       b"Content-Length: %d\r\n\r\n%s" % (CHAT.encode(), pair.key.encode(), len(body), body))
        wait_for(lambda: pair.asked() == [1, 1], "both attempts")
    wait_for(lambda: pair.counters()["_lost"] == lost + 1, "the hedge's end", 1)
    wait_for(pair.idle, "places given back")
    wait_for(lambda: float(pair.credits()["held"]) == 0, "the hold's end")
    assert pair.credits()["available"] == before["available"]


def test_a_deadline_ends_both(pair):
    for talker in pair.talkers:
        talker.first = SLOW
    with pair.counted(**{"": 1, "_lost": 1}):
        status, _, error = pair.error({"x-request-deadline": f"{time.time() + 0.6:.3f}"})
    assert (status, error["code"]) == (504, "deadline_exceeded")


def test_no_hedge_is_made_against_a_preference(pair):
    pair.talkers[0].first = LATE
    with pair.counted():
        wishes = {"only": ["aurora"]}, {"allow_fallbacks": False}, {"ignore": ["borealis-cloud"]}
        for status, heads, _ in pair.many(3, lambda at: pair.chat(provider=wishes[at])):
            assert status == 200 and pair.receipt(heads)["operator"]["attempts"] == "1"
    assert pair.asked() == [3, 0]


# ---- off, and out of them -------------------------------------------------------------------


def test_it_is_off_unless_the_product_says_so(pair):
    pair.talkers[0].first = LATE
    with pair.edited("products.yaml", HEDGE, BRAND), pair.counted():
        status, heads, _ = pair.chat(stream=True)
        assert status == 200 and pair.receipt(heads)["operator"]["attempts"] == "1"
        assert pair.explain()[US]["hedge_ms"] is None
    assert pair.asked() == [1, 0]


def test_route_explain_tells_when(pair):
    rows = pair.explain()
    assert rows[US]["hedge_ms"] == 200 and rows[SG]["hedge_ms"] is None, "of the other too little is known"


@pytest.mark.parametrize("rule", ["{after_percentile: 49}", "{after_percentile: 100}", "{at_least_ms: 5}", "{}",
                                  "{after_percentile: 95, at_least_ms: 60001}", "{after_percentile: 95, most: 3}", "95"])
def test_a_rule_that_cannot_be_is_a_fault_with_its_line(pair, rule, tmp_path):
    file = pair.folder / "registry" / "products.yaml"
    text = file.read_text()
    try:
        file.write_text(text.replace("{after_percentile: 50, at_least_ms: 200}", rule))
        done = pair.command("registry", "check", str(pair.folder / "registry"), check=False)
        line = 1 + file.read_text().split("\n").index(f"    dispatch: {{hedge: {rule}}}")
        assert done.returncode != 0 and f"products.yaml:{line}" in done.stdout + done.stderr
    finally:
        file.write_text(text)


def test_a_spent_budget_makes_no_hedge_and_harms_no_call(pair):
    """All are late: some are hedged, the rest wait; and all are charged for one answer each."""
    pair.learn(120, stream=True)
    pair.talkers[0].first = LATE
    before, begun_ns, calls = pair.counters(), time.monotonic(), 144
    with concurrent.futures.ThreadPoolExecutor(48) as pool:
        done = list(pool.map(lambda _: pair.chat(stream=True), range(calls)))
    wait_for(pair.idle, "places given back")
    after = pair.counters()
    begun, refused = after[""] - before[""], after["_refused"] - before["_refused"]
    assert {(status, whole_text(body, True)) for status, _, body in done} == {(200, " word" * 5)}
    came = calls // 10 + int(time.monotonic() - begun_ns) + 1
    assert begun <= 100 + came and begun + refused > calls * 0.8
    assert refused > 0 or calls < 110 + came, "a machine so slow that the budget grew meanwhile"
    assert begun == after["_won"] - before["_won"] + after["_lost"] - before["_lost"]
    assert float(pair.credits()["held"]) == 0
