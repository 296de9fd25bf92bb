#!/usr/bin/env python3
"""Writes what a bundled vocabulary of splintr holds: OUT (lines "BASE64 RANK") and OUT.specials.json.

The families whose own files no package carries: GLM-4.5 and Kimi K2. splintr adds tokens of its own
behind a model's; only the model's are written.
"""

import argparse
import base64
import json
import pathlib

import splintr

# Name in splintr, ranks, ids in all; and the added tokens that the model's own tokenizer.json does not
# call "special": they are matched in any text.
FAMILIES = {
    "glm4": ("glm4", 151329, 151365, {
        "<think>", "</think>", "<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>",
        "<arg_key>", "</arg_key>", "<arg_value>", "</arg_value>"}),
    "kimi_k2": ("kimi_k2", 163584, 163840, set()),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("family", choices=FAMILIES)
    parser.add_argument("out", type=pathlib.Path)
    words = parser.parse_args()
    name, ranks, ids, plain = FAMILIES[words.family]
    tokenizer = splintr.Tokenizer.from_pretrained(name)
    lines = []
    for rank in range(ranks):
        text = tokenizer.decode_token_bytes(rank)
        if not text:
            raise SystemExit(f"{words.family}: rank {rank} is empty")
        lines.append(f"{base64.b64encode(text).decode()} {rank}\n")
    specials = [{"id": number, "content": text, "special": text not in plain}
                for text, number in sorted(tokenizer.special_tokens().items(), key=lambda item: item[1])
                if ranks <= number < ids]
    words.out.write_text("".join(lines))
    pathlib.Path(f"{words.out}.specials.json").write_text(
        json.dumps(specials, ensure_ascii=False, indent=0) + "\n")


main()
