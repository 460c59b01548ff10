//! Tables that fit the terminal: one line a row, long cells cut.

use std::fmt::Write;

use anstyle::Style;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

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
            style,
        }
    }
}

/// Rows under titles.
#[derive(Debug)]
pub(crate) struct Table<const N: usize> {
    columns: [Column; N],
    rows: Vec<[Cell; N]>,
}

impl<const N: usize> Table<N> {
    pub(crate) fn new(columns: [Column; N]) -> Self {
        Self {
            columns,
            rows: Vec::new(),
        }
    }

    pub(crate) fn row(&mut self, cells: [Cell; N]) {
        self.rows.push(cells);
    }

    /// The table, no wider than `width` as far as its elastic columns allow.
    pub(crate) fn render(&self, width: Option<usize>) -> String {
        let titles = self.columns.map(|column| Cell::styled(column.title, DIM));
        let widths = self.widths(&titles, width);
        let mut text = String::new();
        for row in std::iter::once(&titles).chain(&self.rows) {
            let start = text.len();
            for ((cell, column), width) in row.iter().zip(self.columns).zip(widths) {
                if text.len() > start {
                    text.push_str(GAP);
                }
                write_cell(&mut text, cell, column.align, width);
            }
            text.truncate(start + text[start..].trim_end().len());
            text.push('\n');
        }
        text
    }

    fn widths(&self, titles: &[Cell; N], limit: Option<usize>) -> [usize; N] {
        let mut widths = [0; N];
        for row in std::iter::once(titles).chain(&self.rows) {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.text.width().max(*width);
            }
        }
        let Some(limit) = limit else { return widths };
        while widths.iter().sum::<usize>() + (N - 1) * GAP.len() > limit {
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

fn write_cell(text: &mut String, cell: &Cell, align: Align, width: usize) {
    let cut = cut(&cell.text, width);
    let padding = width.saturating_sub(cut.width());
    let before = if align == Align::Right { padding } else { 0 };
    let style = cell.style;
    let _ = write!(
        text,
        "{:before$}{style}{cut}{style:#}{:2$}",
        "",
        "",
        padding - before
    );
}

/// The text, or as much of its beginning as fits with an ellipsis.
fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut used = 1;
    let fits = |c: &char| {
        used += c.width().unwrap_or(0);
        used <= width
    };
    let mut cut: String = text.chars().take_while(fits).collect();
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

    fn table() -> Table<3> {
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
}
