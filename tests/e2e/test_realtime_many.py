"""Responses of one realtime session at once, and what ends in the middle of one: the sandbox is the source."""

import contextlib
import json
import signal
import socket

import pytest

websockets = pytest.importorskip("websockets")
from websockets.exceptions import ConnectionClosed  # noqa: E402
from websockets.sync.client import connect  # noqa: E402

from conftest import House, port_open, wait_for  # noqa: E402
from realtime_source import Source  # noqa: E402
from test_realtime import Studio, dollar, receive, send, until  # noqa: E402

TEXT = {"type": "realtime", "output_modalities": ["text"], "audio": {"input": {"turn_detection": None}}}
# A response lasts for more than a second: time for what is done while it is under way.
PACE = ("--pace-ms", "100", "--words", "12")
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


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    made = Studio(tmp_path_factory.mktemp("studio") / "demo")
    made.source = Source(made.voice)
    made.start()
    yield made
    made.source.close()
    finish(made)


@contextlib.contextmanager
def session(made, key=None):
    with connect(f"ws://127.0.0.1:{made.public}/v1/realtime?model=aurora-voice", compression=None, max_size=None,
                     additional_headers={"Authorization": f"Bearer {key or made.key}"}) as wire:
        receive(wire)
        send(wire, "session.update", session=TEXT)
        until(wire, "session.updated")
        yield wire


def beside(wire, topic, **more):
    send(wire, "response.create", response={"conversation": "none", "metadata": {"topic": topic}}, **more)


def billed(made, call, key=None):
    client = json.loads(made.request(f"/v1/receipts/{call}", key=key)[2])["client"]
    return {name: int(tokens) for name, tokens in client["billed"].items()}, client["outcome"], int(client["amount"])


def test_responses_beside_the_conversation_run_at_once_each_a_call_of_its_own(house):
    with session(house) as wire:
        send(wire, "response.create")
        for topic in ("a", "b", "c"):
            beside(wire, topic)
        events = []
        while sum(event["type"] == "response.done" for event in events) < 4:
            events.append(receive(wire))
        kinds = [event["type"] for event in events]
        assert kinds.count("response.created") == 4
        assert kinds[:kinds.index("response.done")].count("response.created") > 1
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
        send(wire, "response.create")
        again = until(wire, "response.done")[-1]["response"]["usage"]["input_tokens"]
        assert again == done[None]["response"]["usage"]["input_tokens"] + 3 + 12


def test_a_second_response_of_the_conversation_is_refused_as_openai_refuses_it(house):
    with session(house) as wire:
        send(wire, "response.create")
        first = until(wire, "response.created")[-1]["response"]["id"]
        send(wire, "response.create", event_id="second")
        told = until(wire, "error")[-1]
        assert told == {"type": "error", "event_id": told["event_id"], "error": {
            "type": "invalid_request_error", "code": "conversation_already_has_active_response",
            "message": f"Conversation already has an active response in progress: {first}. "
                       "Wait until the response is finished before creating a new one.",
            "param": None, "event_id": "second"}}
        assert until(wire, "response.done")[-1]["response"]["id"] == first


def test_one_of_several_is_cancelled_by_its_name(house):
    with session(house) as wire:
        send(wire, "response.create")
        kept = until(wire, "response.created")[-1]["response"]["id"]
        beside(wire, "dropped")
        ended = until(wire, "response.created")[-1]["response"]["id"]
        until(wire, "response.output_text.delta")
        send(wire, "response.cancel", response_id=ended)
        done = [until(wire, "response.done")[-1], until(wire, "response.done")[-1]]
        assert [(e["response"]["id"], e["response"]["status"]) for e in done] == [(ended, "cancelled"), (kept, "completed")]
        for event in done:
            tokens, outcome, _ = billed(house, event["entrepot"]["call"])
            assert tokens["out"] == event["response"]["usage"]["output_tokens"] and outcome == "complete"


def test_so_many_at_once_and_no_more(studio):
    with studio.session() as wire:
        receive(wire)
        for n in range(9):
            send(wire, "response.create", event_id=f"e{n}", response={"conversation": "none", "instructions": "long"})
        error = until(wire, "error")[-1]["error"]
        assert error["event_id"] == "e8" and "8 responses" in error["message"], error
        send(wire, "response.cancel")  # this source ends them all
        for _ in range(8):
            assert until(wire, "response.done")[-1]["response"]["status"] == "cancelled"
        send(wire, "response.create", response={"conversation": "none"})
        until(wire, "response.done")


