//! The client of dev-host's control API: time, randomness, database faults, statistics and the scheduled
//! component of a running service.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use reqwest::{Method, RequestBuilder};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::faults::{FaultRule, FaultState};

/// Moving the clock by months runs the scheduled component thousands of times.
const LIMIT: Duration = Duration::from_secs(300);

/// A client of one service's control API.
#[derive(Debug, Clone)]
pub struct Control {
    url: String,
    client: reqwest::Client,
}

/// The service's wall clock after a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Clock {
    /// Milliseconds since the Unix epoch.
    pub now_ms: i64,
    /// How many scheduled runs were due on the way and have been made.
    #[serde(default)]
    pub ticks: u64,
    /// How many of those failed.
    #[serde(default)]
    pub failed: u64,
}

/// What a service has done since its start or since [`Control::reset_stats`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Stats {
    /// HTTP requests that were answered.
    pub requests: u64,
    /// Component instances that were made.
    pub instances: u64,
    /// Instances that trapped.
    pub traps: u64,
    /// What would have hung, crashed or slowed Spin.
    pub violations: Vec<String>,
    /// Connections to a database.
    pub connections: Connections,
    /// The statements that were run, by text.
    pub statements: Vec<StatementCount>,
}

impl Stats {
    /// How many statements were run in all.
    pub fn statements_run(&self) -> u64 {
        self.statements
            .iter()
            .map(|statement| statement.count)
            .sum()
    }

    /// How many statements were run whose text contains `part`.
    pub fn statements_containing(&self, part: &str) -> u64 {
        self.statements
            .iter()
            .filter(|statement| statement.sql.contains(part))
            .map(|statement| statement.count)
            .sum()
    }
}

/// Connections of a service to its database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Connections {
    /// Open now.
    pub open: u64,
    /// The most that were open at once.
    pub max_open: u64,
    /// Opened in all.
    pub opened: u64,
}

/// One statement and how often it was run.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct StatementCount {
    /// Its text, with placeholders.
    pub sql: String,
    /// How often.
    pub count: u64,
}

/// The outcome of one run of the scheduled component.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Tick {
    /// Whether it succeeded.
    pub ok: bool,
    /// What it reported otherwise.
    #[serde(default)]
    pub error: Option<String>,
}

impl Control {
    /// A client of the control API at `url`, as dev-host prints it.
    pub fn new(url: impl Into<String>) -> Self {
        let client = reqwest::Client::builder()
            // The services are on loopback, whatever the environment says about proxies.
            .no_proxy()
            .timeout(LIMIT)
            .build()
            .expect("a client without TLS needs nothing from the system");
        Self {
            url: url.into(),
            client,
        }
    }

    /// Its address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The service's wall clock, in milliseconds since the Unix epoch.
    pub async fn now_ms(&self) -> Result<i64> {
        let clock: Clock = self.call(Method::GET, "/clock", None::<()>).await?;
        Ok(clock.now_ms)
    }

    /// Sets the wall clock; it runs on from there.
    pub async fn set_now_ms(&self, now_ms: i64) -> Result<Clock> {
        self.change_clock(json!({ "now_ms": now_ms })).await
    }

    /// Moves the wall clock by so many milliseconds, forwards or backwards, without scheduled runs.
    pub async fn advance_ms(&self, milliseconds: i64) -> Result<Clock> {
        self.change_clock(json!({ "advance_ms": milliseconds }))
            .await
    }

    /// Moves the wall clock forwards and makes every scheduled run that falls due on the way.
    pub async fn advance_running_due_ms(&self, milliseconds: i64) -> Result<Clock> {
        self.change_clock(json!({ "advance_ms": milliseconds, "run_due": true }))
            .await
    }

    /// Stops the wall clock at this instant.
    pub async fn freeze_at_ms(&self, now_ms: i64) -> Result<Clock> {
        self.change_clock(json!({ "frozen_ms": now_ms })).await
    }

    /// Back to the system's own clock.
    pub async fn use_real_clock(&self) -> Result<Clock> {
        self.change_clock(json!({ "real": true })).await
    }

