// The page: takes keys, policies, proofs and receipts, and shows what verify.js says of them. Nothing is stored, nothing is
// sent; what comes from a document reaches the page as text alone.
(function () {
  "use strict";

  const verifier = globalThis.entrepotVerify;
  const WORDS = { holds: "✓ holds", fails: "✗ fails", "not shown": "– not shown" };
  const CLASSES = { holds: "holds", fails: "fails", "not shown": "open" };
  const TITLES = { client: "What was bought", evidence: "Under which rules, and where", operator: "How it was made" };

  // What was given so far; `key` and `policy` stay, a new receipt drops the proof of the one before.
  const given = { key: null, keyFrom: "", policy: null, receipt: null, proof: null };
  let round = 0;

  function at(id) {
    return document.getElementById(id);
  }

  function element(name, className, text) {
    const made = document.createElement(name);
    if (className) made.className = className;
    if (text !== undefined) made.textContent = text;
    return made;
  }

  function state(id, text, className) {
    at(id).textContent = text;
    at(id).className = `state ${className}`;
    at(id).hidden = false;
  }

  // ---- what was found ------------------------------------------------------------------------------------------------

  function testItem(test) {
    const item = element("li");
    item.dataset.test = test.id;
    item.dataset.outcome = test.outcome;
    item.append(element("span", `word ${CLASSES[test.outcome]}`, WORDS[test.outcome]));
    const said = element("div");
    said.append(element("p", "name", test.name), element("p", "asks", test.asks));
    if (test.why) said.append(element("p", `why ${test.outcome === "fails" ? "fails" : ""}`, `${test.why}.`));
    item.append(said);
    return item;
  }

  function verdictOf(report) {
    const failing = report.tests.filter((test) => test.outcome === "fails");
    if (failing.length > 0) {
      return ["fails", "Do not rely on this receipt.", `${failing.map((test) => test.name).join(", ")}: see below.`];
    }
    if (report.holds) {
      const place = report.size === null ? `promised at place ${report.leaf}` : `at place ${report.leaf} of ${report.size}`;
      const witnesses = report.witnesses.length > 0 ? `, cosigned by ${report.witnesses.length} witnesses` : "";
      const silent = Object.keys(report.sections).length > 0 ? "" : " No section of it is shown, so that it says nothing of a call.";
      return ["holds", "This receipt holds.", `The log ${report.key.name} has it ${place}${witnesses}.${silent}`];
    }
    if (!report.key) return ["open", "Not confirmed.", "Nothing is wrong so far, but without the log’s key nobody’s signature was checked."];
    return ["open", "Not confirmed.", "Nothing is wrong, but what would confirm it is not there: see what is not shown."];
  }

  // 1234567890 billionths as "1.23456789".
  function money(nano) {
    if (!/^[0-9]{1,19}$/.test(nano)) return nano;
    const digits = nano.padStart(10, "0");
    return `${digits.slice(0, -9)}.${digits.slice(-9)}`.replace(/\.?0+$/, "");
  }

  function shown(name, value, section) {
    if (Array.isArray(value)) return value.map((item) => shown("", item, section)).join(", ") || "—";
    if (value instanceof Map) return [...value].map(([key, item]) => `${key} ${shown(key, item, section)}`).join(", ") || "—";
    if (name === "amount" && section.has("currency")) return `${money(value)} ${section.get("currency")}`;
    return value === "" ? "—" : value;
  }

  function sectionList(name, section) {
    const list = element("dl");
    for (const [key, value] of section) {
      list.append(element("dt", "", key.replaceAll("_", " ")), element("dd", "", shown(key, value, section)));
    }
    const block = element("div");
    block.append(element("h3", "", TITLES[name]), list);
    return block;
  }

  function showItself(report) {
    const own = report.log;
    const known = !own || own.key === "" || own.key === report.key?.text;
    at("itself").hidden = known;
    if (known) return;
    at("itself-origin").textContent = own.origin;
    at("itself-key").textContent = own.key;
    at("accept").hidden = Boolean(report.key); // who has the operator's key needs no other
  }

  function show(report) {
    const [className, word, why] = verdictOf(report);
    at("result").hidden = false;
    at("verdict").className = `banner ${className}`;
    at("verdict-word").textContent = word;
    at("verdict-why").textContent = why;
    at("tests").replaceChildren(...report.tests.map(testItem));
    at("sections").replaceChildren(...Object.entries(report.sections).map(([name, section]) => sectionList(name, section)));
    const names = [given.receipt, given.proof].filter(Boolean).map((one) => one.name);
    at("sources").textContent = names.join(", with the proof ");
    showItself(report);
  }

  async function run() {
    const mine = ++round;
    if (!given.receipt && !given.proof) return;
    const { key, policy } = given;
    const report = given.receipt
      ? await verifier.verify(given.receipt.bytes, { key, policy, proof: given.proof?.text })
      : await verifier.verify(verifier.utf8(given.proof.text), { key, policy }); // it carries its entry
    if (mine !== round) return; // something newer was given meanwhile
    given.own = report.log?.key ?? "";
    show(report);
  }

  // ---- what is given -------------------------------------------------------------------------------------------------

  // Of refusals the sentence, of anything else what the browser says.
  function sentence(error) {
    return error instanceof verifier.Refusal ? error.message : `this browser could not do it: ${error.message}`;
  }

  async function takeKey(text, from) {
    const mine = ++round;
    given.key = null;
    if (text.trim() === "") {
      state("key-state", "No key yet: signatures cannot be checked.", "");
      return run();
    }
    try {
      const key = await verifier.parseLogKey(text);
      if (mine !== round) return undefined;
      given.key = key;
      state("key-state", `Checking under the key of ${key.name}${from}.`, "good");
    } catch (error) {
      if (mine !== round) return undefined;
      state("key-state", `This is no key of a log: ${sentence(error)}.`, "bad");
    }
    return run();
  }

  function setKey(text, from) {
    at("key").value = text.trim();
    return takeKey(text, from);
  }

  async function takePolicy(text, name) {
    given.policy = await verifier.parsePolicy(text);
    const { logs, witnesses, quorumName } = given.policy;
    state("policy-state", `Policy ${name}: ${logs.length} logs, ${witnesses.length} witnesses, quorum ${quorumName}.`, "good");
    const log = logs.find((key) => key.algorithm === 1);
    if (log && !given.key) state("key-state", `The policy names the key of ${log.name}.`, "good");
  }

  // Which of the four a text is; null: none.
  function kindOf(text) {
    const start = text.trimStart();
    if (start.startsWith(verifier.PROOF_KIND)) return "proof";
    if (/^[{[]/.test(start)) return "receipt";
    if (/^[^\s+]+\+[0-9a-f]{8}\+\S+\s*$/.test(start)) return "key";
    return /^[ \t]*(?:log|witness|group|quorum)[ \t]/m.test(text) ? "policy" : null;
  }

  async function takeBytes(bytes, name) {
    let text;
    try {
      text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch {
      throw new verifier.Refusal("it is not text, so it is no receipt");
    }
    const kind = kindOf(text);
    if (kind === "receipt") given.receipt = { bytes, name };
    else if (kind === "proof") given.proof = { text, name };
    else if (kind === "policy") await takePolicy(text, name);
    else if (kind === "key") await setKey(text, `, from ${name}`);
    else throw new verifier.Refusal("it is neither a receipt, nor a proof, a key or a policy");
    return kind;
  }

  async function takeFile(file) {
    if (file.size > verifier.DOCUMENT_MAX) {
      throw new verifier.Refusal(`it has ${file.size} bytes; no receipt has more than ${verifier.DOCUMENT_MAX}`);
    }
    return takeBytes(new Uint8Array(await file.arrayBuffer()), file.name);
  }

  // things: files, or { name, text } of what was pasted.
  async function take(things) {
    const problems = [];
    const kinds = [];
    const before = given.proof;
    for (const thing of things) {
      try {
        kinds.push(await (thing instanceof File ? takeFile(thing) : takeBytes(verifier.utf8(thing.text), thing.name)));
      } catch (error) {
        problems.push(`${thing.name}: ${sentence(error)}.`);
      }
    }
    if (kinds.includes("receipt") && given.proof === before) given.proof = null;
    at("problems").replaceChildren(...problems.map((problem) => element("li", "", problem)));
    await run();
    if ((given.receipt || given.proof) && kinds.length > 0) at("result-title").focus();
  }

  // The key in the page's address, ?key= or #key=. A plus sign is a plus sign there: keys have two.
  function keyInAddress() {
    const found = /[?&#]key=([^&#]*)/.exec(location.search + location.hash);
    try {
      return found ? decodeURIComponent(found[1]) : "";
    } catch {
      return "";
    }
  }

  function listen() {
    const drop = at("drop");
    const over = (on) => drop.classList.toggle("over", on);
    // Anywhere on the page: a file that misses the frame would replace the page.
    document.addEventListener("dragover", (event) => {
      event.preventDefault();
      over(true);
    });
    document.addEventListener("dragleave", (event) => {
      if (!event.relatedTarget) over(false);
    });
    document.addEventListener("drop", (event) => {
      event.preventDefault();
      over(false);
      const text = event.dataTransfer.getData("text/plain");
      take(event.dataTransfer.files.length > 0 ? [...event.dataTransfer.files] : [{ name: "the dropped text", text }]);
    });
    at("files").addEventListener("change", (event) => {
      const files = [...event.target.files];
      event.target.value = ""; // so that the same file can be chosen again
      take(files);
    });
    at("check").addEventListener("click", () => take([{ name: "the pasted text", text: at("text").value }]));
    at("key").addEventListener("input", () => takeKey(at("key").value, ""));
    at("accept").addEventListener("click", () => setKey(given.own, ", which was taken from the receipt itself because you said so"));
  }

  async function start() {
    const lack = await verifier.lacking();
    at("lacking").hidden = lack === null;
    at("lacking").textContent = lack ?? "";
    listen();
    const key = keyInAddress();
    if (key !== "") await setKey(key, ", from the address of this page");
    document.documentElement.dataset.ready = "yes";
  }

  start();
})();
