"""The log of a real server with real sales and witnesses, seen with its public key alone: by address, as plain files, and in the browser."""

import contextlib
import hashlib
import http.server
import json
import os
import pathlib
import re
import shutil
import sqlite3
import subprocess
import sys
import time
import urllib.request

import pytest

import made
import verify_log
from conftest import FSCK, OUTSIDE, ROOT, needs_browser, needs_go, outside, scenario_house, serving
from page import OUTCOMES, give, open_page, set_key, verdict

HERE = pathlib.Path(__file__).resolve().parent
BUILD = pathlib.Path(os.environ["EP_BUILD"])
ASK = {"model": "aurora-large", "messages": [{"role": "user", "content": "Tell me about rivers."}], "max_tokens": 40}

scenario = scenario_house()

if not (BUILD / "entrepot").exists() or not (BUILD / "entrepot-sandbox").exists():
    pytest.skip(f"the programs entrepot and entrepot-sandbox are not built in {BUILD}", allow_module_level=True)


class Witness:
    """`entrepot witness`, watching one log."""

    def __init__(self, folder, name, vkey):
        self.port = scenario.free_port()
        done = subprocess.run([scenario.ENTREPOT, "witness", "init", str(folder), "--name", name], capture_output=True, text=True, check=True)
        self.vkey = done.stdout.strip()
        (folder / "logs").write_text(f"{vkey} {vkey.split('+')[0]}\n")
        self.process = subprocess.Popen([scenario.ENTREPOT, "witness", str(folder), "--listen", f"127.0.0.1:{self.port}"],
                                        stderr=subprocess.DEVNULL)
        scenario.wait_for(lambda: scenario.port_open(self.port), "the witness's listener")

    def end(self):
        self.process.terminate()
        assert self.process.wait(timeout=20) == 0


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """Sells, and two witnesses cosign its checkpoints."""
    folder = tmp_path_factory.mktemp("live")
    house = scenario.House(folder / "shop")
    house.vkey = house.command("log", "key").stdout.strip()
    with contextlib.ExitStack() as ends:  # whichever of them fails, the others are ended
        witnesses = []
        for name in ("w1", "w2"):
            witnesses.append(Witness(folder / name, f"witness.example/{name}", house.vkey))
            ends.callback(witnesses[-1].end)
        ends.callback(house.stop)
        house.witnesses = [witness.vkey for witness in witnesses]
        house.policy = house.folder / "policy"
        house.policy.write_text("".join(f"witness w{at} {witness.vkey} http://127.0.0.1:{witness.port}\n"
                                        for at, witness in enumerate(witnesses)) + "group both all w0 w1\nquorum both\n")
        house.conf.write_text(house.conf.read_text().replace("log:\n", "log:\n  witnesses: policy\n  witness_wait_ms: 10000\n"))
        house.upstream(0)
        house.upstream(1)
        house.start()
        house.log = f"http://127.0.0.1:{house.public}/log/"
        house.files = house.folder / "var" / "log"
        scenario.wait_for((house.files / "checkpoint").exists, "the first checkpoint")
        yield house


def witnessed(shop):
    """For the verifiers in Go: that each witness has cosigned."""
    return [word for vkey in shop.witnesses for word in ("-witness", vkey)]


def sell(shop, count=1):
    """So many calls; the id of the last."""
    for _ in range(count):
        status, headers, body = shop.request("/v1/chat/completions", ASK)
        assert status == 200, body
    return headers["x-entrepot-call"]


def checkpoint(shop):
    with urllib.request.urlopen(shop.log + "checkpoint", timeout=10) as answer:
        note = answer.read()
    return verify_log.open_checkpoint(note, shop.vkey)[0], note


def covered(shop, size):
    """The checkpoint of exactly so many leaves."""
    end = time.monotonic() + 10
    while (found := checkpoint(shop))[0] < size:
        assert time.monotonic() < end, f"no checkpoint covers {size} leaves, the newest has {found[0]}"
        time.sleep(0.05)
    assert found[0] == size
    return found[1]


@pytest.fixture
def grown(shop):
    """At work, with a tile that is full."""
    if "server" not in shop.processes:
        shop.start()
    size, _ = checkpoint(shop)
    if size < 257:
        sell(shop, 257 - size)
        covered(shop, 257)
    return shop


def proved(shop, call):
    """The receipt's bytes, once they have a proof: within two seconds of the sale."""
    end = time.monotonic() + 2
    while True:
        status, _, body = shop.request(f"/v1/receipts/{call}")
        assert status == 200, body
        if json.loads(body)["proof"] is not None:
            return body
        assert time.monotonic() < end, "no proof within 2 s"
        time.sleep(0.05)


def python_verifier(*words):
    """The short verifier as anybody runs it."""
    return subprocess.run([sys.executable, str(HERE / "verify_log.py"), *map(str, words)], capture_output=True, text=True, timeout=120)


