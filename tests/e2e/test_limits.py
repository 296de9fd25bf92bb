"""Limits of requests, tokens and calls at once, as clients meet them: by hand and by OpenAI's own SDK."""

import concurrent.futures
import datetime
import http.client
import json
import re
import threading
import time

import pytest

from conftest import wait_for

MODEL = "aurora-large"
ASK = {"model": MODEL, "messages": [{"role": "user", "content": "Tell me about rivers."}], "max_tokens": 60}


def new_client(house, name):
    client = house.json("client", "add", "--name", name, "--party", "first-client")["id"]
    house.command("credit", "purchase", "--client", client, "--amount", "50")
    return client


def new_key(house, client):
    return house.json("key", "add", "--client", client, "--product", "world")


def call(house, key, **change):
    status, headers, body = house.request("/v1/chat/completions", {**ASK, **change}, key=key)
    return status, headers, json.loads(body)


def seconds(text):
    """A duration of a header: 6m0s, 1.5s, 12ms."""
    match = re.fullmatch(r"(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+)ms)?", text)
    assert match and text, text
    hours, minutes, whole, ms = (float(part or 0) for part in match.groups())
    return hours * 3600 + minutes * 60 + whole + ms / 1000


def models(house):
    return [row["id"] for row in json.loads(house.request("/v1/models")[2])["data"]]


def test_no_limit_no_header(house):
    status, headers, _ = call(house, house.key)
    assert status == 200
    assert not [name for name in headers if name.lower().startswith("x-ratelimit")]


def test_requests_are_limited_and_shown_as_openai_does(house):
    client = new_client(house, "Requests")
    key = new_key(house, client)
    rows = house.json("client", "limit", client, "--requests", "3")
    assert rows[0]["requests"] == 3 and rows[0]["scope"] == "client" and rows[0]["model"] == "*"
    for left in (2, 1, 0):
        status, headers, _ = call(house, key["key"])
        assert status == 200
        assert headers["x-ratelimit-limit-requests"] == "3"
        assert headers["x-ratelimit-remaining-requests"] == str(left)
        assert 20 * (3 - left) - 5 < seconds(headers["x-ratelimit-reset-requests"]) <= 20 * (3 - left)
        assert "x-ratelimit-limit-tokens" not in headers
    status, headers, body = call(house, key["key"])
    assert status == 429
    assert headers["x-should-retry"] == "true"
    assert headers["x-ratelimit-remaining-requests"] == "0"
    wait = int(headers["retry-after"])
    assert 10 < wait <= 20 and wait - 1 < int(headers["retry-after-ms"]) / 1000 <= wait
    error = body["error"]
    assert error["code"] == "rate_limit_exceeded" and error["type"] == "requests" and error["param"] is None
    assert re.fullmatch(
        rf"Rate limit reached for {MODEL} in client {client} on requests per min \(RPM\): Limit 3, Used 3, "
        r"Requested 1\. Please try again in \d+(\.\d+)?s\.", error["message"]), error["message"]
    facts = error["entrepot"]
    assert facts["retry"] == "after"
    limit = facts["limit"]
    assert (limit["scope"], limit["model"], limit["kind"]) == ("client", "*", "requests_per_minute")
    assert (limit["max"], limit["left"], limit["asked"]) == (3, 0, 1)
    until = datetime.datetime.fromisoformat(limit["until"].replace("Z", "+00:00")).timestamp()
    assert 0 < until - time.time() <= 21
    receipt = house.json("receipt", "show", facts["call"])
    assert receipt["client"]["outcome"] == "refused" and receipt["client"]["amount"] == "0"
    shown = json.loads(house.request("/v1/key", key=key["key"])[2])["data"]
    assert shown["limits"]["requests_per_minute"] == 3 and shown["limits"]["tokens_per_minute"] is None
    assert shown["calls_at_once_max"] == 256
    house.command("client", "limit", client, "--requests", "none")
    assert call(house, key["key"])[0] == 200, "a limit that is taken away counts no more"


