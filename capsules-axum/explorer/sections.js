/**
 * The six sections of a capsule as people read them.
 */

import { foreign, h, icon } from "./dom.js";
import * as format from "./format.js";
import { anyValue, card, code, facts, long, members, meter, none, status, time } from "./parts.js";

/** @param {import("./record.js").Capsule} capsule */
export function sections(capsule) {
  const unreadable = capsule.section("unreadable");
  if (!unreadable.isEmpty) {
    return [damaged(unreadable)];
  }
  return [
    trigger(capsule.trigger),
    context(capsule.context),
    reasoning(capsule.reasoning),
    authority(capsule.authority),
    execution(capsule.execution),
    outcome(capsule.outcome),
  ];
}

/** What the server says of a content that it cannot read. */
function damaged(section) {
  return card(
    "The content is damaged",
    "damaged",
    h("p.error", null, long(section.text("reason"))),
    part("As it is stored", "damaged/content", long(section.text("content"), "pre.json")),
  );
}

function trigger(section) {
  const request = section.text("request");
  return card(
    "Trigger",
    "trigger",
    request && h("blockquote.request", { "data-path": "trigger/request" }, long(request, "p")),
    facts([
      ["Started by", section.text("type").replaceAll("_", " "), "trigger/type"],
      ["Source", mono(section.text("source")), "trigger/source"],
      ["Time", time(section.text("timestamp")), "trigger/timestamp"],
      ["User", section.text("user_id"), "trigger/user_id"],
      ["Correlation", mono(section.text("correlation_id")), "trigger/correlation_id"],
    ]),
  );
}

function context(section) {
  return card(
    "Context",
    "context",
    facts([
      ["Agent", mono(section.text("agent_id")), "context/agent_id"],
      ["Session", mono(section.text("session_id")), "context/session_id"],
    ]),
    part(
      "Environment",
      "context/environment",
      members(section.section("environment"), "context/environment"),
    ),
  );
}

function reasoning(section) {
  const options = section.sections("options");
  const described = options.map((option) => option.text("description"));
  const others = section
    .list("options_considered")
    .filter((text) => typeof text === "string" && !described.includes(text));
  const confidence = section.number("confidence");
  const decision = section.text("selected_option");
  const why = section.text("reasoning");
  const isSilent =
    !section.text("analysis") && options.length === 0 && others.length === 0 && !decision && !why;
  if (isSilent && !confidence && !section.text("model") && !section.text("prompt_hash")) {
    return card("Reasoning", "reasoning", nothing("No reasoning is on record."));
  }
  return card(
    "Reasoning",
    "reasoning",
    part(
      "Analysis",
      "reasoning/analysis",
      section.text("analysis") && long(section.text("analysis"), "p"),
    ),
    part(
      "Options",
      "reasoning/options",
      options.length > 0 &&
        h(
          "ol.options",
          null,
          options.map((option, at) => optionCard(option, at, decision)),
        ),
    ),
    part("Also considered", "reasoning/options_considered", others.length > 0 && bullets(others)),
    part(
      "Decision",
      "reasoning/selected_option",
      (decision || why) && [
        decision && h("p.decision", null, foreign(decisionText(options, decision), "strong")),
        why && h("div", { "data-path": "reasoning/reasoning" }, long(why, "p")),
      ],
    ),
    facts([
      [
        "Confidence",
        confidence !== null && meter(confidence, section.text("confidence")),
        "reasoning/confidence",
      ],
      ["Model", mono(section.text("model")), "reasoning/model"],
      [
        "Prompt",
        section.text("prompt_hash") && code(section.text("prompt_hash"), "hash of the prompt"),
        "reasoning/prompt_hash",
      ],
    ]),
  );
}

/** A selected option is often named by its id; people read its description. */
function decisionText(options, decision) {
  const meant = options.find((option) => option.text("id") === decision);
  return meant?.text("description") || decision;
}

function optionCard(option, at, decision) {
  const name = option.text("description") || option.text("id") || `Option ${at + 1}`;
  const isChosen =
    option.isTrue("selected") ||
    (decision !== "" && [option.text("id"), option.text("description")].includes(decision));
  const rejection = option.text("rejection_reason");
  const feasibility = option.number("feasibility");
  const path = `reasoning/options/${at}`;
  return h(
    "li.option",
    { "data-chosen": isChosen ? "yes" : "no", "data-path": path },
    h(
      "div.name",
      null,
      foreign(name, "h4"),
      h(
        "span.mark",
        null,
        isChosen ? [icon("check"), "Selected"] : rejection ? "Rejected" : "Not selected",
      ),
    ),
    points("For", "pro", option.list("pros"), `${path}/pros`),
    points("Against", "con", option.list("cons"), `${path}/cons`),
    points("Risks", "risk", option.list("risks"), `${path}/risks`),
    rejection &&
      !isChosen &&
      h(
        "div.points.rejection",
        { "data-path": `${path}/rejection_reason` },
        h("span.label", null, "Rejected"),
        long(rejection),
      ),
    facts([
      [
        "Feasibility",
        feasibility !== null && meter(feasibility, option.text("feasibility")),
        `${path}/feasibility`,
      ],
      [
        "Impact",
        members(option.section("estimated_impact"), `${path}/estimated_impact`),
        `${path}/estimated_impact`,
      ],
    ]),
  );
}

