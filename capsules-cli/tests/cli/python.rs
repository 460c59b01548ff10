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
        assert!(ours.stdout.contains("\"checks\""), "{args:?}");
        assert_eq!(report(&ours.stdout), report(&theirs.stdout), "{args:?}");
    }
}

/// The report of `verify --json`, without what only ours has.
fn report(stdout: &str) -> Value {
    let mut report: Value = serde_json::from_str(stdout).unwrap();
    let members = report.as_object_mut().unwrap();
    members.remove("checks");
    members.remove("waiting_journals");
    report
}

/// A store with its rows changed, for both.
fn stores(both: &Both) -> Vec<(String, String)> {
    let changes = [
        ("whole", ""),
        ("empty", "DELETE FROM capsules"),
        ("cut", "DELETE FROM capsules WHERE sequence = 2"),
        ("gap", "DELETE FROM capsules WHERE sequence = 1"),
        (
            "edited",
            "UPDATE capsules SET data = replace(data, 'nightly', 'hourly')",
        ),
        (
            "rehashed",
            "UPDATE capsules SET hash = replace(hash, '0', '1') WHERE sequence = 2",
        ),
        (
            "unsigned",
            "UPDATE capsules SET signature = '' WHERE sequence = 1",
        ),
        (
            "exchanged",
            "UPDATE capsules SET signature = (SELECT signature FROM capsules WHERE sequence = 0)",
        ),
    ];
    let mut stores = Vec::new();
    for (name, change) in changes {
        for home in [&both.ours, &both.theirs] {
            let path = home.path().join(format!("{name}.db"));
            fill_store(&path);
            let connection = rusqlite::Connection::open(path).unwrap();
            connection.execute_batch(change).unwrap();
        }
        stores.push((name.to_owned(), format!("HOME/{name}.db")));
    }
    stores
}

const SIGNER: &str = "1ebab0aab7c50c4f88ca4b4eb8cbcf2c7cb1b024768bc621ad2012aecf9228ee";

#[test]
fn verify_of_stores_and_with_keys() {
    if python::interpreter().is_none() {
        return;
    }
    let both = Both::new();
    let signer = format!("{SIGNER}\n");
    both.file("key.pub", signer.as_bytes());
    let chain: Value = serde_json::from_slice(&data("chain.json")).unwrap();
    both.file("first.json", json!([chain[0]]).to_string().as_bytes());
    both.file("chain.json", &data("chain.json"));
    let stores = stores(&both);
    let mut cases = Vec::new();
    for (_, path) in &stores {
        for level in ["--structural", "--full", "--signatures"] {
            cases.push(vec!["verify", "--db", path, level, "--json"]);
        }
        cases.push(vec!["verify", "--json", "--pubkey", SIGNER, "--db", path]);
    }
    for file in ["HOME/first.json", "HOME/chain.json"] {
        let key = ["--pubkey-file", "HOME/key.pub"];
        cases.push([&["verify", "--json", "--full", file][..], &key].concat());
        // What programs read is printed whatever else is said.
        cases.push(vec!["verify", "--quiet", file, "--json"]);
    }
    for (args, (ours, theirs)) in cases.iter().zip(both.run(&cases)) {
        assert_eq!(ours.status, theirs.status, "{args:?} {ours:?} {theirs:?}");
        let (ours, mut theirs) = (report(&ours.stdout), report(&theirs.stdout));
        // With a key that is given, Python says twice that the signature fails.
        if let Some(Value::String(error)) = theirs.pointer_mut("/errors/0/error") {
            *error = error.replace(": Ed25519 signature verification failed", "");
        }
        assert_eq!(ours, theirs, "{args:?}");
    }
}

