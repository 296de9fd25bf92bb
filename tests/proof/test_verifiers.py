"""The verifiers in Python, JavaScript and Go on logs and receipts that are made from the specifications: each finds what is
wrong in them, and agrees with the golden vectors and with `entrepot receipt verify`."""

import hashlib
import json
import os
import pathlib
import shutil
import subprocess

import pytest

import cases
import made
import verify_log
from conftest import needs_go, outside

HERE = pathlib.Path(__file__).resolve().parent
GOLDEN = json.loads((HERE / "golden.json").read_text())
ENTREPOT = pathlib.Path(os.environ["EP_BUILD"]) / "entrepot"
SIZES = (1, 2, 3, 7, 255, 256, 257, 513)

KEY = made.Key(bytes.fromhex(GOLDEN["log_seed"]), GOLDEN["origin"])
WITNESS = made.Key(bytes.fromhex(GOLDEN["witness_seed"]), GOLDEN["witness"], algorithm=4)


def log_of(size):
    return made.Log(KEY, [b"receipt %d" % i for i in range(size)], witnesses=[WITNESS], time=GOLDEN["cosigned_at"])


def files_of(folder):
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_the_verifier_is_short():
    assert len((HERE / "verify_log.py").read_text().splitlines()) <= 150


def test_golden_vectors():
    """What the tests make is what the specifications say, or they would prove nothing."""
    assert (KEY.vkey, WITNESS.vkey) == (GOLDEN["vkey"], GOLDEN["witness_vkey"])
    for size, root in GOLDEN["roots"].items():
        hashes = [made.leaf_hash(b"receipt %d" % i) for i in range(int(size))]
        assert made.b64(verify_log.root_of(hashes)) == root
        if int(size) <= 257:
            assert made.b64(made.root(hashes)) == root
    seven = log_of(7)
    assert [made.b64(step) for step in made.path(4, seven.hashes)] == GOLDEN["inclusion_4_of_7"]
    three = log_of(3)
    assert three.checkpoint == GOLDEN["checkpoint_3"]
    assert hashlib.sha256(three.checkpoint.encode()).hexdigest() == GOLDEN["checkpoint_3_sha256"]


def test_golden_bundle(tmp_path):
    log_of(3).write(tmp_path)
    assert (tmp_path / "tile/entries/000.p/3").read_bytes().hex() == GOLDEN["bundle_of_3"]
    assert verify_log.tile_path("entries", 1234067, 256) == "tile/entries/x001/x234/067"


