"""Credit as clients and operators meet it: budgets, expiry, price lists, refusals, two operators at once."""

import datetime
import http.client
import json
import os
import random
import signal
import subprocess
import threading
import time
import urllib.request

import pytest

from conftest import ENTREPOT, House, wait_for

MODEL = "aurora-large"
ROUNDS = int(os.environ.get("EP_KILL_ROUNDS", "50"))
ASK = {"model": MODEL, "messages": [{"role": "user", "content": "Tell me about rivers."}], "max_tokens": 60}


def stamp(seconds):
    """RFC 3339, so many seconds from now."""
    at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


def new_client(house, name, *credit):
    client = house.json("client", "add", "--name", name, "--party", "first-client")["id"]
    if credit:
        house.command("credit", "purchase", "--client", client, *credit)
    return client


def new_key(house, client, *budget):
    return house.json("key", "add", "--client", client, "--product", "world", *budget)


def call(house, key, **change):
    status, headers, body = house.request("/v1/chat/completions", {**ASK, **change}, key=key)
    return status, headers, json.loads(body)


def show(house, client):
    return house.json("credit", "show", "--client", client)


@pytest.fixture(autouse=True)
def away_from_midnight():
    """A day's budget begins anew at midnight UTC: no test is to lie on both sides of it."""
    while (left := 86400 - time.time() % 86400) < 20:
        time.sleep(left + 0.1)


# ---- budgets ----------------------------------------------------------------------------------


def test_a_budget_refuses_by_its_window_and_says_what_is_left(house):
    client = new_client(house, "Budgets", "--amount", "5")
    status, headers, _ = call(house, new_key(house, client)["key"])
    assert status == 200
    charge = float(headers["x-entrepot-charge"])
    for window, flag in (("day", "--budget-day"), ("month", "--budget-month"), ("total", "--budget-total")):
        key = new_key(house, client, flag, f"{charge / 2:.9f}")
        before = house.request("/v1/credits", key=key["key"])[2]
        status, headers, body = call(house, key["key"])
        assert status == 429, body
        assert headers["x-should-retry"] == "false"
        error = body["error"]
        assert error["type"] == "insufficient_quota" and error["code"] == f"budget_{window}", error
        facts = error["entrepot"]
        assert facts["window"] == window
        assert float(facts["left"]) == pytest.approx(charge / 2, abs=1e-9)
        assert float(facts["needed"]) > float(facts["left"])
        assert ("resets" in facts) == (window != "total"), facts
        assert house.request("/v1/credits", key=key["key"])[2] == before, "nothing is held or charged"
        receipt = house.json("receipt", "show", facts["call"])
        assert receipt["client"]["outcome"] == "refused" and receipt["client"]["amount"] == "0"


def test_a_budget_lets_through_what_it_covers_and_shows_it(house):
    client = new_client(house, "Near miss", "--amount", "5")
    key = new_key(house, client, "--budget-day", "0.05", "--budget-total", "1")
    status, headers, body = call(house, key["key"])
    assert status == 200, body
    charge = float(headers["x-entrepot-charge"])
    shown = json.loads(house.request("/v1/key", key=key["key"])[2])["data"]
    assert shown["limit"] == 1 and shown["limit_remaining"] == pytest.approx(1 - charge, abs=1e-9)
    day = shown["budgets"][0]
    assert day["window"] == "day" and day["spent"] == pytest.approx(charge, abs=1e-9) and day["held"] == 0
    assert day["resets"].endswith("T00:00:00.000Z")
    listed = next(row for row in house.json("key", "list", "--client", client) if row["id"] == key["id"])
    assert float(listed["day_spent"]) == pytest.approx(charge, abs=1e-9)
    assert listed["month_max"] is None and listed["total_max"] == "1.00"


@pytest.mark.parametrize("budget", [[], ["--budget-total", "1"]], ids=["no budget", "a budget"])
def test_a_key_shows_what_it_has_used_and_its_sisters_show_theirs(house, budget):
    client = new_client(house, "Used", "--amount", "5")
    key, sister = new_key(house, client, *budget), new_key(house, client)
    charges = [call(house, key["key"])[1]["x-entrepot-charge"] for _ in range(2)]
    shown = json.loads(house.request("/api/v1/key", key=key["key"])[2])["data"]
    for name in ("usage", "usage_daily", "usage_weekly", "usage_monthly"):
        assert shown[name] == pytest.approx(sum(map(float, charges)), abs=1e-9) and shown[name] > 0
    unused = json.loads(house.request("/v1/key", key=sister["key"])[2])["data"]
    assert unused["usage"] == unused["usage_weekly"] == 0 and unused["rate_limit"]["requests"] == -1


