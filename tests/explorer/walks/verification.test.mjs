// What the server finds in a chain, and what the browser finds in a record.

import assert from "node:assert/strict";
import test from "node:test";

import { GOOD, TAMPERED, go, id, picture, visit } from "./browser.mjs";

/** The record that was changed, and the one after it, which names its hash. */
const CHANGED = 43;

const verdicts = (page, place) =>
  page
    .locator(`${place} [data-check]`)
    .evaluateAll((checks) =>
      Object.fromEntries(checks.map((check) => [check.dataset.check, check.dataset.verdict])),
    );

async function verifyHere(page) {
  await page.click("text=Verify in this browser");
  await page.waitForSelector(".result .checks");
  return verdicts(page, ".result");
}

const HOLDS = {
  record: "passed",
  content: "passed",
  signature: "passed",
  link: "passed",
  post_quantum: "not_checked",
};

test("the server's verdict over a good chain", () =>
  visit(`${GOOD}#/verify`, {}, async (page) => {
    await page.waitForSelector('.banner[data-verdict="passed"]');
    await picture(page, "verification");
    assert.match(await page.innerText(".banner"), /The chain holds\s+\d+ capsules verified/);
    const found = await verdicts(page, "main");
    for (const question of ["links", "content", "signatures", "columns", "tenant"]) {
      assert.equal(found[question], "passed", question);
    }
    assert.equal(found.post_quantum, "not_checked");

    await page.selectOption("#level", "structural");
    await page.waitForURL(/level=structural/);
    await page.waitForSelector('[data-check="content"][data-verdict="not_checked"]');
    await page.click("text=Verify again");
    await page.waitForSelector(".banner");
  }));

test("the server's verdict over a chain that was tampered with", () =>
  visit(`${TAMPERED}#/verify`, {}, async (page) => {
    await page.waitForSelector('.banner[data-verdict="failed"]');
    await picture(page, "tampered");
    assert.match(await page.innerText(".banner"), /The chain is broken/);
    assert.equal((await verdicts(page, "main")).content, "failed");
    const found = page.locator('[aria-labelledby="errors-title"] a');
    assert.equal(await found.innerText(), `#${CHANGED}`);
    await found.click();
    await page.waitForSelector(`.trail >> text=#${CHANGED}`);
  }));

test("a verification that is cancelled says nothing about the chain", () =>
  visit(`${GOOD}#/keys`, {}, async (page) => {
    await page.route("**/verify/stream*", () => {});
    await go(page, "#/verify");
    await page.click("text=Cancel");
    await page.waitForSelector("text=Cancelled: nothing is known about the chain.");
  }));

test("the browser verifies a good record by itself", () =>
  visit(`${GOOD}#/capsule/${id(25)}`, {}, async (page) => {
    assert.deepEqual(await verifyHere(page), HOLDS);
    await page.locator(".result").scrollIntoViewIfNeeded();
    await picture(page, "verified");
    assert.match(await page.innerText(".whole"), /holds/);
    // Texts of others, numbers beyond JavaScript's, a first record: they have hashes like any.
    for (const number of [0, 29, 108, 114]) {
      await go(page, `#capsule://chain/${number}`);
      assert.deepEqual(await verifyHere(page), HOLDS, number);
    }
  }));

test("the browser finds what was tampered with, and what names it", () =>
  visit(`${TAMPERED}#/capsule/${id(CHANGED)}`, {}, async (page) => {
    assert.deepEqual(await verifyHere(page), { ...HOLDS, content: "failed", signature: "failed" });
    await page.locator(".result").scrollIntoViewIfNeeded();
    await picture(page, "falsified");
    assert.match(await page.innerText(".whole"), /does not hold/);
    await go(page, `#/capsule/${id(CHANGED + 1)}`);
    assert.deepEqual(await verifyHere(page), { ...HOLDS, link: "failed" });
    await go(page, `#/capsule/${id(CHANGED + 2)}`);
    assert.deepEqual(await verifyHere(page), HOLDS);
  }));

test("a key that the user trusts counts instead of the server's", () =>
  visit(`${GOOD}#/keys`, {}, async (page) => {
    const key = await page.innerText("td code");
    await page.fill("#trusted-keys", "qp_key_1234");
    await page.locator("#trusted-keys").blur();
    assert.match(await page.innerText(".trust .said"), /Not a public key: qp_key_1234/);

    await page.fill("#trusted-keys", key);
    await page.locator("#trusted-keys").blur();
    await page.route("**/keys", (route) => route.abort());
    await go(page, `#/capsule/${id(1)}`);
    assert.deepEqual(await verifyHere(page), HOLDS);
    assert.match(await page.innerText('[data-check="signature"]'), /a key that you trust/);

    // RFC 8032, test 1: a key that signed nothing here.
    await page.fill(
      "#trusted-keys",
      "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
    );
    await page.locator("#trusted-keys").blur();
    assert.deepEqual(await verifyHere(page), { ...HOLDS, signature: "failed" });
    await page.reload();
    await page.waitForSelector(".trust[open]");
    assert.deepEqual(await verifyHere(page), { ...HOLDS, signature: "failed" });
  }));

test("what this browser cannot check it does not call passed", () =>
  visit(`${GOOD}#/capsule/${id(1)}`, {}, async (page) => {
    await page.evaluate(() => Object.defineProperty(crypto, "subtle", { value: undefined }));
    assert.deepEqual(await verifyHere(page), { ...HOLDS, signature: "not_checked" });
    assert.match(await page.innerText(".whole"), /Not everything could be checked/);
    // A server that lies about the record that was asked for.
    const wrong = await (await fetch(new URL(`capsules/${id(2)}`, new URL("..", GOOD)))).text();
    await page.route(`**/${id(1)}`, (route) =>
      route.fulfill({ contentType: "application/json", body: wrong }),
    );
    assert.equal((await verifyHere(page)).record, "failed");
  }));
