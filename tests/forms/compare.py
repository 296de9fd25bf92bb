"""Forms from a seed, as several writers write them, read by us and by Python's email package; what both say must be the same.
Broken ones (a byte changed, cut, or put in) may be refused by us alone, and are never read in two ways.

    compare.py PROGRAM
"""

import email.message
import email.parser
import email.policy
import random
import re
import subprocess
import sys

FORMS = 1500
NAMES = ["model", "language", "prompt", "response_format", "temperature", "stream", "include[]", "timestamp_granularities[]"]


def value(chance):
    kind = chance.randrange(6)
    if kind == 0:
        return b""
    if kind == 1:
        return bytes(chance.choice(b"\r\n-ab") for _ in range(chance.randrange(40)))
    if kind == 2:
        return "\u65e5\u672c\u8a9e \u00e9".encode()
    return bytes(chance.choice(b"abcdefgh 0123456789.-") for _ in range(chance.randrange(60)))


def part_head(chance, name, file, kind):
    quote = b'"' if chance.randrange(4) or not name.isalnum() else b""
    head = b"Content-Disposition: form-data; name=" + quote + name.encode() + quote
    if file is not None:
        head += b'; filename="' + file.encode() + b'"'
    lines = [head]
    if kind:
        lines.append(b"Content-Type: " + kind.encode())
    if chance.randrange(5) == 0:
        lines.append(b"Content-Length: 7")
    if chance.randrange(3) == 0:
        chance.shuffle(lines)
    return b"\r\n".join(lines) + b"\r\n\r\n"


def form(chance):
    boundary = "".join(chance.choice("0123456789abcdefXYZ'+_-") for _ in range(chance.randrange(1, 40)))
    mark = b"--" + boundary.encode()
    parts = [(name, None, "", value(chance)) for name in chance.sample(NAMES, chance.randrange(len(NAMES)))]
    parts += [("include[]", None, "", value(chance)) for _ in range(chance.randrange(2))]
    data = bytes(chance.randrange(256) for _ in range(chance.randrange(300)))
    parts.append(("file", "speech.wav", chance.choice(["audio/wav", "application/octet-stream", ""]), data))
    chance.shuffle(parts)
    if any(b"\n" + mark in b"\r\n" + each[3] for each in parts):
        return form(chance)
    body = b"".join(mark + b"\r\n" + part_head(chance, *each[:3]) + each[3] + b"\r\n" for each in parts) + mark + b"--"
    return f'multipart/form-data; boundary="{boundary}"', body + (b"\r\n" if chance.randrange(3) else b"")


def broken(chance, body):
    at = chance.randrange(len(body))
    kind = chance.randrange(4)
    if kind == 0:
        return body[:at]
    if kind == 1:
        return body[:at] + bytes([chance.choice(b"\r\n-;\"=x\0 ")]) + body[at + 1:]
    if kind == 2:
        return body[:at] + chance.choice([b"\r\n", b"--", b"\0", b'"', b";"]) + body[at:]
    return body[:at] + body[at + chance.randrange(1, 4):]


def theirs(kind, body):
    """What Python's email package reads: (name, file name, value) each, or None."""
    text = b"Content-Type: " + kind.encode() + b"\r\nMIME-Version: 1.0\r\n\r\n" + body
    message = email.parser.BytesParser(policy=email.policy.compat32).parsebytes(text)
    if not message.is_multipart():
        return None
    said = []
    for part in message.get_payload():
        name = part.get_param("name", header="content-disposition")
        file = part.get_param("filename", header="content-disposition")
        payload = part.get_payload(decode=True)
        said.append((name, file or "", payload))
    return said


def loose(kind, body):
    """Python takes a boundary behind an LF or a CR alone, which is data to us: forms are passed on with another boundary."""
    mark = b"--" + kind.split('"')[1].encode()
    return len(re.findall(b"[\r\n]" + re.escape(mark), body)) != body.count(b"\r\n" + mark)


def ours(lines):
    said = []
    for line in lines:
        kind, *rest = line.split(" ")
        fields = {key: bytes.fromhex(text) for key, text in (each.split("=") for each in rest)}
        if kind == "data":
            said[-1] = (*said[-1][:2], said[-1][2] + fields["value"])
        elif kind == "field":
            said.append((fields["name"].decode("latin-1"), "", fields["value"]))
        else:
            said.append((fields["name"].decode("latin-1"), fields["file"].decode("latin-1"), b""))
    return said


def main():
    chance = random.Random(8)
    forms = []
    for _ in range(FORMS):
        kind, body = form(chance)
        forms.append((kind, body, False))
        forms.append((kind, broken(chance, body), True))
    feed = b"".join(f"{len(body)} {kind}\n".encode() + body for kind, body, _ in forms)
    lines = subprocess.run([sys.argv[1]], input=feed, capture_output=True, check=True).stdout.decode().split("\n")
    at = taken = refused = 0
    for kind, body, is_broken in forms:
        said = []
        while not (lines[at] == "fine" or lines[at].startswith(("the ", "a ", "each ", "something "))):
            said.append(lines[at])
            at += 1
        fine, at = lines[at] == "fine", at + 1
        assert fine or is_broken, (lines[at - 1], body)
        if fine and not loose(kind, body):
            assert ours(said) == theirs(kind, body), (ours(said), theirs(kind, body), body)
        taken, refused = taken + fine, refused + (not fine)
    assert refused > FORMS // 3 and taken > FORMS * 4 // 3, (taken, refused)
    print(f"{taken} forms read alike, {refused} broken ones refused")


main()
