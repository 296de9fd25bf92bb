"""Bad input gets a clear error that names the thing and loses nothing."""

import json
import socket

import pytest

MODEL = "aurora-large"
GOOD = {"model": MODEL, "messages": [{"role": "user", "content": "Hello."}], "max_tokens": 20}


def error_of(answer):
    status, headers, body = answer
    error = json.loads(body)["error"]
    assert set(error) >= {"message", "type", "param", "code"}
    return status, headers, error


def test_an_unknown_key_is_refused_without_saying_whether_it_exists(house):
    for key in ("sk-ep-unknown", house.key[:-1], house.key + "x", "nonsense"):
        status, _, error = error_of(house.request("/v1/chat/completions", GOOD, key=key))
        assert (status, error["code"]) == (401, "invalid_api_key")
        assert key not in json.dumps(error)


@pytest.mark.parametrize("before, after", [("", "\n"), ("\r\n\t ", ""), (" ", " \n \t\r\n")])
def test_white_space_around_a_body_does_no_harm(house, before, after):
    for stream in (False, True):
        body = before + json.dumps({**GOOD, "stream": stream}) + after
        assert house.request("/v1/chat/completions", body.encode())[0] == 200


def test_broken_json_is_refused_with_its_offset(house):
    status, _, error = error_of(house.request("/v1/chat/completions", b'{"model": "x",, }'))
    assert (status, error["code"]) == (400, "invalid_json")
    assert "14" in error["message"]


@pytest.mark.parametrize("change, param", [
    ({"model": 5}, "model"),
    ({"model": ""}, "model"),
    ({"messages": []}, "messages"),
    ({"messages": "hello"}, "messages"),
    ({"max_tokens": -1}, "max_tokens"),
    ({"max_tokens": 1.5}, "max_tokens"),
    ({"max_tokens": 10**30}, "max_tokens"),
    ({"n": 0}, "n"),
    ({"n": 1000}, "n"),
    ({"stream": "yes"}, "stream"),
    ({"max_completion_tokens": 20}, "max_tokens"),
    ({"messages": [*GOOD["messages"], {"role": "tool", "tool_call_id": "call_1", "content": "42"}]}, "messages[1].tool_call_id"),
    ({"messages": [{"role": "user", "content": [{"type": "text", "text": "x"}, {"type": "image_url", "image_url": {
        "url": "data:image/png;base64,bm8gaW1hZ2U="}}]}]}, "messages[0].content[1].image_url"),
])
def test_wrong_values_are_refused_by_name(house, change, param):
    status, _, error = error_of(house.request("/v1/chat/completions", {**GOOD, **change}))
    assert (status, error["param"]) == (400, param)


@pytest.mark.parametrize("market", ["sg", "Singapore", "S", "SG,MY", "SGX", "65"])
def test_a_market_that_is_no_country_is_refused_and_not_ignored(house, market):
    status, _, error = error_of(house.request("/v1/chat/completions", GOOD, headers={"x-entrepot-market": market}))
    assert (status, error["code"], error["param"]) == (400, "invalid_value", "x-entrepot-market")
    assert house.request("/v1/models", headers={"x-entrepot-market": market})[0] == 400


def test_a_market_of_the_contract_is_served_and_another_refused(house):
    for market, expected in (("SG", 200), ("MY", 200), ("", 200), ("BR", 403)):
        assert house.request("/v1/chat/completions", GOOD, headers={"x-entrepot-market": market})[0] == expected


def test_a_key_that_stands_twice_is_refused(house):
    body = b'{"model":"aurora-large","model":"x","messages":[{"role":"user","content":"a"}]}'
    status, _, error = error_of(house.request("/v1/chat/completions", body))
    assert (status, error["code"]) == (400, "duplicate_key")


def test_deep_nesting_is_refused(house):
    body = b'{"model":"aurora-large","messages":' + b"[" * 5000 + b"]" * 5000 + b"}"
    assert house.request("/v1/chat/completions", body)[0] == 400


@pytest.mark.parametrize("content", [r'"\ud800"', r'"\u0000"', '"' + "é" * 1000 + '"', '"日本語"'])
def test_odd_but_valid_text_is_passed_on(house, content):
    body = ('{"model":"%s","max_tokens":5,"messages":[{"role":"user","content":%s}]}' % (MODEL, content)).encode()
    assert house.request("/v1/chat/completions", body)[0] in (200, 400)


def test_invalid_utf8_is_refused(house):
    body = b'{"model":"aurora-large","messages":[{"role":"user","content":"\xff"}]}'
    assert house.request("/v1/chat/completions", body)[0] == 400


def test_a_body_that_is_too_large_is_refused(house):
    with socket.create_connection(("127.0.0.1", house.public), timeout=10) as line:
        line.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n")
        assert line.recv(4096).startswith(b"HTTP/1.1 413")


@pytest.mark.parametrize("head", [
    b"GET / HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    b"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost : a\r\n\r\n",
    b"\x00\x01\x02\x03\r\n\r\n",
])
def test_a_bad_head_is_refused(house, head):
    with socket.create_connection(("127.0.0.1", house.public), timeout=10) as line:
        line.sendall(head)
        assert line.recv(4096).startswith(b"HTTP/1.1 400")


def test_unknown_paths_and_methods_are_refused(house):
    assert house.request("/v1/nothing")[0] == 404
    assert house.request("/v1/chat/completions", method="GET")[0] == 405


def test_without_credit_nothing_is_sold_and_the_sdk_does_not_try_again(house):
    made = house.json("client", "add", "--name", "Penniless", "--party", "first-client")
    key = house.json("key", "add", "--client", made["id"], "--product", "world")["key"]
    status, headers, error = error_of(house.request("/v1/chat/completions", GOOD, key=key))
    assert (status, error["code"]) == (429, "insufficient_quota")
    assert headers["x-should-retry"] == "false"
    assert error["entrepot"]["available"] == "0"
    assert float(error["entrepot"]["needed"]) > 0
