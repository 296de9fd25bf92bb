"""A file or a batch that is asked for again, by an SDK itself or with a key: there is one of it, and no line is sold twice."""

import json
import signal
import socket
import threading
import time

import pytest

from conftest import House, wait_for
from test_batches import VERSION, ask, content, end, form, get, line, sell_batches

LINES = "".join(json.dumps(line(n)) + "\n" for n in range(3)).encode()
COUNT = "x-stainless-retry-count"


class Swallower:
    """Between an SDK and the server: the answers of so many connections are lost."""

    def __init__(self, port):
        self.port, self.lose, self.lost = port, 0, 0
        self.door = socket.create_server(("127.0.0.1", 0))
        self.base = f"http://127.0.0.1:{self.door.getsockname()[1]}"
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                client = self.door.accept()[0]
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self.port))
            threading.Thread(target=self.carry, args=(client, server, False), daemon=True).start()
            threading.Thread(target=self.carry, args=(server, client, True), daemon=True).start()

    def carry(self, source, sink, answers):
        try:
            while data := source.recv(65536):
                if answers and self.lose > 0:
                    self.lose, self.lost = self.lose - 1, self.lost + 1
                    break
                sink.sendall(data)
        except OSError:
            pass  # one of the two has left
        for line in (source, sink):
            try:
                line.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def stop(self):
        self.door.close()


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    made = House(tmp_path_factory.mktemp("again") / "demo")
    sell_batches(made)
    sell_another(made)
    made.upstream(0)
    made.upstream(1)
    made.start()
    yield made
    made.stop()
    audit = made.command("audit", check=False)
    assert audit.returncode == 0, audit.stdout + audit.stderr


def sell_another(house):
    """A second product, that is as the first."""
    file = house.folder / "registry" / "products.yaml"
    text = file.read_text()
    file.write_text(text + text[text.index("  - id: world\n"):].replace("  - id: world\n", "  - id: moon\n", 1))
    house.apply()


def second(house, product="world"):
    """Another key of the same client."""
    client = house.json("client", "list")[0]["id"]
    return house.json("key", "add", "--client", client, "--product", product)["key"]


def send(house, path, body, headers, key=None):
    status, told, answer = house.request(path, body, key=key, headers=headers)
    return status, told.get("x-entrepot-replayed"), json.loads(answer)


def put(house, count=None, text=LINES, name="asks.jsonl", key=None, **headers):
    body, kind = form(text, name=name)
    headers = headers if count is None else {COUNT: str(count), **headers}
    return send(house, "/v1/files", body, {**kind, **headers}, key)


def make(house, file, count=None, key=None, metadata=None, **headers):
    body = {"input_file_id": file, "endpoint": "/v1/chat/completions", "completion_window": "24h",
            **({"metadata": metadata} if metadata else {})}
    headers = headers if count is None else {COUNT: str(count), **headers}
    return send(house, "/v1/batches", body, headers, key)


def contents(house):
    return {one.name for one in (house.folder / "var" / "batches").iterdir()}


def fresh(text):
    return LINES.replace(b"Tell me", text.encode() + b": tell me")


def test_a_file_that_is_sent_again_is_one(shop):
    text = fresh("file")
    first = put(shop, 0, text)
    kept = contents(shop)
    assert first[:2] == (200, None)
    again = put(shop, 1, text)
    assert again == (200, "true", first[2])
    assert put(shop, 2, text)[2]["id"] == first[2]["id"], "a third try, too"
    assert contents(shop) == kept, "nothing stays of what was sent again"
    for other in (put(shop, 1, fresh("another")), put(shop, 1, text, name="other.jsonl"), put(shop, 0, text),
                  put(shop, None, text)):
        assert other[:2] == (200, None) and other[2]["id"] != first[2]["id"]
    assert put(shop, 1, text)[2]["id"] not in (first[2]["id"],), "the last one that was made is meant"
    assert put(shop, "-1", text)[1] is None and put(shop, "one", text)[1] is None


def test_a_batch_that_is_sent_again_is_one_and_so_are_its_sales(shop):
    before = float(shop.credits()["total_usage"])
    file = put(shop, None, fresh("batch"))[2]["id"]
    status, told, first = make(shop, file, 0)
    assert (status, told) == (200, None)
    status, told, again = make(shop, file, 1)
    assert (status, told, again["id"]) == (200, "true", first["id"])
    done = end(shop, first)
    status, told, again = make(shop, file, 2)
    assert (status, told, again) == (200, "true", done), "as it is now"
    assert done["request_counts"] == {"total": 3, "completed": 3, "failed": 0}
    amounts = sum(int(json.loads(shop.request(f"/v1/receipts/{one['response']['request_id']}")[2])["client"]["amount"])
                  for one in content(shop, done["output_file_id"]))
    assert abs(float(shop.credits()["total_usage"]) - before - amounts / 1e9) < 1e-9
    other = make(shop, file, 1, metadata={"another": "one"})
    assert other[1] is None and other[2]["id"] != first["id"]
    end(shop, other[2])
    shop.request(f"/v1/files/{file}", method="DELETE")
    assert make(shop, file, 3)[2]["id"] == first["id"], "its file is read no more"