/// Whatever the Python command shows of a capsule, ours shows too.
#[test]
fn inspect() {
    if python::interpreter().is_none() {
        return;
    }
    let both = Both::new();
    both.file("chain.json", &data("chain.json"));
    for home in [&both.ours, &both.theirs] {
        fill_store(&home.path().join("chain.db"));
    }
    let chain: Value = serde_json::from_slice(&data("chain.json")).unwrap();
    let ids: Vec<_> = (0..3).map(|n| chain[n]["id"].as_str().unwrap()).collect();
    let mut cases = Vec::new();
    for source in [&["HOME/chain.json"][..], &["--db", "HOME/chain.db"]] {
        for (seq, id) in ["0", "1", "2"].into_iter().zip(&ids) {
            cases.push([&["inspect"], source, &["--seq", seq]].concat());
            cases.push([&["inspect", "--id", id], source].concat());
        }
    }
    for (args, (ours, theirs)) in cases.iter().zip(both.run(&cases)) {
        let (ours, theirs) = (ours.passed(), theirs.passed());
        let mut compared = 0;
        for (label, value) in theirs.lines().filter_map(|line| line.split_once(": ")) {
            // What could steer a terminal is made visible.
            let value = value.trim().replace('\u{1b}', "\\u{1b}");
            let label = label.trim();
            // These are written in another way.
            let other = [
                "Options",
                "Time",
                "Signed",
                "Duration",
                "Tool Calls",
                "Selected",
            ];
            if !other.contains(&label) && !["n/a", "none", "0.0", ""].contains(&&*value) {
                assert!(ours.contains(&value), "{args:?} {label} {value}: {ours}");
                compared += 1;
            }
        }
        assert!(compared > 5, "{args:?} {theirs}");
    }
}

/// Keys that either command makes, the other one reads.
#[test]
fn keys() {
    if python::interpreter().is_none() {
        return;
    }
    let both = Both::new();
    let once = [
        vec!["keys", "info"],
        vec!["keys", "rotate"],
        vec!["keys", "rotate"],
        vec!["keys", "info"],
        vec!["keys", "export-public"],
    ];
    for (args, (ours, theirs)) in once.iter().zip(both.run(&once)) {
        assert_eq!(
            (ours.status, theirs.status),
            (0, 0),
            "{args:?} {ours:?} {theirs:?}"
        );
        if args[1] == "export-public" {
            for printed in [ours.stdout, theirs.stdout] {
                assert_eq!(printed.len(), 65, "{printed}");
                assert!(printed.trim_end().bytes().all(|b| b.is_ascii_hexdigit()));
            }
        }
    }
    let exchanged = Both {
        ours: both.theirs,
        theirs: both.ours,
    };
    let keyring = |home: &Home| -> Value {
        let path = home.path().join(".quantumpipes/keyring.json");
        serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
    };
    let again = [vec!["keys", "rotate"], vec!["keys", "export-public"]];
    let active = |keyring: &Value| {
        let epochs = keyring["epochs"].as_array().unwrap();
        epochs.last().unwrap()["public_key_hex"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let results = exchanged.run(&again);
    for (home, printed) in [
        (&exchanged.ours, &results[1].0.stdout),
        (&exchanged.theirs, &results[1].1.stdout),
    ] {
        let keyring = keyring(home);
        assert_eq!(printed.trim_end(), active(&keyring));
        let epochs = keyring["epochs"].as_array().unwrap();
        let mut retired = epochs.iter().rev().skip(1);
        assert!(
            retired.all(|epoch| epoch["status"] == "retired"),
            "{keyring}"
        );
        assert_eq!(keyring["active_epoch"], epochs.last().unwrap()["epoch"]);
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
        &[
            "verify",
            "--pubkey",
            SIGNER,
            "--pubkey-file",
            "HOME/key.pub",
            "HOME/chain.json",
        ],
        &["verify", "--levels", "HOME/chain.json"],
        &["inspect", "HOME/none.json"],
        &["inspect", "HOME/chain.json", "--seq", "one"],
        &[
            "inspect",
            "HOME/chain.json",
            "--id",
            "0199f3a0-9999-4a11-8a11-000000000001",
        ],
        &["keys"],
        &["keys", "unknown"],
        &["keys", "info"],
        &["hash"],
        &["hash", "HOME/none"],
        &["hash", "HOME/chain.json"],
        &["--version"],
        &["--help"],
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
