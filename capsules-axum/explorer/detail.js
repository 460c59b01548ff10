/**
 * One capsule: as people read it, as a part of its workflow, and as JSON.
 */

import * as api from "./api.js";
import { announce, copy, copyButton, foreign, h, icon } from "./dom.js";
import * as format from "./format.js";
import { write } from "./json.js";
import { links } from "./links.js";
import { neighbours } from "./neighbours.js";
import { empty, status, time, type } from "./parts.js";
import { Capsule } from "./record.js";
import { capsuleLink } from "./router.js";
import { seal } from "./seal.js";
import { sections } from "./sections.js";
import { workflow } from "./workflow.js";
import { parseUri } from "./uri.js";

const TABS = { record: "Record", workflow: "Workflow", json: "JSON" };

/** @type {import("./main.js").View} */
export async function capsule(route, { signal }) {
  return page(await api.recordText(route.id, signal), route, signal);
}

/** A capsule that the address names by a `capsule://` URI. @type {import("./main.js").View} */
export async function reference(route, { signal }) {
  const { id, hash, sequence, chain, fragment } = parseUri(route.uri);
  const open = (text) => page(text, { ...route, tab: "record", query: { at: fragment } }, signal);
  if (id) {
    return open(await api.recordText(id, signal));
  }
  if (hash) {
    return open(await api.recordTextByHash(hash, signal));
  }
  const { capsules } = await api.list(
    { after: sequence > 0 ? sequence - 1 : null, before: sequence + 1, limit: 100 },
    { signal },
  );
  const found = capsules.map((record) => new Capsule(record));
  // Where each tenant has a chain, the chain's name is the tenant's.
  const named = found.filter(
    (one) => one.context.section("environment").text("tenant_id") === chain,
  );
  const [only, ...others] = named.length > 0 ? named : found;
  if (only && others.length === 0) {
    return open(await api.recordText(only.id, signal));
  }
  return { title: route.uri, content: several(sequence, found) };
}

function several(sequence, found) {
  return found.length === 0
    ? empty(
        `No capsule has the place ${sequence}`,
        "The chain that this server shows is shorter, or has a gap there.",
      )
    : h(
        "div",
        null,
        empty(`Several chains have a capsule with the place ${sequence}`, "Choose one of them:"),
        h(
          "ul.plain.center",
          null,
          found.map((one) =>
            h(
              "li",
              null,
              h(
                "a",
                { href: capsuleLink(one.id), "data-row": one.id },
                foreign(`${one.title} ${one.id}`),
              ),
            ),
          ),
        ),
      );
}

async function page(text, route, signal) {
  const one = Capsule.read(text);
  const sealed = seal(one);
  const around = neighbours(one, signal);
  const content = h(
    "article.capsule",
    { "aria-labelledby": "capsule-title" },
    head(one, route, around),
    h("div.body", null, await body(one, route, signal, sealed, around)),
  );
  if (route.query.at) {
    point(content, route.query.at, signal);
  }
  return {
    title: `${one.title} #${one.sequence}`,
    content,
    commands: commands(one, sealed, around),
  };
}

async function body(one, route, signal, sealed, around) {
  if (route.tab === "workflow") {
    return workflow(one, signal);
  }
  if (route.tab === "json") {
    return rawJson(one.members);
  }
  return [
    h("div.sections", null, sections(one)),
    h("aside.side", { "aria-label": "Seal and links" }, sealed.element, links(one, around, signal)),
  ];
}

/** What the capsule is, at a glance, and the way to what is beside it. */
function head(one, { tab }, around) {
  const tabs = Object.entries(TABS).map(([name, label]) =>
    h(
      "a",
      { href: capsuleLink(one.id, name), "aria-current": name === tab ? "page" : null },
      label,
    ),
  );
  const step = (label, drawing, chosen) => {
    const link = h("a.button", { "aria-disabled": "true" }, icon(drawing), label);
    around.then(
      (found) => {
        if (found[chosen]) {
          link.href = capsuleLink(found[chosen].id, tab);
          link.removeAttribute("aria-disabled");
        }
      },
      () => {},
    );
    return link;
  };
  return h(
    "header.head",
    null,
    h(
      "nav.trail",
      { "aria-label": "Place" },
      h("a", { href: "#/timeline" }, "Timeline"),
      h("span", { "aria-hidden": "true" }, "/"),
      h("span", null, `#${one.sequence}`),
      h("span.steps", null, step("Older", "older", "previous"), step("Newer", "newer", "next")),
    ),
    h("h1", { id: "capsule-title", tabindex: "-1" }, foreign(one.title)),
    h(
      "p.meta",
      null,
      type(one.type),
      status(one.status),
      time(one.began),
      h("span", null, format.duration(one.durationMs)),
      h("span", { "data-path": "domain" }, foreign(one.text("domain"))),
    ),
    h("nav.tabs", { "aria-label": "Parts of the capsule" }, tabs),
  );
}

/** The record as it is stored, with its seal: members in their order, numbers as they are spelled. */
function rawJson(record) {
  const text = write(record, { indent: "  " });
  return h(
    "section.card.raw",
    { "aria-label": "JSON" },
    h("div.heading", null, h("h2", null, "Sealed record"), copyButton(text, "JSON")),
    h("pre.json", { tabindex: "0" }, foreign(text)),
  );
}

function commands(one, sealed, around) {
  const go = (hash) => {
    location.hash = hash;
  };
  const step = (name) => async () => {
    const found = (await around.catch(() => ({})))[name];
    if (found) {
      go(capsuleLink(found.id));
    } else {
      announce(name === "next" ? "There is no newer capsule" : "There is no older capsule");
    }
  };
  return {
    j: step("previous"),
    k: step("next"),
    v: () => {
      if (sealed.element.isConnected) {
        sealed.verify();
      }
    },
    r: () => go(capsuleLink(one.id)),
    w: () => go(capsuleLink(one.id, "workflow")),
    e: () => go(capsuleLink(one.id, "json")),
    p: () => one.parentId && go(capsuleLink(one.parentId)),
    c: async () =>
      announce((await copy(one.uri)) ? "Copied the URI" : "The browser did not allow copying"),
    Escape: () => go("#/timeline"),
  };
}

/** Marks the field that the fragment of a URI names, or the nearest one around it. */
function point(content, path, signal) {
  const tokens = path.split("/");
  let target = null;
  while (target === null && tokens.length > 0) {
    target = content.querySelector(`[data-path="${CSS.escape(tokens.join("/"))}"]`);
    tokens.pop();
  }
  if (target === null) {
    return;
  }
  target.classList.add("pointed");
  target.tabIndex = -1;
  for (let box = target.closest("details"); box; box = box.parentElement.closest("details")) {
    box.open = true;
  }
  // After the view has put itself into the page.
  setTimeout(() => {
    if (!signal.aborted) {
      target.focus({ preventScroll: true });
      target.scrollIntoView({ block: "center" });
      announce(`At ${path}`);
    }
  });
}
