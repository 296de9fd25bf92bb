// Checks a receipt without Entrepot: the section digests, the log's promise, the proof of inclusion, the checkpoint's
// signature, and the witnesses' cosignatures. Written from the public formats alone: RFC 6962, RFC 8785, and C2SP's
// signed-note, tlog-checkpoint, tlog-proof, tlog-cosignature and tlog-policy.
//
// SHA-256 and Ed25519 are WebCrypto's; nothing else is needed, and nothing is asked over a network. A classic script,
// since browsers load no modules from file:; in Node, require() or import gives the same object.
(function (root) {
  "use strict";

  const DOCUMENT_MAX = 262144;
  const NOTE_MAX = 65536;
  const PROOF_MAX = 131072;
  const POLICY_MAX = 65536;
  const SIGNATURES_MAX = 100;
  const PATH_MAX = 64;
  const DEPTH_MAX = 16;
  const NAME_MAX = 255;
  const PARTIES_MAX = 32; // logs, witnesses and groups of a policy, each
  const SIZE_MAX = 1n << 62n;
  const SALT_BYTES = 16;
  const ED25519 = 0x01;
  const COSIGNATURE = 0x04;
  const ML_DSA_44 = 0x06;
  const PROMISE_FIRST = "entrepot-receipt/v1";
  const PROOF_KIND = "c2sp.org/tlog-proof@";
  const PROOF_FIRST = `${PROOF_KIND}v1`;
  const SECTIONS = ["client", "evidence", "operator"];
  const MEMBERS = [...SECTIONS, "salts", "entry", "leaf", "promise", "proof", "log"];

  // In the order in which they are shown. `id` is for programs, `name` for people.
  const TESTS = [
    { id: "form", name: "form", asks: "The document can be read." },
    { id: "client", name: "client section", asks: "What was bought, and its salt, give the digest in the log's entry." },
    { id: "evidence", name: "evidence section", asks: "The rules and places, and their salt, give the digest in the log's entry." },
    { id: "operator", name: "operator section", asks: "How it was made, and its salt, give the digest in the log's entry." },
    { id: "one_call", name: "one call", asks: "The sections shown are of the same call." },
    { id: "promise", name: "promise", asks: "The log has signed that this entry is at this place in it." },
    { id: "included", name: "inclusion", asks: "The path leads from the entry to the checkpoint's root." },
    { id: "signed", name: "checkpoint", asks: "The checkpoint is under the log's signature." },
    { id: "witnessed", name: "witnesses", asks: "Enough witnesses have cosigned the checkpoint." },
  ];

  // What is wrong with the input; its message is for people.
  class Refusal extends Error {}

  function refuse(sentence) {
    throw new Refusal(sentence);
  }

  // ---- bytes ---------------------------------------------------------------------------------------------------------

  const encoder = new TextEncoder();

  function utf8(text) {
    return encoder.encode(text);
  }

  function join(...parts) {
    const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of parts) {
      all.set(part, at);
      at += part.length;
    }
    return all;
  }

  function hex(bytes) {
    return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  function same(left, right) {
    return left.length === right.length && left.every((byte, at) => byte === right[at]);
  }

  function base64(bytes) {
    let text = "";
    for (const byte of bytes) text += String.fromCharCode(byte);
    return btoa(text);
  }

  // Of the one spelling that the bytes have; null otherwise.
  function unbase64(text) {
    if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text) || text.length % 4 !== 0) return null;
    const bytes = Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
    return base64(bytes) === text ? bytes : null;
  }

  function decode(bytes, what) {
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch {
      return refuse(`${what} is not text: it has bytes that are not UTF-8`);
    }
  }

  // ---- WebCrypto -----------------------------------------------------------------------------------------------------

  function subtle() {
    return root.crypto?.subtle;
  }

  async function sha256(...parts) {
    return new Uint8Array(await subtle().digest("SHA-256", join(...parts)));
  }

  // What this browser lacks, as a sentence; null: nothing.
  async function lacking() {
    if (!subtle()) {
      return "This page has no access to the browser's cryptography: open it over https, from localhost, or from a file.";
    }
    try {
      await subtle().importKey("raw", new Uint8Array(32).fill(3), "Ed25519", false, ["verify"]);
    } catch (error) {
      if (error.name === "NotSupportedError" || error.name === "SyntaxError") {
        return "This browser's WebCrypto has no Ed25519, so signatures cannot be checked in it: take a newer browser.";
      }
    }
    return null;
  }

  async function ed25519(publicKey, signature, message) {
    try {
      const key = await subtle().importKey("raw", publicKey, "Ed25519", false, ["verify"]);
      return await subtle().verify("Ed25519", key, signature, message);
    } catch (error) {
      if (error.name === "DataError") return false; // not a point of the curve
      throw error;
    }
  }

  // ---- JSON ----------------------------------------------------------------------------------------------------------

  // A strict reader: objects become Maps, integers BigInts, and a key that comes twice is refused, since one reader
  // would take the first and another the last.
  class Reader {
    constructor(text) {
      this.text = text;
      this.at = 0;
    }

    fail(what) {
      const line = this.text.slice(0, this.at).split("\n").length;
      refuse(`it is not JSON that receipts are made of: ${what} in line ${line}`);
    }

    space() {
      while (" \t\n\r".includes(this.text[this.at] ?? "x")) this.at++;
    }

    take(char) {
      this.space();
      if (this.text[this.at] !== char) return false;
      this.at++;
      return true;
    }

    want(char) {
      if (!this.take(char)) this.fail(`"${char}" is missing`);
    }

    match(pattern) {
      pattern.lastIndex = this.at;
      const found = pattern.exec(this.text);
      if (found) this.at = pattern.lastIndex;
      return found;
    }

    string() {
      const found = this.match(/"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y);
      if (!found) this.fail("a string is broken");
      const value = JSON.parse(found[0]);
      if (/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/.test(value)) {
        this.fail("half of a character");
      }
      return value;
    }

    object(depth) {
      const members = new Map();
      if (this.take("}")) return members;
      do {
        this.space();
        const key = this.string();
        if (members.has(key)) this.fail(`the key ${JSON.stringify(key)} comes twice`);
        this.want(":");
        members.set(key, this.value(depth));
      } while (this.take(","));
      this.want("}");
      return members;
    }

    list(depth) {
      const items = [];
      if (this.take("]")) return items;
      do items.push(this.value(depth));
      while (this.take(","));
      this.want("]");
      return items;
    }

    value(depth) {
      if (depth > DEPTH_MAX) this.fail("too many brackets in one another");
      if (this.take("{")) return this.object(depth + 1);
      if (this.take("[")) return this.list(depth + 1);
      if (this.text[this.at] === '"') return this.string();
      const word = this.match(/true|false|null/y);
      if (word) return JSON.parse(word[0]);
      const number = this.match(/-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y);
      if (!number) this.fail("something that is no value");
      return /^-?[0-9]{1,19}$/.test(number[0]) ? BigInt(number[0]) : NaN; // of these nothing is taken
    }

    document() {
      const value = this.value(0);
      this.space();
      if (this.at < this.text.length) this.fail("something stands behind the end");
      return value;
    }
  }

  function parseJson(text) {
    return new Reader(text).document();
  }

  // RFC 8785 for what receipts are made of: objects, lists and strings.
  function canonical(value) {
    if (typeof value === "string") return JSON.stringify(value);
    if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
    if (value instanceof Map) {
      const keys = [...value.keys()].sort();
      return `{${keys.map((key) => `${JSON.stringify(key)}:${canonical(value.get(key))}`).join(",")}}`;
    }
    return refuse("it holds a number, true, false or null, where receipts have strings alone");
  }

  // ---- keys and notes ------------------------------------------------------------------------------------------------

  function nameValid(name) {
    return name.length > 0 && utf8(name).length <= NAME_MAX && !/[\p{White_Space}\u0000-\u001f+]/u.test(name);
  }

  // Points of small order, sign bit aside: under them one signature fits many messages.
  const WEAK = new Set([
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  ]);

  function weak(publicKey) {
    const bytes = Uint8Array.from(publicKey);
    bytes[31] &= 0x7f;
    return WEAK.has(hex(bytes));
  }

  // "name+id+base64" (C2SP signed-note); refuses with what is wrong.
  async function parseKey(text) {
    const parts = text.trim().split("+");
    const name = parts[0];
    const id = parts[1] ?? "";
    const body = unbase64(parts.slice(2).join("+"));
    if (parts.length < 3 || !/^[0-9a-f]{8}$/.test(id) || !body || body.length < 2) {
      refuse("a log's key is one line, name+id+key, such as log.example/receipts+1a2b3c4d+AQ…");
    }
    if (!nameValid(name)) refuse("the key's name is empty, too long, or has a space in it");
    if (!same(utf8(id), utf8(hex((await sha256(utf8(`${name}\n`), body)).slice(0, 4))))) {
      refuse(`the key's id ${id} is not that of its name and bytes: a character was lost or changed`);
    }
    const algorithm = body[0];
    const publicKey = body.slice(1);
    if (algorithm === ML_DSA_44) return { name, id, algorithm, publicKey, text: text.trim() };
    if ((algorithm !== ED25519 && algorithm !== COSIGNATURE) || publicKey.length !== 32) {
      refuse(`the key's algorithm ${algorithm} is not known here: Ed25519 is 1, a witness's is 4`);
    }
    if (weak(publicKey)) refuse("the key is one of the few under which anybody can sign");
    return { name, id, algorithm, publicKey, text: text.trim() };
  }

  async function parseLogKey(text) {
    const key = await parseKey(text);
    if (key.algorithm !== ED25519) refuse("this is a witness's key, not a log's");
    return key;
  }

  // { text, signatures: [{ name, id, bytes }] }
  function parseNote(note, what) {
    if (utf8(note).length > NOTE_MAX) refuse(`${what} is larger than ${NOTE_MAX} bytes`);
    if (/[\u0000-\u0009\u000b-\u001f]/.test(note)) refuse(`${what} has a control character in it`);
    const split = note.lastIndexOf("\n\n");
    if (split < 1 || !note.endsWith("\n")) refuse(`${what} is no signed note: text, an empty line, signatures`);
    const lines = note.slice(split + 2, -1).split("\n");
    if (lines.length > SIGNATURES_MAX) refuse(`${what} has more than ${SIGNATURES_MAX} signatures`);
    const signatures = lines.map((line) => {
      const found = /^\u2014 ([^ ]+) ([A-Za-z0-9+/=]+)$/.exec(line);
      const blob = found && unbase64(found[2]);
      if (!blob || blob.length < 5 || !nameValid(found[1])) refuse(`${what} has a signature line that is none`);
      return { name: found[1], id: hex(blob.slice(0, 4)), bytes: blob.slice(4) };
    });
    return { text: note.slice(0, split + 1), signatures };
  }

  async function lineHolds(note, key, bytes) {
    if (key.algorithm === ED25519) {
      return bytes.length === 64 && (await ed25519(key.publicKey, bytes, utf8(note.text)));
    }
    if (bytes.length !== 72) return false;
    const time = BigInt(`0x${hex(bytes.slice(0, 8))}`);
    const message = utf8(`cosignature/v1\ntime ${time}\n${note.text}`);
    return time < 1n << 63n && (await ed25519(key.publicKey, bytes.slice(8), message));
  }

  // "signed", "unsigned" (no line of this key) or "forged" (a line of it that does not hold).
  async function checkNote(note, key) {
    const lines = note.signatures.filter((line) => line.name === key.name && line.id === key.id);
    for (const line of lines) {
      if (!(await lineHolds(note, key, line.bytes))) return "forged";
    }
    return lines.length > 0 ? "signed" : "unsigned";
  }

  function decimal(text, what) {
    if (!/^(?:0|[1-9][0-9]{0,18})$/.test(text) || BigInt(text) > SIZE_MAX) refuse(`${what} is no number that can be`);
    return BigInt(text);
  }

  function hash(text, what) {
    const bytes = unbase64(text);
    if (!bytes || bytes.length !== 32) refuse(`${what} is no SHA-256 hash`);
    return bytes;
  }

  function parseCheckpoint(text) {
    const lines = text.split("\n");
    if (lines.length !== 4 || lines[3] !== "" || lines[0] === "") {
      refuse("the checkpoint's text is not three lines: origin, size, root");
    }
    return { origin: lines[0], size: decimal(lines[1], "the checkpoint's size"), root: hash(lines[2], "the checkpoint's root") };
  }

  // ---- the tree ------------------------------------------------------------------------------------------------------

  function leafHash(entry) {
    return sha256(Uint8Array.of(0), entry);
  }

  function nodeHash(left, right) {
    return sha256(Uint8Array.of(1), left, right);
  }

  // RFC 9162 section 2.1.3.2.
  async function included(index, size, leaf, path, rootHash) {
    if (index < 0n || index >= size) return false;
    let fn = index;
    let sn = size - 1n;
    let at = leaf;
    for (const step of path) {
      if (sn === 0n) return false;
      if (fn & 1n || fn === sn) {
        at = await nodeHash(step, at);
        while (!(fn & 1n) && fn !== 0n) {
          fn >>= 1n;
          sn >>= 1n;
        }
      } else {
        at = await nodeHash(at, step);
      }
      fn >>= 1n;
      sn >>= 1n;
    }
    return sn === 0n && same(at, rootHash);
  }

  // { extra: bytes or null, index, path, signed: the checkpoint as text }
  function parseProof(text) {
    if (text.length > PROOF_MAX) refuse(`the proof is larger than ${PROOF_MAX} bytes`);
    const split = text.indexOf("\n\n");
    const lines = text.slice(0, split).split("\n");
    if (split < 0 || lines.shift() !== PROOF_FIRST) refuse(`the proof does not begin with the line ${PROOF_FIRST}`);
    let extra = null;
    if (lines[0]?.startsWith("extra ")) {
      extra = unbase64(lines.shift().slice("extra ".length));
      if (!extra) refuse("the proof's extra line is not base64");
    }
    const indexLine = lines.shift() ?? "";
    if (!indexLine.startsWith("index ")) refuse("the proof has no index line");
    if (lines.length > PATH_MAX) refuse(`the proof's path is longer than ${PATH_MAX} hashes`);
    return {
      extra,
      index: decimal(indexLine.slice("index ".length), "the proof's index"),
      path: lines.map((line) => hash(line, "a line of the proof's path")),
      signed: text.slice(split + 2),
    };
  }

  // ---- whom to trust (C2SP tlog-policy) ------------------------------------------------------------------------------

  class Policy {
    constructor() {
      this.logs = [];
      this.witnesses = []; // { name, key }
      this.groups = 0;
      this.rules = new Map(); // name: set of names => whether it is reached
      this.used = new Set();
      this.keys = new Set();
      this.quorum = null;
    }

    once(key, line) {
      const bytes = hex(key.publicKey);
      if (this.keys.has(bytes)) refuse(`the policy's line ${line} names a key that another line has`);
      this.keys.add(bytes);
    }

    name(name, rule, line) {
      if (name === "none" || this.rules.has(name)) refuse(`the policy's line ${line} gives a name that is taken: ${name}`);
      this.rules.set(name, rule);
    }

    async addLog([text, ...rest], line) {
      if (!text || rest.length > 1) refuse(`the policy's line ${line} is not "log KEY [URL]"`);
      const key = await parseKey(text);
      if (key.algorithm === COSIGNATURE) refuse(`the policy's line ${line} has a witness's key for a log`);
      this.once(key, line);
      this.room(this.logs.length, line);
      this.logs.push(key);
    }

    async addWitness([name, text, ...rest], line) {
      if (!text || rest.length > 1) refuse(`the policy's line ${line} is not "witness NAME KEY [URL]"`);
      const key = await parseKey(text);
      if (key.algorithm === ED25519) refuse(`the policy's line ${line} has a log's key for a witness`);
      this.once(key, line);
      this.name(name, (signed) => signed.has(name), line);
      this.room(this.witnesses.length, line);
      this.witnesses.push({ name, key });
    }

    room(count, line) {
      if (count >= PARTIES_MAX) refuse(`the policy's line ${line} is one too many: there can be ${PARTIES_MAX} of its kind`);
    }

    wanted(threshold, members) {
      if (threshold === "all") return members.length;
      if (threshold === "any") return 1;
      return /^[1-9][0-9]{0,3}$/.test(threshold ?? "") ? Number(threshold) : 0;
    }

    addGroup([name, threshold, ...members], line) {
      const need = this.wanted(threshold, members);
      this.room(this.groups++, line);
      if (members.length === 0 || need < 1 || need > members.length) {
        refuse(`the policy's line ${line} is not "group NAME any|all|NUMBER MEMBER…"`);
      }
      const rules = members.map((member) => {
        if (!this.rules.has(member)) refuse(`the policy's line ${line} has a member that no line above names: ${member}`);
        if (this.used.has(member)) refuse(`the policy's line ${line} has a member of another group: ${member}`);
        this.used.add(member);
        return this.rules.get(member);
      });
      this.name(name, (signed) => rules.filter((rule) => rule(signed)).length >= need, line);
    }

    setQuorum([name, ...rest], line) {
      if (!name || rest.length > 0) refuse(`the policy's line ${line} is not "quorum NAME"`);
      if (this.quorum) refuse(`the policy's line ${line} is a second quorum`);
      this.quorum = name === "none" ? () => true : this.rules.get(name);
      if (!this.quorum) refuse(`the policy's line ${line} has a quorum that no line above names: ${name}`);
      this.quorumName = name;
    }
  }

  async function parsePolicy(text) {
    if (utf8(text).length > POLICY_MAX) refuse(`the policy is larger than ${POLICY_MAX} bytes`);
    if (/[\u0000-\u0008\u000b-\u001f\u007f]/.test(text)) refuse("the policy has a control character in it");
    if (text !== "" && !text.endsWith("\n")) refuse("the policy's last line does not end with a line feed: is it cut?");
    const policy = new Policy();
    const lines = text.split("\n");
    for (let at = 0; at < lines.length; at++) {
      const words = lines[at].split(/[ \t]+/).filter((word) => word !== "");
      if (words.length === 0 || words[0].startsWith("#")) continue;
      const rest = words.slice(1);
      if (words[0] === "log") await policy.addLog(rest, at + 1);
      else if (words[0] === "witness") await policy.addWitness(rest, at + 1);
      else if (words[0] === "group") policy.addGroup(rest, at + 1);
      else if (words[0] === "quorum") policy.setQuorum(rest, at + 1);
      else refuse(`the policy's line ${at + 1} begins with none of log, witness, group, quorum`);
    }
    if (!policy.quorum) refuse("the policy has no quorum line");
    return policy;
  }

  // ---- the receipt ---------------------------------------------------------------------------------------------------

  function checkEntry(entry) {
    const digests = entry instanceof Map && SECTIONS.every((name) => /^[0-9a-f]{64}$/.test(entry.get(name) ?? ""));
    if (!digests || entry.size !== 5 || entry.get("kind") !== "receipt" || entry.get("version") !== "1") {
      refuse("its entry is not that of a receipt of version 1");
    }
    return utf8(canonical(entry));
  }

  // The document's parts, or a refusal that says what it is not.
  function parseReceipt(bytes) {
    if (bytes.length > DOCUMENT_MAX) {
      refuse(`it has ${bytes.length} bytes; no receipt has more than ${DOCUMENT_MAX}`);
    }
    const document = decode(bytes, "it");
    if (document.startsWith(PROOF_KIND)) return parseAlone(document);
    const members = parseJson(document);
    if (!(members instanceof Map) || !members.has("entry") || !members.has("leaf")) {
      refuse("it is JSON, but no receipt: a receipt has an entry, a leaf and salts");
    }
    // A later version may say more; what is said so is nobody's proof.
    const unknown = [...members.keys()].find((name) => !MEMBERS.includes(name));
    const text = (name) => {
      const value = members.get(name) ?? null;
      return value === null || typeof value === "string" ? value : refuse(`its ${name} is not a string`);
    };
    const object = (name) => {
      const value = members.get(name) ?? null;
      return value === null || value instanceof Map ? value : refuse(`its ${name} is not an object`);
    };
    const leaf = members.get("leaf");
    if (typeof leaf !== "bigint" || leaf < 0n || leaf >= SIZE_MAX) refuse("its leaf is not a whole number");
    const log = object("log");
    const said = (name) => (typeof log.get(name) === "string" ? log.get(name) : "");
    return {
      members,
      unknown,
      leaf,
      digests: members.get("entry"),
      entry: checkEntry(members.get("entry")),
      salts: object("salts") ?? new Map(),
      sections: new Map(SECTIONS.map((name) => [name, object(name)])),
      promise: text("promise"),
      proof: text("proof"),
      log: log && { origin: said("origin"), key: said("key") },
    };
  }

  // A tlog-proof alone carries the entry, and shows no section.
  function parseAlone(text) {
    const { extra, index } = parseProof(text);
    const bytes = extra ?? refuse("the proof carries no entry");
    const digests = parseJson(decode(bytes, "the proof's entry"));
    const entry = checkEntry(digests);
    if (!same(entry, bytes)) refuse("the proof's entry is not in canonical form");
    const sections = new Map(SECTIONS.map((name) => [name, null]));
    return { members: new Map(), leaf: index, digests, entry, salts: new Map(), sections, promise: null, proof: text, log: null };
  }

  const holds = { outcome: "holds", why: "" };
  const fails = (why) => ({ outcome: "fails", why });
  const notShown = (why) => ({ outcome: "not shown", why });

  async function testSection(receipt, name) {
    const section = receipt.sections.get(name);
    const salt = receipt.salts.get(name) ?? null;
    if (section === null) return notShown(receipt.members.has(name) ? "it was erased" : "it was not handed over");
    if (salt === null) return fails("it comes without its salt: nothing ties it to the log's entry");
    const bytes = typeof salt === "string" ? unbase64(salt) : null;
    if (!bytes || bytes.length !== SALT_BYTES) return fails(`its salt is not ${SALT_BYTES} bytes in base64`);
    const digest = hex(await sha256(bytes, utf8(canonical(section))));
    return digest === receipt.digests.get(name)
      ? holds
      : fails("section and salt do not give the digest in the entry: one of the three was changed");
  }

  function testOneCall(receipt) {
    const calls = [...receipt.sections.values()].filter((section) => section !== null).map((section) => section.get("call"));
    if (calls.some((call) => typeof call !== "string")) return fails("a section does not say of which call it is");
    if (calls.length === 0) return notShown("no section is shown");
    if (calls.length === 1) return notShown("one section is shown, which agrees with itself");
    const different = [...new Set(calls)];
    return different.length === 1 ? holds : fails(`the sections are of different calls: ${different.join(", ")}`);
  }

  async function verdictOf(note, key, what) {
    const verdict = await checkNote(note, key);
    if (verdict === "unsigned") return fails(`no signature of the log's key ${key.name} is on ${what}`);
    return verdict === "signed" ? holds : fails(`the log's signature on ${what} does not hold: it was changed or forged`);
  }

  async function testPromise(receipt, key) {
    if (receipt.promise === null) return notShown("there is no promise in it");
    if (!key) return notShown("no key of the log is given");
    const note = parseNote(receipt.promise, "the promise");
    const signed = await verdictOf(note, key, "the promise");
    if (signed !== holds) return signed;
    const lines = note.text.split("\n");
    if (lines.length !== 6 || lines[0] !== PROMISE_FIRST || lines[5] !== "" || !/^[0-9]{1,19}$/.test(lines[4])) {
      return fails("what the log has signed there is not a promise about a receipt");
    }
    if (lines[1] !== key.name) return fails(`the promise is of another log: ${lines[1]}`);
    if (lines[2] !== String(receipt.leaf)) return fails(`the promise is about leaf ${lines[2]}, the receipt is leaf ${receipt.leaf}`);
    return lines[3] === base64(await leafHash(receipt.entry)) ? holds : fails("the promise is about another entry");
  }

  async function testIncluded(receipt, proof, checkpoint) {
    if (proof.index !== receipt.leaf) return fails(`the proof is of leaf ${proof.index}, the receipt is leaf ${receipt.leaf}`);
    const { size, root: rootHash } = checkpoint;
    if (proof.index >= size) return fails(`the checkpoint has ${size} leaves, so that leaf ${proof.index} is not among them`);
    return (await included(proof.index, size, await leafHash(receipt.entry), proof.path, rootHash))
      ? holds
      : fails("the path does not lead from this entry to the checkpoint's root");
  }

  async function testSigned(note, checkpoint, key) {
    if (!key) return notShown("no key of the log is given");
    if (checkpoint.origin !== key.name) return fails(`the checkpoint is of another log: ${checkpoint.origin}`);
    return verdictOf(note, key, "the checkpoint");
  }

  // [outcome, names of the witnesses whose cosignatures hold]
  async function testWitnessed(note, policy) {
    if (!policy) return [notShown("no policy says which witnesses count"), []];
    const signed = new Set();
    for (const { name, key } of policy.witnesses) {
      if (key.algorithm !== COSIGNATURE) continue;
      const verdict = await checkNote(note, key);
      if (verdict === "forged") return [fails(`the cosignature of witness ${name} does not hold`), []];
      if (verdict === "signed") signed.add(name);
    }
    const few = `${signed.size} of ${policy.witnesses.length} witnesses have cosigned: the quorum ${policy.quorumName} is not reached`;
    return [policy.quorum(signed) ? holds : fails(few), [...signed]];
  }

  async function guarded(test) {
    try {
      return await test();
    } catch (error) {
      if (error instanceof Refusal) return fails(error.message);
      throw error;
    }
  }

  // What `read` gives, or null, with the refusal under `id` and the tests after it not made.
  function readFor(results, id, why, read) {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      for (const other of ["included", "signed", "witnessed"]) results[other] = notShown(why);
      results[id] = fails(error.message);
      return null;
    }
  }

  async function testProof(receipt, options, results, report) {
    const text = options.proof ?? receipt.proof;
    if (text === null) {
      const absent = notShown("no checkpoint covers it yet: ask for the receipt again in some seconds");
      Object.assign(results, { included: absent, signed: absent, witnessed: absent });
      return;
    }
    const proof = readFor(results, "included", "the proof cannot be read", () => parseProof(text));
    const opened = proof && readFor(results, "signed", "its checkpoint cannot be read", () => {
      const note = parseNote(proof.signed, "the proof's checkpoint");
      return { note, checkpoint: parseCheckpoint(note.text) };
    });
    if (!opened) return;
    const { note, checkpoint } = opened;
    results.included = await testIncluded(receipt, proof, checkpoint);
    results.signed = options.lacking ? notShown(options.lacking) : await testSigned(note, checkpoint, options.key);
    if (results.signed === holds) report.size = checkpoint.size;
    [results.witnessed, report.witnesses] = options.lacking
      ? [notShown(options.lacking), []]
      : await testWitnessed(note, options.policy);
  }

  function finish(report, results) {
    report.tests = TESTS.map((test) => ({ ...test, ...results[test.id] }));
    const held = (id) => results[id].outcome === "holds";
    report.failed = report.tests.some((test) => test.outcome === "fails");
    report.holds = !report.failed && (held("promise") || (held("included") && held("signed")));
    return report;
  }

  // The log's key: the one given, or the policy's for this log.
  function keyOf(receipt, options) {
    const logs = (options.policy?.logs ?? []).filter((key) => key.algorithm === ED25519);
    return options.key ?? logs.find((key) => key.name === receipt.log?.origin) ?? logs[0] ?? null;
  }

  // bytes: of the document, or of a tlog-proof alone. options: key (of parseLogKey), policy (of parsePolicy), proof (text, instead of the one
  // inside); each may be missing. Never throws for what is in the document.
  //
  // { tests: [{ id, name, asks, outcome: "holds" | "fails" | "not shown", why }], holds, failed,
  //   leaf, size (of the checkpoint, if it is signed; null: none), key (under which it was checked; null: none), witnesses: [name],
  //   log: { origin, key } (what it says of itself), sections: { client: Map, ... } (those whose digest holds) }
  async function verify(bytes, options = {}) {
    const report = { leaf: null, size: null, key: null, witnesses: [], log: null, sections: {} };
    const results = {};
    let receipt;
    try {
      receipt = parseReceipt(bytes);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      for (const { id } of TESTS) results[id] = notShown("the document cannot be read");
      results.form = fails(error.message);
      return finish(report, results);
    }
    const given = { policy: null, proof: null, ...options, key: keyOf(receipt, options), lacking: await lacking() };
    Object.assign(report, { leaf: receipt.leaf, log: receipt.log, key: given.key });
    results.form = receipt.unknown === undefined
      ? holds
      : { ...holds, why: `its ${JSON.stringify(receipt.unknown)} is not checked: receipts have no such part` };
    for (const name of SECTIONS) {
      results[name] = await guarded(() => testSection(receipt, name));
      if (results[name] === holds) report.sections[name] = receipt.sections.get(name);
    }
    results.one_call = testOneCall(receipt);
    results.promise = given.lacking ? notShown(given.lacking) : await guarded(() => testPromise(receipt, given.key));
    await testProof(receipt, given, results, report);
    return finish(report, results);
  }

  const entrepotVerify = {
    DOCUMENT_MAX, PROOF_KIND, Refusal, verify, lacking, parseKey, parseLogKey, parsePolicy, parseProof,
    parseNote, parseCheckpoint, parseJson, canonical, checkNote, included, leafHash, nodeHash, base64, unbase64, hex, utf8,
  };
  if (typeof module === "object" && module.exports) module.exports = entrepotVerify;
  else root.entrepotVerify = entrepotVerify;
})(globalThis);
