/**
 * A field for public keys that came from elsewhere than this server.
 */

import { announce, fill, foreign, h } from "./dom.js";
import { counted } from "./format.js";
import { keepTrustedKeys, trustedKeys } from "./settings.js";
import { readKeys } from "./verify.js";

/** @param {{ open?: boolean }} how whether the field is shown at once */
export function trustField({ open = false } = {}) {
  const said = h("p.said", { id: "trust-said" });
  const summary = h("summary");
  const field = h("textarea", {
    id: "trusted-keys",
    rows: "3",
    spellcheck: "false",
    autocomplete: "off",
    placeholder: "64 hexadecimal digits a key",
    "aria-describedby": "trust-said",
  });
  const show = () => {
    const { length } = trustedKeys();
    fill(
      summary,
      length > 0
        ? `Checked against ${counted(length, "key")} of yours`
        : "Use a key that you trust",
    );
    fill(
      said,
      length > 0
        ? "Kept in this browser. Empty the field to go back to the server's keys."
        : "As `capsules keys export-public` prints it where the capsules are signed. Kept in this browser, sent nowhere.",
    );
  };
  field.value = trustedKeys().join("\n");
  field.addEventListener("change", () => {
    const { keys, wrong } = readKeys(field.value);
    field.toggleAttribute("aria-invalid", false);
    if (wrong !== undefined) {
      field.setAttribute("aria-invalid", "true");
      fill(said, "Not a public key: ", foreign(wrong, "code"), ". It has 64 hexadecimal digits.");
      return;
    }
    keepTrustedKeys(keys);
    show();
    announce(summary.textContent);
  });
  show();
  return h(
    "details.trust",
    { open: open || trustedKeys().length > 0 },
    summary,
    h("label", { for: "trusted-keys" }, "Public keys, one a line"),
    field,
    said,
  );
}
