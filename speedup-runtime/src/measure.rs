//! How the cost of a computation grows with its input: a question to ask before its constant.

use std::{
    fmt::{self, Write as _},
    hint::black_box,
    time::{Duration, Instant},
};

/// A class of growth, from none to hopeless.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Class {
    /// O(1).
    Constant,
    /// O(log n).
    Logarithmic,
    /// O(n).
    Linear,
    /// O(n log n).
    Linearithmic,
    /// O(n^2).
    Quadratic,
    /// O(n^3).
    Cubic,
    /// O(2^n), or to another base: two calls of a smaller size each, as in the recursion of Fibonacci, are 1.6^n.
    Exponential,
    /// O(n!).
    Factorial,
}

impl Class {
    const ALL: [Self; 8] = [
        Self::Constant,
        Self::Logarithmic,
        Self::Linear,
        Self::Linearithmic,
        Self::Quadratic,
        Self::Cubic,
        Self::Exponential,
        Self::Factorial,
    ];

    fn at(self, n: f64) -> f64 {
        match self {
            Self::Constant => 1.0,
            Self::Logarithmic => n.max(1.0).log2(),
            Self::Linear => n,
            Self::Linearithmic => n * n.max(1.0).log2(),
            Self::Quadratic => n * n,
            Self::Cubic => n * n * n,
            Self::Exponential => n.exp2(),
            // Beyond that it is no number any more.
            Self::Factorial => (1..=n.min(200.0) as u64).fold(1.0, |product, k| product * k as f64),
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Constant => "O(1)",
            Self::Logarithmic => "O(log n)",
            Self::Linear => "O(n)",
            Self::Linearithmic => "O(n log n)",
            Self::Quadratic => "O(n^2)",
            Self::Cubic => "O(n^3)",
            Self::Exponential => "O(2^n)",
            Self::Factorial => "O(n!)",
        })
    }
}

/// What was measured, and which class fits it best. Its `Display` is the class: `O(n log n)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Growth {
    class: Class,
    points: Vec<(u64, f64)>,
}

impl Growth {
    /// The class that fits best.
    pub fn class(&self) -> Class {
        self.class
    }

    /// The sizes of input and what they cost: seconds where [`growth`] measured, whatever was counted in [`fit`].
    pub fn points(&self) -> &[(u64, f64)] {
        &self.points
    }

    /// A bar for each size, as text; the longest is `width` letters.
    pub fn plot(&self, width: usize) -> String {
        let most = self.points.iter().map(|point| point.1).fold(f64::MIN_POSITIVE, f64::max);
        let mut plot = String::new();
        for (n, cost) in &self.points {
            let length = (cost / most * width as f64).round() as usize;
            let _ = writeln!(plot, "{n:>10} {}", "#".repeat(length));
        }
        plot
    }
}

impl fmt::Display for Growth {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.class.fmt(out)
    }
}

/// Runs `work` with growing inputs and tells how the time it takes grows.
///
/// The inputs are chosen so that it takes about half a second in all, and no run much more than 20 milliseconds if the work grows as it has
/// so far. What is measured is the least time of several runs, since others use the machine as well; still it is a measurement: an O(n) with
/// a large constant part looks like O(1), and what leaves a processor's cache grows faster for a while.
///
/// For numbers that are the same in each run count the steps, and ask [`fit`].
///
/// # Examples
///
/// ```
/// use speedup_runtime::measure;
///
/// let growth = measure::growth(|n| (0..n).map(|x| (0..n).filter(|y| x * y % 7 == 1).count()).sum::<usize>());
/// println!("{growth}\n{}", growth.plot(40));
/// ```
pub fn growth<T>(mut work: impl FnMut(u64) -> T) -> Growth {
    const RUN: f64 = 0.02;
    const ALL: Duration = Duration::from_millis(500);
    const LARGEST: u64 = 1 << 24;
    let start = Instant::now();
    let mut points: Vec<(u64, f64)> = Vec::new();
    let mut next = Some(2);
    while let Some(n) = next.filter(|n| *n <= LARGEST && (points.len() < 4 || start.elapsed() < ALL)) {
        // A black box each time: what is the same in each run would be moved out of the loop.
        points.push((n, least_time(|| work(black_box(n)))));
        next = next_size(&points, RUN);
    }
    // Small inputs cost what the call costs.
    let skipped = points.len().saturating_sub(10).min(points.len() / 2);
    let points = points.split_off(skipped);
    Growth { class: class_of(&points), points }
}

