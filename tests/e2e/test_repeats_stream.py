"""A stream that an SDK asks for again by itself, before its first byte: one source, one charge."""

import concurrent.futures
import http.client
import json
import pathlib
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
    def __init__(self, folder, abort_billing="continues", more=""):
        super().__init__(folder, abort_billing)
        self.conf.write_text(self.plain + "\nthreads: 3\n" + more)  # a repeat may come to any of them


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    made = Threaded(tmp_path_factory.mktemp("streams") / "demo")
    made.start()
    yield made
    stop(made)


@pytest.fixture(autouse=True)
def calm(shop):
    release(shop)
    go_on(shop)
    wait_for(lambda: float(shop.credits()["held"]) == 0, "the end of all holds")
    shop.set(delay=0.0, words=20, status=200, fail=0, cut=False, halts=0, blank=False, ended=0)
    for upstream in shop.counted:
        upstream.on.clear()


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


def go_on(shop):
    """Streams that halt amid their words go on."""
    for upstream in shop.counted:
        upstream.on.set()


def hang_up(shop, *lines):
    """Closes them, and waits until the server has: it knows of it then."""
    ports = {line.sock.getsockname()[1] for line in lines}

    def closing():
        rows = [row.split() for row in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]]
        ours = [row for row in rows if int(row[1].split(":")[1], 16) in ports]
        return any(row[3] in ("01", "04", "05") for row in ours)  # established, or not closed by the other side

    for line in lines:
        line.close()
    wait_for(lambda: not closing(), "the server to see its client leave")
    time.sleep(0.05)


def leave(shop, body, count, path=CHAT, after=None):
    """Asks, and has gone before anything was answered; nothing is, until release()."""
    hold(shop)
    calls = shop.calls
    line = send(shop, body, count, path)
    wait_for(after or (lambda: shop.calls > calls), "the first try")
    hang_up(shop, line)


def read(line):
    answer = line.getresponse()
    text = answer.read()
    line.close()
    return answer, text


def again(shop, body, count=1, path=CHAT):
    line = send(shop, body, count, path)
    time.sleep(0.05)
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
    shop.set(halts=1)
    leave(shop, body, 0)
    line = send(shop, body, 1)
    release(shop)
    answer = line.getresponse()
    assert b"data:" in answer.readline()
    assert sum(upstream.ended for upstream in shop.counted) == 0, "its source has not ended"
    go_on(shop)
    assert answer.read().rstrip().endswith(b"[DONE]")
    line.close()


def test_one_that_breaks_off_unsold_is_told_to_its_end_to_whom_it_was_begun(shop):
    """Its repeat has a head and an event of it: it is no call of its own any more."""
    body = prompt("blank")
    shop.set(blank=True)
    before, calls = sold(shop), shop.calls
    leave(shop, body, 0)
    line = send(shop, body, 1)
    release(shop)
    answer = line.getresponse()
    assert b"assistant" in answer.readline() and answer.getheader("x-entrepot-replayed") == "true"
    shop.set(blank=False)
    go_on(shop)
    rest = answer.read()
    line.close()
    assert b"word " not in rest and b"error" in rest
    assert (sold(shop), shop.calls) == (before, calls + 1)
    receipt = json.loads(shop.request(f"/v1/receipts/{answer.getheader('x-entrepot-call')}")[2])
    assert receipt["client"]["outcome"] == "failed"


def test_another_query_is_another_request(shop):
    """Gemini's path says what is asked, and its query whether events are told or a list."""
    body = {"contents": [{"role": "user", "parts": [{"text": "query"}]}], "generationConfig": {"maxOutputTokens": 60}}
    path = "/v1beta/models/aurora-large:streamGenerateContent"
    leave(shop, body, 0, path + "?alt=sse")
    list_answer, text = again(shop, body, 1, path)
    assert list_answer.getheader("x-entrepot-replayed") is None and isinstance(json.loads(text), list)
    answer, text = again(shop, body, 1, path + "?alt=sse")
    assert answer.getheader("x-entrepot-replayed") == "true" and text.startswith(b"data:")


def test_repeats_come_to_any_thread(shop):
    hold(shop)
    before, calls = sold(shop)[0], shop.calls
    bodies = [prompt(f"thread {number}") for number in range(12)]
    lines = [send(shop, body, 0) for body in bodies]
    wait_for(lambda: shop.calls == calls + 12, "all first tries")
    hang_up(shop, *lines)
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
    time.sleep(0.1)
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
    shop.set(halts=1)
    line = send(shop, body, 0)
    answer = line.getresponse()
    assert b"data:" in answer.readline()
    other, text = again(shop, body)
    assert other.getheader("x-entrepot-replayed") is None and text.count(b"word ") == 20
    answer.close()
    hang_up(shop, line)
    other, text = again(shop, body)
    assert other.getheader("x-entrepot-replayed") is None and text.count(b"word ") == 20


def test_a_large_one_waits_for_a_slow_repeat(shop):
    body = prompt("large")
    shop.set(words=4500)  # 800 KB: several times what is kept of it
    leave(shop, body, 0)
    release(shop)
    time.sleep(0.3)  # as much of it is made as is kept
    line = send(shop, body, 1)
    answer = line.getresponse()
    assert answer.getheader("x-entrepot-replayed") == "true"
    assert b"data:" in answer.readline()
    time.sleep(0.3)  # and as much more as the repeat's connection takes
    text = answer.read()
    assert text.count(b"word ") == 4500 and text.rstrip().endswith(b"[DONE]")
    line.close()


def test_a_repeat_that_leaves_with_some_of_it_ends_it(shop):
    body = prompt("left again")
    shop.set(halts=1)
    before = sold(shop)
    leave(shop, body, 0)
    line = send(shop, body, 1)
    release(shop)
    answer = line.getresponse()
    for _ in range(6):  # all that has come, with blank lines between: an id and two words
        answer.readline()
    answer.close()
    hang_up(shop, line)
    time.sleep(0.5)  # the stream looks after its client every 20 ms
    go_on(shop)
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


def test_nobody_pays_for_a_stream_that_nobody_asks_for_again(tmp_path):
    made = Threaded(tmp_path / "demo", more="limits:\n  repeat_ms: 1000\n")  # it stands no longer than that, or ten seconds
    made.start()
    body = prompt("given up")
    before = sold(made)
    begun = time.monotonic()
    leave(made, body, 0)
    release(made)
    wait_for(lambda: float(made.credits()["held"]) == 0, "the end of the time in which SDKs ask again", 30)
    assert time.monotonic() - begun >= 1.0 and sold(made) == before
    assert again(made, body)[0].getheader("x-entrepot-replayed") is None
    assert sold(made)[0] == before[0] + 1
    stop(made)


def test_a_stop_ends_a_stream_that_waits_for_a_client(shop):
    before = sold(shop)
    leave(shop, prompt("stopped"), 0)
    release(shop)
    begun = time.monotonic()
    assert shop.stop_process("server") == 0
    assert time.monotonic() - begun < 9, "it does not stand for its ten seconds"
    shop.start()
    assert sold(shop) == before


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
    client = openai.OpenAI(base_url=shop.base, api_key=shop.key, max_retries=3, timeout=0.8)
    shop.set(delay=1.3)  # longer than the SDK waits for a first byte
    before, calls = sold(shop)[0], shop.calls
    said = "".join(chunk.choices[0].delta.content or "" for chunk in client.chat.completions.create(**prompt("sdk"))
                   if chunk.choices)
    assert said.count("word ") == 20
    assert (sold(shop)[0], shop.calls) == (before + 1, calls + 1)