def test_tokens_are_reserved_by_the_cap_and_put_right_by_what_was_used(house):
    client = new_client(house, "Tokens")
    key = new_key(house, client)
    house.command("key", "limit", key["id"], "--tokens", "10000")
    status, headers, body = call(house, key["key"], max_tokens=4000)
    assert status == 200
    used = body["usage"]["total_tokens"]
    assert used < 400
    assert headers["x-ratelimit-limit-tokens"] == "10000"
    left = int(headers["x-ratelimit-remaining-tokens"])
    assert 10000 - used <= left <= 10000, "an answer that is whole is told of after it was put right"
    status, headers, _ = call(house, key["key"], max_tokens=4000)
    assert status == 200 and int(headers["x-ratelimit-remaining-tokens"]) > 9000, "it has come back since"


def test_a_call_that_can_never_pass_is_not_tried_again(house):
    client = new_client(house, "Too large")
    key = new_key(house, client)
    house.command("key", "limit", key["id"], "--output-tokens", "50")
    status, headers, body = call(house, key["key"], max_tokens=51)
    assert status == 429 and headers["x-should-retry"] == "false" and "retry-after" not in headers
    assert body["error"]["type"] == "tokens"
    assert body["error"]["message"].startswith(f"Request too large for {MODEL} in key {key['id']} on output tokens")
    assert body["error"]["entrepot"]["limit"]["max"] == 50
    assert "until" not in body["error"]["entrepot"]["limit"]
    assert call(house, key["key"], max_tokens=50)[0] == 200


def test_a_long_prompt_is_counted_before_it_is_refused(house):
    """Its bytes would be too much; its tokens are not."""
    client = new_client(house, "Counted")
    key = new_key(house, client)
    text = "The river runs to the sea. " * 400
    tokens = house.count(text, "--model", MODEL)["tokens"]
    assert tokens * 2 < len(text)
    house.command("key", "limit", key["id"], "--input-tokens", str(tokens + 100))
    messages = [{"role": "user", "content": text}]
    status, headers, body = call(house, key["key"], messages=messages)
    assert status == 200, body
    assert int(headers["x-ratelimit-remaining-tokens"]) < 200
    status, headers, body = call(house, key["key"], messages=messages)
    assert status == 429 and body["error"]["entrepot"]["limit"]["kind"] == "input_tokens_per_minute"
    assert tokens <= body["error"]["entrepot"]["limit"]["asked"] <= tokens + 100


def test_a_limit_of_one_model_leaves_the_others(house):
    others = [name for name in models(house) if name != MODEL]
    client = new_client(house, "One model")
    key = new_key(house, client)
    house.command("client", "limit", client, "--model", MODEL, "--requests", "1")
    assert call(house, key["key"])[0] == 200
    status, _, body = call(house, key["key"])
    assert status == 429 and body["error"]["entrepot"]["limit"]["model"] == MODEL
    assert others and call(house, key["key"], model=others[0])[0] == 200


def test_what_a_model_has_is_shared_between_clients(house):
    greedy, modest = (new_key(house, new_client(house, name)) for name in ("Greedy", "Modest"))
    other = [name for name in models(house) if name != MODEL][0]
    house.command("model", "limit", other, "--requests", "20")
    try:
        assert call(house, modest["key"], model=other)[0] == 200
        answers = [call(house, greedy["key"], model=other) for _ in range(20)]
        statuses = [status for status, _, _ in answers]
        assert 9 <= statuses.count(200) <= 11, statuses
        assert "this client's share" in answers[-1][2]["error"]["message"]
        assert [call(house, modest["key"], model=other)[0] for _ in range(8)] == [200] * 8
        assert [row["model"] for row in house.json("limit", "list") if row["scope"] == "model"] == [other]
    finally:
        house.command("model", "limit", other, "--requests", "default")


@pytest.mark.parametrize("which, model", [((), "*"), (("--model", MODEL), MODEL)])
def test_what_a_client_has_is_shared_between_its_keys(house, which, model):
    client = new_client(house, "Several keys")
    greedy, modest = (new_key(house, client) for _ in range(2))
    house.command("client", "limit", client, *which, "--requests", "20")
    assert call(house, modest["key"])[0] == 200
    answers = [call(house, greedy["key"]) for _ in range(20)]
    statuses = [status for status, _, _ in answers]
    assert 9 <= statuses.count(200) <= 11, statuses
    error = answers[-1][2]["error"]
    assert f"in this key's share of client {client} on requests per min" in error["message"]
    assert error["entrepot"]["limit"]["scope"] == "client" and error["entrepot"]["limit"]["model"] == model
    assert [call(house, modest["key"])[0] for _ in range(8)] == [200] * 8
    house.command("key", "revoke", greedy["id"])
    assert call(house, modest["key"])[0] in (200, 429), "a key that is gone does no harm"


