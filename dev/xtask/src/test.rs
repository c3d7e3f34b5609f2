//! `cargo xtask test`: everything that continuous integration checks, in one command.

use std::{path::PathBuf, process::Command, thread, time::Duration};

use anyhow::{Context, Result, bail};
use testbed::{
    build::{self, Compiler},
    database::{Flavor, Server},
    process::find_program,
    service::RUNTIME,
    spin::{self, Found},
    workspace_root,
};

use crate::{
    args::Test,
    steps::{self, Steps, cargo_with, native_tests, succeed},
    toolchain,
};

const MINUTE: Duration = Duration::from_secs(60);

/// The version that deny.toml was written for.
const CARGO_DENY: &str = "0.20.2";

/// The tests of requests that race.
const RACES: &str = "::concurrency::";

/// Stops at the first step that fails.
pub(crate) fn run(options: &Test) -> Result<()> {
    if options.browser {
        toolchain::ensure_wasm_target()?;
        let mut steps = Steps::new();
        steps.step("build, components and host", build::everything)?;
        browser(&mut steps, Compiler::Rustc)?;
        steps.print_summary();
        return Ok(());
    }
    if options.spin {
        return on_spin(options);
    }
    let continuous_integration = std::env::var("CI").is_ok_and(|value| value == "true");
    let flavors: &[Flavor] = if options.mysql9 || continuous_integration {
        &[Flavor::MariaDb, Flavor::MySql]
    } else {
        &[Flavor::MariaDb]
    };
    let mut steps = Steps::new();
    toolchain::ensure_wasm_target()?;
    let compiler = match options.filter {
        Some(_) => Compiler::Rustc,
        None => Compiler::Clippy,
    };
    if options.filter.is_none() {
        toolchain::ensure_lints()?;
        steps::formatting(&mut steps)?;
        steps::unit_tests(&mut steps, compiler)?;
        steps::wasm_lints(&mut steps)?;
        supply(&mut steps)?;
    }
    steps.step("build, components and host", || {
        build::everything_with(compiler)
    })?;
    if options.filter.is_none() {
        let mut command = compiler.cargo();
        command.args(["test", "--locked", "--profile", "host", "-p", "dev-host"]);
        steps.command("tests of the host", 10 * MINUTE, command)?;
    }
    let servers = start_servers(&mut steps, flavors)?;
    if options.filter.is_none() {
        let mut command = native_tests(compiler, &[]);
        command.args(steps::tests_in("dev/testbed/tests")?);
        command.env("TESTBED_DATABASES", names(flavors));
        steps.command("tests of the database servers", 10 * MINUTE, command)?;
    }
    steps.command(
        "tests through HTTP",
        30 * MINUTE + MINUTE * u32::try_from(options.soak_minutes.unwrap_or(0))?,
        http_tests(options, compiler, flavors, &servers, &Tests::All),
    )?;
    let needs_browser = continuous_integration && options.filter.is_none();
    if options.sdks || continuous_integration {
        steps.step("tests with SuperTokens' SDKs", || {
            thread::scope(|scope| {
                // The SDKs are downloaded first: time to compile for the browser.
                let edge = needs_browser.then(|| scope.spawn(build::edge));
                succeed(sdk_tests(options, compiler), 20 * MINUTE)?;
                edge.map_or(Ok(()), |edge| edge.join().expect("a build does not panic"))
            })
        })?;
    }
    // What the other component has of its own is how it is wired, and MySQL 9 is no other wire than MariaDB.
    for tests in [Tests::Contract, Tests::Races] {
        let mut command = http_tests(options, compiler, &[Flavor::MariaDb], &servers, &tests);
        command.env(RUNTIME, "host-wasi02");
        let title = format!("{} through HTTP, component for WASI 0.2", tests.title());
        steps.command(title, 15 * MINUTE, command)?;
    }
    steps.step("stop the database servers", || {
        drop(servers);
        Ok(())
    })?;
    if needs_browser {
        browser(&mut steps, compiler)?;
    }
    steps.print_summary();
    Ok(())
}

/// The demo and the front-end library in a real browser, and the examples. Two tests at a time: each has a browser and
/// an application of its own.
fn browser(steps: &mut Steps, compiler: Compiler) -> Result<()> {
    steps.step("build, edge and sites", build::edge)?;
    let mut command = native_tests(compiler, &[]);
    command
        .args(steps::tests_in("tests/browser/tests")?)
        .args(["--", "--test-threads=2"])
        .env("TESTBED_PREBUILT", "1");
    steps.command("tests in a browser", 15 * MINUTE, command)
}

/// Licences, banned and duplicate crates, and where crates come from.
fn supply(steps: &mut Steps) -> Result<()> {
    steps.step("licences, bans and sources", || {
        let mut command = Command::new(cargo_deny()?);
        command.current_dir(workspace_root()).args([
            "--locked",
            "--workspace",
            "check",
            "licenses",
            "bans",
            "sources",
        ]);
        succeed(command, 5 * MINUTE)
    })
}

