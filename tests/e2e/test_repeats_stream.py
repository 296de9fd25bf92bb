"""A stream that an SDK asks for again by itself, before its first byte: one source, one charge."""

import concurrent.futures
import http.client
import json
import time

import pytest

from conftest import wait_for
from test_idempotency import CHAT
from test_repeats import Kept, sold, stop

TALK = [{"role": "user", "content": ""}]
PATHS = {CHAT: {"messages": TALK, "max_tokens": 60},
         "/v1/messages": {"messages": TALK, "max_tokens": 60},
         "/v1/responses": {"input": TALK, "max_output_tokens": 60}}
ENDS = {CHAT: b"data: [DONE]", "/v1/messages": b"message_stop", "/v1/responses": b"response.completed"}


class Threaded(Kept):
    def __init__(self, folder, abort_billing="continues"):
        super().__init__(folder, abort_billing)
        self.conf.write_text(self.plain + "\nthreads: 3\n")  # a repeat may come to any of them


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    made = Threaded(tmp_path_factory.mktemp("streams") / "demo")
    made.start()
    yield made
    stop(made)


@pytest.fixture(autouse=True)
def calm(shop):
    release(shop)
    wait_for(lambda: float(shop.credits()["held"]) == 0, "the end of all holds")
    shop.set(delay=0.0, words=20, status=200, fail=0, cut=False, pace=0.0, ended=0)


def prompt(text, path=CHAT):
    body = json.loads(json.dumps({"model": "aurora-large", "stream": True, **PATHS[path]}))
    body["input" if path == "/v1/responses" else "messages"][0]["content"] = text
    return body


def send(shop, body, count, path=CHAT):
    """A connection on which the call was sent."""
    line = http.client.HTTPConnection("127.0.0.1", shop.public, timeout=60)
    line.request("POST", path, json.dumps(body), {"authorization": f"Bearer {shop.key}", "content-type": "application/json",
                                                  "x-stainless-retry-count": str(count)})
    return line


def hold(shop):
    for upstream in shop.counted:
        upstream.go.clear()


def release(shop):
    for upstream in shop.counted:
        upstream.go.set()


def leave(shop, body, count, path=CHAT, after=None):
    """Asks, and has gone before anything was answered; nothing is, until release()."""
    hold(shop)
    calls = shop.calls
    line = send(shop, body, count, path)
    wait_for(after or (lambda: shop.calls > calls), "the first try")
    line.close()
    time.sleep(0.3)  # SDKs wait for longer


def read(line):
    answer = line.getresponse()
    text = answer.read()
    line.close()
    return answer, text


def again(shop, body, count=1, path=CHAT):
    line = send(shop, body, count, path)
    time.sleep(0.1)
    release(shop)
    return read(line)


def test_a_stream_that_is_asked_for_again_before_its_first_byte_has_one_source_and_one_price(shop):
    body = prompt("lost")
    before, calls = sold(shop), shop.calls
    leave(shop, body, 0)
    answer, text = again(shop, body)
    assert answer.status == 200 and answer.getheader("x-entrepot-replayed") == "true"
    assert answer.getheader("content-type").startswith("text/event-stream")
    assert text.count(b"word ") == 20 and text.rstrip().endswith(b"data: [DONE]")
    assert shop.calls == calls + 1
    count, posted = sold(shop)
    assert count == before[0] + 1
    receipt = json.loads(shop.request(f"/v1/receipts/{answer.getheader('x-entrepot-call')}")[2])
    assert receipt["client"]["billed"]["out"] == "20" and int(receipt["client"]["amount"]) == posted - before[1]
    assert receipt["client"]["outcome"] == "complete"
    assert again(shop, body)[0].getheader("x-entrepot-replayed") is None, "what was told is not told again"


@pytest.mark.parametrize("path", PATHS)
def test_it_is_told_in_the_words_of_whoever_asks(shop, path):
    body = prompt(f"told by {path}", path)
    before, calls = sold(shop)[0], shop.calls
    leave(shop, body, 0, path)
    answer, text = again(shop, body, 1, path)
    assert answer.status == 200 and answer.getheader("x-entrepot-replayed") == "true", text
    assert ENDS[path] in text and text.count(b"word ") >= 20
    assert shop.calls == calls + 1 and sold(shop)[0] == before + 1


