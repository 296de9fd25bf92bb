"""Uploads on a disk that takes its time for every piece: their clients wait, nobody else does, and whoever ends meanwhile leaves nothing."""

import http.client
import json
import os
import shutil
import subprocess
import threading
import time

import pytest

from conftest import ENTREPOT, wait_for
from test_audio import head_of
from test_batches import form as batch_form
from test_batches import sell_batches
from test_image_forms import ASK, EDITS, PNG, Darkroom, file_row, form, sent

# Each piece that is written to or read from an upload's or a batch's file takes 100 ms.
SLOW = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>
static int lag(int fd, const char *what)
{
    char link[64], name[4096];
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, name, sizeof(name) - 1);
    name[len > 0 ? len : 0] = 0;
    if (strstr(name, "/var/uploads/") || strstr(name, "/var/batches/")) {
        nanosleep(&(struct timespec){ 0, 100000000 }, NULL);
        snprintf(name, sizeof(name), "%s/no-%s", getenv("EP_SLOW"), what);
        return access(name, F_OK) == 0 ? -1 : 0;
    }
    return 0;
}
#define SLOWED(result, name, args, pass, fd)                                         \
    result name args                                                                 \
    {                                                                                \
        static result(*real) args;                                                   \
        real = real ? real : (result(*) args)dlsym(RTLD_NEXT, #name);                \
        if (lag(fd, #name) != 0) {                                                   \
            errno = EIO;                                                             \
            return -1;                                                               \
        }                                                                            \
        return real pass;                                                            \
    }
SLOWED(ssize_t, pwrite, (int fd, const void *at, size_t len, off_t to), (fd, at, len, to), fd)
SLOWED(ssize_t, pwrite64, (int fd, const void *at, size_t len, off_t to), (fd, at, len, to), fd)
SLOWED(ssize_t, pread, (int fd, void *at, size_t len, off_t to), (fd, at, len, to), fd)
SLOWED(ssize_t, pread64, (int fd, void *at, size_t len, off_t to), (fd, at, len, to), fd)
SLOWED(ssize_t, write, (int fd, const void *at, size_t len), (fd, at, len), fd)
"""
MUCH = PNG + bytes(600_000)  # some ten pieces
LAG = 0.1


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    if ENTREPOT.split("/")[-2] in ("asan", "tsan"):
        pytest.skip("a sanitizer wants to be loaded first")
    if shutil.which("cc") is None:
        pytest.skip("there is no compiler")
    folder = tmp_path_factory.mktemp("slow")
    (folder / "slow.c").write_text(SLOW)
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", "slow.so", "slow.c", "-ldl"], cwd=folder, check=True)
    made = Darkroom(folder / "demo")
    sell_batches(made)
    made.conf.write_text(made.conf.read_text() + "\nthreads: 1\nlimits: {drain_ms: 300}\n")
    made.upstreams_are()
    made.env = {**(made.env or os.environ), "LD_PRELOAD": str(folder / "slow.so"), "EP_SLOW": str(made.folder)}
    made.start()
    yield made
    made.stop()
    assert made.command("audit").returncode == 0


@pytest.mark.parametrize("what", ["pread", "pwrite"])
def test_a_disk_that_fails_is_nobody_elses_fault(room, what):
    log = room.folder / "server.log"
    fails = [room.folder / f"no-{what}", room.folder / f"no-{what}64"]
    for at in fails:
        at.write_text("")
    try:
        before = log.read_text().count('"event":"upload"')
        for _ in range(6):
            status, _, told = room.send(EDITS, ASK, [("image", "a.png", PNG)])
            assert status == 503 and json.loads(told)["error"]["code"] == "upload_failed", told
    finally:
        for at in fails:
            at.unlink()
    assert log.read_text().count('"event":"upload"') > before and "(uploads.folder)" in log.read_text()
    wait_for(lambda: float(room.credits()["held"]) == 0, "the end of the hold")
    room.quiet()
    room.bought(EDITS, ASK, [("image", "a.png", PNG)])
    assert int(room.told["attempts"]) == 1  # no route was blamed


class Asker(threading.Thread):
    """Asks for what costs one turn of the loop, one time after the other."""

    def __init__(self, room):
        super().__init__()
        self.room, self.over, self.served, self.late = room, False, 0, 0

    def run(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.room.public, timeout=20)
        while not self.over:
            begun = time.monotonic()
            connection.request("GET", "/healthz")
            assert connection.getresponse().read() == b"alive\n"
            self.late += time.monotonic() - begun > LAG * 0.9
            self.served += 1

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.over = True
        self.join()


def test_others_are_served_while_pieces_are_written_and_read(room):
    begun = time.monotonic()
    with Asker(room) as asker:
        status, _, body = room.send(EDITS, ASK, [("image", "a.png", MUCH)])
    assert status == 200, body
    assert json.loads(body)["sandbox"]["files"] == [file_row("image", "a.png", MUCH)]
    assert time.monotonic() - begun > 1  # it was slow: as many pieces there and back
    assert asker.served > 50 and asker.late < 7, (asker.served, asker.late)  # a loop that waits makes one late for each piece


def test_a_file_for_batches_keeps_nobody_waiting_either(room):
    line = json.dumps({"custom_id": "a", "method": "POST", "url": "/v1/chat/completions",
                       "body": {"model": "aurora-large", "messages": [{"role": "user", "content": "x" * 1000}]}}) + "\n"
    body, headers = batch_form(line.encode() * 500)
    with Asker(room) as asker:
        status, _, told = room.request("/v1/files", body, headers=headers)
    assert status == 200 and json.loads(told)["bytes"] == len(line) * 500, told
    assert asker.served > 30 and asker.late < 5, (asker.served, asker.late)
    content = room.request(f"/v1/files/{json.loads(told)['id']}/content")[2]
    assert content == line.encode() * 500


@pytest.mark.parametrize("path", [EDITS, "/v1/files"])
def test_a_client_that_leaves_while_a_piece_is_written_leaves_nothing(room, path):
    body = form(ASK, [("image", "a.png", MUCH)])[1] if path == EDITS else form([("purpose", "batch")], [("file", "a", MUCH)])[1]
    kept = sorted((room.folder / "var" / "batches").iterdir())
    for end in (len(body) // 3, len(body)):
        with sent(room, path, head_of(room, len(body)), body[:end]):
            wait_for(lambda: room.spool() == 1 or sorted((room.folder / "var" / "batches").iterdir()) != kept, "the file")
        room.quiet()
        if end < len(body):
            wait_for(lambda: sorted((room.folder / "var" / "batches").iterdir()) == kept, "the end of the content")
    wait_for(lambda: float(room.credits()["held"]) == 0, "the end of the hold")


def test_what_is_wrong_behind_a_file_is_told_while_it_is_written(room):
    kind, body = form([("model", "aurora-small")], [("image", "a.png", PNG + bytes(70_000))])
    bad = body[:-len(b"--0b1c--\r\n")] + b'--0b1c\r\nContent-Disposition: form-data; name="n[]"\r\n\r\n1\r\n--0b1c--\r\n'
    status, _, told = room.request(EDITS, bad, headers={"Content-Type": kind})
    assert status == 400 and json.loads(told)["error"]["param"] == "n[]", told
    room.quiet()


def test_a_client_that_leaves_while_its_source_is_sent_the_file_leaves_nothing(room):
    body = form(ASK, [("image", "a.png", MUCH)])[1]
    with sent(room, EDITS, head_of(room, len(body)), body):
        wait_for(lambda: float(room.credits()["held"]) > 0, "the hold")
    wait_for(lambda: float(room.credits()["held"]) == 0, "the end of the hold")
    room.quiet()


def test_the_server_stops_while_pieces_are_under_way(room):
    body = form(ASK, [("image", "a.png", MUCH)])[1]
    with sent(room, EDITS, head_of(room, len(body)), body[:len(body) // 2]):
        wait_for(lambda: room.spool() == 1, "the file")
        assert room.stop_process("server") == 0, (room.folder / "server.log").read_text()[-3000:]
    room.start()
