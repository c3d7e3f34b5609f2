//! wasmtime as the host uses it: its settings, what guests can be linked with, and components made
//! ready to be instantiated.

use std::sync::Arc;

use wasmtime::component::{Component as Code, InstancePre, Linker};
use wasmtime::{
    Cache, CacheConfig, Config, Engine as Wasmtime, InstanceAllocationStrategy, OptLevel,
    PoolingAllocationConfig, Store,
};

use crate::app::{App, Component};
use crate::bindings::imports::Imports;
use crate::guest::{Guest, GuestData};
use crate::middleware;
use crate::outbound_http::Chain;
use crate::timers;

/// Instances that can be alive at once, as many as Spin allows.
const MOST_INSTANCES: u32 = 1_000;

/// The engine and the host's side of every import.
#[derive(Clone)]
pub(crate) struct Engine {
    wasmtime: Wasmtime,
    linker: Arc<Linker<Guest>>,
}

impl Engine {
    /// An engine that can run everything this host knows.
    pub(crate) fn new() -> wasmtime::Result<Self> {
        // Reserved slots make instances cheap but need much address space, which not every
        // machine gives.
        let wasmtime = Wasmtime::new(config().allocation_strategy(pool()))
            .or_else(|_| Wasmtime::new(&config()))?;
        let mut linker = Linker::new(&wasmtime);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
        wasmtime_wasi::p3::add_to_linker(&mut linker)?;
        wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
        wasmtime_wasi_http::p3::add_to_linker(&mut linker)?;
        timers::add_to_linker(&mut linker)?;
        Imports::add_to_linker::<_, GuestData>(&mut linker, |guest| guest)?;
        Ok(Self {
            wasmtime,
            linker: Arc::new(linker),
        })
    }

    /// Makes a component ready: composed with its middleware, compiled, unless that was done before, and linked.
    pub(crate) fn load(&self, component: &Component) -> Result<InstancePre<Guest>, String> {
        middleware::compose(&component.wasm, &component.middleware)
            .map_err(wasmtime::Error::msg)
            .and_then(|binary| Code::new(&self.wasmtime, &binary))
            .and_then(|code| self.linker.instantiate_pre(&code))
            .map_err(|error| format!("component '{}' cannot be loaded: {error:#}", component.id))
    }

    /// The names of what a loaded component imports.
    pub(crate) fn imports(&self, component: &InstancePre<Guest>) -> Vec<String> {
        let code = component.component();
        code.component_type()
            .imports(&self.wasmtime)
            .map(|(name, _)| name.to_owned())
            .collect()
    }

    /// The store of a fresh instance.
    pub(crate) fn store(
        &self,
        app: &Arc<App>,
        component: &Arc<Component>,
        chain: Option<Chain>,
    ) -> wasmtime::Result<Store<Guest>> {
        let guest = Guest::new(app, component, chain)?;
        let mut store = Store::new(&self.wasmtime, guest);
        if app.counts_turns {
            store.call_hook(|mut store, turn| {
                store.data_mut().instance.app.test_controls.stats.turn(turn);
                Ok(())
            });
        }
        Ok(store)
    }
}

fn config() -> Config {
    let mut config = Config::new();
    config.cranelift_opt_level(OptLevel::Speed);
    config.wasm_component_model_async(true);
    // So that a start takes milliseconds instead of the second or more that compiling takes. A folder that cannot be
    // written costs that time, nothing else.
    config.cache(Cache::new(CacheConfig::new()).ok());
    config
}

fn pool() -> InstanceAllocationStrategy {
    let mut pool = PoolingAllocationConfig::default();
    pool.total_component_instances(MOST_INSTANCES)
        .total_core_instances(4 * MOST_INSTANCES)
        .total_memories(MOST_INSTANCES)
        .total_tables(2 * MOST_INSTANCES)
        .total_stacks(MOST_INSTANCES)
        .table_elements(100_000)
        .max_component_instance_size(10 << 20)
        .max_core_instance_size(10 << 20)
        .max_core_instances_per_component(200)
        .max_tables_per_component(64)
        .max_memories_per_component(32)
        .max_memory_size(4 << 30)
        // What a reused slot keeps mapped saves page faults in the next instance.
        .linear_memory_keep_resident(2 << 20)
        .table_keep_resident(512 << 10);
    InstanceAllocationStrategy::Pooling(pool)
}
