//! Sessions on three MariaDB servers behind a Spider node, set up by the files of `deploy/spider`, under two processes. A
//! server that dies or hangs costs a 503 to the sessions that lie there, and to those only.

use std::time::Duration;

use futures::future::{join, join_all};
use session_tests::prelude::*;
use testbed::database::{Flavor, Server};
use testbed::packages;
use testbed::workspace_root;

use super::{all_is_right, clients_lose_nothing_while, on};
use crate::common::{Answer, eventually, unavailable};
use crate::outage::{start_again, timely};

/// The keys of rows from which on these lie on the second and the third data server.
const SHARES: [&str; 2] = ["55", "aa"];
const PASSWORD: &str = "pass word";

struct Spider {
    node: Server,
    data: Vec<Server>,
}

impl Spider {
    fn start() -> Self {
        packages::ensure_spider().expect("Spider can be had");
        let start = |file: &str| {
            let arguments = options(file);
            let arguments: Vec<_> = arguments.iter().map(|argument| &**argument).collect();
            let server = Server::start_with(Flavor::MariaDb, &arguments);
            let server = server.expect("the server starts");
            let created = server.create_database("session");
            created.expect("the database can be created");
            server
        };
        std::thread::scope(|scope| {
            let data = [0, 1, 2].map(|_| scope.spawn(|| start("data.cnf")));
            Self {
                node: start("spider.cnf"),
                data: data.map(|server| server.join().expect("no panic")).into(),
            }
        })
    }

    /// As an operator does, with these servers' addresses.
    async fn set_up(&self) {
        for server in &self.data {
            let tables = Tables::server(server, "session");
            tables.run_files().await;
            run(&tables, "data.sql", &[]).await;
        }
        let tables = Tables::server(&self.node, "session");
        tables.run_files().await;
        let address = |number: usize| {
            let example = format!("HOST 'data{}.internal', PORT 3306", number + 1);
            let port = self.data[number].port();
            (example, format!("HOST '127.0.0.1', PORT {port}"))
        };
        run(&tables, "spider.sql", &[0, 1, 2].map(address)).await;
    }

    /// How many sessions each data server has.
    async fn shares(&self) -> Vec<i64> {
        let counts = self
            .data
            .iter()
            .map(async |server| Tables::server(server, "session").session_count().await);
        join_all(counts).await
    }
}

fn read(file: &str) -> String {
    let path = workspace_root().join("deploy/spider").join(file);
    std::fs::read_to_string(path).expect("the file is there")
}

/// The settings in a file, as arguments for the server.
fn options(file: &str) -> Vec<String> {
    let text = read(file);
    let lines = text.lines().filter(|line| !line.starts_with(['#', '[']));
    let option = |line: &str| {
        let (name, value) = line.split_once(" = ").expect("a setting");
        format!("--{name}={value}")
    };
    lines.map(option).collect()
}

async fn run(tables: &Tables, file: &str, changes: &[(String, String)]) {
    let passwords = [
        ("'change this'".to_owned(), format!("'{PASSWORD}'")),
        ("'change this, too'".to_owned(), format!("'{PASSWORD}'")),
    ];
    let mut text = read(file);
    for (from, to) in changes.iter().chain(&passwords) {
        text = text.replace(from, to);
    }
    for sql in text.split(";\n").filter(|sql| !sql.trim().is_empty()) {
        tables.query(sql, &[]).await;
    }
}

/// On which data server a session lies.
fn home(handle: &str) -> usize {
    let hash = sha256_hex(handle);
    SHARES.iter().filter(|&&from| *hash >= *from).count()
}

