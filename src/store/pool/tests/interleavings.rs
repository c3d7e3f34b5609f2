//! Every order in which the host and the requests of an instance may go on, up to a bound: where one is taken up,
//! where the host's lock goes, where a request is given up. The rule that came first is here too, to show that the
//! model finds the hang.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use session_core::domain::secret::Random;
use session_core::domain::time::Timestamp;
use session_core::platform::Platform;
use session_core::testing::START;
use tokio::sync::{Mutex as FairMutex, oneshot};

use crate::db::{Connection, Connector, DbError, Kind, Row, Statement, Value};
use crate::pool::Pool;

type Work = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

/// The host as one instance sees it: calls that go on by themselves, and a lock around the table of connections.
#[derive(Default)]
struct Host {
    table: FairMutex<()>,
    /// A connection was dropped while somebody had the lock.
    hangs: AtomicBool,
    calls: Mutex<BTreeMap<u64, Call>>,
    next: AtomicU64,
    alive: AtomicU64,
    /// Goes on with every look, so that nothing ever seems to move.
    clock: AtomicU64,
}

struct Call {
    work: Work,
    woken: Arc<Woken>,
}

#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Host {
    /// A call as wasmtime runs it: polled once at its beginning, then by the host alone; its result waits for the
    /// guest, and when the guest gives the call up, the host does too.
    async fn call<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl Future<Output = T> + Send + 'static,
    ) -> T {
        let (sender, receiver) = oneshot::channel();
        let mut work: Work = Box::pin(async move { drop(sender.send(work.await)) });
        let woken = Arc::new(Woken::default());
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        if poll(&mut work, &woken).is_pending() {
            self.calls.lock().unwrap().insert(id, Call { work, woken });
        }
        let _given_up = GivesUp(self, id);
        receiver.await.unwrap()
    }

    /// The host takes up one of its calls.
    fn run(&self, id: u64) {
        let Some(mut call) = self.calls.lock().unwrap().remove(&id) else {
            return;
        };
        if poll(&mut call.work, &call.woken).is_pending() {
            self.calls.lock().unwrap().insert(id, call);
        }
    }

    fn ready(&self) -> Vec<u64> {
        let calls = self.calls.lock().unwrap();
        let woken = calls
            .iter()
            .filter(|(_, call)| call.woken.0.load(Ordering::Relaxed));
        woken.map(|(id, _)| *id).collect()
    }
}

struct GivesUp<'a>(&'a Host, u64);

impl Drop for GivesUp<'_> {
    fn drop(&mut self) {
        let call = self.0.calls.lock().unwrap().remove(&self.1);
        drop(call);
    }
}

fn poll(work: &mut Work, woken: &Arc<Woken>) -> Poll<()> {
    woken.0.store(false, Ordering::Relaxed);
    work.as_mut()
        .poll(&mut Context::from_waker(&Waker::from(Arc::clone(woken))))
}

/// Goes on when it is taken up again.
async fn turn() {
    let mut first = true;
    std::future::poll_fn(|cx| {
        if std::mem::take(&mut first) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(())
    })
    .await;
}

impl Connector for Arc<Host> {
    type Connection = Opened;

    async fn open(&self) -> Result<Opened, DbError> {
        let host = Arc::clone(self);
        self.call(async move {
            let _table = host.table.lock().await;
            turn().await;
            host.alive.fetch_add(1, Ordering::Relaxed);
            Ok(Opened(Arc::clone(&host)))
        })
        .await
    }
}

struct Opened(Arc<Host>);

impl Drop for Opened {
    fn drop(&mut self) {
        // The host would wait for the lock here while nothing else runs.
        if self.0.table.try_lock().is_err() {
            self.0.hangs.store(true, Ordering::Relaxed);
        }
        self.0.alive.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Connection for Opened {
    async fn query(&self, sql: &str, _: Vec<Value>) -> Result<Vec<Row>, DbError> {
        let host = Arc::clone(&self.0);
        self.0
            .call(async move {
                drop(host.table.lock().await);
                turn().await;
            })
            .await;
        match sql {
            "lost" => Err(DbError::ConnectionLost),
            _ => Ok(Vec::new()),
        }
    }

    async fn execute(&self, sql: &str, params: Vec<Value>) -> Result<(), DbError> {
        self.query(sql, params).await.map(drop)
    }
}

impl Random for Host {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(0);
    }
}

impl Platform for Host {
    fn now(&self) -> Timestamp {
        START
    }

