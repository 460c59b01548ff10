// A browser that looks at the explorer, and refuses what no visit may bring about.

import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, before } from "node:test";

const { EXPLORER_MODULES, EXPLORER_CHROMIUM, EXPLORER_PICTURES } = process.env;

/** Where the explorer of a good chain is, of one that was tampered with, and of a chain per tenant. */
export const {
  EXPLORER_GOOD: GOOD,
  EXPLORER_TAMPERED: TAMPERED,
  EXPLORER_HOST: HOST,
  EXPLORER_TENANTS: TENANTS,
  EXPLORER_TENANTS_HOST: TENANTS_HOST,
} = process.env;

const require = createRequire(join(EXPLORER_MODULES, "package.json"));
const { chromium } = require("playwright-core");
export const axe = require("axe-core");

let browser;

before(async () => {
  browser = await chromium.launch({
    executablePath: EXPLORER_CHROMIUM,
    args: [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
});

after(async () => {
  await browser?.close();
});

export const DESKTOP = { width: 1280, height: 800 };
export const PHONE = { width: 360, height: 740 };

/**
 * Opens a page and ends with it. Whatever the page asks of another server, whatever its policy has
 * to stop, every dialog and every error in it is a failure.
 */
export async function visit(address, options, look) {
  const context = await browser.newContext({
    viewport: DESKTOP,
    timezoneId: "UTC",
    locale: "en-GB",
    ...options,
  });
  const wrongs = [];
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  const { origin } = new URL(address);
  page.on("dialog", (dialog) => {
    wrongs.push(`a dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  page.on("pageerror", (error) => wrongs.push(`an error: ${error.stack}`));
  page.on(
    "console",
    (message) =>
      message.type() === "error" &&
      !options.refusals &&
      wrongs.push(`the console: ${message.text()}`),
  );
  page.on(
    "request",
    (request) =>
      new URL(request.url()).origin !== origin && wrongs.push(`a request to ${request.url()}`),
  );
  page.on("popup", () => wrongs.push("another window"));
  await context.addInitScript(() => {
    addEventListener("securitypolicyviolation", (event) => {
      console.error(`the policy stopped ${event.violatedDirective} ${event.blockedURI}`);
    });
  });
  try {
    await page.goto(address);
    await settled(page);
    await look(page);
    assert.deepEqual(wrongs, []);
  } finally {
    await context.close();
  }
}

/** Waits until the view that the address names is shown. */
export async function settled(page) {
  await page.waitForFunction(
    () => document.querySelector("main:not([aria-busy])")?.children.length > 0,
  );
}

/** Marks what is shown as old, so that `settled` waits for what comes next. */
export async function busy(page) {
  await page.evaluate(() => document.getElementById("main").setAttribute("aria-busy", "true"));
}

/** Follows an address within the page. */
export async function go(page, hash) {
  await busy(page);
  await page.evaluate((to) => (location.hash = to), hash);
  await settled(page);
}

/** Keeps a picture for people to look at. */
export async function picture(page, name) {
  if (EXPLORER_PICTURES) {
    mkdirSync(EXPLORER_PICTURES, { recursive: true });
    await page.screenshot({ path: join(EXPLORER_PICTURES, `${name}.png`) });
  }
}

/** Asserts that axe finds nothing serious, and that nothing is wider than the page. */
export async function accessible(page, what) {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(() =>
    globalThis.axe.run(document, { resultTypes: ["violations"] }),
  );
  const serious = violations
    .filter(({ impact }) => ["serious", "critical"].includes(impact))
    .map(
      ({ id, help, nodes }) =>
        `${id}: ${help}\n${nodes.map((node) => `${node.html}\n  ${node.failureSummary}`).join("\n")}`,
    );
  assert.deepEqual(serious, [], what);
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(overflow <= 0, `${what} is ${overflow} pixels wider than the page`);
}

/** The id of the nth capsule of the chain. */
export const id = (number) => `00000000-0000-4000-8000-${number.toString(16).padStart(12, "0")}`;
