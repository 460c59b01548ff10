//! Every attack, judged by the library, by the command and by the Python implementation.

use std::ffi::OsStr;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use capsules_core::verify::{Check, Level, PqPolicy, Report, TrustedKeys, Verifier};
use capsules_core::verify::{Finding, Verdict as Answer};
use capsules_tests::python;
use serde_json::{Value, json};

use crate::attack::{Attack, Failure, Python, Verdict};
use crate::attacks;
use crate::evidence::{Evidence, LEVELS};

/// A chain to which an attack was done.
fn falsified(attack: &Attack) -> Evidence {
    let mut evidence = Evidence::new();
    (attack.falsify)(&mut evidence);
    evidence
}

#[test]
fn there_are_enough_and_each_has_its_name() {
    let mut names: Vec<_> = attacks().map(|attack| attack.name).collect();
    assert!(names.len() >= 40, "{}", names.len());
    // "The same, …" stands behind what it continues.
    names.retain(|name| !name.starts_with("the same"));
    names.sort_unstable();
    assert!(
        names.windows(2).all(|pair| pair[0] != pair[1]),
        "{names:#?}"
    );
}

#[test]
fn by_the_library() {
    let before = Evidence::new().checkpoint();
    for attack in attacks() {
        let evidence = falsified(attack);
        for level in LEVELS {
            judge(attack, &evidence, &evidence.verify(level));
        }
        match attack.verdict {
            Verdict::Checkpoint(check) => {
                let verifier = evidence.verifier(Level::Signatures);
                let report = evidence.verify_with(&verifier.after(&before).unwrap());
                let error = report.error.expect(attack.name);
                assert_eq!(error.check(), check, "{}", attack.name);
                assert_eq!(error.sequence, before.head.sequence, "{}", attack.name);
            }
            Verdict::Key(place) => {
                let kept = TrustedKeys::only([evidence.seal.public_key()]);
                let error = evidence
                    .verify_with(&Verifier::new(Level::Signatures).keys(kept))
                    .error;
                let error = error.expect(attack.name);
                assert_eq!(error.check(), Check::Signatures, "{}", attack.name);
                assert_eq!(error.sequence, place, "{}", attack.name);
            }
            _ => {}
        }
    }
}

#[track_caller]
fn judge(attack: &Attack, evidence: &Evidence, report: &Report) {
    let (name, level) = (attack.name, report.level);
    let found = report.error.as_ref().map(|error| Failure {
        check: error.check(),
        place: error.sequence,
        code: error.code(),
    });
    assert_eq!(
        found,
        attack.verdict.failure(level),
        "{name}, {level}: {report:#?}"
    );
    let records = evidence.records().len() as u64;
    assert_eq!(
        report.total_capsules, records,
        "{name}: every record is counted"
    );
    let Some(error) = &report.error else {
        assert_eq!(report.capsules_verified, records, "{name}");
        return judge_answers(attack, report);
    };
    assert_eq!(report.capsules_verified, error.sequence, "{name}");
    for (check, answer) in report.checks.iter() {
        if check == error.check() {
            assert_eq!(answer, &Answer::Failed(error.clone()), "{name}");
        } else {
            assert!(
                !matches!(answer, Answer::Passed { .. }),
                "{name}: {check} reads as passed, though the verification ended early"
            );
        }
    }
}

/// What is said of a chain that stays valid.
#[track_caller]
fn judge_answers(attack: &Attack, report: &Report) {
    let asked = |check: Check| check.level() <= report.level;
    for (check, answer) in report.checks.iter().filter(|(check, _)| asked(*check)) {
        let fits = match (attack.verdict, answer) {
            (Verdict::Reported(about, place), Answer::Failed(Finding { sequence, .. })) => {
                about == check && place == *sequence
            }
            (Verdict::Open(about), Answer::NotChecked { .. }) if about == check => true,
            (Verdict::Reported(about, _) | Verdict::Open(about), _) => about != check,
            (_, answer) => !matches!(answer, Answer::Failed(_)),
        };
        assert!(fits, "{}: {check}: {answer:?}", attack.name);
    }
}

#[test]
fn by_the_command() {
    let untouched = Evidence::new();
    let checkpoint = untouched.path().with_file_name("checkpoint.json");
    let checkpoint = checkpoint.to_str().unwrap();
    let write = ["--write-checkpoint", checkpoint];
    assert_eq!(run(&untouched, Level::Signatures, &write).0, 0);
    for attack in attacks() {
        let evidence = falsified(attack);
        let report = evidence.verify(Level::Signatures);
        let (status, answer) = run(&evidence, Level::Signatures, &[]);
        assert_eq!(status, i32::from(!report.valid()), "{}", attack.name);
        let mut answer: Value = serde_json::from_slice(&answer).unwrap();
        answer.as_object_mut().unwrap().remove("waiting_journals");
        assert_eq!(answer, json!(report), "{}", attack.name);
        let status = match attack.verdict {
            Verdict::Checkpoint(_) => run(&evidence, Level::Signatures, &["--since", checkpoint]).0,
            Verdict::Key(_) => {
                let key = evidence.seal.public_key().to_string();
                run(&evidence, Level::Signatures, &["--pubkey", &key]).0
            }
            _ => continue,
        };
        assert_eq!(status, 1, "{}", attack.name);
    }
}

