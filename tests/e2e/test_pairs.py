"""Every client's dialect to every upstream's: what is asked and answered, whole and streamed, tools, usage, failures; what
passes as it came where both speak the same; what a pair cannot carry."""

import concurrent.futures
import json
import re
import socket
import threading

import pytest

import test_gemini as gemini
import test_messages as messages
import test_responses as responses
from conftest import TOKENIZERS, House, wait_for
from talker import events as chat_events

UPSTREAMS = ["openai_chat", "openai_responses", "anthropic", "gemini"]
CLIENTS = ["chat", "responses", "messages", "gemini"]
LARGE, SMALL = "aurora-large", "aurora-small"
SCHEMA = {"type": "object", "properties": {"path": {"type": "string"}}}
SAID = "The notes say 42, or so it seems."


# ---- clients --------------------------------------------------------------------------------


class Chat:
    name, path, receipt = "chat", "/v1/chat/completions", None

    @staticmethod
    def body(turns, tools):
        told = [{"role": "user", "content": turns[0]}]
        for call in turns[1:]:
            told += [call["message"], {"role": "tool", "tool_call_id": call["id"], "content": "42"}]
        more = {"tools": [{"type": "function", "function": {"name": "read", "parameters": SCHEMA}}]} if tools else {}
        return {"messages": told, "max_tokens": 60, **more}

    @staticmethod
    def read(text, stream):
        if not stream:
            answer = json.loads(text)
            message, finish, usage = answer["choices"][0]["message"], answer["choices"][0]["finish_reason"], answer["usage"]
        else:
            told, done = chat_events(text)
            assert done
            message, finish, usage = {"role": "assistant", "content": None}, None, told[-1]["usage"]
            for one in told:
                for choice in one["choices"]:
                    delta, finish = choice["delta"], choice["finish_reason"] or finish
                    if delta.get("content"):
                        message["content"] = (message["content"] or "") + delta["content"]
                    for piece in delta.get("tool_calls", []):
                        calls = message.setdefault("tool_calls", [])
                        if piece["index"] == len(calls):
                            calls.append({"id": piece["id"], "type": "function",
                                          "function": {"name": piece["function"]["name"], "arguments": ""}})
                        calls[piece["index"]]["function"]["arguments"] += piece["function"].get("arguments", "")
        call = (message.get("tool_calls") or [None])[0]
        return {"text": message["content"], "usage": (usage["prompt_tokens"], usage["completion_tokens"]), "finish": finish,
                "call": call and {"id": call["id"], "name": call["function"]["name"],
                                  "args": json.loads(call["function"]["arguments"]), "message": message}}


class Messages:
    name, path, receipt = "messages", "/v1/messages", "anthropic"

    @staticmethod
    def body(turns, tools):
        told = [{"role": "user", "content": turns[0]}]
        for call in turns[1:]:
            told += [{"role": "assistant", "content": call["message"]},
                     {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call["id"], "content": "42"}]}]
        return {"messages": told, "max_tokens": 60, **({"tools": [{"name": "read", "input_schema": SCHEMA}]} if tools else {})}

    @staticmethod
    def read(text, stream):
        answer = messages.fold(messages.events(text)) if stream else json.loads(text)
        texts = [block["text"] for block in answer["content"] if block["type"] == "text"]
        call = next((block for block in answer["content"] if block["type"] == "tool_use"), None)
        return {"text": "".join(texts) or None, "usage": messages.told_sums(answer["usage"]), "finish": answer["stop_reason"],
                "call": call and {"id": call["id"], "name": call["name"], "args": call["input"],
                                  "message": [{k: v for k, v in block.items() if k != "citations"}
                                              for block in answer["content"]]}}


class Responses:
    name, path, receipt = "responses", "/v1/responses", "responses"

    @staticmethod
    def body(turns, tools):
        told = [{"role": "user", "content": turns[0]}]
        for call in turns[1:]:
            told += [*call["message"], {"type": "function_call_output", "call_id": call["id"], "output": "42"}]
        more = {"tools": [{"type": "function", "name": "read", "parameters": SCHEMA}]} if tools else {}
        return {"input": told, "max_output_tokens": 60, "store": False, **more}

    @staticmethod
    def read(text, stream):
        answer = responses.fold(responses.events(text)) if stream else json.loads(text)
        texts = [part["text"] for item in answer["output"] if item["type"] == "message" for part in item["content"]]
        call = next((item for item in answer["output"] if item["type"] == "function_call"), None)
        return {"text": "".join(texts) or None, "usage": responses.told_sums(answer["usage"]), "finish": answer["status"],
                "call": call and {"id": call["call_id"], "name": call["name"], "args": json.loads(call["arguments"]),
                                  "message": answer["output"]}}


