"""What our reader of WebSocket frames understands is what another implementation (PyPI's wsproto) does."""

import random
import struct
import subprocess

import pytest

pytest.importorskip("wsproto")
from wsproto.connection import Connection, ConnectionType  # noqa: E402
from wsproto.events import BytesMessage, CloseConnection, Ping, Pong, TextMessage  # noqa: E402
from wsproto.utilities import RemoteProtocolError  # noqa: E402

from conftest import BUILD  # noqa: E402

PROGRAM = BUILD / "ep-websocket"
TEXTS = ["", "a", "grüße", "\U0001f600" * 3, "x" * 125, "y" * 126, "z" * 5000, "字" * 50]
BROKEN = [b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"ok\xe2\x82", b"\xf4\x90\x80\x80"]
CODES = [1000, 1001, 1002, 1003, 1007, 1011, 3000, 4999, 999, 1004, 1005, 1006, 1015, 2999, 5000]


def frame(first, data, masked, key):
    size = len(data)
    bit = 128 if masked else 0
    head = bytes([first, bit | size]) if size < 126 else bytes([first, bit | 126]) + struct.pack(">H", size) \
        if size < 65536 else bytes([first, bit | 127]) + struct.pack(">Q", size)
    return head + (key + bytes(b ^ key[i % 4] for i, b in enumerate(data)) if masked else data)


def case(chance, client):
    """Some frames, most of them well formed, as the other side would send them."""
    out, masked = b"", not client
    for _ in range(chance.randrange(1, 7)):
        key = chance.randbytes(4)
        kind = chance.randrange(14)
        data = chance.choice(TEXTS).encode()
        if kind < 4:
            out += frame(0x81, data, masked, key)
        elif kind < 6:
            parts = sorted(chance.randrange(len(data) + 1) for _ in range(2))
            out += frame(0x01, data[:parts[0]], masked, key)
            if chance.random() < 0.5:
                out += frame(0x89, b"between", masked, key)
            out += frame(0x00, data[parts[0]:parts[1]], masked, key) + frame(0x80, data[parts[1]:], masked, key)
        elif kind == 6:
            out += frame(0x82, chance.randbytes(chance.randrange(300)), masked, key)
        elif kind == 7:
            out += frame(chance.choice([0x89, 0x8A]), data[:125], masked, key)
        elif kind == 8:
            code = struct.pack(">H", chance.choice(CODES))
            out += frame(0x88, chance.choice([b"", b"\x03", code, code + "warum?".encode(), code + b"\xff"]), masked, key)
        elif kind == 9:
            out += frame(0x81, chance.choice(BROKEN), masked, key)
        elif kind == 10:
            out += frame(chance.choice([0x80, 0x00, 0x83, 0x8B, 0xC1, 0x91, 0x09, 0x08]), data[:20], masked, key)
        elif kind == 11:
            out += frame(0x81, data[:10], not masked, key)
        elif kind == 12:
            out += frame(0x01, data[:10], masked, key) + frame(0x81, data[:10], masked, key)
        else:
            out += frame(0x89, bytes(200), masked, key)
    return out


def understand(client, data):
    other = Connection(ConnectionType.CLIENT if client else ConnectionType.SERVER)
    told, text, binary = [], "", b""
    try:
        other.receive_data(data)
        for event in other.events():
            if isinstance(event, TextMessage):
                text += event.data
                if event.message_finished:
                    told, text = told + ["text:" + text.encode().hex()], ""
            elif isinstance(event, BytesMessage):
                binary += event.data
                if event.message_finished:
                    told, binary = told + ["binary:" + bytes(binary).hex()], b""
            elif isinstance(event, Ping):
                told.append("ping:" + bytes(event.payload).hex())
            elif isinstance(event, Pong):
                told.append("pong:" + bytes(event.payload).hex())
            elif isinstance(event, CloseConnection):
                # It closes by itself what breaks the protocol, with a reason of its own.
                reason = event.reason or ""
                told.append(f"{int(event.code)}-close:" + reason.encode().hex() if reason in ("", "warum?")
                            else f"bad:{int(event.code)}")
                break
    except RemoteProtocolError as error:
        told.append(f"bad:{int(error.event_hint.code)}")
    return told


@pytest.mark.skipif(not PROGRAM.exists(), reason="ep-websocket is not built")
def test_four_thousand_cases_are_understood_alike():
    chance = random.Random(6455)
    cases = [(bool(i % 2), case(chance, bool(i % 2))) for i in range(4000)]
    lines = [f"{'client' if client else 'server'} {chance.choice([1, 2, 7, 100000])} {data.hex()}" for client, data in cases]
    done = subprocess.run([str(PROGRAM)], input="\n".join(lines) + "\n", capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    ours = [line.split() for line in done.stdout.splitlines()]
    assert len(ours) == len(cases)
    for (client, data), mine in zip(cases, ours):
        theirs = understand(client, data)
        if mine[-1:] and mine[-1].startswith("bad:") and theirs[-1:] and theirs[-1].startswith("bad:"):
            # Both refuse at the same place; of two faults in one frame either may be named.
            assert mine[:-1] == theirs[:-1], (client, data.hex())
        else:
            assert mine == theirs, (client, data.hex())
    assert sum(line[-1:] != [] and line[-1].startswith("bad") for line in ours) > 500
    assert sum(len(line) > 2 for line in ours) > 500
