"""What operators meet: TLS, limits, a full disk, upstreams that misbehave, figures."""

import json
import re
import resource
import socket
import ssl
import subprocess
import time
import urllib.request

import pytest

from conftest import ENTREPOT, House, port_open, wait_for

MODEL = "aurora-large"
ASK = {"model": MODEL, "messages": [{"role": "user", "content": "Tell me about rivers."}], "max_tokens": 40}


def settled(house, call):
    return house.json("receipt", "show", call)


def openssl(*words, cwd):
    subprocess.run(["openssl", *words], cwd=cwd, check=True, capture_output=True)


def test_clients_are_served_over_tls_under_a_private_ca(tmp_path):
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
            "/CN=private ca", "-keyout", "ca.key", "-out", "ca.pem", cwd=tmp_path)
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=localhost", "-addext",
            "subjectAltName=DNS:localhost", "-keyout", "s.key", "-out", "s.csr", cwd=tmp_path)
    openssl("x509", "-req", "-in", "s.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-days", "2", "-copy_extensions", "copy",
            "-out", "s.pem", cwd=tmp_path)
    house = House(tmp_path / "demo")
    text = house.conf.read_text()
    house.conf.write_text(text.replace("listen:\n", f"listen:\n  tls: {{cert: {tmp_path}/s.pem, key: {tmp_path}/s.key}}\n"))
    house.upstream(0)
    house.start()
    try:
        request = urllib.request.Request(f"https://localhost:{house.public}/v1/chat/completions",
                                         data=json.dumps(ASK).encode(), headers={"Authorization": f"Bearer {house.key}"})
        trust = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
        with urllib.request.urlopen(request, context=trust, timeout=20) as answer:
            assert answer.status == 200
        with pytest.raises(urllib.error.URLError):  # nobody else's CA
            urllib.request.urlopen(request, timeout=20)
        curl = subprocess.run(["curl", "-sS", "--cacert", str(tmp_path / "ca.pem"), "-H", f"Authorization: Bearer {house.key}",
                               f"https://localhost:{house.public}/v1/models"], capture_output=True, text=True)
        assert curl.returncode == 0 and MODEL in curl.stdout
    finally:
        house.stop()


def test_a_slow_head_is_ended_with_408_and_a_slow_body_too(tmp_path):
    house = House(tmp_path / "demo")
    house.conf.write_text(house.conf.read_text() + "\nlimits: {head_ms: 300, body_ms: 300}\n")
    house.upstream(0)
    house.start()
    try:
        for sent in (b"GET /v1/models HTT", b"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Length: 50\r\n\r\n{"):
            with socket.create_connection(("127.0.0.1", house.public), timeout=10) as line:
                line.sendall(sent)
                assert line.recv(4096).startswith(b"HTTP/1.1 408")
    finally:
        house.stop()


def test_a_full_disk_stops_selling_and_loses_nothing(tmp_path):
    house = House(tmp_path / "demo")
    house.upstream(0)
    size = (house.folder / "var/entrepot.db").stat().st_size
    limit = max(size, 256 * 1024) + 400 * 1024
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    log = house.folder / "server.log"
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
        house.start()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    sold = []
    try:
        for _ in range(3000):
            status, headers, body = house.request("/v1/chat/completions", ASK)
            if status != 200:
                break
            sold.append(headers["x-entrepot-call"])
        assert status == 503, (status, len(sold))
        assert json.loads(body)["error"]["code"] == "not_selling"
        assert len(sold) > 10
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"http://127.0.0.1:{house.operator}/readyz", timeout=5)
        assert refused.value.code == 503
        wait_for(lambda: "store_failed" in log.read_text(), "the log line")
        house.stop_process("server")
        house.start()  # with room again
        for call in (sold[0], sold[-1]):
            assert settled(house, call)["client"]["outcome"] == "complete"
        assert house.request("/v1/chat/completions", ASK)[0] == 200
        assert float(house.credits()["held"]) == 0
        assert house.command("audit").returncode == 0
    finally:
        house.stop()


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """One upstream sells the model that is asked for, so that its misbehaviour is seen."""
    house = House(tmp_path_factory.mktemp("shop") / "demo")
    house.upstream(0)
    house.start()
    yield house
    house.stop()
    assert house.command("audit").returncode == 0


