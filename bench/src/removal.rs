//! A large removal as a row of the table, and what it is to reach.

use crate::args::Database;
use crate::goals;
use crate::meanwhile::Beside;
use crate::table::{fine, whole};

/// The most that removing expired sessions may multiply the others' p99 by.
const P99_GOAL: f64 = 2.0;

/// What the table shows.
pub(crate) const HEADINGS: [&str; 12] = [
    "database",
    "removal",
    "live",
    "clients",
    "sessions",
    "seconds",
    "sessions/s",
    "mix/s before",
    "meanwhile",
    "p99 before",
    "meanwhile",
    "errors",
];

/// Which sessions were removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// All of one user.
    User,
    /// All that had expired.
    Expired,
}

/// A removal that was measured.
pub(crate) struct Removal {
    /// Which sessions.
    pub(crate) kind: Kind,
    /// How many.
    pub(crate) count: u64,
    /// How many clients went on beside it.
    pub(crate) clients: usize,
    /// The live sessions that were put into the table.
    pub(crate) live_before: u64,
    /// Those that are still there.
    pub(crate) live_after: u64,
    /// What the clients saw.
    pub(crate) beside: Beside,
}

impl Removal {
    fn name(&self) -> &'static str {
        match self.kind {
            Kind::User => "sessions of a user",
            Kind::Expired => "expired sessions",
        }
    }

    /// Its row of the table.
    pub(crate) fn row(&self, database: Database) -> Vec<String> {
        let (before, meanwhile) = (self.beside.before, self.beside.meanwhile);
        let seconds = self.beside.duration.as_secs_f64();
        vec![
            database.name().to_owned(),
            self.name().to_owned(),
            whole(self.live_before as f64),
            self.clients.to_string(),
            whole(self.count as f64),
            fine(seconds),
            whole(self.count as f64 / seconds),
            whole(before.throughput),
            whole(meanwhile.throughput),
            fine(before.p99),
            fine(meanwhile.p99),
            (before.errors + meanwhile.errors).to_string(),
        ]
    }

    /// What of the goals is reached. A client whose own session is lost sees an error.
    pub(crate) fn verdict(&self, database: Database) -> String {
        let (before, meanwhile) = (self.beside.before, self.beside.meanwhile);
        let errors = before.errors + meanwhile.errors;
        let what = format!(
            "{} {} ({}, {} clients)",
            whole(self.count as f64),
            self.name(),
            database.name(),
            self.clients
        );
        let mut text = goals::line(
            self.live_after == self.live_before && errors == 0,
            &format!(
                "{what}: {} of {} live sessions are still there, the clients saw {errors} errors",
                whole(self.live_after as f64),
                whole(self.live_before as f64)
            ),
        );
        // The goal for p99 is about what happens without anyone having asked for it.
        if self.kind == Kind::Expired {
            let ratio = meanwhile.p99 / before.p99;
            text += &goals::line(
                ratio <= P99_GOAL,
                &format!(
                    "{what}: p99 {:.2} ms, {:.2} ms without it, {ratio:.2} times as long (at most {P99_GOAL})",
                    meanwhile.p99, before.p99
                ),
            );
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::meanwhile::Seen;

    fn seen(p99: f64, errors: u64) -> Seen {
        Seen {
            throughput: 1_000.0,
            p99,
            errors,
        }
    }

    #[test]
    fn a_removal_is_judged_by_what_it_leaves_and_by_what_others_see() {
        let mut removal = Removal {
            kind: Kind::Expired,
            count: 1_000_000,
            clients: 16,
            live_before: 100_000,
            live_after: 100_000,
            beside: Beside {
                before: seen(2.0, 0),
                meanwhile: seen(5.0, 0),
                duration: Duration::from_secs(50),
            },
        };
        let expected = "\
- reached: 1,000,000 expired sessions (MariaDB, 16 clients): 100,000 of 100,000 live sessions are still there, the clients saw 0 errors
- **missed**: 1,000,000 expired sessions (MariaDB, 16 clients): p99 5.00 ms, 2.00 ms without it, 2.50 times as long (at most 2)
";
        assert_eq!(removal.verdict(Database::MySql), expected);
        assert_eq!(removal.row(Database::MySql).len(), HEADINGS.len());
        removal.kind = Kind::User;
        removal.live_after -= 1;
        let text = removal.verdict(Database::MySql);
        assert!(text.starts_with("- **missed**: 1,000,000 sessions of a user"));
        assert!(text.contains(" 99,999 of 100,000 "));
    }
}
