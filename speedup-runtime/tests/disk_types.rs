//! Value types: that the whole of their shape counts, how they may change, and that what cannot come back is refused.

mod copies;

use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;
use std::path::Path;

use serde::{Deserialize, Serialize};
use speedup_runtime::disk::{DiskDict, DiskList, Error, Value};

use copies::copy_all;

fn list<T: Value>(folder: &Path) -> Result<DiskList<T>, Error> {
    DiskList::builder("l").location(folder).open()
}

/// Writes a value as `A` and opens the list as `B`.
fn reopened<A: Value, B: Value>(value: A) -> Result<DiskList<B>, Error> {
    let folder = tempfile::tempdir().unwrap();
    let mut written = list::<A>(folder.path()).unwrap();
    written.push(value).unwrap();
    written.close().unwrap();
    list::<B>(folder.path())
}

fn refused<A: Value, B: Value + Debug>(value: A) -> String {
    match reopened::<A, B>(value) {
        Err(error @ Error::WrongType { part: "value", .. }) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

/// Types of one name that differ in one place.
macro_rules! versions {
    ($($module:ident { $($item:tt)* })*) => {$(
        mod $module {
            use serde::{Deserialize, Serialize};
            $($item)*
        }
    )*};
}

versions! {
    first {
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        pub(super) enum Order { Start, Stop(u32) }
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        pub(super) struct User { pub(super) name: String, pub(super) order: Order }
        #[derive(Debug, PartialEq, Serialize, Deserialize)]
        pub(super) enum Tree { Leaf, Node(Box<Tree>, Vec<Tree>), Named { name: String, below: Option<Box<Tree>> } }
    }
    other_variant {
        #[derive(Debug, PartialEq, Serialize, Deserialize)]
        pub(super) enum Order { Start, Stop(i32) }
        #[derive(Debug, PartialEq, Serialize, Deserialize)]
        pub(super) enum Tree { Leaf, Node(Box<Tree>, Vec<Tree>), Named { name: u64, below: Option<Box<Tree>> } }
    }
    more {
        #[derive(Debug, PartialEq, Serialize, Deserialize)]
        pub(super) enum Order { Start, Stop(u32), Pause { seconds: f32 } }
        #[derive(Debug, PartialEq, Serialize, Deserialize)]
        pub(super) struct User {
            pub(super) name: String,
            pub(super) order: Order,
            #[serde(default)]
            pub(super) age: Option<u8>,
        }
    }
    inserted {
        #[derive(Debug, PartialEq, Serialize, Deserialize)]
        pub(super) enum Order { Start, Pause, Stop(u32) }
    }
}

#[test]
fn another_type_in_any_variant_is_refused_and_the_place_is_named() {
    let told = refused::<_, other_variant::Order>(first::Order::Stop(1));
    assert!(told.contains("`Order.Stop` was written as `u32` and is now `i32`"), "{told}");
    let told = refused::<_, other_variant::Tree>(first::Tree::Leaf);
    assert!(told.contains("`Tree.Named.name` was written as `str` and is now `u64`"), "{told}");
    refused::<Result<u8, u32>, Result<u8, i32>>(Err(1));
    refused::<_, inserted::Order>(first::Order::Start);
    let told = refused::<_, more::User>(first::User { name: "Ada".into(), order: first::Order::Start });
    assert!(told.contains("`{name, order, age}`") && told.contains("migrate"), "{told}");
}

#[test]
fn another_type_at_any_width_and_depth_is_refused() {
    type Row<T> = (([u64; 30], [u64; 30]), ([u64; 30], [u64; 30]), T);
    let zeros = [0; 30];
    refused::<Row<u32>, Row<i32>>(((zeros, zeros), (zeros, zeros), 1));
    type Deep<T> = Vec<Vec<Vec<Vec<Vec<Vec<Vec<Option<(u8, T)>>>>>>>>;
    refused::<Deep<u32>, Deep<i32>>(Vec::new());
    refused::<BTreeMap<String, Vec<Result<(), u64>>>, BTreeMap<String, Vec<Result<(), f64>>>>(BTreeMap::new());
}

/// A type that refuses most values, with something behind it.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
struct Address(String);

impl TryFrom<String> for Address {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text.contains('@') { Ok(Address(text)) } else { Err(format!("{text} is no address")) }
    }
}

impl From<Address> for String {
    fn from(address: Address) -> String {
        address.0
    }
}

impl Clone for Address {
    fn clone(&self) -> Self {
        Address(self.0.clone())
    }
}

#[test]
fn what_stands_behind_a_type_that_refuses_values_counts_too() {
    refused::<(Address, u32), (Address, i32)>((Address("x@y".into()), 1));
    refused::<(std::num::NonZeroU8, u32), (std::num::NonZeroU8, i32)>((std::num::NonZeroU8::MIN, 1));
}

#[test]
fn variants_at_the_end_are_accepted_and_the_new_type_counts_from_then_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut old = list::<first::Order>(folder.path()).unwrap();
    old.extend([first::Order::Start, first::Order::Stop(7)]).unwrap();
    old.close().unwrap();
    let mut new = list::<more::Order>(folder.path()).unwrap();
    new.push(more::Order::Pause { seconds: 0.5 }).unwrap();
    let pause = more::Order::Pause { seconds: 0.5 };
    assert_eq!(new.to_vec().unwrap(), [more::Order::Start, more::Order::Stop(7), pause]);
    new.close().unwrap();
    let old = list::<first::Order>(folder.path());
    assert!(matches!(old, Err(Error::WrongType { .. })), "{old:?}");
    // What the superblock knew is in the spare, too.
    std::fs::remove_file(folder.path().join("l.speedup/superblock")).unwrap();
    let (new, report) = DiskList::<more::Order>::builder("l").location(folder.path()).repair().unwrap();
    assert_eq!((new.len(), report.lost), (3, 0));
}

