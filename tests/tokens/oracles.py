"""The other tokenizers that ours is compared with, one a family: OpenAI's tiktoken, Hugging Face's tokenizers,
Mistral's own library. Each takes a text and gives ids, with control tokens in the text as text or as themselves.

Sources are those of tools/vocab; where a package carries the family's file itself, it is that file.
"""

import base64
import json
import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]

KIMI_TEXT_MAX = 400_000
KIMI_RUN_MAX = 25_000
KIMI_PATTERN = "|".join([
    r"[\p{Han}]+",
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+"
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*"
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    r"\p{N}{1,3}",
    r" ?[^\s\p{L}\p{N}]+[\r\n]*",
    r"\s*[\r\n]+",
    r"\s+(?!\S)",
    r"\s+",
])
CL100K_PATTERN = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|"
                  r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")


def source(name):
    """The source file of a vocabulary, from the cache of tools/vocab or fetched."""
    done = subprocess.run([ROOT / "tools/vocab", "--source", name], capture_output=True, text=True)
    if done.returncode != 0:
        raise LookupError(done.stderr.strip() or f"the source of {name} cannot be had")
    return ROOT / done.stdout.strip()


def npm_ranks(path):
    ranks = {}
    for line in json.loads(path.read_text())["bpe_ranks"].split("\n"):
        words = line.split(" ")
        for at, text in enumerate(words[2:]):
            ranks[base64.b64decode(text)] = int(words[1]) + at
    return ranks


def line_ranks(path):
    words = (line.split() for line in path.read_text().splitlines())
    return {base64.b64decode(text): int(rank) for text, rank in words}


class Tiktoken:
    """OpenAI's own constructors, patterns and special tokens; only the ranks come from npm."""

    def __init__(self, name, specials=None):
        import tiktoken
        import tiktoken_ext.openai_public as public

        ranks = npm_ranks(source(name))
        public.load_tiktoken_bpe = lambda *_, **__: ranks
        made = getattr(public, name)()
        if specials is not None:
            made["special_tokens"] = specials
        self.encoding = tiktoken.Encoding(**made)

    def __call__(self, text, parsed):
        return self.encoding.encode(text, allowed_special="all" if parsed else set(), disallowed_special=())


class Kimi:
    """Moonshot's wrapper around tiktoken: long texts and long runs are cut first."""

    def __init__(self, name):
        import tiktoken

        path = source(name)
        listed = json.loads(pathlib.Path(f"{path}.specials.json").read_text())
        self.encoding = tiktoken.Encoding(name, pat_str=KIMI_PATTERN, mergeable_ranks=line_ranks(path),
                                          special_tokens={row["content"]: row["id"] for row in listed})

    @staticmethod
    def runs(text):
        start, run, space = 0, 0, text[0].isspace() if text else False
        for at, char in enumerate(text):
            now = char.isspace()
            if now != space:
                run, space = 1, now
                continue
            run += 1
            if run > KIMI_RUN_MAX:
                yield text[start:at]
                start, run = at, 1
        yield text[start:]

    def __call__(self, text, parsed):
        ids = []
        for at in range(0, len(text), KIMI_TEXT_MAX):
            for part in self.runs(text[at:at + KIMI_TEXT_MAX]):
                ids += self.encoding.encode(part, allowed_special="all" if parsed else set(), disallowed_special=())
        return ids


class HuggingFace:
    """A tokenizer.json; what is in the text alone, without what a template adds."""

    def __init__(self, name):
        import tokenizers

        self.tokenizer = self.load(tokenizers, name)

    def load(self, tokenizers, name):
        return tokenizers.Tokenizer.from_file(str(source(name)))

    def __call__(self, text, parsed):
        self.tokenizer.encode_special_tokens = not parsed
        return self.tokenizer.encode(text, add_special_tokens=False).ids


def byte_alphabet():
    chars, other = {}, 256
    for byte in range(256):
        printable = 33 <= byte <= 126 or (byte >= 161 and byte != 173)
        chars[byte] = chr(byte if printable else other)
        other += not printable
    return chars


