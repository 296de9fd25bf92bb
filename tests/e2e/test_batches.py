"""Files and batches: OpenAI's and Anthropic's, by hand, across restarts and power cuts."""

import json
import pathlib
import random
import re
import signal
import socket
import sqlite3
import threading
import time

import pytest

from conftest import ENTREPOT, House, wait_for

MODEL = "aurora-large"


def sell_batches(house, percent=50):
    """The product sells them, at half the price; the clients' terms allow thirty days."""
    file = house.folder / "registry" / "products.yaml"
    file.write_text(file.read_text().replace(
        "    price_book: world-2026\n", f"    price_book: world-2026\n    batch: {{price_percent: {percent}}}\n", 1))
    house.apply()


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    made = House(tmp_path_factory.mktemp("batches") / "demo")
    sell_batches(made)
    made.upstream(0)
    made.upstream(1)
    made.start()
    yield made
    made.stop()
    audit = made.command("audit", check=False)
    assert audit.returncode == 0, audit.stdout + audit.stderr


def line(number, **change):
    body = {"model": MODEL, "max_tokens": 20, "messages": [{"role": "user", "content": f"Tell me about {number}."}]}
    return {"custom_id": f"ask-{number}", "method": "POST", "url": "/v1/chat/completions", "body": body, **change}


def form(content, purpose="batch", name="asks.jsonl", extra=()):
    boundary = "x" * 20
    parts = [("purpose", purpose), *extra]
    text = "".join(f'--{boundary}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'
                   for key, value in parts if value is not None)
    text += (f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
             "Content-Type: application/octet-stream\r\n\r\n")
    return (text.encode() + content + f"\r\n--{boundary}--\r\n".encode(),
            {"Content-Type": f"multipart/form-data; boundary={boundary}"})


def upload(house, lines, key=None, **more):
    content = lines if isinstance(lines, bytes) else "".join(json.dumps(one) + "\n" for one in lines).encode()
    body, headers = form(content, **more)
    status, _, answer = house.request("/v1/files", body, key=key, headers=headers)
    return status, json.loads(answer)


def post(house, path, body, key=None, headers=None):
    status, _, answer = house.request(path, body, key=key, headers=headers)
    return status, json.loads(answer)


def get(house, path, key=None):
    status, _, answer = house.request(path, key=key)
    return status, json.loads(answer)


def begin(house, lines, key=None, **more):
    status, file = upload(house, lines, key=key)
    assert status == 200, file
    status, batch = post(house, "/v1/batches", {"input_file_id": file["id"], "endpoint": "/v1/chat/completions",
                                                "completion_window": "24h", **more}, key=key)
    assert status == 200, batch
    return batch


def end(house, batch, key=None, seconds=30):
    ended = ("completed", "failed", "expired", "cancelled")
    wait_for(lambda: get(house, f"/v1/batches/{batch['id']}", key)[1]["status"] in ended, "the batch's end", seconds)
    return get(house, f"/v1/batches/{batch['id']}", key)[1]


def content(house, file, key=None):
    status, _, answer = house.request(f"/v1/files/{file}/content", key=key)
    assert status == 200, answer
    return [json.loads(one) for one in answer.decode().splitlines()]


def by_custom_id(results):
    results = list(results)
    found = {one["custom_id"]: one for one in results}
    assert len(found) == len(results), "a line has one result"
    return found


def receipt(house, call):
    """The client's section."""
    return json.loads(house.request(f"/v1/receipts/{call}")[2])["client"]


def slowly(house):
    for at in (0, 1):
        house.upstream(at, "--first-token-ms", "300")


def quickly(house):
    for at in (0, 1):
        house.upstream(at)


