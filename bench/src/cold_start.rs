//! What a service that was just started needs for its first request: an instance, a connection to the database, the
//! settings and the keys.

use std::time::Instant;

use anyhow::{Context as _, Result};
use testbed::database::Server;
use tokio::runtime;

use crate::api;
use crate::connection::Connection;
use crate::measure::median_of;
use crate::runtime::Runtime;

const STARTS: u64 = 5;

/// Medians of several starts, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ColdStart {
    /// From the process's start until it listens.
    pub(crate) listening: f64,
    /// The first request, from then on.
    pub(crate) first_request: f64,
}

impl ColdStart {
    /// Starts the service several times on a database of its own.
    pub(crate) fn measure(runtime: &Runtime, server: &Server) -> Result<Self> {
        let name = "cold_start";
        server.create_database(name)?;
        let place = server.database(name);
        let loop_runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("failed to start a runtime")?;
        let start = |number| -> Result<(f64, f64)> {
            let began = Instant::now();
            let served = runtime.service(&place)?;
            let listening = millis_since(began);
            let began = Instant::now();
            let mut connection = Connection::new(served.address);
            loop_runtime.block_on(connection.send(api::create(number)))?;
            Ok((listening, millis_since(began)))
        };
        // The very first request makes the tables and the keys.
        start(0)?;
        let starts: Vec<(f64, f64)> = (1..=STARTS).map(start).collect::<Result<_>>()?;
        Ok(Self {
            listening: median_of(starts.iter().map(|(listening, _)| *listening)),
            first_request: median_of(starts.iter().map(|(_, first)| *first)),
        })
    }
}

fn millis_since(began: Instant) -> f64 {
    began.elapsed().as_secs_f64() * 1000.0
}
