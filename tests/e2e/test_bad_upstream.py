"""Upstreams that do what they must not: whatever one does, the call is served by the next lawful route if nothing of an
answer has left, and else ends with an error that names what it was; nobody pays for what was not delivered; and hold,
connection and memory come back. Each manner of rogue.py has models of its own, so that no case bears on another."""

import concurrent.futures
import json
import os
import re
import subprocess
import threading
import time

import pytest

import rogue
from conftest import BUILD, House, free_port, wait_for
from rogue import Rogue, Shaker
from talker import Talker, events, text_of

CHAT = "/v1/chat/completions"
PRICE_IN, PRICE_OUT = 0.15e-6, 0.60e-6  # USD a token
LIMITS = {"upstream_connect_ms": 5000, "upstream_first_byte_ms": 1500, "upstream_idle_ms": 1500,
          "upstream_answer_ms": 3000, "answer_bytes": 262144, "sse_line_bytes": 16384}

UNREACHABLE, UNTRUSTED, LATE = (502, "upstream_unreachable"), (502, "upstream_untrusted"), (504, "upstream_timeout")
CUT, INVALID, ERROR, LARGE = (502, "upstream_cut"), (502, "upstream_invalid"), (502, "upstream_error"), (502, "upstream_too_large")

# Manner: what the client is told where no other route is left, and what the operator reads (of a stream, if it differs).
CASES = {
    "never": (LATE, "did not answer in time"),
    "drip_head": (LATE, "did not end the head of its answer in time"),
    "drip_body": (LATE, "did not end its answer in time", "sent no event of its stream within limits.upstream_first_byte_ms"),
    "close_at_once": (CUT, "closed without an answer"),
    "close_in_head": (CUT, "closed in the middle of its answer"),
    "reset_at_once": (CUT, "broke off without an answer"),
    "huge_head": (INVALID, "sent a head of more than 65536 bytes or 100 lines"),
    "many_lines": (INVALID, "sent a head of more than 65536 bytes or 100 lines"),
    "interim_flood": (INVALID, "sent interim answers (1xx) without end"),
    "interim_patience": (LATE, "did not end the head of its answer in time"),
    "switches": (INVALID, "wants to speak another protocol (101)"),
    "http2": (INVALID, "answered in another version than HTTP/1.1"),
    "no_http": (INVALID, "sent no head of HTTP/1.1"),
    "both_lengths": (INVALID, "sent no head of HTTP/1.1"),
    "two_lengths": (INVALID, "sent no head of HTTP/1.1"),
    "bad_chunk": (INVALID, "sent a body that is not framed as HTTP"),
    "huge_chunk": (INVALID, "sent a body that is not framed as HTTP"),
    "long_chunk": (INVALID, "sent a body that is not framed as HTTP"),
    "chunk_line": (INVALID, "sent a body that is not framed as HTTP"),
    "trailers": (INVALID, "sent a body that is not framed as HTTP"),
    "endless_chunks": (LARGE, "sent more than limits.answer_bytes (of a chat), limits.data_answer_bytes or limits.sse_line_bytes allow"),
    "endless_comments": (LATE, "did not end its answer in time", "sent no event of its stream within limits.upstream_first_byte_ms"),
    "compressed": (INVALID, "compressed its answer, though identity alone was asked for"),
    "redirects": (ERROR, "answered with a redirect, which is not followed: correct its endpoint"),
    "no_content": (ERROR, "answered with an error status"),
    "long_length": (CUT, "closed in the middle of its answer"),
    "long_length_open": (LATE, "fell silent"),
    "short_length": (INVALID, "sent an answer that is not of its dialect"),
    "html": (INVALID, "sent an answer that is not of its dialect"),
    "nothing": (INVALID, "sent an answer that is not of its dialect", (CUT, "ended its stream before the last event")),
    "error_inside": (ERROR, "reported an error inside its answer"),
    "status_500": (ERROR, "answered with an error status"),
    "status_503": (ERROR, "answered with an error status"),
    "status_429": (ERROR, "answered with an error status"),
    "status_401": (ERROR, "answered with an error status"),
    "endless_error": (ERROR, "answered with an error status"),
    "refused": (UNREACHABLE, "could not connect"),
    "no_name": (UNREACHABLE, 'could not look up "nowhere.invalid"'),
    "tls_other_name": (UNTRUSTED, "could not verify the certificate: IP address mismatch"),
    "tls_unknown": (UNTRUSTED, "could not verify the certificate: self-signed certificate"),
    "tls_alert": (UNTRUSTED, "could not agree on TLS with the peer"),
    "tls_plain": (UNTRUSTED, "could not agree on TLS with the peer"),
    "tls_hang": (UNREACHABLE, "took too long"),
    "tls_close": (UNREACHABLE, "the peer closed while TLS was set up"),
    "tls_no_good_bye": (CUT, "broke off in the middle of its answer"),
}
# Streams that have begun: three words are delivered and paid, and the stream ends with the error.
BEGUN = {
    "begun_cut": (CUT, "closed in the middle of its answer"),
    "begun_reset": (CUT, "broke off in the middle of its answer"),
    "begun_silent": (LATE, "fell silent"),
    "begun_drip": (LATE, "did not end its answer in time"),
    "begun_bad_chunk": (INVALID, "sent a body that is not framed as HTTP"),
    "begun_bad_event": (INVALID, "sent an answer that is not of its dialect"),
    "begun_huge_event": (LARGE, "sent more than limits.answer_bytes (of a chat), limits.data_answer_bytes or limits.sse_line_bytes allow"),
    "begun_error": (ERROR, "reported an error inside its answer"),
    "begun_short_length": (CUT, "ended its stream before the last event"),
    "begun_no_end": (CUT, "ended its stream before the last event"),
    "tls_begun_cut": (CUT, "broke off in the middle of its answer"),
}
# Near misses: served by the first route.
GOOD = ["good", "good_chunked", "good_slow", "tls_good", "local_name"]
KINDS = {"upstream_unreachable": "unreachable", "upstream_untrusted": "untrusted", "upstream_timeout": "late",
         "upstream_cut": "cut", "upstream_invalid": "invalid", "upstream_too_large": "invalid", "upstream_error": "error"}


