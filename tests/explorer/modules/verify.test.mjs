import assert from "node:assert/strict";
import { webcrypto } from "node:crypto";
import test from "node:test";

import { hex, load } from "./support.mjs";

const { names, readKeys, verdictOf, verifyRecord } = await load("verify.js");
const { canonicalize } = await load("canonical.js");
const { sha3_256Hex } = await load("sha3.js");
const { Capsule } = await load("record.js");

const { subtle } = webcrypto;
const hashOf = (content) => sha3_256Hex(new TextEncoder().encode(canonicalize(content)));

async function keyPair() {
  const pair = await subtle.generateKey("Ed25519", true, ["sign", "verify"]);
  const publicKey = hex(new Uint8Array(await subtle.exportKey("raw", pair.publicKey)));
  return { ...pair, hex: publicKey, fingerprint: `qp_key_${publicKey.slice(0, 4)}` };
}

const key = await keyPair();
const other = await keyPair();

/** The text of a sealed record, as a server sends it. */
async function sealed(content, signer = key) {
  const hash = hashOf(content);
  const signature = hex(
    new Uint8Array(await subtle.sign("Ed25519", signer.privateKey, new TextEncoder().encode(hash))),
  );
  return `${content.slice(0, -1)}, "hash":"${hash}","signature":"${signature}","signature_pq":"","signed_at":"2026-01-01T00:00:00+00:00","signed_by":"${signer.fingerprint}"}`;
}

const FIRST = '{"id":"a","sequence":0,"previous_hash":null,"execution":{"duration_ms":1.0}}';
const SECOND = `{"sequence":1, "id":"b","previous_hash":"${hashOf(FIRST)}","outcome":{"result":1e-07}}`;

const serverKeys = async () => [{ publicKey: key.hex, fingerprint: key.fingerprint, active: true }];

async function verify(text, evidence = {}) {
  const before = Capsule.read(await sealed(FIRST));
  const checks = await verifyRecord(text, {
    id: "b",
    previous: async () => before,
    keys: serverKeys,
    trusted: [],
    crypto: { subtle, secure: true },
    ...evidence,
  });
  const verdicts = Object.fromEntries(checks.map((check) => [check.name, check.verdict]));
  return {
    verdicts,
    whole: verdictOf(checks),
    reasons: Object.fromEntries(checks.map((check) => [check.name, check.reason])),
  };
}

const ALL = {
  record: "passed",
  content: "passed",
  signature: "passed",
  link: "passed",
  post_quantum: "not_checked",
};

test("a good record", async () => {
  const { verdicts, whole } = await verify(await sealed(SECOND));
  assert.deepEqual(verdicts, ALL);
  assert.equal(whole, "passed");
});

test("the first record", async () => {
  const never = () => assert.fail("there is none before it");
  assert.deepEqual((await verify(await sealed(FIRST), { id: "a", previous: never })).verdicts, ALL);
  const named = FIRST.replace("null", '"00"');
  assert.equal(
    (await verify(await sealed(named), { id: "a", previous: never })).verdicts.link,
    "failed",
  );
});

test("a changed content", async () => {
  const text = (await sealed(SECOND)).replace("1e-07", "2e-07");
  const { verdicts, whole } = await verify(text);
  // The signature is checked over the hash that was computed, not over the one that is stated.
  assert.deepEqual(verdicts, { ...ALL, content: "failed", signature: "failed" });
  assert.equal(whole, "failed");
});

test("a content and a hash that were changed together", async () => {
  const changed = SECOND.replace("1e-07", "2e-07");
  const text = (await sealed(SECOND))
    .replace("1e-07", "2e-07")
    .replace(hashOf(SECOND), hashOf(changed));
  assert.deepEqual((await verify(text)).verdicts, { ...ALL, signature: "failed" });
});

test("the spelling of a number is part of the content", async () => {
  const text = (await sealed(SECOND)).replace("1e-07", "1e-7");
  assert.equal((await verify(text)).verdicts.content, "failed");
});

test("a key that was added", async () => {
  const text = (await sealed(SECOND)).replace('"sequence":1', '"sequence":1,"approved":true');
  assert.equal((await verify(text)).verdicts.content, "failed");
});

test("another record than the one that was asked for", async () => {
  const { verdicts, whole } = await verify(await sealed(SECOND), { id: "c" });
  assert.deepEqual(verdicts, { ...ALL, record: "failed" });
  assert.equal(whole, "failed");
});