    fn monotonic_millis(&self) -> u64 {
        self.clock.fetch_add(60, Ordering::Relaxed)
    }

    /// Ends at any moment.
    fn sleep(&self, _: Duration) -> impl Future<Output = ()> + Send {
        turn()
    }

    type Wake = oneshot::Sender<()>;

    fn signal(&self) -> (Self::Wake, impl Future<Output = ()> + Send + use<>) {
        let (wake, signal) = oneshot::channel();
        (wake, async { drop(signal.await) })
    }

    fn spawn(&self, _: impl Future<Output = ()> + Send + 'static) {
        unreachable!("a pool spawns nothing");
    }
}

/// What keeps the connections.
trait Subject: Send + Sync + 'static {
    fn new(host: &Arc<Host>) -> Arc<Self>;
    fn request(self: Arc<Self>, what: Request) -> impl Future<Output = ()> + Send + 'static;
}

#[derive(Clone, Copy, Debug)]
struct Request {
    fresh: bool,
    sql: &'static str,
    /// May be given up at any moment.
    impatient: bool,
}

impl Subject for Pool<Arc<Host>, Host> {
    fn new(host: &Arc<Host>) -> Arc<Self> {
        Arc::new(Pool::new(Arc::clone(host), 2, Arc::clone(host)))
    }

    async fn request(self: Arc<Self>, what: Request) {
        let mut lease = self.lease(what.fresh).await.unwrap();
        let (sql, params, kind) = (what.sql, Vec::new(), Kind::Query);
        drop(lease.run(&[Statement { sql, params, kind }]).await);
    }
}

/// The rule that came first: a connection goes when no open is pending.
struct NoOpenPending {
    host: Arc<Host>,
    opening: FairMutex<()>,
    pending: AtomicBool,
    idle: Mutex<Vec<Opened>>,
    parked: Mutex<Vec<Opened>>,
}

impl NoOpenPending {
    fn let_go(&self) {
        if !self.pending.load(Ordering::Relaxed) {
            let parked = std::mem::take(&mut *self.parked.lock().unwrap());
            drop(parked);
        }
    }
}

impl Subject for NoOpenPending {
    fn new(host: &Arc<Host>) -> Arc<Self> {
        Arc::new(Self {
            host: Arc::clone(host),
            opening: FairMutex::default(),
            pending: AtomicBool::new(false),
            idle: Mutex::default(),
            parked: Mutex::default(),
        })
    }

    async fn request(self: Arc<Self>, what: Request) {
        let kept = if what.fresh {
            None
        } else {
            self.idle.lock().unwrap().pop()
        };
        let connection = match kept {
            Some(connection) => connection,
            None => {
                let _turn = self.opening.lock().await;
                self.pending.store(true, Ordering::Relaxed);
                let opened = self.host.open().await.unwrap();
                self.pending.store(false, Ordering::Relaxed);
                self.let_go();
                opened
            }
        };
        let outcome = connection.query(what.sql, Vec::new()).await;
        let kept = if outcome.is_ok() {
            &self.idle
        } else {
            &self.parked
        };
        kept.lock().unwrap().push(connection);
        self.let_go();
    }
}

/// What is chosen next, and among how many, for every step of one run.
type Path = Vec<(usize, usize)>;

/// Runs requests with the choices of `path`, then always the first; adds the choices that it made. One connection is
/// there at the beginning.
fn run<S: Subject>(requests: &[Request], path: &mut Path) -> Arc<Host> {
    let host = Arc::<Host>::default();
    let subject = S::new(&host);
    let calm = Request {
        fresh: false,
        sql: "answered",
        impatient: false,
    };
    follow(
        &host,
        vec![(calm, Box::pin(Arc::clone(&subject).request(calm)))],
        &mut Vec::new(),
    );
    let work = requests.iter().map(|&what| {
        let work: Work = Box::pin(Arc::clone(&subject).request(what));
        (what, work)
    });
    follow(&host, work.collect(), path);
    drop(subject);
    host
}