def test_an_answer_without_a_cap_is_capped_by_the_budget(house):
    client = new_client(house, "Uncapped", "--amount", "50")
    key = new_key(house, client, "--budget-day", "0.01")
    ask = {"model": MODEL, "messages": ASK["messages"]}
    status, headers, body = house.request("/v1/chat/completions", ask, key=key["key"])
    assert status == 200, body
    assert float(headers["x-entrepot-charge"]) <= 0.01


def test_calls_at_once_never_spend_more_than_the_budget(house):
    client = new_client(house, "Race", "--amount", "50")
    key = new_key(house, client, "--budget-day", "0.005")
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(call(house, key["key"]))) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    charged = sum(float(headers["x-entrepot-charge"]) for status, headers, _ in answers if status == 200)
    refused = [body["error"]["code"] for status, _, body in answers if status != 200]
    assert 0 < charged <= 0.005
    assert refused and set(refused) == {"budget_day"}
    day = json.loads(house.request("/v1/key", key=key["key"])[2])["data"]["budgets"][0]
    assert day["spent"] == pytest.approx(charged, abs=1e-9) and day["held"] == 0


def test_an_answer_is_given_again_when_the_budget_is_used_up(house):
    client = new_client(house, "Again", "--amount", "5")
    key = new_key(house, client, "--budget-total", "1")
    body = {**ASK, "max_tokens": 40}
    first = house.request("/v1/chat/completions", body, key=key["key"], headers={"Idempotency-Key": "once"})
    assert first[0] == 200
    house.command("key", "budget", key["id"], "--budget-total", first[1]["x-entrepot-charge"])
    again = house.request("/v1/chat/completions", body, key=key["key"], headers={"Idempotency-Key": "once"})
    assert again[0] == 200 and again[1]["x-entrepot-replayed"] == "true" and again[2] == first[2]
    other = house.request("/v1/chat/completions", body, key=key["key"], headers={"Idempotency-Key": "twice"})
    assert other[0] == 429 and json.loads(other[2])["error"]["code"] == "budget_total"


def test_what_a_key_has_spent_outlives_a_crash(tmp_path):
    house = House(tmp_path / "demo")
    house.upstream(0)
    house.upstream(1)
    house.start()
    try:
        client = house.json("client", "list")[0]["id"]
        key = new_key(house, client, "--budget-month", "1")
        charges = [float(call(house, key["key"])[1]["x-entrepot-charge"]) for _ in range(3)]
        house.stop_process("server", signal.SIGKILL)
        house.start()
        month = json.loads(house.request("/v1/key", key=key["key"])[2])["data"]["budgets"][0]
        assert month["window"] == "month" and month["spent"] == pytest.approx(sum(charges), abs=1e-9)
        house.command("key", "budget", key["id"], "--budget-month", f"{sum(charges):.9f}")
        assert call(house, key["key"])[2]["error"]["code"] == "budget_month"
        house.command("key", "budget", key["id"], "--budget-month", "none")
        assert call(house, key["key"])[0] == 200
        house.command("audit")
    finally:
        house.stop()


@pytest.mark.slow
def test_budgets_agree_with_the_books_after_each_kill(tmp_path):
    """Calls of a budgeted key, purchases and expiries under way when the server is killed."""
    house = House(tmp_path / "demo")
    for at in (0, 1):
        house.upstream(at, "--pace-ms", "1")
    dice = random.Random(20261125)
    seen = 0
    try:
        house.start()
        client = house.json("client", "list")[0]["id"]
        key = new_key(house, client, "--budget-day", "50", "--budget-total", "60")
        for _ in range(min(ROUNDS, 10)):
            done = threading.Event()
            answered = []

            def caller():
                while not done.is_set():
                    try:
                        answered.append(float(call(house, key["key"])[1]["x-entrepot-charge"]))
                    except (OSError, ValueError, KeyError, TypeError, http.client.HTTPException):
                        pass

            def operator():
                while not done.is_set():
                    house.command("credit", "purchase", "--client", client, "--amount", "0.01", "--kind", "promo",
                                  "--expires", stamp(0.3), check=False)

            threads = [threading.Thread(target=work) for work in (caller, caller, caller, operator)]
            for thread in threads:
                thread.start()
            time.sleep(0.2 + dice.random() * 0.4)
            house.stop_process("server", signal.SIGKILL)
            done.set()
            for thread in threads:
                thread.join(20)
            seen += sum(answered)
            audit = house.command("audit", check=False)
            assert audit.returncode == 0, audit.stdout + audit.stderr
            house.start()
        spent = json.loads(house.request("/v1/key", key=key["key"])[2])["data"]["budgets"]
        assert all(window["held"] == 0 for window in spent)
        assert spent[-1]["window"] == "total" and spent[-1]["spent"] >= seen - 1e-9, "what was answered is counted"
        listed = next(row for row in house.json("key", "list") if row["id"] == key["id"])
        assert float(listed["total_spent"]) == pytest.approx(spent[-1]["spent"], abs=1e-9)
    finally:
        house.stop()


