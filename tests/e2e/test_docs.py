"""Documents that show commands show what they print. EP_WRITE_DOCS=1 writes it anew."""

import contextlib
import hashlib
import os
import re
import signal
import subprocess

import pytest

from conftest import BUILD, ROOT, House, free_port

MARK = "@@@ entrepot docs @@@"


def blocks(text):
    return list(re.finditer(r"```console\n(.*?)```", text, re.S))


def commands(block):
    """Each with its further lines ("> ..."), as a shell shows them."""
    found = []
    for line in block.splitlines():
        if line.startswith("$ "):
            found.append(line[2:])
        elif line.startswith("> ") or line == ">":
            found[-1] += "\n" + line[2:]
    return found


def plain(text):
    """Without what differs from run to run: ids, times, ages, the month of today."""
    text = re.sub(r"\b(cli|acct|key|call|fleet)_[0-9a-z]{26}\b", r"\1_ID", text)
    text = re.sub(r"\b[0-9a-f]{64}\b", "SUM", text)
    text = re.sub(r"witness\.example/w1\+\S+", "VKEY", text)
    text = re.sub(r"\u2014 witness\.example/w1 \S+", "\u2014 witness.example/w1 COSIGNATURE", text)
    text = re.sub(r"\+[0-9a-f]{8}\+[A-Za-z0-9+/]{44}", "+ID+KEY", text)
    text = re.sub(r"since \d+ s", "since N s", text)
    text = re.sub(r"^leaves( +)\d+", r"leaves\1N", text, flags=re.M)
    text = re.sub(r"pending \([A-Z][a-z]{2}\)", "pending (MONTH)", text)
    return re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", "TIME", text)


def run(folder, lines, ports):
    """What each command prints, standard error included, all in one shell. Ports are the test's own."""
    script = "".join(f"echo '{MARK}'\n{line}\n" for line in lines)
    for written, real in ports.items():
        script = script.replace(f"127.0.0.1:{written}", f"127.0.0.1:{real}")
    environment = {**os.environ, "PATH": f"{BUILD}:{os.environ['PATH']}"}
    shell = subprocess.Popen(["bash", "-c", script], cwd=folder, env=environment, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, text=True, start_new_session=True)
    try:
        printed = shell.communicate(timeout=180)[0].replace("\r", "")
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(shell.pid, signal.SIGTERM)  # what its commands left running
    for written, real in ports.items():
        printed = printed.replace(f"127.0.0.1:{real}", f"127.0.0.1:{written}")
    return [part.removeprefix("\n") for part in printed.split(MARK)[1:]]


def shown(lines, printed):
    return "".join("$ " + line.replace("\n", "\n> ").replace("> \n", ">\n") + "\n" + text
                   for line, text in zip(lines, printed))


@pytest.fixture
def fresh(tmp_path):
    house = House(tmp_path / "demo")
    house.upstream(0)
    house.upstream(1)
    house.start()
    yield house
    house.stop()


def check(path, folder, ports=None):
    """All commands of a document, in their order, in one folder."""
    text = path.read_text()
    found = blocks(text)
    lines = [commands(block[1]) for block in found]
    printed = iter(run(folder, [line for block in lines for line in block], ports or {}))
    fresh_blocks = [shown(block, [next(printed) for _ in block]) for block in lines]
    if os.environ.get("EP_WRITE_DOCS"):
        for block, content in reversed(list(zip(found, fresh_blocks))):
            text = text[:block.start(1)] + content + text[block.end(1):]
        path.write_text(text)
    for block, content in zip(found, fresh_blocks):
        assert plain(content) == plain(block[1]) or os.environ.get("EP_WRITE_DOCS")


def test_the_books_of_the_document_are_those_of_the_program(fresh):
    check(ROOT / "docs" / "ledger.md", fresh.folder, {8080: fresh.public})


def test_the_versions_of_the_document_are_those_of_the_program(tmp_path):
    """Without a server: a new folder as it is made."""
    subprocess.run([BUILD / "entrepot", "init", tmp_path / "demo"], check=True, capture_output=True)
    check(ROOT / "docs" / "operating.md", tmp_path / "demo")


def test_the_law_of_the_document_is_that_of_the_program(fresh):
    """What a new operator does with docs/law.md alone: a source, its closures, a sale, the refusals, replays."""
    check(ROOT / "docs" / "law.md", fresh.folder, {8080: fresh.public, **{port: free_port() for port in (8090, 8091, 9003, 9004)}})


def test_the_tiers_of_the_document_are_those_of_the_program(fresh):
    check(ROOT / "docs" / "tiers.md", fresh.folder, {8080: fresh.public})


def test_the_evidence_of_the_document_is_that_of_the_program(fresh):
    check(ROOT / "docs" / "evidence.md", fresh.folder, {8080: fresh.public})


def test_the_erasure_of_the_document_is_that_of_the_program(fresh):
    check(ROOT / "docs" / "privacy.md", fresh.folder, {8080: fresh.public})


def test_the_fleet_of_the_document_is_that_of_the_program(fresh):
    check(ROOT / "docs" / "devices.md", fresh.folder, {8080: fresh.public})


def test_the_witness_of_the_document_is_that_of_the_program(tmp_path):
    check(ROOT / "docs" / "witness.md", tmp_path, {8181: free_port()})


def test_what_the_document_verifies_holds(fresh):
    check(ROOT / "docs" / "verify.md", fresh.folder, {8080: fresh.public})


def test_the_examples_terms_are_the_document_that_they_name():
    products = (ROOT / "registry" / "products.yaml").read_text()
    named = re.search(r"sha256: ([0-9a-f]{64})", products)[1]
    assert hashlib.sha256((ROOT / "docs" / "example-terms.txt").read_bytes()).hexdigest() == named