def test_a_replay_is_no_request_of_the_limit(house):
    key = new_key(house, new_client(house, "Again"))
    house.command("key", "limit", key["id"], "--requests", "3", "--tokens", "5000", "--calls", "1")
    headers = {"Idempotency-Key": "once"}
    first = house.request("/v1/chat/completions", ASK, key=key["key"], headers=headers)
    assert first[0] == 200 and first[1]["x-ratelimit-remaining-requests"] == "2"
    for _ in range(5):
        status, told, body = house.request("/v1/chat/completions", ASK, key=key["key"], headers=headers)
        assert status == 200 and told["x-entrepot-replayed"] == "true" and body == first[2]
        assert told["x-ratelimit-remaining-requests"] == "2", "it is told of after it was given back"
        assert int(told["x-ratelimit-remaining-tokens"]) >= int(first[1]["x-ratelimit-remaining-tokens"])
    other = {**ASK, "max_tokens": 50}
    status, told, _ = house.request("/v1/chat/completions", other, key=key["key"], headers=headers)
    assert status == 422 or status == 400 or status == 409, "another request has the key"
    assert told["x-ratelimit-remaining-requests"] == "2"
    assert call(house, key["key"])[1]["x-ratelimit-remaining-requests"] == "1"


def test_a_model_that_stands_in_has_its_own_limit(house):
    """What may not be had of a model by asking for it may not be had by falling back on it."""
    other = "borealis-chat"  # at the second upstream, the other's is at the first alone
    key = new_key(house, new_client(house, "Stand-in"))
    house.command("key", "limit", key["id"], "--model", other, "--requests", "1")
    house.stop_process("upstream0")
    try:
        status, headers, body = call(house, key["key"], models=[other])
        assert status == 200 and headers["x-entrepot-model"] == other, body
        assert headers["x-ratelimit-remaining-requests"] == "0"
        assert call(house, key["key"], models=[other])[0] == 502
        assert call(house, key["key"], model=other)[0] == 429
    finally:
        house.upstream(0)


@pytest.fixture
def slow(house):
    """Both upstreams write a word each 20 ms."""
    for at in (0, 1):
        house.upstream(at, "--pace-ms", "20")
    yield house
    for at in (0, 1):
        house.upstream(at)


def begin(house, key, **change):
    """A stream that has begun, and its line."""
    line = http.client.HTTPConnection("127.0.0.1", house.public, timeout=10)
    line.request("POST", "/v1/chat/completions", json.dumps({**ASK, "stream": True, **change}),
                 {"Authorization": f"Bearer {key}", "Content-Type": "application/json"})
    answer = line.getresponse()
    assert answer.status == 200 and answer.read(1)
    return line, answer


def test_calls_at_once_are_limited_and_their_places_come_back(slow):
    key = new_key(slow, new_client(slow, "At once"))
    slow.command("key", "limit", key["id"], "--calls", "2")
    lines = [begin(slow, key["key"]) for _ in range(2)]
    status, headers, body = call(slow, key["key"])
    assert status == 429 and headers["retry-after"] == "1" and headers["x-should-retry"] == "true"
    assert "calls at once: Limit 2, Used 2, Requested 1. Please try again in 1s." in body["error"]["message"]
    for line, answer in lines:
        assert answer.read().endswith(b"[DONE]\n\n")
        line.close()
    assert call(slow, key["key"])[0] == 200


def test_whoever_hangs_up_gives_its_place_and_its_tokens_back(slow):
    key = new_key(slow, new_client(slow, "Gone"))
    slow.command("key", "limit", key["id"], "--calls", "1", "--tokens", "5000")
    line, answer = begin(slow, key["key"], max_tokens=4000)
    assert int(answer.headers["x-ratelimit-remaining-tokens"]) <= 1000, "a stream's head tells what is reserved"
    assert call(slow, key["key"])[0] == 429
    answer.close()
    line.close()
    wait_for(lambda: call(slow, key["key"], max_tokens=4000)[0] == 200, "the place and the tokens")


