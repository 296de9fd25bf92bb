"""Realtime sessions through the server to an upstream's: each response is a call, with its hold, settlement and receipt."""

import hashlib
import json
import os
import pathlib
import re
import shutil
import signal
import ssl
import subprocess

import pytest

websockets = pytest.importorskip("websockets")
from websockets.exceptions import ConnectionClosed, InvalidStatus  # noqa: E402
from websockets.sync.client import connect  # noqa: E402

from conftest import House, free_port, wait_for  # noqa: E402
from realtime_source import SECOND, Source  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODULES = ROOT / "build" / "node" / "node_modules"
# USD a million tokens: 40 text and 40 sounds in, 20 cached, 10 text and 40 sounds out.
WHOLE = (40 * 4 + 20 * 0.4 + 40 * 32 + 10 * 16 + 40 * 64) / 1e6
CANCELLED = (100 * 4 + 10 * 16) / 1e6
HEARD = (14 * 32 + 8 * 16) / 1e6


class Studio(House):
    def __init__(self, folder, abort="stops", scheme="http"):
        self.voice, self.abort, self.scheme = free_port(), abort, scheme
        super().__init__(folder)

    def apply(self):
        """The example's voice, at a source, with lengths of the test's own."""
        self.change("routes", r"(id: aurora-voice-us\n(?:    .*\n)*?    endpoint: )\S+", rf"\g<1>{self.scheme}://127.0.0.1:{self.voice}/v1")
        self.change("routes", r"(id: aurora-voice-us\n(?:    .*\n)*?    abort_billing: )\S+", rf"\g<1>{self.abort}")
        self.change("models", r"context_tokens: 32000\n    output_tokens_max: 4096", "context_tokens: 200000\n    output_tokens_max: 32768")
        return super().apply()

    def change(self, name, old, new):
        file = self.folder / "registry" / f"{name}.yaml"
        file.write_text(re.sub(old, new, file.read_text()))

    def session(self, query="?model=aurora-voice", key=None, **more):
        headers = {"Authorization": f"Bearer {key or self.key}"} if key != "" else {}
        return connect(f"ws://127.0.0.1:{self.public}/v1/realtime{query}", additional_headers=headers, compression=None,
                       max_size=None, **more)

    def receipts(self):
        """Of realtime, the newest first: what a client's receipts say."""
        log = (self.folder / "server.log").read_text().splitlines()
        lines = [json.loads(line) for line in log if '"event":"call"' in line and '"service":"realtime"' in line]
        return list(reversed(lines))

    def sold(self):
        """Calls of realtime that cost something, in their order: (outcome, nano)."""
        return [(line["outcome"], line["charged_nano"]) for line in reversed(self.receipts()) if line.get("charged_nano")]


def start(folder, **options):
    made = Studio(folder / "demo", **options)
    made.source = Source(made.voice)
    made.upstream(0)
    made.start()
    return made


def finish(made):
    made.stop()
    made.source.close()
    audit = made.command("audit", check=False)
    assert audit.returncode == 0, audit.stdout + audit.stderr


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    made = start(tmp_path_factory.mktemp("studio"))
    yield made
    finish(made)


def receive(socket, seconds=10):
    return json.loads(socket.recv(timeout=seconds))


def until(socket, type, seconds=10):
    events = [receive(socket, seconds)]
    while events[-1]["type"] != type:
        events.append(receive(socket, seconds))
    return events


def send(socket, type, **fields):
    socket.send(json.dumps({"type": type, **fields}))


def settled(made, count):
    wait_for(lambda: len(made.sold()) >= count, f"{count} settled calls")
    return made.sold()


