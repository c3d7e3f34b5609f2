//! One instance of a component as everything that serves it knows it, and what it did wrong.

use std::sync::{Arc, OnceLock};

use crate::app::{App, Component};

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
    /// A fresh instance of `component`.
    pub(crate) fn new(app: Arc<App>, component: Arc<Component>) -> Self {
        Self {
            app,
            component,
            mysql_table: tokio::sync::Mutex::default(),
            violation: OnceLock::new(),
        }
    }

    /// The trap for an instance that did what Spin would not survive.
    pub(crate) fn violates(&self, text: &str) -> wasmtime::Error {
        let text = self.record_violation(text);
        // A later one is a consequence of the first.
        _ = self.violation.set(text.clone());
        wasmtime::Error::msg(text)
    }

    /// Tells the log and the statistics that the component did what Spin would not survive, or refuses with less noise, and
    /// returns the full text.
    pub(crate) fn record_violation(&self, text: &str) -> String {
        let text = format!("component '{}': {text}", self.component.id);
        eprintln!("VIOLATION {text}");
        self.app.test_controls.stats.violation(&text);
        text
    }

    /// What the instance did wrong, if it did.
    pub(crate) fn violation(&self) -> Option<&str> {
        self.violation.get().map(String::as_str)
    }
}
