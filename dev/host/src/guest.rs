//! The state of one instance of a component: its WASI context, its resources and what it may do.

use std::sync::Arc;

use wasmtime::component::{HasData, Resource, ResourceTable};
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use crate::app::{App, Component};
use crate::clock::GuestClock;
use crate::entropy::GuestRng;
use crate::instance::Instance;
use crate::outbound_http::{Chain, OutboundHttp};
use crate::output::GuestOutput;
use crate::timers::SlowClock;

/// What a `Store` holds.
pub(crate) struct Guest {
    pub(crate) instance: Arc<Instance>,
    table: ResourceTable,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    outbound: OutboundHttp,
}

/// Gives generated code a guest out of a store.
pub(crate) struct GuestData;

impl HasData for GuestData {
    type Data<'a> = &'a mut Guest;
}

impl Guest {
    /// State for a fresh instance of `component`; `chain` leads to other components.
    pub(crate) fn new(
        app: &Arc<App>,
        component: &Arc<Component>,
        chain: Option<Chain>,
    ) -> wasmtime::Result<Self> {
        app.test_controls.stats.instance();
        let instance = Arc::new(Instance::new(app.clone(), component.clone()));
        Ok(Self {
            wasi: wasi_context(app, component)?,
            http: WasiHttpCtx::new(),
            outbound: OutboundHttp::new(instance.clone(), chain),
            table: ResourceTable::new(),
            instance,
        })
    }

    /// Keeps what the guest calls an `R`.
    pub(crate) fn keep<R: 'static>(
        &mut self,
        value: impl Send + 'static,
    ) -> wasmtime::Result<Resource<R>> {
        Ok(Resource::new_own(self.table.push(value)?.rep()))
    }

    /// What was kept under `handle`.
    pub(crate) fn kept<T: Clone + Send + 'static, R: 'static>(
        &self,
        handle: &Resource<R>,
    ) -> wasmtime::Result<T> {
        let handle = Resource::<T>::new_borrow(handle.rep());
        Ok(self.table.get(&handle)?.clone())
    }

    /// Drops what was kept under `handle`.
    pub(crate) fn forget<T: Send + 'static, R: 'static>(
        &mut self,
        handle: &Resource<R>,
    ) -> wasmtime::Result<()> {
        let handle = Resource::<T>::new_own(handle.rep());
        self.table.delete(handle)?;
        Ok(())
    }
}

fn wasi_context(app: &App, component: &Component) -> wasmtime::Result<WasiCtx> {
    let mut builder = WasiCtxBuilder::new();
    builder.stdout(GuestOutput).stderr(GuestOutput);
    builder.monotonic_clock(SlowClock::new(app.slow_timers));
    for (name, value) in &component.environment {
        builder.env(name, value);
    }
    for (folder, destination) in &component.files {
        builder.preopened_dir(folder, destination, FsPerms::ReadOnly)?;
    }
    builder.wall_clock(GuestClock(app.clock.clone()));
    // Not `insecure_random`: hash maps draw from it whenever an instance starts.
    builder.secure_random(GuestRng::new(app.test_controls.entropy.clone()));
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
