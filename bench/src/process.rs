//! What Linux says of a process.

use std::fs::read_to_string;
use std::path::Path;
use std::time::Duration;

/// CPU time of a process and all its threads, user and system, to 10 ms.
pub(crate) fn cpu(pid: u32) -> Result<Duration, String> {
    let file = format!("/proc/{pid}/stat");
    let text = read_to_string(&file).map_err(|error| format!("{file}: {error}. This needs Linux"))?;
    // The name, in brackets, may have blanks; times are the 14th and 15th field (proc_pid_stat(5)), in 1/100 s on
    // every Linux of today.
    let after_name = text.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks = after_name.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok());
    Ok(Duration::from_millis(10 * ticks.sum::<u64>()))
}

/// Memory in kilobytes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Memory {
    /// All pages it has.
    pub(crate) resident: u64,
    /// The same, with those it shares counted in part.
    pub(crate) proportional: u64,
}

/// The memory of a process.
pub(crate) fn memory(pid: u32) -> Memory {
    let line = |file: &str, name: &str| {
        let text = read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
    };
    Memory { resident: line("status", "VmRSS:"), proportional: line("smaps_rollup", "Pss:") }
}

/// Bytes of a file, or of all files below a folder, but those whose path has one of these parts.
pub(crate) fn size(path: &Path, but: &[&str]) -> u64 {
    let Ok(metadata) = path.symlink_metadata() else { return 0 };
    if !metadata.is_dir() {
        return metadata.len();
    }
    let inside = std::fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path());
    inside
        .filter(|path| !but.iter().any(|part| path.to_string_lossy().contains(part)))
        .map(|path| size(&path, but))
        .sum()
}
