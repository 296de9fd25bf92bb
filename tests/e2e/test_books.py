"""The money: gates, crashes, failures below, and what the books say afterwards."""

import json
import os
import random
import signal
import socket
import threading
import time

import pytest

from conftest import House, wait_for

MODEL = "aurora-large"
ROUNDS = int(os.environ.get("EP_KILL_ROUNDS", "50"))
ASK = {"model": MODEL, "messages": [{"role": "user", "content": "Tell me about rivers."}], "max_tokens": 60}


def sell(house, **change):
    status, headers, body = house.request("/v1/chat/completions", {**ASK, **change})
    assert status == 200, body
    return headers, body


def test_a_sale_is_charged_receipted_and_shown(house):
    before = house.credits()
    headers, body = sell(house)
    call = headers["x-entrepot-call"]
    charge = float(headers["x-entrepot-charge"])
    assert charge > 0
    after = house.credits()
    assert float(after["total_usage"]) - float(before["total_usage"]) == pytest.approx(charge, abs=1e-9)
    receipt = house.json("receipt", "show", call)
    assert receipt["client"]["call"] == call
    usage = json.loads(body)["usage"]
    assert int(receipt["client"]["billed"]["in"]) + int(receipt["client"]["billed"].get("cached", 0)) == usage["prompt_tokens"]
    status, _, shown = house.request(f"/v1/receipts/{call}")
    assert status == 200
    assert json.loads(shown)["client"] == receipt["client"]
    assert "operator" not in json.loads(shown), "the client is not shown the operator's section"


def test_a_month_is_the_sum_of_its_receipts(house):
    status, _, body = house.request("/v1/usage", key=house.key)
    before = json.loads(body)
    charged, tokens = 0, {}
    for model in ("aurora-large", "aurora-small", "aurora-large"):
        _, headers, _ = house.request("/v1/chat/completions", {**ASK, "model": model})
        client = house.json("receipt", "show", headers["x-entrepot-call"])["client"]
        charged += int(client["amount"])
        for name, count in client["billed"].items():
            tokens[name] = tokens.get(name, 0) + int(count)
    status, _, body = house.request("/v1/usage", key=house.key)
    after = json.loads(body)
    assert status == 200 and after["currency"] == "USD" and after["object"] == "list"
    assert after["total"]["calls"] == before["total"]["calls"] + 3
    assert round((after["total"]["amount"] - before["total"]["amount"]) * 10**9) == charged
    assert {name: after["total"]["tokens"][name] - before["total"]["tokens"].get(name, 0) for name in tokens} == tokens
    assert {"aurora-large", "aurora-small"} <= {row["model"] for row in after["data"]}
    assert sum(row["calls"] for row in after["data"]) == after["total"]["calls"]
    shown = house.json("usage", "show", "--client", house.json("client", "list")[0]["id"])
    assert sum(row["calls"] for row in shown) == after["total"]["calls"]
    status, _, body = house.request("/v1/usage?month=1999-01", key=house.key)
    assert status == 200 and json.loads(body)["data"] == []
    for bad in ("month=2026-13", "month=", "since=2026-11"):
        status, _, body = house.request("/v1/usage?" + bad, key=house.key)
        error = json.loads(body)["error"]
        assert (status, error["code"], error["param"]) == (400, "invalid_value", "month"), bad
    assert house.request("/v1/usage", key="ek-nobody")[0] == 401


def test_a_refusal_has_a_receipt_too(house):
    status, headers, _ = house.request("/v1/chat/completions", {**ASK, "model": "no-such-model"})
    assert status == 404
    receipt = house.json("receipt", "show", headers["x-entrepot-call"])
    assert receipt["client"]["amount"] == "0"
    assert receipt["client"]["outcome"] == "refused"


def test_a_prompt_stands_in_no_log_and_no_database(house):
    secret = "XYZZY-plugh-93817"
    sell(house, messages=[{"role": "user", "content": secret}])
    house.command("audit")
    for path in (house.folder / "server.log", *(house.folder / "var").iterdir()):
        if path.is_file():
            assert secret.encode() not in path.read_bytes(), path


