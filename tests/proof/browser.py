"""Debian's Chromium, headless, through its WebDriver (W3C) and, for what WebDriver lacks, its DevTools."""

import base64
import json
import subprocess
import time
import urllib.error
import urllib.request

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the standard's name for an element's id
OPTIONS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1000,900", "--no-first-run", "--hide-scrollbars",
           "--disable-background-networking", "--disable-component-update"]


class Browser:
    def __init__(self, port):
        self.driver = subprocess.Popen(["chromedriver", f"--port={port}", "--log-level=OFF"], stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL)
        self.base = f"http://127.0.0.1:{port}"
        self.session = None
        try:
            self.wait(self.up, "the driver")
            asked = {"browserName": "chrome", "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
                     "goog:chromeOptions": {"args": OPTIONS}}
            self.session = self.ask("POST", "/session", {"capabilities": {"alwaysMatch": asked}})["sessionId"]
        except BaseException:
            self.close()
            raise

    def close(self):
        if self.session is not None:
            self.ask("DELETE", f"/session/{self.session}")
        self.driver.terminate()
        self.driver.wait(timeout=20)

    def up(self):
        assert self.driver.poll() is None, "chromedriver ended"
        try:
            return self.ask("GET", "/status")["ready"]
        except OSError:
            return False

    def ask(self, method, path, body=None):
        data = None if method != "POST" else json.dumps(body or {}).encode()
        request = urllib.request.Request(self.base + path, data=data, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise AssertionError(json.load(error)["value"]["message"]) from None

    def say(self, path, body=None, method="POST"):
        return self.ask(method, f"/session/{self.session}{path}", body)

    def tools(self, command, **params):
        return self.say("/goog/cdp/execute", {"cmd": command, "params": params})

    def wait(self, condition, what, seconds=20):
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, f"{what} did not come within {seconds} s"
            time.sleep(0.01)

    # ---- a page -----------------------------------------------------------------------------------------------------

    def go(self, url):
        """Asks again even for a page that differs from the last one by its fragment alone."""
        self.say("/url", {"url": "about:blank"})
        self.say("/url", {"url": url})

    def run(self, script, *args):
        return self.say("/execute/sync", {"script": script, "args": list(args)})

    def find(self, css):
        return self.say("/element", {"using": "css selector", "value": css})[ELEMENT]

    def click(self, css):
        self.say(f"/element/{self.find(css)}/click")

    def type(self, css, text):
        self.say(f"/element/{self.find(css)}/value", {"text": text})

    def clear(self, css):
        self.say(f"/element/{self.find(css)}/clear")

    def text(self, css):
        return self.run("return document.querySelector(arguments[0]).innerText", css)

    def drop(self, css, *files):
        """As a person's hand does it: enters, hovers, lets go."""
        self.run("document.querySelector(arguments[0]).scrollIntoView({block: 'center'})", css)
        x, y = self.run("const at = document.querySelector(arguments[0]).getBoundingClientRect();"
                        "return [at.x + at.width / 2, at.y + at.height / 2]", css)
        data = {"items": [], "files": [str(file) for file in files], "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            self.tools("Input.dispatchDragEvent", type=kind, x=x, y=y, data=data)

    def look(self, width, height=900, scheme="light"):
        """The size of the window, and light or dark."""
        self.tools("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.tools("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def picture(self, file):
        shot = self.tools("Page.captureScreenshot", captureBeyondViewport=True)
        file.write_bytes(base64.b64decode(shot["data"]))

    def audit(self, axe):
        """What axe-core, given as text, finds against accessibility: a line each. Through DevTools, which no policy of the page binds."""
        self.tools("Runtime.evaluate", expression=axe)
        found = self.tools("Runtime.evaluate", awaitPromise=True, returnByValue=True, expression=(
            "axe.run({resultTypes: ['violations']}).then((found) => found.violations.map((one) => one.id + ': ' + one.help + ' at '"
            " + one.nodes.map((node) => node.target.join(' ')).join(', ')))"))
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"]["value"]

    # ---- what it did ------------------------------------------------------------------------------------------------

    def complaints(self):
        """What the browser wrote into its console since the last asking: errors, breaches of the policy."""
        return [entry["message"] for entry in self.say("/se/log", {"type": "browser"})]

    def requested(self):
        """Every address that was asked for since the last asking."""
        events = [json.loads(entry["message"])["message"] for entry in self.say("/se/log", {"type": "performance"})]
        return [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]
