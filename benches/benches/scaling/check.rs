//! What must hold of every simulation. No clock is asked: time is made up, and comes out the same on every machine.

use crate::program;
use crate::recursions::ALL;
use crate::worker::run;

/// What a call works, and what it costs beside that.
const WORK: u64 = 20_000;
const CALL: u64 = 150;
/// Times faster that a recursion must get with so many workers.
const BARS: [(&str, usize, f64); 11] = [
    ("grid", 2, 1.85),
    ("grid", 4, 3.0),
    ("grid", 8, 4.5),
    ("knapsack", 2, 1.85),
    ("knapsack", 8, 4.5),
    ("graph", 2, 1.8),
    ("graph", 8, 4.5),
    ("tree", 2, 1.85),
    ("tree", 8, 5.0),
    ("fan", 2, 1.85),
    ("fan", 8, 5.5),
];

/// Checks all of it.
///
/// # Panics
/// If something does not hold.
pub fn check() {
    if !cfg!(speedup_simulated) {
        panic!("this program was not built with `--cfg speedup_simulated`");
    }
    for recursion in &ALL {
        let (size, name) = (recursion.size(), recursion.name);
        let simulate = |workers| run(&program(), recursion, WORK, workers, "none");
        let alone = simulate(1);
        assert_eq!(alone.computed, size.calls, "{name}: each key is computed once");
        let one = size.calls * (WORK + CALL);
        assert!((one..one + one / 50).contains(&alone.nanoseconds), "{name} alone: {alone:?}, the work is {one}");
        for workers in [2, 3, 8, 32] {
            let many = simulate(workers);
            assert_eq!(many.computed, size.calls, "{name} by {workers}: each key is computed once");
            let least = (one / workers as u64).max(size.longest * (WORK + CALL));
            assert!(many.nanoseconds >= least, "{name} by {workers}: {many:?} is less than can be, {least}");
            assert!(many.nanoseconds <= one + one / 10, "{name} by {workers}: {many:?} is more than alone, {alone:?}");
        }
        assert_eq!(simulate(7), simulate(7), "{name}: a simulation comes out the same each time");
    }
    for (name, workers, bar) in BARS {
        let recursion = crate::recursions::Recursion::of(name);
        let [alone, many] = [1, workers].map(|workers| run(&program(), &recursion, WORK, workers, "none").nanoseconds);
        let faster = alone as f64 / many as f64;
        assert!(faster >= bar, "{name} by {workers}: {faster:.2} times faster, less than {bar}");
    }
    println!("simulations of {} recursions hold", ALL.len());
}
