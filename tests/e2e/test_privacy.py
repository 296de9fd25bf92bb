"""A client that is erased: nothing of it is found in any file, its receipts still verify, the books still add up."""

import base64
import json
import os
import pathlib
import re
import shutil
import signal
import sqlite3
import subprocess
import time

import pytest

from conftest import ENTREPOT, ROOT, House, wait_for

CRASHING = str(pathlib.Path(os.environ.get("EP_CRASH_BUILD", ROOT / "build" / "crash")) / "entrepot")
POINTS = sorted({name for file in (ROOT / "src").rglob("*.c")
                 for name in re.findall(r'EP_CRASH_POINT\("(erase-[a-z-]+)"\)', file.read_text())}
                ) if os.access(CRASHING, os.X_OK) else []

ASK = {"model": "aurora-large", "messages": [{"role": "user", "content": "Tell me about rivers."}], "max_tokens": 40}
NAME, LABEL, PAYER, PAYMENT = "Zyxwell Quarries", "zyx-label-of-a-key", "Zyxwell Holding Pte", "ZYX-PAYMENT-7781"
PAPERS, TIP, DONE = "passport Z9988112", "a tip about the quarries", ("--yes", "--by", "Ana", "--why", "asked for it")


class Guest:
    """A client with all that one leaves behind."""

    def __init__(self, house, calls=3, mark=""):
        self.house, self.name, self.payment = house, NAME + mark, PAYMENT + mark
        self.id = house.json("client", "add", "--name", self.name, "--party", "first-client")["id"]
        self.key = house.json("key", "add", "--client", self.id, "--product", "world", "--name", LABEL)["key"]
        house.command("client", "kyc", self.id, "--level", "full", "--evidence", PAPERS)
        house.command("credit", "purchase", "--client", self.id, "--amount", "5", "--payer", PAYER, "--payment",
                      self.payment, "--method", "bank_transfer")
        case = house.json("review", "open", "--client", self.id, "--kind", "resale", "--by", "Ana", "--why", TIP)
        house.command("review", "release", str(case["case"]["case"]), "--by", "Ana", "--why", TIP)
        self.calls = [self.buy() for _ in range(calls)]
        self.calls.append(self.buy({"Idempotency-Key": "zyx-once"}))

    def buy(self, headers=None):
        status, answer, _ = self.house.request("/v1/chat/completions", ASK, key=self.key, headers=headers)
        assert status == 200
        return answer["x-entrepot-call"]

    def receipt(self, call):
        """The document with its proof, as the client gets it."""
        found = {}

        def proven():
            status, _, body = self.house.request(f"/v1/receipts/{call}", key=self.key)
            found.update(json.loads(body))
            return status == 200 and found.get("proof")

        wait_for(proven, "a receipt with its proof", 10)
        return found

    def erase(self):
        return self.house.json("erase", "--client", self.id, "--forfeit", *DONE)


def salts(node):
    """Of all sections, in base64."""
    if isinstance(node, dict):
        for name, value in node.items():
            if name == "salt" and value:
                yield value
            elif name == "salts":
                yield from (salt for salt in value.values() if salt)
            else:
                yield from salts(value)


def traces(folder, words):
    """(file, word) of everything that is still found in a folder, whatever the file."""
    found = []
    for file in pathlib.Path(folder).rglob("*"):
        if file.is_file() and not file.is_symlink():
            text = file.read_bytes()
            found += [(file.name, word) for word in words if word in text]
    return found


def words_of(guest, shown):
    """What is in the files while the client is there: names, and the salts as bytes."""
    return [text.encode() for text in (guest.name, LABEL, PAYER, guest.payment, PAPERS, TIP)] + [
        base64.b64decode(salt) for receipt in shown for salt in salts(receipt)]


@pytest.fixture
def shop(tmp_path):
    house = House(tmp_path / "demo")
    house.upstream(0)
    house.upstream(1)
    house.start()
    yield house
    house.stop()
    audit = house.command("audit", check=False)
    assert audit.returncode == 0, audit.stdout + audit.stderr