def test_a_batch_from_file_to_results(shop):
    before = float(shop.credits()["total_usage"])
    batch = begin(shop, [line(n) for n in range(5)], metadata={"night": "1"})
    assert batch["object"] == "batch" and batch["status"] == "validating" and batch["metadata"] == {"night": "1"}
    assert batch["completion_window"] == "24h" and batch["errors"] is None and batch["output_file_id"] is None
    done = end(shop, batch)
    assert done["status"] == "completed" and done["request_counts"] == {"total": 5, "completed": 5, "failed": 0}
    assert done["error_file_id"] is None and done["completed_at"] >= done["in_progress_at"] >= done["created_at"]
    results = by_custom_id(content(shop, done["output_file_id"]))
    assert set(results) == {f"ask-{n}" for n in range(5)}
    for one in results.values():
        assert set(one) == {"id", "custom_id", "response", "error"} and one["error"] is None
        assert one["response"]["status_code"] == 200 and one["response"]["request_id"].startswith("call_")
        assert one["response"]["body"]["object"] == "chat.completion"
    status, file = get(shop, f"/v1/files/{done['output_file_id']}")
    assert status == 200 and file["purpose"] == "batch_output" and file["bytes"] > 0
    calls = {one["response"]["request_id"] for one in results.values()}
    assert len(calls) == 5
    spent = float(shop.credits()["total_usage"]) - before
    total = 0
    for call in calls:
        client = receipt(shop, call)
        assert client["batch"] == batch["id"] and client["batch_percent"] == "50"
        total += int(client["amount"])
    assert total > 0 and abs(spent - total / 1e9) < 1e-9


BAD_LINES = [
    (b"{not json", "invalid_json_line", None),
    (b'["a"]', "invalid_json_line", None),
    ({**line(1), "custom_id": None}, "invalid_custom_id", "custom_id"),
    ({key: value for key, value in line(1).items() if key != "custom_id"}, "missing_required_parameter", "custom_id"),
    (line(1, custom_id="bad-method", method="GET"), "invalid_method", "method"),
    (line(1, custom_id="bad-url", url="/v1/embeddings"), "invalid_url", "url"),
    (line(1, custom_id="bad-body", body="text"), "invalid_body", "body"),
    ({key: value for key, value in line(1, custom_id="no-body").items() if key != "body"}, "missing_required_parameter", "body"),
    (line(1, custom_id="more", priority=1), "invalid_line", None),
    (line(1, custom_id="stream", body={**line(1)["body"], "stream": True}), "stream_not_supported", "stream"),
    (line(0, custom_id="good-0"), "duplicate_custom_id", "custom_id"),
]


def test_a_folder_that_fails_is_told_the_operator(shop):
    folder = shop.folder / "var" / "batches"
    folder.rename(shop.folder / "away")
    try:
        status, answer = upload(shop, [line(1)])
        assert status == 500 and answer["error"]["code"] == "internal_error", answer
    finally:
        (shop.folder / "away").rename(folder)
    wait_for(lambda: 'could not create \\"' + str(folder) in (shop.folder / "server.log").read_text(), "the event")
    status, file = upload(shop, [line(1)])
    assert status == 200, file
    assert shop.request(f"/v1/files/{file['id']}", method="DELETE")[0] == 200


def test_a_bad_line_fails_and_the_rest_runs(shop):
    lines = [json.dumps(line(0, custom_id="good-0")).encode()]
    lines += [one if isinstance(one, bytes) else json.dumps(one).encode() for one, _, _ in BAD_LINES]
    lines += [b"", json.dumps(line(9, custom_id="good-9")).encode()]  # a blank line is none, and the last has no end
    status, file = upload(shop, b"\n".join(lines))
    assert status == 200
    status, batch = post(shop, "/v1/batches", {"input_file_id": file["id"], "endpoint": "/v1/chat/completions",
                                               "completion_window": "24h"})
    done = end(shop, batch)
    assert done["status"] == "completed"
    assert done["request_counts"] == {"total": 2 + len(BAD_LINES), "completed": 2, "failed": len(BAD_LINES)}
    assert {one["custom_id"] for one in content(shop, done["output_file_id"])} == {"good-0", "good-9"}
    errors = {one["error"]["line"]: one for one in content(shop, done["error_file_id"])}
    assert set(errors) == set(range(2, 2 + len(BAD_LINES)))
    for number, (_, code, param) in enumerate(BAD_LINES, 2):
        one = errors[number]
        assert one["response"] is None and (one["error"]["code"], one["error"]["param"]) == (code, param), one
        assert one["error"]["message"].endswith(".") and one["id"].startswith("batch_req_")


