//! Tables that fit the terminal: one line a row, long cells cut.
//!
//! Stored text may be of any length, and some columns must never be cut. comfy-table 8.0.1 panics
//! on a cell of 65,534 columns and wraps long ones in quadratic time; tabled 0.20 cuts whatever
//! column is the widest.

use std::fmt::Write;
use std::iter;
use std::mem;

use anstyle::Style;
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use crate::output::Safe;
use crate::style::DIM;

/// A column.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    title: &'static str,
    align: Align,
    /// Whether cells may be cut when the table is too wide.
    elastic: bool,
}

impl Column {
    pub(crate) const fn left(title: &'static str) -> Self {
        Self {
            title,
            align: Align::Left,
            elastic: false,
        }
    }

    pub(crate) const fn right(title: &'static str) -> Self {
        Self {
            title,
            align: Align::Right,
            elastic: false,
        }
    }

    /// For text, whose cells are cut when the table is too wide.
    pub(crate) const fn elastic(title: &'static str) -> Self {
        Self {
            title,
            align: Align::Left,
            elastic: true,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Align {
    Left,
    Right,
}

/// One line of safe text in one style.
#[derive(Debug, Clone)]
pub(crate) struct Cell {
    text: String,
    style: Style,
}

impl Cell {
    pub(crate) fn new(text: &str) -> Self {
        Self::styled(text, Style::new())
    }

    pub(crate) fn styled(text: &str, style: Style) -> Self {
        Self {
            text: Safe(text).to_string(),
            // Nothing in a colour would keep a line from ending where its text does.
            style: if text.is_empty() { Style::new() } else { style },
        }
    }
}

/// Rows under titles.
#[derive(Debug)]
pub(crate) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
    /// As wide as what was printed before.
    widths: Vec<usize>,
}

impl Table {
    pub(crate) fn new(columns: impl Into<Vec<Column>>) -> Self {
        let columns = columns.into();
        Self {
            widths: columns.iter().map(|column| column.title.width()).collect(),
            columns,
            rows: Vec::new(),
        }
    }

    /// Adds a row with a cell for each column.
    pub(crate) fn row(&mut self, cells: impl Into<Vec<Cell>>) {
        self.rows.push(cells.into());
    }

    /// The table, no wider than `width` as far as its elastic columns allow.
    pub(crate) fn render(mut self, width: Option<usize>) -> String {
        self.titles(width) + &self.flush(width)
    }

    /// The titles, above the rows that were added until now.
    pub(crate) fn titles(&mut self, width: Option<usize>) -> String {
        let titles = self.columns.iter();
        let titles: Vec<_> = titles.map(|c| Cell::styled(c.title, DIM)).collect();
        let mut text = String::new();
        self.line(&mut text, &titles, &self.fitted(width));
        text
    }

    /// The rows that were added since the last call, in columns at least as wide as before.
    pub(crate) fn flush(&mut self, width: Option<usize>) -> String {
        let widths = self.fitted(width);
        let mut text = String::new();
        for row in mem::take(&mut self.rows) {
            self.line(&mut text, &row, &widths);
        }
        self.widths = widths;
        text
    }

    fn line(&self, text: &mut String, row: &[Cell], widths: &[usize]) {
        let start = text.len();
        for ((cell, column), width) in row.iter().zip(&self.columns).zip(widths) {
            if text.len() > start {
                text.push_str(GAP);
            }
            write_cell(text, cell, column, *width);
        }
        text.truncate(start + text[start..].trim_end().len());
        text.push('\n');
    }

    fn fitted(&self, limit: Option<usize>) -> Vec<usize> {
        let mut widths = self.widths.clone();
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.text.width().max(*width);
            }
        }
        let Some(limit) = limit else { return widths };
        let gaps = widths.len().saturating_sub(1) * GAP.len();
        while widths.iter().sum::<usize>() + gaps > limit {
            let elastic = widths
                .iter_mut()
                .zip(&self.columns)
                .filter(|(_, c)| c.elastic);
            match elastic.map(|(width, _)| width).max() {
                Some(widest) if *widest > NARROWEST => *widest -= 1,
                _ => break,
            }
        }
        widths
    }
}