def manners():
    found = {name: getattr(rogue, name) for name in dir(rogue) if callable(getattr(rogue, name))}
    found.update({f"status_{status}": rogue.failing(b"%d No" % status) for status in (401, 429, 500, 503)})
    found.update(tls_no_good_bye=rogue.close_in_head, tls_begun_cut=rogue.begun_cut, tls_good=rogue.good, local_name=rogue.good,
                 tls_other_name=rogue.good, tls_unknown=rogue.good, quick=rogue.good)
    return found


def certificate(folder, name, names):
    """Signed by itself: its own authority."""
    made = folder / f"{name}.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-subj", "/CN=x", "-addext", f"subjectAltName={names}", "-keyout", made, "-out", folder / f"{name}.crt"],
                   check=True, capture_output=True)
    made.write_text(made.read_text() + (folder / f"{name}.crt").read_text())
    return made


class Zoo(House):
    """A house with two models for each manner and for each way to answer, one with a second route and one without."""

    def __init__(self, folder):
        super().__init__(folder)
        folder.mkdir(exist_ok=True)
        ours, other, unknown = (certificate(folder, name, names) for name, names in (
            ("ours", "IP:127.0.0.1"), ("other", "DNS:other.test"), ("unknown", "IP:127.0.0.1")))
        trusted = folder / "trusted.pem"
        trusted.write_text((folder / "ours.crt").read_text() + (folder / "other.crt").read_text())
        self.talker = Talker(self.upstreams[1])
        self.talker.words = rogue.WORDS
        self.servers = {
            "plain": Rogue(manners()), "tls": Rogue(manners(), ours), "other": Rogue(manners(), other),
            "unknown": Rogue(manners(), unknown), "alert": Shaker(b"\x15\x03\x03\x00\x02\x02\x28", True),
            "words": Shaker(b"HTTP/1.1 400 Bad Request\r\n\r\n", True), "hang": Shaker(b"", True), "close": Shaker(b"", False)}
        self.runs = [(name, stream) for name in CASES for stream in (False, True)] + [(name, True) for name in BEGUN] + \
                    [(name, stream) for name in GOOD for stream in (False, True)] + [("quick", False), ("begun_endless", True), ("drip_error", False)]
        self.limit({**LIMITS, "connections": 2000}, trusted)
        self.register()
        self.resign_grants()
        self.apply()

    def limit(self, limits, trusted):
        text = re.sub(r"(?m)^threads:.*\n?", "", self.conf.read_text())
        lines = "".join(f"  {name}: {value}\n" for name, value in limits.items())
        text = re.sub(r"(?m)^limits:\n(  .*\n)*", "", text)
        self.conf.write_text(f"{text.rstrip()}\nthreads: 1\nupstream: {{ca: {trusted}}}\nlimits:\n{lines}")

    def endpoint(self, name):
        """(credential, URL) of the route that misbehaves."""
        port = {key: server.port for key, server in self.servers.items()}
        special = {"refused": ("here", f"http://127.0.0.1:{free_port()}"), "no_name": ("nowhere", "https://nowhere.invalid"),
                   "local_name": ("local", f"http://localhost:{port['plain']}"),
                   "tls_other_name": ("here", f"https://127.0.0.1:{port['other']}"),
                   "tls_unknown": ("here", f"https://127.0.0.1:{port['unknown']}"),
                   "tls_alert": ("here", f"https://127.0.0.1:{port['alert']}"),
                   "tls_plain": ("here", f"https://127.0.0.1:{port['words']}"),
                   "tls_hang": ("here", f"https://127.0.0.1:{port['hang']}"),
                   "tls_close": ("here", f"https://127.0.0.1:{port['close']}")}
        if name in special:
            return special[name]
        return "here", (f"https://127.0.0.1:{port['tls']}" if name.startswith("tls_") else f"http://127.0.0.1:{port['plain']}")

    @staticmethod
    def names(name, stream):
        way = "s" if stream else "w"
        return f"m.{name}.{way}.two", f"m.{name}.{way}.one"

    def change(self, file, change):
        path = self.folder / "registry" / file
        path.write_text(change(path.read_text()))

    def register(self):
        models = [model for name, stream in self.runs for model in self.names(name, stream)]
        listed = ", ".join(models)
        self.change("grants.yaml", lambda text: text.replace("[aurora-small]", f"[aurora-small, {listed}]")
                    .replace("[aurora-large, ", f"[aurora-large, {listed}, "))
        self.change("products.yaml", lambda text: text.replace("borealis-chat]", f"borealis-chat, {listed}]"))
        model = re.search(r"(?ms)^  - id: aurora-small\n.*?(?=^  - )", (self.folder / "registry/models.yaml").read_text())[0]
        self.change("models.yaml", lambda text: text + "".join(model.replace("aurora-small", name) for name in models))
        self.change("price_books.yaml", lambda text: re.sub(
            r"(?m)^      aurora-small: (.*)\n", lambda row: row[0] + "".join(f"      {name}: {row[1]}\n" for name in models), text))
        self.change("parties.yaml", lambda text: re.sub(r"official_hosts: \[(.*)\]", r"official_hosts: [\1, localhost, nowhere.invalid]", text))
        self.change("procurements.yaml", lambda text: text.replace("keys_max: 1", "keys_max: 4"))
        credential = re.search(r"(?ms)^  - id: aurora-contract\n.*?(?=^  - )", (self.folder / "registry/credentials.yaml").read_text())[0]
        self.change("credentials.yaml", lambda text: text + "".join(
            credential.replace("id: aurora-contract", f"id: {name}").replace("endpoint_host: 127.0.0.1", f"endpoint_host: {host}")
            for name, host in (("nowhere", "nowhere.invalid"), ("local", "localhost"))))
        routes = (self.folder / "registry/routes.yaml").read_text()
        bad, fine = (re.search(rf"(?ms)^  - id: aurora-small-{place}\n.*?(?=^  - )", routes)[0] for place in ("us", "sg"))
        more = ""
        for name, stream in self.runs:
            credential, url = self.endpoint(name)
            two, one = self.names(name, stream)
            row = re.sub(r"endpoint: .*", f"endpoint: {url}/v1", bad.replace("credential: aurora-contract",
                         f"credential: {'aurora-contract' if credential == 'here' else credential}"))
            more += row.replace("aurora-small", two) + fine.replace("aurora-small", two) + row.replace("aurora-small", one)
        self.change("routes.yaml", lambda text: text.rstrip("\n") + "\n" + more)

    def resign_grants(self):
        for grant, key in (("g.aurora-operator", "k.aurora.2026"), ("g.aurora-borealis-cloud", "k.aurora.2026"),
                           ("g.borealis-cloud-operator", "k.borealis-cloud.2026")):
            self.command("registry", "sign-grant", str(self.folder / "registry"), "--grant", grant, "--key-id", key,
                         "--key", str(self.folder / "keys" / f"{key}.key"))

    def ask(self, model, stream):
        return self.request(CHAT, {"model": model, "stream": stream, "max_tokens": 50,
                                   "messages": [{"role": "user", "content": "Tell me about rivers."}]})

    def metric(self, name):
        text = self.request("/metrics", port=self.operator)[2].decode()
        return int(re.search(rf"(?m)^{name} (\d+)$", text)[1])

    def log(self, event):
        lines = [json.loads(line) for line in (self.folder / "server.log").read_text().splitlines() if line.startswith("{")]
        return [line for line in lines if line["event"] == event]

    def peak_kib(self):
        status = open(f"/proc/{self.processes['server'].pid}/status").read()
        return int(re.search(r"VmHWM:\s+(\d+)", status)[1])

    def files(self):
        return os.listdir(f"/proc/{self.processes['server'].pid}/fd")

    def upstream_sides(self):
        """Connections that the upstreams see open."""
        return sum(server.open for server in self.servers.values())

    def end(self):
        self.stop()
        self.talker.stop()
        for server in self.servers.values():
            server.stop()


