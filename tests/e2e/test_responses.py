"""OpenAI Responses to upstreams that speak OpenAI chat: what is asked, what is answered, what is refused, what is paid."""

import json
import re
import socket

import pytest

from conftest import free_port, wait_for
from test_failures import trial  # noqa: F401
from test_messages import MODEL, STREAM, TOOL, WHOLE, Shop, chunk, shop, sums, tool  # noqa: F401

PATH = "/v1/responses"
ASK = {"model": MODEL, "input": "Tell me about rivers.", "store": False, "max_output_tokens": 60}
READ = {"type": "function", "name": "read", "parameters": TOOL["input_schema"]}


def ask(house, key=None, headers=None, drop=(), **change):
    return house.request(PATH, {name: value for name, value in {**ASK, **change}.items() if name not in drop}, key=key,
                         headers=headers)


def events(text):
    """The events of a stream: each by its name, which is its type, numbered without gaps."""
    told = []
    for block in text.decode().split("\n\n"):
        if block and not block.startswith(":"):
            name, data = re.fullmatch(r"event: ([\w.]+)\ndata: (.*)", block).groups()
            told.append(json.loads(data))
            assert told[-1]["type"] == name and told[-1]["sequence_number"] == len(told) - 1
    return told


def fold(told):
    """What was told piece by piece is what is said again at the end."""
    assert [event["type"] for event in told[:2]] == ["response.created", "response.in_progress"]
    last = told[-1]
    assert last["type"] in ("response.completed", "response.incomplete")
    pieces, done = {}, []
    for event in told:
        if event["type"].endswith(".delta"):
            key = event["output_index"], event["type"]
            pieces[key] = pieces.get(key, "") + event["delta"]
        elif event["type"] == "response.output_item.done":
            done.append(event["item"])
    assert done == last["response"]["output"]
    for (index, kind), text in pieces.items():
        item = done[index]
        if kind == "response.output_text.delta":
            assert item["content"][0]["text"] == text
        elif kind == "response.function_call_arguments.delta":
            assert item["arguments"] == text
    assert {event["response"]["id"] for event in told if "response" in event} == {last["response"]["id"]}
    return last["response"]


def told_sums(usage):
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
    return usage["input_tokens"], usage["output_tokens"]


def plain(response):
    """Without what differs from answer to answer."""
    return json.loads(re.sub(response["id"].replace("resp_", ""), "ID", json.dumps({**response, "created_at": 0, "completed_at": 0})))


def test_an_answer_is_told_in_the_clients_dialect_whole_and_streamed_alike(shop):  # noqa: F811
    shop.say(WHOLE, "application/json")
    status, headers, text = ask(shop, tools=[READ])
    assert status == 200 and headers["content-type"] == "application/json"
    whole = json.loads(text)
    assert [item["type"] for item in whole["output"]] == ["reasoning", "message", "function_call", "function_call"]
    assert [json.loads(item["arguments"]) for item in whole["output"][2:]] == [{"path": "a"}, {"path": "b"}]
    assert whole["output"][1]["content"][0]["text"] == "Reading \"both\".\n" and whole["status"] == "completed"
    assert whole["id"] == headers["x-entrepot-call"].replace("call_", "resp_")
    shop.say(STREAM)
    status, headers, text = ask(shop, tools=[READ], stream=True)
    assert status == 200 and headers["content-type"].startswith("text/event-stream") and b"[DONE]" not in text
    streamed = fold(events(text))
    assert plain(streamed) == plain(whole)
    for answer in (whole, streamed):
        client = shop.receipt(answer["id"].replace("resp_", "call_"))["client"]
        assert client["dialect"] == "responses"
        assert sums(client["billed"]) == told_sums(answer["usage"]) == (90, 40)
    assert whole["usage"]["input_tokens_details"]["cached_tokens"] == 64
    assert whole["usage"]["output_tokens_details"]["reasoning_tokens"] == 12


