//! Types of the user's own in keys and results, where the expansion names them: made by macros, local to a body, with lifetimes and parameters.

#![deny(warnings)]

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::hash::Hash;

use speedup::cache;

#[derive(Hash, PartialEq, Eq, Clone, Debug)]
pub(crate) struct Own(u64);

/// It has nothing but what a result needs.
#[derive(Clone)]
struct Bare;

macro_rules! passes {
    ($name:ident, $ty:ty) => {
        #[cache]
        fn $name(value: $ty, n: u64) -> Option<$ty> {
            (n > 0).then_some(value)
        }
    };
}

macro_rules! passes_own {
    ($name:ident) => {
        passes!($name, $crate::types::Own);
    };
}

passes_own!(own);
passes!(text, &'static str);

#[test]
fn types_that_a_macro_was_given() {
    assert_eq!((own(Own(1), 1), own(Own(1), 0), text("one", 1)), (Some(Own(1)), None, Some("one")));
    assert_eq!((OWN.peek(&(Own(1), 1)), TEXT.len()), (Some(Some(Own(1))), 1));
}

#[cache]
fn fails(text: Cow<'static, str>, map: &BTreeMap<u64, Own>) -> Result<Own, Bare> {
    map.get(&(text.len() as u64)).cloned().ok_or(Bare)
}

#[test]
fn a_result_and_a_lent_argument() {
    let map = BTreeMap::from([(1, Own(7))]);
    assert!(fails("a".into(), &map).is_ok_and(|own| own == Own(7)) && fails("ab".into(), &map).is_err());
    assert_eq!(FAILS.len(), 1);
}

struct Lent<'a>(&'a str);

impl Lent<'_> {
    #[cache]
    fn depth(own: Own, n: u64) -> Own {
        if n == 0 { own } else { Self::depth(Own(own.0 + 1), n - 1) }
    }

    #[cache(scoped)]
    fn scoped(&self, own: Own, n: u64) -> Own {
        if n == 0 { Own(own.0 + self.0.len() as u64) } else { self.scoped(Own(own.0 + 1), n - 1) }
    }

    #[cache(skip(self))]
    fn skips(&self, own: &Own, n: u64) -> Own {
        if n == 0 { own.clone() } else { self.skips(&Own(own.0 + 1), n - 1) }
    }
}

#[test]
fn beside_lifetimes() {
    let lent = Lent("abc");
    assert_eq!((Lent::depth(Own(1), 4), lent.scoped(Own(1), 4), lent.skips(&Own(1), 4)), (Own(5), Own(8), Own(5)));
    let handle: &'static speedup::Cache<(Own, u64), Own> = Lent::DEPTH;
    assert_eq!(handle.len(), 5);
}

#[cache]
fn twice<T: Hash + Eq + Clone + Send + Sync + 'static>(value: T, own: Own, n: u64) -> Option<T> {
    if n == 0 {
        return None;
    }
    twice(value.clone(), Own(n), n - 1)
        .or(twice(value.clone(), Own(n + 1), n - 1))
        .or(Some(value).filter(|_| own.0 > 2))
}

struct Pair<T>(T);

impl<T: Hash + Eq + Clone + Send + Sync + 'static> Pair<T> {
    #[cache]
    fn of(first: T, own: Own) -> Option<T> {
        (own.0 > 1).then_some(first)
    }

    #[cache(skip(self))]
    fn method(&self, other: &T, own: Own) -> bool {
        self.0 == *other || own.0 > 1
    }
}

/// It knows what `twice` asks for by the bounds alone.
fn known<T: Hash + Eq + Clone + Send + Sync + 'static>() -> usize {
    TWICE::<T>().len()
}

#[test]
fn of_type_parameters() {
    assert_eq!((twice("a", Own(3), 3), twice(1_u8, Own(1), 1)), (Some("a"), None));
    // `None` is not kept.
    assert!(known::<&str>() > 0 && known::<u8>() == 0);
    assert_eq!((Pair::of('a', Own(2)), Pair::<char>::OF().len()), (Some('a'), 1));
    assert!(Pair('a').method(&'a', Own(1)) && Pair('a').method(&'b', Own(2)));
}

#[test]
fn local_to_a_body() {
    #[derive(Hash, PartialEq, Eq, Clone)]
    struct Local(u8);
    #[cache]
    fn next(local: Local, floats: (f64, u32)) -> Option<Local> {
        (floats.0 > 0.5).then_some(Local(local.0 + floats.1 as u8))
    }
    assert!(next(Local(1), (1.0, 2)).is_some_and(|local| local.0 == 3) && next(Local(1), (0.0, 2)).is_none());
    assert_eq!(NEXT.len(), 1);
}
