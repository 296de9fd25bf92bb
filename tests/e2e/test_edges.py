"""What clients tell answers apart by: status, headers and the shape of a refusal, as each API's SDKs read them."""

import http.client
import json
import re
import socket

import pytest

from conftest import wait_for

MODEL = "aurora-large"
ASK = {"model": MODEL, "messages": [{"role": "user", "content": "Say something kind."}], "max_tokens": 50}
CHAT = "/v1/chat/completions"


def refusal(answer):
    return json.loads(answer[2])["error"]


def ids(headers):
    assert headers["x-request-id"] and headers["x-request-id"] == headers["request-id"]
    assert headers["openai-processing-ms"].isdigit()
    return headers["request-id"]


@pytest.mark.parametrize("path, body, status, prefix", [
    (CHAT, ASK, 200, "call_"),
    (CHAT, {**ASK, "stream": True}, 200, "call_"),
    (CHAT, {**ASK, "n": 0}, 400, "call_"),
    (CHAT, b"{", 400, "call_"),
    ("/v1/models", None, 200, "req_"),
    ("/v1/models/none", None, 404, "req_"),
    ("/v1/credits", None, 200, "req_"),
    ("/v1/key", None, 200, "req_"),
    ("/v1/usage", None, 200, "req_"),
    ("/v1/usage?month=x", None, 400, "req_"),
    ("/v1/receipts/call_none", None, 404, "req_"),
    ("/log/checkpoint", None, None, "req_"),
    ("/log/none", None, 404, "req_"),
    ("/verify", None, 308, "req_"),
    ("/healthz", None, 200, "req_"),
    ("/readyz", None, 200, "req_"),
    ("/", None, 200, "req_"),
    ("/none", None, 404, "req_"),
    ("/v1/credits/gift", {}, 409, "req_"),
])
def test_every_answer_has_an_id_where_each_sdk_looks_for_it(house, path, body, status, prefix):
    line = http.client.HTTPConnection("127.0.0.1", house.public, timeout=20)
    text = body if isinstance(body, (bytes, type(None))) else json.dumps(body)
    line.request("GET" if body is None else "POST", path, text, {"Authorization": f"Bearer {house.key}"})
    answer = line.getresponse()
    answer.read()
    assert status in (None, answer.status)
    assert ids(answer.headers).startswith(prefix)
    if 400 <= answer.status and "json" in answer.headers["content-type"]:
        assert answer.headers["x-should-retry"] == "false"
    line.close()


