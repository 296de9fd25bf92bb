"""Speech and transcriptions, sold through real connections: forms that are not kept in memory, and sound that goes on as it comes."""

import http.client
import http.server
import json
import os
import pathlib
import re
import signal
import socket
import struct
import threading
import time

import pytest

from conftest import ENTREPOT, wait_for
from services_house import Services

FILE_MAX = 26214400


class Studio(Services):
    dialects = ("openai_speech", "openai_transcriptions")
    extra = "per_second_in: \"0.0001\", per_char: \"0.00001\", per_second_out: \"0.001\""

    def form(self, fields, file, name="speech.wav", path="/v1/audio/transcriptions", **headers):
        kind, body = made_form(fields, file, name)
        return self.request(path, body, headers={"Content-Type": kind, **headers})

    def spool(self):
        """Open files of the server in its folder of uploads."""
        pid = self.processes["server"].pid
        found = 0
        for each in pathlib.Path(f"/proc/{pid}/fd").iterdir():
            try:
                found += "/var/uploads/" in os.readlink(each)
            except FileNotFoundError:
                pass
        return found

    def anonymous(self):
        """KiB of the server that no file backs."""
        text = pathlib.Path(f"/proc/{self.processes['server'].pid}/status").read_text()
        return int(next(line for line in text.splitlines() if line.startswith("RssAnon")).split()[1])

    def quiet(self):
        wait_for(lambda: self.spool() == 0, "the end of the uploads' files")
        assert os.listdir(self.folder / "var" / "uploads") == []


def wav(seconds, rate=8000):
    data = b"\0\1" * int(seconds * rate)
    return (b"RIFF" + struct.pack("<I", 36 + len(data)) + b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, rate, rate * 2, 2, 16)
            + b"data" + struct.pack("<I", len(data)) + data)


