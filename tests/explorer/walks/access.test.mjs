// Every view in both themes, on a desk and on a phone.

import assert from "node:assert/strict";
import test from "node:test";

import { DESKTOP, GOOD, PHONE, TAMPERED, accessible, go, id, picture, visit } from "./browser.mjs";

const VIEWS = {
  timeline: "#/timeline",
  filtered: "#/timeline?status=failure&q=probes",
  capsule: `#/capsule/${id(25)}`,
  approval: `#/capsule/${id(40)}`,
  hostile: `#/capsule/${id(10_006)}`,
  workflow: `#/capsule/${id(25)}/workflow`,
  json: `#/capsule/${id(25)}/json`,
  sessions: "#/sessions",
  stats: "#/stats",
  verify: "#/verify",
  keys: "#/keys",
  nothing: "#/timeline?session_id=nobody",
};

for (const colorScheme of ["light", "dark"]) {
  for (const [device, viewport] of Object.entries({ desk: DESKTOP, phone: PHONE })) {
    test(`axe: ${colorScheme}, ${device}`, () =>
      visit(GOOD, { colorScheme, viewport }, async (page) => {
        for (const [name, hash] of Object.entries(VIEWS)) {
          await go(page, hash);
          if (name === "capsule") {
            await page.click("text=Verify in this browser");
            await page.waitForSelector(".result .checks");
            await page.evaluate(() =>
              document.querySelectorAll("details").forEach((box) => (box.open = true)),
            );
          } else if (name === "verify") {
            await page.waitForSelector(".banner");
          }
          await accessible(page, `${name}, ${colorScheme}, ${device}`);
          await picture(page, `${device}-${colorScheme}-${name}`);
        }
        await page.keyboard.press("?");
        await accessible(page, `help, ${colorScheme}, ${device}`);
        await picture(page, `${device}-${colorScheme}-help`);
      }));
  }

  test(`axe: what was tampered with, ${colorScheme}`, () =>
    visit(`${TAMPERED}#/verify`, { colorScheme }, async (page) => {
      await page.waitForSelector(".banner");
      await accessible(page, "the verdict");
      await go(page, `#/capsule/${id(43)}`);
      await page.click("text=Verify in this browser");
      await page.waitForSelector(".result .checks");
      await accessible(page, "the record");
      await go(page, "#/timeline");
      await accessible(page, "the timeline");
    }));
}

test("the theme is the system's until the reader chooses one, and is kept", () =>
  visit(GOOD, { colorScheme: "dark" }, async (page) => {
    const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const dark = await ground();
    await page.emulateMedia({ colorScheme: "light" });
    const light = await ground();
    assert.notEqual(light, dark);
    await page.click("#theme");
    assert.equal(await page.getAttribute("#theme", "aria-label"), "Theme: light");
    await page.click("#theme");
    assert.equal(await ground(), dark);
    await page.reload();
    await page.waitForSelector(".row");
    assert.equal(await ground(), dark);
    await page.click("#theme");
    assert.equal(await ground(), light);
    assert.equal(await page.getAttribute("#theme", "aria-label"), "Theme: as the system");
  }));

test("on a phone every target is large enough, and filters are folded", () =>
  visit(GOOD, { viewport: PHONE, hasTouch: true }, async (page) => {
    assert.ok(!(await page.locator("#filter-type").isVisible()));
    await page.click("summary:has-text('Filters')");
    await page.selectOption("#filter-status", "failure");
    await page.waitForURL(/status=failure/);
    await page.waitForSelector("summary:has-text('Filters (1)')");
    const small = await page.locator("main a, main button, main select").evaluateAll((all) =>
      all
        .map((one) => ({ box: one.getBoundingClientRect(), html: one.outerHTML }))
        .filter(({ box }) => box.height > 0 && (box.height < 24 || box.width < 24))
        .map(({ html }) => html),
    );
    assert.deepEqual(small, []);
  }));
