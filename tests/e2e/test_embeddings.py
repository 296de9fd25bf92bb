"""Embeddings: vectors as they were asked for, tokens counted here and reported there, and what is refused by its field."""

import base64
import json
import math
import struct

import pytest

from conftest import wait_for
from services_house import Services, reported_sha256
from test_batches import by_custom_id, content, end, line, post, sell_batches, upload

PATH = "/v1/embeddings"
ASK = {"model": "aurora-small", "input": "The quick brown fox jumps over the lazy dog."}
NANO_A_TOKEN = 150  # 0.15 a million


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    made = Services(tmp_path_factory.mktemp("embeddings") / "demo")
    sell_batches(made)
    made.upstreams_are()
    made.start()
    yield made
    made.stop()
    assert made.command("audit").returncode == 0


def floats(text):
    data = base64.b64decode(text)
    return list(struct.unpack(f"<{len(data) // 4}f", data))


def test_a_text_is_a_vector_and_its_tokens_are_paid_for(shop):
    answer, receipt = shop.sold(PATH, ASK)
    told = json.loads(answer)
    vector = told["data"][0]["embedding"]
    assert told["object"] == "list" and len(told["data"]) == 1 and abs(math.hypot(*vector) - 1) < 1e-6
    tokens = shop.count(ASK["input"], "--model", "aurora-small")["tokens"]
    assert told["usage"] == {"prompt_tokens": tokens, "total_tokens": tokens}
    assert receipt["service"] == "embeddings" and receipt["billed"] == {"in": str(tokens)}
    assert receipt["counted"] == {"in": str(tokens)} and receipt["counted_by"] == "exact"
    assert receipt["billed_by"] == "upstream" and int(receipt["amount"]) == tokens * NANO_A_TOKEN
    assert shop.told["route"].startswith("small-openai-embeddings-")
    assert shop.told["usage_sha256"] == reported_sha256(answer)


def test_vectors_come_as_they_were_asked_for(shop):
    plain = json.loads(shop.sold(PATH, {**ASK, "encoding_format": "float"})[0])["data"][0]["embedding"]
    packed = json.loads(shop.sold(PATH, {**ASK, "encoding_format": "base64"})[0])["data"][0]["embedding"]
    assert isinstance(packed, str) and floats(packed) == [struct.unpack("f", struct.pack("f", x))[0] for x in plain]
    short = json.loads(shop.sold(PATH, {**ASK, "dimensions": 16})[0])["data"][0]["embedding"]
    assert len(short) == 16


@pytest.mark.parametrize("given, count", [
    (["a river", "a road", "a river"], 3),
    ([17, 4, 99], 1),
    ([[17, 4], [1]], 2),
])
def test_lists_and_token_ids(shop, given, count):
    answer, receipt = shop.sold(PATH, {**ASK, "input": given})
    told = json.loads(answer)
    assert [item["index"] for item in told["data"]] == list(range(count))
    assert int(receipt["billed"]["in"]) == told["usage"]["prompt_tokens"]
    if isinstance(given[0], str):
        assert told["data"][0]["embedding"] == told["data"][2]["embedding"] != told["data"][1]["embedding"]
    else:
        assert receipt["counted"] == {"in": "3"} and receipt["counted_by"] == "exact"


@pytest.mark.parametrize("change, param, code", [
    ({"input": None}, "input", "missing_required_parameter"),
    ({"input": ""}, "input", "invalid_value"),
    ({"input": []}, "input", "invalid_value"),
    ({"input": ["a", 1]}, "input", "invalid_value"),
    ({"input": ["a", ""]}, "input", "invalid_value"),
    ({"input": [[1], []]}, "input", "invalid_value"),
    ({"input": [[1], ["a"]]}, "input", "invalid_value"),
    ({"input": [-1]}, "input", "invalid_value"),
    ({"input": [1.5]}, "input", "invalid_value"),
    ({"input": {"text": "a"}}, "input", "invalid_value"),
    ({"input": ["a"] * 2049}, "input", "invalid_value"),
    ({"encoding_format": "hex"}, "encoding_format", "invalid_value"),
    ({"encoding_format": 1}, "encoding_format", "invalid_value"),
    ({"dimensions": 0}, "dimensions", "invalid_value"),
    ({"dimensions": "8"}, "dimensions", "invalid_value"),
    ({"model": 7}, "model", "invalid_value"),
    ({"model": "aurora-large"}, "model", "model_not_supported"),
    ({"provider": 1}, "provider", "invalid_value"),
    ({"service_tier": "priority"}, "service_tier", "unsupported_parameter"),
])
def test_what_is_wrong_is_named_and_costs_nothing(shop, change, param, code):
    before = shop.credits()
    status, error = shop.refused(PATH, {**ASK, **change})
    assert status == 400 and error["param"] == param and error["code"] == code
    assert shop.credits() == before


def test_a_model_of_another_service_says_what_it_is_for(shop):
    status, error = shop.refused(PATH, {**ASK, "model": "aurora-large"})
    assert status == 400 and "is not served for embeddings. It is for: chat." in error["message"]
    models = {model["id"]: model for model in json.loads(shop.request("/v1/models")[2])["data"]}
    assert models["aurora-large"]["services"] == ["chat"]
    assert models["aurora-small"]["services"] == ["chat", "embeddings", "rerank", "images"]


def test_twice_the_same_member_and_no_json(shop):
    status, _, answer = shop.request(PATH, b'{"model": "aurora-small", "input": "a", "input": "b"}')
    assert status == 400 and json.loads(answer)["error"]["code"] == "duplicate_key"
    status, _, answer = shop.request(PATH, b'{"model": "aurora-small", "input": "a"')
    assert status == 400 and json.loads(answer)["error"]["code"] == "invalid_json"
    assert shop.request(PATH, method="GET")[0] == 405