@pytest.fixture(scope="module")
def zoo(tmp_path_factory):
    made = Zoo(tmp_path_factory.mktemp("zoo") / "demo")
    made.start()
    yield made
    made.end()
    audit = made.command("audit", check=False)
    assert audit.returncode == 0, audit.stdout + audit.stderr


@pytest.fixture(scope="module")
def told(zoo):
    """Every case at once, a model each: {(manner, streams, alone): (status, headers, body)}."""
    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        asked = {(name, stream, alone): pool.submit(zoo.ask, zoo.names(name, stream)[alone], stream)
                 for name, stream in zoo.runs for alone in (0, 1) if name not in ("quick", "begun_endless")}
        answers = {key: future.result() for key, future in asked.items()}
    return answers


def receipt_of(zoo, headers):
    status, _, body = zoo.request(f"/v1/receipts/{headers['x-entrepot-call']}")
    assert status == 200
    return json.loads(body)["client"]


def tries_of(zoo, headers):
    return zoo.json("receipt", "show", headers["x-entrepot-call"])["operator"]["tries"]


def event_of(zoo, headers):
    """What the operator reads of the attempt that failed."""
    found = [line for line in zoo.log("upstream") if line["call"] == headers["x-entrepot-call"]]
    assert len(found) == 1, "one line each attempt that failed"
    return found[0]