def events(house):
    rows = sqlite3.connect(f"file:{house.folder}/var/entrepot.db?mode=ro", uri=True).execute(
        "SELECT entry FROM leaf WHERE kind = 3 ORDER BY id").fetchall()
    return [json.loads(row[0]) for row in rows]


def verify(receipt, house, tmp_path):
    file = tmp_path / "receipt.json"
    file.write_text(json.dumps(receipt))
    return subprocess.run([ENTREPOT, "receipt", "verify", str(file), "--key", house.json("log", "key")["key"]],
                          capture_output=True, text=True)


def test_nothing_of_an_erased_client_is_found_and_its_receipts_verify(shop, tmp_path):
    guest = Guest(shop)
    other = shop.request("/v1/chat/completions", ASK)[1]["x-entrepot-call"]
    held = [guest.receipt(call) for call in guest.calls]
    shown = [shop.json("receipt", "show", call) for call in guest.calls]
    others = shop.json("receipt", "show", other)
    words = words_of(guest, shown)
    usage = shop.json("usage", "show", "--client", guest.id)
    report = shop.json("credit", "report", "--period", time.strftime("%Y"))
    assert len(words) == 6 + 3 * len(shown) and all(traces(shop.folder, [word]) for word in words)
    backup = tmp_path / "before.backup"
    shop.command("backup", str(backup))

    # What is not decided, or paid for, is named.
    case = shop.json("review", "open", "--client", guest.id, "--kind", "origin", "--by", "Ana", "--why", "card")
    refused = shop.command("erase", "--client", guest.id, check=False)
    assert refused.returncode == 1 and "a review case of the client is open" in refused.stderr
    shop.command("review", "release", str(case["case"]["case"]), "--by", "Ana", "--why", "no")
    refused = shop.command("erase", "--client", guest.id, *DONE, check=False)
    assert refused.returncode == 1 and "of credit left" in refused.stderr and "--forfeit" in refused.stderr
    look = shop.json("erase", "--client", guest.id, "--forfeit")
    assert (look["keys"], look["orders"], look["papers"], look["answers"], look["attempts"], look["receipts"]) == (
        1, 1, 1, 1, 4, 4)
    assert shop.json("receipt", "show", guest.calls[0])["entry"] == shown[0]["entry"]
    assert shop.request("/v1/credits", key=guest.key)[0] == 200  # it was only shown

    erased = guest.erase()
    assert erased["state"] == "ended" and erased["receipts"] == 4 and erased["attempts"] == 4
    assert traces(shop.folder, words) == []
    assert shop.request("/v1/chat/completions", ASK, key=guest.key)[0] == 401
    assert shop.request(f"/v1/receipts/{guest.calls[0]}", key=guest.key)[0] == 401
    assert shop.request(f"/v1/receipts/{guest.calls[0]}")[0] == 404

    # The log is as it was; who kept a receipt can show it, and the operator's rows say nothing.
    for receipt in held:
        verified = verify(receipt, shop, tmp_path)
        assert verified.returncode == 0, verified.stdout + verified.stderr
    for call, before in zip(guest.calls, shown):
        after = shop.json("receipt", "show", call)
        assert after["entry"] == before["entry"] and list(salts(after)) == []
        verified = verify(after, shop, tmp_path)  # that it was receipted, of nobody
        assert verified.returncode == 0, verified.stdout + verified.stderr
    assert "erased" in shop.command("receipt", "show", guest.calls[0]).stdout
    replay = shop.command("verdict", "replay", guest.calls[0], check=False)
    assert replay.returncode == 1 and "was erased" in replay.stderr
    last = events(shop)[-1]
    assert last["event"] == "erased" and last["receipts"] == "4" and "cli_" not in json.dumps(last)

    whole = subprocess.run([ENTREPOT, "log", "verify", f"http://127.0.0.1:{shop.public}/log", "--key",
                            shop.json("log", "key")["key"]], capture_output=True, text=True)
    assert whole.returncode == 0, whole.stdout + whole.stderr

    # The books add up as before, and nobody else lost anything.
    assert shop.json("usage", "show", "--client", guest.id) == usage
    assert shop.json("credit", "report", "--period", time.strftime("%Y")) == report
    after = shop.json("receipt", "show", other)
    assert after["entry"] == others["entry"] and list(salts(after)) == list(salts(others))
    assert shop.command("audit", check=False).returncode == 0
    for words_ in (("client", "resume", guest.id), ("key", "add", "--client", guest.id, "--product", "world"),
                   ("credit", "purchase", "--client", guest.id, "--amount", "1"),
                   ("evidence", "--client", guest.id, "--period", time.strftime("%Y"), "-o", str(tmp_path / "pack.zip")),
                   ("erase", "--client", guest.id, "--forfeit", *DONE)):
        refused = shop.command(*words_, check=False)
        assert refused.returncode == 1 and "was erased" in refused.stderr, words_
    assert shop.request("/v1/chat/completions", ASK)[0] == 200

    # A backup of before brings the client back, and it is erased again before anybody sees it.
    shop.stop_process("server")
    restored = shop.json("restore", str(backup), "--accept-loss")
    assert restored["erased_again"] == 1
    assert traces(shop.folder, words) == []
    shop.start()
    assert shop.json("erase", "--list")[0]["client"] == guest.id
    assert shop.request("/v1/chat/completions", ASK, key=guest.key)[0] == 401
    backup.unlink()


