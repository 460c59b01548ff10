/**
 * The keys that the server names as its own.
 */

import * as api from "./api.js";

/** @returns {Promise<import("./verify.js").Key[]>} the Ed25519 keys */
export async function serverKeys() {
  const { keys } = await api.json("keys");
  return keys
    .filter((key) => key.algorithm === "ed25519")
    .map((key) => ({
      publicKey: key.public_key_hex,
      fingerprint: key.fingerprint,
      active: key.status === "active",
    }));
}
