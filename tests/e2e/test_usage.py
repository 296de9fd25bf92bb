"""Usage by class: each surface's rule through the product, charged to the billionth; and reports that do not add up."""

import contextlib
import json
import re
import urllib.request

import pytest

from conftest import House, wait_for

ASK = {"model": "aurora-large", "max_tokens": 40, "messages": [{"role": "user", "content": "Name two rivers, please."}]}
SEARCH = {"search_parameters": {"mode": "on"}}
# In the book; pico units a token are the price times a million.
PRICES = {"input": "2.50", "cached_input": "0.25", "cache_write_5m": "3.125", "cache_write_1h": "5", "input_audio": "40",
          "output": "10", "reasoning": "8.000001", "per_source": "0.025", "per_request": "0.0001"}
# A class without a price of its own costs what it is a part of; a write of unknown life the dearest of them.
PICO = {"in": 2500000, "cached": 250000, "w5m": 3125000, "w1h": 5000000, "w30m": 5000000, "w12h": 5000000, "wx": 5000000,
        "in_audio": 40000000, "in_image": 2500000, "in_tool": 2500000, "cached_audio": 40000000, "cached_image": 2500000,
        "out": 10000000, "reason": 8000001, "out_audio": 10000000, "out_image": 10000000, "source": 25 * 10**9}
CALL = 10**8


class Shop(House):
    surface = "openai.chat"

    def open(self):
        book = self.folder / "registry" / "price_books.yaml"
        text = book.read_text()
        line = re.search(r"aurora-large: \{input: \"2\.50\".*\}", text).group(0)
        told = ", ".join(f'{name}: "{price}"' for name, price in PRICES.items())
        book.write_text(text.replace(line, "aurora-large: {" + told + "}"))
        self.apply()
        self.upstream(0)
        self.start()
        client = self.json("client", "add", "--name", "Careful", "--party", "first-client")["id"]
        self.client = client
        self.key = self.json("key", "add", "--client", client, "--product", "world")["key"]
        self.command("credit", "purchase", "--client", client, "--plan", "starter")

    def reports_by(self, surface):
        """Another rule of the one route that sells the model."""
        if surface == self.surface:
            return
        file = self.folder / "registry" / "routes.yaml"
        text = re.sub(r"    usage: .*\n", "", file.read_text())
        file.write_text(text.replace("    upstream_model: aurora-large\n",
                                     f"    upstream_model: aurora-large\n    usage: {surface}\n", 1))
        self.apply()
        self.surface = surface

    def call(self, flags, stream=False, **more):
        self.upstream(0, *flags)
        status, headers, body = self.request("/v1/chat/completions", {**ASK, "stream": stream, **more})
        assert status == 200, body
        wait_for(lambda: float(self.credits()["held"]) == 0, "the end of the hold")
        receipt = self.json("receipt", "show", headers["x-entrepot-call"])
        self.told = receipt["operator"]
        return receipt["client"], body

    def figure(self, name):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.operator}/metrics", timeout=5) as answer:
            return int(re.search(rf"^{name} (\d+)$", answer.read().decode(), re.M).group(1))


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    made = Shop(tmp_path_factory.mktemp("usage") / "demo")
    made.open()
    yield made
    made.stop()
    assert made.command("audit").returncode == 0


def cost(classes, units=()):
    pico = CALL + sum(int(count) * PICO[name] for name, count in {**classes, **dict(units)}.items())
    return pico // 1000


def report(**fields):
    return ["--report", json.dumps(fields)]


