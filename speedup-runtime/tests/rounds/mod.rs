//! How far the long form of a test is, which `cargo xtask crash` runs.

use std::io::Write;

/// Says which round begins, past the harness, which keeps what is printed.
pub(crate) fn tell(what: &str, round: u64, of: u64) {
    if round.is_multiple_of(of.div_ceil(8)) && std::env::var("SPEEDUP_LONG").is_ok() {
        let _unseen = writeln!(std::io::stderr(), "{what}: round {round} of {of}");
    }
}
