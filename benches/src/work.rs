//! What the contenders work on: measured amounts of computing, scattered numbers, several threads at once.

use std::hint::black_box;
use std::sync::Barrier;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// An amount of computing that takes about a given time on this machine.
///
/// It counts steps of a dependent chain of multiplications and reads no clock, so that a thread that is put aside by
/// the system has not done its work meanwhile.
#[derive(Clone, Copy, Debug)]
pub struct Spin {
    steps: u64,
}

/// Names the steps a nanosecond to processes that are to do the same work as others.
const RATE: &str = "SPEEDUP_STEPS_A_NANOSECOND";

impl Spin {
    /// What a process is to be started with in order to do as much work as this one.
    pub fn passed_on() -> (&'static str, String) {
        (RATE, Self::rate().to_string())
    }

    fn rate() -> f64 {
        static STEPS_A_NANOSECOND: OnceLock<f64> = OnceLock::new();
        let told = || std::env::var(RATE).ok()?.parse().ok();
        *STEPS_A_NANOSECOND.get_or_init(|| told().unwrap_or_else(calibrate))
    }

    /// As much computing as takes `duration` on one undisturbed core.
    pub fn of(duration: Duration) -> Self {
        Self { steps: ((duration.as_nanos() as f64) * Self::rate()).round() as u64 }
    }

    /// Computes; the result depends on every step.
    #[inline(never)]
    pub fn run(self, seed: u64) -> u64 {
        let mut value = black_box(seed | 1);
        for _ in 0..self.steps {
            value = value.wrapping_mul(0x2545_f491_4f6c_dd1d);
            value ^= value >> 29;
        }
        black_box(value)
    }
}

fn calibrate() -> f64 {
    let trial = Spin { steps: 2_000_000 };
    let fastest = (0..7).map(|seed| {
        let start = Instant::now();
        trial.run(seed);
        start.elapsed()
    });
    let fastest = fastest.min().unwrap_or(Duration::from_millis(1));
    trial.steps as f64 / fastest.as_nanos() as f64
}

/// An endless stream of scattered numbers, the same in every run (splitmix64).
#[derive(Clone, Debug)]
pub struct Scramble(pub u64);

impl Iterator for Scramble {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Some(z ^ (z >> 31))
    }
}

/// Runs `work` on `threads` threads at once, all starting together, and waits for them.
pub fn on_threads(threads: usize, work: impl Fn(usize) + Sync) {
    let start = Barrier::new(threads);
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let (start, work) = (&start, &work);
            scope.spawn(move || {
                start.wait();
                work(thread);
            });
        }
    });
}

/// As [`on_threads`], each thread on a processor of its own where the system lets it choose: of two new threads that have much to do at once,
/// the system may let both take turns on one processor for longer than a round lasts. For work that starts no threads, which would be kept there, too.
pub fn on_processors(threads: usize, work: impl Fn(usize) + Sync) {
    on_threads(threads, |thread| {
        stay_on(thread);
        work(thread);
    });
}

/// Keeps this thread on the processor with this number among those that it may run on.
#[cfg(target_os = "linux")]
fn stay_on(nth: usize) {
    let size = size_of::<libc::cpu_set_t>();
    // SAFETY: a set of processors consists of bits, which may all be zero.
    let mut allowed: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: the system writes no more than the size says.
    if unsafe { libc::sched_getaffinity(0, size, &raw mut allowed) } != 0 {
        return;
    }
    // SAFETY: the numbers lie in the set.
    let mut those = (0..libc::CPU_SETSIZE as usize).filter(|number| unsafe { libc::CPU_ISSET(*number, &allowed) });
    let Some(number) = those.nth(nth) else { return };
    // SAFETY: as above.
    let mut own: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: as above.
    unsafe { libc::CPU_SET(number, &mut own) };
    // SAFETY: the system reads no more than the size says. Where it refuses, the thread runs anywhere.
    let _ = unsafe { libc::sched_setaffinity(0, size, &raw const own) };
}

#[cfg(not(target_os = "linux"))]
fn stay_on(_: usize) {}
