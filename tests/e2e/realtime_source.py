"""An upstream that speaks OpenAI's realtime API, by the `websockets` of PyPI: what a response does is said by its instructions."""

import base64
import http
import json
import threading
import time
import urllib.parse

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import serve

USAGE = {"total_tokens": 150, "input_tokens": 100, "output_tokens": 50,
         "input_token_details": {"text_tokens": 60, "audio_tokens": 40, "image_tokens": 0, "cached_tokens": 20,
                                 "cached_tokens_details": {"text_tokens": 20, "audio_tokens": 0, "image_tokens": 0}},
         "output_token_details": {"text_tokens": 10, "audio_tokens": 40}}
CUT = {"total_tokens": 110, "input_tokens": 100, "output_tokens": 10,
       "input_token_details": {"text_tokens": 100, "audio_tokens": 0, "cached_tokens": 0},
       "output_token_details": {"text_tokens": 10, "audio_tokens": 0}}
HEARD = {"type": "tokens", "total_tokens": 22, "input_tokens": 14, "input_token_details": {"text_tokens": 0, "audio_tokens": 14},
         "output_tokens": 8}
SECOND = base64.b64encode(bytes(4800)).decode()  # a tenth of a second of sound


class Conversation:
    def __init__(self, source, socket, model):
        self.source, self.socket = source, socket
        self.session = {"type": "realtime", "object": "realtime.session", "id": "sess_1", "model": source.model or model,
                        "audio": {"input": {"format": {"type": "audio/pcm", "rate": 24000}}}}
        self.responses, self.cancelled, self.lock = 0, threading.Event(), threading.Lock()
        self.thread, self.late, self.dropped = None, None, set()

    def say(self, type, **fields):
        with self.lock:
            self.socket.send(json.dumps({"type": type, "event_id": f"event_up_{time.monotonic_ns()}", **fields}))

    def run(self):
        self.say("session.created", session=self.session)
        for text in self.socket:
            event = json.loads(text)
            self.source.heard.append(event)
            getattr(self, "on_" + event["type"].replace(".", "_"), self.unknown)(event)

    def unknown(self, event):
        self.say("error", error={"type": "invalid_request_error", "code": "unknown_event", "message": "What?", "param": "type",
                                 "event_id": event.get("event_id")})

    def on_session_update(self, event):
        if event["session"].get("voice") == "nobody":
            self.say("error", error={"type": "invalid_request_error", "code": "invalid_value", "message": "No such voice.",
                                     "param": "session.voice", "event_id": event.get("event_id")})
            return
        self.session.update(event["session"])
        self.say("session.updated", session=self.session)

    def on_conversation_item_create(self, event):
        self.say("conversation.item.added", item={"id": "item_u", "object": "realtime.item", **event["item"]})
        self.say("conversation.item.done", item={"id": "item_u", "object": "realtime.item", **event["item"]})

    def on_input_audio_buffer_append(self, event):
        self.source.sound += len(base64.b64decode(event["audio"]))

    def on_input_audio_buffer_commit(self, event):
        """As voice detection has it: what was heard is written down, and answered without being asked."""
        self.say("input_audio_buffer.committed", item_id="item_a")
        usage = {"type": "duration", "seconds": 2.5} if self.session.get("by_seconds") else HEARD
        self.say("conversation.item.input_audio_transcription.completed", item_id="item_a", content_index=0,
                 transcript="good morning", usage=usage)
        self.begin({})

    def on_response_create(self, event):
        response = event.get("response", {})
        if response.get("instructions") == "refuse":
            self.say("error", error={"type": "invalid_request_error", "code": "invalid_value", "message": "No such voice.",
                                     "param": "response.voice", "event_id": event.get("event_id")})
            return
        if response.get("instructions") == "silent":
            return
        if response.get("instructions") == "held":
            self.source.release.wait(20)
        if response.get("instructions") == "tardy" and self.late:
            self.say("error", error={"type": "invalid_request_error", "code": "item_delete_invalid_item_id", "message": "No such item.",
                                     "param": None, "event_id": self.late.get("event_id")})
            self.late = None
            time.sleep(0.2)
        self.begin(response)

    def on_conversation_item_delete(self, event):
        """Told late: behind the next response.create."""
        self.late = event

    def on_response_cancel(self, event):
        if "response_id" in event:
            self.dropped.add(event["response_id"])
        else:
            self.cancelled.set()

    def begin(self, response):
        self.cancelled.clear()
        self.thread = threading.Thread(target=self.respond, args=(response.get("instructions", ""),), daemon=True)
        self.thread.start()

    def respond(self, what):
        self.responses += 1
        id = f"resp_{self.responses}"
        try:
            self.answer(what, id)
        except ConnectionClosed:
            pass

    def answer(self, what, id):
        at = {"response_id": id, "item_id": "item_r", "output_index": 0, "content_index": 0}
        self.say("response.created", response={"id": id, "object": "realtime.response", "status": "in_progress", "output": []})
        self.say("response.output_item.added", response_id=id, output_index=0, item={"id": "item_r", "type": "message"})
        self.say("conversation.item.added", item={"id": "item_r", "type": "message", "role": "assistant", "content": []})
        for n in range(200 if what in ("long", "die") else 5):
            self.say("response.output_text.delta", delta=f"word{n} ", **at)
            self.say("response.output_audio.delta", delta=SECOND, **at)
            if what == "die" and n == 3:
                self.source.dying.set()
                self.socket.socket.close()
                return
            if what == "slow":
                time.sleep(0.1)
            if what == "long":
                if self.cancelled.wait(0.05) or id in self.dropped:
                    self.say("response.done", response={"id": id, "object": "realtime.response", "status": "cancelled",
                                                        "output": [], "usage": CUT})
                    return
        self.say("response.output_text.done", text="all", **at)
        self.say("response.done", response={"id": id, "object": "realtime.response", "status": "completed", "output": [],
                                            "usage": None if what == "mute" else USAGE})
        self.say("rate_limits.updated", rate_limits=[])


class Source:
    """Listens at once; `heard` is every event that any client sent."""

    def __init__(self, port, tls=None):
        self.heard, self.sound, self.model, self.status = [], 0, None, None
        self.paths, self.keys, self.dying, self.release = [], [], threading.Event(), threading.Event()
        self.server = serve(self.serve, "127.0.0.1", port, process_request=self.look, compression=None, ssl=tls)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def look(self, socket, request):
        self.paths.append(request.path)
        self.keys.append(request.headers.get("Authorization"))
        if self.status:
            return socket.respond(http.HTTPStatus(self.status), '{"error":{"message":"no"}}\n')
        return None

    def serve(self, socket):
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(socket.request.path).query)
        try:
            Conversation(self, socket, query["model"][0]).run()
        except ConnectionClosed:
            pass

    def types(self):
        return [event["type"] for event in self.heard]

    def close(self):
        self.server.shutdown()
