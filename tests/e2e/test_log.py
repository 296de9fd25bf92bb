"""The published log: what the server shows of it, and to whom."""

import base64
import hashlib
import json
import time
import urllib.error
import urllib.request

import pytest

from conftest import House, wait_for


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    house = House(tmp_path_factory.mktemp("log") / "shop")
    house.upstream(0)
    house.upstream(1)
    house.start()
    yield house
    house.stop()


def fetch(house, path, key=None, method="GET"):
    request = urllib.request.Request(f"http://127.0.0.1:{house.public}{path}", method=method,
                                     headers={"authorization": f"Bearer {key}"} if key else {})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, dict(answer.headers), answer.read()
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers), error.read()


MODEL = "aurora-large"
ASK = {"model": MODEL, "messages": [{"role": "user", "content": "Tell me about rivers."}], "max_tokens": 40}


def sell(house):
    """One call; its id."""
    status, headers, body = house.request("/v1/chat/completions", ASK)
    assert status == 200, body
    return headers["x-entrepot-call"]


def receipt(house, call):
    status, headers, body = house.request(f"/v1/receipts/{call}")
    assert status == 200 and headers["content-type"] == "application/json", body
    return json.loads(body)


def test_a_proof_is_there_within_two_seconds_of_the_sale(shop):
    call = sell(shop)
    end = time.monotonic() + 2
    while receipt(shop, call)["proof"] is None:
        assert time.monotonic() < end
        time.sleep(0.05)
    document = receipt(shop, call)
    print(json.dumps(document, indent=1))
    status, headers, body = shop.request(f"/v1/receipts/{call}.tlog-proof")
    assert status == 200 and headers["content-type"] == "text/plain; charset=utf-8"
    assert body.decode() == document["proof"] and body.startswith(b"c2sp.org/tlog-proof@v1\n")
    print(fetch(shop, "/log/checkpoint"))
