"""Gemini's embedContent and batchEmbedContents from sources that speak OpenAI's embeddings."""

import json

import pytest

from services_house import Services
from test_gemini import field

MODEL = "aurora-small"
TEXT = "The quick brown fox jumps over the lazy dog."


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    made = Services(tmp_path_factory.mktemp("embed") / "demo")
    made.upstreams_are()
    made.start()
    yield made
    made.stop()
    assert made.command("audit").returncode == 0


def path(verb, model=MODEL, root="/v1beta"):
    return f"{root}/models/{model}:{verb}"


def content(text):
    return {"content": {"parts": [{"text": text}]}}


@pytest.mark.parametrize("root", ["/v1", "/v1beta"])
def test_a_text_is_a_vector_as_openais_clients_get_it(shop, root):
    want = json.loads(shop.sold("/v1/embeddings", {"model": MODEL, "input": TEXT})[0])["data"][0]["embedding"]
    answer, receipt = shop.sold(path("embedContent", root=root), {"model": f"models/{MODEL}", **content(TEXT)})
    assert json.loads(answer) == {"embedding": {"values": want}}
    tokens = shop.count(TEXT, "--model", MODEL)["tokens"]
    assert receipt["service"] == "embeddings" and receipt["billed"] == {"in": str(tokens)}


def test_several_texts_come_in_their_order_and_of_the_size_that_was_asked_for(shop):
    texts = ["a river", "a road", "a river"]
    ask = {"requests": [{**content(text), "outputDimensionality": 16, "taskType": "RETRIEVAL_QUERY"} for text in texts]}
    status, headers, text = shop.request(path("batchEmbedContents"), ask)
    vectors = [one["values"] for one in json.loads(text)["embeddings"]]
    assert status == 200 and [len(vector) for vector in vectors] == [16, 16, 16]
    assert vectors[0] == vectors[2] != vectors[1] and headers["x-entrepot-lost"] == "task_type"


@pytest.mark.parametrize("verb, body, status, name", [
    ("embedContent", {"input": "x"}, 400, "input"), ("embedContent", {}, 400, "content"),
    ("batchEmbedContents", {"requests": []}, 400, "requests"),
    ("batchEmbedContents", {"requests": [content("a"), {"content": {"parts": [{"inlineData": {}}]}}]}, 400, "requests[1].content.parts[0]"),
    ("embedContent", b"{", 400, None)])
def test_what_is_none_is_refused_by_its_field_before_anything_is_held(shop, verb, body, status, name):
    before = shop.credits()
    got, _, text = shop.request(path(verb), body)
    assert got == status and json.loads(text)["error"]["status"] == "INVALID_ARGUMENT" and field(text) == name, text
    assert shop.credits() == before


def test_a_model_says_what_it_is_for_and_is_refused_for_the_rest(shop):
    status, _, text = shop.request(path("embedContent", "aurora-large"), content(TEXT))
    assert status == 400 and field(text) == "model" and "is not served for embeddings" in json.loads(text)["error"]["message"]
    models = {one["name"]: one["supportedGenerationMethods"] for one in json.loads(shop.request("/v1beta/models")[2])["models"]}
    assert {"embedContent", "batchEmbedContents", "generateContent"} <= set(models["models/aurora-small"])
    assert models["models/aurora-large"] == ["generateContent", "streamGenerateContent", "countTokens"]
