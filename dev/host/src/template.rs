//! `{{ variable }}` templates of the manifest. Finding the values is the business of `variables`.

use std::fmt;

/// A string with expressions in double braces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Variable(String),
}

/// A template that has an opening `{{` without its `}}`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unclosed;

impl fmt::Display for Unclosed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("template has a '{{' without '}}'")
    }
}

impl Template {
    /// Splits `source` into text and variable names; blanks around a name don't count.
    pub(crate) fn parse(source: &str) -> Result<Self, Unclosed> {
        let mut parts = Vec::new();
        let mut rest = source;
        while let Some((text, after)) = rest.split_once("{{") {
            let (name, after) = after.split_once("}}").ok_or(Unclosed)?;
            if !text.is_empty() {
                parts.push(Part::Text(text.to_owned()));
            }
            parts.push(Part::Variable(name.trim().to_owned()));
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Self(parts))
    }

    /// The variables in it.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|part| match part {
            Part::Text(_) => None,
            Part::Variable(name) => Some(name.as_str()),
        })
    }

    /// Puts values in place of names; fails with the first name that `lookup` does not know.
    pub(crate) fn fill<'a>(
        &'a self,
        lookup: impl Fn(&str) -> Option<&'a str>,
    ) -> Result<String, &'a str> {
        let mut filled = String::new();
        for part in &self.0 {
            filled.push_str(match part {
                Part::Text(text) => text,
                Part::Variable(name) => lookup(name).ok_or(name.as_str())?,
            });
        }
        Ok(filled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(source: &str) -> Result<String, String> {
        let template = Template::parse(source).map_err(|e| e.to_string())?;
        template
            .fill(|name| match name {
                "host" => Some("db.example"),
                "port" => Some("3306"),
                _ => None,
            })
            .map_err(str::to_owned)
    }

    #[test]
    fn variables_are_filled_in() {
        assert_eq!(fill("").unwrap(), "");
        assert_eq!(fill("plain } text {").unwrap(), "plain } text {");
        assert_eq!(
            fill("mysql://{{ host }}:{{port}}").unwrap(),
            "mysql://db.example:3306"
        );
    }

    #[test]
    fn unknown_names_and_open_braces_are_errors() {
        assert_eq!(fill("a {{ nobody }} b"), Err("nobody".to_owned()));
        assert_eq!(fill("a {{ host"), Err(Unclosed.to_string()));
    }
}
