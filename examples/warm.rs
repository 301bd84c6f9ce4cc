//! Results that are there in the next run: the area of the Mandelbrot set, by tiles. Run it twice.
//!
//! ```text
//! cargo run --release --example warm               a second run is instant
//! cargo run --release --example warm -- --forget   begins anew
//! ```

#![allow(clippy::print_stdout, reason = "an example shows its results")]

use std::{
    path::PathBuf,
    sync::OnceLock,
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};
use speedup::cache;

/// A tile is cut in four so often.
const DEPTH: u32 = 5;
/// A tile that is not cut has so many points a side.
const SIDE: u32 = 48;
/// The set lies in a square of this side, whose lower left corner is here.
const WIDTH: f64 = 2.5;
const LEFT: f64 = -2.0;
const BOTTOM: f64 = -1.25;

static FOLDER: OnceLock<PathBuf> = OnceLock::new();
static PROGRESS: OnceLock<ProgressBar> = OnceLock::new();

/// How many points of a tile belong to the set; the four parts of a tile are computed side by side.
#[cache(disk = FOLDER.get().expect("the folder is chosen first"))]
fn points(depth: u32, x: u32, y: u32) -> u64 {
    if depth == 0 {
        return points_of_a_small_tile(x, y);
    }
    let (left, low) = (2 * x, 2 * y);
    points(depth - 1, left, low)
        + points(depth - 1, left + 1, low)
        + points(depth - 1, left, low + 1)
        + points(depth - 1, left + 1, low + 1)
}

/// Looks at each point, up to two thousand steps.
fn points_of_a_small_tile(x: u32, y: u32) -> u64 {
    let step = WIDTH / f64::from(SIDE << DEPTH);
    let inside = |column: u32, row: u32| {
        let a = LEFT + step * f64::from(x * SIDE + column);
        let b = BOTTOM + step * f64::from(y * SIDE + row);
        let (mut re, mut im) = (0.0, 0.0);
        for _ in 0..2_000 {
            (re, im) = (re * re - im * im + a, 2.0 * re * im + b);
            if re * re + im * im > 4.0 {
                return false;
            }
        }
        true
    };
    let found = (0..SIDE).flat_map(|column| (0..SIDE).filter(move |row| inside(column, *row))).count();
    if let Some(progress) = PROGRESS.get() {
        progress.inc(1);
    }
    found as u64
}

/// What a run has come to.
pub(crate) struct Outcome {
    /// The area of the set: 1.5066 (Förstemann 2012), and a little more at this resolution.
    pub(crate) area: f64,
    /// Tiles that were computed in this run, and those that were found on disk.
    pub(crate) computed: u64,
    pub(crate) found: u64,
    pub(crate) took: Duration,
}

/// Computes the area, or looks it up; results lie in `folder`. `depth` is at most [`DEPTH`]: fewer tiles for a test.
pub(crate) fn run(folder: PathBuf, depth: u32) -> Result<Outcome, speedup::store::Error> {
    let _ = FOLDER.set(folder);
    let began = Instant::now();
    let inside = points(depth, 0, 0);
    let took = began.elapsed();
    POINTS.flush()?;
    let step = WIDTH / f64::from(SIDE << DEPTH);
    let stats = POINTS.stats();
    Ok(Outcome { area: inside as f64 * step * step, computed: stats.misses, found: stats.store_hits, took })
}

pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::temp_dir().join("speedup-warm");
    if std::env::args().any(|argument| argument == "--forget") && folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    let style = ProgressStyle::with_template("{bar:40} {pos} of {len} tiles, {elapsed}")?;
    let progress = PROGRESS.get_or_init(|| ProgressBar::new(1 << (2 * DEPTH)).with_style(style));
    let outcome = run(folder.clone(), DEPTH)?;
    progress.finish();
    let Outcome { area, computed, found, took } = outcome;
    println!(
        "The Mandelbrot set has an area of {area:.4}: {computed} tiles computed, {found} found on disk, {took:.1?}."
    );
    println!("{}", speedup::report());
    match computed {
        0 => println!("All of it came from {}.", folder.display()),
        _ => println!("Run it again: the results lie in {}.", folder.display()),
    }
    Ok(())
}