def test_an_error_of_another_event_does_not_end_what_was_asked_for(studio):
    """A source that is slow to begin, and meanwhile complains of something else."""
    with studio.session() as wire:
        receive(wire)
        send(wire, "conversation.item.delete", item_id="nobody", event_id="other")
        send(wire, "response.create", event_id="mine", response={"instructions": "tardy"})
        events = until(wire, "response.done")
        (error,) = [event["error"] for event in events if event["type"] == "error"]
        assert error["event_id"] == "other" and events[-1]["response"]["status"] == "completed"
        send(wire, "response.create", response={"instructions": "tardy"})  # has no name: it gets one
        assert until(wire, "response.done")[-1]["response"]["status"] == "completed"
        assert studio.source.heard[-1]["event_id"].startswith("entrepot_")
        send(wire, "response.create", event_id="entrepot_1")
        assert until(wire, "error")[-1]["error"]["param"] == "event_id"
        send(wire, "response.create", event_id="x" * 513)
        assert until(wire, "error")[-1]["error"]["param"] == "event_id"


def test_what_nobody_buys_is_dropped_by_its_name_and_what_is_beside_it_goes_on(studio):
    with studio.session(key=dollar(studio)) as wire:
        receive(wire)
        send(wire, "response.create", response={"conversation": "none", "instructions": "long", "max_output_tokens": 100})
        mine = until(wire, "response.created")[-1]["response"]["id"]
        heard = len(studio.source.heard)
        send(wire, "input_audio_buffer.commit")  # the source answers by itself, and no cap makes that dear
        told = until(wire, "error")
        assert told[-1]["error"]["code"] == "budget_total"
        wait_for(lambda: "response.cancel" in studio.source.types()[heard:], "the cancellation")
        (cancel,) = [event for event in studio.source.heard[heard:] if event["type"] == "response.cancel"]
        assert cancel["response_id"] != mine and cancel["event_id"].startswith("entrepot_")
        told += until(wire, "response.output_text.delta")
        send(wire, "response.cancel", response_id=mine)
        told += until(wire, "response.done")
        assert {event["response_id"] for event in told if "response_id" in event} == {mine}
        assert told[-1]["response"]["id"] == mine and told[-1]["response"]["status"] == "cancelled"


# ---- what ends in the middle of a session ------------------------------------------------------


def ask_or_error(wire, **response):
    """The last event of a response beside the conversation, or the error in its place."""
    send(wire, "response.create", event_id="more", response={"conversation": "none", "max_output_tokens": 10, **response})
    while (event := receive(wire))["type"] not in ("response.done", "error"):
        pass
    return event


def test_a_limit_refuses_a_response_and_the_session_goes_on(house):
    client = house.json("client", "list")[0]["id"]
    key = house.json("key", "add", "--client", client, "--product", "world")
    house.command("key", "limit", key["id"], "--requests", "3")
    with session(house, key["key"]) as wire:  # the opening is the first
        for _ in range(2):
            assert ask_or_error(wire)["type"] == "response.done"
        error = ask_or_error(wire)["error"]
        assert (error["code"], error["type"], error["event_id"]) == ("rate_limit_exceeded", "requests", "more"), error
        assert error["entrepot"]["limit"]["max"] == 3 and error["entrepot"]["retry"] == "after"
        send(wire, "input_audio_buffer.clear")
        until(wire, "input_audio_buffer.cleared")
        house.command("key", "limit", key["id"], "--requests", "none")
        assert ask_or_error(wire)["type"] == "response.done"


def test_credit_that_ends_refuses_the_next_response_and_the_session_goes_on(house):
    client = house.json("client", "add", "--name", "Spent", "--party", "first-client")["id"]
    house.command("credit", "purchase", "--client", client, "--amount", "0.005")
    key = house.json("key", "add", "--client", client, "--product", "world")["key"]
    with session(house, key) as wire:
        needed = ask_or_error(wire)["error"]["entrepot"]["needed"]  # of any: the conversation stays as it is
        house.command("credit", "purchase", "--client", client, "--amount", str(round(float(needed) - 0.005 + 0.00001, 9)))
        done = ask_or_error(wire)
        assert done["type"] == "response.done" and billed(house, done["entrepot"]["call"], key)[1] == "complete"
        error = ask_or_error(wire)["error"]
        assert (error["code"], error["type"], error["event_id"]) == ("insufficient_quota", "insufficient_quota", "more"), error
        assert float(error["entrepot"]["available"]) < float(needed) == float(error["entrepot"]["needed"])
        house.command("credit", "purchase", "--client", client, "--amount", "1")
        assert ask_or_error(wire)["response"]["status"] == "incomplete"


def test_a_session_that_ends_takes_a_cancellation_and_says_of_all_else_that_it_is_late(tmp_path):
    made = Studio(tmp_path / "demo")
    made.source = Source(made.voice)
    made.start()
    with made.session() as wire:
        receive(wire)
        send(wire, "response.create", response={"instructions": "long"})
        until(wire, "response.output_text.delta")
        made.send(signal.SIGTERM)
        wait_for(lambda: not port_open(made.public), "the end of the listener")
        send(wire, "conversation.item.create", event_id="late", item={"type": "message", "role": "user", "content": []})
        error = until(wire, "error")[-1]["error"]
        assert error["event_id"] == "late" and "shutting down" in error["message"], error
        send(wire, "response.cancel")
        assert until(wire, "response.done")[-1]["response"]["status"] == "cancelled"
        with pytest.raises(ConnectionClosed) as closed:
            until(wire, "never")
        assert closed.value.rcvd.code == 1001
    assert "conversation.item.create" not in made.source.types()
    made.stop()
    made.source.close()


