#!/usr/bin/env python3
"""Judges random calls over random registries twice, by the server's judge (ep-judge) and by model.py, and compares every
reason: tests/law/compare.py JUDGE [FIRST_SEED [REGISTRIES [CALLS]]]. A difference names its seed."""

import collections
import json
import random
import subprocess
import sys

from generate import World
from model import RANK, Model

ODDS = (0.0, 0.01, 0.03, 0.06)


class Judge:
    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, **line):
        self.process.stdin.write(json.dumps(line) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


def known(value):
    """Without what is not said."""
    if isinstance(value, dict):
        return {key: known(item) for key, item in value.items() if item not in ("", None)}
    return value


def same(mine, theirs):
    """Every reason in its order; what the judge says beside them may be more."""
    return len(mine) == len(theirs) and all(a.items() <= b.items() for a, b in zip(mine, theirs))


def compare(judge, seed, calls, seen):
    rng = random.Random(seed)
    world = World(rng, rng.choice(ODDS))
    model = Model(world.registry, world.documents)
    loaded = judge.ask(files=world.files(), draft=True)
    assert loaded["loaded"], f"seed {seed}: the registry was not loaded: {loaded}"
    for number in range(calls):
        facts = known(world.call())
        mine = model.judge(facts)
        theirs = judge.ask(facts=facts)
        assert "error" in theirs and "allow" in theirs, f"seed {seed}, call {number}: {theirs}\n{json.dumps(facts)}"
        seen["allow" if mine["allow"] else "refuse"] += 1
        for reason in mine["reasons"]:
            seen[reason["code"]] += 1
        for key, value in mine.items():
            if not (same(value, theirs[key]) if key == "reasons" else value == theirs[key]):
                print(f"seed {seed}, call {number}: {key} differs\nfacts  {json.dumps(facts)}\nmodel  {json.dumps(value)}\n"
                      f"judge  {json.dumps(theirs[key])}")
                return False
    return True


def main():
    program, rest = sys.argv[1], [int(word) for word in sys.argv[2:]]
    first, registries, calls = (rest + [1, 5000, 20][len(rest):])
    judge = Judge(program)
    seen = collections.Counter()
    differ = sum(not compare(judge, seed, calls, seen) for seed in range(first, first + registries))
    never = [code for code in RANK if seen[code] == 0]
    print(f"{seen['allow'] + seen['refuse']} calls over {registries} registries, {seen['allow']} allowed; "
          f"{len(RANK) - len(never)} of {len(RANK)} codes; {differ} registries with a difference")
    if never and registries >= 1000:
        print("never seen:", " ".join(never))
    sys.exit(1 if differ or (never and registries >= 1000) else 0)


if __name__ == "__main__":
    main()
