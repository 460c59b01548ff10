/**
 * The public keys that the server names, and those that the user trusts.
 */

import * as api from "./api.js";
import { copyButton, foreign, h } from "./dom.js";
import { card, code, empty, heading, none, table, time } from "./parts.js";
import { trustField } from "./trust.js";

const ALGORITHMS = { ed25519: "Ed25519", "ml-dsa-65": "ML-DSA-65" };

/** @type {import("./main.js").View} */
export async function keys(route, { signal }) {
  const { keys: found } = await api.json("keys", {}, { signal });
  const columns = [["Fingerprint"], ["Algorithm"], ["Public key"], ["Since"], ["Until"]];
  const rows = found.map((key) => [
    foreign(key.fingerprint ?? "none", "code"),
    ALGORITHMS[key.algorithm] ?? foreign(key.algorithm),
    shortCode(key.public_key_hex),
    time(key.created_at),
    key.rotated_at ? time(key.rotated_at) : key.status === "active" ? "in use" : none("retired"),
  ]);
  const content = h(
    "div",
    null,
    heading("Keys"),
    rows.length > 0
      ? table("Keys of this server", columns, rows)
      : empty("No keys", "The server knows no public key, so that it cannot check signatures."),
    card(
      "Trust",
      "trust",
      h(
        "p",
        null,
        "A key is as good as the way on which it came. These came from the server whose records they check.",
      ),
      trustField({ open: true }),
    ),
  );
  return { title: "Keys", content };
}

/** Post-quantum keys have thousands of digits. */
function shortCode(text) {
  return text.length > 64
    ? h("span.code", null, foreign(`${text.slice(0, 64)}…`, "code"), copyButton(text, "public key"))
    : code(text, "public key");
}
