"""An upstream that does what it must not: a raw socket, one manner a model. The model's name says which ("m-case-…"), so
that all manners live behind one port; with a certificate, behind TLS."""

import gzip
import json
import socket
import ssl
import struct
import threading
import time

WORDS = 5
TYPE_JSON, TYPE_STREAM = b"Content-Type: application/json\r\n", b"Content-Type: text/event-stream\r\n"
FLOOD = 100 << 20


def answer(model):
    """A whole answer as it should be."""
    return json.dumps({
        "id": "chat-1", "object": "chat.completion", "created": 1, "model": model,
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": " word" * WORDS}}],
        "usage": {"prompt_tokens": 9, "completion_tokens": WORDS, "total_tokens": 9 + WORDS}}).encode()


def event(model, **more):
    return b"data: " + json.dumps({"id": "chat-1", "object": "chat.completion.chunk", "created": 1, "model": model,
                                   **more}).encode() + b"\n\n"


def words(model, count):
    return [event(model, choices=[{"index": 0, "delta": {"content": " word"}, "finish_reason": None}])] * count


def stream(model):
    """The events of an answer as it should be."""
    return [*words(model, WORDS), event(model, choices=[{"index": 0, "delta": {}, "finish_reason": "stop"}]),
            event(model, choices=[], usage={"prompt_tokens": 9, "completion_tokens": WORDS, "total_tokens": 9 + WORDS}),
            b"data: [DONE]\n\n"]


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


class Line:
    """A connection with its request, and what is often said on one."""

    def __init__(self, sock, asked):
        self.sock, self.asked = sock, asked
        self.model, self.streams = asked["model"], bool(asked.get("stream"))

    def send(self, *parts):
        for part in parts:
            self.sock.sendall(part)

    def head(self, *lines, status=b"200 OK", kind=None):
        kind = kind or (TYPE_STREAM if self.streams else TYPE_JSON)
        self.send(b"HTTP/1.1 " + status + b"\r\n" + kind + b"".join(line + b"\r\n" for line in lines) + b"\r\n")

    def body(self):
        return b"".join(stream(self.model)) if self.streams else answer(self.model)

    def whole(self, *lines):
        body = self.body()
        self.head(b"Content-Length: %d" % len(body), *lines)
        self.send(body)

    def begin(self):
        """A stream with three words said."""
        self.head(b"Transfer-Encoding: chunked")
        for part in words(self.model, 3):
            self.send(chunk(part))
        time.sleep(0.15)  # they are delivered before it goes wrong

    def wait(self):
        """Says nothing more, until the other side has had enough."""
        self.sock.settimeout(20)
        while self.sock.recv(65536):
            pass

    def drip(self, data, every=0.03):
        for at in range(len(data)):
            self.send(data[at:at + 1])
            time.sleep(every)

    def forever(self, data, every=0.0, total=None):
        sent = 0
        while total is None or sent < total:
            self.send(data)
            sent += len(data)
            if every:
                time.sleep(every)

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


# ---- manners: what comes instead of an answer ------------------------------------------------


def good(line):
    line.whole()


