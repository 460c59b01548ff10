//! The same verdict as the Python implementation on mutated documents, times and ids.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs;

use capsules_core::canonical::{Numbers, canonicalize};
use capsules_core::validate::{Options, Violation, validate};
use capsules_core::{Capsule, CapsuleType};
use capsules_tests::{python, temp_dir};
use serde_json::Value;

/// Reads a line `[strict, claimed hash or null, document]` at a time and writes
/// `[category, field, the document's hash]`.
const PROGRAM: &str = r#"
import json, sys
from qp_capsule.seal import compute_hash
from qp_capsule.validation import validate_capsule_dict

for line in open(sys.argv[1], encoding="utf-8"):
    strict, claimed, document = json.loads(line)
    result = validate_capsule_dict(document, claimed_hash=claimed, strict_unknown_keys=strict)
    print(json.dumps([result.category, result.field, compute_hash(document)]))
"#;

/// What takes the place of a value: JSON texts of every kind and of the borders of the rules.
const REPLACEMENTS: [&str; 32] = [
    "null",
    "true",
    "false",
    "0",
    "1",
    "-1",
    "7",
    "100000000000000000000000000000",
    "0.0",
    "-0.0",
    "1.0",
    "1.5",
    "0.5",
    "1e-7",
    "-1e-300",
    "1e3",
    "\"\"",
    "\"x\"",
    "\"tool\"",
    "\"Tool\"",
    "\"2026-01-15\"",
    "\"2026-01-15T12:00:00\"",
    "\"2026-01-15T12:00:00Z\"",
    "\"2026-01-15T12:00:00.5+01:00\"",
    "\"a1b2c3d4-e5f6-7890-abcd-ef1234567890\"",
    "\"{A1B2C3D4-E5F6-7890-ABCD-EF1234567890}\"",
    "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"",
    "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"",
    "\"éaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"",
    "[]",
    "[1]",
    "{}",
];

#[test]
fn mutated_documents_get_the_same_category_and_field() {
    let mut documents = ["null", "[]", "\"x\"", "{}"]
        .map(|text| (text.to_owned(), text.to_owned()))
        .to_vec();
    for base in [base("0", "null"), base("3", REPLACEMENTS[26])] {
        documents.push(("unchanged".to_owned(), base.to_string()));
        documents.extend(mutations(&base));
    }
    assert!(documents.len() > 2_900, "{}", documents.len());

    let cases = documents.iter().flat_map(|(label, document)| {
        [false, true].map(|strict| Case {
            label,
            document,
            strict,
            claimed: None,
        })
    });
    compare(&cases.collect::<Vec<_>>());
}

#[test]
fn hashes_are_compared_alike() {
    let document = base("0", "null").to_string();
    let text = |numbers| canonicalize(document.as_bytes(), numbers).unwrap();
    let right = capsules_core::sha3_256(text(Numbers::AsWritten).as_bytes()).to_string();
    let claims = [
        right.to_uppercase(),
        right[1..].to_owned(),
        right.replace('a', "b"),
        format!("{right}0"),
        String::new(),
        "g".repeat(64),
        "é".repeat(32),
        right,
    ];
    let cases = claims.iter().map(|claim| Case {
        label: claim,
        document: &document,
        strict: false,
        claimed: Some(claim),
    });
    compare(&cases.collect::<Vec<_>>());
}

#[test]
fn times_are_read_alike() {
    let dates = [
        "2026-01-15",
        "20260115",
        "2026-W03-4",
        "2026-W03",
        "2026W034",
        "2026W03",
        "2024-02-29",
        "2026-02-29",
        "2026-W53-1",
        "0000-01-01",
        "9999-12-31",
    ];
    let times = [
        "12:30:45",
        "12:30",
        "12",
        "123045",
        "1230",
        "12:30:45.5",
        "12:30:45,123456789",
        "123045.25",
        "23:59:60",
        "12:3045",
    ];
    let offsets = [
        "",
        "Z",
        "+00:00",
        "-0130",
        "+01",
        "+23:59",
        "+24:00",
        "+00:00:01",
        "+00:00:00.5",
        "+1",
    ];
    let mut texts = vec![String::new()];
    for date in dates {
        for separator in ["T", " ", "é", "-", ""] {
            for time in times {
                texts.extend(offsets.map(|offset| format!("{date}{separator}{time}{offset}")));
            }
        }
    }
    // Every time with one character removed or changed.
    for time in ["2026-01-15T12:30:45.123456+01:00", "2026W034T123045Z"] {
        for at in 0..time.len() {
            texts.push(format!("{}{}", &time[..at], &time[at + 1..]));
            for other in ["0", "9", "-", "+", ":", "Z", " ", "W", "é"] {
                texts.push(format!("{}{other}{}", &time[..at], &time[at + 1..]));
            }
        }
    }
    compare_with("trigger.timestamp", &texts);
}

#[test]
fn ids_are_read_alike() {
    let id = "a1b2c3d4-e5f6-7890-abcd-ef1234567890";
    let mut texts = vec![
        id.to_uppercase(),
        id.replace('-', ""),
        format!("{{{id}}}"),
        format!("urn:uuid:{id}"),
        format!("uuid:urn:{{{{{id}}}"),
        format!("{id}0"),
        format!("-{id}-"),
        "é".repeat(16),
        String::new(),
    ];
    for at in 0..id.len() {
        texts.push(format!("{}{}", &id[..at], &id[at + 1..]));
        for other in ["0", "g", "F", "-", "{", "é"] {
            texts.push(format!("{}{other}{}", &id[..at], &id[at + 1..]));
        }
    }
    compare_with("id", &texts);
}