function points(label, kind, texts, path) {
  return (
    texts.length > 0 &&
    h(
      "div.points",
      { "data-kind": kind, "data-path": path },
      h("span.label", null, label),
      h(
        "ul",
        null,
        texts.map((text) => h("li", null, typeof text === "string" ? long(text) : anyValue(text))),
      ),
    )
  );
}

const AUTHORITIES = {
  autonomous: "The agent acted on its own",
  human_approved: "A person approved",
  policy: "A policy allows it",
  escalated: "It was escalated",
};

function authority(section) {
  const kind = section.text("type");
  const chain = section.sections("chain");
  return card(
    "Authority",
    "authority",
    h("p.lead", { "data-path": "authority/type" }, AUTHORITIES[kind] ?? (foreign(kind) || none())),
    facts([
      ["Approver", section.text("approver"), "authority/approver"],
      ["Policy", mono(section.text("policy_reference")), "authority/policy_reference"],
      ["Escalated because", section.text("escalation_reason"), "authority/escalation_reason"],
    ]),
    part(
      "Chain of approval",
      "authority/chain",
      chain.length > 0 &&
        h(
          "ol.steps",
          null,
          chain.map((step, at) =>
            h(
              "li",
              { "data-path": `authority/chain/${at}` },
              members(step, `authority/chain/${at}`) ?? nothing("An empty step."),
            ),
          ),
        ),
    ),
  );
}

function execution(section) {
  const calls = section.sections("tool_calls");
  const longest = Math.max(1, ...calls.map((call) => call.number("duration_ms") ?? 0));
  return card(
    "Execution",
    "execution",
    facts([
      ["Duration", format.duration(section.number("duration_ms") ?? 0), "execution/duration_ms"],
    ]),
    part(
      `Tool calls (${calls.length})`,
      "execution/tool_calls",
      calls.length > 0 &&
        h(
          "ol.calls",
          null,
          calls.map((call, at) => toolCall(call, at, longest)),
        ),
    ),
    part(
      "Resources",
      "execution/resources_used",
      members(section.section("resources_used"), "execution/resources_used"),
    ),
  );
}

function toolCall(call, at, longest) {
  const path = `execution/tool_calls/${at}`;
  const error = call.text("error");
  const took = call.number("duration_ms") ?? 0;
  const bar = h("span.fill");
  bar.style.inlineSize = `${(100 * took) / longest}%`;
  return h(
    "li",
    { "data-path": path },
    h(
      "details.call",
      { open: Boolean(error) },
      h(
        "summary",
        null,
        status(call.isTrue("success") ? "success" : "failure"),
        foreign(call.text("tool") || "a tool", "code.name"),
        h("span.track", { "aria-hidden": "true" }, bar),
        h("span.took", null, format.duration(took)),
      ),
      error && h("p.error", { "data-path": `${path}/error` }, long(error)),
      facts([
        [
          "Arguments",
          members(call.section("arguments"), `${path}/arguments`) ?? none(),
          `${path}/arguments`,
        ],
        ["Result", anyValue(call.value("result")), `${path}/result`],
      ]),
    ),
  );
}

function outcome(section) {
  const error = section.text("error");
  const summary = section.text("summary");
  const effects = section.list("side_effects");
  return card(
    "Outcome",
    "outcome",
    h(
      "p.lead",
      { "data-path": "outcome/status" },
      status(section.text("status")),
      summary && h("span", { "data-path": "outcome/summary" }, long(summary)),
    ),
    error && h("p.error", { "data-path": "outcome/error" }, long(error)),
    part(
      "Result",
      "outcome/result",
      section.value("result") !== null && anyValue(section.value("result")),
    ),
    part("Side effects", "outcome/side_effects", effects.length > 0 && bullets(effects)),
    part("Metrics", "outcome/metrics", members(section.section("metrics"), "outcome/metrics")),
  );
}

/** A part of a section under a heading; left out when it is empty. */
function part(title, path, content) {
  return content ? h("div.part", { "data-path": path }, h("h3", null, title), content) : null;
}

function bullets(values) {
  return h(
    "ul.bullets",
    null,
    values.map((value) => h("li", null, anyValue(value))),
  );
}

function mono(text) {
  return text && foreign(text, "code");
}

function nothing(text) {
  return h("p.none", null, text);
}
