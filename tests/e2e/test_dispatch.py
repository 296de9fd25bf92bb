"""Which source serves a call: what clients and products prefer, what the law leaves, what fails under load; and that no
call is lost which another lawful source could serve."""

import contextlib
import json
import re
import signal
import threading
import time

import pytest

from conftest import House, wait_for
from talker import Talker, events, text_of

CHAT = "/v1/chat/completions"
ASK = {"model": "aurora-small", "messages": [{"role": "user", "content": "Tell me about rivers."}], "max_tokens": 60}
US, SG = "aurora-small-us", "aurora-small-sg"  # the cheaper one first


class Two(House):
    """A house whose two upstreams are talkers: what they were asked can be looked at. They count words, so nothing is
    counted here: else a source would be taken out for what it reports."""

    def __init__(self, folder):
        super().__init__(folder)
        models = folder / "registry" / "models.yaml"
        counted = r"(?m)^    (tokenizer|chat_template|token_count|token_margin_percent):.*\n"
        models.write_text(re.sub(counted, "", models.read_text()))
        self.apply()
        self.talkers = [Talker(port) for port in self.upstreams]

    def fresh(self):
        for talker in self.talkers:
            talker.words, talker.pace, talker.first, talker.cut_after, talker.status = 5, 0.0, 0.0, None, 200
            talker.asked.clear()

    def chat(self, headers=None, **change):
        status, heads, body = self.request(CHAT, {**ASK, **change}, headers=headers)
        return status, heads, body

    def served(self, **change):
        """The route that served a call, by its receipt."""
        status, heads, body = self.chat(**change)
        assert status == 200, body
        return self.operator_of(heads)["route"]

    def operator_of(self, heads):
        return self.json("receipt", "show", heads["x-entrepot-call"])["operator"]

    def error(self, headers=None, **change):
        status, heads, body = self.chat(headers, **change)
        return status, heads, json.loads(body)["error"]

    @contextlib.contextmanager
    def edited(self, name, old, new):
        """Another registry in force for a while."""
        file = self.folder / "registry" / name
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new))
        try:
            self.apply()
            yield
        finally:
            file.write_text(text)
            self.apply()

    def explain(self, *words):
        rows = self.json("route", "explain", "--client", "first-client", "--model", "aurora-small", *words)
        return {row["route"]: row for row in rows}


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    made = Two(tmp_path_factory.mktemp("two") / "demo")
    made.start()
    yield made
    made.stop()
    for talker in made.talkers:
        talker.stop()
    audit = made.command("audit", check=False)
    assert audit.returncode == 0, audit.stdout + audit.stderr


@pytest.fixture(autouse=True)
def calm(request):
    if "two" in request.fixturenames:
        request.getfixturevalue("two").fresh()


# ---- preferences ----------------------------------------------------------------------------


def test_a_client_prefers_among_the_sources_that_are_left_to_it(two):
    assert two.served() == US, "the cheapest"
    assert two.served(provider={"order": ["borealis-cloud"]}) == SG
    assert two.served(provider={"order": [SG, US]}) == SG
    assert two.served(provider={"only": ["borealis-cloud"]}) == SG
    assert two.served(provider={"ignore": ["aurora"]}) == SG
    assert two.served(provider={"sort": "price"}) == US
    assert two.served(provider={"order": ["nobody"]}) == US, "an order only ranks"
    assert two.served(provider=None) == US


def test_what_is_for_entrepot_alone_stays_out_of_what_goes_upstream(two):
    two.served(provider={"only": ["aurora"]}, models=["aurora-large"], temperature=0.5)
    asked = two.talkers[0].asked[-1]
    assert "provider" not in asked and "models" not in asked
    assert asked["temperature"] == 0.5 and asked["messages"] == ASK["messages"]


@pytest.mark.parametrize("provider, param", [
    ({"only": ["nobody"]}, "provider.only"),
    ({"ignore": ["aurora", "borealis-cloud"]}, "provider.ignore"),
    ({"max_price": {"prompt": 0.01}}, "provider.max_price"),
    ({"max_price": {"completion": "0.01"}}, "provider.max_price"),
    ({"order": ["nobody"], "allow_fallbacks": False}, "provider.allow_fallbacks"),
    ({"only": ["aurora"], "ignore": [US]}, "provider.ignore"),
])
def test_preferences_that_leave_nothing_are_named(two, provider, param):
    before = two.credits()
    status, heads, error = two.error(provider=provider)
    assert (status, error["code"], error["param"]) == (404, "no_route_by_preference", param)
    assert param.split(".")[-1] in error["message"]
    assert heads["x-should-retry"] == "false"
    assert not two.talkers[0].asked and not two.talkers[1].asked
    after = two.credits()
    assert (after["available"], after["held"]) == (before["available"], before["held"])
    receipt = two.json("receipt", "show", heads["x-entrepot-call"])
    assert receipt["client"]["verdict"] == "refuse" and receipt["client"]["amount"] == "0"