def test_a_response_is_a_call_with_a_receipt(studio):
    before = len(studio.sold())
    spent = studio.credits()["total_usage"]
    with studio.session(subprotocols=["realtime"]) as socket:
        assert socket.subprotocol == "realtime"
        assert socket.response.headers["x-entrepot-call"].startswith("call_")
        assert receive(socket)["type"] == "session.created"
        send(socket, "session.update", session={"type": "realtime", "model": "aurora-voice", "instructions": "be brief"})
        assert until(socket, "session.updated")[-1]["session"]["instructions"] == "be brief"
        send(socket, "conversation.item.create", item={"type": "message", "role": "user", "content": []})
        until(socket, "conversation.item.done")
        for n in range(2):
            send(socket, "response.create")
            events = until(socket, "response.done")
            assert events[0]["type"] == "response.created"
            assert [e["delta"] for e in events if e["type"] == "response.output_text.delta"] == [f"word{i} " for i in range(5)]
            assert events[-1]["response"]["usage"]["total_tokens"] == 150
            # It left when it was durable: the books have it already.
            assert round(studio.credits()["total_usage"] - spent, 9) == round(WHOLE * (n + 1), 9)
            last = events[-1]
        send(socket, "session.update", session={"type": "realtime"})
        told = until(socket, "session.updated")
        assert [event["type"] for event in told] == ["session.updated"]  # the source's own limits are nobody's business
    assert settled(studio, before + 2)[before:] == [("complete", round(WHOLE * 1e9))] * 2
    newest = studio.receipts()[0]
    assert last["entrepot"]["call"] == newest["call"]
    told = studio.json("receipt", "show", newest["call"])["operator"]["usage_sha256"]
    assert told == hashlib.sha256(json.dumps(last["response"]["usage"]).encode()).hexdigest()
    status, _, body = studio.request(f"/v1/receipts/{newest['call']}")
    client = json.loads(body)
    assert status == 200 and '"realtime"' in json.dumps(client)


def test_the_source_gets_its_own_key_and_name_and_never_the_clients(studio):
    with studio.session() as socket:
        receive(socket)
    assert studio.source.paths[-1] == "/v1/realtime?model=aurora-voice"
    assert studio.key not in str(studio.source.keys) and studio.source.keys[-1].startswith("Bearer ")
    assert studio.key not in (studio.folder / "server.log").read_text()


def test_a_browser_sends_its_key_as_a_subprotocol(studio):
    offered = ["realtime", f"openai-insecure-api-key.{studio.key}", "openai-beta.realtime-v1"]
    with studio.session(key="", subprotocols=offered, origin="https://example.com") as socket:
        assert socket.subprotocol == "realtime"
        assert receive(socket)["type"] == "session.created"
    with pytest.raises(InvalidStatus) as refused:
        studio.session(key="", subprotocols=["realtime", "openai-insecure-api-key.sk-ep-wrong"])
    assert refused.value.response.status_code == 401


def test_voice_detection_begins_a_call_and_a_transcript_is_another(studio):
    before = len(studio.sold())
    with studio.session() as socket:
        receive(socket)
        send(socket, "input_audio_buffer.append", audio=SECOND)
        send(socket, "input_audio_buffer.commit")
        events = until(socket, "response.done")
        kinds = {e["type"] for e in events}
        assert "conversation.item.input_audio_transcription.completed" in kinds or until(
            socket, "conversation.item.input_audio_transcription.completed")
    sold = settled(studio, before + 2)[before:]
    assert sorted(sold) == sorted([("complete", round(WHOLE * 1e9)), ("complete", round(HEARD * 1e9))])


def test_a_transcript_by_duration_is_billed_by_the_second(studio):
    before = len(studio.sold())
    with studio.session() as socket:
        receive(socket)
        send(socket, "session.update", session={"by_seconds": True})
        until(socket, "session.updated")
        send(socket, "input_audio_buffer.commit")
        until(socket, "response.done")
    sold = settled(studio, before + 2)[before:]
    assert ("complete", 3 * 100000) in sold


def test_a_cancelled_response_is_billed_as_reported(studio):
    before = len(studio.sold())
    with studio.session() as socket:
        receive(socket)
        send(socket, "response.create", response={"instructions": "long"})
        until(socket, "response.output_text.delta")
        send(socket, "response.create", event_id="mine")
        error = until(socket, "error")[-1]["error"]
        assert error["event_id"] == "mine" and error["code"]
        send(socket, "response.cancel")
        assert until(socket, "response.done")[-1]["response"]["status"] == "cancelled"
    assert settled(studio, before + 1)[before:] == [("complete", round(CANCELLED * 1e9))]