/// A session there. Others, that would lie on a server which is dead, are a 503.
async fn session_at(service: &Service, number: usize, user: &str) -> Session {
    loop {
        let reply = service
            .post_session(format!(r#"{{"userId":"{user}"}}"#))
            .await;
        if reply.status == 503 {
            unavailable(&reply);
            continue;
        }
        let session = Session::created(&reply);
        if home(&session.handle) == number {
            return session;
        }
    }
}

#[test_on(mariadb)]
async fn cc1_rv2_db2_db3_sessions_on_three_servers_behind_spider(db: Backend) {
    let spider = tokio::task::block_in_place(Spider::start);
    spider.set_up().await;
    let place = Place::existing(db, &spider.node, "session", "session", PASSWORD);
    let start = || {
        place
            .service()
            .real_timers()
            .set("refresh_reuse_window", 2)
            .start()
    };
    let pair = [start().await, start().await];
    let now = pair[0].freeze().await;
    pair[1].freeze_at(now).await;

    all_is_right(&pair).await;
    a_theft_is_reported(&pair).await;
    rows_lie_where_they_belong(&spider, &pair).await;
    all_of_a_user_wherever_they_lie(&pair).await;
    the_clean_up_reaches_every_server(&spider, &pair[0]).await;
    a_dead_server(&spider, &pair).await;
    a_hanging_server(&spider, &pair).await;
    clients_lose_nothing_while(&pair, servers_die_and_hang(&spider)).await;
    the_node_dies(&spider, &pair).await;
    for process in &pair {
        process.assert_no_traps().await;
    }
}

async fn a_theft_is_reported(pair: &[Service; 2]) {
    for number in 0..3 {
        let session = session_at(&pair[0], number, "ada").await;
        let child = pair[0].child(&session).await;
        pair[1].expect_good(&child).await;
        for process in pair {
            process.freeze_at(process.now() + 2 * MINUTE).await;
        }
        let grandchild = pair[1].child(&child).await;
        pair[0].expect_good(&grandchild).await;
        let reply = pair[1].refresh(&session.refresh.value).await;
        assert_eq!(Answer::of_reply(&reply), Answer::Theft);
    }
}

async fn rows_lie_where_they_belong(spider: &Spider, pair: &[Service; 2]) {
    let before = spider.shares().await;
    let mut expected = before.clone();
    for _ in 0..30 {
        expected[home(&pair[0].create("ada").await.handle)] += 1;
    }
    assert_eq!(spider.shares().await, expected);
    assert_eq!(
        pair[0].tables().session_count().await,
        expected.iter().sum::<i64>()
    );
}

async fn listed(service: &Service, user: &str) -> Reply {
    let path = format!("/session/all?userId={user}");
    service.send("GET", &path, &[], "").await
}

async fn all_of_a_user_wherever_they_lie(pair: &[Service; 2]) {
    for _ in 0..30 {
        pair[0].create("eve").await;
    }
    let other = pair[0].create("eve2").await;
    assert_eq!(count_listed(&listed(&pair[1], "eve").await), 30);
    assert_eq!(pair[1].revoke_all("eve").await.answer(), "OK");
    assert_eq!(count_listed(&listed(&pair[0], "eve").await), 0);
    pair[1].expect_good(&other).await;
}

#[track_caller]
fn count_listed(reply: &Reply) -> usize {
    assert_eq!(reply.answer(), "OK", "{reply:?}");
    reply.text().matches("\"handle\"").count()
}

async fn the_clean_up_reaches_every_server(spider: &Spider, service: &Service) {
    let expired = service.now() - 4 * HOUR;
    let sql = format!(
        "INSERT INTO refresh_tokens (session_handle_hash_1, user_id, refresh_token_hash_2, expires_at) \
         SELECT SHA2(seq, 256), 'dead', SHA2(seq, 256), {expired} FROM seq_1_to_3000"
    );
    let before = spider.shares().await;
    service.tables().query(&sql, &[]).await;
    let with_the_dead = spider.shares().await;
    assert!(
        with_the_dead
            .iter()
            .zip(&before)
            .all(|(now, then)| now > then)
    );
    service.tick().await;
    assert!(
        spider
            .shares()
            .await
            .iter()
            .zip(&before)
            .all(|(now, then)| now <= then)
    );
    let dead = "SELECT COUNT(*) FROM refresh_tokens WHERE user_id = 'dead'";
    let rows = service.tables().query(dead, &[]).await;
    assert_eq!(rows, [[Some("0".to_owned())]]);
}

/// What touches its rows is a 503, all others are served; nothing is half done when it is back.
async fn a_dead_server(spider: &Spider, pair: &[Service; 2]) {
    let there = session_at(&pair[0], 1, "zoe").await;
    let child = pair[0].child(&there).await;
    let elsewhere = session_at(&pair[0], 2, "zoe").await;
    on(&spider.data[1], Server::kill);
    for process in pair {
        for reply in [
            timely(process.data(&there.handle)).await,
            timely(process.refresh(&there.refresh.value)).await,
            timely(process.verify(&child.access.value)).await,
            timely(process.revoke(&there.handle)).await,
            timely(listed(process, "zoe")).await,
            timely(process.revoke_all("zoe")).await,
        ] {
            unavailable(&reply);
        }
    }
    // A part of them may be gone by now, and the rest goes when it is asked again.
    for process in pair {
        let reply = timely(process.data(&elsewhere.handle)).await;
        assert!(matches!(
            Answer::of_reply(&reply),
            Answer::Ok | Answer::Unauthorised
        ));
    }
    let other = session_at(&pair[0], 0, "ada").await;
    pair[1].expect_good(&other).await;
    on(&spider.data[1], start_again);
    eventually(20, "it is back", async || {
        pair[0].data(&there.handle).await.status == 200
    })
    .await;
    pair[1].expect_good(&child).await;
    assert_eq!(pair[0].revoke_all("zoe").await.answer(), "OK");
    for session in [&there, &elsewhere] {
        assert_eq!(pair[1].data(&session.handle).await.answer(), "UNAUTHORISED");
    }
}

/// Connections to it stay open, and nothing comes back.
async fn a_hanging_server(spider: &Spider, pair: &[Service; 2]) {
    let there = session_at(&pair[0], 2, "ada").await;
    let child = pair[0].child(&there).await;
    let elsewhere = session_at(&pair[0], 1, "ada").await;
    let doomed = session_at(&pair[0], 2, "ada").await;
    on(&spider.data[2], Server::pause);
    let requests = join_all([
        timely(pair[0].verify(&child.access.value)),
        timely(pair[1].verify(&child.access.value)),
    ]);
    let deletes = join_all([
        timely(pair[0].revoke(&doomed.handle)),
        timely(pair[1].revoke(&doomed.handle)),
    ]);
    let (confirmations, deletes) = join(requests, deletes).await;
    confirmations.iter().chain(&deletes).for_each(unavailable);
    assert_eq!(timely(pair[0].data(&elsewhere.handle)).await.answer(), "OK");
    on(&spider.data[2], Server::resume);
    // Whether the confirmation and the deletes happened or not, they can be repeated.
    eventually(20, "it is back", async || {
        pair[0].data(&there.handle).await.status == 200
    })
    .await;
    pair[1].expect_good(&child).await;
    assert_eq!(pair[1].refresh(&child.refresh.value).await.answer(), "OK");
    pair[0].revoke(&doomed.handle).await;
    assert_eq!(pair[1].data(&doomed.handle).await.answer(), "UNAUTHORISED");
}

async fn servers_die_and_hang(spider: &Spider) {
    for round in 0..4 {
        let server = &spider.data[1 + round % 2];
        on(server, Server::kill);
        tokio::time::sleep(Duration::from_millis(300)).await;
        on(server, start_again);
        on(server, Server::pause);
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        on(server, Server::resume);
    }
}

async fn the_node_dies(spider: &Spider, pair: &[Service; 2]) {
    let session = pair[0].create("ada").await;
    on(&spider.node, Server::kill);
    for process in pair {
        unavailable(&timely(process.data(&session.handle)).await);
    }
    on(&spider.node, start_again);
    for process in pair {
        eventually(20, "it is back", async || {
            process.data(&session.handle).await.status == 200
        })
        .await;
    }
    assert_eq!(pair[1].refresh(&session.refresh.value).await.answer(), "OK");
}
