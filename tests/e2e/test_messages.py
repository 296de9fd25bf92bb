"""Anthropic Messages to upstreams that speak OpenAI chat: what is asked, what is answered, what is refused, what is paid."""

import http.server
import json
import re
import signal
import socket
import threading
import time

import pytest

from conftest import House, free_port, wait_for
from test_failures import Trial
from test_hedge import SLOW, calm, pair  # noqa: F401

MODEL = "aurora-large"
PATH = "/v1/messages"
ASK = {"model": MODEL, "max_tokens": 60, "messages": [{"role": "user", "content": "Tell me about rivers."}]}
VERSION = {"anthropic-version": "2023-06-01"}
TOOL = {"name": "read", "description": "reads", "input_schema": {"type": "object", "properties": {"path": {"type": "string"}}}}
CALL = [{"role": "user", "content": "Read it."},
        {"role": "assistant", "content": [{"type": "text", "text": "I will."},
                                          {"type": "tool_use", "id": "toolu_1", "name": "read", "input": {"path": "a"}}]}]


def ask(house, key=None, path=PATH, headers=None, drop=(), **change):
    body = {name: value for name, value in {**ASK, **change}.items() if name not in drop}
    status, got, text = house.request(path, body, key=key, headers={**VERSION, **(headers or {})})
    return status, got, text


def events(text):
    """The events of a stream, as a client of the dialect reads them: each by its name, which is its type."""
    told = []
    for block in text.decode().split("\n\n"):
        if block:
            name, data = re.fullmatch(r"event: (\w+)\ndata: (.*)", block).groups()
            told.append(json.loads(data))
            assert told[-1]["type"] == name
    return told


def fold(told):
    """What the vendor's reader makes of a stream: blocks by index, one open at a time, usage overwritten."""
    assert told[0]["type"] == "message_start" and told[-1]["type"] == "message_stop"
    message = told[0]["message"]
    open_block = None
    for event in told[1:-1]:
        kind = event["type"]
        if kind == "content_block_start":
            assert open_block is None and event["index"] == len(message["content"])
            open_block = event["content_block"]
            open_block["json"] = ""
            message["content"].append(open_block)
        elif kind == "content_block_delta":
            delta = event["delta"]
            for name in ("text", "thinking", "signature"):
                if name in delta:
                    open_block[name] += delta[name]
            open_block["json"] += delta.get("partial_json", "")
        elif kind == "content_block_stop":
            if open_block["type"] == "tool_use":
                open_block["input"] = json.loads(open_block["json"] or "{}")
            del open_block["json"]
            open_block = None
        elif kind == "message_delta":
            assert open_block is None
            message.update(event["delta"])
            message["usage"].update({name: value for name, value in event["usage"].items() if value is not None})
        else:
            assert kind == "ping"
    return message


def sums(billed):
    tokens = {name: int(value) for name, value in billed.items() if name != "by"}
    out = sum(value for name, value in tokens.items() if name.startswith("out") or name == "reason")
    return sum(tokens.values()) - out, out


def told_sums(usage):
    return (usage["input_tokens"] + usage["cache_read_input_tokens"] + usage["cache_creation_input_tokens"],
            usage["output_tokens"])


class Source:
    """An upstream that says what it is given, in pieces, and keeps what it was asked."""

    def __init__(self, port):
        self.body, self.kind, self.status, self.size, self.pause = b"", "text/event-stream", 200, 1 << 20, None
        self.asked = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                outer.asked.append((dict(self.headers), json.loads(self.rfile.read(int(self.headers["content-length"])))))
                self.send_response(outer.status)
                self.send_header("Content-Type", outer.kind)
                self.send_header("Connection", "close")
                self.end_headers()
                for at in range(0, len(outer.body), outer.size):
                    if outer.pause is not None and at >= outer.pause:
                        time.sleep(0.002)
                    try:
                        self.wfile.write(outer.body[at:at + outer.size])
                        self.wfile.flush()
                    except OSError:
                        break
                self.close_connection = True

            def log_message(self, *words):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class Shop(House):
    """A house whose two upstreams are one source in this process."""

    def __init__(self, folder):
        super().__init__(folder)
        self.sources = [Source(port) for port in self.upstreams]

    def say(self, body, kind="text/event-stream", status=200, size=1 << 20):
        for source in self.sources:
            source.body, source.kind, source.status, source.size, source.asked = body, kind, status, size, []

    def forget_failures(self):
        """A source that has failed too often is not asked for a while; a new server asks it."""
        self.stop_process("server")
        self.start()

    def asked(self):
        return [asked for source in self.sources for asked in source.asked]

    def receipt(self, call):
        return json.loads(self.request(f"/v1/receipts/{call}")[2])

    def end(self):
        self.stop()
        for source in self.sources:
            source.stop()
        audit = self.command("audit", check=False)
        assert audit.returncode == 0, audit.stdout + audit.stderr


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    made = Shop(tmp_path_factory.mktemp("shop") / "demo")
    made.start()
    yield made
    made.end()


