/**
 * Where a capsule leads: along the chain, along the workflow, to those of its session.
 */

import * as api from "./api.js";
import { fill, foreign, h } from "./dom.js";
import { card, facts, none } from "./parts.js";
import { capsuleLink, toHash } from "./router.js";

/** The children that are named one by one. */
const MOST_CHILDREN = 12;

/**
 * @param {import("./record.js").Capsule} one
 * @param {Promise<{ previous?: object, next?: object }>} around
 * @param {AbortSignal} signal
 */
export function links(one, around, signal) {
  const session = one.context.text("session_id");
  const tenant = one.context.section("environment").text("tenant_id");
  const listed = (query, text) =>
    h("a", { href: toHash({ view: "timeline", query }) }, foreign(text));
  return card(
    "Links",
    "links",
    facts([
      [
        "Previous",
        later(around, ({ previous }) =>
          previous ? to(previous) : none(one.sequence === 0 ? "first of its chain" : "not shown"),
        ),
      ],
      ["Next", later(around, ({ next }) => (next ? to(next) : none("latest")))],
      [
        "Parent",
        one.parentId
          ? h("a", { href: capsuleLink(one.parentId) }, foreign(one.parentId, "code"))
          : none(),
      ],
      ["Children", later(api.tree(one.id, signal), (tree) => children(one, tree))],
      ["Session", session && listed({ session_id: session }, session)],
      ["Tenant", tenant && listed({ tenant_id: tenant }, tenant)],
    ]),
  );
}

function to(other) {
  return h(
    "a",
    { href: capsuleLink(other.id) },
    h("span.sequence", null, `#${other.sequence} `),
    foreign(other.title),
  );
}

function children(one, tree) {
  const found = tree.nodes.filter((node) => node.parent_id === one.id);
  if (found.length === 0) {
    return none();
  }
  const rest = found.length - MOST_CHILDREN;
  return h(
    "ul.plain",
    null,
    found
      .slice(0, MOST_CHILDREN)
      .map((node) =>
        h(
          "li",
          null,
          h(
            "a",
            { href: capsuleLink(node.id) },
            h("span.sequence", null, `#${node.sequence} `),
            foreign(node.source || node.type),
          ),
        ),
      ),
    rest > 0 &&
      h("li", null, h("a", { href: capsuleLink(one.id, "workflow") }, `and ${rest} more`)),
  );
}

/** What is shown when an answer has come. */
function later(answer, show) {
  const place = h("span", null, none("…"));
  answer.then(
    (found) => fill(place, show(found)),
    () => fill(place, none("could not be loaded")),
  );
  return place;
}