def test_a_quantization_is_met_by_the_route_that_has_it(two):
    assert two.served(provider={"quantizations": ["unknown"]}) == US, "nothing is on record yet"
    with two.edited("routes.yaml", "  - id: aurora-small-sg\n", "  - id: aurora-small-sg\n    quantization: fp8\n"):
        assert two.served() == US
        assert two.served(provider={"quantizations": ["fp8"]}) == SG
        assert two.served(provider={"quantizations": ["int4", "fp8"]}) == SG
        assert two.served(provider={"quantizations": ["unknown"]}) == US
        assert two.served(provider={"quantizations": ["fp8", "unknown"]}) == US
        for near in ("fp4", "fp16", "FP8"):
            status, _, error = two.error(provider={"quantizations": [near]})
            assert (status, error["param"]) == (404, "provider.quantizations"), near
        _, _, error = two.error(provider={"quantizations": ["fp8"], "only": ["aurora"]})
        assert error["code"] == "no_route_by_preference" and "quantizations" in error["message"]
    bad = two.folder / "registry" / "routes.yaml"
    text = bad.read_text()
    bad.write_text(text.replace("    place: SG/north\n", "    place: SG/north\n    quantization: q4_k_m\n", 1))
    told = two.command("registry", "check", str(two.folder / "registry"), check=False)
    bad.write_text(text)
    assert told.returncode == 1 and "REG_BAD_VALUE" in told.stdout + told.stderr and "int4" in told.stdout + told.stderr


@pytest.mark.parametrize("change, param", [
    ({"provider": "aurora"}, "provider"),
    ({"provider": {"ordre": ["aurora"]}}, "provider"),
    ({"provider": {"sort": "best"}}, "provider.sort"),
    ({"provider": {"max_price": {"prompt": -1}}}, "provider.max_price"),
    ({"models": "aurora-large"}, "models"),
])
def test_bad_preferences_are_refused_by_member(two, change, param):
    status, _, error = two.error(**change)
    assert (status, error["param"]) == (400, param)


# ---- what an operator is told ---------------------------------------------------------------


def test_what_a_choice_saw_is_in_the_receipt(two):
    _, heads, _ = two.chat(provider={"ignore": ["borealis-cloud"]})
    choice = two.operator_of(heads)["choice"]
    assert choice["sort"] == "price" and choice["left_out"] == "0"
    seen = {c["route"]: c for c in choice["candidates"]}
    assert seen[US]["why"] == "chosen" and seen[US]["rank"] == "1" and int(seen[US]["score"]) > 0
    assert seen[SG]["why"] == "ignore" and seen[SG]["rank"] == "0"


def test_route_explain_tells_why(two):
    rows = two.explain()
    assert {row["health"] for row in rows.values()} == {"server"}
    assert rows[US]["rank"] == 1 and rows[US]["why"] == "chosen" and rows[SG]["rank"] == 2
    rows = two.explain("--preferences", '{"order":["borealis-cloud"]}')
    assert rows[SG]["rank"] == 1
    rows = two.explain("--preferences", '{"ignore":["aurora"]}')
    assert rows[US]["why"] == "provider.ignore" and rows[SG]["why"] == "chosen"
    none = two.command("route", "explain", "--client", "first-client", "--model", "aurora-small",
                       "--preferences", '{"only":["nobody"]}', check=False)
    assert none.returncode != 0 and "only" in none.stderr and US in none.stdout
    for bad in ("{", '{"sort":"best"}', "5", '{"max_price":{"prompt":0.01}}'):
        assert two.command("route", "explain", "--client", "first-client", "--model", "aurora-small",
                           "--preferences", bad, check=False).returncode != 0


# ---- the law comes first --------------------------------------------------------------------