fn grown(user: first::User) -> more::User {
    let order = match user.order {
        first::Order::Start => more::Order::Start,
        first::Order::Stop(code) => more::Order::Stop(code),
    };
    more::User { name: user.name, order, age: None }
}

fn dict<V: Value>(folder: &Path) -> speedup_runtime::disk::DictBuilder<u32, V> {
    DiskDict::builder("d").location(folder)
}

#[test]
fn values_of_an_older_type_are_converted_once() {
    let folder = tempfile::tempdir().unwrap();
    let user = |n: u32| first::User { name: "n".repeat(n as usize % 3000), order: first::Order::Stop(n) };
    let mut old = dict::<first::User>(folder.path()).open().unwrap();
    old.extend((0..2000).map(|n| (n, user(n)))).unwrap();
    old.close().unwrap();
    let mut calls = 0;
    let mut change = |old| {
        calls += 1;
        grown(old)
    };
    let new = dict(folder.path()).migrate(&mut change).unwrap();
    assert_eq!(new.get(&1999).unwrap(), Some(grown(user(1999))));
    new.close().unwrap();
    let new = dict(folder.path()).migrate(&mut change).unwrap();
    assert_eq!(new.iter().map(Result::unwrap).filter(|(key, value)| *value == grown(user(*key))).count(), 2000);
    drop(new);
    assert_eq!(calls, 2000);
    assert!(matches!(dict::<first::User>(folder.path()).open(), Err(Error::WrongType { .. })));
    assert_eq!(dict::<more::User>(folder.path()).open().unwrap().len(), 2000);
    let neither = dict::<u8>(folder.path()).migrate(|text: String| text.len() as u8);
    assert!(matches!(neither, Err(Error::WrongType { .. })), "{neither:?}");
}

#[test]
fn a_conversion_that_fails_or_panics_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut old = dict::<String>(folder.path()).open().unwrap();
    old.extend((0..500).map(|n| (n, n.to_string()))).unwrap();
    old.close().unwrap();
    let panicking = std::panic::catch_unwind(|| {
        dict::<u64>(folder.path()).migrate(|text: String| if text == "300" { panic!("no") } else { 1 }).map(drop)
    });
    assert!(panicking.is_err());
    let unfit = dict::<Gaps>(folder.path()).migrate(|text: String| Gaps { a: None, b: text.len() as u8 });
    assert!(matches!(unfit, Err(Error::Unfit { .. })), "{unfit:?}");
    let old = dict::<String>(folder.path()).open().unwrap();
    assert_eq!((old.len(), old.get(&300).unwrap().as_deref()), (500, Some("300")));
}

