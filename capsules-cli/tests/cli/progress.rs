//! The progress of long work, on a terminal and nowhere else.

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use capsules::{Capsules, audit};

use crate::support::{Home, data};
use crate::terminal::open_terminal;

/// A command whose errors go to a terminal.
struct Watched {
    child: Child,
    terminal: File,
}

impl Watched {
    fn new(command: &mut Command) -> Self {
        let (terminal, other_end) = open_terminal(100, 20);
        let child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(other_end)
            .spawn()
            .unwrap();
        command.stderr(Stdio::null());
        Self { child, terminal }
    }
}

/// Everything that a terminal shows until nobody writes to it. `seen` is set once it shows `wanted`.
fn watch(mut terminal: File, wanted: &str, seen: &AtomicBool) -> String {
    let (mut shown, mut buffer) = (Vec::new(), [0; 4096]);
    while let Ok(read @ 1..) = terminal.read(&mut buffer) {
        shown.extend(&buffer[..read]);
        if String::from_utf8_lossy(&shown).contains(wanted) {
            seen.store(true, Ordering::Relaxed);
        }
    }
    String::from_utf8(shown).unwrap()
}

/// Gives a verification of standard input something to read until it is enough, and then a chain.
fn feed(mut stdin: ChildStdin, enough: impl Fn() -> bool) {
    while !enough() {
        // The command may have ended with an error, which the caller finds.
        let _ = stdin.write_all(b"\n");
        thread::sleep(Duration::from_millis(10));
    }
    let _ = stdin.write_all(&data("chain.json"));
}

#[test]
fn a_terminal_shows_how_far_a_verification_has_come() {
    let home = Home::new();
    let mut watched = Watched::new(home.command().args(["verify", "-"]).env("TERM", "xterm"));
    let stdin = watched.child.stdin.take().unwrap();
    let seen = AtomicBool::new(false);
    let began = Instant::now();
    let enough = || seen.load(Ordering::Relaxed) || began.elapsed() > Duration::from_secs(60);
    let shown = thread::scope(|scope| {
        let shown = scope.spawn(|| watch(watched.terminal, " B, ", &seen));
        feed(stdin, enough);
        shown.join().unwrap()
    });
    assert!(seen.load(Ordering::Relaxed), "{shown:?}");
    assert!(shown.contains("Verifying "), "{shown:?}");
    // It leaves an empty line to whatever comes next.
    assert!(shown.ends_with("\u{1b}[2K"), "{shown:?}");
    let output = watched.child.wait_with_output().unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(stdout.contains("PASS"), "{stdout}");
}

#[audit(type = "tool")]
fn act(_text: String) {}

#[test]
fn work_of_known_size_shows_the_time_left() {
    let home = Home::new();
    let capsules = Capsules::builder()
        .data_dir(home.path().join(".quantumpipes"))
        .build()
        .unwrap();
    capsules.scope_sync(|| (0..400).for_each(|n| act(format!("{n:500}"))));
    capsules.close(Duration::from_secs(60)).unwrap();

    let mut watched = Watched::new(home.command().arg("export").env("TERM", "xterm"));
    let mut stdout = watched.child.stdout.take().unwrap();
    let seen = AtomicBool::new(false);
    let shown = thread::scope(|scope| {
        let shown = scope.spawn(|| watch(watched.terminal, " left", &seen));
        // The export waits for whoever reads it.
        let mut buffer = [0; 1024];
        while stdout.read(&mut buffer).unwrap() > 0 {
            if !seen.load(Ordering::Relaxed) {
                thread::sleep(Duration::from_millis(5));
            }
        }
        shown.join().unwrap()
    });
    assert!(seen.load(Ordering::Relaxed), "{shown:?}");
    assert!(shown.contains("Exporting ["), "{shown:?}");
    assert!(shown.contains(" of 400 capsules, "), "{shown:?}");
    assert!(watched.child.wait().unwrap().success());
}

#[test]
fn whoever_does_not_look_is_shown_nothing() {
    let home = Home::new();
    let cases: [(&[&str], &str); 4] = [
        (&["--no-progress"], "xterm"),
        (&["--json"], "xterm"),
        (&["--quiet"], "xterm"),
        (&[], "dumb"),
    ];
    thread::scope(|scope| {
        for (options, term) in cases {
            let mut command = home.command();
            command.args(["verify", "-"]).args(options);
            scope.spawn(move || {
                let mut watched = Watched::new(command.env("TERM", term));
                let stdin = watched.child.stdin.take().unwrap();
                let began = Instant::now();
                feed(stdin, || began.elapsed() > Duration::from_millis(800));
                let shown = watch(watched.terminal, "", &AtomicBool::new(false));
                assert_eq!(shown, "", "{options:?} {term}");
                assert!(watched.child.wait().unwrap().success());
            });
        }
    });
}
