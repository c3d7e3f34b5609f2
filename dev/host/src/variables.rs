//! Values of the application's variables: where they come from, in Spin's order.

use std::collections::{BTreeMap, HashMap};

use crate::manifest;

/// A source of values; the first that has one wins.
pub(crate) enum Provider {
    /// Names and values written down: `--variable`, or `type = "static"`.
    Static(HashMap<String, String>),
    /// `PREFIX_NAME` in the process's environment.
    Environment {
        /// `SPIN_VARIABLE` unless configured otherwise.
        prefix: String,
    },
}

impl Provider {
    /// The environment as Spin reads it by default.
    pub(crate) fn default_environment() -> Self {
        Self::Environment {
            prefix: "SPIN_VARIABLE".to_owned(),
        }
    }

    fn get(&self, name: &str) -> Option<String> {
        match self {
            Self::Static(values) => values.get(name).cloned(),
            Self::Environment { prefix } => {
                std::env::var(format!("{prefix}_{}", name.to_ascii_uppercase())).ok()
            }
        }
    }
}

/// Decides every application variable once: providers don't change while the host runs.
/// Required variables that nobody provides are added to `mistakes`.
pub(crate) fn resolve(
    declared: &BTreeMap<String, manifest::Variable>,
    providers: &[Provider],
    mistakes: &mut Vec<String>,
) -> HashMap<String, String> {
    let mut values = HashMap::new();
    for (name, variable) in declared {
        let provided = providers.iter().find_map(|provider| provider.get(name));
        match provided.or_else(|| variable.default.clone()) {
            Some(value) => {
                values.insert(name.clone(), value);
            }
            None => mistakes.push(format!(
                "variable '{name}' is required and has no value (set it with --variable {name}=… \
                 or SPIN_VARIABLE_{})",
                name.to_ascii_uppercase()
            )),
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variable(toml: &str) -> manifest::Variable {
        toml::from_str(toml).unwrap()
    }

    #[test]
    fn the_first_provider_wins_over_later_ones_and_the_default() {
        let declared = BTreeMap::from([
            ("both".to_owned(), variable("default = 'default'")),
            ("late".to_owned(), variable("default = 'default'")),
            ("none".to_owned(), variable("default = 'default'")),
        ]);
        let of = |pairs: &[(&str, &str)]| {
            Provider::Static(
                pairs
                    .iter()
                    .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                    .collect(),
            )
        };
        let providers = [
            of(&[("both", "first")]),
            of(&[("both", "second"), ("late", "second")]),
        ];
        let mut mistakes = Vec::new();
        let values = resolve(&declared, &providers, &mut mistakes);
        assert_eq!(values["both"], "first");
        assert_eq!(values["late"], "second");
        assert_eq!(values["none"], "default");
        assert!(mistakes.is_empty());
    }

    #[test]
    fn a_required_variable_without_a_value_is_a_mistake() {
        let declared = BTreeMap::from([("token".to_owned(), variable("required = true"))]);
        let mut mistakes = Vec::new();
        resolve(&declared, &[], &mut mistakes);
        assert_eq!(mistakes.len(), 1);
        assert!(
            mistakes[0].contains("SPIN_VARIABLE_TOKEN"),
            "{}",
            mistakes[0]
        );
    }
}