@pytest.mark.parametrize("size", [1, 7, 61])
def test_however_the_upstreams_bytes_are_cut_the_client_is_told_the_same(shop, size):  # noqa: F811
    shop.say(STREAM)
    want = plain(fold(events(ask(shop, stream=True)[2])))
    shop.say(STREAM, size=size)
    assert plain(fold(events(ask(shop, stream=True)[2]))) == want


def test_a_tool_task_comes_to_its_end(shop):  # noqa: F811
    shop.say(WHOLE, "application/json")
    first = json.loads(ask(shop, tools=[READ])[2])
    results = [{"type": "function_call_output", "call_id": item["call_id"], "output": "42"}
               for item in first["output"] if item["type"] == "function_call"]
    shop.say(WHOLE, "application/json")
    status, _, text = ask(shop, instructions="Be brief.", tools=[READ],
                          input=[{"role": "user", "content": "Read both."}, *first["output"], *results])
    assert status == 200, text
    (_, asked), = shop.asked()
    assert [message["role"] for message in asked["messages"]] == ["system", "user", "assistant", "tool", "tool"]
    assert [message["tool_call_id"] for message in asked["messages"][3:]] == ["call_0", "call_1"]
    assert asked.get("max_tokens", asked.get("max_completion_tokens")) == 60


def test_a_request_without_a_cap_gets_what_the_credit_covers(shop):  # noqa: F811
    shop.say(WHOLE, "application/json")
    assert ask(shop, drop=["max_output_tokens"])[0] == 200
    (_, asked), = shop.asked()
    assert asked.get("max_tokens", asked.get("max_completion_tokens")) > 60


def test_an_answer_that_met_its_cap_is_incomplete(shop):  # noqa: F811
    shop.say(chunk({"role": "assistant", "content": "Word."}) + chunk({}, "length") + b"data: [DONE]\n\n")
    response = fold(events(ask(shop, stream=True)[2]))
    assert response["status"] == "incomplete" and response["incomplete_details"] == {"reason": "max_output_tokens"}
    assert sums(shop.receipt(response["id"].replace("resp_", "call_"))["client"]["billed"]) == told_sums(response["usage"])


def test_tokens_are_counted_and_nothing_is_billed(shop):  # noqa: F811
    before = shop.credits()
    status, _, text = shop.request(PATH + "/input_tokens", {"model": MODEL, "input": "Hello", "tools": [READ]})
    told = json.loads(text)
    assert status == 200 and told["object"] == "response.input_tokens" and told["input_tokens"] > 0
    assert shop.credits() == before
    assert shop.request(PATH + "/input_tokens", {"model": "none", "input": "x"})[0] == 404


def test_a_search_that_stays_indoors_is_left_out_and_named(shop):  # noqa: F811
    """Codex offers one with every request, whatever its settings."""
    shop.say(WHOLE, "application/json")
    status, headers, text = ask(shop, tools=[READ, {"type": "web_search", "external_web_access": False}], tool_choice="auto")
    assert status == 200 and "hosted" in headers["x-entrepot-lost"].split(", "), text
    (_, asked), = shop.asked()
    assert [tool["function"]["name"] for tool in asked["tools"]] == [READ["name"]]


BAD = {
    "no model": ({"drop": ["model"]}, "model"),
    "no input": ({"drop": ["input"]}, "input"),
    "a cap that is none": ({"max_output_tokens": -1}, "max_output_tokens"),
    "a field of another dialect": ({"messages": []}, "messages"),
    "what would have to be kept": ({"store": True}, "store"),
    "an answer that is kept nowhere": ({"previous_response_id": "resp_1"}, "previous_response_id"),
    "an answer in the background": ({"background": True}, "background"),
    "a tool of the vendor's": ({"tools": [{"type": "web_search"}]}, "tools"),
    "a search of the web": ({"tools": [{"type": "web_search", "external_web_access": True}]}, "tools"),
    "a search of nobody's word": ({"tools": [{"type": "web_search", "external_web_access": "no"}]}, "tools"),
    "a search that is asked for": ({"tools": [{"type": "web_search", "external_web_access": False}],
                                    "tool_choice": {"type": "web_search"}}, "tool_choice"),
    "text that says it is an image": ({"input": [{"role": "user", "content": [
        {"type": "input_image", "image_url": "data:image/png;base64,bm8gaW1hZ2U="}]}]}, "input[0]"),
    "both caps of another dialect": ({"max_tokens": 5, "max_completion_tokens": 5}, "max_tokens"),
    "a result without a call": ({"input": [{"type": "function_call_output", "call_id": "x", "output": "y"}]}, "input[0]"),
}


