//! The state of one instance of a component: its WASI context, its resources and what it may do.

use std::sync::{Arc, OnceLock};

use wasmtime::component::{HasData, ResourceTable};
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use crate::app::{App, Component};
use crate::clock::GuestClock;
use crate::entropy::GuestRng;
use crate::outbound_http::{Chain, OutboundHttp};
use crate::output::GuestOutput;

/// What a `Store` holds.
pub(crate) struct Guest {
    pub(crate) instance: Arc<Instance>,
    pub(crate) table: ResourceTable,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    outbound: OutboundHttp,
}

/// Gives generated code a guest out of a store.
pub(crate) struct GuestData;

impl HasData for GuestData {
    type Data<'a> = &'a mut Guest;
}

/// What can be known about an instance without its store.
pub(crate) struct Instance {
    pub(crate) app: Arc<App>,
    pub(crate) component: Arc<Component>,
    /// Spin keeps an instance's MySQL connections behind this lock. `open` has it while it connects, a statement for a
    /// moment at its beginning; whoever waits gets it in turn, before it runs.
    pub(crate) mysql_table: tokio::sync::Mutex<()>,
    violation: OnceLock<String>,
}

impl Instance {
    /// The trap for an instance that did what Spin would not survive.
    pub(crate) fn violates(&self, text: &str) -> wasmtime::Error {
        let text = record_violation(&self.app, &self.component.id, text);
        // A later one is a consequence of the first.
        _ = self.violation.set(text.clone());
        wasmtime::Error::msg(text)
    }

    /// What the instance did wrong, if it did.
    pub(crate) fn violation(&self) -> Option<&str> {
        self.violation.get().map(String::as_str)
    }
}

/// Tells the log and the statistics that a component did what Spin would not survive, and returns
/// the full text.
pub(crate) fn record_violation(app: &App, component: &str, text: &str) -> String {
    let text = format!("component '{component}': {text}");
    eprintln!("VIOLATION {text}");
    if let Some(instruments) = &app.instruments {
        instruments.stats.violation(&text);
    }
    text
}

impl Guest {
    /// State for a fresh instance of `component`; `chain` leads to other components.
    pub(crate) fn new(
        app: &Arc<App>,
        component: &Arc<Component>,
        chain: Option<Chain>,
    ) -> wasmtime::Result<Self> {
        if let Some(instruments) = &app.instruments {
            instruments.stats.instance();
        }
        let instance = Arc::new(Instance {
            app: app.clone(),
            component: component.clone(),
            mysql_table: tokio::sync::Mutex::default(),
            violation: OnceLock::new(),
        });
        Ok(Self {
            wasi: wasi_context(app, component)?,
            http: WasiHttpCtx::new(),
            outbound: OutboundHttp::new(instance.clone(), chain),
            table: ResourceTable::new(),
            instance,
        })
    }
}

fn wasi_context(app: &App, component: &Component) -> wasmtime::Result<WasiCtx> {
    let mut builder = WasiCtxBuilder::new();
    builder
        .stdout(GuestOutput::default())
        .stderr(GuestOutput::default());
    for (name, value) in &component.environment {
        builder.env(name, value);
    }
    for (folder, destination) in &component.files {
        builder.preopened_dir(folder, destination, FsPerms::ReadOnly)?;
    }
    if let Some(instruments) = &app.instruments {
        builder.wall_clock(GuestClock(app.clock.clone()));
        // Not `insecure_random`: hash maps draw from it whenever an instance starts.
        builder.secure_random(GuestRng::new(instruments.entropy.clone()));
    }
    Ok(builder.build())
}

impl WasiView for Guest {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl WasiHttpView for Guest {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            ctx: &mut self.http,
            table: &mut self.table,
            hooks: &mut self.outbound,
        }
    }
}
