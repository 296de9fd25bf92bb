"""Packs of evidence: real sales and refusals, packed beside the server, checked where there are no books; forged; and read
by other means: zip tools, sha256sum, a second implementation of the tree, a browser."""

import base64
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import time
import zipfile

import pytest

from conftest import ENTREPOT, House, wait_for

ASK = {"model": "aurora-large", "messages": [{"role": "user", "content": "Tell me about rivers."}], "max_tokens": 40}
CHROMIUM = shutil.which("chromium")


class Shop(House):
    def sell(self, key=None, headers=None, **more):
        status, answer, body = self.request("/v1/chat/completions", {**ASK, **more}, key=key, headers=headers)
        return status, answer.get("x-entrepot-call") or json.loads(body)["error"]["entrepot"]["call"]

    def covered(self, call):
        """Whether the published checkpoint covers a call."""
        return json.loads(self.request(f"/v1/receipts/{call}", key=self.key)[2]).get("proof") is not None

    def evidence(self, path, period, check=True, client=None):
        return self.command("evidence", "--client", client or self.client, "--period", period, "-o", str(path), check=check)


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    house = Shop(tmp_path_factory.mktemp("evidence") / "demo")
    house.upstream(0)
    house.upstream(1)
    house.start()
    house.client = house.json("client", "list")[0]["id"]
    house.month = time.strftime("%Y-%m", time.gmtime())
    house.other = house.json("client", "add", "--name", "Somebody Else Ltd", "--country", "SG", "--billing-country", "SG",
                             "--type", "developer", "--accept", "a.online")["id"]
    house.command("credit", "purchase", "--client", house.other, "--amount", "5")
    other = house.json("key", "add", "--client", house.other, "--product", "world")
    house.other_key = other["id"]
    house.sold, house.others = [], []
    for at in range(5):
        status, call = house.sell(model="aurora-small" if at == 3 else "aurora-large")
        assert status == 200
        house.sold.append(call)
        status, call = house.sell(key=other["key"])
        assert status == 200
        house.others.append(call)
    house.refused = [house.sell(headers={"x-entrepot-market": "CN"})[1], house.sell(model="no-such")[1]]
    wait_for(lambda: house.covered(house.refused[-1]), "a checkpoint over the last call")
    house.vkey = house.command("log", "key").stdout.strip()
    house.pack = house.folder / "pack.zip"
    house.said = house.evidence(house.pack, house.month)
    yield house
    house.stop()
    shutil.rmtree(house.folder, ignore_errors=True)


@pytest.fixture
def far(tmp_path):
    """A folder on another machine: no configuration, no books, no key of the log."""
    def verify(pack, *flags, key=None, check=None):
        done = subprocess.run([ENTREPOT, "evidence", "verify", str(pack), "--key", key or verify.key, *flags], cwd=tmp_path,
                              capture_output=True, text=True)
        if check is not None:
            assert done.returncode == check, done.stdout + done.stderr
        return done
    verify.folder = tmp_path
    return verify


def test_a_pack_holds_where_there_are_no_books(shop, far):
    far.key = shop.vkey
    assert "the period is not over" in shop.said.stderr
    assert re.search(r"^receipts +7$", shop.said.stdout, re.M) and re.search(r"^uncovered +0$", shop.said.stdout, re.M)
    shown = json.loads(far(shop.pack, "--json", "--judge", "all", check=0).stdout)
    assert shown["ok"] and shown["client"] == shop.client and shown["receipts"] == 7 and not shown["over"]
    assert shown["judged"] == shown["decisions"] == 6  # a model that is not there is not judged
    assert {c["check"]: c["outcome"] for c in shown["checks"]} == {
        "archive": "holds", "manifest signature": "holds", "files": "holds", "checkpoint": "holds", "witnesses": "not tested",
        "registry": "holds", "receipts": "holds", "log root": "holds", "figures": "holds", "decisions": "holds"}
    text = far(shop.pack, "--judge", "3", "--seed", "7", check=0).stdout
    assert "judged again: 3 of 6 decisions (--seed 7)" in text and "note: the period was not over" in text
    assert text == far(shop.pack, "--judge", "3", "--seed", "7", check=0).stdout
    policy = far.folder / "policy"
    policy.write_text(f"log {shop.vkey}\nquorum none\n")
    done = subprocess.run([ENTREPOT, "evidence", "verify", str(shop.pack), "--policy", str(policy)], cwd=far.folder,
                          capture_output=True, text=True)
    assert done.returncode == 0 and "witnesses           holds" in done.stdout