def test_a_list_that_came_later_erases_at_the_start(shop, tmp_path):
    """The database was put back by hand, while the list beside it stayed."""
    guest = Guest(shop, calls=1)
    words = words_of(guest, [shop.json("receipt", "show", call) for call in guest.calls])
    shop.stop_process("server")
    before = (shop.folder / "var" / "entrepot.db").read_bytes()
    guest.erase()
    assert traces(shop.folder, [*words, b"Zyxwell"]) == []
    (shop.folder / "var" / "entrepot.db").write_bytes(before)
    listed = (shop.folder / "var" / "erased.log").read_text()
    shutil.copy(shop.folder / "var" / "erased.log", tmp_path / "erased.log")
    (shop.folder / "var" / "erased.log").write_text(listed + "cli_nobody\n")
    spoilt = shop.command("client", "suspend", guest.id, check=False)
    assert spoilt.returncode == 3 and 'line 2 of "' in spoilt.stderr and "put back the copy" in spoilt.stderr
    shutil.copy(tmp_path / "erased.log", shop.folder / "var" / "erased.log")
    shop.command("restore", "--accept-loss", check=False)  # the log is shorter than it was
    shop.start()
    wait_for(lambda: "erased_again" in (shop.folder / "server.log").read_text(), "the log line")
    wait_for(lambda: shop.json("erase", "--list")[0]["state"] in ("ended", "closed"), "the end of the erasure")
    wait_for(lambda: traces(shop.folder, words) == [], "an empty journal")


