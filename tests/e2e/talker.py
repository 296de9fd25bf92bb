"""An upstream inside the test's process that streams word by word, and can be watched: how far each answer got, and
whether its connection was closed before its end."""

import http.server
import json
import threading
import time


class Talker:
    def __init__(self, port):
        self.words, self.pace, self.first, self.cut_after, self.status = 30, 0.0, 0.0, None, 200
        self.usage, self.reasoning = "exact", 0
        self.tier = None  # that it says it served
        self.later = None  # (5, "flex"): from the fifth word of a stream on it says that one
        self.asked, self.written, self.aborted, self.ended = [], 0, 0, 0
        self.lock = threading.Lock()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                outer.answer(self, json.loads(self.rfile.read(int(self.headers["content-length"]))))

            def log_message(self, *words):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def asked_count(self):
        return len(self.asked)

    def add(self, name, delta=1):
        with self.lock:
            setattr(self, name, getattr(self, name) + delta)

    def answer(self, handler, asked):
        with self.lock:
            self.asked.append(asked)
            number = len(self.asked)
        if self.status != 200:
            body = json.dumps({"error": {"message": "no"}}).encode()
            handler.send_response(self.status)
            handler.send_header("x-request-id", f"up-{number}")
            handler.send_header("Content-Length", str(len(body)))
            handler.end_headers()
            handler.wfile.write(body)
            return
        try:
            if asked.get("stream"):
                self.stream(handler, asked, number)
            else:
                self.whole(handler, asked, number)
            self.add("ended")
        except OSError:
            self.add("aborted")
        handler.close_connection = True

    def report(self, words):
        return {"prompt_tokens": 9, "completion_tokens": words + self.reasoning, "total_tokens": 9 + words + self.reasoning,
                "completion_tokens_details": {"reasoning_tokens": self.reasoning}}

    def served(self):
        return {} if self.tier is None else {"service_tier": self.tier}

    def whole(self, handler, asked, number):
        time.sleep(self.first)
        body = json.dumps({
            "id": f"chat-{number}", "object": "chat.completion", "created": 1, "model": asked["model"],
            "choices": [{"index": 0, "finish_reason": "stop",
                         "message": {"role": "assistant", "content": " word" * self.words}}],
            **self.served(), **({} if self.usage == "none" else {"usage": self.report(self.words)})}).encode()
        handler.send_response(200)
        handler.send_header("x-request-id", f"up-{number}")
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def stream(self, handler, asked, number):
        base = {"id": f"chat-{number}", "object": "chat.completion.chunk", "created": 1, "model": asked["model"], **self.served()}

        def event(more):
            data = b"data: " + (more if isinstance(more, bytes) else json.dumps({**base, **more}).encode()) + b"\n\n"
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
            handler.wfile.flush()

        time.sleep(self.first)
        handler.send_response(200)
        handler.send_header("x-request-id", f"up-{number}")
        handler.send_header("Content-Type", "text/event-stream")
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        for at in range(self.words):
            if at == self.cut_after:
                raise OSError("cut")
            if self.later is not None and at == self.later[0]:
                base["service_tier"] = self.later[1]
            event({"choices": [{"index": 0, "delta": {"content": " word"}, "finish_reason": None}]})
            self.add("written")
            if self.pace:
                time.sleep(self.pace)
        event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        if self.usage != "none":
            event({"choices": [], "usage": self.report(self.words)})
        if self.usage == "cut":
            raise OSError("cut")
        event(b"[DONE]")
        handler.wfile.write(b"0\r\n\r\n")

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


def events(data):
    """The JSON objects of a stream's events, and whether it said [DONE]."""
    lines = [line[6:] for line in data.decode().split("\n") if line.startswith("data: ")]
    return [json.loads(line) for line in lines if line != "[DONE]"], "[DONE]" in lines


def text_of(parsed):
    return "".join(choice["delta"].get("content") or "" for event in parsed for choice in event.get("choices", []))