def test_it_comes_as_it_is_made(shop):
    body = prompt("as it comes")
    shop.set(pace=0.05, words=40)
    leave(shop, body, 0)
    line = send(shop, body, 1)
    release(shop)
    answer = line.getresponse()
    assert b"data:" in answer.readline()
    assert sum(upstream.ended for upstream in shop.counted) == 0, "its source has not ended"
    assert answer.read().rstrip().endswith(b"[DONE]")
    line.close()


def test_repeats_come_to_any_thread(shop):
    hold(shop)
    before, calls = sold(shop)[0], shop.calls
    bodies = [prompt(f"thread {number}") for number in range(12)]
    lines = [send(shop, body, 0) for body in bodies]
    wait_for(lambda: shop.calls == calls + 12, "all first tries")
    for line in lines:
        line.close()
    time.sleep(0.3)
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        asked = [send(shop, body, 1) for body in bodies]
        release(shop)
        answers = list(pool.map(read, asked))
    for answer, text in answers:
        assert answer.getheader("x-entrepot-replayed") == "true" and text.rstrip().endswith(b"[DONE]")
    assert len({answer.getheader("x-entrepot-call") for answer, _ in answers}) == 12
    assert (sold(shop)[0], shop.calls) == (before + 12, calls + 12)


def test_what_came_before_anybody_asked_again_is_kept(shop):
    body = prompt("early")
    before, calls = sold(shop)[0], shop.calls
    leave(shop, body, 0)
    release(shop)
    wait_for(lambda: sum(upstream.ended for upstream in shop.counted) == 1, "the whole stream")
    time.sleep(0.2)
    assert sold(shop)[0] == before, "nobody has it yet"
    answer, text = again(shop, body)
    assert answer.getheader("x-entrepot-replayed") == "true" and text.count(b"word ") == 20
    assert (sold(shop)[0], shop.calls) == (before + 1, calls + 1)


def test_who_stops_waiting_twice_gets_it_by_the_third_try(shop):
    body = prompt("twice")
    before, calls = sold(shop)[0], shop.calls
    leave(shop, body, 0)
    until = time.monotonic() + 0.2
    leave(shop, body, 1, after=lambda: time.monotonic() > until)
    answer, text = again(shop, body, 2)
    assert answer.getheader("x-entrepot-replayed") == "true" and text.count(b"word ") == 20
    assert (sold(shop)[0], shop.calls) == (before + 1, calls + 1)


def test_only_one_repeat_has_it(shop):
    body = prompt("one")
    calls = shop.calls
    leave(shop, body, 0)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        asked = [send(shop, body, 1) for _ in range(2)]
        wait_for(lambda: shop.calls == calls + 2, "the other one's own call")
        release(shop)
        answers = list(pool.map(read, asked))
    assert sorted(str(answer.getheader("x-entrepot-replayed")) for answer, _ in answers) == ["None", "true"]
    assert answers[0][1] != answers[1][1] and shop.calls == calls + 2


def test_a_stream_whose_client_is_there_or_has_got_some_is_repeated_by_nobody(shop):
    body = prompt("begun")
    shop.set(pace=0.05, words=30)
    line = send(shop, body, 0)
    answer = line.getresponse()
    assert b"data:" in answer.readline()
    other, text = again(shop, body)
    assert other.getheader("x-entrepot-replayed") is None and text.count(b"word ") == 30
    line.close()
    answer.close()
    time.sleep(0.15)
    other, text = again(shop, body)
    assert other.getheader("x-entrepot-replayed") is None and text.count(b"word ") == 30


def test_a_large_one_waits_for_a_slow_repeat(shop):
    body = prompt("large")
    shop.set(words=4500)  # 800 KB: several times what is kept of it
    leave(shop, body, 0)
    release(shop)
    time.sleep(0.8)
    line = send(shop, body, 1)
    answer = line.getresponse()
    assert answer.getheader("x-entrepot-replayed") == "true"
    assert b"data:" in answer.readline()
    time.sleep(0.5)
    text = answer.read()
    assert text.count(b"word ") == 4500 and text.rstrip().endswith(b"[DONE]")
    line.close()