def expected(name, stream):
    (status, code), text, *other = {**CASES, **BEGUN}[name]
    if stream and other:
        return (*other[0][0], other[0][1]) if isinstance(other[0], tuple) else (status, code, other[0])
    return status, code, text


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("name", CASES)
def test_the_next_route_serves_what_the_first_did_not(zoo, told, name, stream):
    status, headers, body = told[name, stream, 0]
    assert status == 200, body
    if stream:
        parsed, done = events(body)
        assert done and text_of(parsed) == " word" * rogue.WORDS
    else:
        assert json.loads(body)["choices"][0]["message"]["content"] == " word" * rogue.WORDS
    client = receipt_of(zoo, headers)
    assert client["outcome"] == "complete" and client["billed"]["out"] == str(rogue.WORDS), "once, for what was delivered"
    event = event_of(zoo, headers)
    assert event["route"] == f"{zoo.names(name, stream)[0]}-us" and event["attempt"] == 1
    assert expected(name, stream)[2] in event["text"]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("name", CASES)
def test_without_another_route_the_client_is_told_what_it_was(zoo, told, name, stream):
    status, headers, body = told[name, stream, 1]
    error = json.loads(body)["error"]
    wanted = expected(name, stream)
    assert (status, error["code"]) == wanted[:2]
    assert error["type"] == "upstream_error" and "The model provider" in error["message"]
    assert error["entrepot"] == {"call": headers["x-entrepot-call"], "retry": "after"}
    if error["code"] == "upstream_model_mismatch":
        assert headers["x-should-retry"] == "false"
    else:
        assert headers["x-should-retry"] == "true" and int(headers["retry-after"]) >= 1
    client = receipt_of(zoo, headers)
    assert client["outcome"] == "failed" and client["amount"] == "0"
    event = event_of(zoo, headers)
    assert event["route"] == f"{zoo.names(name, stream)[1]}-us" and wanted[2] in event["text"]
    assert re.search(r'"[\w.-]+"', event["text"]), "the text says whose doing it was"


def test_an_error_of_the_clients_doing_that_drips_is_not_waited_for(zoo, told):
    """Nor tried elsewhere: the same request fails everywhere."""
    for alone in (0, 1):
        status, headers, body = told["drip_error", False, alone]
        assert (status, json.loads(body)["error"]["code"]) == ERROR
        assert len(tries_of(zoo, headers)) == 1 and receipt_of(zoo, headers)["amount"] == "0"


