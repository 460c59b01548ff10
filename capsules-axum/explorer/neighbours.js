/**
 * The records beside one in its chain.
 */

import * as api from "./api.js";
import { parse } from "./json.js";
import { Capsule } from "./record.js";

/**
 * The records before and after one, as far as the server shows them. Several chains may have the
 * same places, so that they are told by the hashes that join them.
 *
 * @param {Capsule} one
 * @param {AbortSignal} [signal]
 * @returns {Promise<{ previous?: Capsule, next?: Capsule }>}
 */
export async function neighbours(one, signal) {
  const { sequence } = one;
  const found = await near(sequence - 1, sequence + 1, { signal });
  const before = found.filter((other) => other.sequence === sequence - 1);
  const after = found.filter((other) => other.sequence === sequence + 1);
  return {
    previous: theOne(before, (other) => other.hash === one.previousHash),
    next: theOne(after, (other) => other.previousHash === one.hash),
  };
}

/**
 * The record that stands where the one with `hash` should, for a comparison.
 *
 * @param {string} hash as it is named by the record after it
 * @param {number} sequence
 * @returns {Promise<Capsule|null>} `null` when the server shows none
 */
export async function recordAt(hash, sequence) {
  const found = await near(sequence, sequence, { strict: true });
  const chosen = theOne(found, (other) => other.hash === hash);
  if (chosen) {
    return chosen;
  }
  try {
    return new Capsule(parse(await api.recordTextByHash(hash)));
  } catch (error) {
    if (error.status === 404) {
      return null;
    }
    throw error;
  }
}

/** The records with the places from `first` to `last`. */
async function near(first, last, how) {
  const after = first > 0 ? first - 1 : null;
  const { capsules } = await api.list({ after, before: last + 1, limit: 100 }, how);
  return capsules.map((record) => new Capsule(record));
}

/** The record that is joined, or the only one in the place, joined or not. */
function theOne(records, isJoined) {
  return records.find(isJoined) ?? (records.length === 1 ? records[0] : undefined);
}
