//! The session calls of SuperTokens' SDKs: all of them, their statements, and handles that cannot be listed.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use session_tests::prelude::*;

/// An SDK, as it speaks to the service.
pub(crate) struct Sdk<'a>(pub(crate) &'a Client);

/// A session as an SDK holds it.
pub(crate) struct Held {
    pub(crate) handle: String,
    pub(crate) access: String,
    pub(crate) refresh: String,
}

impl Held {
    #[track_caller]
    pub(crate) fn of(answer: &Value) -> Self {
        assert_eq!(answer["status"], "OK", "{answer}");
        let text = |pointer| answer.pointer(pointer).and_then(Value::as_str);
        let text = |pointer| text(pointer).expect("it is in the answer").to_owned();
        Self {
            handle: text("/session/handle"),
            access: text("/accessToken/token"),
            refresh: text("/refreshToken/token"),
        }
    }
}

impl Sdk<'_> {
    pub(crate) const HEADERS: [(&'static str, &'static str); 3] = [
        ("cdi-version", "5.4"),
        ("rid", "session"),
        ("content-type", "application/json; charset=utf-8"),
    ];

    pub(crate) async fn send(&self, method: &str, path: &str, body: Value) -> Reply {
        let body = match body {
            Value::Null => String::new(),
            body => body.to_string(),
        };
        self.0.send(method, path, &Self::HEADERS, body).await
    }

    /// The body of a 200.
    pub(crate) async fn call(&self, method: &str, path: &str, body: Value) -> Value {
        let reply = self.send(method, path, body).await;
        assert_eq!(reply.status, 200, "{method} {path}: {reply:?}");
        serde_json::from_slice(&reply.body).expect("a 200 is JSON")
    }

    pub(crate) async fn create(&self, user: &str) -> Held {
        let body = json!({"userId": user, "userDataInJWT": {"role": "admin", "n": {"a": null}},
            "userDataInDatabase": {"cart": [1]}, "enableAntiCsrf": false});
        Held::of(&self.call("POST", "/public/recipe/session", body).await)
    }

    pub(crate) async fn verify(&self, access: &str, database: bool) -> Value {
        let body = json!({"accessToken": access, "doAntiCsrfCheck": false,
            "enableAntiCsrf": false, "checkDatabase": database});
        self.call("POST", "/recipe/session/verify", body).await
    }

    pub(crate) async fn refresh(&self, refresh: &str) -> Value {
        let body = json!({"refreshToken": refresh, "enableAntiCsrf": false,
            "useDynamicSigningKey": true});
        self.call("POST", "/recipe/session/refresh", body).await
    }

    async fn regenerate(&self, body: Value) -> Value {
        self.call("POST", "/recipe/session/regenerate", body).await
    }

    async fn information(&self, handle: &str) -> Value {
        let path = format!("/recipe/session?sessionHandle={handle}");
        self.call("GET", &path, Value::Null).await
    }

    async fn list(&self, user: &str) -> BTreeSet<String> {
        let path = format!("/recipe/session/user?userId={user}");
        strings(&self.call("GET", &path, Value::Null).await["sessionHandles"])
    }

    async fn remove(&self, body: Value) -> BTreeSet<String> {
        let answer = self.call("POST", "/recipe/session/remove", body).await;
        strings(&answer["sessionHandlesRevoked"])
    }

    pub(crate) async fn key_set(&self) -> Value {
        self.call("GET", "/.well-known/jwks.json", Value::Null)
            .await
    }
}

fn strings(list: &Value) -> BTreeSet<String> {
    let strings = list.as_array().expect("a list").iter();
    let strings = strings.map(|text| text.as_str().expect("of strings").to_owned());
    strings.collect()
}

fn set<const N: usize>(of: [&Held; N]) -> BTreeSet<String> {
    of.map(|held| held.handle.clone()).into()
}