def test_the_same_rows_make_the_same_bytes_and_the_books_say_the_same(shop, far):
    shop.evidence(far.folder / "again.zip", shop.month)
    assert (far.folder / "again.zip").read_bytes() == shop.pack.read_bytes()
    with zipfile.ZipFile(shop.pack) as pack:
        usage = json.loads(pack.read("usage.json"))["usage"]
    books = shop.json("usage", "show", "--client", shop.client, "--month", shop.month)
    assert sum(float(row["amount"]) for row in books) == pytest.approx(sum(int(row["amount"]) for row in usage) / 1e9)
    assert sum(row["calls"] for row in books) == sum(int(row["complete"]) for row in usage) == 5
    assert {row["model"]: row["output"] for row in books} == {row["model"]: int(row["billed"]["out"])
                                                              for row in usage if row["complete"] != "0"}


def test_other_clients_are_nowhere_in_it(shop):
    with zipfile.ZipFile(shop.pack) as pack:
        assert pack.testzip() is None
        everything = b"\n".join(pack.read(name) for name in pack.namelist())
    for ours in (*shop.sold, *shop.refused, shop.client):
        assert ours.encode() in everything
    for theirs in (*shop.others, shop.other, shop.other_key, "Somebody Else"):
        assert theirs.encode() not in everything
    assert b"rivers" not in everything  # nor a word of content


def leaf(data):
    return hashlib.sha256(b"\0" + data).digest()


class Tree:
    """Grown from leaves and full subtrees: a second implementation, from RFC 6962 alone."""

    def __init__(self):
        self.size, self.parts = 0, []  # (size, hash) of full subtrees, from the left

    def add(self, size, part):
        assert self.size % size == 0
        self.size += size
        while self.parts and self.parts[-1][0] == size:
            part = hashlib.sha256(b"\1" + self.parts.pop()[1] + part).digest()
            size *= 2
        self.parts.append((size, part))

    def gap(self, until, hashes):
        for part in hashes:
            size = 1
            while self.size % (2 * size) == 0 and self.size + 2 * size <= until:
                size *= 2
            self.add(size, base64.b64decode(part))
        assert self.size == until

    def root(self):
        rest = [part for _, part in self.parts]
        while len(rest) > 1:
            right = rest.pop()
            rest[-1] = hashlib.sha256(b"\1" + rest[-1] + right).digest()
        return rest[0]


