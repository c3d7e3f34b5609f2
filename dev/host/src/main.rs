//! A development host for Spin applications: runs a spin.toml with its HTTP and cron triggers,
//! variables, MySQL and SQLite the way Spin does, on a machine that has no Spin. Tests can move its
//! clock, choose its randomness and break its databases through the control API.
//!
//! It is not for production: there is no TLS, no metrics, and guests are trusted not to loop.

// From the bottom up: a group knows those above it, and in none of them does a file know one that knows it.
// What tests read and turn.
mod clock;
mod entropy;
mod faults;
mod stats;
mod test_controls;

// What is configured.
mod app;
mod args;
mod manifest;
mod middleware;
mod outbound;
mod runtime_config;
mod schedule;
mod template;
mod variables;

// What guests see of the host.
mod bindings;
mod guest;
mod guest_variables;
mod instance;
mod mysql;
mod outbound_http;
mod output;
mod sqlite;
mod timers;

// What runs them.
mod control;
mod cron_trigger;
mod engine;
mod http_trigger;
mod router;
mod spin_headers;
mod workers;

use std::collections::BTreeMap;
use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser as _;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::app::App;
use crate::args::Args;
use crate::control::Control;
use crate::cron_trigger::CronTrigger;
use crate::engine::Engine;
use crate::http_trigger::HttpTrigger;

fn main() -> ExitCode {
    let args = Args::parse();
    let app = match App::load(&args) {
        Ok(app) => Arc::new(app),
        Err(message) => return wrong(&message),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let result = runtime
        .map_err(|error| error.to_string())
        .and_then(|runtime| runtime.block_on(run(&args, &app)));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => wrong(&message),
    }
}

fn wrong(message: &str) -> ExitCode {
    eprintln!("dev-host: {message}");
    ExitCode::from(2)
}

/// Serves until a signal comes.
async fn run(args: &Args, app: &Arc<App>) -> Result<(), String> {
    let mut terminate = signal(SignalKind::terminate()).map_err(|error| error.to_string())?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(|error| error.to_string())?;

    let engine = Engine::new().map_err(|error| format!("wasmtime cannot start: {error:#}"))?;
    let http = Arc::new(HttpTrigger::new(app, &engine, args.reuse)?);
    let cron = Arc::new(CronTrigger::new(app, &engine)?);

    let listener = bind(args.listen).await?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    let control = match args.control {
        Some(address) => Some(bind(address).await?),
        None => None,
    };
    describe(app, args, &address.to_string());
    println!("Serving http://{address}");
    if let Some(listener) = control {
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        println!("Control http://{address}");
        let control = Control::new(app.clock.clone(), cron.clone(), app.test_controls.clone());
        tokio::spawn(Arc::new(control).serve(listener));
    }
    // Whoever started us may have closed the pipe; that is no reason not to serve.
    _ = std::io::stdout().flush();

    if !args.no_cron {
        cron.start();
    }
    tokio::spawn(http.serve(listener));
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    // At once: open connections and running guests are not waited for.
    std::process::exit(0);
}

async fn bind(address: std::net::SocketAddr) -> Result<TcpListener, String> {
    TcpListener::bind(address)
        .await
        .map_err(|error| format!("cannot listen on {address}: {error}"))
}

/// Tells a person what runs here.
fn describe(app: &App, args: &Args, address: &str) {
    eprintln!("{} on dev-host, without Spin", app.name);
    for route in &app.routes {
        let id = &route.component.id;
        match &route.path {
            Some(path) => eprintln!("  http://{address}{path} -> {id}"),
            None => eprintln!("  only for other components -> {id}"),
        }
    }
    for (schedule, component) in &app.schedules {
        let note = match args.no_cron {
            true => " (only when asked, --no-cron)",
            false => "",
        };
        eprintln!("  {schedule} (UTC) -> {}{note}", component.id);
    }
    let databases = app
        .components
        .values()
        .flat_map(|component| &component.databases);
    for (label, path) in databases.collect::<BTreeMap<_, _>>() {
        match path {
            Some(path) => eprintln!("  sqlite database '{label}': {}", path.display()),
            None => eprintln!("  sqlite database '{label}': in memory, anew for every connection"),
        }
    }
    for section in &app.ignored {
        eprintln!("  warning: [{section}] of the runtime configuration is ignored here");
    }
}
