//! The command line.

use std::time::Duration;

use lexopt::{
    Arg::{Long, Short},
    Error, Parser, ValueExt as _,
};

use crate::operation::Operation;
use crate::runtime::Wanted;

/// Shown by `--help`; xtask shows the same file without building anything.
pub(crate) const HELP: &str = include_str!("help.txt");

/// Which database the service uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Database {
    /// A private MariaDB.
    MySql,
    /// A file.
    Sqlite,
}

impl Database {
    /// What tables say.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::MySql => "MariaDB",
            Self::Sqlite => "SQLite",
        }
    }
}

/// What to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Print the help text.
    Help,
    /// Systems side by side.
    Compare,
    /// Small and large tables.
    Growth,
    /// Large removals.
    Removals,
    /// Instruction counts.
    Instructions,
}

/// The command line, read.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Args {
    pub(crate) mode: Mode,
    pub(crate) operations: Vec<Operation>,
    pub(crate) clients: Vec<usize>,
    pub(crate) window: Duration,
    pub(crate) rounds: usize,
    pub(crate) databases: Vec<Database>,
    pub(crate) sessions: Vec<u64>,
    pub(crate) expired: u64,
    pub(crate) peer: bool,
    pub(crate) runtime: Option<Wanted>,
    pub(crate) write: bool,
}

impl Args {
    /// Reads the arguments. The error says what is wrong with them.
    pub(crate) fn parse(mut parser: Parser) -> Result<Self, Error> {
        let mut args = Self {
            mode: Mode::Compare,
            operations: Operation::all(),
            clients: Vec::new(),
            window: Duration::from_millis(1500),
            rounds: 3,
            databases: vec![Database::MySql, Database::Sqlite],
            sessions: Vec::new(),
            expired: 1_000_000,
            peer: true,
            runtime: None,
            write: false,
        };
        while let Some(argument) = parser.next()? {
            match argument {
                Long("growth") => args.mode = Mode::Growth,
                Long("removals") => args.mode = Mode::Removals,
                Long("instructions") => args.mode = Mode::Instructions,
                Long("operations") => args.operations = list(&mut parser)?,
                Long("clients") => args.clients = list(&mut parser)?,
                Long("sessions") => args.sessions = list(&mut parser)?,
                Long("expired") => args.expired = parser.value()?.parse()?,
                Long("seconds") => {
                    args.window = parser.value()?.parse_with(|text| {
                        let seconds = text.parse().ok().filter(|s| (0.1..=600.0).contains(s));
                        let seconds = seconds.map(Duration::from_secs_f64);
                        seconds.ok_or("0.1 to 600 are possible")
                    })?;
                }
                Long("rounds") => args.rounds = parser.value()?.parse()?,
                Long("database") => {
                    args.databases = parser.value()?.parse_with(|name| match name {
                        "mysql" => Ok(vec![Database::MySql]),
                        "sqlite" => Ok(vec![Database::Sqlite]),
                        _ => Err("mysql and sqlite are possible"),
                    })?;
                }
                Long("peer") => args.peer = true,
                Long("no-peer") => args.peer = false,
                Long("runtime") => {
                    args.runtime = Some(parser.value()?.parse_with(|name| match name {
                        "spin" => Ok(Wanted::Spin),
                        "host" => Ok(Wanted::Host),
                        _ => Err("spin and host are possible"),
                    })?);
                }
                Long("write") => args.write = true,
                Long("help") | Short('h') => args.mode = Mode::Help,
                other => return Err(other.unexpected()),
            }
        }
        let counts = [&args.sessions[..], &[args.expired]].concat();
        if args.rounds == 0 || args.clients.contains(&0) || counts.contains(&0) {
            return Err("rounds, clients and sessions must be at least 1".into());
        }
        let (clients, sessions): (&[usize], &[u64]) = match args.mode {
            Mode::Growth => (&[16], &[1_000, 100_000, 1_000_000]),
            Mode::Removals => (&[16], &[100_000]),
            _ => (&[1, 16, 64], &[]),
        };
        if args.clients.is_empty() {
            args.clients = clients.to_vec();
        }
        if args.sessions.is_empty() {
            args.sessions = sessions.to_vec();
        }
        Ok(args)
    }
}

fn list<T: std::str::FromStr>(parser: &mut Parser) -> Result<Vec<T>, Error>
where
    T::Err: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    parser.value()?.parse_with(|text| {
        let items: Result<Vec<T>, T::Err> = text.split(',').map(str::parse).collect();
        items
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Args, String> {
        Args::parse(Parser::from_args(line.split_whitespace())).map_err(|error| error.to_string())
    }

    #[test]
    fn everything_is_measured_unless_said_otherwise() {
        let args = parsed("").unwrap();
        assert_eq!(args.operations, Operation::all());
        assert_eq!(args.clients, [1, 16, 64]);
        assert_eq!(args.databases, [Database::MySql, Database::Sqlite]);
        assert!(args.peer && !args.write);
        let growth = parsed("--growth").unwrap();
        assert_eq!(growth.clients, [16]);
        assert_eq!(growth.sessions, [1_000, 100_000, 1_000_000]);
        let removals = parsed("--removals").unwrap();
        assert_eq!(removals.sessions, [100_000]);
        assert_eq!(removals.expired, 1_000_000);
    }

    #[test]
    fn lists_are_read() {
        let args = parsed("--operations verify,create --clients 2,4 --seconds 0.5").unwrap();
        assert_eq!(args.operations, [Operation::Verify, Operation::Create]);
        assert_eq!(args.clients, [2, 4]);
        assert_eq!(args.window, Duration::from_millis(500));
    }

    #[test]
    fn mistakes_are_named() {
        assert!(parsed("--operations login").unwrap_err().contains("login"));
        assert!(parsed("--clients 0").unwrap_err().contains("at least 1"));
        assert!(parsed("--expired 0").unwrap_err().contains("at least 1"));
        assert!(parsed("--seconds 0").unwrap_err().contains("0.1 to 600"));
        assert!(parsed("--database oracle").unwrap_err().contains("sqlite"));
        assert!(parsed("--what").unwrap_err().contains("--what"));
    }
}
