"""What each failure leaves in the books, and who pays: the rows of the table in docs/operating.md."""

import json
import re
import signal
import sqlite3
import socket
import threading
import time

import pytest

from conftest import House, wait_for
from talker import Talker, events, text_of

MODEL = "aurora-large"
CHAT = "/v1/chat/completions"
ASK = {"model": MODEL, "messages": [{"role": "user", "content": "Tell me about rivers."}], "max_tokens": 600}
PRICE_OUT = 10e-6  # USD a token of the example's price book
PRICE_IN = 2.5e-6


class Trial(House):
    """A house whose upstreams are talkers in this process, with some lines of configuration of its own."""

    def __init__(self, folder, settings="", abort_billing="stops"):
        super().__init__(folder)
        self.configure(settings)
        routes = folder / "registry" / "routes.yaml"
        routes.write_text(re.sub(r"abort_billing: \w+", f"abort_billing: {abort_billing}", routes.read_text()))
        self.apply()
        self.talkers = [Talker(port) for port in self.upstreams]

    def configure(self, settings):
        text = self.conf.read_text()
        for line in settings.splitlines():
            key = line.split(":")[0]
            text = re.sub(rf"(?m)^{re.escape(key)}:.*\n?", "", text)
        self.conf.write_text(text.rstrip("\n") + "\n" + settings + "\n")

    def configure_limit(self, line):
        text = self.conf.read_text()
        key = line.split(":")[0]
        text = re.sub(rf"(?m)^  {key}:.*\n?", "", text)
        with_limits = re.sub(r"(?m)^limits:$", f"limits:\n  {line}", text)
        self.conf.write_text(with_limits if with_limits != text else text.rstrip("\n") + f"\nlimits:\n  {line}\n")

    def set(self, **what):
        for talker in self.talkers:
            for name, value in what.items():
                setattr(talker, name, value)

    def total(self, name):
        return sum(getattr(talker, name) for talker in self.talkers)

    def buyer(self, amount):
        client = self.json("client", "add", "--name", "buyer", "--party", "first-client")["id"]
        self.command("credit", "purchase", "--client", client, "--amount", str(amount))
        return self.json("key", "add", "--client", client, "--product", "world")["key"]

    def credit_of(self, key):
        return json.loads(self.request("/v1/credits", key=key)[2])["data"]

    def rows(self, sql):
        base = sqlite3.connect(f"file:{self.folder}/var/entrepot.db?mode=ro", uri=True, timeout=20)
        try:
            return base.execute(sql).fetchall()
        finally:
            base.close()

    def receipt(self, call):
        return self.json("receipt", "show", call)

    def sound(self):
        audit = self.command("audit", check=False)
        assert audit.returncode == 0, audit.stdout + audit.stderr

    def open_stream(self, key=None, **change):
        """A stream under way: its connection, and what was read of it so far."""
        body = json.dumps({**ASK, "stream": True, **change}).encode()
        line = socket.create_connection(("127.0.0.1", self.public), timeout=20)
        line.sendall(b"POST /v1/chat/completions HTTP/1.0\r\nHost: x\r\nAuthorization: Bearer %s\r\n"
                     b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n"
                     % ((key or self.key).encode(), len(body)) + body)
        data = b""
        while data.count(b" word") < 3:
            got = line.recv(65536)
            assert got, data
            data += got
        call = re.search(rb"(?i)x-entrepot-call: (\S+)", data).group(1).decode()
        return line, data, call

    def end(self):
        self.stop()
        for talker in self.talkers:
            talker.stop()
        self.sound()


@pytest.fixture
def trial(tmp_path):
    made = []

    def make(settings="", **options):
        made.append(Trial(tmp_path / "demo", settings, **options))
        return made[0]

    yield make
    for house in made:
        house.end()


# ---- usage above the hold: holds in steps ---------------------------------------------------