@pytest.mark.parametrize("name", BEGUN)
def test_a_stream_that_has_begun_is_paid_as_far_as_it_got(zoo, told, name):
    for alone in (0, 1):
        status, headers, body = told[name, True, alone]
        parsed, done = events(body)
        wanted = expected(name, True)
        assert status == 200 and done and text_of(parsed) == " word" * 3
        assert parsed[-1]["error"]["code"] == wanted[1]
        client = receipt_of(zoo, headers)
        assert client["outcome"] == "interrupted" and client["billed"]["out"] == "3" and client["billed_by"] == "counted"
        assert int(client["amount"]) == int((3 * PRICE_OUT + int(client["billed"]["in"]) * PRICE_IN) * 1e9 + 1e-6)
        assert wanted[2] in event_of(zoo, headers)["text"]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("name", GOOD)
def test_what_is_unusual_and_allowed_is_served(zoo, told, name, stream):
    for alone in (0, 1):
        status, headers, body = told[name, stream, alone]
        assert status == 200, body
        said = text_of(events(body)[0]) if stream else json.loads(body)["choices"][0]["message"]["content"]
        assert said == " word" * rogue.WORDS
        assert receipt_of(zoo, headers)["billed"]["out"] == str(rogue.WORDS)


def test_the_attempts_are_in_the_receipts(zoo, told):
    """Of one case of each kind: the command line is slower than all the calls."""
    for name in ("never", "close_in_head", "bad_chunk", "redirects", "endless_chunks", "refused", "tls_other_name"):
        tries = tries_of(zoo, told[name, True, 0][1])
        assert [(one["outcome"], one["billable"]) for one in tries] == [(expected(name, True)[1], "no"), ("complete", "yes")]
        assert tries[0]["sent"] == ("no" if name in ("refused", "tls_other_name") else "yes")


def test_each_failure_is_counted_by_its_kind(zoo, told):
    wanted = dict.fromkeys(KINDS.values(), 0)
    for name, stream in zoo.runs:
        if name in CASES or name in BEGUN:
            wanted[KINDS[expected(name, stream)[1]]] += 2
    assert zoo.metric("entrepot_attempts_failed_total") == sum(wanted.values())
    assert {kind: zoo.metric(f"entrepot_attempts_{kind}_total") for kind in wanted} == wanted


def test_nothing_is_left_over(zoo, told):
    wait_for(lambda: zoo.metric("entrepot_calls_open") == 0, "the end of all calls")
    assert float(zoo.credits()["held"]) == 0 and zoo.metric("entrepot_holds_open") == 0
    kept = zoo.metric("entrepot_upstream_connections_open")
    wait_for(lambda: zoo.upstream_sides() <= kept, "the end of all connections to upstreams")
    assert kept < 40, "those that may be kept, and no other"


def test_a_stream_that_never_ends_is_ended_and_costs_no_more_than_was_held(zoo, told):
    status, headers, body = zoo.ask(zoo.names("begun_endless", True)[1], True)
    parsed, done = events(body)
    assert status == 200 and done and parsed[-1]["error"]["code"] == "upstream_too_large"
    assert 16 * 50 + 4096 < text_of(parsed).count(" word") < 3 * (16 * 50 + 4096), "far beyond the cap of 50, and no further"
    assert "goes on writing far beyond what was asked for" in event_of(zoo, headers)["text"]
    operator = zoo.json("receipt", "show", headers["x-entrepot-call"])["operator"]
    assert int(receipt_of(zoo, headers)["amount"]) == int(operator["held"]) and int(operator["overrun"]) > 0
    assert float(zoo.credits()["held"]) == 0


def test_floods_delay_no_other_call_and_take_no_memory(zoo, told):
    """Hundreds of megabytes come in on the one thread that also serves the others."""
    quick = zoo.names("quick", False)[1]
    floods = ["huge_head", "many_lines", "interim_flood", "chunk_line", "trailers", "endless_chunks", "begun_huge_event"]
    for _ in range(5):
        assert zoo.ask(quick, False)[0] == 200
    before, over = zoo.peak_kib(), threading.Event()
    files = len(zoo.files())

    def flood(name):
        while not over.is_set():
            zoo.ask(zoo.names(name, True)[0], True)

    with concurrent.futures.ThreadPoolExecutor(len(floods)) as pool:
        running = [pool.submit(flood, name) for name in floods]
        times = []
        try:
            for _ in range(60):
                began = time.monotonic()
                assert zoo.ask(quick, False)[0] == 200
                times.append(time.monotonic() - began)
        finally:
            over.set()
        for one in running:
            one.result()
    times.sort()
    if BUILD.name not in ("asan", "tsan"):  # they are slow, and keep what was freed
        assert times[len(times) // 2] < 0.1 and times[-1] < 1, times[-5:]
        assert zoo.peak_kib() - before < 24 * 1024, "a read's worth for each, and what a caller is given"
    wait_for(lambda: len(zoo.files()) <= files + 8, "the end of the floods' connections")
