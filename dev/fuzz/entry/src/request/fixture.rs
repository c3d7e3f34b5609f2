//! Deployments with a few sessions in them, made once and set up anew for each input; their tokens have names.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use session_api::Api;
use session_core::domain::config::Config;
use session_core::domain::id::{SessionHandle, UserId};
use session_core::domain::json::Json;
use session_core::domain::lifetime::RequestedLifetime;
use session_core::domain::protocol::Protocol;
use session_core::domain::time::Timestamp;
use session_core::testing::TestPlatform;
use session_service::{Grant, Login, NewBinding, Refreshed, Service, TokenOptions};
use session_store::memory::MemoryStore;
use session_store::{KeyRow, KeyStore, NewSession, SessionStore};

use super::Reply;
use crate::NOW;
use crate::platform::{block_on, platform};

/// What callers must show where API keys are configured.
pub(crate) const API_KEY: &str = "an-api-key-of-some-length";
const MASTER_KEY: &str = "a master key that is long enough for that";

/// What the sessions of the fixtures hold.
const PAYLOAD: &str = r#"{"a": 1.0, "a": 1e400}"#;
const DATA: &str = "[null , 9007199254740993]";

/// The time of day of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    /// When the sessions were made.
    Now,
    /// When their access tokens have expired.
    Later,
    /// When the sessions have expired.
    TooLate,
    /// On a clock that is an hour behind.
    Before,
}

impl When {
    pub(crate) const ALL: [Self; 4] = [Self::Now, Self::Later, Self::TooLate, Self::Before];

    pub(crate) fn time(self) -> Timestamp {
        let hours = |n: u64| Duration::from_secs(n * 3600);
        match self {
            Self::Now => NOW,
            Self::Later => NOW.plus(hours(2)),
            Self::TooLate => NOW.plus(hours(2401)),
            Self::Before => NOW.minus(hours(1)),
        }
    }
}

/// A deployment and what is in its store.
#[derive(Debug)]
pub(crate) struct Fixture {
    pub(crate) config: Config,
    keys: Vec<KeyRow>,
    sessions: Vec<NewSession>,
    /// Names of tokens and handles; an input holds a name where the text is to stand, as in `{{access}}`.
    names: Vec<(&'static str, String)>,
}

/// As it comes; with everything that asks the store more often; with keys that the store does not hold.
pub(crate) static FIXTURES: LazyLock<[Fixture; 3]> = LazyLock::new(|| {
    let settings: [&[(&str, &str)]; 3] = [
        &[],
        &[
            ("api_keys", API_KEY),
            ("access_token_blacklisting", "true"),
            ("on_token_theft", "revoke_session"),
        ],
        &[
            ("master_key", MASTER_KEY),
            ("refresh_reuse_window", "0"),
            ("on_token_theft", "revoke_user"),
        ],
    ];
    settings.map(Fixture::new)
});

impl Fixture {
    fn new(settings: &[(&str, &str)]) -> Self {
        let lookup = |name: &str| {
            let setting = settings.iter().find(|(variable, _)| *variable == name);
            setting.map(|(_, value)| (*value).to_owned())
        };
        let config = Config::parse(&lookup).expect("the settings are right");
        let (store, platform) = (Arc::new(<MemoryStore>::default()), platform(NOW, 1));
        let service = Service::new(Arc::clone(&store), platform, config.clone(), None);
        let [bob, eve, gone] = ["bob", "eve", "gone"].map(|user| create(&service, user));
        let child = refresh(&service, &bob);
        let eves_child = refresh(&service, &eve);
        refresh(&service, &eves_child);
        block_on(service.revoke(Protocol::Native, &gone.session.handle.reveal()))
            .expect("a store in memory");
        let handle = |grant: &Grant| grant.session.handle.reveal();
        let keys = block_on(store.keys()).expect("a store in memory");
        let mut names = vec![
            ("access", bob.access.value.clone()),
            ("refresh", bob.refresh.value.clone()),
            ("id", bob.id_refresh.value.clone()),
            ("handle", handle(&bob)),
            ("child_access", child.access.value),
            ("child_refresh", child.refresh.value),
            ("stolen_access", eve.access.value.clone()),
            ("stolen_refresh", eve.refresh.value.clone()),
            ("stolen_handle", handle(&eve)),
            ("stolen_child", eves_child.refresh.value),
            ("gone_access", gone.access.value.clone()),
            ("gone_refresh", gone.refresh.value.clone()),
            ("gone_handle", handle(&gone)),
        ];
        let sessions = [&bob, &eve].map(|grant| stored(&store, grant.session.handle));
        names.push(("current", sessions[0].stored.current.as_str().to_owned()));
        names.push(("key_rows", key_rows(&keys)));
        Self {
            config,
            keys,
            sessions: sessions.into(),
            names,
        }
    }

