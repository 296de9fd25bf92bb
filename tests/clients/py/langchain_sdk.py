"""LangChain's clients, for Python; the first argument says whose API: openai, anthropic or google."""

import sys

from langchain_core.messages import HumanMessage, ToolMessage

from scenarios import BASE, KEY, MODEL, NOTES, POOR, TOOL, refused, run

API = sys.argv.pop(1)
ROOT = BASE.removesuffix("/v1")
COMMON = {"model": MODEL, "api_key": KEY, "max_retries": 0, "max_tokens": 50}


def make(**more):
    settings = {**COMMON, **more}
    if API == "openai":
        from langchain_openai import ChatOpenAI
        return ChatOpenAI(base_url=BASE, **settings)
    if API == "anthropic":
        from langchain_anthropic import ChatAnthropic
        return ChatAnthropic(base_url=ROOT, **settings)
    from langchain_google_genai import ChatGoogleGenerativeAI
    return ChatGoogleGenerativeAI(base_url=ROOT, **{**settings, "max_retries": 1})  # it counts the first try


def failed(attempt, status, word):
    """Each of these libraries has errors of its own, with the status on them or on what they stand for."""
    error = refused(attempt, Exception)
    cause = error.__cause__ or error
    code = getattr(cause, "status_code", None) or getattr(cause, "code", None)
    assert code == status and word in str(error), f"{type(error)} {code} {error}"


def text(message):
    return message.content if isinstance(message.content, str) else "".join(
        part if isinstance(part, str) else part.get("text", "") for part in message.content)


def chat():
    answer = make().invoke("Say something kind.")
    assert text(answer) and answer.usage_metadata["total_tokens"] > 0


def stream():
    chunks = list(make(**({"stream_usage": True} if API == "openai" else {})).stream("Say something kind."))
    assert "".join(text(chunk) for chunk in chunks)
    assert sum((chunk.usage_metadata or {}).get("output_tokens", 0) for chunk in chunks) > 0


def tools():
    bound = make(max_tokens=500).bind_tools([TOOL])
    messages = [HumanMessage("What do the notes say?")]
    first = bound.invoke(messages)
    assert first.tool_calls[0]["args"] == {"name": "today"}
    messages += [first, ToolMessage("42", tool_call_id=first.tool_calls[0]["id"])]
    assert text(bound.invoke(messages)) == NOTES


def errors():
    failed(lambda: make(model="none").invoke("x"), 404, "model")
    failed(lambda: make(api_key="sk-ep-wrong").invoke("x"), 401, "not valid")


def credit():
    failed(lambda: make(api_key=POOR, max_retries=2).invoke("x"), 402 if API == "anthropic" else 429, "credit")


def cut():
    refused(lambda: list(make().stream("x")), Exception)


run([chat, stream, tools, errors, credit, cut])