def test_limits_outlive_a_restart_and_configured_ones_come_with_a_reload(house):
    client = new_client(house, "Restarted")
    key = new_key(house, client)
    house.command("client", "limit", client, "--requests", "1")
    house.stop_process("server")
    house.command("client", "limit", client, "--calls", "7")  # without a server, too
    house.start()
    assert house.json("client", "limit", client)[0]["calls_at_once"] == 7
    assert call(house, key["key"])[0] == 200
    assert call(house, key["key"])[0] == 429
    text = house.conf.read_text()
    plain = new_key(house, new_client(house, "Configured"))
    try:
        house.conf.write_text(text + "\nlimits:\n  client_tokens_per_minute: 777\n")
        house.command("registry", "apply")
        status, headers, _ = call(house, plain["key"])
        assert status == 200 and headers["x-ratelimit-limit-tokens"] == "777"
    finally:
        house.conf.write_text(text)
        house.command("registry", "apply")
    assert "x-ratelimit-limit-tokens" not in call(house, plain["key"])[1]


@pytest.mark.parametrize("words, said", [
    (("key", "limit"), "the key is missing"),
    (("key", "limit", "key_00000000000000000000000000"), "there is no such key"),
    (("client", "limit", "cli_00000000000000000000000000", "--requests", "1"), "there is no such client"),
    (("model", "limit"), "the model is missing"),
    (("model", "limit", "nothing", "--requests", "1"), "no model"),
    (("model", "limit", MODEL, "--requests", "-1"), "is a number from 0 to"),
    (("model", "limit", MODEL, "--tokens", "1e3"), "is a number from 0 to"),
    (("model", "limit", MODEL, "--calls", "9223372036854775808"), "is a number from 0 to"),
    (("model", "limit", MODEL, "--calls", "1000000000001"), "is a number from 0 to"),
])
def test_bad_words_are_refused_by_name(house, words, said):
    done = house.command(*words, check=False)
    assert done.returncode != 0 and said in done.stderr, done.stderr
    assert house.json("limit", "list") == house.json("limit", "list")


# ---- the SDK -----------------------------------------------------------------------------------


def test_the_sdk_raises_its_own_error_and_reads_the_headers(house):
    openai = pytest.importorskip("openai", reason="the openai package is not installed")
    client = new_client(house, "SDK")
    key = new_key(house, client)
    house.command("key", "limit", key["id"], "--requests", "2", "--tokens", "100000")
    sdk = openai.OpenAI(base_url=house.base, api_key=key["key"], max_retries=0, timeout=30)
    raw = sdk.chat.completions.with_raw_response.create(**ASK)
    assert raw.headers["x-ratelimit-limit-requests"] == "2"
    assert raw.headers["x-ratelimit-remaining-requests"] == "1"
    assert raw.headers["x-ratelimit-limit-tokens"] == "100000"
    assert seconds(raw.headers["x-ratelimit-reset-tokens"]) < 1
    sdk.chat.completions.create(**ASK)
    with pytest.raises(openai.RateLimitError) as raised:
        sdk.chat.completions.create(**ASK)
    assert raised.value.code == "rate_limit_exceeded" and raised.value.type == "requests"
    assert "Please try again in" in raised.value.message


def test_the_sdk_waits_as_long_as_it_is_told_and_then_gets_its_answer(house):
    openai = pytest.importorskip("openai", reason="the openai package is not installed")
    client = new_client(house, "Patient")
    key = new_key(house, client)
    house.command("key", "limit", key["id"], "--requests", "40")
    sdk = openai.OpenAI(base_url=house.base, api_key=key["key"], max_retries=1, timeout=30)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: sdk.chat.completions.create(**ASK), range(40)))
    begun = time.monotonic()
    raw = sdk.chat.completions.with_raw_response.create(**ASK)
    assert raw.parse().choices[0].message.content
    assert raw.retries_taken == 1 and 0.3 < time.monotonic() - begun < 5


def test_many_threads_together_never_pass_the_limit(house):
    client = new_client(house, "Many")
    key = new_key(house, client)
    house.command("key", "limit", key["id"], "--requests", "30")
    begun = time.monotonic()
    statuses, lock = [], threading.Lock()

    def hammer():
        for _ in range(12):
            status = call(house, key["key"])[0]
            with lock:
                statuses.append(status)

    threads = [threading.Thread(target=hammer) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    most = 30 + int((time.monotonic() - begun) / 2) + 1
    assert 30 <= statuses.count(200) <= most, (statuses.count(200), most)
    assert set(statuses) == {200, 429}
