// A store that keeps a chain for each tenant: PostgreSQL, where it is installed.

import assert from "node:assert/strict";
import test from "node:test";

import { TENANTS, TENANTS_HOST, go, picture, visit } from "./browser.mjs";

const options = { skip: TENANTS === "" && "PostgreSQL is not installed" };

const texts = (page, selector) => page.locator(selector).allInnerTexts();

/** How many capsules the heading tells of. */
const counted = async (page) =>
  Number((await page.innerText(".heading")).match(/([\d,]+) capsules?/)[1].replace(",", ""));

test("the chains together, page by page, and each by itself", options, () =>
  visit(TENANTS, {}, async (page) => {
    await picture(page, "tenants");
    assert.equal(await page.locator('li[data-link="broken"]').count(), 0);
    const all = await counted(page);
    const rows = () =>
      page.locator(".row").evaluateAll((found) => found.map((row) => row.dataset.row));
    const seen = new Set(await rows());
    while ((await page.locator(".pager >> text=Older").count()) > 0) {
      const last = (await rows()).at(-1);
      await page.click(".pager >> text=Older");
      await page.waitForFunction(
        (before) => [...document.querySelectorAll(".row")].every((row) => row.dataset.row !== before),
        last,
      );
      (await rows()).forEach((row) => seen.add(row));
    }
    assert.equal(seen.size, all);

    let sum = 0;
    for (const tenant of ["acme", "globex"]) {
      await go(page, `#/timeline?tenant_id=${tenant}`);
      await page.waitForSelector(".heading >> text=chosen");
      const count = await counted(page);
      assert.ok(count > 0 && count < all, `${tenant} has ${count}`);
      assert.equal((await texts(page, ".row .sequence"))[0], `#${count - 1}`);
      sum += count;
    }
    assert.ok(sum <= all);
  }));

test("every chain has a verdict of its own", options, () =>
  visit(`${TENANTS}#/verify?tenant_id=acme`, {}, async (page) => {
    await page.waitForSelector('.banner[data-verdict="passed"]');
    await page.fill("#tenant", "globex");
    await page.press("#tenant", "Enter");
    await page.waitForSelector('.banner[data-verdict="failed"]');
    const found = page.locator('[aria-labelledby="errors-title"] a');
    assert.equal(await found.innerText(), "#1");
    await go(page, "#/verify");
    await page.waitForSelector('.banner[data-verdict="failed"]');
  }));

test("a record of a tenant's chain is verified in the browser", options, () =>
  visit(`${TENANTS}#/timeline?tenant_id=acme`, {}, async (page) => {
    await page.locator(".row").first().click();
    await page.waitForSelector("text=Verify in this browser");
    await page.click("text=Verify in this browser");
    await page.waitForSelector(".result .checks");
    const verdicts = await page
      .locator(".result [data-check]")
      .evaluateAll((checks) =>
        Object.fromEntries(checks.map((check) => [check.dataset.check, check.dataset.verdict])),
      );
    for (const question of ["content", "signature", "link"]) {
      assert.equal(verdicts[question], "passed", question);
    }
  }));

test("what any tenant records appears", options, () =>
  visit(TENANTS, {}, async (page) => {
    await page.waitForSelector('#live[data-state="live"]');
    const append = (tenant, request) =>
      fetch(`${TENANTS_HOST}/append?tenant=${tenant}&request=${request}`, { method: "POST" });
    for (const tenant of ["acme", "initech"]) {
      await append(tenant, `life-of-${tenant}`);
      await page.waitForSelector(`.fresh .row >> text=life-of-${tenant}`);
    }
    await go(page, "#/timeline?tenant_id=acme");
    await page.waitForSelector('#live[data-state="live"]');
    await append("initech", "not-shown");
    await append("acme", "shown");
    const news = page.locator(".news a");
    await news.waitFor();
    assert.equal(await news.innerText(), "1 new capsule since");
  }));
