"""Signs of life: what a stream's client gets while its source says nothing, in every dialect."""

import http.server
import json
import signal
import socket
import threading
import time

import pytest

from conftest import House, wait_for
from test_messages import MODEL, chunk

PING = b": ping\n\n"
HELLO = {"role": "user", "content": "Tell me about rivers."}
GEMINI = {"contents": [{"parts": [{"text": "Tell me about rivers."}]}]}
WAYS = {
    "chat": ("/v1/chat/completions", {"model": MODEL, "messages": [HELLO], "stream": True}),
    "openrouter": ("/api/v1/chat/completions", {"model": MODEL, "messages": [HELLO], "stream": True}),
    "messages": ("/v1/messages", {"model": MODEL, "messages": [HELLO], "max_tokens": 60, "stream": True}),
    "responses": ("/v1/responses", {"model": MODEL, "input": "Tell me about rivers.", "stream": True}),
    "gemini": (f"/v1beta/models/{MODEL}:streamGenerateContent?alt=sse", GEMINI),
    "an array": (f"/v1beta/models/{MODEL}:streamGenerateContent", GEMINI),
}


class Source:
    """An upstream that says a word, waits until it may go on, and says the rest."""

    def __init__(self, port):
        self.first, self.go, self.late = True, threading.Event(), False
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                self.rfile.read(int(self.headers["content-length"]))
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.send_header("Connection", "close")
                self.end_headers()
                self.close_connection = True
                try:
                    if outer.late:
                        outer.go.wait(20)
                    self.wfile.write(chunk({"role": "assistant", "content": "Word"}))
                    self.wfile.flush()
                    outer.go.wait(20)
                    self.wfile.write(chunk({"content": "s."}) + chunk({}, "stop") + b"data: [DONE]\n\n")
                except OSError:
                    pass

            def log_message(self, *words):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


class Quiet(House):
    def __init__(self, folder):
        super().__init__(folder)
        self.sources = [Source(port) for port in self.upstreams]
        self.text = self.conf.read_text()

    def limit(self, **limits):
        lines = "".join(f"  {name}: {value}\n" for name, value in limits.items())
        self.conf.write_text(self.text.rstrip("\n") + f"\nlimits:\n{lines}")

    def prepare(self, late=False):
        for source in self.sources:
            source.go.clear()
            source.late = late

    def go_on(self):
        for source in self.sources:
            source.go.set()

    def open(self, path, body):
        data = json.dumps(body).encode()
        line = socket.create_connection(("127.0.0.1", self.public), timeout=30)
        line.sendall(f"POST {path} HTTP/1.0\r\nHost: x\r\nAuthorization: Bearer {self.key}\r\n"
                     f"Content-Length: {len(data)}\r\n\r\n".encode() + data)
        return line


@pytest.fixture(scope="module")
def quiet(tmp_path_factory):
    made = Quiet(tmp_path_factory.mktemp("quiet") / "demo")
    made.limit(ping_ms=60)
    made.start()
    yield made
    made.stop()
    audit = made.command("audit", check=False)
    assert audit.returncode == 0, audit.stdout + audit.stderr


def until(line, told, enough):
    while not enough(told):
        piece = line.recv(65536)
        assert piece, told
        told += piece
    return told


def rest(line, told):
    return told + b"".join(iter(lambda: line.recv(65536), b""))


def told_text(name, body):
    """All that was said in it, as a client of the dialect reads it."""
    if name == "an array":
        return "".join(part["text"] for one in json.loads(body) for part in one["candidates"][0]["content"]["parts"])
    text = ""
    for block in body.decode().split("\n\n"):
        data = [line.removeprefix("data: ") for line in block.split("\n") if line.startswith("data: ")]
        event = json.loads(data[0]) if data and data[0] != "[DONE]" else {}
        if name in ("chat", "openrouter"):
            text += "".join(choice["delta"].get("content") or "" for choice in event.get("choices", []))
        elif name == "messages":
            text += event.get("delta", {}).get("text", "")
        elif name == "responses":
            text += event["delta"] if event.get("type") == "response.output_text.delta" else ""
        else:
            text += "".join(part["text"] for one in event.get("candidates", []) for part in one["content"]["parts"])
    return text


@pytest.mark.parametrize("name", WAYS)
def test_a_silent_stream_gives_signs_of_life_that_say_nothing(quiet, name):
    quiet.prepare()
    line = quiet.open(*WAYS[name])
    ping = b"\n\n\n\n" if name == "an array" else 3 * PING
    told = until(line, b"", lambda told: ping in told)
    quiet.go_on()
    head, _, body = rest(line, told).partition(b"\r\n\r\n")
    assert b"Word" in told and told_text(name, body) == "Words."
    if name != "an array":
        blocks = body.split(b"\n\n")
        assert blocks.count(PING.strip()) >= 3 and not [block for block in blocks if b": ping" in block and block != PING.strip()]


def test_nothing_is_told_before_the_head_could_leave(quiet):
    quiet.prepare(late=True)
    line = quiet.open(*WAYS["chat"])
    line.settimeout(0.5)
    with pytest.raises(TimeoutError):
        line.recv(1)
    line.settimeout(30)
    quiet.go_on()
    head, _, body = rest(line, b"").partition(b"\r\n\r\n")
    assert b" 200 " in head and told_text("chat", body) == "Words."


def test_many_silent_streams_share_one_clock(quiet):
    quiet.prepare()
    lines = [quiet.open(*WAYS["chat"]) for _ in range(20)]
    heard = [until(line, b"", lambda told: 2 * PING in told) for line in lines]
    lines.pop().close()  # and who has gone is told no more
    quiet.go_on()
    for line, told in zip(lines, heard):
        assert told_text("chat", rest(line, told).partition(b"\r\n\r\n")[2]) == "Words."


def test_a_sign_of_life_is_no_progress_and_may_be_switched_off(quiet):
    """What a source that says no more comes to hangs on the source alone."""
    quiet.stop_process("server")
    quiet.limit(ping_ms=60, upstream_idle_ms=700)
    quiet.start()
    quiet.prepare()
    path, body = WAYS["chat"]
    told = rest(quiet.open(path, body), b"")
    assert PING in told and b'"finish_reason":"error"' in told and b"upstream_" in told
    quiet.limit(ping_ms=0)
    quiet.send(signal.SIGHUP)
    wait_for(lambda: '"event":"reload' in (quiet.folder / "server.log").read_text(), "the reload")
    quiet.prepare()
    line = quiet.open(path, body)
    told = until(line, b"", lambda told: b"Word" in told)
    time.sleep(0.4)
    quiet.go_on()
    assert PING not in rest(line, told)
