// web/verify/verify.js in Node: the golden vectors, the receipts of cases.py (in the folder EP_CASES), and what its parsers refuse.
import assert from "node:assert/strict";
import crypto from "node:crypto";
import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import test from "node:test";

globalThis.crypto ??= crypto.webcrypto; // Node 18 has it behind a flag
const verifier = createRequire(import.meta.url)("../../web/verify/verify.js");
const golden = JSON.parse(fs.readFileSync(new URL("golden.json", import.meta.url)));

const refused = (run, pattern) => assert.rejects(async () => run(), (error) => {
  assert.ok(error instanceof verifier.Refusal, String(error));
  assert.match(error.message, pattern);
  return true;
});

// ---- the tree ------------------------------------------------------------------------------------------------------

const nodes = new Map(); // "from-to": a hash; many trees share most of theirs

async function root(from, to) {
  const name = `${from}-${to}`;
  if (!nodes.has(name)) {
    if (to - from === 1) {
      nodes.set(name, await verifier.leafHash(verifier.utf8(`receipt ${from}`)));
    } else {
      const middle = from + 2 ** (Math.ceil(Math.log2(to - from)) - 1);
      nodes.set(name, await verifier.nodeHash(await root(from, middle), await root(middle, to)));
    }
  }
  return nodes.get(name);
}

async function pathOf(leaf, from, to) {
  if (to - from === 1) return [];
  const middle = from + 2 ** (Math.ceil(Math.log2(to - from)) - 1);
  return leaf < middle
    ? [...(await pathOf(leaf, from, middle)), await root(middle, to)]
    : [...(await pathOf(leaf, middle, to)), await root(from, middle)];
}

test("the golden roots", async () => {
  for (const [size, expected] of Object.entries(golden.roots)) {
    if (size <= 257) assert.equal(verifier.base64(await root(0, Number(size))), expected, size);
  }
});

test("the golden proof: leaf 4 of 7, and of nothing else", async () => {
  const leaf = await verifier.leafHash(verifier.utf8("receipt 4"));
  const steps = golden.inclusion_4_of_7.map(verifier.unbase64);
  const top = verifier.unbase64(golden.roots[7]);
  assert.ok(await verifier.included(4n, 7n, leaf, steps, top));
  for (let index = 0n; index < 9n; index++) {
    if (index !== 4n) assert.ok(!(await verifier.included(index, 7n, leaf, steps, top)), String(index));
  }
  assert.ok(!(await verifier.included(-1n, 7n, leaf, steps, top)));
  assert.ok(!(await verifier.included(4n, 3n, leaf, steps, top)));
  assert.ok(!(await verifier.included(4n, 7n, leaf, steps.slice(1), top)));
  assert.ok(!(await verifier.included(4n, 7n, leaf, [...steps, steps[0]], top)));
  // Roots that such a path does lead to, in a tree of another size.
  const first = await root(0, 1);
  assert.ok(await verifier.included(0n, 1n, first, [], first));
  assert.ok(!(await verifier.included(1n, 1n, first, [], first)));
  assert.ok(!(await verifier.included(0n, 1n, first, [top], await verifier.nodeHash(top, first))));
  assert.ok(!(await verifier.included(0n, 8n, first, await pathOf(0, 0, 4), await root(0, 4))));
});

test("every proof up to 24 leaves, and each with one step changed", async () => {
  for (let size = 1; size <= 24; size++) {
    const top = await root(0, size);
    for (let leaf = 0; leaf < size; leaf++) {
      const steps = await pathOf(leaf, 0, size);
      const hash = await root(leaf, leaf + 1);
      assert.ok(await verifier.included(BigInt(leaf), BigInt(size), hash, steps, top), `${leaf} of ${size}`);
      for (let at = 0; at < steps.length; at++) {
        const wrong = steps.map((step, i) => (i === at ? step.map((byte, j) => (j === 31 ? byte ^ 1 : byte)) : step));
        assert.ok(!(await verifier.included(BigInt(leaf), BigInt(size), hash, wrong, top)), `${leaf} of ${size}, step ${at}`);
      }
    }
  }
});

