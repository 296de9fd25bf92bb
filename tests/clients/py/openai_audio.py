"""The official OpenAI SDK for Python: speech and transcriptions."""

import io
import wave

import openai

from scenarios import BASE, KEY, refused, run

client = openai.OpenAI(base_url=BASE, api_key=KEY, timeout=30)
MODEL = "aurora-small"


def recording(seconds):
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(8000)
        out.writeframes(b"\0\1" * 8000 * seconds)
    return ("speech.wav", file.getvalue())


def hear(**more):
    return client.audio.transcriptions.create(model=MODEL, file=recording(3), **more)


def transcription():
    answer = hear(language="en", prompt="names: Ana", temperature=0.2, timestamp_granularities=["word", "segment"])
    assert answer.text == "This recording has 3000 ms of sound."
    assert answer.usage.type == "tokens" and answer.usage.input_token_details.audio_tokens == 30


def formats():
    assert hear(response_format="text") == "This recording has 3000 ms of sound.\n"
    assert hear(response_format="vtt").startswith("WEBVTT")
    answer = hear(response_format="verbose_json")
    assert float(answer.duration) == 3 and answer.usage.seconds == 3


def streamed():
    events = list(hear(stream=True))
    assert "".join(event.delta for event in events[:-1]) == events[-1].text == "This recording has 3000 ms of sound."
    assert events[-1].type == "transcript.text.done" and events[-1].usage.input_tokens == 30


def translation():
    answer = client.audio.translations.create(model=MODEL, file=recording(3), prompt="names: Ana", temperature=0.2)
    assert answer.text == "This recording has 3000 ms of sound."
    answer = client.audio.translations.create(model=MODEL, file=recording(3), response_format="verbose_json")
    assert float(answer.duration) == 3 and answer.task == "translate"
    assert client.audio.translations.create(model=MODEL, file=recording(3), response_format="srt").startswith("1\n00:00:00,000")


def large():
    answer = client.audio.transcriptions.create(model=MODEL, file=recording(1000))
    assert answer.text == "This recording has 1000000 ms of sound."


def no_recording():
    error = refused(lambda: client.audio.transcriptions.create(model=MODEL, file=("a.txt", b"not a recording")), openai.BadRequestError)
    assert "could not be decoded" in str(error)


def unserved():
    refused(lambda: client.audio.transcriptions.create(model="aurora-large", file=recording(1)), openai.BadRequestError,
            code="model_not_supported", param="model")


def nobody():
    stranger = openai.OpenAI(base_url=BASE, api_key="sk-nobody", timeout=30)
    refused(lambda: stranger.audio.transcriptions.create(model=MODEL, file=recording(1000)), openai.AuthenticationError,
            code="invalid_api_key")


def speech():
    answer = client.audio.speech.create(model=MODEL, input="Good morning.", voice="alloy", response_format="wav")
    with wave.open(io.BytesIO(answer.content)) as file:
        assert file.getnframes() == 13 * 1440


def speech_streamed():
    with client.audio.speech.with_streaming_response.create(model=MODEL, input="a" * 200, voice="alloy",
                                                            response_format="pcm") as answer:
        pieces = list(answer.iter_bytes(4096))
    assert sum(map(len, pieces)) == 12 * 48000 and len(pieces) > 10


def refused_speech():
    refused(lambda: client.audio.speech.create(model=MODEL, input="", voice="alloy"), openai.BadRequestError, param="input")


run([transcription, formats, streamed, translation, large, no_recording, unserved, nobody, speech, speech_streamed, refused_speech])