def chunk(delta=None, finish=None, **more):
    return b"data: " + json.dumps({"id": "chat-1", "object": "chat.completion.chunk", "created": 1, "model": MODEL, **more,
                                   "choices": [] if delta is None else
                                   [{"index": 0, "delta": delta, "finish_reason": finish}]}).encode() + b"\n\n"


def tool(index, **function):
    head = {"id": f"call_{index}", "type": "function"} if "name" in function else {}
    return {"tool_calls": [{"index": index, **head, "function": function}]}


USAGE = {"prompt_tokens": 90, "completion_tokens": 40, "total_tokens": 130, "prompt_tokens_details": {"cached_tokens": 64},
         "completion_tokens_details": {"reasoning_tokens": 12}}
# Thoughts, text, and two calls whose arguments come interleaved.
STREAM = b"".join([
    chunk({"role": "assistant", "content": ""}), b": keep-alive\n\n", chunk({"reasoning_content": "I should "}),
    chunk({"reasoning_content": "read \u2713."}), chunk({"content": "Reading "}), chunk({"content": "\"both\".\n"}),
    chunk(tool(0, name="read", arguments="")), chunk(tool(0, arguments="{\"path\":")), chunk(tool(1, name="read", arguments="")),
    chunk(tool(1, arguments="{\"path\":\"b")), chunk(tool(0, arguments="\"a\"}")), chunk(tool(1, arguments="\"}")),
    chunk({}, "tool_calls"), chunk(usage=USAGE), b"data: [DONE]\n\n"])
WHOLE = json.dumps({
    "id": "chat-1", "object": "chat.completion", "created": 1, "model": MODEL, "usage": USAGE,
    "choices": [{"index": 0, "finish_reason": "tool_calls", "message": {
        "role": "assistant", "reasoning_content": "I should read \u2713.", "content": "Reading \"both\".\n",
        "tool_calls": [{"id": f"call_{at}", "type": "function", "function": {"name": "read", "arguments": f'{{"path":"{name}"}}'}}
                       for at, name in enumerate("ab")]}}]}).encode()


# ---- what is asked and answered ---------------------------------------------------------------


def test_an_answer_is_told_in_the_clients_dialect_whole_and_streamed_alike(shop):
    shop.say(WHOLE, "application/json")
    status, headers, text = ask(shop, tools=[TOOL])
    assert status == 200 and headers["content-type"] == "application/json"
    whole = json.loads(text)
    assert [block["type"] for block in whole["content"]] == ["thinking", "text", "tool_use", "tool_use"]
    assert [block["input"] for block in whole["content"][2:]] == [{"path": "a"}, {"path": "b"}]
    assert whole["content"][0]["thinking"] == "I should read \u2713." and whole["content"][1]["text"] == "Reading \"both\".\n"
    assert (whole["type"], whole["role"], whole["model"], whole["stop_reason"]) == ("message", "assistant", MODEL, "tool_use")
    assert headers["request-id"] == headers["x-entrepot-call"] and whole["id"] == headers["request-id"].replace("call_", "msg_")
    shop.say(STREAM)
    status, headers, text = ask(shop, tools=[TOOL], stream=True)
    assert status == 200 and headers["content-type"].startswith("text/event-stream")
    streamed = fold(events(text))
    assert "event: ping" in text.decode(), "the upstream's keep-alive is one"
    for name in ("content", "stop_reason", "usage", "role", "model"):
        left, right = streamed[name], whole[name]
        if name == "content":
            left, right = ([{key: value for key, value in block.items() if key != "citations"} for block in side]
                           for side in (left, right))
        assert left == right, name
    for call in (whole["id"], streamed["id"]):
        billed = shop.receipt(call.replace("msg_", "call_"))["client"]["billed"]
        assert sums(billed) == told_sums(whole["usage"]) == (90, 40)
        assert shop.receipt(call.replace("msg_", "call_"))["client"]["dialect"] == "anthropic"
    assert whole["usage"]["cache_read_input_tokens"] == 64 and whole["usage"]["output_tokens_details"]["thinking_tokens"] == 12


