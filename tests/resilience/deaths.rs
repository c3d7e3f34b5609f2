//! The database server dies while a statement of any operation is on its way (DB2).

use session_tests::prelude::*;
use testbed::database::Server;
use testbed::service::{Action, FaultRule, On};

use crate::common::{Answer, busy, child_of, data};
use crate::outage::{on, own_server, start_again};

/// A request, the statement at which the server dies, and the how manieth of that text it is.
const DEATHS: [(&str, &str, u64); 17] = [
    ("create", "INSERT", 1),
    ("refresh", "SELECT `user_id`", 1),
    ("refresh", "UPDATE", 1),
    ("refresh", "SELECT `user_id`", 2),
    ("verify", "UPDATE", 1),
    ("verify", "SELECT `user_id`", 1),
    ("delete", "UPDATE", 1),
    ("delete", "SELECT `refresh_token_hash_2` FROM", 1),
    ("delete", "DELETE", 1),
    ("delete all", "DELETE", 1),
    ("delete all", "SELECT 1", 1),
    ("read", "SELECT `session_info`", 1),
    ("write", "UPDATE", 1),
    ("write", "SELECT `session_info`", 1),
    ("tick", "SELECT `key_name`", 1),
    ("tick", "SELECT COUNT", 1),
    ("tick", "DELETE", 1),
];

#[test_on(servers)]
async fn db2_a_server_that_dies_at_any_statement_costs_a_retry(db: Backend) {
    let _turn = busy().await;
    let (server, place) = own_server(db).await;
    let service = place.service().one_instance().start().await;
    service.freeze().await;
    for (number, (request, sql, nth)) in DEATHS.into_iter().enumerate() {
        let user = format!("user {number}");
        let session = service.create_with_data(&user, &data(0)).await;
        let child = child_of(&service, &session).await;
        // Something for the clean-up to do.
        let expired = service.create("expired").await;
        place
            .tables()
            .edit_session(&expired.handle, "expires_at", "1")
            .await;
        let rule = FaultRule::new(On::Statement, Action::pause("there"));
        service.faults(&[rule.sql_contains(sql).nth(nth)]).await;
        let send = async || {
            let reply = match request {
                "create" => service.post_session(r#"{"userId":"bob"}"#).await,
                "refresh" => service.refresh(&child.refresh.value).await,
                "verify" => service.verify(&child.access.value).await,
                "delete" => service.revoke(&session.handle).await,
                "delete all" => service.revoke_all(&user).await,
                "read" => service.data(&session.handle).await,
                "write" => service.write_data(&session.handle, &data(1)).await,
                _ => {
                    return match service.tick_unchecked().await.ok {
                        true => Answer::Ok,
                        false => Answer::Unavailable,
                    };
                }
            };
            Answer::of_reply(&reply)
        };
        let death = async {
            service.wait_until_paused("there").await;
            on(&server, Server::kill).await;
            service.database_back().await;
        };
        let (answer, ()) = futures::join!(send(), death);
        // A session that is marked is deleted, whether or not its row can be removed.
        let expected = match (request, sql) {
            ("delete", "DELETE") => Answer::Ok,
            _ => Answer::Unavailable,
        };
        assert_eq!(answer, expected, "{request} at {sql} {nth}");
        on(&server, start_again).await;
        let mut retried = send().await;
        // A statement of the retry may meet the very end of the start.
        if retried == Answer::Unavailable {
            retried = send().await;
        }
        assert_eq!(retried, Answer::Ok, "{request} at {sql} {nth}");
        // The connection of this test died with the server; its first call finds out.
        place.tables().try_query("SELECT 1", &[]).await.ok();
        let row = place.tables().session_that_lives(&session.handle).await;
        let deleted = request.starts_with("delete");
        assert_eq!(row.is_none(), deleted, "{request} at {sql} {nth}");
        if request == "tick" {
            assert_eq!(place.tables().session(&expired.handle).await, None);
        }
    }
    let sql = "SELECT COUNT(*) FROM refresh_tokens WHERE user_id = 'bob'";
    let created = place.tables().query(sql, &[]).await;
    assert_eq!(created[0][0].as_deref(), Some("1"));
    println!(
        "{} db2: {} deaths, as many retries, no theft",
        db.name(),
        DEATHS.len()
    );
    service.assert_no_traps().await;
}