def test_what_is_no_http_has_an_id_too(house):
    with socket.create_connection(("127.0.0.1", house.public), timeout=10) as line:
        line.sendall(b"NONSENSE\r\n\r\n")
        answer = b"".join(iter(lambda: line.recv(65536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ") and b"request-id: req_" in head and b"x-should-retry: false" in head
    assert set(json.loads(body)["error"]) == {"message", "type", "param", "code"}


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_the_root_answers_who_looks_whether_anybody_is_there(house, method):
    line = http.client.HTTPConnection("127.0.0.1", house.public, timeout=10)
    line.request(method, "/")
    answer = line.getresponse()
    assert answer.status == 200
    assert answer.read() == (b"entrepot\n" if method == "GET" else b"")
    line.close()


@pytest.mark.parametrize("path, headers, shape", [
    ("/v1/responses/compact", {}, "openai"),
    ("/v1/responses/resp_1", {}, "openai"),
    ("/v1/fine_tuning/jobs", {}, "openai"),
    ("/v1/messages/files", {}, "anthropic"),
    ("/api/v1/messages/files", {}, "anthropic"),
    ("/v1/skills", {"anthropic-version": "2023-06-01"}, "anthropic"),
    ("/v1/models/m:predict", {}, "gemini"),
    ("/v1beta/cachedContents", {}, "gemini"),
    ("/api/v1/none", {}, "openrouter"),
])
def test_a_path_that_is_not_served_is_refused_in_its_apis_own_envelope(house, path, headers, shape):
    status, got, body = house.request(path, {}, headers=headers)
    told = json.loads(body)
    error = told["error"]
    assert status == 404 and got["x-should-retry"] == "false"
    if shape == "openai":
        assert (error["type"], error["param"], error["code"]) == ("invalid_request_error", None, "unknown_path")
    elif shape == "openrouter":
        assert error["code"] == 404 and error["metadata"] == {"error_type": "not_found", "code": "unknown_path"}
    elif shape == "anthropic":
        assert told["type"] == "error" and error["type"] == "not_found_error"
        assert told["request_id"] == got["request-id"]
    else:
        assert set(error) == {"code", "message", "status", "details"} and (error["code"], error["status"]) == (404, "NOT_FOUND")
        assert all(one["@type"].startswith("type.googleapis.com/") for one in error["details"])


def test_the_models_list_is_openais_anthropics_and_openrouters(house):
    told = json.loads(house.request("/v1/models")[2])
    assert told["object"] == "list" and told["has_more"] is False and told["links"] == {"next": None}
    models = told["data"]
    assert (told["first_id"], told["last_id"], told["total_count"]) == (models[0]["id"], models[-1]["id"], len(models))
    for model in models:
        assert model["object"] == "model" and model["type"] == "model" and model["owned_by"]
        assert model["display_name"] == model["id"] and model["created_at"].endswith("Z") and model["created"] == 0
        assert float(model["pricing"]["prompt"]) > 0
        assert model["architecture"]["output_modalities"] == (["audio"] if model["services"] == ["realtime"] else ["text"])
        assert json.loads(house.request(f"/v1/models/{model['id']}")[2]) == model
    assert json.loads(house.request("/v1/models/aurora%2Dlarge")[2])["id"] == MODEL
    assert json.loads(house.request("/api/v1/models")[2]) == told
    wrong = house.request("/v1/models", key="sk-ep-wrong", headers={"anthropic-version": "2023-06-01"})
    assert wrong[0] == 401 and json.loads(wrong[2])["error"]["type"] == "authentication_error"


def broke(house, name, *budget):
    """A key of a client without credit, or with a budget that is too small."""
    client = house.json("client", "add", "--name", name, "--party", "first-client")["id"]
    key = house.json("key", "add", "--client", client, "--product", "world")
    if budget:
        house.command("credit", "purchase", "--client", client, "--amount", "5")
        house.command("key", "budget", key["id"], *budget)
    return key["key"]


def test_no_credit_is_429_for_openais_clients_and_402_for_openrouters(house):
    key = broke(house, "poor")
    status, headers, body = house.request(CHAT, ASK, key=key)
    error = json.loads(body)["error"]
    assert (status, error["type"], error["code"]) == (429, "insufficient_quota", "insufficient_quota")
    assert headers["x-should-retry"] == "false" and headers["retry-after"] is None
    status, headers, body = house.request("/api" + CHAT, ASK, key=key)
    error = json.loads(body)["error"]
    assert (status, error["code"], error["metadata"]["limit_source"]) == (402, 402, "openrouter_credits")
    assert error["metadata"]["code"] == "insufficient_quota" and error["entrepot"]["needed"]
    assert headers["x-should-retry"] == "false" and headers["retry-after"] is None


def test_a_budget_that_is_used_up_is_told_as_its_clients_know_it(house):
    key = broke(house, "thrifty", "--budget-day", "0.000001")
    status, headers, body = house.request(CHAT, ASK, key=key)
    assert (status, json.loads(body)["error"]["code"], headers["x-should-retry"]) == (429, "budget_day", "false")
    status, headers, body = house.request("/api" + CHAT, ASK, key=key)
    error = json.loads(body)["error"]
    assert (status, error["code"], error["metadata"]["limit_source"]) == (402, 402, "openrouter_key_limit")
    assert headers["x-should-retry"] == "false"


def test_openrouters_clients_get_numbers_for_codes(house):
    for body, status, code in (({**ASK, "model": "none"}, 404, "model_not_found"),
                               ({**ASK, "max_tokens": -1}, 400, "invalid_value"), (b"{", 400, "invalid_json")):
        answer = house.request("/api" + CHAT, body)
        error = refusal(answer)
        assert (answer[0], error["code"], error["metadata"]["code"]) == (status, status, code)
    answer = house.request("/api/v1/models", key="sk-ep-wrong")
    assert (answer[0], refusal(answer)["code"]) == (401, 401)
    assert house.request("/api" + CHAT, ASK)[0] == 200


def events(body):
    return [line[6:] for line in body.decode().split("\n") if line.startswith("data: ")]


@pytest.mark.parametrize("face", ["", "/api"])
def test_a_stream_that_breaks_off_says_so_in_both_ways_and_ends(house, face):
    house.upstream(0, "--cut-after", "5")
    house.upstream(1, "--cut-after", "5")
    try:
        status, headers, body = house.request(face + CHAT, {**ASK, "stream": True, "n": 2})
        told = events(body)
        assert status == 200 and told[-1] == "[DONE]"
        if not face:
            assert set(json.loads(told[-2])) == {"error"}, "once more, for who takes what has choices for a chunk alone"
            told.pop(-2)
        last = json.loads(told[-2])
        assert last["id"] == headers["x-entrepot-call"] and last["object"] == "chat.completion.chunk"
        assert last["model"] == MODEL and last["created"] > 0
        assert [choice["finish_reason"] for choice in last["choices"]] == ["error"] * 2
        code = last["error"]["code"]
        assert (code, last["error"]["metadata"]["error_type"]) == (502, "provider_unavailable") if face else \
            code == "upstream_cut"
    finally:
        house.upstream(0)
        house.upstream(1)


def test_a_limit_says_how_long_to_wait_in_words_and_in_both_headers(house):
    client = house.json("client", "add", "--name", "hasty", "--party", "first-client")["id"]
    made = house.json("key", "add", "--client", client, "--product", "world")
    house.command("credit", "purchase", "--client", client, "--amount", "5")
    house.command("key", "limit", made["id"], "--requests", "2")
    for _ in range(2):
        assert house.request(CHAT, ASK, key=made["key"])[0] == 200
    status, headers, body = house.request(CHAT, ASK, key=made["key"])
    message = json.loads(body)["error"]["message"]
    assert status == 429 and headers["x-should-retry"] == "true"
    # As Codex reads it out of a failed response.
    seconds = float(re.search(r"(?i)try again in\s*(\d+(?:\.\d+)?)\s*s", message).group(1))
    assert 0 < seconds <= 30
    assert int(headers["retry-after-ms"]) == pytest.approx(seconds * 1000, abs=2)
    assert int(headers["retry-after"]) >= max(1, seconds)


def test_what_may_pass_later_says_when(house):
    house.stop_process("upstream0")
    house.stop_process("upstream1")
    try:
        status, headers, body = house.request(CHAT, ASK)
        assert status in (502, 503) and headers["x-should-retry"] == "true"
        assert (headers["retry-after"], headers["retry-after-ms"]) == ("1", "1000")
        assert set(json.loads(body)["error"]) == {"message", "type", "param", "code", "entrepot"}
    finally:
        house.upstream(0)
        house.upstream(1)
        wait_for(lambda: house.request(CHAT, ASK)[0] == 200, "routes that are tried again")


@pytest.mark.parametrize("path", [CHAT, "/api" + CHAT])
def test_a_sources_own_refusal_is_told_in_words_that_the_client_reads(tmp_path, path):
    from test_idempotency import Shop

    shop = Shop(tmp_path / "demo")
    try:
        shop.start()
        bodies = {
            b'{"error": {"message": "too long", "type": "t", "param": null, "code": "c"}}': "too long",
            b'{"object": "error", "message": "no such \\"tool\\"", "code": 400}': 'no such "tool"',
            b'{"detail": "bad"}': "bad",
            b'{"code": 400, "detail": "with a line end"}\n': "with a line end",
            b' {"error": {"message": "in between", "type": "t", "param": null, "code": "c"}}\r\n': "in between",
            b'{"error": "plain"}': "plain",
            b"<html>": "A field of the request has an invalid value.",
            b"[]": "A field of the request has an invalid value.",
            b'{"error": {"message": "' + b"x" * 2000 + b'"}}': None,
        }
        for said, message in bodies.items():
            shop.set(status=400, said=said)
            status, headers, body = shop.request(path, ASK)
            error = json.loads(body)["error"]
            assert status == 400 and headers["x-should-retry"] == "false"
            assert message is None or error["message"] == message
            if path == CHAT and b'"error": {' in said:
                assert body == said, "as it came"
            else:
                assert error["code"] == (400 if path != CHAT else "invalid_value") and "param" in error
    finally:
        shop.stop()
        for upstream in shop.counted:
            upstream.stop()
