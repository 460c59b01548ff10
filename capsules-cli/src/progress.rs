//! How far long work has come, with its rate and the time left.
//!
//! Shown on standard error when that is a terminal and somebody reads along, and gone when the
//! work ends: a script, a log file or a pipe never sees it.

use std::cell::Cell;
use std::io::{self, Read};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use crate::args::Global;
use crate::human;

/// The progress of one piece of work. It vanishes when it is dropped.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: ProgressBar,
    /// Shown from this moment on; `None` if it is shown already, or never.
    due: Cell<Option<Instant>>,
}

/// What the work is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    Capsules,
    Bytes,
}

impl Progress {
    /// Of work that is named, in a word such as `Verifying`, and whose size may be unknown.
    pub(crate) fn new(global: &Global, work: &'static str, unit: Unit, total: Option<u64>) -> Self {
        // Hidden too where there is no terminal, or one that cannot overwrite a line.
        if global.json || global.no_progress || ProgressDrawTarget::stderr().is_hidden() {
            return Self::hidden();
        }
        let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::hidden());
        Self {
            bar: bar
                .with_style(unit.style(total.is_some()))
                .with_message(work),
            due: Cell::new(Some(Instant::now() + PATIENCE)),
        }
    }

    /// Of nothing that anybody waits for.
    pub(crate) fn hidden() -> Self {
        Self {
            bar: ProgressBar::hidden(),
            due: Cell::new(None),
        }
    }

    /// So much is done of it.
    pub(crate) fn reached(&self, position: u64) {
        self.bar.set_position(position);
        self.show_when_due();
    }

    /// So much more is done of it.
    pub(crate) fn advance(&self, by: u64) {
        self.bar.inc(by);
        self.show_when_due();
    }

    /// A reader of which every byte counts.
    pub(crate) fn reading<R: Read>(&self, reader: R) -> Reading<'_, R> {
        Reading {
            progress: self,
            reader,
        }
    }

    /// Work that ends at once shows nothing.
    fn show_when_due(&self) {
        if self.due.get().is_some_and(|due| Instant::now() >= due) {
            self.due.set(None);
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

impl Unit {
    fn style(self, total_is_known: bool) -> ProgressStyle {
        // The templates are constants that the tests have tried.
        ProgressStyle::with_template(self.template(total_is_known))
            .unwrap_or_else(|_| ProgressStyle::default_bar())
            .with_key(
                "rate",
                |state: &ProgressState, to: &mut dyn std::fmt::Write| {
                    #[allow(
                        clippy::cast_possible_truncation,
                        clippy::cast_sign_loss,
                        reason = "a rate is positive, and shown without its fraction"
                    )]
                    let rate = state.per_sec() as u64;
                    let _ = to.write_str(&human::number(rate));
                },
            )
            .progress_chars("=> ")
    }

    fn template(self, total_is_known: bool) -> &'static str {
        match (self, total_is_known) {
            (Self::Capsules, true) => {
                "{msg} [{bar:24}] {human_pos} of {human_len} capsules, {rate}/s, {eta} left"
            }
            (Self::Capsules, false) => "{msg} {human_pos} capsules, {rate}/s, {elapsed}",
            (Self::Bytes, true) => {
                "{msg} [{bar:24}] {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left"
            }
            (Self::Bytes, false) => "{msg} {bytes}, {bytes_per_sec}, {elapsed}",
        }
    }
}

/// A reader that reports what was read.
pub(crate) struct Reading<'p, R> {
    progress: &'p Progress,
    reader: R,
}

impl<R: Read> Read for Reading<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer)?;
        self.progress.advance(read as u64);
        Ok(read)
    }
}

/// Nobody needs to be told of work that is done sooner.
const PATIENCE: Duration = Duration::from_millis(400);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_is_understood() {
        for unit in [Unit::Capsules, Unit::Bytes] {
            for total_is_known in [true, false] {
                let template = unit.template(total_is_known);
                assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
            }
        }
    }
}