class Gemini:
    name, path, receipt = "gemini", None, "gemini"

    @staticmethod
    def body(turns, tools):
        told = [{"role": "user", "parts": [{"text": turns[0]}]}]
        for call in turns[1:]:
            told += [{"role": "model", "parts": call["message"]},
                     {"role": "user", "parts": [{"functionResponse": {"id": call["id"], "name": "read",
                                                                     "response": {"result": "42"}}}]}]
        more = {"tools": [{"functionDeclarations": [{"name": "read", "parametersJsonSchema": SCHEMA}]}]} if tools else {}
        return {"contents": told, "generationConfig": {"maxOutputTokens": 60}, **more}

    @staticmethod
    def read(text, stream):
        if stream:
            parts, finish, usage = gemini.fold(gemini.events(text))
        else:
            answer = json.loads(text)
            parts, usage = answer["candidates"][0]["content"]["parts"], answer["usageMetadata"]
            finish = answer["candidates"][0]["finishReason"]
        call = next((part["functionCall"] for part in parts if "functionCall" in part), None)
        return {"text": "".join(part.get("text", "") for part in parts) or None, "usage": gemini.told_sums(usage),
                "finish": finish, "call": call and {"id": call.get("id"), "name": call["name"], "args": call.get("args", {}),
                                                    "message": parts}}


READERS = {one.name: one for one in (Chat, Messages, Responses, Gemini)}
OWN = {"openai_chat": "chat", "openai_responses": "responses", "anthropic": "messages", "gemini": "gemini"}


# ---- the house ------------------------------------------------------------------------------


class Fair(House):
    """A house whose routes speak what a test wants."""

    tokenizers = TOKENIZERS[:4]  # of the models that are asked for: an upstream begins eighty times
    spoken = None

    def speak(self, *dialects, **fields):
        """The routes' dialects, in the order of routes.yaml; the last stands for the rest."""
        wanted = (dialects, tuple(sorted(fields.items())))
        if self.spoken == wanted:
            return
        file = self.folder / "registry" / "routes.yaml"
        text = re.sub(r"(?m)^    (usage|image_urls|thinking|anthropic_version): .*\n", "", file.read_text())
        more = "".join(f"\n    {name}: {value}" for name, value in fields.items())
        left = list(dialects)
        text = re.sub(r"    dialect: \w+", lambda _: f"    dialect: {left.pop(0) if len(left) > 1 else left[0]}{more}", text)
        file.write_text(text)
        self.apply()
        self.spoken = wanted

    def ask(self, client, turns, stream=False, reads=False, model=LARGE, headers=None, **change):
        body = {**client.body(turns, reads), **change}
        path = client.path
        if path is None:
            path = f"/v1beta/models/{model}:{'streamGenerateContent?alt=sse' if stream else 'generateContent'}"
        else:
            body = {"model": model, "stream": stream, **body}
            if client is Chat and stream:
                body["stream_options"] = {"include_usage": True}
        version = {"anthropic-version": "2023-06-01"} if client is Messages else {}
        return self.request(path, body, headers={**version, **(headers or {})})

    def receipt(self, heads):
        return json.loads(self.request(f"/v1/receipts/{heads['x-entrepot-call']}")[2])

    def operator_part(self, heads):
        return self.json("receipt", "show", heads["x-entrepot-call"])

    def again(self, route):
        """A route that a test has taken out."""
        rows = {row["route"]: row for row in self.json("route", "list")}
        if rows[route]["state"] == "quarantined":
            self.command("route", "release", route, "--by", "ann", "--why", "a test is over")


def write_say(house):
    file = house.folder / "say.json"
    file.write_text(json.dumps([{"say": SAID}] * 3))
    return file


@pytest.fixture(scope="module")
def fair(tmp_path_factory):
    made = Fair(tmp_path_factory.mktemp("fair") / "demo")
    made.script = made.folder / "script.json"
    made.script.write_text(json.dumps([{"call": "read", "arguments": {"path": "notes \"1\".txt"}}, {"say": SAID}]))
    made.say = write_say(made)
    made.flags = {}
    made.start()
    yield made
    made.stop()
    audit = made.command("audit", check=False)
    assert audit.returncode == 0, audit.stdout + audit.stderr


@pytest.fixture(scope="module", params=UPSTREAMS)
def upstream(request):
    """What the routes speak: all tests of one dialect together, for a registry is signed and put in force for each."""
    return request.param


@pytest.fixture(autouse=True)
def calm(request):
    """Three failures in a row open a breaker: tests of failures make two, say so, and here is an answer that is fine."""
    if "fair" not in request.fixturenames:
        yield
        return
    fair = request.getfixturevalue("fair")
    fair.failing = None
    yield
    if fair.failing is not None:
        for route in ("aurora-large-us", "aurora-small-us"):
            fair.again(route)
        upstreams(fair)
        wait_for(lambda: fair.ask(Chat, ["Hi?"], model=fair.failing, provider={"only": ["aurora"]})[0] == 200, "an answer")


