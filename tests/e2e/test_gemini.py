"""Gemini's generateContent to upstreams that speak OpenAI chat: paths, keys, streams as events and as an array, counts, models."""

import json
import re
import socket

import pytest

from test_messages import MODEL, STREAM, WHOLE, Shop, chunk, sums, tool

ASK = {"contents": [{"role": "user", "parts": [{"text": "Tell me about rivers."}]}], "generationConfig": {"maxOutputTokens": 60}}
TOOLS = [{"functionDeclarations": [{"name": "read", "description": "reads", "parameters": {
    "type": "OBJECT", "properties": {"path": {"type": "STRING"}}}}]}]
CALL = [{"role": "user", "parts": [{"text": "Read it."}]},
        {"role": "model", "parts": [{"text": "I will."}, {"functionCall": {"name": "read", "args": {"path": "a"}}}]}]


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    made = Shop(tmp_path_factory.mktemp("shop") / "demo")
    made.start()
    yield made
    # The query's keys are in no file of the server's.
    for name in (made.folder / "server.log", *made.folder.glob("var/*.log")):
        assert made.key not in name.read_text(errors="replace"), name
    made.end()


def path(verb, model=MODEL, root="/v1beta"):
    return f"{root}/models/{model}:{verb}"


def ask(shop, verb="generateContent", root="/v1beta", model=MODEL, query="", key=None, drop=(), **change):
    body = {name: value for name, value in {**ASK, **change}.items() if name not in drop}
    return shop.request(path(verb, model, root) + query, body, key=key)


def events(text):
    """The chunks of a stream: "data:" alone, nothing behind the last."""
    blocks = text.decode().split("\n\n")
    assert blocks[-1] == ""
    return [json.loads(block.removeprefix("data: ")) for block in blocks[:-1] if not block.startswith(": ")]


def fold(chunks):
    """What an SDK makes of them: texts of one kind joined, the last reason and usage."""
    parts, finish, usage = [], None, None
    for one in chunks:
        for candidate in one["candidates"]:
            assert candidate["index"] == 0 and candidate["content"]["role"] == "model"
            for part in candidate["content"]["parts"]:
                if "text" in part and parts and "text" in parts[-1] and parts[-1].get("thought") == part.get("thought"):
                    parts[-1]["text"] += part["text"]
                elif part.get("text") != "":
                    parts.append(dict(part))
            finish = candidate.get("finishReason", finish)
        usage = one.get("usageMetadata", usage)
    return [{name: value for name, value in part.items() if name != "thoughtSignature"} for part in parts], finish, usage


def told_sums(usage):
    return usage["promptTokenCount"], usage["candidatesTokenCount"] + usage.get("thoughtsTokenCount", 0)


def field(text):
    """The field that a refusal names, as the vendor does."""
    error = json.loads(text)["error"]
    violations = [one for detail in error["details"] if detail["@type"].endswith("google.rpc.BadRequest")
                  for one in detail["fieldViolations"]]
    assert all(one["description"] == error["message"] for one in violations)
    return violations[0]["field"] if violations else None


# ---- what is asked and answered ---------------------------------------------------------------


@pytest.mark.parametrize("root", ["/v1", "/v1beta"])
def test_an_answer_is_told_in_the_clients_dialect_whole_streamed_and_as_an_array_alike(shop, root):
    shop.say(WHOLE, "application/json")
    status, headers, text = ask(shop, root=root, tools=TOOLS)
    assert status == 200 and headers["content-type"] == "application/json", text
    whole = json.loads(text)
    want = fold([whole])
    assert want[0] == [{"text": "I should read \u2713.", "thought": True}, {"text": "Reading \"both\".\n"},
                       *({"functionCall": {"id": f"call_{at}", "name": "read", "args": {"path": name}}} for at, name in enumerate("ab"))]
    assert want[1] == "STOP" and whole["modelVersion"] == MODEL and whole["responseId"]
    assert told_sums(want[2]) == (90, 40) and want[2]["cachedContentTokenCount"] == 64 and want[2]["thoughtsTokenCount"] == 12
    assert want[2]["totalTokenCount"] == 130
    calls = [headers["x-entrepot-call"]]
    shop.say(STREAM)
    status, headers, text = ask(shop, "streamGenerateContent", root, query="?alt=sse", tools=TOOLS)
    assert status == 200 and headers["content-type"].startswith("text/event-stream") and b"[DONE]" not in text
    assert fold(events(text)) == want
    calls.append(headers["x-entrepot-call"])
    status, headers, text = ask(shop, "streamGenerateContent", root, query="?alt=json", tools=TOOLS)
    assert status == 200 and headers["content-type"].startswith("application/json")
    assert fold(json.loads(text)) == want
    for call in [*calls, headers["x-entrepot-call"]]:
        receipt = shop.receipt(call)["client"]
        assert sums(receipt["billed"]) == (90, 40) and receipt["dialect"] == "gemini"


