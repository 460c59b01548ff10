// The whole walk without a mouse.

import assert from "node:assert/strict";
import test from "node:test";

import { GOOD, busy, settled, visit } from "./browser.mjs";

const focused = (page) =>
  page.evaluate(
    () =>
      document.activeElement.dataset.row ??
      document.activeElement.id ??
      document.activeElement.tagName,
  );

test("single keys", () =>
  visit(GOOD, {}, async (page) => {
    const press = async (...keys) => {
      for (const key of keys) {
        await page.keyboard.press(key);
      }
    };
    /** Presses the key that leads to another view, and waits until that is shown. */
    const travel = async (key, url) => {
      await busy(page);
      await press(key);
      await page.waitForURL(url);
      await settled(page);
    };
    const rows = await page.locator(".row").evaluateAll((all) => all.map((row) => row.dataset.row));
    await press("j", "j", "j", "k");
    assert.equal(await focused(page), rows[1]);
    const outline = await page.evaluate(
      () => getComputedStyle(document.activeElement).outlineStyle,
    );
    assert.equal(outline, "solid");
    await press("ArrowDown", "ArrowDown", "ArrowUp");
    assert.equal(await focused(page), rows[2]);
    await travel("Enter", new RegExp(rows[2]));
    assert.equal(await page.evaluate(() => document.activeElement.tagName), "H1");

    await press("v");
    await page.waitForSelector(".result .checks");
    await travel("w", /workflow$/);
    await travel("e", /json$/);
    await travel("r", new RegExp(`${rows[2]}$`));
    await travel("j", new RegExp(`${rows[3]}$`));
    await travel("Escape", /timeline/);
    // Back where the reader was.
    await page.waitForFunction((row) => document.activeElement.dataset.row === row, rows[3]);

    // Two keys are one command when they follow each other soon, which they do here.
    await page.evaluate(() => {
      const now = Date.now();
      Date.now = () => now;
    });
    for (const [key, view] of [
      ["s", "sessions"],
      ["t", "stats"],
      ["v", "verify"],
      ["k", "keys"],
      ["l", "timeline"],
    ]) {
      await press("g");
      await travel(key, new RegExp(`#/${view}`));
    }
    await press("/");
    assert.equal(await focused(page), "search");
    await page.keyboard.type("jkgl?");
    assert.equal(await page.inputValue("#search"), "jkgl?");
    await press("Escape");
    assert.notEqual(await focused(page), "search");

    await press("?");
    assert.ok(await page.locator("#help").isVisible());
    await page.uncheck("#single-keys");
    await press("Escape");
    assert.ok(!(await page.locator("#help").isVisible()));
    await press("g", "s", "?");
    assert.match(page.url(), /#\/timeline/);
    assert.ok(!(await page.locator("#help").isVisible()));
  }));

test("the tabulator reaches everything, the content first", () =>
  visit(GOOD, {}, async (page) => {
    await page.keyboard.press("Tab");
    assert.match(
      await page.evaluate(() => document.activeElement.textContent),
      /Skip to the content/,
    );
    await page.keyboard.press("Enter");
    assert.equal(await focused(page), "main");
    await page.keyboard.press("Tab");
    assert.equal(await focused(page), "filter-type");
    await page.keyboard.press("Tab");
    await busy(page);
    await page.keyboard.type("failure");
    await page.waitForURL(/status=failure/);
    await settled(page);
    // The field that was changed keeps the focus.
    assert.equal(await focused(page), "filter-status");
    for (
      let steps = 0;
      !(await page.evaluate(() => document.activeElement.matches(".row")));
      steps += 1
    ) {
      assert.ok(steps < 40, "no row was reached");
      await page.keyboard.press("Tab");
    }
    await page.keyboard.press("Enter");
    await page.waitForURL(/capsule/);
    await page.waitForSelector(".side");
    for (
      let steps = 0;
      !(await page.evaluate(() => document.activeElement.matches(".primary")));
      steps += 1
    ) {
      assert.ok(steps < 30, "the button was not reached");
      await page.keyboard.press("Tab");
    }
    await page.keyboard.press("Space");
    await page.waitForSelector(".result .checks");
  }));
