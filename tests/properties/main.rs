//! With the attribute removed a function gives the same results: each shape is written once and compiled three times,
//! plainly, under `#[cache]` and under `#[cache(sequential)]`.

mod forecasts;
mod textbook;
mod traps;