/// Tells the class of growth of what was counted or measured: sizes of input, and their costs.
///
/// The class is the one whose `a + b f(n)`, with neither negative, has the least relative error; of those that are about as good, the slowest
/// growing. Fewer than three different sizes tell nothing, and are [`Class::Constant`].
///
/// # Examples
///
/// ```
/// use speedup_runtime::measure::{Class, fit};
///
/// let steps = |n: u64| (0..n).map(|i| n - i).sum::<u64>() as f64;
/// assert_eq!(fit((3..10).map(|n| (1 << n, steps(1 << n)))).class(), Class::Quadratic);
/// assert_eq!(fit([(4, 16.0), (6, 64.0), (8, 256.0), (10, 1024.0)]).to_string(), "O(2^n)");
/// ```
pub fn fit(points: impl IntoIterator<Item = (u64, f64)>) -> Growth {
    let points: Vec<(u64, f64)> = points.into_iter().collect();
    Growth { class: class_of(&points), points }
}

/// The least time of some runs; short ones are measured together.
fn least_time<T>(mut work: impl FnMut() -> T) -> f64 {
    const WORTH_READING_A_CLOCK: f64 = 20e-6;
    let mut time = |runs: u32| {
        let start = Instant::now();
        for _ in 0..runs {
            black_box(work());
        }
        start.elapsed().as_secs_f64() / f64::from(runs)
    };
    let once = time(1);
    let runs = (WORTH_READING_A_CLOCK / once.max(1e-9)).ceil().clamp(1.0, 10_000.0) as u32;
    let samples = if once > 5e-3 { 1 } else { 4 };
    (0..samples).map(|_| time(runs)).fold(once, f64::min)
}

/// The next size, at most twice the last one: none if even one more would take longer than a run may, should the time grow exponentially.
///
/// How fast it has grown is seen over the last quarter of the sizes at least: between neighbours it is mostly noise.
fn next_size(points: &[(u64, f64)], longest: f64) -> Option<u64> {
    let (last, long) = *points.last()?;
    let earlier = points.iter().rev().find(|(size, _)| *size <= last - last.div_ceil(4));
    let Some((before, short)) = earlier else { return Some(last * 2) };
    let rate = (long / short.max(1e-9)).max(1.0).ln() / (last - before) as f64;
    // Eightfold at most: many points, and no leap on a guess.
    let steps = (longest / long.max(1e-9)).min(8.0).ln() / rate;
    if steps < 1.0 { None } else { Some(last + (steps as u64).clamp(1, last)) }
}

fn class_of(points: &[(u64, f64)]) -> Class {
    let mut sizes: Vec<u64> = points.iter().map(|point| point.0).collect();
    sizes.sort_unstable();
    sizes.dedup();
    if sizes.len() < 3 {
        return Class::Constant;
    }
    let errors: Vec<(Class, f64)> =
        Class::ALL.into_iter().filter_map(|class| Some((class, error(class, points)?))).collect();
    let least = errors.iter().map(|(_, error)| *error).fold(f64::INFINITY, f64::min);
    // A relative error of a few percent is noise.
    let good = errors.into_iter().find(|(_, error)| *error <= least * 1.2 + 1e-3);
    good.map_or(Class::Constant, |(class, _)| class)
}

/// The root of the mean squared relative error of the best `a + b f(n)`; `None` if `f` is no number there.
fn error(class: Class, points: &[(u64, f64)]) -> Option<f64> {
    if class == Class::Exponential {
        let bases = [1.2, 1.3, 1.4, 1.5, 1.618, 1.8, 2.0, 2.5, 3.0_f64];
        return bases.iter().filter_map(|base| error_of(|n| base.powf(n), points)).min_by(f64::total_cmp);
    }
    error_of(|n| class.at(n), points)
}