/// The installed cargo-deny, or one of our own in target/tools: compiled once, without optimisation, which
/// takes a third of the time and is fast enough.
fn cargo_deny() -> Result<PathBuf> {
    if let Some(program) = find_program("cargo-deny") {
        return Ok(program);
    }
    let tools = workspace_root().join("target/tools");
    let program = tools.join("bin/cargo-deny");
    if !program.is_file() {
        eprintln!("Installing cargo-deny into target/tools (once; about a minute and a half)");
        let mut command = cargo_with(&[
            "install",
            "--locked",
            "--debug",
            "cargo-deny",
            "--version",
            CARGO_DENY,
        ]);
        command
            .arg("--root")
            .arg(&tools)
            .arg("--target-dir")
            .arg(tools.join("build"))
            .env("CARGO_PROFILE_DEV_DEBUG", "0");
        succeed(command, 20 * MINUTE)?;
        // 340 MB that are not needed again.
        std::fs::remove_dir_all(tools.join("build")).context("failed to clean up")?;
    }
    Ok(program)
}

fn start_servers(steps: &mut Steps, flavors: &[Flavor]) -> Result<Vec<Server>> {
    flavors
        .iter()
        .map(|&flavor| {
            steps.step(format!("start {}", flavor.name()), || {
                let server = Server::start_with(flavor, flavor.suite_arguments())?;
                eprintln!(
                    "{} {} on port {}",
                    flavor.name(),
                    server.version()?,
                    server.port()
                );
                Ok(server)
            })
        })
        .collect()
}

fn sdk_tests(options: &Test, compiler: Compiler) -> Command {
    let mut command = native_tests(compiler, &["--test", "sdks"]);
    if let Some(filter) = &options.filter {
        command.args(["--", filter]);
    }
    command
        .env("TESTBED_PREBUILT", "1")
        .env("TESTBED_DATABASES", "sqlite");
    command
}

/// On the Spin that is on the `PATH`.
fn on_spin(options: &Test) -> Result<()> {
    let spin = match spin::find() {
        Found::Usable(spin) => spin,
        Found::Unusable(why) => bail!("there is no Spin to test on: {why}"),
    };
    println!("Spin {} with {}", spin.version, spin.manifest());
    let mut steps = Steps::new();
    toolchain::ensure_wasm_target()?;
    steps.step("build, components", build::components)?;
    let flavors = [Flavor::MariaDb, Flavor::MySql];
    let servers = start_servers(&mut steps, &flavors)?;
    for tests in [Tests::Contract, Tests::Races] {
        let mut command = http_tests(options, Compiler::Rustc, &flavors, &servers, &tests);
        command.env(RUNTIME, "spin");
        let title = format!("{} through HTTP, Spin {}", tests.title(), spin.version);
        steps.command(title, 30 * MINUTE, command)?;
    }
    println!(
        "\nNot run: tests of outages, crashes and floods, which plant faults or count on the host's clock."
    );
    steps.print_summary();
    Ok(())
}

/// Which tests through HTTP.
enum Tests {
    All,
    Contract,
    Races,
}

impl Tests {
    fn title(&self) -> &'static str {
        match self {
            Self::All => "tests",
            Self::Contract => "the contract",
            Self::Races => "races",
        }
    }
}

fn http_tests(
    options: &Test,
    compiler: Compiler,
    flavors: &[Flavor],
    servers: &[Server],
    tests: &Tests,
) -> Command {
    let mut command = native_tests(
        compiler,
        match tests {
            Tests::All => &["--test", "contract", "--test", "resilience"],
            Tests::Contract => &["--test", "contract"],
            Tests::Races => &["--test", "resilience"],
        },
    );
    match (&options.filter, tests) {
        (Some(filter), _) => drop(command.args(["--", filter])),
        (None, Tests::Races) => drop(command.args(["--", RACES])),
        (None, Tests::All | Tests::Contract) => {}
    }
    command
        .env("TESTBED_PREBUILT", "1")
        .env("TESTBED_DATABASES", format!("sqlite,{}", names(flavors)));
    if let Some(minutes) = options.soak_minutes {
        command.env("TESTBED_SOAK_MINUTES", minutes.to_string());
    }
    for server in servers {
        command.env(server.flavor().address_variable(), server.address_json());
    }
    command
}

/// The flavors as `TESTBED_DATABASES` has them.
fn names(flavors: &[Flavor]) -> String {
    flavors
        .iter()
        .map(|flavor| flavor.short_name())
        .collect::<Vec<_>>()
        .join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_and_the_databases_reach_the_tests() {
        let options = Test {
            filter: Some("theft".to_owned()),
            soak_minutes: Some(3),
            mysql9: true,
            browser: false,
            sdks: false,
            spin: false,
        };
        let flavors = [Flavor::MariaDb, Flavor::MySql];
        let command = http_tests(&options, Compiler::Rustc, &flavors, &[], &Tests::All);
        let arguments: Vec<_> = command
            .get_args()
            .map(|word| word.to_string_lossy())
            .collect();
        let arguments = arguments.join(" ");
        assert!(
            arguments.ends_with(" --test contract --test resilience -- theft"),
            "{arguments}"
        );
        let set = |name: &str| {
            let value = command
                .get_envs()
                .find(|(key, _)| *key == name)
                .and_then(|(_, value)| value);
            value
                .map(|value| value.to_string_lossy().into_owned())
                .unwrap_or_default()
        };
        assert_eq!(set("TESTBED_DATABASES"), "sqlite,mariadb,mysql9");
        assert_eq!(set("TESTBED_SOAK_MINUTES"), "3");
        assert_eq!(set("TESTBED_PREBUILT"), "1");
    }
}
