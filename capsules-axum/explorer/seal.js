/**
 * The seal of a capsule, and its verification in this browser.
 */

import * as api from "./api.js";
import { announce, copyButton, fill, foreign, h, icon } from "./dom.js";
import { recordAt } from "./neighbours.js";
import { card, code, facts, none, time, verdict } from "./parts.js";
import { trustedKeys } from "./settings.js";
import { serverKeys } from "./server-keys.js";
import { trustField } from "./trust.js";
import { verdictOf, verifyRecord } from "./verify.js";

const SAID = {
  passed: "Everything that was checked here holds",
  failed: "This record does not hold",
  not_checked: "Not everything could be checked here",
};

/**
 * @param {import("./record.js").Capsule} capsule
 * @returns {{ element: HTMLElement, verify: () => Promise<void> }}
 */
export function seal(capsule) {
  const result = h("div.result", { role: "status" });
  const button = h(
    "button.button.primary",
    { type: "button" },
    icon("check"),
    "Verify in this browser",
  );
  const verify = async () => {
    button.disabled = true;
    fill(result, h("p.none", null, "Fetching the record…"));
    try {
      const checks = await check(capsule.id);
      fill(result, findings(checks));
      announce(SAID[verdictOf(checks)]);
    } catch (error) {
      fill(result, h("p.error", null, foreign(`Nothing was verified: ${error.message}`)));
    }
    button.disabled = false;
  };
  button.addEventListener("click", verify);
  const pq = capsule.text("signature_pq");
  const element = card(
    "Seal",
    "seal",
    facts([
      ["Hash", code(capsule.hash, "hash")],
      ["Signature", code(capsule.text("signature"), "signature")],
      [
        "Signed by",
        capsule.text("signed_by")
          ? h("a", { href: "#/keys" }, foreign(capsule.text("signed_by"), "code"))
          : none(),
      ],
      ["Signed at", time(capsule.text("signed_at"))],
      [
        "Post-quantum",
        pq
          ? h(
              "span.code",
              null,
              `ML-DSA-65, ${pq.length / 2} bytes`,
              copyButton(pq, "post-quantum signature"),
            )
          : none(),
      ],
      ["URI", code(capsule.uri, "URI")],
    ]),
    h("div.verify", null, button, result, trustField()),
  );
  return { element, verify };
}

/** Fetches the record anew: what the page shows is not what is verified. */
async function check(id) {
  return verifyRecord(await api.recordText(id), {
    id,
    previous: recordAt,
    keys: serverKeys,
    trusted: trustedKeys(),
    crypto: { subtle: globalThis.crypto?.subtle, secure: isSecureContext },
  });
}

function findings(checks) {
  const whole = verdictOf(checks);
  const own = trustedKeys().length > 0;
  return [
    h("p.whole", { "data-verdict": whole }, SAID[whole]),
    h(
      "ul.checks",
      null,
      checks.map((one) =>
        h(
          "li",
          { "data-check": one.name, "data-verdict": one.verdict },
          h("p.question", null, one.question, verdict(one.verdict)),
          h("p.reason", null, foreign(one.reason)),
          one.facts && facts(one.facts.map(([name, text]) => [name, foreign(text, "code")])),
        ),
      ),
    ),
    h(
      "p.limits",
      null,
      "This browser fetched the record and computed everything itself. It says nothing about the rest of the chain, about the time of sealing and the signer's name, which no seal covers, ",
      own
        ? "and about whose keys you have pasted."
        : "or about the key, which this server named. Paste a key that you had from elsewhere to check against that.",
    ),
  ];
}