    /// Makes the components' randomness repeatable, or real again with `None`.
    pub async fn seed_entropy(&self, seed: Option<u64>) -> Result<()> {
        self.call_without_reply(Method::PUT, "/entropy", Some(json!({ "seed": seed })))
            .await
    }

    /// Puts these rules in force, in place of all earlier ones.
    pub async fn set_faults(&self, rules: &[FaultRule]) -> Result<()> {
        self.call_without_reply(Method::PUT, "/faults", Some(rules))
            .await
    }

    /// The rules in force, with what they have done.
    pub async fn faults(&self) -> Result<Vec<FaultState>> {
        self.call(Method::GET, "/faults", None::<()>).await
    }

    /// Removes all rules: hanging calls fail, paused ones go on.
    pub async fn clear_faults(&self) -> Result<()> {
        self.call_without_reply(Method::DELETE, "/faults", None::<()>)
            .await
    }

    /// The names of the pauses at which a call is waiting.
    pub async fn paused(&self) -> Result<Vec<String>> {
        #[derive(Deserialize)]
        struct Paused {
            paused: Vec<String>,
        }
        let paused: Paused = self.call(Method::GET, "/paused", None::<()>).await?;
        Ok(paused.paused)
    }

    /// Waits until a call has arrived at the pause `name`.
    pub async fn wait_for_pause(&self, name: &str, limit: Duration) -> Result<()> {
        let deadline = tokio::time::Instant::now() + limit;
        while !self.paused().await?.iter().any(|paused| paused == name) {
            if tokio::time::Instant::now() > deadline {
                bail!(
                    "no call arrived at the pause {name} within {} ms",
                    limit.as_millis()
                );
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }

    /// Lets the calls that wait at the pause `name` go on.
    pub async fn resume(&self, name: &str) -> Result<()> {
        self.call_without_reply(Method::POST, "/resume", Some(json!({ "name": name })))
            .await
    }

    /// What the service has done.
    pub async fn stats(&self) -> Result<Stats> {
        self.call(Method::GET, "/stats", None::<()>).await
    }

    /// Starts the counting over; open connections stay counted.
    pub async fn reset_stats(&self) -> Result<()> {
        self.call_without_reply(Method::DELETE, "/stats", None::<()>)
            .await
    }

    /// Runs the scheduled component `component` once, now. A run that fails is not an error of this call.
    pub async fn tick(&self, component: &str) -> Result<Tick> {
        self.call(
            Method::POST,
            "/tick",
            Some(json!({ "component": component })),
        )
        .await
    }

    /// Like [`Control::tick`], with the time of the trigger in seconds since the Unix epoch.
    pub async fn tick_at(&self, component: &str, timestamp: u64) -> Result<Tick> {
        let body = json!({ "component": component, "timestamp": timestamp });
        self.call(Method::POST, "/tick", Some(body)).await
    }

    async fn change_clock(&self, change: Value) -> Result<Clock> {
        self.call(Method::PUT, "/clock", Some(change)).await
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<impl Serialize>,
    ) -> Result<T> {
        let reply = self.send(self.request(&method, path, body)).await;
        let reply = reply.with_context(|| format!("control: {method} {path} failed"))?;
        serde_json::from_str(&reply)
            .with_context(|| format!("control: {method} {path} answered {reply}"))
    }

    async fn call_without_reply(
        &self,
        method: Method,
        path: &str,
        body: Option<impl Serialize>,
    ) -> Result<()> {
        let reply = self.send(self.request(&method, path, body)).await;
        reply
            .map(drop)
            .with_context(|| format!("control: {method} {path} failed"))
    }

    fn request(&self, method: &Method, path: &str, body: Option<impl Serialize>) -> RequestBuilder {
        let request = self
            .client
            .request(method.clone(), format!("{}{path}", self.url));
        match body {
            Some(body) => request.json(&body),
            None => request,
        }
    }

    async fn send(&self, request: RequestBuilder) -> Result<String> {
        let response = request.send().await?;
        let status = response.status();
        let text = response.text().await?;
        if !status.is_success() {
            bail!("{status}: {text}");
        }
        Ok(text)
    }
}
