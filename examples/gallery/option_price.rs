//! The price of an American put option, in a binomial tree; its keys are numbers, its values floats.

use speedup::cache;

use super::show::{Outcome, Shown, check, ratio, show, timed};

/// The value after `step` steps, `ups` of which went up. The option's terms are passed on; floats are keys by their bits.
#[cache]
fn value(terms: (f64, f64, f64, f64, u32), step: u32, ups: u32) -> f64 {
    let (spot, strike, up, discount, steps) = terms;
    let exercised = (strike - spot * up.powi(2 * ups as i32 - step as i32)).max(0.0);
    if step == steps {
        return exercised;
    }
    let chance = (1.0 / discount - 1.0 / up) / (up - 1.0 / up);
    let held = chance * value(terms, step + 1, ups + 1) + (1.0 - chance) * value(terms, step + 1, ups);
    exercised.max(discount * held)
}

/// The loop from the last step back.
fn by_hand((spot, strike, up, discount, steps): (f64, f64, f64, f64, u32)) -> f64 {
    let chance = (1.0 / discount - 1.0 / up) / (up - 1.0 / up);
    let exercised = |step: u32, ups: u32| (strike - spot * up.powi(2 * ups as i32 - step as i32)).max(0.0);
    let mut values: Vec<f64> = (0..=steps).map(|ups| exercised(steps, ups)).collect();
    for step in (0..steps).rev() {
        values = (0..=step)
            .map(|ups| {
                let held = chance * values[ups as usize + 1] + (1.0 - chance) * values[ups as usize];
                exercised(step, ups).max(discount * held)
            })
            .collect();
    }
    values[0]
}

/// A year, 5 % interest, 20 % volatility, at the money.
pub(crate) fn run(quick: bool) -> Outcome<Shown> {
    let steps = if quick { 60 } else { 1_000 };
    let years = 1.0 / f64::from(steps);
    let terms = (100.0, 100.0, (0.2 * years.sqrt()).exp(), (-0.05 * years).exp(), steps);
    let (price, cached) = timed(|| value(terms, 0, 0));
    let (wanted, table) = timed(|| by_hand(terms));
    check(price.to_bits() == wanted.to_bits(), "the loop gives the same to the last bit")?;
    check((price - 6.09).abs() < 0.05, "6.09, as is known")?;
    Ok(Shown::new(
        format!("{steps} steps, a price of {price:.4}"),
        format!("{}, {:.1} times the loop by hand", show(cached), ratio(cached, table)),
    ))
}
