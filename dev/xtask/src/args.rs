//! The command line. The comments here are its help texts.

use std::{ffi::OsString, net::SocketAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Runs, tests and measures the application
#[derive(Debug, Parser, PartialEq)]
#[command(bin_name = "cargo xtask")]
pub(crate) struct Xtask {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, PartialEq, Subcommand)]
pub(crate) enum Command {
    /// Build what is missing and serve the API until Ctrl-C
    ///
    /// Every SPIN_VARIABLE_NAME in the environment sets that variable of the application.
    Up(Up),
    /// Steal a session in a browser, and see what happens
    ///
    /// Builds what is missing and serves the demo until Ctrl-C: a site, its sessions, and a way to steal one.
    Demo(Demo),
    /// Run every check and test, as continuous integration does
    ///
    /// Formatting, lints, licence checks, unit tests, and the tests through HTTP on every database.
    Test(Test),
    /// Run formatting, lints for native and wasm, and unit tests only (seconds, once built)
    Check,
    /// Run the scheduled component once: rotate keys, remove expired sessions
    ///
    /// Without --control, a host is started just for this. It uses the SQLite file in the state folder, or the server
    /// that the SPIN_VARIABLE_* of the environment name.
    Tick(Tick),
    /// Measure the application under load
    #[command(disable_help_flag = true)]
    Bench {
        /// The load generator's own; --help lists them
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Write what follows from the tables of settings: the manifests, and tables in documents
    ///
    /// The tables are src/core/domain/config/settings.rs and src/edge/settings.rs. Written are the variables in spin.toml,
    /// spin-wasi02.toml as a whole, and the tables in README.md and docs/browsers.md; and the table in docs/scale.md from
    /// docs/scale.json.
    Generate,
    /// Print the settings for a config.json of the Node service, as lines for a shell
    ///
    /// Notes about options that mean something else here, or were ignored there, go to standard error. The lines hold
    /// the database's password: keep them as you keep the file. docs/migrate.md has the other steps.
    ConvertConfig {
        /// The config.json of supertokens-node-mysql-ref-jwt-webservice
        file: PathBuf,
    },
}

#[derive(Args, Debug, Default, PartialEq)]
pub(crate) struct Up {
    /// Keep sessions in MySQL: in the server that SPIN_VARIABLE_MYSQL_HOST, _PORT, _USER, _PASSWORD and _DATABASE name,
    /// or in a private MariaDB that lives until Ctrl-C
    #[arg(long)]
    pub(crate) mysql: bool,
    /// Where to listen [default: SPIN_HTTP_LISTEN_ADDR, or 127.0.0.1:3000]
    #[arg(long, value_name = "ADDR:PORT")]
    pub(crate) listen: Option<SocketAddr>,
    /// Where the SQLite file is [default: .spin]
    #[arg(long, value_name = "DIR")]
    pub(crate) state_dir: Option<PathBuf>,
    /// What runs the components [default: spin, if one is on the PATH]
    #[arg(long, value_name = "NAME")]
    pub(crate) runtime: Option<Runtime>,
    /// Also serve the control API for tests; with --runtime host only
    #[arg(long, value_name = "ADDR:PORT")]
    pub(crate) control: Option<SocketAddr>,
}

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub(crate) enum Runtime {
    /// Spin, as installed on this machine
    Spin,
    /// dev-host, from this repository
    Host,
}

#[derive(Args, Debug, Default, PartialEq)]
pub(crate) struct Demo {
    /// Where to listen [default: 127.0.0.1:3000]
    #[arg(long, value_name = "ADDR:PORT")]
    pub(crate) listen: Option<SocketAddr>,
}

#[derive(Args, Debug, Default, PartialEq)]
pub(crate) struct Test {
    /// Run only the tests in a real browser. CI=true runs them after the rest
    #[arg(long)]
    pub(crate) browser: bool,
    /// Test on MySQL 9 too: a Debian sid in target/mysql9, made once; needs root. Implied by CI=true
    #[arg(long)]
    pub(crate) mysql9: bool,
    /// Test with SuperTokens' SDKs too, which come from npm and PyPI into target/sdks, once; with the one for Go only
    /// where Go and its modules are to be had. Implied by CI=true
    #[arg(long)]
    pub(crate) sdks: bool,
    /// On the Spin that is on the PATH, any from 3.0 on, with the component that is for it: the contract and the races,
    /// as far as Spin has what they need, on all three databases; needs root for MySQL
    #[arg(long)]
    pub(crate) spin: bool,
    /// Let the randomised tests go on for this long
    #[arg(long = "soak", value_name = "MINUTES")]
    pub(crate) soak_minutes: Option<u64>,
    /// Run only the tests through HTTP whose names contain it, without lints and unit tests
    pub(crate) filter: Option<String>,
}

#[derive(Args, Debug, Default, PartialEq)]
pub(crate) struct Tick {
    /// Where the SQLite file is [default: .spin]
    #[arg(long, value_name = "DIR")]
    pub(crate) state_dir: Option<PathBuf>,
    /// Ask the host that was started with up --control, instead of starting one
    #[arg(long, value_name = "URL")]
    pub(crate) control: Option<String>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn commands_and_options_are_understood() {
        Xtask::command().debug_assert();
        let parsed = |line: &str| {
            let words = ["xtask"].into_iter().chain(line.split_whitespace());
            Xtask::try_parse_from(words).map(|parsed| parsed.command)
        };
        assert_eq!(
            parsed("test --soak 5 --sdks refresh").unwrap(),
            Command::Test(Test {
                soak_minutes: Some(5),
                sdks: true,
                filter: Some("refresh".to_owned()),
                ..Test::default()
            })
        );
        for arguments in [vec!["--peer", "x"], vec!["--growth", "--help"]] {
            let line = format!("bench {}", arguments.join(" "));
            let arguments = arguments.into_iter().map(OsString::from).collect();
            assert_eq!(parsed(&line).unwrap(), Command::Bench { arguments });
        }
        assert!(parsed("check now").is_err());
    }
}
