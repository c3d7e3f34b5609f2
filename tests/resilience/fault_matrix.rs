//! A fault at the n-th call to the database, for every request, every n and every kind of fault: the session is as
//! before or as after, the same token still works, and nobody is called a thief.

use session_tests::prelude::*;
use session_tests::service::Setup;
use session_tests::tables::SessionRow;
use testbed::service::{Action, FaultRule, On};

use crate::common::{Answer, child_of, data, soak, stored};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Request {
    Create,
    VerifyPlain,
    VerifyChild,
    RefreshCurrent,
    RefreshChild,
    RefreshStolen,
    Delete,
    DeleteAll,
    Read,
    Write,
}

const REQUESTS: [Request; 10] = [
    Request::Create,
    Request::VerifyPlain,
    Request::VerifyChild,
    Request::RefreshCurrent,
    Request::RefreshChild,
    Request::RefreshStolen,
    Request::Delete,
    Request::DeleteAll,
    Request::Read,
    Request::Write,
];

/// Every fault, to be set to the nth call.
fn faults(db: Backend) -> Vec<FaultRule> {
    let once = |action| FaultRule::new(On::Any, action);
    let mut faults = vec![
        once(Action::cut_before()),
        once(Action::cut_before()).for_ever(),
        once(Action::cut_after()),
        // The second try runs as well, and its answer is lost too.
        FaultRule::new(On::Statement, Action::cut_after()).times(2),
        once(Action::DelayMs(30)).for_ever(),
    ];
    let errors: &[(u16, &str)] = match db {
        // SQLite's driver has texts, no codes.
        Backend::Sqlite => &[
            (0, "database is locked"),
            (0, "attempt to write a readonly database"),
            (0, "disk I/O error"),
        ],
        _ => &[
            (1205, "Lock wait timeout exceeded"),
            (1213, "Deadlock found when trying to get lock"),
            (1290, "The server is running with --read-only"),
            (2006, "MySQL server has gone away"),
        ],
    };
    for (code, text) in errors {
        faults.push(once(Action::error(*code, *text)));
        faults.push(once(Action::error(*code, *text)).for_ever());
    }
    faults
}

#[derive(Default)]
struct Tally {
    requests: u64,
    faults: u64,
    unavailable: u64,
    retried: u64,
}

#[test_on(everywhere)]
async fn db2_th5_a_fault_at_any_statement_leaves_before_or_after(db: Backend) {
    soak(|random| game(db.service().one_instance(), db, random)).await;
}

/// Every request opens its own connection and loads the keys.
#[test_on(everywhere)]
async fn db2_th5_a_fault_at_any_statement_of_a_new_instance_does_so_too(db: Backend) {
    let new = || db.service().argument("--max-instance-reuse-count", 1);
    soak(|random| game(new(), db, random)).await;
}

async fn game(setup: Setup, db: Backend, mut random: Random) {
    let mut tally = Tally::default();
    let policy = *random.pick(&["revoke_session", "revoke_user"]);
    let setup = setup.set("on_token_theft", policy);
    let setup = setup.set("access_token_blacklisting", true);
    let service = setup.start().await;
    service.freeze().await;
    for request in REQUESTS {
        for fault in faults(db) {
            let mut nth = 1;
            while try_at(&service, request, &fault, nth, &mut tally).await {
                nth += 1;
                assert!(nth < 20, "{request:?} never ends");
            }
        }
    }
    service.assert_no_traps().await;
    let Tally {
        requests,
        faults,
        unavailable,
        retried,
    } = tally;
    println!(
        "{} faults: {requests} requests with {faults} faults at every statement: {unavailable} times 503, \
         {retried} retries, no theft, nothing in between",
        db.name()
    );
}

/// What a request works on.
struct Scene {
    user: String,
    parent: Session,
    child: Session,
    /// Of no use any more: a child of the parent in another slot.
    stolen: Session,
    before: SessionRow,
}

async fn scene(service: &Service, request: Request, number: u64) -> Scene {
    let user = format!("user {number}");
    let parent = service.create_with_data(&user, &data(0)).await;
    let stolen = child_of(service, &parent).await;
    let child = child_of(service, &parent).await;
    if request == Request::RefreshStolen {
        service.expect_good(&child).await;
    }
    let before = service
        .tables()
        .session(&parent.handle)
        .await
        .expect("live");
    Scene {
        user,
        parent,
        child,
        stolen,
        before,
    }
}