def two(upstream):
    """A client of the upstream's dialect, and one of another."""
    return READERS[OWN[upstream]], READERS[CLIENTS[UPSTREAMS.index(upstream) - 1]]


def upstreams(fair, *flags, other=()):
    """aurora-large is the first one's, aurora-small both's."""
    for at, wanted in enumerate((flags, other)):
        if fair.flags.get(at) != wanted:
            fair.upstream(at, *wanted)
            fair.flags[at] = wanted


def sums(receipt):
    return messages.sums(receipt["client"]["billed"])


# ---- what is asked and answered ---------------------------------------------------------------


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("client", CLIENTS)
def test_a_loop_of_tools_goes_through_every_pair(fair, upstream, client, stream):
    reader = READERS[client]
    fair.speak(upstream)
    upstreams(fair, "--script", str(fair.script))
    status, heads, text = fair.ask(reader, ["Read the notes."], stream, reads=True)
    assert status == 200, text
    first = reader.read(text, stream)
    assert (first["call"]["name"], first["call"]["args"], first["text"]) == ("read", {"path": 'notes "1".txt'}, None)
    assert client == "gemini" or first["call"]["id"]
    assert first["finish"] in ("tool_calls", "tool_use", "completed", "STOP")
    status, heads, text = fair.ask(reader, ["Read the notes.", first["call"]], stream, reads=True)
    assert status == 200, text
    second = reader.read(text, stream)
    assert second["text"] == SAID and second["call"] is None
    assert second["finish"] in ("stop", "end_turn", "completed", "STOP")
    receipt = fair.receipt(heads)
    assert second["usage"] == sums(receipt) and receipt["client"]["billed_by"] == "upstream"
    assert receipt["client"].get("dialect") == reader.receipt
    shown = json.dumps(fair.operator_part(heads))
    assert "sandbox" in shown, shown  # the upstream's own name of the call, in its headers or its body


@pytest.mark.parametrize("stream", [False, True])
def test_what_is_billed_is_the_report_of_the_routes_surface(fair, upstream, stream):
    fair.speak(upstream)
    upstreams(fair, "--cached", "5", "--reasoning", "7", "--cache-write", "2")
    for reader in READERS.values():
        status, heads, text = fair.ask(reader, ["Tell me about rivers, and what they carry to the sea."], stream)
        assert status == 200, text
        told = reader.read(text, stream)
        billed = fair.receipt(heads)["client"]["billed"]
        assert (billed["cached"], billed["reason"]) == ("5", "7")
        written = sum(int(billed.get(name, 0)) for name in ("w5m", "w1h", "w30m", "w12h", "wx"))
        assert written == (2 if upstream.startswith("openai") else 0)  # the sandbox tells no life time, which the others want
        assert told["usage"] == messages.sums(billed)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("spoken,report,billed", [
    ("anthropic", {"input_tokens": 10, "cache_read_input_tokens": 3, "cache_creation_input_tokens": 4,
                   "cache_creation": {"ephemeral_5m_input_tokens": 1, "ephemeral_1h_input_tokens": 3}, "output_tokens": 9},
     {"in": "10", "cached": "3", "w5m": "1", "w1h": "3", "out": "9"}),
    ("openai_responses", {"input_tokens": 10, "input_tokens_details": {"cached_tokens": 3}, "output_tokens": 9,
                          "output_tokens_details": {"reasoning_tokens": 4}, "total_tokens": 19},
     {"in": "7", "cached": "3", "out": "5", "reason": "4"}),
    ("gemini", {"promptTokenCount": 10, "cachedContentTokenCount": 3, "candidatesTokenCount": 9, "thoughtsTokenCount": 4,
                "totalTokenCount": 23},
     {"in": "7", "cached": "3", "out": "9", "reason": "4"}),
])
def test_a_report_is_read_by_its_own_rule(fair, spoken, report, billed, stream):
    fair.speak(spoken)
    upstreams(fair, "--report", json.dumps(report))
    for reader in (Chat, READERS[OWN[spoken]]):
        status, heads, text = fair.ask(reader, ["Tell me about rivers."], stream)
        assert status == 200, text
        got = fair.receipt(heads)["client"]["billed"]
        assert {name: value for name, value in got.items() if value != "0"} == billed


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_without_usage_is_billed_by_our_count(fair, upstream, stream):
    fair.speak(upstream)
    upstreams(fair, "--usage", "missing", "--script", str(fair.say))
    for reader in (Chat, Messages):
        status, heads, text = fair.ask(reader, ["Tell me about rivers."], stream)
        assert status == 200, text
        receipt = fair.receipt(heads)
        assert receipt["client"]["billed_by"] == "counted"
        assert int(receipt["client"]["billed"]["out"]) == fair.count(SAID, "--model", LARGE)["tokens"]


