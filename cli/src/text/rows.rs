use std::fmt;

use super::{BOLD, Cell, DIM};

/// Rows under headings.
#[derive(Debug)]
pub struct Table {
    widths: Vec<usize>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// An empty table.
    pub fn new<const N: usize>(headings: [&str; N]) -> Self {
        let mut table = Self { widths: vec![0; N], rows: Vec::new() };
        table.row(headings.map(|heading| Cell::new(BOLD, heading)));
        table
    }

    /// Adds a row.
    pub fn row<const N: usize>(&mut self, cells: [Cell; N]) {
        for (width, cell) in self.widths.iter_mut().zip(&cells) {
            *width = cell.width().max(*width);
        }
        self.rows.push(cells.into());
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, row) in self.rows.iter().enumerate() {
            if n > 0 {
                writeln!(f)?;
            }
            f.write_str(&line(row, &self.widths))?;
        }
        Ok(())
    }
}

/// Cells side by side, each at least so wide; the last is not padded.
pub fn line(cells: &[Cell], widths: &[usize]) -> String {
    let used = cells.iter().rposition(|cell| !cell.text.is_empty()).map_or(0, |last| last + 1);
    let cell = |(n, (cell, width)): (usize, (&Cell, &usize))| match n + 1 == used {
        true => cell.to_string(),
        false => format!("{}  ", cell.padded(*width)),
    };
    cells.iter().zip(widths).take(used).enumerate().map(cell).collect()
}

/// One thing: what it is, and its properties below.
#[derive(Debug)]
pub struct Details {
    title: Option<(Cell, Cell)>,
    rows: Vec<(&'static str, Cell)>,
}

impl Details {
    /// Begins with a status and what has it.
    pub fn of(status: impl AsRef<str>, name: impl AsRef<str>) -> Self {
        Self { title: Some((Cell::status(status), Cell::new(BOLD, name))), rows: Vec::new() }
    }

    /// Begins with an empty line.
    pub fn untitled() -> Self {
        Self { title: None, rows: Vec::new() }
    }

    /// Adds a property, unless it is empty.
    pub fn with(mut self, name: &'static str, value: impl Into<Cell>) -> Self {
        let value = value.into();
        if !value.text.is_empty() {
            self.rows.push((name, value));
        }
        self
    }
}

impl fmt::Display for Details {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((status, name)) = &self.title {
            write!(f, "{status} {name}")?;
        }
        let width = self.rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0) + 2;
        for (name, value) in &self.rows {
            write!(f, "\n  {}{value}", Cell::new(DIM, name).padded(width))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: impl fmt::Display) -> String {
        anstream::adapter::strip_str(&text.to_string()).to_string()
    }

    #[test]
    fn columns_are_as_wide_as_they_must_be() {
        let mut table = Table::new(["ID", "STATUS", "NOTE"]);
        table.row(["größe".into(), Cell::status("paused"), "why".into()]);
        table.row(["x".into(), Cell::status("scheduled"), "".into()]);
        insta::assert_snapshot!(plain(table), @r"
        ID     STATUS     NOTE
        größe  paused     why
        x      scheduled
        ");
    }

    #[test]
    fn details_stand_below_their_title() {
        let details =
            Details::of("started", "hello").with("run", "r-1").with("note", "").with("event", "e-1");
        insta::assert_snapshot!(plain(details), @r"
        started hello
          run    r-1
          event  e-1
        ");
    }
}
