//! Scripts written for the Python command get the same answers: status, standard output of the
//! commands for programs, and `--json` apart from what it has more.

use capsules_tests::python;
use serde_json::{Value, json};

use crate::support::{Home, Ran, data, fill_store};

/// Two homes alike, since the Python command makes keys where there are none.
struct Both {
    ours: Home,
    theirs: Home,
}

impl Both {
    fn new() -> Self {
        let home = || {
            let home = Home::new();
            home.data_file("keyring.json", data("keyring.json"));
            home
        };
        Self {
            ours: home(),
            theirs: home(),
        }
    }

    fn file(&self, name: &str, content: &[u8]) {
        self.ours.file(name, content);
        self.theirs.file(name, content);
    }

    /// What the two commands say to each list of arguments. `HOME/` is the home.
    fn run(&self, cases: &[Vec<&str>]) -> Vec<(Ran, Ran)> {
        let in_home = |home: &Home, args: &[&str]| -> Vec<String> {
            let path = format!("{}/", home.path().display());
            args.iter().map(|arg| arg.replace("HOME/", &path)).collect()
        };
        let theirs: Vec<_> = cases
            .iter()
            .map(|args| in_home(&self.theirs, args))
            .collect();
        let data_dir = self.theirs.path().join(".quantumpipes");
        let env = [("QUANTUMPIPES_DATA_DIR", data_dir.as_os_str())];
        let output = python::run(PROGRAM, &[json!(theirs).to_string()], &env);
        let theirs: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let theirs = theirs.iter().map(|ran| Ran {
            status: ran["status"].as_i64().unwrap().try_into().unwrap(),
            stdout: text(&ran["stdout"]),
            stderr: text(&ran["stderr"]),
        });
        let ours = cases
            .iter()
            .map(|args| self.ours.run(in_home(&self.ours, args)));
        ours.zip(theirs).collect()
    }
}

/// Runs the Python command in one process, since it takes long to start.
const PROGRAM: &str = r#"
import contextlib, io, json, sys
from qp_capsule.cli import main

def run(args):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            status = main(args)
        except SystemExit as exit:
            status = exit.code or 0
    return {"status": status, "stdout": out.getvalue(), "stderr": err.getvalue()}

print(json.dumps([run(args) for args in json.loads(sys.argv[1])]))
"#;

fn exports() -> Vec<(&'static str, Value)> {
    let chain: Value = serde_json::from_slice(&data("chain.json")).unwrap();
    let changed = |pointer: &str, value: Value| {
        let mut chain = chain.clone();
        *chain.pointer_mut(pointer).unwrap() = value;
        chain
    };
    vec![
        ("whole", chain.clone()),
        ("empty", json!([])),
        ("single", chain[0].clone()),
        ("gap", changed("/2/sequence", json!(5))),
        ("late genesis", changed("/0/sequence", json!(1))),
        (
            "genesis with previous",
            changed("/0/previous_hash", json!("00".repeat(32))),
        ),
        (
            "broken link",
            changed("/1/previous_hash", json!("00".repeat(32))),
        ),
        ("content", changed("/1/outcome/summary", json!("all fine"))),
        (
            "swapped signature",
            changed("/2/signature", chain[1]["signature"].clone()),
        ),
        (
            "unknown signer",
            changed("/0/signed_by", json!("qp_key_ffff")),
        ),
    ]
}

#[test]
fn verify() {
    if python::interpreter().is_none() {
        return;
    }
    let both = Both::new();
    let exports = exports();
    let mut cases = Vec::new();
    let files: Vec<_> = exports
        .iter()
        .map(|(name, _)| format!("HOME/{name}.json"))
        .collect();
    for ((name, export), file) in exports.iter().zip(&files) {
        both.file(&format!("{name}.json"), export.to_string().as_bytes());
        for level in ["--structural", "--full", "--signatures"] {
            cases.push(vec!["verify", file, level, "--json"]);
        }
    }
    for (args, (ours, theirs)) in cases.iter().zip(both.run(&cases)) {
        assert_eq!(ours.status, theirs.status, "{args:?} {theirs:?}");
        let mut report: Value = serde_json::from_str(&ours.stdout).unwrap();
        assert!(report.as_object_mut().unwrap().remove("checks").is_some());
        let expected: Value = serde_json::from_str(&theirs.stdout).unwrap();
        assert_eq!(report, expected, "{args:?}");
    }
}

#[test]
fn statuses() {
    if python::interpreter().is_none() {
        return;
    }
    let both = Both::new();
    both.file("chain.json", &data("chain.json"));
    both.file("broken.json", b"[{]");
    both.file(
        "key.pub",
        b"1ebab0aab7c50c4f88ca4b4eb8cbcf2c7cb1b024768bc621ad2012aecf9228ee\n",
    );
    for home in [&both.ours, &both.theirs] {
        fill_store(&home.path().join("chain.db"));
    }
    let cases = [
        &["verify", "--db", "HOME/chain.db", "--signatures"][..],
        &["verify", "HOME/chain.json", "--quiet"],
        &["verify", "HOME/chain.json", "--pubkey-file", "HOME/key.pub"],
        &["verify", "HOME/none.json"],
        &["verify", "HOME/broken.json"],
        &["verify", "HOME/chain.json", "--full", "--signatures"],
        &[
            "verify",
            "HOME/chain.json",
            "--pubkey-file",
            "HOME/none.pub",
        ],
        &["verify", "HOME/chain.json", "--db", "HOME/chain.db"],
        &["inspect", "HOME/chain.json"],
        &["inspect", "HOME/chain.json", "--seq", "1"],
        &["inspect", "HOME/chain.json", "--seq", "3"],
        &[
            "inspect",
            "--db",
            "HOME/chain.db",
            "--id",
            "0199f3a0-3333-4a33-8a33-000000000003",
        ],
        &["keys"],
        &["keys", "info"],
        &["hash", "HOME/none"],
        &["unknown"],
        &[],
    ]
    .map(<[&str]>::to_vec);
    for (args, (ours, theirs)) in cases.iter().zip(both.run(&cases)) {
        assert_eq!(ours.status, theirs.status, "{args:?} {theirs:?}");
    }
}

#[test]
fn what_programs_read() {
    if python::interpreter().is_none() {
        return;
    }
    let both = Both::new();
    both.file("bytes", &(0..=255).collect::<Vec<u8>>());
    let cases = [vec!["hash", "HOME/bytes"], vec!["keys", "export-public"]];
    for (args, (ours, theirs)) in cases.iter().zip(both.run(&cases)) {
        assert_eq!(ours.passed(), theirs.passed(), "{args:?}");
    }
}
