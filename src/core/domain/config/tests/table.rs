//! The table of the settings: its defaults are allowed, and each component has what it needs.

use crate::domain::config::SETTINGS;
use crate::domain::setting::{Kind, NeededBy, refusal};

#[test]
fn every_default_is_allowed() {
    for setting in SETTINGS {
        let name = setting.name;
        match setting.kind {
            Kind::Text | Kind::Secret => {}
            Kind::Word(_) | Kind::Number { .. } if setting.default.is_empty() => {}
            kind => assert_eq!(refusal(kind, setting.default), None, "{name}"),
        }
        assert!(!setting.is_secret() || setting.default.is_empty(), "{name}");
    }
    let mut names: Vec<_> = SETTINGS.iter().map(|setting| setting.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), SETTINGS.len());
}

/// Who reaches the API is nothing to the clean-up, and a mistake there must not stop it.
#[test]
fn the_scheduled_component_has_no_api_keys() {
    let only_http = SETTINGS
        .iter()
        .filter(|setting| setting.needed_by == NeededBy::Http);
    let names: Vec<_> = only_http.map(|setting| setting.name).collect();
    assert!(names.contains(&"api_keys"), "{names:?}");
    assert!(!names.contains(&"master_key"), "{names:?}");
}
