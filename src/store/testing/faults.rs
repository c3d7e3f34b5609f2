//! A store in memory that counts, fails, hangs, or lets something else happen first, as the test wants.

use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use crate::error::{Result, StoreError};
use crate::hook::Hook;
use crate::memory::MemoryStore;

/// How long a call takes to give up on a database that hangs, as the store on SQL does.
pub const HANG: Duration = Duration::from_secs(3);

/// A store in memory under watch.
pub type WatchedStore = MemoryStore<Faults>;

type Meanwhile = Box<dyn FnOnce() + Send>;

/// What a store in memory is to do, and what it was asked.
#[derive(Default)]
pub struct Faults(Mutex<Watch>);

#[derive(Default)]
struct Watch {
    calls: Vec<&'static str>,
    /// The operations that fail; `*` stands for all.
    failing: Vec<&'static str>,
    /// How they fail; without it as if the database were away.
    error: Option<StoreError>,
    hanging: bool,
    slow: bool,
    takes: Duration,
    hooks: Vec<(&'static str, Meanwhile)>,
}

impl WatchedStore {
    fn watch(&self) -> MutexGuard<'_, Watch> {
        self.hook.0.lock().unwrap()
    }

    /// From now on these operations fail (`*`: all); none: everything works again.
    pub fn fail(&self, operations: &[&'static str]) {
        self.watch().failing = operations.to_vec();
    }

    /// From now on every operation fails like this.
    pub fn fail_with(&self, error: StoreError) {
        self.fail(&["*"]);
        self.watch().error = Some(error);
    }

    /// From now on (or no longer) no operation gets an answer.
    pub fn hang(&self, hang: bool) {
        self.watch().hanging = hang;
    }

    /// From now on every operation lets others go first.
    pub fn slow(&self) {
        self.watch().slow = true;
    }

    /// From now on every operation takes so long.
    pub fn takes(&self, duration: Duration) {
        self.watch().takes = duration;
    }

    /// Lets something happen once, right before the next such operation.
    pub fn before(&self, operation: &'static str, hook: impl FnOnce() + Send + 'static) {
        self.watch().hooks.push((operation, Box::new(hook)));
    }

    /// The operations since the last time this was asked.
    pub fn calls(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.watch().calls)
    }
}

impl Hook for Faults {
    async fn before(&self, operation: &'static str) -> Result<()> {
        let hook = {
            let mut watch = self.0.lock().unwrap();
            watch.calls.push(operation);
            let at = watch.hooks.iter().position(|(of, _)| *of == operation);
            at.map(|at| watch.hooks.remove(at).1)
        };
        if let Some(hook) = hook {
            hook();
        }
        let (hanging, failing, slow, takes) = {
            let watch = self.0.lock().unwrap();
            let failing = watch
                .failing
                .iter()
                .any(|of| *of == operation || *of == "*");
            (watch.hanging, failing, watch.slow, watch.takes)
        };
        if slow {
            tokio::task::yield_now().await;
        }
        if hanging {
            tokio::time::sleep(HANG).await;
        }
        if !takes.is_zero() {
            tokio::time::sleep(takes).await;
        }
        if hanging || failing {
            let error = self.0.lock().unwrap().error.clone();
            let away = || StoreError::Unavailable("the test says so".to_owned());
            return Err(error.unwrap_or_else(away));
        }
        Ok(())
    }
}
