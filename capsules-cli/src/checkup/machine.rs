//! The clock and the disk.

use std::path::Path;

use capsules_core::Timestamp;

use super::{Findings, nearest_directory};
use crate::human;

const CLOCK: &str = "clock";
const DISK: &str = "disk space";

/// When the capsules of a chain were sealed.
#[derive(Debug, Default)]
pub(super) struct Seals {
    last: Option<Timestamp>,
    /// The one that was sealed last of all, wherever it stands.
    latest: Option<(Timestamp, i64)>,
    /// How often a capsule was sealed before the one that it follows, and the last of them.
    backwards: u64,
    set_back: Option<i64>,
}

impl Seals {
    /// The order of time is one of each chain.
    pub(super) fn next_chain(&mut self) {
        self.last = None;
    }

    pub(super) fn note(&mut self, sequence: i64, signed_at: Option<&str>) {
        let Some(at) = signed_at.and_then(|at| at.parse::<Timestamp>().ok()) else {
            return;
        };
        let earlier = at.as_micros() + TOLERANCE;
        if self.last.is_some_and(|last| earlier < last.as_micros()) {
            self.backwards += 1;
            self.set_back = Some(sequence);
        }
        if self.latest.is_none_or(|(latest, _)| at > latest) {
            self.latest = Some((at, sequence));
        }
        self.last = Some(at);
    }
}

/// Does the time that is sealed into capsules make sense?
pub(super) fn clock(now: Timestamp, seals: &Seals, findings: &mut Findings) {
    if now.as_micros() < EARLIEST {
        findings.failed(
            CLOCK,
            format!("it shows {}", human::time(now)),
            "set the clock of this machine; every capsule is sealed with its time",
        );
    }
    if let Some((at, sequence)) = seals.latest
        && at.as_micros() > now.as_micros() + TOLERANCE
    {
        let ahead = (at.as_micros() - now.as_micros()).unsigned_abs() / 1000;
        findings.failed(
            CLOCK,
            format!(
                "capsule {sequence} was sealed at {}, which is {} from now",
                human::time(at),
                human::duration(ahead)
            ),
            "compare the clock of this machine with another, and keep it set (timedatectl set-ntp \
             true); the time of that capsule proves nothing",
        );
    }
    if let Some(sequence) = seals.set_back {
        let times = human::counted(seals.backwards, "time");
        findings.warning(
            CLOCK,
            format!("it ran backwards {times} while capsules were sealed, last at {sequence}"),
            "keep the clocks of the machines that write to the store set; the order of the chain \
             stays right",
        );
    }
    if !findings.has(CLOCK) {
        findings.ok(CLOCK, format!("{} UTC, after every seal", human::time(now)));
    }
}

/// 2025-01-01, before there was any capsule.
const EARLIEST: i64 = 1_735_689_600_000_000;

/// Clocks of two machines differ by as much, and so do capsules that are signed at the same time on
/// several cores; in microseconds.
const TOLERANCE: i64 = 5_000_000;

/// Is there room for more?
pub(super) fn disk_space(store: &Path, findings: &mut Findings) {
    let directory = nearest_directory(store);
    let Some(free) = free_bytes(directory) else {
        findings.not_checked(DISK, "the system does not say");
        return;
    };
    let message = format!("{} free in {}", bytes(free), directory.display());
    let remedy = "make room; capsules that find none wait in memory, and are lost with the process";
    match free {
        ..TOO_LITTLE => findings.failed(DISK, message, remedy),
        TOO_LITTLE..LITTLE => findings.warning(DISK, message, remedy),
        _ => findings.ok(DISK, message),
    }
}

/// Less is used up by one burst of capsules.
const TOO_LITTLE: u64 = 16 << 20;
const LITTLE: u64 = 256 << 20;

#[cfg(unix)]
fn free_bytes(directory: &Path) -> Option<u64> {
    let space = rustix::fs::statvfs(directory).ok()?;
    space.f_bavail.checked_mul(space.f_frsize)
}

#[cfg(not(unix))]
fn free_bytes(_directory: &Path) -> Option<u64> {
    None
}

fn bytes(count: u64) -> String {
    match count {
        ..1_048_576 => format!("{} KiB", human::number(count >> 10)),
        1_048_576..10_737_418_240 => format!("{} MiB", human::number(count >> 20)),
        _ => format!("{} GiB", human::number(count >> 30)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    fn clock_at(now: &str, sealed: &[&str]) -> Vec<(Verdict, String)> {
        let mut seals = Seals::default();
        for (sequence, at) in (0..).zip(sealed) {
            seals.note(sequence, Some(at));
        }
        let mut findings = Findings::default();
        clock(now.parse().unwrap(), &seals, &mut findings);
        let said = findings.0.into_iter();
        said.map(|finding| (finding.verdict, finding.message))
            .collect()
    }

    #[test]
    fn a_clock_is_judged_by_what_was_sealed() {
        let now = "2026-01-15T12:00:00+00:00";
        let fine = [(
            Verdict::Ok,
            "2026-01-15 12:00:00 UTC, after every seal".to_owned(),
        )];
        assert_eq!(clock_at(now, &[]), fine);
        let other_machine = "2026-01-15T12:00:04+00:00";
        assert_eq!(clock_at(now, &["noon", now, other_machine]), fine);

        let found = clock_at(now, &["2026-01-15T12:02:00+00:00", now, now]);
        let expected = [
            (
                Verdict::Failed,
                "capsule 0 was sealed at 2026-01-15 12:02:00, which is 2 min 0 s from now",
            ),
            (
                Verdict::Warning,
                "it ran backwards 1 time while capsules were sealed, last at 1",
            ),
        ];
        assert_eq!(
            found,
            expected.map(|(verdict, text)| (verdict, text.to_owned()))
        );

        let found = clock_at("1970-01-01T00:00:07+00:00", &[]);
        assert_eq!(
            found,
            [(Verdict::Failed, "it shows 1970-01-01 00:00:07".to_owned())]
        );
    }
}