@pytest.mark.parametrize("change, param", BAD.values(), ids=BAD.keys())
def test_bad_input_is_refused_with_the_field_before_anything_is_held(shop, change, param):  # noqa: F811
    shop.say(WHOLE, "application/json")
    before = shop.credits()
    status, headers, text = ask(shop, **change)
    error = json.loads(text)["error"]
    assert status == 400 and headers["x-should-retry"] == "false"
    assert error["type"] == "invalid_request_error" and error["param"].startswith(param), error
    assert shop.asked() == [] and shop.credits() == before


@pytest.mark.parametrize("body", [
    chunk({"role": "assistant", "content": "Word."}),  # cut
    chunk({"role": "assistant", "content": "Word."}) + b'data: {"error": {"message": "secret words"}}\n\n'])
def test_a_stream_that_goes_wrong_ends_with_an_error_event(shop, body):  # noqa: F811
    shop.say(body)
    status, headers, text = ask(shop, stream=True)
    assert status == 200 and b"secret" not in text
    told = events(text)
    assert told[-1]["type"] == "error" and told[-1]["code"] in ("upstream_cut", "upstream_error")
    assert shop.receipt(headers["x-entrepot-call"])["client"]["outcome"] == "interrupted"


def test_an_answer_ends_cleanly_where_the_credit_ends(trial):  # noqa: F811
    house = trial("hold_first_tokens: 40")
    house.set(words=500, pace=0.002)
    house.start()
    status, headers, text = ask(house, key=house.buyer("0.004"), stream=True, max_output_tokens=600)
    response = fold(events(text))
    billed = house.receipt(headers["x-entrepot-call"])["client"]["billed"]
    assert status == 200 and response["status"] == "incomplete" and told_sums(response["usage"]) == sums(billed)


def test_a_client_that_goes_pays_for_what_it_got(trial):  # noqa: F811
    house = trial()
    house.set(words=300, pace=0.01)
    house.start()
    body = json.dumps({**ASK, "max_output_tokens": 600, "stream": True}).encode()
    with socket.create_connection(("127.0.0.1", house.public), timeout=20) as line:
        line.sendall(b"POST /v1/responses HTTP/1.0\r\nHost: x\r\nx-api-key: %s\r\nContent-Length: %d\r\n\r\n"
                     % (house.key.encode(), len(body)) + body)
        data = b""
        while data.count(b"output_text.delta\n") < 5:
            data += line.recv(65536)
    call = re.search(rb"(?i)x-entrepot-call: (\S+)", data).group(1).decode()
    wait_for(lambda: house.total("aborted") == 1, "the end of the upstream's connection")
    wait_for(lambda: house.command("receipt", "show", call, check=False).returncode == 0, "the receipt")
    client = house.receipt(call)["client"]
    assert client["outcome"] == "interrupted" and 5 <= int(client["billed"]["out"]) < 300


def test_a_key_for_repeats_gets_the_same_answer(shop):  # noqa: F811
    shop.forget_failures()
    shop.say(WHOLE, "application/json")
    key = {"Idempotency-Key": f"k-{free_port()}"}
    first, again = ask(shop, headers=key), ask(shop, headers=key)
    assert first[2] == again[2] and again[1]["x-entrepot-replayed"] == "true" and len(shop.asked()) == 1
    assert ask(shop, headers=key, metadata={"a": "b"})[0] == 422
