//! Whether a cache or a buffer is worth having, from its counts alone.

use std::{fmt, time::Duration};

use crate::seeing::{report::Kind, stats::Stats};

/// So many calls without a hit are no accident.
const ENOUGH: u64 = 16;
/// A cache of so many bytes that gets less than one hit a value grows for nothing.
const LARGE: usize = 64 << 20;

/// Whether something that is kept is worth it, see [`report`](crate::report).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Verdict {
    /// Hits cost less than the calls that they stand for; of a buffer, values were made ahead of their readers.
    Pays,
    /// A hit costs more than a call: do without.
    DoesNotPay,
    /// Nothing was ever asked for twice: do without, or look at the key.
    NeverHit,
    /// Large, without a bound, and more is put in than is asked for again: give it a `capacity` or a `ttl`.
    GrowsWithoutBound,
    /// Too little has happened, or no call was timed.
    TooEarly,
}

impl Verdict {
    /// The verdict on these counts of something that has, or has not, a bound.
    #[must_use]
    pub fn of(kind: Kind, stats: &Stats, is_bounded: bool) -> Self {
        let grows = !is_bounded && stats.estimated_bytes >= LARGE;
        if kind == Kind::Buffer {
            // What is read of it is not counted.
            return match stats.side_by_side {
                0 => Self::TooEarly,
                _ => Self::Pays,
            };
        }
        if stats.hits == 0 {
            return match stats.misses {
                _ if grows => Self::GrowsWithoutBound,
                ..ENOUGH => Self::TooEarly,
                _ => Self::NeverHit,
            };
        }
        if grows && stats.hits < stats.misses {
            return Self::GrowsWithoutBound;
        }
        match (stats.call_cost, stats.hit_cost) {
            (Some(call), Some(hit)) if hit > call => Self::DoesNotPay,
            // What it saves has to make up for the misses, each of which looks a key up and puts a value in as well.
            (Some(call), Some(hit)) => {
                let gain = (call - hit).as_nanos() * u128::from(stats.hits);
                let loss = (hit * 2).max(Duration::from_nanos(1)).as_nanos() * u128::from(stats.misses);
                if gain >= loss { Self::Pays } else { Self::DoesNotPay }
            }
            _ => Self::TooEarly,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(match self {
            Self::Pays => "pays",
            Self::DoesNotPay => "does not pay: a hit costs more than a call",
            Self::NeverHit => "never hit",
            Self::GrowsWithoutBound => "grows without bound",
            Self::TooEarly => "too early to say",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(hits: u64, misses: u64, call: u64, hit: u64) -> Stats {
        let cost = |nanos: u64| (nanos > 0).then(|| Duration::from_nanos(nanos));
        Stats { hits, misses, call_cost: cost(call), hit_cost: cost(hit), ..Stats::default() }
    }

    #[test]
    fn the_verdict_follows_from_the_counts() {
        let table = [
            (counts(0, 0, 0, 0), Verdict::TooEarly, "nothing has happened"),
            (counts(0, 15, 900, 3), Verdict::TooEarly, "a few calls may still come again"),
            (counts(0, 16, 900, 3), Verdict::NeverHit, "nothing comes again"),
            (counts(1, 1, 900, 3), Verdict::Pays, "one hit of a dear call is enough"),
            (counts(9, 9, 0, 3), Verdict::TooEarly, "no call was timed"),
            (counts(9, 9, 900, 0), Verdict::TooEarly, "no value is there"),
            (counts(900, 1, 2, 3), Verdict::DoesNotPay, "a hit costs more than a call"),
            (counts(900, 1, 3, 3), Verdict::DoesNotPay, "as much is not less"),
            (counts(1, 900, 30, 3), Verdict::DoesNotPay, "the misses cost more than the hit saves"),
            (counts(900, 90, 30, 3), Verdict::Pays, "most calls are hits"),
        ];
        for (stats, verdict, why) in table {
            assert_eq!(Verdict::of(Kind::Cache, &stats, false), verdict, "{why}");
        }
    }

    #[test]
    fn what_is_large_and_seldom_hit_wants_a_bound() {
        let large = |hits, misses| Stats { estimated_bytes: LARGE, ..counts(hits, misses, 900, 3) };
        assert_eq!(Verdict::of(Kind::Cache, &large(10, 100), false), Verdict::GrowsWithoutBound);
        assert_eq!(Verdict::of(Kind::Cache, &large(0, 100), false), Verdict::GrowsWithoutBound);
        assert_eq!(Verdict::of(Kind::Cache, &large(200, 100), false), Verdict::Pays, "a large table that is used");
        assert_eq!(Verdict::of(Kind::Cache, &large(10, 100), true), Verdict::Pays, "it has a bound");
        let small = Stats { estimated_bytes: LARGE - 1, ..counts(10, 100, 900, 3) };
        assert_eq!(Verdict::of(Kind::Cache, &small, false), Verdict::Pays, "it is small");
    }

    #[test]
    fn a_buffer_pays_where_values_are_made_ahead() {
        assert_eq!(Verdict::of(Kind::Buffer, &Stats::default(), false), Verdict::TooEarly);
        let ahead = Stats { side_by_side: 3, ..Stats::default() };
        assert_eq!(Verdict::of(Kind::Buffer, &ahead, false), Verdict::Pays);
    }
}
