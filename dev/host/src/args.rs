//! The command line. The comments here are its help texts.

use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;

/// Runs a Spin application without Spin, for development and tests
///
/// Variables are also read from SPIN_VARIABLE_NAME.
#[derive(Debug, Parser)]
// The last one counts, so that a test can replace what the testbed says.
#[command(args_override_self = true)]
pub(crate) struct Args {
    /// The manifest, or its folder
    #[arg(long = "from", short = 'f', value_name = "FILE", default_value = "spin.toml", value_parser = manifest)]
    pub(crate) manifest: PathBuf,
    /// Databases, limits, variable providers
    #[arg(long = "runtime-config-file", value_name = "FILE")]
    pub(crate) runtime_config: Option<PathBuf>,
    /// Where to serve HTTP; port 0 is any free one
    #[arg(
        long,
        value_name = "ADDRESS:PORT",
        default_value = "127.0.0.1:3000",
        env = "SPIN_HTTP_LISTEN_ADDR"
    )]
    pub(crate) listen: SocketAddr,
    /// Where the SQLite file is [default: .spin beside the manifest]; empty keeps databases in memory
    #[arg(long, value_name = "FOLDER", value_parser = |text: &str| Ok::<_, String>(PathBuf::from(text)))]
    state_dir: Option<PathBuf>,
    /// Sets an application variable; may be repeated
    #[arg(long = "variable", value_name = "NAME=VALUE", value_parser = variable)]
    pub(crate) variables: Vec<(String, String)>,
    /// Runs only this component; may be repeated
    #[arg(long = "component", short = 'c', value_name = "ID")]
    pub(crate) components: Vec<String>,
    /// Never runs scheduled components by itself
    #[arg(long)]
    pub(crate) no_cron: bool,
    /// Serves the control API (loopback only)
    #[arg(long, value_name = "ADDRESS:PORT", value_parser = loopback)]
    pub(crate) control: Option<SocketAddr>,
    #[command(flatten)]
    pub(crate) reuse: Reuse,
    /// Guests' monotonic clock, and so their timers, so many times slower
    #[arg(long, value_name = "N", default_value_t = NonZeroU32::MIN)]
    pub(crate) slow_timers: NonZeroU32,
}

/// How long instances live, with Spin's defaults.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Reuse {
    /// Requests per instance
    #[arg(
        long = "max-instance-reuse-count",
        value_name = "N",
        default_value = "128"
    )]
    pub(crate) count: NonZeroUsize,
    /// Requests at once per instance
    #[arg(
        long = "max-instance-concurrent-reuse-count",
        value_name = "N",
        default_value = "16"
    )]
    pub(crate) concurrent: NonZeroUsize,
    /// Life of an idle instance
    #[arg(long = "idle-instance-timeout", value_name = "SECONDS", default_value = "1", value_parser = seconds)]
    pub(crate) idle: Duration,
}

impl Args {
    /// `None`: keep nothing.
    pub(crate) fn state_dir(&self) -> Option<PathBuf> {
        match &self.state_dir {
            Some(folder) => (!folder.as_os_str().is_empty()).then(|| folder.clone()),
            None => Some(self.manifest.with_file_name(".spin")),
        }
    }
}

fn manifest(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    Ok(match path.is_dir() {
        true => path.join("spin.toml"),
        false => path,
    })
}

fn variable(text: &str) -> Result<(String, String), &'static str> {
    let (name, value) = text.split_once('=').ok_or("must be NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

fn loopback(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr = text.parse().map_err(|_| "no ADDRESS:PORT")?;
    match address.ip().is_loopback() {
        true => Ok(address),
        false => Err("must be a loopback address".to_owned()),
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text
        .trim_end_matches('s')
        .parse()
        .map_err(|_| "no number")?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Args, String> {
        let words = ["dev-host"].into_iter().chain(line.split_whitespace());
        Args::try_parse_from(words).map_err(|error| error.to_string())
    }

    #[test]
    fn defaults_are_spins() {
        let args = parse("--from app/spin.toml").unwrap();
        assert_eq!(args.state_dir(), Some(PathBuf::from("app/.spin")));
        let Reuse {
            count,
            concurrent,
            idle,
        } = args.reuse;
        assert_eq!(
            (count.get(), concurrent.get(), idle.as_secs()),
            (128, 16, 1)
        );
    }

    #[test]
    fn values_are_understood() {
        let line = "--variable a=b=c --variable=d= --idle-instance-timeout 0.5s --state-dir=";
        let args = parse(line).unwrap();
        let variables = [("a", "b=c"), ("d", "")];
        let expected = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(args.variables, expected);
        assert_eq!(args.reuse.idle, Duration::from_millis(500));
        assert_eq!(args.state_dir(), None);
    }

    #[test]
    fn mistakes_are_named() {
        for line in [
            "--what",
            "--listen here",
            "--variable x",
            "--control 0.0.0.0:1",
            "--max-instance-reuse-count 0",
            "--idle-instance-timeout never",
            "--idle-instance-timeout=-1",
            "--slow-timers 0",
        ] {
            let message = parse(line).unwrap_err();
            let option = line.split([' ', '=']).next().unwrap();
            assert!(message.contains(option), "{message}");
        }
    }
}
