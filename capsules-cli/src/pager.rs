//! Long answers, shown page by page on a terminal.

use std::env;
use std::io::{self, IsTerminal, Write};
use std::process::{Child, Command, Stdio};

use anstream::{AutoStream, ColorChoice, adapter::strip_str};
use unicode_width::UnicodeWidthStr;

use crate::args::Global;
use crate::{Result, output};

/// Writes styled text to standard output, through the pager when that is a terminal which the
/// text does not fit.
pub(crate) fn show(text: &str, global: &Global) -> Result<()> {
    match (!global.no_pager && overflows(text)).then(start).flatten() {
        None => output::print(text),
        Some(pager) => {
            feed(pager, text);
            Ok(())
        }
    }
}

fn overflows(text: &str) -> bool {
    let Some((width, height)) = output::terminal_size() else {
        return false;
    };
    let lines = text.lines().map(|line| {
        let columns = strip_str(line).to_string().width();
        columns.max(1).div_ceil(width.max(1))
    });
    // The last line is the shell's.
    io::stdout().is_terminal() && lines.sum::<usize>() >= height
}

/// Starts `$PAGER`; nothing where it is empty or cannot be started.
fn start() -> Option<Child> {
    let pager = env::var("PAGER").unwrap_or_else(|_| "less".to_owned());
    let mut words = pager.split_whitespace();
    let mut command = Command::new(words.next()?);
    command.args(words).stdin(Stdio::piped());
    if env::var_os("LESS").is_none() {
        // Colours, no cleared screen, and an end where everything fits.
        command.env("LESS", "FRX");
    }
    command.spawn().ok()
}

/// Whoever leaves the pager early has seen enough, which is no error.
fn feed(mut pager: Child, text: &str) {
    // The keys that interrupt are the pager's as long as it runs.
    #[cfg(unix)]
    let _ = signal_hook::flag::register(signal_hook::consts::SIGINT, std::sync::Arc::default());
    if let Some(mut input) = pager.stdin.take() {
        let _ = match AutoStream::choice(&io::stdout()) {
            ColorChoice::Never => write!(input, "{}", strip_str(text)),
            _ => input.write_all(text.as_bytes()),
        };
    }
    let _ = pager.wait();
}
