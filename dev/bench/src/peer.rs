//! The documented system: installed by npm into the target folder, started by node. `dev/bench/peer/README.md` says
//! what is done to it and why.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use testbed::service::Database;
use testbed::{process, workspace_root};

use crate::system::Served;

const PACKAGE: &str = "supertokens-node-mysql-ref-jwt-webservice";
const INSTALL_LIMIT: Duration = Duration::from_secs(300);

/// The installed peer.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    node: PathBuf,
    folder: PathBuf,
}

impl Peer {
    /// Installs it unless that has been done; the error says why it can't be had on this machine.
    pub(crate) fn prepare() -> Result<Self> {
        let node = process::find_program("node").context("there is no node on the PATH")?;
        let npm = process::find_program("npm").context("there is no npm on the PATH")?;
        let peer = Self {
            node,
            folder: workspace_root().join("target/bench-peer"),
        };
        let wanted = fs::read_to_string(source("package.json"))?;
        // Written last, so that it says that the installation is whole.
        let stamp = peer.folder.join("installed.json");
        if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
            return Ok(peer);
        }
        eprintln!("Installing the documented system (npm)");
        fs::create_dir_all(&peer.folder)?;
        fs::write(peer.folder.join("package.json"), &wanted)?;
        let mut install = Command::new(npm);
        install
            .args(["install", "--ignore-scripts", "--no-audit", "--no-fund"])
            .args(["--loglevel", "error"])
            .current_dir(&peer.folder);
        let status = process::run(install, Some(INSTALL_LIMIT))?;
        ensure!(status.success(), "npm install failed: {status}");
        // What stands in for it; without it Node's own is found.
        fs::remove_dir_all(peer.folder.join("node_modules/http"))
            .context("the package in the place of http is not where it was expected")?;
        fs::write(stamp, wanted)?;
        Ok(peer)
    }

    /// Which node it runs on.
    pub(crate) fn node_version(&self) -> Result<String> {
        let output = Command::new(&self.node).arg("--version").output()?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// Starts it on a database of a MariaDB server.
    pub(crate) fn start(&self, database: &Database) -> Result<Served> {
        Served::start(|address, folder| {
            let template = fs::read_to_string(source("config.json"))?;
            let mut config: Value = serde_json::from_str(&template)?;
            config["port"] = address.port().into();
            if let Database::MySql {
                host,
                port,
                user,
                password,
                name,
            } = database
            {
                config["mysql"] = json!({
                    "host": host, "port": port, "user": user, "password": password, "database": name,
                });
            }
            let path = folder.join("config.json");
            fs::write(&path, config.to_string())?;
            let mut command = Command::new(&self.node);
            command
                .arg("index.js")
                .arg(path)
                .env("NODE_ENV", "production")
                .current_dir(self.folder.join("node_modules").join(PACKAGE));
            Ok(command)
        })
    }
}

fn source(file: &str) -> PathBuf {
    workspace_root()
        .join(Path::new("dev/bench/peer"))
        .join(file)
}
