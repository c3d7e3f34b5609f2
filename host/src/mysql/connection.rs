//! A connection to a MySQL server: how it is opened, who may use it and how faults hit it.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mysql_async::prelude::Queryable;
use mysql_async::{
    Conn, DriverError, Error, Opts, OptsBuilder, Params, ServerError, SslOpts, UrlError,
};
use tokio::sync::{Notify, OwnedSemaphorePermit};
use url::Url;

use super::rows::{self, Answer};
use super::{refused, v3, values};
use crate::faults::{self, Call, Database, Operation, Verdict};
use crate::guest::Instance;

/// How long a call waits for the rest of the rows of the one before. Spin waits for ever.
const PATIENCE: Duration = Duration::from_secs(5);

/// The outer error is a trap, the inner one the driver's.
type Outcome<T> = wasmtime::Result<Result<T, Error>>;

/// A connection as a guest's handle names it.
#[derive(Clone)]
#[expect(unreachable_pub, reason = "generated code re-exports it")]
pub struct Connection(Arc<Shared>);

pub(super) struct Shared {
    slot: Mutex<Slot>,
    /// Woken when a `Streaming` slot becomes free.
    freed: Notify,
    instance: Arc<Instance>,
    _permit: Option<OwnedSemaphorePermit>,
}

enum Slot {
    Idle(Box<Conn>),
    /// A call is under way.
    Busy,
    /// The call has returned, its rows are still being read.
    Streaming,
    /// A fault has cut it.
    Lost,
    /// A call on it was given up half-way.
    Abandoned,
}

impl Connection {
    /// Opens `address` (a mysql:// URL) for `instance`, if it may and once there is a permit.
    pub(super) async fn open(instance: Arc<Instance>, address: &str) -> Outcome<Self> {
        if !instance.component.allowed_hosts.allow(address, "mysql") {
            return Err(instance.violates(&format!(
                "{} is not among the component's allowed_outbound_hosts",
                without_credentials(address)
            )));
        }
        let _pending = Pending::new(&instance);
        let permit = match instance.app.mysql_permits.clone() {
            // An error would mean that the semaphore is closed, which never happens.
            Some(permits) => permits.acquire_owned().await.ok(),
            None => None,
        };
        let verdict = meet(&instance, Operation::Open, "").await;
        match verdict {
            Verdict::Fail(error) => return Ok(Err(server_error(error))),
            Verdict::CutBefore => return Ok(Err(closed())),
            Verdict::Proceed | Verdict::CutAfter => {}
        }
        let opened = match options(address) {
            Ok(options) => Conn::new(options).await,
            Err(error) => Err(error),
        };
        Ok(match opened {
            Ok(_) if verdict == Verdict::CutAfter => Err(closed()),
            Ok(conn) => {
                if let Some(instruments) = &instance.app.instruments {
                    instruments.stats.connection_opened();
                }
                Ok(Self(Arc::new(Shared {
                    slot: Mutex::new(Slot::Idle(Box::new(conn))),
                    freed: Notify::new(),
                    instance: instance.clone(),
                    _permit: permit,
                })))
            }
            Err(error) => Err(error),
        })
    }

    /// Runs a statement by PREPARE and EXECUTE and forgets its rows.
    pub(super) async fn execute(&self, sql: &str, params: Vec<v3::ParameterValue>) -> Outcome<()> {
        let (mut lease, cut_after) = match self.begin(Operation::Execute, sql).await? {
            Ok(begun) => begun,
            Err(error) => return Ok(Err(error)),
        };
        let result = lease.parts().0.exec_drop(sql, to_params(params)).await;
        self.end(lease, cut_after, result)
    }

    /// Runs a statement by PREPARE and EXECUTE and hands out its rows.
    pub(super) async fn query(
        &self,
        sql: String,
        params: Vec<v3::ParameterValue>,
    ) -> Outcome<Answer> {
        let (lease, cut_after) = match self.begin(Operation::Query, &sql).await? {
            Ok(begun) => begun,
            Err(error) => return Ok(Err(error)),
        };
        match rows::query(lease, sql, to_params(params)).await {
            Ok(_) if cut_after => {
                self.lose();
                Ok(Err(closed()))
            }
            Ok(answer) => Ok(Ok(answer)),
            Err(error) => self.checked(error),
        }
    }

