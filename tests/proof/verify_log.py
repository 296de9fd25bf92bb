#!/usr/bin/env python3
"""Checks a log and receipts of it, from the specifications alone: RFC 6962, RFC 8785, C2SP's signed-note, tlog-checkpoint,
tlog-tiles, tlog-cosignature, tlog-proof. Shares nothing with Entrepot. Exit 0: all holds; 1: the last line says what does not.

    verify_log.py VKEY DIR|URL [WITNESS-VKEY | RECEIPT.json | ENTRY.tlog-proof]..."""
import base64
import hashlib
import json
import re
import sys
import urllib.request
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

VKEY = r"\+[0-9a-f]{8}\+"

def must(condition, what):
    if not condition:
        raise ValueError(what)

def sha(data):
    return hashlib.sha256(data).digest()

def b64(text):
    data = base64.b64decode(text, validate=True)
    must(base64.b64encode(data).decode() == text, f"another spelling of base64: {text}")
    return data

def open_note(note, vkey):
    """The text, if a line of this key is there; every line of it must hold."""
    name, key_id, body = vkey.split("+", 2)
    must(sha(name.encode() + b"\n" + b64(body))[:4].hex() == key_id, f"the id of {vkey} is not that of its bytes")
    must(b"\n\n" in note and note[-1:] == b"\n" and not re.search(rb"[\x00-\x09\x0b-\x1f]", note), "no signed note")
    text, lines = note.rsplit(b"\n\n", 1)
    text, found = text + b"\n", 0
    for line in lines[:-1].decode().split("\n"):
        match = re.fullmatch("\u2014 ([^ +]+) ([A-Za-z0-9+/=]+)", line)
        must(match, f"no signature line: {line}")
        blob = b64(match[2])
        if (match[1], blob[:4].hex()) == (name, key_id):
            cosigned = b64(body)[0] == 4
            time = b"cosignature/v1\ntime %d\n" % int.from_bytes(blob[4:12], "big") if cosigned else b""
            try:
                Ed25519PublicKey.from_public_bytes(b64(body)[1:]).verify(blob[12 if cosigned else 4:], time + text)
            except InvalidSignature:
                raise ValueError(f"the signature of {name} does not hold") from None
            found += 1
    must(found, f"no signature of {name}")
    return text

def open_checkpoint(note, vkey):
    match = re.fullmatch(r"(.+)\n(0|[1-9]\d*)\n(.{44})\n", open_note(note, vkey).decode())
    must(match and match[1] == vkey.split("+")[0], "no checkpoint of this log")
    return int(match[2]), b64(match[3])

def root_of(hashes):
    """RFC 6962 section 2.1: pairing from the left splits at the largest power of two below the size, too."""
    while len(hashes) > 1:
        pairs = [sha(b"\1" + hashes[i] + hashes[i + 1]) for i in range(0, len(hashes) - 1, 2)]
        hashes = pairs + hashes[len(hashes) - len(hashes) % 2:]
    return hashes[0] if hashes else sha(b"")

def tile_path(level, index, width):
    groups = re.findall("...", f"{index:0{-(-len(str(index)) // 3) * 3}}")
    return f"tile/{level}/{'/'.join(['x' + g for g in groups[:-1]] + groups[-1:])}" + ("" if width == 256 else f".p/{width}")

