/**
 * The server's verdict over the chain, question by question.
 */

import * as api from "./api.js";
import { announce, fill, foreign, h, icon } from "./dom.js";
import * as format from "./format.js";
import { card, heading, none, refusal, time, verdict } from "./parts.js";
import { capsuleLink, toHash } from "./router.js";

const LEVELS = {
  "": "All that there are keys for",
  structural: "Links",
  full: "Links and contents",
  signatures: "Links, contents and signatures",
};

const QUESTIONS = {
  links: "Are the places without gaps, and does each record name the hash before it?",
  content: "Does each content have the hash of its record?",
  signatures: "Did a trusted key sign each hash?",
  post_quantum: "Did the trusted ML-DSA-65 key sign each hash?",
  columns: "Does what the store keeps beside the content agree with it?",
  tenant: "Is each record in the tenant that its content names?",
  time_order: "Was each record sealed after it began and after the one before it?",
  epochs: "Was each record sealed while its key was in use?",
};

/** @type {import("./main.js").View} */
export async function verification(route, { signal }) {
  const level = Object.hasOwn(LEVELS, route.query.level) ? route.query.level : "";
  const tenant = route.query.tenant_id ?? "";
  const go = (query) => {
    location.hash = toHash({ view: "verify", query: { level, tenant_id: tenant, ...query } });
  };
  const levels = h(
    "select",
    { id: "level", onchange: (event) => go({ level: event.target.value }) },
    Object.entries(LEVELS).map(([name, label]) =>
      h("option", { value: name, selected: name === level }, label),
    ),
  );
  const tenants = h("input", {
    id: "tenant",
    type: "text",
    value: tenant,
    placeholder: "any",
    autocomplete: "off",
    onchange: (event) => go({ tenant_id: event.target.value.trim() }),
  });
  const again = h("button.button", { type: "button" }, "Verify again");
  const result = h("div.verification");
  const content = h(
    "div",
    null,
    heading("Verification"),
    h(
      "div.choices",
      null,
      h("label.field", { for: "level" }, h("span", null, "What is verified"), levels),
      h("label.field", { for: "tenant" }, h("span", null, "Tenant"), tenants),
      again,
    ),
    result,
  );

  const run = async (headers) => {
    again.disabled = true;
    await new Run(result, { level, tenant_id: tenant }, signal).show(headers);
    again.disabled = false;
  };
  again.addEventListener("click", () => run({ "Cache-Control": "no-cache" }));
  run({});
  return { title: "Verification", content };
}

/** One verification while it runs. */
class Run {
  constructor(place, query, signal) {
    this.place = place;
    this.query = query;
    this.cancel = new AbortController();
    signal.addEventListener("abort", () => this.cancel.abort());
  }

  async show(headers) {
    const bar = h("progress", { max: "1", "aria-label": "Verified" });
    const said = h("p", null, "The server verifies the chain…");
    const stop = h(
      "button.button",
      { type: "button", onclick: () => this.cancel.abort() },
      "Cancel",
    );
    fill(this.place, h("div.running", null, said, bar, stop));
    try {
      const { signal } = this.cancel;
      for await (const { event, data } of api.stream("verify/stream", this.query, {
        signal,
        headers,
      })) {
        const found = JSON.parse(data);
        if (event === "progress") {
          bar.value = found.total > 0 ? found.verified / found.total : 0;
          fill(
            said,
            `${format.count(found.verified)} of ${format.counted(found.total, "capsule")}`,
          );
        } else if (event === "report") {
          fill(this.place, report(found));
          announce(headline(found));
          return;
        } else if (event === "problem") {
          throw new api.ApiError(found.status, found.title, found.detail ?? "");
        }
      }
      throw new api.ApiError(
        0,
        "The verification broke off",
        "The server ended it without a verdict.",
      );
    } catch (error) {
      const isCancelled = error.name === "AbortError";
      fill(
        this.place,
        isCancelled
          ? h(
              "p.whole",
              { "data-verdict": "not_checked" },
              "Cancelled: nothing is known about the chain.",
            )
          : refusal(error),
      );
    }
  }
}

function headline(found) {
  if (found.capsules_verified === 0 && found.valid) {
    return "The chain is empty";
  }
  if (found.valid && found.questions.some((question) => question.verdict === "failed")) {
    return "The chain holds, and there is something to ask";
  }
  return found.valid ? "The chain holds" : "The chain is broken";
}

function report(found) {
  const checked = format.counted(found.capsules_verified, "capsule");
  return [
    h(
      "section.banner",
      { "data-verdict": found.valid ? "passed" : "failed", "aria-labelledby": "verdict-title" },
      icon(found.valid ? "check" : "cross"),
      h(
        "div",
        null,
        h("h2", { id: "verdict-title" }, headline(found)),
        h(
          "p",
          null,
          `${checked} verified ${format.age(found.age_seconds ?? 0)}`,
          found.head && [
            ", up to ",
            h("span.sequence", null, `#${found.head.sequence}`),
            " ",
            foreign(found.head.hash.slice(0, 16), "code"),
            "…",
          ],
        ),
      ),
    ),
    found.errors.length > 0 &&
      card(
        "What was found",
        "errors",
        h(
          "ul.plain",
          null,
          found.errors.map((error) => h("li", null, place(error), " ", foreign(error.error))),
        ),
      ),
    card(
      "By question",
      "questions",
      h(
        "ul.checks",
        null,
        found.questions.map(({ question, verdict: answer, reason }) =>
          h(
            "li",
            { "data-check": question, "data-verdict": answer },
            h("p.question", null, QUESTIONS[question] ?? foreign(question), verdict(answer)),
            reason && h("p.reason", null, foreign(reason)),
          ),
        ),
      ),
    ),
    h(
      "p.limits",
      null,
      "This is what the server found, checked ",
      found.checked_at ? time(found.checked_at) : none(),
      ". A verdict of the server is as good as the server: ",
      h("code", null, "capsules verify"),
      " gives one that needs nobody, and each capsule can be verified in this browser. That the end of a chain was cut off cannot be seen in the chain itself: compare the head with one that you kept.",
    ),
  ];
}

function place(error) {
  if (error.sequence === null) {
    return none("elsewhere in the chain");
  }
  const text = `#${error.sequence}`;
  return error.capsule_id
    ? h("a", { href: capsuleLink(error.capsule_id), "data-row": error.capsule_id }, text)
    : h("span.sequence", null, text);
}