@pytest.mark.parametrize("size", [1, 2, 3, 7, 61])
@pytest.mark.parametrize("query, read", [("?alt=sse", events), ("", json.loads)])
def test_however_the_upstreams_bytes_are_cut_the_client_is_told_the_same(shop, size, query, read):
    shop.say(STREAM)
    want = fold(read(ask(shop, "streamGenerateContent", query=query, tools=TOOLS)[2]))
    shop.say(STREAM, size=size)
    assert fold(read(ask(shop, "streamGenerateContent", query=query, tools=TOOLS)[2])) == want


def test_the_upstream_is_asked_in_its_own_dialect(shop):
    shop.say(WHOLE, "application/json")
    contents = [*CALL, {"role": "user", "parts": [{"functionResponse": {"name": "read", "response": {"output": "forty-two"}}},
                                                  {"text": "And now?"}]}]
    status, headers, text = ask(
        shop, systemInstruction={"parts": [{"text": "Be brief."}]}, contents=contents, tools=TOOLS,
        toolConfig={"functionCallingConfig": {"mode": "ANY"}}, safetySettings=[{"category": "x", "threshold": "y"}],
        generationConfig={"maxOutputTokens": 60, "stopSequences": ["END"], "temperature": 0.5, "responseMimeType": "text/plain"})
    assert status == 200, text
    (head, asked), = shop.asked()
    assert head["Authorization"].startswith("Bearer ") and shop.key not in str(head)
    assert [message["role"] for message in asked["messages"]] == ["system", "user", "assistant", "tool", "user"]
    assert asked["messages"][3]["content"] == "forty-two"
    assert asked["messages"][2]["tool_calls"][0]["id"] == asked["messages"][3]["tool_call_id"]
    function = asked["tools"][0]["function"]
    assert function["name"] == "read" and function["parameters"]["type"] == "object" and asked["tool_choice"] == "required"
    assert asked["stop"] == ["END"] and asked["temperature"] == 0.5
    assert asked.get("max_tokens", asked.get("max_completion_tokens")) == 60
    assert "safety_settings" in headers["x-entrepot-lost"].split(", ")


def test_arguments_that_came_on_several_lines_are_one_event(shop):
    shop.say(chunk({"role": "assistant"}) + chunk(tool(0, name="read", arguments='{\n  "path": "a\\nb"\r\n}')) +
             chunk({}, "tool_calls") + b"data: [DONE]\n\n")
    parts, _, _ = fold(events(ask(shop, "streamGenerateContent", query="?alt=sse", tools=TOOLS)[2]))
    assert parts == [{"functionCall": {"id": "call_0", "name": "read", "args": {"path": "a\nb"}}}]


@pytest.mark.parametrize("finish, reason", [("stop", "STOP"), ("length", "MAX_TOKENS"), ("content_filter", "SAFETY")])
def test_why_an_answer_ended_is_said_in_the_clients_words(shop, finish, reason):
    shop.say(chunk({"role": "assistant", "content": "Word."}) + chunk({}, finish) + b"data: [DONE]\n\n")
    status, headers, text = ask(shop, "streamGenerateContent")
    parts, told, usage = fold(json.loads(text))
    assert (parts, told) == ([{"text": "Word."}], reason)
    assert sums(shop.receipt(headers["x-entrepot-call"])["client"]["billed"]) == told_sums(usage)


# ---- keys and names ----------------------------------------------------------------------------


def raw(shop, target, *headers, body=b""):
    with socket.create_connection(("127.0.0.1", shop.public), timeout=20) as line:
        head = "".join(f"{header}\r\n" for header in headers)
        method = "POST" if body else "GET"
        line.sendall(f"{method} {target} HTTP/1.0\r\nHost: x\r\n{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        answer = b"".join(iter(lambda: line.recv(65536), b""))
    head, _, text = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), text