fn follow(host: &Host, work: Vec<(Request, Work)>, path: &mut Path) {
    let mut guests: Vec<_> = work
        .into_iter()
        .map(|(what, work)| (what, Some(work), Arc::new(Woken(AtomicBool::new(true)))))
        .collect();
    let mut step = 0;
    while !host.hangs.load(Ordering::Relaxed) && guests.iter().any(|(_, work, _)| work.is_some()) {
        enum Next {
            Guest(usize),
            Host(u64),
            GiveUp(usize),
        }
        let woken = |of: &Woken| of.0.load(Ordering::Relaxed);
        let there = || {
            guests
                .iter()
                .enumerate()
                .filter(|(_, (_, work, _))| work.is_some())
        };
        let mut next: Vec<_> = there()
            .filter(|(_, guest)| woken(&guest.2))
            .map(|(at, _)| Next::Guest(at))
            .collect();
        next.extend(host.ready().into_iter().map(Next::Host));
        assert!(!next.is_empty(), "everybody waits for ever");
        next.extend(
            there()
                .filter(|(_, guest)| guest.0.impatient)
                .map(|(at, _)| Next::GiveUp(at)),
        );
        if path.len() == step {
            path.push((0, next.len()));
        }
        match next[path[step].0] {
            Next::Host(id) => host.run(id),
            Next::GiveUp(at) => drop(guests[at].1.take()),
            Next::Guest(at) => {
                let (_, work, woken) = &mut guests[at];
                if poll(work.as_mut().unwrap(), woken).is_ready() {
                    *work = None;
                }
            }
        }
        step += 1;
    }
}

/// Takes every path with at most `deviations` choices that are not the first. Gives the number of paths, and the first
/// that hangs.
fn explore<S: Subject>(requests: &[Request], deviations: usize) -> (usize, Option<Path>) {
    let (mut path, mut paths) = (Path::new(), 0);
    loop {
        let host = run::<S>(requests, &mut path);
        paths += 1;
        if host.hangs.load(Ordering::Relaxed) {
            return (paths, Some(path));
        }
        assert_eq!(
            host.alive.load(Ordering::Relaxed),
            0,
            "a connection is lost: {path:?}"
        );
        // The next in order: one further at the last step that has a choice left within the bound.
        loop {
            let Some((choice, of)) = path.pop() else {
                return (paths, None);
            };
            let before = path.iter().filter(|(choice, _)| *choice > 0).count();
            if choice + 1 < of && before < deviations {
                path.push((choice + 1, of));
                break;
            }
        }
    }
}

const ALL: usize = usize::MAX;

const WORKS: Request = Request {
    fresh: false,
    sql: "answered",
    impatient: false,
};
const LOSES: Request = Request {
    sql: "lost",
    ..WORKS
};
const FRESH: Request = Request {
    fresh: true,
    ..WORKS
};
const GIVEN_UP: Request = Request {
    impatient: true,
    ..WORKS
};
const FRESH_GIVEN_UP: Request = Request {
    impatient: true,
    ..FRESH
};

#[test]
fn the_rule_that_came_first_hangs() {
    let (_, hang) = explore::<NoOpenPending>(&[LOSES, FRESH, WORKS], 4);
    assert!(hang.is_some());
}

#[test]
fn no_order_of_opens_statements_drops_and_giving_up_hangs() {
    for (requests, deviations) in [
        (&[LOSES, FRESH][..], ALL),
        (&[FRESH_GIVEN_UP, LOSES], ALL),
        (&[LOSES, FRESH, WORKS], ALL),
        (&[LOSES, FRESH_GIVEN_UP, WORKS], 4),
        (&[GIVEN_UP, FRESH_GIVEN_UP, LOSES], 4),
        (&[LOSES, LOSES, FRESH, WORKS], 3),
    ] {
        let (paths, hang) = explore::<Pool<Arc<Host>, Host>>(requests, deviations);
        assert_eq!(hang, None, "{requests:?}");
        println!("{paths} orders of {requests:?}");
    }
}