def ask_shop(shop, *flags, **change):
    shop.upstream(0, *flags)
    time.sleep(0.05)
    before = float(shop.credits()["total_usage"])
    status, headers, body = shop.request("/v1/chat/completions", {**ASK, **change})
    wait_for(lambda: float(shop.credits()["held"]) == 0, "the end of the hold")
    charged = float(shop.credits()["total_usage"]) - before
    return status, headers, body, charged


def delivered(body):
    """The text of a stream's deltas."""
    events = [line[6:] for line in body.decode().splitlines() if line.startswith("data: {")]
    deltas = [choice["delta"] for event in events for choice in json.loads(event).get("choices", [])]
    return "".join(delta.get("content") or "" for delta in deltas)


def wait_cool(shop):
    """A route that has failed three times rests for five seconds."""
    shop.upstream(0)
    wait_for(lambda: shop.request("/v1/chat/completions", ASK)[0] == 200, "a healthy route", 15)


@pytest.mark.parametrize("stream", [False, True])
def test_a_swapped_model_is_refused_and_not_paid_for(shop, stream):
    status, _, body, charged = ask_shop(shop, "--declare-model", "cheap-model", stream=stream)
    assert (status, charged) == (502, 0)
    assert json.loads(body)["error"]["code"] == "upstream_model_mismatch"
    shop.command("route", "release", "aurora-large-us", "--by", "the test", "--why", "the next one is honest")
    wait_cool(shop)


def test_an_upstream_error_is_not_paid_for(shop):
    status, headers, body, charged = ask_shop(shop, "--error-rate", "100", "--error-status", "500")
    assert (status, charged) == (502, 0)
    assert "on purpose" not in body.decode(), "an upstream's words are its own"
    assert settled(shop, headers["x-entrepot-call"])["client"]["outcome"] == "failed"
    wait_cool(shop)


def test_a_stream_that_is_cut_is_paid_for_what_came(shop):
    status, headers, body, charged = ask_shop(shop, "--cut-after", "10", stream=True)
    assert status == 200
    assert b'"finish_reason":"error"' in body and b"[DONE]" in body
    receipt = settled(shop, headers["x-entrepot-call"])["client"]
    assert (receipt["outcome"], receipt["billed_by"]) == ("interrupted", "counted")
    text = delivered(body)
    assert len(text.split()) == 9, "nine words came before the cut"
    assert int(receipt["billed"]["in"]) == shop.count(json.dumps(ASK), "--model", "aurora-large", "--chat")["tokens"]
    assert int(receipt["billed"]["out"]) == shop.count(text, "--model", "aurora-large")["tokens"]
    expected = int(receipt["billed"]["in"]) * 2.5e-6 + int(receipt["billed"]["out"]) * 10e-6
    assert charged == pytest.approx(expected, abs=1e-9)
    wait_cool(shop)


@pytest.mark.parametrize("stream", [False, True])
def test_missing_usage_is_billed_by_our_own_count(shop, stream):
    status, headers, body, charged = ask_shop(shop, "--usage", "missing", stream=stream)
    assert status == 200
    receipt = settled(shop, headers["x-entrepot-call"])["client"]
    assert (receipt["billed_by"], receipt["counted_by"]) == ("counted", "exact")
    text = delivered(body) if stream else json.loads(body)["choices"][0]["message"]["content"]
    assert int(receipt["billed"]["in"]) == shop.count(json.dumps(ASK), "--model", "aurora-large", "--chat")["tokens"]
    assert int(receipt["billed"]["out"]) == shop.count(text, "--model", "aurora-large")["tokens"]
    assert charged > 0


def test_usage_above_the_hold_is_never_charged_in_full(shop):
    status, headers, _, charged = ask_shop(shop, "--reasoning", "100000", max_tokens=5)
    assert status == 200
    receipt = settled(shop, headers["x-entrepot-call"])
    assert int(receipt["client"]["amount"]) == int(receipt["operator"]["held"])
    assert int(receipt["operator"]["overrun"]) > 0
    assert charged == pytest.approx(int(receipt["operator"]["held"]) / 1e9, abs=1e-9)