# ---- failures ---------------------------------------------------------------------------------


def test_a_stream_that_is_cut_is_billed_for_what_arrived_and_ends_in_the_clients_dialect(fair, upstream):
    fair.failing = LARGE
    fair.speak(upstream)
    upstreams(fair, "--cut-after", "9", "--script", str(fair.say))
    for reader in two(upstream):
        status, heads, text = fair.ask(reader, ["Tell me about rivers."], stream=True)
        assert status == 200 and b"broke the answer off" in text, text
        receipt = fair.receipt(heads)
        assert receipt["client"]["outcome"] == "interrupted"
        said = int(receipt["client"]["billed"]["out"])
        assert 0 < said <= fair.count(SAID, "--model", LARGE)["tokens"]


def test_an_error_inside_of_a_stream_is_no_text_and_ends_it(fair, upstream):
    fair.failing = LARGE
    fair.speak(upstream)
    upstreams(fair, "--error-after", "4", "--script", str(fair.say))
    for reader in two(upstream):
        status, heads, text = fair.ask(reader, ["Tell me about rivers."], stream=True)
        assert status == 200 and b"on purpose" not in text and b"error" in text, text
        assert fair.receipt(heads)["client"]["outcome"] == "interrupted"


@pytest.mark.parametrize("stream", [False, True])
def test_another_model_is_not_sold(fair, upstream, stream):
    fair.failing = LARGE
    fair.speak(upstream)
    upstreams(fair, "--declare-model", "another", "--script", str(fair.say))
    for reader in two(upstream):
        fair.again("aurora-large-us")
        status, heads, text = fair.ask(reader, ["Tell me about rivers."], stream)
        assert status == 502 and SAID[:9].encode() not in text, text
        assert fair.receipt(heads)["client"]["amount"] == "0"


@pytest.mark.parametrize("first,second,status", [("anthropic", "openai_chat", 529), ("openai_chat", "gemini", 500),
                                                 ("gemini", "openai_responses", 500), ("openai_responses", "anthropic", 500)])
def test_another_routes_dialect_serves_where_the_first_one_fails(fair, first, second, status):
    fair.failing = SMALL
    fair.speak("openai_chat", first, second)
    upstreams(fair, "--error-rate", "100", "--error-status", str(status), other=("--script", str(fair.say)))
    for reader, stream in zip(two(second), (status == 500, status != 500)):
        code, heads, text = fair.ask(reader, ["Tell me about rivers."], stream, model=SMALL)
        assert code == 200, text
        assert reader.read(text, stream)["text"] == SAID
        shown = fair.operator_part(heads)
        assert shown["client"]["billed_by"] == "upstream" and shown["operator"]["route"] == "aurora-small-sg"


def test_what_an_upstream_says_of_the_request_is_told_in_the_clients_dialect(fair, upstream):
    fair.speak(upstream)
    upstreams(fair, "--error-rate", "100", "--error-status", "400")
    for reader in READERS.values():
        status, heads, text = fair.ask(reader, ["Tell me about rivers."])
        error = json.loads(text)["error"]
        assert status == 400 and error["message"] == "The sandbox fails on purpose.", text
        assert heads["x-should-retry"] == "false"


# ---- as it came ---------------------------------------------------------------------------------


class Scribe:
    """An upstream that answers with the bytes it was given, and keeps those it gets."""

    def __init__(self, port):
        self.status, self.kind, self.body, self.heads = b"200 OK", b"application/json", b"", b""
        self.got = []
        self.listener = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            data = b""
            while b"\r\n\r\n" not in data:
                piece = sock.recv(65536)
                if not piece:
                    break
                data += piece
            head, _, body = data.partition(b"\r\n\r\n")
            if not head:
                continue
            size = int(re.search(rb"(?i)content-length: (\d+)", head).group(1))
            while len(body) < size:
                body += sock.recv(65536)
            self.got.append((head.decode(), body))
            sock.sendall(b"HTTP/1.1 " + self.status + b"\r\nContent-Type: " + self.kind + b"\r\n" + self.heads +
                         b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(self.body) + self.body)
            sock.close()

    def stop(self):
        self.listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
        self.listener.close()


@pytest.fixture
def scribe(fair):
    fair.stop_process("upstream0")
    fair.flags.pop(0, None)
    made = Scribe(fair.upstreams[0])
    yield made
    made.stop()


ANTHROPIC_WHOLE = b"""{ "model":"aurora-large", "id":"msg_up","type" : "message","role":"assistant",
 "content":[{"type":"server_tool_use","id":"srvtoolu_1","name":"web_search","input":{"query":"x"}},{"type":"text","text":"Hi \\u00e9"}],
 "stop_reason":"end_turn","stop_sequence":null,"unknown":[1, 2],
 "usage":{"input_tokens":12,"output_tokens":3,"server_tool_use":{"web_search_requests":1}}}"""