def test_what_nobody_reports_is_billed_by_our_count(shop):
    shop.upstreams_are("--usage", "missing")
    tokens = shop.count(ASK["input"], "--model", "aurora-small")["tokens"]
    _, receipt = shop.sold(PATH, ASK)
    assert receipt["billed"] == {"in": str(tokens)} and receipt["billed_by"] == "counted"


def test_a_report_that_does_not_add_up_is_not_believed(shop):
    shop.upstreams_are("--usage", "odd")
    tokens = shop.count(ASK["input"], "--model", "aurora-small")["tokens"]
    _, receipt = shop.sold(PATH, ASK)
    assert receipt["billed"] == {"in": str(tokens)} and receipt["reported_flags"] == ["quarantined"]


def test_another_source_answers_for_one_that_fails(shop):
    shop.upstream(0)
    shop.stop_process("upstream1")
    for _ in range(3):
        shop.sold(PATH, ASK)
    shop.upstream(1, "--error-rate", "100", "--error-status", "503")
    shop.sold(PATH, ASK)
    shop.upstream(1)


def test_another_models_vectors_are_not_sold(shop):
    for at in range(2):
        shop.upstream(at, "--declare-model", "cheap-embedder")
    before = shop.credits()
    status, error = shop.refused(PATH, ASK)
    assert status == 502 and error["code"] == "upstream_model_mismatch"
    wait_for(lambda: float(shop.credits()["held"]) == 0, "the end of the hold")
    assert shop.credits()["available"] == before["available"]
    for at in range(2):
        shop.upstream(at)
        shop.command("route", "release", f"small-openai-embeddings-{at}", "--why", "a test's upstream", "--by", "ben")


def test_a_key_repeats_an_answer_and_pays_once(shop):
    first, receipt = shop.sold(PATH, ASK, **{"Idempotency-Key": "vectors-1"})
    before = shop.credits()
    status, headers, again = shop.request(PATH, ASK, headers={"Idempotency-Key": "vectors-1"})
    assert status == 200 and again == first and headers["x-entrepot-replayed"] == "true"
    assert shop.credits() == before
    status, _, answer = shop.request("/v1/chat/completions", {**ASK, "messages": [{"role": "user", "content": "x"}]},
                                     headers={"Idempotency-Key": "vectors-1"})
    assert status in (409, 422), answer


def test_preferences_and_usage(shop):
    only = {**ASK, "provider": {"only": ["borealis-cloud"]}}
    status, error = shop.refused(PATH, only)
    assert status == 404 and error["param"] == "provider.only"
    usage = json.loads(shop.request("/v1/usage")[2])
    assert "aurora-small" in json.dumps(usage)


def test_explained_by_service(shop):
    def rows(*more):
        return {row["route"]: row["why"] for row in shop.json("route", "explain", "--client", shop.client, "--model",
                                                              "aurora-small", *more)}
    assert rows()["small-rerank-0"] == "other_service"
    told = rows("--service", "embeddings")
    assert told["aurora-small-us"] == "other_service" and told["small-openai-embeddings-0"] in ("chosen", "worse")
    assert shop.command("route", "explain", "--client", shop.client, "--model", "aurora-small", "--service", "fax",
                        check=False).returncode != 0


def test_lines_of_a_batch_are_texts_to_embed(shop):
    def embed(name, **body):
        return {"custom_id": name, "method": "POST", "url": PATH, "body": {**ASK, **body}}

    before = float(shop.credits()["total_usage"])
    lines = [embed("one"), embed("two", input=["a river", "a road"], dimensions=16), line(0, custom_id="chat"),
             embed("stream", stream=True), embed("field", dimensions=-1), embed("model", model="aurora-large")]
    file = upload(shop, "\n".join(json.dumps(one) for one in lines).encode() + b"\n{no line\n")[1]
    status, batch = post(shop, "/v1/batches", {"input_file_id": file["id"], "endpoint": PATH, "completion_window": "24h"})
    assert status == 200 and batch["endpoint"] == PATH, batch
    done = end(shop, batch)
    assert done["status"] == "completed" and done["request_counts"] == {"total": 7, "completed": 2, "failed": 5}
    results = by_custom_id(content(shop, done["output_file_id"]))
    vectors = results["one"]["response"]["body"]["data"]
    assert len(vectors) == 1 and abs(math.hypot(*vectors[0]["embedding"]) - 1) < 1e-6
    assert [len(one["embedding"]) for one in results["two"]["response"]["body"]["data"]] == [16, 16]
    errors = content(shop, done["error_file_id"])
    bad = {one["error"]["line"]: one["error"] for one in errors if one["error"] is not None}
    assert {at: (one["code"], one["param"]) for at, one in bad.items()} == {
        3: ("invalid_url", "url"), 4: ("stream_not_supported", "stream"), 7: ("invalid_json_line", None)}
    refused = {one["custom_id"]: one["response"] for one in errors if one["error"] is None}
    assert refused["field"]["status_code"] == 400 and refused["field"]["body"]["error"]["param"] == "dimensions"
    assert refused["model"]["status_code"] == 400 and "is not served for embeddings" in refused["model"]["body"]["error"]["message"]
    amounts = 0
    for one in results.values():
        receipt = json.loads(shop.request(f"/v1/receipts/{one['response']['request_id']}")[2])["client"]
        assert receipt["service"] == "embeddings" and receipt["batch"] == batch["id"] and receipt["batch_percent"] == "50"
        assert int(receipt["amount"]) == int(receipt["billed"]["in"]) * NANO_A_TOKEN // 2
        amounts += int(receipt["amount"])
    assert abs(float(shop.credits()["total_usage"]) - before - amounts / 1e9) < 1e-9
