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
        let ticks: u64 = self.processes()?.iter().map(|(_, ticks)| ticks).sum();
        Ok(time(ticks))
    }

    /// Begins a new measurement of peak memory, where the system lets us.
    pub(crate) fn forget_peak(&self) -> Result<()> {
        for (pid, _) in self.processes()? {
            // 5: reset the peak resident set size (proc(5)). Without it the peak is that of the whole run.
            drop(fs::write(format!("/proc/{pid}/clear_refs"), "5"));
        }
        Ok(())
    }

    /// The peak resident memory of the group's processes, in bytes.
    pub(crate) fn peak_memory(&self) -> Result<u64> {
        let peak = |(pid, _)| {
            let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
            let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
            let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
            Some(kibibytes * 1024)
        };
        Ok(self.processes()?.into_iter().filter_map(peak).sum())
    }

    /// The ids of its processes, with their CPU time in ticks.
    fn processes(&self) -> Result<Vec<(u32, u64)>> {
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc").context("failed to read /proc")? {
            // A process may end between the listing and the reading.
            let text = fs::read_to_string(entry?.path().join("stat")).unwrap_or_default();
            if let Some((pid, group, ticks)) = read_stat(&text)
                && group == self.leader
            {
                found.push((pid, ticks));
            }
        }
        Ok(found)
    }
}

/// The CPU time of this process.
pub(crate) fn own() -> Result<Duration> {
    let text = fs::read_to_string("/proc/self/stat")?;
    let (.., ticks) = read_stat(&text).context("/proc/self/stat has another form")?;
    Ok(time(ticks))
}

/// The CPU time of all processes together, without what the kernel does for none of them.
pub(crate) fn all() -> Result<Duration> {
    let text = fs::read_to_string("/proc/stat")?;
    let of_all = text
        .lines()
        .next()
        .and_then(|line| line.strip_prefix("cpu "));
    let fields = of_all
        .context("/proc/stat has another form")?
        .split_whitespace();
    // User, nice and system (proc(5)).
    let ticks = fields
        .take(3)
        .map(str::parse::<u64>)
        .sum::<Result<_, _>>()?;
    Ok(time(ticks))
}

fn time(ticks: u64) -> Duration {
    Duration::from_millis(ticks * 1000 / rustix::param::clock_ticks_per_second())
}

/// A process's id and group, and its ticks as user and in the system, from /proc/PID/stat (proc(5)).
fn read_stat(text: &str) -> Option<(u32, u32, u64)> {
    let (pid, rest) = text.split_once(" (")?;
    // The name may hold blanks and parentheses; the fields after it don't.
    let (_, rest) = rest.rsplit_once(") ")?;
    let fields: Vec<&str> = rest.split(' ').collect();
    let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
    let group = u32::try_from(number(2)?).ok()?;
    Some((pid.parse().ok()?, group, number(11)? + number(12)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_of_a_process_with_an_awkward_name_are_found() {
        let text = "42 (a) b (c) S 1 40 40 0 -1 4194560 100 0 0 0 17 5 0 0 20 0 3 0 99 0 0";
        assert_eq!(read_stat(text), Some((42, 40, 22)));
        assert_eq!(read_stat(""), None);
    }
}
