//! The Python implementation's command gives the same verdict.

use std::ffi::OsStr;

use capsules_core::verify::{Level, PqPolicy};
use capsules_tests::python;
use serde_json::Value;

use crate::evidence::{Evidence, LENGTH, LEVELS};

/// Runs the command once for each argument, which is a JSON array of its own arguments, and
/// prints what each run printed as a line.
const PROGRAM: &str = r"
import contextlib, io, json, sys
from qp_capsule.cli import main

for arguments in sys.argv[1:]:
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        main(json.loads(arguments))
    print(json.dumps(json.loads(output.getvalue())))
";

#[test]
fn same_verdict_on_untouched_and_on_tampered_evidence() {
    if python::interpreter().is_none() {
        return;
    }
    let tamperings: [fn(&Evidence); 9] = [
        |_| {},
        |evidence| evidence.edit(2, "agent-7", "agent-8"),
        |evidence| evidence.set(2, "hash", Some(&"ab".repeat(32))),
        |evidence| evidence.set(2, "signature", Some(&"ab".repeat(64))),
        |evidence| evidence.edit(0, "\"previous_hash\":null", "\"previous_hash\":\"ab\""),
        |evidence| evidence.edit(3, "\"sequence\":3", "\"sequence\":7"),
        |evidence| {
            evidence.sql("DELETE FROM capsules WHERE sequence = 2", ());
        },
        |evidence| {
            evidence.sql("DELETE FROM capsules", ());
        },
        |evidence| {
            evidence.edit(LENGTH - 1, "transferred 100", "transferred 900");
            evidence.rehash(LENGTH - 1);
        },
    ];
    let evidence = tamperings.map(|tampering| {
        let evidence = Evidence::new();
        tampering(&evidence);
        evidence
    });
    let cases: Vec<(&Evidence, Level)> = evidence
        .iter()
        .flat_map(|evidence| LEVELS.map(|level| (evidence, level)))
        .collect();
    let arguments: Vec<String> = cases
        .iter()
        .map(|(evidence, level)| arguments(evidence, *level))
        .collect();
    let output = python::run(PROGRAM, &arguments, &[] as &[(&str, &OsStr)]);
    let answers = String::from_utf8(output.stdout).unwrap();
    assert_eq!(answers.lines().count(), cases.len());
    for ((evidence, level), answer) in cases.into_iter().zip(answers.lines()) {
        assert_same_verdict(evidence, level, &serde_json::from_str(answer).unwrap());
    }
}

fn arguments(evidence: &Evidence, level: Level) -> String {
    let database = evidence.path().into_os_string().into_string().unwrap();
    let flag = format!("--{level}");
    let key = evidence.seal.public_key().to_string();
    let mut arguments = vec!["verify", &flag, "--json", "--db", &database];
    if level == Level::Signatures {
        arguments.extend(["--pubkey", &key]);
    }
    serde_json::to_string(&arguments).unwrap()
}

/// Compares `valid`, the counts and the errors, in the words of the command.
fn assert_same_verdict(evidence: &Evidence, level: Level, theirs: &Value) {
    let report = evidence.verify_with(level, evidence.trusted.clone(), PqPolicy::Ignore);
    let ours = serde_json::to_value(&report).unwrap();
    for key in ["valid", "level", "capsules_verified", "total_capsules"] {
        assert_eq!(ours[key], theirs[key], "{level}: {ours}, Python {theirs}");
    }
    let [ours, theirs] = [&ours, theirs].map(|answer| answer["errors"].as_array().unwrap());
    assert_eq!(ours.len(), theirs.len());
    for (ours, theirs) in ours.iter().zip(theirs) {
        assert_eq!(ours["sequence"], theirs["sequence"]);
        assert_eq!(ours["capsule_id"], theirs["capsule_id"]);
        // With a public key given, the command adds behind a colon why a signature failed.
        let message = theirs["error"].as_str().unwrap();
        assert_eq!(ours["error"], message.split(": Ed25519").next().unwrap());
    }
}