def check_log(vkey, read, witnesses=()):
    """Every bundle, every tile, the root, the signatures. The files that there must be, and the entries."""
    note = read("checkpoint")
    size, root = open_checkpoint(note, vkey)
    for witness in witnesses:
        open_note(note, witness)
    entries, files = [], {"checkpoint": note}
    for first in range(0, size, 256):
        path = tile_path("entries", first // 256, min(256, size - first))
        rest = files[path] = read(path)
        for _ in range(min(256, size - first)):
            end = 2 + int.from_bytes(rest[:2], "big")
            must(len(rest) >= end, f"{path} is cut off")
            entries.append(rest[2:end])
            rest = rest[end:]
        must(not rest, f"{path} is too long")
    level, hashes = 0, [sha(b"\0" + entry) for entry in entries]
    must(root_of(hashes) == root, "the entries do not give the checkpoint's root")
    while hashes:
        for first in range(0, len(hashes), 256):
            part = hashes[first:first + 256]
            path = tile_path(level, first // 256, len(part))
            files[path] = read(path)
            must(files[path] == b"".join(part), f"{path} does not have the entries' hashes")
        level, hashes = level + 1, [root_of(hashes[i:i + 256]) for i in range(0, len(hashes) - 255, 256)]
    return files, entries

def check_proof(vkey, proof, entry=None, leaf=None):
    match = re.fullmatch(rb"c2sp\.org/tlog-proof@v1\n(?:extra (.+)\n)?index (0|[1-9]\d*)\n((?:.{44}\n)*)\n((?s:.+))", proof)
    must(match and leaf in (None, int(match[2])), "no proof, or one of another leaf")
    extra = b64(match[1].decode()) if match[1] else entry
    must(extra is not None and entry in (None, extra), "the proof is of another entry, or says not of which")
    size, root = open_checkpoint(match[4], vkey)
    at, last, node = int(match[2]), size - 1, sha(b"\0" + extra)
    must(at < size, "the leaf is not in the checkpoint")
    for step in map(b64, match[3].decode().split()):  # RFC 9162 section 2.1.3.2
        must(last > 0, "the path is too long")
        if at % 2 or at == last:
            node = sha(b"\1" + step + node)
            while at and at % 2 == 0:
                at, last = at // 2, last // 2
        else:
            node = sha(b"\1" + node + step)
        at, last = at // 2, last // 2
    must(last == 0 and node == root, "the path does not lead to the checkpoint's root")

def unique(pairs):
    must(len(dict(pairs)) == len(pairs), "a key comes twice")
    return dict(pairs)

def canonical(value):  # RFC 8785 of strings, lists, and objects whose keys are ASCII
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()

def check_receipt(vkey, document):
    """Which of its parts were there, and hold."""
    doc = json.loads(document, object_pairs_hook=unique)
    entry, shown = canonical(doc["entry"]), [name for name in ("client", "evidence", "operator") if doc.get(name)]
    for name in shown:
        salt = b64(doc["salts"][name])
        must(len(salt) == 16 and sha(salt + canonical(doc[name])).hex() == doc["entry"][name], f"the {name} section")
    must(len({doc[name]["call"] for name in shown}) <= 1, "the sections are of different calls")
    if doc.get("promise"):
        first, origin, leaf, digest, by = open_note(doc["promise"].encode(), vkey).decode().splitlines()
        must((first, origin) == ("entrepot-receipt/v1", vkey.split("+")[0]), "no promise of this log")
        must(int(leaf) == doc["leaf"] and int(by) and b64(digest) == sha(b"\0" + entry), "the promise is of another entry")
    if doc.get("proof"):
        check_proof(vkey, doc["proof"].encode(), entry, doc["leaf"])
    return shown + [name for name in ("promise", "proof") if doc.get(name)]

def main(vkey, place, *more):
    ask = (lambda url: urllib.request.urlopen(url, timeout=30)) if re.match("https?://", place) else (lambda path: open(path, "rb"))
    read = lambda path: ask(f"{place.rstrip('/')}/{path}").read()
    files, entries = check_log(vkey, read, [word for word in more if re.search(VKEY, word)])
    print(f"{vkey.split('+')[0]}: {len(entries)} entries in {len(files)} files hold")
    for name in (word for word in more if not re.search(VKEY, word)):
        data = open(name, "rb").read()
        parts = check_receipt(vkey, data) if name.endswith(".json") else check_proof(vkey, data) or ["proof"]
        print(f"{name}: {', '.join(parts)} hold")

if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except (ValueError, LookupError, TypeError, AttributeError, OSError) as error:
        sys.exit(f"{type(error).__name__}: {error}")
