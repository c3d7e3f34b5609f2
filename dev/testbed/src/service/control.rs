//! The client of dev-host's control API: time, randomness, database faults, statistics and the scheduled
//! component of a running service.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use dev_host_control::{
    Clock, ClockChange, ClockTarget, FaultRule, FaultState, Paused, Resume, Seed, Stats, Tick,
    TickRequest,
};
use reqwest::{Method, RequestBuilder};
use serde::{Serialize, de::DeserializeOwned};

/// Moving the clock by months runs the scheduled component thousands of times.
const LIMIT: Duration = Duration::from_secs(300);

/// A client of one service's control API.
#[derive(Debug, Clone)]
pub struct Control {
    url: String,
    client: reqwest::Client,
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
        self.change_clock(ClockTarget::NowMs(now_ms), false).await
    }

    /// Moves the wall clock by so many milliseconds, forwards or backwards, without scheduled runs.
    pub async fn advance_ms(&self, milliseconds: i64) -> Result<Clock> {
        self.change_clock(ClockTarget::AdvanceMs(milliseconds), false)
            .await
    }

    /// Moves the wall clock forwards and makes every scheduled run that falls due on the way.
    pub async fn advance_running_due_ms(&self, milliseconds: i64) -> Result<Clock> {
        self.change_clock(ClockTarget::AdvanceMs(milliseconds), true)
            .await
    }

    /// Stops the wall clock at this instant.
    pub async fn freeze_at_ms(&self, now_ms: i64) -> Result<Clock> {
        self.change_clock(ClockTarget::FrozenMs(now_ms), false)
            .await
    }

    /// Back to the system's own clock.
    pub async fn use_real_clock(&self) -> Result<Clock> {
        self.change_clock(ClockTarget::Real, false).await
    }

    /// Makes the components' randomness repeatable, or real again with `None`.
    pub async fn seed_entropy(&self, seed: Option<u64>) -> Result<()> {
        self.call_without_reply(Method::PUT, "/entropy", Some(Seed { seed }))
            .await
    }

    /// Gives a component's variable another value for whoever reads it from now on, as a provider may.
    pub async fn change_variable(&self, name: &str, value: &str) -> Result<()> {
        let values = std::collections::HashMap::from([(name, value)]);
        self.call_without_reply(Method::PUT, "/variables", Some(values))
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
        let name = name.to_owned();
        self.call_without_reply(Method::POST, "/resume", Some(Resume { name }))
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
        self.run(component, None).await
    }

    /// Like [`Control::tick`], with the time of the trigger in seconds since the Unix epoch.
    pub async fn tick_at(&self, component: &str, timestamp: u64) -> Result<Tick> {
        self.run(component, Some(timestamp)).await
    }

    async fn run(&self, component: &str, timestamp: Option<u64>) -> Result<Tick> {
        let request = TickRequest {
            component: component.to_owned(),
            timestamp,
        };
        self.call(Method::POST, "/tick", Some(request)).await
    }

    async fn change_clock(&self, to: ClockTarget, run_due: bool) -> Result<Clock> {
        let change = ClockChange { to, run_due };
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
