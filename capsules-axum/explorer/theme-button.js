/**
 * The switch between the system's theme, light and dark.
 */

import { announce, fill, h, icon } from "./dom.js";
import { keepTheme, theme } from "./settings.js";

const NEXT = { system: "light", light: "dark", dark: "system" };
const NAMES = { system: "as the system", light: "light", dark: "dark" };
const ICONS = { system: "theme", light: "sun", dark: "moon" };

export function themeButton() {
  const button = h("button.tool", { id: "theme", type: "button" });
  const show = () => {
    const label = `Theme: ${NAMES[theme()]}`;
    button.setAttribute("aria-label", label);
    button.title = `${label} (t)`;
    fill(button, icon(ICONS[theme()]));
  };
  button.addEventListener("click", () => {
    keepTheme(NEXT[theme()]);
    show();
    announce(`Theme: ${NAMES[theme()]}`);
  });
  show();
  return button;
}