fn write_cell(text: &mut String, cell: &Cell, column: &Column, width: usize) {
    let cut = if column.elastic {
        cut(&cell.text, width)
    } else {
        cell.text.clone()
    };
    let padding = width.saturating_sub(cut.width());
    let before = if column.align == Align::Right {
        padding
    } else {
        0
    };
    let style = cell.style;
    // Not the formatter's own padding, which panics beyond 65,535 columns.
    text.extend(iter::repeat_n(' ', before));
    let _ = write!(text, "{style}{cut}{style:#}");
    text.extend(iter::repeat_n(' ', padding - before));
}

/// The text, or as much of its beginning as fits with an ellipsis. What people see as one
/// character is kept whole: its parts have other widths by themselves.
pub(crate) fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut used = 1;
    let fits = |grapheme: &&str| {
        used += grapheme.width();
        used <= width
    };
    let mut cut: String = text.graphemes(true).take_while(fits).collect();
    cut.push('…');
    cut
}

/// What separates columns.
const GAP: &str = "  ";
/// Elastic columns get no narrower than this.
const NARROWEST: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let columns = [
            Column::right("SEQ"),
            Column::elastic("REQUEST"),
            Column::left("HASH"),
        ];
        let mut table = Table::new(columns);
        table.row([
            Cell::new("7"),
            Cell::new("Ship it to 東京 now"),
            Cell::new("ab12"),
        ]);
        table.row([Cell::new("1024"), Cell::new("\u{1b}[2J"), Cell::new("")]);
        table
    }

    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    #[test]
    fn columns_are_as_wide_as_their_cells() {
        assert_eq!(
            plain(&table().render(None)),
            " SEQ  REQUEST              HASH\n   7  Ship it to 東京 now  ab12\n1024  \\u{1b}[2J\n"
        );
    }

    #[test]
    fn a_table_fits_the_terminal() {
        let text = plain(&table().render(Some(26)));
        assert_eq!(
            text,
            " SEQ  REQUEST         HASH\n   7  Ship it to 東…  ab12\n1024  \\u{1b}[2J\n"
        );
        assert!(text.lines().all(|line| line.width() <= 26), "{text}");
        // Narrower than the fixed columns: the elastic one keeps its least width.
        assert!(plain(&table().render(Some(5))).contains("Ship it…  ab12"));
    }

    /// The width of a sequence is not that of its characters: a heart is one column wide, and two
    /// with the selector of its coloured form; a family is as wide as one of its members.
    #[test]
    fn text_is_cut_between_what_people_see_as_characters() {
        let hearts = "\u{2764}\u{fe0f}".repeat(8);
        assert_eq!(cut(&hearts, 8), format!("{}…", &hearts[..18]));
        let families = "\u{1f469}\u{200d}\u{1f469}\u{200d}\u{1f467}".repeat(8);
        assert_eq!(cut(&families, 8), format!("{}…", &families[..54]));
        assert_eq!(cut("e\u{301}e\u{301}e\u{301}", 2), "e\u{301}…");
    }

    #[test]
    fn text_of_any_length_is_cut() {
        let render = |width| {
            let mut table = table();
            table.row(["1", &"y".repeat(200_000), "ab12"].map(Cell::new));
            plain(&table.render(width))
        };
        let text = render(Some(40));
        assert!(text.lines().all(|line| line.width() <= 40), "{text:.400}");
        assert!(render(None).len() > 200_000);
    }

    #[test]
    fn later_rows_keep_the_columns_of_earlier_ones() {
        let mut table = table();
        let mut text = table.titles(None) + &table.flush(None);
        table.row(["8", "short", "cd34"].map(Cell::new));
        text += &table.flush(None);
        table.row(["8", "Ship it all to 東京 now", "cd34"].map(Cell::new));
        text += &table.flush(None);
        assert_eq!(
            plain(&text),
            " SEQ  REQUEST              HASH\n   7  Ship it to 東京 now  ab12\n1024  \\u{1b}[2J\n   8  \
             short                cd34\n   8  Ship it all to 東京 now  cd34\n"
        );
    }
}
