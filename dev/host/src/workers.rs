//! Instances of HTTP components: made when none has room for a request, dropped after so many
//! requests (one, for components of WASI 0.2) or so much idleness, as Spin does. How they take
//! requests is wasmtime's `ProxyHandler`.

use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::{Duration, Instant as StdInstant};

use tokio::time::{Instant, Sleep};
use wasmtime::component::GuestTaskId;
use wasmtime::{Store, StoreContextMut, Trap};
use wasmtime_wasi_http::WasiHttpView;
use wasmtime_wasi_http::handler::{
    HandlerState, Instance as Running, ProxyPre, ShouldAccept, WorkerExpiration, WorkerState,
    WorkerStatus,
};

use crate::app::{App, Component};
use crate::args::Reuse;
use crate::engine::Engine;
use crate::guest::Guest;
use crate::instance::Instance;
use crate::outbound_http::Chain;

/// Which instance has taken a request.
pub(crate) type ServedBy = Arc<OnceLock<Arc<Instance>>>;

/// Makes the instances of one component, which wasmtime calls workers.
pub(crate) struct Workers {
    pub(crate) app: Arc<App>,
    pub(crate) component: Arc<Component>,
    pub(crate) engine: Engine,
    pub(crate) service: ProxyPre<Guest>,
    pub(crate) reuse: Reuse,
    pub(crate) chain: Chain,
}

impl HandlerState for Workers {
    type StoreData = Guest;
    type WorkerExpiration = Idle;
    type WorkerState = Life;

    async fn instantiate(&self) -> wasmtime::Result<Running<Guest, Idle, Life>> {
        let chain = Some(self.chain.clone());
        let mut store = self.engine.store(&self.app, &self.component, chain)?;
        let proxy = self.service.instantiate_async(&mut store).await?;
        Ok(Running {
            store,
            proxy,
            view: WasiHttpView::http,
            expiration: Idle {
                after: self.reuse.idle,
                sleep: Box::pin(tokio::time::sleep(self.reuse.idle)),
            },
            state: Life { reuse: self.reuse },
        })
    }
}

/// Ends an instance that had nothing to do for a while. A request may take as long as it likes.
pub(crate) struct Idle {
    after: Duration,
    sleep: Pin<Box<Sleep>>,
}

impl WorkerExpiration for Idle {
    fn poll(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        status: WorkerStatus,
        since: StdInstant,
    ) -> Poll<()> {
        if status != WorkerStatus::Idle {
            return Poll::Pending;
        }
        let deadline = Instant::from_std(since + self.after);
        if self.sleep.deadline() != deadline {
            self.sleep.as_mut().reset(deadline);
        }
        self.sleep.as_mut().poll(cx)
    }
}

/// Decides which requests an instance takes, and hears of its end.
pub(crate) struct Life {
    reuse: Reuse,
}

impl WorkerState for Life {
    type StoreData = Guest;
    type RequestData = ServedBy;

    fn should_accept_request(&self, concurrent: usize, total: usize) -> ShouldAccept {
        if total >= self.reuse.count.get() {
            ShouldAccept::Never
        } else if concurrent >= self.reuse.concurrent.get() {
            ShouldAccept::No
        } else {
            ShouldAccept::Yes
        }
    }

    fn on_request_start(
        &self,
        store: StoreContextMut<'_, Guest>,
        served_by: ServedBy,
        _: GuestTaskId,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + Sync>> {
        _ = served_by.set(store.data().instance.clone());
        Box::pin(pending())
    }

    fn drop(&self, store: Store<Guest>, result: wasmtime::Result<()>) {
        if let Err(error) = result {
            let instance = &store.data().instance;
            instance.app.test_controls.stats.trap();
            if instance.violation().is_none() {
                eprintln!("component '{}' trapped: {error:?}", instance.component.id);
            }
            if let Some(Trap::WaitableSyncAndAsync) = error.downcast_ref() {
                eprintln!(
                    "wit-bindgen 0.57 with inter-task-wakeup does this; Spin on wasmtime 47 lets it \
                     pass, on 48 and later every instance dies of it"
                );
            }
        }
    }
}
