"""What an SDK sends again by itself: one charge, whatever became of the first try."""

import concurrent.futures
import json
import os
import pathlib
import shutil
import socket
import subprocess
import time

import pytest

from conftest import wait_for
from test_idempotency import CHAT, Shop

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODULES = ROOT / "build" / "node" / "node_modules"
ASK = {"model": "aurora-large", "messages": [{"role": "user", "content": "Tell me about retries."}], "max_tokens": 60}


class Kept(Shop):
    def __init__(self, folder, abort_billing="continues"):
        super().__init__(folder, abort_billing)
        self.plain = self.conf.read_text()
        assert "\nlimits:\n" not in self.plain

    def again(self, repeat_ms=None):
        """The server anew, with this time for repeats; None: the usual one."""
        self.stop_process("server")
        more = "" if repeat_ms is None else f"\nlimits:\n  repeat_ms: {repeat_ms}\n"
        self.conf.write_text(self.plain + more)
        self.start()
        self.set(delay=0.0)


def stop(shop):
    shop.stop()
    for upstream in shop.counted:
        upstream.stop()
    audit = shop.command("audit", check=False)
    assert audit.returncode == 0, audit.stdout + audit.stderr


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    made = Kept(tmp_path_factory.mktemp("repeats") / "demo")
    made.start()
    yield made
    stop(made)


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    """One that is stopped and started; its sources stop billing when they are left."""
    made = Kept(tmp_path_factory.mktemp("other") / "demo", "stops")
    yield made
    stop(made)


@pytest.fixture(autouse=True)
def calm(shop):
    wait_for(lambda: float(shop.credits()["held"]) == 0, "the end of all holds")
    shop.set(delay=0.0, words=20, status=200, fail=0, cut=False)


def prompt(text, **more):
    return {**ASK, "messages": [{"role": "user", "content": text}], **more}


def ask(shop, body, count, **headers):
    if count > 0:
        time.sleep(0.1)  # SDKs wait for four times as long at least
    return shop.request(CHAT, body, headers={"x-stainless-retry-count": str(count), **headers})


def leave(shop, body, count, after):
    """Asks, and stops waiting."""
    text = json.dumps(body).encode()
    with socket.create_connection(("127.0.0.1", shop.public), timeout=10) as line:
        line.sendall(b"POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nX-Stainless-Retry-Count: %d\r\n"
                     b"Content-Length: %d\r\n\r\n" % (CHAT.encode(), shop.key.encode(), count, len(text)) + text)
        wait_for(after, "the first call")
    time.sleep(0.1)  # SDKs wait for four times as long at least


def sold(shop):
    return shop.rows("SELECT count(*), coalesce(sum(posted), 0) FROM settlement WHERE posted > 0")[0]


def test_a_repeat_of_what_was_answered_is_that_answer_and_no_sale(shop):
    body = prompt("answered")
    first = ask(shop, body, 0)
    assert first[0] == 200 and first[1]["x-entrepot-replayed"] is None
    before, calls = sold(shop), shop.calls
    receipts = shop.rows("SELECT count(*) FROM receipt")
    for count in (1, 2, 2):
        again = ask(shop, body, count)
        assert again[0] == 200 and again[2] == first[2]
        assert again[1]["x-entrepot-replayed"] == "true"
        for name in ("x-entrepot-call", "x-entrepot-charge", "x-request-id", "request-id", "content-type"):
            assert again[1][name] == first[1][name]
    assert (sold(shop), shop.calls) == (before, calls)
    assert shop.rows("SELECT count(*) FROM receipt") == receipts
    assert float(shop.credits()["held"]) == 0


@pytest.mark.parametrize("count", ["0", "", "x", "-1", "99999999999999999999", "1.5"])
def test_what_is_no_repeat_is_a_call_of_its_own(shop, count):
    body = prompt(f"not repeated {count}")
    first = ask(shop, body, 0)
    again = shop.request(CHAT, body, headers={"x-stainless-retry-count": count})
    assert first[0] == again[0] == 200
    assert again[1]["x-entrepot-replayed"] is None and again[2] != first[2]


def test_another_request_and_another_key_are_not_repeated(shop):
    body = prompt("whose")
    first = ask(shop, body, 0)
    other = shop.json("client", "add", "--name", "next door", "--party", "first-client")["id"]
    secret = shop.json("key", "add", "--client", other, "--product", "world")["key"]
    shop.command("credit", "purchase", "--client", other, "--amount", "5")
    for key, changed, path in ((secret, body, CHAT), (None, {**body, "max_tokens": 59}, CHAT),
                               (None, {**body, "stream": True}, CHAT)):
        again = shop.request(path, changed, key=key, headers={"x-stainless-retry-count": "1"})
        assert again[1]["x-entrepot-replayed"] is None and again[2] != first[2]
    assert ask(shop, body, 1)[2] == first[2]