def test_a_source_that_dies_is_billed_by_what_was_delivered(studio):
    before = len(studio.sold())
    with studio.session() as socket:
        receive(socket)
        send(socket, "response.create", response={"instructions": "die"})
        events = until(socket, "error")
        words = sum(e["type"] == "response.output_text.delta" for e in events)
        sounds = sum(e["type"] == "response.output_audio.delta" for e in events)
        assert words >= 3 and events[-1]["error"]["code"] == "upstream_cut"
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(timeout=10)
        assert closed.value.rcvd.code == 1001
    outcome, nano = settled(studio, before + 1)[-1]
    assert outcome == "interrupted" and nano == words * 16000 + sounds * 4800 // 2400 * 64000


def test_a_client_that_leaves_has_its_response_cancelled_and_settled(studio):
    before = len(studio.receipts())
    studio.source.heard.clear()
    with studio.session() as socket:
        receive(socket)
        send(socket, "response.create", response={"instructions": "long"})
        until(socket, "response.output_audio.delta")
    wait_for(lambda: len(studio.receipts()) == before + 2, "the response's end")
    wait_for(lambda: "response.cancel" in studio.source.types(), "the cancellation")
    assert studio.receipts()[0]["outcome"] == "interrupted" and studio.receipts()[0]["charged_nano"] > 0


def test_a_source_that_bills_on_is_read_to_its_end_and_the_client_pays_for_what_it_got(tmp_path):
    made = start(tmp_path, abort="continues")
    with made.session() as socket:
        receive(socket)
        send(socket, "response.create", response={"instructions": "slow"})
        until(socket, "response.output_audio.delta")
    wait_for(lambda: len(made.receipts()) == 2, "the response's end")
    line = made.receipts()[0]
    assert line["outcome"] == "interrupted" and 0 < line["charged_nano"] < 5 * 144000
    assert "response.cancel" not in made.source.types()
    shown = json.loads(made.request(f"/v1/receipts/{line['call']}")[2])
    assert '"upstream_final"' in json.dumps(shown)
    finish(made)


def test_a_response_that_the_source_refuses_costs_nothing_and_the_session_goes_on(studio):
    before = len(studio.sold())
    with studio.session() as socket:
        receive(socket)
        send(socket, "response.create", event_id="e1", response={"instructions": "refuse"})
        error = until(socket, "error")[-1]["error"]
        assert error["message"] == "No such voice." and error["event_id"] == "e1"
        send(socket, "response.create")
        until(socket, "response.done")
    assert settled(studio, before + 1)[before:] == [("complete", round(WHOLE * 1e9))]


def test_a_report_that_is_missing_is_the_lower_bound(studio):
    before = len(studio.sold())
    with studio.session() as socket:
        receive(socket)
        send(socket, "response.create", response={"instructions": "mute"})
        until(socket, "response.done")
    assert settled(studio, before + 1)[before:] == [("complete", 5 * 16000 + 10 * 64000)]


@pytest.mark.parametrize("text, code, param", [
    ("{", "invalid_json", None),
    ("[]", "missing_required_parameter", "type"),
    ('{"type":"response.erase","event_id":"x"}', "invalid_value", "type"),
    ('{"type":"response.create","response":{"max_output_tokens":-1}}', "invalid_value", "max_output_tokens"),
    ('{"type":"session.update","session":{"type":"transcription"}}', "invalid_value", "session.type"),
    ('{"type":"session.update","session":{"model":"aurora-small"}}', "invalid_value", "session.model"),
    (b"\x00\x01", "invalid_value", None),
])
def test_events_that_are_none_are_told_and_the_session_goes_on(studio, text, code, param):
    with studio.session() as socket:
        receive(socket)
        socket.send(text)
        error = until(socket, "error")[-1]["error"]
        assert (error["code"], error["param"]) == (code, param)
        send(socket, "input_audio_buffer.clear")
        send(socket, "response.create")
        until(socket, "response.done")


