//! The command line: which commands there are, what they accept, and their help texts.

use std::{ffi::OsString, net::SocketAddr, path::PathBuf};

use lexopt::{
    Arg::{Long, Short, Value},
    Error, Parser, ValueExt,
};

const HELP: &str = "\
Runs, tests and measures the application.

Usage: cargo xtask COMMAND [OPTIONS]

Commands:
  up      Build what is missing and serve the API
  demo    Steal a session in a browser, and see what happens
  test    Run every check and test, as continuous integration does
  check   Run formatting, lints and unit tests only (seconds, once built)
  tick    Run the scheduled component once: rotate keys, remove expired sessions
  bench   Measure the application under load
  generate   Write what follows from the tables of settings: the manifests, and tables in documents
  convert-config FILE
          Print the settings for a config.json of the Node service

cargo xtask COMMAND --help says more.
";

const UP: &str = "\
Builds what is missing and serves the API until Ctrl-C.

Usage: cargo xtask up [OPTIONS]

Options:
  --mysql             Keep sessions in MySQL: in the server that SPIN_VARIABLE_MYSQL_HOST, _PORT, _USER,
                      _PASSWORD and _DATABASE name, or in a private MariaDB that lives until Ctrl-C
  --listen ADDR:PORT  Where to listen [default: SPIN_HTTP_LISTEN_ADDR, or 127.0.0.1:3000]
  --state-dir DIR     Where the SQLite file is [default: .spin]
  --runtime NAME      spin or host [default: spin, if one is on the PATH]
  --control ADDR:PORT Also serve the control API for tests; with --runtime host only

Every SPIN_VARIABLE_NAME in the environment sets that variable of the application.
";

const DEMO: &str = "\
Builds what is missing and serves the demo until Ctrl-C: a site, its sessions, and a way to steal one.

Usage: cargo xtask demo [OPTIONS]

Options:
  --listen ADDR:PORT  Where to listen [default: 127.0.0.1:3000]
";

const TEST: &str = "\
Runs formatting, lints, licence checks, unit tests, and the tests through HTTP on every database.

Usage: cargo xtask test [OPTIONS] [FILTER]

A FILTER runs only the tests through HTTP whose names contain it, without lints and unit tests.

Options:
  --browser           Run only the tests in a real browser. CI=true runs them after the rest
  --mysql9            Test on MySQL 9 too: a Debian sid in target/mysql9, made once; needs root.
                      Implied by CI=true
  --sdks              Test with SuperTokens' SDKs too, which come from npm and PyPI into target/sdks, once; with
                      the one for Go only where Go and its modules are to be had. Implied by CI=true
  --spin              On the Spin that is on the PATH, any from 3.0 on, with the component that is for it: the
                      contract and the races, as far as Spin has what they need, on all three databases; needs
                      root for MySQL
  --soak MINUTES      Let the randomised tests go on for this long
";

const CHECK: &str = "\
Runs formatting, lints for native and wasm, and the unit tests. It needs no database and no host.

Usage: cargo xtask check
";

const TICK: &str = "\
Runs the scheduled component once: rotates signing keys and removes expired sessions.

Usage: cargo xtask tick [OPTIONS]

Without --control, a host is started just for this. It uses the SQLite file in the state folder, or the
server that the SPIN_VARIABLE_* of the environment name.

Options:
  --state-dir DIR     Where the SQLite file is [default: .spin]
  --control URL       Ask the host that was started with up --control, instead of starting one
";

const GENERATE: &str = "\
Writes what follows from the tables of settings (src/core/domain/config/settings.rs, src/edge/settings.rs): the variables
in spin.toml, spin-wasi02.toml as a whole, and the tables in README.md and docs/browsers.md; and the table in docs/scale.md
from docs/scale.json.

Usage: cargo xtask generate
";

const CONVERT_CONFIG: &str = "\
Prints the settings for a config.json of supertokens-node-mysql-ref-jwt-webservice, as lines for a shell.

Usage: cargo xtask convert-config FILE

Notes about options that mean something else here, or were ignored there, go to standard error. The lines
hold the database's password: keep them as you keep the file. docs/migrate.md has the other steps.
";

