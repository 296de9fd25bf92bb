"""Toys that are spoken with: a question of espeak-ng's voice goes through the whole path and is answered by it; and all that
a toy can do wrong."""

import hmac
import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import time
import urllib.request

import pytest

import voice_toy
from conftest import ROOT, wait_for
from voice_toy import HELLO, MODEL, RATE, Codec, Refused, Toy, Toys, spoken, tone, wav

QUESTION = "how far is the moon"
ANSWER = ["The moon is very far away.", "Good night."]
SENTENCES = [QUESTION, "the moon is very far away", "good night", "tell me a story", "what is your name",
             "once upon a time there was a bear"]

pytestmark = pytest.mark.skipif(voice_toy.OPUS is None, reason="no libopus: make deps")


def needs_speech():
    if shutil.which("espeak-ng") is None:
        pytest.skip("no espeak-ng: make deps")
    if importlib.util.find_spec("pocketsphinx") is None:
        pytest.skip("no pocketsphinx: tests/e2e/run installs it")


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    made = Toys(tmp_path_factory.mktemp("voice") / "demo")
    made.chat_says(" ".join(ANSWER))
    made.start()
    yield made
    made.stop()
    audit = made.command("audit", check=False)
    assert audit.returncode == 0, audit.stdout + audit.stderr


@pytest.fixture(scope="module")
def speaking(house):
    needs_speech()
    house.speech_upstream(SENTENCES)
    return house


@pytest.fixture
def toy(house):
    made = Toy(house)
    made.hello()
    yield made
    made.close()


@pytest.fixture(scope="module")
def codec():
    return Codec()


def slow():
    return os.environ.get("EP_BUILD", "").endswith("san")


def settled(house):
    wait_for(lambda: float(house.credits()["held"]) == 0, "the end of all holds")


# ---- the whole path ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """examples/toy, built as its README says."""
    if subprocess.run(["pkg-config", "--exists", "libwebsockets", "sndfile"], check=False).returncode != 0:
        pytest.skip("no libwebsockets or libsndfile: make deps")
    out = tmp_path_factory.mktemp("toy") / "toy"
    subprocess.run(["make", "-s", f"OUT={out}"], cwd=ROOT / "examples" / "toy", check=True)
    return out


def recognised(house, path):
    """What the recogniser reads out of a WAV file."""
    bound = "x" * 20
    body = (f'--{bound}\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n').encode() + \
        path.read_bytes() + f"\r\n--{bound}--\r\n".encode()
    ask = urllib.request.Request(f"http://127.0.0.1:{house.speech}/v1/audio/transcriptions", data=body)
    ask.add_header("Content-Type", f"multipart/form-data; boundary={bound}")
    with urllib.request.urlopen(ask, timeout=30) as answer:
        return json.load(answer)["text"]