def test_a_hold_grows_while_the_answer_is_delivered(trial):
    house = trial("hold_first_tokens: 40")
    house.set(words=300, pace=0.002)
    house.start()
    status, headers, body = house.request(CHAT, {**ASK, "stream": True})
    assert status == 200
    parsed, done = events(body)
    assert done and text_of(parsed) == " word" * 300
    call = headers["x-entrepot-call"]
    steps = house.rows("SELECT n, amount FROM hold_ext ORDER BY n")
    assert [n for n, _ in steps] == list(range(1, len(steps) + 1))
    assert 5 <= len(steps) <= 8, "300 of 600 tokens, 40 at a time"
    held, posted = house.rows("SELECT h.amount, s.posted FROM hold h JOIN settlement s ON s.hold = h.id")[0]
    assert held < posted <= held + sum(amount for _, amount in steps)
    receipt = house.receipt(call)
    assert receipt["client"]["outcome"] == "complete"
    assert int(receipt["operator"]["held"]) == held + sum(amount for _, amount in steps)
    assert float(house.credits()["held"]) == 0


def test_an_answer_ends_cleanly_where_the_credit_ends(trial):
    house = trial("hold_first_tokens: 40")
    house.set(words=500, pace=0.002)
    house.start()
    key = house.buyer("0.004")
    status, headers, body = house.request(CHAT, {**ASK, "stream": True, "stream_options": {"include_usage": True}}, key=key)
    assert status == 200
    parsed, done = events(body)
    assert done, "the stream has its end"
    last = parsed[-2]
    reported = parsed[-1]["usage"]
    assert [choice["finish_reason"] for choice in last["choices"]] == ["length"]
    assert last["entrepot"]["reason"] == "credit_exhausted" and last["object"] == "chat.completion.chunk"
    said = text_of(parsed).count("word")
    assert 100 < said < 400
    call = headers["x-entrepot-call"]
    receipt = house.receipt(call)
    assert receipt["client"]["outcome"] == "interrupted"
    assert receipt["client"]["reasons"] == ["credit_exhausted"]
    billed = receipt["client"]["billed"]
    assert int(billed["out"]) == said, "what was delivered, and no token more"
    assert reported["completion_tokens"] == said and reported["prompt_tokens"] == int(billed["in"])
    used = float(house.credit_of(key)["total_usage"])
    assert used == pytest.approx(said * PRICE_OUT + int(billed["in"]) * PRICE_IN)
    assert used <= 0.004
    assert float(house.credit_of(key)["held"]) == 0
    wait_for(lambda: house.total("aborted") == 1, "the end of the upstream's connection")
    assert house.total("written") < 500


def test_a_stream_that_comes_at_once_ends_where_the_credit_ends_too(trial):
    """Without a pace the answer is far ahead of its rows: nothing leaves before one covers it, and all that one covers does."""
    house = trial("hold_first_tokens: 40")
    house.set(words=500)
    house.start()
    key = house.buyer("0.004")
    status, _, body = house.request(CHAT, {**ASK, "stream": True}, key=key)
    parsed, done = events(body)
    assert status == 200 and done and parsed[-1]["choices"][0]["finish_reason"] == "length"
    said = text_of(parsed).count("word")
    ext = house.rows("SELECT sum(x.amount) FROM hold_ext x JOIN settlement s ON s.hold = x.hold")[0][0]
    assert ext > 0 and said > 100
    assert float(house.credit_of(key)["total_usage"]) <= 0.004
    status, _, body = house.request(CHAT, {**ASK, "stream": True})
    parsed, done = events(body)
    assert done and text_of(parsed) == " word" * 500, "with credit it is whole"