def test_the_upstream_gets_the_body_byte_for_byte(house):
    """Unknown fields, number spelling, key order and white space are not touched."""
    got = []
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        line, _ = listener.accept()
        data = b""
        while b"\r\n\r\n" not in data or len(data.split(b"\r\n\r\n", 1)[1]) < int(
                next(h for h in data.split(b"\r\n") if h.lower().startswith(b"content-length")).split(b":")[1]):
            data += line.recv(65536)
        got.append(data.split(b"\r\n\r\n", 1)[1])
        body = json.dumps({
            "id": "x", "object": "chat.completion", "created": 1, "model": got_model(got[0]),
            "choices": [{"index": 0, "message": {"role": "assistant", "content": "ok"}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 5, "completion_tokens": 1, "total_tokens": 6}}).encode()
        line.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        line.close()

    def got_model(raw):
        return json.loads(raw)["model"]

    ports = house.upstreams
    for at in (0, 1):
        house.stop_process(f"upstream{at}")
    listener.close()
    listener = socket.create_server(("127.0.0.1", ports[0]))
    other = socket.create_server(("127.0.0.1", ports[1]))
    try:
        thread = threading.Thread(target=serve, daemon=True)
        chosen = [listener]
        thread.start()
        other.close()
        body = (b'{ "zzz": {"a" : [1.50, 1e3, -0]},\n\t"model":"%s" , "messages":[{"role":"user","content":"\\u00e9\\/"}],'
                b'"max_tokens":  7 ,"temperature":0.10}') % MODEL.encode()
        status, _, answer = house.request("/v1/chat/completions", body)
        assert status == 200, answer
        thread.join(10)
        sent = got[0]
        assert sent.startswith(b'{ "zzz": {"a" : [1.50, 1e3, -0]},\n\t"model":"')
        assert b'"messages":[{"role":"user","content":"\\u00e9\\/"}]' in sent
        assert sent.endswith(b'"temperature":0.10}')
        assert json.loads(sent)["max_tokens"] == 7
    finally:
        listener.close()
        house.upstream(0)
        house.upstream(1)


def test_a_reload_drops_no_call(house):
    failures = []
    done = threading.Event()

    def caller():
        while not done.is_set():
            if house.request("/v1/chat/completions", {**ASK, "stream": True})[0] != 200:
                failures.append(1)

    threads = [threading.Thread(target=caller) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(5):
        house.send(signal.SIGHUP)
        time.sleep(0.2)
    done.set()
    for thread in threads:
        thread.join()
    assert not failures


def test_a_bad_registry_is_refused_and_the_old_one_stays(house):
    path = house.folder / "registry" / "models.yaml"
    good = path.read_text()
    path.write_text(good + "\n  - id: broken\n    vendr: nobody\n")
    try:
        check = house.command("registry", "check", str(house.folder / "registry"), check=False)
        assert check.returncode == 1
        assert "models.yaml:" in check.stdout + check.stderr
        house.send(signal.SIGHUP)
        wait_for(lambda: "registry_folder" in (house.folder / "server.log").read_text(), "the refusal")
        sell(house)
        done = house.command("registry", "apply", check=False)
        assert done.returncode == 1 and "REG_UNKNOWN_KEY" in done.stderr
        wait_for(lambda: "reload_refused" in (house.folder / "server.log").read_text(), "the refusal")
        sell(house)
    finally:
        path.write_text(good)


def test_a_signal_that_comes_while_a_registry_is_read_is_not_lost(house):
    path = house.folder / "registry" / "models.yaml"
    good = path.read_text()
    refusals = (house.folder / "server.log").read_text().count("registry_folder")
    house.send(signal.SIGHUP)
    time.sleep(0.002)
    path.write_text(good + "\n  - id: broken\n    vendr: nobody\n")
    try:
        house.send(signal.SIGHUP)
        wait_for(lambda: (house.folder / "server.log").read_text().count("registry_folder") > refusals, "the refusal")
    finally:
        path.write_text(good)
    sell(house)


def test_a_stop_lets_calls_end(tmp_path):
    house = House(tmp_path / "demo")
    for at in (0, 1):
        house.upstream(at, "--pace-ms", "30", "--words", "40")
    house.start()
    answers = []
    try:
        thread = threading.Thread(target=lambda: answers.append(
            house.request("/v1/chat/completions", {**ASK, "stream": True})))
        thread.start()
        time.sleep(0.4)
        assert house.stop_process("server") == 0
        thread.join(20)
        assert answers[0][0] == 200 and b"[DONE]" in answers[0][2]
    finally:
        house.stop()


class Witness:
    """Calls without pause and remembers what it saw: the first byte, and the whole answer."""

    def __init__(self, house, stream):
        self.house, self.stream = house, stream
        self.begun, self.complete = set(), {}
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.stop.is_set():
            try:
                self.one()
            except (OSError, ValueError):
                time.sleep(0.01)

    def one(self):
        body = json.dumps({**ASK, "stream": self.stream}).encode()
        with socket.create_connection(("127.0.0.1", self.house.public), timeout=10) as line:
            line.sendall(b"POST /v1/chat/completions HTTP/1.0\r\nHost: x\r\nAuthorization: Bearer %s\r\n"
                         b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n"
                         % (self.house.key.encode(), len(body)) + body)
            data, call = b"", None
            while True:
                got = line.recv(65536)
                if not got:
                    break
                data += got
                if call is None and b"\r\n\r\n" in data:
                    head = data.split(b"\r\n\r\n")[0].decode().lower()
                    if " 200 " not in head.split("\r\n")[0]:
                        return
                    call = next(h for h in head.split("\r\n") if h.startswith("x-entrepot-call:")).split(":")[1].strip()
                    self.begun.add(call)
            whole = b"[DONE]" in data if self.stream else data.rstrip().endswith(b"}")
            if call and whole:
                self.complete[call] = data


@pytest.mark.slow
def test_kill_9_in_mid_load_loses_nothing_that_was_acknowledged(tmp_path):
    house = House(tmp_path / "demo")
    for at in (0, 1):
        house.upstream(at, "--pace-ms", "1")
    dice = random.Random(20261124)
    seen, whole = 0, 0
    try:
        for _ in range(ROUNDS):
            house.start()
            witnesses = [Witness(house, stream=at % 2 == 0) for at in range(6)]
            time.sleep(0.05 + dice.random() * 0.25)
            house.stop_process("server", signal.SIGKILL)
            for witness in witnesses:
                witness.stop.set()
            for witness in witnesses:
                witness.thread.join(20)
            audit = house.command("audit", check=False)
            assert audit.returncode == 0, audit.stdout + audit.stderr
            for witness in witnesses:
                seen += len(witness.begun)
                whole += len(witness.complete)
                if witness.complete:
                    call = dice.choice(sorted(witness.complete))
                    receipt = house.json("receipt", "show", call)
                    assert receipt["client"]["outcome"] == "complete"
        house.start()
        audit = house.command("audit", check=False)
        assert audit.returncode == 0, audit.stdout + audit.stderr
        assert float(house.credits()["held"]) == 0, "every hold that a crash left open has ended"
        assert whole > ROUNDS, f"only {whole} answers were complete, {seen} begun: the load was too thin"
    finally:
        house.stop()
