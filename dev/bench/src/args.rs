//! The command line. The comments here are its help texts.

use std::time::Duration;

use clap::{Parser, ValueEnum};

use crate::operation::Operation;
use crate::runtime::Wanted;

/// Which database the service uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Database {
    /// A private MariaDB
    #[value(name = "mysql")]
    MySql,
    /// A file
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

/// Measures the service under load, beside the documented system and beside a component that does nothing
#[derive(Clone, Debug, Parser)]
#[command(bin_name = "cargo xtask bench")]
pub(crate) struct Args {
    /// The same operations with 10^3, 10^5 and 10^6 sessions in the table
    #[arg(long, group = "mode")]
    pub(crate) growth: bool,
    /// Removing 10^6 expired sessions, and one user's 10^4, among 10^5 live ones
    #[arg(long, group = "mode")]
    pub(crate) removals: bool,
    /// The instructions of the hot paths, counted by valgrind; this repeats exactly
    #[arg(long, group = "mode")]
    pub(crate) instructions: bool,
    /// What to measure [default: all]
    #[arg(long, value_delimiter = ',', value_name = "LIST")]
    operations: Vec<Operation>,
    /// How many clients at a time [default: 1,16,64; with --growth and --removals 16]
    #[arg(long, value_delimiter = ',', value_name = "LIST", value_parser = clap::value_parser!(u16).range(1..))]
    clients: Vec<u16>,
    /// Length of a window
    #[arg(long = "seconds", value_name = "N", default_value = "1.5", value_parser = window)]
    pub(crate) window: Duration,
    /// Rounds, of which tables show the medians
    #[arg(long, value_name = "N", default_value = "3", value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    /// Only on this database; --growth and --removals are on MariaDB
    #[arg(long)]
    database: Option<Database>,
    /// Live sessions in the table [default: with --growth 1000,100000,1000000; with --removals 100000]
    #[arg(long, value_delimiter = ',', value_name = "LIST", value_parser = clap::value_parser!(u64).range(1..))]
    sessions: Vec<u64>,
    /// With --removals: expired sessions; one user has a hundredth
    #[arg(long, value_name = "N", default_value = "1000000", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) expired: u64,
    /// Leave the documented system out
    #[arg(long)]
    pub(crate) no_peer: bool,
    /// What runs the components [default: spin, if version 4.1 or later is on the PATH]
    #[arg(long, value_name = "NAME")]
    pub(crate) runtime: Option<Wanted>,
    /// Put the result into dev/bench/RESULTS.md
    #[arg(long)]
    pub(crate) write: bool,
}

impl Args {
    pub(crate) fn operations(&self) -> Vec<Operation> {
        or(&self.operations, Operation::value_variants())
    }

    pub(crate) fn clients(&self) -> Vec<usize> {
        let default: &[u16] = match self.growth || self.removals {
            true => &[16],
            false => &[1, 16, 64],
        };
        or(&self.clients, default)
            .into_iter()
            .map(usize::from)
            .collect()
    }

    pub(crate) fn rounds(&self) -> usize {
        self.rounds.into()
    }

    pub(crate) fn databases(&self) -> Vec<Database> {
        or(self.database.as_slice(), Database::value_variants())
    }

    pub(crate) fn sessions(&self) -> Vec<u64> {
        let default: &[u64] = match self.growth {
            true => &[1_000, 100_000, 1_000_000],
            false => &[100_000],
        };
        or(&self.sessions, default)
    }
}

fn or<T: Clone>(given: &[T], default: &[T]) -> Vec<T> {
    match given {
        [] => default.to_vec(),
        _ => given.to_vec(),
    }
}

fn window(text: &str) -> Result<Duration, &'static str> {
    let seconds = text.parse().ok().filter(|s| (0.1..=600.0).contains(s));
    seconds
        .map(Duration::from_secs_f64)
        .ok_or("0.1 to 600 are possible")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Args, String> {
        let words = ["bench"].into_iter().chain(line.split_whitespace());
        Args::try_parse_from(words).map_err(|error| error.to_string())
    }

    #[test]
    fn everything_is_measured_unless_said_otherwise() {
        let args = parsed("").unwrap();
        assert_eq!(args.operations().len(), 9);
        assert_eq!(args.databases(), [Database::MySql, Database::Sqlite]);
        assert_eq!(args.clients(), [1, 16, 64]);
        assert_eq!(parsed("--growth").unwrap().clients(), [16]);
        let args = parsed("--operations verify,create --clients 2,4 --seconds 0.5").unwrap();
        assert_eq!(args.operations(), [Operation::Verify, Operation::Create]);
        assert_eq!(args.clients(), [2, 4]);
        assert_eq!(args.window, Duration::from_millis(500));
    }

    #[test]
    fn mistakes_are_named() {
        for (line, named) in [
            ("--operations login", "login"),
            ("--clients 0", "--clients"),
            ("--expired 0", "--expired"),
            ("--seconds 0", "0.1 to 600"),
            ("--database oracle", "sqlite"),
            ("--growth --removals", "--removals"),
        ] {
            let message = parsed(line).unwrap_err();
            assert!(message.contains(named), "{message}");
        }
    }
}
