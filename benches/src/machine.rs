//! What the figures were measured on, and how much memory the process holds.

use std::fs;
use std::process::Command;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

/// One line: processor, cores, system, compiler and profile, and how much of a second core there was at this moment.
pub fn description() -> String {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let cores = if cores == 1 { "1 core".to_owned() } else { format!("{cores} cores") };
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    let machine = format!("{}, {cores}, {os} {arch}, {}, profile `{}`", processor(), compiler(), profile());
    format!("{machine}; two spinning threads got through {:.2} times as much as one", second_core())
}

/// The profile that this program was built in, by the folder that it lies in: `target/PROFILE`, or `deps` in there.
fn profile() -> String {
    let path = std::env::current_exe().unwrap_or_default();
    let folders = path.ancestors().skip(1).filter_map(|folder| folder.file_name());
    let profile = folders.map(|name| name.to_string_lossy().into_owned()).find(|name| name != "deps");
    let profile = profile.unwrap_or_else(|| "unknown".to_owned());
    if cfg!(debug_assertions) { profile + " with debug assertions" } else { profile }
}

/// How many times as much as one thread two get through in the same time: two, if each has a core to itself. The most of three turns
/// counts, since what else runs on the machine only ever takes away.
pub fn second_core() -> f64 {
    let mut most = [0.0_f64; 2];
    for _ in 0..3 {
        for (most, threads) in most.iter_mut().zip([1, 2]) {
            *most = most.max(spin_on(threads));
        }
    }
    most[1] / most[0]
}

/// So many threads compute for 50 ms; how much they got through together.
fn spin_on(threads: usize) -> f64 {
    const SPIN: Duration = Duration::from_millis(50);
    let start = Barrier::new(threads);
    let spin = || {
        start.wait();
        let (began, mut rounds, mut value) = (Instant::now(), 0.0, 1_u64);
        while began.elapsed() < SPIN {
            for _ in 0..2_000 {
                value = std::hint::black_box(value.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ (value >> 29));
            }
            rounds += 1.0;
        }
        rounds
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(spin)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or_default()).sum()
    })
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
