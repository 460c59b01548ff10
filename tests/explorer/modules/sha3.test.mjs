import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import test from "node:test";

import { bytes, hex, load } from "./support.mjs";

const { sha3_256, sha3_256Hex } = await load("sha3.js");

// FIPS 202: NIST's validation vectors (CAVS 19.0, SHA3-256 ShortMsg), and its published examples.
const SHORT = [
  ["", "a7ffc6f8bf1ed76651c14756a061d662f580ff4de43b49fa82d80a4b80f8434a"],
  ["e9", "f0d04dd1e6cfc29a4460d521796852f25d9ef8d28b44ee91ff5b759d72c1e6d6"],
  ["b053fa", "9d0ff086cd0ec06a682c51c094dc73abdc492004292344bd41b82a60498ccfdb"],
  ["8bca931c8a132d2f", "dbb8be5dec1d715bd117b24566dc3f24f2cc0c799795d0638d9537481ef1e03e"],
  [
    "d83c721ee51b060c5a41438a8221e040",
    "b87d9e4722edd3918729ded9a6d03af8256998ee088a1ae662ef4bcaff142a96",
  ],
  [
    "c178ce0f720a6d73c6cf1caa905ee724d5ba941c2e2628136e3aad7d853733ba",
    "64537b87892835ff0963ef9ad5145ab4cfce5d303a0cb0415b3b03f9d16e7d6b",
  ],
  [
    "67e384d209f1bc449fa67da6ce5fbbe84f4610129f2f0b40f7c0caea7ed5cb69be22ffb7541b2077ec1045356d9db4ee7141f7d3f84d324a5d00b33689f0cb78",
    "9c9160268608ef09fe0bd3927d3dffa0c73499c528943e837be467b50e5c1f1e",
  ],
  ["a3".repeat(200), "79f38adec5c20307a98ef76e8324afbfd46cfd81b22e3973c65fa1bd9de31787"],
];

for (const [message, digest] of SHORT) {
  test(`NIST: ${message.length / 2} bytes`, () => {
    assert.equal(sha3_256Hex(bytes(message)), digest);
  });
}

// The Monte Carlo test of the same suite: a thousand digests of digests for each step.
test("NIST: Monte Carlo", () => {
  const steps = [
    "225cbac2be6f329d94228c5360a1c177bc495a761c442a1771b1d18555c309a5",
    "96d364a1b1ced3dbbce6380093fb1ac77221abcee30faf16546ffad8fe1eef8c",
    "8d81a67598ff73e2305ed53b1e6d58c799a1d1908abf81a15eab4bfd35b96e51",
    "c71b506211ad3814e5d6f596a452c94dda511d6d3f3cda77041882aca3363708",
  ];
  let digest = bytes("aa64f7245e2177c654eb4de360da8761a516fdc7578c3498c5e582e096b8730c");
  for (const expected of steps) {
    for (let round = 0; round < 1_000; round += 1) {
      digest = sha3_256(digest);
    }
    assert.equal(hex(digest), expected);
  }
});

test("every length around the edges of a block is what OpenSSL computes", () => {
  for (let length = 0; length <= 3 * 136 + 1; length += 1) {
    const message = Uint8Array.from({ length }, (_, at) => (at * 31 + length) % 256);
    assert.equal(
      sha3_256Hex(message),
      createHash("sha3-256").update(message).digest("hex"),
      `${length} bytes`,
    );
  }
});

test("a view into a larger buffer is hashed alone", () => {
  const buffer = Uint8Array.from({ length: 400 }, (_, at) => at % 251);
  const view = buffer.subarray(3, 303);
  assert.equal(sha3_256Hex(view), createHash("sha3-256").update(view).digest("hex"));
});
