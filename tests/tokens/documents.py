"""Documents that no test has seen before: seeded, ordinary and adversarial. Bytes, mostly UTF-8."""

import pathlib
import random
import sysconfig
import unicodedata

SURROGATES = range(0xD800, 0xE000)
CONTEXTS = ["{}", "a{}b", " {}1", "'{}\n{}"]  # each code point stands in these
SCRIPTS = [
    (0x20, 0x7F), (0xA0, 0x180), (0x370, 0x400), (0x400, 0x530), (0x590, 0x600), (0x600, 0x700), (0x900, 0x980),
    (0xE00, 0xE80), (0x1100, 0x1200), (0x1E00, 0x2000), (0x2000, 0x2070), (0x20A0, 0x2C00), (0x3000, 0x3100),
    (0x3400, 0x3500), (0x4E00, 0xA000), (0xAC00, 0xD7A4), (0xF900, 0xFB00), (0xFE00, 0xFF00), (0xFF00, 0xFFF0),
    (0x10400, 0x10450), (0x1D400, 0x1D800), (0x1F300, 0x1FAFF), (0x20000, 0x20100), (0xE0000, 0xE01F0),
]
SPACES = [" ", " ", " ", "  ", "\t", "\n", "\r", "\r\n", "\n\n", "\u00a0", "\u3000", "\u2028", "\u0085", "\v", "\f",
          "\u200b", "\ufeff", "\u1680", "\u001c", "\u001f", "\u2581", "\u2581\u2581"]
CONTRACTIONS = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d", "'S", "'T", "'RE", "'Ve", "'LL", "'D", "'\u017f", "'x",
                "\u2019s", "''s", "'", "'l", "'v", "'r"]
MARKS = ["\u0301", "\u0308", "\u0327", "\u093f", "\u0e31", "\u064b", "\u3099", "\u1ad3", "\u0345", "\u0334", "\u20dd"]
CASED = ["A", "B", "a", "b", "\u01c5", "\u02b0", "\u65e5", "\u3042", "\u05d0", "\u1e9e", "\u00df", "\u0130", "\u017f",
         "\u1161", "\u11a8", "\uac00", "\u212b", "\u1e0a\u0323"]
OTHER = ["1", "23", "456", "\u0664", "\u00bd", "\u2167", "\u4e00", "\u4e8c", ".", "/", "//", "!", "?", "-", "_", "#",
         "\u2014", "\u20ac", "+", "<", ">", "</", "|", "\u00a9", "\U0001f468\u200d\U0001f469\u200d\U0001f467",
         "\U0001f1e9\U0001f1ea", "\u2764\ufe0f", "\u3001", "\u3002", "\u00ad", "\u0000", "\u001b", "\u007f"]
BAD_BYTES = [b"\xff", b"\x80", b"\xc0\xaf", b"\xe4\xb8", b"\xf0\x9f\x98", b"\xed\xa0\x80", b"\xed\xb0\x80", b"\xc3",
             b"\xf4\x90\x80\x80", b"\xe0\x80\x80", b"\xf0\x80\x80\x80", b"\xfe"]


def char(rand):
    low, high = rand.choice(SCRIPTS)
    return chr(rand.randrange(low, high))


def any_char(rand):
    while True:
        code = rand.randrange(0x110000) if rand.random() < 0.3 else rand.randrange(0x30000)
        if code not in SURROGATES:
            return chr(code)


def mix(rand, specials):
    kinds = [SPACES, CONTRACTIONS, MARKS, CASED, CASED, OTHER]
    parts = []
    for _ in range(rand.randrange(1, 40)):
        kind = rand.random()
        if kind < 0.8:
            parts.append(rand.choice(rand.choice(kinds)))
        elif kind < 0.93:
            parts.append(char(rand))
        elif kind < 0.96 and specials:
            text = rand.choice(specials)
            parts.append(text if rand.random() < 0.7 else text[:rand.randrange(1, len(text) + 1)])
        else:
            parts.append(rand.choice(rand.choice(kinds)) * rand.randrange(2, 12))
    return "".join(parts)


def words(rand):
    """Runs of one script, then another, as mixed-language prose has them."""
    parts = []
    for _ in range(rand.randrange(3, 30)):
        low, high = rand.choice(SCRIPTS)
        parts.append("".join(chr(rand.randrange(low, high)) for _ in range(rand.randrange(1, 12))))
    return rand.choice([" ", "", " ", ", ", "\n"]).join(parts)


def letters(rand):
    size = rand.randrange(1, 400)
    alphabet = rand.choice(["ab", "aA", "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnop0123456789+/",
                            "0123456789", " ", " \n", "\t ", "\u65e5\u672c\u8a9e", "\u0e01\u0e31\u0e19", "\u2581 ", "_-=",
                            "\u0301a", "\U0001f600\u200d"])
    return "".join(rand.choice(alphabet) for _ in range(size))


def stdlib(rand, files):
    text = rand.choice(files).read_text(errors="replace")
    start = rand.randrange(max(1, len(text) - 2000))
    return text[start:start + rand.randrange(200, 3000)]


def with_bad_bytes(rand, specials):
    data = bytearray(mix(rand, specials).encode())
    for _ in range(rand.randrange(1, 6)):
        at = rand.randrange(len(data) + 1)
        data[at:at] = rand.choice(BAD_BYTES)
    return bytes(data)


def denormal(rand):
    text = "".join(rand.choice([char(rand), rand.choice(CASED), rand.choice(MARKS) * rand.randrange(1, 4)])
                   for _ in range(rand.randrange(2, 40)))
    return unicodedata.normalize(rand.choice(["NFD", "NFKD", "NFC"]), text) if rand.random() < 0.6 else text


def documents(seed, count, specials):
    """`count` documents."""
    rand = random.Random(seed)
    files = sorted(pathlib.Path(sysconfig.get_paths()["stdlib"]).glob("*.py"))
    makers = [
        (4, lambda: mix(rand, specials)),
        (2, lambda: words(rand)),
        (2, lambda: letters(rand)),
        (2, lambda: stdlib(rand, files)),
        (1, lambda: "".join(any_char(rand) for _ in range(rand.randrange(1, 60)))),
        (2, lambda: denormal(rand)),
        (1, lambda: with_bad_bytes(rand, specials)),
    ]
    made = rand.choices([make for _, make in makers], [weight for weight, _ in makers], k=count)
    found = [make() for make in made]
    return [text.encode() if isinstance(text, str) else text for text in found]


def long_runs():
    """What is slow or cut elsewhere: long runs and long texts."""
    return [text.encode() for text in (
        "a" * 30_000, " " * 30_000, "\n" * 30_000, "_" * 26_000, "=" * 5_000 + " " * 5_000, "ab" * 13_000,
        "\u65e5\u672c" * 13_000, "x" * 25_000, "x" * 25_001, "x y" * 9_000, " " * 25_001 + "x" * 25_001 + "\t" * 50_003,
        "\u001c" * 30_000, "abc def " * 50_001, "\U0001f600" * 26_000, "0123456789" * 3_000,
        "\u0301" * 4_000, "A" * 25_100 + "\u0130" * 10)]


def code_points(step, start=0):
    """Every step-th code point in each context, sixteen a document so that neighbours meet."""
    codes = [code for code in range(start, 0x110000, step) if code not in SURROGATES]
    found = []
    for at in range(0, len(codes), 16):
        for context in CONTEXTS:
            found.append("".join(context.replace("{}", chr(code)) for code in codes[at:at + 16]).encode())
    return found
