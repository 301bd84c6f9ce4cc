//! Names that are already somebody's.

use speedup::{buffer, cache};

/// Types of one's own under names of the standard library.
mod own_types {
    use speedup::cache;

    #[derive(Clone, Debug, PartialEq)]
    pub(crate) struct Result<T>(pub(crate) T);
    #[derive(Clone, Debug, PartialEq)]
    pub(crate) struct Option(pub(crate) u64);
    #[derive(Clone, Debug, PartialEq, Eq, Hash)]
    pub(crate) struct Path(pub(crate) u64);
    // Neither has `Debug`.
    #[derive(Clone, PartialEq, Eq, Hash)]
    pub(crate) struct String(pub(crate) u64);
    #[derive(Clone, PartialEq, Eq, Hash)]
    pub(crate) struct Vec<T>(pub(crate) T);

    #[cache]
    pub(crate) fn result(n: u64) -> Result<u64> {
        Result(n)
    }

    #[cache]
    pub(crate) fn option(n: u64) -> Option {
        Option(n)
    }

    #[cache]
    pub(crate) fn path(path: &Path) -> u64 {
        path.0
    }

    #[cache]
    pub(crate) fn others(string: String, vec: Vec<u64>) -> u64 {
        string.0 + vec.0
    }
}

#[test]
fn types_under_well_known_names_are_ones_own() {
    use own_types::*;
    assert_eq!((result(1), option(2)), (Result(1), Option(2)));
    assert_eq!((RESULT.len(), OPTION.len()), (1, 1));
    assert_eq!((path(&Path(3)), PATH.peek(&(Path(3),))), (3, Some(3)));
    assert_eq!(others(String(1), Vec(2)), 3);
}

/// Those of the standard library, by their short names and by an alias.
mod std_types {
    use std::ffi::OsStr;
    use std::path::Path;

    use speedup::cache;

    type Answer = Result<u64, String>;

    #[cache]
    pub(crate) fn length(path: &Path, name: &OsStr) -> usize {
        path.as_os_str().len() + name.len()
    }

    #[cache]
    pub(crate) fn answer(n: u64) -> Answer {
        n.checked_sub(1).ok_or_else(String::new)
    }

    #[cache]
    pub(crate) fn maybe(n: u64) -> Option<u64> {
        n.checked_sub(1)
    }
}

#[test]
fn types_of_the_standard_library_are_known_by_what_they_are() {
    use std_types::*;
    assert_eq!(length("ab".as_ref(), "c".as_ref()), 3);
    assert!(LENGTH.contains(&("ab".into(), "c".into())));
    assert_eq!((answer(0).is_err(), answer(1), ANSWER.len()), (true, Ok(0), 1));
    assert_eq!((maybe(0), maybe(1), MAYBE.len()), (None, Some(0), 1));
}

/// What everybody has is shadowed.
mod shadowed {
    #![allow(dead_code, unused_imports)]
    use ::speedup::cache;

    pub(crate) mod speedup {}
    pub(crate) mod std {}
    pub(crate) mod core {}
    pub(crate) enum Shadow {
        Some,
        None,
        Ok,
        Err,
    }
    pub(crate) use self::Shadow::*;
    #[derive(Clone)]
    pub(crate) struct Clone;
    pub(crate) struct Cache;
    pub(crate) const STATE: usize = 2;

    #[cache]
    pub(crate) fn sized(n: u64) -> [u64; STATE] {
        [n; STATE]
    }

    #[cache]
    pub(crate) fn text(text: &str, call_0: u64, key: u64, value: u64) -> usize {
        let call_1 = if call_0 == 0 { 0 } else { self::text(text, call_0 - 1, key, value) + text.len() };
        let state = STATE - 2;
        call_1 + state
    }
}

#[test]
fn shadowed_names_are_left_alone() {
    assert_eq!(shadowed::sized(3), [3, 3]);
    assert_eq!(shadowed::text("ab", 3, 0, 0), 6);
}

/// Methods for everything.
trait Everywhere {
    fn show(&self) -> u64 {
        1
    }
    fn keep(&self) -> u64 {
        2
    }
    fn compare(&self) -> u64 {
        3
    }
    fn sequential(&self) -> u64 {
        4
    }
    fn size(&self) -> u64 {
        5
    }
}

impl<T: ?Sized> Everywhere for T {}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Opaque(u64);

type Alias = Option<u64>;

#[cache(sequential)]
fn opaque(opaque: Opaque) -> Alias {
    opaque.0.checked_sub(1)
}

#[buffer(size = 3)]
fn opaques() -> impl Iterator<Item = Opaque> {
    (0..3).map(Opaque)
}

#[test]
fn a_trait_for_everything_takes_no_methods_over() {
    assert_eq!((opaque(Opaque(0)), opaque(Opaque(1)), OPAQUE.len()), (None, Some(0), 1));
    assert_eq!(OPAQUES.get(2).map(|opaque| opaque.0), Some(2));
    assert_eq!(1.show() + 1.keep() + 1.compare() + 1.sequential() + 1.size(), 15);
}

#[cache]
#[allow(clippy::duplicate_underscore_argument)]
fn twins(n: u64, _n: u64, __n: u64) -> u64 {
    n
}

#[cache]
#[allow(non_snake_case)]
fn upper(_N: u64) -> u64 {
    _N
}

#[cache(name = r#type)]
fn raw(r#fn: u64) -> u64 {
    if r#fn == 0 { 0 } else { raw(r#fn - 1) + 1 }
}

#[cache(name = FFT_CACHE)]
#[allow(non_snake_case)]
fn FFT(n: u64) -> u64 {
    n
}

#[cache(name = 缓存)]
fn 斐波那契(n: u64) -> u64 {
    if n < 2 { n } else { 斐波那契(n - 1) + 斐波那契(n - 2) }
}

#[test]
fn names_that_are_hard_to_tell_apart_are_told_apart() {
    assert_eq!((twins(1, 2, 3), upper(4), raw(5), FFT(6), 斐波那契(7)), (1, 4, 5, 6, 13));
    assert_eq!((TWINS.len(), r#type.len(), FFT_CACHE.len(), 缓存.len()), (1, 6, 1, 8));
}

const LIMIT: u64 = 3;

/// It has no handle, and so none that could be called as the constant is.
#[cache(scoped)]
fn limit(n: u64) -> u64 {
    if n == 0 { LIMIT } else { limit(n - 1) + 1 }
}

#[test]
fn what_has_no_handle_clashes_with_no_constant() {
    assert_eq!(limit(4), 7);
}