impl Scene {
    async fn send(&self, service: &Service, request: Request) -> Reply {
        let handle = &self.parent.handle;
        match request {
            Request::Create => {
                let body = format!(r#"{{"userId":"new {}"}}"#, self.user);
                service.post_session(body).await
            }
            Request::VerifyPlain => service.verify(&self.parent.access.value).await,
            Request::VerifyChild => service.verify(&self.child.access.value).await,
            Request::RefreshCurrent => service.refresh(&self.parent.refresh.value).await,
            Request::RefreshChild => service.refresh(&self.child.refresh.value).await,
            Request::RefreshStolen => service.refresh(&self.stolen.refresh.value).await,
            Request::Delete => service.revoke(handle).await,
            Request::DeleteAll => service.revoke_all(&self.user).await,
            Request::Read => service.data(handle).await,
            Request::Write => service.write_data(handle, &data(1)).await,
        }
    }

    /// The row as it is once the request has been served; none if it is gone.
    fn after(&self, request: Request) -> Option<SessionRow> {
        let mut row = self.before.clone();
        match request {
            Request::VerifyChild | Request::RefreshChild => {
                row.refresh_token_hash_2 = stored(&self.child.refresh.value);
                row.generation = 1;
                row.expires_at = self.child.refresh.expires;
            }
            Request::Write => row.session_info = Some(data(1)),
            Request::Delete | Request::DeleteAll | Request::RefreshStolen => return None,
            _ => {}
        }
        Some(row)
    }
}

/// One request with one fault. False if the request has fewer calls than `nth`.
async fn try_at(
    service: &Service,
    request: Request,
    fault: &FaultRule,
    nth: u64,
    tally: &mut Tally,
) -> bool {
    tally.requests += 1;
    let scene = scene(service, request, tally.requests).await;
    service.faults(&[fault.clone().nth(nth)]).await;
    let reply = scene.send(service, request).await;
    let fired = service.fired().await;
    service.database_back().await;
    let context = format!("{request:?} with {fault:?} at call {nth}: {reply:?}");
    tally.faults += fired;

    let answer = Answer::of_reply(&reply);
    let served = match request {
        Request::RefreshStolen => Answer::Theft,
        _ => Answer::Ok,
    };
    assert!(
        answer == served || answer == Answer::Unavailable,
        "{context}"
    );
    if matches!(fault.action, Action::DelayMs(_)) {
        assert_eq!(answer, served, "{context}");
    }
    let handle = &scene.parent.handle;
    let row = service.tables().session(handle).await;
    let after = scene.after(request);
    match answer {
        Answer::Unavailable => {
            assert!(
                row.as_ref() == Some(&scene.before) || row == after,
                "{context}: {row:?}"
            );
        }
        _ => assert_eq!(row, after, "{context}"),
    }
    match request {
        // TH5: revoked and reported, to the log at least, or neither.
        Request::RefreshStolen if row.is_none() => {
            let hash = sha256_hex(&scene.parent.handle);
            service
                .expect_logged(&["token_theft_detected", &hash])
                .await;
            // One lost answer is no reason to keep it from the caller.
            let lost_twice = fault.times == Some(2);
            assert!(answer == Answer::Theft || lost_twice, "{context}");
        }
        Request::Delete if answer == Answer::Ok => {
            assert_eq!(
                reply.part("deletedAnyEntry").as_deref(),
                Some("true"),
                "{context}"
            );
        }
        _ => {}
    }
    if answer == Answer::Unavailable {
        tally.unavailable += 1;
        tally.retried += 1;
        let retried = scene.send(service, request).await;
        let expected = match request {
            Request::RefreshStolen if row.is_none() => Answer::Unauthorised,
            _ => served,
        };
        assert_eq!(
            Answer::of_reply(&retried),
            expected,
            "{context}, then {retried:?}"
        );
        let row = service.tables().session(handle).await;
        assert_eq!(row, after, "{context}, then {retried:?}");
    }
    if request == Request::Create {
        let sql = "SELECT COUNT(*) FROM refresh_tokens WHERE user_id = ?";
        let user = format!("new {}", scene.user);
        let rows = service.tables().query(sql, &[&user]).await;
        let most = if answer == Answer::Ok { 1 } else { 2 };
        let count: u32 = rows[0][0]
            .as_deref()
            .unwrap_or("")
            .parse()
            .expect("a count");
        assert!((1..=most).contains(&count), "{count} sessions. {context}");
    }
    fired > 0
}
