"""Tiers of service: what is asked for, what a source says it served, and at which prices it is held, charged and claimed."""

import hashlib
import json
import re

import pytest

from conftest import House, wait_for
from talker import events
from test_batches import begin, by_custom_id, content, end, line, sell_batches
from test_dispatch import ASK, CHAT, Two

TIERS = 'tiers: {priority: {percent: 200}, flex: {percent: 50}, fast: {input: "3", output: "7.00"}}'
MODEL = "aurora-small"


class Desk(Two):
    """aurora-small is sold in some tiers, aurora-large in none. A talker says which tier it served, if any."""

    def __init__(self, folder):
        super().__init__(folder)
        book = folder / "registry" / "price_books.yaml"
        text = re.sub(r"(aurora-small: \{input: )\"[0-9.]+\".*\}", rf'\1"1", output: "2", {TIERS}}}', book.read_text())
        book.write_text(text)
        sell_batches(self)
        client = self.json("client", "add", "--name", "Careful", "--party", "first-client")["id"]
        self.key = self.json("key", "add", "--client", client, "--product", "world")["key"]
        self.command("credit", "purchase", "--client", client, "--plan", "starter")

    def sold(self, served, stream=False, **change):
        """The answer of a call whose source says that it served in that tier, and its receipt."""
        for talker in self.talkers:
            talker.tier = served
        more = {"stream": True} if stream else {}
        status, heads, body = self.chat(**more, **change)
        assert status == 200, body
        wait_for(lambda: float(self.credits()["held"]) == 0, "the end of the hold")
        return body, self.json("receipt", "show", heads["x-entrepot-call"])

    def asked(self):
        return [each for talker in self.talkers for each in talker.asked][-1]

    def claimed(self):
        return sum(claim["calls"] for claim in self.json("claim", "list") if claim["kind"] == "tier")


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    made = Desk(tmp_path_factory.mktemp("desk") / "demo")
    made.start()
    yield made
    made.stop()
    for talker in made.talkers:
        talker.stop()
    audit = made.command("audit", check=False)
    assert audit.returncode == 0, audit.stdout + audit.stderr


@pytest.fixture(autouse=True)
def calm(desk):
    desk.fresh()


ORDINARY = 9 * 1000 + 5 * 2000  # nano: nine tokens and five words
PRIORITY, FLEX, FAST = ORDINARY * 2, ORDINARY // 2, 9 * 3000 + 5 * 7000


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("asked,served,amount,claimed", [
    (None, None, ORDINARY, False),
    (None, "default", ORDINARY, False),
    ("auto", "default", ORDINARY, False),
    ("default", "flex", FLEX, False),       # less than was asked for
    ("priority", "priority", PRIORITY, False),
    ("priority", "default", ORDINARY, False),
    ("priority", "flex", FLEX, False),
    ("priority", None, ORDINARY, False),    # what is not said was not served
    ("priority", "fast", PRIORITY, True),   # dearer
    ("priority", "turbo", PRIORITY, True),  # unknown
    ("priority", "scale", PRIORITY, True),  # not in the list
    ("fast", "fast", FAST, False),
    ("flex", "flex", FLEX, False),
    ("flex", "default", FLEX, True),
    ("flex", None, FLEX, False),            # who says nothing claims nothing
    (None, "priority", ORDINARY, True),
    (None, "turbo", ORDINARY, True),
])
def test_the_tier_that_served_is_charged_and_never_more_than_was_asked_for(desk, asked, served, amount, claimed, stream):
    before = desk.claimed()
    body, receipt = desk.sold(served, stream, **({} if asked is None else {"service_tier": asked}))
    client, operator = receipt["client"], receipt["operator"]
    assert int(client["amount"]) == amount, client
    assert client.get("tier_asked") == (asked if asked in ("priority", "fast", "flex") else None)
    paid = {PRIORITY: "priority", FLEX: "flex", FAST: "fast", ORDINARY: None}[amount]
    assert client.get("tier") == paid
    told = {None: None, "default": "standard", "turbo": "unknown"}.get(served, served)
    assert operator.get("tier_served") == told
    assert desk.claimed() - before == (1 if claimed else 0)
    assert int(operator["held"]) >= int(client["amount"]) and operator["overrun"] == "0"
    assert desk.asked().get("service_tier") == asked, "goes upstream as it came"
    usage = events(body)[0][-1].get("usage") if stream else json.loads(body)["usage"]
    if usage:
        assert operator["usage_sha256"] == hashlib.sha256(json.dumps(usage).encode()).hexdigest()
    assert re.fullmatch("[0-9a-f]{64}", operator["usage_sha256"])


