//! The crate under another name, and re-exported by another crate.

mod my {
    pub(crate) use quick as speedup;
}

/// Not ours: what is generated must not go through here.
mod speedup {}

#[quick::cache(crate = quick)]
fn fibonacci(n: u64) -> u64 {
    if n < 2 { n } else { fibonacci(n - 1) + fibonacci(n - 2) }
}

#[quick::cache(crate = my::speedup, name = LENGTHS)]
fn length(text: &str, _x: f64) -> Result<usize, String> {
    if text.is_empty() { Err(String::new()) } else { Ok(text.len()) }
}

#[derive(Clone)]
struct Opaque(u64);

impl Opaque {
    #[my::speedup::cache(crate = crate::my::speedup)]
    fn twice(n: u64) -> u64 {
        if n == 0 { 0 } else { Self::twice(n - 1) + 2 }
    }

    #[my::speedup::buffer(crate = crate::my::speedup)]
    fn all() -> Opaque {
        for n in 0..5 {
            yield_!(Opaque(n));
        }
    }
}

#[quick::buffer(size = 4, crate = ::quick, halt = Attempts(3))]
fn count(from: u64) -> impl Iterator<Item = u64> {
    from..
}

#[derive(quick::Key, PartialEq, Debug)]
#[key(crate = my::speedup)]
struct Place {
    street: String,
    number: u32,
}

#[test]
fn attributes_find_the_crate_where_it_is() {
    assert_eq!((fibonacci(20), FIBONACCI.len()), (6765, 21));
    assert_eq!((length("ab", 1.5), length("", 0.5).is_err(), LENGTHS.len()), (Ok(2), true, 1));
    assert_eq!((Opaque::twice(4), Opaque::ALL.get(3).map(|opaque| opaque.0), count(3).nth(2)), (8, Some(3), Some(5)));
}

#[test]
fn a_key_finds_the_crate_where_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let mut places = quick::DiskDict::<Place, u64>::builder("places").location(folder.path()).open().unwrap();
    places.insert(Place { street: "Elm".to_owned(), number: 1 }, 7).unwrap();
    assert_eq!(places.first().unwrap(), Some((Place { street: "Elm".to_owned(), number: 1 }, 7)));
}

/// A macro of a crate that depends on `speedup` names it by `$crate`.
macro_rules! memoized {
    ($name:ident) => {
        #[quick::cache(crate = $crate::my::speedup)]
        fn $name(n: u64) -> u64 {
            if n < 2 { n } else { $name(n - 1) + $name(n - 2) }
        }
    };
}

memoized!(made);

#[test]
fn a_macro_can_say_where_the_crate_is() {
    assert_eq!((made(10), MADE.len()), (55, 11));
}
