#!/usr/bin/env python3
"""Usage by class a second time: the rules of each surface, written apart from the server's tables, compared with it on the
published vectors and on random reports, most of them right and some with one thing wrong.

compare.py EP-USAGE [COUNT [SEED]]: standard library alone; exit status 1 and the first line that differs."""

import json
import pathlib
import random
import subprocess
import sys

MOST = 10**9
SPOILED = object()
WRITES = ("w5m", "w1h", "w30m", "w12h", "wx")


class Pairs(list):
    """An object as it stands: a key may stand there twice."""


def parse(text):
    return json.loads(text, object_pairs_hook=Pairs)


class Said:
    """What a stream has said so far: the last of each count, by its path."""

    def __init__(self, counts, lists=()):
        self.counts, self.lists = set(counts), set(lists)
        self.inner = {path.rsplit(".", 1)[0] for path in self.counts if "." in path}
        self.inner |= {path.rsplit(".", 1)[0] for path in self.inner if "." in path}
        self.values, self.crooked = {}, False

    def add(self, report):
        if isinstance(report, Pairs):
            self.take(report, "", set())

    def take(self, pairs, inside, met):
        for key, value in pairs:
            path = inside + key
            if value is None or path not in self.counts | self.lists | self.inner:
                continue
            twice = path in met
            met.add(path)
            if path in self.counts:
                self.values[path] = SPOILED if twice or not good(value) else value
            elif path in self.lists:
                self.values[path] = SPOILED if twice else modalities(value)
            elif twice or not isinstance(value, Pairs):
                self.crooked = True
            else:
                self.take(value, path + ".", met)

    def has(self, path):
        return path in self.values

    def __getitem__(self, path):
        value = self.values.get(path, 0)
        return 0 if value is SPOILED else value

    def of(self, path):
        """Text, sounds, pictures of a list; None: it was not told."""
        value = self.values.get(path)
        return [0, 0, 0] if value is SPOILED else value

    @property
    def spoiled(self):
        return self.crooked or SPOILED in self.values.values()


def good(value):
    return type(value) is int and 0 <= value <= MOST


def modalities(value):
    sums = [0, 0, 0]
    if not isinstance(value, list) or isinstance(value, Pairs) or len(value) > 16:
        return SPOILED
    for item in value:
        keys = [key for key, _ in item] if isinstance(item, Pairs) else [None] * 9
        if keys.count("modality") > 1 or keys.count("tokenCount") > 1 or None in keys:
            return SPOILED
        told = dict(item)
        if not good(told.get("tokenCount", 0)):
            return SPOILED
        sums[{"AUDIO": 1, "IMAGE": 2, "VIDEO": 2}.get(told.get("modality"), 0)] += told.get("tokenCount", 0)
    return sums if max(sums) <= MOST else SPOILED


def text_first(cached, whole):
    parts = []
    for i, most in enumerate(whole):
        parts.append(cached if i == 2 else min(cached, max(most, 0)))
        cached -= parts[-1]
    return parts


class Sum:
    """Classes under way."""

    def __init__(self):
        self.classes, self.flags = {}, set()

    def put(self, **counts):
        for name, count in counts.items():
            self.classes[name] = self.classes.get(name, 0) + count

    def input(self, prompt, cached, parts=(0, 0), told=None, **writes):
        """All of the input; of it cached, of it sounds and pictures, of what was cached the split."""
        whole = [prompt - sum(parts) - sum(writes.values()), *parts]
        if told is None:
            told = text_first(cached, whole)
            if told[1] or told[2]:
                self.flags.add("split_assumed")
        self.put(**{"in": whole[0] - told[0]}, cached=told[0], in_audio=whole[1] - told[1], cached_audio=told[1],
                 in_image=whole[2] - told[2], cached_image=told[2], **writes)

    def output(self, completion, reason=0, audio=0, image=0):
        self.put(out=completion - reason - audio - image, reason=reason, out_audio=audio, out_image=image)

    def wrong(self, condition):
        if condition:
            self.flags.add("quarantined")

    def end(self, said, total=None, answered=None):
        self.wrong(said.spoiled or min(self.classes.values()) < 0)
        tokens = sum(count for name, count in self.classes.items() if name not in ("web_search", "web_fetch", "source"))
        if total and said.has(total):
            self.wrong(tokens != said[total])
        else:
            self.wrong(not said.has(answered))
        return {name: count for name, count in self.classes.items() if count}, sorted(self.flags)