@pytest.mark.parametrize("size", [1, 2, 3, 7, 61])
def test_however_the_upstreams_bytes_are_cut_the_client_is_told_the_same(shop, size):
    shop.say(STREAM)
    want = fold(events(ask(shop, tools=[TOOL], stream=True)[2]))
    shop.say(STREAM, size=size)
    got = fold(events(ask(shop, tools=[TOOL], stream=True)[2]))
    assert {**got, "id": ""} == {**want, "id": ""}


def test_the_upstream_is_asked_in_its_own_dialect(shop):
    shop.say(WHOLE, "application/json")
    messages = [*CALL, {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "forty-two"},
                                                    {"type": "text", "text": "And now?"}]}]
    status, headers, _ = ask(shop, system=[{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
                             messages=messages, tools=[TOOL], tool_choice={"type": "any"}, stop_sequences=["END"], top_k=5,
                             metadata={"user_id": "u1"}, path=PATH + "?beta=true")
    assert status == 200
    (head, asked), = shop.asked()
    assert head["Authorization"].startswith("Bearer ") and "x-api-key" not in {name.lower() for name in head}
    assert [message["role"] for message in asked["messages"]] == ["system", "user", "assistant", "tool", "user"]
    assert asked["messages"][0]["content"] == "Be brief." and asked["messages"][3]["content"] == "forty-two"
    assert asked["messages"][2]["tool_calls"][0]["id"] == asked["messages"][3]["tool_call_id"] == "toolu_1"
    assert asked["tools"][0]["function"]["name"] == "read" and asked["tool_choice"] == "required" and asked["stop"] == ["END"]
    cap = asked.get("max_tokens", asked.get("max_completion_tokens"))
    assert cap == 60 and ("max_tokens" in asked) != ("max_completion_tokens" in asked)
    assert set(headers["x-entrepot-lost"].split(", ")) >= {"top_k", "cache"}


def test_a_tool_task_comes_to_its_end(shop):
    shop.say(WHOLE, "application/json")
    first = json.loads(ask(shop, tools=[TOOL])[2])
    results = [{"type": "tool_result", "tool_use_id": block["id"], "content": "42"}
               for block in first["content"] if block["type"] == "tool_use"]
    shop.say(WHOLE, "application/json")
    status, _, text = ask(shop, tools=[TOOL], messages=[*ASK["messages"], {"role": "assistant", "content": first["content"]},
                                                        {"role": "user", "content": results}])
    assert status == 200, text
    (_, asked), = shop.asked()
    assert [message["role"] for message in asked["messages"]] == ["user", "assistant", "tool", "tool"]
    assert [message["tool_call_id"] for message in asked["messages"][2:]] == ["call_0", "call_1"]


@pytest.mark.parametrize("header", ["bearer", "x-api-key"])
def test_the_key_may_come_in_either_header(shop, header):
    shop.say(WHOLE, "application/json")
    body = json.dumps(ASK).encode()
    name = b"x-api-key: " if header == "x-api-key" else b"Authorization: Bearer "
    with socket.create_connection(("127.0.0.1", shop.public), timeout=20) as line:
        line.sendall(b"POST /v1/messages HTTP/1.0\r\nHost: x\r\n" + name + shop.key.encode() +
                     b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        assert b" 200 " in b"".join(iter(lambda: line.recv(65536), b"")).split(b"\r\n")[0]


@pytest.mark.parametrize("finish, reason", [("stop", "end_turn"), ("length", "max_tokens"), ("content_filter", "refusal"),
                                            ("tool_calls", "end_turn")])
def test_why_an_answer_ended_is_said_in_the_clients_words(shop, finish, reason):
    shop.say(chunk({"role": "assistant", "content": "Word."}) + chunk({}, finish) + b"data: [DONE]\n\n")
    message = fold(events(ask(shop, stream=True)[2]))
    assert message["stop_reason"] == reason
    assert sums(shop.receipt(message["id"].replace("msg_", "call_"))["client"]["billed"]) == told_sums(message["usage"])


# ---- counting ---------------------------------------------------------------------------------


def test_tokens_are_counted_as_a_call_of_them_is_and_nothing_is_billed(shop):
    before = shop.credits()
    body = {"model": MODEL, "system": "Be brief.", "messages": ASK["messages"], "tools": [TOOL]}
    status, _, text = shop.request(PATH + "/count_tokens", body, headers=VERSION)
    assert status == 200 and list(json.loads(text)) == ["input_tokens"]
    assert shop.credits() == before
    shop.say(chunk({"role": "assistant", "content": "Word."}) + chunk({}, "stop") + b"data: [DONE]\n\n")
    message = fold(events(ask(shop, **body, stream=True)[2]))
    billed = shop.receipt(message["id"].replace("msg_", "call_"))["client"]["counted"]
    assert sums(billed)[0] == json.loads(text)["input_tokens"]


@pytest.mark.parametrize("change, status, word", [
    ({"model": "none"}, 404, "model"), ({"messages": []}, 400, "messages"), ({"frequency_penalty": 1}, 400, "frequency_penalty")])
def test_what_cannot_be_counted_is_refused(shop, change, status, word):
    told = shop.request(PATH + "/count_tokens", {**ASK, **change}, headers=VERSION)
    assert told[0] == status and word in json.loads(told[2])["error"]["message"]
    assert shop.request(PATH + "/count_tokens", ASK, key="sk-ep-wrong")[0] == 401


# ---- bad input --------------------------------------------------------------------------------


BAD = {
    "no max_tokens": ({"drop": ["max_tokens"]}, "max_tokens"),
    "max_tokens that is none": ({"max_tokens": 0}, "max_tokens"),
    "no messages": ({"drop": ["messages"]}, "messages"),
    "no model": ({"drop": ["model"]}, "model"),
    "a field of another dialect": ({"max_completion_tokens": 5}, "max_completion_tokens"),
    "a result without a call": ({"messages": [{"role": "user", "content": [
        {"type": "tool_result", "tool_use_id": "toolu_9", "content": "x"}]}]}, "messages"),
    "a call without a result": ({"messages": [*CALL, {"role": "user", "content": "x"}]}, "messages"),
    "a role of another dialect": ({"messages": [{"role": "tool", "content": "x"}]}, "role"),
    "an image that is none": ({"messages": [{"role": "user", "content": [
        {"type": "image", "source": {"type": "file", "file_id": "f"}}]}]}, "messages"),
    "text that says it is an image": ({"messages": [{"role": "user", "content": [
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "bm8gaW1hZ2U="}}]}]}, "messages[0].content[0]"),
    "both caps of another dialect": ({"max_tokens": 5, "max_completion_tokens": 5}, "max_completion_tokens"),
    "a stream that is no truth value": ({"stream": "yes"}, "stream"),
    "a server of tools": ({"mcp_servers": [{"type": "url", "url": "https://x", "name": "x"}]}, "mcp_servers"),
}


@pytest.mark.parametrize("change, word", BAD.values(), ids=BAD.keys())
def test_bad_input_is_refused_in_its_own_envelope_with_the_field_before_anything_is_held(shop, change, word):
    shop.say(WHOLE, "application/json")
    before = shop.credits()
    status, headers, text = ask(shop, **change)
    told = json.loads(text)
    assert status == 400 and headers["x-should-retry"] == "false"
    assert told["type"] == "error" and told["error"]["type"] == "invalid_request_error" and word in told["error"]["message"]
    assert told["request_id"] == headers["request-id"]
    assert shop.asked() == [] and shop.credits() == before


def test_each_refusal_has_the_status_that_the_sdk_knows(shop):
    assert ask(shop, model="none")[0] == 404
    wrong = ask(shop, key="sk-ep-wrong")
    assert wrong[0] == 401 and json.loads(wrong[2])["error"]["type"] == "authentication_error"
    client = shop.json("client", "add", "--name", "poor", "--party", "first-client")["id"]
    poor = shop.json("key", "add", "--client", client, "--product", "world")["key"]
    status, headers, text = ask(shop, key=poor)
    assert status == 402 and json.loads(text)["error"]["type"] == "billing_error" and headers["x-should-retry"] == "false"


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"model": "a", "model": "b", "max_tokens": 1, "messages": []}', b"\xff"])
def test_a_body_that_is_no_request_is_refused(shop, body):
    status, _, text = shop.request(PATH, body, headers=VERSION, method="POST")
    assert status == 400 and json.loads(text)["error"]["type"] == "invalid_request_error"


