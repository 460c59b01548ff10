/**
 * Verification of one record in this browser: its text is fetched, and nothing that the server
 * says about it is believed.
 */

import { splitSealed } from "./canonical.js";
import { JsonError, parse } from "./json.js";
import { sha3_256Hex } from "./sha3.js";

/**
 * @typedef {object} Check The answer to one question.
 * @property {"record"|"content"|"signature"|"link"|"post_quantum"} name
 * @property {string} question
 * @property {"passed"|"failed"|"not_checked"} verdict
 * @property {string} reason what was found
 * @property {[string, string][]} [facts] texts that were compared, by their names
 */

/**
 * @typedef {object} Key
 * @property {string} publicKey 64 hexadecimal digits
 * @property {string} fingerprint
 * @property {boolean} active
 */

/**
 * @typedef {object} Evidence What a record is verified with.
 * @property {string} id of the record that was asked for
 * @property {(hash: string, sequence: number) => Promise<{ members: Map }|null>} previous the record
 *   with a hash, or what stands in its place; `null` where the server shows none
 * @property {() => Promise<Key[]>} keys what the server calls its keys
 * @property {string[]} trusted public keys from elsewhere; when there are any, no other counts
 * @property {{ subtle?: SubtleCrypto, secure: boolean }} crypto what the browser offers
 */

const QUESTIONS = {
  record: "Is it the record that was asked for?",
  content: "Does its content have the hash of the seal?",
  signature: "Did the key sign this hash?",
  link: "Does it name the record before it?",
  post_quantum: "Does the post-quantum signature hold?",
};

/**
 * @param {string} text a sealed record, as the server sent it
 * @param {Evidence} evidence
 * @returns {Promise<Check[]>}
 */
export async function verifyRecord(text, evidence) {
  let record;
  let parts;
  try {
    record = parse(text);
    parts = splitSealed(record);
  } catch (error) {
    if (!(error instanceof JsonError)) {
      throw error;
    }
    const reason = `The answer is not a sealed record: ${error.message}`;
    const unread = "The record could not be read.";
    return Object.keys(QUESTIONS).map((name) =>
      name === "content" ? failed(name, reason) : notChecked(name, unread),
    );
  }
  const { content, seal } = parts;
  const computed = hashOf(content);
  return [
    checkRecord(record, evidence.id),
    checkContent(computed, seal.hash),
    await checkSignature(computed, seal, evidence),
    await checkLink(record, evidence.previous),
    seal.signature_pq
      ? notChecked("post_quantum", "Browsers have no ML-DSA-65. `capsules verify` checks it.")
      : notChecked("post_quantum", "The record has none."),
  ];
}

/** The verdict over all: what failed weighs most, and what was not checked is not passed. */
export function verdictOf(checks) {
  if (checks.some((check) => check.verdict === "failed")) {
    return "failed";
  }
  const asked = checks.filter((check) => check.name !== "post_quantum");
  return asked.every((check) => check.verdict === "passed") ? "passed" : "not_checked";
}

/** Whether `signedBy` is a form that names this key: see section 5 of the protocol. */
export function names(signedBy, publicKey) {
  const [, prefix] = /^qp_key_([0-9a-f]{4,64})$/.exec(signedBy) ?? [];
  if (prefix !== undefined) {
    return publicKey.startsWith(prefix);
  }
  return signedBy === publicKey || (signedBy.length === 16 && publicKey.startsWith(signedBy));
}

/** The public keys in what somebody pasted: 64 hexadecimal digits each. */
export function readKeys(text) {
  const words = text
    .toLowerCase()
    .split(/[\s,;]+/)
    .filter(Boolean);
  const wrong = words.find((word) => !/^[0-9a-f]{64}$/.test(word));
  return wrong === undefined ? { keys: words } : { keys: [], wrong };
}

function checkRecord(record, id) {
  const found = record.get("id");
  return found === id
    ? passed("record", `Its id is ${id}.`)
    : failed("record", `The server sent the record ${String(found)}.`);
}

function checkContent(computed, stated) {
  if (computed === stated) {
    const check = passed(
      "content",
      "SHA3-256 of the canonical content, computed here, is the hash of the seal.",
    );
    return { ...check, facts: [["hash", computed]] };
  }
  const check = failed(
    "content",
    "The content has another hash: it was changed after it was sealed, or the seal was.",
  );
  return {
    ...check,
    facts: [
      ["computed", computed],
      ["stated", stated ?? "none"],
    ],
  };
}

