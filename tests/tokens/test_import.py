"""Vocabularies that nobody has seen before: trained here by Hugging Face's library, made into files by
entrepot-mkvocab, and compared id by id; and what entrepot-mkvocab must refuse."""

import json
import random
import subprocess

import pytest

import documents
import oracles
from test_live import SEED

MKVOCAB = oracles.BUILD / "entrepot-mkvocab"
CLASSES = oracles.ROOT / "build/vocab-src/unicode.bin"
RULES = {
    "cl100k": oracles.CL100K_PATTERN,
    "qwen": oracles.CL100K_PATTERN.replace("{1,3}", ""),
}


@pytest.fixture(scope="module")
def hf():
    if not CLASSES.exists() or not MKVOCAB.exists():
        pytest.skip("entrepot-mkvocab or the Unicode tables are not there: make vocab")
    return pytest.importorskip("tokenizers")


def mkvocab(name, source, out, *more):
    words = [MKVOCAB, "--name", name, "--unicode", CLASSES, *more, source, out]
    return subprocess.run([str(word) for word in words], capture_output=True, text=True)


def corpus(seed):
    texts = [data.decode("utf-8", "replace") for data in documents.documents(seed, 400, ["<think>"])]
    return [text.replace("\0", "") for text in texts]  # a token of U+0000 itself is refused, and no model has one


def train_bytes(hf, rule, nfc, seed):
    made = hf.Tokenizer(hf.models.BPE())
    made.normalizer = hf.normalizers.NFC() if nfc else None
    made.pre_tokenizer = hf.pre_tokenizers.Sequence([
        hf.pre_tokenizers.Split(hf.Regex(RULES[rule]), "isolated"),
        hf.pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    trainer = hf.trainers.BpeTrainer(vocab_size=3000, initial_alphabet=hf.pre_tokenizers.ByteLevel.alphabet(),
                                     show_progress=False, max_token_length=250)
    made.train_from_iterator(corpus(seed), trainer)
    made.add_special_tokens(["<|im_end|>", "<|im|>"])
    made.add_tokens([hf.AddedToken("<think>", normalized=False, special=False)])
    return made


def train_pieces(hf, seed):
    made = hf.Tokenizer(hf.models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    made.normalizer = hf.normalizers.Replace(" ", "\u2581")
    trainer = hf.trainers.BpeTrainer(
        vocab_size=3000, special_tokens=["<unk>"] + [f"<0x{byte:02X}>" for byte in range(256)], show_progress=False,
        limit_alphabet=300, initial_alphabet=["\u2581"], max_token_length=60)
    # Pieces of a few words, so that tokens cross from one word to the next only where Gemma's do: nowhere.
    made.pre_tokenizer = hf.pre_tokenizers.Split(hf.Regex("\u2581+[^\u2581]*|[^\u2581]+"), "isolated")
    made.train_from_iterator(corpus(seed), trainer)
    made.pre_tokenizer = hf.pre_tokenizers.Split(" ", "merged_with_previous")
    data = json.loads(made.to_str())
    data["added_tokens"] = []
    return hf.Tokenizer.from_str(json.dumps(data))


def compare(hf, made, path, seed, **changes):
    data = json.loads(made.to_str())
    data["model"].update(changes)
    source = path / "tokenizer.json"
    source.write_text(json.dumps(data))
    done = mkvocab("imported", source, path / "imported.etk")
    assert done.returncode == 0, done.stderr
    oracle = hf.Tokenizer.from_file(str(source))
    texts = documents.documents(seed + 1, 400, ["<|im_end|>", "<|im|>", "<think>"]) + [b"ab" * 4000, b" " * 3000]
    for parsed in (False, True):
        oracle.encode_special_tokens = not parsed
        found = oracles.ours_by(path / "imported.etk", texts, parsed)
        for text, ids in zip(texts, found):
            plain = text.decode("utf-8", "replace")
            want = oracle.encode(plain, add_special_tokens=False).ids
            assert ids == want, f"EP_TOKENS_SEED={SEED}: {plain!r}: {ids}, not {want}"


@pytest.mark.parametrize("whole", [False, True], ids=["merges", "ignore_merges"])
@pytest.mark.parametrize("nfc", [False, True], ids=["plain", "nfc"])
@pytest.mark.parametrize("rule", RULES)
def test_trained_bytes(hf, tmp_path, rule, nfc, whole):
    compare(hf, train_bytes(hf, rule, nfc, SEED), tmp_path, SEED, ignore_merges=whole)


def test_merges_in_any_order(hf, tmp_path):
    """Orders that no training gives: a token's merge may stand before those that make its parts."""
    made = train_bytes(hf, "cl100k", False, SEED)
    merges = json.loads(made.to_str())["model"]["merges"]
    random.Random(SEED).shuffle(merges)
    compare(hf, made, tmp_path, SEED, merges=merges)


def test_trained_pieces(hf, tmp_path):
    compare(hf, train_pieces(hf, SEED), tmp_path, SEED)


def test_refusals_have_their_exit_status(hf, tmp_path):
    good = tmp_path / "good.tiktoken"
    good.write_text((oracles.source("glm4")).read_text())
    out = tmp_path / "out.etk"
    assert mkvocab("x", good, out).returncode == 1
    assert not out.exists()
    assert mkvocab("x", tmp_path / "none", out, "--rule", "cl100k").returncode == 3
    assert mkvocab("x", good, tmp_path / "no" / "out.etk", "--rule", "cl100k").returncode == 3
    for more in (["--digits", "2"], ["--nonsense", "x"], ["--rule"], ["--digits", "3"], ["--nfc"]):
        assert mkvocab("x", good, out, *more).returncode == 2, more
    unigram = hf.Tokenizer(hf.models.Unigram([("a", -1.0)], 0, False))
    unigram.save(str(tmp_path / "unigram.json"))
    done = mkvocab("x", tmp_path / "unigram.json", out)
    assert done.returncode == 1 and '"Unigram"' in done.stderr
    assert mkvocab("x", good, out, "--rule", "cl100k").returncode == 0
    damaged = bytearray(out.read_bytes())
    damaged[len(damaged) // 3] ^= 0xFF
    out.write_bytes(damaged[:-4096])
    done = subprocess.run([oracles.BUILD / "ep-token-ids", out, "literal"], input=b"", capture_output=True)
    assert done.returncode == 3 and b"out.etk" in done.stderr