    /// Takes the connection for one call and lets fault rules decide about it. The flag says that
    /// it is to be cut once the statement has run.
    async fn begin(&self, operation: Operation, sql: &str) -> Outcome<(Lease, bool)> {
        if let Some(statement) = refused::by_prepare(sql) {
            return Err(self.0.instance.violates(&format!(
                "{statement} cannot be prepared on MySQL (error 1295), and Spin prepares everything"
            )));
        }
        let Some(lease) = self.lease().await? else {
            return Ok(Err(closed()));
        };
        match meet(&self.0.instance, operation, sql).await {
            Verdict::Proceed => Ok(Ok((lease, false))),
            Verdict::CutAfter => Ok(Ok((lease, true))),
            Verdict::CutBefore => {
                drop(lease);
                self.lose();
                Ok(Err(closed()))
            }
            Verdict::Fail(error) => {
                lease.give_back();
                Ok(Err(server_error(error)))
            }
        }
    }

    fn end<T>(&self, lease: Lease, cut_after: bool, result: Result<T, Error>) -> Outcome<T> {
        if cut_after {
            drop(lease);
            self.lose();
            return Ok(Err(closed()));
        }
        lease.give_back();
        match result {
            Ok(value) => Ok(Ok(value)),
            Err(error) => self.checked(error),
        }
    }

    fn checked<T>(&self, error: Error) -> Outcome<T> {
        match &error {
            Error::Server(ServerError {
                code: 1295,
                message,
                ..
            }) => Err(self
                .0
                .instance
                .violates(&format!("MySQL refused to prepare: {message}"))),
            _ => Ok(Err(error)),
        }
    }

    /// `None` if the connection is lost.
    async fn lease(&self) -> wasmtime::Result<Option<Lease>> {
        let misuse = |what: &str| Err(self.0.instance.violates(what));
        let mut freed = std::pin::pin!(self.0.freed.notified());
        loop {
            freed.as_mut().enable();
            {
                let mut slot = self.0.lock();
                match std::mem::replace(&mut *slot, Slot::Busy) {
                    Slot::Idle(conn) => {
                        return Ok(Some(Lease {
                            conn: Some(conn),
                            shared: self.0.clone(),
                        }));
                    }
                    other => *slot = other,
                }
                match *slot {
                    Slot::Streaming => {}
                    Slot::Lost => return Ok(None),
                    Slot::Abandoned => {
                        return misuse(
                            "a MySQL connection was used again after a call on it was given up; \
                             on Spin the next call may get the reply of that one",
                        );
                    }
                    Slot::Idle(_) | Slot::Busy => {
                        return misuse("a MySQL connection was used by two calls at once");
                    }
                }
            }
            if tokio::time::timeout(PATIENCE, freed.as_mut())
                .await
                .is_err()
            {
                return misuse(
                    "a MySQL connection was used while rows of its last query were not read; \
                     Spin hangs for ever",
                );
            }
            freed.set(self.0.freed.notified());
        }
    }

    fn lose(&self) {
        *self.0.lock() = Slot::Lost;
    }
}

impl Shared {
    /// The call returns, but its rows keep the connection.
    pub(super) fn start_streaming(&self) {
        *self.lock() = Slot::Streaming;
    }

    fn lock(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if let Some(instruments) = &self.instance.app.instruments {
            instruments.stats.connection_closed();
        }
    }
}

/// The right to use a connection, and the duty to give it back.
pub(super) struct Lease {
    conn: Option<Box<Conn>>,
    shared: Arc<Shared>,
}

impl Lease {
    /// The driver's connection, and where its state is kept.
    pub(super) fn parts(&mut self) -> (&mut Conn, &Shared) {
        let conn = self
            .conn
            .as_mut()
            .expect("the connection is there until it is given back");
        (conn, &self.shared)
    }

