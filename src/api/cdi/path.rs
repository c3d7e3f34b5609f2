//! Paths: an app and a tenant may stand before the call, and there is one of each.

use session_core::domain::token::shape::cdi::TENANT;

use super::ROUTES;
use crate::error::ApiError;

/// The app that every path may name.
const APP: &str = "/appid-public";

/// Beginnings of paths that belong to this API whether or not there is such a call.
const BEGINNINGS: [&str; 5] = ["/recipe/", "/user/", "/public/", "/appid-", "/.well-known/"];

/// Whether a path belongs to this API.
pub(crate) fn owns(path: &str) -> bool {
    BEGINNINGS.iter().any(|start| path.starts_with(start)) || locate(path).is_some()
}

/// The path of a call without app and tenant, and an error if they are unknown; `None` if there is no such call.
pub(super) fn locate(path: &str) -> Option<(&'static str, Result<(), ApiError>)> {
    let (path, knows_app) = match path.strip_prefix("/appid-") {
        Some(rest) => {
            let end = rest.find('/').unwrap_or(rest.len());
            let (app, path) = path.split_at("/appid-".len() + end);
            (path, app == APP)
        }
        None => (path, true),
    };
    let known = |path: &str| {
        let path = if path.is_empty() { "/" } else { path };
        ROUTES
            .iter()
            .find(|(at, ..)| *at == path)
            .map(|(at, ..)| *at)
    };
    let place = |knows: bool, what: &str| match knows {
        true => Ok(()),
        false => Err(ApiError::invalid(format!(
            "unknown {what}; the only one is public"
        ))),
    };
    if let Some(call) = known(path) {
        return Some((call, place(knows_app, "app")));
    }
    let (tenant, rest) = path.strip_prefix('/')?.split_once('/')?;
    let call = known(&path[path.len() - rest.len() - 1..]).filter(|call| *call != "/")?;
    let place = place(knows_app, "app").and_then(|()| place(tenant == TENANT, "tenant"));
    Some((call, place))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_app_and_a_tenant_may_stand_before_a_call() {
        let found = |path: &str| locate(path).map(|(call, place)| (call, place.is_ok()));
        let create = "/recipe/session";
        for path in [
            "/recipe/session",
            "/public/recipe/session",
            "/appid-public/recipe/session",
            "/appid-public/public/recipe/session",
        ] {
            assert_eq!(found(path), Some((create, true)), "{path}");
        }
        for path in [
            "/other/recipe/session",
            "/appid-other/recipe/session",
            "/appid-/recipe/session",
            "/appid-publi/public/recipe/session",
            "/appid-public/other/recipe/session",
            "/appid-publicc/recipe/session",
        ] {
            assert_eq!(found(path), Some((create, false)), "{path}");
        }
        assert_eq!(found("/"), Some(("/", true)));
        assert_eq!(found("/appid-public"), Some(("/", true)));
        assert_eq!(found("/public/hello"), Some(("/hello", true)));
        for path in [
            "//",
            "/session",
            "/refresh",
            "/recipe",
            "/recipe/session/",
            "/public/public/recipe/session",
        ] {
            assert_eq!(found(path), None, "{path}");
        }
        for native in [
            "/session",
            "/session/all",
            "/session/data",
            "/refresh",
            "/health",
            "/ready",
        ] {
            assert!(!owns(native), "{native}");
        }
        assert!(owns("/recipe/user") && owns("/appid-x/y"));
    }
}
