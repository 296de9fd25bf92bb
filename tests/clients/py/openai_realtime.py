"""The official OpenAI SDK for Python: realtime sessions, by WebSocket over TLS."""

import base64
import os

import openai
from websockets.exceptions import InvalidStatus

from scenarios import BASE, KEY, NOTES, POOR, TOOL, receipted, refused, run

client = openai.OpenAI(base_url=BASE, api_key=KEY, timeout=30)
VOICE = "aurora-voice"
TEXT = {"type": "realtime", "output_modalities": ["text"]}
SECOND = base64.b64encode(bytes(48000)).decode()


def until(session, kind):
    """The events to the first of that kind; an error that nobody waits for is one here."""
    events = []
    for event in session:
        assert event.type != "error" or kind == "error", event
        events.append(event)
        if event.type == kind:
            return events
    raise AssertionError(f"the session ended before {kind}")


def ask(session, text, **more):
    session.session.update(session={**TEXT, **more})
    session.conversation.item.create(item={"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]})
    session.response.create()
    return until(session, "response.done")


def paid(done):
    usage = done.response.usage
    receipted(done.model_extra["entrepot"]["call"], usage.input_tokens, usage.output_tokens)
    return usage


def chat():
    with client.realtime.connect(model=VOICE) as session:
        assert until(session, "session.created")[-1].session.model == VOICE
        events = ask(session, "Say something kind.")
        words = "".join(event.delta for event in events if event.type == "response.output_text.delta")
        done = events[-1].response
        assert done.status == "completed" and done.output[0].content[0].text == words != ""
        first = paid(events[-1])
        session.response.create()
        assert paid(until(session, "response.done")[-1]).input_tokens > first.input_tokens  # all of it is read again


def stream():
    """Said aloud: its sound, with its text."""
    with client.realtime.connect(model=VOICE) as session:
        session.response.create()
        events = until(session, "response.done")
        sound = sum(len(base64.b64decode(event.delta)) for event in events if event.type == "response.output_audio.delta")
        said = "".join(event.delta for event in events if event.type == "response.output_audio_transcript.delta")
        usage = paid(events[-1])
        assert said and sound == 2880 * len(said) and usage.output_token_details.audio_tokens == sound // 2400


def tools():
    with client.realtime.connect(model=VOICE) as session:
        tool = {"type": "function", **TOOL["function"]}
        events = ask(session, "What do the notes say?", tools=[tool])
        arguments = "".join(event.delta for event in events if event.type == "response.function_call_arguments.delta")
        call, = events[-1].response.output
        assert (call.type, call.name, call.arguments) == ("function_call", "read_notes", arguments)
        paid(events[-1])
        session.conversation.item.create(item={"type": "function_call_output", "call_id": call.call_id, "output": "42"})
        session.response.create()
        done = until(session, "response.done")[-1]
        assert done.response.output[0].content[0].text == NOTES
        paid(done)


def heard():
    with client.realtime.connect(model=VOICE) as session:
        listens = {"input": {"turn_detection": None, "transcription": {"model": "gpt-4o-transcribe"}}}
        session.session.update(session={**TEXT, "audio": listens})
        session.input_audio_buffer.append(audio=SECOND)
        session.input_audio_buffer.commit()
        done = until(session, "conversation.item.input_audio_transcription.completed")[-1]
        assert done.transcript == "This recording has 1000 ms of sound."
        receipted(done.model_extra["entrepot"]["call"], 10, done.usage.output_tokens)
        session.response.create()
        assert paid(until(session, "response.done")[-1]).input_token_details.audio_tokens == 10


def beside():
    """A response beside the conversation leaves nothing in it."""
    with client.realtime.connect(model=VOICE) as session:
        first = paid(ask(session, "Say something kind.")[-1]).input_tokens
        session.response.create(response={"conversation": "none", "output_modalities": ["text"], "metadata": {"topic": "kind"}})
        done = until(session, "response.done")[-1]
        assert done.response.conversation_id is None and done.response.metadata == {"topic": "kind"}
        assert paid(done).input_tokens > first


def errors():
    with client.realtime.connect(model=VOICE) as session:
        for event, code in (({"type": "response.erase"}, "invalid_value"), ({"type": "response.cancel"}, "response_cancel_not_active"),
                            ({"type": "input_audio_buffer.commit"}, "input_audio_buffer_commit_empty")):
            session.send({**event, "event_id": "mine"})
            error = until(session, "error")[-1].error
            assert (error.type, error.code, error.event_id) == ("invalid_request_error", code, "mine"), error
        ask(session, "Say something kind.")


def opened(key, **more):
    with openai.OpenAI(base_url=BASE, api_key=key).realtime.connect(**more):
        raise AssertionError("opened")


def unserved():
    for status, key, model in ((401, "sk-nobody", VOICE), (429, POOR, VOICE), (404, KEY, "nobody"), (400, KEY, "aurora-large")):
        error = refused(lambda: opened(key, model=model), InvalidStatus)
        assert error.response.status_code == status, (status, error.response)


assert os.environ["SSL_CERT_FILE"] and BASE.startswith("https:")
run([chat, stream, tools, heard, beside, errors, unserved])
