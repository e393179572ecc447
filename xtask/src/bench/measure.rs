//! Wall time, CPU time and peak memory of a child process.

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What a run took.
#[derive(Debug, Clone)]
pub(crate) struct Taken {
    pub(crate) wall: Duration,
    /// User and system time of the process and its children.
    pub(crate) cpu: Duration,
    /// VmHWM in KiB; zero where the system does not tell.
    pub(crate) peak_kib: u64,
    pub(crate) stdout: String,
}

/// Runs a command to its end; fails when it does.
pub(crate) fn run(command: &mut Command) -> Result<Taken, String> {
    let shown = format!("{command:?}");
    let cpu_before = children_cpu();
    let started = Instant::now();
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let child = child.map_err(|error| format!("cannot run {shown}: {error}"))?;
    let id = child.id();
    let watching = std::thread::spawn(move || {
        let mut peak = 0;
        // The file is gone, or empty of memory, when the process has ended.
        while let Some(now) = peak_of(id) {
            peak = peak.max(now);
            std::thread::sleep(Duration::from_millis(2));
        }
        peak
    });
    let output = child.wait_with_output().map_err(|error| format!("{shown}: {error}"))?;
    let wall = started.elapsed();
    let cpu = children_cpu().saturating_sub(cpu_before);
    let peak_kib = watching.join().unwrap_or(0);
    if !output.status.success() {
        return Err(format!("{shown}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr)));
    }
    Ok(Taken { wall, cpu, peak_kib, stdout: String::from_utf8_lossy(&output.stdout).into_owned() })
}

/// The highest resident memory of a process so far, in KiB.
pub(crate) fn peak_of(id: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}

/// CPU time of the children that ended, from this process's own accounts.
fn children_cpu() -> Duration {
    // Fields 16 and 17 of /proc/self/stat, in ticks of 10 ms on every Linux that Rust runs on.
    let Ok(stat) = fs::read_to_string("/proc/self/stat") else { return Duration::ZERO };
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |field: usize| fields.get(field).and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
    Duration::from_millis((ticks(13) + ticks(14)) * 10)
}

/// The middle one of an odd number of runs, by wall time.
pub(crate) fn median(mut runs: Vec<Taken>) -> Option<Taken> {
    runs.sort_by_key(|run| run.wall);
    let middle = runs.len() / 2;
    (!runs.is_empty()).then(|| runs.swap_remove(middle))
}
