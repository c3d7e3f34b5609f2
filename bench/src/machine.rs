//! What the machine is, as far as figures depend on it.

use std::fs;
use std::thread;

/// Cores, memory and kernel; nothing that tells one machine from another of its kind.
pub(crate) fn description() -> String {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let memory = total_gibibytes(&memory).unwrap_or_default();
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let kernel: String = kernel.split('.').take(2).collect::<Vec<_>>().join(".");
    format!(
        "{cores} cores, {memory} GiB of memory, Linux {kernel}; the load comes from the same machine"
    )
}

fn total_gibibytes(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|l| l.strip_prefix("MemTotal:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some((kibibytes + (1 << 19)) >> 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_rounded_to_gibibytes() {
        assert_eq!(total_gibibytes("MemTotal:       24601600 kB\n"), Some(23));
        assert_eq!(total_gibibytes(""), None);
    }
}
