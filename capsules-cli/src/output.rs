//! What is written to the terminal.
//!
//! Text for people goes through [`print()`], which drops colours where they are not wanted. Output
//! for programs goes to standard output as it is, since dropping escape sequences could change it.

use std::fmt;
use std::io::{self, Write};

use serde::Serialize;

use crate::Result;
use crate::error::CliError;
use crate::style::{BAD, WARN};

/// Writes styled text to standard output.
pub(crate) fn print(text: &str) -> Result<()> {
    let mut stdout = anstream::stdout().lock();
    stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
        .map_err(CliError::Write)
}

/// Writes a document to standard output, indented as Python's `indent=2`.
pub(crate) fn print_json(document: &impl Serialize) -> Result<()> {
    let mut stdout = io::stdout().lock();
    serde_json::to_writer_pretty(&mut stdout, document)
        .map_err(io::Error::from)
        .and_then(|()| writeln!(stdout))
        .map_err(CliError::Write)
}

/// The columns and lines of the terminal that standard output goes to, if it goes to one.
pub(crate) fn terminal_size() -> Option<(usize, usize)> {
    let (width, height) = terminal_size::terminal_size_of(io::stdout())?;
    Some((width.0.into(), height.0.into()))
}

/// The width of the terminal that standard output goes to, if it goes to one.
pub(crate) fn terminal_width() -> Option<usize> {
    terminal_size().map(|(width, _)| width)
}

/// Writes an error to standard error. Where that fails too, the exit status has to do.
pub(crate) fn report(error: &dyn fmt::Display) {
    let message = error.to_string();
    let _ = writeln!(anstream::stderr(), "{BAD}error:{BAD:#} {}", Safe(&message));
}

/// Writes to standard error what somebody who reads the answer should know besides.
pub(crate) fn note(note: &dyn fmt::Display) {
    let message = note.to_string();
    let _ = writeln!(anstream::stderr(), "{WARN}note:{WARN:#} {}", Safe(&message));
}

/// Shows stored text on one line, with everything that could steer a terminal or reorder its text
/// made visible: control characters, escape sequences and Unicode's direction overrides.
pub(crate) struct Safe<'a>(pub(crate) &'a str);

impl fmt::Display for Safe<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write;
        for c in self.0.chars() {
            if c.is_control() || is_invisible(c) {
                write!(f, "{}", c.escape_default())?;
            } else {
                f.write_char(c)?;
            }
        }
        Ok(())
    }
}

/// Line and paragraph separators and the characters that set the direction of text.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_stored_reaches_the_terminal_raw() {
        for (stored, shown) in [
            ("plain, ünïcode, 東京 🦀", "plain, ünïcode, 東京 🦀"),
            (
                "\u{1b}[2J\u{1b}]0;title\u{7}",
                r"\u{1b}[2J\u{1b}]0;title\u{7}",
            ),
            ("two\r\nlines\tand a tab", r"two\r\nlines\tand a tab"),
            ("\u{9b}31m \u{7f} \0", r"\u{9b}31m \u{7f} \u{0}"),
            ("ab\u{202e}dc\u{2066}", r"ab\u{202e}dc\u{2066}"),
        ] {
            assert_eq!(Safe(stored).to_string(), shown);
        }
    }
}
