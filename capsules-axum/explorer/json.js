/**
 * JSON read from its text, so that nothing of it is lost: numbers keep their spelling, members
 * their order, and a key such as `__proto__` is a key like any other. Nothing recurses, so that
 * nesting is limited by memory only.
 */

/** A number as the document spells it. */
export class JsonNumber {
  /** @param {string} text */
  constructor(text) {
    this.text = text;
  }

  toString() {
    return this.text;
  }

  /** The nearest double, for charts and bars. */
  valueOf() {
    return Number(this.text);
  }
}

/** Why a text is not JSON, or has no one meaning. */
export class JsonError extends Error {}

/**
 * @typedef {null|boolean|string|JsonNumber|JsonValue[]|Map<string, JsonValue>} JsonValue
 */

const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?/y;
const SPACE = " \t\n\r";
// What stands in a string up to the next escape or its end. Control characters must be escaped.
const PLAIN = /[^"\\\u0000-\u001f]*/y;
const WORDS = [
  ["true", true],
  ["false", false],
  ["null", null],
];
const ESCAPES = { '"': '"', "\\": "\\", "/": "/", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };

/**
 * Reads a strict JSON document (RFC 8259). Duplicate keys and lone surrogates are refused, since
 * readers disagree on what they mean, except for what is only shown.
 *
 * @param {string} text
 * @param {{ lenient?: boolean }} how
 * @returns {JsonValue}
 * @throws {JsonError}
 */
export function parse(text, { lenient = false } = {}) {
  const reader = new Reader(text, lenient);
  /** The containers that are open, the outermost first. */
  const open = [];
  let key = null;
  for (;;) {
    let value = reader.value();
    if (value instanceof Map && !reader.skip("}")) {
      open.push({ container: value, key });
      key = reader.key(value);
      continue;
    }
    if (Array.isArray(value) && !reader.skip("]")) {
      open.push({ container: value, key });
      key = null;
      continue;
    }
    // The value is complete: it goes into its container, which may be complete with it.
    for (;;) {
      const parent = open.at(-1);
      if (parent === undefined) {
        reader.end();
        return value;
      }
      const { container } = parent;
      if (container instanceof Map) {
        container.set(key, value);
        if (reader.skip(",")) {
          key = reader.key(container);
          break;
        }
        reader.expect("}");
      } else {
        container.push(value);
        if (reader.skip(",")) {
          break;
        }
        reader.expect("]");
      }
      open.pop();
      ({ key } = parent);
      value = container;
    }
  }
}

/** A place in a text. */
class Reader {
  constructor(text, lenient) {
    this.text = text;
    this.lenient = lenient;
    this.at = 0;
  }

  /** A whole value, or an empty container whose opening bracket was read. */
  value() {
    this.space();
    const { text } = this;
    switch (text[this.at]) {
      case "{":
        this.at += 1;
        return new Map();
      case "[":
        this.at += 1;
        return [];
      case '"':
        return this.string();
      default:
    }
    for (const [word, value] of WORDS) {
      if (text.startsWith(word, this.at)) {
        this.at += word.length;
        return value;
      }
    }
    const number = this.match(NUMBER);
    if (!number) {
      throw this.unexpected("a value");
    }
    return new JsonNumber(number);
  }

  /** A key that the object does not have yet, and the colon behind it. */
  key(object) {
    this.space();
    if (this.text[this.at] !== '"') {
      throw this.unexpected("a key in quotes");
    }
    const key = this.string();
    if (object.has(key) && !this.lenient) {
      throw new JsonError(`the key ${JSON.stringify(key)} appears again at ${this.at}`);
    }
    this.expect(":");
    return key;
  }

  string() {
    this.at += 1;
    let string = "";
    for (;;) {
      string += this.match(PLAIN);
      const stop = this.text[this.at];
      if (stop === '"') {
        this.at += 1;
        break;
      }
      if (stop !== "\\") {
        throw this.unexpected("the end of a string");
      }
      string += this.escape();
    }
    if (!this.lenient && !string.isWellFormed()) {
      throw new JsonError(`a lone surrogate in the string that ends at ${this.at}`);
    }
    return string;
  }

  escape() {
    const letter = this.text[this.at + 1];
    if (letter === "u") {
      const digits = this.text.slice(this.at + 2, this.at + 6);
      if (/^[0-9a-fA-F]{4}$/.test(digits)) {
        this.at += 6;
        return String.fromCharCode(parseInt(digits, 16));
      }
    } else if (letter !== undefined && Object.hasOwn(ESCAPES, letter)) {
      this.at += 2;
      return ESCAPES[letter];
    }
    throw this.unexpected("an escape");
  }

  /** Reads `mark` if it is next. */
  skip(mark) {
    this.space();
    const found = this.text[this.at] === mark;
    this.at += Number(found);
    return found;
  }

  expect(mark) {
    if (!this.skip(mark)) {
      throw this.unexpected(`\`${mark}\``);
    }
  }

  end() {
    this.space();
    if (this.at < this.text.length) {
      throw this.unexpected("the end of the document");
    }
  }

  space() {
    while (this.at < this.text.length && SPACE.includes(this.text[this.at])) {
      this.at += 1;
    }
  }

  match(pattern) {
    pattern.lastIndex = this.at;
    const [found] = pattern.exec(this.text) ?? [""];
    this.at += found.length;
    return found;
  }

  unexpected(expected) {
    const found = this.at < this.text.length ? JSON.stringify(this.text[this.at]) : "the end";
    return new JsonError(`not JSON: expected ${expected}, found ${found} at ${this.at}`);
  }
}

/**
 * Writes a value. Members stand in the order that `members` gives; with `indent` each has a line.
 *
 * @param {JsonValue} value
 * @param {{ members?: (object: Map<string, JsonValue>) => Iterable<[string, JsonValue]>,
 *           indent?: string }} style
 * @returns {string}
 */
export function write(value, { members = (object) => object, indent = "" } = {}) {
  const parts = [];
  /** What is left to be written: values, and finished texts that stand between them. */
  const waiting = [{ value, depth: 0 }];
  const newline = (depth) => (indent ? `\n${indent.repeat(depth)}` : "");
  const colon = indent ? ": " : ":";
  while (waiting.length > 0) {
    const next = waiting.pop();
    if (next.text !== undefined) {
      parts.push(next.text);
      continue;
    }
    const { value: current, depth } = next;
    const isMap = current instanceof Map;
    if (!isMap && !Array.isArray(current)) {
      parts.push(scalar(current));
      continue;
    }
    const [first, last] = isMap ? "{}" : "[]";
    const entries = isMap ? [...members(current)] : current.map((item) => [null, item]);
    if (entries.length === 0) {
      parts.push(first, last);
      continue;
    }
    parts.push(first);
    waiting.push({ text: newline(depth) + last });
    // The last one first, since the end of the list is taken next.
    for (let index = entries.length - 1; index >= 0; index -= 1) {
      const [key, item] = entries[index];
      waiting.push({ value: item, depth: depth + 1 });
      const comma = index > 0 ? "," : "";
      const name = key === null ? "" : quote(key) + colon;
      waiting.push({ text: comma + newline(depth + 1) + name });
    }
  }
  return parts.join("");
}

function scalar(value) {
  return typeof value === "string" ? quote(value) : String(value);
}

// `JSON.stringify` escapes as the protocol does (CPS section 2): `"` and `\`, the five short
// forms, and the other control characters below U+0020 as `\u00xx` in lower-case digits.
function quote(text) {
  return JSON.stringify(text);
}
