//! How the server programs are found, initialised and called. What a running server can be asked is in
//! the parent module.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, ensure};

use super::{Flavor, mysql9};
use crate::{folder::TempFolder, packages, process, workspace_root};

/// Statements of a server's first start, in its folder.
pub(super) const INIT_FILE: &str = "init.sql";
/// Everything that the server prints, in its folder.
pub(super) const LOG_FILE: &str = "server.log";

const DATA: &str = "data";

/// To be changed together with anything that makes an initialised data folder different.
const PRISTINE_FORMAT: u32 = 1;

/// Two seconds on an idle machine.
const INITIALISE_LIMIT: Duration = Duration::from_secs(180);

/// The programs of one flavor, ready to be called.
pub(super) struct Engine {
    flavor: Flavor,
    program: PathBuf,
    /// What `--version` prints: an initialised data folder is good for that version only.
    version: String,
    /// The folder that the programs see as `/`.
    root: Option<PathBuf>,
}

impl Engine {
    /// Finds the programs, installing them first if they are missing.
    pub(super) fn find(flavor: Flavor) -> Result<Self> {
        let (program, root) = match flavor {
            Flavor::MariaDb => {
                packages::ensure(packages::MARIADB)?;
                let program = process::find_program(packages::MARIADB.name);
                (program.context("mariadbd has vanished")?, None)
            }
            Flavor::MySql => (mysql9::PROGRAM.into(), Some(mysql9::ensure()?)),
        };
        let mut engine = Self {
            flavor,
            program,
            version: String::new(),
            root,
        };
        let output = engine
            .call(&engine.program)
            .args(["--no-defaults", "--version"])
            .output()
            .with_context(|| format!("failed to run {}", engine.program.display()))?;
        ensure!(
            output.status.success(),
            "{} --version failed",
            engine.program.display()
        );
        engine.version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        Ok(engine)
    }

    /// A new folder with initialised data in it.
    pub(super) fn new_data_folder(&self) -> Result<TempFolder> {
        let pristine = self.pristine()?;
        let folder = match &self.root {
            None => TempFolder::new()?,
            Some(root) => TempFolder::new_in(&root.join("tmp"))?,
        };
        let data = folder.path().join(DATA);
        copy(&pristine, &data)?;
        // MySQL's name for a server, which no two in a group may share; it makes another. MariaDB has none.
        let _ = fs::remove_file(data.join("auto.cnf"));
        Ok(folder)
    }

    /// The command that starts a server on the data in `folder`.
    pub(super) fn server_command(
        &self,
        folder: &Path,
        port: u16,
        first: bool,
        arguments: &[String],
    ) -> Result<Command> {
        let inside = self.inside(folder);
        let path = |name: &str| inside.join(name).display().to_string();
        let mut command = self.call(&self.program);
        command.args(self.common_arguments(&inside)).args([
            format!("--port={port}"),
            format!("--socket={}", path("socket")),
            format!("--pid-file={}", path("pid")),
            "--bind-address=127.0.0.1".to_owned(),
            "--skip-name-resolve".to_owned(),
            "--skip-log-bin".to_owned(),
            "--max-connections=200".to_owned(),
        ]);
        if self.flavor == Flavor::MySql {
            command.args(["--mysqlx=OFF", "--secure-file-priv="]);
        }
        if process::is_root() {
            // A new node of a cluster gets its data from an rsync that, started by root, would work as nobody. The
            // script that starts it writes this into its configuration.
            command.env("MYSQL_TMP_DIR", "/dev/null\nuid = root\ngid = root\n#");
        }
        if first {
            command.arg(format!("--init-file={}", path(INIT_FILE)));
        }
        let log = File::options()
            .create(true)
            .append(true)
            .open(folder.join(LOG_FILE))
            .context("failed to open the server's log")?;
        command
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        Ok(command)
    }

    /// An initialised data folder to copy from, made once per version: making one takes two seconds or
    /// more, copying it a tenth.
    fn pristine(&self) -> Result<PathBuf> {
        let store = match &self.root {
            None => workspace_root().join("target/databases"),
            Some(root) => root.join("var/lib/testbed"),
        };
        let ready = store.join(slug(&format!("{} {PRISTINE_FORMAT}", self.version)));
        if ready.is_dir() {
            return Ok(ready);
        }
        fs::create_dir_all(&store)
            .with_context(|| format!("failed to make {}", store.display()))?;
        let folder = TempFolder::new_in(&store)?;
        let data = folder.path().join(DATA);
        self.initialise(folder.path())?;
        // Another process may have been faster; its result is as good.
        if let Err(error) = fs::rename(&data, &ready)
            && !ready.is_dir()
        {
            return Err(error).with_context(|| format!("failed to make {}", ready.display()));
        }
        Ok(ready)
    }

