//! The published Python package as a partner: a process that answers document by document.

use std::io::{BufRead, BufReader, BufWriter, Write};
use std::process::Stdio;
use std::thread;

use capsules_tests::python;

const PROGRAM: &str = include_str!("peer.py");

/// A document and how the partner is to read it.
pub(crate) struct Question {
    pub(crate) kind: &'static str,
    pub(crate) document: String,
}

/// The canonical text and its hash; `None` when the document was refused.
pub(crate) type Answer = Option<(String, String)>;

/// Asks the partner about every document that `questions` gives, and shows each with its answer.
pub(crate) fn ask(
    questions: impl Iterator<Item = Question> + Clone + Send,
    mut check: impl FnMut(Question, Answer),
) {
    let mut process = python::command()
        .args(["-c", PROGRAM])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = BufWriter::new(process.stdin.take().unwrap());
    let output = BufReader::new(process.stdout.take().unwrap()).lines();
    let asked = questions.clone();
    thread::scope(|scope| {
        scope.spawn(move || {
            for Question { kind, document } in asked {
                let line = serde_json::to_string(&(kind, document)).unwrap();
                // The partner is gone when a check has failed; that is where the test ends.
                if writeln!(input, "{line}").is_err() {
                    return;
                }
            }
        });
        // Moved in here, so that a failed check closes the pipe before it waits for the writer.
        let mut output = output;
        for question in questions {
            let line = output.next().expect("an answer to each question").unwrap();
            check(question, serde_json::from_str(&line).unwrap());
        }
    });
    assert!(process.wait().unwrap().success());
}
