/**
 * What the server answers. The page lies beside the API, so every address is relative to this
 * file's own; nothing else is ever asked.
 */

import { events } from "./event-stream.js";
import { parse } from "./json.js";

/** The address of the API, without a slash at its end. */
const BASE = new URL("..", import.meta.url).href.replace(/\/$/, "");

/** The server's refusal, or its absence. */
export class ApiError extends Error {
  /**
   * @param {number} status the HTTP status, 0 when there was no answer
   * @param {string} title
   * @param {string} detail
   */
  constructor(status, title, detail) {
    super(detail ? `${title}: ${detail}` : title);
    this.status = status;
    this.title = title;
    this.detail = detail;
  }
}

/**
 * The address of a resource.
 *
 * @param {string} path such as `stats`, or empty for the list
 * @param {Record<string, string|number|null|undefined>} [query] absent and empty values are left out
 */
export function address(path, query = {}) {
  const given = Object.entries(query).filter(
    ([, value]) => value !== null && value !== undefined && value !== "",
  );
  const search = new URLSearchParams(given.map(([key, value]) => [key, String(value)])).toString();
  return BASE + (path && `/${path}`) + (search && `?${search}`);
}

/**
 * A page of the chain, the newest first.
 *
 * @param {Record<string, string|number>} query
 * @param {{ signal?: AbortSignal, strict?: boolean }} how `strict` for what is verified
 */
export async function list(query, { signal, strict = false } = {}) {
  const response = await get("", query, { signal });
  const page = parse(await response.text(), { lenient: !strict });
  return {
    capsules: page.get("capsules"),
    total: Number(page.get("total")),
    next: nextCursor(response.headers.get("Link")),
  };
}

/**
 * One sealed record as the server's text.
 *
 * @param {string} id
 * @param {AbortSignal} [signal]
 * @returns {Promise<string>}
 */
export async function recordText(id, signal) {
  return (await get(name(id, UUID), {}, { signal })).text();
}

/** The same by the hash that its seal states. */
export async function recordTextByHash(hash, signal) {
  return (await get(`by-hash/${name(hash, HASH)}`, {}, { signal })).text();
}

/** The workflow that a capsule belongs to. */
export async function tree(id, signal) {
  return json(`${name(id, UUID)}/tree`, {}, { signal });
}

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const HASH = /^[0-9a-f]{64}$/;

/** A part of an address. Records name others, and what they say may be anything, such as `..`. */
function name(text, form) {
  if (!form.test(text)) {
    throw new ApiError(404, "There is no such capsule", `${text} is no name of one.`);
  }
  return text;
}

/** Answers that are read as plain JSON: no figure in them is part of what was sealed. */
export async function json(path, query, { signal, headers } = {}) {
  return (await get(path, query, { signal, headers })).json();
}

/**
 * Server-sent events until the server ends them.
 *
 * @returns {AsyncGenerator<{ event: string, data: string }>}
 */
export async function* stream(path, query, { signal, headers } = {}) {
  yield* events(await get(path, query, { signal, headers }));
}

async function get(path, query, { signal, headers } = {}) {
  let response;
  try {
    response = await fetch(address(path, query), { signal, headers });
  } catch (error) {
    if (error.name === "AbortError") {
      throw error;
    }
    throw new ApiError(0, "The server does not answer", "Is it still running?");
  }
  if (!response.ok) {
    throw await refusal(response);
  }
  return response;
}

/** The problem (RFC 9457) that an answer states. */
async function refusal(response) {
  const problem = await response.json().catch(() => ({}));
  const title =
    typeof problem.title === "string" ? problem.title : `The server answered ${response.status}`;
  const detail = typeof problem.detail === "string" ? problem.detail : "";
  return new ApiError(response.status, title, detail);
}

/** The cursor in `<…?before=N…>; rel="next"`, or in `<…?beyond=ID…>` where there are several chains. */
function nextCursor(link) {
  const [, target] = /<([^>]*)>;\s*rel="?next"?/.exec(link ?? "") ?? [];
  if (target === undefined) {
    return null;
  }
  const { searchParams } = new URL(target, `${BASE}/`);
  return searchParams.get("before") ?? searchParams.get("beyond");
}
