//! Programs that come from Debian's packages: installed when this process may, named when it may not.

use std::{process::Command, time::Duration};

use anyhow::{Result, bail, ensure};

use crate::process;

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
    eprintln!("Installing {names} (apt-get)");
    apt_get(&["update"])?;
    let install = ["install", "-y", "--no-install-recommends"];
    apt_get(&[&install, packages].concat())?;
    ensure!(is_there(), "{names} did not bring {what}");
    Ok(())
}

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
