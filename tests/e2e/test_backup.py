"""Backup of a server that sells, restore, and a log that is shorter than it was."""

import json
import os
import pathlib
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request

import pytest

from conftest import ENTREPOT, House, wait_for

ASK = {"model": "aurora-large", "messages": [{"role": "user", "content": "Tell me about rivers."}], "max_tokens": 40}


class Load:
    """Clients that buy without a pause; `sold` are the calls whose answer was whole."""

    def __init__(self, house, clients=4):
        self.house, self.sold, self.failed, self.running = house, [], [], True
        self.threads = [threading.Thread(target=self.buy, daemon=True) for _ in range(clients)]
        for thread in self.threads:
            thread.start()

    def buy(self):
        while self.running:
            try:
                status, headers, _ = self.house.request("/v1/chat/completions", ASK)
            except OSError:  # the server was killed
                return
            if status == 200:
                self.sold.append(headers["x-entrepot-call"])
            else:
                self.failed.append(status)

    def end(self):
        self.running = False
        for thread in self.threads:
            thread.join(30)


@pytest.fixture
def shop(tmp_path):
    house = House(tmp_path / "demo")
    house.upstream(0)
    house.upstream(1)
    house.start()
    yield house
    house.stop()


def not_selling(house):
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"http://127.0.0.1:{house.operator}/readyz", timeout=5)
    return refused.value.code, refused.value.read().decode()


def start_behind(house):
    """A server that comes up and does not sell: readiness never comes."""
    log = open(house.folder / "server.log", "ab")
    house.processes["server"] = subprocess.Popen([ENTREPOT, "serve", "-c", str(house.conf)], stdout=log, stderr=log)
    wait_for(lambda: "log_behind" in (house.folder / "server.log").read_text(), "the log line")


def test_a_backup_while_selling_is_restored_with_every_receipt_before_it(shop, tmp_path):
    file = str(tmp_path / "books.backup")
    load = Load(shop)
    wait_for(lambda: len(load.sold) >= 100, "a hundred sales")
    before = list(load.sold)
    made = shop.json("backup", file)
    at_end = len(load.sold)
    wait_for(lambda: len(load.sold) >= at_end + 50, "sales after the backup")
    audit = shop.command("audit", check=False)  # beside the server that sells
    load.end()
    assert audit.returncode == 0, audit.stdout + audit.stderr
    assert not load.failed
    assert made["calls"] >= len(before)
    assert made["leaves"] >= made["calls"]
    assert made["bytes"] == os.path.getsize(file)
    again = shop.command("backup", file, check=False)
    assert again.returncode == 1 and "CONFLICT" in again.stderr
    running = shop.command("restore", file, check=False)
    assert running.returncode == 3 and "STORE_LOCKED" in running.stderr
    assert shop.stop_process("server") == 0

    restored = shop.json("restore", file)
    assert int(restored["leaves"]) == made["leaves"]
    assert not restored["sells"], "leaves were appended since"
    assert pathlib.Path(restored["kept"]).exists()
    audit = json.loads(shop.command("audit", "--json", check=False).stdout)
    assert [line["invariant"] for line in audit["violated"]] == ["log-folder"], "the folder shows what was lost"
    for call in before:
        assert shop.json("receipt", "show", call)["client"]["outcome"] == "complete"

    # The log is shorter than it was: nothing is sold, whatever is restarted.
    for _ in range(2):
        start_behind(shop)
        wait_for(lambda: port_answers(shop), "the listener")
        status, why = not_selling(shop)
        assert status == 503 and "--accept-loss" in why
        status, headers, body = shop.request("/v1/chat/completions", ASK)
        assert status == 503, body
        assert json.loads(body)["error"]["code"] == "not_selling"
        assert headers["x-should-retry"] == "false"
        assert shop.request("/readyz")[0] == 503
        refused = shop.command("restore", "--accept-loss", check=False)
        assert refused.returncode == 3
        assert shop.stop_process("server") == 0
    accepted = shop.json("restore", "--accept-loss")
    assert accepted["sells"]
    shop.start()
    assert shop.request("/v1/chat/completions", ASK)[0] == 200
    assert shop.command("audit").returncode == 0


def port_answers(house):
    try:
        return house.request("/healthz")[0] == 200
    except OSError:
        return False


def test_a_database_put_back_by_hand_after_a_crash_is_noticed(shop, tmp_path):
    file = tmp_path / "books.backup"
    load = Load(shop)
    wait_for(lambda: len(load.sold) >= 20, "sales")
    shop.json("backup", str(file))
    at_end = len(load.sold)
    wait_for(lambda: len(load.sold) >= at_end + 20, "sales after the backup")
    time.sleep(1.5)  # the mark is raised once a second
    shop.processes["server"].kill()
    shop.processes.pop("server").wait()
    load.end()
    var = shop.folder / "var"
    for name in ("entrepot.db-wal", "entrepot.db-shm"):
        (var / name).unlink(missing_ok=True)
    file.rename(var / "entrepot.db")
    start_behind(shop)
    assert not_selling(shop)[0] == 503
    assert shop.stop_process("server") == 0
    shop.json("restore", "--accept-loss")
    shop.start()
    assert shop.request("/v1/chat/completions", ASK)[0] == 200
    assert shop.command("audit").returncode == 0


def test_a_backup_killed_on_the_way_leaves_no_file(shop, tmp_path):
    load = Load(shop)
    wait_for(lambda: len(load.sold) >= 300, "sales", 60)
    load.end()
    cut = 0
    for round_ in range(40):
        file = tmp_path / f"b{round_}"
        backup = subprocess.Popen([ENTREPOT, "backup", str(file), "-c", str(shop.conf)],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        part = pathlib.Path(f"{file}.part")
        end = time.monotonic() + 5
        while not part.exists() and backup.poll() is None and time.monotonic() < end:
            pass
        backup.send_signal(signal.SIGKILL)
        backup.wait()
        if file.exists():  # it was quicker: then it is whole
            check = shop.command("restore", str(file), check=False)
            assert check.returncode == 3 and "STORE_LOCKED" in check.stderr
        else:
            cut += 1
            assert shop.command("backup", str(file)).returncode == 0  # over what was left
            assert not part.exists()
    assert cut > 0
    assert shop.request("/v1/chat/completions", ASK)[0] == 200


def test_what_is_no_backup_is_refused_and_the_books_stay(shop, tmp_path):
    assert shop.request("/v1/chat/completions", ASK)[0] == 200
    file = tmp_path / "good"
    shop.json("backup", str(file))
    assert shop.stop_process("server") == 0
    good = file.read_bytes()
    assert good[18:20] == b"\x01\x01", "one file that needs no other"
    cases = {"empty": b"", "short": good[:5000], "text": b"not a database\n" * 1000,
             "damaged": good[:3 * 4096] + b"\xa5" * 4096 + good[4 * 4096:]}
    for name, content in cases.items():
        bad = tmp_path / name
        bad.write_bytes(content)
        refused = shop.command("restore", str(bad), check=False)
        assert refused.returncode == 1, (name, refused.stderr)
        assert "STORE_DAMAGED" in refused.stderr, (name, refused.stderr)
    assert shop.command("restore", str(tmp_path / "none"), check=False).returncode == 3
    assert shop.command("restore", check=False).returncode == 2
    assert not list((shop.folder / "var").glob("*.restoring*"))
    assert not list((shop.folder / "var").glob("*.before-*"))
    shop.start()
    assert shop.request("/v1/chat/completions", ASK)[0] == 200
    assert shop.command("audit").returncode == 0