def test_what_broke_off_is_charged_in_the_tier_that_its_events_said(desk):
    amounts = {}
    for asked, served in (("default", "default"), ("priority", "priority"), ("priority", None)):
        for talker in desk.talkers:
            talker.cut_after, talker.words = 3, 9
        _, receipt = desk.sold(served, stream=True, service_tier=asked)
        assert receipt["client"]["outcome"] == "interrupted" and "usage_sha256" not in receipt["operator"], receipt
        amounts[asked, served] = int(receipt["client"]["amount"])
    assert amounts["priority", "priority"] == 2 * amounts["default", "default"] > 0
    assert amounts["priority", None] == amounts["default", "default"]


def test_a_source_may_say_a_cheaper_tier_when_some_of_its_stream_was_marked(desk):
    for talker in desk.talkers:  # a mark each 256 words: the second costs less than the first
        talker.words, talker.pace, talker.later = 600, 0.002, (300, "flex")
    try:
        _, receipt = desk.sold("priority", stream=True, service_tier="priority", max_tokens=700)
    finally:
        for talker in desk.talkers:
            talker.later = None
    assert (receipt["client"]["tier"], receipt["client"]["amount"]) == ("flex", str((9 * 1000 + 600 * 2000) // 2)), receipt


def test_the_hold_is_of_the_tier_that_is_asked_for(desk):
    held = {tier: int(desk.sold(None, service_tier=tier)[1]["operator"]["held"]) for tier in ("default", "priority", "flex")}
    ordinary = {tier: held["default"] + 1000 * (len(tier) - len("default")) for tier in held}  # a token for each byte of the body
    assert held["priority"] == 2 * ordinary["priority"] and held["flex"] * 2 == ordinary["flex"]


@pytest.mark.parametrize("model,tier", [(MODEL, "scale"), (MODEL, "batch"), (MODEL, "turbo"), (MODEL, "prior\\u0069ty"), (MODEL, ""),
                                        (MODEL, 2), (MODEL, ["flex"]), ("aurora-large", "priority")])
def test_a_tier_that_the_price_list_does_not_name_is_refused_before_anything_is_held(desk, model, tier):
    body = json.dumps({**ASK, "model": model, "service_tier": tier}).replace("\\\\", "\\").encode()
    status, heads, text = desk.request(CHAT, body)
    error = json.loads(text)["error"]
    assert status == 400 and error["param"] == "service_tier", text
    assert "flex" in error["message"] and ("priority" in error["message"]) == (model == MODEL)
    receipt = desk.json("receipt", "show", heads["x-entrepot-call"])
    assert (receipt["client"]["amount"], receipt["operator"]["held"]) == ("0", "0")
    assert not any(talker.asked for talker in desk.talkers)


def test_flex_is_sold_at_the_lines_price_where_the_list_has_no_flex(desk):
    _, receipt = desk.sold("flex", model="aurora-large", service_tier="flex")
    plain = desk.sold("default", model="aurora-large")[1]
    assert receipt["client"]["amount"] == plain["client"]["amount"]
    assert receipt["client"]["tier"] == "flex"


def test_a_model_that_is_not_sold_in_that_tier_does_not_stand_in(desk):
    for talker in desk.talkers:
        talker.status = 500
    status, _, body = desk.chat(service_tier="priority", models=[MODEL, "aurora-large"])
    assert status >= 500, body
    asked = {each["model"] for talker in desk.talkers for each in talker.asked}
    assert asked == {MODEL}, asked


def test_credit_keeps_the_tiers_that_it_was_bought_under(desk):
    with desk.edited("price_books.yaml", "priority: {percent: 200}", "priority: {percent: 300}"):
        book = desk.folder / "registry" / "price_books.yaml"
        assert "300" in book.read_text()
        assert int(desk.sold("priority", service_tier="priority")[1]["client"]["amount"]) == PRIORITY


def test_credit_of_before_buys_dear_tiers_at_todays_price_and_cheap_ones_at_its_own(desk):
    newer, desk.key = desk.key, (desk.folder / "first-client.key").read_text().strip()
    try:
        amounts = [int(desk.sold(tier, service_tier=tier)[1]["client"]["amount"]) for tier in ("default", "flex", "priority")]
    finally:
        desk.key = newer
    assert amounts[0] == amounts[1] < FLEX and amounts[2] == PRIORITY, amounts


def test_a_line_of_a_batch_costs_the_batchs_share_of_its_tier(desk):
    for talker in desk.talkers:
        talker.tier = "priority"
    before = desk.claimed()
    asked = (None, "priority", "flex", "scale")
    lines = [line(at, body={**ASK, "model": MODEL, **({} if tier is None else {"service_tier": tier})}) for at, tier in enumerate(asked)]
    batch = end(desk, begin(desk, lines))
    assert batch["request_counts"] == {"total": 4, "completed": 3, "failed": 1}, batch
    done = by_custom_id(content(desk, batch["output_file_id"]) + content(desk, batch["error_file_id"]))
    assert json.dumps(done["ask-3"]).find("service_tier") > 0, done["ask-3"]
    receipts = [desk.json("receipt", "show", done[f"ask-{at}"]["response"]["request_id"]) for at in range(3)]
    assert [int(each["client"]["amount"]) for each in receipts] == [ORDINARY // 2, PRIORITY // 2, FLEX // 2]
    assert all(int(each["operator"]["held"]) >= int(each["client"]["amount"]) for each in receipts)
    assert desk.claimed() - before == 2, "nobody had asked for it, or for flex"


def test_the_list_of_models_says_what_tiers_cost(desk):
    models = {model["id"]: model for model in json.loads(desk.request("/v1/models")[2])["data"]}
    tiers = models[MODEL]["tier_pricing"]
    assert sorted(tiers) == ["fast", "flex", "priority"] and "tier_pricing" not in models["aurora-large"]
    assert float(tiers["priority"]["prompt"]) == 2 * float(models[MODEL]["pricing"]["prompt"]) == 2e-6
    assert float(tiers["fast"]["completion"]) == 7e-6


# ---- other dialects ---------------------------------------------------------------------------


SAYS = {
    "/v1/messages": ({"model": MODEL, "max_tokens": 60, "messages": [{"role": "user", "content": "Hi."}]}, "anthropic"),
    "/v1/responses": ({"model": MODEL, "max_output_tokens": 60, "input": "Hi.", "store": False}, "openai_responses"),
    f"/v1beta/models/{MODEL}:generateContent": (
        {"contents": [{"role": "user", "parts": [{"text": "Hi."}]}], "generationConfig": {"maxOutputTokens": 60}}, "gemini"),
}
GEMINI = f"/v1beta/models/{MODEL}:generateContent"
REPORTS = {
    "/v1/messages": {"input_tokens": 9, "output_tokens": 5},
    "/v1/responses": {"input_tokens": 9, "output_tokens": 5, "total_tokens": 14},
    GEMINI: {"promptTokenCount": 9, "candidatesTokenCount": 5, "totalTokenCount": 14},
}


class Many(House):
    """Routes of aurora-small that speak what its clients do."""

    def __init__(self, folder):
        super().__init__(folder)
        models = folder / "registry" / "models.yaml"
        models.write_text(re.sub(r"(?m)^    (tokenizer|chat_template|token_count|token_margin_percent):.*\n", "", models.read_text()))
        book = folder / "registry" / "price_books.yaml"
        book.write_text(re.sub(r"(aurora-small: \{input: )\"[0-9.]+\".*\}", rf'\1"1", output: "2", {TIERS}}}', book.read_text()))
        self.routes = (folder / "registry" / "routes.yaml").read_text()
        self.apply()
        client = self.json("client", "add", "--name", "Careful", "--party", "first-client")["id"]
        self.key = self.json("key", "add", "--client", client, "--product", "world")["key"]
        self.command("credit", "purchase", "--client", client, "--plan", "starter")

    def speak(self, dialect, report):
        """All routes speak it, and report that."""
        surface = {"openai_responses": "openai.responses", "anthropic": "anthropic", "gemini": "gemini"}[dialect]
        text = re.sub(r"dialect: \w+", f"dialect: {dialect}", self.routes)
        text = re.sub(r"(?m)^    usage:.*\n", "", text)
        text = text.replace(f"dialect: {dialect}\n", f"dialect: {dialect}\n    usage: {surface}\n")
        text = re.sub(r"(?m)^    (output_cap_field|special_text):.*\n", "", text)
        (self.folder / "registry" / "routes.yaml").write_text(text)
        self.apply()
        for at in range(2):
            self.upstream(at, "--report", json.dumps(report))


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    made = Many(tmp_path_factory.mktemp("many") / "demo")
    made.start()
    yield made
    made.stop()
    audit = made.command("audit", check=False)
    assert audit.returncode == 0, audit.stdout + audit.stderr


@pytest.mark.parametrize("path,field,served,amount", [
    ("/v1/messages", {"speed": "fast"}, {"speed": "fast", "service_tier": "standard"}, FAST),
    ("/v1/messages", {"speed": "fast"}, {"speed": "standard", "service_tier": "standard"}, ORDINARY),
    ("/v1/messages", {"service_tier": "standard_only"}, {"service_tier": "standard"}, ORDINARY),
    ("/v1/messages", {"service_tier": "auto"}, {"service_tier": "priority"}, ORDINARY),
    ("/v1/responses", {"service_tier": "priority"}, {"service_tier": "priority"}, PRIORITY),
    (GEMINI, {"serviceTier": "priority"}, {"trafficType": "ON_DEMAND_PRIORITY"}, PRIORITY),
    (GEMINI, {"serviceTier": "priority"}, {"trafficType": "ON_DEMAND"}, ORDINARY),
    (GEMINI, {}, {"trafficType": "ON_DEMAND_FLEX"}, FLEX),
])
def test_each_dialect_has_its_own_words(many, path, field, served, amount):
    body, dialect = SAYS[path]
    report = {**REPORTS[path], **served}
    many.speak(dialect, report)
    status, heads, text = many.request(path, {**body, **field}, headers={"anthropic-version": "2023-06-01"})
    assert status == 200, text
    wait_for(lambda: float(many.credits()["held"]) == 0, "the end of the hold")
    receipt = many.json("receipt", "show", heads["x-entrepot-call"])
    assert int(receipt["client"]["amount"]) == amount, receipt
    assert receipt["operator"]["usage_sha256"] == hashlib.sha256(json.dumps(report).encode()).hexdigest()


@pytest.mark.parametrize("asked,served,amount,claimed", [
    ("flex", "standard", FLEX, 0),        # its own client's word did not reach it
    ("priority", "standard", ORDINARY, 0),
    ("priority", "priority", PRIORITY, 0),
    ("flex", "priority", FLEX, 1),        # dearer than the ordinary one, which it was asked for
])
def test_a_source_of_another_dialect_was_asked_for_the_ordinary_tier(many, asked, served, amount, claimed):
    many.speak("anthropic", {**REPORTS["/v1/messages"], "service_tier": served})
    claims = lambda: sum(claim["calls"] for claim in many.json("claim", "list") if claim["kind"] == "tier")
    before = claims()
    status, heads, text = many.request("/v1/chat/completions", {**ASK, "model": MODEL, "service_tier": asked})
    assert status == 200 and "service_tier" in heads["x-entrepot-lost"], text
    wait_for(lambda: float(many.credits()["held"]) == 0, "the end of the hold")
    receipt = many.json("receipt", "show", heads["x-entrepot-call"])
    assert int(receipt["client"]["amount"]) == amount and receipt["client"]["tier_asked"] == asked, receipt
    assert claims() - before == claimed


@pytest.mark.parametrize("path,field,param", [
    ("/v1/messages", {"speed": "faster"}, "speed"),
    ("/v1/messages", {"speed": "fast", "service_tier": "flex"}, "speed"),
    ("/v1/messages", {"service_tier": "scale"}, "service_tier"),
    ("/v1/responses", {"service_tier": "scale"}, "service_tier"),
    (GEMINI, {"serviceTier": "turbo"}, "serviceTier"),
])
def test_a_tier_that_is_not_sold_is_refused_in_each_dialect(many, path, field, param):
    body, dialect = SAYS[path]
    many.speak(dialect, REPORTS[path])
    status, _, text = many.request(path, {**body, **field}, headers={"anthropic-version": "2023-06-01"})
    assert status == 400 and param in json.dumps(json.loads(text)["error"]), text
