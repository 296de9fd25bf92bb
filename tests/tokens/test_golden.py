"""Ids that the families' own tokenizers gave for a fixed set of texts (make_golden.py), against ours."""

import json

import pytest

import make_golden
import oracles

TEXTS = json.loads((make_golden.GOLDEN / "texts.json").read_text())


@pytest.mark.parametrize("parsed", [False, True], ids=["literal", "parsed"])
@pytest.mark.parametrize("name", oracles.ORACLES)
def test_ids_are_those_of_the_family(name, parsed):
    if not (oracles.ROOT / "share/vocab" / f"{name}.etk").exists():
        pytest.skip(f"share/vocab/{name}.etk is not there: make vocab")
    golden = json.loads((make_golden.GOLDEN / f"{name}.json").read_text())
    assert len(golden) == len(TEXTS)
    found = oracles.ours(name, [make_golden.text_bytes(text) for text in TEXTS], parsed)
    for text, row, ids in zip(TEXTS, golden, found):
        want = row.get("parsed", row["literal"]) if parsed else row["literal"]
        assert ids is not None and make_golden.shown(ids) == want, f"{name}: {text!r}"
