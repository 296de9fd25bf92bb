"""Responses of one realtime session at once, and what ends in the middle of one: the sandbox is the source."""

import contextlib
import json

import pytest

websockets = pytest.importorskip("websockets")
from websockets.sync.client import connect  # noqa: E402

from conftest import House  # noqa: E402
from realtime_source import Source  # noqa: E402
from test_realtime import Studio, receive, send, until  # noqa: E402

TEXT = {"type": "realtime", "output_modalities": ["text"], "audio": {"input": {"turn_detection": None}}}
PACE = ("--pace-ms", "30", "--words", "12")
# USD a million tokens of text, as the example sells aurora-voice.
IN, OUT = 4, 16


def start(folder):
    made = House(folder / "demo")
    made.upstream(0, *PACE)
    made.start()
    return made


def finish(made):
    made.stop()
    audit = made.command("audit", check=False)
    assert audit.returncode == 0, audit.stdout + audit.stderr


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    made = start(tmp_path_factory.mktemp("many"))
    yield made
    finish(made)


@contextlib.contextmanager
def session(made, key=None):
    with connect(f"ws://127.0.0.1:{made.public}/v1/realtime?model=aurora-voice", compression=None, max_size=None,
                     additional_headers={"Authorization": f"Bearer {key or made.key}"}) as socket:
        receive(socket)
        send(socket, "session.update", session=TEXT)
        until(socket, "session.updated")
        yield socket


def beside(socket, topic, **more):
    send(socket, "response.create", response={"conversation": "none", "metadata": {"topic": topic}}, **more)


def billed(made, call, key=None):
    client = json.loads(made.request(f"/v1/receipts/{call}", key=key)[2])["client"]
    return {name: int(tokens) for name, tokens in client["billed"].items()}, client["outcome"], int(client["amount"])


def test_responses_beside_the_conversation_run_at_once_each_a_call_of_its_own(house):
    with session(house) as socket:
        send(socket, "response.create")
        for topic in ("a", "b", "c"):
            beside(socket, topic)
        events = []
        while sum(event["type"] == "response.done" for event in events) < 4:
            events.append(receive(socket))
        kinds = [event["type"] for event in events]
        assert kinds.count("response.created") == 4
        assert max(at for at, kind in enumerate(kinds) if kind == "response.created") < kinds.index("response.done")
        done = {(event["response"]["metadata"] or {}).get("topic"): event for event in events if event["type"] == "response.done"}
        assert set(done) == {None, "a", "b", "c"}
        for topic, event in done.items():
            response = event["response"]
            words = [e["delta"] for e in events if e["type"] == "response.output_text.delta" and e["response_id"] == response["id"]]
            assert "".join(words) == response["output"][0]["content"][0]["text"] and len(words) == 12
            assert (response["conversation_id"] is None) == (topic is not None)
            tokens, outcome, amount = billed(house, event["entrepot"]["call"])
            usage = response["usage"]
            assert tokens == {"in": usage["input_tokens"], "out": usage["output_tokens"]} and outcome == "complete"
            assert amount == 1000 * (IN * tokens["in"] + OUT * tokens["out"])
        assert len({event["entrepot"]["call"] for event in done.values()}) == 4
        # The conversation has what its own response said, and nothing else.
        send(socket, "response.create")
        again = until(socket, "response.done")[-1]["response"]["usage"]["input_tokens"]
        assert again == done[None]["response"]["usage"]["input_tokens"] + 3 + 12


def test_a_second_response_of_the_conversation_is_refused_as_openai_refuses_it(house):
    with session(house) as socket:
        send(socket, "response.create")
        first = until(socket, "response.created")[-1]["response"]["id"]
        send(socket, "response.create", event_id="second")
        told = until(socket, "error")[-1]
        assert told == {"type": "error", "event_id": told["event_id"], "error": {
            "type": "invalid_request_error", "code": "conversation_already_has_active_response",
            "message": f"Conversation already has an active response in progress: {first}. "
                       "Wait until the response is finished before creating a new one.",
            "param": None, "event_id": "second"}}
        assert until(socket, "response.done")[-1]["response"]["id"] == first


