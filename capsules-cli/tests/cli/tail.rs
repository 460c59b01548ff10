//! `tail`.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Output, Stdio};

use capsules_core::storage::{SqliteStorage, Storage};
use capsules_core::{Capsule, CapsuleType, Draft, OutcomeStatus, Position, SealedRecord};
use rustix::process::{Pid, Signal, kill_process};

use crate::support::{Home, fill_store};

/// A `tail --follow` that runs.
pub(crate) struct Following {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Following {
    pub(crate) fn begin(home: &Home, args: &[&str]) -> Self {
        let mut child = home
            .command()
            .args(["tail", "--follow"])
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self { child, output }
    }

    /// The next line, as soon as there is one.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line
    }

    /// Reads no more, and waits for its end.
    pub(crate) fn leave(self) -> Output {
        drop(self.output);
        self.child.wait_with_output().unwrap()
    }

    /// What it wrote beside the lines that were read, after it has ended by itself.
    fn ended(self) -> (Option<i32>, String) {
        let output = self.child.wait_with_output().unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        (output.status.code(), errors)
    }
}

fn home() -> (Home, PathBuf) {
    let home = Home::new();
    let path = home.path().join(".quantumpipes/capsules.db");
    fill_store(&path);
    (home, path)
}

fn append(path: &Path, sources: &[&str]) {
    let store = SqliteStorage::open(path).unwrap();
    for source in sources {
        store
            .append(None, &mut |head| {
                let mut capsule = Capsule::new(CapsuleType::Tool);
                (*source).clone_into(&mut capsule.trigger.source);
                capsule.outcome.status = OutcomeStatus::Success;
                let position = Position::after(head);
                let draft = Draft::new(&capsule).unwrap();
                Ok(vec![SealedRecord {
                    content: draft.link(&position),
                    hash: format!("{:064x}", position.sequence),
                    signature: String::new(),
                    signature_pq: String::new(),
                    signed_at: None,
                    signed_by: None,
                    columns: draft.columns(&position),
                }])
            })
            .unwrap();
    }
    store.close().unwrap();
}

#[test]
fn the_latest_come_last() {
    let (home, _) = home();
    assert_eq!(
        home.run(["tail", "-n", "2", "--columns", "seq,source"])
            .passed(),
        "SEQ  SOURCE\n  1  http_probe\n  2  nightly\n"
    );
    assert_eq!(
        home.run(["tail", "--type", "agent", "--columns", "seq,source"])
            .passed(),
        "SEQ  SOURCE\n  0  deploy-bot\n"
    );
    let lines = home.run(["tail", "--json"]).passed();
    let sequences: Vec<_> = lines
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["sequence"].clone())
        .collect();
    assert_eq!(sequences, [0, 1, 2]);
}

#[test]
fn what_is_stored_later_is_shown_as_it_comes() {
    let (home, path) = home();
    let mut tail = Following::begin(&home, &["-n", "1", "--columns", "seq,source"]);
    assert_eq!(tail.line(), "SEQ  SOURCE\n");
    assert_eq!(tail.line(), "  2  nightly\n");
    append(&path, &["first", "\u{1b}[2Jsecond"]);
    assert_eq!(tail.line(), "  3  first\n");
    assert_eq!(tail.line(), "  4  \\u{1b}[2Jsecond\n");
    append(&path, &["third"]);
    assert_eq!(tail.line(), "  5  third\n");
    // It ends when nobody reads, although nothing is stored any more.
    let output = tail.leave();
    assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()));
}

#[test]
fn only_what_the_filter_selects_is_followed() {
    let (home, path) = home();
    let mut tail = Following::begin(&home, &["-n", "1", "--json", "--type", "tool"]);
    // From here on it follows.
    let mut line = tail.line();
    assert!(line.contains(r#""source":"http_probe""#), "{line}");
    append(&path, &["a"]);
    line = tail.line();
    assert!(line.contains(r#""source":"a""#), "{line}");
    let many: Vec<_> = (0..1_200).map(|number| format!("s{number}")).collect();
    append(&path, &many.iter().map(String::as_str).collect::<Vec<_>>());
    for source in many {
        line = tail.line();
        assert!(line.contains(&format!(r#""source":"{source}""#)), "{line}");
    }
    assert!(tail.leave().status.success());
}

#[test]
fn an_interrupt_ends_it_cleanly() {
    let (home, _) = home();
    for signal in [Signal::INT, Signal::TERM] {
        let mut tail = Following::begin(&home, &["-n", "1", "--columns", "seq"]);
        assert_eq!(tail.line(), "SEQ\n");
        assert_eq!(tail.line(), "  2\n");
        kill_process(Pid::from_child(&tail.child), signal).unwrap();
        assert_eq!(tail.ended(), (Some(0), String::new()));
    }
}

#[test]
fn a_store_that_is_replaced_is_followed_from_its_start() {
    let (home, path) = home();
    append(&path, &["old"]);
    let mut tail = Following::begin(&home, &["-n", "1", "--columns", "seq,source"]);
    assert_eq!(tail.line(), "SEQ  SOURCE\n");
    assert_eq!(tail.line(), "  3  old\n");
    let other = home.path().join("other.db");
    append(&other, &["new"]);
    std::fs::rename(&other, &path).unwrap();
    assert_eq!(tail.line(), "  0  new\n");
    kill_process(Pid::from_child(&tail.child), Signal::INT).unwrap();
    let (status, errors) = tail.ended();
    assert_eq!(status, Some(0));
    assert!(errors.contains("the store was replaced"), "{errors}");
}

#[test]
fn an_empty_store_is_waited_for() {
    let home = Home::new();
    let path = home.path().join("new.db");
    drop(SqliteStorage::open(&path).unwrap());
    let args = ["--db", "new.db", "--columns", "seq,source"];
    assert_eq!(
        home.run([&["tail"][..], &args].concat()).passed(),
        "SEQ  SOURCE\n"
    );
    let mut tail = Following::begin(&home, &args);
    assert_eq!(tail.line(), "SEQ  SOURCE\n");
    append(&path, &["first"]);
    assert_eq!(tail.line(), "  0  first\n");
    drop(tail.output);
    assert!(tail.child.wait().unwrap().success());
}

#[test]
fn a_store_that_is_gone_is_an_error_in_the_end() {
    let (home, path) = home();
    let mut tail = Following::begin(&home, &["-n", "0", "--columns", "seq"]);
    assert_eq!(tail.line(), "SEQ\n");
    std::fs::remove_file(path).unwrap();
    let (status, errors) = tail.ended();
    assert_eq!(status, Some(2), "{errors}");
    assert!(errors.contains("there is no such file"), "{errors}");
}
