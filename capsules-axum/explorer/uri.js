/**
 * `capsule://` URIs: references to a capsule, and to a field of it (CPS section 8).
 */

export const SECTIONS = ["trigger", "context", "reasoning", "authority", "execution", "outcome"];

const HASH = /^sha3_([0-9a-f]{64})$/;
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const NAME = /^[A-Za-z0-9._-]+$/;
const SEQUENCE = /^(?:0|[1-9][0-9]{0,15})$/;

/**
 * @typedef {object} Reference What somebody names a capsule by; one of the first three is set.
 * @property {string} [hash] 64 lower-case hexadecimal digits
 * @property {string} [id] a UUID
 * @property {number} [sequence] a place in the chain
 * @property {string} [chain] the name of the chain, where one is given
 * @property {string} [fragment] a path into the content, such as `execution/tool_calls/0`
 */

/**
 * @param {string} text
 * @returns {Reference|null} `null` when the text is not such a URI
 */
export function parseUri(text) {
  if (!text.startsWith("capsule://")) {
    return null;
  }
  const rest = text.slice("capsule://".length);
  const [path, ...fragments] = rest.split("#");
  if (fragments.length > 1 || (fragments.length === 1 && !isFragment(fragments[0]))) {
    return null;
  }
  const [first, second, ...more] = path.split("/");
  if (more.length > 0 || (second !== undefined && !NAME.test(first))) {
    return null;
  }
  const reference = second === undefined ? parseAlone(first) : parseInChain(second);
  if (reference === null) {
    return null;
  }
  if (second !== undefined) {
    reference.chain = first;
  }
  if (fragments.length === 1) {
    [reference.fragment] = fragments;
  }
  return reference;
}

/**
 * What a person may type to name one capsule: a URI, an id, a whole hash, or `#` and its sequence.
 *
 * @param {string} text
 * @returns {Reference|null} `null` when the text is none of these
 */
export function parseReference(text) {
  const name = text.trim();
  if (UUID.test(name)) {
    return { id: name.toLowerCase() };
  }
  const [, hash] = /^(?:sha3_)?([0-9a-f]{64})$/.exec(name) ?? [];
  if (hash !== undefined) {
    return { hash };
  }
  const [, sequence] = /^#([0-9]{1,15})$/.exec(name) ?? [];
  return sequence === undefined ? parseUri(name) : { sequence: Number(sequence) };
}

function parseAlone(name) {
  const [, hash] = HASH.exec(name) ?? [];
  if (hash !== undefined) {
    return { hash };
  }
  return UUID.test(name) ? { id: name.toLowerCase() } : null;
}

function parseInChain(name) {
  const [, hash] = HASH.exec(name) ?? [];
  if (hash !== undefined) {
    return { hash };
  }
  const isPlace = SEQUENCE.test(name) && Number.isSafeInteger(Number(name));
  return isPlace ? { sequence: Number(name) } : null;
}

function isFragment(fragment) {
  const tokens = fragment.split("/");
  const isToken = (token) => NAME.test(token) && token !== "." && token !== "..";
  return SECTIONS.includes(tokens[0]) && tokens.every(isToken);
}
