//! What the figures were measured on, and how much memory the process holds.

use std::fs;
use std::process::Command;

/// One line: processor, cores, system and compiler.
pub fn description() -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let cores = if cores == 1 { "1 core".to_owned() } else { format!("{cores} cores") };
    format!("{}, {cores}, {} {}, {}", processor(), std::env::consts::OS, std::env::consts::ARCH, compiler())
}

/// Bytes of the process in memory now (Linux; elsewhere `None`).
pub fn resident() -> Option<u64> {
    status("VmRSS:")
}

/// The most bytes the process had in memory since [`reset_peak`] (Linux; elsewhere `None`).
pub fn peak() -> Option<u64> {
    status("VmHWM:")
}

/// Starts a new measurement of [`peak`]. False where the system has no such thing.
pub fn reset_peak() -> bool {
    fs::write("/proc/self/clear_refs", "5").is_ok()
}

fn status(field: &str) -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with(field))?;
    let kilobytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes * 1024)
}

fn processor() -> String {
    fs::read_to_string("/proc/cpuinfo")
        .ok()
        .and_then(|text| {
            let line = text.lines().find(|line| line.starts_with("model name"))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        })
        .unwrap_or_else(|| "unknown processor".to_owned())
}

fn compiler() -> String {
    Command::new("rustc")
        .arg("--version")
        .output()
        .ok()
        .and_then(|output| String::from_utf8(output.stdout).ok())
        .map_or_else(|| "unknown compiler".to_owned(), |text| text.trim().to_owned())
}