    fn initialise(&self, folder: &Path) -> Result<()> {
        let mut command = match self.flavor {
            Flavor::MariaDb => {
                let mut command = self.call(Path::new("mariadb-install-db"));
                command
                    .args(self.common_arguments(&self.inside(folder)))
                    // --force: go on when the name of this machine cannot be looked up.
                    .args([
                        "--auth-root-authentication-method=normal",
                        "--skip-test-db",
                        "--force",
                    ]);
                command
            }
            Flavor::MySql => {
                let mut command = self.call(&self.program);
                command
                    .args(self.common_arguments(&self.inside(folder)))
                    .arg("--initialize-insecure");
                command
            }
        };
        let log_path = folder.join(LOG_FILE);
        let log = File::create(&log_path).context("failed to open the log")?;
        command.stdout(log.try_clone()?).stderr(log);
        let name = self.flavor.name();
        let status = process::run(command, Some(INITIALISE_LIMIT))?;
        ensure!(
            status.success(),
            "failed to initialise {name}: {status}\n{}",
            fs::read_to_string(&log_path).unwrap_or_default()
        );
        Ok(())
    }

    /// What initialising and serving must agree about. `--no-defaults` has to come first.
    fn common_arguments(&self, folder: &Path) -> Vec<String> {
        let mut arguments = vec![
            "--no-defaults".to_owned(),
            format!("--datadir={}", folder.join(DATA).display()),
            // A server that starts removes the temporary tables of others from a shared folder.
            format!("--tmpdir={}", folder.display()),
        ];
        if process::is_root() {
            // Both refuse to run as root unless told to. Another user would not do: a change of the user
            // id would end the tie to this process.
            arguments.push("--user=root".to_owned());
        }
        arguments.push("--innodb-buffer-pool-size=128M".to_owned());
        arguments.push(match self.flavor {
            Flavor::MariaDb => "--innodb-log-file-size=32M".to_owned(),
            Flavor::MySql => "--innodb-redo-log-capacity=64M".to_owned(),
        });
        arguments
    }

    /// A command that runs `program` where it was installed.
    fn call(&self, program: &Path) -> Command {
        match &self.root {
            None => Command::new(program),
            Some(root) => {
                let chroot = process::find_program("chroot").unwrap_or_else(|| "chroot".into());
                let mut command = Command::new(chroot);
                command.arg(root).arg(program);
                command
            }
        }
    }

    /// `path` as the server sees it.
    fn inside(&self, path: &Path) -> PathBuf {
        let stripped = self
            .root
            .as_ref()
            .and_then(|root| path.strip_prefix(root).ok());
        stripped.map_or_else(|| path.to_path_buf(), |rest| Path::new("/").join(rest))
    }
}

/// The first statements: root logs in with the password, from wherever the server can be reached. The
/// accounts of single hosts, which MariaDB makes without a password, would come before the general one.
pub(super) fn init_sql(password: &str) -> String {
    let password = password.replace('\\', "\\\\").replace('\'', "\'\'");
    ["%", "127.0.0.1", "localhost"]
        .map(|host| {
            format!(
                "CREATE USER IF NOT EXISTS 'root'@'{host}';\n\
                 ALTER USER 'root'@'{host}' IDENTIFIED BY '{password}';\n\
                 GRANT ALL PRIVILEGES ON *.* TO 'root'@'{host}' WITH GRANT OPTION;\n"
            )
        })
        .concat()
}

/// `text` with everything that a file name should not have replaced.
fn slug(text: &str) -> String {
    let cleaned: String = text
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || c == '.' {
                c
            } else {
                ' '
            }
        })
        .collect();
    cleaned.split_whitespace().collect::<Vec<_>>().join("-")
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    let mut command = Command::new("cp");
    command
        .args(["--archive", "--reflink=auto", "--"])
        .arg(from)
        .arg(to);
    let status = process::run(command, Some(INITIALISE_LIMIT))?;
    ensure!(
        status.success(),
        "failed to copy {} to {}",
        from.display(),
        to.display()
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_becomes_a_file_name() {
        let version = "mariadbd  Ver 10.11.6-MariaDB-0+deb12u1 for debian-linux-gnu (Debian 12) 1";
        assert_eq!(
            slug(version),
            "mariadbd-Ver-10.11.6-MariaDB-0-deb12u1-for-debian-linux-gnu-Debian-12-1"
        );
    }

    #[test]
    fn the_password_is_quoted() {
        assert!(init_sql(r"it's\").contains(r"BY 'it''s\\'"));
    }
}
