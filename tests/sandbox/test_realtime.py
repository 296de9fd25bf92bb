#!/usr/bin/env python3
"""The sandbox's realtime sessions, by a WebSocket of the standard library alone.

Runs by itself or under pytest; the last line is "N passed, N failed, N skipped".
"""

import base64
import contextlib
import json
import pathlib
import socket
import struct
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from test_sandbox import count, main, sandbox  # noqa: E402

QUIET = base64.b64encode(bytes(48 * 100)).decode()  # 100 ms
LOUD = base64.b64encode(struct.pack("<2400h", *[8000, -8000] * 1200)).decode()
TOOL = {"type": "function", "name": "read_notes", "parameters": {"type": "object", "properties": {"name": {"type": "string"}}}}
TEXT = {"type": "realtime", "output_modalities": ["text"]}


class Session:
    def __init__(self, box, query="?model=m", headers="", expect=101):
        self.wire = socket.create_connection(("127.0.0.1", box.port), timeout=20)
        self.wire.sendall(f"GET /v1/realtime{query} HTTP/1.1\r\nhost: sandbox\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
                          f"sec-websocket-version: 13\r\nsec-websocket-key: {base64.b64encode(bytes(16)).decode()}\r\n{headers}\r\n"
                          .encode())
        self.bytes = b""
        while b"\r\n\r\n" not in self.bytes:
            self.more()
        self.head, self.bytes = self.bytes.split(b"\r\n\r\n", 1)
        assert int(self.head.split()[1]) == expect, self.head

    def more(self):
        got = self.wire.recv(1 << 20)
        if not got:
            raise EOFError
        self.bytes += got

    def take(self, size):
        while len(self.bytes) < size:
            self.more()
        part, self.bytes = self.bytes[:size], self.bytes[size:]
        return part

    def receive(self):
        kind, size = self.take(2)
        size = struct.unpack(">H", self.take(2))[0] if size == 126 else struct.unpack(">Q", self.take(8))[0] if size == 127 else size
        data = self.take(size)
        if kind == 0x88:
            raise EOFError(data)
        assert kind == 0x81
        return json.loads(data)

    def until(self, type):
        events = [self.receive()]
        while events[-1]["type"] != type:
            events.append(self.receive())
        return events

    def frame(self, data, kind=1):
        size = bytes([0x80 | len(data)]) if len(data) < 126 else b"\xfe" + struct.pack(">H", len(data)) if len(data) < 65536 \
            else b"\xff" + struct.pack(">Q", len(data))
        self.wire.sendall(bytes([0x80 | kind]) + size + bytes(4) + data)  # a mask of zeros is one

    def send(self, type, **fields):
        self.frame(json.dumps({"type": type, **fields}).encode())

    def error(self, **told):
        error = self.until("error")[-1]["error"]
        assert {name: error[name] for name in told} == told and error["type"] == "invalid_request_error", error


@contextlib.contextmanager
def session(*flags, **more):
    with sandbox(*flags) as box:
        made = Session(box, **more)
        made.box = box
        made.created = made.receive()
        assert made.created["type"] == "session.created"
        yield made
        made.wire.close()


