//! A program that records as a test tells it, in surroundings that the test changes.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

use serde::Deserialize;

use crate::support::PATIENCE;

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_obedient");

pub(crate) struct Obedient {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    /// What it has answered besides statistics.
    pub(crate) said: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Stats {
    pub(crate) accepted: u64,
    pub(crate) committed: u64,
    pub(crate) waiting: u64,
    pub(crate) failed: u64,
    pub(crate) store_errors: u64,
    pub(crate) journal_errors: u64,
}

impl Obedient {
    pub(crate) fn start(mut command: Command, data: &Path) -> Self {
        let mut child = command
            .env("QUANTUMPIPES_DATA_DIR", data)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Self {
            input: child.stdin.take().unwrap(),
            output: BufReader::new(child.stdout.take().unwrap()),
            child,
            said: Vec::new(),
        }
    }

    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    /// Gives a command, and waits for the statistics that follow the answer.
    #[track_caller]
    pub(crate) fn tell(&mut self, command: &str) -> Stats {
        writeln!(self.input, "{command}").unwrap();
        loop {
            let mut line = String::new();
            let read = self.output.read_line(&mut line).unwrap();
            assert!(read > 0, "the program has ended");
            if line.starts_with('{') {
                return serde_json::from_str(&line).unwrap();
            }
            self.said.push(line.trim_end().to_owned());
        }
    }

    /// Waits until its statistics are such.
    #[track_caller]
    pub(crate) fn wait_until(&mut self, condition: impl Fn(&Stats) -> bool) -> Stats {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let stats = self.tell("stats");
            if condition(&stats) {
                return stats;
            }
            assert!(Instant::now() < deadline, "{stats:?}");
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }

    /// Lets it return from `main`. Gives the ids of the calls that it made.
    #[track_caller]
    pub(crate) fn end(self) -> Vec<String> {
        let Self {
            mut child,
            input,
            output,
            said,
        } = self;
        drop(input);
        drop(output);
        assert!(child.wait().unwrap().success());
        said
    }
}