@pytest.mark.parametrize("query, headers, status", [
    ("", ["x-goog-api-key: KEY"], 200), ("?key=KEY", [], 200), ("?alt=json&key=KEY", [], 200), ("", ["Authorization: Bearer KEY"], 200),
    ("", ["x-api-key: KEY"], 200), ("?key=KEY", ["X-Goog-Api-Key: KEY"], 200), ("", [], 401), ("?key=", [], 401),
    ("?key=sk-ep-wrong", [], 401), ("?key=sk-ep-wrong", ["x-goog-api-key: KEY"], 401), ("?keys=KEY", [], 401)])
def test_the_key_may_come_in_each_of_its_places_but_only_one_key(shop, query, headers, status):
    shop.say(WHOLE, "application/json")
    headers = [header.replace("KEY", shop.key) for header in headers]
    got, text = raw(shop, path("generateContent") + query.replace("KEY", shop.key), *headers, body=json.dumps(ASK).encode())
    assert got == status, text
    if status == 401:
        assert json.loads(text)["error"]["status"] == "UNAUTHENTICATED"


def test_a_key_in_the_query_of_another_api_is_none(shop):
    body = json.dumps({"model": MODEL, "messages": [{"role": "user", "content": "x"}]}).encode()
    assert raw(shop, f"/v1/chat/completions?key={shop.key}", body=body)[0] == 401
    assert raw(shop, f"/v1/credits?key={shop.key}")[0] == 401
    assert raw(shop, "/v1/credits", f"x-goog-api-key: {shop.key}")[0] == 200


@pytest.mark.parametrize("model", [MODEL, "models/" + MODEL, "models%2F" + MODEL, MODEL.replace("-", "%2D")])
def test_a_models_name_may_be_written_in_several_ways(shop, model):
    shop.say(WHOLE, "application/json")
    status, _, text = ask(shop, model=model)
    assert (status == 200) == (model != "models%2F" + MODEL), text


@pytest.mark.parametrize("model, status", [("none", 404), ("%E4%BA%BA", 404), ("a:b", 404), ("x" * 100, 404), ("x" * 300, 400),
                                           ("%FF", 400), ("%4", 400), ("%22%0A", 404), ("+", 404), ("", 400)])
def test_a_name_that_is_nobodys_is_refused_in_geminis_words(shop, model, status):
    got, headers, text = ask(shop, model=model)
    error = json.loads(text)["error"]
    assert (got, error["code"]) == (status, status) and error["status"] == ("NOT_FOUND" if status == 404 else "INVALID_ARGUMENT")
    assert field(text) == "model" and headers["x-should-retry"] == "false"


@pytest.mark.parametrize("root", ["/v1", "/v1beta"])
@pytest.mark.parametrize("verb", ["predict", "generatecontent", "generateContent/", "%67enerateContent", "", "predictLongRunning"])
def test_what_is_not_done_with_a_model_is_refused_by_name(shop, root, verb):
    got, _, text = ask(shop, verb, root)
    error = json.loads(text)["error"]
    assert (got, error["status"]) == (404, "NOT_FOUND") and field(text) == "method"
    assert f'"{verb}"' in error["message"] and "countTokens" in error["message"]


@pytest.mark.parametrize("target", ["/v1/models", "/v1beta/models", f"/v1beta/models/{MODEL}:generateContent", "/v1beta/files", "/v1beta/"])
def test_other_methods_and_paths_are_refused(shop, target):
    method = "GET" if ":" in target or "files" in target else "POST"
    status, _, text = shop.request(target, {} if method == "POST" else None, method=method)
    assert status in (404, 405), text
    assert target == "/v1/models" or json.loads(text)["error"]["code"] == status
    status, _, text = shop.request("/api" + path("generateContent", root="/v1"), ASK)
    assert status == 404 and json.loads(text)["error"]["metadata"]["code"] == "unknown_path"


# ---- counting, models -------------------------------------------------------------------------