/// Compares the verdicts on a document that has each of the texts in one field.
fn compare_with(field: &str, texts: &[String]) {
    let documents: Vec<String> = texts
        .iter()
        .map(|text| {
            let mut document = base("0", "null");
            let pointer = format!("/{}", field.replace('.', "/"));
            *document.pointer_mut(&pointer).unwrap() = text.as_str().into();
            document.to_string()
        })
        .collect();
    let cases = documents.iter().zip(texts).map(|(document, text)| Case {
        label: text,
        document,
        strict: false,
        claimed: None,
    });
    compare(&cases.collect::<Vec<_>>());
}

struct Case<'a> {
    /// What is special about the document, for messages.
    label: &'a str,
    document: &'a str,
    strict: bool,
    claimed: Option<&'a str>,
}

/// Asserts that Python gives each case the same category and field, and that the hash that Python
/// computes is taken for the document's own.
fn compare(cases: &[Case<'_>]) {
    if python::interpreter().is_none() {
        return;
    }
    let dir = temp_dir();
    let path = dir.path().join("cases.jsonl");
    let mut lines = String::new();
    for case in cases {
        let claimed = serde_json::to_string(&case.claimed).unwrap();
        writeln!(lines, "[{},{claimed},{}]", case.strict, case.document).unwrap();
    }
    fs::write(&path, lines).unwrap();
    let output = python::run(PROGRAM, &[&path], &[] as &[(&str, &OsStr)]);
    let answers = String::from_utf8(output.stdout).unwrap();
    assert_eq!(answers.lines().count(), cases.len());

    let mut differences = Vec::new();
    for (case, answer) in cases.iter().zip(answers.lines()) {
        let answer: Value = serde_json::from_str(answer).unwrap();
        let check = |claimed_hash| {
            let options = Options {
                claimed_hash,
                strict: case.strict,
            };
            validate(case.document.as_bytes(), options)
        };
        let ours = check(case.claimed);
        let (category, mut field) = describe(&ours);
        let mut expected = (answer[0].as_str(), answer[1].as_str());
        if case.label.ends_with("= {}") && category == Some("missing_field") {
            // Python names any of the keys that are missing, another one in each run.
            field = field.and_then(|field| field.split('.').next());
            expected.1 = expected.1.and_then(|field| field.split('.').next());
        }
        if (category, field) != expected {
            differences.push(format!("{:?}: {ours:?}, Python {answer}", case.label));
        }
        if ours.is_ok() && check(answer[2].as_str()).is_err() {
            differences.push(format!("{:?}: hash {}", case.label, answer[2]));
        }
    }
    assert!(
        differences.is_empty(),
        "{} of {} differ:\n{}",
        differences.len(),
        cases.len(),
        differences[..differences.len().min(20)].join("\n")
    );
}

fn describe(result: &Result<(), Violation>) -> (Option<&str>, Option<&str>) {
    match result {
        Ok(()) => (None, None),
        Err(violation) => (Some(violation.category.as_str()), Some(&violation.field)),
    }
}

fn base(sequence: &str, previous_hash: &str) -> Value {
    let mut document = serde_json::to_value(Capsule::new(CapsuleType::Tool)).unwrap();
    document["sequence"] = serde_json::from_str(sequence).unwrap();
    document["previous_hash"] = serde_json::from_str(previous_hash).unwrap();
    document
}

/// The document with each key of the first two levels removed, and with each value of them
/// replaced; and with a key added.
fn mutations(document: &Value) -> Vec<(String, String)> {
    let mut mutations = Vec::new();
    let Value::Object(top) = document else {
        return mutations;
    };
    let mut paths: Vec<Vec<&str>> = Vec::new();
    for (key, value) in top {
        paths.push(vec![key]);
        if let Value::Object(section) = value {
            paths.extend(section.keys().map(|inner| vec![key.as_str(), inner]));
        }
    }
    for path in paths {
        let (last, parents) = path.split_last().unwrap();
        let mut copy = document.clone();
        let parent = parents
            .iter()
            .fold(&mut copy, |value, key| &mut value[*key]);
        parent[*last] = PLACEHOLDER.into();
        let text = copy.to_string();
        let placeholder = format!("\"{PLACEHOLDER}\"");
        let name = path.join(".");
        mutations.extend(REPLACEMENTS.map(|value| {
            (
                format!("{name} = {value}"),
                text.replace(&placeholder, value),
            )
        }));

        let parent = parents
            .iter()
            .fold(&mut copy, |value, key| &mut value[*key]);
        parent.as_object_mut().unwrap().remove(*last);
        mutations.push((format!("no {name}"), copy.to_string()));
    }
    for key in ["aaa", "zzz", "hash"] {
        let mut copy = document.clone();
        copy[key] = 1.into();
        mutations.push((format!("with {key}"), copy.to_string()));
    }
    mutations
}

const PLACEHOLDER: &str = "to be replaced";
