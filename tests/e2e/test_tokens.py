"""Calls are counted by their models' own vocabularies: for the hold, the receipt, and against what upstreams report."""

import json
import re

import pytest

from conftest import ROOT, VOCAB, House, wait_for

PROMPTS = [
    "Say something kind.",
    "Erkläre mir bitte, warum der Himmel blau ist. " * 12,
    "def add(a, b):\n    return a + b\n" * 30,
    "请用一句话解释什么是量子纠缠。" * 25,
    "I'll  wait…\n\n\t— and you'd say 12345678? \U0001f680" * 20,
]


def ask(model="aurora-large", text="hi", **more):
    return {"model": model, "max_tokens": 20, "messages": [{"role": "user", "content": text}], **more}


def receipt_of(house, headers):
    call = headers["x-entrepot-call"]
    wait_for(lambda: house.command("receipt", "show", call, check=False).returncode == 0, "the receipt")
    return house.json("receipt", "show", call)


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """One upstream; aurora-small's second route is taken away, so that each model has one."""
    shop = House(tmp_path_factory.mktemp("tokens") / "demo")
    routes = shop.folder / "registry/routes.yaml"
    routes.write_text(re.sub(r"  - id: aurora-small-sg\n(    .*\n)*", "", routes.read_text()))
    shop.apply()
    shop.upstream(0)
    shop.upstream(1)
    shop.start()
    yield shop
    shop.stop()
    assert shop.command("audit").returncode == 0


@pytest.mark.parametrize("model", ["aurora-large", "borealis-chat"])
@pytest.mark.parametrize("stream", [False, True])
def test_a_receipt_shows_counted_reported_and_billed(shop, model, stream):
    for text in PROMPTS:
        body = ask(model, text, stream=stream)
        status, headers, _ = shop.request("/v1/chat/completions", body)
        assert status == 200
        client = receipt_of(shop, headers)["client"]
        expected = shop.count(json.dumps(body), "--model", model, "--chat")
        assert expected["exact"] and client["counted_by"] == "exact"
        assert int(client["counted"]["in"]) == expected["tokens"]
        assert client["counted"] == client["reported"] == client["billed"]
        assert client["billed_by"] == "upstream"


def calls(shop, count, model="aurora-large", until=200):
    """Calls of many lengths, or until one is answered with that status; the last one's receipt is waited for."""
    for at in range(count):
        text = " ".join(f"word{at} and some more of it" for _ in range(1 + at % 50))
        status, headers, _ = shop.request("/v1/chat/completions", ask(model, text))
        assert status in (200, until)
        if status != 200:
            break
    return receipt_of(shop, headers)


def findings(shop):
    done = shop.command("usage", "check", "--json", check=False)
    return json.loads(done.stdout or "[]"), done.returncode


def test_a_route_that_inflates_by_three_percent_is_found_within_sixty_calls(shop):
    shop.upstream(0, "--usage", "inflated", "--inflate", "3")
    calls(shop, 60, until=503)
    wait_for(lambda: findings(shop)[1] == 1, "a finding that stands")
    found = findings(shop)[0][-1]
    assert (found["route"], found["side"], found["kind"]) == ("aurora-large-us", "input", "slope")
    assert 0.029 < float(found["slope"]) < 0.031
    proof = shop.json("usage", "check", "--finding", str(found["finding"]))
    assert len(proof) >= 50 and all(call["reported"] >= call["counted"] for call in proof)
    assert b"entrepot_usage_findings_open 1" in operator(shop, "/metrics")
    wait_for(lambda: '"event":"usage_finding"' in (shop.folder / "server.log").read_text(), "the event")
    # The route is taken out; when it is put back the client pays by our count.
    shop.command("route", "release", "aurora-large-us", "--by", "the test", "--why", "to see what is billed")
    _, headers, _ = shop.request("/v1/chat/completions", ask(text=PROMPTS[1]))
    client = receipt_of(shop, headers)["client"]
    assert client["billed_by"] == "counted" and client["billed"]["in"] == client["counted"]["in"]


