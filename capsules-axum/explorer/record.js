/**
 * A sealed record as the views read it. Records come from anywhere: a field that is missing or of
 * another type reads as empty, and never as an error.
 */

import { JsonNumber, parse } from "./json.js";

export const TYPES = ["agent", "tool", "system", "kill", "workflow", "chat", "vault", "auth"];
export const STATUSES = ["pending", "success", "failure", "partial", "blocked"];

/** A part of a record that should be an object. */
export class Section {
  /** @param {unknown} value */
  constructor(value) {
    this.members = value instanceof Map ? value : new Map();
  }

  /** A text; numbers as they are spelled, and `""` for what is none. */
  text(name) {
    const value = this.members.get(name);
    return typeof value === "string" || value instanceof JsonNumber ? String(value) : "";
  }

  /** A number, or `null`. */
  number(name) {
    const value = this.members.get(name);
    return value instanceof JsonNumber ? Number(value) : null;
  }

  isTrue(name) {
    return this.members.get(name) === true;
  }

  /** The elements of a list. */
  list(name) {
    const value = this.members.get(name);
    return Array.isArray(value) ? value : [];
  }

  section(name) {
    return new Section(this.members.get(name));
  }

  sections(name) {
    return this.list(name).map((value) => new Section(value));
  }

  /** Any value, `null` when it is absent. */
  value(name) {
    return this.members.get(name) ?? null;
  }

  get isEmpty() {
    return this.members.size === 0;
  }
}

/** A sealed record. */
export class Capsule extends Section {
  /**
   * To be shown; what is verified is read strictly.
   *
   * @param {string} text as the server sent it
   */
  static read(text) {
    return new Capsule(parse(text, { lenient: true }));
  }

  get id() {
    return this.text("id");
  }

  get type() {
    return this.text("type");
  }

  get sequence() {
    return this.number("sequence") ?? 0;
  }

  get hash() {
    return this.text("hash");
  }

  get previousHash() {
    return this.text("previous_hash");
  }

  get parentId() {
    return this.text("parent_id");
  }

  get trigger() {
    return this.section("trigger");
  }

  get context() {
    return this.section("context");
  }

  get reasoning() {
    return this.section("reasoning");
  }

  get authority() {
    return this.section("authority");
  }

  get execution() {
    return this.section("execution");
  }

  get outcome() {
    return this.section("outcome");
  }

  get status() {
    return this.outcome.text("status");
  }

  get began() {
    return this.trigger.text("timestamp");
  }

  get durationMs() {
    return this.execution.number("duration_ms") ?? 0;
  }

  /** What the capsule is best called by. */
  get title() {
    return this.trigger.text("source") || this.context.text("agent_id") || this.type || "capsule";
  }

  /** What was asked for, or else what came of it. */
  get headline() {
    return this.trigger.text("request") || this.outcome.text("summary");
  }

  get uri() {
    return `capsule://sha3_${this.hash}`;
  }
}