def fsck(url, key_file):
    return subprocess.run([str(FSCK), "--ui=false", f"--storage_url={url}", f"--public_key={key_file}"], capture_output=True, text=True,
                          timeout=120)


@needs_go
def test_it_grows_over_the_edge_of_a_tile(shop, tmp_path):
    """At 255, 256 and 257 leaves, by every verifier; that each is a beginning of the next; and Tessera's own command."""
    key = tmp_path / "log.vkey"
    key.write_text(shop.vkey)
    olds = []
    size, note = checkpoint(shop)
    assert 0 < size < 255
    for target in (255, 256, 257):
        olds += ["-old", tmp_path / f"{size}.checkpoint"]
        olds[-1].write_bytes(note)
        sell(shop, target - size)
        size, note = target, covered(shop, target)
        assert set(outside(*witnessed(shop), *olds, shop.vkey, shop.log, shop.files)[0].values()) == {"ok"}
        done = python_verifier(shop.vkey, shop.log, *shop.witnesses)
        assert done.returncode == 0 and f"{target} entries" in done.stdout, done.stdout + done.stderr
        done = fsck(shop.log, key)
        assert done.returncode == 0 and f"size {target}" in done.stderr, done.stderr
    done = shop.command("log", "verify", shop.log, "--key", shop.vkey, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    files, _ = verify_log.check_log(shop.vkey, lambda name: (shop.files / name).read_bytes())
    assert {"tile/0/000", "tile/0/001.p/1", "tile/1/000.p/1", "tile/entries/000", "tile/entries/001.p/1"} < set(files)


@needs_go
def test_a_receipt_is_confirmed_with_the_key_alone(shop, tmp_path):
    call = sell(shop)
    document = proved(shop, call)
    (tmp_path / "receipt.json").write_bytes(document)
    status, _, proof = shop.request(f"/v1/receipts/{call}.tlog-proof")
    assert status == 200
    (tmp_path / "receipt.tlog-proof").write_bytes(proof)
    assert verify_log.check_receipt(shop.vkey, document) == ["client", "evidence", "promise", "proof"]
    done = python_verifier(shop.vkey, shop.log, tmp_path / "receipt.json", tmp_path / "receipt.tlog-proof")
    assert done.returncode == 0, done.stderr
    assert set(outside(*witnessed(shop), "-proof", tmp_path / "receipt.tlog-proof", shop.vkey)[0].values()) == {"ok"}
    read = json.loads(document)
    assert read["client"]["call"] == call and read["log"]["key"] == shop.vkey
    read["client"]["amount"] = str(int(read["client"]["amount"]) - 1)
    (tmp_path / "receipt.json").write_text(json.dumps(read))
    done = python_verifier(shop.vkey, shop.log, tmp_path / "receipt.json")
    assert done.returncode == 1 and "client section" in done.stderr


@needs_go
def test_the_document_s_commands(grown, tmp_path):
    """Each command of docs/verify-outside.md, as it stands there, but for the seller's name and what is built already."""
    text = (ROOT / "docs" / "verify-outside.md").read_text()
    module = re.search(r"github\.com/transparency-dev/tessera (v\S+)", (HERE / "go" / "go.mod").read_text())
    written = f"go run github.com/transparency-dev/tessera/cmd/fsck@{module[1]}"
    assert written in text
    (tmp_path / "log.vkey").write_text(grown.vkey + "\n")
    call = sell(grown)
    proved(grown, call)
    printed = []
    for block in re.findall(r"```sh\n(.*?)```", text, re.S):
        for old, new in (("https://shop.example", f"http://127.0.0.1:{grown.public}"), (written, str(FSCK)), ("go run .", str(OUTSIDE)),
                         ("cd tests/proof/go", f"cd {HERE / 'go'}"), ("python3 tests/proof/", f"{sys.executable} {HERE}/")):
            block = block.replace(old, new)
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", block], cwd=tmp_path, capture_output=True, text=True, timeout=60,
                              env={**os.environ, "KEY": grown.key, "CALL": call})
        assert done.returncode == 0, block + done.stdout + done.stderr
        printed.append(done.stdout.split())
    digests, hashes, signature = printed[-3:]
    assert digests[0] == digests[2] and hashes[0] == hashes[1], printed
    assert " ".join(signature) == "Signature Verified Successfully"


