/**
 * The small pieces that several views are made of.
 */

import { copyButton, foreign, h, icon } from "./dom.js";
import * as format from "./format.js";
import { JsonNumber, write } from "./json.js";
import { STATUSES, TYPES } from "./record.js";

/** A text longer than this is cut until the reader asks for the rest. */
const LONG_TEXT = 2_000;

const STATUS_ICONS = {
  success: "check",
  failure: "cross",
  pending: "clock",
  partial: "half",
  blocked: "barred",
};

const VERDICTS = {
  passed: ["check", "Passed"],
  failed: ["cross", "Failed"],
  not_checked: ["dash", "Not checked"],
};

/** An outcome's status: a drawing, a word and a colour. */
export function status(name) {
  const known = STATUSES.includes(name);
  return h(
    "span.status",
    { "data-status": known ? name : "other" },
    icon(known ? STATUS_ICONS[name] : "dash"),
    foreign(name || "none"),
  );
}

/** A capsule's type. */
export function type(name) {
  return h(
    "span.type",
    { "data-type": TYPES.includes(name) ? name : "other", dir: "auto" },
    name || "none",
  );
}

/** The answer to a question of a verification. */
export function verdict(name) {
  const [drawing, word] = VERDICTS[name] ?? ["dash", name];
  return h("span.verdict", { "data-verdict": name }, icon(drawing), word);
}

/** A time as people read it, with the exact one at hand. */
export function time(text, form = format.moment) {
  return text ? h("time", { datetime: text, title: text, dir: "auto" }, form(text)) : none();
}

/** Nothing, said so. */
export function none(word = "none") {
  return h("span.none", null, word);
}

/** A long code, such as a hash, with a button that copies it. */
export function code(text, what) {
  return text ? h("span.code", null, foreign(text, "code"), copyButton(text, what)) : none();
}

/** Names and values in two columns. Empty values are left out. */
export function facts(pairs) {
  const given = pairs.filter(
    ([, value]) => value !== null && value !== undefined && value !== "" && value !== false,
  );
  return given.length === 0
    ? null
    : h(
        "dl.facts",
        null,
        given.map(([name, value, path]) => [
          h("dt", null, name),
          h("dd", { "data-path": path }, typeof value === "string" ? long(value) : value),
        ]),
      );
}

/** The members of an object that others chose, by their names. */
export function members(section, path) {
  return section.isEmpty
    ? null
    : h(
        "dl.facts.members",
        null,
        [...section.members].map(([name, value]) => [
          foreign(name, "dt"),
          h("dd", { "data-path": path && `${path}/${name}` }, anyValue(value)),
        ]),
      );
}

/** Any JSON value: texts as texts, the rest as JSON. */
export function anyValue(value) {
  if (value === null) {
    return none("null");
  }
  if (typeof value === "string") {
    return value === "" ? none("empty text") : long(value);
  }
  if (typeof value === "boolean" || value instanceof JsonNumber) {
    return h("code.scalar", null, value);
  }
  return json(value);
}

/** JSON with a line for each member, and numbers as they are spelled. */
export function json(value) {
  return long(write(value, { indent: "  " }), "pre.json");
}

/** A text of any length. */
export function long(text, name = "span") {
  if (text.length <= LONG_TEXT) {
    return foreign(text, name);
  }
  const element = foreign(`${text.slice(0, LONG_TEXT)}… `, name);
  const all = h(
    "button.link",
    { type: "button" },
    `Show all ${format.count(text.length)} characters`,
  );
  all.addEventListener("click", () => {
    const whole = foreign(text, name);
    whole.tabIndex = -1;
    element.replaceWith(whole);
    whole.focus();
  });
  element.append(all);
  return element;
}

/** A share between 0 and 1 as a bar with its figure. */
export function meter(share, label) {
  const bar = h("span.fill");
  bar.style.inlineSize = `${Math.min(Math.max(share, 0), 1) * 100}%`;
  return h(
    "span.meter",
    null,
    h("span.track", { "aria-hidden": "true" }, bar),
    h("span.figure", null, label),
  );
}

/** A section of a page with its heading. */
export function card(title, name, ...children) {
  return h(
    "section.card",
    { "aria-labelledby": `${name}-title`, "data-path": name },
    h("h2", { id: `${name}-title` }, title),
    children,
  );
}

/** What a view says instead of nothing. */
export function empty(title, detail) {
  return h("div.empty", null, h("p.title", null, title), detail && h("p", null, detail));
}

/** What a view says when the server refuses. */
export function refusal(error, again) {
  return h(
    "div.empty",
    { role: "alert" },
    h("p.title", null, error.title ?? "Something went wrong in this page"),
    h("p", null, foreign(error.detail ?? error.message)),
    again && h("button.button", { type: "button", onclick: again }, "Try again"),
  );
}

/** The head of a view. */
export function heading(title, ...more) {
  return h("div.heading", null, h("h1", { tabindex: "-1" }, title), more);
}

/** A table with named columns; figures stand at the end of theirs. */
export function table(label, columns, rows) {
  return h(
    "div.scroll",
    { tabindex: "0", role: "region", "aria-label": label },
    h(
      "table",
      null,
      h("caption.hidden", null, label),
      h(
        "thead",
        null,
        h(
          "tr",
          null,
          columns.map(([name, kind]) => h("th", { scope: "col", class: kind }, name)),
        ),
      ),
      h(
        "tbody",
        null,
        rows.map((cells) =>
          h(
            "tr",
            null,
            cells.map((cell, at) =>
              h(
                at === 0 ? "th" : "td",
                { scope: at === 0 ? "row" : null, class: columns[at][1] },
                cell,
              ),
            ),
          ),
        ),
      ),
    ),
  );
}
