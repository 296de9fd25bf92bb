"""A toy as the scenarios want it, good or bad: WebSocket by hand, Opus by libopus, and a house that toys may talk to."""

import array
import base64
import ctypes
import ctypes.util
import http.server
import io
import json
import math
import os
import socket
import sqlite3
import struct
import subprocess
import sys
import threading
import wave

from conftest import ROOT, House, free_port, port_open, wait_for

OPUS = ctypes.util.find_library("opus")
PATH = "/v1/devices/voice"
RATE, FRAME = 16000, 960  # 60 ms
HELLO = {"type": "hello", "version": 1, "features": {"mcp": True}, "transport": "websocket",
         "audio_params": {"format": "opus", "sample_rate": 16000, "channels": 1, "frame_duration": 60}}
MODEL = "aurora-small"

ROUTE = """\
  - id: {id}
    upstream_party: aurora
    model: aurora-small
    credential: aurora-contract
    dialect: {dialect}
    endpoint: http://127.0.0.1:{port}/v1
    upstream_model: aurora-small
    place: US
    abort_billing: stops
    output_cap_field: max_completion_tokens
    contract_price: aurora-contract-2026
    data_terms: dt.aurora
"""


class Toys(House):
    """aurora-small hears and speaks, too, at an upstream of its own."""

    def __init__(self, folder):
        super().__init__(folder)
        self.speech = free_port()
        routes = folder / "registry" / "routes.yaml"
        text = routes.read_text()
        for dialect in ("openai_transcriptions", "openai_speech"):
            text += ROUTE.format(id=dialect.replace("_", "-"), dialect=dialect, port=self.speech)
        routes.write_text(text)
        books = folder / "registry" / "price_books.yaml"
        lines = [line.replace("}", ', per_second_in: "0.0001", per_char: "0.000015"}', 1) if "aurora-small:" in line else line
                 for line in books.read_text().splitlines()]
        books.write_text("\n".join(lines) + "\n")
        products = folder / "registry" / "products.yaml"
        products.write_text(products.read_text().replace(
            "    brand: Example\n",
            "    brand: Example\n    voice: {hear: aurora-small, think: aurora-small, speak: aurora-small, "
            "voice: en-us, language: en}\n"))
        self.apply()

    def speech_upstream(self, sentences):
        """espeak-ng and pocketsphinx; False: one of them is not there."""
        words = self.folder / "sentences"
        words.write_text("\n".join(sentences) + "\n")
        program = ROOT / "examples" / "toy" / "speech_upstream.py"
        self.processes["speech"] = subprocess.Popen(
            [sys.executable, str(program), "--listen", f"127.0.0.1:{self.speech}", "--sentences", str(words)])
        wait_for(lambda: port_open(self.speech), "the speech upstream's listener")

    def speech_actor(self):
        """A source of speech that hears and says what it is told to, in place of the real one."""
        self.stop_process("speech")
        return Actor(self.speech)

    def chat_says(self, *texts, flags=()):
        script = self.folder / "script.json"
        script.write_text(json.dumps([{"say": text} for text in texts]))
        for at in range(2):
            self.upstream(at, "--script", str(script), *flags)

    def receipts(self):
        """The clients' sections of all receipts, oldest first."""
        store = sqlite3.connect(f"file:{self.folder / 'var' / 'entrepot.db'}?mode=ro", uri=True, timeout=20)
        rows = store.execute("SELECT client FROM receipt ORDER BY leaf").fetchall()
        store.close()
        return [json.loads(row[0]) for row in rows]

    def segments(self):
        """The steps of each segment, in their order."""
        found = {}
        for row in self.receipts():
            if "segment" in row:
                found.setdefault(row["segment"], []).append(row)
        return [sorted(steps, key=lambda row: int(row["segment_step"])) for steps in found.values()]


class Actor:
    """Hears `text`, says `ms` of a tone; `faults` are answered instead, by the path's last word: (status, type, body)."""

    def __init__(self, port):
        self.text, self.ms, self.faults, self.asked = "hello", 300, {}, []
        actor = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *words):
                pass

            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                what = self.path.rsplit("/", 1)[1]
                actor.asked.append((what, body))
                status, kind, told = actor.faults.get(what) or (200, *actor.answer(what))
                self.send_response(status)
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(told)))
                self.end_headers()
                self.wfile.write(told)

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, what):
        if what == "speech":
            return "audio/wav", wav(tone(self.ms), RATE)
        told = {"text": self.text, "usage": {"type": "duration", "seconds": 1}}
        return "application/json", json.dumps(told).encode()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


# ---- Opus ----------------------------------------------------------------------------------------------------------------


class Codec:
    def __init__(self):
        self.lib = ctypes.CDLL(OPUS)
        failed = ctypes.c_int()
        for name in ("opus_encoder_create", "opus_decoder_create"):
            getattr(self.lib, name).restype = ctypes.c_void_p
        self.encoder = ctypes.c_void_p(self.lib.opus_encoder_create(RATE, 1, 2048, ctypes.byref(failed)))
        self.decoder = ctypes.c_void_p(self.lib.opus_decoder_create(24000, 1, ctypes.byref(failed)))

    def encode(self, samples):
        """Packets of 60 ms of 16-bit samples."""
        packets = []
        for at in range(0, len(samples) - FRAME + 1, FRAME):
            frame = array.array("h", samples[at:at + FRAME])
            out = ctypes.create_string_buffer(4000)
            size = self.lib.opus_encode(self.encoder, (ctypes.c_int16 * FRAME).from_buffer(frame), FRAME, out, 4000)
            assert size > 0
            packets.append(out.raw[:size])
        return packets

    def decode(self, packets):
        """16-bit samples at 24 kHz."""
        samples = array.array("h")
        for packet in packets:
            out = (ctypes.c_int16 * 5760)()
            count = self.lib.opus_decode(self.decoder, packet, len(packet), out, 5760, 0)
            assert count > 0, "the answer does not decode"
            samples.extend(out[:count])
        return samples


