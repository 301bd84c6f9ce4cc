//! Counters and gauges of all caches and buffers for the crate [`metrics`](::metrics).
//!
//! Nothing is told of single calls: a hit costs nothing more. What has been counted is published when you ask for it, from the same
//! numbers as [`report`](crate::report()): before each time that an exporter is read, or every few seconds.
//!
//! | counter, by `name` and `kind` | gauge |
//! |---|---|
//! | `speedup_hits_total`, `speedup_misses_total`, `speedup_computed_total`, `speedup_panics_total`, `speedup_waits_total`, `speedup_evictions_total`, `speedup_expirations_total`, `speedup_store_errors_total`, `speedup_side_by_side_total` | `speedup_entries`, `speedup_bytes`, `speedup_in_flight`, `speedup_call_seconds`, `speedup_hit_seconds`, `speedup_saved_seconds` |

use ::metrics::{Unit, counter, describe_counter, describe_gauge, gauge};

use crate::seeing::report::report;

/// The counters, each with what it counts.
const COUNTERS: [(&str, &str); 9] = [
    ("speedup_hits_total", "Calls that found their value"),
    ("speedup_misses_total", "Calls that ran the body"),
    ("speedup_computed_total", "Calls whose body has ended with a result"),
    ("speedup_panics_total", "Calls whose body panicked"),
    ("speedup_waits_total", "Calls that waited for another one"),
    ("speedup_evictions_total", "Values that went to make room for others"),
    ("speedup_expirations_total", "Values that went because they were too old"),
    ("speedup_store_errors_total", "Times that a store did not do what it was asked"),
    ("speedup_side_by_side_total", "Calls that ran on another thread than the one that needed them"),
];

/// The gauges, each with its unit and what it tells.
const GAUGES: [(&str, Unit, &str); 6] = [
    ("speedup_entries", Unit::Count, "Values held"),
    ("speedup_bytes", Unit::Bytes, "About so many bytes are taken"),
    ("speedup_in_flight", Unit::Count, "Keys that are being computed"),
    ("speedup_call_seconds", Unit::Seconds, "Mean cost of a call that runs the body"),
    ("speedup_hit_seconds", Unit::Seconds, "Cost of a call that finds its value"),
    ("speedup_saved_seconds", Unit::Seconds, "What the hits would have cost as calls, less what they have cost"),
];

/// Describes all counters and gauges to the recorder that is installed.
pub fn describe() {
    for (name, what) in COUNTERS {
        describe_counter!(name, Unit::Count, what);
    }
    for (name, unit, what) in GAUGES {
        describe_gauge!(name, unit, what);
    }
}

/// Publishes what all caches and buffers have counted so far to the recorder that is installed.
///
/// # Complexity
/// As [`report`](crate::report()).
pub fn publish() {
    for row in report().rows {
        let labels = [("name", row.name.clone()), ("kind", row.kind.to_string())];
        let stats = &row.stats;
        let counts = [
            stats.hits,
            stats.misses,
            stats.computed,
            stats.panics,
            stats.waits,
            stats.evictions,
            stats.expirations,
            stats.store_errors,
            stats.side_by_side,
        ];
        for ((name, _), count) in COUNTERS.iter().zip(counts) {
            counter!(*name, &labels).absolute(count);
        }
        let seconds = |time: Option<std::time::Duration>| time.map(|time| time.as_secs_f64());
        let values = [
            Some(stats.entries as f64),
            Some(stats.estimated_bytes as f64),
            Some(stats.in_flight as f64),
            seconds(stats.call_cost),
            seconds(stats.hit_cost),
            Some(stats.time_saved.as_secs_f64()),
        ];
        for ((name, _, _), value) in GAUGES.iter().zip(values) {
            if let Some(value) = value {
                gauge!(*name, &labels).set(value);
            }
        }
    }
}