P, C, T = "prompt_tokens", "completion_tokens", "total_tokens"
PD, CD = "prompt_tokens_details.", "completion_tokens_details."
CHAT = [P, C, T, PD + "cached_tokens", PD + "audio_tokens", PD + "image_tokens", CD + "reasoning_tokens", CD + "audio_tokens",
        CD + "image_tokens"]


def chat_output(sums, said, reason):
    sums.output(said[C], reason, said[CD + "audio_tokens"], said[CD + "image_tokens"])


def openai_chat(extra=(), strict=False):
    def settle(said):
        if not said.has(P):
            return None
        sums, cached = Sum(), said[PD + "cached_tokens"]
        hit, miss, top = said["prompt_cache_hit_tokens"], said["prompt_cache_miss_tokens"], said["cached_tokens"]
        told = said.has("prompt_cache_hit_tokens") or said.has("prompt_cache_miss_tokens")
        if told and (strict or hit + miss):
            sums.wrong(hit + miss != said[P] or (cached and cached != hit))
            cached = hit
        else:
            sums.wrong(cached and top and cached != top)
            cached = cached or top
        writes = {"wx": said[PD + "cache_write_tokens"]}
        if said.has(PD + "cache_creation_input_tokens"):
            created = said[PD + "cache_creation_input_tokens"]
            sums.wrong(said.has(PD + "cache_write_tokens") and created != writes["wx"])
            writes = {"w5m": created}
        sums.input(said[P], cached, (said[PD + "audio_tokens"], said[PD + "image_tokens"]), **writes)
        chat_output(sums, said, said[CD + "reasoning_tokens"])
        return sums.end(said, T, C)
    return CHAT + list(extra), (), settle


def xai_chat(said):
    if not said.has(P):
        return None
    sums, cached, reason = Sum(), said[PD + "cached_tokens"], said[CD + "reasoning_tokens"]
    prompt = said[P] + (cached if cached > said[P] else 0)
    sums.input(prompt, cached, (said[PD + "audio_tokens"], said[PD + "image_tokens"]))
    if reason and said.has(T) and said[T] == prompt + said[C] + reason:
        sums.flags.add("reasoning_added")
        sums.put(reason=reason)
        chat_output(sums, said, 0)
    else:
        sums.wrong(reason and not said.has(T))
        chat_output(sums, said, reason)
    sums.put(source=said["num_sources_used"])
    return sums.end(said, T, C)


def responses(said):
    if not said.has("input_tokens"):
        return None
    sums, details = Sum(), "input_tokens_details."
    written = said[details + "cache_write_tokens"]
    lives = details + "cache_write_tokens_details."
    if said.has(lives + "ttl_30m_tokens") or said.has(lives + "ttl_12h_tokens"):
        writes = {"w30m": said[lives + "ttl_30m_tokens"], "w12h": said[lives + "ttl_12h_tokens"]}
        sums.wrong(said.has(details + "cache_write_tokens") and written != sum(writes.values()))
    else:
        writes = {"wx": written}
    sums.input(said["input_tokens"], said[details + "cached_tokens"], **writes)
    sums.output(said["output_tokens"], said["output_tokens_details.reasoning_tokens"])
    sums.put(source=said["num_sources_used"])
    return sums.end(said, "total_tokens", "output_tokens")


def realtime(said):
    if not said.has("input_tokens"):
        return None
    sums, details = Sum(), "input_token_details."
    split = [details + f"cached_tokens_details.{name}_tokens" for name in ("text", "audio", "image")]
    told = [said[path] for path in split] if any(map(said.has, split)) else None
    sums.wrong(told and said.has(details + "cached_tokens") and sum(told) != said[details + "cached_tokens"])
    sums.input(said["input_tokens"], said[details + "cached_tokens"], (said[details + "audio_tokens"],
                                                                       said[details + "image_tokens"]), told)
    sums.output(said["output_tokens"], audio=said["output_token_details.audio_tokens"])
    return sums.end(said, "total_tokens", "output_tokens")


