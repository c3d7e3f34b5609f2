//! What a process and its children cost, from /proc: CPU time and memory.

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result};

/// A process that leads a process group of its own, and its children in that group.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Group {
    leader: u32,
}

impl Group {
    /// The group that this process leads.
    pub(crate) fn led_by(leader: u32) -> Self {
        Self { leader }
    }

    /// The CPU time, user's and system's, that the group has used so far.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        let ticks: u64 = self.stats()?.iter().map(|stat| stat.ticks).sum();
        let per_second = rustix::param::clock_ticks_per_second();
        Ok(Duration::from_millis(ticks * 1000 / per_second))
    }

    /// Begins a new measurement of peak memory, where the system lets us.
    pub(crate) fn forget_peak(&self) -> Result<()> {
        for stat in self.stats()? {
            // 5: reset the peak resident set size (proc(5)). Without it the peak is that of the whole run.
            drop(fs::write(format!("/proc/{}/clear_refs", stat.pid), "5"));
        }
        Ok(())
    }

    /// The peak resident memory of the group's processes, in bytes.
    pub(crate) fn peak_memory(&self) -> Result<u64> {
        let mut bytes = 0;
        for stat in self.stats()? {
            let status = fs::read_to_string(format!("/proc/{}/status", stat.pid));
            bytes += status.ok().and_then(|text| peak(&text)).unwrap_or(0);
        }
        Ok(bytes)
    }

    fn stats(&self) -> Result<Vec<Stat>> {
        let mut stats = Vec::new();
        for entry in fs::read_dir("/proc").context("failed to read /proc")? {
            // A process may end between the listing and the reading.
            let text = fs::read_to_string(entry?.path().join("stat")).unwrap_or_default();
            if let Some(stat) = Stat::parse(&text)
                && stat.group == self.leader
            {
                stats.push(stat);
            }
        }
        Ok(stats)
    }
}

/// Some fields of /proc/PID/stat (proc(5)).
#[derive(Debug, PartialEq)]
struct Stat {
    pid: u32,
    group: u32,
    /// utime and stime.
    ticks: u64,
}

impl Stat {
    fn parse(text: &str) -> Option<Self> {
        let (pid, rest) = text.split_once(" (")?;
        // The name may hold blanks and parentheses; the fields after it don't.
        let (_, rest) = rest.rsplit_once(") ")?;
        let fields: Vec<&str> = rest.split(' ').collect();
        let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
        Some(Self {
            pid: pid.parse().ok()?,
            group: u32::try_from(number(2)?).ok()?,
            ticks: number(11)? + number(12)?,
        })
    }
}

fn peak(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_of_a_process_with_an_awkward_name_are_found() {
        let text = "42 (a) b (c) S 1 40 40 0 -1 4194560 100 0 0 0 17 5 0 0 20 0 3 0 99 0 0";
        let expected = Stat {
            pid: 42,
            group: 40,
            ticks: 22,
        };
        assert_eq!(Stat::parse(text), Some(expected));
        assert_eq!(Stat::parse(""), None);
    }

    #[test]
    fn peak_memory_is_in_kibibytes() {
        let status = "Name:\tx\nVmHWM:\t    2048 kB\nVmRSS:\t 1024 kB\n";
        assert_eq!(peak(status), Some(2 << 20));
    }
}