/// The exit status and the JSON of our command.
fn run(evidence: &Evidence, level: Level, options: &[&str]) -> (i32, Vec<u8>) {
    let beside = |name: &str| -> PathBuf { evidence.path().with_file_name(name) };
    let mut command = Command::new(env!("CARGO_BIN_EXE_capsules"));
    command
        .args(["verify", "--json", "--db"])
        .arg(evidence.path())
        .arg("--data-dir")
        .arg(write_keyring(evidence))
        .arg(format!("--{level}"))
        .args(options);
    if level == Level::Signatures {
        fs::write(beside("key.ml.pub"), evidence.pq.as_bytes()).unwrap();
        if evidence.pq_policy == PqPolicy::Required {
            command.arg("--pq-pubkey-file").arg(beside("key.ml.pub"));
        }
        if evidence.keyring.is_none() && !options.contains(&"--pubkey") {
            command.args(["--pubkey", &evidence.seal.public_key().to_string()]);
        }
    }
    let output = command.output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    (output.status.code().unwrap(), output.stdout)
}

/// A data directory with the keyring that is trusted, if one is.
fn write_keyring(evidence: &Evidence) -> PathBuf {
    let directory = evidence.path().with_file_name("keys");
    fs::create_dir_all(&directory).unwrap();
    if let Some(keyring) = &evidence.keyring {
        let json = serde_json::to_vec(keyring).unwrap();
        fs::write(directory.join("keyring.json"), json).unwrap();
    }
    directory
}

/// Runs the command once for each argument, a JSON object with its data directory and arguments,
/// and prints what each run printed as a line: its answer, or null when it had none.
const PROGRAM: &str = r#"
import contextlib, io, json, os, sys
from qp_capsule.cli import main

for case in sys.argv[1:]:
    case = json.loads(case)
    os.environ["QUANTUMPIPES_DATA_DIR"] = case["dir"]
    output = io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(io.StringIO()):
        try:
            main(case["args"])
        except (Exception, SystemExit):
            pass
    try:
        print(json.dumps(json.loads(output.getvalue())))
    except ValueError:
        print("null")
"#;

#[test]
fn by_the_python_command() {
    if python::interpreter().is_none() {
        return;
    }
    let falsified: Vec<_> = attacks()
        .map(|attack| (attack, falsified(attack)))
        .collect();
    let untouched = Evidence::new();
    let cases: Vec<(Option<&Attack>, &Evidence, Level)> = falsified
        .iter()
        .map(|(attack, evidence)| (Some(*attack), evidence))
        .chain([(None, &untouched)])
        .flat_map(|(attack, evidence)| LEVELS.map(|level| (attack, evidence, level)))
        .collect();
    let arguments: Vec<String> = cases
        .iter()
        .map(|(_, evidence, level)| arguments(evidence, *level))
        .collect();
    let output = python::run(PROGRAM, &arguments, &[] as &[(&str, &OsStr)]);
    let answers = String::from_utf8(output.stdout).unwrap();
    assert_eq!(answers.lines().count(), cases.len());
    for ((attack, evidence, level), answer) in cases.into_iter().zip(answers.lines()) {
        let theirs: Value = serde_json::from_str(answer).unwrap();
        let name = attack.map_or("nothing", |attack| attack.name);
        let verifier = Verifier::new(level).keys(evidence.trusted());
        let ours = json!(evidence.verify_with(&verifier.pq(PqPolicy::Ignore)));
        match attack.map_or(Python::Same, |attack| attack.python) {
            Python::Same => assert_same(&format!("{name}, {level}"), &ours, &theirs),
            Python::Misses => assert_eq!(theirs["valid"], true, "{name}, {level}: {theirs}"),
            Python::Differs => {
                let passes = level == Level::Signatures && theirs["valid"] == true;
                assert!(!passes, "{name}, {level}: {theirs}");
            }
        }
    }
}

fn arguments(evidence: &Evidence, level: Level) -> String {
    let database = evidence.path().into_os_string().into_string().unwrap();
    let flag = format!("--{level}");
    let key = evidence.seal.public_key().to_string();
    let mut arguments = vec!["verify", &flag, "--json", "--db", &database];
    if level == Level::Signatures && evidence.keyring.is_none() {
        arguments.extend(["--pubkey", &key]);
    }
    json!({"dir": write_keyring(evidence), "args": arguments}).to_string()
}

/// Compares `valid`, the counts and the errors, in the words of the command.
#[track_caller]
fn assert_same(name: &str, ours: &Value, theirs: &Value) {
    for key in ["valid", "level", "capsules_verified", "total_capsules"] {
        assert_eq!(ours[key], theirs[key], "{name}: {ours}, Python {theirs}");
    }
    let [ours, theirs] = [ours, theirs].map(|answer| answer["errors"].as_array().unwrap());
    assert_eq!(ours.len(), theirs.len(), "{name}");
    for (ours, theirs) in ours.iter().zip(theirs) {
        assert_eq!(ours["sequence"], theirs["sequence"], "{name}");
        assert_eq!(ours["capsule_id"], theirs["capsule_id"], "{name}");
        // With a public key given, the command adds behind a colon why a signature failed.
        let [ours, theirs] = [ours, theirs].map(|error| error["error"].as_str().unwrap());
        assert!(theirs.starts_with(ours), "{name}: {ours}, Python {theirs}");
    }
}
