//! The attribute beside `#[tool]` of `rmcp`, the SDK of the Model Context Protocol.

use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

use capsules::{Capsules, Filter, OutcomeStatus};
use serde_json::{Value, json};

use crate::package::{Package, capsules};

const DEPENDENCIES: &str = "\
rmcp = { version = '=3.9.0', default-features = false, features = ['macros', 'server'] }
serde = { version = '1', features = ['derive'] }
tokio = { version = '1', features = ['io-std', 'macros', 'rt'] }
";

/// What the server answers to each of these requests.
fn answers(package: &Package, data: &std::path::Path, requests: &[Value]) -> Vec<Value> {
    let mut server = package
        .cargo(&["run", "--quiet"])
        .env("QUANTUMPIPES_DATA_DIR", data)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = server.stdin.take().unwrap();
    let mut output = BufReader::new(server.stdout.take().unwrap()).lines();
    let mut answers = Vec::new();
    for request in requests {
        writeln!(input, "{request}").unwrap();
        // Notifications have no id, and no answer.
        if request["id"].is_null() {
            continue;
        }
        let answer: Value = serde_json::from_str(&output.next().unwrap().unwrap()).unwrap();
        assert_eq!(answer["id"], request["id"], "{answer}");
        answers.push(answer["result"].clone());
    }
    drop(input);
    assert!(server.wait().unwrap().success());
    answers
}

fn request(id: u64, method: &str, parameters: &Value) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": parameters})
}

fn call(id: u64, tool: &str, left: i64, right: i64) -> Value {
    let arguments = json!({"left": left, "right": right});
    request(
        id,
        "tools/call",
        &json!({"name": tool, "arguments": arguments}),
    )
}

#[test]
fn tools_of_an_mcp_server_are_audited_in_both_orders() {
    let package = Package::new(
        "rmcp-server",
        &(DEPENDENCIES.to_owned() + &capsules("default-features = true")),
    );
    package.write("src/main.rs", include_str!("data/rmcp_server.rs"));
    let data = tempfile::tempdir().unwrap();
    let initialize = json!({
        "protocolVersion": "2024-11-05",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "0.0.0"},
    });
    let answers = answers(
        &package,
        data.path(),
        &[
            request(1, "initialize", &initialize),
            json!({"jsonrpc": "2.0", "method": "notifications/initialized"}),
            request(2, "tools/list", &json!({})),
            call(3, "add", 40, 2),
            call(4, "subtract", 40, 2),
            call(5, "divide", 40, 0),
            call(6, "multiply", 40, 2),
        ],
    );

    let mut tools: Vec<_> = answers[1]["tools"].as_array().unwrap().iter().collect();
    tools.sort_by_key(|tool| tool["name"].as_str());
    let described: Vec<_> = tools
        .iter()
        .map(|tool| tool["description"].as_str().unwrap())
        .collect();
    let does = ["Adds", "Divides", "Multiplies", "Subtracts"];
    assert_eq!(described, does.map(|does| format!("{does} two numbers")));
    let texts: Vec<_> = answers[2..]
        .iter()
        .map(|answer| &answer["content"][0]["text"])
        .collect();
    assert_eq!(texts, ["42", "38", "division by zero", "80"]);

    let capsules = Capsules::builder().data_dir(data.path()).build().unwrap();
    let records = capsules.list(Filter::new().oldest_first()).wait().unwrap();
    let recorded: Vec<_> = records
        .iter()
        .map(|record| record.capsule().unwrap())
        .collect();
    let sources = recorded
        .iter()
        .map(|capsule| capsule.trigger.source.as_str());
    let tools = ["add", "subtract", "divide", "multiply"];
    assert_eq!(
        sources.collect::<Vec<_>>(),
        tools.map(|tool| format!("rmcp_server::Calculator::{tool}"))
    );
    assert_eq!(recorded[0].outcome.summary, "40 + 2");
    assert_eq!(recorded[1].outcome.summary, "40 - 2");
    assert_eq!(recorded[2].outcome.status, OutcomeStatus::Failure);
    assert_eq!(
        recorded[2].outcome.error.as_deref(),
        Some("division by zero")
    );
    assert_eq!(recorded[3].outcome.result, "80");
}