def test_zip_tools_sha256sum_and_a_second_tree_agree(shop, far):
    with zipfile.ZipFile(shop.pack) as pack:
        pack.extractall(far.folder)
    subprocess.run(["sha256sum", "-c", "--strict", "--quiet", "manifest.sha256"], cwd=far.folder, check=True)
    tree, calls = Tree(), []
    for line in (far.folder / "receipts" / "000001.jsonl").read_text().splitlines():
        receipt = json.loads(line)
        tree.gap(int(receipt["leaf"]), receipt["before"])
        canonical = json.dumps(receipt["entry"], sort_keys=True, separators=(",", ":")).encode()
        tree.add(1, leaf(canonical))
        for name in ("client", "evidence", "operator"):
            section = json.dumps(receipt[name], sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
            salted = base64.b64decode(receipt["salts"][name]) + section
            assert hashlib.sha256(salted).hexdigest() == receipt["entry"][name]
        calls.append(receipt["client"]["call"])
    rest = json.loads((far.folder / "receipts" / "rest.json").read_text())
    origin, size, root = (far.folder / "checkpoint").read_text().splitlines()[:3]
    tree.gap(int(size), rest["after"])
    assert base64.b64encode(tree.root()).decode() == root and origin == shop.vkey.split("+")[0]
    assert sorted(calls) == sorted(shop.sold + shop.refused)
    figures = json.loads((far.folder / "figures.json").read_text())
    assert {(row["rule"], row["code"]): row["calls"] for row in figures["refusals"]} == {("R1", "REVERSE_IMPORT"): "1",
                                                                                         ("", "model_not_found"): "1"}
    assert figures["lifelines"] == {"model_source": "shown", "data_outbound": "shown", "target_market": "shown",
                                    "funds_return": "open"}
    grants = json.loads((far.folder / "grants.json").read_text())["chains"]
    assert {grant["id"] for chain in grants for grant in chain["grants"]} >= {"g.aurora-operator"}
    for chain in grants:  # the sums are those of documents that the operator has
        for grant in (*chain["grants"], chain["agreement"]):
            document = shop.folder / "registry" / grant["document"]
            assert hashlib.sha256(document.read_bytes()).hexdigest() == grant["sha256"]


def test_a_changed_byte_names_its_file(shop, far):
    far.key = shop.vkey
    whole = shop.pack.read_bytes()
    with zipfile.ZipFile(shop.pack) as pack:
        places = [(info.filename, info.header_offset + 30 + len(info.filename) + info.compress_size // 2)
                  for info in pack.infolist()]
    for name, at in places:
        (far.folder / "bad.zip").write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1:])
        done = far("bad.zip", "--judge", "0", check=1)
        assert name in done.stdout and "does NOT hold" in done.stdout
    for length in (0, 10, len(whole) // 2, len(whole) - 1):
        (far.folder / "bad.zip").write_bytes(whole[:length])
        far("bad.zip", check=1)


def rebuilt(shop, change=lambda name, data: data, more=()):
    """As any zip tool would write it; `more`: (name, bytes, mode)."""
    out = io.BytesIO()
    with zipfile.ZipFile(shop.pack) as pack, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as fresh:
        files = [(name, change(name, pack.read(name)), 0o100644) for name in pack.namelist()]
        for name, data, mode in [*files, *more]:
            if data is not None:
                info = zipfile.ZipInfo(name)
                info.create_system, info.external_attr, info.compress_type = 3, mode << 16, zipfile.ZIP_DEFLATED
                fresh.writestr(info, data)
    return out.getvalue()


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_packs_that_were_put_together_again_are_refused_by_name(shop, far):
    far.key = shop.vkey
    plain = 0o100644
    bad = {
        "report.html: it was changed": rebuilt(shop, lambda name, data: data.replace(b"refused", b"allowed") if name == "report.html" else data),
        "findings.json: it is missing": rebuilt(shop, lambda name, data: None if name == "findings.json" else data),
        "extra.txt: it is a file too many": rebuilt(shop, more=[("extra.txt", b"more", plain)]),
        '"../../slip.sh" in the pack: its name leaves': rebuilt(shop, more=[("../../slip.sh", b"#!", plain)]),
        '"/etc/slip" in the pack: its name leaves': rebuilt(shop, more=[("/etc/slip", b"#!", plain)]),
        '"pack.json" in the pack: the name is there twice': rebuilt(shop, more=[("pack.json", b"{}", plain)]),
        '"link" in the pack: it is a symbolic link': rebuilt(shop, more=[("link", b"/etc/passwd", 0o120777)]),
        '"bomb" in the pack: it unpacks to more than 200 times': rebuilt(shop, more=[("bomb", bytes(8 << 20), plain)]),
    }
    secret = bytearray(rebuilt(shop, more=[("secret", b"text", plain)]))
    for sign in (b"PK\3\4", b"PK\1\2"):
        at = secret.rindex(sign)
        secret[at + (6 if sign == b"PK\3\4" else 8)] |= 1
    bad['"secret" in the pack: it is encrypted'] = bytes(secret)
    (far.folder / "bad.zip").write_bytes(rebuilt(shop))
    far("bad.zip", check=0)  # the same files by another tool
    for why, archive in bad.items():
        (far.folder / "bad.zip").write_bytes(archive)
        done = far("bad.zip", check=1)
        assert why in done.stdout, done.stdout
    assert not (far.folder.parent / "slip.sh").exists()


def test_periods_keys_and_files_that_are_none(shop, far):
    far.key = shop.vkey
    for period in ("2026", "2026-10..2026-12", "2026-11-01T00:00:00Z..2026-11-02"):
        (far.folder / "ranges.zip").unlink(missing_ok=True)
        assert shop.evidence(far.folder / "ranges.zip", period).returncode == 0
        far("ranges.zip", check=0)
    past = shop.evidence(far.folder / "past.zip", "2020-01")
    assert past.stderr == "" and re.search(r"^over +yes$", past.stdout, re.M)
    shown = json.loads(far("past.zip", "--json", check=0).stdout)
    assert shown["over"] and shown["receipts"] == 0
    for period in ("2026-13", "tomorrow", "2026-11..2026-10", "..", "2026-11..", ""):
        assert shop.evidence(far.folder / "no.zip", period, check=False).returncode == 2
    taken = shop.evidence(shop.pack, shop.month, check=False)
    assert taken.returncode == 1 and "is there already" in taken.stderr
    assert shop.evidence("/nowhere/x.zip", shop.month, check=False).returncode == 3
    assert shop.evidence(far.folder / "no.zip", shop.month, check=False, client="cli_" + "0" * 26).returncode == 1
    assert shop.command("evidence", "--client", shop.client, "--period", shop.month, check=False).returncode == 2
    assert sorted(path.name for path in far.folder.iterdir()) == ["past.zip", "ranges.zip"]
    far("nothing.zip", check=3)
    far(shop.pack, "--judge", "some", check=2)
    far(shop.pack, key="no key", check=2)
    other = shop.vkey.split("+")
    done = far(shop.pack, key=f"{other[0]}+{other[1]}+{'A' * 44}", check=2)
    assert "entrepot:" in done.stderr
    done = subprocess.run([ENTREPOT, "evidence", "verify", str(shop.pack)], cwd=far.folder, capture_output=True, text=True)
    assert done.returncode == 2 and "--key" in done.stderr


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed: tools/deps chromium")
def test_the_report_opens_and_prints(shop, far):
    with zipfile.ZipFile(shop.pack) as pack:
        (far.folder / "report.html").write_bytes(pack.read("report.html"))
    base = [CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", f"--user-data-dir={far.folder}/profile"]
    url = f"file://{far.folder}/report.html"
    dom = subprocess.run([*base, "--dump-dom", url], capture_output=True, text=True, timeout=60, check=True).stdout
    for text in ("Evidence of calls", "Calls by day", "Calls by lane", "Calls by source", "Calls by outcome", "Model source",
                 "Data outbound", "Target market", "Funds return", "R1 REVERSE_IMPORT", shop.client):
        assert text in dom
    assert dom.count("<svg") == 6 and "<script" not in dom and "http://" not in dom and "https://" not in dom
    subprocess.run([*base, "--no-pdf-header-footer", f"--print-to-pdf={far.folder}/report.pdf", url], capture_output=True, timeout=60, check=True)
    assert (far.folder / "report.pdf").read_bytes().startswith(b"%PDF")
    if os.environ.get("EP_KEEP_REPORT"):
        shutil.copy(far.folder / "report.pdf", os.environ["EP_KEEP_REPORT"])


def test_an_erased_client_is_in_no_new_pack_and_old_packs_hold(shop, far):
    far.key = shop.vkey
    shop.evidence(far.folder / "before.zip", shop.month, client=shop.other)
    assert json.loads(far("before.zip", "--json", check=0).stdout)["receipts"] == 5
    shop.command("erase", "--client", shop.other, "--forfeit", "--yes", "--by", "Ana", "--why", "request 17")
    after = shop.evidence(far.folder / "after.zip", shop.month, check=False, client=shop.other)
    assert after.returncode == 1 and "no receipt says any more that it is theirs" in after.stderr
    assert not (far.folder / "after.zip").exists()
    far("before.zip", check=0)  # what was handed out stays what it was