def say(wire, text):
    wire.send("conversation.item.create", item={"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]})
    return wire.until("conversation.item.done")[-1]["item"]


def respond(wire, **response):
    wire.send("response.create", **({"response": response} if response else {}))
    events = wire.until("response.done")
    return events, events[-1]["response"]


def sums_up(usage):
    split = usage["input_token_details"], usage["output_token_details"]
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
    assert usage["input_tokens"] == split[0]["text_tokens"] + split[0]["audio_tokens"]
    assert usage["output_tokens"] == split[1]["text_tokens"] + split[1]["audio_tokens"]


def test_a_session_is_told_and_changed():
    with session(headers="sec-websocket-protocol: realtime, openai-insecure-api-key.x\r\n") as wire:
        assert b"sec-websocket-protocol: realtime\r\n" in wire.head.lower() + b"\r\n"
        assert wire.created["session"]["model"] == "m" and wire.created["session"]["output_modalities"] == ["audio"]
        wire.send("session.update", session={**TEXT, "instructions": "be brief", "audio": {"output": {"voice": "marin"}}})
        told = wire.until("session.updated")[-1]["session"]
        assert told["instructions"] == "be brief" and told["audio"]["output"]["voice"] == "marin"
        wire.send("session.update", session={"type": "realtime", "max_output_tokens": 5})
        told = wire.until("session.updated")[-1]["session"]
        assert (told["max_output_tokens"], told["instructions"], told["output_modalities"]) == (5, "be brief", ["text"])


def test_text_is_told_word_by_word_and_counted():
    with session("--words", "7") as wire:
        wire.send("session.update", session={**TEXT, "instructions": "be brief"})
        wire.until("session.updated")
        say(wire, "Hello, old world!")
        events, done = respond(wire)
        words = [e["delta"] for e in events if e["type"] == "response.output_text.delta"]
        assert len(words) == 7 and done["output"][0]["content"] == [{"type": "output_text", "text": "".join(words)}]
        assert [e["type"] for e in events if "delta" not in e["type"]] == [
            "response.created", "response.output_item.added", "conversation.item.added", "response.content_part.added",
            "response.output_text.done", "response.content_part.done", "conversation.item.done", "response.output_item.done",
            "response.done"]
        assert done["status"] == "completed" and done["conversation_id"]
        assert done["usage"]["input_tokens"] == 3 + count("be brief") + 3 + count("Hello, old world!")
        assert done["usage"]["output_tokens"] == 7
        again = respond(wire)[1]["usage"]  # what was said is read again
        assert again["input_tokens"] == done["usage"]["input_tokens"] + 3 + 7
        sums_up(again)


def test_sound_has_its_text_and_its_tokens():
    with session("--words", "3") as wire:
        for format, size in (("audio/pcm", 2880), ("audio/pcmu", 480)):
            events, done = respond(wire, conversation="none", audio={"output": {"format": {"type": format}}}, metadata={"a": "b"})
            said = "".join(e["delta"] for e in events if e["type"] == "response.output_audio_transcript.delta")
            sound = sum(len(base64.b64decode(e["delta"])) for e in events if e["type"] == "response.output_audio.delta")
            assert sound == len(said) * size and done["metadata"] == {"a": "b"}
            assert done["usage"]["output_token_details"] == {"text_tokens": 3, "audio_tokens": sound // (size * 5 // 6)}
            assert done["conversation_id"] is None and not [e for e in events if e["type"].startswith("conversation.")]


def test_a_cap_is_of_words_and_sound_together():
    with session("--words", "30") as wire:
        for modality in ("text", "audio"):
            done = respond(wire, conversation="none", output_modalities=[modality], max_output_tokens=20)[1]
            assert done["status"] == "incomplete" and done["status_details"]["reason"] == "max_output_tokens"
            assert 10 < done["usage"]["output_tokens"] <= 20, done["usage"]
            sums_up(done["usage"])
        assert respond(wire, max_output_tokens=1)[1]["output"][0]["content"] == []


def test_a_conversation_is_bounded():
    with session() as wire:
        for _ in range(1024):
            wire.send("conversation.item.create", item={"type": "message", "role": "user", "content": []})
            wire.until("conversation.item.done")
        wire.send("conversation.item.create", item={"type": "message", "role": "user", "content": []}, event_id="more")
        wire.error(param="item", event_id="more")
        wire.send("response.create", event_id="more")
        wire.error(param="item", event_id="more")
        assert respond(wire, conversation="none", input=[])[1]["status"] == "completed"


def test_what_is_heard_is_an_item_and_may_be_written_down():
    with session() as wire:
        wire.send("session.update", session={**TEXT, "audio": {"input": {"turn_detection": None, "transcription": {"model": "whisper-1"}}}})
        wire.send("input_audio_buffer.append", audio=QUIET)
        wire.send("input_audio_buffer.append", audio=LOUD)
        wire.send("input_audio_buffer.commit")
        done = wire.until("conversation.item.input_audio_transcription.completed")[-1]
        assert done["transcript"] == "This recording has 200 ms of sound." and done["usage"] == {"type": "duration", "seconds": 1}
        usage = respond(wire)[1]["usage"]
        assert usage["input_token_details"]["audio_tokens"] == 2
        wire.send("input_audio_buffer.append", audio=QUIET)
        wire.send("input_audio_buffer.clear")
        wire.until("input_audio_buffer.cleared")
        wire.send("input_audio_buffer.commit", event_id="early")
        wire.error(code="input_audio_buffer_commit_empty", event_id="early")


def test_voice_detection_makes_turns_and_interrupts():
    with session("--pace-ms", "20") as wire:
        wire.send("input_audio_buffer.append", audio=LOUD)
        events = wire.until("input_audio_buffer.speech_started")
        assert events[-1]["audio_start_ms"] > 0
        for _ in range(5):
            wire.send("input_audio_buffer.append", audio=QUIET)
        kinds = [e["type"] for e in wire.until("response.created")]
        assert kinds[:2] == ["input_audio_buffer.speech_stopped", "input_audio_buffer.committed"]
        wire.until("response.output_audio.delta")
        wire.send("input_audio_buffer.append", audio=LOUD)
        done = wire.until("response.done")[-1]["response"]
        assert done["status"] == "cancelled" and done["status_details"]["reason"] == "turn_detected"


def test_a_tool_is_called_by_the_script_to_the_end_of_the_task():
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        file.write(json.dumps([{"call": "read_notes", "arguments": {"name": "the day of today"}}, {"say": "The notes say 42."}]))
        file.flush()
        with session("--script", file.name) as wire:
            wire.send("session.update", session={**TEXT, "tools": [TOOL]})
            say(wire, "What do the notes say?")
            events, done = respond(wire)
            call, = done["output"]
            parts = [e["delta"] for e in events if e["type"] == "response.function_call_arguments.delta"]
            assert len(parts) > 1 and "".join(parts) == call["arguments"] and json.loads(call["arguments"]) == {"name": "the day of today"}
            assert call["type"] == "function_call" and call["name"] == "read_notes"
            sums_up(done["usage"])
            wire.send("conversation.item.create", item={"type": "function_call_output", "call_id": call["call_id"], "output": "42"})
            assert respond(wire)[1]["output"][0]["content"][0]["text"] == "The notes say 42."


def test_a_response_is_cancelled_where_it_is():
    with session("--pace-ms", "50") as wire:
        wire.send("session.update", session=TEXT)
        wire.send("response.create")
        wire.until("response.output_text.delta")
        wire.send("response.cancel")
        events = wire.until("response.done")
        done = events[-1]["response"]
        assert done["status"] == "cancelled" and done["output"][0]["status"] == "incomplete"
        assert 1 <= done["usage"]["output_tokens"] < 10
        wire.send("response.cancel", event_id="late")
        wire.error(code="response_cancel_not_active", event_id="late")


def test_one_response_of_the_conversation_and_others_beside_it():
    with session("--pace-ms", "20", "--words", "6") as wire:
        wire.send("session.update", session=TEXT)
        wire.send("response.create")
        first = wire.until("response.created")[-1]["response"]["id"]
        wire.send("response.create", event_id="second")
        told = wire.until("error")[-1]["error"]
        assert told["code"] == "conversation_already_has_active_response" and first in told["message"] and told["event_id"] == "second"
        wire.send("response.create", response={"conversation": "none", "metadata": {"n": "1"}})
        done = {e["response"]["metadata"] and "beside": e["response"]["status"]
                for e in (wire.until("response.done")[-1], wire.until("response.done")[-1])}
        assert done == {None: "completed", "beside": "completed"}


def test_items_are_placed_found_and_taken_out():
    with session() as wire:
        first = say(wire, "one")
        wire.send("conversation.item.create", previous_item_id="root", item={
            "id": "mine", "type": "message", "role": "system", "content": [{"type": "input_text", "text": "zero"}]})
        added = wire.until("conversation.item.added")[-1]
        assert added["previous_item_id"] is None and added["item"]["id"] == "mine"
        wire.send("conversation.item.retrieve", item_id="mine")
        assert wire.until("conversation.item.retrieved")[-1]["item"]["content"][0]["text"] == "zero"
        wire.send("conversation.item.truncate", item_id=first["id"], content_index=0, audio_end_ms=20)
        assert wire.until("conversation.item.truncated")[-1]["audio_end_ms"] == 20
        wire.send("conversation.item.delete", item_id="mine")
        wire.until("conversation.item.deleted")
        for verb in ("retrieve", "delete", "truncate"):
            wire.send(f"conversation.item.{verb}", item_id="mine", event_id="e")
            wire.error(code=f"item_{verb}_invalid_item_id", param="item_id", event_id="e")
        wire.send("response.create", response={"input": [{"type": "item_reference", "id": first["id"]}], **{"output_modalities": ["text"]}})
        assert wire.until("response.done")[-1]["response"]["usage"]["input_tokens"] == 3 + 3 + 1


def test_bad_events_are_told_and_the_session_goes_on():
    bad = [
        ({"type": "response.erase"}, "invalid_value", "type"),
        ({"x": 1}, "missing_required_parameter", "type"),
        ({"type": "session.update"}, "missing_required_parameter", "session"),
        ({"type": "session.update", "session": {}}, "missing_required_parameter", "session.type"),
        ({"type": "session.update", "session": {"type": "transcription"}}, "invalid_value", "session.type"),
        ({"type": "session.update", "session": {"type": "realtime", "model": "other"}}, "invalid_value", "session.model"),
        ({"type": "session.update", "session": {"type": "realtime", "colour": 1}}, "unknown_parameter", None),
        ({"type": "session.update", "session": {"type": "realtime", "output_modalities": ["smell"]}}, "invalid_value", "output_modalities"),
        ({"type": "session.update", "session": {"type": "realtime", "max_output_tokens": 0}}, "invalid_value", "max_output_tokens"),
        ({"type": "session.update", "session": {"type": "realtime", "tools": [{"type": "function"}]}}, "invalid_value", "tools"),
        ({"type": "session.update", "session": {"type": "realtime", "audio": {"input": {"format": {"type": "audio/opus"}}}}},
         "invalid_value", "audio.input.format"),
        ({"type": "input_audio_buffer.append"}, "invalid_value", "audio"),
        ({"type": "input_audio_buffer.append", "audio": "AAA"}, "invalid_value", "audio"),
        ({"type": "input_audio_buffer.append", "audio": "AA=="}, "invalid_value", "audio"),  # half a sample
        ({"type": "output_audio_buffer.clear"}, "invalid_value", "type"),
        ({"type": "conversation.item.create"}, "invalid_value", "item"),
        ({"type": "conversation.item.create", "item": {"type": "poem"}}, "invalid_value", "item.type"),
        ({"type": "conversation.item.create", "item": {"type": "message", "role": "cat", "content": []}}, "invalid_value", "item.role"),
        ({"type": "conversation.item.create", "item": {"type": "message", "role": "user", "content": "x"}}, "invalid_value", "item.content"),
        ({"type": "conversation.item.create", "item": {"type": "message", "role": "user", "content": [{"type": "input_text"}]}},
         "invalid_value", "item.content"),
        ({"type": "conversation.item.create", "item": {"type": "function_call_output"}}, "invalid_value", "item"),
        ({"type": "conversation.item.create", "item": {"type": "message", "id": "x" * 65, "role": "user", "content": []}},
         "invalid_value", "item.id"),
        ({"type": "conversation.item.create", "previous_item_id": "nobody", "item": {}}, "item_create_invalid_previous_item_id",
         "previous_item_id"),
        ({"type": "response.create", "response": {"conversation": "other"}}, "invalid_value", "response.conversation"),
        ({"type": "response.create", "response": {"input": {}}}, "invalid_type", "response.input"),
        ({"type": "response.create", "response": {"input": [{"type": "item_reference", "id": "gone"}]}}, "invalid_value", "response.input"),
    ]
    with session("--words", "2") as wire:
        for event, code, param in bad:
            wire.frame(json.dumps({**event, "event_id": "bad"}).encode())
            wire.error(code=code, param=param, event_id="bad")
        wire.frame(b"{")
        wire.error(code="invalid_json", event_id=None)
        wire.frame(b"\x00", 2)
        wire.error(code="invalid_value")
        assert respond(wire)[1]["status"] == "completed"


def test_usage_is_reported_as_the_options_have_it():
    for flags, fits in [
        (("--usage", "missing"), lambda usage: usage is None),
        (("--usage", "odd"), lambda usage: usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"] + 1),
        (("--usage", "padded"), lambda usage: usage["output_token_details"]["text_tokens"] == 102),
        (("--usage", "inflated"), lambda usage: usage["output_token_details"]["text_tokens"] == 4),
        (("--cached", "2"), lambda usage: usage["input_token_details"]["cached_tokens_details"]["text_tokens"] == 2),
        (("--report", '{"total_tokens": 9}'), lambda usage: usage == {"total_tokens": 9}),
    ]:
        with session("--words", "2", *flags) as wire:
            usage = respond(wire)[1]["usage"]
            assert fits(usage), usage


def test_a_session_breaks_off_as_it_is_told_to():
    with session("--cut-after", "3") as wire:
        wire.send("session.update", session=TEXT)
        wire.send("response.create")
        try:
            wire.until("response.done")
            raise AssertionError("not cut")
        except (EOFError, ConnectionError):
            pass


def test_what_is_no_session_is_refused_with_a_status():
    with sandbox("--key", "k") as box:
        Session(box, expect=401)
        Session(box, headers="authorization: Bearer k\r\n", query="", expect=400)
        assert box.send("/v1/realtime?model=m", headers={"authorization": "Bearer k"}).status == 426


def test_many_sessions_leave_nothing_behind():
    with sandbox("--words", "2") as box:
        for _ in range(20):
            wire = Session(box)
            wire.receive()
            wire.send("response.create")
            wire.wire.close()
        before = box.memory_kib()
        for _ in range(200):
            wire = Session(box)
            wire.receive()
            respond(wire)
            wire.wire.close()
        assert box.memory_kib() < before + 4096


if __name__ == "__main__":
    sys.exit(main(globals()))
