/**
 * The workflow that a capsule belongs to, with each action's time beside the others'.
 */

import * as api from "./api.js";
import { foreign, h } from "./dom.js";
import * as format from "./format.js";
import { card, empty, status, type } from "./parts.js";
import { capsuleLink } from "./router.js";

/** What the place of a node in the tree leaves open. */
const LINKS = {
  missing: "its parent is not in the store",
  not_shown: "its parent is not shown",
  circle: "it is its own ancestor",
};

/** Bars are this wide at least, as a share of the whole, to be seen. */
const THINNEST = 0.004;

/**
 * @param {import("./record.js").Capsule} one
 * @param {AbortSignal} signal
 */
export async function workflow(one, signal) {
  const tree = await api.tree(one.id, signal);
  if (tree.nodes.length === 0) {
    return empty("This capsule belongs to no workflow");
  }
  const span = spanOf(tree.nodes);
  const failures = tree.nodes.filter((node) => node.status === "failure").length;
  return card(
    "Workflow",
    "workflow",
    h(
      "p.lead",
      null,
      format.counted(tree.nodes.length, "capsule"),
      `, ${format.duration(span.length)}`,
      failures > 0 && `, ${format.counted(failures, "failure")}`,
    ),
    h(
      "div.axis",
      { "aria-hidden": "true" },
      [0, 0.25, 0.5, 0.75, 1].map((share) => h("span", null, format.duration(span.length * share))),
    ),
    h(
      "ol.tree",
      null,
      tree.nodes.map((node) => h("li", null, row(node, one, span))),
    ),
    tree.is_cut && h("p.none", null, "The workflow is larger than what is shown."),
  );
}

function row(node, one, span) {
  const bar = h("span.fill", { "data-status": node.status });
  const start = (begin(node) - span.start) / span.length;
  const share = Math.max((node.duration_ms ?? 0) / span.length, THINNEST);
  bar.style.insetInlineStart = `${Math.min(Math.max(start || 0, 0), 1 - THINNEST) * 100}%`;
  bar.style.inlineSize = `${Math.min(share, 1) * 100}%`;
  const name = h(
    "span.name",
    null,
    h("span.hidden", null, `Level ${node.depth + 1}: `),
    type(node.type),
    foreign(node.source || node.type, "span.source"),
    foreign(node.error?.split("\n", 1)[0] ?? node.agent, "span.what"),
  );
  // Deeper levels than these would leave no room for names.
  name.style.paddingInlineStart = `${Math.min(node.depth, 12) * 1.25}rem`;
  return h(
    "a.node",
    {
      href: capsuleLink(node.id),
      "data-row": node.id,
      "aria-current": node.id === one.id ? "true" : null,
    },
    name,
    status(node.status),
    h("span.took", null, node.duration_ms !== null && format.duration(node.duration_ms)),
    h("span.track", { "aria-hidden": "true" }, bar),
    LINKS[node.link] && h("span.note", null, LINKS[node.link]),
  );
}

/** From the first beginning to the last end. */
function spanOf(nodes) {
  const known = nodes.filter((node) => !Number.isNaN(begin(node)));
  const start = least(known.map(begin));
  const end = -least(known.map((node) => -begin(node) - (node.duration_ms ?? 0)));
  return { start, length: Math.max(end - start, 1) };
}

// A workflow may have more nodes than a function has arguments.
function least(numbers) {
  return numbers.reduce((least, number) => Math.min(least, number), numbers[0] ?? 0);
}

function begin(node) {
  return Date.parse(node.started_at);
}
