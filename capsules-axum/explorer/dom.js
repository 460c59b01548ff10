/**
 * Elements, built without markup: whatever a record holds becomes a text node or an attribute's
 * value, and is never parsed.
 */

const SVG = "http://www.w3.org/2000/svg";

/**
 * An HTML element.
 *
 * @param {string} name a tag's name, with classes behind dots: `span.badge`
 * @param {Record<string, unknown>|null} attributes `on…` are listeners; `true` is an attribute
 *   without a value; `false`, `null` and `undefined` leave it out
 * @param {...(Node|string|number|null|undefined|false|unknown[])} children
 * @returns {HTMLElement}
 */
export function h(name, attributes = null, ...children) {
  const [tag, ...classes] = name.split(".");
  return build(document.createElement(tag), classes, attributes, children);
}

/** The same for SVG. */
export function svg(name, attributes = null, ...children) {
  const [tag, ...classes] = name.split(".");
  return build(document.createElementNS(SVG, tag), classes, attributes, children);
}

function build(element, classes, attributes, children) {
  if (classes.length > 0) {
    element.classList.add(...classes);
  }
  for (const [key, value] of Object.entries(attributes ?? {})) {
    if (key === "class") {
      element.classList.add(
        ...String(value ?? "")
          .split(" ")
          .filter(Boolean),
      );
    } else if (key.startsWith("on")) {
      element.addEventListener(key.slice(2), value);
    } else if (value !== false && value !== null && value !== undefined) {
      element.setAttribute(key, value === true ? "" : String(value));
    }
  }
  append(element, children);
  return element;
}

function append(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined && child !== false) {
      element.append(child instanceof Node ? child : String(child));
    }
  }
}

/** Puts new children in the place of those that an element has. */
export function fill(element, ...children) {
  element.replaceChildren();
  append(element, children);
  return element;
}

/**
 * A text of somebody else: it keeps its direction and its line breaks to itself, and characters
 * that nobody would see, or that turn others around, are shown by their numbers.
 */
export function foreign(text, name = "span") {
  const parts = String(text).split(UNSEEN);
  // The odd ones are what was split at.
  const shown = parts.map((part, at) =>
    at % 2 === 0 ? part : h("span.unseen", null, codePoint(part)),
  );
  return h(`${name}.foreign`, { dir: "auto" }, shown);
}

// Control characters but tab and line feed, bidirectional overrides and isolates, and spaces
// without width. Joiners and marks belong to the spelling of many languages.
const UNSEEN =
  /([\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b\u202a-\u202e\u2060\u2066-\u2069\ufeff])/;

function codePoint(character) {
  return `U+${character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`;
}

/** A button that copies a text, and says so to everybody. */
export function copyButton(text, what) {
  const label = `Copy ${what}`;
  const button = h(
    "button.copy",
    { type: "button", "aria-label": label, title: label },
    icon("copy"),
  );
  button.addEventListener("click", async () => {
    const done = await copy(text);
    fill(button, icon(done ? "check" : "cross"));
    announce(done ? `Copied ${what}` : "The browser did not allow copying");
    setTimeout(() => fill(button, icon("copy")), 1500);
  });
  return button;
}

export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

/** Tells those who listen to the page instead of looking at it. */
export function announce(text) {
  const region = document.getElementById("announcer");
  region.textContent = "";
  // A region that is given the same text again says nothing.
  requestAnimationFrame(() => {
    region.textContent = text;
  });
}

const ICONS = {
  copy: "M5.5 5.5v-3h8v8h-3M2.5 5.5h8v8h-8z",
  check: "M3 8.5l3.5 3.5L13 4.5",
  cross: "M4 4l8 8M12 4l-8 8",
  dash: "M4 8h8",
  clock: "M8 4.5V8l2.5 1.5M14 8A6 6 0 1 1 2 8a6 6 0 0 1 12 0z",
  barred: "M14 8A6 6 0 1 1 2 8a6 6 0 0 1 12 0zM4 12l8-8",
  half: "M14 8A6 6 0 1 1 2 8a6 6 0 0 1 12 0zM8 5v3.5M8 10.5v.5",
  link: "M6.5 9.5l3-3M7 4.5l1.5-1.5a3 3 0 0 1 4.5 4.5L11.5 9M4.5 7L3 8.5A3 3 0 0 0 7.5 13L9 11.5",
  newer: "M4 10l4-4 4 4",
  older: "M4 6l4 4 4-4",
  theme: "M8 2.5v11a5.5 5.5 0 0 0 0-11zM13.5 8A5.5 5.5 0 1 1 2.5 8a5.5 5.5 0 0 1 11 0z",
  sun: "M8 5a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM8 1.5v1M8 13.5v1M1.5 8h1M13.5 8h1M3.4 3.4l.7.7M11.9 11.9l.7.7M3.4 12.6l.7-.7M11.9 4.1l.7-.7",
  moon: "M13.5 9.5A6 6 0 0 1 6.5 2.5a6 6 0 1 0 7 7z",
  help: "M5.8 6a2.2 2.2 0 1 1 3.4 1.8c-.8.5-1.2.9-1.2 1.7M8 11.8v.2M14 8A6 6 0 1 1 2 8a6 6 0 0 1 12 0z",
};

/** A small drawing without a meaning of its own: what it stands for is said in text beside it. */
export function icon(name) {
  return svg(
    "svg.icon",
    { viewBox: "0 0 16 16", "aria-hidden": "true" },
    svg("path", { d: ICONS[name] }),
  );
}
