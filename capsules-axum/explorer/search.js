/**
 * The field in the page's head: it searches the timeline, or opens what it was given the name of.
 */

import { chosen } from "./filters.js";
import { parseHash, toHash } from "./router.js";
import { parseReference } from "./uri.js";

/** @param {HTMLFormElement} form */
export function search(form) {
  const input = form.querySelector("input");
  const go = () => {
    const text = input.value.trim();
    location.hash = parseReference(text) ? named(text) : listed(text);
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    go();
  });
  // The field's own cross empties it without submitting it.
  input.addEventListener("search", () => input.value === "" && go());
  return input;
}

function listed(text) {
  const here = parseHash(location.hash);
  const query = here?.view === "timeline" ? chosen(here.query) : {};
  return toHash({ view: "timeline", query: { ...query, q: text } });
}

function named(text) {
  const { id, hash, sequence } = parseReference(text);
  if (text.startsWith("capsule:")) {
    return `#${text}`;
  }
  if (id) {
    return toHash({ view: "capsule", id });
  }
  return hash ? `#capsule://sha3_${hash}` : `#capsule://chain/${sequence}`;
}
