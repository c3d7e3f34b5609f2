//! Versions of the interface: eight are announced, and there are two behaviours.

use http::request;
use session_core::domain::token::header::CdiTokenVersion;

use crate::error::ApiError;

/// The announced versions. An SDK takes the largest that it knows; 5.5 and later refresh in another way.
pub(super) const VERSIONS: [&str; 8] = ["3.0", "3.1", "4.0", "5.0", "5.1", "5.2", "5.3", "5.4"];

/// The version of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct CdiVersion(usize);

impl CdiVersion {
    /// Reads the header `cdi-version`; without it the last version is meant.
    pub(super) fn of(head: &request::Parts) -> Result<Self, ApiError> {
        let Some(value) = head.headers.get("cdi-version") else {
            return Ok(Self(VERSIONS.len() - 1));
        };
        VERSIONS
            .iter()
            .position(|version| value.as_bytes() == version.as_bytes())
            .map(Self)
            .ok_or_else(|| {
                ApiError::invalid(format!(
                    "cdi-version must be one of {}",
                    VERSIONS.join(", ")
                ))
            })
    }

    /// Which access tokens it has.
    pub(super) fn access_token(self) -> CdiTokenVersion {
        match self.has_recipe_user() {
            true => CdiTokenVersion::V5,
            false => CdiTokenVersion::V4,
        }
    }

    /// Whether sessions have a `recipeUserId`: from 4.0.
    pub(super) fn has_recipe_user(self) -> bool {
        self.0 >= 2
    }

    /// Whether a refresh has to say which class of key it wants: from 5.0.
    pub(super) fn needs_key_choice(self) -> bool {
        self.0 >= 3
    }
}