def test_a_repeat_that_leaves_with_some_of_it_ends_it(shop):
    body = prompt("left again")
    shop.set(pace=0.05, words=60)
    before = sold(shop)
    leave(shop, body, 0)
    line = send(shop, body, 1)
    release(shop)
    answer = line.getresponse()
    assert b"data:" in answer.readline()
    time.sleep(0.3)
    answer.close()
    line.close()
    wait_for(lambda: float(shop.credits()["held"]) == 0, "its end")
    count, posted = sold(shop)
    call = answer.getheader("x-entrepot-call")
    receipt = json.loads(shop.request(f"/v1/receipts/{call}")[2])
    assert count == before[0] + 1 and receipt["client"]["outcome"] == "interrupted"
    assert int(receipt["client"]["amount"]) == posted - before[1]


def test_what_fails_before_its_first_byte_is_asked_anew(shop):
    body = prompt("fails")
    shop.set(status=503)
    leave(shop, body, 0)
    release(shop)
    wait_for(lambda: float(shop.credits()["held"]) == 0, "its end", 8)
    shop.set(status=200)
    wait_for(lambda: again(shop, prompt("any"), 0)[0].status == 200, "sources that are tried again")
    before = sold(shop)[0]
    answer, text = again(shop, body)
    assert answer.status == 200 and text.count(b"word ") == 20
    assert sold(shop)[0] == before + 1


def test_a_repeat_waits_no_longer_than_its_deadline(shop):
    body = prompt("deadline")
    leave(shop, body, 0)
    line = http.client.HTTPConnection("127.0.0.1", shop.public, timeout=60)
    line.request("POST", CHAT, json.dumps(body), {"authorization": f"Bearer {shop.key}", "x-stainless-retry-count": "1",
                                                  "x-request-deadline": str(time.time() + 0.3)})
    answer, text = read(line)
    assert answer.status == 504 and json.loads(text)["error"]["code"] == "deadline_exceeded"
    assert again(shop, body, 2)[0].getheader("x-entrepot-replayed") == "true"


def test_nobody_pays_for_a_stream_that_nobody_asks_for_again(shop):
    body = prompt("given up")
    before = sold(shop)
    leave(shop, body, 0)
    release(shop)
    wait_for(lambda: float(shop.credits()["held"]) == 0, "the end of the time in which SDKs ask again", 30)
    assert sold(shop) == before
    assert again(shop, body)[0].getheader("x-entrepot-replayed") is None
    assert sold(shop)[0] == before[0] + 1


def test_a_stop_ends_a_stream_that_waits_for_a_client(tmp_path):
    made = Threaded(tmp_path / "demo")
    made.start()
    before = sold(made)
    leave(made, prompt("stopped"), 0)
    release(made)
    assert made.stop_process("server") == 0
    made.start()
    assert sold(made) == before
    stop(made)


def test_a_source_that_stops_billing_is_left(tmp_path):
    made = Threaded(tmp_path / "demo", "stops")
    made.start()
    before = sold(made)[0]
    leave(made, prompt("stops"), 0)
    answer, text = again(made, prompt("stops"))
    assert answer.getheader("x-entrepot-replayed") is None and text.count(b"word ") == 20
    assert sold(made)[0] == before + 1
    stop(made)


def test_openais_sdk_for_python_gets_its_stream_and_buys_once(shop):
    openai = pytest.importorskip("openai", reason="the openai package is not installed")
    client = openai.OpenAI(base_url=shop.base, api_key=shop.key, max_retries=3, timeout=2.5)
    shop.set(delay=3.2)  # longer than the SDK waits for a first byte
    before, calls = sold(shop)[0], shop.calls
    said = "".join(chunk.choices[0].delta.content or "" for chunk in client.chat.completions.create(**prompt("sdk"))
                   if chunk.choices)
    assert said.count("word ") == 20
    assert (sold(shop)[0], shop.calls) == (before + 1, calls + 1)
