/**
 * Single keys as commands.
 */

import { fill, h } from "./dom.js";
import { hasShortcuts, keepShortcuts } from "./settings.js";

const GOTO = { l: "timeline", s: "sessions", t: "stats", v: "verify", k: "keys" };

/** How long the key after `g` may take. */
const PAUSE_MS = 1_500;

const HELP = [
  [
    "Everywhere",
    [
      ["/", "Search, or open by id, hash, #sequence or capsule:// URI"],
      ["j k or ↓ ↑", "Next and previous row"],
      ["Enter", "Open the row"],
      ["g l", "Timeline"],
      ["g s", "Sessions"],
      ["g t", "Statistics"],
      ["g v", "Verification"],
      ["g k", "Keys"],
      ["t", "Theme"],
      ["?", "This help"],
      ["Esc", "Leave a field, close, or go back to the timeline"],
    ],
  ],
  [
    "On a capsule",
    [
      ["j k", "Older and newer capsule"],
      ["v", "Verify in this browser"],
      ["r w e", "Record, workflow, JSON"],
      ["p", "Parent"],
      ["c", "Copy its capsule:// URI"],
    ],
  ],
];

export class Keyboard {
  /** Commands of the view that is shown, by their keys. @type {Record<string, () => void>} */
  commands = {};

  #went = 0;

  /**
   * @param {HTMLElement} main holds the rows
   * @param {HTMLDialogElement} help
   */
  constructor(main, help) {
    this.main = main;
    this.help = help;
  }

  /** @param {HTMLButtonElement} button opens the help */
  start(button) {
    fill(button, h("kbd", { "aria-hidden": "true" }, "?"));
    button.addEventListener("click", () => this.#showHelp());
    fill(this.help, this.#helpContent());
    // A click beside the dialog's content closes it.
    this.help.addEventListener("click", (event) => event.target === this.help && this.help.close());
    document.addEventListener("keydown", (event) => this.#press(event));
  }

  #press(event) {
    if (
      event.ctrlKey ||
      event.metaKey ||
      event.altKey ||
      event.defaultPrevented ||
      this.help.open
    ) {
      return;
    }
    const { key, target } = event;
    if (key === "Escape") {
      this.#leave(target);
      return;
    }
    if (target.matches("input, textarea, select")) {
      return;
    }
    const isArrow = key === "ArrowDown" || key === "ArrowUp";
    if (isArrow ? this.#arrow(key, target) : hasShortcuts() && this.#command(key)) {
      event.preventDefault();
    }
  }

  /** Returns whether the key was a command. */
  #command(key) {
    const goes = Date.now() - this.#went < PAUSE_MS;
    this.#went = key === "g" ? Date.now() : 0;
    if (goes && Object.hasOwn(GOTO, key)) {
      location.hash = `#/${GOTO[key]}`;
      return true;
    }
    if (Object.hasOwn(this.commands, key)) {
      this.commands[key]();
      return true;
    }
    switch (key) {
      case "/":
        document.getElementById("search").select();
        return true;
      case "?":
        this.#showHelp();
        return true;
      case "t":
        document.getElementById("theme").click();
        return true;
      case "j":
        return this.#move(1);
      case "k":
        return this.#move(-1);
      default:
        return false;
    }
  }

  /** Arrows scroll the page, except from row to row. */
  #arrow(key, target) {
    return target.matches("[data-row]") && this.#move(key === "ArrowDown" ? 1 : -1);
  }

  #move(step) {
    const rows = [...this.main.querySelectorAll("[data-row]")];
    const at = rows.indexOf(document.activeElement);
    const next = at < 0 ? rows[0] : rows[at + step];
    next?.focus();
    next?.scrollIntoView({ block: "nearest" });
    return rows.length > 0;
  }

  #leave(target) {
    if (target.matches("input, textarea, select")) {
      target.blur();
    } else if (this.commands.Escape) {
      this.commands.Escape();
    }
  }

  #showHelp() {
    this.help.showModal();
  }

  #helpContent() {
    const toggle = h("input", { type: "checkbox", id: "single-keys", checked: hasShortcuts() });
    toggle.addEventListener("change", () => keepShortcuts(toggle.checked));
    return [
      h(
        "div.heading",
        null,
        h("h2", { id: "help-title" }, "Keyboard"),
        h("button.button.quiet", { type: "button", onclick: () => this.help.close() }, "Close"),
      ),
      h(
        "div.keys",
        null,
        HELP.map(([title, keys]) =>
          h(
            "section",
            null,
            h("h3", null, title),
            h(
              "dl",
              null,
              keys.map(([key, what]) => [
                h(
                  "dt",
                  null,
                  key.split(" ").map((part) => (part === "or" ? " or " : h("kbd", null, part))),
                ),
                h("dd", null, what),
              ]),
            ),
          ),
        ),
      ),
      h("p", null, h("label", { for: "single-keys" }, toggle, " Single keys are commands")),
    ];
  }
}