@pytest.mark.parametrize("size", SIZES)
def test_python_verifies(tmp_path, size):
    log = log_of(size)
    files = files_of(log.write(tmp_path))
    found, entries = verify_log.check_log(KEY.vkey, files.__getitem__, [WITNESS.vkey])
    assert (entries, found) == (log.entries, files)  # no file too many, none unread
    for leaf in {0, size // 2, size - 1}:
        verify_log.check_proof(KEY.vkey, log.proof(leaf).encode(), log.entries[leaf], leaf)


def refused_by_python(files, vkey=KEY.vkey):
    try:
        verify_log.check_log(vkey, files.__getitem__, [WITNESS.vkey])
        return False
    except (ValueError, LookupError):
        return True


def test_python_finds_each_flipped_bit(tmp_path):
    """Each byte of each file of a log of three leaves, and each file of one of 257."""
    small = files_of(log_of(3).write(tmp_path / "small"))
    for name, data in small.items():
        for at in range(len(data)):
            changed = bytearray(data)
            changed[at] ^= 1 << at % 8
            assert refused_by_python({**small, name: bytes(changed)}), f"{name}, byte {at}"
        assert refused_by_python({**small, name: data[:-1]}) and refused_by_python({**small, name: data + b"\0"}), name
    large = files_of(log_of(257).write(tmp_path / "large"))
    for name, data in large.items():
        changed = bytearray(data)
        changed[len(data) * 2 // 3] ^= 0x10
        assert refused_by_python({**large, name: bytes(changed)}), name
        assert refused_by_python({other: bytes_ for other, bytes_ in large.items() if other != name}), f"without {name}"


def test_python_tells_one_log_from_another(tmp_path):
    files = files_of(log_of(3).write(tmp_path))
    assert not refused_by_python(files)
    assert refused_by_python(files, cases.FORGER.vkey) and refused_by_python(files, cases.OTHER_LOG.vkey)
    assert refused_by_python({**files, "checkpoint": made.Log(KEY, log_of(3).entries).checkpoint.encode()})  # no witness


def test_python_on_receipts():
    """But for what is no business of a short verifier: policies, how large a document may be, what kind of entry a proof proves."""
    for case in cases.all_cases():
        if case.policy or case.name in ("too_large", "proof_alone_of_an_event"):
            continue
        check = verify_log.check_proof if case.document.startswith(b"c2sp.org") else verify_log.check_receipt
        try:
            check(cases.LOG_KEY.vkey, case.document)
            holds = True
        except (ValueError, LookupError, TypeError, AttributeError):
            holds = False
        assert holds == case.good, case.name


def test_javascript(case_folder):
    done = subprocess.run(["node", "--test", str(HERE / "verify.test.mjs")], capture_output=True, text=True, timeout=120,
                          env={**os.environ, "EP_CASES": str(case_folder)})
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr
    assert f"# pass {len(cases.all_cases()) + 13}" in done.stdout


@pytest.mark.skipif(not ENTREPOT.exists(), reason=f"{ENTREPOT} is not built")
def test_our_own_verifier_says_the_same(case_folder, tmp_path):
    (tmp_path / "log.vkey").write_text(cases.LOG_KEY.vkey + "\n")
    for case in cases.all_cases():
        folder = case_folder / case.name
        words = [str(ENTREPOT), "receipt", "verify", str(folder / "receipt.json"), "--key", str(tmp_path / "log.vkey"), "--json"]
        words += ["--proof", str(folder / "receipt.tlog-proof")] if case.proof else []
        words += ["--policy", str(folder / "policy")] if case.policy else []
        done = subprocess.run(words, capture_output=True, text=True, timeout=60)
        assert done.returncode == (0 if case.good else 1), f"{case.name}: {done.stdout}{done.stderr}"
        if case.name != "too_large":  # refused before it is read
            tests = json.loads(done.stdout)["tests"]
            assert {test["test"]: test["result"] for test in tests} == case.outcomes, case.name


# ---- Go -------------------------------------------------------------------------------------------------------------


@needs_go
def test_go_verifies(tmp_path):
    places = [log_of(size).write(tmp_path / str(size)) for size in SIZES]
    proofs = []
    for size in SIZES:
        log = log_of(size)
        for leaf in {0, size // 2, size - 1}:
            proofs.append(tmp_path / f"{leaf}-of-{size}.tlog-proof")
            proofs[-1].write_text(log.proof(leaf))
    words = [word for proof in proofs for word in ("-proof", proof)]
    found, text = outside("-witness", WITNESS.vkey, *words, KEY.vkey, *places)
    assert len(found) == len(places) + len(proofs) and set(found.values()) == {"ok"}, text


@needs_go
def test_go_proves_that_a_log_only_grew(tmp_path):
    olds = []
    for size in SIZES:
        olds += ["-old", tmp_path / f"{size}.checkpoint"]
        olds[-1].write_text(log_of(size).checkpoint)
    whole = log_of(513).write(tmp_path / "log")
    assert set(outside(*olds, KEY.vkey, whole)[0].values()) == {"ok"}
    other = made.Log(KEY, [b"another"] + log_of(255).entries[1:])
    (tmp_path / "split").write_text(other.checkpoint)
    assert set(outside("-old", tmp_path / "split", KEY.vkey, whole)[0].values()) == {"wrong"}


@needs_go
def test_go_finds_what_is_wrong(tmp_path):
    """A flipped bit in each file, a file that is missing, two entries exchanged, one edited, one taken out."""
    log = log_of(257)
    good = log.write(tmp_path / "good")
    places = []

    def broken(name):
        places.append(tmp_path / name)
        shutil.copytree(good, places[-1])
        return places[-1]

    for at, name in enumerate(files_of(good)):
        file = broken(f"flipped-{at}") / name
        data = bytearray(file.read_bytes())
        data[len(data) // 2] ^= 4
        file.write_bytes(data)
        (broken(f"missing-{at}") / name).unlink()
        file = broken(f"cut-{at}") / name
        file.write_bytes(file.read_bytes()[:-1])
    for name, entries in (("exchanged", [log.entries[1], log.entries[0]] + log.entries[2:]),
                          ("edited", [b"receipt x"] + log.entries[1:]), ("taken-out", log.entries[1:])):
        places.append(made.write(tmp_path / name, entries, log.checkpoint.encode()))
    found, text = outside(KEY.vkey, *places)
    assert len(found) == len(places) and set(found.values()) == {"wrong"}, text
    for at, size in enumerate((256, 257)):
        proof = tmp_path / f"{at}.tlog-proof"
        proof.write_text(log_of(size).proof(at).replace(f"index {at}", f"index {at + 1}"))
        assert set(outside("-proof", proof, KEY.vkey)[0].values()) == {"wrong"}
    assert set(outside(cases.FORGER.vkey, good)[0].values()) == {"wrong"}
