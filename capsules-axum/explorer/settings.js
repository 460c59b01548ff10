/**
 * What this browser keeps for the page. Where it keeps nothing, a setting lasts as long as the
 * page is open.
 */

const open = new Map();

/** @returns {string|null} */
function read(name) {
  try {
    return localStorage.getItem(`capsules.${name}`) ?? open.get(name) ?? null;
  } catch {
    return open.get(name) ?? null;
  }
}

function keep(name, value) {
  open.set(name, value);
  try {
    localStorage.setItem(`capsules.${name}`, value);
  } catch {
    // Private windows refuse.
  }
}

/** The public keys that the user trusts, whatever the server says; 64 hexadecimal digits each. */
export function trustedKeys() {
  return (read("trusted-keys") ?? "").split(" ").filter(Boolean);
}

export function keepTrustedKeys(keys) {
  keep("trusted-keys", keys.join(" "));
}

/** Whether single keys are commands. */
export function hasShortcuts() {
  return read("shortcuts") !== "off";
}

export function keepShortcuts(on) {
  keep("shortcuts", on ? "on" : "off");
}

/** `system`, `light` or `dark`. */
export function theme() {
  return document.documentElement.dataset.theme ?? "system";
}

export function keepTheme(name) {
  keep("theme", name);
  if (name === "system") {
    delete document.documentElement.dataset.theme;
  } else {
    document.documentElement.dataset.theme = name;
  }
}
