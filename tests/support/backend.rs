//! The databases on which the contract holds, and a place on one of them for a test alone.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use testbed::database::{Flavor, Server, shared};
use testbed::folder::TempFolder;
use testbed::service::{Database, Runtime};

use crate::service::{Service, Setup, shared_service};
use crate::tables::Tables;

/// A kind of database.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Backend {
    /// The file in the application's state folder.
    Sqlite,
    /// MariaDB 10.11.
    MariaDb,
    /// MySQL 9.7.
    MySql9,
}

impl Backend {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Sqlite, Self::MariaDb, Self::MySql9];

    /// Its name in `TESTBED_DATABASES` and in front of every test's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::MariaDb => "mariadb",
            Self::MySql9 => "mysql9",
        }
    }

    /// The databases that `TESTBED_DATABASES` asks for.
    pub fn chosen() -> Result<Vec<Self>, String> {
        let words = std::env::var("TESTBED_DATABASES").unwrap_or("sqlite,mariadb".to_owned());
        let find = |word: &str| {
            Self::ALL
                .into_iter()
                .find(|backend| backend.name() == word.trim())
                .ok_or_else(|| {
                    format!("TESTBED_DATABASES: {word:?} is none of sqlite, mariadb, mysql9")
                })
        };
        words
            .split(',')
            .filter(|word| !word.trim().is_empty())
            .map(find)
            .collect()
    }

    /// For `test_on`: every database.
    pub fn everywhere(self) -> bool {
        true
    }

    /// For `test_on`: databases that are servers.
    pub fn servers(self) -> bool {
        self != Self::Sqlite
    }

    /// For `test_on`: SQLite only.
    pub fn sqlite(self) -> bool {
        self == Self::Sqlite
    }

    /// For `test_on`: every database, with instances for one request each.
    pub fn wasi02(self) -> bool {
        Runtime::chosen().is_ok_and(|runtime| runtime == Runtime::HostWasi02)
    }

    /// For `test_on`: once, since it needs no service.
    pub fn once(self) -> bool {
        self == Self::Sqlite && Runtime::chosen().is_ok_and(|runtime| runtime == Runtime::Host)
    }

    /// For `test_on`: MariaDB only.
    pub fn mariadb(self) -> bool {
        self == Self::MariaDb
    }

    /// For `test_on`: MySQL 9 only.
    pub fn mysql9(self) -> bool {
        self == Self::MySql9
    }

    /// What its server is called by `testbed`. Panics for SQLite, which has none.
    pub fn flavor(self) -> Flavor {
        match self {
            Self::Sqlite => panic!("SQLite has no server"),
            Self::MariaDb => Flavor::MariaDb,
            Self::MySql9 => Flavor::MySql,
        }
    }

    /// The server that all tests of this program share. Panics for SQLite, which has none.
    pub fn server(self) -> &'static Server {
        shared(self.flavor())
    }

    /// A fresh, empty database.
    pub async fn place(self) -> Arc<Place> {
        let made = tokio::task::spawn_blocking(move || Place::new(self));
        Arc::new(made.await.expect("making a database does not panic"))
    }

    /// A service of its own, on a fresh database, to be given settings and started.
    pub fn service(self) -> Setup {
        Setup::new(self)
    }

    /// A service of its own with these settings, whose clock stands still.
    pub async fn frozen(self, settings: &[(&str, &str)]) -> Service {
        let service = self.service().set_all(settings).start().await;
        service.freeze().await;
        service
    }

    /// The service with default settings that tests share which neither change its clock nor count
    /// anything.
    pub async fn shared(self) -> Arc<Service> {
        shared_service(self).await
    }
}

/// A database (and its state folder) that one or several service processes use.
pub struct Place {
    backend: Backend,
    database: Database,
    state: TempFolder,
    tables: Tables,
}

impl Place {
    fn new(backend: Backend) -> Self {
        if backend == Backend::Sqlite {
            let state = TempFolder::new().expect("a state folder can be made");
            let tables = Tables::sqlite(state.path().join("sqlite_db.db"));
            let database = Database::Sqlite;
            return Self {
                backend,
                database,
                state,
                tables,
            };
        }
        static COUNTER: AtomicU32 = AtomicU32::new(0);
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let name = format!("test_{}_{number}", std::process::id());
        Self::create(backend, backend.server(), &name)
    }

    fn create(backend: Backend, server: &Server, name: &str) -> Self {
        let created = server.create_database(name);
        created.expect("the database can be created");
        Self::on_server(backend, server, name, server.user(), server.password())
    }

    /// A fresh database on a server that the test controls alone.
    pub fn private(backend: Backend, server: &Server) -> Arc<Self> {
        Arc::new(Self::create(backend, server, "session"))
    }

    /// The same database as another user sees it.
    pub fn as_user(&self, user: &str, password: &str) -> Arc<Self> {
        self.as_user_of(self.backend.server(), user, password)
    }

    /// The same database on a server that the test controls, as another user sees it.
    pub fn as_user_of(&self, server: &Server, user: &str, password: &str) -> Arc<Self> {
        let name = self.database_name();
        Arc::new(Self::on_server(self.backend, server, &name, user, password))
    }

    /// A database that is there already, on a server that the test controls, as one of its users sees it.
    pub fn existing(
        backend: Backend,
        server: &Server,
        name: &str,
        user: &str,
        password: &str,
    ) -> Arc<Self> {
        Arc::new(Self::on_server(backend, server, name, user, password))
    }

    fn on_server(
        backend: Backend,
        server: &Server,
        name: &str,
        user: &str,
        password: &str,
    ) -> Self {
        let database = Database::MySql {
            host: server.host().to_owned(),
            port: server.port(),
            user: user.to_owned(),
            password: password.to_owned(),
            name: name.to_owned(),
        };
        Self {
            backend,
            database,
            state: TempFolder::new().expect("a state folder can be made"),
            tables: Tables::server(server, name),
        }
    }

    /// The kind of database.
    pub fn backend(&self) -> Backend {
        self.backend
    }

    /// The database's name on its server. Panics for SQLite.
    pub fn database_name(&self) -> String {
        match &self.database {
            Database::MySql { name, .. } => name.clone(),
            Database::Sqlite => panic!("SQLite's database has no name"),
        }
    }

    /// What `testbed` connects the service to.
    pub fn database(&self) -> Database {
        self.database.clone()
    }

    /// The application's state folder.
    pub fn state_folder(&self) -> PathBuf {
        self.state.path().to_owned()
    }

    /// The tables, past the service.
    pub fn tables(&self) -> &Tables {
        &self.tables
    }

    /// A service on this database, to be given settings and started.
    pub fn service(self: &Arc<Self>) -> Setup {
        Setup::on(self)
    }
}
