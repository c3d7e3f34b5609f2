//! The use cases over a store in memory, on a platform whose time the test moves.

mod authentication;
mod device;
mod endings;
mod feed;
mod fleet;
mod flows;
mod histories;
mod key_set;
mod keys;
mod lifetimes;
mod list;
mod master_key;
mod metrics;
mod model;
mod parties;
mod races;
mod rotation;
mod session_limit;
mod theft;
mod thief;
mod timing;

use std::sync::Arc;
use std::time::Duration;

use session_core::domain::id::UserId;
use session_core::domain::json::Json;
use session_core::domain::lifetime::RequestedLifetime;
use session_core::domain::protocol::Protocol;
use session_core::testing::{TestPlatform, config, ready};
use session_store::testing::WatchedStore;

use super::{
    Check, Grant, Login, NewBinding, Refreshed, Service, ServiceError, SessionInfo, Token,
    TokenOptions, Verified,
};

type TestService = Service<WatchedStore, TestPlatform>;

/// A slot of the default settings.
const SLOT: Duration = Duration::from_secs(10);

/// Requests that so many seconds lie between are of no race, by the default settings.
const APART: u64 = 80;

/// A database, a clock, and one instance of the service.
struct World {
    store: Arc<WatchedStore>,
    platform: Arc<TestPlatform>,
    service: Arc<TestService>,
}

impl World {
    fn new(settings: &[(&str, &str)]) -> Self {
        let (store, platform) = (Arc::default(), TestPlatform::new(1));
        let service = instance(&store, &platform, settings);
        Self {
            store,
            platform,
            service,
        }
    }

    /// Another instance, perhaps with other settings.
    fn instance(&self, settings: &[(&str, &str)]) -> Arc<TestService> {
        instance(&self.store, &self.platform, settings)
    }

    fn wait(&self, secs: u64) {
        self.platform.advance(Duration::from_secs(secs));
    }

    fn create(&self) -> Grant {
        create(&self.service, "bob")
    }

    fn verify(&self, token: &Token) -> Verified {
        ready(self.service.verify_native(&token.value)).unwrap()
    }

    fn refresh(&self, token: &Token) -> Refreshed {
        ready(self.service.refresh_native(&token.value)).unwrap()
    }

    /// Refreshes where that must succeed.
    fn child(&self, token: &Token) -> Grant {
        child(self.refresh(token))
    }
}

/// The use cases as the native API use them.
impl TestService {
    async fn create_native(
        &self,
        user_id: UserId,
        payload: Option<Json>,
        data: Option<Json>,
    ) -> Result<Grant, ServiceError> {
        self.create(login(user_id, payload, data), TokenOptions::NATIVE)
            .await
    }

    async fn verify_native(&self, token: &str) -> Result<Verified, ServiceError> {
        let check = Check::native(self.config().access.blacklisting);
        self.verify(token, check).await
    }

    async fn refresh_native(&self, token: &str) -> Result<Refreshed, ServiceError> {
        self.refresh(token, None, None, None, TokenOptions::NATIVE)
            .await
    }

    async fn revoke_native(&self, handle: &str) -> Result<bool, ServiceError> {
        self.revoke(Protocol::Native, handle).await
    }

    async fn read_data_native(&self, handle: &str) -> Result<Option<Option<Json>>, ServiceError> {
        self.read_data(Protocol::Native, handle).await
    }

    async fn write_data_native(
        &self,
        handle: &str,
        data: Option<&Json>,
    ) -> Result<bool, ServiceError> {
        self.write_data(Protocol::Native, handle, data).await
    }
}

fn instance(
    store: &Arc<WatchedStore>,
    platform: &Arc<TestPlatform>,
    settings: &[(&str, &str)],
) -> Arc<TestService> {
    let (store, platform) = (Arc::clone(store), Arc::clone(platform));
    Arc::new(Service::new(store, platform, config(settings), None))
}

fn create(service: &TestService, id: &str) -> Grant {
    ready(service.create_native(user(id), json("{\"a\":1.0}"), json("[1e400]"))).unwrap()
}

/// A login that asks for nothing else.
fn login(user_id: UserId, payload: Option<Json>, data: Option<Json>) -> Login {
    Login {
        user_id,
        payload,
        data,
        lifetime: RequestedLifetime::default(),
        client: None,
        authentication: None,
        binding: NewBinding::None,
    }
}

async fn create_as(
    service: &TestService,
    id: &str,
    options: TokenOptions,
) -> Result<Grant, ServiceError> {
    service
        .create(login(user(id), json("{}"), None), options)
        .await
}

fn user(id: &str) -> UserId {
    UserId::parse(id).unwrap()
}

fn json(text: &str) -> Option<Json> {
    Some(Json::parse(text.to_owned()).unwrap())
}

fn child(answer: Refreshed) -> Grant {
    match answer {
        Refreshed::Ok(grant) => *grant,
        answer => panic!("{answer:?}"),
    }
}

/// What refreshes in one slot agree on; access tokens expire at different times.
fn lasting(grant: &Grant) -> (&SessionInfo, &Token, &Token) {
    (&grant.session, &grant.refresh, &grant.id_refresh)
}

/// The new access token of an answer that must have one.
fn replacement(answer: Verified) -> Token {
    match answer {
        Verified::Ok(_, Some(token)) => token,
        answer => panic!("{answer:?}"),
    }
}

/// Whether the answer is OK and brings no new token.
fn is_plain(answer: &Verified, session: &SessionInfo) -> bool {
    matches!(answer, Verified::Ok(info, None) if info == session)
}

fn is_unavailable<T>(answer: &Result<T, ServiceError>) -> bool {
    use session_store::StoreError::Unavailable;
    matches!(answer, Err(ServiceError::Store(Unavailable(_))))
}

fn misconfigured<T: std::fmt::Debug>(answer: Result<T, ServiceError>) -> String {
    match answer {
        Err(ServiceError::Misconfigured(message)) => message,
        answer => panic!("{answer:?}"),
    }
}