def test_what_a_call_refuses_is_a_result(shop):
    done = end(shop, begin(shop, [
        line(0, custom_id="model", body={**line(0)["body"], "model": "nobodys"}),
        line(1, custom_id="field", body={**line(1)["body"], "max_tokens": -1}),
        line(2, custom_id="fine"),
    ]))
    assert done["request_counts"] == {"total": 3, "completed": 1, "failed": 2}
    errors = by_custom_id(content(shop, done["error_file_id"]))
    assert errors["model"]["response"]["status_code"] == 404 and errors["model"]["error"] is None
    assert errors["model"]["response"]["body"]["error"]["code"] == "model_not_found"
    assert errors["field"]["response"]["status_code"] == 400
    assert errors["field"]["response"]["body"]["error"]["param"] == "max_tokens"


def test_responses_are_asked_in_batches_too(shop):
    lines = [{"custom_id": f"r{n}", "method": "POST", "url": "/v1/responses",
              "body": {"model": MODEL, "input": "Say something kind.", "max_output_tokens": 20}} for n in range(3)]
    status, file = upload(shop, lines)
    status, batch = post(shop, "/v1/batches", {"input_file_id": file["id"], "endpoint": "/v1/responses",
                                               "completion_window": "24h"})
    done = end(shop, batch)
    assert done["request_counts"] == {"total": 3, "completed": 3, "failed": 0}
    assert all(one["response"]["body"]["object"] == "response" for one in content(shop, done["output_file_id"]))


def refused(answer, status, code, param=None):
    assert answer[0] == status, answer
    error = answer[1]["error"]
    assert (error["code"], error["param"]) == (code, param), error
    assert error["message"]


def test_a_file_that_is_none_is_refused(shop):
    refused(upload(shop, [line(0)], purpose="fine-tune"), 400, "invalid_value", "purpose")
    refused(upload(shop, [line(0)], purpose=None), 400, "missing_required_parameter", "purpose")
    refused(upload(shop, b""), 400, "invalid_value", "file")
    refused(upload(shop, [line(0)], extra=[("model", "x")]), 400, "unsupported_parameter")
    refused(upload(shop, [line(0)], extra=[("expires_after[seconds]", "5")]), 400, "invalid_value", "expires_after[seconds]")
    refused(upload(shop, [line(0)], name="x" * 256), 400, "invalid_value", "file")
    refused(post(shop, "/v1/files", {"purpose": "batch"}), 415, "unsupported_media_type")
    body, headers = form(b"x")
    refused(post(shop, "/v1/files", body[:-4], headers=headers), 400, "invalid_value")
    status, file = upload(shop, [line(0)], name="r\u00e9sum\u00e9.jsonl", extra=[("expires_after[anchor]", "created_at"),
                                                                       ("expires_after[seconds]", "3600")])
    assert status == 200 and file["filename"] == "r\u00e9sum\u00e9.jsonl" and file["expires_at"] - file["created_at"] == 3600


def test_a_batch_that_is_none_is_refused(shop):
    _, file = upload(shop, [line(0)])
    good = {"input_file_id": file["id"], "endpoint": "/v1/chat/completions", "completion_window": "24h"}

    def refuse(change, status, code, param=None):
        body = {key: value for key, value in {**good, **change}.items() if value != "none"}
        refused(post(shop, "/v1/batches", body), status, code, param)

    refuse({"input_file_id": "none"}, 400, "missing_required_parameter", "input_file_id")
    refuse({"endpoint": "none"}, 400, "missing_required_parameter", "endpoint")
    refuse({"completion_window": "none"}, 400, "missing_required_parameter", "completion_window")
    refuse({"input_file_id": "x"}, 400, "invalid_value", "input_file_id")
    refuse({"input_file_id": "file-" + "0" * 25 + "1"}, 404, "not_found", "input_file_id")
    refuse({"endpoint": "/v1/moderations"}, 400, "invalid_value", "endpoint")
    refuse({"completion_window": "1h"}, 400, "invalid_value", "completion_window")
    refuse({"metadata": ["x"]}, 400, "invalid_value", "metadata")
    refuse({"metadata": {str(n): "x" for n in range(17)}}, 400, "invalid_value", "metadata")
    refuse({"priority": "high"}, 400, "unsupported_parameter")
    refused(post(shop, "/v1/batches", b"{"), 400, "invalid_json")
    refused(get(shop, "/v1/batches/batch_" + "0" * 25 + "1"), 404, "not_found")
    refused(get(shop, "/v1/batches/nothing"), 404, "not_found")
    refused(post(shop, "/v1/batches/batch_" + "0" * 25 + "1/cancel", b""), 404, "not_found")
    refused(get(shop, "/v1/batches?limit=0"), 400, "invalid_value", "limit")


