/**
 * The chain as a timeline, the newest first.
 */

import * as api from "./api.js";
import { announce, fill, foreign, h, icon } from "./dom.js";
import { chosen, filters } from "./filters.js";
import * as format from "./format.js";
import { empty, heading, status, time, type } from "./parts.js";
import { Capsule } from "./record.js";
import { capsuleLink, toHash } from "./router.js";

const PAGE = 50;

/** Rows that are kept while new capsules come in. */
const MOST_ROWS = 500;

/** The page that came before the one that begins at a cursor, as far as they were seen. */
const newer = new Map();

/** @type {import("./main.js").View} */
export async function timeline(route, { signal, live }) {
  const active = chosen(route.query);
  const { before } = route.query;
  // A place in the only chain, or the id of the capsule that the page before has ended with.
  const cursor = /^\d*$/.test(before ?? "") ? { before } : { beyond: before };
  const page = await api.list({ ...active, ...cursor, limit: PAGE }, { signal });
  const capsules = page.capsules.map((record) => new Capsule(record));
  const isChosen = Object.keys(active).length > 0;

  const total = h("span.total", null, format.counted(page.total, "capsule"), isChosen && " chosen");
  const news = h("div.news");
  const rows = new Rows(capsules);
  const content = h(
    "div.timeline",
    null,
    heading("Timeline", total),
    filters(route),
    news,
    capsules.length > 0 ? rows.element : nothing(isChosen),
    pager(route, page.next),
  );

  let waiting = 0;
  live.listen(signal, (capsule) => {
    if (!isChosen && !before && rows.element.isConnected) {
      rows.add(capsule);
      page.total += 1;
      fill(total, format.counted(page.total, "capsule"));
      announce(`New capsule: ${capsule.title}`);
      return;
    }
    waiting += 1;
    const text = `${format.counted(waiting, "new capsule")} since`;
    fill(
      news,
      h(
        "a.button",
        {
          href: toHash({ view: "timeline", query: active }),
          onclick: () => dispatchEvent(new Event("hashchange")),
        },
        icon("newer"),
        text,
      ),
    );
    announce(text);
  });
  return { title: "Timeline", content };
}

function nothing(isChosen) {
  return isChosen
    ? empty("No capsule is chosen by these filters", "Clear one of them to see more.")
    : empty("No capsules yet", "They appear here as soon as an audited function has run.");
}

function pager(route, next) {
  const active = chosen(route.query);
  const { before } = route.query;
  const link = (label, drawing, cursor) =>
    h(
      "a.button",
      { href: toHash({ view: "timeline", query: { ...active, before: cursor } }) },
      icon(drawing),
      label,
    );
  if (next) {
    newer.set(next, before ?? "");
  }
  return h(
    "nav.pager",
    { "aria-label": "Pages" },
    before && newer.get(before) && link("Newer", "newer", newer.get(before)),
    before && link("Newest", "newer", ""),
    next && link("Older", "older", next),
  );
}

/** The rows of a page, under the days on which they began. */
class Rows {
  /** @param {Capsule[]} capsules the newest first */
  constructor(capsules) {
    this.element = h("div.days");
    this.newest = null;
    for (const capsule of [...capsules].reverse()) {
      this.#put(capsule);
    }
  }

  /** Puts a capsule that was just recorded on top. */
  add(capsule) {
    // The page may have been read after it was stored.
    if (this.element.querySelector(`[data-row="${CSS.escape(capsule.id)}"]`)) {
      return;
    }
    this.#put(capsule).classList.add("fresh");
    const rows = this.element.querySelectorAll("li");
    for (const old of [...rows].slice(MOST_ROWS)) {
      old.remove();
    }
  }

  #put(capsule) {
    const day = format.day(capsule.began) || "No time";
    let section = this.element.firstElementChild;
    if (section?.dataset.day !== day) {
      section = h(
        "section.day",
        { "data-day": day, "aria-label": day },
        h("h2", null, day),
        h("ol"),
      );
      this.element.prepend(section);
    }
    const item = h("li", { "data-link": this.#link(capsule) }, row(capsule));
    section.querySelector("ol").prepend(item);
    this.newest = capsule;
    return item;
  }

  /** How a capsule is joined to the one that stands below it. */
  #link(capsule) {
    if (this.newest === null || capsule.sequence !== this.newest.sequence + 1) {
      return "apart";
    }
    if (capsule.previousHash === this.newest.hash) {
      return "whole";
    }
    // Where each tenant has a chain, the one below may be of another.
    return tenant(capsule) === tenant(this.newest) ? "broken" : "apart";
  }
}

const tenant = (capsule) => capsule.context.section("environment").text("tenant_id");

function row(capsule) {
  const error = capsule.status === "failure" ? capsule.outcome.text("error") : "";
  return h(
    "a.row",
    {
      href: capsuleLink(capsule.id),
      "data-row": capsule.id,
      class: capsule.parentId ? "inner" : null,
    },
    h("span.knot", { "data-status": capsule.status, "aria-hidden": "true" }),
    time(capsule.began, format.timeOfDay),
    h("span.sequence", null, `#${capsule.sequence}`),
    type(capsule.type),
    foreign(clip(capsule.title, 120), "span.source"),
    foreign(clip(capsule.headline, 240), "span.what"),
    h("span.took", null, format.duration(capsule.durationMs)),
    status(capsule.status),
    error && foreign(clip(error.split("\n", 1)[0], 240), "span.error"),
  );
}

function clip(text, length) {
  return text.length > length ? `${text.slice(0, length)}…` : text;
}
