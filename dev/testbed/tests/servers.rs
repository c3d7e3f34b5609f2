//! Private servers, for real: every flavor that `TESTBED_DATABASES` names, MariaDB without it.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::{
    net::TcpStream,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use testbed::database::{Flavor, Server};

fn flavors() -> Vec<Flavor> {
    let wanted = std::env::var("TESTBED_DATABASES").unwrap_or_else(|_| "mariadb".to_owned());
    [Flavor::MariaDb, Flavor::MySql]
        .into_iter()
        .filter(|flavor| wanted.split(',').any(|word| word == flavor.short_name()))
        .collect()
}

#[test]
fn a_server_keeps_what_it_acknowledged_through_a_crash_and_leaves_nothing_behind() {
    for flavor in flavors() {
        let server = Server::start_with(flavor, flavor.suite_arguments()).unwrap();
        server.create_database("it`s").unwrap();
        server
            .execute_admin("CREATE TABLE `it``s`.t (a INT, b VARCHAR(9))")
            .unwrap();
        server
            .execute_admin("INSERT INTO `it``s`.t VALUES (1, 'x'), (2, NULL)")
            .unwrap();
        let port = server.port();

        server.kill();
        assert!(server.query_admin("SELECT 1").is_err());
        server.start_again().unwrap();
        assert_eq!(server.port(), port);
        let rows = server
            .query_admin("SELECT a, b FROM `it``s`.t ORDER BY a")
            .unwrap();
        assert_eq!(rows, [["1", "x"], ["2", "NULL"]]);

        server.stop();
        assert!(TcpStream::connect((server.host(), port)).is_err());
        server.start_again().unwrap();
        assert!(server.start_again().is_err());

        server.pause();
        thread::scope(|scope| {
            let asked = Instant::now();
            let answer = scope.spawn(|| server.query_admin("SELECT 7"));
            thread::sleep(Duration::from_millis(300));
            assert!(!answer.is_finished());
            server.resume();
            assert_eq!(answer.join().unwrap().unwrap(), [["7"]]);
            assert!(asked.elapsed() >= Duration::from_millis(300));
        });

        let folder = data_folder(&server);
        drop(server);
        assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
        assert!(!folder.is_empty() && !std::path::Path::new(&folder).exists());
    }
}

#[test]
fn db10_mysql_runs_with_the_settings_of_an_old_installation() {
    for flavor in flavors() {
        let server = Server::start_with(flavor, flavor.suite_arguments()).unwrap();
        let rows = server
            .query_admin("SELECT @@global.sql_mode, @@global.character_set_server")
            .unwrap();
        if flavor == Flavor::MySql {
            assert_eq!(rows, [["", "latin1"]]);
            // So does every database of the suite.
            server.create_database("new").unwrap();
            let rows = server.query_admin(
                "SELECT default_character_set_name FROM information_schema.schemata \
                 WHERE schema_name = 'new'",
            );
            assert_eq!(rows.unwrap(), [["latin1"]]);
        }
        assert!(!server.version().unwrap().is_empty());
    }
}

/// This very test program is started a second time, as an owner that is killed while its server runs.
#[test]
fn a_server_dies_with_a_killed_owner_and_its_folder_goes_too() {
    const OWNER: &str = "TESTBED_TEST_OWNER";
    if std::env::var_os(OWNER).is_some() {
        let server = Server::start(Flavor::MariaDb).unwrap();
        std::fs::write(
            std::env::var_os(OWNER).unwrap(),
            format!("{} {}", server.port(), data_folder(&server)),
        )
        .unwrap();
        thread::sleep(Duration::from_secs(60));
        return;
    }
    if !flavors().contains(&Flavor::MariaDb) {
        return;
    }
    let folder = testbed::folder::TempFolder::new().unwrap();
    let report = folder.path().join("report");
    let mut owner = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "a_server_dies_with_a_killed_owner_and_its_folder_goes_too",
        ])
        .env(OWNER, &report)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let text = until(|| {
        std::fs::read_to_string(&report)
            .ok()
            .filter(|text| text.contains(' '))
    });
    let (port, data) = text.split_once(' ').unwrap();
    let port: u16 = port.parse().unwrap();
    assert!(TcpStream::connect(("127.0.0.1", port)).is_ok());

    owner.kill().unwrap();
    owner.wait().unwrap();

    until(|| {
        TcpStream::connect(("127.0.0.1", port))
            .is_err()
            .then_some(())
    });
    // The next folder is made where the dead owner's is left.
    drop(Server::start(Flavor::MariaDb).unwrap());
    assert!(!std::path::Path::new(data).exists());
}

/// Where the server keeps its data, as seen from here.
fn data_folder(server: &Server) -> String {
    let rows = server.query_admin("SELECT @@global.datadir").unwrap();
    match server.flavor() {
        Flavor::MariaDb => rows[0][0].clone(),
        Flavor::MySql => {
            let root = testbed::workspace_root().join("target/mysql9");
            format!("{}{}", root.display(), rows[0][0])
        }
    }
}

fn until<T>(mut condition: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(Instant::now() < deadline, "it did not happen within 20 s");
        thread::sleep(Duration::from_millis(20));
    }
}
