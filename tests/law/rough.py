#!/usr/bin/env python3
"""Asks the judge (ep-judge) what it must not answer, and what nobody would ask: members that are not known, of another type, or
out of range are an error in words; whatever is put in their place, each line has its answer and the judge goes on:
tests/law/rough.py JUDGE [SEED [QUESTIONS]]."""

import copy
import json
import random
import sys

from compare import Judge, known
from generate import World
from model import Model

HUGE = 10**40
OTHERS = [None, True, 0, -1, 1.5, 2**63 - 1, 2**64, HUGE, -HUGE, 1e308, "", "x", "CN", "\u0000", "\ud800", "a" * 5000, [], {},
          ["SG"] * 5, [[]], [{}], {"x": {}}, {"": 0}, "9999-12-31T23:59:59Z", "2026-02-30T00:00:00Z", "0000-00-00T00:00:00Z"]
LINES = ["", "{", "[]", "0", "null", '"facts"', "{}", '{"facts":[]}', '{"facts":{}}', '{"facts":{},"list":{}}', '{"next":0}',
         '{"next":"soon"}', '{"files":[]}', '{"files":{"parties.yaml":0}}', '{"files":{"a":"b"},"draft":1}', '{"what":{}}',
         "[" * 100_000, '{"facts":{"now":"2026-06-01T00:00:00Z","now":1}}', '{"facts":{"now":%s}}' % ("9" * 10_000)]


def wrong_members(facts):
    """Facts with one thing that must be refused, and its name."""
    for where in ([], ["origin"], ["content"], ["counters"], ["online"]):
        yield {"nobody": 1}, where, "nobody"
    for name in ("client", "product", "model", "market", "consent_ref", "ingress", "review", "now"):
        for value in (1, [], {}, True):
            yield {name: value}, [], name
    for name in ("origin", "content", "counters", "online"):
        for value in (1, [], "x", True):
            yield {name: value}, [], name
    for name in ("has_callback", "has_order", "quarantined"):
        for value in (1, "true", {}):
            yield {name: value}, [], name
    for value in (-1, 1.5, "1", None):
        yield {"us_bulk": {"genomic": value}}, ["counters"], "genomic"
    yield {"us_bulk": {"genomic": HUGE}}, ["counters"], "integer"
    for value in ({"astral": 1}, {"g-none": 1}):
        yield {"us_bulk": value}, ["counters"], "no such object"
        yield {"grant_tokens": value}, ["counters"], "no such object"
        yield {"order_tokens": value}, ["counters"], "no such object"
    for value in (["SG"] * 5, ["sg"], ["SGP"], [1], "SG"):
        yield {"countries": value}, ["origin"], "countries"
    for value in ("China", "cn", "C1", "999"):
        yield {"market": value}, [], "market"
    for value in ("2026-06", "2026-02-30T00:00:00Z", "2026-06-01T00:00:00.0000000001Z", "2026-06-01T25:00:00Z", ""):
        yield {"now": value}, [], "now"
    for name in ("client", "product", "model"):
        yield {name: "nobody"}, [], name
    yield {"quarantined": ["r-none"]}, [], "quarantined"
    yield {"quarantined": [1]}, [], "quarantined"


def put(facts, where, members):
    out = copy.deepcopy(facts)
    inner = out
    for name in where:
        inner = inner.setdefault(name, {})
    inner.update(members)
    return out


def places(value, path=()):
    """The path of each thing within."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, item in items:
        yield (*path, name)
        yield from places(item, (*path, name))


def roughen(rng, facts):
    out = copy.deepcopy(facts)
    for _ in range(rng.randint(1, 4)):
        found = list(places(out))
        if not found:
            break
        *path, last = rng.choice(found)
        inner = out
        for name in path:
            inner = inner[name]
        if isinstance(inner, dict) and rng.random() < 0.2:
            inner[rng.choice(["nobody", "", "now", "a" * 300])] = rng.choice(OTHERS)
        elif rng.random() < 0.2:
            del inner[last]
        else:
            inner[last] = copy.deepcopy(rng.choice(OTHERS))
    return out


def main():
    program, rest = sys.argv[1], [int(word) for word in sys.argv[2:]]
    seed, questions = (rest + [1, 20_000][len(rest):])
    rng = random.Random(seed)
    world = World(rng, 0.03)
    model = Model(world.registry, world.documents)
    judge = Judge(program)
    for line in LINES:
        answer = judge.ask_line(line)
        assert set(answer) <= {"error", "faults", "loaded"} and answer.get("loaded") is not True, f"{line[:100]}: {answer}"
    assert judge.ask(facts={})["error"].startswith("registry"), "facts without a registry"
    assert judge.ask(files=world.files(), draft=True)["loaded"]

    refused = answered = 0
    plain = known(world.call(model.edges))
    plain["online"] = {"country": "SG"}
    assert "allow" in judge.ask(facts=plain), plain
    for members, where, name in wrong_members(plain):
        for kind in ("facts", "list", "closures"):
            answer = judge.ask(**{kind: put(plain, where, members)})
            assert set(answer) == {"error"} and name in answer["error"], f"{kind}: {members} in {where}: {answer}"
            refused += 1
    for number in range(questions):
        facts = roughen(rng, known(world.call(model.edges)))
        answer = judge.ask(**{rng.choice(["facts", "list", "closures", "next", "files"][:3 if number % 50 else 4]): facts})
        assert "error" in answer or "list" in answer or "closures" in answer, answer
        refused += "allow" not in answer and "error" in answer
        answered += 1
    assert judge.ask(facts=plain)["allow"] in (True, False)
    judge.end()
    print(f"{answered} rough questions and {len(LINES)} rough lines, {refused} answered by an error; the judge ended well")


if __name__ == "__main__":
    main()