def images(said):
    if not said.has("input_tokens"):
        return None
    sums = Sum()
    sums.input(said["input_tokens"], said["input_tokens_details.cached_tokens"],
               (0, said["input_tokens_details.image_tokens"]))
    sums.output(said["output_tokens"], image=said["output_tokens_details.image_tokens"])
    return sums.end(said, "total_tokens", "output_tokens")


def anthropic(said):
    if not said.has("input_tokens"):
        return None
    sums, lives = Sum(), ("cache_creation.ephemeral_5m_input_tokens", "cache_creation.ephemeral_1h_input_tokens")
    written, cached = said["cache_creation_input_tokens"], said["cache_read_input_tokens"]
    if any(map(said.has, lives)):
        writes = {"w5m": said[lives[0]], "w1h": said[lives[1]]}
        sums.wrong(said.has("cache_creation_input_tokens") and written != sum(writes.values()))
    else:
        writes = {"w5m": written}
    sums.put(**{"in": said["input_tokens"]}, cached=cached, **writes)
    sums.output(said["output_tokens"], said["output_tokens_details.thinking_tokens"])
    sums.put(web_search=said["server_tool_use.web_search_requests"], web_fetch=said["server_tool_use.web_fetch_requests"])
    return sums.end(said, None, "output_tokens")


def gemini(answer):
    tokens, details = f"{answer}TokenCount", f"{answer}TokensDetails"

    def settle(said):
        if not said.has("promptTokenCount"):
            return None
        sums = Sum()
        prompt = said.of("promptTokensDetails") or [0, 0, 0]
        told, cached = said.of("cacheTokensDetails"), said["cachedContentTokenCount"]
        sums.wrong(told and said.has("cachedContentTokenCount") and sum(told) != cached)
        sums.input(said["promptTokenCount"], cached, tuple(prompt[1:]), told)
        sums.put(in_tool=said["toolUsePromptTokenCount"], reason=said["thoughtsTokenCount"])
        spoken = said.of(details) or [0, 0, 0]
        sums.output(said[tokens], 0, *spoken[1:])
        return sums.end(said, "totalTokenCount", tokens)
    return (["promptTokenCount", "cachedContentTokenCount", "thoughtsTokenCount", "toolUsePromptTokenCount", "totalTokenCount",
             tokens], ["promptTokensDetails", "cacheTokensDetails", details], settle)


RESPONSES = ["input_tokens", "output_tokens", "total_tokens", "input_tokens_details.cached_tokens",
             "output_tokens_details.reasoning_tokens"]
MESSAGES = ["input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens",
            "cache_creation.ephemeral_5m_input_tokens", "cache_creation.ephemeral_1h_input_tokens",
            "output_tokens_details.thinking_tokens", "server_tool_use.web_search_requests", "server_tool_use.web_fetch_requests"]
HIT_MISS = ["prompt_cache_hit_tokens", "prompt_cache_miss_tokens"]
CREATED = [PD + "cache_creation_input_tokens"]
REALTIME = ["input_tokens", "output_tokens", "total_tokens", "input_token_details.audio_tokens",
            "input_token_details.image_tokens", "input_token_details.cached_tokens", "output_token_details.audio_tokens"] + [
                f"input_token_details.cached_tokens_details.{name}_tokens" for name in ("text", "audio", "image")]
WRITE = "input_tokens_details.cache_write_tokens"

# Of each surface: the counts that are read, the lists, and the rule.
SURFACES = {
    "openai.chat": openai_chat([PD + "cache_write_tokens", "cached_tokens", *HIT_MISS, *CREATED]),
    "openai.responses": (RESPONSES + [WRITE, WRITE + "_details.ttl_30m_tokens", WRITE + "_details.ttl_12h_tokens"], (),
                         responses),
    "openai.realtime": (REALTIME, (), realtime),
    "anthropic": (MESSAGES, (), anthropic),
    "gemini": gemini("candidates"),
    "gemini.live": gemini("response"),
    "xai.chat": (CHAT + ["num_sources_used"], (), xai_chat),
    "xai.responses": (RESPONSES + ["num_sources_used"], (), responses),
    "deepseek": openai_chat(HIT_MISS, strict=True),
    "moonshot": openai_chat(["cached_tokens"]),
    "zhipu": openai_chat(),
    "minimax": openai_chat(),
    "minimax.anthropic": (MESSAGES, (), anthropic),
    "qwen": openai_chat(CREATED),
    "openai.images": (["input_tokens", "output_tokens", "total_tokens", "input_tokens_details.image_tokens",
                       "input_tokens_details.cached_tokens", "output_tokens_details.image_tokens"], (), images),
}


