/**
 * Small charts. What they show is also said in text.
 */

import { h, svg } from "./dom.js";
import * as format from "./format.js";

const HEIGHT = 120;
const LABELS = 18;
/** All bars have this width together, as far as each is neither too thin nor too wide. */
const WIDTH = 1_100;
const [THINNEST, WIDEST] = [10, 64];
/** The room that the name of a day takes. */
const NAME = 44;

/**
 * Capsules a day, as bars that are links. Days without capsules have their place too, so that a
 * pause is seen as one.
 *
 * @param {{ name: string, count: number }[]} found days such as `2026-03-02`, in their order
 * @param {(day: string) => string} link
 */
export function days(found, link) {
  const shown = withGaps(found);
  const most = Math.max(...shown.map((day) => day.count), 1);
  const step = Math.min(Math.max(WIDTH / shown.length, THINNEST), WIDEST);
  const [width, thickness] = [shown.length * step, step * 0.72];
  const every = Math.ceil(NAME / step);
  const bars = shown.map((day, at) => {
    const height = day.count === 0 ? 0 : Math.max((day.count / most) * (HEIGHT - LABELS - 14), 2);
    const x = at * step + (step - thickness) / 2;
    const y = HEIGHT - LABELS - height;
    const label = `${day.name}: ${format.counted(day.count, "capsule")}`;
    return [
      day.count > 0 &&
        svg(
          "a",
          { href: link(day.name), "aria-label": label },
          svg("title", null, label),
          svg("rect.hit", { x: at * step, y: 0, width: step, height: HEIGHT - LABELS }),
          svg("rect.value", { x, y, width: thickness, height, rx: 2 }),
        ),
      at % every === 0 && svg("text", { x, y: HEIGHT - 4 }, day.name.slice(5)),
    ];
  });
  const chart = svg(
    "svg.chart",
    {
      viewBox: `0 0 ${width} ${HEIGHT}`,
      width,
      height: HEIGHT,
      role: "group",
      "aria-label": "Capsules by day",
    },
    svg("line.base", { x1: 0, x2: width, y1: HEIGHT - LABELS, y2: HEIGHT - LABELS }),
    svg("text.most", { x: 0, y: 10 }, format.count(most)),
    bars,
  );
  return h("div.scroll", { tabindex: "0", role: "region", "aria-label": "Capsules by day" }, chart);
}

/** A share between 0 and 1, and the part of it that failed. */
export function shareBar(share, failed = 0) {
  const rect = (name, width) =>
    svg(`rect.${name}`, {
      x: 0,
      y: 0,
      width: Math.max(width * 100, width > 0 ? 0.5 : 0),
      height: 8,
      rx: 1,
    });
  return svg(
    "svg.share",
    { viewBox: "0 0 100 8", preserveAspectRatio: "none", "aria-hidden": "true" },
    rect("track", 1),
    rect("value", share),
    failed > 0 && rect("failed", failed),
  );
}

/** The most days that are drawn, the latest. */
const MOST_DAYS = 366;

function withGaps(found) {
  const counts = new Map(found.map((day) => [day.name, day.count]));
  const last = Date.parse(found.at(-1).name);
  const first = Math.max(Date.parse(found[0].name), last - (MOST_DAYS - 1) * 86_400_000);
  if (Number.isNaN(first) || Number.isNaN(last)) {
    return found;
  }
  const names = [];
  for (let time = first; time <= last; time += 86_400_000) {
    names.push(new Date(time).toISOString().slice(0, 10));
  }
  return names.map((name) => ({ name, count: counts.get(name) ?? 0 }));
}
