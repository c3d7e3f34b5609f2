//! All settings of a component in one variable, so that reading them is one call of the host's instead of one for each.
//!
//! The manifest makes it: `settings = "database={{ database }}\u001fmysql_host={{ mysql_host }}…"`.

use std::collections::BTreeMap;

/// The variable's name.
pub const VARIABLE: &str = "settings";

/// Between two settings: the unit separator, which no value has.
pub const SEPARATOR: char = '\u{1f}';

/// The values by their settings' names.
///
/// # Errors
/// The number of the first part that is not `NAME=VALUE`, counted from 0: a value has the separator in it.
pub fn split(text: &str) -> Result<BTreeMap<String, String>, usize> {
    let parts = text.split(SEPARATOR).enumerate();
    parts
        .map(|(index, part)| {
            let (name, value) = part.split_once('=').ok_or(index)?;
            Ok((name.to_owned(), value.to_owned()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_split() {
        let text = "database=mysql\u{1f}mysql_host=\u{1f}mysql_password=a=b {c}\n,";
        let values = [
            ("database", "mysql"),
            ("mysql_host", ""),
            ("mysql_password", "a=b {c}\n,"),
        ];
        let values = values.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(split(text), Ok(BTreeMap::from(values)));
    }

    #[test]
    fn a_separator_in_a_value_is_noticed() {
        assert_eq!(
            split("database=sqlite\u{1f}mysql_password=a\u{1f}b"),
            Err(2)
        );
        assert_eq!(split(""), Err(0));
    }
}