ANTHROPIC_STREAM = b"""event: ping
data: {"type": "ping"}

event: message_start
data: {"type":"message_start","message":{"id":"msg_up","type":"message","role":"assistant","model":"aurora-large","content":[],"usage":{"input_tokens":12,"output_tokens":1}}}

: keep alive

event: content_block_start
data: {"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"so"}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"c2lnbmVk"}}

event: content_block_stop
data: {"type":"content_block_stop","index":0}

event: content_block_start
data: {"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}}

event: content_block_delta
data: {"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"Hi"}}

event: new_event
data: {"type":"new_event","what":"ever"}

event: content_block_stop
data: {"type":"content_block_stop","index":1}

event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":4}}

event: message_stop
data: {"type":"message_stop"}

"""
RESPONSES_WHOLE = b"""{"id":"resp_up","object":"response","status":"completed","model":"aurora-large","output":[
 {"id":"rs_1","type":"reasoning","summary":[],"encrypted_content":"gAAAA"},
 {"id":"ws_1","type":"web_search_call","status":"completed","action":{"type":"search","query":"x"}},
 {"id":"msg_1","type":"message","role":"assistant","content":[{"type":"output_text","text":"Hi","annotations":[]}]}],
 "usage":{"input_tokens":12,"output_tokens":3,"total_tokens":15}}"""
GEMINI_WHOLE = b"""{"candidates":[{"content":{"parts":[{"executableCode":{"language":"PYTHON","code":"1"}},{"text":"Hi"}],"role":"model"},
 "finishReason":"STOP","avgLogprobs":-0.1}],"usageMetadata":{"promptTokenCount":12,"candidatesTokenCount":3,"totalTokenCount":15},
 "modelVersion":"aurora-large","responseId":"r-up"}"""


def send(fair, path, body, **headers):
    return fair.request(path, body, headers={name.replace("_", "-"): value for name, value in headers.items()})


def test_anthropic_to_anthropic_is_byte_for_byte(fair, scribe):
    fair.speak("anthropic")
    scribe.body = ANTHROPIC_WHOLE
    asked = (b'{ "max_tokens" :9, "tools":[{"type":"web_search_20250305","name":"web_search"}],"model":"aurora-large","new_field":{"a":1},'
             b'"messages":[{"role":"user","content":[{"type":"text","text":"\\u0041 ?","cache_control":{"type":"ephemeral"}}]}]}')
    status, heads, text = send(fair, "/v1/messages", asked, anthropic_version="2026-10-21", anthropic_beta="b-1,b-2")
    assert status == 200 and text == ANTHROPIC_WHOLE, text
    head, body = scribe.got[-1]
    assert body == asked
    assert head.startswith("POST /v1/messages HTTP/1.1\r\n")
    assert "\r\nanthropic-version: 2026-10-21" in head and "\r\nanthropic-beta: b-1,b-2" in head and "\r\nx-api-key: " in head
    assert "uthorization" not in head and "x-entrepot-lost" not in heads
    receipt = fair.receipt(heads)["client"]
    assert (receipt["billed"]["in"], receipt["billed"]["out"]) == ("12", "3")
    assert "web_search" in json.dumps(receipt)  # a unit of its own
    assert fair.operator_part(heads)["operator"]["tries"][-1]["upstream_id"] == "msg_up"


def test_a_stream_of_the_clients_dialect_passes_byte_for_byte(fair, scribe):
    fair.speak("anthropic")
    scribe.body, scribe.kind, scribe.heads = ANTHROPIC_STREAM, b"text/event-stream", b"request-id: req_up\r\n"
    status, heads, text = fair.ask(Messages, ["Hi?"], stream=True)
    assert status == 200 and text == ANTHROPIC_STREAM[ANTHROPIC_STREAM.index(b"event: message_start"):], text
    receipt = fair.receipt(heads)["client"]
    assert (receipt["billed"]["in"], receipt["billed"]["out"]) == ("12", "4")
    assert fair.operator_part(heads)["operator"]["tries"][-1]["upstream_id"] == "req_up"
    status, heads, text = fair.ask(Chat, ["Hi?"], stream=True)  # and the same is told to others
    told = Chat.read(text, True)
    assert told["text"] == "Hi" and told["usage"] == (12, 4)


