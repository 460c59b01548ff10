/**
 * The page: one view at a time, chosen by the address.
 */

import { announce, fill, h } from "./dom.js";
import { capsule, reference } from "./detail.js";
import { Keyboard } from "./keyboard.js";
import { Live } from "./live.js";
import { empty, refusal } from "./parts.js";
import { parseHash, toHash } from "./router.js";
import { keys } from "./keys.js";
import { search } from "./search.js";
import { sessions } from "./sessions.js";
import { stats } from "./stats.js";
import { themeButton } from "./theme-button.js";
import { timeline } from "./timeline.js";
import { verification } from "./verification.js";

/**
 * @typedef {object} Context What a view has besides its address.
 * @property {AbortSignal} signal aborted when the reader goes elsewhere
 * @property {Live} live
 *
 * @typedef {(route: import("./router.js").Route, context: Context) =>
 *   Promise<{ title: string, content: Node, commands?: Record<string, () => void> }>} View
 */

/** @type {Record<string, View>} */
const VIEWS = { timeline, capsule, uri: reference, sessions, stats, verify: verification, keys };

const main = document.getElementById("main");
const live = new Live(document.getElementById("live"));
const keyboard = new Keyboard(main, document.getElementById("help"));
const field = search(document.querySelector("form.search"));
let controller = new AbortController();
let shown = null;

async function show() {
  controller.abort();
  controller = new AbortController();
  const { signal } = controller;
  const route = parseHash(location.hash);
  markView(route?.view);
  if (route?.view === "timeline" || shown === null) {
    live.follow(route?.query.tenant_id ?? "");
  }
  field.value = route?.query.q ?? "";
  main.setAttribute("aria-busy", "true");
  let view;
  try {
    view = route === null ? unknown() : await VIEWS[route.view](route, { signal, live });
  } catch (error) {
    if (signal.aborted) {
      return;
    }
    view = { title: "Problem", content: refusal(error, show) };
  }
  if (signal.aborted) {
    return;
  }
  main.removeAttribute("aria-busy");
  fill(main, view.content);
  document.title = `${view.title} – Capsules`;
  keyboard.commands = view.commands ?? {};
  arrive(route, view.title);
}

/** Brings the reader to what is new: a changed filter leaves the focus where it is. */
function arrive(route, title) {
  const [before, now] = [shown, route && `${route.view} ${route.id ?? route.uri ?? ""}`];
  const left = shown?.startsWith("capsule ") ? shown.slice("capsule ".length) : null;
  shown = now;
  if (before === now || before === null) {
    refocus();
    return;
  }
  announce(title);
  const row = left && main.querySelector(`[data-row="${CSS.escape(left)}"]`);
  if (row && route.view !== "capsule") {
    row.focus();
    return;
  }
  scrollTo(0, 0);
  main.querySelector("h1")?.focus({ preventScroll: true });
}

/** The element that had the focus was replaced by one with the same id. */
function refocus() {
  if (lastFocus !== "") {
    document.getElementById(lastFocus)?.focus({ preventScroll: true });
  }
}

let lastFocus = "";
main.addEventListener("focusin", (event) => {
  lastFocus = event.target.id;
});

function markView(view) {
  for (const link of document.querySelectorAll("nav.views a")) {
    const isHere =
      link.hash === toHash({ view: ["capsule", "uri"].includes(view) ? "timeline" : view });
    link.toggleAttribute("aria-current", isHere);
    if (isHere) {
      link.setAttribute("aria-current", "page");
    }
  }
}

function unknown() {
  const content = h(
    "div",
    null,
    empty("This address names nothing here", "Links begin with #/ or with #capsule://."),
    h("p.center", null, h("a.button", { href: "#/timeline" }, "To the timeline")),
  );
  return { title: "Not found", content };
}

document.querySelector("a.skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});
document.getElementById("theme").replaceWith(themeButton());
keyboard.start(document.getElementById("shortcuts"));
addEventListener("hashchange", show);
show();
