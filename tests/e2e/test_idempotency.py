"""Idempotency-Key: one key buys once, whatever happens between the first call and its retry."""

import collections
import concurrent.futures
import http.server
import json
import os
import random
import re
import signal
import socket
import sqlite3
import threading
import time
import urllib.request
import uuid

import pytest

from conftest import House, wait_for

MODEL = "aurora-large"
ASK = {"model": MODEL, "messages": [{"role": "user", "content": "Tell me about keys."}], "max_tokens": 60}
CHAT = "/v1/chat/completions"
ROUNDS = min(int(os.environ.get("EP_KILL_ROUNDS", "10")), 10)


class Upstream:
    """Answers and counts: what was asked of it is what would be paid twice."""

    def __init__(self, port):
        self.calls, self.delay, self.words, self.status = 0, 0.0, 20, 200
        self.fail, self.cut = 0, False  # of the next calls: a 500, or a cut line
        self.halts, self.blank = 0, False  # of the next streams: they wait for `on` amid their words; say none, and break off
        self.ended = 0  # streams that came to their end
        self.on = threading.Event()
        self.go = threading.Event()  # nothing is answered until it is set
        self.go.set()
        self.said = b'{"error": {"message": "no"}}'
        self.prompts = collections.Counter()
        self.report = {"usage": {"prompt_tokens": 9, "completion_tokens": 20, "total_tokens": 29}}  # of whole answers
        self.lock = threading.Lock()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
                with outer.lock:
                    outer.calls += 1
                    outer.prompts[asked["messages"][0]["content"]] += 1
                    number = outer.calls
                    fails, outer.fail = outer.fail > 0, max(0, outer.fail - 1)
                time.sleep(outer.delay)
                outer.go.wait(30)
                if fails and outer.cut:
                    self.close_connection = True
                    return
                status = 500 if fails else outer.status
                if asked.get("stream") and status == 200:
                    self.stream(asked["model"], number)
                    return
                body = outer.said if status != 200 else json.dumps({
                    "id": f"chat-{number}", "object": "chat.completion", "created": 1, "model": asked["model"],
                    "choices": [{"index": 0, "finish_reason": "stop",
                                 "message": {"role": "assistant", "content": f"{uuid.uuid4()} " + "word " * outer.words}}],
                    **outer.report}).encode()
                try:
                    self.send_response(status)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                except OSError:
                    pass  # the server was killed in between: that is the test

            def stream(self, model, number):
                def say(choices, **more):
                    said = {"id": f"chat-{number}", "object": "chat.completion.chunk", "created": 1, "model": model,
                            "choices": choices, **more}
                    self.wfile.write(b"data: " + json.dumps(said).encode() + b"\n\n")

                def delta(finish=None, **what):
                    say([{"index": 0, "delta": what, "finish_reason": finish}])

                self.close_connection = True
                with outer.lock:
                    halts, outer.halts = outer.halts > 0, max(0, outer.halts - 1)
                try:
                    self.send_response(200)
                    self.send_header("Content-Type", "text/event-stream")
                    self.end_headers()
                    delta(role="assistant", **({} if outer.blank else {"content": f"{uuid.uuid4()} "}))
                    for word in range(outer.words):
                        if halts and word == 2:
                            outer.on.wait(30)
                        if outer.blank:
                            outer.on.wait(30)
                            return
                        delta(content="word ")
                    delta("stop")
                    say([], usage={"prompt_tokens": 9, "completion_tokens": 20, "total_tokens": 29})
                    self.wfile.write(b"data: [DONE]\n\n")
                    outer.ended += 1
                except OSError:
                    pass  # it was left

            def log_message(self, *words):
                pass

        class Server(http.server.ThreadingHTTPServer):
            request_queue_size = 64  # a dozen that come at once wait for no second try of TCP's

        self.server = Server(("127.0.0.1", port), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class Shop(House):
    """Its upstreams are in this process, and can be counted."""

    def __init__(self, folder, abort_billing="continues"):
        super().__init__(folder)
        for file in (folder / "registry").glob("routes.yaml"):
            file.write_text(re.sub(r"abort_billing: \w+", f"abort_billing: {abort_billing}", file.read_text()))
        self.apply()
        self.counted = [Upstream(port) for port in self.upstreams]

    @property
    def calls(self):
        return sum(upstream.calls for upstream in self.counted)

    def set(self, **what):
        for upstream in self.counted:
            for name, value in what.items():
                setattr(upstream, name, value)

    def ask(self, key, body=None):
        return self.ask_as(self.key, key, body)

    def ask_as(self, client, key, body=None):
        return self.request(CHAT, body or ASK, key=client, headers={"Idempotency-Key": key})

    def rows(self, sql, write=False):
        path = self.folder / "var" / "entrepot.db"
        base = sqlite3.connect(path if write else f"file:{path}?mode=ro", uri=not write, timeout=20)
        try:
            return base.execute(sql).fetchall()
        finally:
            base.commit()
            base.close()

    def used(self):
        return float(self.credits()["total_usage"])


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    made = Shop(tmp_path_factory.mktemp("idem") / "demo")
    made.start()
    yield made
    made.stop()
    for upstream in made.counted:
        upstream.stop()
    audit = made.command("audit", check=False)
    assert audit.returncode == 0, audit.stdout + audit.stderr


@pytest.fixture(autouse=True)
def calm(shop):
    shop.set(delay=0.0, words=20, status=200)


def fresh():
    return str(uuid.uuid4())


def error_of(answer, status, code):
    assert answer[0] == status, answer[2]
    assert answer[1]["x-should-retry"] == "false"
    error = json.loads(answer[2])["error"]
    assert error["code"] == code
    return error["entrepot"]


def test_the_same_call_again_gets_the_same_bytes_and_costs_nothing(shop):
    key = fresh()
    before, used = shop.calls, shop.used()
    first = shop.ask(key)
    assert first[0] == 200 and first[1]["x-entrepot-replayed"] is None
    charged = shop.used()
    assert charged > used
    for again in (key, f'"{key}"'):
        second = shop.ask(again)
        assert second[0] == 200
        assert second[2] == first[2]
        assert second[1]["x-entrepot-replayed"] == "true"
        for name in ("x-entrepot-call", "x-entrepot-charge", "x-request-id", "content-type"):
            assert second[1][name] == first[1][name]
    assert shop.calls == before + 1
    assert shop.used() == charged
    receipts = shop.rows("SELECT count(*) FROM receipt")[0][0]
    shop.ask(key)
    assert shop.rows("SELECT count(*) FROM receipt")[0][0] == receipts, "a replay is no sale"


def test_without_a_key_each_call_is_a_call(shop):
    before = shop.calls
    for _ in range(2):
        assert shop.request(CHAT, ASK)[0] == 200
    assert shop.calls == before + 2


def test_calls_at_once_with_one_key_ask_one_upstream_once(shop):
    key, many = fresh(), 12
    shop.set(delay=0.3)
    before, used = shop.calls, shop.used()
    with concurrent.futures.ThreadPoolExecutor(many) as pool:
        answers = list(pool.map(lambda _: shop.ask(key), range(many)))
    assert shop.calls == before + 1
    won = [answer for answer in answers if answer[0] == 200 and answer[1]["x-entrepot-replayed"] is None]
    assert len(won) == 1
    for answer in answers:
        if answer[0] == 409:
            facts = error_of(answer, 409, "idempotency_in_progress")
            assert facts == {"call": won[0][1]["x-entrepot-call"], "retry": "after"}
            receipt = shop.json("receipt", "show", answer[1]["x-entrepot-call"])
            assert receipt["client"]["outcome"] == "refused" and receipt["client"]["amount"] == "0"
        else:
            assert answer[2] == won[0][2]
    assert sum(answer[0] == 409 for answer in answers) > 0
    assert shop.used() - used == pytest.approx(float(won[0][1]["x-entrepot-charge"]), abs=1e-9)
    assert float(shop.credits()["held"]) == 0, "what the refused ones had reserved is given back"
    assert shop.ask(key)[2] == won[0][2]


def test_another_request_with_the_key_is_refused(shop):
    key = fresh()
    first = shop.ask(key)
    before = shop.calls
    facts = error_of(shop.ask(key, {**ASK, "max_tokens": 61}), 422, "idempotency_mismatch")
    assert facts["call"] == first[1]["x-entrepot-call"]
    error_of(shop.ask(key, json.dumps(ASK).encode() + b"\n"), 422, "idempotency_mismatch")
    assert shop.calls == before


def test_another_client_may_have_the_same_key(shop):
    key = fresh()
    mine = shop.ask(key)
    other = shop.json("client", "add", "--name", "neighbour", "--party", "first-client")["id"]
    secret = shop.json("key", "add", "--client", other, "--product", "world")["key"]
    shop.command("credit", "purchase", "--client", other, "--amount", "5")
    theirs = shop.ask_as(secret, key)
    assert theirs[0] == 200, theirs[2]
    assert theirs[1]["x-entrepot-replayed"] is None
    assert theirs[2] != mine[2]
    assert shop.ask(key)[2] == mine[2]


@pytest.mark.parametrize("bad", ["", '""', '"', "two words", "a,b", "a" * 256, '"a"; b=1', "caf\u00e9", '"a\\n"'])
def test_what_is_no_key_is_refused(shop, bad):
    before = shop.calls
    status, headers, body = shop.ask(bad)
    assert status == 400 and headers["x-should-retry"] == "false"
    error = json.loads(body)["error"]
    assert (error["code"], error["param"]) == ("invalid_value", "Idempotency-Key")
    assert shop.calls == before
    assert shop.json("receipt", "show", headers["x-entrepot-call"])["client"]["amount"] == "0"


def test_two_of_the_header_are_refused(shop):
    body = json.dumps(ASK).encode()
    with socket.create_connection(("127.0.0.1", shop.public), timeout=10) as line:
        line.sendall(b"POST %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer %s\r\n"
                     b"Idempotency-Key: k\r\nIdempotency-Key: k\r\nContent-Length: %d\r\n\r\n"
                     % (CHAT.encode(), shop.key.encode(), len(body)) + body)
        answer = b"".join(iter(lambda: line.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 400 ") and b'"Idempotency-Key"' in answer


def test_what_failed_may_be_tried_again(shop):
    key = fresh()
    shop.set(status=500)
    assert shop.ask(key)[0] == 502
    shop.set(status=400)
    assert shop.ask(key)[0] == 400
    shop.set(status=200)
    assert shop.ask(key)[1]["x-entrepot-replayed"] is None
    assert shop.ask(key)[1]["x-entrepot-replayed"] == "true"
    other = fresh()
    assert shop.ask(other, {**ASK, "model": "no-such-model"})[0] == 404
    assert shop.ask(other)[0] == 200, "a refusal has no hold, and takes no key"


def test_an_answer_above_64_kib_is_not_kept_and_not_sold_twice(shop):
    key = fresh()
    shop.set(words=14000)
    first = shop.ask(key)
    assert first[0] == 200 and len(first[2]) > 65536
    before, used = shop.calls, shop.used()
    facts = error_of(shop.ask(key), 409, "idempotency_no_result")
    assert facts["call"] == first[1]["x-entrepot-call"]
    receipt = json.loads(shop.request(f"/v1/receipts/{facts['call']}")[2])
    assert receipt["client"]["outcome"] == "complete"
    assert (shop.calls, shop.used()) == (before, used)


def test_a_client_that_lost_its_line_gets_the_answer_it_paid_for(shop):
    key, before = fresh(), shop.calls
    shop.set(delay=0.4)
    body = json.dumps(ASK).encode()
    with socket.create_connection(("127.0.0.1", shop.public), timeout=10) as line:
        line.sendall(b"POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nIdempotency-Key: %s\r\n"
                     b"Content-Length: %d\r\n\r\n" % (CHAT.encode(), shop.key.encode(), key.encode(), len(body))
                     + body)
        wait_for(lambda: shop.calls == before + 1, "the upstream's call")
    wait_for(lambda: float(shop.credits()["held"]) == 0, "the end of the first call")
    again = shop.ask(key)
    assert again[0] == 200, again[2]
    assert again[1]["x-entrepot-replayed"] == "true"
    assert shop.calls == before + 1


def test_a_kept_answer_without_a_report_is_paid_for_by_our_count(shop):
    """As it would have been with the client there: the answer waits for it, whole."""
    report = {upstream: upstream.report for upstream in shop.counted}
    shop.set(delay=0.5, words=40, report={})
    key, used, before = fresh(), shop.used(), shop.calls
    body = json.dumps({**ASK, "max_tokens": 100}).encode()
    try:
        with socket.create_connection(("127.0.0.1", shop.public), timeout=20) as line:
            line.sendall(b"POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nIdempotency-Key: %s\r\nContent-Length: %d\r\n\r\n"
                         % (CHAT.encode(), shop.key.encode(), key.encode(), len(body)) + body)
            wait_for(lambda: shop.calls == before + 1, "the source's turn")
        wait_for(lambda: shop.used() > used, "the settlement")
        again = shop.ask(key, body)
    finally:
        for upstream, each in report.items():
            upstream.report = each
    assert again[0] == 200 and again[1]["x-entrepot-replayed"] == "true", again[2]
    receipt = shop.json("receipt", "show", again[1]["x-entrepot-call"])["client"]
    assert receipt["outcome"] == "interrupted" and int(receipt["billed"]["out"]) >= 40, receipt


def test_a_replay_needs_no_credit(tmp_path):
    shop = Shop(tmp_path / "demo")
    try:
        shop.start()
        key = fresh()
        first = shop.ask(key)
        shop.stop_process("server")
        shop.rows("UPDATE lot SET expires_ns = 1", write=True)
        shop.start()
        wait_for(lambda: float(shop.credits()["available"]) == 0, "the expiry")
        assert shop.request(CHAT, ASK)[0] == 429
        again = shop.ask(key)
        assert (again[0], again[2]) == (200, first[2])
        before = shop.calls
        error_of(shop.ask(fresh()), 429, "insufficient_quota")
        error_of(shop.ask(key, {**ASK, "n": 1}), 422, "idempotency_mismatch")
        assert shop.calls == before
    finally:
        shop.stop()
        for upstream in shop.counted:
            upstream.stop()


def test_a_stream_is_sold_once_and_told_by_its_receipt(tmp_path):
    house = House(tmp_path / "demo")
    for at in (0, 1):
        house.upstream(at)
    try:
        house.start()
        headers = {"Idempotency-Key": fresh()}
        stream = {**ASK, "stream": True}
        first = house.request(CHAT, stream, headers=headers)
        assert first[0] == 200 and b"[DONE]" in first[2]
        used = house.credits()["total_usage"]
        facts = error_of(house.request(CHAT, stream, headers=headers), 409, "idempotency_no_result")
        assert facts["call"] == first[1]["x-entrepot-call"]
        error_of(house.request(CHAT, ASK, headers=headers), 422, "idempotency_mismatch")
        assert house.credits()["total_usage"] == used
    finally:
        house.stop()


def test_a_key_outlives_a_restart_and_ends_after_its_hours(tmp_path):
    shop = Shop(tmp_path / "demo")
    try:
        shop.start()
        old, young = fresh(), fresh()
        first = shop.ask(old)
        shop.ask(young)
        assert shop.stop_process("server") == 0
        shop.start()
        assert shop.ask(old)[2] == first[2]
        assert shop.stop_process("server") == 0
        hours = 3600 * 10**9
        shop.rows(f"UPDATE settlement SET settled_ns = settled_ns - 25 * {hours} WHERE hold = 1", write=True)
        shop.rows(f"UPDATE settlement SET settled_ns = settled_ns - 23 * {hours} WHERE hold = 2", write=True)
        shop.start()
        wait_for(lambda: shop.rows("SELECT hold FROM idem") == [(2,)], "the end of the old key")
        kept = shop.ask(young)
        assert kept[1]["x-entrepot-replayed"] == "true"
        assert shop.stop_process("server") == 0
        said = [re.search(rb"[0-9a-f-]{36}", answer[2]).group() for answer in (first, kept)]
        files = {path.name: path.read_bytes() for path in (shop.folder / "var").iterdir() if path.is_file()}
        assert not [name for name in files if said[0] in files[name]], "what is removed is gone from the disk"
        assert [name for name in files if said[1] in files[name]], "the same look finds what is kept"
        shop.start()
        again = shop.ask(old)
        assert again[0] == 200 and again[1]["x-entrepot-replayed"] is None
        assert shop.command("audit").returncode == 0
    finally:
        shop.stop()
        for upstream in shop.counted:
            upstream.stop()


@pytest.mark.parametrize("streamed", [False, True])
def test_kill_9_in_between_sells_no_second_time(tmp_path, streamed):
    shop = Shop(tmp_path / "demo")
    body = {**ASK, "stream": streamed}
    try:
        shop.start()
        key = fresh()
        shop.set(delay=3.0)
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            lost = pool.submit(lambda: shop.ask(key, body))
            wait_for(lambda: shop.calls == 1, "the upstream's call")
            assert shop.rows("SELECT count(*) FROM idem JOIN hold ON hold.id = idem.hold") == [(1,)], \
                "no upstream is asked before the claim is durable"
            shop.stop_process("server", signal.SIGKILL)
            with pytest.raises(OSError):
                lost.result()
        shop.set(delay=0.0)
        shop.start()
        facts = error_of(shop.ask(key, body), 409, "idempotency_no_result")
        receipt = shop.json("receipt", "show", facts["call"])
        assert receipt["client"]["outcome"] == "interrupted"
        assert shop.calls == 1
        assert float(shop.credits()["held"]) == 0
        error_of(shop.ask(key, {**body, "n": 1}), 422, "idempotency_mismatch")
        assert shop.command("audit").returncode == 0
    finally:
        shop.stop()
        for upstream in shop.counted:
            upstream.stop()


@pytest.mark.slow
def test_whoever_tries_until_it_is_told_buys_once_through_any_number_of_crashes(tmp_path):
    shop = Shop(tmp_path / "demo")
    shop.set(delay=0.01)
    dice, stop = random.Random(7), threading.Event()
    told = {}

    def buy():
        while not stop.is_set():
            key = fresh()
            body = {**ASK, "messages": [{"role": "user", "content": key}]}
            while key not in told:
                try:
                    status, headers, answer = shop.ask(key, body)
                except OSError:
                    time.sleep(0.01)
                    continue
                if status == 200:
                    told[key] = ("answer", headers["x-entrepot-call"])
                elif json.loads(answer)["error"]["code"] == "idempotency_no_result":
                    told[key] = ("receipt", json.loads(answer)["error"]["entrepot"]["call"])

    try:
        shop.start()
        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            buyers = [pool.submit(buy) for _ in range(6)]
            for _ in range(ROUNDS):
                time.sleep(0.05 + dice.random() * 0.2)
                shop.stop_process("server", signal.SIGKILL)
                shop.start()
            stop.set()
            for buyer in buyers:
                buyer.result(30)
        asked = sum((upstream.prompts for upstream in shop.counted), collections.Counter())
        assert set(asked) <= set(told)
        assert max(asked.values()) == 1, "no key reaches a second upstream call"
        ended = collections.Counter(how for how, _ in told.values())
        assert ended["answer"] > ROUNDS and ended["receipt"] > 0, ended
        paid = shop.rows("SELECT count(*) FROM settlement WHERE posted > 0")[0][0]
        assert paid <= sum(asked.values()), "what was not asked for upstream is not charged"
        assert paid >= ended["answer"]
        assert shop.command("audit").returncode == 0
    finally:
        stop.set()
        shop.stop()
        for upstream in shop.counted:
            upstream.stop()


def test_the_official_sdk_replays_and_does_not_hammer(shop):
    openai = pytest.importorskip("openai", reason="the openai package is not installed")
    client = openai.OpenAI(base_url=shop.base, api_key=shop.key, max_retries=3, timeout=30)
    key = {"Idempotency-Key": fresh()}
    before = shop.calls
    raw = [client.chat.completions.with_raw_response.create(**ASK, extra_headers=key) for _ in range(2)]
    assert raw[0].content == raw[1].content
    assert raw[1].headers["x-entrepot-replayed"] == "true"
    assert raw[0].parse().id == raw[1].parse().id
    with pytest.raises(openai.UnprocessableEntityError) as mismatch:
        client.chat.completions.create(**{**ASK, "max_tokens": 9}, extra_headers=key)
    assert mismatch.value.code == "idempotency_mismatch"
    assert shop.calls == before + 1
    shop.set(delay=1.0)
    slow = {"Idempotency-Key": fresh()}
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        first = pool.submit(lambda: client.chat.completions.create(**ASK, extra_headers=slow))
        wait_for(lambda: shop.calls == before + 2, "the first call")
        begun = time.monotonic()
        with pytest.raises(openai.ConflictError) as conflict:
            client.chat.completions.create(**ASK, extra_headers=slow)
        assert conflict.value.code == "idempotency_in_progress"
        assert time.monotonic() - begun < 0.4, "the SDK must not try again by itself"
        assert first.result().choices


def test_replays_are_counted_apart(shop):
    def figure(name):
        text = urllib.request.urlopen(f"http://127.0.0.1:{shop.operator}/metrics", timeout=5).read().decode()
        return int(re.search(rf"^{name} (\d+)", text, re.M).group(1))

    names = ("entrepot_calls_replayed_total", "entrepot_calls_served_total", "entrepot_calls_refused_total",
             "entrepot_charged_nano_total")
    key = fresh()
    shop.ask(key)
    before = {name: figure(name) for name in names}
    shop.ask(key)
    before["entrepot_calls_replayed_total"] += 1
    assert {name: figure(name) for name in names} == before