def test_one_of_several_is_cancelled_by_its_name(house):
    with session(house) as socket:
        send(socket, "response.create")
        kept = until(socket, "response.created")[-1]["response"]["id"]
        beside(socket, "dropped")
        ended = until(socket, "response.created")[-1]["response"]["id"]
        until(socket, "response.output_text.delta")
        send(socket, "response.cancel", response_id=ended)
        done = [until(socket, "response.done")[-1], until(socket, "response.done")[-1]]
        assert [(e["response"]["id"], e["response"]["status"]) for e in done] == [(ended, "cancelled"), (kept, "completed")]
        for event in done:
            tokens, outcome, _ = billed(house, event["entrepot"]["call"])
            assert tokens["out"] == event["response"]["usage"]["output_tokens"] and outcome == "complete"


def test_so_many_at_once_and_no_more(house):
    with session(house) as socket:
        for n in range(9):
            beside(socket, str(n), event_id=f"e{n}")
        error = until(socket, "error")[-1]["error"]
        assert error["event_id"] == "e8" and "8 responses" in error["message"], error
        for _ in range(8):
            until(socket, "response.done")
        beside(socket, "again")
        until(socket, "response.done")


def test_an_error_of_another_event_does_not_end_what_was_asked_for(tmp_path):
    """A source that is slow to begin, and meanwhile complains of something else."""
    made = Studio(tmp_path / "demo")
    made.source = Source(made.voice)
    made.start()
    with made.session() as socket:
        receive(socket)
        send(socket, "conversation.item.delete", item_id="nobody", event_id="other")
        send(socket, "response.create", event_id="mine", response={"instructions": "tardy"})
        events = until(socket, "response.done")
        (error,) = [event["error"] for event in events if event["type"] == "error"]
        assert error["event_id"] == "other" and events[-1]["response"]["status"] == "completed"
        send(socket, "response.create", response={"instructions": "tardy"})  # has no name: it gets one
        assert until(socket, "response.done")[-1]["response"]["status"] == "completed"
        assert made.source.heard[-1]["event_id"].startswith("entrepot_")
        send(socket, "response.create", event_id="entrepot_1")
        assert until(socket, "error")[-1]["error"]["param"] == "event_id"
        send(socket, "response.create", event_id="x" * 513)
        assert until(socket, "error")[-1]["error"]["param"] == "event_id"
    made.stop()
    made.source.close()


# ---- what ends in the middle of a session ------------------------------------------------------


def ask_or_error(socket, **response):
    """The last event of a response beside the conversation, or the error in its place."""
    send(socket, "response.create", event_id="more", response={"conversation": "none", "max_output_tokens": 10, **response})
    while (event := receive(socket))["type"] not in ("response.done", "error"):
        pass
    return event


def test_a_limit_refuses_a_response_and_the_session_goes_on(house):
    client = house.json("client", "list")[0]["id"]
    key = house.json("key", "add", "--client", client, "--product", "world")
    house.command("key", "limit", key["id"], "--requests", "3")
    with session(house, key["key"]) as socket:  # the opening is the first
        for _ in range(2):
            assert ask_or_error(socket)["type"] == "response.done"
        error = ask_or_error(socket)["error"]
        assert (error["code"], error["type"], error["event_id"]) == ("rate_limit_exceeded", "requests", "more"), error
        assert error["entrepot"]["limit"]["max"] == 3 and error["entrepot"]["retry"] == "after"
        send(socket, "input_audio_buffer.clear")
        until(socket, "input_audio_buffer.cleared")
        house.command("key", "limit", key["id"], "--requests", "none")
        assert ask_or_error(socket)["type"] == "response.done"


def test_credit_that_ends_refuses_the_next_response_and_the_session_goes_on(house):
    client = house.json("client", "add", "--name", "Spent", "--party", "first-client")["id"]
    house.command("credit", "purchase", "--client", client, "--amount", "0.005")
    key = house.json("key", "add", "--client", client, "--product", "world")["key"]
    with session(house, key) as socket:
        needed = ask_or_error(socket)["error"]["entrepot"]["needed"]  # of any: the conversation stays as it is
        house.command("credit", "purchase", "--client", client, "--amount", str(round(float(needed) - 0.005 + 0.00001, 9)))
        done = ask_or_error(socket)
        assert done["type"] == "response.done" and billed(house, done["entrepot"]["call"], key)[1] == "complete"
        error = ask_or_error(socket)["error"]
        assert (error["code"], error["type"], error["event_id"]) == ("insufficient_quota", "insufficient_quota", "more"), error
        assert float(error["entrepot"]["available"]) < float(needed) == float(error["entrepot"]["needed"])
        house.command("credit", "purchase", "--client", client, "--amount", "1")
        assert ask_or_error(socket)["response"]["status"] == "incomplete"