// ---- keys and notes ------------------------------------------------------------------------------------------------

// Of a name, and an algorithm's byte with a public key.
async function vkey(name, body) {
  const digest = await globalThis.crypto.subtle.digest("SHA-256", Uint8Array.of(...verifier.utf8(`${name}\n`), ...body));
  return `${name}+${verifier.hex(new Uint8Array(digest).slice(0, 4))}+${verifier.base64(Uint8Array.from(body))}`;
}

test("the golden checkpoint is under both keys, and each changed byte is noticed", async () => {
  const log = await verifier.parseLogKey(golden.vkey);
  const witness = await verifier.parseKey(golden.witness_vkey);
  const note = verifier.parseNote(golden.checkpoint_3, "it");
  assert.equal(await verifier.checkNote(note, log), "signed");
  assert.equal(await verifier.checkNote(note, witness), "signed");
  const checkpoint = verifier.parseCheckpoint(note.text);
  assert.deepEqual([checkpoint.origin, checkpoint.size, verifier.base64(checkpoint.root)], [golden.origin, 3n, golden.roots[3]]);
  const bytes = verifier.utf8(golden.checkpoint_3);
  for (let at = 0; at < bytes.length; at++) {
    const other = Uint8Array.from(bytes);
    other[at] ^= 1;
    let verdicts = ["refused", "refused"];
    try {
      const read = verifier.parseNote(new TextDecoder("utf-8", { fatal: true }).decode(other), "it");
      verdicts = [await verifier.checkNote(read, log), await verifier.checkNote(read, witness)];
    } catch (error) {
      assert.ok(error instanceof verifier.Refusal || error instanceof TypeError, String(error)); // TypeError: not UTF-8
    }
    assert.notDeepEqual(verdicts, ["signed", "signed"], `byte ${at}`);
  }
});

test("base64 of one spelling", () => {
  assert.deepEqual(verifier.unbase64("AAE="), Uint8Array.of(0, 1));
  for (const text of ["AAF=", "AAE", "AAE=\n", "AA E=", "AAE-", "A===", "=", "AAE=AAE="]) assert.equal(verifier.unbase64(text), null, text);
});