def test_a_route_that_pads_is_found_within_sixty_calls(shop):
    shop.upstream(0, "--usage", "padded", "--pad", "24")
    calls(shop, 60, "aurora-small")
    wait_for(lambda: any(found["route"] == "aurora-small-us" and found["side"] == "input"
                         for found in findings(shop)[0]), "a finding")
    found = next(found for found in findings(shop)[0] if found["route"] == "aurora-small-us" and found["side"] == "input")
    assert found["kind"] == "offset" and float(found["offset"]) == 24


def test_an_honest_route_raises_nothing(shop):
    before = len(findings(shop)[0])
    calls(shop, 300, "borealis-chat")
    assert len(findings(shop)[0]) == before


def operator(shop, path):
    import urllib.request
    with urllib.request.urlopen(f"http://127.0.0.1:{shop.operator}{path}", timeout=5) as answer:
        return answer.read()


def test_what_credit_does_not_cover_by_bytes_is_counted_before_it_is_refused(tmp_path):
    """A prompt of many bytes and few tokens: the bound of its bytes is not covered, its count is."""
    shop = House(tmp_path / "demo")
    shop.upstream(0)
    shop.start()
    try:
        made = shop.json("client", "add", "--name", "Poor", "--party", "first-client")
        client = made["client"] if "client" in made else made["id"]
        key = shop.json("key", "add", "--client", client, "--product", "world")["key"]
        text = "word " * 9000  # 9,000 tokens, 45,000 bytes; at 3.125 a million
        shop.command("credit", "purchase", "--client", client, "--amount", "0.05")
        body = ask(text=text)
        status, headers, answer = shop.request("/v1/chat/completions", body, key=key)
        assert status == 200, answer
        held = int(receipt_of(shop, headers)["operator"]["held"])
        tokens = shop.count(json.dumps(body), "--model", "aurora-large", "--chat")["tokens"]
        assert held == tokens * 3125 + 20 * 10000, "the dearest input class, and the output's cap"
        status, _, answer = shop.request("/v1/chat/completions", ask(text=text * 8), key=key)
        assert status == 429 and json.loads(answer)["error"]["code"] == "insufficient_quota"
    finally:
        shop.stop()


def test_an_estimate_is_called_one_and_billed_by_its_lower_edge(tmp_path):
    shop = House(tmp_path / "demo")
    models = shop.folder / "registry/models.yaml"
    models.write_text(models.read_text().replace(
        "tokenizer: qwen3", "tokenizer: qwen3\n    token_count: estimate\n    token_margin_percent: 20"))
    shop.apply()
    shop.upstream(1, "--usage", "missing")
    shop.start()
    try:
        status, headers, _ = shop.request("/v1/chat/completions", ask("borealis-chat", PROMPTS[0] * 10))
        assert status == 200
        client = receipt_of(shop, headers)["client"]
        assert (client["counted_by"], client["billed_by"]) == ("estimate", "estimate")
        counted = int(client["counted"]["in"])
        assert int(client["billed"]["in"]) == counted - counted * 20 // 100
        assert shop.count("x" * 100, "--model", "borealis-chat")["exact"] is False
    finally:
        shop.stop()


def test_a_vocabulary_that_is_not_there_is_refused_with_the_remedy(tmp_path):
    shop = House(tmp_path / "demo")
    models = shop.folder / "registry/models.yaml"
    models.write_text(models.read_text().replace("tokenizer: qwen3", "tokenizer: qwen9"))
    done = shop.command("registry", "check", check=False)
    assert done.returncode == 1
    assert re.search(r"models.yaml:\d+:\d+: TOKENIZER_MISSING: .*\"qwen9\".*make vocab", done.stdout + done.stderr)


def test_a_damaged_vocabulary_is_refused_by_name(tmp_path):
    shop = House(tmp_path / "demo")
    folder = tmp_path / "vocab"
    folder.mkdir()
    for name in ("o200k_base", "qwen3"):
        data = bytearray((VOCAB / f"{name}.etk").read_bytes())
        if name == "qwen3":
            data[4096:4200] = b"\xff" * 104
        (folder / f"{name}.etk").write_bytes(data)
    shop.conf.write_text(re.sub(r"vocabularies: .*", f'vocabularies: "{folder}"', shop.conf.read_text()))
    done = shop.command("count", "--vocab", "qwen3", check=False)
    assert done.returncode == 3 and "qwen3.etk" in done.stderr


