//! Encoded keys sort like the values and come back as they were.

use std::cmp::Ordering;
use std::fmt::Debug;

use proptest::prelude::*;
use speedup_runtime::disk::{EncodeKey, Key};

fn bytes(key: &(impl EncodeKey + ?Sized)) -> Vec<u8> {
    let mut out = Vec::new();
    key.encode_key(&mut out);
    out
}

/// Encodes two keys and compares as `order` does; each comes back, and followed by something else, too.
fn check<K: Key + Debug>(a: &K, b: &K, order: Ordering) {
    let (raw_a, raw_b) = (bytes(a), bytes(b));
    assert_eq!(raw_a.cmp(&raw_b), order, "{a:?} {b:?}");
    assert!(order.is_eq() || !raw_b.starts_with(&raw_a), "{a:?} is a prefix of {b:?}");
    let joined = [raw_a.as_slice(), raw_b.as_slice()].concat();
    let mut rest = joined.as_slice();
    assert_eq!(bytes(&K::decode_key(&mut rest).unwrap()), raw_a);
    assert_eq!(bytes(&K::decode_key(&mut rest).unwrap()), raw_b);
    assert!(rest.is_empty());
}

fn check_ord<K: Key + Ord + Debug>(a: K, b: K) {
    check(&a, &b, a.cmp(&b));
    check(&a, &a, Ordering::Equal);
}

macro_rules! ordered {
    ($($name:ident: $t:ty;)*) => {
        proptest! {
            $(#[test]
            fn $name(a in any::<$t>(), b in any::<$t>()) {
                check_ord(a, b);
            })*
        }
    };
}

ordered! {
    u8s: u8; u16s: u16; u32s: u32; u64s: u64; u128s: u128; usizes: usize;
    i8s: i8; i16s: i16; i32s: i32; i64s: i64; i128s: i128; isizes: isize;
    bools: bool; chars: char; strings: String; byte_strings: Vec<u8>; options: Option<i16>;
    tuples: (String, i64); triples: (Vec<u8>, Option<String>, u8); nested: ((u8, String), [i32; 2]); arrays: [u8; 4];
}

proptest! {
    #[test]
    fn low_bytes_in_strings(a in prop::collection::vec(0_u8..3, 0..6), b in prop::collection::vec(0_u8..3, 0..6)) {
        check_ord(a.clone(), b.clone());
        check_ord((a.clone(), b.clone()), (b, a));
    }

    #[test]
    fn floats(a in any::<f64>(), b in any::<f64>(), c in any::<u64>(), d in any::<u64>()) {
        check(&a, &b, a.total_cmp(&b));
        let (c, d) = (f64::from_bits(c), f64::from_bits(d));
        check(&c, &d, c.total_cmp(&d));
        let (c, d) = (c as f32, d as f32);
        check(&c, &d, c.total_cmp(&d));
    }
}

#[test]
fn special_floats_keep_their_order() {
    let all = [
        -f64::NAN,
        f64::NEG_INFINITY,
        f64::MIN,
        -1.0,
        -0.0,
        0.0,
        f64::MIN_POSITIVE,
        1.0,
        f64::MAX,
        f64::INFINITY,
        f64::NAN,
    ];
    for (i, a) in all.iter().enumerate() {
        for (j, b) in all.iter().enumerate() {
            check(a, b, i.cmp(&j));
        }
    }
}

#[test]
fn borrowed_forms_encode_alike() {
    assert_eq!(bytes("a\0b"), bytes(&"a\0b".to_owned()));
    assert_eq!(bytes([0_u8, 1, 2].as_slice()), bytes(&vec![0_u8, 1, 2]));
}
