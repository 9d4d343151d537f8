//! Text in columns.

use unicode_width::UnicodeWidthStr;
/// Rows whose cells begin in the same columns; the last cell of a row is not padded.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn row<T: Into<String>>(&mut self, cells: impl IntoIterator<Item = T>) {
        self.rows.push(cells.into_iter().map(Into::into).collect());
    }

    /// The rows as lines.
    pub(crate) fn lines(&self) -> Vec<String> {
        let widths = self.widths();
        self.rows.iter().map(|row| line(row, &widths)).collect()
    }

    fn widths(&self) -> Vec<usize> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.width()).max().unwrap_or(0)
        };
        (0..columns).map(width).collect()
    }
}

fn line(row: &[String], widths: &[usize]) -> String {
    let mut line = String::new();
    for (cell, width) in row.iter().zip(widths) {
        let padding = width - cell.width() + 2;
        line.push_str(cell);
        line.push_str(&" ".repeat(padding));
    }
    line.truncate(line.trim_end().len());
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_by_their_width_on_screen() {
        let mut table = Table::default();
        table.row(["key", "value"]);
        table.row(["größe", "1"]);
        table.row(["日本", "2"]);
        assert_eq!(table.lines(), ["key    value", "größe  1", "日本   2"]);
    }
}
