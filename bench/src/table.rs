//! Tables for terminals that are Markdown as well.

/// A table with a heading row.
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
    /// This many columns, the first ones, are words; the others are numbers.
    words: usize,
}

impl Table {
    /// A table with these headings.
    pub(crate) fn new(headings: &[impl AsRef<str>], words: usize) -> Self {
        let headings = headings.iter().map(|heading| heading.as_ref().to_owned());
        Self {
            rows: vec![headings.collect()],
            words,
        }
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, cells: Vec<String>) {
        debug_assert_eq!(cells.len(), self.rows[0].len());
        self.rows.push(cells);
    }

    /// The text, with a line break at its end.
    pub(crate) fn render(&self) -> String {
        let columns = self.rows[0].len();
        let widths: Vec<usize> = (0..columns)
            .map(|column| {
                let cells = self.rows.iter().map(|row| row[column].chars().count());
                cells.max().unwrap_or(0).max(3)
            })
            .collect();
        let mut text = String::new();
        for (index, row) in self.rows.iter().enumerate() {
            let cells = row.iter().zip(&widths).enumerate();
            let cells = cells.map(|(column, (cell, &width))| match column < self.words {
                true => format!("{cell:<width$}"),
                false => format!("{cell:>width$}"),
            });
            text += &line(cells.collect());
            if index == 0 {
                let rule = widths.iter().enumerate();
                let rule = rule.map(|(column, &width)| match column < self.words {
                    true => "-".repeat(width),
                    false => "-".repeat(width - 1) + ":",
                });
                text += &line(rule.collect());
            }
        }
        text
    }
}

fn line(cells: Vec<String>) -> String {
    format!("| {} |\n", cells.join(" | "))
}

/// A number with commas between thousands, without decimals.
pub(crate) fn whole(number: f64) -> String {
    let digits = format!("{:.0}", number.max(0.0));
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number with two decimals.
pub(crate) fn fine(number: f64) -> String {
    format!("{number:.2}")
}

/// With three digits after the point.
pub(crate) fn finest(number: f64) -> String {
    format!("{number:.3}")
}

/// What stands where there is nothing to say.
pub(crate) fn nothing() -> String {
    "–".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_aligned_and_markdown() {
        let mut table = Table::new(&["name", "n"], 1);
        table.row(vec!["a".to_owned(), whole(1234.4)]);
        table.row(vec!["b".to_owned(), nothing()]);
        let expected = "\
| name |     n |
| ---- | ----: |
| a    | 1,234 |
| b    |     – |
";
        assert_eq!(table.render(), expected);
    }

    #[test]
    fn thousands_are_separated() {
        let numbers = [0.0, 999.0, 1000.0, 1_234_567.0];
        assert_eq!(numbers.map(whole), ["0", "999", "1,000", "1,234,567"]);
    }
}