def test_an_erasure_that_is_killed_anywhere_is_finished_by_the_next_start(shop):
    """At each named point, of a build with those; without one, at some moment."""
    guests = [Guest(shop, 1, f" {at}") for at in range(len(POINTS) or 6)]
    shop.stop_process("server")
    for at, guest in enumerate(guests):
        environment = {**os.environ, "EP_CRASH": f"{POINTS[at]}:1"} if POINTS else None
        process = subprocess.Popen([CRASHING if POINTS else ENTREPOT, "erase", "--client", guest.id, "--forfeit", *DONE, "-c",
                                    str(shop.conf)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
        if POINTS:  # each start finishes what the one before left: none is left for the next point
            assert process.wait(timeout=30) == -signal.SIGKILL, f"{POINTS[at]} was not reached"
        else:
            time.sleep(0.012 + 0.004 * at)
            process.kill()
            process.wait()
        wait_for(lambda: all(row["state"] == "closed" for row in shop.json("erase", "--list")), "the next starts")
    shop.start()
    list_file = shop.folder / "var" / "erased.log"
    listed = list_file.read_text() if list_file.exists() else ""
    for guest in guests:
        words = [guest.name.encode(), guest.payment.encode()]
        if guest.id not in listed:  # killed before anything was begun: it is whole
            assert not POINTS and all(traces(shop.folder, [word]) for word in words)
            guest.erase()
        wait_for(lambda: traces(shop.folder, words) == [], "an empty journal")
    assert len(shop.json("erase", "--list")) == len(guests)
    assert sum(event["event"] == "erased" for event in events(shop)) == len(guests)


def test_what_is_older_than_its_period_goes_and_the_books_add_up(shop):
    guest = Guest(shop, calls=1)
    shown = [shop.json("receipt", "show", call) for call in guest.calls]
    usage = shop.json("usage", "show", "--client", guest.id)
    due = {row["class"]: row for row in shop.json("erase", "--due")}
    assert {name: row["period"] for name, row in due.items()} == {
        "answers": "24 hours", "supply": "183 days", "evidence": "1096 days", "books": "3653 days"}
    assert all(row["due"] == 0 and row["kept"] for row in due.values())
    shop.stop_process("server")
    books = sqlite3.connect(shop.folder / "var" / "entrepot.db")
    books.execute("UPDATE leaf SET appended_ns = appended_ns - 4 * 365 * 86400 * 1000000000")  # three years have passed
    books.commit()
    books.close()
    assert {row["class"]: row["due"] for row in shop.json("erase", "--due")} == {
        "answers": 0, "supply": 0, "evidence": 2, "books": 0}
    if POINTS:  # a run that dies is done again, and the rows are never without what explains them
        died = subprocess.run([CRASHING, "erase", "--due", "--yes", "-c", str(shop.conf)], capture_output=True,
                              env={**os.environ, "EP_CRASH": "expire-half:1"})
        assert died.returncode == -signal.SIGKILL
        assert shop.command("audit", check=False).returncode == 0
    shop.start()  # the server does it by itself
    wait_for(lambda: '"class":"evidence","rows":2' in (shop.folder / "server.log").read_text(), "the first round")
    for call, before in zip(guest.calls, shown):
        after = shop.json("receipt", "show", call)
        assert after["entry"] == before["entry"] and len(list(salts(after))) == 2
        status, _, body = shop.request(f"/v1/receipts/{call}", key=guest.key)
        assert status == 200 and "operator" not in json.loads(body).get("shown", [])
    assert shop.json("erase", "--due", "--yes") == [
        {"class": name, "erased": 0} for name in ("answers", "supply", "evidence", "books")]
    assert shop.json("usage", "show", "--client", guest.id) == usage
    assert events(shop)[-1]["what"] == "evidence"
    assert shop.command("audit", check=False).returncode == 0


@pytest.mark.parametrize("words, status, said", [
    ((), 2, "it is not said what to erase"),
    (("--client", "cli_7", "--due"), 2, "exclude each other"),
    (("--client", "cli_7"), 2, "is no id of a client"),
    (("--client", "cli_" + "0" * 26), 1, "there is no such client"),
    (("--due", "now"), 2, "one word too many"),
    (("--list", "--all"), 2, "all"),
])
def test_what_is_wrong_is_said(bare, words, status, said):
    done = bare.command("erase", *words, check=False)
    assert done.returncode == status and said in done.stderr, done.stderr


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """Without a server."""
    return House(tmp_path_factory.mktemp("bare") / "demo")


def test_who_erases_says_who_and_why(bare):
    client = bare.json("client", "list")[0]["id"]
    for words, said in (((), "--by"), (("--by", "Ana"), "--why"), (("--by", "Ana", "--why", "x" * 4000), "at most")):
        done = bare.command("erase", "--client", client, "--forfeit", "--yes", *words, check=False)
        assert done.returncode == 2 and said in done.stderr
    assert bare.json("client", "list")[0]["state"] == "active"
    assert not (bare.folder / "var" / "erased.log").exists()
    assert bare.json("erase", "--list") == []
