"""Sources of embeddings, rerank and images that answer nonsense: not sold, not paid for, and another source is asked."""

import http.server
import json
import threading

import pytest

from conftest import wait_for
from services_house import Services

ASKS = {
    "embeddings": ("/v1/embeddings", {"model": "aurora-small", "input": ["a", "b"]}),
    "rerank": ("/v2/rerank", {"model": "aurora-small", "query": "a", "documents": ["a", "b"], "top_n": 1}),
    "images": ("/v1/images/generations", {"model": "aurora-small", "prompt": "a", "size": "1024x1024", "quality": "low"}),
}
ONE = {"index": 0, "embedding": [1, 2]}
SCORE = {"index": 0, "relevance_score": 1}
# The readers' own tests have all that they refuse (tests/unit/dialect): these are of each way that it can come.
BAD = {
    "embeddings": [b"{", {"data": [ONE]}, {"error": {"message": "no"}}, {"data": "x" * 300_000}],
    "rerank": [{"results": [SCORE, SCORE]}, {"error": "no"}],
    "images": [{"data": [{"url": "a"}, {"url": "b"}]}],
}


class Liar(http.server.ThreadingHTTPServer):
    """Says what it was told to say, and how often it was asked."""

    answer, asked = b"", 0

    def __init__(self, port):
        super().__init__(("127.0.0.1", port), Speaker)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Speaker(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.server.asked += 1
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(self.server.answer)))
        self.end_headers()
        self.wfile.write(self.server.answer)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    made = Services(tmp_path_factory.mktemp("bad") / "demo")
    made.conf.write_text(made.conf.read_text() + "\nthreads: 1\nlimits:\n  data_answer_bytes: 262144\n")
    made.liars = [Liar(port) for port in made.upstreams]
    made.start()
    yield made
    made.stop()
    for liar in made.liars:
        liar.shutdown()
    assert made.command("audit").returncode == 0


@pytest.mark.parametrize("service, at", [(service, at) for service in BAD for at in range(len(BAD[service]))])
def test_nonsense_is_not_sold(shop, service, at):
    told = BAD[service][at]
    for liar in shop.liars:
        liar.answer, liar.asked = told if isinstance(told, bytes) else json.dumps(told).encode(), 0
    before = shop.credits()
    status, _, body = shop.request(*ASKS[service])
    error = json.loads(body)["error"]
    assert status == 502 and error["type"] == "upstream_error", body
    assert [liar.asked for liar in shop.liars] == [1, 1], "another source was asked"
    wait_for(lambda: float(shop.credits()["held"]) == 0, "the end of the hold")
    assert shop.credits() == before
    shop.stop_process("server")  # what a source has failed at is forgotten
    shop.start()