def test_responses_to_responses_is_byte_for_byte(fair, scribe):
    fair.speak("openai_responses")
    scribe.body = RESPONSES_WHOLE
    asked = (b'{"model":"aurora-large","input":[{"type":"reasoning","id":"rs_0","summary":[],"encrypted_content":"gAAA0"},{"role":"user",'
             b'"content":"x"}],"tools":[{"type":"web_search"}],"include":["reasoning.encrypted_content","web_search_call.action.sources"],'
             b'"store":false,"max_output_tokens":20,"max_tool_calls":2}')
    status, heads, text = send(fair, "/v1/responses", asked)
    assert status == 200 and text == RESPONSES_WHOLE, text
    head, body = scribe.got[-1]
    assert body == asked and head.startswith("POST /v1/responses HTTP/1.1\r\n") and "\r\nAuthorization: Bearer " in head
    receipt = fair.receipt(heads)["client"]
    assert (receipt["billed"]["in"], receipt["billed"]["out"]) == ("12", "3")
    assert "web_search" in json.dumps(receipt)
    status, heads, text = send(fair, "/v1/responses", b'{"model":"aurora-large","input":"x"}')
    assert status == 200
    assert re.fullmatch(rb'{"max_output_tokens":\d+,"store":false,"model":"aurora-large","input":"x"}', scribe.got[-1][1])


def test_gemini_to_gemini_is_byte_for_byte(fair, scribe):
    fair.speak("gemini")
    scribe.body = GEMINI_WHOLE
    asked = b'{"contents":[{"role":"user","parts":[{"text":"x"}]}],"tools":[{"codeExecution":{}}],"generationConfig":{ "maxOutputTokens":20 }}'
    status, heads, text = send(fair, "/v1beta/models/aurora-large:generateContent", asked)
    assert status == 200 and text == GEMINI_WHOLE, text
    head, body = scribe.got[-1]
    assert body == asked and head.startswith("POST /v1/models/aurora-large:generateContent HTTP/1.1\r\n")
    assert "\r\nx-goog-api-key: " in head
    assert fair.operator_part(heads)["operator"]["tries"][-1]["upstream_id"] == "r-up"


def test_an_error_of_the_clients_own_dialect_passes_as_it_came(fair, scribe):
    fair.speak("anthropic")
    scribe.status = b"400 Bad Request"
    scribe.body = b'{"type":"error","error":{"type":"invalid_request_error","message":"no"},"request_id":"req_1"}'
    status, _, text = fair.ask(Messages, ["Hi?"])
    assert status == 400 and text == scribe.body
    status, _, text = fair.ask(Chat, ["Hi?"])
    assert status == 400 and json.loads(text)["error"]["message"] == "no" and b"request_id" not in text


def test_a_version_of_our_own_is_the_routes(fair, scribe):
    fair.speak("anthropic", anthropic_version='"2026-10-21"')
    scribe.body = ANTHROPIC_WHOLE
    status, heads, _ = fair.ask(Chat, ["Hi?"], temperature=0.5, reasoning_effort="low")
    head, body = scribe.got[-1]
    assert status == 200 and "\r\nanthropic-version: 2026-10-21\r\n" in head + "\r\n"
    asked = json.loads(body)
    assert "temperature" not in asked and asked["thinking"] == {"type": "adaptive"}
    assert "temperature" in heads["x-entrepot-lost"]


# ---- upstreams that do what they must not -----------------------------------------------------


START = {"anthropic": ANTHROPIC_STREAM[ANTHROPIC_STREAM.index(b"event: message_start"):ANTHROPIC_STREAM.index(b": keep")],
         "openai_responses": b'data: {"type":"response.created","response":{"id":"resp_1","model":"aurora-large","status":"in_progress"}}\n\n',
         "gemini": b'data: {"modelVersion":"aurora-large","candidates":[{"content":{"parts":[{"text":"a"}]}}]}\n\n'}
DELTA = {"anthropic": b'data: {"type":"content_block_delta","index":7,"delta":{"type":"text_delta","text":"x"}}\n\n',
         "openai_responses": b'data: {"type":"response.function_call_arguments.delta","output_index":3,"delta":"x"}\n\n',
         "gemini": b'data: {"candidates":[{"content":{"parts":[7]}}]}\n\n'}
SWAP = {"anthropic": START["anthropic"].replace(b"aurora-large", b"other"),
        "openai_responses": START["openai_responses"] + START["openai_responses"].replace(b"aurora-large", b"other"),
        "gemini": START["gemini"] + START["gemini"].replace(b"aurora-large", b"other")}


FINE = {"anthropic": ANTHROPIC_WHOLE, "openai_responses": RESPONSES_WHOLE, "gemini": GEMINI_WHOLE}


