//! `cargo xtask tick`: one run of the scheduled component, by hand.

use anyhow::{Context, Result, bail};
use testbed::{
    service::{Control, ServiceProcess},
    workspace_root,
};

use crate::{args::Tick, toolchain};

const COMPONENT: &str = "session-maintenance";

/// Fails when the run fails, with what the component reported.
pub(crate) fn run(options: &Tick) -> Result<()> {
    if let Some(url) = &options.control {
        return report(&Control::new(url.trim_end_matches('/')));
    }
    toolchain::ensure_wasm_target()?;
    let folder = match &options.state_dir {
        Some(folder) => std::path::absolute(folder).context("failed to find the state folder")?,
        None => workspace_root().join(".spin"),
    };
    let service = ServiceProcess::builder()
        .inherit_variables()
        .state_dir(folder)
        .real_timers()
        .start()?;
    let control = service.control().context("dev-host has a control API")?;
    let result = report(control);
    eprint!("{}", service.log());
    result
}

fn report(control: &Control) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("failed to start a runtime")?;
    let tick = runtime.block_on(control.tick(COMPONENT))?;
    if !tick.ok {
        bail!(
            "the scheduled run failed: {}",
            tick.error.unwrap_or_default()
        );
    }
    println!("The scheduled run succeeded.");
    Ok(())
}