def test_an_idempotency_key_says_more_than_the_count(shop):
    body = prompt("with a key")
    first = ask(shop, body, 0, **{"Idempotency-Key": "k-1"})
    other = ask(shop, body, 1, **{"Idempotency-Key": "k-2"})
    assert other[1]["x-entrepot-replayed"] is None and other[2] != first[2]
    assert ask(shop, body, 1, **{"Idempotency-Key": "k-1"})[2] == first[2]
    assert ask(shop, body, 1)[1]["x-entrepot-replayed"] is None, "what has a key is not found without it"


def test_who_stopped_waiting_gets_the_answer_by_the_next_try(shop):
    body = prompt("slow")
    shop.set(delay=0.7)
    before, calls = sold(shop), shop.calls
    leave(shop, body, 0, lambda: shop.calls == calls + 1)
    begun = time.monotonic()
    again = ask(shop, body, 1)
    assert again[0] == 200 and again[1]["x-entrepot-replayed"] == "true", again[2]
    assert 0.2 < time.monotonic() - begun < 5, "it waited for the first call's end"
    assert shop.calls == calls + 1, "no second upstream was asked"
    count, posted = sold(shop)
    assert count == before[0] + 1
    assert posted - before[1] == pytest.approx(float(again[1]["x-entrepot-charge"]) * 1e9, abs=1)
    receipt = json.loads(shop.request(f"/v1/receipts/{again[1]['x-entrepot-call']}")[2])
    assert receipt["client"]["billed"]["out"] == "20"


def test_who_stops_waiting_twice_gets_it_by_the_third_try(shop):
    body = prompt("slower")
    shop.set(delay=0.9)
    before, calls = sold(shop), shop.calls
    leave(shop, body, 0, lambda: shop.calls == calls + 1)
    until = time.monotonic() + 0.3
    leave(shop, body, 1, lambda: time.monotonic() > until)
    again = ask(shop, body, 2)
    assert again[0] == 200 and again[1]["x-entrepot-replayed"] == "true", again[2]
    assert shop.calls == calls + 1 and sold(shop)[0] == before[0] + 1


def test_nobody_pays_for_an_answer_that_nobody_asks_for_again(shop):
    body = prompt("given up")
    shop.set(delay=0.5)
    before, calls = sold(shop), shop.calls
    leave(shop, body, 0, lambda: shop.calls == calls + 1)
    wait_for(lambda: float(shop.credits()["held"]) == 0, "the end of the call")
    assert sold(shop) == before
    again = ask(shop, body, 1)
    assert again[0] == 200 and again[1]["x-entrepot-replayed"] is None
    assert sold(shop)[0] == before[0] + 1


def test_a_call_whose_client_is_still_there_is_not_repeated(shop):
    body = prompt("side by side")
    shop.set(delay=0.6)
    calls = shop.calls
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        first = pool.submit(ask, shop, body, 0)
        wait_for(lambda: shop.calls == calls + 1, "the first call")
        second = pool.submit(ask, shop, body, 1)
        answers = [first.result(), second.result()]
    assert [answer[0] for answer in answers] == [200, 200]
    assert answers[0][2] != answers[1][2] and shop.calls == calls + 2
    assert all(answer[1]["x-entrepot-replayed"] is None for answer in answers)


def test_who_was_told_to_try_again_gets_no_answer_of_a_call_like_it(shop):
    body = prompt("alike")
    shop.set(status=500)
    assert ask(shop, body, 0)[0] == 502
    shop.set(status=200)
    wait_for(lambda: shop.request(CHAT, ASK)[0] == 200, "routes that are tried again")
    sibling = ask(shop, body, 0)
    again = ask(shop, body, 1)
    assert sibling[0] == again[0] == 200
    assert again[1]["x-entrepot-replayed"] is None and again[2] != sibling[2]
    assert ask(shop, body, 1)[1]["x-entrepot-replayed"] == "true"


def test_an_answer_above_64_kib_and_a_stream_are_calls_of_their_own(shop):
    large = prompt("large")
    shop.set(words=14000)
    assert len(ask(shop, large, 0)[2]) > 65536
    assert ask(shop, large, 1)[1]["x-entrepot-replayed"] is None
    shop.set(words=20)
    much = prompt("x" * (1 << 20))
    assert ask(shop, much, 0)[0] == 200
    assert ask(shop, much, 1)[1]["x-entrepot-replayed"] is None


def test_a_repeat_waits_no_longer_than_its_deadline(shop):
    body = prompt("deadline")
    shop.set(delay=0.8)
    calls = shop.calls
    leave(shop, body, 0, lambda: shop.calls == calls + 1)
    status, _, answer = ask(shop, body, 1, **{"x-request-deadline": str(time.time() + 0.3)})
    assert status == 504 and json.loads(answer)["error"]["code"] == "deadline_exceeded"


