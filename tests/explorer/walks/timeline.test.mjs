// The chain as a timeline: filters, search, pages, live updates, deep links.

import assert from "node:assert/strict";
import test from "node:test";

import { GOOD, HOST, busy, go, id, picture, settled, visit } from "./browser.mjs";

const texts = (page, selector) => page.locator(selector).allInnerTexts();

test("the newest first, in pages", () =>
  visit(GOOD, {}, async (page) => {
    await picture(page, "timeline");
    const first = await texts(page, ".row .sequence");
    assert.equal(first.length, 50);
    const top = Number(first[0].slice(1));
    assert.deepEqual(
      first,
      Array.from({ length: 50 }, (_, at) => `#${top - at}`),
    );
    assert.match(await page.innerText(".heading"), new RegExp(`${top + 1} capsules`));
    // Every capsule is joined to the one below it; the last one's neighbour is on the next page.
    assert.equal(await page.locator('li[data-link="broken"]').count(), 0);

    await busy(page);
    await page.click("text=Older");
    await page.waitForURL(/before=/);
    await settled(page);
    assert.equal((await texts(page, ".row .sequence"))[0], `#${top - 50}`);
    await page.click("text=Newest");
    await page.waitForSelector(`.row .sequence >> text="#${top}"`);
    await page.goBack();
    await page.waitForSelector(`.row .sequence >> text="#${top - 50}"`);
    await page.click(".pager >> text=Older");
    await page.waitForSelector(`.row .sequence >> text="#0"`);
    assert.equal(await page.locator(".pager >> text=Older").count(), 0);
    await page.click('.pager >> text="Newer"');
    await page.waitForSelector(`.row .sequence >> text="#${top - 50}"`);
  }));

test("filters", () =>
  visit(GOOD, {}, async (page) => {
    await page.selectOption("#filter-status", "failure");
    await page.waitForURL(/status=failure/);
    await page.waitForSelector(".heading >> text=chosen");
    assert.deepEqual([...new Set(await texts(page, ".row .status"))], ["failure"]);
    assert.ok(
      (await texts(page, ".row .error")).every((text) => /^health check of \w+ failed/.test(text)),
    );
    await picture(page, "filtered");

    await page.selectOption("#filter-type", "workflow");
    await page.waitForURL(/type=workflow/);
    await page.waitForFunction(() =>
      [...document.querySelectorAll(".row .type")].every((type) => type.textContent === "workflow"),
    );
    assert.equal(await page.locator(".row").count(), 3);
    await page.fill("#filter-tenant_id", "globex");
    await page.press("#filter-tenant_id", "Enter");
    await page.waitForURL(/tenant_id=globex/);
    await page.waitForSelector(".heading >> text=1 capsule chosen");

    await page.click("text=Clear");
    await page.waitForFunction(() => document.querySelectorAll(".row").length === 50);
    await page.fill("#filter-since", "2026-03-02T09:00:00");
    await page.locator("#filter-since").blur();
    await page.waitForURL(/since=2026-03-02T09%3A00%3A00.000Z/);
    await page.fill("#filter-until", "2026-03-02T09:00:30");
    await page.locator("#filter-until").blur();
    await page.waitForSelector(".heading >> text=4 capsules chosen");

    await go(page, "#/timeline?session_id=nobody");
    assert.match(await page.innerText("main"), /No capsule is chosen/);
  }));

test("search", () =>
  visit(GOOD, {}, async (page) => {
    await page.fill("#search", "quota billing");
    await page.press("#search", "Enter");
    await page.waitForURL(/q=quota/);
    await page.waitForSelector("text=No capsule is chosen");
    await page.fill("#search", "deploy accounts production");
    await page.press("#search", "Enter");
    await page.waitForSelector(".row");
    const found = await texts(page, ".row .what");
    assert.ok(found.length > 0);
    assert.ok(
      found.every((text) => /^Deploy accounts .* to production$/.test(text)),
      found,
    );
  }));

test("a server that refuses is quoted", () =>
  visit(`${GOOD}#/timeline?type=nothing`, { refusals: true }, async (page) => {
    const said = await page.innerText('[role="alert"]');
    assert.match(said, /type/);
    await go(page, `#/capsule/${id(9_999)}`);
    assert.match(await page.innerText('[role="alert"]'), /./);
    await go(page, "#/nowhere");
    assert.match(await page.innerText("main"), /names nothing/);
  }));

test("deep links and capsule:// URIs open what they name", () =>
  visit(`${GOOD}#/capsule/${id(1)}`, {}, async (page) => {
    assert.match(await page.innerText("h1"), /deploybot::plan/);
    const uri = await page.innerText('.side dd:has-text("capsule://") code');
    assert.match(uri, /^capsule:\/\/sha3_[0-9a-f]{64}$/);

    for (const name of [
      uri,
      uri.slice("capsule://sha3_".length),
      id(1),
      "#1",
      "capsule://any-chain/1",
      `capsule://${id(1)}`,
    ]) {
      await go(page, "#/keys");
      await page.fill("#search", name);
      await page.press("#search", "Enter");
      await page.waitForSelector("h1 >> text=deploybot::plan");
      assert.match(await page.innerText(".trail"), /#1\b/, name);
    }

    await go(page, `#${uri}#reasoning/options/1/rejection_reason`);
    const pointed = page.locator(".pointed");
    assert.match(await pointed.innerText(), /quota of eu-west-1/);
    await page.waitForFunction(() => document.activeElement.matches(".pointed"));
    // A field inside of something that is folded is unfolded.
    await go(page, `#${uri}#execution/tool_calls/1/result`);
    assert.ok(await page.locator(".pointed").isVisible());
    // What is not shown by itself is shown by what holds it.
    await go(page, `#${uri}#context/environment/region/x`);
    assert.match(await page.locator(".pointed").innerText(), /eu-west-1/);
  }));

test("live updates", () =>
  visit(GOOD, {}, async (page) => {
    await page.waitForSelector('#live[data-state="live"]');
    const top = await page.locator(".row").first().getAttribute("data-row");
    await fetch(`${HOST}/append?request=${encodeURIComponent("first <b>sign</b> of life")}`, {
      method: "POST",
    });
    const row = page.locator(".fresh .row");
    await row.waitFor();
    assert.match(await row.innerText(), /first <b>sign<\/b> of life/);
    assert.notEqual(await page.locator(".row").first().getAttribute("data-row"), top);
    assert.equal(await page.locator('li[data-link="broken"]').count(), 0);
    await page.waitForSelector("#announcer:has-text('New capsule: cron::heartbeat')", {
      state: "attached",
    });

    // Where a choice is shown, nothing moves under the reader's eyes.
    await go(page, "#/timeline?type=system");
    const before = await page.locator(".row").count();
    await fetch(`${HOST}/append?request=second`, { method: "POST" });
    const news = page.locator(".news a");
    await news.waitFor();
    assert.equal(await news.innerText(), "1 new capsule since");
    assert.equal(await page.locator(".row").count(), before);
    await news.click();
    await page.waitForFunction(
      (rows) => document.querySelectorAll(".row").length === rows,
      before + 1,
    );
  }));