# ---- upstreams that fail ----------------------------------------------------------------------


@pytest.mark.parametrize("body, delivered", [
    (chunk({"role": "assistant", "content": "Word."}), True),  # cut
    (chunk({"role": "assistant", "content": "Word."}) + b'data: {"error": {"message": "secret words"}}\n\n', True),
    (chunk({"role": "assistant", "content": "Word."}) + b"data: nonsense\n\n", True),
    (chunk({"role": "assistant", "content": "Word."}) + chunk(tool(0, arguments="{}")) + chunk({}, "stop"), False),  # of no call
    (b'data: {"error": {"message": "secret words"}}\n\n', False),
    (b"", False),
])
def test_a_stream_that_goes_wrong_ends_with_an_error_event(shop, body, delivered):
    shop.say(body)
    status, headers, text = ask(shop, stream=True)
    assert b"secret" not in text
    if delivered:
        told = events(text)
        assert status == 200 and told[0]["type"] == "message_start" and told[-1]["type"] == "error"
        assert told[-1]["error"]["type"] == "api_error" and told[-1]["error"]["entrepot"]["call"] == headers["request-id"]
        assert "message_stop" not in [event["type"] for event in told]
        assert shop.receipt(headers["request-id"])["client"]["outcome"] == "interrupted"
    else:
        assert status >= 500 and json.loads(text)["type"] == "error"
        assert shop.receipt(headers["request-id"])["client"]["amount"] in ("0", "0.00")


