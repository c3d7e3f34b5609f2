//! The control API: JSON over HTTP on a loopback address, through which tests read and turn the
//! test controls. It is served on a connection of its own and knows nothing about components.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, PoisonError};

use dev_host_control::{
    Clock, ClockChange, ClockTarget, Paused, Refusal, Resume, Seed, Tick, TickRequest,
};
use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::TcpListener;
use tokio::sync::Mutex;

use crate::clock;
use crate::cron_trigger::{CronTrigger, Tally};
use crate::test_controls::TestControls;

const LARGEST_BODY: usize = 1 << 20;

/// What the API reaches.
pub(crate) struct Control {
    clock: Arc<clock::Clock>,
    cron: Arc<CronTrigger>,
    test_controls: Arc<TestControls>,
    /// Two changes of the clock at once would see each other's ticks.
    turning_clock: Mutex<()>,
}

/// A mistake of the caller's.
struct Mistake(String);

impl<T: ToString> From<T> for Mistake {
    fn from(text: T) -> Self {
        Self(text.to_string())
    }
}

impl Control {
    /// The API over these.
    pub(crate) fn new(
        clock: Arc<clock::Clock>,
        cron: Arc<CronTrigger>,
        test_controls: Arc<TestControls>,
    ) -> Self {
        Self {
            clock,
            cron,
            test_controls,
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
        let (status, text) = match self.answer(request).await {
            Ok(text) => (StatusCode::OK, text),
            Err(Mistake(message)) => (StatusCode::BAD_REQUEST, json(&Refusal { message })),
        };
        let mut response = Response::new(Full::new(Bytes::from(text)));
        *response.status_mut() = status;
        response.headers_mut().insert(
            header::CONTENT_TYPE,
            header::HeaderValue::from_static("application/json"),
        );
        response
    }

    async fn answer(&self, request: Request<Incoming>) -> Result<String, Mistake> {
        let (head, body) = request.into_parts();
        let body = Limited::new(body, LARGEST_BODY).collect().await?.to_bytes();
        let TestControls {
            entropy,
            faults,
            stats,
            variables,
        } = &*self.test_controls;
        Ok(match (head.method.as_str(), head.uri.path()) {
            ("GET", "/clock") => json(&self.clock_after(Tally::default())),
            ("PUT", "/clock") => json(&self.change_clock(parse(&body)?).await?),
            ("PUT", "/entropy") => {
                let seed: Seed = parse(&body)?;
                entropy.seed(seed.seed);
                json(&seed)
            }
            ("GET", "/faults") => json(&faults.rules()),
            ("PUT", "/faults") => {
                faults.replace(parse(&body)?);
                json(&faults.rules())
            }
            ("DELETE", "/faults") => {
                faults.clear();
                json(&faults.rules())
            }
            ("GET", "/paused") => json(&Paused {
                paused: faults.paused(),
            }),
            ("POST", "/resume") => {
                let resume: Resume = parse(&body)?;
                faults.resume(&resume.name);
                json(&resume)
            }
            ("PUT", "/variables") => {
                let values: HashMap<String, String> = parse(&body)?;
                let mut variables = variables.lock().unwrap_or_else(PoisonError::into_inner);
                variables.clone_from(&values);
                json(&values)
            }
            ("GET", "/stats") => json(&stats.report()),
            ("DELETE", "/stats") => {
                stats.reset();
                json(&stats.report())
            }
            ("POST", "/tick") => {
                let TickRequest {
                    component,
                    timestamp,
                } = parse(&body)?;
                let run = self.cron.tick(&component, timestamp).await;
                let run = run.ok_or(format!("no cron trigger runs component '{component}'"))?;
                json(&Tick {
                    ok: run.is_ok(),
                    error: run.err(),
                })
            }
            (method, path) => return Err(format!("there is no {method} {path}").into()),
        })
    }

    async fn change_clock(
        &self,
        ClockChange { to, run_due }: ClockChange,
    ) -> Result<Clock, Mistake> {
        let _turn = self.turning_clock.lock().await;
        let now = self.clock.now_ms();
        let (at, frozen) = match to {
            ClockTarget::NowMs(ms) => (ms, false),
            ClockTarget::AdvanceMs(ms) => {
                let at = now.checked_add(ms).ok_or("advance_ms is out of range")?;
                (at, self.clock.is_frozen())
            }
            ClockTarget::FrozenMs(ms) => (ms, true),
            ClockTarget::Real => (clock::Clock::new().now_ms(), false),
        };
        let tally = if run_due {
            self.cron.run_due(now, at).await
        } else {
            Tally::default()
        };
        match to {
            ClockTarget::Real => self.clock.reset(),
            _ if frozen => self.clock.freeze(at),
            _ => self.clock.set(at),
        }
        Ok(self.clock_after(tally))
    }

    fn clock_after(&self, tally: Tally) -> Clock {
        Clock {
            now_ms: self.clock.now_ms(),
            ticks: tally.ticks,
            failed: tally.failed,
        }
    }
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Mistake> {
    serde_json::from_slice(body).map_err(Mistake::from)
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("the types of the API are JSON")
}
