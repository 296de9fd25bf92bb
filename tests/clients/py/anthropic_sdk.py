"""The official Anthropic SDK for Python."""

import anthropic

from scenarios import BASE, HELLO, KEY, MODEL, NOTES, POOR, TASK, receipted, refused, run, until

client = anthropic.Anthropic(base_url=BASE.removesuffix("/v1"), api_key=KEY, timeout=30)
TOOL = {"name": "read_notes", "description": "reads", "input_schema": {
    "type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}}


def ask(api=client, **more):
    return api.messages.create(**{"model": MODEL, "messages": HELLO, "max_tokens": 50, **more})


def told(message):
    usage = message.usage
    receipted(message.id.replace("msg_", "call_"),
              usage.input_tokens + usage.cache_read_input_tokens + usage.cache_creation_input_tokens, usage.output_tokens)


def chat():
    message = ask(system="Be kind.")
    assert message.content[0].text and message.stop_reason == "end_turn" and message._request_id.startswith("call_")
    told(message)


def stream():
    events = list(ask(stream=True))
    assert [events[0].type, events[-1].type] == ["message_start", "message_stop"]


def helper():
    with client.messages.stream(model=MODEL, messages=HELLO, max_tokens=50) as events:
        text = "".join(events.text_stream)
        message = events.get_final_message()
    assert text == message.content[0].text != ""
    told(message)


def tools():
    first = ask(messages=TASK, tools=[TOOL], max_tokens=500)
    call = next(block for block in first.content if block.type == "tool_use")
    assert first.stop_reason == "tool_use" and call.input == {"name": "today"}
    results = [{"type": "tool_result", "tool_use_id": call.id, "content": "42"}]
    with client.messages.stream(model=MODEL, max_tokens=500, tools=[TOOL], messages=[
            *TASK, {"role": "assistant", "content": first.content}, {"role": "user", "content": results}]) as events:
        assert events.get_final_message().content[0].text == NOTES


def count():
    counted = client.messages.count_tokens(model=MODEL, messages=HELLO, system="Be kind.").input_tokens
    assert counted == ask(system="Be kind.").usage.input_tokens


def models():
    assert MODEL in [model.id for model in client.models.list()]
    assert client.models.retrieve(MODEL).id == MODEL


def errors():
    error = refused(lambda: ask(model="none"), anthropic.NotFoundError)
    assert error.request_id.startswith("call_") and error.body["error"]["type"] == "not_found_error"
    error = refused(lambda: ask(max_tokens=-1), anthropic.BadRequestError)
    assert "max_tokens" in error.message
    refused(lambda: ask(client.with_options(api_key="sk-ep-wrong")), anthropic.AuthenticationError)


def batches():
    params = {"model": MODEL, "max_tokens": 50, "messages": HELLO}
    batch = client.messages.batches.create(requests=[{"custom_id": f"ask-{n}", "params": params} for n in range(2)]
                                           + [{"custom_id": "bad", "params": {**params, "model": "none"}}])
    batch = until(lambda: client.messages.batches.retrieve(batch.id), lambda one: one.processing_status == "ended")
    assert (batch.request_counts.succeeded, batch.request_counts.errored) == (2, 1)
    results = {one.custom_id: one.result for one in client.messages.batches.results(batch.id)}
    assert {name: one.type for name, one in results.items()} == {"ask-0": "succeeded", "ask-1": "succeeded", "bad": "errored"}
    assert results["ask-0"].message.content[0].text and results["bad"].error.error.type == "not_found_error"
    assert batch.id in [one.id for one in client.messages.batches.list()]
    assert client.messages.batches.delete(batch.id).type == "message_batch_deleted"


def credit():
    error = refused(lambda: ask(client.with_options(api_key=POOR)), anthropic.APIStatusError, status_code=402)
    assert error.body["error"]["type"] == "billing_error"


def cut():
    refused(lambda: list(ask(stream=True)), anthropic.APIError)


run([chat, stream, helper, tools, count, models, errors, batches, credit, cut])
