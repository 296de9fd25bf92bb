"""Logs, proofs and receipts made from the specifications, for the tests of what checks them. verify_log.py shares none of it."""

import base64
import hashlib
import json

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

SECTIONS = ("client", "evidence", "operator")


def sha(data):
    return hashlib.sha256(data).digest()


def b64(data):
    return base64.b64encode(data).decode()


def canonical(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


class Key:
    """Of a log (algorithm 1) or of a witness (4)."""

    def __init__(self, seed, name, algorithm=1):
        self.secret = Ed25519PrivateKey.from_private_bytes(seed)
        public = self.secret.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        self.name, self.algorithm = name, algorithm
        self.body = bytes([algorithm]) + public
        self.id = sha(name.encode() + b"\n" + self.body)[:4]
        self.vkey = f"{name}+{self.id.hex()}+{b64(self.body)}"

    def line(self, text, time=0):
        stamp, head = b"", b""
        if self.algorithm == 4:
            stamp, head = time.to_bytes(8, "big"), b"cosignature/v1\ntime %d\n" % time
        return f"\u2014 {self.name} {b64(self.id + stamp + self.secret.sign(head + text.encode()))}\n"

    def note(self, text):
        return text + "\n" + self.line(text)


def leaf_hash(entry):
    return sha(b"\0" + entry)


def root(hashes):
    if not hashes:
        return sha(b"")
    if len(hashes) == 1:
        return hashes[0]
    split = 1 << ((len(hashes) - 1).bit_length() - 1)
    return sha(b"\1" + root(hashes[:split]) + root(hashes[split:]))


def path(index, hashes):
    if len(hashes) <= 1:
        return []
    split = 1 << ((len(hashes) - 1).bit_length() - 1)
    if index < split:
        return path(index, hashes[:split]) + [root(hashes[split:])]
    return path(index - split, hashes[split:]) + [root(hashes[:split])]


class Log:
    def __init__(self, key, entries, witnesses=(), time=1700000000):
        self.key, self.entries = key, entries
        self.hashes = [leaf_hash(entry) for entry in entries]
        text = f"{key.name}\n{len(entries)}\n{b64(root(self.hashes))}\n"
        self.checkpoint = key.note(text) + "".join(witness.line(text, time) for witness in witnesses)

    def proof(self, index):
        lines = "".join(b64(step) + "\n" for step in path(index, self.hashes))
        return f"c2sp.org/tlog-proof@v1\nextra {b64(self.entries[index])}\nindex {index}\n{lines}\n{self.checkpoint}"

    def write(self, folder):
        return write(folder, self.entries, self.checkpoint.encode())


def put_tile(folder, level, index, width, data):
    groups = []
    while True:
        groups.insert(0, f"{'x' if groups else ''}{index % 1000:03}")
        index //= 1000
        if not index:
            break
    name = folder / "tile" / str(level) / "/".join(groups)
    if width < 256:
        name = name.with_name(name.name + ".p") / str(width)
    name.parent.mkdir(parents=True, exist_ok=True)
    name.write_bytes(data)


def write(folder, entries, checkpoint):
    """The files of a log, whether the checkpoint is that of the entries or not."""
    for at in range(0, len(entries), 256):
        part = entries[at:at + 256]
        put_tile(folder, "entries", at // 256, len(part), b"".join(len(entry).to_bytes(2, "big") + entry for entry in part))
    level, hashes = 0, [leaf_hash(entry) for entry in entries]
    while hashes:
        for at in range(0, len(hashes), 256):
            put_tile(folder, level, at // 256, len(hashes[at:at + 256]), b"".join(hashes[at:at + 256]))
        level, hashes = level + 1, [root(hashes[at:at + 256]) for at in range(0, len(hashes) - 255, 256)]
    (folder / "checkpoint").write_bytes(checkpoint)
    return folder


def sections(call, amount="1234567", model="aurora-large"):
    return {
        "client": {"amount": amount, "begun": "2026-11-26T04:41:36.5Z", "billed": {"input": "12", "output": "34"}, "billed_by": "upstream",
                   "call": call, "currency": "USD", "ended": "2026-11-26T04:41:38Z", "key": "key_0abc", "model_asked": model,
                   "model_served": model, "outcome": "complete", "price_book": "list@3", "product": "Chat \u2014 \u00fcber \"all\"\n\u4e16",
                   "reasons": [], "tier": "flex", "tier_asked": "priority", "verdict": "allow", "version": "1"},
        "evidence": {"call": call, "chain": "ab" * 32, "data_terms": "none@1", "detected": "", "egress": "direct", "ingress": "direct",
                     "market": "", "mode": "direct", "origin": "SG", "place": "SG", "registry": "cd" * 32, "rules": "3",
                     "straddles_expiry": "no", "version": "1"},
        "operator": {"attempts": "1", "call": call, "facts": "{}", "held": "2000000", "law": "allow r1", "overrun": "0", "reason": "",
                     "reasons": ["a", "b"], "route": "r1", "tier_served": "flex", "tries": [{"billable": "yes", "outcome": "ok", "route": "r1", "sent": "yes",
                                                                   "upstream_id": "u-1"}],
                     "usage_sha256": "ef" * 32, "version": "1"},
    }


def salts(call):
    return {name: sha(f"{call} {name}".encode())[:16] for name in SECTIONS}


def entry(made, salt):
    digests = {name: sha(salt[name] + canonical(made[name])).hex() for name in SECTIONS}
    return {**digests, "kind": "receipt", "version": "1"}


def promise(key, leaf, bytes_of_entry, by=1800000000):
    return key.note(f"entrepot-receipt/v1\n{key.name}\n{leaf}\n{b64(leaf_hash(bytes_of_entry))}\n{by}\n")


def receipt(key, log, leaf, call, shown=("client", "evidence")):
    made, salt = sections(call), salts(call)
    bytes_of_entry = canonical(entry(made, salt))
    document = {name: made[name] for name in shown}
    document["salts"] = {name: b64(salt[name]) for name in shown}
    document["entry"] = entry(made, salt)
    document["leaf"] = leaf
    document["promise"] = promise(key, leaf, bytes_of_entry)
    document["proof"] = log.proof(leaf) if log else None
    document["log"] = {"origin": key.name, "key": key.vkey}
    return document