def test_a_source_that_is_taken_out_is_not_used_whatever_is_preferred(two):
    two.command("route", "quarantine", US, "--why", "a trial", "--by", "A. Operator")
    try:
        for provider in ({"order": ["aurora"]}, {"order": [US]}, {"sort": "price"}, None):
            assert two.served(provider=provider) == SG
        status, _, error = two.error(provider={"only": ["aurora"]})
        assert status != 200 and error["code"] in ("no_route_by_preference", "no_closed_route")
        two.talkers[1].status = 500
        status, _, error = two.error()
        assert status == 502 and not two.talkers[0].asked, "on no retry either"
        rows = two.explain()
        assert rows[US]["why"] == "quarantined" and rows[US]["rank"] is None
    finally:
        two.command("route", "release", US, "--why", "the trial is over", "--by", "A. Operator")


def test_what_the_law_closes_is_not_used_whatever_is_preferred(two):
    with two.edited("routes.yaml", "    data_terms: dt.borealis-cloud\n", ""):
        for provider in ({"order": ["borealis-cloud"]}, {"order": [SG, US]}, {"sort": "weight"}):
            assert two.served(provider=provider) == US
        status, _, error = two.error(provider={"only": ["borealis-cloud"]})
        assert (status, error["param"]) == (404, "provider.only"), "of those that are left"
        two.talkers[0].status = 500
        status, _, _ = two.error(provider={"order": ["borealis-cloud"]})
        assert status == 502 and not two.talkers[1].asked, "on no retry either"
        two.fresh()
        assert two.explain()[SG]["why"] == "law"
        assert two.served() == US


