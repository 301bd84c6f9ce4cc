//! Why a function gains less than two threads could give.

const REASONS: &[(&str, &str)] = &[
    ("ackermann", "a call needs the result of another"),
    ("collatz", "one call at a time"),
    ("euclid_game", "`any` may stop before a call"),
    ("chain_of_dear_arguments", "a chain; not to be slower is all it can do"),
];

/// The reason, if one is known.
pub(crate) fn of(name: &str) -> &'static str {
    REASONS.iter().find(|(of, _)| *of == name).map_or("", |(_, reason)| reason)
}
