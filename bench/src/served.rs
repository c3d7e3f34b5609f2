//! A server process that listens on a loopback port of its own and ends with this value.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use testbed::folder::TempFolder;
use testbed::process;

use crate::processes::Group;

const START_LIMIT: Duration = Duration::from_secs(60);
const LOG: &str = "log";

/// The running process.
pub(crate) struct Served {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    name: &'static str,
    child: Child,
    log: PathBuf,
    /// Dropped after the process has been ended.
    folder: TempFolder,
}

impl Served {
    /// Starts what `command` makes for an address and a folder of its own, and waits until it listens.
    pub(crate) fn start(
        name: &'static str,
        command: impl FnOnce(SocketAddr, &TempFolder) -> Result<Command>,
    ) -> Result<Self> {
        let address = free_address()?;
        let folder = TempFolder::new()?;
        let mut command = command(address, &folder)?;
        let log = folder.path().join(LOG);
        let file = File::create(&log).context("failed to make a log file")?;
        command
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file);
        let child = process::spawn(command).with_context(|| format!("failed to start {name}"))?;
        let mut served = Self {
            address,
            name,
            child,
            log,
            folder,
        };
        served.wait_until_it_listens()?;
        Ok(served)
    }

    /// Its folder: for a runtime, the state folder.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Its process and the children of that.
    pub(crate) fn group(&self) -> Group {
        Group::led_by(self.child.id())
    }

    fn wait_until_it_listens(&mut self) -> Result<()> {
        let deadline = Instant::now() + START_LIMIT;
        while TcpStream::connect(self.address).is_err() {
            let ended = self.child.try_wait()?.is_some();
            if ended || Instant::now() > deadline {
                let log = fs::read_to_string(&self.log).unwrap_or_default();
                bail!("{} did not start; its log:\n{log}", self.name);
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        process::kill_group(&mut self.child);
    }
}

fn free_address() -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("failed to find a port")?;
    Ok(listener.local_addr()?)
}
