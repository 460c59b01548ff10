//! What is done on a terminal only.

use std::fs::File;
use std::io::Read;
use std::process::{Command, Stdio};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::support::{Home, fill_store};

/// A terminal of this size: the end that shows, and the end that a command writes to.
pub(crate) fn open_terminal(columns: u16, lines: u16) -> (File, File) {
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let size = Winsize {
        ws_row: lines,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    tcsetwinsize(&terminal, size).unwrap();
    let name = ptsname(&terminal, Vec::new()).unwrap();
    let other_end = File::options()
        .read(true)
        .write(true)
        .open(name.to_str().unwrap())
        .unwrap();
    (terminal.into(), other_end)
}

/// Runs a command whose output goes to a terminal of this size, and gives what it shows there.
fn on_terminal(command: &mut Command, columns: u16, lines: u16) -> String {
    let (mut terminal, other_end) = open_terminal(columns, lines);
    let mut child = command
        .env("TERM", "xterm")
        .env_remove("NO_COLOR")
        .stdout(Stdio::from(other_end))
        .spawn()
        .unwrap();
    // The command's own copy of the other end, without which reading would not end.
    command.stdout(Stdio::null());
    let mut shown = Vec::new();
    // Linux ends a terminal that nobody writes to with an error.
    let _ = terminal.read_to_end(&mut shown);
    assert!(child.wait().unwrap().success());
    String::from_utf8(shown).unwrap().replace("\r\n", "\n")
}

fn home() -> Home {
    let home = Home::new();
    fill_store(&home.path().join(".quantumpipes/capsules.db"));
    home
}

#[test]
fn tables_fit_the_terminal() {
    let shown = on_terminal(home().command().arg("list"), 90, 40);
    let plain = anstream::adapter::strip_str(&shown).to_string();
    assert!(plain.contains("Deploy versio…"), "{plain}");
    assert!(
        plain.lines().all(|line| line.chars().count() <= 90),
        "{plain}"
    );
    assert!(shown.contains("\u{1b}[32msuccess\u{1b}[0m"), "{shown:?}");
}

#[test]
fn what_does_not_fit_goes_through_the_pager() {
    let home = home();
    let paged = |args: &[&str], lines| {
        let mut command = home.command();
        command.args(args).env("PAGER", "sed s/^/paged:/");
        on_terminal(&mut command, 100, lines).contains("paged:")
    };
    assert!(paged(&["inspect", "--seq", "0"], 20));
    assert!(!paged(&["inspect", "--seq", "0", "--no-pager"], 20));
    assert!(!paged(&["inspect", "--seq", "0"], 200));
    assert!(!paged(&["list"], 20));
    assert!(paged(&["list"], 3));
}

#[test]
fn an_answer_is_shown_where_there_is_no_pager_and_where_it_is_left() {
    let home = home();
    for (pager, shown) in [("", true), ("no-such-pager", true), ("true", false)] {
        let mut command = home.command();
        command.args(["inspect", "--seq", "0"]).env("PAGER", pager);
        let text = on_terminal(&mut command, 100, 20);
        assert_eq!(text.contains("1. Trigger"), shown, "{pager}: {text}");
    }
}

#[test]
fn a_pipe_has_no_pager() {
    let home = home();
    let mut command = home.command();
    command
        .args(["inspect", "--seq", "0"])
        .env("PAGER", "false");
    let ran = crate::support::Ran::of(&mut command);
    assert!(ran.passed().contains("6. Outcome"));
}
