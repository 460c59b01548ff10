// Capsules that are full of programs are shown as text.

import assert from "node:assert/strict";
import test from "node:test";

import { GOOD, go, id, picture, visit } from "./browser.mjs";

const FIRST = 10_000;
const PAYLOADS = JSON.parse(process.env.EXPLORER_PAYLOADS);

/** As the page shows a text: characters that nobody would see by their numbers. */
const shown = (text) => text.replace("\u202e", "U+202E").replace("\u200b", "U+200B");

test("nothing that is stored runs, loads or becomes an element", () =>
  visit(GOOD, {}, async (page) => {
    for (const [at, payload] of PAYLOADS.entries()) {
      for (const hash of [
        `#/capsule/${id(FIRST + at)}`,
        `#/capsule/${id(FIRST + at)}/workflow`,
        `#/capsule/${id(FIRST + at)}/json`,
        `#/timeline?q=${encodeURIComponent(payload)}`,
      ]) {
        await go(page, hash);
        const strange = await page.locator("main").evaluate((main) =>
          [...main.querySelectorAll("*")]
            .filter(
              (element) =>
                [
                  "SCRIPT",
                  "IMG",
                  "IFRAME",
                  "OBJECT",
                  "EMBED",
                  "LINK",
                  "STYLE",
                  "BASE",
                  "FORM",
                ].includes(element.tagName.toUpperCase()) && !element.matches(".filters form"),
            )
            .concat(
              [...main.querySelectorAll("*")].filter((element) =>
                [...element.attributes].some(
                  ({ name, value }) =>
                    name.startsWith("on") || (/^\s*javascript:/i.test(value) && name === "href"),
                ),
              ),
            )
            .map((element) => element.outerHTML),
        );
        assert.deepEqual(strange, [], hash);
      }
      await go(page, `#/capsule/${id(FIRST + at)}`);
      await page.evaluate(() =>
        document.querySelectorAll("details").forEach((box) => (box.open = true)),
      );
      const main = await page.locator("main").evaluate((element) => element.textContent);
      const times = main.split(shown(payload)).length - 1;
      assert.ok(times > 30, `${payload} is shown ${times} times`);
    }
    await picture(page, "hostile");
    assert.equal(await page.evaluate(() => ({}).polluted), undefined);
    for (const hash of ["#/timeline", "#/sessions", "#/stats"]) {
      await go(page, hash);
      const text = await page.locator("main").evaluate((element) => element.textContent);
      assert.ok(text.includes(shown(PAYLOADS[0])), hash);
    }
  }));

test("the address is not trusted either", () =>
  visit(GOOD, { refusals: true }, async (page) => {
    for (const hash of [
      "#/timeline?q=<img src=x onerror=alert(1)>",
      '#/timeline?domain="><script>alert(1)</script>',
      "#/capsule/<svg onload=alert(1)>",
      "#/capsule/..%2f..%2fx",
      "#javascript:alert(1)",
      "#capsule://<script>",
    ]) {
      await go(page, hash);
      assert.equal(await page.locator("main script, main img, main iframe").count(), 0, hash);
    }
  }));
