//! The promises of a cache under load: once per key, no deadlock, cycles and panics that reach everybody.
//!
//! Every test runs on pools of 1, 2, 4 and 8 threads with callers inside and outside of them, and under a watchdog. The
//! short form runs by default; `SPEEDUP_LONG=1` makes every test thirty times as long and random, `SPEEDUP_STRESS_ROUNDS=20`
//! twenty times as long, and `SPEEDUP_SEED` repeats what failed.

#[macro_use]
mod harness;

mod changes;
mod cycles;
mod graphs;
mod panics;
mod policies;
mod rayon_bodies;
mod shapes;
mod tasks;
mod users_code;