def test_lists_come_in_pages(shop):
    files = [upload(shop, [line(n)])[1]["id"] for n in range(3)][::-1]
    status, page = get(shop, "/v1/files?limit=2")
    assert [one["id"] for one in page["data"]] == files[:2] and page["has_more"] is True
    status, page = get(shop, f"/v1/files?limit=1&after={files[1]}")
    assert [one["id"] for one in page["data"]] == files[2:]
    batches = [begin(shop, [line(n)])["id"] for n in range(3)][::-1]
    status, page = get(shop, "/v1/batches?limit=2")
    assert [one["id"] for one in page["data"]] == batches[:2] and page["has_more"] is True
    assert (page["first_id"], page["last_id"]) == (batches[0], batches[1])
    status, page = get(shop, f"/v1/batches?limit=1&after={batches[1]}")
    assert [one["id"] for one in page["data"]] == batches[2:]
    for one in batches:
        end(shop, {"id": one})


def stranger(house):
    client = house.json("client", "add", "--name", "Stranger", "--party", "first-client")["id"]
    house.command("credit", "purchase", "--client", client, "--amount", "50")
    return client, house.json("key", "add", "--client", client, "--product", "world")


def test_files_are_their_owners_and_go_when_they_are_deleted(shop):
    _, other = stranger(shop)
    status, file = upload(shop, [line(0)])
    folder = shop.folder / "var" / "batches"
    mine = folder / (file["id"].removeprefix("file-") + ".jsonl")
    assert mine.exists() and mine.stat().st_mode & 0o777 == 0o600 and folder.stat().st_mode & 0o777 == 0o700
    for method, path in (("GET", ""), ("GET", "/content"), ("DELETE", "")):
        assert shop.request(f"/v1/files/{file['id']}{path}", key=other["key"], method=method)[0] == 404
    status, _, answer = shop.request(f"/v1/files/{file['id']}", method="DELETE")
    assert status == 200 and json.loads(answer) == {"id": file["id"], "object": "file", "deleted": True}
    assert not mine.exists() and get(shop, f"/v1/files/{file['id']}")[0] == 404


def test_a_large_result_is_sent_as_it_is_read(shop):
    for at in (0, 1):
        shop.upstream(at, "--words", "4000")
    try:
        done = end(shop, begin(shop, [line(n, body={**line(n)["body"], "max_tokens": 6000}) for n in range(60)]))
    finally:
        quickly(shop)
    status, headers, answer = shop.request(f"/v1/files/{done['output_file_id']}/content")
    size = get(shop, f"/v1/files/{done['output_file_id']}")[1]["bytes"]
    assert len(answer) == size > 1 << 20, size
    assert len(by_custom_id(json.loads(one) for one in answer.decode().splitlines())) == 60


