//! Cron expressions: when the next tick is.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};

/// A cron expression, seconds first, in UTC.
#[derive(Clone, Debug)]
pub(crate) struct Schedule(cron::Schedule);

impl Schedule {
    /// Reads an expression of six or seven fields.
    pub(crate) fn parse(expression: &str) -> Result<Self, String> {
        cron::Schedule::from_str(expression)
            .map(Self)
            .map_err(|error| error.to_string())
    }

    /// The first tick after `ms`, both in milliseconds since 1970.
    pub(crate) fn next_after(&self, ms: i64) -> Option<i64> {
        let after = DateTime::<Utc>::from_timestamp_millis(ms)?;
        self.0
            .after(&after)
            .next()
            .map(|tick| tick.timestamp_millis())
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;

    #[test]
    fn ticks_follow_the_expression_with_seconds_first() {
        let hourly = Schedule::parse("0 0 * * * *").unwrap();
        assert_eq!(hourly.next_after(0), Some(HOUR));
        assert_eq!(hourly.next_after(HOUR - 1), Some(HOUR));
        assert_eq!(hourly.next_after(HOUR), Some(2 * HOUR));
        let often = Schedule::parse("*/10 * * * * *").unwrap();
        assert_eq!(often.next_after(HOUR + 1), Some(HOUR + 10_000));
    }

    #[test]
    fn expressions_that_never_come_or_make_no_sense() {
        assert_eq!(Schedule::parse("0 0 0 30 2 *").unwrap().next_after(0), None);
        assert!(Schedule::parse("* * *").is_err());
        assert!(Schedule::parse("99 * * * * *").is_err());
    }
}