def test_a_route_that_stops_billing_is_left_and_the_repeat_is_the_only_sale(other):
    other.again()
    other.set(delay=0.6)
    before, calls = sold(other), other.calls
    leave(other, ASK, 0, lambda: other.calls == calls + 1)
    again = ask(other, ASK, 1)
    assert again[0] == 200 and again[1]["x-entrepot-replayed"] is None
    assert sold(other)[0] == before[0] + 1


def test_repeats_can_be_left_alone(other):
    other.again(repeat_ms=0)
    before = sold(other)
    first = ask(other, ASK, 0)
    assert ask(other, ASK, 1)[2] != first[2]
    assert sold(other)[0] == before[0] + 2


def test_what_is_kept_ends_with_its_time_and_with_the_server(other):
    other.again(repeat_ms=1000)
    first = ask(other, ASK, 0)
    assert ask(other, ASK, 1)[2] == first[2]
    time.sleep(1.1)
    second = ask(other, ASK, 1)
    assert second[2] != first[2]
    assert other.stop_process("server") == 0
    other.start()
    assert ask(other, ASK, 1)[2] != second[2]


def test_a_stop_ends_a_repeat_that_waits(shop):
    body = prompt("stopped")
    shop.set(delay=0.8)
    calls = shop.calls
    leave(shop, body, 0, lambda: shop.calls == calls + 1)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        waits = pool.submit(ask, shop, body, 1)
        time.sleep(0.2)
        shop.send(15)
        assert waits.result()[0] in (200, 503)
    shop.again()


# ---- the SDKs themselves ------------------------------------------------------------------------


def test_openais_sdk_for_python_buys_once_whatever_it_meets(shop):
    openai = pytest.importorskip("openai", reason="the openai package is not installed")

    def client(**more):
        return openai.OpenAI(base_url=shop.base, api_key=shop.key, max_retries=3, **more)

    before, calls = sold(shop), shop.calls
    shop.set(delay=3.0)  # longer than the SDK waits: it tries again, and the second try gets the first one's answer
    raw = client(timeout=2.5).chat.completions.with_raw_response.create(**prompt("python, timeout"))
    assert raw.headers["x-entrepot-replayed"] == "true" and raw.parse().choices[0].message.content
    assert (sold(shop)[0], shop.calls) == (before[0] + 1, calls + 1)
    shop.set(delay=0.0, fail=1)  # both sources: the gateway has no other
    raw = client(timeout=20).chat.completions.with_raw_response.create(**prompt("python, 500"))
    assert raw.parse().choices[0].message.content
    assert sold(shop)[0] == before[0] + 2
    shop.set(fail=0)


NODE = """
import OpenAI from "openai";
const client = new OpenAI({ baseURL: process.env.EP_BASE, apiKey: process.env.EP_KEY, maxRetries: 3,
  timeout: Number(process.env.EP_TIMEOUT) });
const { data, response } = await client.chat.completions.create(JSON.parse(process.env.EP_ASK)).withResponse();
console.log(JSON.stringify({ content: data.choices[0].message.content, replayed: response.headers.get("x-entrepot-replayed") }));
"""


@pytest.mark.skipif(shutil.which("node") is None or not (MODULES / "openai").exists(),
                    reason="node or its openai package is not installed")
def test_openais_sdk_for_node_buys_once_whatever_it_meets(shop, tmp_path):
    script = tmp_path / "buy.mjs"
    script.write_text(NODE)
    (tmp_path / "node_modules").symlink_to(MODULES)

    def run(text, timeout_ms):
        env = {**os.environ, "EP_BASE": shop.base, "EP_KEY": shop.key, "EP_TIMEOUT": str(timeout_ms),
               "EP_ASK": json.dumps(prompt(text))}
        done = subprocess.run(["node", str(script)], capture_output=True, text=True, timeout=60, env=env)
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    before, calls = sold(shop), shop.calls
    shop.set(delay=3.0)
    told = run("node, timeout", 2500)
    assert told["content"] and told["replayed"] == "true"
    assert (sold(shop)[0], shop.calls) == (before[0] + 1, calls + 1)
    shop.set(delay=0.0, fail=1)
    told = run("node, 500", 20000)
    assert told["content"] and told["replayed"] is None
    assert sold(shop)[0] == before[0] + 2


def test_an_upstream_that_is_cut_once_is_paid_for_once(shop):
    openai = pytest.importorskip("openai", reason="the openai package is not installed")
    client = openai.OpenAI(base_url=shop.base, api_key=shop.key, max_retries=3, timeout=20)
    before = sold(shop)
    shop.set(fail=1, cut=True)
    assert client.chat.completions.create(**prompt("cut")).choices
    assert sold(shop)[0] == before[0] + 1
