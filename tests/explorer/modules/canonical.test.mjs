import assert from "node:assert/strict";
import test from "node:test";

import { load, vectors } from "./support.mjs";

const { canonicalize, compareCodePoints, splitSealed } = await load("canonical.js");
const { parse, write, JsonError, JsonNumber } = await load("json.js");
const { sha3_256Hex } = await load("sha3.js");

const published = vectors("fixtures.json");

for (const { name, canonical_json: expected, sha3_256_hash: hash } of published?.fixtures ?? []) {
  test(`published: ${name}`, () => {
    assert.equal(canonicalize(expected), expected);
    assert.equal(sha3_256Hex(new TextEncoder().encode(canonicalize(expected))), hash);
    // In another order, with white space and escapes.
    const loose = write(parse(expected), {
      indent: " \t",
      members: (object) => [...object].reverse(),
    });
    const escaped = loose.replace(
      /[^\x00-\x7f]/g,
      (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
    );
    assert.equal(canonicalize(escaped), expected);
  });
}

test("numbers keep their spelling", () => {
  const numbers =
    "[0,-0,1.50,1E-7,1e+16,12345678901234567890123,0.1000000000000000055511151231257827,-0.0]";
  assert.equal(canonicalize(` ${numbers.replaceAll(",", " , ")} `), numbers);
  assert.ok(parse("1e400") instanceof JsonNumber);
});

test("members are sorted by code point at every depth", () => {
  assert.equal(
    canonicalize('{"b":{"z":1,"a":[{"d":1,"c":2}]},"B":0,"a":1,"":2}'),
    '{"":2,"B":0,"a":1,"b":{"a":[{"c":2,"d":1}],"z":1}}',
  );
  // U+10000 is beyond U+FFFD, though its first UTF-16 unit is smaller.
  assert.equal(canonicalize('{"\u{10000}":1,"\ufffd":2}'), '{"\ufffd":2,"\u{10000}":1}');
  assert.ok(compareCodePoints("a\ue000", "a\u{1f600}") < 0);
  assert.equal(compareCodePoints("ab", "ab"), 0);
  assert.ok(compareCodePoints("a", "ab") < 0);
});

test("strings have the protocol's escapes", () => {
  const text = '"\\u0000\\u001F\\b\\t\\n\\f\\r\\"\\\\\\/\\u007f\\u00e9\\u2028\\ud83d\\ude00"';
  assert.equal(
    canonicalize(text),
    '"\\u0000\\u001f\\b\\t\\n\\f\\r\\"\\\\/\u007f\u00e9\u2028\u{1f600}"',
  );
});

test("keys with a meaning for JavaScript are keys like any other", () => {
  const document = '{"__proto__":{"x":1},"constructor":2,"toString":3}';
  assert.equal(canonicalize(document), document);
  assert.equal({}.x, undefined);
});

test("nesting is limited by memory only", () => {
  const deep = `${"[".repeat(200_000)}${'{"a":'.repeat(3)}1${"}".repeat(3)}${"]".repeat(200_000)}`;
  assert.equal(canonicalize(deep), deep);
});

for (const text of [
  "",
  "nul",
  "truex",
  "[1,]",
  "[1 2]",
  '{"a"}',
  '{"a":1,}',
  "{a:1}",
  "01",
  "1.",
  ".5",
  "+1",
  "1e",
  "- 1",
  "NaN",
  "Infinity",
  "'a'",
  '"a',
  '"\n"',
  '"\\x41"',
  '"\\u12g4"',
  "[",
  "]",
  "{]",
  "1 2",
  "\ufeff1",
  "/**/1",
  '{"a":1,"a":2}',
  '{"a":1,"\\u0061":2}',
  '"\\ud800"',
  '"\\udc00\\ud800"',
  '{"\\ud800":1}',
]) {
  test(`refused: ${JSON.stringify(text)}`, () => {
    assert.throws(() => parse(text), JsonError);
  });
}

test("what is only shown is read where its meaning is in doubt", () => {
  assert.equal(parse('{"a":1,"a":2}', { lenient: true }).get("a").text, "2");
  assert.equal(parse('"\\ud800"', { lenient: true }), "\ud800");
  assert.throws(() => parse("[1,]", { lenient: true }), JsonError);
});

test("whatever JSON.parse reads is read the same", () => {
  for (const text of [
    '{"a":[1,2.5,-3e2,"x",null,true,false,{}],"b":[]}',
    '"\\u0041\\n"',
    "[[[]],[{}]]",
    " [ ] ",
  ]) {
    assert.deepEqual(JSON.parse(write(parse(text))), JSON.parse(text));
  }
});

test("only the outermost keys belong to the seal", () => {
  const record = parse(
    '{"signed_by":"k\\u00e9y","hash":null,"b":{"hash":"x","c":1.50},"signed_at":"t","a":[{"signature":"y"}]}',
  );
  const { content, seal } = splitSealed(record);
  assert.equal(content, '{"a":[{"signature":"y"}],"b":{"c":1.50,"hash":"x"}}');
  assert.deepEqual(seal, {
    hash: null,
    signature: null,
    signature_pq: null,
    signed_at: "t",
    signed_by: "kéy",
  });
  assert.throws(() => splitSealed(parse("[]")), JsonError);
  assert.throws(() => splitSealed(parse('{"hash":1}')), JsonError);
});
