"""A witness for tests (c2sp.org/tlog-witness): it cosigns, checks nothing, and can be told to misbehave."""

import base64
import contextlib
import hashlib
import http.server
import ssl
import struct
import subprocess
import threading
import time


class Witness:
    """Ed25519 by the openssl program; one at a time."""

    def __init__(self, folder, name, tls=False):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.name = folder, name
        self.key = folder / "key.pem"
        subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", self.key], check=True,
                       capture_output=True)
        der = subprocess.run(["openssl", "pkey", "-in", self.key, "-pubout", "-outform", "DER"], check=True,
                             capture_output=True).stdout
        self.public = b"\x04" + der[-32:]
        self.id = hashlib.sha256(name.encode() + b"\n" + self.public).digest()[:4]
        self.size = 0  # it has cosigned
        self.asked = []  # (old, size) of each question
        self.answer = None  # instead of a cosignature: a function of the text that gives (status, body)
        self.delay = 0
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self.handler())
        self.base = f"http://127.0.0.1:{self.server.server_address[1]}/w"
        if tls:
            self.wrap()
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def wrap(self):
        """HTTPS, under a certificate that vouches for itself: cert.pem."""
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
                        "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", "tls.pem",
                        "-out", "cert.pem"], cwd=self.folder, check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / "cert.pem", self.folder / "tls.pem")
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.base = self.base.replace("http://127.0.0.1", "https://localhost")

    def vkey(self):
        return f"{self.name}+{self.id.hex()}+{base64.b64encode(self.public).decode()}"

    def policy(self, name):
        return f"witness {name} {self.vkey()} {self.base}\n"

    def cosign(self, text):
        now = int(time.time())
        message = self.folder / "message"
        message.write_bytes(f"cosignature/v1\ntime {now}\n".encode() + text)
        sign = subprocess.run(["openssl", "pkeyutl", "-sign", "-rawin", "-inkey", self.key, "-in", message],
                              check=True, capture_output=True).stdout
        blob = base64.b64encode(self.id + struct.pack(">Q", now) + sign).decode()
        return f"\u2014 {self.name} {blob}\n".encode()

    def handle(self, path, body):
        if path != "/w/add-checkpoint":
            return 404, b"no such path\n"
        head, _, note = body.partition(b"\n\n")
        old = int(head.splitlines()[0].removeprefix(b"old "))
        text = note.partition(b"\n\n")[0] + b"\n"
        size = int(text.splitlines()[1])
        self.asked.append((old, size))
        time.sleep(self.delay)
        if self.answer is not None:
            return self.answer(text)
        if old != self.size:
            return 409, f"{self.size}\n".encode()
        line = self.cosign(text)
        self.size = size
        return 200, line

    def handler(self):
        witness, lock = self, threading.Lock()

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                with lock:
                    status, answer = witness.handle(self.path, body)
                self.send_response(status)
                self.send_header("content-type", "text/x.tlog.size" if status == 409 else "text/plain")
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                with contextlib.suppress(OSError):  # who asked has heard enough
                    self.wfile.write(answer)

            def log_message(self, *_):
                pass

        return Handler

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
