//! The chain that the browser looks at: three days of an assistant that runs deployments, and a
//! few capsules whose texts are programs.

use std::path::Path;

use capsules::storage::SqliteStorage;
use capsules::{Capsule, DataDir, Seal, SealedRecord, Storage, Timestamp, Uuid};
use capsules_core::{Draft, Position};
use rusqlite::Connection;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// When the first action began: 2026-03-02, 09:00 UTC.
const BEGIN_MICROS: i64 = 1_772_442_000_000_000;
const MINUTE: i64 = 60_000_000;

/// How many deployments there are, each of which leaves [`STEPS`] capsules.
const RUNS: u32 = 18;
const STEPS: u32 = 6;

/// What would run if any of it were taken for more than text.
pub(crate) const PAYLOADS: [&str; 7] = [
    "<script>alert('script')</script>",
    "<img src=x onerror=alert('image')>",
    "<svg onload=alert('svg')><a xlink:href=\"javascript:alert(1)\">x</a></svg>",
    "{{constructor.constructor('alert(1)')()}} ${alert(1)} <%= 7*7 %>",
    "javascript:alert('link')",
    "</textarea></title><iframe srcdoc=\"<script>alert(1)</script>\"></iframe>",
    "https://evil.example/x.js\u{202e}gpj.exe\u{200b} \" onfocus=alert(1) autofocus x=\"",
];

/// Writes the chain to the store of a data directory, with a key of its own.
pub(crate) fn write(directory: &Path) -> DataDir {
    let data = DataDir::new(directory).expect("a data directory");
    let mut capsules = deployments();
    capsules.extend(PAYLOADS.iter().zip(0..).map(|(text, n)| hostile(text, n)));
    append(&data, &capsules);
    data
}

/// Writes the deployments to a store that keeps a chain for each tenant.
pub(crate) fn write_chains(store: &dyn Storage, seal: &Seal) {
    for capsule in deployments() {
        append_to(store, seal, &[capsule]);
    }
}

fn deployments() -> Vec<Capsule> {
    let runs = (0..RUNS).map(Deployment::new);
    runs.flat_map(|run| run.capsules()).collect()
}

/// Changes the content of one record in the store, as somebody would who has the file.
pub(crate) fn tamper(data: &DataDir) {
    let store = Connection::open(data.database()).expect("a database");
    let changed = store
        .execute(
            "UPDATE capsules SET data = replace(data, '\"model\":\"', '\"model\":\"not-') WHERE sequence = ?1",
            [TAMPERED],
        )
        .expect("a change");
    assert_eq!(changed, 1);
}

/// The place of the record that [`tamper`] changes.
const TAMPERED: u32 = 43;

/// Appends to the store as another program would.
pub(crate) fn append(data: &DataDir, capsules: &[Capsule]) {
    let seal = Seal::open(data).expect("keys");
    let store = SqliteStorage::open(data.database()).expect("a store");
    append_to(&store, &seal, capsules);
    store.close().expect("a store that closes");
}

/// Appends to the chain of the first one's tenant.
pub(crate) fn append_to(store: &dyn Storage, seal: &Seal, capsules: &[Capsule]) {
    let tenant = capsules.first().and_then(Capsule::tenant_id);
    let drafts: Vec<_> = capsules
        .iter()
        .map(|capsule| Draft::new(capsule).expect("a capsule that can be sealed"))
        .collect();
    store
        .append(store.chain_of(tenant), &mut |head| {
            let mut place = Position::after(head);
            let mut records: Vec<SealedRecord> = Vec::new();
            for draft in &drafts {
                let record = seal.seal(draft, &place).expect("a seal");
                place = Position {
                    sequence: place.sequence + 1,
                    previous_hash: Some(record.hash.clone()),
                };
                records.push(record);
            }
            Ok(records)
        })
        .expect("an append");
}

