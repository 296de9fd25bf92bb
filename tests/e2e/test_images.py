"""Images: by the picture of its size and quality or by tokens, whole and streamed, and what is refused by its field."""

import base64
import http.server
import json
import struct
import threading
import urllib.request
import zlib

import pytest

from conftest import wait_for
from services_house import Services, reported_sha256

PATH = "/v1/images/generations"
ASK = {"model": "aurora-small", "prompt": "A red fox at dusk.", "size": "1024x1024", "quality": "low"}
ANY, LARGE, HIGH, BOTH = 40_000_000, 60_000_000, 90_000_000, 167_000_000  # nano


class Pictures(Services):
    extra = ('per_image: "0.04", images: {1536x1024: "0.06", high: "0.09", 1024x1024/high: "0.167"}')


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    made = Pictures(tmp_path_factory.mktemp("images") / "demo")
    made.upstreams_are()
    made.start()
    yield made
    made.stop()
    assert made.command("audit").returncode == 0


def is_png(data):
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, kinds = 8, []
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at:at + 8])
        assert zlib.crc32(data[at + 4:at + 8 + size]) == struct.unpack(">I", data[at + 8 + size:at + 12 + size])[0]
        kinds.append(kind)
        at += 12 + size
    return kinds == [b"IHDR", b"IDAT", b"IEND"]


def tokens(receipt):
    return int(receipt["billed"]["in"]) * 150 + int(receipt["billed"]["out"]) * 600


@pytest.mark.parametrize("size, quality, price", [
    ("1024x1024", "low", ANY), ("1536x1024", "low", LARGE), ("512x512", "high", HIGH), ("1024x1024", "high", BOTH),
    ("1536x1024", "high", LARGE),
])
def test_a_picture_costs_what_its_kind_does(shop, size, quality, price):
    answer, receipt = shop.sold(PATH, {**ASK, "size": size, "quality": quality, "n": 2})
    told = json.loads(answer)
    assert len(told["data"]) == 2 and all(is_png(base64.b64decode(item["b64_json"])) for item in told["data"])
    assert receipt["service"] == "images" and receipt["units"] == {"image": "2"}
    assert receipt["billed"]["out"] == str(2 * 272) and receipt["billed_by"] == "upstream"
    assert shop.told["usage_sha256"] == reported_sha256(answer)
    assert int(receipt["amount"]) == 2 * price + tokens(receipt)


def test_what_the_source_chose_is_what_it_costs(shop):
    shop.upstreams_are()
    _, receipt = shop.sold(PATH, {"model": "aurora-small", "prompt": "A fox.", "size": "auto", "quality": "high"})
    assert int(receipt["amount"]) == BOTH + tokens(receipt)  # the sandbox makes 1024x1024
    assert int(shop.told["held"]) >= BOTH


@pytest.mark.parametrize("partial", [0, 2])
def test_a_stream_of_pictures(shop, partial):
    answer, receipt = shop.sold(PATH, {**ASK, "stream": True, "partial_images": partial})
    events = [block.split("\n") for block in answer.decode().split("\n\n") if block]
    assert [lines[0] for lines in events] == (["event: image_generation.partial_image"] * partial +
                                              ["event: image_generation.completed"])
    last = json.loads(events[-1][1][6:])
    assert is_png(base64.b64decode(last["b64_json"]))
    assert receipt["units"] == {"image": "1"} and receipt["outcome"] == "complete"
    assert receipt["billed"]["out"] == str(last["usage"]["output_tokens"])
    assert shop.told["usage_sha256"] == reported_sha256(answer)
    assert int(receipt["amount"]) == ANY + tokens(receipt)