class Glm(HuggingFace):
    """GLM's tokenizer.json put together again from its ranks: every split of every token is a merge, as in the
    file of the model, whose number of merges is known."""

    MERGES = 318_088

    def load(self, tokenizers, name):
        path = source(name)
        ranks = line_ranks(path)
        chars = byte_alphabet()
        shown = {text: "".join(chars[byte] for byte in text) for text in ranks}
        merges = []
        for text, rank in ranks.items():
            splits = [(text[:at], text[at:]) for at in range(1, len(text))
                      if text[:at] in ranks and text[at:] in ranks]
            splits.sort(key=lambda pair: (ranks[pair[0]], ranks[pair[1]]))
            merges += [(shown[left], shown[right]) for left, right in splits]
        assert len(merges) == self.MERGES, f"{len(merges)} merges, not those of GLM-4.5"
        made = tokenizers.Tokenizer(tokenizers.models.BPE(
            vocab={shown[text]: rank for text, rank in ranks.items()}, merges=merges, ignore_merges=True))
        made.pre_tokenizer = tokenizers.pre_tokenizers.Sequence([
            tokenizers.pre_tokenizers.Split(tokenizers.Regex(CL100K_PATTERN), "isolated"),
            tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
        for row in json.loads(pathlib.Path(f"{path}.specials.json").read_text()):
            token = tokenizers.AddedToken(row["content"], special=row["special"], normalized=False)
            (made.add_special_tokens if row["special"] else made.add_tokens)([token])
            assert made.token_to_id(row["content"]) == row["id"], row
        return made


class Tekken:
    """Mistral's library with the file that it carries. It never takes control tokens from text itself: for that its
    ranks and its names of control tokens are given to tiktoken, which it rests upon."""

    BEHIND = 1 << 20  # where tiktoken has the control tokens, which Mistral has in front

    def __init__(self, name):
        import mistral_common
        import tiktoken
        from mistral_common.tokens.tokenizers.tekken import Tekkenizer

        path = pathlib.Path(mistral_common.__file__).parent / "data" / "tekken_240911.json"
        self.tokenizer = Tekkenizer.from_file(path)
        data = json.loads(path.read_text())
        self.front = self.tokenizer.num_special_tokens
        ranks = {base64.b64decode(row["token_bytes"]): row["rank"]
                 for row in data["vocab"][:self.tokenizer.n_words - self.front]}
        self.names = [self.tokenizer.id_to_piece(number) for number in range(self.front)]
        self.encoding = tiktoken.Encoding(
            name, pat_str=data["config"]["pattern"], mergeable_ranks=ranks,
            special_tokens={text: self.BEHIND + number for number, text in enumerate(self.names)})

    def __call__(self, text, parsed):
        if not parsed:
            return self.tokenizer.encode(text, bos=False, eos=False)
        ids = self.encoding.encode(text, allowed_special="all", disallowed_special=())
        return [number - self.BEHIND if number >= self.BEHIND else number + self.front for number in ids]


def harmony(name):
    rows = json.loads((ROOT / "mkvocab/o200k_harmony.specials.json").read_text())
    return Tiktoken(name, {row["content"]: row["id"] for row in rows})


ORACLES = {
    "cl100k_base": Tiktoken,
    "o200k_base": Tiktoken,
    "o200k_harmony": harmony,
    "llama3": HuggingFace,
    "qwen3": HuggingFace,
    "tekken": Tekken,
    "deepseek_v3": HuggingFace,
    "glm4": Glm,
    "kimi_k2": Kimi,
    "gemma3": HuggingFace,
}


def oracle(name):
    return ORACLES[name](name)


def control_tokens(name):
    """The control and added tokens that a family knows, as text."""
    if name == "tekken":
        return oracle(name).names
    path = source(name)
    beside = ROOT / "mkvocab" / f"{name}.specials.json"
    beside = beside if beside.exists() else pathlib.Path(f"{path}.specials.json")
    if beside.exists():
        return [row["content"] for row in json.loads(beside.read_text())]
    data = json.loads(path.read_text())
    return list(data["special_tokens"]) if "special_tokens" in data else [t["content"] for t in data["added_tokens"]]


BUILD = pathlib.Path(os.environ.get("EP_BUILD", ROOT / "build" / "release"))


def ours(name, documents, parsed):
    return ours_by(ROOT / "share/vocab" / f"{name}.etk", documents, parsed)


def ours_by(vocabulary, documents, parsed):
    """Our ids of each document (bytes); None where our counting does not agree with our ids."""
    data = b"".join(len(text).to_bytes(4, "little") + text for text in documents)
    words = [BUILD / "ep-token-ids", vocabulary, "parsed" if parsed else "literal"]
    done = subprocess.run(words, input=data, capture_output=True)
    assert done.returncode == 0, f"{words}: {done.stderr.decode()}"
    numbers = memoryview(done.stdout).cast("I")
    found, at = [], 0
    for _ in documents:
        count = numbers[at]
        at += 1
        if count == 0xFFFFFFFF:
            found.append(None)
            continue
        found.append(list(numbers[at:at + count]))
        at += count
    assert at == len(numbers)
    return found
