"""LangChain's client for OpenAI, for Python."""

import openai
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_openai import ChatOpenAI

from scenarios import BASE, KEY, MODEL, NOTES, POOR, TOOL, refused, run


def make(**more):
    return ChatOpenAI(**{"model": MODEL, "base_url": BASE, "api_key": KEY, "max_retries": 0, "max_tokens": 50, **more})


def chat():
    answer = make().invoke("Say something kind.")
    assert answer.content and answer.usage_metadata["total_tokens"] > 0


def stream():
    chunks = list(make(stream_usage=True).stream("Say something kind."))
    assert "".join(chunk.content for chunk in chunks)
    assert sum((chunk.usage_metadata or {}).get("output_tokens", 0) for chunk in chunks) > 0


def tools():
    bound = make(max_tokens=None).bind_tools([TOOL])
    messages = [HumanMessage("What do the notes say?")]
    first = bound.invoke(messages)
    assert first.tool_calls[0]["args"] == {"name": "today"}
    messages += [first, ToolMessage("42", tool_call_id=first.tool_calls[0]["id"])]
    assert bound.invoke(messages).content == NOTES


def errors():
    refused(lambda: make(model="none").invoke("x"), openai.NotFoundError, code="model_not_found")
    refused(lambda: make(api_key="sk-ep-wrong").invoke("x"), openai.AuthenticationError)


def credit():
    refused(lambda: make(api_key=POOR, max_retries=2).invoke("x"), openai.RateLimitError, code="insufficient_quota")


def cut():
    refused(lambda: list(make().stream("x")), openai.APIError, code="upstream_cut")


run([chat, stream, tools, errors, credit, cut])