def made_form(fields, file, name="speech.wav", boundary="0b1c"):
    parts = [f'--{boundary}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode() for key, value in fields]
    if file is not None:
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\nContent-Type: audio/wav\r\n\r\n'
        parts.insert(len(parts) // 2, head.encode() + file + b"\r\n")
    return f"multipart/form-data; boundary={boundary}", b"".join(parts) + f"--{boundary}--\r\n".encode()


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    studio = Studio(tmp_path_factory.mktemp("studio") / "demo")
    studio.conf.write_text(studio.conf.read_text() + "\nlimits: {read_ms: 4000}\n")
    studio.upstreams_are()
    studio.start()
    yield studio
    studio.stop()


ASK = [("model", "aurora-small"), ("prompt", "names: Ana"), ("language", "en"), ("timestamp_granularities[]", "word"),
       ("timestamp_granularities[]", "segment")]


def receipt_of(studio, headers):
    wait_for(lambda: float(studio.credits()["held"]) == 0, "the end of the hold")
    return studio.json("receipt", "show", headers["x-entrepot-call"])


def test_a_recording_is_heard_and_sold_by_the_second(studio):
    status, headers, body = studio.form(ASK + [("response_format", "verbose_json")], wav(7.2))
    answer = json.loads(body)
    assert status == 200, body
    assert answer["text"] == "This recording has 7200 ms of sound."
    assert answer["usage"] == {"type": "duration", "seconds": 8}
    assert answer["sandbox"]["bytes"] == len(wav(7.2))
    # All fields in their order, the route's name for the model first, the file last.
    assert answer["sandbox"]["fields"] == [["model", "aurora-small"], *([list(each) for each in ASK[1:]]),
                                           ["response_format", "verbose_json"], ["file", "speech.wav"]]
    receipt = receipt_of(studio, headers)["client"]
    assert receipt["outcome"] == "complete"
    assert receipt["service"] == "transcription" and receipt["units"] == {"second_in": "8"} and receipt["billed_by"] == "upstream", receipt
    assert receipt["amount"] == "800000" and receipt["billed"] == {}
    studio.quiet()


@pytest.mark.parametrize("kind, begins", [("text", b"This recording has 2000 ms"), ("srt", b"1\n00:00:00,000 --> 00:00:02,000\n"),
                                          ("vtt", b"WEBVTT\n\n00:00:00.000 --> 00:00:02.000\n")])
def test_what_is_no_json_is_text(studio, kind, begins):
    status, headers, body = studio.form([("model", "aurora-small"), ("response_format", kind)], wav(2))
    assert status == 200 and body.startswith(begins), body
    assert headers["content-type"].startswith("text/plain")
    receipt = receipt_of(studio, headers)["client"]
    assert receipt["amount"] == "200000" and receipt["billed_by"] == "counted", receipt


def test_a_transcript_may_be_streamed(studio):
    status, headers, body = studio.form([("model", "aurora-small"), ("stream", "true")], wav(3))
    events = [json.loads(line[6:]) for line in body.decode().split("\n\n") if line]
    assert status == 200 and headers["content-type"].startswith("text/event-stream")
    assert "".join(event["delta"] for event in events[:-1]) == "This recording has 3000 ms of sound."
    assert events[-1]["type"] == "transcript.text.done" and events[-1]["usage"]["input_token_details"]["audio_tokens"] == 30
    receipt = receipt_of(studio, headers)["client"]
    assert receipt["outcome"] == "complete" and receipt["billed"]["in_audio"] == "30", receipt
    studio.quiet()


@pytest.mark.parametrize("path", ["/v1/audio/translations", "/api/v1/audio/translations"])
def test_a_translation_is_asked_for_and_sold_as_a_transcription(studio, path):
    fields = [("model", "aurora-small"), ("prompt", "names: Ana"), ("response_format", "verbose_json")]
    status, headers, body = studio.form(fields, wav(7.2), path=path)
    answer = json.loads(body)
    assert status == 200 and answer["task"] == "translate" and answer["sandbox"]["bytes"] == len(wav(7.2)), body
    receipt = receipt_of(studio, headers)["client"]
    assert receipt["service"] == "transcription" and receipt["units"] == {"second_in": "8"} and receipt["amount"] == "800000", receipt
    studio.quiet()


def test_a_translation_comes_whole(studio):
    status, _, body = studio.form([("model", "aurora-small"), ("stream", "true")], wav(1), path="/v1/audio/translations")
    error = json.loads(body)["error"]
    assert status == 400 and error["param"] == "stream" and error["code"] == "unsupported_parameter", error
    key = {"Idempotency-Key": "both"}
    assert studio.form(ASK, wav(2), **key)[0] == 200
    assert studio.form(ASK, wav(2), path="/v1/audio/translations", **key)[0] == 422  # it is another request


BAD = [
    ("no model", [("language", "en")], wav(1), 400, "missing_required_parameter", "model"),
    ("no file", [("model", "aurora-small")], None, 400, "missing_required_parameter", "file"),
    ("an empty file", [("model", "aurora-small")], b"", 400, "invalid_value", "file"),
    ("two models", [("model", "aurora-small"), ("model", "aurora-large")], wav(1), 400, "duplicate_key", "model"),
    ("an unknown format", [("model", "aurora-small"), ("response_format", "midi")], wav(1), 400, "invalid_value", "response_format"),
    ("an unknown stream", [("model", "aurora-small"), ("stream", "yes")], wav(1), 400, "invalid_value", "stream"),
    ("an unknown model", [("model", "nobody")], wav(1), 404, "model_not_found", None),
    ("a model for chat alone", [("model", "aurora-large")], wav(1), 400, "model_not_supported", "model"),
    ("no recording", [("model", "aurora-small")], b"This is a text, whatever its name says.", 400, None, "file"),
    ("a length that nobody would tell", [("model", "aurora-small"), ("response_format", "srt")], b"\0\0\0\x18ftypiso5" + bytes(90), 400,
     "invalid_value", "file"),
    ("a long field", [("model", "aurora-small"), ("prompt", "x" * 65537)], wav(1), 400, "invalid_value", "prompt"),
    ("a NUL", [("model", "aurora-small"), ("prompt", "x\0y")], wav(1), 400, "invalid_value", "prompt"),
]


@pytest.mark.parametrize("what, fields, file, status, code, param", BAD, ids=[each[0] for each in BAD])
def test_what_is_wrong_with_a_form_is_told(studio, what, fields, file, status, code, param):
    got, headers, body = studio.form(fields, file)
    error = json.loads(body)["error"]
    assert got == status, body
    assert (code is None or error["code"] == code) and (param is None or error["param"] == param), error
    studio.quiet()
    wait_for(lambda: float(studio.credits()["held"]) == 0, "the end of the hold")


@pytest.mark.parametrize("kind, body, says", [
    ("multipart/form-data", b"", "boundary"),
    ("application/json", b"{}", "multipart/form-data"),
    ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\nb", "ended before"),
    ("multipart/form-data; boundary=x", b"--y\r\n", "must begin with the boundary"),
    ("multipart/form-data; boundary=x", b"--x\nContent-Disposition: form-data; name=a\n\nb\n--x--", "behind a boundary"),
    ("multipart/form-data; boundary=x", b"--x\r\nContent-Type: text/plain\r\n\r\nb\r\n--x--", "name"),
    ("multipart/form-data; boundary=x", b"--x--\r\nmore", "behind the boundary that ends"),
])
def test_what_is_no_form_is_told(studio, kind, body, says):
    status, _, answer = studio.request("/v1/audio/transcriptions", body, headers={"Content-Type": kind})
    error = json.loads(answer)["error"]
    assert status in (400, 415) and says in error["message"], error
    studio.quiet()


def raw(studio, head, body=b""):
    sock = socket.create_connection(("127.0.0.1", studio.public), timeout=20)
    sock.sendall(b"POST /v1/audio/transcriptions HTTP/1.1\r\nhost: x\r\n" + head + b"\r\n" + body)
    return sock


def test_nobody_uploads_without_a_key(studio):
    for key in (b"", b"authorization: Bearer sk-nobody\r\n"):
        with raw(studio, key + b"content-type: multipart/form-data; boundary=x\r\ncontent-length: 20000000\r\n"
                 b"expect: 100-continue\r\n") as sock:
            answer = sock.recv(4096)
            assert answer.startswith(b"HTTP/1.1 401 ") and b"connection: close" in answer, answer
    assert studio.spool() == 0


def head_of(studio, length):
    return (f"authorization: Bearer {studio.key}\r\ncontent-type: multipart/form-data; boundary=0b1c\r\n"
            f"content-length: {length}\r\n").encode()


def test_a_file_that_is_too_large_is_refused_before_it_is_sent(studio):
    with raw(studio, head_of(studio, FILE_MAX + (2 << 20))) as sock:
        answer = sock.recv(4096)
    assert answer.startswith(b"HTTP/1.1 413 ") and b"26214400 bytes" in answer, answer
    # In chunks, its size is found on the way.
    head = f"authorization: Bearer {studio.key}\r\ncontent-type: multipart/form-data; boundary=0b1c\r\ntransfer-encoding: chunked\r\n"
    start = made_form([], b"")[1][:-len(b"\r\n--0b1c--\r\n")]
    with raw(studio, head.encode(), b"%x\r\n%s\r\n" % (len(start), start)) as sock:
        chunk = b"%x\r\n%s\r\n" % (1 << 20, bytes(1 << 20))
        try:
            for _ in range(26):
                sock.sendall(chunk)
            answer = sock.recv(4096)
        except ConnectionError:
            answer = b"HTTP/1.1 413 "
        assert answer.startswith(b"HTTP/1.1 413 "), answer
    studio.quiet()


def test_a_client_that_leaves_in_the_middle_leaves_nothing(studio):
    kind, body = made_form(ASK, wav(60))
    with raw(studio, head_of(studio, len(body)), body[:len(body) // 2]):
        wait_for(lambda: studio.spool() == 1, "the upload's file")
        assert os.listdir(studio.folder / "var" / "uploads") == []
    studio.quiet()
    status, _, _ = studio.form(ASK, wav(1))
    assert status == 200


def test_a_client_that_stalls_in_the_middle_is_told_and_leaves_nothing(studio):
    body = made_form(ASK, wav(60))[1]
    with raw(studio, head_of(studio, len(body)), body[:len(body) // 2]) as sock:
        wait_for(lambda: studio.spool() == 1, "the upload's file")
        answer = sock.recv(4096)
    assert answer.startswith(b"HTTP/1.1 408 ") and b'"request_timeout"' in answer, answer
    studio.quiet()


def test_twenty_megabytes_need_less_than_one_of_memory(studio):
    file = wav(1250)  # 20,000,000 bytes
    kind, body = made_form(ASK + [("response_format", "verbose_json")], file)
    assert len(body) > 20_000_000
    for _ in range(12):  # so that what any call needs is there, on each of the threads
        assert studio.form(ASK, wav(1))[0] == 200
    before = studio.anonymous()
    most = 0
    with raw(studio, head_of(studio, len(body))) as sock:
        for at in range(0, len(body), 1 << 18):
            sock.sendall(body[at:at + (1 << 18)])
            most = max(most, studio.anonymous())
        sock.settimeout(0.02)
        answer = b""
        end = time.monotonic() + 60
        while b"1250000 ms of sound" not in answer and time.monotonic() < end:
            most = max(most, studio.anonymous())
            try:
                answer += sock.recv(65536)
            except TimeoutError:
                pass
    assert answer.startswith(b"HTTP/1.1 200 ") and b"1250000 ms of sound" in answer, answer[:2000]
    if ENTREPOT.split("/")[-2] not in ("asan", "tsan"):  # a sanitizer has memory of its own for all that was ever there
        assert most - before < 1024, f"{most - before} KiB"
    studio.quiet()


def test_kill_9_leaves_no_word_of_an_upload(studio):
    marked = wav(30) + b"a word that nobody keeps" * 100
    kind, body = made_form(ASK, marked)
    with raw(studio, head_of(studio, len(body) + 10), body):
        wait_for(lambda: studio.spool() == 1, "the upload's file")
        studio.stop_process("server", signal.SIGKILL)
    for path in studio.folder.rglob("*"):
        if path.is_file():
            assert b"a word that nobody keeps" not in path.read_bytes(), path
    assert os.listdir(studio.folder / "var" / "uploads") == []
    studio.start()


def test_an_attempt_that_fails_is_made_again_with_the_whole_file(studio):
    served = 0
    studio.upstream(0, "--error-rate", "100", "--error-status", "503")
    try:
        for _ in range(4):
            status, headers, body = studio.form([("model", "aurora-small"), ("response_format", "verbose_json")], wav(9))
            assert status == 200 and json.loads(body)["sandbox"]["bytes"] == len(wav(9)), body
            served += int(receipt_of(studio, headers)["operator"]["attempts"]) > 1
    finally:
        studio.upstream(0)
    assert served >= 1
    studio.quiet()


@pytest.mark.parametrize("kind", ["json", "text"])
def test_a_call_with_one_key_is_sold_once(studio, kind):
    fields = [("model", "aurora-small"), ("response_format", kind)]
    first = studio.form(fields, wav(4), **{"Idempotency-Key": f"hear-{kind}"})
    again = studio.form(fields, wav(4), **{"Idempotency-Key": f"hear-{kind}"})
    assert again[0] == 200 and again[2] == first[2] and again[1]["x-entrepot-replayed"] == "true"
    assert again[1]["content-type"] == first[1]["content-type"]
    other = studio.form(fields, wav(5), **{"Idempotency-Key": f"hear-{kind}"})  # another recording is another request
    assert other[0] == 422 or other[0] == 400 or other[0] == 409, other
    studio.quiet()


def test_no_client_takes_all_places(studio):
    body = made_form(ASK, wav(60))[1]
    socks = []
    try:
        refused = 0
        for _ in range(200):
            sock = raw(studio, head_of(studio, len(body)), body[:1000])
            socks.append(sock)
            sock.settimeout(0.05)
            try:
                refused += b" 429 " in sock.recv(4096)[:20]
            except TimeoutError:
                pass
            if refused:
                break
        assert refused == 1 and studio.spool() >= 32
    finally:
        for sock in socks:
            sock.close()
    studio.quiet()


def test_more_seconds_than_there_are_is_a_claim_and_not_paid(studio):
    studio.upstreams_are("--usage", "inflated", "--inflate", "50")
    try:
        status, headers, body = studio.form([("model", "aurora-small"), ("response_format", "verbose_json")], wav(20))
        assert status == 200 and json.loads(body)["usage"]["seconds"] == 30
        receipt = receipt_of(studio, headers)["client"]
    finally:
        studio.upstreams_are()
    assert receipt["units"] == {"second_in": "20"} and receipt["billed_by"] == "counted", receipt
    claims = [claim for claim in studio.json("claim", "list") if claim["kind"] == "slope"]
    assert claims[0]["counted"] == 20 and claims[0]["reported"] == 30, claims


def flac(seconds, rate=8000, frames=b""):
    """A FLAC whose head says that it is so long, with what may be its sound behind."""
    info = struct.pack(">HH", 4096, 4096) + b"\0" * 6 + ((rate << 44) | (15 << 36) | int(seconds * rate)).to_bytes(8, "big") + b"\0" * 16
    return b"fLaC\x80\0\0\x22" + info + frames


def test_what_a_head_alone_says_is_no_claim_and_the_sources_report_is_paid(studio):
    """Twenty seconds, says the file, and its source has heard fifty percent more of it: nobody but the file is wrong."""
    before = studio.json("claim", "list")
    studio.upstreams_are("--usage", "inflated", "--inflate", "50")
    try:
        status, headers, body = studio.form([("model", "aurora-small"), ("response_format", "verbose_json")],
                                            flac(20, frames=b"\1" * 40000))
        assert status == 200 and json.loads(body)["usage"]["seconds"] == 30, body
        receipt = receipt_of(studio, headers)
    finally:
        studio.upstreams_are()
    assert receipt["client"]["units"] == {"second_in": "30"} and receipt["client"]["billed_by"] == "upstream", receipt
    assert int(receipt["operator"]["held"]) >= 40000 // 750 * 100000, "what so many bytes can be"
    assert studio.json("claim", "list") == before
    assert re.fullmatch("[0-9a-f]{64}", receipt["operator"]["usage_sha256"])


def test_a_text_without_a_report_is_paid_by_the_head_but_for_no_less_than_its_bytes_are(studio):
    """A head that says a tenth of a second, before more bytes than the widest sound has in two."""
    status, headers, body = studio.form([("model", "aurora-small"), ("response_format", "text")], flac(0.1, frames=b"\1" * 3200000))
    assert status == 200, body
    receipt = receipt_of(studio, headers)["client"]
    assert receipt["units"] == {"second_in": "3"} and receipt["billed_by"] == "counted", receipt


# ---- speech ---------------------------------------------------------------------------------

TEXT = "Good morning, é日本."


def test_a_text_is_spoken_and_sold_by_its_characters(studio):
    status, headers, body = studio.request("/v1/audio/speech", {"model": "aurora-small", "input": TEXT, "voice": "alloy",
                                                                "response_format": "wav"})
    assert status == 200 and headers["content-type"] == "audio/wav", body[:200]
    seconds = len(TEXT) * 0.06
    assert body.startswith(b"RIFF") and len(body) == 44 + 2 * round(24000 * seconds)
    receipt = receipt_of(studio, headers)["client"]
    assert receipt["units"] == {"char": str(len(TEXT)), "second_out": "2"}, receipt
    assert int(receipt["amount"]) >= len(TEXT) * 10000 + 2000000  # and the tokens of the text, which this book sells, too


def test_plain_samples_are_counted_by_their_bytes(studio):
    status, headers, body = studio.request("/v1/audio/speech", {"model": "aurora-small", "input": "a" * 100, "voice": {"id": "v"},
                                                                "response_format": "pcm"})
    assert status == 200 and headers["content-type"] == "audio/pcm" and len(body) == 6 * 48000
    assert receipt_of(studio, headers)["client"]["units"] == {"char": "100", "second_out": "6"}


def test_speech_may_come_as_events(studio):
    status, headers, body = studio.request("/v1/audio/speech", {"model": "aurora-small", "input": TEXT, "voice": "alloy",
                                                                "stream_format": "sse"})
    events = [json.loads(line[6:]) for line in body.decode().split("\n\n") if line]
    assert status == 200 and {event["type"] for event in events[:-1]} == {"speech.audio.delta"}
    assert events[-1]["type"] == "speech.audio.done" and events[-1]["usage"]["total_tokens"] > 0
    receipt = receipt_of(studio, headers)["client"]
    assert receipt["outcome"] == "complete" and receipt["units"]["char"] == str(len(TEXT)), receipt
    assert receipt["units"]["second_out"] == "2", "as much as it is as bytes"


@pytest.mark.parametrize("kind", ["wav", "pcm"])
def test_seconds_are_counted_in_events_as_in_bytes(studio, kind):
    """A book that sells speech by nothing but its seconds gives none of it away."""
    ask = {"model": "aurora-small", "input": "a" * 100, "voice": "v", "response_format": kind}
    units = [receipt_of(studio, studio.request("/v1/audio/speech", {**ask, **more})[1])["client"]["units"]
             for more in ({}, {"stream_format": "sse"})]
    assert units[0] == units[1] == {"char": "100", "second_out": "6"}, units


def test_speech_that_breaks_off_is_cut_and_not_sold(studio):
    studio.upstreams_are("--cut-after", "3", "--pace-ms", "400")
    try:
        with socket.create_connection(("127.0.0.1", studio.public), timeout=20) as sock:
            body = json.dumps({"model": "aurora-small", "input": "a" * 400, "voice": "v", "response_format": "wav"}).encode()
            sock.sendall(b"POST /v1/audio/speech HTTP/1.1\r\nhost: x\r\nauthorization: Bearer " + studio.key.encode()
                         + b"\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
            answer = b""
            while piece := sock.recv(65536):
                answer += piece
    finally:
        studio.upstreams_are()
    assert answer.startswith(b"HTTP/1.1 200 ") and b"\r\n0\r\n\r\n" not in answer
    call = answer.split(b"x-entrepot-call: ")[1].split(b"\r\n")[0].decode()
    receipt = receipt_of(studio, {"x-entrepot-call": call})["client"]
    assert receipt["outcome"] == "interrupted" and "char" not in receipt.get("units", {}), receipt


def test_speech_that_breaks_off_before_any_left_is_an_error(studio):
    studio.upstreams_are("--cut-after", "1")  # the bytes are still behind the hold, or come with the end of their connection
    try:
        for _ in range(4):
            status, _, body = attempt(studio, {"model": "aurora-small", "input": "aaaa", "voice": "v", "response_format": "wav"})
            assert status in (None, 502, 503), (status, body)
            if status is not None:
                assert json.loads(body)["error"]["type"] == "upstream_error", body
    finally:
        studio.upstreams_are()
    wait_for(lambda: float(studio.credits()["held"]) == 0, "the end of the hold")


class Mute(http.server.BaseHTTPRequestHandler):
    """A source of sound that does not say what it is, and may leave off in the middle."""

    sound, length = b"", 0

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-length", str(self.length))
        self.end_headers()
        self.wfile.write(self.sound)

    def log_message(self, *_):
        pass


def test_sound_without_a_type_is_bytes_and_a_length_that_was_promised_is_not_sold(studio):
    flac = b"fLaC" + b"\0\0\0\x22" + bytes(10) + (24000 << 4).to_bytes(3, "big") + (24000 * 60).to_bytes(5, "big") + bytes(16)
    for at in range(2):
        studio.stop_process(f"upstream{at}")
    servers = [http.server.ThreadingHTTPServer(("127.0.0.1", port), Mute) for port in studio.upstreams]
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    ask = {"model": "aurora-small", "input": "a" * 100, "voice": "v", "response_format": "flac"}
    try:
        Mute.sound = flac + bytes(100000)
        Mute.length = len(Mute.sound)
        whole = studio.request("/v1/audio/speech", ask)
        assert whole[0] == 200 and whole[1]["content-type"] == "application/octet-stream" and whole[2] == Mute.sound
        Mute.length += 1
        status, call = opened(studio, ask)
        # Without a number of samples: what its frames have; of what is nothing known, as little as so many bytes can be.
        Mute.sound = b"fLaC\x80" + flac[5:21] + bytes(5) + flac[26:] + b"".join(flac_frame(number) + bytes(3000) for number in range(13))
        Mute.length = len(Mute.sound)
        live = studio.request("/v1/audio/speech", ask)
        Mute.sound = bytes(400000)
        Mute.length = len(Mute.sound)
        blind = studio.request("/v1/audio/speech", ask)
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()
        studio.upstreams_are()
    assert receipt_of(studio, whole[1])["client"]["units"] == {"char": "100", "second_out": "60"}
    assert receipt_of(studio, live[1])["client"]["units"] == {"char": "100", "second_out": "3"}
    assert receipt_of(studio, blind[1])["client"]["units"] == {"char": "100", "second_out": "2"}
    if status == 200:  # else it was over before its hold was durable
        cut = receipt_of(studio, {"x-entrepot-call": call})["client"]
        assert cut["outcome"] == "interrupted" and "units" not in cut, cut


def flac_frame(number):
    """The header of one of 4096 samples, with its CRC-8."""
    head, check = bytes([0xFF, 0xF8, 0xC0, 0x08, number]), 0
    for byte in head:
        check ^= byte
        for _ in range(8):
            check = (check << 1 ^ (7 if check & 0x80 else 0)) & 0xFF
    return head + bytes([check])


def opened(studio, body):
    """The status, and the call's id, of an answer that breaks off."""
    connection = http.client.HTTPConnection("127.0.0.1", studio.public, timeout=20)
    try:
        connection.request("POST", "/v1/audio/speech", json.dumps(body), {"Authorization": f"Bearer {studio.key}"})
        answer = connection.getresponse()
        try:
            answer.read()
        except (http.client.HTTPException, ConnectionError):
            pass
        return answer.status, answer.headers["x-entrepot-call"]
    finally:
        connection.close()


def attempt(studio, body):
    """As request(), or no status where the connection was cut in the middle of an answer."""
    try:
        return studio.request("/v1/audio/speech", body)
    except (http.client.HTTPException, ConnectionError):
        return None, None, b""


@pytest.mark.parametrize("body, param", [
    ({"model": "aurora-small", "voice": "v"}, "input"),
    ({"model": "aurora-small", "input": "", "voice": "v"}, "input"),
    ({"model": "aurora-small", "input": "a"}, "voice"),
    ({"model": "aurora-small", "input": "a", "voice": "v", "response_format": "midi"}, "response_format"),
    ({"model": "aurora-small", "input": "a", "voice": "v", "speed": 9}, "speed"),
    ({"model": "aurora-small", "input": "a", "voice": "v", "stream_format": "x"}, "stream_format"),
    ({"model": "aurora-large", "input": "a", "voice": "v"}, "model"),
])
def test_what_is_wrong_with_a_request_for_speech_is_told(studio, body, param):
    status, error = studio.refused("/v1/audio/speech", body)
    assert status == 400 and error["param"] == param, error