def good_chunked(line):
    """Everything that is unusual and allowed."""
    line.send(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n")
    line.head(b"Transfer-Encoding: chunked", b"Content-Encoding: identity")
    body = line.body()
    line.send(b"005 ;a=b\r\n" + body[:5] + b"\r\n", chunk(body[5:]), b"0\r\nX-Trailer: y\r\n\r\n")


def good_slow(line):
    time.sleep(0.3)
    line.head(b"Connection: close")
    time.sleep(0.3)
    line.send(line.body())


def never(line):
    line.wait()


def drip_head(line):
    line.drip(b"HTTP/1.1 200 OK\r\nX-Padding: " + b"x" * 10000)


def drip_body(line):
    body = line.body()
    line.head(b"Content-Length: %d" % (len(body) + 10000))
    line.drip(b" " * 10000 if not line.streams else b":" * 10000)


def close_at_once(line):
    pass


def close_in_head(line):
    line.send(b"HTTP/1.1 200 OK\r\nContent-Ty")


def reset_at_once(line):
    line.reset()


def huge_head(line):
    line.send(b"HTTP/1.1 200 OK\r\nX-Padding: ")
    line.forever(b"x" * 65536, total=FLOOD)


def many_lines(line):
    line.send(b"HTTP/1.1 200 OK\r\n")
    line.forever(b"X-Padding: y\r\n" * 4096, total=FLOOD)


def interim_flood(line):
    line.forever(b"HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n" * 1024, total=FLOOD)


def interim_patience(line):
    line.forever(b"HTTP/1.1 102 Processing\r\n\r\n", every=0.05)


def switches(line):
    line.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n")
    line.wait()


def http2(line):
    line.send(b"HTTP/2.0 200 OK\r\n\r\n")
    line.wait()


def no_http(line):
    line.send(bytes(range(256)) * 16)
    line.wait()


def both_lengths(line):
    line.head(b"Content-Length: 5", b"Transfer-Encoding: chunked")
    line.send(chunk(line.body()), b"0\r\n\r\n")


def two_lengths(line):
    line.head(b"Content-Length: 5", b"Content-Length: 500")
    line.send(line.body())


def bad_chunk(line):
    line.head(b"Transfer-Encoding: chunked")
    line.send(b"zz\r\n" + line.body())
    line.wait()


def huge_chunk(line):
    line.head(b"Transfer-Encoding: chunked")
    line.send(b"ffffffffffffffff\r\n" + line.body())
    line.wait()


def long_chunk(line):
    line.head(b"Transfer-Encoding: chunked")
    line.send(b"2\r\n" + line.body())
    line.wait()


def chunk_line(line):
    line.head(b"Transfer-Encoding: chunked")
    line.send(b"5;")
    line.forever(b"a" * 65536, total=FLOOD)


def trailers(line):
    line.head(b"Transfer-Encoding: chunked")
    line.send(b"0\r\n")
    line.forever(b"X-Padding: y\r\n" * 4096, total=FLOOD)


def endless_chunks(line):
    line.head(b"Transfer-Encoding: chunked")
    line.send(chunk(b"data: " if line.streams else b"{"))
    line.forever(chunk(b"x" * 16) * 1024, total=FLOOD)


def endless_comments(line):
    line.head(b"Transfer-Encoding: chunked")
    line.forever(chunk(b": still here\n\n"), every=0.05)


def compressed(line):
    body = gzip.compress(line.body())
    line.head(b"Content-Length: %d" % len(body), b"Content-Encoding: gzip")
    line.send(body)


def redirects(line):
    line.head(b"Location: http://127.0.0.1:1/v1", b"Content-Length: 0", status=b"307 Temporary Redirect")


def no_content(line):
    """A body that must not be there, on a connection that says it is kept."""
    line.head(b"Content-Length: 100000", status=b"204 No Content")
    time.sleep(0.1)
    line.send(b"HTTP/1.1 200 OK\r\n\r\nnot yours")
    line.wait()


def long_length(line):
    body = line.body()[:100]
    line.head(b"Content-Length: 100000")
    line.send(body if not line.streams else b": hello\n\n")


def long_length_open(line):
    long_length(line)
    line.wait()


def short_length(line):
    line.head(b"Content-Length: 60")
    line.send(line.body())
    line.wait()


def html(line):
    line.head(b"Content-Length: 21", kind=b"Content-Type: text/html\r\n")
    line.send(b"<html>Welcome.</html>")


def nothing(line):
    line.head(b"Content-Length: 0")


def error_inside(line):
    body = b'{"error":{"message":"out of luck"}}'
    body = b"data: " + body + b"\n\n" if line.streams else body
    line.head(b"Content-Length: %d" % len(body))
    line.send(body)


def failing(status):
    def manner(line):
        body = b'{"error":{"message":"no"}}'
        line.head(b"Content-Length: %d" % len(body), status=status, kind=TYPE_JSON)
        line.send(body)
    return manner


def endless_error(line):
    line.head(b"Transfer-Encoding: chunked", status=b"500 No", kind=TYPE_JSON)
    line.forever(chunk(b"x" * 16) * 1024, total=FLOOD)


def drip_error(line):
    line.head(b"Content-Length: 1000", status=b"400 No", kind=TYPE_JSON)
    line.drip(b" " * 1000)


# ---- manners of streams that have begun ------------------------------------------------------


def begun_cut(line):
    line.begin()


def begun_reset(line):
    line.begin()
    line.reset()


def begun_silent(line):
    line.begin()
    line.wait()


def begun_drip(line):
    line.begin()
    line.forever(chunk(b": still here\n\n"), every=0.05)


def begun_bad_chunk(line):
    line.begin()
    line.send(b"-5\r\nhello\r\n")
    line.wait()


def begun_bad_event(line):
    line.begin()
    line.send(chunk(b"data: {\"choices\": [\n\n"))
    line.wait()


def begun_huge_event(line):
    line.begin()
    line.send(chunk(b"data: "))
    line.forever(chunk(b"x" * 16) * 1024, total=FLOOD)


def begun_endless(line):
    """Words without end, each an event in order."""
    line.begin()
    line.forever(chunk(b"".join(words(line.model, 50))), total=FLOOD)


def begun_error(line):
    line.begin()
    line.send(chunk(b'data: {"error":{"message":"out of luck"}}\n\n'))
    line.wait()


def begun_short_length(line):
    parts = words(line.model, 3)
    line.head(b"Content-Length: %d" % sum(map(len, parts)))
    line.send(b"".join([*parts, *stream(line.model)]))
    line.wait()


def begun_no_end(line):
    """All framing in order, and the end of the answer missing."""
    line.begin()
    line.send(b"0\r\n\r\n")


# ---- the servers -----------------------------------------------------------------------------


class Rogue:
    """Serves `manners` by name; behind TLS with `certificate` (a file with key and chain)."""

    def __init__(self, manners, certificate=None):
        self.manners, self.lock, self.open, self.asked = manners, threading.Lock(), 0, 0
        self.tls = None
        if certificate is not None:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(certificate)
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(sock,), daemon=True).start()

    def count(self, delta):
        with self.lock:
            self.open += delta

    def serve(self, sock):
        self.count(1)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.settimeout(20)
            self.talk(sock)
        except OSError:
            pass  # the other side has had enough, as it should
        finally:
            sock.close()
            self.count(-1)

    def talk(self, raw):
        sock = raw if self.tls is None else self.tls.wrap_socket(raw, server_side=True, suppress_ragged_eofs=False)
        try:
            asked = self.read(sock)
            while asked is not None:
                manner = self.manners[asked["model"].split(".")[1]]
                manner(Line(sock, asked))
                asked = self.read(sock) if manner is good else None
        finally:
            if self.tls is not None:
                sock.close()  # without a close_notify: that is for unwrap() to send

    def read(self, sock):
        """The next request's body, None when there is none."""
        data = b""
        while b"\r\n\r\n" not in data:
            got = sock.recv(65536)
            if not got:
                return None
            data += got
        head, body = data.split(b"\r\n\r\n", 1)
        length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length"))
        while len(body) < length:
            body += sock.recv(65536)
        with self.lock:
            self.asked += 1
        return json.loads(body)

    def stop(self):
        self.listener.close()


class Shaker(Rogue):
    """Meets each connection with some bytes where TLS would be agreed on, then waits or closes."""

    def __init__(self, said, waits):
        self.said, self.waits = said, waits
        super().__init__({})

    def talk(self, raw):
        raw.recv(65536)  # the client's hello
        raw.sendall(self.said)
        while self.waits and raw.recv(65536):
            pass