def test_an_unmasked_frame_is_closed_with_1002(studio):
    with studio.session() as socket:
        receive(socket)
        socket.socket.sendall(b"\x81\x02{}")
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(timeout=10)
        assert closed.value.rcvd.code == 1002


def refusal(studio, *words, **more):
    with pytest.raises(InvalidStatus) as refused:
        studio.session(*words, **more)
    answer = refused.value.response
    return answer.status_code, json.loads(answer.body)["error"]


def test_what_cannot_be_opened_is_an_http_error(studio):
    assert refusal(studio, "?model=nothing")[1]["code"] == "model_not_found"
    assert refusal(studio, "?model=borealis-chat")[1]["code"] == "model_not_supported"
    assert refusal(studio, "")[1]["param"] == "model"
    assert refusal(studio, "?intent=transcription")[0] == 400
    assert refusal(studio, key="sk-ep-nobody")[0] == 401
    status, headers, body = studio.request("/v1/realtime?model=aurora-voice")
    assert status == 426 and headers["sec-websocket-version"] == "13" and json.loads(body)["error"]["code"] == "upgrade_required"
    for path in ("client_secrets", "calls"):
        status, _, body = studio.request(f"/v1/realtime/{path}", {})
        assert status == 404 and "WebSocket" in json.loads(body)["error"]["message"]
    assert studio.request("/v1/realtime", {})[0] == 405


def test_a_source_that_refuses_or_is_another_model_opens_nothing(studio):
    studio.source.status = 503
    status, error = refusal(studio)
    assert status in (502, 503) and error["code"]
    studio.source.status = None


def test_another_model_opens_nothing_and_closes_what_is_open(tmp_path):
    made = start(tmp_path)
    with made.session() as socket:
        receive(socket)
        send(socket, "session.update", session={"voice": "x"})
        until(socket, "session.updated")
    made.source.model = "cheaper-model"
    status, error = refusal(made)
    assert status in (502, 503)
    wait_for(lambda: [line["outcome"] for line in made.receipts()[:1]] == ["failed"], "the opening's receipt")
    assert not made.receipts()[0].get("charged_nano")
    assert refusal(made)[0] == 503  # the route is out, for everybody
    finish(made)


def test_sessions_of_a_key_are_bounded_and_end_with_their_route(tmp_path):
    made = Studio(tmp_path / "demo")
    made.source = Source(made.voice)
    made.conf.write_text(made.conf.read_text() + "\nlimits: {realtime_sessions_per_key: 1, realtime_idle_ms: 1500}\n")
    made.start()
    with made.session() as socket:
        receive(socket)
        status, error = refusal(made)
        assert status == 429 and "sessions" in error["message"]
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(timeout=20)
        assert closed.value.rcvd.code == 1008 and "nothing was said" in closed.value.rcvd.reason
    a_route_that_is_closed_ends_the_sessions_at_it(made)
    finish(made)


def when_there_is_a_place(made):
    found = []

    def tried():
        try:
            found.append(made.session())
        except InvalidStatus:
            return False
        return True
    wait_for(tried, "a free place")
    return found[0]


def a_route_that_is_closed_ends_the_sessions_at_it(made):
    with when_there_is_a_place(made) as socket:
        receive(socket)
        send(socket, "response.create")
        until(socket, "response.done")
        routes = made.folder / "registry" / "routes.yaml"
        routes.write_text(routes.read_text().replace("  - id: aurora-voice-us\n", "  - id: aurora-voice-us\n    state: suspended\n"))
        made.apply()
        with pytest.raises(ConnectionClosed) as closed:
            until(socket, "never")
        assert closed.value.rcvd.code == 1008 and "source" in closed.value.rcvd.reason
    wait_for(lambda: refusal(made)[0] == 503, "the refusal")


