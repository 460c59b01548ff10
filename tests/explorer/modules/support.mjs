// What the tests of the explorer's modules share.

import { readFileSync } from "node:fs";
import { join } from "node:path";

/** A file of the published vectors, `null` where the harness has found none. */
export function vectors(name) {
  const directory = process.env.CAPSULES_CONFORMANCE_DIR;
  return directory ? JSON.parse(readFileSync(join(directory, name), "utf8")) : null;
}

/** A module of the page. */
export function load(name) {
  return import(new URL(`../../../capsules-axum/explorer/${name}`, import.meta.url));
}

export const bytes = (hex) => Uint8Array.from(Buffer.from(hex, "hex"));
export const hex = (array) => Buffer.from(array).toString("hex");
