/**
 * The sessions that capsules name, the latest first.
 */

import * as api from "./api.js";
import { foreign, h } from "./dom.js";
import * as format from "./format.js";
import { empty, heading, none, table, time } from "./parts.js";
import { toHash } from "./router.js";

const MOST = 200;

/** @type {import("./main.js").View} */
export async function sessions(route, { signal }) {
  const { sessions: found, is_cut: isCut } = await api.json(
    "sessions",
    { limit: MOST },
    { signal },
  );
  const total = h(
    "span.total",
    null,
    format.counted(found.length, "session"),
    isCut && ", the latest",
  );
  const columns = [
    ["Session"],
    ["Capsules", "figure"],
    ["Failures", "figure"],
    ["Began"],
    ["Lasted", "figure"],
  ];
  const rows = found.map((session) => {
    const query = { session_id: session.session_id };
    const failed = toHash({ view: "timeline", query: { ...query, status: "failure" } });
    return [
      h(
        "a",
        { href: toHash({ view: "timeline", query }), "data-row": session.session_id },
        foreign(session.session_id),
      ),
      format.count(session.count),
      session.failures > 0
        ? h("a.failures", { href: failed }, format.count(session.failures))
        : none("0"),
      time(session.first),
      format.duration(Math.max(Date.parse(session.last) - Date.parse(session.first), 0) || 0),
    ];
  });
  const content = h(
    "div",
    null,
    heading("Sessions", total),
    rows.length > 0
      ? table("Sessions", columns, rows)
      : empty("No sessions", "No capsule names the session that it belongs to."),
  );
  return { title: "Sessions", content };
}
