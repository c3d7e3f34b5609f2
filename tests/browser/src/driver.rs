//! Chromium and its driver: one driver for the whole test program, one browser with a profile of its own per test.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::{Mutex, OnceLock},
};

use anyhow::{Context, Result, ensure};
use fantoccini::{ClientBuilder, wd::Capabilities};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::json;
use testbed::{folder::TempFolder, packages, process};

use crate::Page;

/// The driver, which ends with this process.
static DRIVER: OnceLock<(Mutex<Child>, String)> = OnceLock::new();

/// What a browser needs in a container, and what keeps it from asking its maker's servers for anything.
const ARGUMENTS: [&str; 11] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-backgrounding-occluded-windows",
    "--window-size=1000,1300",
];

/// A browser. Close it at the end; if a test fails before, it ends with the driver.
pub struct Browser {
    client: fantoccini::Client,
    options: serde_json::Value,
    _profile: TempFolder,
}

impl Browser {
    /// Starts a browser with nothing in it.
    ///
    /// # Errors
    /// If there is no browser and none can be installed, or it does not start.
    pub async fn start() -> Result<Self> {
        Self::start_with(&[]).await
    }

    /// Starts one with these arguments as well; the last of a name counts.
    ///
    /// # Errors
    /// As [`Browser::start`].
    pub async fn start_with(more: &[&str]) -> Result<Self> {
        Self::start_without("", more).await
    }

    /// Starts one that blocks pop-ups, as people's browsers do. Drivers switch that off.
    ///
    /// # Errors
    /// As [`Browser::start`].
    pub async fn start_with_popups_blocked() -> Result<Self> {
        Self::start_without("disable-popup-blocking", &[]).await
    }

    async fn start_without(switch: &str, more: &[&str]) -> Result<Self> {
        let profile = TempFolder::new()?;
        let mut arguments: Vec<String> = ARGUMENTS.map(str::to_owned).to_vec();
        arguments.extend(more.iter().map(|&argument| argument.to_owned()));
        arguments.push(format!("--user-data-dir={}", profile.path().display()));
        let options = json!({
            "binary": "/usr/bin/chromium", "args": arguments, "excludeSwitches": [switch],
        });
        Ok(Self {
            client: open(&options).await?,
            options,
            _profile: profile,
        })
    }

    /// Ends it, and starts it again with what it has kept.
    ///
    /// # Errors
    /// As [`Browser::start`].
    pub async fn restart(&mut self) -> Result<()> {
        self.client.clone().close().await?;
        self.client = open(&self.options).await?;
        Ok(())
    }

    /// A page at this address, in the window that the browser began with.
    pub async fn visit(&self, url: &str) -> Page {
        self.client.goto(url).await.expect("the page loads");
        let window = self.client.window().await.expect("there is a window");
        Page::new(self.client.clone(), window)
    }

    /// Ends it.
    pub async fn close(self) {
        self.client.close().await.expect("the browser ends");
    }
}

async fn open(options: &serde_json::Value) -> Result<fantoccini::Client> {
    let capabilities: Capabilities = [("goog:chromeOptions".to_owned(), options.clone())]
        .into_iter()
        .collect();
    let client = ClientBuilder::new(HttpConnector::new())
        .capabilities(capabilities)
        .connect(driver()?)
        .await;
    client.context("the browser does not start")
}

fn driver() -> Result<&'static str> {
    // Tests run side by side; the second one waits here for the first one's driver.
    static STARTING: Mutex<()> = Mutex::new(());
    let _turn = STARTING.lock().expect("no holder of this lock panics");
    if let Some((_, url)) = DRIVER.get() {
        return Ok(url);
    }
    packages::ensure(packages::CHROMIUM)?;
    packages::ensure(packages::CHROMEDRIVER)?;
    let mut command = Command::new("chromedriver");
    command
        .arg("--port=0")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut child = process::spawn(command).context("failed to start chromedriver")?;
    let mut lines = BufReader::new(child.stdout.take().expect("it is a pipe")).lines();
    let port = lines.by_ref().map_while(Result::ok).find_map(|line| {
        let (_, port) = line.split_once("started successfully on port ")?;
        port.trim_end_matches('.').parse::<u16>().ok()
    });
    ensure!(port.is_some(), "chromedriver ended without naming its port");
    // It must never wait for a full pipe.
    std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
    let url = format!("http://127.0.0.1:{}", port.unwrap_or_default());
    Ok(&DRIVER.get_or_init(|| (Mutex::new(child), url)).1)
}