def wav(samples, rate):
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes(samples.tobytes())
    return out.getvalue()


def tone(ms, level=8000):
    return array.array("h", (int(level * math.sin(i * 0.17)) for i in range(RATE * ms // 1000)))


def spoken(text):
    """The samples of a sentence, by espeak-ng, with a little quiet around it."""
    made = subprocess.run(["espeak-ng", "-v", "en-us", "-s", "150", "--stdout", text], capture_output=True, check=True).stdout
    with wave.open(io.BytesIO(made)) as file:
        rate = file.getframerate()
    samples = array.array("h", made[44:len(made) & ~1])
    quiet = array.array("h", bytes(2 * RATE // 5))
    return quiet + array.array("h", (samples[i * rate // RATE] for i in range(len(samples) * RATE // rate))) + quiet


# ---- WebSocket -----------------------------------------------------------------------------------------------------------


class Refused(Exception):
    def __init__(self, status, body):
        super().__init__(f"{status}: {body}")
        self.status, self.body = status, body


class Toy:
    def __init__(self, house, key=None, version=1, **headers):
        self.version = version
        self.socket = socket.create_connection(("127.0.0.1", house.public), timeout=30)
        lines = {"Host": "toy", "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
                 "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
                 "Authorization": f"Bearer {key or house.key}", "Protocol-Version": str(version),
                 "Device-Id": "11:22:33:44:55:66", "Client-Id": "a-toy", **headers}
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value is not None)
        self.socket.sendall(f"GET {PATH} HTTP/1.1\r\n{head}\r\n".encode())
        self.bytes = b""
        while b"\r\n\r\n" not in self.bytes:
            self.fill()
        told, self.bytes = self.bytes.split(b"\r\n\r\n", 1)
        if not told.startswith(b"HTTP/1.1 101"):
            raise Refused(int(told.split()[1]), self.bytes)
        self.closed = None  # (code, reason)

    def fill(self):
        more = self.socket.recv(65536)
        if not more:
            raise ConnectionError("the server has gone")
        self.bytes += more

    def frame(self, opcode, data):
        mask = os.urandom(4)
        size = len(data)
        head = bytes([0x80 | opcode])
        head += bytes([0x80 | size]) if size < 126 else struct.pack(">BH", 0xFE, size) if size < 65536 else \
            struct.pack(">BQ", 0xFF, size)
        masked = bytes(a ^ b for a, b in zip(data, mask * (size // 4 + 1)))
        self.socket.sendall(head + mask + masked)

    def say(self, message):
        self.frame(1, message if isinstance(message, bytes) else json.dumps(message).encode())

    def packet(self, data, clock=0):
        head = {1: b"", 2: struct.pack(">HHIII", 2, 0, 0, clock & 0xFFFFFFFF, len(data)),
                3: struct.pack(">BBH", 0, 0, len(data))}[self.version]
        self.frame(2, head + data)

    def hello(self, **change):
        self.say({**HELLO, "version": self.version, **change})
        told = self.told("hello")
        assert told["transport"] == "websocket" and told["audio_params"]["sample_rate"] == 24000
        return told

    def listen(self, state, mode="manual"):
        self.say({"type": "listen", "state": state, "mode": mode} if state == "start" else {"type": "listen", "state": state})

    def take(self, seconds=30):
        """The next message: a dict, a packet's bytes, or None once it is closed."""
        self.socket.settimeout(seconds)
        while self.closed is None:
            while len(self.bytes) < 2:
                self.fill()
            opcode, size, at = self.bytes[0] & 15, self.bytes[1] & 127, 2
            if size > 125:
                at = 4 if size == 126 else 10
                while len(self.bytes) < at:
                    self.fill()
                size = int.from_bytes(self.bytes[2:at], "big")
            while len(self.bytes) < at + size:
                self.fill()
            data, self.bytes = self.bytes[at:at + size], self.bytes[at + size:]
            if opcode == 8:
                self.closed = (int.from_bytes(data[:2], "big"), data[2:].decode())
                self.frame(8, data[:2])
            elif opcode == 9:
                self.frame(10, data)
            elif opcode == 1:
                return json.loads(data)
            elif opcode == 2:
                return data[{1: 0, 2: 16, 3: 4}[self.version]:]
        return None

    def told(self, kind, **members):
        """The next message of that type, with these members; what comes before it is kept in `passed`."""
        self.passed = []
        while True:
            message = self.take()
            assert message is not None, f"closed with {self.closed} before {kind}; told {self.passed}"
            self.passed.append(message)
            if isinstance(message, dict) and message["type"] == kind and \
                    all(message.get(name) == value for name, value in members.items()):
                return message

    def until_closed(self):
        """(code, reason), and the messages before it."""
        messages = []
        while (message := self.take()) is not None:
            messages.append(message)
        return self.closed, messages

    def ask(self, samples, codec, mode="manual", clock=0):
        """Says it all, and lets the button go."""
        self.listen("start", mode)
        for packet in codec.encode(samples):
            self.packet(packet, clock)
        if mode == "manual":
            self.listen("stop")

    def close(self):
        self.socket.close()
