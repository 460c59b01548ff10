/**
 * Canonical JSON: the one spelling of a record that is hashed (CPS section 2).
 */

import { JsonError, parse, write } from "./json.js";

/** The keys of the seal, which is outside of the content that is hashed (CPS section 1). */
const SEAL = ["hash", "signature", "signature_pq", "signed_at", "signed_by"];

/**
 * The canonical form of a JSON document: keys sorted by code point at every depth, no white space,
 * numbers as the document spells them.
 *
 * @param {string} text
 * @returns {string}
 * @throws {JsonError}
 */
export function canonicalize(text) {
  return canonicalText(parse(text));
}

/**
 * @param {import("./json.js").JsonValue} value
 * @returns {string}
 */
export function canonicalText(value) {
  return write(value, { members: sorted });
}

/**
 * Takes a sealed record apart: its content in canonical form, and the parts of its seal, `null`
 * where one is absent.
 *
 * @param {Map<string, import("./json.js").JsonValue>} record
 * @returns {{ content: string, seal: Record<string, string|null> }}
 * @throws {JsonError}
 */
export function splitSealed(record) {
  if (!(record instanceof Map)) {
    throw new JsonError("not a sealed record: expected an object");
  }
  const content = new Map(record);
  const seal = {};
  for (const key of SEAL) {
    const value = record.get(key) ?? null;
    if (value !== null && typeof value !== "string") {
      throw new JsonError(`not a sealed record: expected a string or null as \`${key}\``);
    }
    seal[key] = value;
    content.delete(key);
  }
  return { content: canonicalText(content), seal };
}

function sorted(object) {
  return [...object].sort(([left], [right]) => compareCodePoints(left, right));
}

/**
 * The order of two texts by code point. JavaScript's own is by UTF-16 unit, in which a character
 * beyond U+FFFF stands before those from U+E000 on.
 */
export function compareCodePoints(left, right) {
  const length = Math.min(left.length, right.length);
  for (let index = 0; index < length; index += 1) {
    const a = left.charCodeAt(index);
    const b = right.charCodeAt(index);
    if (a !== b) {
      return rank(a) - rank(b);
    }
  }
  return left.length - right.length;
}

/** A UTF-16 unit's place in the order by code point: surrogates stand for what is beyond U+FFFF. */
function rank(unit) {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}
