//! Why a function gains less than two threads could give.
//!
//! What two threads would gain that came, woke and searched in no time (`shapes simulated NAME 2 free`, built with `--cfg
//! speedup_simulated`) tells calls that need each other from those that are over too soon.

const NEEDED: &str = "a call needs the result of another";
const MAY_RETURN: &str = "the loop may return behind each call";
const MAY_STOP: &str = "`any` or `||` may stop before a call";
/// Of a function of which no other reason is known.
pub(crate) const OF_THE_MACHINE: &str =
    "calls that sleep gain 1.6: the rest is what two threads of this machine cost each other";
const SHORT: &str = "over too soon: helpers take about 0.1 ms to come and to find work";

const REASONS: &[(&str, &str)] = &[
    ("ackermann", NEEDED),
    ("hofstadter", NEEDED),
    ("collatz", "one call at a time"),
    ("chain_of_dear_arguments", "a chain; not to be slower is all it can do"),
    (
        "arguments_half_the_cost",
        "half of the work is in arguments, which a forecast evaluates as well: 1.34 without any other cost",
    ),
    ("nim", MAY_RETURN),
    ("euclid_game", MAY_STOP),
    ("subset_sums", MAY_STOP),
    ("word_break", MAY_STOP),
    ("pattern_matches", MAY_STOP),
    ("tilings", "its calls need each other: 1.49 without any cost of threads"),
    ("circuit", "its calls need each other: 1.29 without any cost of threads"),
    ("critical_path", "its calls need each other: 1.50 without any cost of threads"),
    ("interleaved", "its calls need each other: 1.55 without any cost of threads"),
    ("two_players", "four calls: 1.34 without any cost of threads"),
    ("word_breaks", "the ways meet again behind each word: 1.25 without any cost of threads"),
    ("sentences", "the ways meet again behind each word: 1.25 without any cost of threads"),
    ("parenthesized", "the inner loop runs by the results of the outer one: 1.22 without any cost of threads"),
    ("fan_of_1_us", "a member costs its owner 50 ns more, and the keys are named before helpers come"),
    ("fan_of_100_ns", "over before a thread that sleeps has come, which takes 25 to 50 us"),
    ("rayon_fan_of_1_us", "as above"),
    ("rayon_fan_of_100_ns", "as above"),
    ("derangements", SHORT),
    ("triangle", SHORT),
    ("domino_rows", SHORT),
];

/// The reason, if one is known.
pub(crate) fn of(name: &str) -> &'static str {
    REASONS.iter().find(|(of, _)| *of == name).map_or("", |(_, reason)| reason)
}