def settle(surface, texts):
    counts, lists, rule = SURFACES[surface]
    said = Said(counts, lists)
    for text in texts:
        said.add(parse(text))
    return rule(said)


# ---- what each form of client can name --------------------------------------------------------

def named(form, classes):
    left = dict(classes)

    def move(to, *names):
        moved = sum(left.pop(name, 0) for name in names if name != to)
        left[to] = left.get(to, 0) + moved

    for name in ("web_search", "web_fetch", "source"):  # what is no token has no place there
        left.pop(name, None)
    if form in ("openai.responses", "anthropic"):
        move("in", "in_audio", "in_image", "in_tool")
        move("cached", "cached_audio", "cached_image")
        move("out", "out_audio", "out_image")
    if form == "openai.chat":
        move("in", "in_tool")
        move("wx", *WRITES)
        whole = [left.get(a, 0) + left.get(b, 0) for a, b in (("in", "cached"), ("in_audio", "cached_audio"),
                                                              ("in_image", "cached_image"))]
        held = text_first(sum(left.get(name, 0) for name in ("cached", "cached_audio", "cached_image")), whole)
        for suffix, all_, of in zip(("", "_audio", "_image"), whole, held):
            left["in" + suffix], left["cached" + suffix] = all_ - of, of
    if form == "openai.responses" and any(left.get(name) for name in ("w5m", "w1h", "wx")):
        move("wx", *WRITES)
    if form == "anthropic":
        move("in", "w30m", "w12h", "wx")
    if form == "gemini":
        move("in", *WRITES)
    return {name: count for name, count in left.items() if count}


# ---- random reports ---------------------------------------------------------------------------

def put(report, path, value):
    *inside, last = path.split(".")
    for key in inside:
        report = report.setdefault(key, {})
    report[last] = value


def make(draw, surface):
    """A report whose counts are likely to fit together."""
    counts, lists, _ = SURFACES[surface]
    report, most = {}, draw.choice((5, 100, 10**6))
    for path in counts:
        if draw.random() < (0.95 if "." not in path else 0.4):
            put(report, path, draw.randrange(most) if draw.random() < 0.7 else 0)
    for path in lists:
        if draw.random() < 0.4:
            report[path] = [{"modality": draw.choice(("TEXT", "AUDIO", "IMAGE", "VIDEO", "DOCUMENT", "NEW")),
                             "tokenCount": draw.randrange(most)} for _ in range(draw.randrange(4))]
    for path in ("prompt_tokens", "input_tokens", "promptTokenCount"):
        if path in counts and draw.random() < 0.9:
            report[path] = 4 * most + draw.randrange(most)
    for path in ("completion_tokens", "output_tokens", "candidatesTokenCount", "responseTokenCount"):
        if path in counts and draw.random() < 0.9:
            report[path] = 3 * most + draw.randrange(most)
    mend(draw, surface, report)
    return report


def mend(draw, surface, report):
    """Splits and totals that add up, nearly always."""
    if draw.random() < 0.9 and "prompt_cache_hit_tokens" in report:
        report["prompt_cache_hit_tokens"] = draw.randrange(report.get("prompt_tokens", 0) + 1)
        report["prompt_cache_miss_tokens"] = report.get("prompt_tokens", 0) - report["prompt_cache_hit_tokens"]
        report.get("prompt_tokens_details", {}).pop("cached_tokens", None)
    if draw.random() < 0.9 and "cached_tokens" in report.get("prompt_tokens_details", {}) and "cached_tokens" in report:
        report["cached_tokens"] = report["prompt_tokens_details"]["cached_tokens"]
    for whole, split in (("cache_creation_input_tokens", "cache_creation"), ("cache_write_tokens", "cache_write_tokens_details"),
                         ("cached_tokens", "cached_tokens_details")):
        for inside in (report, *(value for value in report.values() if isinstance(value, dict))):
            if draw.random() < 0.9 and whole in inside and split in inside:
                inside[whole] = sum(inside[split].values())
    if draw.random() < 0.8 and "cacheTokensDetails" in report:
        report["cachedContentTokenCount"] = sum(item["tokenCount"] for item in report["cacheTokensDetails"])
    for total in ("total_tokens", "totalTokenCount"):
        if total in report and draw.random() < 0.9:
            del report[total]
            told = settle(surface, [json.dumps(report)])
            report[total] = sum(count for name, count in told[0].items() if "_" not in name or name[:2] in ("in", "ou", "ca")
                                ) if told else 0
            if surface == "xai.chat" and draw.random() < 0.5:
                report[total] += report.get("completion_tokens_details", {}).get("reasoning_tokens", 0)