@pytest.mark.parametrize("body", [
    b"nonsense", b"{}", b'{"choices": []}', WHOLE.replace(b'"name": "read"', b'"name": ""')])
def test_a_whole_answer_that_makes_no_sense_is_not_sold(shop, body):
    shop.say(body, "application/json")
    status, headers, text = ask(shop)
    assert status >= 500 and json.loads(text)["error"]["type"] in ("api_error", "overloaded_error"), text
    receipt = shop.receipt(headers["request-id"])["client"]
    assert float(receipt["amount"]) == 0 and receipt["outcome"] == "failed"


def test_an_upstreams_refusal_is_told_in_the_clients_envelope(shop):
    shop.forget_failures()
    shop.say(json.dumps({"error": {"message": "too hot", "type": "invalid_request_error", "param": "temperature", "code": None}}).encode(),
             "application/json", 400)
    status, _, text = ask(shop)
    told = json.loads(text)
    assert status == 400 and told["type"] == "error" and told["error"]["message"] == "too hot"


# ---- gates, money, what is gone ----------------------------------------------------------------


@pytest.fixture
def trial(tmp_path):
    made = []

    def make(settings=""):
        made.append(Trial(tmp_path / "demo", settings))
        return made[0]

    yield make
    for house in made:
        house.end()