def test_tokens_that_nobody_saw_are_paid_from_what_the_cap_may_cost(trial):
    """Hidden reasoning is reported at the end alone: the hold grows once more, with the settlement."""
    house = trial("hold_first_tokens: 40")
    house.set(words=20, reasoning=300)
    house.start()
    status, headers, _ = house.request(CHAT, {**ASK, "stream": True})
    assert status == 200
    receipt = house.receipt(headers["x-entrepot-call"])
    assert receipt["operator"]["overrun"] == "0"
    assert int(receipt["client"]["amount"]) == round((320 * PRICE_OUT + 9 * PRICE_IN) * 1e9)
    house.set(reasoning=3000)
    status, headers, _ = house.request(CHAT, {**ASK, "stream": True})
    receipt = house.receipt(headers["x-entrepot-call"])
    assert int(receipt["operator"]["overrun"]) > 0, "above the cap it is the operator's loss"
    assert int(receipt["client"]["amount"]) == int(receipt["operator"]["held"])
    assert status == 200
    call = headers["x-entrepot-call"]

    def alarms_told():
        return [line for line in (house.folder / "server.log").read_text().splitlines() if '"event":"overrun"' in line]

    wait_for(alarms_told, "the alarm")
    alarms = alarms_told()
    assert len(alarms) == 1 and call in alarms[0] and f'"lost_nano":{receipt["operator"]["overrun"]}' in alarms[0]


# ---- a crash in mid-stream: marks -----------------------------------------------------------


def read_to_the_end(line, data):
    line.settimeout(20)
    try:
        while got := line.recv(65536):
            data += got
    except OSError:
        pass
    line.close()
    return data


@pytest.mark.parametrize("pace, seconds, company", [(0.005, 1.7, 0), (0.005, 1.2, 3), (0.0005, 0.8, 0), (0.02, 2.3, 0)])
def test_a_crash_in_mid_stream_gives_away_one_mark_at_most(trial, pace, seconds, company):
    """The client pays at most what it saw, and at least what it saw but for the last 500 ms or 256 tokens."""
    house = trial()
    house.set(words=20000, pace=pace)
    house.start()
    ask = {"max_tokens": 30000}
    streams = [house.open_stream(**ask) for _ in range(company + 1)]
    for line, _, _ in streams[1:]:
        line.settimeout(20)
    time.sleep(seconds)
    house.stop_process("server", signal.SIGKILL)
    saw = {call: read_to_the_end(line, data).count(b" word") for line, data, call in streams}
    house.start()
    for call, tokens in saw.items():
        client = house.receipt(call)["client"]
        assert client["outcome"] == "interrupted" and client["billed_by"] == "recovered"
        status, _, shown = house.request(f"/v1/receipts/{call}")
        assert status == 200 and json.loads(shown)["client"] == client, "who is charged is shown why"
        billed = int(client["billed"]["out"])
        assert billed <= tokens, "never more than the client saw"
        # A mark waits up to 50 ms for a commit, and a commit takes its time on a busy machine.
        interval = min(256, 0.5 / pace)
        assert billed >= tokens - interval - 0.25 / pace - 64, (billed, tokens)
        assert int(client["amount"]) == int((billed * PRICE_OUT + int(client["billed"]["in"]) * PRICE_IN) * 1e9 + 0.5)
    assert float(house.credits()["held"]) == 0
    house.sound()


def test_a_short_stream_writes_no_mark(trial):
    house = trial()
    house.set(words=30)
    house.start()
    for _ in range(3):
        assert house.request(CHAT, {**ASK, "stream": True})[0] == 200
    assert house.rows("SELECT count(*) FROM hold_progress") == [(0,)]


def test_a_stream_is_marked_at_most_once_an_interval(trial):
    house = trial()
    house.set(words=300, pace=0.005)
    house.start()
    seen, begun = set(), time.monotonic()
    line, data, _ = house.open_stream()
    reader = threading.Thread(target=read_to_the_end, args=(line, data))
    reader.start()
    while reader.is_alive():
        seen.update(row[0] for row in house.rows("SELECT marked_ns FROM hold_progress"))
        time.sleep(0.02)
    times = sorted(seen)
    assert 2 <= len(times) <= 1 + (time.monotonic() - begun) / 0.45, "of 1.5 s, or as long as it took"
    assert all(b - a > 450e6 for a, b in zip(times, times[1:]))


