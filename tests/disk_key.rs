//! `#[derive(Key)]`: keys of one's own, in the order of `#[derive(Ord)]`.

#![cfg(all(feature = "macros", feature = "disk"))]

use std::collections::BTreeSet;

use proptest::prelude::*;
use speedup::disk::{DiskDict, EncodeKey, Error, Key};

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Key)]
struct Place {
    country: String,
    number: Option<i32>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Key)]
struct Pair<A, B: Clone>(A, B);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Key)]
struct Unit;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Key)]
enum Level {
    Low = -3,
    Middle,
    High = 0x10,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Key)]
enum Event<T>
where
    T: Clone,
{
    Nothing,
    At(u8, T),
    Between { out: i16, input: Level },
    Of(Pair<Vec<u8>, Unit>),
}

fn level() -> impl Strategy<Value = Level> {
    prop_oneof![Just(Level::Low), Just(Level::Middle), Just(Level::High)]
}

fn event() -> impl Strategy<Value = Event<String>> {
    prop_oneof![
        Just(Event::Nothing),
        (any::<u8>(), "[a-c\0]{0,3}").prop_map(|(number, text)| Event::At(number, text)),
        (any::<i16>(), level()).prop_map(|(out, input)| Event::Between { out, input }),
        prop::collection::vec(0_u8..3, 0..4).prop_map(|bytes| Event::Of(Pair(bytes, Unit))),
    ]
}

fn place() -> impl Strategy<Value = Place> {
    ("[a-b]{0,2}", any::<Option<i32>>()).prop_map(|(country, number)| Place { country, number })
}

fn bytes(key: &impl EncodeKey) -> Vec<u8> {
    let mut out = Vec::new();
    key.encode_key(&mut out);
    out
}

fn check<K: Key + Ord + std::fmt::Debug>(a: &K, b: &K) {
    let (raw_a, raw_b) = (bytes(a), bytes(b));
    assert_eq!(raw_a.cmp(&raw_b), a.cmp(b), "{a:?} {b:?}");
    let joined = [raw_a, raw_b].concat();
    let mut rest = joined.as_slice();
    assert_eq!(K::decode_key(&mut rest).as_ref(), Some(a));
    assert_eq!(K::decode_key(&mut rest).as_ref(), Some(b));
    assert!(rest.is_empty());
}

proptest! {
    #[test]
    fn enums_sort_on_disk_as_in_memory(a in event(), b in event()) {
        check(&a, &b);
    }

    #[test]
    fn structs_sort_on_disk_as_in_memory(a in place(), b in place(), c in level(), d in level()) {
        check(&a, &b);
        check(&Pair(c, a), &Pair(d, b));
    }
}

#[test]
fn a_dict_holds_keys_of_ones_own() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut dict = DiskDict::<Event<String>, u32>::builder("d").location(folder.path()).open().expect("it opens");
    let keys = BTreeSet::from([
        Event::Of(Pair(vec![1], Unit)),
        Event::Nothing,
        Event::At(7, "x".into()),
        Event::Between { out: -1, input: Level::High },
    ]);
    for (number, key) in (0..).zip(keys.iter().rev()) {
        dict.insert(key.clone(), number).expect("it is stored");
    }
    let found: Vec<Event<String>> = dict.keys().collect::<Result<_, _>>().expect("it is read");
    assert!(found.iter().eq(&keys));
    assert_eq!(dict.get(&Event::Nothing).expect("it is read"), Some(3));
}

#[test]
fn no_bytes_but_its_own_are_a_value() {
    assert_eq!(Level::decode_key(&mut [3].as_slice()), None);
    assert_eq!(Level::decode_key(&mut [].as_slice()), None);
    assert_eq!(Level::decode_key(&mut [2].as_slice()), Some(Level::High));
    assert_eq!(Event::<u8>::decode_key(&mut [1, 5].as_slice()), None);
}

mod later {
    #[derive(Debug, speedup::disk::Key)]
    pub(crate) enum Level {
        Low,
        High,
        Middle,
    }

    #[derive(Debug, speedup::Key)]
    pub(crate) struct Place {
        pub(crate) name: String,
        pub(crate) index: Option<i32>,
    }
}

#[test]
fn variants_in_another_order_are_another_key_and_fields_of_other_names_are_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut levels = DiskDict::<Level, u8>::builder("l").location(folder.path()).open().expect("it opens");
    levels.insert(Level::Low, 1).expect("it is stored");
    levels.close().expect("it closes");
    let other = DiskDict::<later::Level, u8>::builder("l").location(folder.path()).open();
    assert!(matches!(other, Err(Error::WrongType { part: "key", .. })), "{other:?}");

    let mut places = DiskDict::<Place, u8>::builder("p").location(folder.path()).open().expect("it opens");
    places.insert(Place { country: "it".into(), number: Some(7) }, 1).expect("it is stored");
    places.close().expect("it closes");
    let same = DiskDict::<later::Place, u8>::builder("p").location(folder.path()).open().expect("it opens");
    let (found, _) = same.first().expect("it is read").expect("there is one");
    assert_eq!((found.name.as_str(), found.index), ("it", Some(7)));
    let _ = [later::Level::Low, later::Level::High, later::Level::Middle];
}
