/**
 * The chain in numbers.
 */

import * as api from "./api.js";
import { days, shareBar } from "./charts.js";
import { foreign, h } from "./dom.js";
import { chosen, filters } from "./filters.js";
import * as format from "./format.js";
import { card, empty, heading, none, status, table, time, type } from "./parts.js";
import { toHash } from "./router.js";

/** The sources and errors that are listed. */
const MOST = 15;

const DAY_MS = 86_400_000;

/** @type {import("./main.js").View} */
export async function stats(route, { signal }) {
  // Statistics are not searched.
  const { q, ...active } = chosen(route.query);
  const found = await api.json("stats", active, { signal });
  const listed = (query) => toHash({ view: "timeline", query: { ...active, ...query } });
  const content = h(
    "div.stats",
    null,
    heading("Statistics"),
    filters(route),
    found.total > 0 ? figures(found, listed) : empty("Nothing to count", "No capsule is chosen."),
  );
  return { title: "Statistics", content };
}

function figures(found, listed) {
  const failures = found.types.reduce((sum, group) => sum + group.failures, 0);
  return [
    h(
      "dl.headline",
      null,
      figure("Capsules", format.count(found.total)),
      figure("Failures", format.count(failures), format.percent(failures / found.total)),
      figure("First", time(found.first, format.day), format.timeOfDay(found.first)),
      figure("Last", time(found.last, format.day), format.timeOfDay(found.last)),
      found.unreadable > 0 && figure("Unreadable", format.count(found.unreadable)),
    ),
    found.days.length > 0 &&
      card(
        "Capsules by day",
        "days",
        days(found.days, (day) =>
          listed({
            since: `${day}T00:00:00Z`,
            until: new Date(Date.parse(day) + DAY_MS).toISOString(),
          }),
        ),
      ),
    h(
      "div.columns",
      null,
      card(
        "By status",
        "statuses",
        bars("Status", found.statuses, found.total, ({ name }) =>
          h("a", { href: listed({ status: name }), "data-row": name }, status(name)),
        ),
      ),
      found.tenants.length > 0 &&
        card(
          "By tenant",
          "tenants",
          bars("Tenant", found.tenants.slice(0, MOST), found.total, ({ name }) =>
            h("a", { href: listed({ tenant_id: name }), "data-row": name }, foreign(name)),
          ),
        ),
    ),
    card(
      "By type",
      "types",
      groups("Type", found.types, ({ name }) =>
        h("a", { href: listed({ type: name }), "data-row": name }, type(name)),
      ),
    ),
    card(
      "By source",
      "sources",
      groups("Source", found.sources.slice(0, MOST), ({ name }) => foreign(name || "none", "code")),
    ),
    found.errors.length > 0 &&
      card(
        "Errors",
        "errors",
        bars("Error", found.errors.slice(0, MOST), found.total, ({ name }) => foreign(name)),
      ),
  ];
}

function figure(name, value, more) {
  return h(
    "div",
    null,
    h("dt", null, name),
    h("dd", null, h("span.value", null, value), more && h("span.more", null, more)),
  );
}

/** Counts with a bar for their share of all. */
function bars(label, items, total, name) {
  return table(
    label,
    [[label], ["Capsules", "figure"], ["Share", "shares"]],
    items.map((item) => [name(item), format.count(item.count), shareBar(item.count / total)]),
  );
}

/** Counts with failures and durations. */
function groups(label, items, name) {
  const most = Math.max(1, ...items.map((item) => item.count));
  const columns = [
    [label],
    ["Capsules", "figure"],
    ["", "shares"],
    ["Failures", "figure"],
    ["Median", "figure"],
    ["95 %", "figure"],
    ["Longest", "figure"],
  ];
  const took = (millis) =>
    millis === null || millis === undefined ? none("–") : format.duration(millis);
  return table(
    label,
    columns,
    items.map((item) => [
      name(item),
      format.count(item.count),
      shareBar(item.count / most, item.failures / most),
      item.failures > 0 ? format.count(item.failures) : none("0"),
      took(item.durations.p50),
      took(item.durations.p95),
      took(item.durations.max),
    ]),
  );
}