# ---- expiry -----------------------------------------------------------------------------------


def test_credit_is_over_at_its_instant_and_calls_after_it_are_refused(house):
    client = new_client(house, "Short", "--amount", "1", "--kind", "promo", "--expires", stamp(2.5))
    key = new_key(house, client)["key"]
    assert call(house, key)[0] == 200
    wait_for(lambda: show(house, client)["available"] == "0.00", "the end of the credit", 6)
    status, _, body = call(house, key)
    assert status == 429 and body["error"]["code"] == "insufficient_quota"
    credit = show(house, client)
    assert float(credit["expired"]) > 0.9
    breakage = house.json("credit", "breakage")
    assert any(row["lot"] == credit["lots"][0]["lot"] and row["kind"] == "promo" for row in breakage)
    wait_for(lambda: '"event":"credit_expired"' in (house.folder / "server.log").read_text(), "the event")


def test_what_is_held_at_the_end_is_over_when_its_call_ends(tmp_path):
    house = House(tmp_path / "demo")
    for at in (0, 1):
        house.upstream(at, "--pace-ms", "60", "--words", "60")
    house.start()
    try:
        client = new_client(house, "Held", "--amount", "1", "--kind", "promo", "--expires", stamp(1.5))
        key = new_key(house, client)["key"]
        status, _, _ = house.request("/v1/chat/completions", {**ASK, "stream": True}, key=key)
        assert status == 200, "a call that began in time is answered"
        wait_for(lambda: show(house, client)["available"] == "0.00", "the end of what was held", 6)
        credit = show(house, client)
        assert credit["held"] == "0.00"
        assert float(credit["used"]) > 0
        assert float(credit["used"]) + float(credit["expired"]) == pytest.approx(1, abs=1e-9)
        house.command("audit")
    finally:
        house.stop()


def test_a_client_is_warned_before_its_credit_ends(tmp_path):
    house = House(tmp_path / "demo")
    client = house.json("client", "list")[0]["id"]
    house.command("credit", "purchase", "--client", client, "--amount", "3", "--kind", "promo", "--expires",
                  stamp(20 * 86400))
    house.start()
    try:
        log = house.folder / "server.log"
        wait_for(lambda: "credit_ends_soon" in log.read_text(), "the warning")
        event = next(json.loads(line) for line in log.read_text().splitlines() if "credit_ends_soon" in line)
        assert event["days"] == 30 and event["lot"] == 2
        soon = house.credits()["expiring"]
        assert [row["lot"] for row in soon] == [2] and soon[0]["days_left"] == 19 and soon[0]["remaining"] == 3
        assert [lot["warning"] for lot in show(house, client)["lots"]] == [None, "30 days"]
        with urllib.request.urlopen(f"http://127.0.0.1:{house.operator}/metrics") as metrics:
            text = metrics.read().decode()
        assert "entrepot_credit_lots_ending 1" in text and "entrepot_credit_warnings_total 1" in text
    finally:
        house.stop()


# ---- price lists ------------------------------------------------------------------------------


def test_credit_keeps_the_price_list_it_was_bought_under(tmp_path):
    house = House(tmp_path / "demo")
    house.upstream(0)
    house.upstream(1)
    house.start()
    try:
        old = house.json("client", "list")[0]["id"]
        before = float(call(house, house.key)[1]["x-entrepot-charge"])
        books = house.folder / "registry" / "price_books.yaml"
        text = books.read_text()
        at = text.index("world-2026")
        sale = text[at:].replace('version: "1"', 'version: "2"', 1).replace('input: "2.50"', 'input: "5.00"').replace(
            'output: "10.00", reasoning', 'output: "20.00", reasoning')
        books.write_text(text[:at] + sale)
        house.apply()
        status, headers, _ = call(house, house.key)
        assert float(headers["x-entrepot-charge"]) == pytest.approx(before, abs=1e-9), "the old list"
        assert house.json("receipt", "show", headers["x-entrepot-call"])["client"]["price_book"] == "world-2026/1"
        fresh = new_client(house, "New list", "--plan", "starter")
        fresh_key = new_key(house, fresh)["key"]
        price = {key: json.loads(house.request(f"/v1/models/{MODEL}", key=key)[2])["pricing"]["prompt"]
                 for key in (house.key, fresh_key)}
        assert price == {house.key: "0.0000025", fresh_key: "0.000005"}, "what the next call costs"
        status, headers, _ = call(house, fresh_key)
        assert float(headers["x-entrepot-charge"]) == pytest.approx(2 * before, abs=2e-9), "the new list"
        assert house.json("receipt", "show", headers["x-entrepot-call"])["client"]["price_book"] == "world-2026/2"
        assert [lot["price_list"] for lot in show(house, old)["lots"]] == ["world-2026/1"]
        assert [lot["price_list"] for lot in show(house, fresh)["lots"]] == ["world-2026/2"]
        house.stop_process("server")
        house.start()
        assert float(call(house, house.key)[1]["x-entrepot-charge"]) == pytest.approx(before, abs=1e-9)
        house.command("audit")
    finally:
        house.stop()


