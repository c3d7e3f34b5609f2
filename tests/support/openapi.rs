//! Holds every reply that a test gets against docs/openapi.yaml.

use std::collections::{BTreeMap, HashMap};
use std::sync::{LazyLock, Mutex};

use jsonschema::Validator;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::reply::Reply;

/// The document.
static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    let path = testbed::workspace_root().join("docs/openapi.yaml");
    let text = std::fs::read_to_string(path).expect("docs/openapi.yaml can be read");
    serde_saphyr::from_str(&text).expect("docs/openapi.yaml is YAML")
});

/// One for each part of the document that was needed, by its JSON pointer.
static VALIDATORS: LazyLock<Mutex<HashMap<String, &'static Validator>>> =
    LazyLock::new(Mutex::default);

/// Fails the test whose reply is not as the document says.
#[track_caller]
pub(crate) fn check(method: &str, path: &str, reply: &Reply) {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    if is_of_the_core_driver_interface(path) {
        return;
    }
    let response = response(method, path, reply.status);
    // The listener refuses what is no HTTP by itself, without a body; a reply to HEAD has none.
    if reply.body.is_empty() {
        return;
    }
    let media_type = reply
        .headers
        .get("content-type")
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .unwrap_or_default();
    let content = format!("{response}/content/{}", escaped(media_type));
    assert!(
        DOCUMENT.pointer(&content).is_some(),
        "{method} {path} answers {media_type} with {}, of which docs/openapi.yaml knows nothing",
        reply.status,
    );
    if media_type != "application/json" {
        return;
    }
    let body = readable(&reply.body)
        .unwrap_or_else(|| panic!("{method} {path}: the reply is not JSON: {reply:?}"));
    let problems: Vec<_> = validator(&format!("{content}/schema"))
        .iter_errors(&body)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(
        problems.is_empty(),
        "{method} {path} does not answer as docs/openapi.yaml says: {problems:#?}\n{reply:?}"
    );
}

/// docs/supertokens.md is about those.
fn is_of_the_core_driver_interface(path: &str) -> bool {
    let first = path.split('/').nth(1).unwrap_or_default();
    let names = ["", "apiversion", "hello", "public", "recipe", "user"];
    names.contains(&first) || first.starts_with("appid-")
}

/// Where the document describes a reply: paths that it does not know answer with an error.
fn response(method: &str, path: &str, status: u16) -> String {
    let method = match method {
        "HEAD" => "get".to_owned(),
        method => method.to_lowercase(),
    };
    let operation = format!("/paths/{}/{method}/responses", escaped(path));
    let responses = DOCUMENT.pointer(&operation);
    let described = [status.to_string(), "default".to_owned()]
        .into_iter()
        .find(|key| responses.is_some_and(|responses| responses.get(key).is_some()))
        .map(|key| format!("{operation}/{key}"));
    let pointer = match described {
        Some(pointer) => pointer,
        None if status >= 400 => "/components/responses/Error".to_owned(),
        None => panic!("docs/openapi.yaml knows no {status} of {method} {path}"),
    };
    match DOCUMENT.pointer(&format!("{pointer}/$ref")) {
        Some(reference) => reference.as_str().unwrap_or_default()[1..].to_owned(),
        None => pointer,
    }
}

fn validator(pointer: &str) -> &'static Validator {
    let mut validators = VALIDATORS.lock().expect("no holder of this lock panics");
    validators.entry(pointer.to_owned()).or_insert_with(|| {
        let schema = json!({
            "$ref": format!("#{pointer}"),
            "paths": DOCUMENT["paths"],
            "components": DOCUMENT["components"],
        });
        let validator = jsonschema::draft202012::new(&schema)
            .unwrap_or_else(|error| panic!("docs/openapi.yaml{pointer}: {error}"));
        Box::leak(Box::new(validator))
    })
}

/// A body without what callers chose: JSON that no parser of values takes (`1e400`, any depth) comes back as it was.
fn readable(body: &[u8]) -> Option<Value> {
    let members: BTreeMap<String, &RawValue> = serde_json::from_slice(body).ok()?;
    members
        .into_iter()
        .map(|(name, text)| {
            let value = match &*name {
                "jwtPayload" | "sessionData" => Some(Value::Null),
                "session" => readable(text.get().as_bytes()),
                _ => serde_json::from_str(text.get()).ok(),
            };
            Some((name, value?))
        })
        .collect()
}

/// A name in a JSON pointer (RFC 6901 §3).
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