def test_tokens_are_counted_as_a_call_of_them_is_and_nothing_is_billed(shop):
    before = shop.credits()
    status, _, text = ask(shop, "countTokens", drop=["generationConfig"])
    assert status == 200 and list(json.loads(text)) == ["totalTokens"]
    whole = {"model": "models/" + MODEL, **ASK, "systemInstruction": {"parts": [{"text": "Be brief."}]}, "tools": TOOLS}
    status, _, more = shop.request(path("countTokens"), {"generateContentRequest": whole})
    assert status == 200 and json.loads(more)["totalTokens"] > json.loads(text)["totalTokens"]
    assert shop.credits() == before
    shop.say(chunk({"role": "assistant", "content": "Word."}) + chunk({}, "stop") + b"data: [DONE]\n\n")
    _, headers, _ = ask(shop, "streamGenerateContent", **{name: whole[name] for name in ("systemInstruction", "tools")})
    assert sums(shop.receipt(headers["x-entrepot-call"])["client"]["counted"])[0] == json.loads(more)["totalTokens"]


@pytest.mark.parametrize("body, status, word", [
    ({}, 400, "contents"), ({"contents": []}, 400, "contents"), ({"messages": []}, 400, "messages"), (b"{", 400, None), (b"[]", 400, None),
    ({"generateContentRequest": 5}, 400, "generateContentRequest"),
    ({"generateContentRequest": {"contents": ASK["contents"]}, "contents": ASK["contents"]}, 400, "generateContentRequest")])
def test_what_cannot_be_counted_is_refused(shop, body, status, word):
    got, _, text = shop.request(path("countTokens"), body)
    assert got == status and json.loads(text)["error"]["status"] == "INVALID_ARGUMENT" and field(text) == word, text
    assert shop.request(path("countTokens", "none"), ASK)[0] == 404
    assert shop.request(path("countTokens"), ASK, key="sk-ep-wrong")[0] == 401


def test_models_are_listed_in_geminis_shape_to_geminis_clients(shop):
    def get(target, **headers):
        status, _, text = shop.request(target, headers=headers)
        assert status == 200, text
        return json.loads(text)

    listed = get("/v1beta/models?pageSize=50")
    assert "nextPageToken" not in listed and "data" not in listed
    one = next(model for model in listed["models"] if model["name"] == "models/" + MODEL)
    assert {"generateContent", "countTokens"} <= set(one["supportedGenerationMethods"])
    assert one["inputTokenLimit"] > 0 and one["outputTokenLimit"] > 0 and one["displayName"] == MODEL and one["version"]
    assert float(one["pricing"]["prompt"]) > 0
    assert get(f"/v1beta/models/{MODEL}") == get(f"/v1beta/models/models/{MODEL}") == one
    assert get(f"/v1/models/{MODEL}", **{"x-goog-api-key": shop.key}) == one
    assert get("/v1/models", **{"x-goog-api-key": shop.key}) == listed
    assert get("/v1/models")["object"] == "list"
    status, _, text = shop.request("/v1beta/models/none")
    assert status == 404 and json.loads(text)["error"]["status"] == "NOT_FOUND"


# ---- bad input --------------------------------------------------------------------------------


BAD = {
    "no contents": ({"drop": ["contents"]}, "contents"),
    "contents that say nothing": ({"contents": [{"role": "user", "parts": []}]}, "contents"),
    "contents that are no list": ({"contents": "x"}, "contents"),
    "a cap that is none": ({"generationConfig": {"maxOutputTokens": 0}}, "generationConfig.maxOutputTokens"),
    "a cap of another dialect": ({"max_tokens": 5}, "max_tokens"),
    "a cap of another dialect within": ({"generationConfig": {"max_completion_tokens": 5}}, "generationConfig.max_completion_tokens"),
    "a field of another dialect": ({"messages": [{"role": "user", "content": "x"}]}, "messages"),
    "a config that is none": ({"generationConfig": []}, "generationConfig"),
    "a role of another dialect": ({"contents": [{"role": "assistant", "parts": [{"text": "x"}]}]}, "contents[0]"),
    "a result without a call": ({"contents": [{"role": "user", "parts": [{"functionResponse": {
        "name": "read", "response": {"output": "x"}}}]}]}, "contents[0].parts[0]"),
    "a call without a result": ({"contents": [*CALL, {"role": "user", "parts": [{"text": "x"}]}]}, "contents[1].parts[1]"),
    "a part that is none": ({"contents": [{"role": "user", "parts": [{"video": {}}]}]}, "contents[0].parts[0]"),
    "an image that is none": ({"contents": [{"role": "user", "parts": [{"inlineData": {
        "mimeType": "image/png", "data": "no base64!"}}]}]}, "contents[0].parts[0]"),
    "text that says it is an image": ({"contents": [{"role": "user", "parts": [{"inlineData": {
        "mimeType": "image/png", "data": "bm8gaW1hZ2U="}}]}]}, "contents[0].parts[0]"),
    "a search of the vendor's": ({"tools": [{"googleSearch": {}}]}, "tools"),
    "kept content": ({"cachedContent": "cachedContents/1"}, "cachedContent"),
    "a budget of thought that is none": ({"generationConfig": {"thinkingConfig": {"thinkingBudget": "much"}}},
                                         "generationConfig.thinkingConfig.thinkingBudget"),
}