# ---- retries: attempts apart from the call --------------------------------------------------

ATTEMPTS = ("SELECT a.n, a.route, a.upstream_id, a.outcome, a.usage_source, a.sent, a.billable FROM attempt a"
            " JOIN hold h ON h.id = a.hold ORDER BY a.id")


def test_a_retry_is_an_attempt_of_its_own_and_one_is_charged(trial):
    house = trial()
    house.set(words=20)
    house.talkers[0].status = 500
    house.start()
    for stream in (False, True):
        status, headers, _ = house.request(CHAT, {**ASK, "model": "aurora-small", "stream": stream})
        assert status == 200
        tries = house.receipt(headers["x-entrepot-call"])["operator"]["tries"]
        assert [(one["route"], one["outcome"], one["billable"], one["sent"]) for one in tries] == [
            ("aurora-small-us", "upstream_error", "no", "yes"), ("aurora-small-sg", "complete", "yes", "yes")]
        assert tries[1]["upstream_id"].startswith("up-")
    rows = house.rows(ATTEMPTS)
    assert [row[:2] + row[3:] for row in rows] == 2 * [
        (1, "aurora-small-us", "upstream_error", "none", 1, 0), (2, "aurora-small-sg", "complete", "upstream", 1, 1)]
    assert all(row[2].startswith("up-") for row in rows)
    house.talkers[1].status = 503
    status, headers, _ = house.request(CHAT, {**ASK, "model": "aurora-small"})
    assert status == 502
    assert house.receipt(headers["x-entrepot-call"])["client"]["amount"] == "0"
    assert [row[6] for row in house.rows(ATTEMPTS)][-2:] == [0, 0], "nobody pays for what nobody got"


def test_an_unreachable_upstream_was_never_sent_anything(trial):
    house = trial()
    house.start()
    house.talkers[0].stop()
    status, headers, _ = house.request(CHAT, {**ASK, "model": "aurora-small"})
    assert status == 200
    tries = house.receipt(headers["x-entrepot-call"])["operator"]["tries"]
    assert [(one["outcome"], one["sent"]) for one in tries] == [("upstream_unreachable", "no"), ("complete", "yes")]


# ---- the client goes: drains ----------------------------------------------------------------


def leave(house, **change):
    """Leaves a stream after some words: its call, and how many it had got."""
    line, data, call = house.open_stream(**change)
    words = data.count(b" word")
    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # at once, with a reset
    line.close()
    return call, words


def settled(house, call):
    found = lambda: house.command("receipt", "show", call, check=False).returncode == 0
    wait_for(found, "the receipt of the abandoned call")
    return house.receipt(call)["client"]


def test_an_upstream_that_stops_billing_is_aborted(trial):
    house = trial(abort_billing="stops")
    house.set(words=300, pace=0.01)
    house.start()
    call, words = leave(house)
    client = settled(house, call)
    wait_for(lambda: house.total("aborted") == 1, "the abort")
    assert house.total("written") < 200
    assert client["outcome"] == "interrupted" and client["billed_by"] == "counted"
    assert words <= int(client["billed"]["out"]) <= house.total("written")
    assert client["generated_by"] == "local_count" and client["generated"] == client["counted"]


@pytest.mark.parametrize("policy", ["continues", "unknown"])
@pytest.mark.parametrize("terms", ["delivered", "generated"])
def test_an_upstream_that_bills_on_is_read_to_its_end(trial, policy, terms):
    house = trial(abort_billing=policy)
    products = house.folder / "registry" / "products.yaml"
    products.write_text(products.read_text().replace("mode: aggregate", f"mode: aggregate\n    abandoned: {terms}"))
    house.apply()
    house.set(words=100, pace=0.005)
    house.start()
    call, words = leave(house)
    client = settled(house, call)
    assert house.total("ended") == 1 and house.total("written") == 100
    assert client["outcome"] == "interrupted"
    assert client["generated_by"] == "upstream_final" and client["generated"]["out"] == "100"
    delivered = int(client["counted"]["out"])
    assert words <= delivered < 100
    assert int(client["billed"]["out"]) == (delivered if terms == "delivered" else 100)
    assert client["billed_by"] == ("counted" if terms == "delivered" else "upstream")
    usage = json.loads(house.rows("SELECT usage FROM settlement")[0][0])
    assert usage["generated"]["out"] == 100 and usage["generated_by"] == "upstream_final"


