"""What the scenarios of all Python clients share. Each prints one line of JSON; whether it held is in it."""

import json
import os
import sys
import time
import traceback
import urllib.request

BASE, KEY, POOR = os.environ["EP_BASE"], os.environ["EP_KEY"], os.environ["EP_POOR"]
MODEL = "aurora-large"
HELLO = [{"role": "user", "content": "Say something kind."}]
TASK = [{"role": "user", "content": "What do the notes say?"}]
NOTES = "The notes say 42."
TOOL = {"type": "function", "function": {"name": "read_notes", "description": "reads", "parameters": {
    "type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}}}


def receipted(call, told_input, told_output):
    """The tokens that a client was told are those that were billed."""
    request = urllib.request.Request(f"{BASE}/receipts/{call}", headers={"Authorization": f"Bearer {KEY}"})
    client = json.load(urllib.request.urlopen(request, timeout=20))["client"]
    billed = {name: int(tokens) for name, tokens in client["billed"].items() if name != "by"}
    out = sum(tokens for name, tokens in billed.items() if name.startswith("out") or name == "reason")
    assert client["outcome"] == "complete"
    assert (sum(billed.values()) - out, out) == (told_input, told_output), (billed, told_input, told_output)


def until(look, fits, seconds=30):
    """What was looked at once it fits."""
    end = time.monotonic() + seconds
    while not fits(found := look()):
        assert time.monotonic() < end, f"still {found}"
        time.sleep(0.1)
    return found


def refused(attempt, kind, **fields):
    try:
        attempt()
    except kind as error:
        for name, value in fields.items():
            assert getattr(error, name) == value, f"{name} is {getattr(error, name)!r}"
        return error
    raise AssertionError("not refused")


def run(scenarios):
    failed = 0
    for scenario in scenarios:
        name = scenario.__name__
        if name not in sys.argv[1:] if sys.argv[1:] else name == "cut":
            continue
        try:
            scenario()
            print(json.dumps({"scenario": name, "held": True}), flush=True)
        except Exception:
            failed += 1
            print(json.dumps({"scenario": name, "held": False, "why": traceback.format_exc()[-2000:]}), flush=True)
    sys.exit(failed > 0)
