//! Aligned columns, for listings such as `image tally`.

/// On which side of its column a cell stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// Rows of cells, each column as wide as its widest cell, three blanks apart.
#[derive(Clone, Debug)]
pub struct Columns {
    aligns: Vec<Align>,
    rows: Vec<Vec<String>>,
}

impl Columns {
    /// No rows yet.
    pub fn new(aligns: &[Align]) -> Self {
        Self {
            aligns: aligns.to_vec(),
            rows: Vec::new(),
        }
    }

    /// Adds a row. Cells beyond the columns are left out, missing ones are empty.
    pub fn row<Cell: Into<String>>(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(
            cells
                .into_iter()
                .map(Into::into)
                .take(self.aligns.len())
                .collect(),
        );
    }

    /// The lines, each with its line end and no blanks before it.
    pub fn render(&self) -> String {
        let widths: Vec<usize> = (0..self.aligns.len())
            .map(|column| self.width(column))
            .collect();
        self.rows
            .iter()
            .map(|row| self.line(row, &widths))
            .collect()
    }

    fn width(&self, column: usize) -> usize {
        let cells = self.rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    }

    fn line(&self, row: &[String], widths: &[usize]) -> String {
        let cells = row.iter().zip(&self.aligns).zip(widths);
        let padded = cells.map(|((cell, align), &width)| match align {
            Align::Left => format!("{cell:<width$}"),
            Align::Right => format!("{cell:>width$}"),
        });
        let line = padded.collect::<Vec<_>>().join("   ");
        format!("{}\n", line.trim_end())
    }
}

#[cfg(test)]
mod checks {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut columns = Columns::new(&[Align::Left, Align::Right, Align::Left]);
        columns.row(["Counter", "1,204", "é"]);
        columns.row(["A", "7"]);
        columns.row(["Bb", "12", "x", "beyond"]);
        assert_eq!(
            columns.render(),
            "Counter   1,204   é\nA             7\nBb           12   x\n"
        );
    }
}