    /// The deployment at a time of day.
    pub(super) fn api(&self, when: When) -> Api<MemoryStore, TestPlatform> {
        let store = <MemoryStore>::default();
        block_on(async {
            for session in &self.sessions {
                store.insert(session).await.expect("a store in memory");
            }
            store.add_keys(&self.keys).await.expect("a store in memory");
        });
        let platform = platform(when.time(), 2);
        let service = Service::new(Arc::new(store), platform, self.config.clone(), None);
        Api::Ready(Arc::new(service))
    }

    /// `text` with texts in the places of their names.
    pub(crate) fn fill_in(&self, text: &[u8]) -> Vec<u8> {
        let mut filled = Vec::with_capacity(text.len());
        let mut rest = text;
        while let Some(start) = rest.windows(2).position(|pair| pair == b"{{") {
            let (before, from) = rest.split_at(start);
            filled.extend_from_slice(before);
            let named = self.names.iter().find_map(|(name, text)| {
                let after = from[2..].strip_prefix(name.as_bytes())?;
                Some((text.as_bytes(), after.strip_prefix(b"}}")?))
            });
            // What is no name stays, and the second brace may begin one.
            let (text, after) = named.unwrap_or(from.split_at(1));
            filled.extend_from_slice(text);
            rest = after;
        }
        filled.extend_from_slice(rest);
        filled
    }

    /// Errors and the log tell no secrets.
    ///
    /// # Panics
    /// If they do.
    pub(crate) fn check_secrets(&self, log: &[String], reply: &Reply) {
        let named = self.names.iter().map(|(_, text)| text.as_str());
        let keys = self.keys.iter().map(|row| row.value.as_str());
        let others = [API_KEY, MASTER_KEY, PAYLOAD, DATA];
        let secrets: Vec<&str> = named.chain(keys).chain(others).collect();
        let error = (reply.status != 200).then_some(&reply.body);
        for line in log.iter().chain(error) {
            let told = secrets.iter().find(|secret| line.contains(**secret));
            assert_eq!(told, None, "{line}");
        }
    }
}

/// Rows of the key table as inputs write rows.
fn key_rows(keys: &[KeyRow]) -> String {
    let rows = keys.iter().map(|row| {
        let time = row.time.as_millis();
        format!("{}|{}|#{time}", row.name, row.value)
    });
    rows.collect::<Vec<_>>().join("\n")
}

fn create(service: &Service<MemoryStore, TestPlatform>, user: &str) -> Grant {
    let user = UserId::parse(user).expect("a short name");
    let [payload, data] = [PAYLOAD, DATA].map(|text| Json::parse(text.to_owned()));
    let login = Login {
        user_id: user,
        payload,
        data,
        lifetime: RequestedLifetime::default(),
        client: None,
        authentication: None,
        binding: NewBinding::None,
    };
    block_on(service.create(login, TokenOptions::NATIVE)).expect("a store in memory")
}

fn refresh(service: &Service<MemoryStore, TestPlatform>, grant: &Grant) -> Grant {
    match block_on(service.refresh(&grant.refresh.value, None, None, None, TokenOptions::NATIVE)) {
        Ok(Refreshed::Ok(child)) => *child,
        other => panic!("a good token was refused: {other:?}"),
    }
}

fn stored(store: &MemoryStore, handle: SessionHandle) -> NewSession {
    let handle = handle.hash();
    let stored = block_on(store.find(handle, NOW));
    let data = block_on(store.read_data(handle, NOW));
    NewSession {
        handle,
        stored: stored.ok().flatten().expect("it was just made"),
        data: data.ok().flatten().flatten(),
        sealed: None,
        client: None,
        created_at: NOW,
    }
}