async function checkSignature(computed, seal, { keys, trusted, crypto }) {
  const name = "signature";
  if (!crypto.subtle) {
    return notChecked(
      name,
      crypto.secure
        ? "This browser offers no cryptography."
        : "Browsers offer no cryptography to pages that came over plain HTTP from another machine. Open this page over HTTPS, or on the machine that serves it.",
    );
  }
  const signature = bytesOf(seal.signature ?? "", 64);
  if (signature === null) {
    return failed(
      name,
      seal.signature ? "The signature is not 128 hexadecimal digits." : "The record is not signed.",
    );
  }
  const candidates = trusted.length > 0 ? trusted : chosen(await keys(), seal.signed_by ?? "");
  if (candidates.length === 0) {
    return notChecked(name, "The server has no public key. Paste the key that you trust.");
  }
  // What is signed is the hash that was computed here, as the 64 digits that spell it.
  const message = new TextEncoder().encode(computed);
  for (const publicKey of candidates) {
    let holds;
    try {
      holds = await holdsUnder(crypto.subtle, publicKey, signature, message);
    } catch (error) {
      return notChecked(
        name,
        `This browser cannot check Ed25519 (${error.name}). A current one can.`,
      );
    }
    if (holds) {
      const whose =
        trusted.length > 0 ? "a key that you trust" : "a key that this server names as its own";
      return { ...passed(name, `Ed25519 holds under ${whose}.`), facts: [["key", publicKey]] };
    }
  }
  const whose =
    trusted.length > 0 ? "none of the keys that you trust" : "no key that the server names for it";
  return {
    ...failed(name, `Ed25519 holds under ${whose}.`),
    facts: [["signed by", seal.signed_by ?? "nobody"]],
  };
}

/** The keys that `signed_by` can mean; else the active one (CPS section 5). */
function chosen(keys, signedBy) {
  const named = keys.filter(
    ({ publicKey, fingerprint }) =>
      signedBy !== "" && (signedBy === fingerprint || names(signedBy, publicKey)),
  );
  const meant = named.length > 0 ? named : keys.filter((key) => key.active);
  return meant.map((key) => key.publicKey);
}

async function holdsUnder(subtle, publicKey, signature, message) {
  const raw = bytesOf(publicKey, 32);
  const key = await subtle.importKey("raw", raw, "Ed25519", false, ["verify"]);
  return subtle.verify("Ed25519", key, signature, message);
}

async function checkLink(record, previous) {
  const name = "link";
  const place = Number(record.get("sequence"));
  const named = record.get("previous_hash") ?? null;
  if (!Number.isSafeInteger(place) || place < 0 || (named !== null && typeof named !== "string")) {
    return failed(name, "The record has no place in a chain.");
  }
  if (place === 0) {
    return named === null
      ? passed(name, "It is the first of its chain and names none.")
      : failed(name, "It is the first of its chain and names one before it.");
  }
  if (named === null) {
    return failed(name, `It has the place ${place} and names no record before it.`);
  }
  let before;
  try {
    before = await previous(named, place - 1);
  } catch (error) {
    return notChecked(name, `The record before it could not be had: ${error.message}`);
  }
  if (before === null) {
    return notChecked(
      name,
      "The server shows no record with the hash that it names: it was removed, or you may not see it.",
    );
  }
  return compareLink(before.members, named, place);
}

function compareLink(before, named, place) {
  const name = "link";
  let computed;
  try {
    computed = hashOf(splitSealed(before).content);
  } catch (error) {
    return failed(name, `The record before it cannot be read: ${error.message}`);
  }
  if (computed !== named) {
    const check = failed(
      name,
      "The record before it has another content than the one that is named.",
    );
    return {
      ...check,
      facts: [
        ["named", named],
        ["computed", computed],
      ],
    };
  }
  const sequence = Number(before.get("sequence"));
  return sequence === place - 1
    ? passed(name, `The hash of record ${sequence}, computed here, is the one that it names.`)
    : failed(name, `It has the place ${place}, and names the record with the place ${sequence}.`);
}

function hashOf(content) {
  return sha3_256Hex(new TextEncoder().encode(content));
}

/** The bytes that so many pairs of hexadecimal digits spell, or `null`. */
function bytesOf(hex, length) {
  if (hex.length !== 2 * length || !/^[0-9a-f]*$/i.test(hex)) {
    return null;
  }
  return Uint8Array.from({ length }, (_, index) =>
    parseInt(hex.slice(2 * index, 2 * index + 2), 16),
  );
}

function passed(name, reason) {
  return { name, question: QUESTIONS[name], verdict: "passed", reason };
}

function failed(name, reason) {
  return { name, question: QUESTIONS[name], verdict: "failed", reason };
}

function notChecked(name, reason) {
  return { name, question: QUESTIONS[name], verdict: "not_checked", reason };
}