def test_cached_and_reasoning_tokens_have_their_own_prices(shop):
    status, headers, body, charged = ask_shop(shop, "--cached", "4", "--reasoning", "7", max_tokens=40)
    usage = json.loads(body)["usage"]
    billed = settled(shop, headers["x-entrepot-call"])["client"]["billed"]
    assert (int(billed["cached"]), int(billed["reason"])) == (4, 7)
    expected = (usage["prompt_tokens"] - 4) * 2.5 + 4 * 0.25 + usage["completion_tokens"] * 10
    assert charged == pytest.approx(expected * 1e-6, abs=1e-9)
    shop.upstream(0)


def test_another_route_takes_over(shop):
    """aurora-small has a second, dearer route."""
    shop.upstream(0, "--error-rate", "100")
    shop.upstream(1)
    status, headers, _ = shop.request("/v1/chat/completions", {**ASK, "model": "aurora-small"})
    assert status == 200
    receipt = settled(shop, headers["x-entrepot-call"])
    assert (receipt["operator"]["route"], receipt["operator"]["attempts"]) == ("aurora-small-sg", "2")
    wait_cool(shop)


def test_no_upstream_at_all_is_a_502_and_costs_nothing(shop):
    shop.stop_process("upstream0")
    before = shop.credits()["total_usage"]
    status, headers, body = shop.request("/v1/chat/completions", ASK)
    assert status in (502, 503)
    assert headers["x-should-retry"] == "true"
    assert shop.credits()["total_usage"] == before
    wait_cool(shop)


def test_the_figures_add_up(shop):
    for _ in range(3):
        assert shop.request("/v1/chat/completions", ASK)[0] == 200
    with urllib.request.urlopen(f"http://127.0.0.1:{shop.operator}/metrics", timeout=5) as answer:
        text = answer.read().decode()
    figures = dict(re.findall(r"^(entrepot_\w+) (\d+)$", text, re.M))
    ended = sum(int(figures[f"entrepot_calls_{how}_total"]) for how in ("served", "refused", "failed", "interrupted"))
    assert int(figures["entrepot_calls_total"]) == ended + int(figures["entrepot_calls_open"])
    assert int(figures["entrepot_holds_open"]) == 0
    assert int(figures["entrepot_receipts_total"]) == ended


def test_a_revoked_key_and_a_suspended_client_are_let_in_no_more(shop):
    client = shop.json("client", "add", "--name", "Passing", "--party", "first-client")["id"]
    made = shop.json("key", "add", "--client", client, "--product", "world")
    shop.command("credit", "purchase", "--client", client, "--plan", "starter")
    assert shop.request("/v1/chat/completions", ASK, key=made["key"])[0] == 200
    shop.command("client", "suspend", client)
    assert shop.request("/v1/chat/completions", ASK, key=made["key"])[0] == 403
    shop.command("client", "resume", client)
    assert shop.request("/v1/chat/completions", ASK, key=made["key"])[0] == 200
    shop.command("key", "revoke", made["id"])
    assert shop.request("/v1/chat/completions", ASK, key=made["key"])[0] == 401


def test_another_clients_receipt_is_not_shown(shop):
    client = shop.json("client", "add", "--name", "Curious", "--party", "first-client")["id"]
    key = shop.json("key", "add", "--client", client, "--product", "world")["key"]
    call = shop.request("/v1/chat/completions", ASK)[1]["x-entrepot-call"]
    assert shop.request(f"/v1/receipts/{call}")[0] == 200
    assert shop.request(f"/v1/receipts/{call}", key=key)[0] == 404


def test_a_slow_reader_costs_little_memory(shop):
    """Its upstream waits for it."""
    shop.upstream(0, "--words", "200000")
    body = json.dumps({**ASK, "stream": True, "max_tokens": 30000}).encode()
    pid = shop.processes["server"].pid

    def rss():
        return int(open(f"/proc/{pid}/statm").read().split()[1]) * 4

    before = rss()
    with socket.socket() as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        line.connect(("127.0.0.1", shop.public))
        line.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n"
                     % (shop.key.encode(), len(body)) + body)
        time.sleep(1)
        if ENTREPOT.split("/")[-2] not in ("asan", "tsan"):  # those keep what was freed
            assert rss() - before < 2048, "KiB, for five megabytes of answer"
    wait_for(lambda: float(shop.credits()["held"]) == 0, "the end of the hold")
    shop.upstream(0)
