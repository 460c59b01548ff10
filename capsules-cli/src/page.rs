//! Text for people: titles, and labels with their values aligned.

use std::fmt::{Display, Write};

use crate::output::Safe;
use crate::style::{DIM, TITLE};

/// Text for people, built line by line. What comes from a record is made safe on the way in.
#[derive(Debug, Default)]
pub(crate) struct Page {
    text: String,
    indent: usize,
}

impl Page {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// A line of its own, which may be styled.
    pub(crate) fn line(&mut self, text: impl Display) {
        let _ = writeln!(self.text, "{:1$}{text}", "", self.indent);
    }

    /// An empty line.
    pub(crate) fn gap(&mut self) {
        self.text.push('\n');
    }

    /// An empty line and a title, with the indented lines below it that `fill` writes.
    pub(crate) fn section(&mut self, title: &str, fill: impl FnOnce(&mut Self)) {
        self.gap();
        self.line(format_args!("{TITLE}{title}{TITLE:#}"));
        let before = self.text.len();
        self.indented(fill);
        if self.text.len() == before {
            self.line(format_args!("  {DIM}nothing recorded{DIM:#}"));
        }
    }

    /// The lines that `fill` writes, two columns further in.
    pub(crate) fn indented(&mut self, fill: impl FnOnce(&mut Self)) {
        self.indent += 2;
        fill(self);
        self.indent -= 2;
    }

    /// A label and its value, which may be styled and must be safe.
    pub(crate) fn field(&mut self, label: &str, value: impl Display) {
        let width = self.label_width();
        self.line(format_args!("{DIM}{label:<width$}{DIM:#} {value}"));
    }

    /// A label and text from a record, with its line breaks kept; nothing when it is empty.
    pub(crate) fn stored(&mut self, label: &str, value: &str) {
        let mut lines = value.lines();
        if let Some(first) = lines.next() {
            self.field(label, Safe(first));
            for line in lines {
                self.field("", Safe(line));
            }
        }
    }

    /// Values stand in one column, however far in their labels are.
    fn label_width(&self) -> usize {
        VALUES.saturating_sub(self.indent + 1)
    }

    /// The text.
    pub(crate) fn finish(self) -> String {
        self.text
    }
}

/// The column of the values.
const VALUES: usize = 18;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_text_stays_in_its_column() {
        let mut page = Page::new();
        page.indented(|page| {
            page.stored("request", "one\ntwo\u{1b}[m");
            page.stored("absent", "");
            page.indented(|page| page.stored("nested", "three"));
        });
        let text = anstream::adapter::strip_str(&page.finish()).to_string();
        assert_eq!(
            text,
            "  request         one\n                  two\\u{1b}[m\n    nested        three\n"
        );
    }

    #[test]
    fn an_empty_section_says_so() {
        let mut page = Page::new();
        page.section("Reasoning", |page| page.stored("analysis", ""));
        let text = anstream::adapter::strip_str(&page.finish()).to_string();
        assert_eq!(text, "\nReasoning\n  nothing recorded\n");
    }
}