@pytest.mark.parametrize("spoken", ["anthropic", "openai_responses", "gemini"])
def test_a_bad_upstream_is_found_out_in_its_own_dialect(fair, scribe, spoken):
    fair.speak(spoken)
    cases = {"no json": b"{", "html": b"<html>", "nothing": b"", "no end": START[spoken],
             "belongs to nothing": START[spoken] + DELTA[spoken], "another model": SWAP[spoken],
             "wrong dialect": b'data: {"model":"aurora-large","choices":[{"delta":{"content":"a"}}]}\n\ndata: [DONE]\n\n'}
    for case, body in cases.items():
        stream = case not in ("no json", "html")
        for reader in two(spoken):
            fair.again("aurora-large-us") if case == "another model" else None
            scribe.kind, scribe.body = b"text/event-stream" if stream else b"application/json", body
            status, heads, text = fair.ask(reader, ["Hi?"], stream)
            assert status in (200, 502, 503), (case, text)
            assert status != 200 or b"error" in text, (case, text)
            receipt = fair.receipt(heads)["client"]
            assert receipt["outcome"] in ("failed", "interrupted"), case
            assert status == 200 or receipt["amount"] == "0", case
        fair.again("aurora-large-us") if case == "another model" else None
        scribe.kind, scribe.body = b"application/json", FINE[spoken]
        assert fair.ask(READERS[OWN[spoken]], ["Hi?"])[0] == 200, case


# ---- what a pair cannot carry -----------------------------------------------------------------


SEARCH = [{"type": "web_search_20250305", "name": "web_search"}]


def refused(fair, got, field):
    status, heads, text = got
    error = json.loads(text)["error"]
    assert status == 400 and heads["x-should-retry"] == "false", text
    assert field in error["message"] or error.get("param") == field, text
    assert fair.receipt(heads)["client"]["amount"] == "0"
    assert not fair.operator_part(heads)["operator"].get("tries")


def test_what_only_the_clients_own_dialect_has_is_served_there_alone(fair, upstream):
    fair.speak(upstream)
    upstreams(fair, "--script", str(fair.say))
    for reader, field, change in ((Messages, "tools", {"tools": SEARCH}), (Messages, "new_field", {"new_field": 1}),
                                  (Responses, "tools", {"tools": [{"type": "web_search"}]}),
                                  (Responses, "max_tool_calls", {"max_tool_calls": 2}),
                                  (Gemini, "tools", {"tools": [{"codeExecution": {}}]})):
        got = fair.ask(reader, ["Hi?"], **change)
        if OWN[upstream] == reader.name:
            assert got[0] == 200 and reader.read(got[2], False)["text"] == SAID, got[2]
            held = int(fair.operator_part(got[1])["operator"]["held"])  # 2.50 a million: what is read, or what was sent
            assert held > 300_000_000 if field == "tools" else held < 10_000_000, held
            long = fair.ask(reader, ["river " * 4000], **change)  # nobody counts it: each byte may be a token
            assert long[0] == 200 and int(fair.operator_part(long[1])["operator"]["held"]) > 24_000 * 2500, long[2]
        else:
            refused(fair, got, field)


def test_what_a_route_cannot_carry_closes_it_and_no_other(fair):
    fair.speak("openai_chat", "openai_responses", "anthropic")
    upstreams(fair, "--script", str(fair.say), other=("--script", str(fair.say)))
    status, heads, text = fair.ask(Chat, ["Hi?"], model=SMALL, stop=["END"])  # Responses have no stop texts
    assert status == 200, text
    shown = fair.operator_part(heads)["operator"]
    assert shown["route"] == "aurora-small-sg"
    assert {one["route"]: one["why"] for one in shown["choice"]["candidates"]}["aurora-small-us"] == "cannot_carry"
    asked = json.dumps({"model": SMALL, "messages": [{"role": "user", "content": "Hi?"}], "stop": ["END"]})
    explained = fair.json("route", "explain", "--client", "first-client", "--model", SMALL, "--request", asked)
    assert {row["route"]: row["why"] for row in explained} == {"aurora-small-us": "cannot_carry stop", "aurora-small-sg": "chosen"}
    refused(fair, fair.ask(Chat, ["Hi?"], model=SMALL, n=2), "n")
    refused(fair, fair.ask(Chat, ["Hi?"], model=SMALL, logit_bias={"1": 1}), "logit_bias")


def test_what_no_route_may_carry_is_refused_everywhere(fair):
    for spoken in ("anthropic", "openai_responses"):
        fair.speak(spoken)
        for reader, change in ((Messages, {"container": "c"}), (Messages, {"mcp_servers": [{"url": "https://x.example"}]}),
                               (Messages, {"inference_geo": "us"}), (Responses, {"store": True}),
                               (Responses, {"previous_response_id": "resp_1"}), (Responses, {"background": True}),
                               (Responses, {"tools": [{"type": "mcp", "server_url": "https://x.example"}]}),
                               (Responses, {"tools": [{"type": "file_search"}]})):
            status, heads, text = fair.ask(reader, ["Hi?"], **change)
            assert status == 400 and heads["x-should-retry"] == "false", text


def test_pictures_by_address_go_where_they_are_fetched(fair):
    picture = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://x.example/a.png"}},
                                            {"type": "text", "text": "What is it?"}]}]
    upstreams(fair, "--script", str(fair.say))
    fair.speak("anthropic")
    assert fair.ask(Chat, [""], messages=picture)[0] == 200
    fair.speak("anthropic", image_urls="refused")
    refused(fair, fair.ask(Chat, [""], messages=picture), "messages[0].content[0]")
    fair.speak("gemini")
    refused(fair, fair.ask(Chat, [""], messages=picture), "messages[0].content[0]")