/// A capsule that says when it happened and little else.
pub(crate) fn heartbeat(request: &str, tenant: Option<&str>) -> Capsule {
    capsule(json!({
        "context": { "environment": { "tenant_id": tenant } },
        "id": Uuid::new_v4(), "type": "system",
        "trigger": { "type": "scheduled", "source": "cron::heartbeat", "request": request,
                     "timestamp": Timestamp::now() },
        "execution": { "duration_ms": 3 },
        "outcome": { "status": "success", "summary": "alive" },
    }))
}

/// One deployment: the assistant plans, looks at the tests and the metrics, asks for approval and
/// deploys. Every fifth one fails, every seventh waits for somebody.
struct Deployment {
    number: u32,
    service: &'static str,
    version: String,
    tenant: &'static str,
    begin: i64,
    error: Option<String>,
    waits: bool,
}

impl Deployment {
    fn new(number: u32) -> Self {
        let services = ["checkout", "search", "billing", "accounts"];
        let service = services[number as usize % services.len()];
        let error = format!(
            "health check of {service} failed: 3 of 12 probes timed out\n  at probe eu-west-1c\n  at \
             probe eu-west-1d"
        );
        Self {
            number,
            service,
            version: format!("2.{}.{}", 4 + number / 4, number % 4),
            tenant: ["acme", "globex"][number as usize % 2],
            begin: BEGIN_MICROS + i64::from(number) * 241 * MINUTE,
            error: (number % 5 == 4).then_some(error),
            waits: number % 7 == 6,
        }
    }

    fn capsules(&self) -> Vec<Capsule> {
        let (service, version) = (self.service, &self.version);
        let tests = self.tool(2, 2, "ci::test_results", &format!("{service} {version}"));
        let latency = format!("p99 of {service}, last hour");
        let latency = self.tool(3, 3, "metrics::query", &latency);
        vec![
            self.workflow(),
            self.plan(),
            finished(tests, 840, &self.tests()),
            finished(latency, 2_310, &json!(self.latency())),
            self.approval(),
            self.rollout(),
        ]
    }

    fn workflow(&self) -> Capsule {
        let (service, version, status) = (self.service, &self.version, self.status("blocked"));
        let summary = match self.waits {
            true => "Waiting for a second approver".to_owned(),
            false => format!("{service} {version}: {status}"),
        };
        let ask = format!("Deploy {service} {version} to production");
        capsule(json!({
            "id": self.id(0), "type": "workflow", "domain": "deployments",
            "trigger": self.trigger("user_request", "deploybot::deploy", 0, &ask),
            "context": self.context("deploybot"),
            "authority": { "type": "policy", "policy_reference": "change-management/4.2" },
            "execution": {
                "duration_ms": 48_000 + self.number * 731,
                "resources_used": { "tokens": 5_310 + self.number * 17, "cost_usd": 0.0425 },
            },
            "outcome": {
                "status": status, "error": self.error, "summary": summary,
                "result": { "service": service, "version": version, "replicas": 12 },
                "side_effects": ["tag pushed", "12 replicas replaced"],
                "metrics": { "p99_ms": self.latency(), "error_rate": 1e-4 },
            },
        }))
    }

    fn plan(&self) -> Capsule {
        let (service, version) = (self.service, &self.version);
        let ask = format!("Choose how {service} {version} is rolled out");
        let query = format!("p99(latency{{service=\"{service}\"}}[1h])");
        capsule(json!({
            "id": self.id(1), "type": "agent", "domain": "deployments", "parent_id": self.id(0),
            "trigger": self.trigger("agent", "deploybot::plan", 1, &ask),
            "context": self.context("release-planner"),
            "reasoning": self.reasoning(),
            "authority": { "type": "autonomous" },
            "execution": {
                "duration_ms": 6_200 + self.number * 97,
                "resources_used": { "input_tokens": 4_102, "output_tokens": 611 + self.number },
                "tool_calls": [
                    { "tool": "ci::test_results", "success": true, "duration_ms": 840,
                      "arguments": { "service": service, "version": version },
                      "result": self.tests() },
                    { "tool": "metrics::query", "success": true, "duration_ms": 2_310,
                      "arguments": { "expression": query, "step": "1m" },
                      "result": self.latency() },
                    { "tool": "quota::remaining", "success": false, "duration_ms": 1_500,
                      "arguments": { "region": "eu-west-1" }, "error": "timeout after 1500 ms" },
                ],
            },
            "outcome": {
                "status": "success", "summary": "Canary, then everything", "result": "canary",
            },
        }))
    }

