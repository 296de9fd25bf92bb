"""The review queue as operators meet it: cases hold purchases, survive a crash, and are decided once."""

import json
import signal
import threading
import urllib.request

from conftest import wait_for

ASK = {"model": "aurora-large", "messages": [{"role": "user", "content": "讲一个关于河流的故事。"}], "max_tokens": 20}
HEADERS = {"User-Agent": "OpenAI/Python 1.55.0", "Accept-Language": "zh-MY,zh;q=0.9"}


def new_client(house, name):
    client = house.json("client", "add", "--name", name)["id"]
    house.command("credit", "purchase", "--client", client, "--amount", "5")
    return client


def open_case(house, client, *more):
    return house.json("review", "open", "--client", client, "--kind", "origin", "--by", "Ana",
                      "--why", "card issued in CN", *more)["case"]


def buy(house, client):
    return house.command("credit", "purchase", "--client", client, "--plan", "starter", check=False)


def figure(house, name):
    text = urllib.request.urlopen(f"http://127.0.0.1:{house.operator}/metrics", timeout=5).read().decode()
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith(name + " "))


def test_calls_are_watched_and_chinese_is_no_signal(house):
    client = new_client(house, "A newspaper in Chinese")
    key = house.json("key", "add", "--client", client, "--product", "world")["key"]
    before = figure(house, "entrepot_signal_keys")
    for _ in range(3):
        status, _, body = house.request("/v1/chat/completions", {**ASK, "user": "desk-7"}, key=key, headers=HEADERS)
        assert status == 200, body
    assert figure(house, "entrepot_signal_keys") == before + 1
    assert house.json("review", "list", "--all") == []


def test_a_field_user_that_stands_there_twice_is_refused(house):
    body = json.dumps(ASK)[:-1].encode() + b',"user":"a","user":"b"}'
    status, _, answer = house.request("/v1/chat/completions", body)
    assert status == 400 and json.loads(answer)["error"]["param"] == "user", answer


def test_a_case_holds_purchases_until_it_is_released(house):
    client, other = new_client(house, "Held"), new_client(house, "Another")
    case = open_case(house, client)
    assert case["state"] == "open" and case["holds"] == "purchases" and case["key"] is None
    assert figure(house, "entrepot_reviews_open") == 1
    refused = buy(house, client)
    assert refused.returncode == 1
    assert "ORIGIN_REVIEW: purchases of this client are held (LAW_REVIEW)" in refused.stderr
    assert buy(house, other).returncode == 0
    number = str(case["case"])
    shown = house.json("review", "release", number, "--by", "Ben", "--why", "a branch office, papers seen")
    assert [row["state"] for row in shown["decisions"]] == ["open", "released"]
    assert figure(house, "entrepot_reviews_open") == 0
    assert buy(house, client).returncode == 0
    assert house.json("review", "list") == []
    assert number in house.command("review", "list", "--all").stdout


def test_a_case_outlives_a_server_that_is_killed(house):
    client = new_client(house, "Killed")
    number = str(open_case(house, client, "--hold", "traffic")["case"])
    house.stop_process("server", signal.SIGKILL)
    assert [row["case"] for row in house.json("review", "list")] == [int(number)]
    assert buy(house, client).returncode == 1  # without a server too
    refused = house.json("review", "refuse", number, "--by", "Ana", "--why", "no answer in 14 days")
    assert refused["case"]["state"] == "refused" and refused["case"]["holds"] == "traffic"
    house.start()
    assert figure(house, "entrepot_reviews_open") == 0
    assert buy(house, client).returncode == 1
    house.command("review", "release", number, "--by", "Ben", "--why", "they answered")
    assert buy(house, client).returncode == 0


def test_two_who_decide_at_once_decide_once(house):
    number = str(open_case(house, new_client(house, "Twice"))["case"])
    done = []
    threads = [threading.Thread(target=lambda verb=verb: done.append(
        house.command("review", verb, number, "--by", verb, "--why", "at once", check=False)))
        for verb in ("release", "release", "release", "release")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(one.returncode for one in done) == [0, 1, 1, 1]
    assert all("is released already (CONFLICT)" in one.stderr for one in done if one.returncode)
    assert len(house.json("review", "show", number)["decisions"]) == 2


def test_what_is_wrong_is_refused_and_changes_nothing(house):
    client = new_client(house, "Wrong")
    number = str(open_case(house, client)["case"])
    long = "x" * 1025
    for words, code in (
            (("release", number, "--by", "Ana"), 2),
            (("release", number, "--by", "", "--why", "x"), 2),
            (("release", number, "--by", "A\nB", "--why", "x"), 2),
            (("release", number, "--by", "Ana", "--why", long), 2),
            (("release", "99999999999999999999", "--by", "Ana", "--why", "x"), 2),
            (("release", "0x1", "--by", "Ana", "--why", "x"), 2),
            (("refuse", "9999", "--by", "Ana", "--why", "x"), 1),
            (("open", "--client", client, "--kind", "origin", "--by", "Ana", "--why", "again"), 1),
            (("open", "--client", "cli_00000000000000000000000000", "--kind", "origin", "--by", "A", "--why", "b"), 1),
            (("open", "--client", client, "--kind", "language", "--by", "Ana", "--why", "writes Chinese"), 2),
    ):
        done = house.command("review", *words, check=False)
        assert done.returncode == code, (words, done.stdout, done.stderr)
    assert house.json("review", "show", number)["case"]["state"] == "open"
    wait_for(house.ready, "readiness")
    house.command("review", "release", number, "--by", "Ana", "--why", "tests are over")
