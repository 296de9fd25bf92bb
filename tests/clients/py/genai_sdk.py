"""Google's SDK for Gemini, for Python."""

from google import genai
from google.genai import errors as failures
from google.genai import types

from scenarios import BASE, KEY, MODEL, NOTES, POOR, receipted, refused, run

HELLO = "Say something kind."
SCHEMA = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
TOOL = types.Tool(function_declarations=[types.FunctionDeclaration(name="read_notes", description="reads", parameters_json_schema=SCHEMA)])


def make(key=KEY, version="v1beta"):
    return genai.Client(api_key=key, http_options=types.HttpOptions(base_url=BASE.removesuffix("/v1"), api_version=version, timeout=30000))


client = make()


def ask(api=client, contents=HELLO, model=MODEL, **config):
    return api.models.generate_content(model=model, contents=contents, config=types.GenerateContentConfig(
        **{"max_output_tokens": 50, **config}))


def told(answer):
    usage = answer.usage_metadata
    receipted(f"call_{answer.response_id}", usage.prompt_token_count, usage.candidates_token_count + (usage.thoughts_token_count or 0))


def chat():
    for version in ("v1", "v1beta"):
        answer = ask(make(version=version), system_instruction="Be kind.")
        assert answer.text and answer.candidates[0].finish_reason == types.FinishReason.STOP
        told(answer)


def stream():
    chunks = list(client.models.generate_content_stream(model=MODEL, contents=HELLO, config={"max_output_tokens": 50}))
    assert "".join(chunk.text or "" for chunk in chunks)
    told(chunks[-1])


def helper():
    talk = client.chats.create(model=MODEL)
    assert talk.send_message(HELLO).text and talk.send_message("And again.").text


def tools():
    asked = types.Content(role="user", parts=[types.Part(text="What do the notes say?")])
    first = ask(contents=[asked], tools=[TOOL], max_output_tokens=None)
    call = first.function_calls[0]
    assert (call.name, call.args) == ("read_notes", {"name": "today"})
    result = types.Part(function_response=types.FunctionResponse(id=call.id, name=call.name, response={"output": "42"}))
    last = ask(contents=[asked, first.candidates[0].content, types.Content(role="user", parts=[result])], tools=[TOOL],
               max_output_tokens=None)
    assert last.text == NOTES


def count():
    counted = client.models.count_tokens(model=MODEL, contents=HELLO).total_tokens
    assert counted == ask().usage_metadata.prompt_token_count


def models():
    assert f"models/{MODEL}" in [model.name for model in client.models.list()]
    assert client.models.get(model=MODEL).input_token_limit > 0


def errors():
    error = refused(lambda: ask(model="none"), failures.ClientError, code=404, status="NOT_FOUND")
    assert "model" in error.message
    error = refused(lambda: ask(max_output_tokens=-1), failures.ClientError, code=400, status="INVALID_ARGUMENT")
    assert "generationConfig.maxOutputTokens" in str(error.details)
    refused(lambda: ask(make("sk-ep-wrong")), failures.ClientError, code=401, status="UNAUTHENTICATED")


def credit():
    error = refused(lambda: ask(make(POOR)), failures.ClientError, code=429, status="RESOURCE_EXHAUSTED")
    assert "credit" in error.message


def cut():
    refused(lambda: list(client.models.generate_content_stream(model=MODEL, contents=HELLO)), failures.APIError)


run([chat, stream, helper, tools, count, models, errors, credit, cut])
