"""The published log: what the server shows of it and to whom, its witnesses, and what may happen to it."""

import base64
import contextlib
import hashlib
import http.client
import json
import pathlib
import re
import shutil
import signal
import sqlite3
import subprocess
import time
import urllib.error
import urllib.request

import pytest

from conftest import ENTREPOT, House, free_port, port_open, wait_for
from log_witness import Witness

ASK = {"model": "aurora-large", "messages": [{"role": "user", "content": "Tell me about rivers."}], "max_tokens": 40}
PROOF_S = 2


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    house = House(tmp_path_factory.mktemp("log") / "demo")
    house.upstream(0)
    house.start()
    yield house
    house.stop()


@pytest.fixture
def own(tmp_path):
    house = House(tmp_path / "demo")
    house.upstream(0)
    yield house
    house.stop()


def get(house, path, method="GET"):
    """Without a key: (status, headers, body); the path as it stands, dots and all."""
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", house.public, timeout=10)) as link:
        link.request(method, path)
        answer = link.getresponse()
        return answer.status, answer.headers, answer.read()


def metric(house, name):
    body = house.request("/metrics", port=house.operator)[2].decode()
    return float(re.search(rf"^{re.escape(name)} (\S+)$", body, re.M).group(1))


def ready_says(house):
    return house.request("/readyz", port=house.operator)[::2]


def events(house, name):
    lines = (house.folder / "server.log").read_text().splitlines()
    return [json.loads(line) for line in lines if f'"event":"{name}"' in line]


def told(house, name):
    """Its events of that name, of which one comes: a line is written behind what it tells."""
    wait_for(lambda: events(house, name), name)
    return events(house, name)


def sell(house):
    status, headers, body = house.request("/v1/chat/completions", ASK)
    assert status == 200, body
    return headers["x-entrepot-call"]


def receipt(house, call):
    status, headers, body = house.request(f"/v1/receipts/{call}")
    assert status == 200 and headers["content-type"] == "application/json", body
    return json.loads(body)


def proven(house, call, seconds=PROOF_S):
    end = time.monotonic() + seconds
    while True:
        document = receipt(house, call)
        if document["proof"] is not None:
            return document
        assert time.monotonic() < end, f"no proof after {seconds} s"
        time.sleep(0.05)


def shown_size(house):
    return int(get(house, "/log/checkpoint")[2].split(b"\n")[1])


# ---- the tree, from the specification alone

def node(left, right):
    return hashlib.sha256(b"\1" + left + right).digest()


def root_of(hashes):
    if len(hashes) == 1:
        return hashes[0]
    half = 1 << (len(hashes) - 1).bit_length() - 1
    return node(root_of(hashes[:half]), root_of(hashes[half:]))


def entries_of(bundle):
    found = []
    while bundle:
        size = int.from_bytes(bundle[:2], "big")
        found.append(bundle[2:2 + size])
        bundle = bundle[2 + size:]
    return found


def check_published(house, at_least):
    """All of the log, from its files: entries, hashes and the checkpoint's root agree. Its entries."""
    folder = house.folder / "var" / "log"
    _, size, root = (folder / "checkpoint").read_text().split("\n")[:3]
    size = int(size)
    assert at_least <= size <= 65536
    entries = []
    for kind in ("entries", "0"):
        for at in range(0, size, 256):
            name = f"{at // 256:03d}" + (f".p/{size - at}" if size - at < 256 else "")
            blob = (folder / "tile" / kind / name).read_bytes()
            if kind == "entries":
                entries += entries_of(blob)
            else:
                leaves = [hashlib.sha256(b"\0" + entry).digest() for entry in entries[at:at + 256]]
                assert blob == b"".join(leaves), f"tile {name}"
    assert len(entries) == size
    assert base64.b64encode(root_of([hashlib.sha256(b"\0" + entry).digest() for entry in entries])).decode() == root
    return [json.loads(entry) for entry in entries]


# ---- what is served