def resident(house):
    status = pathlib.Path(f"/proc/{house.processes['server'].pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status).group(1)) * 1024


def test_an_upload_is_not_kept_in_memory(shop):
    upload(shop, [line(0)])
    before = resident(shop)
    most, stop = [before], threading.Event()

    def watch():
        while not stop.wait(0.01):
            most[0] = max(most[0], resident(shop))

    watcher = threading.Thread(target=watch)
    watcher.start()
    big = (json.dumps(line(0)) + " " * 1000 + "\n").encode() * 40000  # more than limits.body_bytes
    try:
        status, file = upload(shop, big)
    finally:
        stop.set()
        watcher.join()
    assert status == 200 and file["bytes"] == len(big) > 40 << 20
    # A sanitizer has memory of its own for all that was ever there, but never as much as the file.
    bound = 20 << 20 if ENTREPOT.split("/")[-2] in ("asan", "tsan") else 4 << 20
    assert most[0] - before < bound, most[0] - before
    assert shop.request(f"/v1/files/{file['id']}", method="DELETE")[0] == 200


def test_an_upload_that_breaks_off_leaves_nothing(shop):
    folder = shop.folder / "var" / "batches"
    before = set(folder.iterdir())
    body, headers = form(b"x" * 100000)
    with socket.create_connection(("127.0.0.1", shop.public)) as peer:
        peer.sendall((f"POST /v1/files HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {shop.key}\r\n"
                      f"content-type: {headers['Content-Type']}\r\ncontent-length: {len(body)}\r\n\r\n").encode() + body[:50000])
        wait_for(lambda: len(set(folder.iterdir()) - before) == 1, "the content's beginning")
    wait_for(lambda: set(folder.iterdir()) == before, "the content's end")


def test_a_client_has_eight_uploads_at_once(tmp_path):
    house = House(tmp_path / "demo")
    sell_batches(house)
    house.conf.write_text(house.conf.read_text() + "\nthreads: 1\n")
    body, headers = form(b"x" * 1000)
    head = (f"POST /v1/files HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {house.key}\r\n"
            f"content-type: {headers['Content-Type']}\r\ncontent-length: {len(body)}\r\n\r\n").encode()
    folder, peers = house.folder / "var" / "batches", []
    try:
        house.start()
        for at in range(8):
            peers.append(socket.create_connection(("127.0.0.1", house.public)))
            peers[-1].sendall(head + body[:-100])
        wait_for(lambda: len(list(folder.iterdir())) == 8, "eight beginnings")
        refused(upload(house, [line(0)]), 429, "rate_limit_exceeded")
        peers[0].sendall(body[-100:])
        assert peers[0].recv(100).startswith(b"HTTP/1.1 200")
        assert upload(house, [line(0)])[0] == 200
    finally:
        for peer in peers:
            peer.close()
        house.stop()


# ---- stopping ------------------------------------------------------------------------------------


def test_a_cancelled_batch_ends_with_what_it_has(shop):
    slowly(shop)
    try:
        batch = begin(shop, [line(n) for n in range(300)])
        wait_for(lambda: get(shop, f"/v1/batches/{batch['id']}")[1]["request_counts"]["completed"] > 0, "a result")
        status, told = post(shop, f"/v1/batches/{batch['id']}/cancel", b"")
        assert status == 200 and told["status"] == "cancelling" and told["cancelling_at"]
        done = end(shop, batch)
        counts = done["request_counts"]
        assert done["status"] == "cancelled" and 0 < counts["completed"] < 300
        assert counts["completed"] + counts["failed"] == counts["total"] == 300
        assert len(content(shop, done["output_file_id"])) == counts["completed"]
        rest = by_custom_id(content(shop, done["error_file_id"]))
        assert len(rest) == counts["failed"] and {one["error"]["code"] for one in rest.values()} == {"batch_cancelled"}
        assert post(shop, f"/v1/batches/{batch['id']}/cancel", b"")[0] == 409
        shown = shop.json("batch", "show", batch["id"])
        assert shown["state"] == "cancelled" and shown["completed"] == counts["completed"]
    finally:
        quickly(shop)


def test_the_operator_lists_and_cancels(shop):
    slowly(shop)
    try:
        batch = begin(shop, [line(n) for n in range(300)])
        assert batch["id"] in [one["batch"] for one in shop.json("batch", "list", "--unended")]
        assert shop.json("batch", "cancel", batch["id"])["state"] in ("cancelling", "cancelled")
        assert end(shop, batch)["status"] == "cancelled"
        assert shop.command("batch", "cancel", batch["id"], check=False).returncode == 1
        assert shop.command("batch", "show", "batch_x", check=False).returncode == 2
    finally:
        quickly(shop)


@pytest.mark.parametrize("act", ["revoke", "suspend"])
def test_a_key_that_is_good_no_more_stops_its_batch(shop, act):
    slowly(shop)
    try:
        client, key = stranger(shop)
        batch = begin(shop, [line(n) for n in range(300)], key=key["key"])
        reader = shop.json("key", "add", "--client", client, "--product", "world")["key"]
        wait_for(lambda: get(shop, f"/v1/batches/{batch['id']}", reader)[1]["request_counts"]["completed"] > 0, "a result")
        if act == "revoke":
            shop.command("key", "revoke", key["id"])
            done = end(shop, batch, reader)
            assert done["status"] == "failed" and done["errors"]["data"][0]["code"] == "key_revoked"
            assert content(shop, done["output_file_id"], reader), "what was paid for is there"
        else:
            shop.command("client", "suspend", client)
            wait_for(lambda: shop.json("batch", "show", batch["id"])["state"] == "failed", "the end")
        shown = shop.json("batch", "show", batch["id"])
        assert 0 < shown["completed"] < 300 and shown["completed"] + shown["failed"] + shown["cancelled"] == 300
    finally:
        quickly(shop)


def test_an_erased_client_leaves_no_content(shop):
    client, key = stranger(shop)
    done = end(shop, begin(shop, [line(0)], key=key["key"]), key["key"])
    names = [done["input_file_id"], done["output_file_id"]]
    paths = [shop.folder / "var" / "batches" / (name.removeprefix("file-") + ".jsonl") for name in names]
    assert all(path.exists() for path in paths)
    shop.command("erase", "--client", client, "--forfeit", "--yes", "--why", "asked", "--by", "ann")
    assert not any(path.exists() for path in paths)
    assert done["id"] not in [one["batch"] for one in shop.json("batch", "list")]


def test_a_client_that_is_erased_while_its_batch_is_worked_off_leaves_no_content(shop):
    folder = shop.folder / "var" / "batches"
    before = set(folder.iterdir())
    slowly(shop)
    try:
        client, key = stranger(shop)
        batch = begin(shop, [line(n) for n in range(300)], key=key["key"])
        wait_for(lambda: get(shop, f"/v1/batches/{batch['id']}", key["key"])[1]["request_counts"]["completed"] > 0, "a result")
        shop.command("client", "suspend", client)
        erase = ("erase", "--client", client, "--forfeit", "--yes", "--why", "asked", "--by", "ann")
        wait_for(lambda: shop.command(*erase, check=False).returncode == 0, "the erasure, when no call is under way")
        wait_for(lambda: set(folder.iterdir()) == before, "the end of all contents", 30)
        assert batch["id"] not in [one["batch"] for one in shop.json("batch", "list")]
    finally:
        quickly(shop)


# ---- who may --------------------------------------------------------------------------------------


def test_batches_are_refused_where_they_are_not_sold_or_nothing_may_be_kept(tmp_path):
    house = House(tmp_path / "demo")
    try:
        house.start()
        refused(upload(house, [line(0)]), 403, "batch_not_sold")
        status, _, answer = house.request("/v1/messages/batches", {"requests": []}, headers={"anthropic-version": "2023-06-01"})
        assert status == 403 and json.loads(answer)["error"]["type"] == "permission_error"
        terms = house.folder / "registry" / "data_terms.yaml"
        sell_batches(house)
        terms.write_text(terms.read_text().replace("retention_days: 30", "retention_days: 0"))
        house.apply()
        refused(upload(house, [line(0)]), 403, "zero_retention")
        assert list((house.folder / "var" / "batches").iterdir()) == []
    finally:
        house.stop()


# ---- restarts -------------------------------------------------------------------------------------


def test_a_server_stops_though_a_client_does_not_read(tmp_path):
    house = House(tmp_path / "demo")
    sell_batches(house)
    house.conf.write_text(house.conf.read_text() + "\nlimits: {drain_ms: 300}\n")
    try:
        house.start()
        status, file = upload(house, (json.dumps(line(0)) + " " * 1000 + "\n").encode() * 20000)
        assert status == 200, file
        with socket.create_connection(("127.0.0.1", house.public)) as peer:
            peer.sendall(f"GET /v1/files/{file['id']}/content HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {house.key}\r\n\r\n".encode())
            assert peer.recv(100).startswith(b"HTTP/1.1 200")
            assert house.stop_process("server") == 0
    finally:
        house.stop()


def test_no_line_is_sold_twice_whenever_the_power_goes(tmp_path):
    house = House(tmp_path / "demo")
    sell_batches(house)
    for at in (0, 1):
        house.upstream(at, "--first-token-ms", "30")
    chance = random.Random(7)
    lines = 120
    try:
        house.start()
        batch = begin(house, [line(n) for n in range(lines)])
        for _ in range(4):
            time.sleep(chance.uniform(0.1, 0.5))
            house.stop_process("server", signal.SIGKILL)
            house.start()
        time.sleep(0.3)
        assert house.stop_process("server") == 0  # and once in good order
        house.start()
        done = end(house, batch)
        counts = done["request_counts"]
        results = by_custom_id(content(house, done["output_file_id"]))
        errors = by_custom_id(content(house, done["error_file_id"])) if done["error_file_id"] else {}
        assert done["status"] == "completed" and counts["total"] == lines
        assert (len(results), len(errors)) == (counts["completed"], counts["failed"])
        assert set(results) | set(errors) == {f"ask-{n}" for n in range(lines)} and not set(results) & set(errors)
        assert not errors, list(errors.values())[:1]
        calls = {one["response"]["body"]["id"] for one in results.values()}
        assert len(calls) == lines
        assert house.command("audit", check=False).returncode == 0
        spent = float(house.credits()["total_usage"])
        amounts = sum(int(receipt(house, one["response"]["request_id"])["amount"]) for one in results.values())
        assert abs(spent - amounts / 1e9) < 1e-9, "each line was charged once, and nothing else was"
    finally:
        house.stop()
    assert house.command("audit", check=False).returncode == 0


def batch_row(house, column):
    base = sqlite3.connect(f"file:{house.folder}/var/entrepot.db?mode=ro", uri=True, timeout=20)
    try:
        return base.execute(f"SELECT {column} FROM batch").fetchone()[0]
    finally:
        base.close()


def test_what_was_sold_before_a_power_cut_is_told_though_the_batch_is_cancelled(tmp_path):
    house = House(tmp_path / "demo")
    sell_batches(house)
    for at in (0, 1):
        house.upstream(at, "--first-token-ms", "100")
    try:
        house.start()
        batch = begin(house, [line(n) for n in range(400)])
        wait_for(lambda: get(house, f"/v1/batches/{batch['id']}")[1]["request_counts"]["completed"] >= 60, "results", 60)
        house.stop_process("server", signal.SIGKILL)
        begun = batch_row(house, "begun")
        journal = house.folder / "var" / "batches" / (batch["id"].removeprefix("batch_") + ".journal")
        noted = journal.read_text().splitlines(keepends=True)
        noted = noted if noted[-1].endswith("\n") else noted[:-1]
        cut = [json.loads(one.split(" ", 2)[2]) for one in noted[-12:]]
        journal.write_text("".join(noted[:-12]))  # as if the power had gone before they were noted
        house.command("batch", "cancel", batch["id"])
        house.start()
        done = end(house, batch)
        results = by_custom_id(content(house, done["output_file_id"]))
        assert done["status"] == "cancelled" and len(noted) <= len(results) < 400
        for one in cut:
            assert results[one["custom_id"]]["response"]["body"] == one["response"]["body"]
        assert batch_row(house, "begun") >= begun >= len(results), "what may have been begun is not forgotten"
        spent = float(house.credits()["total_usage"])
        amounts = sum(int(receipt(house, one["response"]["request_id"])["amount"]) for one in results.values())
        assert abs(spent - amounts / 1e9) < 1e-9
    finally:
        house.stop()


# ---- Anthropic's ------------------------------------------------------------------------------------

VERSION = {"anthropic-version": "2023-06-01"}


def ask(number, **change):
    params = {"model": MODEL, "max_tokens": 20, "messages": [{"role": "user", "content": f"Tell me about {number}."}]}
    return {"custom_id": f"ask-{number}", "params": {**params, **change}}


def test_a_batch_of_messages(shop):
    before = set((shop.folder / "var" / "batches").iterdir())
    status, batch = post(shop, "/v1/messages/batches", {"requests": [ask(0), ask(1), ask(2, model="nobodys"), ask(3, stream=True)]},
                         headers=VERSION)
    assert status == 200 and batch["type"] == "message_batch" and batch["processing_status"] == "in_progress"
    assert batch["request_counts"] == {"processing": 4, "succeeded": 0, "errored": 0, "canceled": 0, "expired": 0}
    assert batch["results_url"] is None and batch["id"].startswith("msgbatch_")
    wait_for(lambda: get(shop, f"/v1/messages/batches/{batch['id']}")[1]["processing_status"] == "ended", "the end")
    done = get(shop, f"/v1/messages/batches/{batch['id']}")[1]
    assert done["request_counts"] == {"processing": 0, "succeeded": 2, "errored": 2, "canceled": 0, "expired": 0}
    status, _, answer = shop.request(done["results_url"])
    results = by_custom_id(json.loads(one) for one in answer.decode().splitlines())
    assert status == 200 and set(results) == {f"ask-{n}" for n in range(4)}
    assert results["ask-0"]["result"]["type"] == "succeeded" and results["ask-0"]["result"]["message"]["type"] == "message"
    assert results["ask-2"]["result"]["type"] == "errored"
    assert results["ask-2"]["result"]["error"]["error"]["type"] == "not_found_error"
    assert results["ask-3"]["result"]["error"]["error"]["type"] == "invalid_request_error"
    assert batch["id"] in [one["id"] for one in get(shop, "/v1/messages/batches")[1]["data"]]
    assert get(shop, f"/v1/batches/batch_{batch['id'].removeprefix('msgbatch_')}")[0] == 404
    status, _, answer = shop.request(f"/v1/messages/batches/{batch['id']}", method="DELETE")
    assert status == 200 and json.loads(answer) == {"id": batch["id"], "type": "message_batch_deleted"}
    assert set((shop.folder / "var" / "batches").iterdir()) == before
    assert shop.request(done["results_url"])[0] == 404


def test_a_batch_of_messages_that_is_none_is_refused(shop):
    def refuse(body, kind="invalid_request_error"):
        status, _, answer = shop.request("/v1/messages/batches", body, headers=VERSION)
        error = json.loads(answer)
        assert status == 400 and error["type"] == "error" and error["error"]["type"] == kind, error

    refuse({})
    refuse({"requests": []})
    refuse({"requests": {}})
    refuse({"requests": [ask(0)], "more": 1})
    refuse({"requests": [ask(0), ask(0)]})
    refuse({"requests": [{"params": {}}]})
    refuse(b"[")


def test_a_cancelled_batch_of_messages_says_which_were(shop):
    slowly(shop)
    try:
        status, batch = post(shop, "/v1/messages/batches", {"requests": [ask(n) for n in range(300)]}, headers=VERSION)
        time.sleep(0.5)
        status, told = post(shop, f"/v1/messages/batches/{batch['id']}/cancel", b"", headers=VERSION)
        assert status == 200 and told["processing_status"] == "canceling"
        wait_for(lambda: get(shop, f"/v1/messages/batches/{batch['id']}")[1]["processing_status"] == "ended", "the end")
        done = get(shop, f"/v1/messages/batches/{batch['id']}")[1]
        counts = done["request_counts"]
        assert counts["succeeded"] + counts["canceled"] == 300 and counts["canceled"] > 0
        results = [json.loads(one) for one in shop.request(done["results_url"])[2].decode().splitlines()]
        assert sorted(one["result"]["type"] for one in results) == ["canceled"] * counts["canceled"] + ["succeeded"] * counts["succeeded"]
    finally:
        quickly(shop)


# ---- OpenAI's SDK ---------------------------------------------------------------------------------


def test_the_openai_sdk_for_python(shop, tmp_path):
    openai = pytest.importorskip("openai", reason="the openai package is not installed")
    client = openai.OpenAI(base_url=shop.base, api_key=shop.key, max_retries=0, timeout=30)
    asks = tmp_path / "asks.jsonl"
    asks.write_text("".join(json.dumps(line(n)) + "\n" for n in range(3)))
    file = client.files.create(file=asks.open("rb"), purpose="batch")
    assert file.filename == "asks.jsonl" and file.bytes == asks.stat().st_size
    batch = client.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h",
                                  metadata={"job": "night"})
    wait_for(lambda: client.batches.retrieve(batch.id).status == "completed", "the batch's end")
    batch = client.batches.retrieve(batch.id)
    assert batch.request_counts.completed == 3 and batch.metadata == {"job": "night"}
    results = [json.loads(one) for one in client.files.content(batch.output_file_id).text.splitlines()]
    assert {one["custom_id"] for one in results} == {"ask-0", "ask-1", "ask-2"}
    assert batch.id in [one.id for one in client.batches.list(limit=5)]
    assert file.id in [one.id for one in client.files.list()]
    assert client.files.delete(file.id).deleted
    with pytest.raises(openai.BadRequestError):
        client.files.create(file=asks.open("rb"), purpose="fine-tune")