test("keys that are none", async () => {
  const [name, id, body] = golden.vkey.split("+");
  const rest = golden.vkey.slice(name.length + id.length + 2);
  assert.ok(body && (await verifier.parseLogKey(` ${golden.vkey}\n`)));
  await refused(() => verifier.parseLogKey(golden.witness_vkey), /witness's key/);
  await refused(() => verifier.parseKey(""), /one line/);
  await refused(() => verifier.parseKey(`${name}+${id}`), /one line/);
  await refused(() => verifier.parseKey(`${name}+${id.toUpperCase()}+${rest}`), /one line/);
  await refused(() => verifier.parseKey(`${name}+00000000+${rest}`), /id 00000000/);
  await refused(() => verifier.parseKey(`a b+${id}+${rest}`), /name/);
  await refused(() => verifier.parseKey(`${"n".repeat(256)}+${id}+${rest}`), /name/);
  await refused(() => verifier.parseKey(`${name}+${id}+${rest.slice(0, -4)}`), /id|algorithm/);
  const weak = await vkey("weak", [1, ...new Uint8Array(32)]);
  await refused(() => verifier.parseKey(weak), /anybody can sign/);
  const odd = await vkey("odd", [9, 1]);
  await refused(() => verifier.parseKey(odd), /algorithm 9/);
});

test("notes and checkpoints that are none", async () => {
  const line = golden.checkpoint_3.split("\n")[4];
  const parse = (text) => () => verifier.parseNote(text, "it");
  await refused(parse(""), /no signed note/);
  await refused(parse("text\n"), /no signed note/);
  await refused(parse(`text\n\n${line}`), /no signed note/);
  await refused(parse(`text\n\nnone\n`), /signature line/);
  await refused(parse(`text\n\n${line.replace(" ", "\u00a0")}\n`), /signature line/);
  await refused(parse(`te\rxt\n\n${line}\n`), /control/);
  await refused(parse(`text\n\n${`${line}\n`.repeat(101)}`), /100/);
  await refused(parse(`${"x".repeat(65536)}\n\n${line}\n`), /larger/);
  for (const text of ["a\n3\n", "\n3\nx\n", "a\n03\nx\n", "a\n-1\nx\n", `a\n3\n${golden.roots[3]}\nmore\n`, "a\n3\nAAAA\n"]) {
    await refused(() => verifier.parseCheckpoint(text), /checkpoint/);
  }
});

test("proofs that are none", async () => {
  const tail = `\n${golden.checkpoint_3}`;
  const parse = (text) => () => verifier.parseProof(text);
  const good = verifier.parseProof(`c2sp.org/tlog-proof@v1\nextra AAA=\nindex 4\n${golden.roots[1]}\n${tail}`);
  assert.deepEqual([good.index, good.path.length, good.signed], [4n, 1, golden.checkpoint_3]);
  await refused(parse(""), /does not begin/);
  await refused(parse(`c2sp.org/tlog-proof@v2\nindex 4\n${tail}`), /does not begin/);
  await refused(parse(`c2sp.org/tlog-proof@v1\nextra ?\nindex 4\n${tail}`), /extra/);
  await refused(parse(`c2sp.org/tlog-proof@v1\n${golden.roots[1]}\n${tail}`), /index/);
  await refused(parse(`c2sp.org/tlog-proof@v1\nindex 04\n${tail}`), /index/);
  await refused(parse(`c2sp.org/tlog-proof@v1\nindex 9223372036854775807\n${tail}`), /index/);
  await refused(parse(`c2sp.org/tlog-proof@v1\nindex 4\nAAAA\n${tail}`), /no SHA-256/);
  await refused(parse(`c2sp.org/tlog-proof@v1\nindex 4\n${`${golden.roots[1]}\n`.repeat(65)}${tail}`), /longer than 64/);
});

// ---- policies ------------------------------------------------------------------------------------------------------

test("policies: groups of groups", async () => {
  const keys = await Promise.all([1, 2, 3, 4].map(async (byte) => {
    const pair = await globalThis.crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"]);
    return vkey(`w${byte}`, [4, ...new Uint8Array(await globalThis.crypto.subtle.exportKey("raw", pair.publicKey))]);
  }));
  const witnesses = keys.map((key, at) => `witness w${at + 1} ${key} https://w${at + 1}.example\n`).join("");
  const policy = await verifier.parsePolicy(`# who counts\nlog ${golden.vkey}\n${witnesses}\tgroup one any w1 w2\ngroup two 1 w3\n`
    + "group both all one two\ngroup most 1 both w4\nquorum most\n");
  const reached = (...names) => policy.quorum(new Set(names));
  assert.deepEqual([reached(), reached("w1"), reached("w1", "w2"), reached("w2", "w3"), reached("w4")], [false, false, false, true, true]);
  assert.equal(policy.logs[0].name, golden.origin);
  const bad = (text, pattern) => refused(() => verifier.parsePolicy(text), pattern);
  await bad("", /no quorum/);
  await bad("quorum none", /cut/);
  await bad("quorum x\n", /no line above/);
  await bad("quorum none\nquorum none\n", /second/);
  await bad("quorum none\r\n", /control/);
  await bad("trust me\n", /line 1/);
  await bad(`log ${keys[0]}\nquorum none\n`, /witness's key for a log/);
  await bad(`witness w ${golden.vkey}\nquorum none\n`, /log's key for a witness/);
  await bad(`witness a ${keys[0]}\nwitness b ${keys[0]}\nquorum none\n`, /another line/);
  await bad(`witness none ${keys[0]}\nquorum none\n`, /taken/);
  await bad(`witness a ${keys[0]}\nwitness a ${keys[1]}\nquorum none\n`, /taken/);
  for (const threshold of ["0", "3", "-1", "1.0", "constructor", "some"]) {
    await bad(`witness a ${keys[0]}\nwitness b ${keys[1]}\ngroup g ${threshold} a b\nquorum g\n`, /any\|all\|NUMBER/);
  }
  await bad(`witness a ${keys[0]}\ngroup g any a\ngroup h any a\nquorum g\n`, /another group/);
  await bad(`group g any a\nquorum g\n`, /no line above/);
  await bad(`${"#".repeat(65537)}\n`, /larger/);
  const groups = (count) => Array.from({ length: count }, (_, at) => `group g${at} any ${at ? `g${at - 1}` : "a"}\n`).join("");
  await verifier.parsePolicy(`witness a ${keys[0]}\n${groups(32)}quorum g31\n`);
  await bad(`witness a ${keys[0]}\n${groups(33)}quorum g31\n`, /one too many/);
});

// ---- JSON ----------------------------------------------------------------------------------------------------------

test("canonical bytes are RFC 8785's", () => {
  const canonical = (text) => verifier.canonical(verifier.parseJson(text));
  assert.equal(canonical(' { "b" : [ "x" , {} ] , "a" : "\\u00e9\\/\\u001f\\n" } '), '{"a":"é/\\u001f\\n","b":["x",{}]}');
  assert.equal(canonical('{"\\ud83d\\ude00":"1","\\ufb33":"2"}'), '{"\u{1f600}":"1","\ufb33":"2"}'); // UTF-16 order
});

test("JSON that is refused", async () => {
  const bad = ["", "{", '{"a":1,}', '{"a":1 "b":2}', '{"a":"1","\\u0061":"2"}', '"\\ud800"', '"\t"', "01", "+1", "nul", "[1]x", "'a'",
    "[".repeat(20) + "]".repeat(20)];
  for (const text of bad) await refused(() => verifier.parseJson(text), /JSON/);
});

// ---- receipts ------------------------------------------------------------------------------------------------------

test("receipts, good ones and bad ones", async (t) => {
  const folder = process.env.EP_CASES;
  assert.ok(folder, "EP_CASES names the folder of the cases");
  const read = (name, file) => {
    const place = path.join(folder, name, file);
    return fs.existsSync(place) ? fs.readFileSync(place) : null;
  };
  const { key, cases } = JSON.parse(fs.readFileSync(path.join(folder, "cases.json")));
  for (const [name, expected] of Object.entries(cases)) {
    await t.test(name, async () => {
      const policy = read(name, "policy");
      const report = await verifier.verify(read(name, "receipt.json"), {
        key: await verifier.parseLogKey(key),
        policy: policy && (await verifier.parsePolicy(policy.toString())),
        proof: read(name, "receipt.tlog-proof")?.toString() ?? null,
      });
      assert.deepEqual(Object.fromEntries(report.tests.map((one) => [one.name, one.outcome])), expected.outcomes);
      assert.equal(report.holds, expected.good);
      for (const one of report.tests) assert.ok(one.outcome === "holds" || one.why !== "", `${one.name} says why`);
    });
  }
});

test("without a key nothing is confirmed", async () => {
  const { cases } = JSON.parse(fs.readFileSync(path.join(process.env.EP_CASES, "cases.json")));
  assert.ok(cases.as_handed_over.good);
  const report = await verifier.verify(fs.readFileSync(path.join(process.env.EP_CASES, "as_handed_over", "receipt.json")));
  assert.deepEqual([report.holds, report.failed], [false, false]);
});
