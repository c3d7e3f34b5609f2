//! Values of the application's variables: where they come from, in Spin's order, and the two
//! interfaces through which a component reads its own.

use std::collections::{BTreeMap, HashMap};

use wasmtime::component::Accessor;

use crate::bindings::imports::fermyon::spin::variables as v2;
use crate::bindings::imports::spin::variables::variables as v3;
use crate::faults::{Call, Operation, Verdict};
use crate::guest::{Guest, GuestData, Instance};
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

/// Whether `name` is lower-case snake case, which is all that Spin allows.
pub(crate) fn is_valid_name(name: &str) -> bool {
    name.split('_').all(|word| {
        !word.is_empty()
            && word
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    }) && name.starts_with(|c: char| c.is_ascii_lowercase())
}

/// What Spin's guests are told then is the provider's own text.
const PROVIDER_FAILED: &str = "the provider at secrets.internal did not answer";

enum Missing {
    InvalidName(String),
    Undefined(String),
    /// The fault rules want its provider to fail.
    Provider,
}

async fn get(instance: &Instance, name: &str) -> Result<String, Missing> {
    if let Some(instruments) = &instance.app.instruments {
        let call = Call {
            database: None,
            operation: Operation::Variable,
            sql: name,
        };
        if instruments.faults.meet(call).await != Verdict::Proceed {
            return Err(Missing::Provider);
        }
    }
    if !is_valid_name(name) {
        return Err(Missing::InvalidName(format!(
            "{name:?} is not lower-case snake case"
        )));
    }
    let component = &instance.component;
    component
        .variables
        .get(name)
        .cloned()
        .ok_or_else(|| Missing::Undefined(format!("no variable for {:?}.{name:?}", component.id)))
}

impl v3::Host for Guest {}

impl<T: Send> v3::HostWithStore<T> for GuestData {
    async fn get(
        accessor: &Accessor<T, Self>,
        name: String,
    ) -> wasmtime::Result<Result<String, v3::Error>> {
        let instance = accessor.with(|mut access| access.get().instance.clone());
        Ok(get(&instance, &name)
            .await
            .map_err(|missing| match missing {
                Missing::InvalidName(text) => v3::Error::InvalidName(text),
                Missing::Undefined(text) => v3::Error::Undefined(text),
                Missing::Provider => v3::Error::Provider(PROVIDER_FAILED.to_owned()),
            }))
    }
}

impl v2::Host for Guest {
    async fn get(&mut self, name: String) -> wasmtime::Result<Result<String, v2::Error>> {
        Ok(get(&self.instance, &name)
            .await
            .map_err(|missing| match missing {
                Missing::InvalidName(text) => v2::Error::InvalidName(text),
                Missing::Undefined(text) => v2::Error::Undefined(text),
                Missing::Provider => v2::Error::Provider(PROVIDER_FAILED.to_owned()),
            }))
    }
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

    #[test]
    fn names_are_lower_snake_case() {
        for good in ["a", "mysql_host", "key2"] {
            assert!(is_valid_name(good), "{good}");
        }
        for bad in ["", "A", "2a", "_a", "a_", "a__b", "a-b", "é"] {
            assert!(!is_valid_name(bad), "{bad}");
        }
    }
}