# ---- the registry -----------------------------------------------------------------------------


@pytest.mark.parametrize("dialect,change,field", [("anthropic", "usage: deepseek", "usage"), ("gemini", "usage: anthropic", "usage"),
                                                  ("cohere", "", "dialect"),
                                                  ("anthropic", "anthropic_version: 2024-01-01", "anthropic_version")])
def test_a_route_that_contradicts_its_dialect_does_not_load(fair, dialect, change, field):
    file = fair.folder / "registry" / "routes.yaml"
    text = file.read_text()
    plain = re.sub(r"(?m)^    (usage|image_urls|anthropic_version): .*\n", "", re.sub(r"dialect: \w+", "dialect: openai_chat", text))
    file.write_text(plain.replace("dialect: openai_chat", f"dialect: {dialect}" + (f"\n    {change}" if change else ""), 1))
    done = fair.command("registry", "check", str(fair.folder / "registry"), check=False)
    file.write_text(text)
    assert done.returncode == 1 and field in done.stdout + done.stderr, done.stdout + done.stderr


# ---- steps, and two at once -------------------------------------------------------------------


class Thrifty(Fair):
    """Streams are held for in steps, and an attempt that is late gets another beside it."""

    SETTINGS = "hold_first_tokens: 40\n"
    BRAND = "    brand: Example\n"
    HEDGE = BRAND + "    dispatch: {hedge: {after_percentile: 50, at_least_ms: 200}}\n"

    def __init__(self, folder):
        super().__init__(folder)
        self.conf.write_text(re.sub(r"(?m)^hold_first_tokens:.*\n", "", self.conf.read_text()) + self.SETTINGS)
        file = self.folder / "registry" / "products.yaml"
        file.write_text(file.read_text().replace(self.BRAND, self.HEDGE, 1))
        self.flags = {}

    def buyer(self, amount):
        client = self.json("client", "add", "--name", "buyer", "--party", "first-client")["id"]
        self.command("credit", "purchase", "--client", client, "--amount", amount)
        return self.json("key", "add", "--client", client, "--product", "world")["key"]


@pytest.fixture(scope="module")
def thrifty(tmp_path_factory):
    made = Thrifty(tmp_path_factory.mktemp("thrifty") / "demo")
    made.start()
    yield made
    made.stop()
    audit = made.command("audit", check=False)
    assert audit.returncode == 0, audit.stdout + audit.stderr


ENDED = {"chat": "length", "messages": "max_tokens", "responses": "incomplete", "gemini": "MAX_TOKENS"}


@pytest.mark.parametrize("spoken", ["anthropic", "openai_responses", "gemini"])
def test_an_answer_ends_cleanly_where_the_credit_ends(thrifty, spoken):
    thrifty.speak(spoken)
    upstreams(thrifty, "--words", "500", "--pace-ms", "1")
    ours = thrifty.key
    for reader in two(spoken):
        thrifty.key = thrifty.buyer("0.004")
        cap = {"generationConfig": {"maxOutputTokens": 600}} if reader is Gemini else (
            {"max_output_tokens": 600} if reader is Responses else {"max_tokens": 600})
        status, heads, text = thrifty.ask(reader, ["Tell me about rivers."], stream=True, **cap)
        assert status == 200, text
        told = reader.read(text, True)
        billed = thrifty.receipt(heads)["client"]["billed"]
        thrifty.key = ours
        assert told["finish"] == ENDED[reader.name]
        said = len(told["text"].split())
        assert 100 < said < 450 and abs(int(billed["out"]) - said) <= 2, (billed, said)
        assert told["usage"] == messages.sums(billed)


def test_the_one_that_is_sooner_may_speak_another_dialect(thrifty):
    thrifty.speak("openai_chat", "anthropic", "gemini")
    upstreams(thrifty)
    for stream in (False, True):  # how soon they begin is known by then
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            done = list(pool.map(lambda _: thrifty.ask(Chat, ["Hi?"], stream, model=SMALL)[0], range(80)))
        assert set(done) == {200}
    upstreams(thrifty, "--first-token-ms", "1500", other=("--script", str(write_say(thrifty))))
    for reader in (Messages, Gemini, Chat):
        for stream in (False, True):
            status, heads, text = thrifty.ask(reader, ["Tell me about rivers."], stream, model=SMALL)
            assert status == 200 and reader.read(text, stream)["text"] == SAID, text
            shown = thrifty.operator_part(heads)["operator"]
            assert shown["route"] == "aurora-small-sg", shown
            assert thrifty.receipt(heads)["client"]["billed_by"] == "upstream"
