#!/usr/bin/env python3
"""An upstream that speaks and hears for real: OpenAI's /v1/audio/speech by espeak-ng, and its /v1/audio/transcriptions by
pocketsphinx (PyPI, which carries its model). For trials and tests, not for people: it understands the sentences of a small
grammar alone, as toys did that had a chip for it.

    speech_upstream.py --listen 127.0.0.1:9005 [--sentences FILE] [--key KEY]
"""

import argparse
import array
import email.parser
import email.policy
import http.server
import io
import json
import re
import subprocess
import tempfile
import threading
import wave

SENTENCES = """what is the time
tell me a story
how far is the moon
what is your name
where does the sun go at night
good night
the moon is very far away
my name is robot
once upon a time there was a bear"""

RATE = 16000
SILENCE = b"\0\0" * (RATE // 4)  # the recogniser wants some before and behind


def speak(text, voice, speed):
    """A WAV file of the text: 22,050 Hz, 16 bits."""
    words = ["espeak-ng", "-v", voice, "-s", str(int(150 * speed)), "--stdout", "--", text]
    made = subprocess.run(words, capture_output=True, check=True).stdout
    with wave.open(io.BytesIO(made)) as file:  # espeak-ng does not know the length when it writes the head
        rate = file.getframerate()
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes(made[44:])
    return out.getvalue()


def samples_of(data):
    """(16-bit samples at RATE, seconds) of a WAV file."""
    with wave.open(io.BytesIO(data)) as file:
        if file.getnchannels() != 1 or file.getsampwidth() != 2:
            raise ValueError("the file must have one channel of 16 bits")
        rate, count = file.getframerate(), file.getnframes()
        samples = array.array("h", file.readframes(count))
    wanted = array.array("h", (samples[i * rate // RATE] for i in range(len(samples) * RATE // rate)))
    return wanted.tobytes(), len(samples) / rate


class Ear:
    """Recognises the sentences that it was told."""

    def __init__(self, sentences):
        from pocketsphinx import Decoder  # here, so that who only speaks does not need it
        grammar = "#JSGF V1.0;\ngrammar toy;\npublic <sentence> = " + " | ".join(sentences) + ";\n"
        with tempfile.NamedTemporaryFile("w", suffix=".gram") as file:
            file.write(grammar)
            file.flush()
            self.decoder = Decoder(samprate=RATE, loglevel="FATAL", lm=None, jsgf=file.name)
        self.lock = threading.Lock()

    def hear(self, data):
        """(text, seconds) of a WAV file."""
        samples, seconds = samples_of(data)
        with self.lock:
            self.decoder.start_utt()
            self.decoder.process_raw(SILENCE + samples + SILENCE, full_utt=True)
            self.decoder.end_utt()
            found = self.decoder.hyp()
            return (found.hypstr if found else ""), seconds


def form_of(kind, body):
    """The fields of multipart/form-data, by name, as bytes."""
    head = f"content-type: {kind}\r\n\r\n".encode()
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + body)
    return {part.get_param("name", header="content-disposition"): part.get_payload(decode=True)
            for part in message.iter_parts()}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *words):
        pass

    def answer(self, status, kind, body):
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def answer_json(self, status, value):
        self.answer(status, "application/json", json.dumps(value).encode())

    def refuse(self, status, message):
        self.answer_json(status, {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": None}})

    def body(self):
        if self.headers.get("transfer-encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("content-length", 0)))
        whole = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            whole += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return whole

    def do_POST(self):
        body = self.body()
        options = self.server.options
        if options.key and self.headers.get("authorization") != f"Bearer {options.key}":
            return self.refuse(401, "wrong key")
        try:
            if self.path.endswith("/audio/speech"):
                return self.speech(json.loads(body))
            if self.path.endswith("/audio/transcriptions"):
                return self.transcription(form_of(self.headers["content-type"], body))
        except (KeyError, ValueError, EOFError, wave.Error, subprocess.CalledProcessError) as fault:
            return self.refuse(400, f"{type(fault).__name__}: {fault}")
        return self.refuse(404, "no such path")

    def speech(self, ask):
        if ask.get("response_format") not in ("wav", "pcm"):
            return self.refuse(400, "response_format must be wav or pcm")
        voice = ask["voice"] if re.fullmatch(r"[a-z][a-z0-9+-]*", ask["voice"]) else "en-us"
        made = speak(ask["input"], voice, float(ask.get("speed", 1)))
        if ask["response_format"] == "pcm":
            return self.answer(200, "audio/pcm", made[44:])
        return self.answer(200, "audio/wav", made)

    def transcription(self, form):
        text, seconds = self.server.ear.hear(form["file"])
        if form.get("response_format", b"json") == b"text":
            return self.answer(200, "text/plain", text.encode() + b"\n")
        said = {"text": text, "usage": {"type": "duration", "seconds": max(1, round(seconds))}}
        if form.get("response_format") == b"verbose_json":
            said.update(task="transcribe", language="english", duration=seconds, segments=[])
        return self.answer_json(200, said)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--listen", default="127.0.0.1:9005")
    parser.add_argument("--sentences", help="a file, a sentence a line")
    parser.add_argument("--key", help="the only one that is let in")
    options = parser.parse_args()
    host, port = options.listen.rsplit(":", 1)
    sentences = open(options.sentences).read() if options.sentences else SENTENCES
    server = http.server.ThreadingHTTPServer((host, int(port)), Handler)
    server.options = options
    server.ear = Ear([line.strip().lower() for line in sentences.splitlines() if line.strip()])
    server.serve_forever()


if __name__ == "__main__":
    main()
