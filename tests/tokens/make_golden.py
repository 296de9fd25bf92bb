#!/usr/bin/env python3
"""Writes tests/tokens/golden/*.json again: what the families' own tokenizers make of a fixed set of texts.

texts.json is the texts, each a string, {"hex": bytes} where they are not UTF-8, or {"repeat": [string, times]};
NAME.json is the ids of each, or the number of ids and their SHA-256 where they are many.
Needs the packages of requirements.txt.
"""

import hashlib
import json
import pathlib

import oracles

GOLDEN = pathlib.Path(__file__).resolve().parent / "golden"
IDS_MAX = 64

TEXTS = [
    # ordinary
    "", " ", "a", "Hello, world!", "The quick brown fox jumps over the lazy dog.",
    "def main(argv: list[str]) -> int:\n    return 0  # done\n", "for (size_t i = 0; i < n; i++) {\n\t\ta[i] += b[i];\n}\r\n",
    "\u4f60\u597d\uff0c\u4e16\u754c\uff01\u4eca\u5929\u5929\u6c14\u5f88\u597d\u3002", "\u65e5\u672c\u8a9e\u306e\u6587\u7ae0\u3067\u3059\u3002", "\u65e5\u672cABC", "\uc548\ub155\ud558\uc138\uc694",
    "\u041f\u0440\u0438\u0432\u0435\u0442, \u043c\u0438\u0440!", "\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35\u0e04\u0e23\u0e31\u0e1a", "\u0645\u0631\u062d\u0628\u0627 \u0628\u0627\u0644\u0639\u0627\u0644\u0645", "\u0928\u092e\u0938\u094d\u0924\u0947", "na\u00efve caf\u00e9 \u00fcber Stra\u00dfe",
    # contractions, also by Unicode's folding
    "I'm can't we'll they've he'd it's you're", "I'M CAN'T WE'LL THEY'VE", "it'\u017f IT'\u017fX", "'s's 'S ''ll 'l 'v", "don\u2019t",
    # case and marks
    "camelCaseWord HTTPServer XMLHttpRequest", "\u01c5\u01c6 \u0130stanbul \u1e9e\u00df", "e\u0301\u0301A\u0308b", "\u0301a \u0301A 1\u0301", "\u1ad3a", "ABC\u02b0def",
    # numbers
    "1 12 123 1234 12345 1234567890", "3.14159 1,000,000 \u0664\u0665\u0666\u0667 \u2167\u2168 \u00bd", "v1.2.3-rc4+567",
    # white space
    "a  b   c    d", "a\n\nb\n \n c", " \t\n\r\n \r x", "x \n", "x\u00a0\u3000\u2028\u0085y", "\u200b\ufeff\u00ad", "a\u001c\u001d\u001e\u001f b", "   ", "\n\n\n", "\ttab\tsep  ",
    # punctuation
    "... !!! ??? --- ___ ===", "https://example.com/a/b?c=d&e=f#g", "//\n/**/\r\n#!/bin/sh", " (a) [b] {c} <d> </e> |f|", "\u20ac100 \u00a95 \u2014 \u201cquote\u201d",
    # emoji
    "\U0001f600\U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f1e9\U0001f1ea\u2764\ufe0f \U0001f44d\U0001f3fd",
    # what NFC changes, and what it may not know
    "\u1100\u1161\u11a8 \u212b \u1e0a\u0323 \u0958", "a\u0327\u0301 a\u0301\u0327", "\u2f9d\uf900 \u0344", "\U0001d15e \U00011099\U000110ba",
    # SentencePiece's space in the text
    "\u2581a \u2581\u2581b", ">\u2581</ \u2581", "<table><tr> </h1>",
    # control tokens of one family or another
    "<|endoftext|>", "a<|im_start|>user\nhi<|im_end|>\n", "<|begin_of_text|><|eot_id|>", "<think>x</think> /nothink", "[INST] x [/INST]</s>",
    "<\uff5cUser\uff5c>hi<\uff5cAssistant\uff5c>", "<start_of_turn>user<end_of_turn>", "<|start|>x<|message|>y<|end|>", "[gMASK]<sop><|user|>\n", "<|im_user|>user<|im_middle|>",
    # not UTF-8
    {"hex": "61ff62"}, {"hex": "e4b8"}, {"hex": "f09f9820"}, {"hex": "eda080edb080"}, {"hex": "c0af80c3"}, {"hex": "e0809ff4908080"},
    # long
    {"repeat": ["a", 25001]}, {"repeat": [" ", 25003]}, {"repeat": ["\n", 3000]}, {"repeat": ["\u65e5\u672c", 13000]},
    {"repeat": ["abc def ", 50001]}, {"repeat": ["\U0001f600", 1000]}, {"repeat": ["\u0000", 300]},
]


def text_bytes(text):
    if isinstance(text, str):
        return text.encode()
    if "hex" in text:
        return bytes.fromhex(text["hex"])
    return (text["repeat"][0] * text["repeat"][1]).encode()


def shown(ids):
    """The ids, or of many their number and digest."""
    if len(ids) <= IDS_MAX:
        return ids
    digest = hashlib.sha256(b"".join(number.to_bytes(4, "little") for number in ids)).hexdigest()
    return {"count": len(ids), "sha256": digest}


def rows(name, oracle):
    found = []
    for text in TEXTS:
        plain = text_bytes(text).decode("utf-8", "replace")
        literal, parsed = oracle(plain, False), oracle(plain, True)
        row = {"literal": shown(literal)}
        if parsed != literal:
            row["parsed"] = shown(parsed)
        found.append(row)
    return found


def main():
    GOLDEN.mkdir(exist_ok=True)
    lines = ",\n".join(json.dumps(text) for text in TEXTS)
    (GOLDEN / "texts.json").write_text(f"[\n{lines}\n]\n")
    for name in oracles.ORACLES:
        oracle = oracles.oracle(name)
        lines = ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows(name, oracle))
        (GOLDEN / f"{name}.json").write_text(f"[\n{lines}\n]\n")
        print(f"golden: {name}")


if __name__ == "__main__":
    main()