fn error_of(f: impl Fn(f64) -> f64, points: &[(u64, f64)]) -> Option<f64> {
    let largest = points.iter().map(|point| f(point.0 as f64)).fold(0.0, f64::max);
    if !largest.is_finite() || largest == 0.0 {
        return None;
    }
    let most = points.iter().map(|point| point.1).fold(0.0, f64::max);
    // Each point as (1 / cost, f / cost): what is looked for is a and b with a + b f = cost, relative to cost.
    let relative: Vec<(f64, f64)> = points
        .iter()
        .map(|(n, cost)| {
            let cost = cost.max(most * 1e-9).max(f64::MIN_POSITIVE);
            (1.0 / cost, f(*n as f64) / largest / cost)
        })
        .collect();
    let sum = |part: fn(&(f64, f64)) -> f64| relative.iter().map(part).sum::<f64>();
    let (uu, uv, vv) = (sum(|(u, _)| u * u), sum(|(u, v)| u * v), sum(|(_, v)| v * v));
    let (u, v) = (sum(|(u, _)| *u), sum(|(_, v)| *v));
    let determinant = uu * vv - uv * uv;
    let both = ((u * vv - v * uv) / determinant, (v * uu - u * uv) / determinant);
    let (a, b) = if determinant <= uu * vv * 1e-12 || both.1 < 0.0 {
        (u / uu, 0.0)
    } else if both.0 < 0.0 {
        (0.0, v / vv)
    } else {
        both
    };
    let squares: f64 = relative.iter().map(|(u, v)| (a * u + b * v - 1.0).powi(2)).sum();
    Some((squares / relative.len() as f64).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(sizes: &[u64], cost: impl Fn(f64) -> f64) -> String {
        fit(sizes.iter().map(|n| (*n, cost(*n as f64)))).to_string()
    }

    /// Noise of five percent that is the same in each run.
    fn noise(n: f64) -> f64 {
        1.0 + 0.05 * (n * 12.9898).sin()
    }

    #[test]
    fn exact_counts_are_told_apart() {
        let sizes = [8, 16, 32, 64, 128, 256, 512];
        assert_eq!(class(&sizes, |_| 7.0), "O(1)");
        assert_eq!(class(&sizes, |n| 3.0 + 3.0 * n.log2()), "O(log n)");
        assert_eq!(class(&sizes, |n| 2.0 * n), "O(n)");
        assert_eq!(class(&sizes, |n| n * n.log2()), "O(n log n)");
        assert_eq!(class(&sizes, |n| 100.0 * n * n + 40.0), "O(n^2)");
        assert_eq!(class(&sizes, |n| 5.0 * n * n * n + 8.0), "O(n^3)");
        assert_eq!(class(&[4, 6, 8, 10, 12, 14], f64::exp2), "O(2^n)");
        assert_eq!(class(&[3, 4, 5, 6, 7, 8, 9], |n| Class::Factorial.at(n)), "O(n!)");
    }

    #[test]
    fn noise_and_a_constant_part_do_not_hide_the_class() {
        let sizes = [64, 128, 256, 512, 1024, 2048, 4096, 8192];
        assert_eq!(class(&sizes, |n| 7e-9 * noise(n)), "O(1)");
        assert_eq!(class(&sizes, |n| (1e-6 + 3e-9 * n) * noise(n)), "O(n)");
        assert_eq!(class(&sizes, |n| (1e-6 + 2e-9 * n * n) * noise(n)), "O(n^2)");
        assert_eq!(class(&sizes, |n| 1e-9 * n * n * n * noise(n)), "O(n^3)");
        assert_eq!(class(&[4, 8, 12, 16, 20, 24, 28, 32], |n| (5e-9 + 2e-9 * 1.618_f64.powf(n)) * noise(n)), "O(2^n)");
        assert_eq!(class(&[2, 4, 8, 12, 16, 18, 20], |n| (5e-9 + 1e-9 * n.exp2()) * noise(n)), "O(2^n)");
    }

    #[test]
    fn what_tells_nothing_is_constant() {
        assert_eq!(fit([]).class(), Class::Constant);
        assert_eq!(fit([(1, 5.0), (1, 6.0), (9, 100.0)]).class(), Class::Constant);
        assert_eq!(fit([(1, 0.0), (2, 0.0), (3, 0.0)]).class(), Class::Constant);
        assert_eq!(fit([(1000, 1.0), (2000, 1.0), (4000, 1.0)]).class(), Class::Constant);
    }

    #[test]
    fn sizes_grow_at_most_twofold_and_stop_before_an_exponential_runs_away() {
        let time = |n: u64| 1e-9 * (n as f64).exp2();
        let mut points = vec![(2, time(2))];
        while let Some(n) = next_size(&points, 0.02) {
            assert!(n <= points.last().expect("one").0 * 2);
            assert!(time(n) < 0.05, "{n}");
            points.push((n, time(n)));
        }
        assert!(points.len() > 4, "{points:?}");
        assert_eq!(fit(points).to_string(), "O(2^n)");
    }

    #[test]
    fn neighbours_that_took_the_same_time_do_not_lead_too_far() {
        let time = |n: u64| 5e-9 * (n as f64 * 0.7).exp2();
        let points = [16, 24, 30, 31].map(|n| (n, time(n.min(30))));
        assert!(next_size(&points, 0.02).is_none_or(|n| n < 40), "{:?}", next_size(&points, 0.02));
    }

    #[test]
    fn a_measurement_has_growing_sizes() {
        let growth = growth(|n| (0..n).map(|x| x * x % 7).sum::<u64>());
        assert!(growth.points().is_sorted_by(|a, b| a.0 < b.0) && growth.points().len() >= 4, "{growth:?}");
        assert_eq!(growth.plot(10).lines().count(), growth.points().len());
    }
}