NONSENSE = ("-1", "1.5", "1e2", '"7"', "true", "null", "[]", "{}", "1000000000", "1000000001", "99999999999999999999", "0")


def spoil(draw, text):
    """One thing wrong in a report's text: a count that is none, a key twice, one that is off by one."""
    places = [i for i, (a, b) in enumerate(zip(text, text[1:])) if a == " " and b.isdigit()]
    if not places:
        return text
    at = draw.choice(places) + 1
    end = at
    while text[end].isdigit():
        end += 1
    kind = draw.randrange(4)
    if kind == 0:
        return text[:at] + draw.choice(NONSENSE) + text[end:]
    if kind == 1:
        begin = text.rindex('"', 0, text.rindex('"', 0, at))
        return text[:end] + ", " + text[begin:end] + text[end:]
    return text[:at] + str(int(text[at:end]) + (1 if kind == 2 else 7)) + text[end:]


def stream(draw, surface):
    texts = []
    for _ in range(draw.choice((1, 1, 1, 2, 3))):
        text = json.dumps(make(draw, surface))
        texts.append(spoil(draw, text) if draw.random() < 0.25 else text)
    if len(texts) > 1 and draw.random() < 0.5:  # a last one that leaves out what was said before
        kept = {key: value for key, value in parse(texts[0]) if isinstance(value, int) and draw.random() < 0.5}
        texts.append(json.dumps(kept))
    return texts


# ---- the comparison ---------------------------------------------------------------------------

def ask(program, rows):
    lines = "".join("\t".join([surface, *texts]) + "\n" for surface, texts in rows)
    done = subprocess.run([program], input=lines, capture_output=True, text=True, check=True)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(rows)
    return answers


def differs(row, answer):
    want = settle(*row)
    if want is None or answer is None:
        return None if want is answer else f"{want} here, {answer} there"
    if want != (answer["classes"], answer["flags"]):
        return f"{want} here, {answer} there"
    if "quarantined" in want[1] or sum(want[0].values()) > MOST:
        return None
    for form, written in answer["forms"].items():
        read = settle(form, [json.dumps(written)])
        if "quarantined" in read[1] or read[0] != named(form, want[0]):
            return f"as {form}: {written} is {read}, not {named(form, want[0])}"
    return None


def main(program, count="12000", seed="1"):
    vectors = [line.split("\t") for line in (pathlib.Path(__file__).parent / "vectors.txt").read_text().splitlines()
               if not line.startswith("#")]
    for surface, text, classes, flags in vectors:
        told = settle(surface, [text])
        assert told == (json.loads(classes), [] if flags == "-" else flags.split(",")), (surface, text, told)
    draw = random.Random(int(seed))
    rows = [(surface, [text]) for surface, text, _, _ in vectors]
    names = list(SURFACES)
    rows += [(surface, stream(draw, surface)) for surface in (draw.choice(names) for _ in range(int(count)))]
    rows += [(draw.choice(names), texts) for _, texts in rows[:500]]  # read by another's rule
    fine = 0
    for row, answer in zip(rows, ask(program, rows)):
        wrong = differs(row, answer)
        if wrong:
            print(f"usage: {row[0]} {' '.join(row[1])}: {wrong}")
            return 1
        fine += answer is not None and "quarantined" not in answer["flags"]
    print(f"usage: {len(rows)} reports are read alike, {fine} of them without a contradiction")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
