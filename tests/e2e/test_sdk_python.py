"""The official OpenAI SDK for Python, unchanged but for its base URL."""

import concurrent.futures
import time

import pytest

openai = pytest.importorskip("openai", reason="the openai package is not installed")

MODEL = "aurora-large"
HELLO = [{"role": "user", "content": "Say something kind."}]


@pytest.fixture(scope="module")
def client(house):
    return openai.OpenAI(base_url=house.base, api_key=house.key, max_retries=0, timeout=30)


def test_a_chat_is_answered_with_usage_and_a_call_id(client):
    raw = client.chat.completions.with_raw_response.create(model=MODEL, messages=HELLO, max_tokens=50)
    answer = raw.parse()
    assert answer.choices[0].message.content
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert raw.headers["x-entrepot-call"].startswith("call_")
    assert raw.headers["x-request-id"]


def test_a_stream_ends_with_a_finish_reason_and_no_unasked_usage(client):
    chunks = list(client.chat.completions.create(model=MODEL, messages=HELLO, max_tokens=50, stream=True))
    assert any(chunk.choices and chunk.choices[0].finish_reason for chunk in chunks)
    assert all(chunk.choices for chunk in chunks), "the usage chunk was not asked for"


def test_a_stream_carries_usage_when_it_is_asked_for(client):
    chunks = list(client.chat.completions.create(
        model=MODEL, messages=HELLO, max_tokens=50, stream=True, stream_options={"include_usage": True}))
    assert chunks[-1].choices == []
    assert chunks[-1].usage.total_tokens > 0


def test_the_stream_helper_accumulates_a_whole_answer(client):
    with client.chat.completions.stream(model=MODEL, messages=HELLO, max_tokens=50) as stream:
        for _ in stream:
            pass
        assert stream.get_final_completion().choices[0].message.content


def test_tools_are_called_in_both_forms(client):
    tools = [{"type": "function", "function": {
        "name": "weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}}]
    plain = client.chat.completions.create(model=MODEL, messages=HELLO, tools=tools)
    assert plain.choices[0].finish_reason == "tool_calls"
    assert plain.choices[0].message.tool_calls[0].function.name == "weather"
    with client.chat.completions.stream(model=MODEL, messages=HELLO, tools=tools) as stream:
        for _ in stream:
            pass
        assert stream.get_final_completion().choices[0].message.tool_calls[0].id


def test_a_wrong_key_is_an_authentication_error(house):
    wrong = openai.OpenAI(base_url=house.base, api_key="sk-ep-wrong", max_retries=0)
    with pytest.raises(openai.AuthenticationError):
        wrong.chat.completions.create(model=MODEL, messages=HELLO)


def test_an_unknown_model_names_near_ones(client):
    with pytest.raises(openai.NotFoundError) as error:
        client.chat.completions.create(model=MODEL + "x", messages=HELLO)
    assert error.value.code == "model_not_found"
    assert MODEL in str(error.value)


def test_a_wrong_type_is_a_bad_request_that_names_the_field(client):
    with pytest.raises(openai.BadRequestError) as error:
        client.chat.completions.create(model=MODEL, messages=HELLO, max_tokens=-5)
    assert error.value.param == "max_tokens"


def test_models_are_listed_with_prices(client):
    models = {model.id: model for model in client.models.list()}
    assert MODEL in models
    assert "pricing" in models[MODEL].model_extra
    assert client.models.retrieve(MODEL).id == MODEL


def test_twenty_calls_at_once_are_all_answered_and_charged_once_each(house, client):
    before = house.credits()["total_usage"]

    def one(number):
        stream = client.chat.completions.create(
            model=MODEL, max_tokens=40, stream=number % 2 == 0,
            messages=[{"role": "user", "content": f"Number {number}."}])
        return len(list(stream)) if number % 2 == 0 else len(stream.choices)

    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        assert all(count > 0 for count in pool.map(one, range(20)))
    assert float(house.credits()["total_usage"]) > float(before)


def test_a_timeout_of_the_client_leaves_the_books_in_order(house):
    house.upstream(0, "--first-token-ms", "3000")
    house.upstream(1, "--first-token-ms", "3000")
    try:
        hasty = openai.OpenAI(base_url=house.base, api_key=house.key, max_retries=0, timeout=0.5)
        with pytest.raises(openai.APITimeoutError):
            hasty.chat.completions.create(model=MODEL, messages=HELLO)
    finally:
        house.upstream(0)
        house.upstream(1)


def test_an_abort_in_mid_stream_ends_the_hold(house):
    house.upstream(0, "--pace-ms", "50", "--words", "200")
    house.upstream(1, "--pace-ms", "50", "--words", "200")
    try:
        client = openai.OpenAI(base_url=house.base, api_key=house.key, max_retries=0)
        stream = client.chat.completions.create(model=MODEL, messages=HELLO, stream=True)
        for count, _ in enumerate(stream):
            if count == 3:
                break
        stream.close()
        end = time.monotonic() + 20
        while house.credits()["held"] not in ("0", "0.00", 0) and time.monotonic() < end:
            time.sleep(0.05)
        assert float(house.credits()["held"]) == 0
    finally:
        house.upstream(0)
        house.upstream(1)