def test_a_proof_is_there_within_two_seconds_and_holds_the_receipt_together(shop):
    call = sell(shop)
    early = receipt(shop, call)
    document = proven(shop, call)
    assert early["promise"] == document["promise"], "one call is promised one thing"
    assert set(document) == {"client", "evidence", "salts", "entry", "leaf", "promise", "proof", "log"}
    assert set(document["salts"]) == {"client", "evidence"}, "the operator's section is not the client's"
    for name in ("client", "evidence"):
        section = json.dumps(document[name], separators=(",", ":"), sort_keys=True).encode()
        salted = base64.b64decode(document["salts"][name]) + section
        assert hashlib.sha256(salted).hexdigest() == document["entry"][name]
    status, headers, body = shop.request(f"/v1/receipts/{call}.tlog-proof")
    assert status == 200 and headers["content-type"] == "text/plain; charset=utf-8"
    assert body.startswith(b"c2sp.org/tlog-proof@v1\n") and f"\nindex {document['leaf']}\n".encode() in body
    promise = document["promise"].split("\n")
    assert promise[0] == "entrepot-receipt/v1" and promise[2] == str(document["leaf"])
    entry = json.dumps(document["entry"], separators=(",", ":"), sort_keys=True).encode()
    assert base64.b64decode(promise[3]) == hashlib.sha256(b"\0" + entry).digest()
    assert 0 < int(promise[4]) - time.time() <= 11
    saved = shop.folder / "receipt.json"
    saved.write_text(json.dumps(document, indent=1))
    done = subprocess.run([ENTREPOT, "receipt", "verify", str(saved), "--key", document["log"]["key"]],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    own = shop.json("receipt", "show", call)
    assert own["operator"]["call"] == call and set(own["salts"]) == {"client", "evidence", "operator"}
    assert {name: own[name] for name in ("client", "evidence", "entry", "leaf", "promise", "log")} == \
        {name: document[name] for name in ("client", "evidence", "entry", "leaf", "promise", "log")}


def test_nobody_else_reads_a_receipt(shop):
    call = sell(shop)
    name = shop.json("client", "add", "--name", "another")["id"]
    other = shop.json("key", "add", "--client", name, "--name", "its", "--product", "world")["key"]
    for path in (f"/v1/receipts/{call}", f"/v1/receipts/{call}.tlog-proof"):
        assert shop.request(path, key=other)[0] == 404
        assert get(shop, path)[0] == 401
        assert shop.request(path)[0] in (200, 503)
    for path in ("/v1/receipts/", "/v1/receipts/call_x", f"/v1/receipts/{call}.tlog-proof.tlog-proof",
                 f"/v1/receipts/{call}/", f"/v1/receipts/{call[:-1]}", "/v1/receipts/.tlog-proof"):
        assert shop.request(path)[0] == 404, path


def test_the_log_is_served_with_its_types_and_headers(shop):
    proven(shop, sell(shop))
    size = shown_size(shop)
    status, headers, body = get(shop, "/log/checkpoint")
    assert status == 200 and headers["content-type"] == "text/plain; charset=utf-8"
    assert headers["cache-control"] == "no-cache"
    assert body.startswith(b"entrepot.example/receipts\n")
    for path in (f"/log/tile/0/000.p/{size}", f"/log/tile/entries/000.p/{size}"):
        status, headers, body = get(shop, path)
        assert status == 200 and headers["content-type"] == "application/octet-stream"
        assert headers["cache-control"] == "public, max-age=31536000, immutable"
        assert headers["access-control-allow-origin"] == "*"
        head = get(shop, path, "HEAD")
        assert head[0] == 200 and head[2] == b"" and int(head[1]["content-length"]) == len(body)
    assert len(get(shop, f"/log/tile/0/000.p/{size}")[2]) == 32 * size
    assert get(shop, "/log/checkpoint", "POST")[0] == 405


@pytest.mark.parametrize("path", [
    "/log/", "/log", "/log/lock", "/log/new", "/log/checkpoint/", "/log//checkpoint", "/log/../entrepot.yaml",
    "/log/%2e%2e/entrepot.yaml", "/log/tile/../../keys/log.key", "/log/tile/0/../../../keys/log.key", "/log/tile/",
    "/log/tile/0", "/log/tile/0/000", "/log/tile/0/0", "/log/tile/0/x000/000", "/log/tile/0/000.p/0",
    "/log/tile/0/000.p/256", "/log/tile/0/000.p/01", "/log/tile/0/000.p/255", "/log/tile/64/000", "/log/tile/00/000",
    "/log/tile/-1/000", "/log/tile/0/001", "/log/tile/entries/000", "/log/tile/entries/x001/000", "/log/tile/data/000",
    "/verify/../entrepot.yaml", "/verify/%2e%2e/x.js", "/verify/.hidden.html", "/verify/nothing.js", "/verify/a/b.js",
    "/verify/app.txt"])
def test_there_is_nothing_else(shop, path):
    status, headers, body = get(shop, path)
    assert status == 404, body
    assert "immutable" not in (headers["cache-control"] or "")


def test_the_page_is_served_and_takes_nothing_from_elsewhere(shop):
    moved = get(shop, "/verify")
    assert moved[0] == 308 and moved[1]["location"] == "/verify/"
    if not (pathlib.Path(ENTREPOT).resolve().parents[2] / "web" / "verify").is_dir():
        pytest.skip("the page is not beside the program")
    status, headers, body = get(shop, "/verify/")
    assert status == 200 and headers["content-type"] == "text/html; charset=utf-8"
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"
    for name in re.findall(rb'(?:src|href)="([^"#:]+\.(?:js|css))"', body):
        name = name.decode().rsplit("/", 1)[-1]
        status, headers, _ = get(shop, f"/verify/{name}")
        assert status == 200 and headers["content-type"].startswith("text/")


def test_what_the_log_says_of_itself(shop):
    revoked = shop.json("key", "add", "--client", shop.json("client", "list")[0]["id"], "--name", "gone",
                        "--product", "world")
    shop.command("key", "revoke", revoked["id"])
    proven(shop, sell(shop))
    entries = check_published(shop, shown_size(shop))
    kinds = [entry["kind"] for entry in entries]
    assert kinds[0] == "registry" and set(entries[0]) == {"kind", "hash", "number", "version"}
    assert kinds.count("key") >= 3 and "prices" in kinds and "receipt" in kinds
    starts = [entry for entry in entries if entry["kind"] == "event"]
    assert [entry["event"] for entry in starts] == ["start"]
    for entry in entries:
        if entry["kind"] in ("key", "prices"):
            assert set(entry) == {"detail", "kind", "version"}, "who and how much stay out of the log"
    wait_for(lambda: metric(shop, "entrepot_log_published_leaves") == shown_size(shop), "the figure of what is shown")
    assert metric(shop, "entrepot_log_witnesses") == 0
    assert abs(time.time() - metric(shop, "entrepot_log_published_seconds")) < 60
    assert told(shop, "log_unwitnessed"), "that nobody watches is said"
    key = receipt(shop, sell(shop))["log"]["key"]
    done = subprocess.run([ENTREPOT, "log", "verify", f"http://127.0.0.1:{shop.public}/log", "--key", key],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert ready_says(shop) == (200, b"selling\nthe log has no witnesses\n")


# ---- what may happen to it

def test_a_restart_goes_on_where_it_was_and_what_is_lost_is_made_again(own):
    own.start()
    for _ in range(3):
        sell(own)
    assert own.stop_process("server") == 0
    folder = own.folder / "var" / "log"
    size = len(check_published(own, 1)), "the end publishes what is left"
    shutil.rmtree(folder / "tile")
    own.start()
    call = sell(own)
    proven(own, call)
    check_published(own, size[0] + 1)
    tile = folder / "tile" / "0" / "000.p" / str(size[0] + 2)
    tile.write_bytes(bytes(len(tile.read_bytes())))  # a bit flips, or somebody tries
    wait_for(lambda: tile.read_bytes().strip(b"\0"), "the tile's mending")
    proven(own, sell(own))
    check_published(own, size[0] + 2)
    assert told(own, "log_mended") and metric(own, "entrepot_log_mended_total") > 0


def test_a_killed_server_has_published_nothing_that_is_not_in_its_books(own):
    for _ in range(3):
        own.start()
        for _ in range(4):
            last = sell(own)
        time.sleep(0.7)
        own.stop_process("server", signal.SIGKILL)
    own.start()
    proven(own, last)
    assert len(check_published(own, 12)) == shown_size(own)
    assert own.command("audit").returncode == 0


def test_what_cannot_be_published_is_said_sold_on_and_noted_when_it_was_late(own):
    own.start()
    proven(own, sell(own))
    spoiler = own.folder / "var" / "log" / "new"  # where files are written before they get their names

    def spoil():
        try:
            spoiler.mkdir()
            return True
        except FileExistsError:
            return False  # one is being written
    wait_for(spoil, "a moment between two files")
    call = sell(own)
    wait_for(lambda: events(own, "log_failed"), "the event")
    assert receipt(own, call)["proof"] is None and receipt(own, call)["promise"]
    status, headers, _ = own.request(f"/v1/receipts/{call}.tlog-proof")
    assert status == 503 and headers["retry-after"] == "1"
    assert ready_says(own)[0] == 200 and metric(own, "entrepot_log_failures_total") > 0
    wait_for(lambda: metric(own, "entrepot_log_waiting_leaves") > 0, "the figure")
    spoiler.rmdir()
    proven(own, call, 4)
    wait_for(lambda: events(own, "log_resumed"), "the event")
    assert len(told(own, "log_failed")) == 1, "said once"
    wait_for(spoil, "a moment between two files")
    call = sell(own)
    own.stop_process("server", signal.SIGKILL)
    spoiler.rmdir()
    base = sqlite3.connect(own.folder / "var" / "entrepot.db")
    with base:  # a minute passes
        base.execute("UPDATE leaf SET appended_ns = appended_ns - 60000000000 WHERE id = (SELECT max(id) FROM leaf)")
    base.close()
    own.start()
    proven(own, call)
    wait_for(lambda: events(own, "log_gap"), "the event")
    proven(own, sell(own))

    def gaps():
        return [entry for entry in check_published(own, 1) if entry.get("event") == "gap"]
    wait_for(gaps, "the leaf in the files")  # which are replaced behind the rows
    gap = gaps()
    assert len(gap) == 1 and 60 <= int(gap[0]["seconds"]) < 120
    assert own.command("audit").returncode == 0


def test_two_cannot_publish_into_one_folder(own, tmp_path):
    other = House(tmp_path / "other")
    shutil.copy(own.folder / "keys" / "log.key", other.folder / "keys" / "log.key")
    other.conf.write_text(other.conf.read_text().replace("log:\n", f'log:\n  folder: "{own.folder}/var/log"\n'))
    own.start()
    proven(own, sell(own))
    refused = subprocess.run([ENTREPOT, "serve", "-c", str(other.conf)], capture_output=True, text=True, timeout=20)
    assert refused.returncode == 3 and "another process publishes" in refused.stderr, refused.stderr
    # And one after the other, the second has other leaves than the folder shows.
    assert own.stop_process("server") == 0
    log = open(other.folder / "server.log", "ab")
    other.processes["server"] = subprocess.Popen([ENTREPOT, "serve", "-c", str(other.conf)], stdout=log, stderr=log)
    try:
        wait_for(lambda: events(other, "started"), "the start")
        assert told(other, "log_behind") and ready_says(other)[0] == 503
    finally:
        other.stop()


def test_an_old_backup_signs_nothing_until_the_loss_is_accepted(own):
    own.start()
    proven(own, sell(own))
    own.command("backup", str(own.folder / "old.backup"))
    proven(own, sell(own))
    assert own.stop_process("server") == 0
    shown = (own.folder / "var" / "log" / "checkpoint").read_bytes()
    size = int(shown.split(b"\n")[1])
    (own.folder / "var" / "log.size").unlink()  # the mark beside the store is lost, too
    shutil.copy(own.folder / "var" / "entrepot.db", own.folder / "new.db")
    restored = own.json("restore", str(own.folder / "old.backup"))
    assert not restored["sells"] and restored["reached"] == size

    log = open(own.folder / "server.log", "ab")
    own.processes["server"] = subprocess.Popen([ENTREPOT, "serve", "-c", str(own.conf)], stdout=log, stderr=log)
    wait_for(lambda: len(events(own, "started")) == 2, "the start")
    status, why = ready_says(own)
    assert status == 503 and b"--accept-loss" in why
    assert own.request("/v1/chat/completions", ASK)[0] == 503
    time.sleep(1.2)
    assert (own.folder / "var" / "log" / "checkpoint").read_bytes() == shown, "nothing is signed"
    assert metric(own, "entrepot_log_stopped") == 1
    assert own.stop_process("server") == 0

    accepted = own.json("restore", "--accept-loss")
    assert accepted["sells"] and (pathlib.Path(accepted["log_kept"]) / "checkpoint").read_bytes() == shown
    own.start()
    proven(own, sell(own))
    entries = check_published(own, 1)
    assert [entry["event"] for entry in entries if entry["kind"] == "event"] == \
        ["start", "restored", "loss_accepted", "start"]
    assert own.command("restore", "--accept-loss", check=False).returncode == 3


def test_a_changed_row_is_found_and_nothing_more_is_signed(own):
    own.start()
    proven(own, sell(own))
    assert own.stop_process("server") == 0
    shown = (own.folder / "var" / "log" / "checkpoint").read_bytes()
    base = sqlite3.connect(own.folder / "var" / "entrepot.db")
    with base:
        base.execute("UPDATE leaf SET entry = CAST(replace(CAST(entry AS TEXT), '\"version\"', '\"vErsion\"')"
                     " AS BLOB) WHERE kind = 1")
    base.close()
    found = own.command("audit", check=False)
    assert found.returncode == 1 and "log-leaves" in found.stdout
    base = sqlite3.connect(own.folder / "var" / "entrepot.db")
    with base:
        base.execute("UPDATE leaf SET hash = zeroblob(32) WHERE kind = 1")
    base.close()
    log = open(own.folder / "server.log", "ab")
    own.processes["server"] = subprocess.Popen([ENTREPOT, "serve", "-c", str(own.conf)], stdout=log, stderr=log)
    wait_for(lambda: own.processes["server"].poll() is not None or len(events(own, "started")) == 2, "an end")
    if own.processes["server"].poll() is None:
        wait_for(lambda: ready_says(own)[0] == 503, "the stop")
    else:
        del own.processes["server"]
    assert (own.folder / "var" / "log" / "checkpoint").read_bytes() == shown


def test_another_name_and_key_begin_another_log_and_not_in_the_old_folder(own):
    own.start()
    old = proven(own, sell(own))
    assert own.stop_process("server") == 0
    (own.folder / "keys" / "log2.key").write_bytes(base64.b64encode(bytes(range(32))) + b"\n")
    (own.folder / "keys" / "log2.key").chmod(0o600)
    text = own.conf.read_text()
    text = re.sub(r"origin: .*", 'origin: "entrepot.example/receipts-2"', text).replace("keys/log.key", "keys/log2.key")
    own.conf.write_text(text)
    refused = subprocess.run([ENTREPOT, "serve", "-c", str(own.conf)], capture_output=True, text=True, timeout=20)
    assert refused.returncode == 3 and "is not this log's" in refused.stderr
    own.conf.write_text(text.replace("log:\n", "log:\n  folder: var/log2\n"))
    own.start()
    fresh = proven(own, sell(own))
    assert get(own, "/log/checkpoint")[2].startswith(b"entrepot.example/receipts-2\n")
    assert fresh["leaf"] > old["leaf"] and fresh["log"]["key"] != old["log"]["key"]
    (own.folder / "old.json").write_text(json.dumps(old))
    (own.folder / "fresh.json").write_text(json.dumps(fresh))
    for file, key, code in (("old", old, 0), ("fresh", fresh, 0), ("old", fresh, 1)):
        done = subprocess.run([ENTREPOT, "receipt", "verify", str(own.folder / f"{file}.json"), "--key",
                               key["log"]["key"]], capture_output=True, text=True)
        assert done.returncode == code, done.stdout + done.stderr
    assert own.command("audit").returncode == 0


def refusal(house, conf):
    """What a start with this configuration says."""
    house.conf.write_text(conf)
    refused = subprocess.run([ENTREPOT, "serve", "-c", str(house.conf)], capture_output=True, text=True, timeout=20)
    assert refused.returncode == 3, refused.stderr
    return refused.stderr


def test_names_and_policies_that_are_none_are_refused(own):
    conf = own.conf.read_text()
    for origin in ("two words", "a+b", "entrepot-receipt/v1", "entrepot-evidence/v1"):
        assert "log.origin" in refusal(own, re.sub(r"origin: .*", f'origin: "{origin}"', conf))
    for policy, text in (("witness a b\nquorum a\n", "line 1"), ("quorum none\nquorum none\n", "line 2"),
                         ("witness a one.example+00000000+BAAA\nquorum a\n", "line 1"), (None, "could not")):
        (own.folder / "bad.policy").unlink(missing_ok=True)
        if policy is not None:
            (own.folder / "bad.policy").write_text(policy)
        said = refusal(own, conf.replace("log:\n", "log:\n  witnesses: bad.policy\n"))
        assert "bad.policy" in said and text in said, said


# ---- witnesses

@pytest.fixture
def witnessed(own, tmp_path):
    """Two witnesses that both are needed; the second speaks HTTPS."""
    witnesses = [Witness(tmp_path / name, f"{name}.example/w", name == "two") for name in ("one", "two")]
    (own.folder / "witnesses.policy").write_text(
        "".join(witness.policy(f"w{at}") for at, witness in enumerate(witnesses)) + "group g all w0 w1\nquorum g\n")
    own.conf.write_text(own.conf.read_text().replace("log:\n", "log:\n  witnesses: witnesses.policy\n") +
                        f"\nupstream: {{ca: {tmp_path}/two/cert.pem}}\n")
    yield own, witnesses
    for witness in witnesses:
        witness.stop()


def cosigners(house):
    lines = get(house, "/log/checkpoint")[2].decode().split("\n\n")[1].splitlines()
    return [line.split(" ")[1] for line in lines]


def test_witnesses_cosign_and_one_that_is_down_only_costs_the_quorum(witnessed):
    house, (one, two) = witnessed
    house.start()
    document = proven(house, sell(house))
    assert "one.example/w" in document["proof"] and "two.example/w" in document["proof"]
    assert sorted(cosigners(house)[1:]) == ["one.example/w", "two.example/w"]
    assert metric(house, "entrepot_log_quorum") == 1 and metric(house, "entrepot_log_witnesses") == 2
    assert ready_says(house)[1].endswith(b"has its quorum of witnesses\n")
    assert one.asked[1][0] > 0, "asked from where it is"

    one.answer = lambda text: (503, b"asleep\n")
    proven(house, sell(house))
    wait_for(lambda: cosigners(house)[1:] == ["two.example/w"], "a checkpoint without the first witness")
    wait_for(lambda: metric(house, "entrepot_log_quorum") == 0, "the figure of the quorum")
    assert ready_says(house)[1].endswith(b"has no quorum of witnesses\n")
    assert "asleep" in told(house, "witness_failed")[0]["text"] and told(house, "log_quorum_missing")

    # One that has forgotten, or was moved on by another server of this log, says where it is.
    one.answer, one.size = None, 1
    deadline = time.monotonic() + 12
    while len(cosigners(house)) < 3:
        assert time.monotonic() < deadline
        sell(house)
        time.sleep(0.3)
    assert told(house, "witness_back") and told(house, "log_quorum_reached")
    assert metric(house, f'entrepot_log_witness_size{{witness="w0"}}') == shown_size(house)
    assert house.command("audit").returncode == 0


def test_the_witness_of_this_program_cosigns_and_remembers(own, tmp_path):
    folder, port = tmp_path / "w", free_port()
    vkey = subprocess.run([ENTREPOT, "witness", "init", str(folder), "--name", "w.example/1"], check=True,
                          capture_output=True, text=True).stdout.strip()
    log = own.command("log", "key").stdout.split()[-1]
    with (folder / "logs").open("a") as logs:
        logs.write(log + "\n")
    (own.folder / "witnesses.policy").write_text(f"witness w {vkey} http://127.0.0.1:{port}\nquorum w\n")
    own.conf.write_text(own.conf.read_text().replace("log:\n", "log:\n  witnesses: witnesses.policy\n"))
    own.processes["witness"] = subprocess.Popen([ENTREPOT, "witness", str(folder), "--listen", f"127.0.0.1:{port}"],
                                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for(lambda: port_open(port), "the witness")
    own.start()
    assert "w.example/1" in proven(own, sell(own))["proof"]
    own.command("backup", str(own.folder / "old.backup"))
    proven(own, sell(own))
    assert own.stop_process("server") == 0
    # The whole folder goes back in time, the published files and the mark too: the witness alone knows.
    shutil.rmtree(own.folder / "var" / "log")
    (own.folder / "var" / "log.size").unlink()
    (own.folder / "var" / "entrepot.db").unlink()
    own.json("restore", str(own.folder / "old.backup"))
    log = open(own.folder / "server.log", "ab")
    own.processes["server"] = subprocess.Popen([ENTREPOT, "serve", "-c", str(own.conf)], stdout=log, stderr=log)
    wait_for(lambda: len(events(own, "started")) == 2, "the start")
    assert ready_says(own)[0] == 503 and told(own, "log_behind")[0]["witness"] == "w"
    assert get(own, "/log/checkpoint")[0] == 404, "nothing was signed"


def forge(witness):
    return lambda text: (200, witness.cosign(text.replace(b"entrepot", b"another_")))


def other_key(witness):
    return lambda text: (200, f"\u2014 {witness.name} AAAAAAAAAAAAAAAA\n".encode())


@pytest.mark.parametrize("first, second", [
    ((forge, "does not hold"), (other_key, "no cosignature of its key")),
    ((lambda _: lambda text: (200, b"x" * 20000), "longer"), (lambda _: lambda text: (409, b"minus\n"), "names no size")),
    ((lambda _: lambda text: (409, b"0\n"), "another size each time"),
     (lambda _: lambda text: (500, b"\xff\x00\r\nevent: forged"), "refuses"))])
def test_witnesses_that_misbehave_are_named_and_left_alone(witnessed, first, second):
    house, witnesses = witnessed
    for witness, (answer, _) in zip(witnesses, (first, second)):
        witness.answer = answer(witness)
    house.start()
    proven(house, sell(house))
    assert cosigners(house)[1:] == []
    wait_for(lambda: len(events(house, "witness_failed")) == 2, "the events")
    said = {event["witness"]: event["text"] for event in events(house, "witness_failed")}
    assert first[1] in said["w0"] and second[1] in said["w1"]
    assert ready_says(house)[0] == 200, "it sells on"


def test_a_slow_witness_is_added_later(witnessed):
    house, (one, two) = witnessed
    one.delay = 1.2
    house.start()
    proven(house, sell(house), 4)
    wait_for(lambda: len(cosigners(house)) == 3, "the late cosignature")


def test_a_witness_that_knows_more_stops_the_sale_for_good(witnessed):
    house, (one, two) = witnessed
    house.start()
    proven(house, sell(house))
    one.answer = lambda text: (409, b"1000000\n")
    with contextlib.suppress(AssertionError):
        sell(house)
    wait_for(lambda: ready_says(house)[0] == 503, "the stop")
    assert house.request("/v1/chat/completions", ASK)[0] == 503
    wait_for(lambda: events(house, "log_behind"), "the event")
    said = events(house, "log_behind")[0]
    assert said["witness"] == "w0" and said["reached"] == 1000000
    assert house.stop_process("server") == 0
    log = open(house.folder / "server.log", "ab")
    house.processes["server"] = subprocess.Popen([ENTREPOT, "serve", "-c", str(house.conf)], stdout=log, stderr=log)
    wait_for(lambda: len(events(house, "started")) == 2, "the start")
    assert ready_says(house)[0] == 503, "over restarts"
