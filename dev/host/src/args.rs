//! The command line.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use lexopt::{Arg, Parser, ValueExt};

/// Shown by `--help`.
pub(crate) const HELP: &str = "\
Runs a Spin application without Spin, for development and tests.

usage: dev-host [options]
  --from FILE                    the manifest [spin.toml]
  --runtime-config-file FILE     databases, limits, variable providers
  --listen ADDRESS:PORT          where to serve HTTP [127.0.0.1:3000]; port 0 is any free one
  --state-dir FOLDER             where the SQLite file lies [.spin beside the manifest];
                                 empty keeps databases in memory
  --variable NAME=VALUE          sets an application variable; may be repeated
  --component ID                 runs only this component; may be repeated
  --no-cron                      never runs scheduled components by itself
  --control ADDRESS:PORT         serves the control API (loopback only)
  --max-instance-reuse-count N             requests per instance [128]
  --max-instance-concurrent-reuse-count N  requests at once per instance [16]
  --idle-instance-timeout SECONDS          life of an idle instance [1]
  --slow-timers N                guests' monotonic clock, and so their timers, N times slower [1]
Variables are also read from SPIN_VARIABLE_NAME, the address from SPIN_HTTP_LISTEN_ADDR.";

/// What was asked for.
#[derive(Debug)]
pub(crate) struct Args {
    pub(crate) manifest: PathBuf,
    pub(crate) runtime_config: Option<PathBuf>,
    pub(crate) listen: SocketAddr,
    /// `None`: keep nothing.
    pub(crate) state_dir: Option<PathBuf>,
    pub(crate) variables: HashMap<String, String>,
    /// Empty: all.
    pub(crate) components: Vec<String>,
    pub(crate) control: Option<SocketAddr>,
    pub(crate) cron: bool,
    pub(crate) reuse: Reuse,
    /// By how much guests' timers are slower than real ones.
    pub(crate) slow_timers: NonZeroU32,
}

/// How long instances live, with Spin's defaults.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reuse {
    /// Requests that an instance serves in its life.
    pub(crate) count: usize,
    /// Requests that it serves at once.
    pub(crate) concurrent: usize,
    /// Time without requests after which it is dropped.
    pub(crate) idle: Duration,
}

impl Default for Reuse {
    fn default() -> Self {
        Self {
            count: 128,
            concurrent: 16,
            idle: Duration::from_secs(1),
        }
    }
}

/// Why there are no arguments to run with.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    Help,
    Wrong(String),
}

impl Args {
    /// Reads `words`, the command line without the program's name; `listen` is the address that
    /// the environment names.
    pub(crate) fn parse(
        words: impl IntoIterator<Item = String>,
        listen: Option<String>,
    ) -> Result<Self, Stop> {
        let mut args = Self {
            manifest: PathBuf::from("spin.toml"),
            runtime_config: None,
            listen: SocketAddr::from(([127, 0, 0, 1], 3000)),
            state_dir: None,
            variables: HashMap::new(),
            components: Vec::new(),
            control: None,
            cron: true,
            reuse: Reuse::default(),
            slow_timers: NonZeroU32::MIN,
        };
        if let Some(address) = listen {
            let wrong = |error| Stop::Wrong(format!("SPIN_HTTP_LISTEN_ADDR {address}: {error}"));
            args.listen = address.parse().map_err(wrong)?;
        }
        let mut parser = Parser::from_args(words);
        while let Some(flag) = next(&mut parser)? {
            if matches!(flag.as_str(), "--help" | "-h") {
                return Err(Stop::Help);
            }
            args.take(&flag, &mut parser)
                .map_err(|error| Stop::Wrong(format!("{flag}: {error} (see --help)")))?;
        }
        if args.manifest.is_dir() {
            args.manifest.push("spin.toml");
        }
        args.state_dir = match args.state_dir {
            Some(folder) if folder.as_os_str().is_empty() => None,
            Some(folder) => Some(folder),
            None => Some(args.manifest.with_file_name(".spin")),
        };
        Ok(args)
    }