def test_a_source_that_neither_begins_nor_refuses_ends_the_session(tmp_path):
    made = Studio(tmp_path / "demo")
    made.source = Source(made.voice)
    made.conf.write_text(made.conf.read_text() + "\nlimits: {upstream_first_byte_ms: 2000}\n")
    made.start()
    with made.session() as wire:
        receive(wire)
        send(wire, "response.create", event_id="mine", response={"instructions": "silent"})
        send(wire, "response.create", response={"conversation": "none"})  # waits for the one before
        errors = [until(wire, "error")[-1]["error"] for _ in range(2)]
        assert errors[0]["event_id"] == "mine" and errors[0]["code"] == "upstream_timeout", errors
        with pytest.raises(ConnectionClosed) as closed:
            until(wire, "never")
        assert closed.value.rcvd.code == 1011 and "does not answer" in closed.value.rcvd.reason
    assert made.source.types().count("response.create") == 1 and not made.sold()
    made.stop()
    made.source.close()


def settled(made, count):
    wait_for(lambda: len(made.receipts()) == count, "the settlements")
    return [line["outcome"] for line in made.receipts()][:-1]  # the newest first, the opening last


def ask_for_three(wire, last):
    """The source works at three responses at once; what it does with the last of them. The events until all have begun."""
    receive(wire)
    for what in ("long", "long", last):
        send(wire, "response.create", response={"conversation": "none", "instructions": what})
    return [event for _ in range(3) for event in until(wire, "response.created")]


def test_a_source_that_dies_ends_all_that_it_had_under_way(tmp_path):
    made = Studio(tmp_path / "demo")
    made.source = Source(made.voice)
    made.start()
    with made.session() as wire:
        told = ask_for_three(wire, "die")
        with pytest.raises(ConnectionClosed) as closed:
            while True:
                told.append(receive(wire))
        assert closed.value.rcvd.code == 1001
    errors = [event["error"]["code"] for event in told if event["type"] == "error"]
    assert errors == ["upstream_cut"] * 3
    spoke = len({event["response_id"] for event in told if event["type"] == "response.output_text.delta"})
    assert sorted(settled(made, 4)) == ["failed"] * (3 - spoke) + ["interrupted"] * spoke
    made.source.close()
    finish(made)


def test_a_client_that_leaves_ends_all_that_it_had_under_way(tmp_path):
    made = Studio(tmp_path / "demo")
    made.source = Source(made.voice)
    made.start()
    with made.session() as wire:
        ask_for_three(wire, "long")
        spoke = set()
        while len(spoke) < 3:
            spoke.add(until(wire, "response.output_text.delta")[-1]["response_id"])
        wire.socket.shutdown(socket.SHUT_RDWR)
        assert settled(made, 4) == ["interrupted"] * 3
    made.source.close()
    finish(made)


def test_what_waits_is_not_asked_for_when_its_client_has_gone(tmp_path):
    """Of a source that bills on: what it was asked for is read to its end, and nothing more is bought there."""
    made = Studio(tmp_path / "demo", abort="continues")
    made.source = Source(made.voice)
    made.start()
    with made.session() as wire:
        receive(wire)
        send(wire, "response.create", response={"conversation": "none", "instructions": "long"})
        until(wire, "response.output_text.delta")
        send(wire, "response.create", response={"instructions": "held"})
        wait_for(lambda: made.source.types() == ["response.create"] * 2, "the second of them")
        held = made.credits()["held"]
        send(wire, "response.create", response={"conversation": "none"})
        wait_for(lambda: made.credits()["held"] > held, "the third's hold")
        wire.socket.shutdown(socket.SHUT_RDWR)  # which the server sees by what it writes of the first
        wait_for(lambda: len(made.receipts()) == 2, "the third's end")
        made.source.release.set()
        wait_for(lambda: len(made.receipts()) == 3, "the second's end")
    assert made.source.types() == ["response.create"] * 2
    made.source.close()
    finish(made)


@pytest.mark.parametrize("how", [socket.SHUT_WR, socket.SHUT_RDWR])
def test_a_client_that_has_half_gone_has_gone(house, how):
    log = house.folder / "server.log"
    with session(house) as client:
        beside(client, "long")
        until(client, "response.output_text.delta")
        before = log.read_text().count('"outcome":"interrupted"')
        client.socket.shutdown(how)
        wait_for(lambda: log.read_text().count('"outcome":"interrupted"') == before + 1, "the settlement")
