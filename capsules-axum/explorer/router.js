/**
 * Where one is, as the fragment of the address: `#/VIEW/ID?FILTER=…`, or a `capsule://` URI.
 */

import { parseUri } from "./uri.js";

/**
 * @typedef {object} Route
 * @property {string} view `timeline`, `capsule`, `uri`, `sessions`, `stats`, `verify` or `keys`
 * @property {string} [id] of the capsule
 * @property {string} [tab] what is shown of the capsule
 * @property {string} [uri]
 * @property {Record<string, string>} query
 */

const VIEWS = ["timeline", "sessions", "stats", "verify", "keys"];
const TABS = ["record", "workflow", "json"];

/**
 * @param {string} hash the address's fragment, with its `#`
 * @returns {Route|null} `null` when it names nothing
 */
export function parseHash(hash) {
  const fragment = hash.replace(/^#/, "");
  if (fragment.startsWith("capsule:")) {
    const uri = decoded(fragment);
    return parseUri(uri) && { view: "uri", uri, query: {} };
  }
  const [path, search = ""] = fragment.split("?", 2);
  const query = Object.fromEntries(new URLSearchParams(search));
  const [view = "", ...rest] = path.replace(/^\//, "").split("/").map(decoded);
  if (view === "") {
    return { view: "timeline", query };
  }
  if (view === "capsule" && rest[0] && rest.length <= 2 && TABS.includes(rest[1] ?? "record")) {
    return { view, id: rest[0], tab: rest[1] ?? "record", query };
  }
  return VIEWS.includes(view) && rest.length === 0 ? { view, query } : null;
}

/**
 * The fragment of a route, for links.
 *
 * @param {Partial<Route>} route
 */
export function toHash({ view, id, tab, query = {} }) {
  const tail = tab && tab !== "record" ? `/${tab}` : "";
  const path = id ? `${view}/${encodeURIComponent(id)}${tail}` : view;
  const given = Object.entries(query).filter(
    ([, value]) => value !== "" && value !== null && value !== undefined,
  );
  const search = new URLSearchParams(given).toString();
  return `#/${path}${search && `?${search}`}`;
}

/** The link to a capsule. */
export function capsuleLink(id, tab, query) {
  return toHash({ view: "capsule", id, tab, query });
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