def test_each_response_asks_for_the_key_and_the_law_again(studio):
    client = studio.json("client", "list")[0]["id"]
    made = studio.json("key", "add", "--client", client, "--product", "world")
    with studio.session(key=made["key"]) as socket:
        receive(socket)
        send(socket, "response.create")
        until(socket, "response.done")
        heard = len(studio.source.heard)
        studio.command("key", "revoke", made["id"])
        send(socket, "response.create", event_id="late")
        assert until(socket, "error")[-1]["error"]["code"] == "invalid_api_key"
        with pytest.raises(ConnectionClosed) as closed:
            send(socket, "input_audio_buffer.clear")
            until(socket, "never")
        assert closed.value.rcvd.code == 1008
    assert not {"response.create", "input_audio_buffer.clear"} & set(studio.source.types()[heard:])


def test_what_a_source_begins_and_nobody_can_buy_is_taken_back(studio):
    client = studio.json("client", "list")[0]["id"]
    made = studio.json("key", "add", "--client", client, "--product", "world", "--budget-total", "1")
    with studio.session(key=made["key"]) as socket:
        receive(socket)
        heard = len(studio.source.heard)
        send(socket, "response.create", event_id="dear")
        error = until(socket, "error")[-1]["error"]
        assert error["event_id"] == "dear" and error["entrepot"]["left"] == "1"
        assert "response.create" not in studio.source.types()[heard:]
        send(socket, "input_audio_buffer.commit")
        events = until(socket, "error")
        assert not [e for e in events if e["type"].startswith("response.")]
        wait_for(lambda: "response.cancel" in studio.source.types()[heard:], "the cancellation")
        send(socket, "session.update", session={"max_output_tokens": 100})
        until(socket, "session.updated")
        send(socket, "response.create")
        until(socket, "response.done")


def dollar(made):
    """A key that has one: a response without a cap, or with 25,000 tokens of sound in, may cost more."""
    client = made.json("client", "list")[0]["id"]
    return made.json("key", "add", "--client", client, "--product", "world", "--budget-total", "1")["key"]


def is_dear(socket, **response):
    send(socket, "response.create", event_id="dear", response=response)
    error = until(socket, "error")[-1]["error"]
    assert error["event_id"] == "dear" and error["code"] == "budget_total", error


def test_a_cap_that_the_source_may_not_have_taken_lowers_no_hold(studio):
    with studio.session(key=dollar(studio)) as socket:
        receive(socket)
        is_dear(socket)
        for session in ({"max_output_tokens": 1, "voice": "nobody"}, {"max_output_tokens": 1, "model": "aurora-small"}):
            send(socket, "session.update", session=session)
            until(socket, "error")
            is_dear(socket)
        send(socket, "session.update", session={"max_output_tokens": 100})
        until(socket, "session.updated")
        send(socket, "response.create")
        until(socket, "response.done")


def test_all_that_a_response_may_read_is_held_for(studio):
    cap = {"max_output_tokens": 100}
    with studio.session(key=dollar(studio)) as socket:
        receive(socket)
        is_dear(socket, instructions="x" * 50_000, **cap)
        item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "y" * 16_000}]}
        send(socket, "conversation.item.create", item=item)
        until(socket, "conversation.item.done")
        # Beside the conversation: its total says nothing of how long that is.
        send(socket, "response.create", response={**cap, "conversation": "none", "input": []})
        until(socket, "response.done")
        send(socket, "conversation.item.create", item=item)
        until(socket, "conversation.item.done")
        is_dear(socket, **cap)


def test_no_credit_is_refused_before_the_session(studio):
    poor = studio.json("client", "add", "--name", "Penniless", "--party", "first-client")["id"]
    key = studio.json("key", "add", "--client", poor, "--product", "world")["key"]
    status, error = refusal(studio, key=key)
    assert (status, error["code"]) == (429, "insufficient_quota")


def test_the_server_goes_away_with_1001_after_the_response(tmp_path):
    made = start(tmp_path)
    with made.session() as socket:
        receive(socket)
        send(socket, "response.create")
        until(socket, "response.created")
        made.send(signal.SIGTERM)
        until(socket, "response.done")
        with pytest.raises(ConnectionClosed) as closed:
            until(socket, "never")
        assert closed.value.rcvd.code == 1001
    finish(made)