def test_a_spoken_question_is_answered_in_speech_and_each_step_has_its_receipt(speaking, program, tmp_path):
    before = len(speaking.segments())
    question, answer = tmp_path / "question.wav", tmp_path / "answer.wav"
    question.write_bytes(wav(spoken(QUESTION), RATE))
    url = f"ws://127.0.0.1:{speaking.public}/v1/devices/voice"
    done = subprocess.run([program, url, speaking.key, question, answer], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == f"heard: {QUESTION}"
    assert lines[1:3] == [f"said: {text}" for text in ANSWER]
    assert re.fullmatch(r"answer: \d+\.\d s in .*", lines[3])
    assert recognised(speaking, answer).startswith("the moon is very far away")
    settled(speaking)
    segments = speaking.segments()[before:]
    assert len(segments) == 1
    steps = segments[0]
    assert [step.get("service", "chat") for step in steps] == ["transcription", "chat", "speech", "speech"]
    assert [step["segment_step"] for step in steps] == ["1", "2", "3", "4"]
    assert all(step["outcome"] == "complete" and step["model_served"] == MODEL for step in steps)
    assert all(int(step["amount"]) > 0 for step in steps)
    assert int(steps[0]["units"]["second_in"]) >= 1
    assert [int(step["units"]["char"]) for step in steps[2:]] == [len(text) for text in ANSWER]
    text = str(steps).lower()
    assert "moon" not in text and "night" not in text


def test_the_toy_says_what_is_the_matter(speaking, program, tmp_path):
    question = tmp_path / "question.wav"
    question.write_bytes(wav(tone(300), RATE))
    url = f"ws://127.0.0.1:{speaking.public}/v1/devices/voice"
    for asked in ([url, "sk-ep-wrong", question], ["nonsense", "sk-ep-wrong", question], [url, speaking.key, tmp_path / "none"]):
        done = subprocess.run([program, *asked, tmp_path / "answer.wav"], capture_output=True, text=True, timeout=60)
        assert done.returncode != 0 and re.match("(toy|usage): .+", done.stderr), done.stderr


def test_talks_in_each_binary_version_with_clocks_a_year_off(speaking, codec):
    question = spoken(QUESTION)
    toys = [Toy(speaking, version=version) for version in (1, 2, 3)]
    for toy in toys:
        toy.hello()
        toy.say({"type": "listen", "state": "detect", "text": "hi"})
        toy.ask(question, codec, clock=(time.time_ns() // 1_000_000 + 31_536_000_000) * toy.version)
    for toy in toys:
        assert toy.told("stt")["text"] == QUESTION
        toy.told("tts", state="start")
        for text in ANSWER:
            toy.told("tts", state="sentence_start", text=text)
        toy.told("tts", state="stop")
        samples = Codec().decode([message for message in toy.passed if isinstance(message, bytes)])
        assert max(samples) > 3000 and len(samples) > 12000
        toy.close()


# ---- turns, with a source of speech that does as it is told ---------------------------------------------------------------


@pytest.fixture(scope="module")
def acted(house):
    made = house.speech_actor()
    yield made
    made.close()


@pytest.fixture
def actor(acted):
    acted.text, acted.ms, acted.faults = "hello", 300, {}
    acted.asked.clear()
    return acted


def packets_of(toy):
    return [message for message in toy.passed if isinstance(message, bytes)]


def test_in_mode_auto_the_pause_ends_the_segment_and_the_talk_goes_on(house, actor, toy, codec):
    for _ in range(2):
        toy.ask(tone(3000, 0) + tone(600) + tone(1200, 0), codec, mode="auto")
        toy.told("stt", text="hello")
        toy.told("tts", state="stop")
        assert len(packets_of(toy)) == 2 * 5
    heard = [len(body) for what, body in actor.asked if what == "transcriptions"]
    assert all(50_000 < size < 75_000 for size in heard)  # two seconds: not all of the quiet around
    settled(house)


def test_who_listens_without_end_is_heard_again_by_himself(house, actor, toy, codec):
    toy.listen("start", "realtime")
    for _ in range(2):
        for packet in codec.encode(tone(600) + tone(1200, 0)):
            toy.packet(packet)
        toy.told("stt", text="hello")
        toy.told("tts", state="stop")
    settled(house)


def test_speech_is_no_faster_than_it_is_heard(house, actor, toy, codec):
    actor.ms = 720
    begun = time.monotonic()
    toy.ask(tone(300), codec)
    toy.told("tts", state="sentence_start")
    toy.told("tts", state="stop")
    assert len(packets_of(toy)) == 24  # two sentences
    assert time.monotonic() - begun > 1.4
    settled(house)


def test_an_abort_ends_what_is_not_spoken_yet(house, actor, toy, codec):
    before = len(house.segments())
    actor.ms = 5000
    toy.ask(tone(300), codec)
    toy.told("tts", state="sentence_start", text=ANSWER[0])
    toy.say({"type": "abort", "reason": "wake_word_detected"})
    toy.told("tts", state="stop")
    assert len(packets_of(toy)) < 150  # of 168; 11 are ahead
    toy.ask(tone(300, 0), codec)  # and what comes next is another turn
    toy.told("tts", state="stop")
    assert not packets_of(toy)
    settled(house)
    steps = house.segments()[before:]
    assert [[step.get("service", "chat") for step in segment] for segment in steps] == [["transcription", "chat", "speech"]]


def test_a_question_that_begins_while_it_is_answered_ends_the_answer(house, actor, toy, codec):
    actor.ms = 5000
    toy.ask(tone(300), codec)
    toy.told("tts", state="sentence_start")
    actor.ms = 300
    toy.ask(tone(300), codec)
    toy.told("tts", state="stop")
    toy.told("stt")
    toy.told("tts", state="stop")
    assert len(packets_of(toy)) == 10
    settled(house)


def test_what_was_said_before_is_told_the_model_again_and_nowhere_kept(house, actor, toy, codec):
    actor.text, actor.ms = "tell me of the hedgehog", 60
    for _ in range(2):
        toy.ask(tone(300), codec)
        toy.told("stt")
        toy.told("tts", state="stop")
    settled(house)
    chats = [step for steps in house.segments()[-2:] for step in steps if "service" not in step]
    first, second = (int(chat["counted"]["in"]) for chat in chats)
    assert second > first + 15  # a turn more
    log = (house.folder / "server.log").read_text()
    kept = b"".join(path.read_bytes() for path in (house.folder / "var").rglob("*") if path.is_file())
    assert "hedgehog" not in log and b"hedgehog" not in kept


def test_a_noise_without_words_costs_its_transcription_and_no_chat(house, actor, toy, codec):
    before = len(house.receipts())
    actor.text = " "
    toy.ask(tone(300), codec)
    assert toy.take()["state"] == "stop"
    settled(house)
    assert [row["service"] for row in house.receipts()[before:]] == ["transcription"]


def test_what_a_model_says_beside_text_does_not_hold_the_turn(house, actor, toy, codec):
    house.chat_says("Good\0\0night.\n\n\n\n Sleep.")
    toy.ask(tone(300), codec)
    toy.told("tts", state="sentence_start", text="Sleep.")
    toy.told("tts", state="stop")
    house.chat_says(" ".join(ANSWER))
    settled(house)


@pytest.mark.parametrize("what, fault, told", [
    ("transcriptions", (500, "application/json", b"{}"), None),
    ("transcriptions", (200, "application/json", b'{"text": 7}'), None),
    ("speech", (503, "text/plain", b"later"), None),
    ("speech", (200, "audio/wav", b"no wav at all"), "could not be read"),
    ("speech", (200, "audio/wav", wav(tone(0), RATE)), "could not be read"),
])
def test_sources_that_fail_end_the_turn_and_not_the_talk(house, actor, toy, codec, what, fault, told):
    actor.faults[what] = fault
    toy.ask(tone(300), codec)
    alert = toy.told("alert")
    assert told is None or told in alert["message"]
    assert alert["message"].endswith(".")
    toy.told("tts", state="stop")
    actor.faults.clear()
    toy.ask(tone(300), codec)  # and the talk goes on
    toy.told("tts", state="sentence_start")
    toy.say({"type": "abort"})
    toy.told("tts", state="stop")
    settled(house)


def test_the_end_of_the_budget_ends_the_talk(house, actor, codec):
    key = house.json("key", "add", "--client", house.json("client", "list")[0]["id"], "--product", "world",
                     "--budget-total", "0.00005")
    toy = Toy(house, key=key["key"])
    toy.hello()
    toy.ask(tone(300), codec)
    (code, reason), told = toy.until_closed()
    assert code == 1008 and "budget" in reason
    assert [message["type"] for message in told] == ["alert"]
    assert not actor.asked
    settled(house)


def test_who_has_no_credit_does_not_connect(house):
    client = house.json("client", "add", "--name", "Poor", "--party", "first-client")["id"]
    key = house.json("key", "add", "--client", client, "--product", "world")["key"]
    with pytest.raises(Refused) as refused:
        Toy(house, key=key)
    assert refused.value.status == 429 and b"insufficient_quota" in refused.value.body


# ---- devices of a fleet --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def fleet(house):
    return house.json("fleet", "add", "--client", house.json("client", "list")[0]["id"], "--product", "world", "--market", "SG",
                      "--maker", "Kancil Toys")


def issue(house, fleet, device, **more):
    body = json.dumps({"device_id": device, **more}).encode()
    status, _, told = house.request("/v1/devices", body, key=fleet["secret"], method="POST")
    assert status == 201, told
    return json.loads(told)


def shown(house, fleet, device):
    return json.loads(house.request(f"/v1/devices/{device}", key=fleet["secret"])[2])


def test_a_device_speaks_by_its_own_key_and_its_receipts_are_its_own(house, actor, codec, fleet):
    made = issue(house, fleet, "aa:bb:cc:00:00:01", caps={"wakes_total": 2})
    issue(house, fleet, "aa:bb:cc:00:00:02")
    with pytest.raises(Refused) as refused:
        Toy(house, key=made["key"], **{"Device-Id": "aa:bb:cc:00:00:02"})
    assert refused.value.status == 403 and b"device_mismatch" in refused.value.body
    with pytest.raises(Refused) as refused:
        Toy(house, key=fleet["secret"])
    assert refused.value.status == 403
    toy = Toy(house, key=made["key"], **{"Device-Id": "aa:bb:cc:00:00:01"})
    toy.hello()
    for _ in range(2):
        toy.say({"type": "listen", "state": "detect", "text": "hi"})
    toy.ask(tone(300), codec)
    toy.told("tts", state="stop")
    settled(house)
    steps = house.segments()[-1]
    assert len(steps) == 4 and all(step["key"] == made["id"] for step in steps)
    assert shown(house, fleet, "aa:bb:cc:00:00:01")["used"]["wakes_total"] == 2
    toy.say({"type": "listen", "state": "detect", "text": "hi"})
    assert toy.until_closed()[0] == (1008, "This device was woken as often as it may be in all.")


def test_a_device_speaks_in_one_session_and_ends_when_it_is_revoked(house, actor, codec, fleet):
    made = issue(house, fleet, "aa:bb:cc:00:00:03")
    first = Toy(house, key=made["key"])
    first.hello()
    second = Toy(house, key=made["key"])
    second.hello()
    assert first.until_closed()[0] == (1008, "the device speaks elsewhere")
    actor.ms = 5000
    second.ask(tone(300), codec)
    second.told("tts", state="sentence_start")
    house.request("/v1/devices/aa:bb:cc:00:00:03/revoke", b"{}", key=fleet["secret"], method="POST")
    begun = time.monotonic()
    (code, _), told = second.until_closed()
    assert code == 1008 and [message["type"] for message in told if isinstance(message, dict)] == ["alert"]
    assert time.monotonic() - begun < 10, "it looks each half second; the rest is the machine's"
    settled(house)


def test_a_key_that_is_rotated_away_ends_its_session(house, actor, codec, fleet):
    made = issue(house, fleet, "aa:bb:cc:00:00:04")
    toy = Toy(house, key=made["key"])
    toy.hello()
    toy.listen("start")
    status, _, told = house.request("/v1/devices", json.dumps({"device_id": "aa:bb:cc:00:00:04", "rotate": True}).encode(),
                                    key=fleet["secret"], method="POST")
    assert status == 200
    (code, reason), _ = toy.until_closed()
    assert code == 1008 and "key" in reason
    new = Toy(house, key=json.loads(told)["key"])
    new.hello()
    new.ask(tone(300), codec)
    new.told("tts", state="sentence_start")
    new.close()
    settled(house)


def test_a_device_speaks_by_the_token_of_its_start_until_its_key_is_rotated(house, actor, codec, fleet):
    made = issue(house, fleet, "aa:bb:cc:00:00:09")
    told = [json.loads(house.request(f"/v1/devices/ota/{made['key']}", b"{}", key="none")[2]) for _ in range(2)]
    tokens = [answer["websocket"]["token"] for answer in told]
    assert tokens[0] != tokens[1]
    toy = Toy(house, key=tokens[1])
    toy.hello()
    toy.ask(tone(300), codec)
    toy.told("tts", state="stop")
    settled(house)
    assert all(step["key"] == made["id"] for step in house.segments()[-1])
    house.request("/v1/devices", json.dumps({"device_id": "aa:bb:cc:00:00:09", "rotate": True}).encode(), key=fleet["secret"], method="POST")
    assert toy.until_closed()[0][0] == 1008
    for token in (*tokens, tokens[0][:-1] + "x", "st-ep-"):
        with pytest.raises(Refused) as refused:
            Toy(house, key=token)
        assert refused.value.status == 401 and b"invalid_api_key" in refused.value.body


def test_a_device_that_has_proved_itself_speaks_by_that_token_alone(house, actor, codec, fleet):
    made = issue(house, fleet, "SN-0000000001", proof=True)
    ota = f"/v1/devices/ota/{fleet['fleet']}"
    told = json.loads(house.request(ota, b"{}", key="none", headers={"Serial-Number": "SN-0000000001"})[2])
    token, challenge = told["websocket"]["token"], told["activation"]["challenge"]
    with pytest.raises(Refused) as refused:
        Toy(house, key=token)
    assert refused.value.status == 401
    proof = {"algorithm": "hmac-sha256", "serial_number": "SN-0000000001", "challenge": challenge,
             "hmac": hmac.new(bytes.fromhex(made["proof_key"]), challenge.encode(), "sha256").hexdigest()}
    assert house.request(ota + "/activate", json.dumps(proof).encode(), key="none")[0] == 200
    toy = Toy(house, key=token)
    toy.hello()
    toy.ask(tone(300), codec)
    toy.told("tts", state="stop")
    toy.close()
    settled(house)
    assert all(step["key"] == made["id"] for step in house.segments()[-1])


def test_a_fleet_has_a_voice_and_a_character_of_its_own(house, actor, codec, fleet):
    """... from its next question on, beside what its product says; and other toys keep theirs."""
    made = issue(house, fleet, "aa:bb:cc:00:00:05")
    toy = Toy(house, key=made["key"])
    toy.hello()

    def heard_and_said():
        del actor.asked[:]
        toy.ask(tone(300), codec)
        toy.told("tts", state="stop")
        return actor.asked[0][1], json.loads(actor.asked[1][1])

    form, speech = heard_and_said()
    assert speech["voice"] == "en-us" and b"\r\n\r\nen\r\n" in form
    told = house.json("fleet", "voice", fleet["fleet"], "--voice", "bear", "--language", "ms", "--instructions",
                      "You are Bobo. " * 40)
    assert (told["voice"], told["language"], told["think"], told["own"]) == ("bear", "ms", MODEL, "voice language instructions")
    form, speech = heard_and_said()
    assert speech["voice"] == "bear" and b"\r\n\r\nms\r\n" in form
    settled(house)
    before, after = (int(steps[1]["counted"]["in"]) for steps in house.segments()[-2:])
    assert after > before + 100, "the model is told who it is"
    other = Toy(house)
    other.hello()
    del actor.asked[:]
    other.ask(tone(300), codec)
    other.told("tts", state="stop")
    assert json.loads(actor.asked[1][1])["voice"] == "en-us"
    other.close()
    for words, what in (
            (["--think", "borealis-none"], "borealis-none"), (["--voice", ""], "--voice"), (["--turns-minute", "0"], "turns-minute"),
            (["--session-minutes", "many"], "session-minutes"), (["--instructions", "x" * 4001], "instructions"),
            (["--language", "a" * 17], "language")):
        refused = house.command("fleet", "voice", fleet["fleet"], *words, check=False)
        assert refused.returncode != 0 and what in refused.stderr, refused.stderr
    told = house.json("fleet", "voice", fleet["fleet"], "--voice", "none", "--language", "none", "--instructions", "none")
    assert told["voice"] == "en-us" and told["own"] == ""
    assert heard_and_said()[1]["voice"] == "en-us"
    toy.close()
    settled(house)


def test_turns_of_a_minute_are_bounded_also_over_connections(house, actor, codec, fleet):
    made = issue(house, fleet, "aa:bb:cc:00:00:07")
    house.json("fleet", "voice", fleet["fleet"], "--turns-minute", "1")  # so that the machine has a whole minute for two
    actor.ms = 60
    for turn in range(2):
        toy = Toy(house, key=made["key"])
        toy.hello()
        toy.ask(tone(300), codec)
        if turn < 1:
            toy.told("tts", state="stop")
            toy.close()
    assert "as it may in a minute" in toy.told("alert")["message"]
    toy.told("tts", state="stop")
    toy.listen("start")  # the talk goes on, once the minute allows it
    toy.close()
    house.json("fleet", "voice", fleet["fleet"], "--turns-minute", "none")
    settled(house)


def test_the_seconds_of_a_day_end_the_talk_and_close_the_door(house, actor, codec, fleet):
    made = issue(house, fleet, "aa:bb:cc:00:00:08", caps={"seconds_day": 1})
    toy = Toy(house, key=made["key"])
    toy.hello()
    actor.ms = 900
    toy.ask(tone(600), codec)
    toy.told("tts", state="stop")  # what has begun is answered to its end
    used = shown(house, fleet, "aa:bb:cc:00:00:08")
    assert used["caps"]["seconds_day"] == 1 and 1 <= used["used"]["seconds_day"] <= 4
    toy.ask(tone(300), codec)
    (code, reason), told = toy.until_closed()
    assert code == 1008 and "talked as long" in reason
    assert [message["type"] for message in told if isinstance(message, dict)] == ["alert"]
    with pytest.raises(Refused) as refused:
        Toy(house, key=made["key"])
    assert refused.value.status == 429 and b"seconds_day" in refused.value.body
    settled(house)


def test_who_may_not_go_on_is_told_so_in_speech(tmp_path, codec):
    """... if the operator has recorded it, and then closed; what is used up is no fault of the toy."""
    house = Toys(tmp_path / "demo")
    (house.folder / "farewell.wav").write_bytes(wav(tone(1200), RATE))
    conf = house.conf.read_text()
    house.conf.write_text(conf + "\nvoice: {farewell: farewell.wav}\n")
    house.chat_says(" ".join(ANSWER))
    house.start()
    actor = house.speech_actor()
    key = house.json("key", "add", "--client", house.json("client", "list")[0]["id"], "--product", "world", "--name", "toy",
                     "--budget-total", "0.00005")
    toy = Toy(house, key=key["key"])
    toy.hello()
    begun = time.monotonic()
    toy.ask(tone(300), codec)
    (code, reason), told = toy.until_closed()
    assert code == 1008 and "budget" in reason and not actor.asked
    assert [message.get("state", message["type"]) for message in told if isinstance(message, dict)] == ["alert", "start", "llm", "stop"]
    samples = Codec().decode([message for message in told if isinstance(message, bytes)])
    assert 1.1 < len(samples) / 24000 < 1.4 and max(samples) > 3000
    assert time.monotonic() - begun > 1, "it is heard before the door closes"
    fleet = house.json("fleet", "add", "--client", house.json("client", "list")[0]["id"], "--product", "world", "--market", "SG",
                       "--maker", "Kancil Toys")
    toy = Toy(house, key=issue(house, fleet, "aa:bb:cc:00:02:01", caps={"wakes_total": 0})["key"])
    toy.hello()
    toy.say({"type": "listen", "state": "detect", "text": "hi"})
    assert toy.until_closed()[0] == (1008, "This device was woken as often as it may be in all.")
    settled(house)
    assert shown(house, fleet, "aa:bb:cc:00:02:01")["used"]["seconds_day"] == 0, "a farewell is no talk"
    actor.close()
    house.stop()
    (house.folder / "farewell.wav").write_bytes(b"ID3 is another kind of file")
    refused = house.command("serve", check=False)
    assert refused.returncode == 3 and "voice.farewell" in refused.stderr, refused.stderr


def test_a_device_without_anything_left_does_not_connect(house, fleet):
    for at, (cap, code) in enumerate((("calls_day", b"calls_day"), ("money_total", b"budget_total"))):
        made = issue(house, fleet, f"aa:bb:cc:00:01:0{at}", caps={cap: 0})
        with pytest.raises(Refused) as refused:
            Toy(house, key=made["key"])
        assert refused.value.status == 429 and code in refused.value.body, refused.value.body


# ---- bad toys ------------------------------------------------------------------------------------------------------------


def test_who_may_not_speak_is_told_before_the_upgrade(house):
    for change, status, named in (
            ({"Authorization": None}, 401, b"missing_api_key"),
            ({"Authorization": "Bearer sk-ep-wrong"}, 401, b"invalid_api_key"),
            ({"Protocol-Version": "4"}, 400, b"Protocol-Version"),
            ({"Protocol-Version": "one"}, 400, b"Protocol-Version"),
            ({"Upgrade": None, "Connection": None}, 426, b"WebSocket"),
            ({"Sec-WebSocket-Version": "8"}, 426, b"13")):
        with pytest.raises(Refused) as refused:
            Toy(house, **change)
        assert refused.value.status == status, change
        assert named in refused.value.body, change


@pytest.mark.parametrize("message, why", [
    ({"type": "listen", "state": "start"}, '"type" of the first message must be hello'),
    (b"{", "the message is no JSON"),
    ({**HELLO, "version": 3}, '"version" is 3 here and 1 in Protocol-Version'),
    ({**HELLO, "transport": "udp"}, '"transport" must be "websocket"'),
    ({**HELLO, "audio_params": {"format": "pcm"}}, '"audio_params.format" must be "opus"'),
    ({**HELLO, "audio_params": {"sample_rate": 44100}}, '"audio_params.sample_rate" must be one of'),
])
def test_what_is_no_hello_closes_with_its_field(house, message, why):
    toy = Toy(house)
    toy.say(message)
    (code, reason), told = toy.until_closed()
    assert code == 1002 and reason.startswith(why)
    assert told[0]["type"] == "alert" and told[0]["message"].startswith(why)


def test_frames_before_the_hello_and_a_second_hello_close(house, toy):
    early = Toy(house)
    early.packet(b"\x00")
    assert early.until_closed()[0] == (1002, 'audio must not come before "type" hello')
    toy.say(HELLO)
    assert toy.until_closed()[0] == (1002, '"type" hello stands at the beginning alone')


def test_a_header_that_does_not_fit_and_what_is_too_large_close(house):
    for version, bad in ((2, b"\0\3" + bytes(14)), (2, b"\0\2" + bytes(13) + b"\5abc"), (3, b"\2\0\0\0"), (3, b"\0")):
        toy = Toy(house, version=version)
        toy.hello()
        toy.frame(2, bad)
        assert toy.until_closed()[0][0] == 1002
    toy = Toy(house)
    toy.hello()
    toy.frame(2, bytes(8000))  # no packet is as long
    assert toy.until_closed()[0][0] == 1002
    toy = Toy(house)
    toy.hello()
    toy.frame(1, b'{"type":"' + b"x" * 70000 + b'"}')
    assert toy.until_closed()[0][0] == 1009


def test_unknown_types_aborts_without_speech_and_stops_without_a_start_do_nothing(house, toy, codec):
    toy.say({"type": "iot", "states": []})
    toy.say({"type": "mcp", "payload": {"jsonrpc": "2.0", "id": 1, "result": {}}})
    toy.say({"type": "abort"})
    toy.listen("stop")
    toy.packet(b"\x03")  # audio that nobody listens to is not looked at
    toy.ask(tone(300, 0), codec)
    assert toy.take()["state"] == "stop"


def test_silence_and_opus_that_does_not_decode_cost_nothing(house, toy, codec):
    before, spent = len(house.receipts()), house.credits()["available"]
    toy.ask(tone(2000, 0), codec)
    assert toy.take() == {"session_id": toy.passed[-1]["session_id"] if toy.passed else None, "type": "tts", "state": "stop"}
    for bad in (b"\x03", b"\x02\xff\xff"):
        toy.listen("start")
        for packet in codec.encode(tone(300)):
            toy.packet(packet)
        toy.packet(bad)
        alert = toy.told("alert")
        assert re.fullmatch(r"the packet of Opus at 300 ms does not decode: .*", alert["message"])
        assert toy.take()["state"] == "stop"
    toy.listen("start")
    toy.packet(b"")
    assert "must not be empty" in toy.told("alert")["message"]
    assert len(house.receipts()) == before and house.credits()["available"] == spent


def test_a_key_that_is_revoked_ends_the_session(house, codec):
    key = house.json("key", "add", "--client", house.json("client", "list")[0]["id"], "--product", "world")
    toy = Toy(house, key=key["key"])
    toy.hello()
    toy.listen("start")
    house.command("key", "revoke", key["id"])
    begun = time.monotonic()
    (code, reason), told = toy.until_closed()
    assert time.monotonic() - begun < 10, "it looks each half second; the rest is the machine's"
    assert code == 1008 and told[-1]["type"] == "alert"
    with pytest.raises(Refused):
        Toy(house, key=key["key"])


def test_toys_that_go_away_at_any_moment_leave_nothing_behind(house, codec):
    packets = codec.encode(tone(900))
    for at in range(12):
        toy = Toy(house)
        if at > 0:
            toy.hello()
        if at > 1:
            toy.listen("start", "auto")
        for packet in packets[:max(0, at - 2)]:
            toy.packet(packet)
        if at % 2:
            toy.listen("stop") if at > 0 else None
        toy.close()
    wait_for(lambda: "entrepot_voice_sessions_open 0" in figures(house), "the end of all sessions")


def figures(house):
    with urllib.request.urlopen(f"http://127.0.0.1:{house.operator}/metrics", timeout=5) as answer:
        return answer.read().decode()


def test_a_toy_that_waits_for_its_answer_costs_nothing(house, actor, toy, codec):
    house.chat_says(*ANSWER, flags=("--first-token-ms", "1000"))
    begun = time.monotonic()
    toy.ask(tone(300), codec)
    toy.told("stt")
    before = cpu_of(house)
    toy.told("tts", state="start")
    assert time.monotonic() - begun > 0.9
    assert cpu_of(house) - before < 0.15 or slow()
    house.chat_says(" ".join(ANSWER))


def cpu_of(house):
    fields = (open(f"/proc/{house.processes['server'].pid}/stat").read().rsplit(")", 1)[1]).split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_a_server_that_stops_sends_its_toys_away(house, actor, codec):
    actor.ms = 5000
    idle, speaking = Toy(house), Toy(house)
    idle.hello()
    speaking.hello()
    speaking.ask(tone(300), codec)
    speaking.told("tts", state="sentence_start")
    house.send(signal.SIGTERM)
    assert idle.until_closed()[0][0] == 1001
    assert speaking.until_closed()[0][0] == 1001
    assert house.processes["server"].wait(timeout=60) == 0