def test_a_client_that_left_pays_for_what_it_took_whatever_its_source_reported(trial):
    """The source tells no usage at all, or tells it and breaks off: the rest of its answer went to nobody."""
    house = trial(abort_billing="continues")
    house.start()
    for usage in ("none", "cut"):
        house.set(words=100, pace=0.005, usage=usage)
        call, words = leave(house)
        client = settled(house, call)
        assert (client["outcome"], client["billed_by"]) == ("interrupted", "counted"), client
        assert words <= int(client["billed"]["out"]) < 100 and client["billed"] == client["counted"], client
        assert client["generated_by"] == ("local_count" if usage == "none" else "upstream_final")


@pytest.mark.parametrize("usage", ["exact", "none"])
def test_a_whole_answer_that_nobody_waited_for_is_charged_by_the_terms(trial, usage):
    house = trial(abort_billing="continues")
    house.set(words=50, first=0.5, usage=usage)
    house.start()
    body = json.dumps(ASK).encode()
    line = socket.create_connection(("127.0.0.1", house.public))
    line.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\n"
                 b"Content-Length: %d\r\n\r\n" % (house.key.encode(), len(body)) + body)
    wait_for(lambda: house.total("asked_count") == 1, "the upstream's turn")
    line.close()
    wait_for(lambda: house.rows("SELECT count(*) FROM settlement") == [(1,)], "the settlement")
    posted, told = house.rows("SELECT posted, usage FROM settlement")[0]
    assert posted == 0, "nothing was delivered"
    assert json.loads(told).get("generated", {}).get("out") == (50 if usage == "exact" else None)


def test_drains_are_capped_in_number(trial):
    house = trial(abort_billing="continues")
    house.configure_limit("drains_max: 1")
    house.set(words=200, pace=0.01)
    house.start()
    calls = [leave(house)[0] for _ in range(2)]
    wait_for(lambda: house.total("aborted") == 1, "the abort of the second")
    receipts = [settled(house, call) for call in calls]
    assert sorted(receipt["generated_by"] for receipt in receipts) == ["local_count", "upstream_final"]
    assert house.total("ended") == 1


def test_a_drain_is_capped_in_time(trial):
    house = trial(abort_billing="continues")
    house.configure_limit("drain_call_ms: 300")
    house.set(words=1000, pace=0.01)
    house.start()
    call, _ = leave(house)
    began = time.monotonic()
    client = settled(house, call)
    assert time.monotonic() - began < 3, "1000 words take ten seconds"
    wait_for(lambda: house.total("aborted") == 1, "the abort")
    assert client["generated_by"] == "local_count" and client["billed_by"] == "counted"


def test_an_upstream_that_breaks_off_is_paid_for_what_was_delivered(trial):
    house = trial()
    house.set(words=100, cut_after=25)
    house.start()
    status, headers, body = house.request(CHAT, {**ASK, "stream": True})
    assert status == 200
    parsed, done = events(body)
    assert done and parsed[-1]["error"]["code"] == "upstream_cut"
    client = house.receipt(headers["x-entrepot-call"])["client"]
    assert client["outcome"] == "interrupted" and client["billed"]["out"] == "25" and client["billed_by"] == "counted"
    assert client["generated_by"] == "local_count"
    house.set(cut_after=0)
    status, headers, body = house.request(CHAT, {**ASK, "stream": True})
    client = house.receipt(headers["x-entrepot-call"])["client"]
    assert client["amount"] == "0" and client["outcome"] == "failed", "no output, no charge"
