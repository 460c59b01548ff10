import assert from "node:assert/strict";
import test from "node:test";

import { load, vectors } from "./support.mjs";

const { parseReference, parseUri } = await load("uri.js");
const { capsuleLink, parseHash, toHash } = await load("router.js");

const published = vectors("uri-fixtures.json");

for (const { name, uri, expected } of published?.valid ?? []) {
  test(`published: ${name}`, () => {
    const found = parseUri(uri);
    assert.equal(found.chain ?? null, expected.chain);
    assert.equal(found.hash ?? null, expected.hash_value);
    assert.equal(found.sequence ?? null, expected.sequence);
    assert.equal(found.id ?? null, expected.id);
    assert.equal(found.fragment ?? null, expected.fragment);
    assert.deepEqual(parseHash(`#${uri}`), { view: "uri", uri, query: {} });
  });
}

for (const { name, uri } of published?.invalid ?? []) {
  test(`published, refused: ${name}`, () => {
    assert.equal(parseUri(uri), null);
  });
}

const HASH = "8c71e187dfbffca067265f576d9fb72ee8a223c3dff801dd7c5dd8fcb915f2cd";
const ID = "a1b2c3d4-e5f6-7890-abcd-ef1234567890";

test("refused", () => {
  for (const uri of [
    "",
    "capsule://",
    "Capsule://a/1",
    "capsule:a/1",
    "capsule:///1",
    "capsule://a/",
    "capsule://a/-1",
    "capsule://a/007",
    "capsule://a/b/1",
    "capsule://ä/1",
    "capsule://a%20b/1",
    "capsule://42",
    `capsule://sha3_${HASH.slice(1)}`,
    `capsule://sha3_${HASH.toUpperCase()}`,
    `capsule://a/sha2_${HASH}`,
    `capsule://a/${ID}`,
    "capsule://a/1#",
    "capsule://a/1#seal",
    "capsule://a/1#outcome/",
    "capsule://a/1#outcome/..",
    "capsule://a/1#outcome#trigger",
    `capsule://${ID.replaceAll("-", "")}`,
  ]) {
    assert.equal(parseUri(uri), null, uri);
  }
});

test("what a person may type", () => {
  assert.deepEqual(parseReference(` ${ID.toUpperCase()} `), { id: ID });
  assert.deepEqual(parseReference(HASH), { hash: HASH });
  assert.deepEqual(parseReference(`sha3_${HASH}`), { hash: HASH });
  assert.deepEqual(parseReference("#12"), { sequence: 12 });
  assert.deepEqual(parseReference(`capsule://bot/7#outcome`), {
    sequence: 7,
    chain: "bot",
    fragment: "outcome",
  });
  for (const text of ["12", "deploy", "#x", "", HASH.slice(2)]) {
    assert.equal(parseReference(text), null, text);
  }
});

test("every address is a route, and a route its address", () => {
  for (const route of [
    { view: "timeline", query: {} },
    { view: "timeline", query: { q: "a & b=c #1", status: "failure", before: "9" } },
    { view: "capsule", id: ID, tab: "record", query: {} },
    { view: "capsule", id: ID, tab: "workflow", query: {} },
    { view: "stats", query: { type: "tool" } },
  ]) {
    assert.deepEqual(parseHash(toHash(route)), route);
  }
  assert.deepEqual(parseHash(""), { view: "timeline", query: {} });
  assert.deepEqual(parseHash(capsuleLink("a/b?c", "json")), {
    view: "capsule",
    id: "a/b?c",
    tab: "json",
    query: {},
  });
});

test("other addresses name nothing", () => {
  for (const hash of [
    "#/nowhere",
    "#/capsule",
    `#/capsule/${ID}/x`,
    `#/capsule/${ID}/json/x`,
    "#/stats/x",
    "#capsule://42",
    "#/__proto__",
    "#/constructor",
  ]) {
    assert.equal(parseHash(hash), null, hash);
  }
});
