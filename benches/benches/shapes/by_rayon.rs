//! What rayon itself gains on the two fans, whose calls need no cache: what a pool whose threads sleep can give on the machine.

use std::time::Duration;

use rayon::prelude::*;
use speedup_benches::black_box;

const MICRO: Duration = Duration::from_micros(1);

fn member(n: u64, time: Duration) -> u64 {
    crate::work_for(time);
    n
}

fn alone(time: Duration) {
    black_box((0..1_000).map(|n| member(n, time)).sum::<u64>());
}

fn together(time: Duration) {
    black_box((0..1_000_u64).into_par_iter().map(|n| member(n, time)).sum::<u64>());
}

/// Stand among the shapes, below the fans.
pub(crate) fn rows() -> Vec<crate::Row> {
    let row = |name, sequential, cached| crate::Row { family: "shapes", name, sequential, cached };
    vec![
        row("rayon_fan_of_1_us", || alone(MICRO), || together(MICRO)),
        row("rayon_fan_of_100_ns", || alone(MICRO / 10), || together(MICRO / 10)),
    ]
}