def test_a_product_chooses_and_its_bounds_hold(two):
    brand = "    brand: Example\n"
    with two.edited("products.yaml", brand, brand + "    dispatch: {order: [borealis-cloud]}\n"):
        assert two.served() == SG
        assert two.served(provider={"sort": "price"}) == US, "a client's wish stands in for the product's"
    with two.edited("products.yaml", brand, brand + "    dispatch: {only: [aurora]}\n"):
        assert two.served(provider={"order": ["borealis-cloud"]}) == US
        two.fresh()
        two.talkers[0].status = 500
        status, _, _ = two.error(provider={"order": ["borealis-cloud"]})
        assert status == 502 and not two.talkers[1].asked
        two.fresh()
        assert two.explain()[SG]["why"] == "product"
        assert two.served() == US
    done = two.command("registry", "check", str(two.folder / "registry"), check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def conversation(name, turns):
    said = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": f"This is about {name}."}]
    for turn in range(turns):
        said += [{"role": "assistant", "content": f"Answer {turn}."}, {"role": "user", "content": f"And {turn}?"}]
    return said


def test_a_conversation_keeps_its_source_and_the_saving_is_told(two, monkeypatch):
    cached = {"prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 14,
              "prompt_tokens_details": {"cached_tokens": 5}}
    for talker in two.talkers:
        monkeypatch.setattr(talker, "report", lambda words: cached)
    brand = "    brand: Example\n"
    with two.edited("products.yaml", brand, brand + "    dispatch: {near_percent: 50}\n"):
        homes = set()
        for name in ("rivers", "hills", "boats", "birds", "trains", "bread", "snow", "glass"):
            served = set()
            for turns in range(3):
                status, heads, _ = two.chat(messages=conversation(name, turns))
                assert status == 200
                operator = two.operator_of(heads)
                served.add(operator["route"])
                assert operator["choice"]["affine"] == "yes"
                assert operator["choice"]["saved"] == "450", "5 tokens at 0.09 a million, in 10^-9"
            assert len(served) == 1, f"{name}: {served}"
            homes |= served
        assert homes == {US, SG}, "conversations are spread over sources that are as good"


# ---- failures before the first byte ---------------------------------------------------------


@pytest.mark.parametrize("trouble", [{"status": 500}, {"status": 401}, {"cut_after": 0}, {"status": 429}])
def test_another_source_serves_before_the_first_byte(two, trouble):
    for _ in range(8):  # so that the failures of the tests before weigh little
        assert two.served(provider={"only": ["aurora"]}) == US
    for name, value in trouble.items():
        setattr(two.talkers[0], name, value)
    status, heads, body = two.chat(stream=True)
    parsed, done = events(body)
    assert status == 200 and done and text_of(parsed) == " word" * 5
    operator = two.operator_of(heads)
    assert [t["route"] for t in operator["tries"]] == [US, SG]
    assert [t["billable"] for t in operator["tries"]] == ["no", "yes"]
    two.fresh()
    if trouble.get("status") != 429:  # which rests for a while
        assert two.served(provider={"only": ["aurora"]}) == US, "one failure closes no source"


# ---- deadlines ------------------------------------------------------------------------------


def test_a_deadline_in_the_past_is_refused_before_anything_is_held(two):
    for past in ("2020-01-01T00:00:00Z", "1000000000", "0"):
        status, heads, error = two.error({"x-request-deadline": past})
        assert (status, error["code"], error["param"]) == (504, "deadline_exceeded", "x-request-deadline")
        assert heads["x-should-retry"] == "false"
    for bad in ("soon", "-5", "1e9", "30s"):
        status, _, error = two.error({"x-request-deadline": bad})
        assert (status, error["param"]) == (400, "x-request-deadline")
    assert not two.talkers[0].asked and not two.talkers[1].asked
    assert float(two.credits()["held"]) == 0


def test_a_deadline_ends_what_has_not_begun(two):
    for talker in two.talkers:
        talker.first = 3.0
    begun = time.monotonic()
    status, heads, error = two.error({"x-request-deadline": f"{time.time() + 0.5:.3f}"})
    assert (status, error["code"]) == (504, "deadline_exceeded")
    assert time.monotonic() - begun < 2.0
    assert two.json("receipt", "show", heads["x-entrepot-call"])["client"]["amount"] == "0"
    two.fresh()
    status, _, _ = two.chat({"x-request-deadline": f"{time.time() + 60:.3f}"})
    assert status == 200


# ---- another model --------------------------------------------------------------------------


def test_another_model_stands_in_at_its_own_price_and_by_its_own_name(two):
    two.talkers[0].status = 500
    for stream in (False, True):
        status, heads, body = two.chat(model="aurora-large", models=["borealis-chat"], stream=stream)
        assert status == 200, body
        assert heads["x-entrepot-model"] == "borealis-chat"
        receipt = two.json("receipt", "show", heads["x-entrepot-call"])
        client, operator = receipt["client"], receipt["operator"]
        assert (client["model_asked"], client["model_served"]) == ("aurora-large", "borealis-chat")
        assert [t["route"] for t in operator["tries"]][-1] == "borealis-chat-sg"
        tokens = client["billed"]
        assert int(client["amount"]) == int(tokens["in"]) * 400 + int(tokens["out"]) * 1600, "its own price"
        assert int(client["amount"]) <= int(operator["held"])
    asked = two.talkers[1].asked[-1]
    assert asked["model"] == "borealis-chat" and "models" not in asked
    two.fresh()
    status, heads, _ = two.chat(models=["borealis-chat"])
    assert status == 200 and "x-entrepot-model" not in heads, "not while the model itself can serve"


def test_a_model_that_may_not_be_sold_does_not_stand_in(two):
    status, _, error = two.error(models=["aurora-large", "gpt-x"])
    assert (status, error["code"], error["param"]) == (404, "model_not_found", "models")
    two.command("route", "quarantine", "borealis-chat-sg", "--why", "a trial", "--by", "A. Operator")
    try:
        two.talkers[0].status = two.talkers[1].status = 500
        status, heads, error = two.error(models=["borealis-chat"])
        assert status == 502 and all(asked["model"] == "aurora-small" for asked in two.talkers[1].asked)
        client = two.json("receipt", "show", heads["x-entrepot-call"])["client"]
        assert client["model_served"] == "aurora-small" and client["amount"] == "0"
    finally:
        two.command("route", "release", "borealis-chat-sg", "--why", "the trial is over", "--by", "A. Operator")


def test_route_explain_without_a_server_says_so(two):
    two.stop_process("server")
    try:
        rows = two.explain()
        assert {row["health"] for row in rows.values()} == {"registry"} and rows[US]["rank"] == 1
        shown = two.command("route", "explain", "--client", "first-client", "--model", "aurora-small").stdout
        assert "no server runs" in shown
    finally:
        two.start()


# ---- under load -----------------------------------------------------------------------------


class Load:
    """Callers that call until they are told to stop, and what they were answered."""

    def __init__(self, house, callers=6):
        self.house, self.over, self.answers = house, threading.Event(), []
        self.threads = [threading.Thread(target=self.run, args=(n,)) for n in range(callers)]
        for thread in self.threads:
            thread.start()

    def run(self, number):
        while not self.over.is_set():
            stream = (number + len(self.answers)) % 2 == 0
            self.answers.append(self.house.request(CHAT, {**ASK, "stream": stream})[0])

    def after(self, calls):
        target = len(self.answers) + calls
        wait_for(lambda: len(self.answers) >= target, f"{calls} calls under load", seconds=30)

    def end(self):
        self.over.set()
        for thread in self.threads:
            thread.join()
        return self.answers


def usable(house, route):
    rows = house.json("route", "explain", "--client", "first-client", "--model", "aurora-small")
    return any(row["route"] == route and row["rank"] for row in rows)


def test_no_call_is_lost_when_a_source_dies_slows_or_is_taken_out(house):
    load = Load(house)
    try:
        load.after(30)
        house.stop_process("upstream0", signal.SIGKILL)  # those under way there, too
        load.after(40)
        house.upstream(0, "--first-token-ms", "300")
        load.after(20)
        house.upstream(0, "--error-rate", "100", "--error-status", "503")
        load.after(40)
        house.upstream(0)
        wait_for(lambda: usable(house, US), "the first source's return")
        load.after(20)
        house.command("route", "quarantine", SG, "--why", "a trial", "--by", "A. Operator")
        load.after(30)
        house.command("route", "release", SG, "--why", "the trial is over", "--by", "A. Operator")
        load.after(20)
    finally:
        answers = load.end()
    lost = [status for status in answers if status != 200]
    assert not lost, f"{len(lost)} of {len(answers)} calls: {sorted(set(lost))}"
    wait_for(lambda: float(house.credits()["held"]) == 0, "the end of all holds")


def test_what_stands_in_is_counted_by_its_own_vocabulary(house):
    house.stop_process("upstream0", signal.SIGKILL)
    try:
        for stream in (False, True):
            ask = {**ASK, "model": "borealis-chat", "stream": stream}
            columns = []
            for change in ({}, {"model": "aurora-large", "models": ["borealis-chat"]}):
                status, heads, body = house.request(CHAT, {**ask, **change})
                assert status == 200 and heads["x-entrepot-model"] == ("borealis-chat" if change else None), body
                client = house.json("receipt", "show", heads["x-entrepot-call"])["client"]
                columns.append([client[name] for name in ("counted", "counted_by", "billed", "billed_by", "amount")])
            assert columns[0] == columns[1], "as if it had been asked for"
    finally:
        house.upstream(0)


# ---- what the source sent -------------------------------------------------------------------

CHUNK = (b'data: {"id":"c", "object":"chat.completion.chunk","created":1,"model":"MODEL" ,"usage" : null,"choices":[{"index":0,'
         b'"delta":{"content":"a,\\"usage\\":null"},"finish_reason":null}],"system_fingerprint":null}\r\n\r\n')
LAST = (b': still here\n\ndata: {"model":"MODEL","choices":[{"index":0,"delta":{},"finish_reason":"stop"}] , "usage":null}\n\n'
        b'data: {"model":"MODEL","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12}}\n\n'
        b'data: [DONE]\n\n')
WHOLE = (b'{ "id":"c","object":"chat.completion","created":1,"model":"MODEL","choices":[{"index":0,"finish_reason":"stop",'
         b'"message":{"role":"assistant","content":"a"}}], "usage":{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12} }\n')


@pytest.mark.parametrize("stream", [True, False])
def test_answers_are_passed_on_byte_for_byte_and_strictly_to_openrouters_clients(two, monkeypatch, stream):
    def answer(handler, asked):
        body = (CHUNK * 3 + LAST if stream else WHOLE).replace(b"MODEL", asked["model"].encode())
        sent.append(body)
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream" if stream else "application/json")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    sent, clients = [], []
    monkeypatch.setattr(two.talkers[0], "answer", answer)
    asked = {**ASK, "stream": stream, **({"stream_options": {"include_usage": True}} if stream else {})}
    for path in (CHAT, "/api" + CHAT):
        status, heads, body = two.request(path, asked)
        assert status == 200
        clients.append(two.json("receipt", "show", heads["x-entrepot-call"])["client"])
        if path == CHAT:
            assert body == sent[-1]
        elif stream:
            assert body == sent[-1].replace(b' ,"usage" : null,', b' ,').replace(b',"system_fingerprint":null}', b'}').replace(
                b' , "usage":null}', b' }')
        else:
            assert body == b'{"system_fingerprint":null,' + sent[-1].strip()[1:]
    told = [{name: client[name] for name in ("billed", "billed_by", "reported", "amount")} for client in clients]
    assert told[0] == told[1] and told[0]["billed"] == {"in": "9", "out": "3"}