    fn reasoning(&self) -> Value {
        json!({
            "analysis": format!(
                "{} takes 1,900 requests a second. The change touches the session cache; an error \
                 would sign customers out. Traffic is low until 11:00 UTC.", self.service),
            "options": [
                { "id": "canary", "selected": true, "feasibility": 0.9,
                  "description": "Canary: 5 % of the traffic for ten minutes, then all of it",
                  "pros": ["an error reaches one customer in twenty",
                           "the metrics decide, not a guess"],
                  "cons": ["ten minutes slower", "two versions write to the cache at the same time"],
                  "risks": ["the cache's format must be readable by both versions"],
                  "estimated_impact": { "minutes": 14, "customers": "5 %" } },
                { "id": "blue-green", "feasibility": 0.7,
                  "description": "Blue-green: a second fleet, then one switch",
                  "pros": ["going back takes seconds"],
                  "cons": ["twice the machines for an hour", "an error reaches everybody"],
                  "estimated_impact": { "minutes": 9, "customers": "100 %" },
                  "rejection_reason":
                      "The quota of eu-west-1 leaves room for 8 of the 12 machines." },
                { "id": "wait", "feasibility": 1.0,
                  "description": "Wait for the maintenance window on Sunday",
                  "pros": ["next to no traffic"],
                  "cons": ["a fix for a reported fault waits five days"],
                  "rejection_reason":
                      "The fault signs customers out today; five days more cost more than the risk." },
            ],
            "options_considered": [
                "Canary: 5 % of the traffic for ten minutes, then all of it",
                "Blue-green: a second fleet, then one switch",
                "Wait for the maintenance window on Sunday",
            ],
            "selected_option": "canary",
            "reasoning": "The canary bounds the damage of the one risk that the tests do not cover. \
                          Both versions read the old format of the cache, as the integration tests show.",
            "confidence": 0.5 + f64::from(self.number * 7 % 45) / 100.0,
            "model": "claude-sonnet-4-5",
            "prompt_hash": format!("{:064x}", 0xfeed + self.number),
        })
    }

    fn approval(&self) -> Capsule {
        let (service, version) = (self.service, &self.version);
        let (kind, approver, second, status, summary) = match self.waits {
            true => (
                "escalated",
                None,
                "no answer",
                "blocked",
                "No second approver",
            ),
            false => (
                "human_approved",
                Some("maria@example.com"),
                "approved",
                "success",
                "Approved by two people",
            ),
        };
        let reason = "The second approver did not answer within 15 minutes.";
        let ask = format!("May {service} {version} go to production?");
        capsule(json!({
            "id": self.id(4), "type": "auth", "domain": "deployments", "parent_id": self.id(0),
            "trigger": self.trigger("system", "approvals::request", 5, &ask),
            "context": self.context("deploybot"),
            "authority": {
                "type": kind, "approver": approver,
                "policy_reference": "change-management/4.2",
                "escalation_reason": self.waits.then_some(reason),
                "chain": [
                    { "level": 1, "approver": "release-planner", "decision": "requested",
                      "time": time(self.begin + MINUTE / 2) },
                    { "level": 2, "approver": "maria@example.com", "decision": "approved",
                      "time": time(self.begin + MINUTE),
                      "arguments": { "service": service, "version": version } },
                    { "level": 3, "approver": "on-call@example.com", "decision": second,
                      "time": time(self.begin + 2 * MINUTE) },
                ],
            },
            "execution": { "duration_ms": 21_000 },
            "outcome": { "status": status, "summary": summary },
        }))
    }