/// The load generator's own: all arguments go to it.
const BENCH: &str = include_str!("../../bench/src/help.txt");

/// What is to be done.
#[derive(Debug, PartialEq)]
pub(crate) enum Command {
    /// Print this text.
    Help(&'static str),
    /// Serve.
    Up(Up),
    /// Serve the demo.
    Demo(Demo),
    /// Test everything.
    Test(Test),
    /// Lints and unit tests.
    Check,
    /// One scheduled run.
    Tick(Tick),
    /// Write what follows from the tables of settings.
    Generate,
    /// Measure, with these arguments.
    Bench(Vec<OsString>),
    /// Print the settings for this file of the Node service.
    ConvertConfig(PathBuf),
}

/// The options of `up`.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Up {
    pub(crate) mysql: bool,
    pub(crate) listen: Option<SocketAddr>,
    pub(crate) state_dir: Option<PathBuf>,
    pub(crate) runtime: Option<Runtime>,
    pub(crate) control: Option<SocketAddr>,
}

/// What runs the components.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Runtime {
    /// Spin, as installed on this machine.
    Spin,
    /// dev-host, from this repository.
    Host,
}

/// The options of `demo`.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Demo {
    pub(crate) listen: Option<SocketAddr>,
}

/// The options of `test`.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Test {
    pub(crate) browser: bool,
    pub(crate) mysql9: bool,
    pub(crate) sdks: bool,
    pub(crate) spin: bool,
    pub(crate) soak_minutes: Option<u64>,
    pub(crate) filter: Option<String>,
}

/// The options of `tick`.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Tick {
    pub(crate) state_dir: Option<PathBuf>,
    pub(crate) control: Option<String>,
}

/// Reads the arguments. The error says what is wrong with them.
pub(crate) fn parse(mut parser: Parser) -> Result<Command, Error> {
    let command = match parser.next()? {
        None | Some(Long("help") | Short('h')) => return Ok(Command::Help(HELP)),
        Some(Value(command)) => command.string()?,
        Some(other) => return Err(other.unexpected()),
    };
    match command.as_str() {
        "up" => up(parser),
        "demo" => demo(parser),
        "test" => test(parser),
        "check" => without_options(parser, Command::Check, CHECK),
        "generate" => without_options(parser, Command::Generate, GENERATE),
        "tick" => tick(parser),
        "bench" => {
            let arguments: Vec<OsString> = parser.raw_args()?.collect();
            let asks_for_help = arguments.iter().any(|a| a == "--help" || a == "-h");
            Ok(match asks_for_help {
                true => Command::Help(BENCH),
                false => Command::Bench(arguments),
            })
        }
        "convert-config" => match parser.next()? {
            Some(Long("help") | Short('h')) => Ok(Command::Help(CONVERT_CONFIG)),
            Some(Value(file)) => match parser.next()? {
                None => Ok(Command::ConvertConfig(file.into())),
                Some(other) => Err(other.unexpected()),
            },
            Some(other) => Err(other.unexpected()),
            None => Err("convert-config needs the path of a config.json".into()),
        },
        "help" => Ok(Command::Help(HELP)),
        other => Err(format!("there is no command {other}").into()),
    }
}

fn without_options(
    mut parser: Parser,
    command: Command,
    help: &'static str,
) -> Result<Command, Error> {
    match parser.next()? {
        None => Ok(command),
        Some(Long("help") | Short('h')) => Ok(Command::Help(help)),
        Some(other) => Err(other.unexpected()),
    }
}

fn up(mut parser: Parser) -> Result<Command, Error> {
    let mut options = Up::default();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("mysql") => options.mysql = true,
            Long("listen") => options.listen = Some(parser.value()?.parse()?),
            Long("control") => options.control = Some(parser.value()?.parse()?),
            Long("state-dir") => options.state_dir = Some(parser.value()?.into()),
            Long("runtime") => {
                options.runtime = Some(parser.value()?.parse_with(|name| match name {
                    "spin" => Ok(Runtime::Spin),
                    "host" => Ok(Runtime::Host),
                    _ => Err("spin and host are possible"),
                })?);
            }
            Long("help") | Short('h') => return Ok(Command::Help(UP)),
            other => return Err(other.unexpected()),
        }
    }
    Ok(Command::Up(options))
}

