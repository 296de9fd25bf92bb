"""Documents that show commands show what they print. EP_WRITE_DOCS=1 writes it anew."""

import hashlib
import os
import re
import subprocess

import pytest

from conftest import BUILD, ROOT, House

MARK = "@@@ entrepot docs @@@"


def blocks(text):
    return list(re.finditer(r"```console\n(.*?)```", text, re.S))


def commands(block):
    return [line[2:] for line in block.splitlines() if line.startswith("$ ")]


def plain(text):
    """Without what differs from run to run: ids, times, the period of today."""
    text = re.sub(r"\b(cli|acct|key|call)_[0-9a-z]{26}\b", r"\1_ID", text)
    text = re.sub(r"\b[0-9a-f]{64}\b", "SUM", text)
    return re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", "TIME", text)


def run(folder, lines, public=8080):
    """What each command prints, standard error included, all in one shell."""
    script = "".join(f"echo '{MARK}'\n{line.replace('127.0.0.1:8080', f'127.0.0.1:{public}')}\n" for line in lines)
    environment = {**os.environ, "PATH": f"{BUILD}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-c", script], cwd=folder, env=environment, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=120)
    return [part.removeprefix("\n").replace("\r", "") for part in done.stdout.split(MARK)[1:]]


def shown(lines, printed):
    return "".join(f"$ {line}\n{text}" for line, text in zip(lines, printed))


@pytest.fixture
def fresh(tmp_path):
    house = House(tmp_path / "demo")
    house.upstream(0)
    house.upstream(1)
    house.start()
    yield house
    house.stop()


def check(path, folder, public=8080):
    """All commands of a document, in their order, in one folder."""
    text = path.read_text()
    found = blocks(text)
    lines = [commands(block[1]) for block in found]
    printed = iter(run(folder, [line for block in lines for line in block], public))
    fresh_blocks = [shown(block, [next(printed) for _ in block]) for block in lines]
    if os.environ.get("EP_WRITE_DOCS"):
        for block, content in reversed(list(zip(found, fresh_blocks))):
            text = text[:block.start(1)] + content + text[block.end(1):]
        path.write_text(text)
    for block, content in zip(found, fresh_blocks):
        assert plain(content) == plain(block[1]) or os.environ.get("EP_WRITE_DOCS")


def test_the_books_of_the_document_are_those_of_the_program(fresh):
    check(ROOT / "docs" / "ledger.md", fresh.folder, fresh.public)


def test_the_versions_of_the_document_are_those_of_the_program(tmp_path):
    """Without a server: a new folder as it is made."""
    subprocess.run([BUILD / "entrepot", "init", tmp_path / "demo"], check=True, capture_output=True)
    check(ROOT / "docs" / "operating.md", tmp_path / "demo")


def test_the_examples_terms_are_the_document_that_they_name():
    products = (ROOT / "registry" / "products.yaml").read_text()
    named = re.search(r"sha256: ([0-9a-f]{64})", products)[1]
    assert hashlib.sha256((ROOT / "docs" / "example-terms.txt").read_bytes()).hexdigest() == named
