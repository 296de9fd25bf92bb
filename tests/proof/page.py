"""What a person does on the page web/verify, and sees."""

OUTCOMES = ("return Object.fromEntries([...document.querySelectorAll('#tests li')].map((item) =>"
            " [item.querySelector('.name').innerText.toLowerCase(), item.dataset.outcome]))")


def open_page(browser, url):
    browser.look(1000)
    browser.go(url)
    browser.wait(lambda: browser.run("return document.documentElement.dataset.ready") == "yes", "the page")


def give(browser, *files):
    browser.run("document.getElementById('tests').replaceChildren()")
    browser.drop("#drop", *files)
    browser.wait(lambda: browser.run("return document.getElementById('tests').children.length + "
                                     "document.getElementById('problems').children.length > 0"), "what was found")


def set_key(browser, text):
    browser.run("const key = document.getElementById('key'); key.value = arguments[0]; key.dispatchEvent(new Event('input'))", text)
    browser.wait(lambda: browser.run("return document.getElementById('key-state').className") != "state", "the key's verdict")


def verdict(browser):
    return browser.run("return document.getElementById('verdict').className").split()[-1]
