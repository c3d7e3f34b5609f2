//! The control API: JSON over HTTP on a loopback address, through which tests read and turn the
//! instruments. It is served on a connection of its own and knows nothing about components.

use std::convert::Infallible;
use std::sync::Arc;

use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Mutex;

use crate::clock::Clock;
use crate::cron_trigger::{CronTrigger, Tally};
use crate::faults::Rule;
use crate::instruments::Instruments;

const LARGEST_BODY: usize = 1 << 20;

/// What the API reaches.
pub(crate) struct Control {
    clock: Arc<Clock>,
    cron: Arc<CronTrigger>,
    instruments: Arc<Instruments>,
    /// Two changes of the clock at once would see each other's ticks.
    turning_clock: Mutex<()>,
}

/// A mistake of the caller's.
struct Refusal(String);

impl<T: ToString> From<T> for Refusal {
    fn from(text: T) -> Self {
        Self(text.to_string())
    }
}

type Reply = Result<Value, Refusal>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClockChange {
    now_ms: Option<i64>,
    advance_ms: Option<i64>,
    frozen_ms: Option<i64>,
    real: Option<bool>,
    #[serde(default)]
    run_due: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Seed {
    seed: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Resume {
    name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tick {
    component: String,
    timestamp: Option<u64>,
}

impl Control {
    /// The API over these.
    pub(crate) fn new(
        clock: Arc<Clock>,
        cron: Arc<CronTrigger>,
        instruments: Arc<Instruments>,
    ) -> Self {
        Self {
            clock,
            cron,
            instruments,
            turning_clock: Mutex::new(()),
        }
    }

    /// Serves connections for ever.
    pub(crate) async fn serve(self: Arc<Self>, listener: TcpListener) {
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                continue;
            };
            _ = stream.set_nodelay(true);
            let this = self.clone();
            tokio::spawn(async move {
                let service = service_fn(|request| {
                    let this = this.clone();
                    async move { Ok::<_, Infallible>(this.respond(request).await) }
                });
                // A caller that went away is no concern of ours.
                _ = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    }

    async fn respond(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (head, body) = request.into_parts();
        let (status, value) = match Limited::new(body, LARGEST_BODY).collect().await {
            Ok(body) => match self
                .call(&head.method, head.uri.path(), &body.to_bytes())
                .await
            {
                Ok(value) => (StatusCode::OK, value),
                Err(Refusal(message)) => (StatusCode::BAD_REQUEST, json!({ "message": message })),
            },
            Err(error) => (
                StatusCode::BAD_REQUEST,
                json!({ "message": error.to_string() }),
            ),
        };
        let mut response = Response::new(Full::new(Bytes::from(value.to_string())));
        *response.status_mut() = status;
        response.headers_mut().insert(
            header::CONTENT_TYPE,
            header::HeaderValue::from_static("application/json"),
        );
        response
    }

    async fn call(&self, method: &Method, path: &str, body: &[u8]) -> Reply {
        let Instruments {
            entropy,
            faults,
            stats,
        } = &*self.instruments;
        match (method.as_str(), path) {
            ("GET", "/clock") => Ok(json!({ "now_ms": self.clock.now_ms() })),
            ("PUT", "/clock") => self.change_clock(&parse(body)?).await,
            ("PUT", "/entropy") => {
                let Seed { seed } = parse(body)?;
                entropy.seed(seed);
                Ok(json!({ "seed": seed }))
            }
            ("GET", "/faults") => Ok(json!(faults.rules())),
            ("PUT", "/faults") => {
                faults.replace(parse::<Vec<Rule>>(body)?);
                Ok(json!(faults.rules()))
            }
            ("DELETE", "/faults") => {
                faults.clear();
                Ok(json!([]))
            }
            ("GET", "/paused") => Ok(json!({ "paused": faults.paused() })),
            ("POST", "/resume") => {
                let Resume { name } = parse(body)?;
                Ok(json!({ "resumed": faults.resume(&name) }))
            }
            ("GET", "/stats") => Ok(json!(stats.report())),
            ("DELETE", "/stats") => {
                stats.reset();
                Ok(json!(stats.report()))
            }
            ("POST", "/tick") => {
                let Tick {
                    component,
                    timestamp,
                } = parse(body)?;
                match self.cron.tick(&component, timestamp).await {
                    Some(Ok(())) => Ok(json!({ "ok": true })),
                    Some(Err(error)) => Ok(json!({ "ok": false, "error": error })),
                    None => Err(format!("no cron trigger runs component '{component}'").into()),
                }
            }
            _ => Err(format!("there is no {method} {path}").into()),
        }
    }

    async fn change_clock(&self, change: &ClockChange) -> Reply {
        let _turn = self.turning_clock.lock().await;
        let now = self.clock.now_ms();
        let target = match *change {
            ClockChange {
                now_ms: Some(ms),
                advance_ms: None,
                frozen_ms: None,
                real: None,
                ..
            } => Target::Running(ms),
            ClockChange {
                now_ms: None,
                advance_ms: Some(ms),
                frozen_ms: None,
                real: None,
                ..
            } => {
                let ms = now.checked_add(ms).ok_or("advance_ms is out of range")?;
                if self.clock.is_frozen() {
                    Target::Frozen(ms)
                } else {
                    Target::Running(ms)
                }
            }
            ClockChange {
                now_ms: None,
                advance_ms: None,
                frozen_ms: Some(ms),
                real: None,
                ..
            } => Target::Frozen(ms),
            ClockChange {
                now_ms: None,
                advance_ms: None,
                frozen_ms: None,
                real: Some(true),
                ..
            } => Target::Real,
            _ => return Err("one of now_ms, advance_ms, frozen_ms and real must be given".into()),
        };
        let tally = match target {
            Target::Running(to) | Target::Frozen(to) if change.run_due => {
                self.cron.run_due(now, to).await
            }
            Target::Real if change.run_due => self.cron.run_due(now, Clock::new().now_ms()).await,
            _ => Tally::default(),
        };
        match target {
            Target::Running(ms) => self.clock.set(ms),
            Target::Frozen(ms) => self.clock.freeze(ms),
            Target::Real => self.clock.reset(),
        }
        Ok(json!({
            "now_ms": self.clock.now_ms(), "ticks": tally.ticks, "failed": tally.failed
        }))
    }
}

/// What the clock will show.
#[derive(Clone, Copy)]
enum Target {
    Running(i64),
    Frozen(i64),
    Real,
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(Refusal::from)
}
