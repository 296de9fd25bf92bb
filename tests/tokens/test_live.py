"""Ids of fresh documents, ours against the families' own tokenizers, id by id.

EP_TOKENS_SEED repeats a run; EP_TOKENS_DOCUMENTS and EP_TOKENS_STEP (1: every code point) make it longer.
"""

import os
import random

import pytest

import documents
import oracles

SEED = int(os.environ.get("EP_TOKENS_SEED", random.SystemRandom().randrange(1 << 32)))
DOCUMENTS = int(os.environ.get("EP_TOKENS_DOCUMENTS", 600))
STEP = int(os.environ.get("EP_TOKENS_STEP", 97))


@pytest.fixture(scope="module", params=oracles.ORACLES)
def family(request):
    name = request.param
    if not (oracles.ROOT / "share/vocab" / f"{name}.etk").exists():
        pytest.skip(f"share/vocab/{name}.etk is not there: make vocab")
    try:
        return name, oracles.oracle(name), oracles.control_tokens(name)
    except (ImportError, LookupError) as missing:
        pytest.skip(f"{name} has no oracle here: {missing}")


def compare(family, texts, parsed, what):
    name, oracle, _ = family
    found = oracles.ours(name, texts, parsed)
    tokens, wrong = 0, []
    for data, got in zip(texts, found):
        text = data.decode("utf-8", "replace")
        want = oracle(text, parsed)
        tokens += len(want)
        if got != want:
            wrong.append((text, got, want))
    print(f"tokens: {name} {'parsed' if parsed else 'literal'} {what}: {len(texts)} documents, {tokens} tokens, "
          f"{len(wrong)} differ (EP_TOKENS_SEED={SEED})")
    if wrong:
        text, got, want = min(wrong, key=lambda row: len(row[0]))
        pytest.fail(f"{name}: {len(wrong)} of {len(texts)} differ with EP_TOKENS_SEED={SEED}; the shortest is "
                    f"{text[:300]!r}: ours {got and got[:60]}, {type(oracle).__name__} {want[:60]}", pytrace=False)


@pytest.mark.parametrize("parsed", [False, True], ids=["literal", "parsed"])
def test_fresh_documents(family, parsed):
    _, _, specials = family
    compare(family, documents.documents(SEED, DOCUMENTS, specials), parsed, "fresh")


def test_long_runs(family):
    compare(family, documents.long_runs(), False, "long runs")


def test_code_points(family):
    compare(family, documents.code_points(STEP, SEED % STEP), False, "code points")


@pytest.mark.parametrize("parsed", [False, True], ids=["literal", "parsed"])
def test_every_control_token(family, parsed):
    _, _, specials = family
    texts = []
    for text in specials:
        texts += [text, f" {text} ", f"a{text}b", text[:-1], text + text, f"\n{text}\n", text[:-1] + text]
    step = max(1, len(texts) // 4000)
    compare(family, [text.encode() for text in texts[::step]], parsed, "control tokens")