@pytest.mark.parametrize("change, word", BAD.values(), ids=BAD.keys())
def test_bad_input_is_refused_in_its_own_envelope_with_the_field_before_anything_is_held(shop, change, word):
    shop.say(WHOLE, "application/json")
    before = shop.credits()
    for verb in ("generateContent", "streamGenerateContent"):
        status, headers, text = ask(shop, verb, **change)
        error = json.loads(text)["error"]
        assert status == error["code"] == 400 and headers["x-should-retry"] == "false"
        assert error["status"] == "INVALID_ARGUMENT" and field(text) == word
    assert shop.asked() == [] and shop.credits() == before


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"contents": [], "contents": []}', b"\xff"])
def test_a_body_that_is_no_request_is_refused(shop, body):
    status, _, text = shop.request(path("generateContent"), body, method="POST")
    assert status == 400 and json.loads(text)["error"]["status"] == "INVALID_ARGUMENT"


def test_without_credit_it_is_a_quota_that_is_used_up(shop):
    client = shop.json("client", "add", "--name", "poor", "--party", "first-client")["id"]
    poor = shop.json("key", "add", "--client", client, "--product", "world")["key"]
    status, headers, text = ask(shop, key=poor)
    error = json.loads(text)["error"]
    assert (status, error["status"]) == (429, "RESOURCE_EXHAUSTED") and headers["x-should-retry"] == "false"
    assert [detail.get("reason", detail.get("retryDelay")) for detail in error["details"]] == ["INSUFFICIENT_QUOTA", "86400.000s"]
    assert error["entrepot"]["call"] == headers["x-request-id"]


# ---- upstreams that fail ----------------------------------------------------------------------


@pytest.mark.parametrize("query", ["?alt=sse", ""])
@pytest.mark.parametrize("body", [
    chunk({"role": "assistant", "content": "Word."}),  # cut
    chunk({"role": "assistant", "content": "Word."}) + b'data: {"error": {"message": "secret words"}}\n\n',
    chunk({"role": "assistant", "content": "Word."}) + b"data: nonsense\n\n"])
def test_a_stream_that_goes_wrong_ends_with_an_error(shop, query, body):
    shop.forget_failures()
    shop.say(body)
    status, headers, text = ask(shop, "streamGenerateContent", query=query)
    told = events(text) if query else json.loads(text)
    assert status == 200 and b"secret" not in text
    assert told[0]["candidates"][0]["content"]["parts"] == [{"text": "Word."}]
    assert told[-1]["error"]["code"] >= 500 and told[-1]["error"]["entrepot"]["call"] == headers["request-id"]
    assert not [one for one in told if "usageMetadata" in one]
    assert shop.receipt(headers["request-id"])["client"]["outcome"] == "interrupted"


def test_an_upstreams_refusal_is_told_in_the_clients_envelope(shop):
    shop.forget_failures()
    shop.say(json.dumps({"error": {"message": "too hot", "type": "invalid_request_error", "param": "temperature", "code": None}}).encode(),
             "application/json", 400)
    status, _, text = ask(shop)
    error = json.loads(text)["error"]
    assert (status, error["status"], error["message"]) == (400, "INVALID_ARGUMENT", "too hot")


def test_an_idempotency_key_remembers_the_answer_as_it_was_told(shop):
    shop.forget_failures()
    shop.say(WHOLE, "application/json")
    key = {"Idempotency-Key": "gemini-1"}
    first = shop.request(path("generateContent"), ASK, headers=key)
    again = shop.request(path("generateContent"), ASK, headers=key)
    assert (first[0], again[0], again[2]) == (200, 200, first[2]) and again[1]["x-entrepot-replayed"] == "true"
    other = shop.request(path("generateContent", root="/v1"), ASK, headers=key)
    assert other[0] == 422 and json.loads(other[2])["error"]["status"] == "INVALID_ARGUMENT"
    assert re.match(r"call_", first[1]["x-entrepot-call"])