    fn rollout(&self) -> Capsule {
        let ask = format!("{}={}, canary 5 %", self.service, self.version);
        let mut rollout = self.tool(5, 9, "kubernetes::rollout", &ask);
        rollout.parent_id = Some(self.id(0));
        rollout.context = from(self.context("deploybot"));
        // More than a double can hold exactly.
        let generation = 9_007_199_254_740_993 + u64::from(self.number);
        let result = json!({ "replicas": 12, "generation": generation });
        let mut rollout = finished(rollout, 18_400 + u64::from(self.number) * 211, &result);
        rollout.outcome.status = self.status("pending").into();
        rollout.outcome.error.clone_from(&self.error);
        rollout
    }

    /// What the planner asks of a tool.
    fn tool(&self, step: u32, moment: i64, source: &str, ask: &str) -> Capsule {
        capsule(json!({
            "id": self.id(step), "type": "tool", "domain": "deployments", "parent_id": self.id(1),
            "trigger": self.trigger("agent", source, moment, ask),
            "context": self.context("release-planner"),
        }))
    }

    fn tests(&self) -> Value {
        json!({ "passed": 412 + self.number * 3, "failed": 0 })
    }

    fn latency(&self) -> f64 {
        180.0 + f64::from(self.number) * 1.25
    }

    fn status(&self, waiting: &'static str) -> &'static str {
        match (&self.error, self.waits) {
            (Some(_), _) => "failure",
            (None, true) => waiting,
            (None, false) => "success",
        }
    }

    fn context(&self, agent: &str) -> Value {
        json!({
            "agent_id": agent,
            "session_id": format!("deploy-{}-{:02}", self.service, self.number),
            "environment": {
                "region": "eu-west-1", "tenant_id": self.tenant, "revision": 18_000 + self.number,
            },
        })
    }

    /// `moment` counts tenths of a minute from the beginning.
    fn trigger(&self, kind: &str, source: &str, moment: i64, request: &str) -> Value {
        json!({
            "type": kind, "source": source, "request": request,
            "timestamp": time(self.begin + moment * MINUTE / 10),
            "correlation_id": format!("{:032x}", 0x5eed_0000 + self.number),
            "user_id": "maria@example.com",
        })
    }

    fn id(&self, step: u32) -> Uuid {
        id(self.number * STEPS + step)
    }
}

fn finished(mut capsule: Capsule, duration_ms: u64, result: &Value) -> Capsule {
    capsule.execution.duration_ms = duration_ms;
    capsule.outcome.status = "success".into();
    capsule.outcome.result = result.clone();
    capsule
}

/// A capsule with one text wherever a text can stand.
fn hostile(text: &str, number: u32) -> Capsule {
    capsule(json!({
        "id": id(10_000 + number), "type": "chat", "domain": text,
        "trigger": { "type": text, "source": text, "request": text, "correlation_id": text, "user_id": text,
                     "timestamp": time(BEGIN_MICROS + (72 * 60 + i64::from(number)) * MINUTE) },
        "context": { "agent_id": text, "session_id": text, "environment": { text: text, "__proto__": { "polluted": text } } },
        "reasoning": { "analysis": text, "selected_option": text, "reasoning": text, "model": text, "prompt_hash": text,
            "confidence": 1.0, "options_considered": [text],
            "options": [{ "id": text, "description": text, "pros": [text], "cons": [text], "risks": [text],
                          "estimated_impact": { text: text }, "feasibility": 0.0, "rejection_reason": text }] },
        "authority": { "type": text, "approver": text, "policy_reference": text, "escalation_reason": text, "chain": [{ text: text }] },
        "execution": { "duration_ms": 1, "resources_used": { text: text },
            "tool_calls": [{ "tool": text, "arguments": { text: text }, "result": text, "error": text }] },
        "outcome": { "status": "partial", "result": { text: [text] }, "summary": text, "error": text, "side_effects": [text], "metrics": { text: text } },
    }))
}

fn capsule(value: Value) -> Capsule {
    from(value)
}

fn from<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).expect("a part of a capsule")
}

/// Ids that are the same in every run, so that a failed test can be looked into.
fn id(number: u32) -> Uuid {
    format!("00000000-0000-4000-8000-{number:012x}")
        .parse()
        .expect("a UUID")
}

fn time(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros).expect("a time")
}