test("a record of another signer", async () => {
  const text = await sealed(SECOND, other);
  assert.equal((await verify(text)).verdicts.signature, "failed");
  assert.equal(
    (await verify(text, { trusted: [key.hex, other.hex] })).verdicts.signature,
    "passed",
  );
});

test("keys that the user trusts count alone", async () => {
  const never = () => assert.fail("the server is not asked");
  assert.deepEqual(
    (await verify(await sealed(SECOND), { trusted: [key.hex], keys: never })).verdicts,
    ALL,
  );
  assert.equal(
    (await verify(await sealed(SECOND), { trusted: [other.hex], keys: never })).verdicts.signature,
    "failed",
  );
});

test("a record without a signature, and one that is no signature", async () => {
  const text = await sealed(SECOND);
  for (const signature of ["null", '""', '"ab"', `"${"g".repeat(128)}"`]) {
    const unsigned = text.replace(/"signature":"[^"]*"/, `"signature":${signature}`);
    assert.equal((await verify(unsigned)).verdicts.signature, "failed", signature);
  }
});

test("what cannot be checked is not passed", async () => {
  const text = await sealed(SECOND);
  for (const [evidence, name, reason] of [
    [{ crypto: { secure: true } }, "signature", /no cryptography\.$/],
    [{ crypto: { secure: false } }, "signature", /plain HTTP/],
    [
      {
        crypto: {
          subtle: { importKey: () => Promise.reject(new DOMException("", "NotSupportedError")) },
          secure: true,
        },
      },
      "signature",
      /NotSupportedError/,
    ],
    [{ keys: async () => [] }, "signature", /no public key/],
    [{ previous: async () => null }, "link", /removed, or you may not see it/],
    [{ previous: () => Promise.reject(new Error("away")) }, "link", /away/],
  ]) {
    const { verdicts, whole, reasons } = await verify(text, evidence);
    assert.deepEqual(verdicts, { ...ALL, [name]: "not_checked" });
    assert.match(reasons[name], reason);
    assert.equal(whole, "not_checked");
  }
});

test("links that do not hold", async () => {
  const previous = async (content) => Capsule.read(await sealed(content));
  for (const evidence of [
    { previous: () => previous(FIRST.replace("1.0", "2.0")) },
    { previous: async () => Capsule.read("[]") },
  ]) {
    assert.equal((await verify(await sealed(SECOND), evidence)).verdicts.link, "failed");
  }
  for (const content of [
    SECOND.replace(/"previous_hash":"[^"]*"/, '"previous_hash":null'),
    SECOND.replace(":1,", ":2,"),
    SECOND.replace(":1,", ":-1,"),
  ]) {
    assert.equal((await verify(await sealed(content))).verdicts.link, "failed", content);
  }
});

test("a post-quantum signature is not passed over in silence", async () => {
  const text = (await sealed(SECOND)).replace('"signature_pq":""', '"signature_pq":"00"');
  const { verdicts, reasons } = await verify(text);
  assert.equal(verdicts.post_quantum, "not_checked");
  assert.match(reasons.post_quantum, /ML-DSA-65/);
});

test("what is no sealed record", async () => {
  for (const text of ["[]", "{", '{"hash":1}', '{"id":"b","id":"b"}']) {
    const { verdicts, whole } = await verify(text);
    assert.equal(verdicts.content, "failed", text);
    assert.equal(verdicts.signature, "not_checked");
    assert.equal(whole, "failed");
  }
});

test("every form of a signer's name", () => {
  for (const name of [
    key.fingerprint,
    `qp_key_${key.hex.slice(0, 9)}`,
    key.hex.slice(0, 16),
    key.hex,
  ]) {
    assert.ok(names(name, key.hex), name);
  }
  for (const name of [
    "",
    "qp_key_",
    `qp_key_${key.hex.slice(0, 3)}`,
    key.hex.slice(0, 15),
    key.hex.slice(0, 17),
    `qp_key_${key.hex}0`,
  ]) {
    assert.ok(!names(name, key.hex), name);
  }
});

test("keys that were pasted", () => {
  assert.deepEqual(readKeys(` ${key.hex.toUpperCase()}\n\n${other.hex}, `), {
    keys: [key.hex, other.hex],
  });
  assert.deepEqual(readKeys(""), { keys: [] });
  assert.equal(readKeys(`${key.hex} qp_key_12`).wrong, "qp_key_12");
});