def test_a_client_that_goes_away_pays_for_what_it_got(shop):
    import http.client
    shop.upstream(0, "--pace-ms", "20", "--words", "200")
    link = http.client.HTTPConnection("127.0.0.1", shop.public, timeout=10)
    body = json.dumps(ask(text="A long story, please.", stream=True, max_tokens=400))
    link.request("POST", "/v1/chat/completions", body, {"Authorization": f"Bearer {shop.key}"})
    answer = link.getresponse()
    answer.read(2000)
    call = answer.headers["x-entrepot-call"]
    link.sock.close()
    link.close()
    answer.close()
    wait_for(lambda: shop.command("receipt", "show", call, check=False).returncode == 0, "the receipt")
    client = shop.json("receipt", "show", call)["client"]
    assert (client["outcome"], client["billed_by"]) == ("interrupted", "counted")
    assert int(client["billed"]["in"]) == shop.count(body, "--model", "aurora-large", "--chat")["tokens"]
    assert 5 <= int(client["billed"]["out"]) < 200
    shop.upstream(0)


def test_tools_and_images_are_counted_before_they_are_held(shop):
    """Bytes do not bound the tokens of tools and of images: the hold is made of their count."""
    tools = [{"type": "function", "function": {"name": "f", "description": "d", "parameters": {
        "type": "object", "properties": {"a": {"type": "string", "enum": ["x"] * 2000}}}}}]
    image = {"role": "user", "content": [{"type": "text", "text": "what?"},
                                         {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}]}
    for body in (ask(tools=tools), {**ask(), "messages": [image]}):
        status, headers, answer = shop.request("/v1/chat/completions", body)
        assert status == 200, answer
        receipt = receipt_of(shop, headers)
        counted = shop.count(json.dumps(body), "--model", "aurora-large", "--chat")
        held = int(receipt["operator"]["held"])
        assert held >= (counted["tokens"] + counted.get("margin", 0)) * 3125 + 20 * 10000
        assert int(receipt["operator"]["overrun"]) == 0


def test_a_long_prompt_does_not_hold_up_others(shop):
    import threading
    import time
    long = ask(text="wörter und mehr davon " * 400_000)
    worst = []

    def ping():
        end = time.monotonic() + 2
        while time.monotonic() < end:
            begun = time.monotonic()
            assert shop.request("/v1/credits")[0] == 200
            worst.append(time.monotonic() - begun)

    pinger = threading.Thread(target=ping)
    pinger.start()
    status, headers, _ = shop.request("/v1/chat/completions", long)
    pinger.join()
    assert status == 200
    assert receipt_of(shop, headers)["client"]["counted_by"] == "exact"
    assert len(worst) > 20


def test_keys_that_stand_twice_in_messages_are_refused(shop):
    for raw in ('{"model":"aurora-large","messages":[{"role":"user","content":"a","content":"b"}]}',
                '{"model":"aurora-large","messages":[{"role":"user","content":[{"type":"text","text":"a","text":"b"}]}]}'):
        status, headers, answer = shop.request("/v1/chat/completions", raw.encode())
        assert status == 400 and json.loads(answer)["error"]["code"] == "duplicate_key"
        assert headers["x-should-retry"] == "false"


def test_a_broken_stream_is_not_billed_by_a_report_from_its_beginning(shop):
    """The sandbox cuts before its usage event; what is billed is what came."""
    shop.upstream(0, "--cut-after", "6")
    status, headers, body = shop.request("/v1/chat/completions", ask(stream=True))
    shop.upstream(0)
    client = receipt_of(shop, headers)["client"]
    assert status == 200 and client["outcome"] == "interrupted" and client["billed_by"] == "counted"
    assert int(client["billed"]["out"]) >= 1
