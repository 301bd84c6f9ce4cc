//! Attributes beside ours.

use std::panic::Location;
use std::thread;

use speedup::cache;

#[cache]
#[track_caller]
fn tracked(_n: u64) -> &'static str {
    Location::caller().file()
}

#[cache]
#[cfg_attr(all(), track_caller, must_use)]
fn tracked_on_condition(_n: u64) -> &'static str {
    Location::caller().file()
}

#[test]
fn a_tracked_caller_is_in_the_users_code() {
    assert_eq!((tracked(1), tracked_on_condition(1)), (file!(), file!()));
}

#[cache]
#[cfg(any())]
fn absent(_n: u64) -> u64 {
    0
}

#[cache]
#[must_use]
#[doc(hidden)]
#[cold]
#[cfg_attr(all(), allow(unused_variables), inline(never))]
#[cfg_attr(all(), deprecated, doc(hidden))]
fn adorned(n: u64, unused: u64) -> u64 {
    n
}

#[test]
#[allow(deprecated)]
fn attributes_go_where_they_belong() {
    assert_eq!((adorned(1, 2), ADORNED.len()), (1, 1));
}

#[cache]
fn asked_by_many(n: u64) -> u64 {
    if n < 2 { n } else { asked_by_many(n - 1) + asked_by_many(n - 2) }
}

#[test]
fn tests_that_run_side_by_side_share_a_function() {
    let threads: Vec<_> = (0..4).map(|_| thread::spawn(|| asked_by_many(60))).collect();
    for thread in threads {
        assert_eq!(thread.join().unwrap(), 1_548_008_755_920);
    }
    assert_eq!(ASKED_BY_MANY.len(), 61);
}

/// What is forbidden stays so.
mod forbidding {
    #![forbid(unreachable_pub, unsafe_code, dead_code, unused_variables)]

    use speedup::{buffer, cache};

    pub(crate) struct Inside;

    impl Inside {
        #[cache]
        pub(crate) fn twice(n: u64) -> u64 {
            n * 2
        }

        #[buffer]
        pub(crate) fn count() -> impl Iterator<Item = u64> {
            0..9
        }
    }
}

#[test]
fn lints_can_be_forbidden() {
    use forbidding::Inside;
    assert_eq!((Inside::twice(2), Inside::TWICE.len(), Inside::count().nth(3), Inside::COUNT[4]), (4, 1, Some(3), 4));
}

/// Beside functions whose body is a closure.
mod in_context {
    use speedup::cache;

    #[cache(skip(context))]
    #[cfg(not(any()))]
    #[track_caller]
    #[allow(unused_variables)]
    #[must_use]
    pub(super) fn skipping(n: u64, context: &str) -> &'static str {
        std::panic::Location::caller().file()
    }

    pub(super) struct Inside(pub(super) u64);

    impl Inside {
        #[cache(skip(self))]
        #[track_caller]
        #[doc(hidden)]
        #[cfg_attr(all(), allow(unused_variables), inline(never))]
        pub(super) fn method(&self, n: u64) -> u64 {
            n
        }

        #[cache(scoped)]
        #[cold]
        #[inline]
        pub(super) fn scoped(&self, n: u64) -> u64 {
            if n == 0 { self.0 } else { self.scoped(n - 1) + self.scoped(n - 1) }
        }
    }
}

#[test]
fn attributes_go_beside_every_form() {
    use in_context::*;
    assert_eq!((skipping(1, "a"), SKIPPING.len()), (file!(), 1));
    assert_eq!((Inside(1).method(2), Inside::METHOD.len(), Inside(3).scoped(4)), (2, 1, 48));
}
