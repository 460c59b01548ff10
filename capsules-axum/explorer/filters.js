/**
 * The choice of capsules, kept in the address.
 */

import { h } from "./dom.js";
import { STATUSES, TYPES } from "./record.js";
import { toHash } from "./router.js";

/** What the server chooses by. The search field in the page's head is `q`. */
export const FILTERS = [
  "q",
  "type",
  "status",
  "domain",
  "session_id",
  "tenant_id",
  "since",
  "until",
];

/** Where there is room, the fields are always shown. The style sheet has the same width. */
const WIDE = matchMedia("(width > 56rem)");

const TYPING_MS = 200;

const FIELDS = [
  ["type", "Type", choice(TYPES)],
  ["status", "Status", choice(STATUSES)],
  ["domain", "Domain", text],
  ["session_id", "Session", text],
  ["tenant_id", "Tenant", text],
  ["since", "From", moment],
  ["until", "Until", moment],
];

/**
 * The part of an address's query that chooses capsules.
 *
 * @param {Record<string, string>} query
 */
export function chosen(query) {
  return Object.fromEntries(
    FILTERS.filter((name) => query[name]).map((name) => [name, query[name]]),
  );
}

/**
 * Fields for everything but the search text. A change is a new address.
 *
 * @param {import("./router.js").Route} route
 */
export function filters(route) {
  const active = chosen(route.query);
  const go = (name, value) => {
    location.hash = toHash({ view: route.view, query: { ...active, [name]: value } });
  };
  const fields = FIELDS.map(([name, label, field]) => {
    const input = field(active[name] ?? "", (value) => go(name, value));
    input.id = `filter-${name}`;
    input.classList.toggle("set", name in active);
    return h("label.field", { for: input.id }, h("span", null, label), input);
  });
  const count = Object.keys(active).filter((name) => name !== "q").length;
  const clear =
    Object.keys(active).length > 0 &&
    h("a.button.quiet", { href: toHash({ view: route.view }) }, "Clear");
  const box = h(
    "details.filters",
    null,
    h("summary", null, count > 0 ? `Filters (${count})` : "Filters"),
    h("form", { "aria-label": "Filters" }, fields, clear),
  );
  box.querySelector("form").addEventListener("submit", (event) => event.preventDefault());
  box.open = WIDE.matches;
  return box;
}

function choice(values) {
  return (value, go) => {
    const known = value === "" || values.includes(value) ? values : [...values, value];
    const options = ["", ...known].map((name) =>
      h("option", { value: name, selected: name === value }, name || "any"),
    );
    let waiting;
    const change = (event) => {
      // Who types a name passes others on the way to it.
      clearTimeout(waiting);
      waiting = setTimeout(() => go(event.target.value), TYPING_MS);
    };
    return h("select", { onchange: change }, options);
  };
}

function text(value, go) {
  return h("input", {
    type: "text",
    value,
    placeholder: "any",
    autocomplete: "off",
    spellcheck: "false",
    onchange: (event) => go(event.target.value.trim()),
  });
}

/** A local time in the field, and the same moment in UTC in the address. */
function moment(value, go) {
  const change = (event) => {
    const time = new Date(event.target.value);
    go(Number.isNaN(time.getTime()) ? "" : time.toISOString());
  };
  return h("input", { type: "datetime-local", step: "1", value: local(value), onchange: change });
}

function local(text) {
  const time = new Date(text);
  if (Number.isNaN(time.getTime())) {
    return "";
  }
  const shifted = new Date(time.getTime() - time.getTimezoneOffset() * 60_000);
  return shifted.toISOString().slice(0, 19);
}
