//! A disk that is full, for real: a limit on the size of files, under which every write beyond it
//! fails as on a file system without room, wherever the tests run.

use std::process::Command;

use capsules::CapsuleType;

use crate::program::{Obedient, PROGRAM, Stats};
use crate::support::recovered_chain;

/// Starts the program; its files can be limited later. Writes beyond the limit are an error, as
/// the signal that comes with it is ignored.
fn start(arguments: &[&str], data: &tempfile::TempDir) -> Obedient {
    let mut command = Command::new("sh");
    command
        .args(["-c", "trap '' XFSZ; exec \"$@\"", "sh", PROGRAM])
        .arg(data.path())
        .args(arguments);
    Obedient::start(command, data.path())
}

/// No file of the process can grow beyond this.
fn limit(program: &Obedient, bytes: &str) {
    let status = Command::new("prlimit")
        .args(["--pid", &program.process().to_string()])
        .arg(format!("--fsize={bytes}:unlimited"))
        .status();
    assert!(status.is_ok_and(|status| status.success()), "prlimit");
}

fn is_stored(stats: &Stats) -> bool {
    stats.waiting == 0
}

#[test]
fn nothing_is_lost_while_neither_store_nor_journal_can_grow() {
    let data = capsules_tests::temp_dir();
    let mut program = start(&[], &data);
    program.tell("calls 10");
    program.wait_until(is_stored);

    limit(&program, "4096");
    program.tell("calls 30");
    let stats = program.wait_until(|stats| stats.store_errors > 1);
    assert_eq!((stats.accepted, stats.committed), (40, 10), "{stats:?}");
    // The start and the end of each.
    assert!(stats.journal_errors >= 60, "{stats:?}");

    limit(&program, "unlimited");
    let stats = program.wait_until(is_stored);
    assert_eq!((stats.committed, stats.failed), (40, 0));
    program.tell("calls 5");
    let ids = program.end();

    let (gaps, calls): (Vec<_>, Vec<_>) = recovered_chain(data.path())
        .into_iter()
        .partition(|capsule| capsule.kind == CapsuleType::System);
    let recorded: Vec<String> = calls.iter().map(|capsule| capsule.id.to_string()).collect();
    assert_eq!(recorded, ids, "each once, and in order");
    let counts: Vec<_> = gaps
        .iter()
        .map(|gap| gap.outcome.metrics["count"].as_u64().unwrap())
        .collect();
    assert_eq!(counts, [30], "one gap for the outage");
}

/// A store that goes on while the journal fails: batch after batch is stored in that time.
#[test]
fn an_outage_of_the_journal_is_one_gap_on_record() {
    let data = capsules_tests::temp_dir();
    let mut program = start(&["memory"], &data);
    for outage in 1..=2 {
        program.tell("calls 20");
        limit(&program, "4096");
        for _ in 0..5 {
            program.tell("calls 3");
            program.wait_until(is_stored);
        }
        limit(&program, "unlimited");
        // The start of each and its end.
        assert!(program.tell("stats").journal_errors >= 30 * outage);
        program.tell("calls 1");
        program.said.clear();
        program.tell("gaps");
        assert_eq!(program.said, vec!["15"; outage.try_into().unwrap()]);
    }
    program.end();
}

/// A write that the limit cuts short, at many places of the frames of an append.
#[test]
fn a_write_that_is_cut_short_is_made_again() {
    let mut cut = 0;
    for room in (0..).step_by(2_999) {
        let data = capsules_tests::temp_dir();
        let mut program = start(&[], &data);
        program.tell("calls 1");
        program.wait_until(is_stored);
        let log = data
            .path()
            .join("capsules.db-wal")
            .metadata()
            .unwrap()
            .len();
        limit(&program, &(log + room).to_string());
        program.tell("calls 1");
        let stats = program.wait_until(|stats| is_stored(stats) || stats.store_errors > 0);
        let was_cut = stats.store_errors > 0;
        limit(&program, "unlimited");
        program.wait_until(is_stored);
        let ids = program.end();
        let chain = recovered_chain(data.path());
        let recorded: Vec<String> = chain.iter().map(|c| c.id.to_string()).collect();
        assert_eq!(recorded, ids, "{room} bytes of room");
        if !was_cut {
            break;
        }
        cut += 1;
    }
    assert!(cut > 10, "{cut} writes were cut");
}
