//! The one matrix of theft through HTTP: who refreshes, uses, loses and replays what, under every policy. The reference
//! says what each answer must be; a row says what its last one is. Every sequence of steps is played natively, in
//! `src/core/domain/rotation/tests/sequences.rs`.

use session_reference::game::{Game, Op};
use session_reference::rules::Expected::{self, Data, Good, Granted, Theft, Unauthorised};
use session_reference::settings::{OnTheft, Settings};
use session_tests::prelude::*;
use session_tests::subject::Http;

/// A name, the steps, and what the last one must be answered with. Tokens are numbered as they arrive: 0 is the first
/// session's first refresh token.
const MATRIX: [(&str, &str, Expected); 11] = [
    (
        "th2, th3: one goes on, the other one comes with the parent",
        "create0 create0 create1 refresh0 verify3 wait80 refresh0",
        Theft,
    ),
    (
        "th3: the attacker goes first, the victim has a child of its own",
        "create0 refresh0 wait80 refresh0 verify2 verify1 refresh1",
        Theft,
    ),
    (
        "th4: the attacker sleeps",
        "create0 refresh0 wait80 refresh0 verify2 wait3600 refresh2 verify3 wait3600 refresh3 verify4 verify1 refresh1",
        Theft,
    ),
    (
        "th6: the session was deleted",
        "create0 refresh0 verify1 delete0 wait80 refresh0",
        Unauthorised,
    ),
    (
        "th6: the session has expired",
        "create0 refresh0 verify1 wait363600 refresh0",
        Unauthorised,
    ),
    (
        "th7: refreshes in one slot, before and after the child was used",
        "create0 refresh0 refresh0 verify1 refresh1 verify2 refresh0 refresh2 refresh0",
        Granted(2),
    ),
    (
        "th7: the slot revives nothing",
        "create1 refresh0 all1 verify1 refresh1 write0 refresh0",
        Unauthorised,
    ),
    (
        "th8: ten replies are lost",
        "create0 lost0 wait80 lost0 wait80 lost0 wait80 lost0 wait80 lost0 wait80 lost0 wait80 lost0 wait80 lost0 \
         wait80 lost0 wait80 lost0 wait80 refresh0 verify1",
        Good { replaced: true },
    ),
    (
        "db9: two generations ahead of a restored backup",
        "create0 backup refresh0 wait80 refresh1 verify2 wait80 restore refresh2",
        Unauthorised,
    ),
    (
        "a child that was confirmed at the last moment lives on by its own time",
        "create0 wait180000 refresh0 wait179999 refresh1 wait2 read0",
        Data(Some(0)),
    ),
    (
        "a clean-up at the moment of expiry, and one well after it",
        "create0 wait360000 tick read0 wait10800 tick delete0 refresh0",
        Unauthorised,
    ),
];

#[test_on(everywhere)]
async fn th1_th2_th3_th4_th6_th7_th8_db9_every_row_of_the_matrix(db: Backend) {
    for on_theft in [OnTheft::Report, OnTheft::RevokeSession, OnTheft::RevokeUser] {
        let settings = Settings {
            access_validity: 24 * HOUR,
            refresh_validity: 100 * HOUR,
            is_idle_timeout: false,
            absolute_lifetime: 0,
            reuse_window: 10 * SECOND,
            blacklisting: false,
            on_theft,
        };
        let variables = settings.variables().into_iter();
        let setup = variables.fold(db.service(), |setup, (name, value)| setup.set(name, value));
        let service = setup.start().await;
        service.freeze().await;
        for (name, steps, last) in &MATRIX {
            let context = format!("{name}, {on_theft:?}");
            let http = Http {
                service: &service,
                users: context.clone(),
            };
            let mut game = Game::new(http, settings);
            let played = game.play(&Op::list(steps)).await;
            assert!(played.is_ok(), "{context}: {played:?}");
            assert_eq!(game.last(), Some(last), "{context}");
            // What is left of all sessions then.
            let rest = "read0 verify0 refresh0 read1 verify1 refresh1 read2 verify2 refresh2";
            let played = game.play(&Op::list(rest)).await;
            assert!(played.is_ok(), "{context}, afterwards: {played:?}");
            let (current, generation) = game.current(0);
            if let Some(row) = service.tables().session(&current.handle).await {
                let stored = sha256_hex(&sha256_hex(&current.refresh.value));
                let expected = (stored, i64::from(generation));
                assert_eq!(
                    (row.refresh_token_hash_2, row.generation),
                    expected,
                    "{context}"
                );
            }
            service.advance(HOUR).await;
        }
        service.expect_logged(&["WARN", "older backup"]).await;
    }
}