def test_a_batch_of_messages_that_is_sent_again_is_one(shop):
    body = {"requests": [ask(0), ask(1)]}
    status, told, first = send(shop, "/v1/messages/batches", body, {**VERSION, COUNT: "0"})
    assert (status, told) == (200, None)
    before = {one for one in contents(shop) if one.endswith(".jsonl")}
    status, told, again = send(shop, "/v1/messages/batches", body, {**VERSION, COUNT: "1"})
    assert (status, told, again["id"]) == (200, "true", first["id"])
    wait_for(lambda: get(shop, f"/v1/messages/batches/{first['id']}")[1]["processing_status"] == "ended", "the end")
    assert len({one for one in contents(shop) if one.endswith(".jsonl")} - before) == 1, "its results alone"
    assert shop.request(f"/v1/messages/batches/{first['id']}", method="DELETE")[0] == 200
    status, told, third = send(shop, "/v1/messages/batches", body, {**VERSION, COUNT: "2"})
    assert status == 200 and told is None and third["id"] != first["id"], "what was deleted is made anew"
    wait_for(lambda: get(shop, f"/v1/messages/batches/{third['id']}")[1]["processing_status"] == "ended", "the end")


def test_an_idempotency_key_has_one_request(shop):
    name = {"Idempotency-Key": "night-1"}
    file = put(shop, None, fresh("keyed"), **name)
    assert put(shop, None, fresh("keyed"), **name) == (200, "true", file[2])
    assert put(shop, None, fresh("keyed"), key=second(shop), **name)[2]["id"] == file[2]["id"], "a client's keys share it"
    status, _, error = put(shop, None, fresh("other"), **name)
    assert status == 422 and error["error"]["code"] == "idempotency_mismatch"
    status, _, error = make(shop, file[2]["id"], **name)
    assert status == 422, "of a file, and not of a batch"
    first = make(shop, file[2]["id"], **{"Idempotency-Key": "night-2"})
    again = make(shop, file[2]["id"], 0, **{"Idempotency-Key": '"night-2"'})
    assert again[1] == "true" and again[2]["id"] == first[2]["id"]
    end(shop, first[2])
    body = {"requests": [ask(7)]}
    firsts = [send(shop, "/v1/messages/batches", body, {**VERSION, "Idempotency-Key": "night-3"}) for _ in range(2)]
    assert [one[1] for one in firsts] == [None, "true"] and firsts[0][2]["id"] == firsts[1][2]["id"]
    for status, _, error in (put(shop, None, **{"Idempotency-Key": "x" * 256}),
                             make(shop, file[2]["id"], **{"Idempotency-Key": "a b"}),
                             send(shop, "/v1/messages/batches", body, {"Idempotency-Key": '"'})):
        assert status == 400 and "Idempotency-Key" in error["error"]["message"], error


def test_each_product_has_idempotency_keys_of_its_own(shop):
    name = {"Idempotency-Key": "two-products"}
    moon = second(shop, "moon")
    mine = put(shop, None, fresh("products"), **name)[2]
    theirs = put(shop, None, fresh("products"), key=moon, **name)
    assert theirs[1] is None and theirs[2]["id"] != mine["id"], "a file is of one product"
    assert put(shop, None, fresh("products"), **name) == (200, "true", mine), "and still is there"


def test_another_key_repeats_nothing(shop):
    other = second(shop)
    file = put(shop, 0, fresh("mine"))
    theirs = put(shop, 1, fresh("mine"), key=other)
    assert theirs[1] is None and theirs[2]["id"] != file[2]["id"]
    batch = make(shop, file[2]["id"], 0)
    theirs = make(shop, file[2]["id"], 1, key=other)
    assert theirs[1] is None and theirs[2]["id"] != batch[2]["id"]
    end(shop, batch[2])
    end(shop, theirs[2])


def test_what_was_made_before_a_power_cut_is_found_behind_it(shop):
    file = put(shop, 0, fresh("power"))[2]
    batch = make(shop, file["id"], 0)[2]
    shop.stop_process("server", signal.SIGKILL)
    shop.start()
    again = put(shop, 1, fresh("power"))
    assert again == (200, "true", file)
    status, told, found = make(shop, file["id"], 1)
    assert (status, told, found["id"]) == (200, "true", batch["id"])
    assert end(shop, batch)["request_counts"]["completed"] == 3


def test_sdks_make_one_though_the_answer_is_lost(shop, tmp_path):
    openai = pytest.importorskip("openai", reason="the openai package is not installed")
    between = Swallower(shop.public)
    client = openai.OpenAI(base_url=between.base + "/v1", api_key=shop.key, max_retries=2, timeout=30)
    batches = len(client.batches.list(limit=100).data)
    between.lose = 1
    file = client.files.create(file=("sdk.jsonl", fresh("sdk")), purpose="batch")
    between.lose = 1
    batch = client.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h")
    assert between.lost == 2
    assert len(client.batches.list(limit=100).data) == batches + 1
    assert [one.filename for one in client.files.list(limit=100).data].count("sdk.jsonl") == 1
    assert end(shop, {"id": batch.id})["request_counts"]["completed"] == 3
    between.stop()