#[test_on(everywhere)]
async fn a_session_goes_through_every_call(db: Backend) {
    let service = db.service().set("cdi", true).start().await;
    let sdk = Sdk(&service);
    let (held, other) = (sdk.create("ada").await, sdk.create("ada").await);
    assert_eq!(sdk.list("ada").await, set([&held, &other]));
    assert_eq!(sdk.verify(&held.access, true).await["status"], "OK");
    let child = Held::of(&sdk.refresh(&held.refresh).await);
    let confirmed = sdk.verify(&child.access, false).await;
    let access = confirmed["accessToken"]["token"].as_str();
    let access = access.expect("a child is replaced").to_owned();
    let theft = json!({"status": "TOKEN_THEFT_DETECTED",
        "session": {"handle": held.handle, "userId": "ada", "recipeUserId": "ada"}});
    assert_eq!(sdk.refresh(&held.refresh).await, theft);

    let long = "x".repeat(65_000);
    let payload = json!({"a": null, "b": {"c": [null, {"d": "\u{0}\"\\ 🦀"}]}, "long": long});
    let body = json!({"accessToken": access, "userDataInJWT": payload});
    let regenerated = sdk.regenerate(body).await;
    assert_eq!(regenerated["session"]["userDataInJWT"], payload);
    let token = regenerated["accessToken"]["token"].as_str();
    assert_eq!(
        Jwt::parse(token.expect("it is good")).claims["b"],
        payload["b"]
    );
    let unchanged = sdk.verify(token.expect("it is good"), true).await;
    assert_eq!(
        unchanged.get("accessToken"),
        None,
        "what is stored is what it carries"
    );
    let data = json!({"sessionHandle": held.handle, "userDataInDatabase": {"z": 1, "a": [null]}});
    let written = sdk.call("PUT", "/recipe/session/data", data).await;
    assert_eq!(written, json!({"status": "OK"}));
    let information = sdk.information(&held.handle).await;
    assert_eq!(
        information["userDataInDatabase"],
        json!({"z": 1, "a": [null]})
    );
    assert_eq!(information["userDataInJWT"], payload);
    let body = json!({"sessionHandle": held.handle, "userDataInJWT": {}});
    let written = sdk.call("PUT", "/recipe/jwt/data", body).await;
    assert_eq!(written, json!({"status": "OK"}));
    assert_eq!(
        sdk.verify(&access, true).await["session"]["userDataInJWT"],
        json!({})
    );

    let several = json!({"sessionHandles": [held.handle, held.handle, "x"]});
    assert_eq!(sdk.remove(several).await, set([&held]));
    assert_eq!(
        sdk.information(&held.handle).await["status"],
        "UNAUTHORISED"
    );
    assert_eq!(sdk.verify(&access, true).await["status"], "UNAUTHORISED");
    assert_eq!(sdk.refresh(&child.refresh).await["status"], "UNAUTHORISED");
    assert_eq!(sdk.remove(json!({"userId": "ada"})).await, set([&other]));
    assert_eq!(sdk.list("ada").await, set([]));
    service.assert_no_traps().await;
}

/// The table in docs/supertokens.md.
#[test_on(everywhere)]
async fn each_call_takes_as_many_statements_as_documented(db: Backend) {
    let service = db.service().set("cdi", true).one_instance().start().await;
    service.freeze().await;
    let sdk = Sdk(&service);
    let (held, other) = (sdk.create("ada").await, sdk.create("ada").await);
    let more = [sdk.create("ada").await, sdk.create("ada").await];
    sdk.information(&held.handle).await;
    sdk.refresh(&held.refresh).await;
    let count = async || {
        let statements = service.statements().await;
        service.forget_statements().await;
        statements
    };
    count().await;

    sdk.create("bob").await;
    assert_eq!(count().await, 1, "create");
    sdk.verify(&held.access, false).await;
    sdk.verify("x", true).await;
    sdk.refresh("x").await;
    assert_eq!(count().await, 0, "verify; refuse what is not genuine");
    sdk.verify(&held.access, true).await;
    assert_eq!(count().await, 1, "verify with checkDatabase");
    let child = Held::of(&sdk.refresh(&held.refresh).await);
    assert_eq!(count().await, 1, "refresh");
    sdk.verify(&child.access, false).await;
    assert_eq!(count().await, 2, "verify a child");
    let grandchild = Held::of(&sdk.refresh(&child.refresh).await);
    assert_eq!(count().await, 1, "refresh of the current token");
    sdk.refresh(&grandchild.refresh).await;
    assert_eq!(count().await, 3, "refresh of a child");
    sdk.regenerate(json!({"accessToken": held.access, "userDataInJWT": {"a": 1}}))
        .await;
    assert_eq!(count().await, 2, "regenerate");
    sdk.regenerate(json!({"accessToken": held.access})).await;
    assert_eq!(count().await, 1, "regenerate without a payload");
    sdk.information(&held.handle).await;
    assert_eq!(count().await, 1, "information");
    let body = json!({"sessionHandle": held.handle, "userDataInDatabase": {}, "userDataInJWT": {}});
    for path in ["/recipe/session/data", "/recipe/jwt/data"] {
        sdk.call("PUT", path, body.clone()).await;
        assert_eq!(count().await, 2, "{path}");
    }
    sdk.list("ada").await;
    assert_eq!(count().await, 1, "list");
    sdk.remove(json!({"sessionHandles": [held.handle]})).await;
    assert_eq!(count().await, 2, "remove one");
    let handles = json!({"sessionHandles": [other.handle, more[0].handle]});
    assert_eq!(sdk.remove(handles).await.len(), 2);
    assert_eq!(count().await, 2, "remove several");
    assert_eq!(sdk.remove(json!({"userId": "ada"})).await.len(), 1);
    assert_eq!(count().await, 3, "remove a user's");
    for path in [
        "/apiversion",
        "/user/id?userId=ada",
        "/.well-known/jwks.json",
    ] {
        sdk.call("GET", path, Value::Null).await;
        assert_eq!(count().await, 0, "{path}");
    }
}

