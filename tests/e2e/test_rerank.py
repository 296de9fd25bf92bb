"""Rerank: an order of documents, billed by the search unit or by tokens, as the price list has it."""

import json
import time
import zipfile

import pytest

from conftest import wait_for
from services_house import Services, reported_sha256

PATH = "/v2/rerank"
DOCUMENTS = ["a dog sleeps", "the red fox runs over the hill", {"text": "a fox"}]
ASK = {"model": "aurora-small", "query": "where does the red fox run?", "documents": DOCUMENTS}
UNIT = 2_000_000  # nano: 0.002


class Tokens(Services):
    extra = 'per_image: "0.04"'


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    made = Services(tmp_path_factory.mktemp("rerank") / "demo")
    made.upstreams_are()
    made.start()
    yield made
    made.stop()
    assert made.command("audit").returncode == 0


@pytest.fixture(scope="module")
def by_tokens(tmp_path_factory):
    made = Tokens(tmp_path_factory.mktemp("tokens") / "demo")
    made.upstreams_are("--rerank", "jina")
    made.start()
    yield made
    made.stop()
    assert made.command("audit").returncode == 0


@pytest.mark.parametrize("path", ["/v1/rerank", "/v2/rerank", "/api/v1/rerank"])
def test_an_order_by_the_search_unit(shop, path):
    shop.upstreams_are()
    answer, receipt = shop.sold(path, ASK)
    told = json.loads(answer)
    assert [row["index"] for row in told["results"]][0] == 1
    assert told["meta"] == {"billed_units": {"search_units": 1}}
    assert shop.told["usage_sha256"] == reported_sha256(answer, b"usage" if "usage" in told else b"billed_units")
    assert receipt["service"] == "rerank" and receipt["units"] == {"search_unit": "1"}
    assert int(receipt["amount"]) == UNIT + sum(int(n) for n in receipt["billed"].values()) * 150


def test_more_documents_are_more_units_and_top_n_is_no_discount(shop):
    shop.upstreams_are()
    many = {**ASK, "documents": [f"document {i}" for i in range(201)], "top_n": 2}
    answer, receipt = shop.sold(PATH, many)
    assert len(json.loads(answer)["results"]) == 2
    assert receipt["units"] == {"search_unit": "3"}


def test_units_that_nobody_told_or_can_be_are_ours(shop):
    shop.upstreams_are("--usage", "missing")
    _, receipt = shop.sold(PATH, ASK)
    assert receipt["units"] == {"search_unit": "1"}
    shop.upstreams_are("--usage", "inflated", "--inflate", "900")
    _, receipt = shop.sold(PATH, ASK)
    assert receipt["units"] == {"search_unit": "1"}  # three short documents are no ten units
    shop.upstreams_are()


def test_a_pack_of_evidence_sums_them(shop):
    pack, month, figures = shop.folder / "pack.zip", time.strftime("%Y-%m", time.gmtime()), {}

    def made():  # of what the log has published
        pack.unlink(missing_ok=True)
        shop.command("evidence", "--client", shop.client, "--period", month, "-o", str(pack))
        with zipfile.ZipFile(pack) as files:
            figures.update(json.loads(files.read("figures.json")))
        return "units" in figures

    wait_for(made, "a pack with the calls")
    row = figures["units"][0]
    assert (row["model"], row["unit"]) == ("aurora-small", "search_unit") and int(row["pieces"]) >= int(row["calls"]) > 0


def test_by_tokens_as_they_are_told(by_tokens):
    answer, receipt = by_tokens.sold("/v1/rerank", ASK)
    told = json.loads(answer)
    assert told["model"] == "aurora-small" and "meta" not in told
    assert receipt["billed"] == {"in": str(told["usage"]["total_tokens"])} and receipt["billed_by"] == "upstream"
    assert int(receipt["amount"]) == told["usage"]["total_tokens"] * 150


def test_by_tokens_that_nobody_told(by_tokens):
    by_tokens.upstreams_are("--rerank", "jina", "--usage", "missing")
    _, receipt = by_tokens.sold("/v1/rerank", ASK)
    tokens = sum(by_tokens.count(text if isinstance(text, str) else text["text"], "--model", "aurora-small")["tokens"]
                 for text in DOCUMENTS)
    assert receipt["billed"] == {"in": str(tokens)} and receipt["billed_by"] == "estimate"
    by_tokens.upstreams_are("--rerank", "jina")


def test_a_query_that_is_read_with_each_document_is_held_for(by_tokens):
    client = by_tokens.json("client", "add", "--name", "Poor", "--party", "first-client")["id"]
    key = by_tokens.json("key", "add", "--client", client, "--product", "world")["key"]
    by_tokens.command("credit", "purchase", "--client", client, "--amount", "0.001")
    body = {**ASK, "query": "red fox " * 500, "documents": ["a fox"] * 50}  # 50,000 tokens, of which 100 are the documents'
    status, _, answer = by_tokens.request(PATH, body, key=key)
    assert status == 429 and json.loads(answer)["error"]["code"] == "insufficient_quota", answer
    assert by_tokens.request(PATH, ASK, key=key)[0] == 200


def test_another_models_order_is_not_sold(by_tokens):
    by_tokens.upstreams_are("--rerank", "jina", "--declare-model", "cheap-ranker")
    status, error = by_tokens.refused(PATH, ASK)
    assert status == 502 and error["code"] == "upstream_model_mismatch"


@pytest.mark.parametrize("change, param, code", [
    ({"query": None}, "query", "missing_required_parameter"),
    ({"query": ""}, "query", "invalid_value"),
    ({"query": ["a"]}, "query", "invalid_value"),
    ({"documents": None}, "documents", "missing_required_parameter"),
    ({"documents": []}, "documents", "invalid_value"),
    ({"documents": "a"}, "documents", "invalid_value"),
    ({"documents": ["a", ""]}, "documents", "invalid_value"),
    ({"documents": [{"title": "a"}]}, "documents", "invalid_value"),
    ({"documents": ["a", 1]}, "documents", "invalid_value"),
    ({"documents": ["a"] * 10001}, "documents", "invalid_value"),
    ({"top_n": 0}, "top_n", "invalid_value"),
    ({"max_tokens_per_doc": "many"}, "max_tokens_per_doc", "invalid_value"),
    ({"max_chunks_per_doc": -1}, "max_chunks_per_doc", "invalid_value"),
    ({"return_documents": 1}, "return_documents", "invalid_value"),
    ({"model": "aurora-large"}, "model", "model_not_supported"),
])
def test_what_is_wrong_is_named_and_costs_nothing(shop, change, param, code):
    before = shop.credits()
    status, error = shop.refused(PATH, {**ASK, **change})
    assert status == 400 and error["param"] == param and error["code"] == code
    assert shop.credits() == before
