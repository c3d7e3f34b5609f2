//! The systems that are measured, each a process that listens on a loopback port of its own.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use bench::{Protocol, Tokens};
use testbed::database::Server;
use testbed::folder::TempFolder;
use testbed::process;

use crate::load::Target;
use crate::operation::Operation;
use crate::processes::Group;

const START_LIMIT: Duration = Duration::from_secs(60);

/// Which system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Who {
    /// The service as the runtime starts it by default.
    Service,
    /// The service with the options that docs/operations.md recommends.
    Tuned,
    /// The service with `access_token_blacklisting=feed`; checks only.
    Feed,
    /// The same with the recommended options.
    TunedFeed,
    /// The service's component for WASI 0.2, with a master key: each request is an instance of its own.
    Wasi02,
    /// The same without a master key; checks only.
    Wasi02Plain,
    /// The service as SuperTokens' SDKs call it, with access tokens of EdDSA.
    CdiEdDsa,
    /// The same with ES256.
    CdiEs256,
    /// The documented system.
    Peer,
    /// A component that does nothing, as the runtime starts it by default.
    Bare,
    /// The same by WASI 0.2.
    BareWasi02,
}

impl Who {
    /// What tables say.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Tuned => "service, tuned",
            Self::Feed => "service, feed",
            Self::TunedFeed => "service, tuned, feed",
            Self::Wasi02 => "service, WASI 0.2",
            Self::Wasi02Plain => "the same, no master key",
            Self::CdiEdDsa => "CDI, EdDSA",
            Self::CdiEs256 => "CDI, ES256",
            Self::Peer => "peer",
            Self::Bare => "bare",
            Self::BareWasi02 => "bare, WASI 0.2",
        }
    }

    /// Whether it is one of ours.
    pub(crate) fn is_service(self) -> bool {
        self != Self::Peer && !self.is_bare()
    }

    /// Whether it does nothing.
    pub(crate) fn is_bare(self) -> bool {
        matches!(self, Self::Bare | Self::BareWasi02)
    }

    /// What does nothing on the same platform.
    pub(crate) fn bare(self) -> Self {
        match self {
            Self::Wasi02 | Self::Wasi02Plain => Self::BareWasi02,
            _ => Self::Bare,
        }
    }

    /// Whether it is measured with this operation.
    pub(crate) fn has(self, operation: Operation) -> bool {
        match self {
            // Its router lacks a slash.
            Self::Peer => operation != Operation::Write,
            Self::Bare | Self::BareWasi02 | Self::Feed | Self::TunedFeed | Self::Wasi02Plain => {
                operation == Operation::Verify
            }
            Self::CdiEdDsa | Self::CdiEs256 => operation.is_cdis(),
            Self::Service | Self::Tuned | Self::Wasi02 => true,
        }
    }

    /// How it is called.
    pub(crate) fn protocol(self) -> Protocol {
        match self {
            Self::CdiEdDsa | Self::CdiEs256 => Protocol::Cdi,
            _ => Protocol::Native,
        }
    }
}

/// How a system is started.
pub(crate) type Start<'a> = Box<dyn Fn() -> Result<Served> + 'a>;

/// A system that is running.
pub(crate) struct System<'a> {
    /// Which it is.
    pub(crate) who: Who,
    /// The process that serves.
    pub(crate) served: Served,
    /// Where load goes to.
    pub(crate) target: Arc<Target>,
    /// The database server, if that is a process of its own.
    pub(crate) database: Option<Group>,
    start: Start<'a>,
}

impl<'a> System<'a> {
    /// Starts it.
    pub(crate) fn new(who: Who, database: Option<&Server>, start: Start<'a>) -> Result<Self> {
        let served = start()?;
        Ok(Self {
            who,
            target: target(who, &served),
            served,
            database: database.and_then(Server::pid).map(Group::led_by),
            start,
        })
    }

    /// Starts it again.
    pub(crate) fn restart(&mut self) -> Result<()> {
        self.served = (self.start)()?;
        self.target = target(self.who, &self.served);
        Ok(())
    }
}

fn target(who: Who, served: &Served) -> Arc<Target> {
    // The bare component has no sessions; what it is sent is as long as a check of one.
    let one_as_long = Tokens {
        protocol: Protocol::Native,
        handle: String::new(),
        access: "x".repeat(360),
        refresh: String::new(),
        id: "x".repeat(43),
    };
    let shared = if who.is_bare() {
        vec![one_as_long]
    } else {
        Vec::new()
    };
    Target::new(served.address, who.protocol(), shared)
}

/// The process, which ends with this value.
pub(crate) struct Served {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    child: Child,
    /// For a runtime, the state folder. Dropped after the process has been ended.
    folder: TempFolder,
}

impl Served {
    /// Starts what `command` makes for an address and a folder of its own, and waits until it listens.
    pub(crate) fn start(
        command: impl FnOnce(SocketAddr, &Path) -> Result<Command>,
    ) -> Result<Self> {
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let folder = TempFolder::new()?;
        let mut command = command(address, folder.path())?;
        let log = folder.path().join("log");
        let file = File::create(&log)?;
        command.stdin(Stdio::null());
        command.stdout(file.try_clone()?).stderr(file);
        let what = format!("{command:?}");
        let child = process::spawn(command).with_context(|| format!("failed to start {what}"))?;
        let mut served = Self {
            address,
            child,
            folder,
        };
        let deadline = Instant::now() + START_LIMIT;
        while TcpStream::connect(address).is_err() {
            if served.child.try_wait()?.is_some() || Instant::now() > deadline {
                let log = fs::read_to_string(log).unwrap_or_default();
                bail!("{what} did not start; its log:\n{log}");
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(served)
    }

    /// Its folder.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Its process and the children of that.
    pub(crate) fn group(&self) -> Group {
        Group::led_by(self.child.id())
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        process::kill_group(&mut self.child);
    }
}
