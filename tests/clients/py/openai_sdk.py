"""The official OpenAI SDK for Python."""

import json

import openai

from scenarios import BASE, HELLO, KEY, MODEL, NOTES, POOR, TASK, TOOL, receipted, refused, run, until

client = openai.OpenAI(base_url=BASE, api_key=KEY, timeout=30)


def ask(api=client, **more):
    return api.chat.completions.create(**{"model": MODEL, "messages": HELLO, "max_tokens": 50, **more})


def chat():
    answer = ask()
    assert answer.choices[0].message.content
    receipted(answer._request_id, answer.usage.prompt_tokens, answer.usage.completion_tokens)


def stream():
    chunks = list(ask(stream=True, stream_options={"include_usage": True}))
    assert any(chunk.choices and chunk.choices[0].finish_reason for chunk in chunks)
    assert chunks[-1].usage.total_tokens > 0


def helper():
    with client.chat.completions.stream(model=MODEL, messages=HELLO, max_tokens=50) as events:
        for _ in events:
            pass
        assert events.get_final_completion().choices[0].message.content


def tools():
    first = ask(messages=TASK, tools=[TOOL], max_tokens=openai.omit).choices[0].message
    assert json.loads(first.tool_calls[0].function.arguments) == {"name": "today"}
    result = {"role": "tool", "tool_call_id": first.tool_calls[0].id, "content": "42"}
    last = ask(messages=[*TASK, first, result], tools=[TOOL], max_tokens=openai.omit)
    assert last.choices[0].message.content == NOTES


def responses():
    answer = client.responses.create(model=MODEL, input="Say something kind.", max_output_tokens=50)
    assert answer.output_text and answer.status == "completed"
    receipted(answer._request_id, answer.usage.input_tokens, answer.usage.output_tokens)
    tool = {"type": "function", **TOOL["function"], "strict": False}
    with client.responses.stream(model=MODEL, input=TASK, tools=[tool]) as events:
        for _ in events:
            pass
        first = events.get_final_response()
    call = next(item for item in first.output if item.type == "function_call")
    assert json.loads(call.arguments) == {"name": "today"}
    result = {"type": "function_call_output", "call_id": call.call_id, "output": "42"}
    last = client.responses.create(model=MODEL, tools=[tool], input=[*TASK, *first.output, result])
    assert last.output_text == NOTES
    error = refused(lambda: client.responses.create(model=MODEL, input="x", store=True), openai.BadRequestError, param="store")
    assert "previous" in str(error) or "kept" in str(error)


def models():
    assert MODEL in [model.id for model in client.models.list()]
    assert client.models.retrieve(MODEL).id == MODEL


def errors():
    error = refused(lambda: ask(model="none"), openai.NotFoundError, code="model_not_found")
    assert error.request_id.startswith("call_")
    refused(lambda: ask(max_tokens=-1), openai.BadRequestError, param="max_tokens")
    refused(lambda: ask(client.with_options(api_key="sk-ep-wrong")), openai.AuthenticationError)
    refused(lambda: client.embeddings.create(model=MODEL, input="x"), openai.BadRequestError, code="model_not_supported")


def batches():
    asks = [{"custom_id": f"ask-{n}", "method": "POST", "url": "/v1/chat/completions",
             "body": {"model": MODEL if n else "none", "messages": HELLO, "max_tokens": 50}} for n in range(3)]
    file = client.files.create(file=("asks.jsonl", "".join(json.dumps(one) + "\n" for one in asks).encode()), purpose="batch")
    batch = client.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h")
    batch = until(lambda: client.batches.retrieve(batch.id), lambda one: one.status == "completed")
    assert (batch.request_counts.completed, batch.request_counts.failed) == (2, 1)
    results = [json.loads(one) for one in client.files.content(batch.output_file_id).text.splitlines()]
    assert {one["custom_id"] for one in results} == {"ask-1", "ask-2"}
    usage = results[0]["response"]["body"]["usage"]
    receipted(results[0]["response"]["request_id"], usage["prompt_tokens"], usage["completion_tokens"])
    error = json.loads(client.files.content(batch.error_file_id).text)
    assert error["custom_id"] == "ask-0" and error["response"]["body"]["error"]["code"] == "model_not_found"
    assert batch.id in [one.id for one in client.batches.list()] and client.files.delete(file.id).deleted
    refused(lambda: client.batches.cancel(batch.id), openai.ConflictError)


def credit():
    refused(lambda: ask(client.with_options(api_key=POOR)), openai.RateLimitError, code="insufficient_quota")


def cut():
    refused(lambda: list(ask(stream=True)), openai.APIError, code="upstream_cut")


run([chat, stream, helper, tools, responses, models, errors, batches, credit, cut])
