//! The promises of a cache under load: once per key, no deadlock, cycles and panics that reach everybody.
//!
//! Every test runs on pools of 1, 2, 4 and 8 threads with callers inside and outside of them, and under a watchdog. The
//! short form runs by default; `SPEEDUP_STRESS_ROUNDS=20` makes every test twenty times as long.

#[macro_use]
mod harness;

mod changes;
mod cycles;
mod panics;
mod rayon_bodies;
mod shapes;
mod tasks;
mod users_code;