# ---- refusals ---------------------------------------------------------------------------------


def test_credit_moves_to_nobody(house):
    for path, code in (("transfer", "token_not_transferable"), ("gift", "token_no_resale"),
                       ("redeem", "token_no_resale")):
        status, _, body = house.request(f"/v1/credits/{path}", {"to": "cli_1", "amount": 5})
        assert status == 409 and json.loads(body)["error"]["code"] == code
        assert house.request(f"/v1/credits/{path}", {"amount": 5}, key="sk-ep-wrong")[0] == 401
        done = house.command("credit", path, check=False)
        assert done.returncode == 1 and code.upper() in done.stderr


def test_a_withdrawn_plan_is_sold_no_more_after_a_reload(house):
    client = new_client(house, "Withdrawn", "--plan", "starter")
    products = house.folder / "registry" / "products.yaml"
    text = products.read_text()
    try:
        products.write_text(text.replace("expires_days: 365}", "expires_days: 365, withdrawn: true}"))
        house.apply()
        done = house.command("credit", "purchase", "--client", client, "--plan", "starter", check=False)
        assert done.returncode == 1 and "PLAN_WITHDRAWN" in done.stderr
    finally:
        products.write_text(text)
        house.apply()
    house.command("credit", "purchase", "--client", client, "--plan", "starter")
    assert show(house, client)["bought"] == "200.00"


# ---- two operators ----------------------------------------------------------------------------


def at_once(house, *words, count=4):
    """The same command by so many operators at the same time: exit codes and what was wrong."""
    started = [subprocess.Popen([ENTREPOT, *words, "-c", str(house.conf)], stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True) for _ in range(count)]
    ended = [(process.communicate()[1], process.returncode) for process in started]
    return sorted(code for _, code in ended), [text for text, code in ended if code]


def test_operators_who_book_one_payment_at_once_sell_once(house):
    client = new_client(house, "Twice")
    codes, wrong = at_once(house, "credit", "purchase", "--client", client, "--plan", "starter", "--payment", "R-77")
    assert codes == [0, 1, 1, 1]
    assert all("R-77" in text and "(CONFLICT)" in text for text in wrong)
    assert show(house, client)["bought"] == "100.00"


def test_operators_who_refund_one_lot_at_once_pay_once(house):
    client = new_client(house, "Back", "--plan", "starter")
    lot = str(show(house, client)["lots"][0]["lot"])
    codes, wrong = at_once(house, "credit", "refund", "--client", client, "--lot", lot)
    assert codes == [0, 1, 1, 1]
    assert all("(TOKEN_NO_CASH_OUT)" in text for text in wrong)
    assert show(house, client)["refunded"] == "100.00"


def test_operators_without_a_server_are_told_to_wait(tmp_path):
    house = House(tmp_path / "demo")
    client = house.json("client", "list")[0]["id"]
    codes, wrong = at_once(house, "credit", "purchase", "--client", client, "--plan", "starter", "--payment", "R-1",
                           count=6)
    assert codes.count(0) == 1 and set(codes) <= {0, 1, 3}
    assert all("R-1" in text or "STORE_LOCKED" in text for text in wrong), wrong
    assert show(house, client)["bought"] == "200.00"
    house.command("audit")


def test_operators_who_apply_at_once_leave_one_registry_in_force(house):
    codes, wrong = at_once(house, "registry", "apply")
    assert codes == [0, 0, 0, 0], wrong
    assert call(house, house.key)[0] == 200


def test_a_purchase_while_calls_are_sold_is_whole(house):
    client = new_client(house, "Busy", "--amount", "1")
    key = new_key(house, client)["key"]
    done = threading.Event()
    failures = []

    def caller():
        while not done.is_set():
            status, _, body = call(house, key)
            if status != 200:
                failures.append(body)

    threads = [threading.Thread(target=caller) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(5):
        house.command("credit", "purchase", "--client", client, "--amount", "1", "--payment", f"B-{number}")
        time.sleep(0.05)
    done.set()
    for thread in threads:
        thread.join()
    assert not failures
    credit = show(house, client)
    assert credit["bought"] == "6.00"
    parts = sum(float(credit[part]) for part in ("used", "held", "available"))
    assert parts == pytest.approx(6, abs=1e-9)
    entries = house.json("credit", "entries", "--client", client)
    assert sum(row["what"] == "purchase" for row in entries) == 6
    assert all((row["debit"] == "customer_credit") != (row["credit"] == "customer_credit") for row in entries)
