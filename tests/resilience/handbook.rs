//! The commands of docs/operations.md and docs/hardening.md, run as they stand there, and with the rights that the page
//! gives to the service's user.

use std::process::{Command, Stdio};
use std::sync::Arc;

use session_tests::prelude::*;
use session_tests::service::Setup;
use testbed::workspace_root;

/// All that an API key may hold: visible ASCII, without the comma that separates two.
const KEY: &str = r#"it's-"quoted"\and-$HOME-`escaped`"#;

const MASTER_KEY: &str = "a master key for the handbook's commands";

const PASSWORD: &str = "pass:word";

#[test_on(mariadb)]
async fn the_commands_of_the_handbook_work(db: Backend) {
    let handbook = read("docs/operations.md");
    let blocks = [blocks(&handbook), blocks(&read("docs/hardening.md"))].concat();
    assert!(blocks.len() >= 18, "{} blocks", blocks.len());
    let place = with_a_user_of_its_own(db, &handbook).await;
    let service = service(&place).set("maintenance_endpoint", true);
    let service = service.start().await;
    let folder = place.state_folder();
    let folder = folder.to_str().expect("a path of Unicode text");
    let run = |block: &str| {
        let block = block.replace("/var/backups", folder);
        bash(format!("{}\n{block}", helpers(&place, &service)))
    };
    let (tables, blocks) = blocks.split_first().expect("there are some");
    run(tables).await;
    service.tick().await;
    let mut saved = None;
    for block in blocks {
        let session = login(&service).await;
        if block.contains("mysqldump") {
            saved = Some(login(&service).await);
        }
        run(block).await;
        if block.contains("< /var/backups") {
            let saved = saved.as_ref().expect("a backup comes before");
            assert_eq!(refresh(&service, saved).await, "OK");
            assert_eq!(refresh(&service, &session).await, "UNAUTHORISED");
        }
        if block.contains("LIVE LIMIT 10000") {
            let restarted = self::service(&place).set("access_token_blacklisting", true);
            let restarted = restarted.start().await;
            assert_eq!(place.tables().session_count().await, 0);
            assert_eq!(verify(&restarted, &session).await, "UNAUTHORISED");
            assert_eq!(refresh(&restarted, &session).await, "UNAUTHORISED");
        }
    }
    let address = format!("http://{}/", service.address());
    bash(cron_job().replace("http://session/", &address)).await;
}

fn service(place: &Arc<Place>) -> Setup {
    place
        .service()
        .set("api_keys", KEY)
        .set("master_key", MASTER_KEY)
}

/// A database without tables, as a user sees it that has the rights of the page.
async fn with_a_user_of_its_own(db: Backend, handbook: &str) -> Arc<Place> {
    let place = db.place().await;
    let name = place.database_name();
    let (_, rights) = handbook.split_once("GRANT ").expect("it gives rights");
    let (rights, _) = rights.split_once(" ON sessions.* TO").expect("on it");
    for sql in [
        format!("CREATE USER '{name}'@'%' IDENTIFIED BY '{PASSWORD}'"),
        format!("GRANT {rights} ON `{name}`.* TO '{name}'@'%'"),
    ] {
        let done = db.server().execute_admin(&sql);
        done.expect("an administrator may create users");
    }
    place.as_user(&name, PASSWORD)
}

fn read(path: &str) -> String {
    let text = std::fs::read_to_string(workspace_root().join(path));
    text.unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn blocks(page: &str) -> Vec<String> {
    let blocks = page.split("\n```sh\n").skip(1);
    let blocks = blocks.map(|rest| rest.split("\n```").next().unwrap_or_default());
    blocks.map(str::to_owned).collect()
}

/// What the handbook says that its commands use, for this service and its database. KEY is in the environment.
fn helpers(place: &Place, service: &Service) -> String {
    let (server, name) = (place.backend().server(), place.database_name());
    let options = |user: &str, password: &str| {
        let (host, port) = (server.host(), server.port());
        format!("--no-defaults --skip-ssl -h {host} -P {port} -u {user} -p{password}")
    };
    format!(
        "SESSIONS=http://{}\nDB={name}\nOWN='{}'\nADMIN='{}'\n\
         api() {{ curl -sS --fail-with-body -H \"api-key: $KEY\" -H 'content-type: application/json' \"$@\"; }}\n\
         sql() {{ mysql $OWN \"$DB\" \"$@\"; }}\n\
         admin() {{ mysql $ADMIN \"$DB\" \"$@\"; }}\n",
        service.address(),
        options(&name, PASSWORD),
        options(server.user(), server.password()),
    )
}

/// The command of deploy/spinkube's CronJob.
fn cron_job() -> String {
    let yaml = read("deploy/spinkube/maintenance.yaml");
    let (_, script) = yaml.split_once(">-\n").expect("a folded text");
    script.split_whitespace().collect::<Vec<_>>().join(" ")
}

async fn bash(script: String) {
    let mut command = Command::new("bash");
    command
        .args(["-euo", "pipefail", "-c", &script])
        .env("KEY", KEY)
        .current_dir(workspace_root())
        .stdin(Stdio::null());
    let output = tokio::task::spawn_blocking(move || command.output())
        .await
        .expect("it does not panic")
        .expect("bash runs");
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    assert!(
        output.status.success(),
        "{script}\n--- {}\n{}{}",
        output.status,
        text(&output.stdout),
        text(&output.stderr)
    );
}

async fn call(service: &Service, method: &str, path: &str, body: String) -> Reply {
    let headers = [("api-key", KEY), ("content-type", "application/json")];
    service.send(method, path, &headers, body).await
}

async fn login(service: &Service) -> Session {
    let body = r#"{"userId":"ada"}"#.to_owned();
    Session::created(&call(service, "POST", "/session", body).await)
}

async fn verify(service: &Service, session: &Session) -> String {
    let token = &session.access.value;
    let body = format!(r#"{{"accessToken":"{token}","idRefreshToken":"-"}}"#);
    call(service, "PUT", "/session", body).await.answer()
}

async fn refresh(service: &Service, session: &Session) -> String {
    let token = &session.refresh.value;
    let body = format!(r#"{{"refreshToken":"{token}","idRefreshToken":"-"}}"#);
    call(service, "PUT", "/refresh", body).await.answer()
}
