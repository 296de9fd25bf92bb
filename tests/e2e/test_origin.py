"""Country databases at a start and a reload, and listeners named by their link, with PROXY headers before TLS or HTTP."""

import re
import signal
import socket
import struct
import subprocess

import pytest

from conftest import ENTREPOT, ROOT, free_port, wait_for

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
CLIENT = SIGNATURE + b"\x21\x11\x00\x0c" + bytes([223, 5, 5, 5, 10, 0, 0, 1]) + struct.pack(">HH", 4660, 443)
GET = b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"


def set_geo(house, value):
    text = house.conf.read_text()
    house.conf.write_text(re.sub(r"^geo: .*$", f"geo: {value}", text, flags=re.M))


def speak(port, data):
    """What the server says until it closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as line:
        got = b""
        try:
            line.sendall(data)
            while part := line.recv(65536):
                got += part
        except ConnectionResetError:
            pass  # closed with bytes of ours unread
        return got


@pytest.fixture
def quay(house):
    """The house with a further way in, for proxies; as it was before, afterwards."""
    before = house.conf.read_text()
    port = free_port()
    house.conf.write_text(before.replace("listen:\n", "listen:\n"
                                         "  trusted_proxies: [127.0.0.1]\n"
                                         "  links:\n"
                                         f"    - {{address: \"127.0.0.1:{port}\", link: sea-1, proxy_protocol: true}}\n"
                                         , 1))
    house.stop_process("server")
    house.start()
    yield port
    house.conf.write_text(before)
    house.stop_process("server")
    house.start()


def test_init_names_the_example_databases_or_none(house):
    line = re.search(r"^geo: (.*)$", house.conf.read_text(), flags=re.M)[1]
    there = all((ROOT / "share" / "geo" / f"country-{x}.mmdb").exists() for x in "ab")
    assert line.count(".mmdb") == (2 if there else 0)


def test_a_start_without_its_database_names_the_file_and_the_remedy(house, tmp_path):
    before = house.conf.read_text()
    missing, damaged = tmp_path / "none.mmdb", tmp_path / "half.mmdb"
    damaged.write_bytes(b"\x00" * 5000)
    house.stop_process("server")
    for path, reason in ((missing, "No such file"), (damaged, "is damaged")):
        set_geo(house, f'["{path}"]')
        done = subprocess.run([ENTREPOT, "serve", "-c", str(house.conf)], capture_output=True, text=True, timeout=60)
        assert done.returncode == 3
        said = done.stderr
        assert str(path) in said and reason in said and "make geo" in said, said
    set_geo(house, "[]")
    house.start()
    assert house.request("/healthz")[0] == 200
    house.conf.write_text(before)


def test_a_reload_with_a_bad_database_changes_nothing(house, tmp_path):
    before = house.conf.read_text()
    log = house.folder / "server.log"
    seen = len(log.read_text())
    set_geo(house, f'["{tmp_path}/none.mmdb"]')
    house.send(signal.SIGHUP)
    wait_for(lambda: "reload_refused" in log.read_text()[seen:], "the refusal")
    assert "none.mmdb" in log.read_text()[seen:]
    assert house.request("/v1/models")[0] == 200
    house.conf.write_text(before)
    seen = len(log.read_text())
    house.send(signal.SIGHUP)
    wait_for(lambda: '"reloaded"' in log.read_text()[seen:], "the reload")
    assert house.request("/v1/models")[0] == 200


def test_a_link_for_proxies_takes_their_header_and_nothing_else(house, quay):
    assert speak(quay, CLIENT + GET).startswith(b"HTTP/1.1 200 ")
    assert speak(quay, SIGNATURE + b"\x20\x00\x00\x00" + GET).startswith(b"HTTP/1.1 200 ")
    assert speak(quay, GET) == b""
    assert speak(quay, b"PROXY TCP4 223.5.5.5 10.0.0.1 4660 443\r\n" + GET) == b""
    assert speak(house.public, GET).startswith(b"HTTP/1.1 200 ")
    assert speak(house.public, CLIENT + GET).startswith(b"HTTP/1.1 400 ")


def test_a_link_follows_a_reload_of_the_trusted_proxies(house, quay):
    log = house.folder / "server.log"
    text = house.conf.read_text()
    for trusted, answered in (("192.0.2.1", False), ("127.0.0.0/8", True)):
        seen = len(log.read_text())
        house.conf.write_text(re.sub(r"trusted_proxies: .*", f"trusted_proxies: [{trusted}]", text))
        house.send(signal.SIGHUP)
        wait_for(lambda: '"reloaded"' in log.read_text()[seen:], "the reload")
        wait_for(lambda: bool(speak(quay, CLIENT + GET)) == answered, "the change of trust")