def test_the_end_is_not_told_before_it_is_durable(trial):
    """Gate B: a server that dies where the settlement is about to be written has told no end of the answer."""
    house = trial()
    house.set(words=12, pace=0.05)
    house.start()
    body = json.dumps({**ASK, "stream": True}).encode()
    with socket.create_connection(("127.0.0.1", house.public), timeout=20) as line:
        line.sendall(b"POST /v1/messages HTTP/1.0\r\nHost: x\r\nx-api-key: %s\r\nContent-Length: %d\r\n\r\n"
                     % (house.key.encode(), len(body)) + body)
        data = b""
        while data.count(b"text_delta") < 12:
            got = line.recv(65536)
            assert got, data
            data += got
        house.send(signal.SIGSTOP)
        house.processes["server"].kill()
        house.stop_process("server", signal.SIGKILL)
        while True:
            try:
                got = line.recv(65536)
            except ConnectionResetError:
                break
            if not got:
                break
            data += got
    assert b"message_delta" not in data and b"message_stop" not in data and b"content_block_stop" not in data
    house.start()
    house.sound()


def test_a_client_that_goes_pays_for_what_it_got(trial):
    house = trial()
    house.set(words=300, pace=0.01)
    house.start()
    body = json.dumps({**ASK, "max_tokens": 600, "stream": True}).encode()
    with socket.create_connection(("127.0.0.1", house.public), timeout=20) as line:
        line.sendall(b"POST /v1/messages HTTP/1.0\r\nHost: x\r\nx-api-key: %s\r\nContent-Length: %d\r\n\r\n"
                     % (house.key.encode(), len(body)) + body)
        data = b""
        while data.count(b"text_delta") < 5:
            data += line.recv(65536)
    call = re.search(rb"(?i)x-entrepot-call: (\S+)", data).group(1).decode()
    wait_for(lambda: house.total("aborted") == 1, "the end of the upstream's connection")
    wait_for(lambda: house.command("receipt", "show", call, check=False).returncode == 0, "the receipt")
    client = house.receipt(call)["client"]
    assert client["outcome"] == "interrupted" and 5 <= int(client["billed"]["out"]) < 300


def test_an_answer_ends_cleanly_where_the_credit_ends(trial):
    house = trial("hold_first_tokens: 40")
    house.set(words=500, pace=0.002)
    house.start()
    key = house.buyer("0.004")
    status, headers, text = ask(house, key=key, stream=True, max_tokens=600)
    assert status == 200
    message = fold(events(text))
    assert message["stop_reason"] == "max_tokens"
    said = message["content"][0]["text"].count("word")
    billed = house.receipt(headers["x-entrepot-call"])["client"]["billed"]
    assert 100 < said < 400 and int(billed["out"]) == said
    assert told_sums(message["usage"]) == sums(billed)


def test_a_call_goes_to_the_next_source_where_nothing_was_told(trial):
    house = trial()
    house.talkers[0].status = 500
    house.start()
    good = [ask(house, stream=True, model="aurora-small") for _ in range(4)]
    assert all(status == 200 and fold(events(text))["stop_reason"] == "end_turn" for status, _, text in good)


def test_a_key_for_repeats_gets_the_same_answer(shop):
    shop.say(WHOLE, "application/json")
    key = {"Idempotency-Key": f"k-{free_port()}"}
    first, again = ask(shop, headers=key), ask(shop, headers=key)
    assert first[2] == again[2] and again[1]["x-entrepot-replayed"] == "true" and len(shop.asked()) == 1
    assert ask(shop, headers=key, max_tokens=61)[0] == 422


# ---- a second source beside one that is late -----------------------------------------------------


@pytest.mark.parametrize("stream", [False, True])
def test_a_hedge_answers_in_the_clients_dialect(pair, stream):  # noqa: F811
    pair.talkers[0].first, pair.talkers[1].words = SLOW, 7
    with pair.counted(**{"": 1, "_won": 1}):
        status, headers, text = ask(pair, model="aurora-small", stream=stream)
    message = fold(events(text)) if stream else json.loads(text)
    assert status == 200 and message["content"][0]["text"] == " word" * 7
    assert sums(pair.receipt(headers)["client"]["billed"]) == told_sums(message["usage"])