fn demo(mut parser: Parser) -> Result<Command, Error> {
    let mut options = Demo::default();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("listen") => options.listen = Some(parser.value()?.parse()?),
            Long("help") | Short('h') => return Ok(Command::Help(DEMO)),
            other => return Err(other.unexpected()),
        }
    }
    Ok(Command::Demo(options))
}

fn test(mut parser: Parser) -> Result<Command, Error> {
    let mut options = Test::default();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("browser") => options.browser = true,
            Long("mysql9") => options.mysql9 = true,
            Long("sdks") => options.sdks = true,
            Long("spin") => options.spin = true,
            Long("soak") => options.soak_minutes = Some(parser.value()?.parse()?),
            Long("help") | Short('h') => return Ok(Command::Help(TEST)),
            Value(filter) if options.filter.is_none() => options.filter = Some(filter.string()?),
            other => return Err(other.unexpected()),
        }
    }
    Ok(Command::Test(options))
}

fn tick(mut parser: Parser) -> Result<Command, Error> {
    let mut options = Tick::default();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("state-dir") => options.state_dir = Some(parser.value()?.into()),
            Long("control") => options.control = Some(parser.value()?.string()?),
            Long("help") | Short('h') => return Ok(Command::Help(TICK)),
            other => return Err(other.unexpected()),
        }
    }
    Ok(Command::Tick(options))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Command, String> {
        parse(Parser::from_args(line.split_whitespace())).map_err(|error| error.to_string())
    }

    #[test]
    fn commands_and_options_are_understood() {
        assert_eq!(
            parsed("up --mysql --listen 127.0.0.1:3100 --state-dir=/tmp/x --runtime host"),
            Ok(Command::Up(Up {
                mysql: true,
                listen: Some("127.0.0.1:3100".parse().unwrap()),
                state_dir: Some("/tmp/x".into()),
                runtime: Some(Runtime::Host),
                control: None,
            }))
        );
        assert_eq!(
            parsed("test --soak 5 --sdks refresh"),
            Ok(Command::Test(Test {
                browser: false,
                mysql9: false,
                spin: false,
                soak_minutes: Some(5),
                sdks: true,
                filter: Some("refresh".to_owned()),
            }))
        );
        assert_eq!(
            parsed("test --spin"),
            Ok(Command::Test(Test {
                spin: true,
                ..Test::default()
            }))
        );
        assert_eq!(
            parsed("bench --peer x"),
            Ok(Command::Bench(vec!["--peer".into(), "x".into()]))
        );
        assert_eq!(parsed("check"), Ok(Command::Check));
        assert_eq!(
            parsed("convert-config old/config.json"),
            Ok(Command::ConvertConfig("old/config.json".into()))
        );
    }

    #[test]
    fn every_command_has_help() {
        for (command, text) in [
            ("up", UP),
            ("demo", DEMO),
            ("test", TEST),
            ("check", CHECK),
            ("tick", TICK),
            ("bench", BENCH),
            ("generate", GENERATE),
            ("convert-config", CONVERT_CONFIG),
        ] {
            assert_eq!(
                parsed(&format!("{command} --help")),
                Ok(Command::Help(text))
            );
            assert!(
                HELP.lines()
                    .any(|line| line.trim_start().starts_with(command))
            );
            assert!(text.contains(&format!("cargo xtask {command}")));
        }
        assert_eq!(parsed("bench --growth -h"), Ok(Command::Help(BENCH)));
    }

    #[test]
    fn mistakes_are_named() {
        assert_eq!(parsed("serve").unwrap_err(), "there is no command serve");
        assert!(parsed("up --port 80").unwrap_err().contains("--port"));
        assert!(parsed("up --listen 3000").unwrap_err().contains("3000"));
        assert!(parsed("test --soak soon").unwrap_err().contains("soon"));
        assert!(parsed("check now").unwrap_err().contains("now"));
    }
}
