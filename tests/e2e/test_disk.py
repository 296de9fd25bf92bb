"""A disk that is full, and databases that must not be opened: what the real program does and says."""

import http.client
import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import threading
import time

import pytest

from conftest import ENTREPOT, House, wait_for

ASK = {"model": "aurora-large", "messages": [{"role": "user", "content": "Tell me about disks."}], "max_tokens": 60}
CHAT = "/v1/chat/completions"


class Small(House):
    """A house whose server may not make any file larger than so many bytes: writing beyond fails, as on a full disk."""

    def start_limited(self, size):
        def limit():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # the write fails instead, with EFBIG
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

        log = open(self.folder / "server.log", "ab")
        pipe = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=log)  # the log itself is not limited
        self.processes["server"] = subprocess.Popen([ENTREPOT, "serve", "-c", str(self.conf)], stdout=pipe.stdin,
                                                    stderr=pipe.stdin, preexec_fn=limit)
        pipe.stdin.close()
        self.processes["log"] = pipe
        wait_for(self.ready, "readiness")


@pytest.fixture
def house(tmp_path):
    made = Small(tmp_path / "demo")
    for at in (0, 1):
        made.upstream(at)
    yield made
    made.stop()


def database(house):
    return house.folder / "var" / "entrepot.db"


def may_mount():
    return subprocess.run(["unshare", "-Urm", "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True).returncode == 0


class Tiny:
    """The server on a disk of its own of a few MB (a name space's tmpfs): when it ends, what the disk held is copied back."""

    def __init__(self, house, size):
        self.house = house
        script = (f"cp -a var kept; mount -t tmpfs -o size={size} none var; cp -a kept/. var/; "
                  f"{ENTREPOT} serve -c {house.conf}; rm -rf kept; cp -a var kept")
        log = open(house.folder / "server.log", "ab")
        self.shell = subprocess.Popen(["unshare", "-Urm", "sh", "-c", script], cwd=house.folder, stdout=log, stderr=log)
        house.processes["server"] = self.shell
        wait_for(house.ready, "readiness")

    def end(self):
        """SIGKILL to the server alone, which is the shell's one child; the shell copies."""
        children = open(f"/proc/{self.shell.pid}/task/{self.shell.pid}/children").read().split()
        assert len(children) == 1
        os.kill(int(children[0]), signal.SIGKILL)
        self.shell.wait(20)
        self.house.processes.pop("server")
        shutil.rmtree(self.house.folder / "var")
        (self.house.folder / "kept").rename(self.house.folder / "var")


@pytest.mark.parametrize("disk", ["limit", "tmpfs"])
def test_a_full_disk_stops_the_sale_and_loses_nothing(house, disk):
    if disk == "tmpfs" and not may_mount():
        pytest.skip("no user name spaces here: no small disk to fill")
    tiny = Tiny(house, "1200k") if disk == "tmpfs" else house.start_limited(600_000)
    sold, refused = [], []
    stop = threading.Event()

    until = time.monotonic() + 40

    def buy(stream):
        while not stop.is_set() and time.monotonic() < until:
            try:
                status, headers, body = house.request(CHAT, {**ASK, "stream": stream})
            except (OSError, http.client.HTTPException):
                continue  # a stream that was cut: its end would have promised what is not durable
            whole = status == 200 and (not stream or b"[DONE]" in body)
            if whole and b'"error"' not in body:
                sold.append(headers["x-entrepot-call"])
            elif status == 503:
                refused.append(body)
                stop.set()

    threads = [threading.Thread(target=buy, args=(at % 2 == 0,)) for at in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sold and refused, (len(sold), len(refused))
    assert b"not_selling" in refused[0]
    assert house.processes["server"].poll() is None, "it stands, and says so"
    assert not house.ready()
    wait_for(lambda: "store_failed" in (house.folder / "server.log").read_text(), "the event")
    for _ in range(3):
        assert house.request(CHAT, ASK)[0] == 503, "a failed store is never tried again"
    if disk == "tmpfs":
        tiny.end()
    else:
        assert house.stop_process("server") in (0, 1)
    house.start()
    audit = house.command("audit", check=False)
    assert audit.returncode == 0, audit.stdout + audit.stderr
    assert float(house.credits()["held"]) == 0
    for call in sold[-20:]:
        assert house.json("receipt", "show", call)["client"]["outcome"] == "complete"
    assert house.request(CHAT, ASK)[0] == 200, "with room it sells again"


def test_a_disk_that_is_full_at_the_start_is_said(house):
    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

    database(house).unlink()
    done = subprocess.run([ENTREPOT, "serve", "-c", str(house.conf)], capture_output=True, text=True, preexec_fn=limit,
                          timeout=30)
    assert done.returncode == 3, done
    assert "STORE_FAILED" in done.stderr, done.stderr


# ---- databases that are refused -------------------------------------------------------------


def change(house, *statements):
    base = sqlite3.connect(database(house))
    base.execute("PRAGMA foreign_keys = OFF")
    for statement in statements:
        base.execute(statement)
    base.commit()
    base.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    base.close()


def refused(house):
    """The words of a start that is refused: nothing is changed by it."""
    before = database(house).read_bytes()
    done = subprocess.run([ENTREPOT, "serve", "-c", str(house.conf)], capture_output=True, text=True, timeout=30)
    assert done.returncode == 3, done
    assert database(house).read_bytes() == before, "what is refused is not touched"
    return done.stderr


def test_a_database_of_a_newer_program_is_refused(house):
    change(house, "INSERT INTO schema_version VALUES (99, 'tomorrow')")
    said = refused(house)
    assert "STORE_SCHEMA" in said and "newer" in said and "99" in said


def test_a_database_with_a_migration_missing_is_refused(house):
    change(house, "DELETE FROM schema_version WHERE number = 3")
    said = refused(house)
    assert "STORE_SCHEMA" in said and "3" in said and "restore" in said


def test_a_database_of_another_programs_migrations_is_refused(house):
    change(house, "UPDATE schema_version SET name = 'other' WHERE number = 3")
    said = refused(house)
    assert "STORE_SCHEMA" in said and "other" in said


def test_a_lost_table_is_refused(house):
    change(house, "DROP TABLE hold_mark")
    said = refused(house)
    assert "hold_mark" in said and "restore" in said


@pytest.mark.parametrize("what", ["head", "account", "cut"])
def test_a_damaged_file_is_refused_and_a_backup_mends_it(house, what):
    house.start()
    house.request(CHAT, ASK)
    backup = str(house.folder / "copy.db")
    house.command("backup", backup)
    house.stop_process("server")
    path = database(house)
    if what == "cut":
        with open(path, "r+b") as file:
            file.truncate(path.stat().st_size // 2 // 4096 * 4096)
    else:
        page = 1
        if what == "account":
            base = sqlite3.connect(path)
            page = base.execute("SELECT rootpage FROM sqlite_master WHERE name = 'account'").fetchone()[0]
            base.close()
        with open(path, "r+b") as file:
            file.seek((page - 1) * 4096 + (0 if what == "account" else 100))
            file.write(os.urandom(2000))
    said = refused(house)
    assert "malformed" in said and "entrepot restore" in said, said
    house.command("restore", backup)
    house.start()
    assert house.request(CHAT, ASK)[0] == 200
    house.command("audit")
