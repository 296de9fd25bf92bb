#!/usr/bin/env python3
"""Judges random calls over random registries twice, by the server's judge (ep-judge) and by model.py, and compares every
reason: tests/law/compare.py JUDGE [FIRST_SEED [REGISTRIES [CALLS]]]. A difference names its seed."""

import collections
import json
import random
import subprocess
import sys

from generate import World
from model import RANK, Model, instant

ODDS = (0.0, 0.01, 0.03, 0.06)


class Judge:
    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, **question):
        return self.ask_line(json.dumps(question))

    def ask_line(self, line):
        self.say(line)
        return self.hear(line)

    def say(self, line):
        self.process.stdin.write(line + "\n")

    def hear(self, line):
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer.endswith("\n"):
            sys.exit(f"the judge ended ({self.process.wait()}) at {line[:1000]}")
        return json.loads(answer)

    def end(self):
        """It leaves by itself, and well: a sanitizer's finding at its end is a failure."""
        self.process.stdin.close()
        status = self.process.wait()
        if status != 0:
            sys.exit(f"the judge ended with {status}")


def known(value):
    """Without what is not said."""
    if isinstance(value, dict):
        return {key: known(item) for key, item in value.items() if item not in ("", None)}
    return value


def compare(judge, seed, calls, seen, kinds):
    rng = random.Random(seed)
    world = World(rng, rng.choice(ODDS))
    model = Model(world.registry, world.documents)
    loaded = judge.ask(files=world.files(), draft=True)
    if not loaded["loaded"]:
        print(f"seed {seed}: the registry was not loaded: {loaded}")
        return False
    for number in range(calls):
        facts = known(world.call(model.edges))
        questions = [json.dumps({"facts": facts}), json.dumps({"list": facts}), json.dumps({"next": facts["now"]})]
        for line in questions:  # short ones: all fit into the pipe
            judge.say(line)
        judge.process.stdin.flush()
        mine = model.judge(facts)
        seen["allow" if mine["allow"] else "refuse"] += 1
        for reason in mine["reasons"]:
            seen[reason["code"]] += 1
            kinds.add((reason["code"], reason.get("what")))
        expectations = (mine, model.may_list(facts), model.next_edge(instant(facts["now"])))
        answers = [judge.hear(line) for line in questions]
        for line, expected, theirs in zip(questions, expectations, answers):
            if theirs != expected:
                tell(f"seed {seed}, call {number}", line, expected, theirs)
                return False
    return True


def tell(where, line, expected, theirs):
    keys = sorted(key for key in {*expected, *theirs} if expected.get(key) != theirs.get(key))
    print(f"{where}: {', '.join(keys)}\nasked  {line}")
    for key in keys:
        print(f"model  {json.dumps(expected.get(key), sort_keys=True)}\njudge  {json.dumps(theirs.get(key), sort_keys=True)}")


def main():
    program, rest = sys.argv[1], [int(word) for word in sys.argv[2:]]
    first, registries, calls = (rest + [1, 5000, 20][len(rest):])
    judge = Judge(program)
    seen, kinds = collections.Counter(), set()
    differ = sum(not compare(judge, seed, calls, seen, kinds) for seed in range(first, first + registries))
    judge.end()
    never = [code for code in RANK if seen[code] == 0]
    print(f"{seen['allow'] + seen['refuse']} calls over {registries} registries, {seen['allow']} allowed; "
          f"{len(RANK) - len(never)} of {len(RANK)} codes, {len(kinds)} with what they say; {differ} registries with a difference")
    if never and registries >= 1000:
        print("never seen:", " ".join(never))
    sys.exit(1 if differ or (never and registries >= 1000) else 0)


if __name__ == "__main__":
    main()
