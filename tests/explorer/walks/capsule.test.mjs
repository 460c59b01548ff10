// One capsule: its six sections, its workflow, its JSON; sessions, statistics and keys.

import assert from "node:assert/strict";
import test from "node:test";

import { GOOD, go, id, picture, settled, visit } from "./browser.mjs";

test("six sections as people read them", () =>
  visit(`${GOOD}#/capsule/${id(25)}`, {}, async (page) => {
    await picture(page, "capsule");
    const section = (name) => page.innerText(`.sections [aria-labelledby="${name}-title"]`);
    assert.deepEqual(await page.locator(".sections h2").allInnerTexts(), [
      "Trigger",
      "Context",
      "Reasoning",
      "Authority",
      "Execution",
      "Outcome",
    ]);
    assert.match(await section("trigger"), /Choose how checkout 2\.5\.0 is rolled out/);
    assert.match(
      await section("context"),
      /release-planner[^]*deploy-checkout-04[^]*revision\s+18004/,
    );

    const options = page.locator(".option");
    assert.equal(await options.count(), 3);
    assert.match(
      await options.nth(0).innerText(),
      /Canary[^]*Selected[^]*For\s+an error reaches one customer in twenty[^]*Against\s+ten minutes slower[^]*Risks/,
    );
    assert.match(await options.nth(1).innerText(), /Rejected[^]*The quota of eu-west-1/);
    assert.match(await section("reasoning"), /Decision\s+Canary[^]*Confidence\s+0\.78/);
    assert.match(await section("authority"), /acted on its own/);

    const calls = page.locator(".call");
    assert.equal(await calls.count(), 3);
    assert.match(await calls.nth(0).innerText(), /success[^]*ci::test_results[^]*840 ms/);
    assert.match(
      await calls.nth(2).innerText(),
      /failure[^]*quota::remaining[^]*1\.5 s[^]*timeout after 1500 ms/,
    );
    assert.equal(await calls.nth(0).locator("text=passed").isVisible(), false);
    await calls.nth(0).locator("summary").click();
    assert.match(await calls.nth(0).innerText(), /"passed": 424/);
    assert.match(await section("outcome"), /success\s*Canary, then everything/);
  }));

test("approvals, errors, and numbers as they are spelled", () =>
  visit(`${GOOD}#/capsule/${id(28)}`, {}, async (page) => {
    const authority = await page.innerText('[aria-labelledby="authority-title"]');
    assert.match(authority, /A person approved[^]*maria@example\.com[^]*change-management\/4\.2/);
    assert.equal(await page.locator(".steps > li").count(), 3);
    await go(page, `#/capsule/${id(29)}`);
    const outcome = await page.innerText('[aria-labelledby="outcome-title"]');
    assert.match(outcome, /3 of 12 probes timed out/);
    // Larger than the integers that JavaScript has.
    assert.match(outcome, /"generation": 9007199254740997/);
    await go(page, `#/capsule/${id(24)}`);
    assert.match(await page.innerText('[aria-labelledby="outcome-title"]'), /error_rate\s+0\.0001/);
  }));

test("the seal and the links", () =>
  visit(
    `${GOOD}#/capsule/${id(25)}`,
    { permissions: ["clipboard-read", "clipboard-write"] },
    async (page) => {
      const side = page.locator(".side");
      await side.locator("text=#24 deploybot::deploy").waitFor();
      await side.locator("text=#26 ci::test_results").nth(1).waitFor();
      const seal = await side.innerText();
      assert.match(
        seal,
        /Hash\s+[0-9a-f]{64}[^]*Signature\s+[0-9a-f]{128}[^]*Signed by\s+qp_key_[0-9a-f]{4}[^]*Post-quantum\s+none/,
      );
      await side.locator('button[aria-label="Copy hash"]').click();
      await page.waitForFunction(
        () => document.getElementById("announcer").textContent === "Copied hash",
      );
      assert.match(await page.evaluate(() => navigator.clipboard.readText()), /^[0-9a-f]{64}$/);

      await side.locator("dt:has-text('Next') + dd a").click();
      await page.waitForSelector("h1 >> text=ci::test_results");
      await page.click("text=Older");
      await page.waitForSelector("h1 >> text=deploybot::plan");
      await page.locator(".side dt:has-text('Parent') + dd a").click();
      await page.waitForSelector("h1 >> text=deploybot::deploy");
    },
  ));

test("the workflow, with durations as bars", () =>
  visit(`${GOOD}#/capsule/${id(25)}/workflow`, {}, async (page) => {
    await picture(page, "workflow");
    const nodes = page.locator(".node");
    assert.deepEqual(await page.locator(".node .source").allInnerTexts(), [
      "deploybot::deploy",
      "deploybot::plan",
      "ci::test_results",
      "metrics::query",
      "approvals::request",
      "kubernetes::rollout",
    ]);
    const bars = await page
      .locator(".node .fill")
      .evaluateAll((fills) =>
        fills
          .map((fill) => fill.getBoundingClientRect())
          .map(({ left, width }) => ({ left, width })),
      );
    assert.ok(bars.every((bar) => bar.width >= 3 && bar.left >= bars[0].left));
    assert.ok(bars[1].width < bars[4].width && bars[4].left > bars[3].left);
    assert.equal(await nodes.nth(1).getAttribute("aria-current"), "true");
    await nodes.nth(5).click();
    await page.waitForSelector("h1 >> text=kubernetes::rollout");
    await page.click('.tabs >> text="JSON"');
    await page.waitForURL(/\/json$/);
    await settled(page);
    const record = JSON.parse(await page.innerText(".raw pre"));
    assert.equal(record.id, id(29));
    assert.match(record.signature, /^[0-9a-f]{128}$/);
  }));

test("sessions", () =>
  visit(`${GOOD}#/sessions`, {}, async (page) => {
    await picture(page, "sessions");
    const row = page.locator('tr:has-text("deploy-billing-14")');
    assert.match(await row.innerText(), /6\s+2\s+4 Mar 2026/);
    await row.locator("a").first().click();
    await page.waitForURL(/session_id=deploy-billing-14/);
    await page.waitForSelector(".heading >> text=6 capsules chosen");
  }));

test("statistics", () =>
  visit(`${GOOD}#/stats`, {}, async (page) => {
    await picture(page, "statistics");
    const text = await page.innerText("main");
    assert.match(text, /Failures\s+6/);
    assert.match(text, /globex\s+54/);
    assert.match(text, /health check of billing failed/);
    const days = page.locator(".chart a");
    assert.match(await days.first().getAttribute("aria-label"), /2026-03-02: \d+ capsules/);
    await days.first().click();
    await page.waitForURL(/since=2026-03-02/);
    await page.waitForSelector(".heading >> text=chosen");
    assert.equal(await page.locator(".day").count(), 1);
    await go(page, "#/stats?type=workflow");
    assert.match(await page.innerText(".headline"), /Capsules\s+18/);
  }));

test("keys", () =>
  visit(`${GOOD}#/keys`, {}, async (page) => {
    assert.match(
      await page.innerText("table"),
      /qp_key_[0-9a-f]{4}\s+Ed25519\s+[0-9a-f]{64}[^]*in use/,
    );
  }));