    /// The connection is ready for the next call.
    pub(super) fn give_back(mut self) {
        if let Some(conn) = self.conn.take() {
            *self.shared.lock() = Slot::Idle(conn);
            self.shared.freed.notify_waiters();
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if self.conn.is_some() {
            *self.shared.lock() = Slot::Abandoned;
            self.shared.freed.notify_waiters();
        }
    }
}

/// Counts an `open` as long as it runs.
struct Pending(Arc<Instance>);

impl Pending {
    fn new(instance: &Arc<Instance>) -> Self {
        instance.pending_opens.fetch_add(1, Ordering::AcqRel);
        Self(instance.clone())
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.0.pending_opens.fetch_sub(1, Ordering::AcqRel);
    }
}

async fn meet(instance: &Instance, operation: Operation, sql: &str) -> Verdict {
    match &instance.app.instruments {
        Some(instruments) => {
            instruments
                .meet(Call {
                    database: Database::MySql,
                    operation,
                    sql,
                })
                .await
        }
        None => Verdict::Proceed,
    }
}

fn to_params(params: Vec<v3::ParameterValue>) -> Params {
    if params.is_empty() {
        Params::Empty
    } else {
        Params::Positional(params.into_iter().map(values::to_driver).collect())
    }
}

fn server_error(error: faults::ServerError) -> Error {
    let state = match error.code {
        1040 => "08004",
        1045 => "28000",
        1062 => "23000",
        1064 | 1142 => "42000",
        1146 => "42S02",
        1213 => "40001",
        _ => "HY000",
    };
    Error::Server(ServerError {
        code: error.code,
        message: error.message,
        state: state.to_owned(),
    })
}

fn closed() -> Error {
    Error::Driver(DriverError::ConnectionClosed)
}

/// Reads the URL as Spin does: `ssl-mode` by its name only, everything else by the driver.
fn options(address: &str) -> Result<Opts, Error> {
    let mut url = Url::parse(address).map_err(UrlError::from)?;
    let is_tls =
        |name: &str| name.eq_ignore_ascii_case("ssl-mode") || name.eq_ignore_ascii_case("sslmode");
    let (tls, others): (Vec<_>, Vec<_>) = url
        .query_pairs()
        .into_owned()
        .partition(|(name, _)| is_tls(name));
    url.set_query(None);
    if !others.is_empty() {
        url.query_pairs_mut().extend_pairs(others);
    }
    let wants_tls = tls
        .iter()
        .any(|(_, mode)| !mode.eq_ignore_ascii_case("disabled"));
    let options = OptsBuilder::from_opts(Opts::from_url(url.as_str())?)
        // The server may name a socket that only it can reach, and asking costs a round trip.
        .prefer_socket(false)
        .ssl_opts(wants_tls.then(SslOpts::default));
    Ok(options.into())
}

fn without_credentials(address: &str) -> String {
    match Url::parse(address) {
        Ok(url) => {
            let port = url
                .port()
                .map(|port| format!(":{port}"))
                .unwrap_or_default();
            format!(
                "{}://{}{port}",
                url.scheme(),
                url.host_str().unwrap_or_default()
            )
        }
        Err(_) => "an address that is not a URL".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tls_is_what_ssl_mode_says() {
        let tls = |query: &str| {
            options(&format!("mysql://u:p%40@db.example:3307/n{query}"))
                .unwrap()
                .ssl_opts()
                .is_some()
        };
        assert!(!tls(""));
        assert!(!tls("?ssl-mode=DISABLED"));
        assert!(tls("?ssl-mode=required"));
        assert!(tls("?sslMode=VERIFY_CA&stmt_cache_size=7"));
    }

    #[test]
    fn the_rest_of_the_url_reaches_the_driver() {
        let options =
            options("mysql://u:p%40%2F@db.example:3307/n?ssl-mode=required&stmt_cache_size=7")
                .unwrap();
        assert_eq!(options.pass(), Some("p@/"));
        assert_eq!(options.db_name(), Some("n"));
        assert_eq!(options.tcp_port(), 3307);
        assert_eq!(options.stmt_cache_size(), 7);
        assert!(super::options("mysql://db/n?nonsense=1").is_err());
    }

    #[test]
    fn addresses_are_shown_without_credentials() {
        assert_eq!(without_credentials("mysql://u:p@db:1/n?x"), "mysql://db:1");
        assert!(!without_credentials("user:secret").contains("secret"));
    }
}