def test_a_server_that_cannot_wait_settles_what_was_given_on(tmp_path):
    made = Studio(tmp_path / "demo")
    made.source = Source(made.voice)
    made.conf.write_text(made.conf.read_text() + "\nlimits: {drain_ms: 300}\n")
    made.start()
    with made.session() as socket:
        receive(socket)
        send(socket, "response.create", response={"instructions": "long"})
        until(socket, "response.output_audio.delta")
        assert made.stop_process("server") == 0  # long before the response would end
        with pytest.raises(ConnectionClosed):
            until(socket, "response.done")
    assert made.sold()[-1][0] == "interrupted"
    finish(made)


def test_a_killed_server_has_its_books_in_order(tmp_path):
    made = start(tmp_path)
    with made.session() as socket:
        receive(socket)
        send(socket, "response.create")
        until(socket, "response.done")
        send(socket, "response.create", response={"instructions": "long"})
        for _ in range(40):
            until(socket, "response.output_audio.delta")
        made.stop_process("server", signal.SIGKILL)
    made.start()
    # What a mark said was delivered, by the lower bound: pairs of a word and a tenth of a second of sound, and perhaps a word.
    cut = round((made.credits()["total_usage"] - WHOLE) * 1e9)
    pairs, word = divmod(cut, 16000 + 2 * 64000)
    assert 1 <= pairs <= 41 and word in (0, 16000)
    made.command("audit")
    with made.session() as socket:
        receive(socket)
        send(socket, "response.create")
        until(socket, "response.done")
    finish(made)


NODE = """
import { OpenAIRealtimeWS } from 'openai/realtime/ws';
import OpenAI from 'openai';
const client = new OpenAI({ apiKey: process.env.EP_KEY, baseURL: process.env.EP_BASE });
const rt = new OpenAIRealtimeWS({ model: 'aurora-voice' }, client);
let said = '', turns = 0;
rt.on('error', (error) => { console.error(error); process.exit(1); });
rt.on('session.created', () => rt.send({ type: 'response.create' }));
rt.on('response.output_text.delta', (event) => { said += event.delta; });
rt.on('response.done', (event) => {
  if (event.response.usage.total_tokens !== 150) process.exit(2);
  if (++turns === 3) rt.close(); else rt.send({ type: 'response.create' });
});
rt.socket.on('close', () => { console.log(JSON.stringify({ said, turns })); });
"""


@pytest.mark.skipif(shutil.which("node") is None or not (MODULES / "ws").exists(), reason="node or its packages are not installed")
def test_with_the_official_sdk_over_tls(tmp_path):
    """The client's side and the source's, both by TLS."""
    made = Studio(tmp_path / "demo", scheme="https")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout",
                    str(made.folder / "tls.key"),
                    "-out", str(made.folder / "tls.pem")], check=True, capture_output=True)
    (made.folder / "tls.key").chmod(0o600)
    text = made.conf.read_text()
    made.conf.write_text(text.replace(f'public: "127.0.0.1:{made.public}"',
                                      f'public: "127.0.0.1:{made.public}"\n  tls: {{cert: tls.pem, key: tls.key}}')
                         + "\nupstream: {ca: tls.pem}\n")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.folder / "tls.pem", made.folder / "tls.key")
    made.source = Source(made.voice, context)
    made.start()
    script = tmp_path / "realtime.mjs"
    script.write_text(NODE)
    (tmp_path / "node_modules").symlink_to(MODULES)
    done = subprocess.run(["node", str(script)], capture_output=True, text=True, timeout=60,
                          env={**os.environ, "EP_KEY": made.key, "EP_BASE": f"https://localhost:{made.public}/v1",
                               "NODE_EXTRA_CA_CERTS": str(made.folder / "tls.pem")})
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["turns"] == 3
    assert settled(made, 3) == [("complete", round(WHOLE * 1e9))] * 3
    finish(made)
