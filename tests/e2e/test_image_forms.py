"""Pictures that are changed or varied: forms with files, sold as other pictures are, and never kept in memory."""

import base64
import json
import os
import pathlib
import socket
import threading
import zlib

import pytest

from conftest import wait_for
from test_audio import Studio, head_of
from test_images import Pictures, is_png

EDITS, VARIATIONS = "/v1/images/edits", "/v1/images/variations"
PNG = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
JPEG = b"\xff\xd8\xff\xe0" + b"\0\x10JFIF" * 3
WEBP = b"RIFF\x1a\0\0\0WEBPVP8 " + bytes(14)
ASK = [("model", "aurora-small"), ("prompt", "A red fox at dusk."), ("size", "1024x1024"), ("quality", "low")]
ANY, BOTH = 40_000_000, 167_000_000  # nano
SENT = 194  # tokens that the sandbox counts for a picture that came


def form(fields, files, boundary="0b1c", kind="image/png"):
    parts = [f'--{boundary}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode() for key, value in fields]
    at = len(parts) // 2
    parts[at:at] = [(f'--{boundary}\r\nContent-Disposition: form-data; name="{key}"; filename="{name}"\r\n'
                     f"Content-Type: {kind}\r\n\r\n").encode() + data + b"\r\n" for key, name, data in files]
    return f"multipart/form-data; boundary={boundary}", b"".join(parts) + f"--{boundary}--\r\n".encode()


class Darkroom(Pictures):
    spool, quiet, anonymous = Studio.spool, Studio.quiet, Studio.anonymous

    def kept(self):
        """Bytes of the uploads' files."""
        found = 0
        for each in pathlib.Path(f"/proc/{self.processes['server'].pid}/fd").iterdir():
            try:
                found += each.stat().st_size if "/var/uploads/" in os.readlink(each) else 0
            except FileNotFoundError:
                pass
        return found

    def send(self, path, fields, files, **more):
        kind, body = form(fields, files)
        headers = {"Content-Type": kind, **more.pop("headers", {})}
        return self.request(path, body, headers=headers, **more)

    def bought(self, path, fields, files):
        status, headers, body = self.send(path, fields, files)
        assert status == 200, body
        wait_for(lambda: float(self.credits()["held"]) == 0, "the end of the hold")
        receipt = self.json("receipt", "show", headers["x-entrepot-call"])
        self.told = receipt["operator"]
        self.quiet()
        return body, receipt["client"]


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    made = Darkroom(tmp_path_factory.mktemp("darkroom") / "demo")
    made.conf.write_text(made.conf.read_text() + "\nlimits: {read_ms: 2500}\nuploads: {time_ms: 4000, file_bytes: 6291456, bytes: 8388608}\n")
    made.upstreams_are()
    made.start()
    yield made
    made.stop()
    assert made.command("audit").returncode == 0


def file_row(field, name, data):
    return [field, name, len(data), zlib.crc32(data)]


def test_a_picture_is_changed_and_sold_by_its_kind_and_by_tokens(room):
    body, receipt = room.bought(EDITS, ASK + [("n", "2"), ("input_fidelity", "high")], [("image", "fox.png", PNG)])
    told = json.loads(body)
    assert len(told["data"]) == 2 and all(is_png(base64.b64decode(item["b64_json"])) for item in told["data"])
    came = told["sandbox"]
    assert came["files"] == [file_row("image", "fox.png", PNG)]
    assert (came["prompt"], came["n"], came["input_fidelity"], came["model"]) == ("A red fox at dusk.", 2, "high", "aurora-small")
    assert receipt["service"] == "images" and receipt["units"] == {"image": "2"} and receipt["billed_by"] == "upstream"
    assert receipt["billed"]["in_image"] == str(SENT) and receipt["billed"]["out"] == str(2 * 272), receipt
    tokens = (int(receipt["billed"]["in"]) + SENT) * 150 + 2 * 272 * 600
    assert int(receipt["amount"]) == 2 * ANY + tokens


def test_the_dearest_is_held_where_the_kind_is_the_sources_to_choose(room):
    _, receipt = room.bought(EDITS, [("model", "aurora-small"), ("prompt", "A fox."), ("quality", "high")], [("image", "a.png", PNG)])
    assert int(receipt["amount"]) > BOTH and int(room.told["held"]) >= int(receipt["amount"])


def test_several_pictures_and_a_mask_go_on_whole_and_in_their_order(room):
    many = [("image[]", f"{at}.png", PNG + bytes([at]) * at * 20_000) for at in range(4)]
    files = many[:2] + [("mask", "mask.png", PNG)] + many[2:] + [("image[]", "a.jpg", JPEG), ("image[]", "b.webp", WEBP)]
    body, receipt = room.bought(EDITS, ASK, files)
    assert json.loads(body)["sandbox"]["files"] == [file_row(*each) for each in files]
    assert receipt["billed"]["in_image"] == str(len(files) * SENT), receipt


@pytest.mark.parametrize("partial", [0, 2])
def test_a_stream_of_a_changed_picture(room, partial):
    body, receipt = room.bought(EDITS, ASK + [("stream", "true"), ("partial_images", str(partial))], [("image", "fox.png", PNG)])
    events = [block.split("\n") for block in body.decode().split("\n\n") if block]
    assert [lines[0] for lines in events] == ["event: image_edit.partial_image"] * partial + ["event: image_edit.completed"]
    usage = json.loads(events[-1][1][6:])["usage"]
    assert receipt["outcome"] == "complete" and receipt["units"] == {"image": "1"} and receipt["billed"]["in_image"] == str(SENT)
    assert receipt["billed"]["out"] == str(usage["output_tokens"])


def test_variations_have_no_prompt_and_are_sold_by_the_picture(room):
    fields = [("model", "aurora-small"), ("n", "3"), ("size", "512x512"), ("response_format", "b64_json"), ("user", "ana")]
    body, receipt = room.bought(VARIATIONS, fields, [("image", "fox.png", PNG)])
    assert len(json.loads(body)["data"]) == 3 and json.loads(body)["sandbox"]["files"] == [file_row("image", "fox.png", PNG)]
    assert receipt["units"] == {"image": "3"} and receipt["amount"] == str(3 * ANY) and receipt["billed_by"] == "counted", receipt


ONE = [("image", "a.png", PNG)]
BAD = [
    ("no prompt", EDITS, ASK[:1], ONE, "prompt", "missing_required_parameter"),
    ("an empty prompt", EDITS, ASK[:1] + [("prompt", "")], ONE, "prompt", "invalid_value"),
    ("no model", EDITS, ASK[1:], ONE, "model", "missing_required_parameter"),
    ("no picture", EDITS, ASK, [], "image", "missing_required_parameter"),
    ("a mask alone", EDITS, ASK, [("mask", "m.png", PNG)], "image", "missing_required_parameter"),
    ("an empty picture", EDITS, ASK, [("image", "a.png", b"")], "image", "invalid_value"),
    ("a text for a picture", EDITS, ASK, [("image", "a.png", b"This is a text, whatever it is called.")], "image", "invalid_value"),
    ("three bytes for a picture", EDITS, ASK, [("image", "a.png", b"abc")], "image", "invalid_value"),
    ("a text among pictures", EDITS, ASK, [("image[]", "a.png", PNG), ("image[]", "b.png", b"<svg>" * 9)], "image[]", "invalid_value"),
    ("a text for a mask", EDITS, ASK, ONE + [("mask", "m.png", b"not a picture")], "mask", "invalid_value"),
    ("a picture that is no file", EDITS, ASK + [("image[]", "x")], ONE, "image[]", "invalid_value"),
    ("too many pictures", EDITS, ASK, [("image[]", f"{at}.png", PNG) for at in range(17)], "image[]", "invalid_value"),
    ("another file", EDITS, ASK, ONE + [("file", "a.wav", PNG)], "file", "unsupported_parameter"),
    ("none of them", EDITS, ASK + [("n", "0")], ONE, "n", "invalid_value"),
    ("half a picture", EDITS, ASK + [("n", "1.5")], ONE, "n", "invalid_value"),
    ("too many of them", EDITS, ASK + [("n", "11")], ONE, "n", "invalid_value"),
    ("a bad size", EDITS, ASK[:2] + [("size", "1024 x 1024")], ONE, "size", "invalid_value"),
    ("a bad stream", EDITS, ASK + [("stream", "yes")], ONE, "stream", "invalid_value"),
    ("a bad partial", EDITS, ASK + [("partial_images", "4")], ONE, "partial_images", "invalid_value"),
    ("two prompts", EDITS, ASK + [("prompt", "b")], ONE, "prompt", "duplicate_key"),
    ("a list of prompts", EDITS, ASK[:1] + [("prompt[]", "b")], ONE, "prompt[]", "unsupported_parameter"),
    ("a tier", EDITS, ASK + [("service_tier", "priority")], ONE, "service_tier", "unsupported_parameter"),
    ("sources of its own", EDITS, ASK + [("provider", "{}")], ONE, "provider", "unsupported_parameter"),
    ("a model for chat alone", EDITS, [("model", "aurora-large")] + ASK[1:], ONE, "model", "model_not_supported"),
    ("a stream of variations", VARIATIONS, ASK[:1] + [("stream", "true")], ONE, "stream", "unsupported_parameter"),
    ("several variations' pictures", VARIATIONS, ASK[:1], [("image[]", "a.png", PNG)], "image[]", "unsupported_parameter"),
    ("a mask of variations", VARIATIONS, ASK[:1], ONE + [("mask", "m.png", PNG)], "mask", "unsupported_parameter"),
]


@pytest.mark.parametrize("what, path, fields, files, param, code", BAD, ids=[each[0] for each in BAD])
def test_what_is_wrong_with_a_form_is_named_and_costs_nothing(room, what, path, fields, files, param, code):
    before = room.credits()
    status, _, body = room.send(path, fields, files)
    error = json.loads(body)["error"]
    assert status == 400 and error["param"] == param and error["code"] == code, error
    assert room.credits() == before
    room.quiet()


def test_json_is_no_form(room):
    status, _, body = room.request(EDITS, {"model": "aurora-small", "prompt": "a", "images": [{"image_url": "data:,"}]})
    assert status == 415 and "multipart/form-data" in json.loads(body)["error"]["message"]


def test_all_files_together_have_the_limit_of_one(room):
    half = PNG + bytes(3_200_000)
    status, _, body = room.send(EDITS, ASK, [("image[]", "a.png", half), ("image[]", "b.png", half)])
    assert status == 413 and json.loads(body)["error"]["param"] in ("image", "image[]"), body
    room.quiet()


def test_more_than_all_uploads_may_have_is_told_and_passes(room):
    body = form(ASK, [("image", "a.png", PNG + bytes(5_000_000))])[1]
    with sent(room, EDITS, head_of(room, len(body)), body[:4_600_000]):
        wait_for(lambda: room.kept() > 4_500_000, "the first one's file")
        status, headers, told = room.send(EDITS, ASK, [("image", "b.png", PNG + bytes(5_000_000))])
        assert status == 503 and json.loads(told)["error"]["code"] == "uploads_full", told
    room.quiet()
    assert room.send(EDITS, ASK, [("image", "b.png", PNG + bytes(5_000_000))])[0] == 200
    assert '"event":"upload"' in (room.folder / "server.log").read_text()


def test_a_call_with_one_key_is_sold_once(room):
    def tried(path, fields, data):
        return room.send(path, fields, [("image", "a.png", data)], headers={"Idempotency-Key": "fox"})
    first, again = tried(EDITS, ASK, PNG), tried(EDITS, ASK, PNG)
    assert first[0] == 200 and again[2] == first[2] and again[1]["x-entrepot-replayed"] == "true"
    assert tried(EDITS, ASK, PNG + b"x")[0] == 422  # another picture is another request
    assert tried(VARIATIONS, ASK[:1], PNG)[0] == 422
    room.quiet()


def test_what_an_sdk_sends_again_is_not_sold_twice(room):
    def tried(count, boundary, data=PNG):
        kind, body = form(ASK + [("user", "again")], [("image", "a.png", data)], boundary)
        return room.request(EDITS, body, headers={"Content-Type": kind, "x-stainless-retry-count": str(count)})
    first, again = tried(0, "one"), tried(1, "other")  # an SDK makes each form anew
    assert first[0] == 200 and again[1]["x-entrepot-replayed"] == "true" and again[2] == first[2]
    assert tried(1, "third", PNG + b"x")[1]["x-entrepot-replayed"] is None
    room.quiet()


def test_credit_that_does_not_cover_it_leaves_nothing(room):
    client = room.json("client", "add", "--name", "Poor", "--party", "first-client")["id"]
    key = room.json("key", "add", "--client", client, "--product", "world")["key"]
    room.command("credit", "purchase", "--client", client, "--amount", "0.05")
    status, _, body = room.send(EDITS, ASK + [("n", "10")], ONE, key=key)
    assert status == 429 and json.loads(body)["error"]["code"] == "insufficient_quota", body
    room.quiet()


class Rude:
    """A source that reads so much of a request and closes the connection, with a reset."""

    def __init__(self, port, most):
        self.most, self.met = most, 0
        self.sock = socket.create_server(("127.0.0.1", port), reuse_port=False)
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            try:
                peer, _ = self.sock.accept()
            except OSError:
                return
            self.met += 1
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            got = 0
            while got < self.most:
                data = peer.recv(min(65536, self.most - got))
                if not data:
                    break
                got += len(data)
            peer.close()

    def close(self):
        self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()


def test_a_source_that_breaks_off_amid_the_files_is_followed_by_one_that_gets_all(room):
    files = [("image[]", f"{at}.png", PNG + bytes([at]) * 2_000_000) for at in range(3)]
    room.bought(EDITS, ASK, ONE)
    at = int(room.told["route"][-1])  # it will be asked again
    room.stop_process(f"upstream{at}")
    rude = Rude(room.upstreams[at], 1_500_000)
    try:
        for _ in range(6):
            body, receipt = room.bought(EDITS, ASK, files)
            assert json.loads(body)["sandbox"]["files"] == [file_row(*each) for each in files]
            assert receipt["units"] == {"image": "1"}
            if rude.met:
                break
    finally:
        rude.close()
        room.upstream(at)
    assert rude.met >= 1 and int(room.told["attempts"]) > 1


def test_an_attempt_that_fails_is_made_again_with_all_files(room):
    files = [("image[]", f"{at}.png", PNG + bytes([at]) * 300_000) for at in range(3)] + [("mask", "m.png", PNG)]
    again = 0
    room.upstream(0, "--error-rate", "100", "--error-status", "503")
    try:
        for _ in range(4):
            body, _ = room.bought(EDITS, ASK, files)
            assert json.loads(body)["sandbox"]["files"] == [file_row(*each) for each in files]
            again += int(room.told["attempts"]) > 1
    finally:
        room.upstream(0)
    assert again >= 1


def test_where_all_sources_break_off_nothing_is_left(room):
    for at in range(2):
        room.stop_process(f"upstream{at}")
    rude = [Rude(port, 1_000_000) for port in room.upstreams]
    try:
        before = room.credits()
        status, headers, _ = room.send(EDITS, ASK, [("image", "a.png", PNG + bytes(5_000_000))])
        assert status in (502, 503)
        wait_for(lambda: float(room.credits()["held"]) == 0, "the end of the hold")
        assert room.credits() == before
        room.quiet()
    finally:
        for each in rude:
            each.close()
        room.upstreams_are()


def descriptors(room):
    return len(os.listdir(f"/proc/{room.processes['server'].pid}/fd"))


def sent(room, path, head, body):
    sock = socket.create_connection(("127.0.0.1", room.public), timeout=20)
    sock.sendall(f"POST {path} HTTP/1.1\r\nhost: x\r\n".encode() + head + b"\r\n" + body)
    return sock


def test_clients_that_leave_stall_or_dawdle_leave_nothing(room):
    body = form(ASK, [("image", "a.png", PNG + bytes(1_500_000))])[1]
    assert room.send(EDITS, ASK, ONE)[0] == 200
    before = descriptors(room)
    for end in (len(body) // 2, len(body) - 1, 300):
        socks = [sent(room, EDITS, head_of(room, len(body)), body[:end]) for _ in range(4)]
        wait_for(lambda: room.spool() >= 4, "the uploads' files")
        for sock in socks:
            sock.close()
        room.quiet()
    with sent(room, EDITS, head_of(room, len(body)), body[:len(body) // 2]) as still:
        with sent(room, EDITS, head_of(room, len(body)), body[:300]) as slow:
            told = [b""]
            def wait():
                told[0] = still.recv(4096)  # it brings nothing for longer than it may
            waiter = threading.Thread(target=wait)
            waiter.start()
            slow.settimeout(0.5)
            for at in range(300, len(body)):  # and this one something all the time, but not in time
                try:
                    slow.send(body[at:at + 1])
                    drip = slow.recv(4096)
                    break
                except TimeoutError:
                    continue
            waiter.join()
    for answer in (told[0], drip):
        assert answer.startswith(b"HTTP/1.1 408 ") and b'"request_timeout"' in answer, answer
    room.quiet()
    wait_for(lambda: descriptors(room) <= before + 2, "the end of their connections")


def test_a_client_that_leaves_while_the_source_is_asked_leaves_nothing(room):
    body = form(ASK, [("image", "a.png", PNG + bytes(1_000_000))])[1]
    room.upstreams_are("--first-token-ms", "2000")
    try:
        with sent(room, EDITS, head_of(room, len(body)), body):
            wait_for(lambda: float(room.credits()["held"]) > 0, "the hold")
        wait_for(lambda: float(room.credits()["held"]) == 0, "the end of the hold")
        room.quiet()
    finally:
        room.upstreams_are()


def test_the_openrouter_path_is_the_same(room):
    kind, body = form(ASK, ONE)
    status, _, answer = room.request("/api" + EDITS, body, headers={"Content-Type": kind})
    assert status == 200 and json.loads(answer)["sandbox"]["files"], answer