    fn take(&mut self, flag: &str, parser: &mut Parser) -> Result<(), lexopt::Error> {
        match flag {
            "--no-cron" => self.cron = false,
            "--from" | "-f" => self.manifest = parser.value()?.into(),
            "--runtime-config-file" => self.runtime_config = Some(parser.value()?.into()),
            "--listen" => self.listen = parser.value()?.parse()?,
            "--state-dir" => self.state_dir = Some(parser.value()?.into()),
            "--variable" => {
                let text = parser.value()?.string()?;
                let (name, value) = text.split_once('=').ok_or("must be NAME=VALUE")?;
                self.variables.insert(name.to_owned(), value.to_owned());
            }
            "--component" | "-c" => self.components.push(parser.value()?.string()?),
            "--control" => {
                let address: SocketAddr = parser.value()?.parse()?;
                if !address.ip().is_loopback() {
                    return Err("must be a loopback address".into());
                }
                self.control = Some(address);
            }
            "--max-instance-reuse-count" => self.reuse.count = count(parser)?,
            "--max-instance-concurrent-reuse-count" => self.reuse.concurrent = count(parser)?,
            "--idle-instance-timeout" => {
                let text = parser.value()?.string()?;
                let seconds = text
                    .trim_end_matches('s')
                    .parse()
                    .map_err(|_| "no number")?;
                self.reuse.idle =
                    Duration::try_from_secs_f64(seconds).map_err(|_| "out of range")?;
            }
            "--slow-timers" => self.slow_timers = parser.value()?.parse()?,
            _ => return Err("there is no such argument".into()),
        }
        Ok(())
    }
}

fn next(parser: &mut Parser) -> Result<Option<String>, Stop> {
    let word = parser
        .next()
        .map_err(|error| Stop::Wrong(error.to_string()))?;
    Ok(word.map(|word| match word {
        Arg::Short(letter) => format!("-{letter}"),
        Arg::Long(name) => format!("--{name}"),
        Arg::Value(value) => value.to_string_lossy().into_owned(),
    }))
}

fn count(parser: &mut Parser) -> Result<usize, lexopt::Error> {
    Ok(parser.value()?.parse::<NonZeroUsize>()?.get())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Args, Stop> {
        Args::parse(line.split_whitespace().map(str::to_owned), None)
    }

    #[test]
    fn defaults_are_spins() {
        let args = parse("--from app/spin.toml").unwrap();
        assert_eq!(args.listen.to_string(), "127.0.0.1:3000");
        assert_eq!(args.state_dir, Some(PathBuf::from("app/.spin")));
        assert_eq!((args.reuse.count, args.reuse.concurrent), (128, 16));
        assert!(args.cron && args.control.is_none());
    }

    #[test]
    fn values_follow_or_are_attached() {
        let args = parse(
            "--listen=127.0.0.1:0 --variable a=b=c --variable=d=e -c x -c y --no-cron \
             --idle-instance-timeout 0.5 --control 127.0.0.1:0 --state-dir=",
        )
        .unwrap();
        assert_eq!(args.variables["a"], "b=c");
        assert_eq!(args.variables["d"], "e");
        assert_eq!(args.components, ["x", "y"]);
        assert_eq!(args.reuse.idle, Duration::from_millis(500));
        assert_eq!(args.state_dir, None);
        assert!(!args.cron && args.control.is_some());
    }

    #[test]
    fn the_environment_names_the_address_unless_a_flag_does() {
        let address = Some("127.0.0.1:5".to_owned());
        let args = Args::parse([], address.clone()).unwrap();
        assert_eq!(args.listen.port(), 5);
        let args = Args::parse(["--listen=127.0.0.1:6".to_owned()], address).unwrap();
        assert_eq!(args.listen.port(), 6);
    }

    #[test]
    fn mistakes_are_named() {
        for line in [
            "--what",
            "--listen",
            "--listen here",
            "--variable x",
            "--control 0.0.0.0:1",
            "--max-instance-reuse-count 0",
            "--idle-instance-timeout never",
            "--slow-timers 0",
        ] {
            let Err(Stop::Wrong(message)) = parse(line) else {
                panic!("{line} was accepted")
            };
            assert!(
                message.contains(line.split(' ').next().unwrap()),
                "{message}"
            );
        }
        assert_eq!(parse("--help").unwrap_err(), Stop::Help);
    }
}