GOOD = {
    "openai.chat": (report(prompt_tokens=90, completion_tokens=30, total_tokens=120,
                           prompt_tokens_details={"cached_tokens": 40, "cache_write_tokens": 11},
                           completion_tokens_details={"reasoning_tokens": 13}),
                    {"in": 39, "cached": 40, "wx": 11, "out": 17, "reason": 13}, []),
    "openai.responses": (report(input_tokens=90, output_tokens=30, total_tokens=120, input_tokens_details={
        "cached_tokens": 40, "cache_write_tokens": 11,
        "cache_write_tokens_details": {"ttl_30m_tokens": 10, "ttl_12h_tokens": 1}}),
        {"in": 39, "cached": 40, "w30m": 10, "w12h": 1, "out": 30}, []),
    "openai.realtime": (report(input_tokens=90, output_tokens=30, total_tokens=120, input_token_details={
        "audio_tokens": 50, "cached_tokens": 40, "cached_tokens_details": {"text_tokens": 15, "audio_tokens": 25}},
        output_token_details={"audio_tokens": 12}),
        {"in": 25, "cached": 15, "in_audio": 25, "cached_audio": 25, "out": 18, "out_audio": 12}, []),
    "anthropic": (report(input_tokens=7, cache_creation_input_tokens=30, cache_read_input_tokens=40,
                         cache_creation={"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 20},
                         output_tokens=30, output_tokens_details={"thinking_tokens": 13}),
                  {"in": 7, "cached": 40, "w5m": 10, "w1h": 20, "out": 17, "reason": 13}, []),
    "gemini": (report(promptTokenCount=90, cachedContentTokenCount=40, candidatesTokenCount=10, thoughtsTokenCount=20,
                      toolUsePromptTokenCount=5, totalTokenCount=125,
                      promptTokensDetails=[{"modality": "IMAGE", "tokenCount": 33}]),
               {"in": 17, "cached": 40, "in_image": 33, "in_tool": 5, "out": 10, "reason": 20}, []),
    "gemini.live": (report(promptTokenCount=90, responseTokenCount=10, totalTokenCount=100,
                           responseTokensDetails=[{"modality": "AUDIO", "tokenCount": 4}]),
                    {"in": 90, "out": 6, "out_audio": 4}, []),
    "xai.chat": (report(prompt_tokens=90, completion_tokens=10, total_tokens=120, num_sources_used=3,
                        completion_tokens_details={"reasoning_tokens": 20}),
                 {"in": 90, "out": 10, "reason": 20}, ["reasoning_added"]),
    "xai.responses": (report(input_tokens=90, output_tokens=30, total_tokens=120, num_sources_used=1,
                             output_tokens_details={"reasoning_tokens": 20}),
                      {"in": 90, "out": 10, "reason": 20}, []),
    "deepseek": (report(prompt_tokens=90, completion_tokens=30, total_tokens=120, prompt_cache_hit_tokens=64,
                        prompt_cache_miss_tokens=26),
                 {"in": 26, "cached": 64, "out": 30}, []),
    "moonshot": (report(prompt_tokens=90, completion_tokens=30, total_tokens=120, cached_tokens=64),
                 {"in": 26, "cached": 64, "out": 30}, []),
    "zhipu": (report(prompt_tokens=90, completion_tokens=30, total_tokens=120, prompt_tokens_details={
        "cached_tokens": 50, "audio_tokens": 60}),
        {"cached": 30, "in_audio": 40, "cached_audio": 20, "out": 30}, ["split_assumed"]),
    "minimax": (report(prompt_tokens=90, completion_tokens=30, total_tokens=120, total_characters=0,
                       prompt_tokens_details=None, reasoning_tokens=9),
                {"in": 90, "out": 30}, []),
    "minimax.anthropic": (report(input_tokens=9, cache_creation_input_tokens=30, cache_read_input_tokens=40,
                                 output_tokens=30),
                          {"in": 9, "cached": 40, "w5m": 30, "out": 30}, []),
    "qwen": (report(prompt_tokens=90, completion_tokens=30, total_tokens=120, prompt_tokens_details={
        "cached_tokens": 40, "cache_creation_input_tokens": 30}),
        {"in": 20, "cached": 40, "w5m": 30, "out": 30}, []),
}


@pytest.mark.parametrize("surface", GOOD)
def test_each_surface_is_charged_by_class_to_the_billionth(shop, surface):
    shop.reports_by(surface)
    flags, classes, told = GOOD[surface]
    units = {"source": 3} if surface == "xai.chat" else {"source": 1} if surface == "xai.responses" else {}
    for stream in (False, True):
        client, _ = shop.call(flags, stream, **SEARCH)
        assert client["billed_by"] == "upstream"
        assert {name: int(count) for name, count in client["billed"].items()} == classes
        assert client["reported"] == client["billed"]
        assert client.get("reported_flags", []) == told
        assert {name: int(count) for name, count in client.get("units", {}).items()} == units
        assert int(client["amount"]) == cost(classes, units)
        saved = int(shop.told.get("choice", {}).get("saved", 0))
        assert saved == classes.get("cached", 0) * 1620, "of the operator, by the contract: 0.18 in place of 1.80 a million"


def test_what_the_cache_saved_the_client_stands_in_its_receipt(shop):
    shop.reports_by("openai.chat")
    client, _ = shop.call(["--cached", "4", "--cache-write", "3", "--reasoning", "7"])
    assert (client["billed"]["cached"], client["billed"]["wx"], client["billed"]["reason"]) == ("4", "3", "7")
    assert int(client["saved"]) == 4 * (PICO["in"] - PICO["cached"]) // 1000
    assert int(client["amount"]) == cost(client["billed"])
    told = json.loads(shop.request(f"/v1/generation?id={client['call']}")[2], parse_float=str)["data"]
    assert (told["native_tokens_cached"], told["native_tokens_reasoning"]) == (4, 7)
    assert float(told["cache_discount"]) == int(client["saved"]) / 1e9
    assert float(told["total_cost"]) == int(client["amount"]) / 1e9
    assert "saved" not in shop.call([])[0]


def test_prices_of_caches_and_calls_are_listed(shop):
    models = {model["id"]: model["pricing"] for model in json.loads(shop.request("/v1/models")[2])["data"]}
    assert float(models["aurora-large"]["input_cache_write"]) == 3.125e-6
    assert float(models["aurora-large"]["request"]) == 0.0001
    assert "web_search" not in models["aurora-large"]


BAD = {
    "openai.chat": ["--usage", "odd"],
    "deepseek": report(prompt_tokens=90, completion_tokens=30, total_tokens=120, prompt_cache_hit_tokens=64,
                       prompt_cache_miss_tokens=25),
    "anthropic": report(input_tokens=7, cache_creation_input_tokens=31, output_tokens=30,
                        cache_creation={"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 20}),
    "xai.chat": report(prompt_tokens=90, completion_tokens=10, total_tokens=121,
                       completion_tokens_details={"reasoning_tokens": 20}),
    "gemini": report(promptTokenCount=90, candidatesTokenCount=-3, totalTokenCount=87),
}


@pytest.mark.parametrize("surface", BAD)
@pytest.mark.parametrize("stream", [False, True])
def test_a_report_that_does_not_sum_is_claimed_and_our_own_count_is_billed(shop, surface, stream):
    shop.reports_by(surface)
    before = shop.figure("entrepot_usage_quarantined_total")
    claims = [row for row in shop.json("claim", "list") if row["kind"] == "usage"]
    calls = claims[0]["calls"] if claims else 0
    client, body = shop.call(BAD[surface], stream)
    assert (client["billed_by"], client["counted_by"]) == ("counted", "exact")
    assert client["billed"] == client["counted"] and client["reported_flags"] == ["quarantined"]
    assert "saved" not in client and "choice" not in shop.told, "nor does anybody believe what it says was cached"
    assert int(client["billed"]["in"]) == shop.count(json.dumps(ASK), "--model", "aurora-large", "--chat")["tokens"]
    assert int(client["amount"]) == cost(client["billed"])
    assert shop.figure("entrepot_usage_quarantined_total") == before + 1
    claims = [row for row in shop.json("claim", "list") if row["kind"] == "usage"]
    assert len(claims) == 1 and claims[0]["calls"] == calls + 1 and claims[0]["state"] == "open"
    shown = json.dumps(shop.json("claim", "show", str(claims[0]["claim"])))
    assert client["call"] in shown


def test_unknown_units_and_unread_fields_cost_nothing(shop):
    """Searches have no price in the book; an unknown field of a report is no usage."""
    shop.reports_by("anthropic")
    client, _ = shop.call(report(input_tokens=7, output_tokens=30, server_tool_use={"web_search_requests": 2},
                                 images_generated=5))
    assert client["units"] == {"web_search": "2"}
    assert int(client["amount"]) == cost({"in": 7, "out": 30})


def test_the_month_adds_up_by_class(shop):
    status, _, body = shop.request("/v1/usage")
    total = json.loads(body, parse_float=str)["total"]
    assert status == 200 and {"in", "cached", "wx", "w1h", "w12h", "reason", "out_audio", "in_tool"} <= set(total["tokens"])
    (row,) = shop.json("usage", "show", "--client", shop.client)
    tokens = {name: int(count) for name, count in total["tokens"].items()}
    output = {"out", "reason", "out_audio", "out_image"}
    assert row["cached"] == sum(count for name, count in tokens.items() if name.startswith("cached"))
    assert row["written"] == sum(count for name, count in tokens.items() if name.startswith("w"))
    assert row["reasoning"] == tokens["reason"]
    assert row["output"] == sum(count for name, count in tokens.items() if name in output)
    assert row["input"] == sum(count for name, count in tokens.items() if name not in output)


def test_a_rule_that_nobody_knows_is_refused_with_its_place(shop):
    file = shop.folder / "registry" / "routes.yaml"
    text = file.read_text()
    changed = re.sub(r"    usage: .*\n", "    usage: openai\n", text)
    with contextlib.ExitStack() as stack:
        stack.callback(file.write_text, text)
        file.write_text(changed)
        done = shop.command("registry", "check", check=False)
    line = changed[:changed.index("usage: openai")].count("\n") + 1
    assert done.returncode != 0 and f"routes.yaml:{line}:" in done.stdout + done.stderr
    assert "minimax.anthropic" in done.stdout + done.stderr
