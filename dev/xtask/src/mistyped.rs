//! Variables in the environment that the application does not have. Spin ignores them in silence.

use session_core::domain::config::SETTINGS;

/// What comes before a variable's name in the environment.
const PREFIX: &str = "SPIN_VARIABLE_";

/// A warning for each of these names that sets no variable, with the variable whose name is the nearest.
pub(crate) fn warnings(names: impl Iterator<Item = String>) -> Vec<String> {
    let variables = names.filter_map(|name| Some(name.strip_prefix(PREFIX)?.to_owned()));
    let mut warnings: Vec<_> = variables
        .filter_map(|name| {
            let known = SETTINGS
                .iter()
                .map(|setting| setting.name.to_ascii_uppercase());
            let distance = |known: &String| strsim::osa_distance(known, &name.to_ascii_uppercase());
            let nearest = known.min_by_key(distance)?;
            (nearest != name).then(|| {
                format!(
                    "{PREFIX}{name} sets no variable of the application. Is it {PREFIX}{nearest}?"
                )
            })
        })
        .collect();
    warnings.sort();
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_variable_is_named_with_the_nearest_one() {
        let names = [
            "SPIN_VARIABLE_API_KEY",
            "SPIN_VARIABLE_API_KEYS",
            "PATH",
            "SPIN_VARIABLE_mysql_pasword",
        ];
        assert_eq!(
            warnings(names.map(str::to_owned).into_iter()),
            [
                "SPIN_VARIABLE_API_KEY sets no variable of the application. Is it SPIN_VARIABLE_API_KEYS?",
                "SPIN_VARIABLE_mysql_pasword sets no variable of the application. Is it \
                 SPIN_VARIABLE_MYSQL_PASSWORD?",
            ]
        );
    }
}