@needs_browser
def test_the_server_s_page_confirms_it(shop, browser, tmp_path):
    """Behind GET /verify, under the gate's own policy."""
    document = proved(shop, sell(shop))
    (tmp_path / "receipt.json").write_bytes(document)
    (tmp_path / "bad.json").write_bytes(document.replace(b'"outcome":"complete"', b'"outcome":"cut"', 1))
    open_page(browser, f"http://127.0.0.1:{shop.public}/verify")
    browser.complaints()
    give(browser, tmp_path / "receipt.json")
    assert verdict(browser) == "open"  # nobody has said which key is the log's
    set_key(browser, shop.vkey)
    browser.wait(lambda: verdict(browser) == "holds", "the verdict")
    assert [name for name, outcome in browser.run(OUTCOMES).items() if outcome != "holds"] == ["operator section", "witnesses"]
    give(browser, tmp_path / "receipt.json", shop.policy)
    assert verdict(browser) == "holds" and "cosigned by 2 witnesses" in browser.text("#verdict")
    assert [name for name, outcome in browser.run(OUTCOMES).items() if outcome != "holds"] == ["operator section"]
    give(browser, tmp_path / "bad.json")
    assert verdict(browser) == "fails"
    assert [name for name, outcome in browser.run(OUTCOMES).items() if outcome == "fails"] == ["client section"]
    assert browser.complaints() == []
    if os.environ.get("EP_PICTURES"):
        give(browser, tmp_path / "receipt.json")
        browser.picture(pathlib.Path(os.environ["EP_PICTURES"], "live.png"))


class Plain(http.server.SimpleHTTPRequestHandler):
    """Knows nothing of logs."""


@needs_go
def test_another_server_can_serve_the_files_and_a_flipped_bit_is_found(grown, tmp_path):
    """By each of them, over HTTP, in whichever file the bit is."""
    covered(grown, checkpoint(grown)[0])
    shutil.copytree(grown.files, tmp_path / "log")
    with serving(Plain, tmp_path / "log") as address:
        assert set(outside(*witnessed(grown), grown.vkey, address)[0].values()) == {"ok"}
        needed, _ = verify_log.check_log(grown.vkey, lambda name: (tmp_path / "log" / name).read_bytes())
        for name, whole in needed.items():
            (tmp_path / "log" / name).write_bytes(whole[:-20] + bytes([whole[-20] ^ 1]) + whole[-19:])
            assert set(outside(*witnessed(grown), grown.vkey, address)[0].values()) == {"wrong"}, name
            assert python_verifier(grown.vkey, address, *grown.witnesses).returncode == 1, name
            (tmp_path / "log" / name).write_bytes(whole)


# ---- somebody writes into the database ------------------------------------------------------------------------------

LEAF = 100  # of a receipt


def edit(books):
    entry = books.execute("SELECT entry FROM leaf WHERE id = ?", [LEAF]).fetchone()[0]
    entry = entry.replace(b'"client":"', b'"client":"00', 1)[:len(entry)]
    books.execute("UPDATE leaf SET entry = ?, hash = ? WHERE id = ?", [entry, hashlib.sha256(b"\0" + entry).digest(), LEAF])


def delete(books):
    books.execute("DELETE FROM leaf WHERE id = ?", [LEAF])
    books.execute("UPDATE leaf SET id = -id WHERE id > ?", [LEAF])
    books.execute("UPDATE leaf SET id = -id - 1 WHERE id < 0")


def delete_the_last(books):
    books.execute("DELETE FROM leaf WHERE id = (SELECT max(id) FROM leaf)")


def reorder(books):
    for old, new in ((LEAF, -1), (LEAF + 1, LEAF), (-1, LEAF + 1)):
        books.execute("UPDATE leaf SET id = ? WHERE id = ?", [new, old])


@needs_go
def test_a_changed_row_is_found(grown, tmp_path):
    """By `entrepot audit`, and by whoever makes the log again from the rows and holds the signed checkpoint against it."""
    covered(grown, checkpoint(grown)[0])
    assert grown.stop_process("server") == 0
    places = []
    for tamper in (edit, delete, delete_the_last, reorder):
        folder = tmp_path / tamper.__name__
        shutil.copytree(grown.folder, folder)
        books = sqlite3.connect(folder / "var" / "entrepot.db")
        note = books.execute("SELECT note FROM published").fetchone()[0]
        tamper(books)
        books.commit()
        places.append(made.write(tmp_path / f"rebuilt-{tamper.__name__}",
                                 [row[0] for row in books.execute("SELECT entry FROM leaf ORDER BY id")], note))
        books.close()
        audit = subprocess.run([str(BUILD / "entrepot"), "audit", "-c", str(folder / "entrepot.yaml")], capture_output=True, text=True,
                               timeout=60)
        assert audit.returncode == 1 and "log-" in audit.stdout, f"{tamper.__name__}: {audit.stdout}{audit.stderr}"
    found, text = outside(grown.vkey, *places)
    assert len(found) == len(places) and set(found.values()) == {"wrong"}, text
    for place in places:
        assert python_verifier(grown.vkey, place).returncode == 1


@needs_go
def test_files_are_made_again_from_the_rows(grown):
    """A folder that is gone is there after the next start."""
    size = verify_log.open_checkpoint((grown.files / "checkpoint").read_bytes(), grown.vkey)[0]
    grown.stop_process("server")
    shutil.rmtree(grown.files)
    grown.start()
    scenario.wait_for((grown.files / "checkpoint").exists, "a checkpoint")
    assert checkpoint(grown)[0] > size >= 257  # the start is a leaf, too
    assert set(outside(grown.vkey, grown.log, grown.files)[0].values()) == {"ok"}