/// As after an upgrade in place from the version before.
#[test_on(everywhere)]
async fn sessions_from_before_handles_were_sealed_live_on_without_one(db: Backend) {
    let place = db.place().await;
    let before = place.service().set("cdi", true).start().await;
    let old = Sdk(&before).create("ada").await;
    let native = before.create("ada").await;
    drop(before);
    let sql = "ALTER TABLE refresh_tokens DROP COLUMN handle_sealed";
    place.tables().query(sql, &[]).await;

    let service = place.service().set("cdi", true).start().await;
    let sdk = Sdk(&service);
    assert_eq!(sdk.verify(&old.access, true).await["status"], "OK");
    assert_eq!(sdk.list("ada").await, set([]));
    let new = sdk.create("ada").await;
    assert_eq!(sdk.list("ada").await, set([&new]));
    let listed = service
        .send("GET", "/session/all?userId=ada", &[], "")
        .await;
    // Whose they are, nobody can tell; that they are there, everybody.
    let sessions = listed.part("sessions").expect("a list");
    assert_eq!(sessions.matches("createdAt").count(), 2);
    assert!(!sessions.contains("handle"), "{sessions}");
    let old = Held::of(&sdk.refresh(&old.refresh).await);
    assert_eq!(sdk.information(&old.handle).await["status"], "OK");
    assert_eq!(service.refresh(&native.refresh.value).await.answer(), "OK");
    assert_eq!(sdk.remove(json!({"userId": "ada"})).await, set([&new]));
    assert_eq!(sdk.refresh(&old.refresh).await["status"], "UNAUTHORISED");
    assert_eq!(service.data(&native.handle).await.answer(), "UNAUTHORISED");
}

/// And its tokens are refused; while both are named nobody notices.
#[test_on(everywhere)]
async fn handles_that_a_forgotten_master_key_sealed_are_left_out(db: Backend) {
    const OLD: &str = "the old master key of this deployment 0123456789";
    const NEW: &str = "the new master key of this deployment 9876543210";
    let place = db.place().await;
    let start = |masters: String| place.service().set("cdi", true).set("master_key", masters);
    let service = start(OLD.to_owned()).start().await;
    let old = Sdk(&service).create("ada").await;
    drop(service);

    for both in [format!("{OLD},{NEW}"), format!("{NEW},{OLD}")] {
        let service = start(both).start().await;
        let sdk = Sdk(&service);
        assert_eq!(sdk.verify(&old.access, true).await["status"], "OK");
        assert_eq!(sdk.list("ada").await, set([&old]));
        let published = kids(&sdk.key_set().await);
        assert!(
            published.contains(&Jwt::parse(&old.access).kid()),
            "{published:?}"
        );
        let made = sdk.create("bob").await;
        let kid = Jwt::parse(&made.access).kid();
        assert!(published.contains(&kid), "{kid} of {published:?}");
    }
    let service = start(NEW.to_owned()).start().await;
    let sdk = Sdk(&service);
    let new = sdk.create("ada").await;
    assert_eq!(sdk.list("ada").await, set([&new]));
    assert_eq!(
        sdk.verify(&old.access, true).await["status"],
        "TRY_REFRESH_TOKEN"
    );
    assert_eq!(sdk.refresh(&old.refresh).await["status"], "UNAUTHORISED");
    let published = kids(&sdk.key_set().await);
    assert!(
        !published.contains(&Jwt::parse(&old.access).kid()),
        "{published:?}"
    );
    // What cannot be listed can be revoked.
    assert_eq!(sdk.remove(json!({"userId": "ada"})).await, set([&new]));
    assert_eq!(sdk.information(&old.handle).await["status"], "UNAUTHORISED");
}

/// The names of the keys in a set.
pub(crate) fn kids(key_set: &Value) -> BTreeSet<String> {
    let keys = key_set["keys"].as_array().expect("a list").iter();
    let kids = keys.map(|key| key["kid"].as_str().expect("a name").to_owned());
    kids.collect()
}
