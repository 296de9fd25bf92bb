"""The page web/verify in a real browser: from a folder, and behind a server with a strict policy."""

import http.server
import os
import pathlib

import pytest

import cases
import made
from conftest import ROOT, needs_browser, serving
from page import OUTCOMES, give, open_page, set_key, verdict

PAGE = ROOT / "web" / "verify"
AXE = ROOT / "build" / "proof" / "node_modules" / "axe-core" / "axe.min.js"
FILES = {"index.html", "style.css", "verify.js", "app.js"}
# As the gate sends it.
POLICY = ("default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
          "form-action 'none'; frame-ancestors 'none'")
pytestmark = needs_browser


class Strict(http.server.SimpleHTTPRequestHandler):
    extensions_map = {".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}

    def end_headers(self):
        self.send_header("content-security-policy", POLICY)
        self.send_header("x-content-type-options", "nosniff")
        super().end_headers()


@pytest.fixture(scope="module")
def server():
    with serving(Strict, PAGE.parent) as base:
        yield base + "verify/"


@pytest.mark.parametrize("place", ["folder", "server"])
def test_each_receipt(browser, server, case_folder, place):
    """Dropped in a row on one page, each with its policy or proof: what one left behind must not help the next."""
    url = server if place == "server" else PAGE.joinpath("index.html").as_uri()
    browser.complaints(), browser.requested()
    open_page(browser, url)
    set_key(browser, cases.LOG_KEY.vkey)
    policy = ""
    # The files are the same behind a server: there a few of the cases show that its policy lets them work.
    for case in cases.all_cases() if place == "folder" else cases.all_cases()[::6]:
        # A policy stays until the page is loaded again, and a proof belongs to the receipt that is there.
        if case.policy != policy or case.name.startswith("proof_alone"):
            open_page(browser, url)
            set_key(browser, cases.LOG_KEY.vkey)
        policy = case.policy
        give(browser, *sorted((case_folder / case.name).iterdir()))
        if case.name in ("empty", "no_json", "not_utf8", "too_large"):
            assert browser.text("#problems") != "", case.name
            continue
        assert browser.run(OUTCOMES) == case.outcomes, case.name
        assert verdict(browser) == ("holds" if case.good else "fails"), case.name
    assert browser.complaints() == []
    assert {url.rsplit("/", 1)[1] or "index.html" for url in browser.requested() if not url.startswith(("about:", "data:"))} == FILES


def test_without_a_key_nothing_is_confirmed(browser, case_folder):
    """What a receipt says of its log is shown as its own word, and used only when the reader says so."""
    open_page(browser, PAGE.joinpath("index.html").as_uri())
    give(browser, case_folder / "forged_by_another_key" / "receipt.json")
    assert verdict(browser) == "open"
    assert browser.text("#itself-key") == cases.FORGER.vkey
    outcomes = browser.run(OUTCOMES)
    assert (outcomes["promise"], outcomes["checkpoint"], outcomes["inclusion"]) == ("not shown", "not shown", "holds")
    set_key(browser, cases.LOG_KEY.vkey)
    browser.wait(lambda: verdict(browser) == "fails", "the verdict under the log's key")
    assert browser.text("#itself-key") == cases.FORGER.vkey  # another key than the one it is checked under
    set_key(browser, "")
    browser.wait(lambda: verdict(browser) == "open", "the verdict without a key")
    browser.click("#accept")
    browser.wait(lambda: verdict(browser) == "holds", "the verdict under the receipt's own key")
    assert "from the receipt itself" in browser.text("#key-state")


def test_a_key_that_is_none(browser, case_folder):
    open_page(browser, PAGE.joinpath("index.html").as_uri())
    for text, said in ((cases.WITNESSES[0].vkey, "witness"), (cases.LOG_KEY.vkey[:-9] + "A" + cases.LOG_KEY.vkey[-8:], "id"), ("key", "one line")):
        set_key(browser, text)
        browser.wait(lambda: said in browser.text("#key-state"), said)
    give(browser, case_folder / "as_handed_over" / "receipt.json")
    assert verdict(browser) == "open"


def test_the_other_ways_in(browser, case_folder, tmp_path):
    """The key in the address; a file that is chosen; pasted text; a key's and a policy's file; all that is needed in one drop."""
    receipt = case_folder / "as_handed_over" / "receipt.json"
    open_page(browser, PAGE.joinpath("index.html").as_uri() + "#key=" + cases.LOG_KEY.vkey)
    assert "address" in browser.text("#key-state")
    browser.type("#files", str(receipt))
    browser.wait(lambda: verdict(browser) == "holds", "the verdict of a chosen file")

    open_page(browser, PAGE.joinpath("index.html").as_uri())
    browser.click("#paste summary")
    browser.run("document.getElementById('text').value = arguments[0]", receipt.read_text())
    browser.click("#check")
    browser.wait(lambda: verdict(browser) == "open", "the verdict of pasted text")

    (tmp_path / "log.vkey").write_text(cases.LOG_KEY.vkey + "\n")
    (tmp_path / "policy").write_text(f"log {cases.LOG_KEY.vkey}\n" + cases.POLICY)
    open_page(browser, PAGE.joinpath("index.html").as_uri())
    give(browser, receipt, tmp_path / "log.vkey")
    assert verdict(browser) == "holds"
    open_page(browser, PAGE.joinpath("index.html").as_uri())
    give(browser, receipt, tmp_path / "policy")
    assert browser.run(OUTCOMES)["checkpoint"] == "holds"  # under the key that the policy names
    assert verdict(browser) == "fails" and "1 of 2 witnesses" in browser.text("#tests")

    open_page(browser, PAGE.joinpath("index.html").as_uri())
    give(browser, case_folder / "proof_beside_it" / "receipt.tlog-proof")
    assert verdict(browser) == "open" and browser.run(OUTCOMES)["inclusion"] == "holds"  # it carries its entry
    give(browser, receipt)
    assert browser.text("#sources") == "receipt.json"
    give(browser, case_folder / "proof_beside_it" / "receipt.tlog-proof")
    assert browser.text("#sources") == "receipt.json, with the proof receipt.tlog-proof"
    bad = tmp_path / "bad.policy"
    bad.write_text("quorum everybody\n")
    give(browser, bad)
    assert "bad.policy" in browser.text("#problems") and "everybody" in browser.text("#problems")


def test_a_receipt_cannot_act(browser, tmp_path):
    """Markup in a document stays text, whatever part it stands in."""
    markup = "<img src=x onerror=\"document.title='taken'\"><script>document.title='taken'</script>"
    document = cases.receipt()
    document["log"] = {"origin": markup, "key": markup}
    document[markup] = markup
    document["client"] = made.sections(cases.CALL, model=markup)["client"]
    document["entry"]["client"] = made.sha(made.salts(cases.CALL)["client"] + made.canonical(document["client"])).hex()  # so that it is shown
    for file, text in ((f"{markup.replace('/', '_')}.json", cases.written(document)), ("b.json", markup.encode()),
                       ("c.json", b'{"entry": 1, "leaf": 1, "salts": 1, "' + b"<b>" + b'": 1, "' + b"<b>" + b'": 1}')):
        (tmp_path / file).write_bytes(text)
        open_page(browser, PAGE.joinpath("index.html").as_uri())
        give(browser, tmp_path / file)
        assert browser.run("return [document.title, document.images.length, document.querySelectorAll('main b').length]") == [
            "Check a receipt", 0, 0]
        assert file[0] != "<" or markup in browser.text("#sections")
    assert browser.complaints() == []


def test_a_browser_without_ed25519_says_so(browser, case_folder):
    script = ("const real = crypto.subtle.importKey.bind(crypto.subtle);"
              "crypto.subtle.importKey = (...words) => words[2] === 'Ed25519'"
              " ? Promise.reject(new DOMException('no', 'NotSupportedError')) : real(...words);")
    name = browser.tools("Page.addScriptToEvaluateOnNewDocument", source=script)["identifier"]
    try:
        open_page(browser, PAGE.joinpath("index.html").as_uri())
        assert "no Ed25519" in browser.text("#lacking")
        set_key(browser, cases.LOG_KEY.vkey)
        give(browser, case_folder / "as_handed_over" / "receipt.json")
        assert verdict(browser) == "open"
        outcomes = browser.run(OUTCOMES)
        assert (outcomes["client section"], outcomes["inclusion"], outcomes["checkpoint"]) == ("holds", "holds", "not shown")
    finally:
        browser.tools("Page.removeScriptToEvaluateOnNewDocument", identifier=name)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone_and_is_accessible(browser, case_folder, tmp_path, scheme):
    open_page(browser, PAGE.joinpath("index.html").as_uri())
    set_key(browser, cases.LOG_KEY.vkey)
    audit = AXE.read_text() if AXE.exists() else None
    pictures = os.environ.get("EP_PICTURES")
    for name in ("as_handed_over", "forged_by_another_key"):
        for width in (1000, 320):
            browser.look(width, scheme=scheme)
            give(browser, case_folder / name / "receipt.json")
            assert browser.run("return document.documentElement.scrollWidth - innerWidth") <= 0, name
            assert browser.run("return innerWidth") == width
            if pictures:
                browser.picture(pathlib.Path(pictures, f"{name}-{width}-{scheme}.png"))
            if audit:
                assert browser.audit(audit) == [], f"{name}, {width} wide, {scheme}"
