"""A house whose models are also sold by the vector, the search unit and the picture."""

import hashlib
import json
import re
import urllib.request

from conftest import House, wait_for

US = """\
  - id: {id}
    upstream_party: aurora
    model: {model}
    credential: aurora-contract
    dialect: {dialect}
    endpoint: http://127.0.0.1:{port}/v1
    upstream_model: {model}
    place: US
    abort_billing: stops
    output_cap_field: max_completion_tokens
    special_text: literal
    contract_price: aurora-contract-2026
    data_terms: dt.aurora
"""


def reported_sha256(answer, name=b"usage"):
    """Of the report of usage in an answer that came unchanged."""
    at = answer.rindex(b'"' + name + b'":') + len(name) + 3
    text = answer[at:].decode()
    return hashlib.sha256(text[:json.JSONDecoder().raw_decode(text)[1]].encode()).hexdigest()


class Services(House):
    """aurora-small has routes of each service; aurora-large stays one of chat alone."""

    dialects = ("openai_embeddings", "rerank", "openai_images")
    extra = "per_search_unit: \"0.002\", per_image: \"0.04\""

    def __init__(self, folder):
        super().__init__(folder)
        routes = self.folder / "registry" / "routes.yaml"
        text = routes.read_text()
        for dialect in self.dialects:
            for at, port in enumerate(self.upstreams):
                text += US.format(id=f"small-{dialect.replace('_', '-')}-{at}", model="aurora-small", dialect=dialect,
                                  port=port)
        routes.write_text(text)
        self.price(self.extra)
        self.apply()
        client = self.json("client", "add", "--name", "Careful", "--party", "first-client")["id"]
        self.client = client
        self.key = self.json("key", "add", "--client", client, "--product", "world")["key"]
        self.command("credit", "purchase", "--client", client, "--plan", "starter")

    def price(self, more):
        """What aurora-small costs beside its tokens, wherever it has a price."""
        book = self.folder / "registry" / "price_books.yaml"
        text = re.sub(r"(aurora-small: \{input: \"[0-9.]+\").*\}", rf"\1, output: \"0.60\", {more}}}", book.read_text())
        book.write_text(text.replace('\\"', '"'))

    def upstreams_are(self, *flags):
        for at in range(2):
            self.upstream(at, *flags)

    def sold(self, path, body, **headers):
        """The answer of a call that is served, and its receipt."""
        status, told, answer = self.request(path, body, headers=headers)
        assert status == 200, answer
        wait_for(lambda: float(self.credits()["held"]) == 0, "the end of the hold")
        receipt = self.json("receipt", "show", told["x-entrepot-call"])
        self.told = receipt["operator"]
        return answer, receipt["client"]

    def refused(self, path, body):
        status, _, answer = self.request(path, body)
        return status, json.loads(answer)["error"]

    def figure(self, name):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.operator}/metrics", timeout=5) as answer:
            return int(re.search(rf"^{name} (\d+)$", answer.read().decode(), re.M).group(1))
