//! What a hundred buffers cost when nobody reads.

use std::{fs, time::Duration};

use speedup::{Buffer, Window};
use speedup_benches::{Bars, Limit, Spin, black_box, machine};

pub fn run(bars: &mut Bars) {
    hundred(bars);
    window(bars);
}

fn hundred(bars: &mut Bars) {
    let work = "100 buffers idle for one second";
    let spin = Spin::of(Duration::from_micros(20));
    let buffers: Vec<_> = (0..100_u64).map(|seed| Buffer::from_iter((seed..).map(move |n| spin.run(n)))).collect();
    for buffer in &buffers {
        assert_eq!(buffer.iter().take(100).count(), 100);
    }
    // What was asked for in advance is made first.
    std::thread::sleep(Duration::from_millis(100));
    let (threads, before) = (threads(), processor_ticks());
    std::thread::sleep(Duration::from_secs(1));
    let ticks = processor_ticks() - before;
    println!("### {work}\n\n{threads} threads, {ticks} ticks of processor time (100 a second)\n");
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    bars.check(work, "threads", threads as f64, Limit::AtMost((cores + 1) as f64));
    bars.check(work, "ticks of processor time", ticks as f64, Limit::AtMost(1.0));
    black_box(buffers);
}

fn window(bars: &mut Bars) {
    let work = "Window over 100 million values";
    machine::reset_peak();
    let Some(before) = machine::resident() else { return };
    let start = std::time::Instant::now();
    let window = Window::from_iter(0_u64.., 1_000);
    let last = window.iter().take(100_000_000).last();
    assert_eq!(last, Some(Ok(99_999_999)));
    let nanoseconds = start.elapsed().as_nanos() as f64 / 1e8;
    let grown = machine::peak().unwrap_or(before).saturating_sub(before) as f64 / f64::from(1 << 20);
    println!("### {work}\n\n{nanoseconds:.2} ns a value, {grown:.2} MiB more than before\n");
    bars.check(work, "MiB", grown, Limit::AtMost(4.0));
}

/// Threads of the process (Linux; elsewhere 0).
fn threads() -> usize {
    fs::read_dir("/proc/self/task").map_or(0, Iterator::count)
}

/// User and system time of the process in clock ticks (Linux; elsewhere 0).
fn processor_ticks() -> u64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or("").split(' ').collect();
    let field = |index: usize| fields.get(index).and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
    field(11) + field(12)
}