def test_a_stream_that_breaks_off_has_no_picture(shop):
    shop.upstreams_are("--cut-after", "1")
    request = urllib.request.Request(shop.base + PATH[3:], data=json.dumps({**ASK, "stream": True, "partial_images": 2}).encode(),
                                     headers={"Authorization": f"Bearer {shop.key}", "Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as told:
        call, text = told.headers["x-entrepot-call"], told.read().decode()
    shop.upstreams_are()
    assert "partial_image" in text and "event: error\ndata: {" in text and "completed" not in text
    wait_for(lambda: float(shop.credits()["held"]) == 0, "the end of the hold")
    receipt = shop.json("receipt", "show", call)["client"]
    assert receipt["outcome"] == "interrupted" and "units" not in receipt
    assert int(receipt["amount"]) <= 50 * 150  # its prompt at most


class Teller(http.server.BaseHTTPRequestHandler):
    """A source of streams: events as they stand in `said`, each by itself."""

    said = []

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        for data in self.said:
            self.wfile.write(f"data: {data if isinstance(data, str) else json.dumps(data)}\n\n".encode())

    def log_message(self, *_):
        pass


@pytest.mark.parametrize("after, outcome", [([], "complete"), (["[DONE]"], "complete"), ([{"error": {"message": "no"}}], "interrupted")])
def test_a_picture_is_sold_where_it_has_left(shop, after, outcome):
    partial = {"type": "image_generation.partial_image", "b64_json": "QUJD"}
    Teller.said = [partial, {"type": "image_generation.completed", "b64_json": "QUJD", "size": "1024x1024", "quality": "low"}, *after]
    for at in range(2):
        shop.stop_process(f"upstream{at}")
    tellers = [http.server.ThreadingHTTPServer(("127.0.0.1", port), Teller) for port in shop.upstreams]
    for teller in tellers:
        threading.Thread(target=teller.serve_forever, daemon=True).start()
    try:
        status, headers, body = shop.request(PATH, {**ASK, "stream": True, "partial_images": 1})
    finally:
        for teller in tellers:
            teller.shutdown()
            teller.server_close()
        shop.upstreams_are()
    assert status == 200 and (b"completed" in body) == (outcome == "complete"), body
    wait_for(lambda: float(shop.credits()["held"]) == 0, "the end of the hold")
    receipt = shop.json("receipt", "show", headers["x-entrepot-call"])["client"]
    assert receipt["outcome"] == outcome and receipt.get("units", {}).get("image") == ("1" if outcome == "complete" else None), receipt


def test_addresses_are_pictures_too(shop):
    answer, receipt = shop.sold(PATH, {**ASK, "response_format": "url"})
    assert json.loads(answer)["data"][0]["url"] and receipt["units"] == {"image": "1"}


def test_without_a_report_the_pictures_are_counted(shop):
    shop.upstreams_are("--usage", "missing")
    _, receipt = shop.sold(PATH, ASK)
    shop.upstreams_are()
    assert receipt["units"] == {"image": "1"} and "out" not in receipt["billed"]


def test_months_sum_the_pictures(shop):
    told = json.loads(shop.request("/v1/usage")[2])
    assert told["total"]["units"]["image"] > 5
    assert [row["units"] for row in told["data"] if row["model"] == "aurora-small"] == [told["total"]["units"]]
    row = shop.json("usage", "show", "--client", shop.client)[0]
    assert row["units"] == f"image {told['total']['units']['image']}"


def test_a_kept_price_list_keeps_its_kinds(shop):
    book = shop.folder / "registry" / "price_books.yaml"
    before = book.read_text()
    book.write_text(before.replace('"0.167"', '"0.9"').replace('"0.04"', '"0.8"').replace(
        'id: world-2026\n    version: "1"', 'id: world-2026\n    version: "2"'))
    shop.apply()
    _, receipt = shop.sold(PATH, {**ASK, "quality": "high"})
    assert int(receipt["amount"]) == BOTH + tokens(receipt) and receipt["price_book"] == "world-2026/1"
    book.write_text(before)
    shop.apply()


@pytest.mark.parametrize("most, status", [("0.1", 404), (0.17, 200)])
def test_a_price_for_a_picture_is_kept_to(shop, most, status):
    ask = {**ASK, "quality": "high", "provider": {"max_price": {"image": most}}}
    got, _, body = shop.request(PATH, ask)
    assert got == status and (status == 200 or json.loads(body)["error"]["param"] == "provider.max_price"), body


def test_credit_that_does_not_cover_it_is_no_cheaper_picture(shop):
    client = shop.json("client", "add", "--name", "Poor", "--party", "first-client")["id"]
    key = shop.json("key", "add", "--client", client, "--product", "world")["key"]
    shop.command("credit", "purchase", "--client", client, "--amount", "0.05")
    status, _, body = shop.request(PATH, {**ASK, "n": 10}, key=key)
    assert status == 429 and json.loads(body)["error"]["code"] == "insufficient_quota"


@pytest.mark.parametrize("change, param, code", [
    ({"prompt": None}, "prompt", "missing_required_parameter"),
    ({"prompt": ""}, "prompt", "invalid_value"),
    ({"prompt": ["a"]}, "prompt", "invalid_value"),
    ({"n": 0}, "n", "invalid_value"),
    ({"n": 11}, "n", "invalid_value"),
    ({"n": 1.5}, "n", "invalid_value"),
    ({"size": "1024 x 1024"}, "size", "invalid_value"),
    ({"size": 1024}, "size", "invalid_value"),
    ({"size": "x" * 33}, "size", "invalid_value"),
    ({"quality": "hi/gh"}, "quality", "invalid_value"),
    ({"response_format": "png"}, "response_format", "invalid_value"),
    ({"stream": 1}, "stream", "invalid_value"),
    ({"partial_images": 4}, "partial_images", "invalid_value"),
    ({"model": "aurora-large"}, "model", "model_not_supported"),
])
def test_what_is_wrong_is_named_and_costs_nothing(shop, change, param, code):
    before = shop.credits()
    status, error = shop.refused(PATH, {**ASK, **change})
    assert status == 400 and error["param"] == param and error["code"] == code
    assert shop.credits() == before