#[test]
fn a_kill_while_values_are_converted_leaves_the_old_ones() {
    let folder = tempfile::tempdir().unwrap();
    let mut old = list::<u32>(folder.path()).unwrap();
    old.extend(0..30_000).unwrap();
    old.close().unwrap();
    let mut copies = Vec::new();
    let change = |n: u32| {
        if n.is_multiple_of(9_999) {
            let copy = tempfile::tempdir().unwrap();
            copy_all(folder.path(), copy.path());
            copies.push(copy);
        }
        n.to_string()
    };
    let migrated = |folder: &Path| DiskList::<String>::builder("l").location(folder).migrate(|n: u32| n.to_string());
    let new = DiskList::<String>::builder("l").location(folder.path()).migrate(change).unwrap();
    assert_eq!((new.len(), new.get(12_345).unwrap().as_deref()), (30_000, Some("12345")));
    for copy in &copies {
        assert_eq!(list::<u32>(copy.path()).unwrap().to_vec().unwrap(), (0..30_000).collect::<Vec<_>>());
        let new = migrated(copy.path()).unwrap();
        assert_eq!((new.len(), new.get(29_999).unwrap().as_deref()), (30_000, Some("29999")));
    }
    assert_eq!(copies.len(), 4);
}

#[test]
fn values_may_move_to_the_codec_with_names() {
    let folder = tempfile::tempdir().unwrap();
    let mut old = list::<first::Order>(folder.path()).unwrap();
    old.push(first::Order::Stop(3)).unwrap();
    old.close().unwrap();
    let named = || DiskList::<first::Order>::builder("l").location(folder.path()).self_describing();
    assert!(matches!(named().open(), Err(Error::WrongType { .. })));
    assert_eq!(named().migrate(|same: first::Order| same).unwrap().to_vec().unwrap(), [first::Order::Stop(3)]);
    assert_eq!(named().open().unwrap().len(), 1);
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Shifted {
    A,
    #[serde(skip)]
    #[allow(dead_code)]
    Hidden,
    C,
    D,
    E(String),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Gaps {
    #[serde(skip_serializing_if = "Option::is_none")]
    a: Option<u32>,
    b: u8,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Either {
    Number(u32),
    Text(String),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind")]
enum Tagged {
    Circle { radius: f64 },
    Place { at: std::net::IpAddr },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Flat {
    name: String,
    #[serde(flatten)]
    rest: BTreeMap<String, u32>,
}

/// Inserting is refused, and neither stores nor replaces anything.
fn unfit<V: Value + Debug + PartialEq + Clone>(fit: &[V], bad: &[V]) {
    let folder = tempfile::tempdir().unwrap();
    let mut dict = DiskDict::<u32, V>::builder("d").location(folder.path()).open().unwrap();
    let mut list = list::<V>(folder.path()).unwrap();
    for (key, value) in (0..).zip(fit) {
        dict.insert(key, value.clone()).unwrap();
        list.push(value.clone()).unwrap();
    }
    for value in bad {
        let refused = |result: Result<(), Error>| assert!(matches!(result, Err(Error::Unfit { .. })), "{result:?}");
        refused(dict.insert(0, value.clone()).map(drop));
        refused(dict.insert(77, value.clone()).map(drop));
        refused(dict.put(0, value.clone()));
        refused(dict.entry(77).or_insert(value.clone()).map(drop));
        refused(dict.update(&0, |old| *old = value.clone()).map(drop));
        refused(list.push(value.clone()));
        refused(list.set(0, value.clone()).map(drop));
    }
    assert_eq!(list.to_vec().unwrap(), fit);
    assert_eq!(dict.values().collect::<Result<Vec<_>, _>>().unwrap(), fit);
}

#[test]
fn values_that_would_not_come_back_are_refused_and_change_nothing() {
    unfit(&[Shifted::A], &[Shifted::C, Shifted::D, Shifted::E("e".into())]);
    unfit(&[Gaps { a: Some(1), b: 2 }], &[Gaps { a: None, b: 0 }, Gaps { a: None, b: 1 }]);
}

#[test]
fn types_that_ask_what_comes_next_are_refused_at_opening_and_work_with_names() {
    let folder = tempfile::tempdir().unwrap();
    for refused in [
        list::<Either>(folder.path()).map(drop),
        list::<Vec<Option<Tagged>>>(folder.path()).map(drop),
        list::<serde_json::Value>(folder.path()).map(drop),
        list::<Flat>(folder.path()).map(drop),
    ] {
        let error = refused.unwrap_err();
        assert!(matches!(error, Error::Unfit { .. }) && error.to_string().contains("self_describing"), "{error}");
    }
    named(&[Either::Number(1), Either::Text("x".into())]);
    named(&[Tagged::Circle { radius: 0.5 }, Tagged::Place { at: "::1".parse().unwrap() }]);
    named(&[serde_json::json!({"a": [1, -2.5, null, "x"]}), serde_json::json!(true)]);
    named(&[Flat { name: "n".into(), rest: BTreeMap::from([("a".into(), 1)]) }]);
    named(&[Shifted::A, Shifted::C, Shifted::D, Shifted::E("e".into())]);
    named(&[Gaps { a: None, b: 0 }, Gaps { a: Some(3), b: 1 }]);
    named(&[HashMap::from([(Some(1_u8), i128::MIN), (None, i128::MAX)])]);
    named(&[f32::MAX, f32::MIN_POSITIVE]);
}

fn named<V: Value + Debug + PartialEq + Clone>(values: &[V]) {
    let folder = tempfile::tempdir().unwrap();
    let open = || DiskList::<V>::builder("n").location(folder.path()).self_describing().open().unwrap();
    let mut list = open();
    list.extend(values.iter().cloned()).unwrap();
    list.close().unwrap();
    assert_eq!(open().to_vec().unwrap(), values);
}

#[test]
fn an_option_of_an_option_is_refused_where_the_codec_cannot_tell_them_apart() {
    let folder = tempfile::tempdir().unwrap();
    let refused = DiskList::<Vec<Option<Option<u8>>>>::builder("o").location(folder.path()).self_describing().open();
    assert!(matches!(refused, Err(Error::Unfit { .. })), "{refused:?}");
    let mut list = list::<Option<Option<u8>>>(folder.path()).unwrap();
    list.extend([None, Some(None), Some(Some(1))]).unwrap();
    assert_eq!(list.to_vec().unwrap(), [None, Some(None), Some(Some(1))]);
}

#[test]
fn fields_may_be_added_where_names_are_written_down() {
    let folder = tempfile::tempdir().unwrap();
    let mut old = DiskList::<first::User>::builder("u").location(folder.path()).self_describing().open().unwrap();
    old.push(first::User { name: "Ada".into(), order: first::Order::Stop(1) }).unwrap();
    old.close().unwrap();
    let new = DiskList::<more::User>::builder("u").location(folder.path()).self_describing().open().unwrap();
    let user = more::User { name: "Ada".into(), order: more::Order::Stop(1), age: None };
    assert_eq!(new.to_vec().unwrap(), [user]);
}

/// What comes back in a form of its own, or in another order, is no fault.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Loose {
    #[serde(deserialize_with = "trimmed")]
    name: String,
    counts: HashMap<String, u32>,
    #[serde(skip)]
    forgotten: u8,
}

fn trimmed<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    String::deserialize(deserializer).map(|text| text.trim().to_owned())
}

#[test]
fn hash_maps_and_types_with_a_form_of_their_own_are_stored() {
    let folder = tempfile::tempdir().unwrap();
    let mut list = list::<Loose>(folder.path()).unwrap();
    let counts: HashMap<String, u32> = (0..200).map(|n| (n.to_string(), n)).collect();
    list.push(Loose { name: " x ".into(), counts: counts.clone(), forgotten: 9 }).unwrap();
    assert_eq!(list.get(0).unwrap(), Some(Loose { name: "x".into(), counts, forgotten: 0 }));
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "u32", into = "u32")]
struct Even(u32);

impl From<u32> for Even {
    fn from(n: u32) -> Self {
        assert!(n == 40, "{n} was never written");
        Even(n)
    }
}

impl From<Even> for u32 {
    fn from(even: Even) -> u32 {
        even.0
    }
}

#[test]
fn code_that_panics_on_made_up_values_does_not_panic_at_opening() {
    let folder = tempfile::tempdir().unwrap();
    let mut dict = DiskDict::<u8, (u8, Even, u8)>::builder("even").location(folder.path()).open().unwrap();
    dict.insert(1, (1, Even(40), 2)).unwrap();
    dict.close().unwrap();
    let dict = DiskDict::<u8, (u8, Even, u8)>::builder("even").location(folder.path()).open().unwrap();
    assert_eq!(dict.get(&1).unwrap(), Some((1, Even(40), 2)));
    drop(dict);
    let other = DiskDict::<u8, (i8, Even, u8)>::builder("even").location(folder.path()).open();
    assert!(matches!(other, Err(Error::WrongType { .. })), "{other:?}");
}

/// Reads a byte fewer than it wrote.
#[derive(Debug, PartialEq)]
struct Short;

impl Serialize for Short {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (1_u8, 2_u8).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Short {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        u8::deserialize(deserializer).map(|_| Short)
    }
}

#[test]
fn bytes_left_over_are_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let mut list = list::<Short>(folder.path()).unwrap();
    let refused = list.push(Short);
    assert!(matches!(refused, Err(Error::Unfit { .. })), "{refused:?}");
    assert!(list.is_empty());
}
