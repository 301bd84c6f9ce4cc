//! One type that cannot be kept is one error, whatever form the function takes and however often its handle is used.

use std::collections::{HashMap, HashSet};

use speedup::cache;

pub struct Plain(pub u64);

#[cache]
fn looks_up(map: HashMap<u64, u64>, n: u64) -> u64 {
    map[&n]
}

#[cache]
fn passes_on(near: Vec<HashSet<usize>>, n: usize) -> usize {
    if n == 0 { 0 } else { passes_on(near.clone(), n - 1) + near[n].len() }
}

#[cache]
fn passes_on_lent(near: &[HashSet<usize>], n: usize) -> usize {
    if n == 0 { 0 } else { passes_on_lent(near, n - 1) + near[n].len() }
}

#[cache]
fn suffixes(rest: &[Plain], n: u64) -> u64 {
    if rest.is_empty() { n } else { suffixes(&rest[1..], n) + suffixes(&rest[1..], n + 1) }
}

#[cache]
fn varies(map: HashMap<u64, u64>, n: u64) -> u64 {
    if n == 0 { 0 } else { varies(map.clone(), n - 1) + varies(HashMap::new(), n - 1) }
}

#[cache]
fn lent(plain: &Plain, n: u64) -> u64 {
    if n == 0 { plain.0 } else { lent(&Plain(n), n - 1) + lent(&Plain(n + 1), n - 1) }
}

#[cache]
pub fn of_floats(point: (Plain, f64)) -> u64 {
    point.0.0
}

#[cache]
fn may_fail(n: u64) -> Option<Plain> {
    Some(Plain(n))
}

#[cache(capacity = 100)]
fn bounded(plain: Plain) -> u64 {
    plain.0
}

#[cache(skip(log))]
fn skips(log: &Plain, plain: &Plain) -> u64 {
    log.0 + plain.0
}

#[cache(key = |plain| -> (Plain, u64) { (Plain(plain.0), 1) })]
fn by_key(plain: &Plain) -> u64 {
    plain.0
}

#[cache(scoped)]
fn scoped(plain: Plain, n: u64) -> u64 {
    if n == 0 { plain.0 } else { scoped(Plain(n), n - 1) }
}

#[cache(scoped)]
fn scoped_result(n: u64) -> Plain {
    if n == 0 { Plain(0) } else { scoped_result(n - 1) }
}

#[cache]
async fn awaited(set: HashSet<u64>) -> u64 {
    set.len() as u64
}

#[cache]
async fn awaited_result(n: u64) -> Plain {
    Plain(n)
}

impl Plain {
    #[cache]
    fn own(set: HashSet<u8>, n: u64) -> u64 {
        if n == 0 { set.len() as u64 } else { Self::own(set, n - 1) }
    }

    #[cache(skip(self))]
    fn method(&self, set: HashSet<u8>) -> u64 {
        self.0 + set.len() as u64
    }
}

fn main() {
    LOOKS_UP.clear();
    let _ = LOOKS_UP.len() + LOOKS_UP.stats().hits as usize;
    PASSES_ON.clear();
    PASSES_ON_LENT.clear();
    SUFFIXES.clear();
    VARIES.peek(&(HashMap::new(), 1));
    LENT.clear();
    OF_FLOATS.clear();
    MAY_FAIL.clear();
    BOUNDED.clear();
    SKIPS.clear();
    BY_KEY.clear();
    AWAITED.clear();
    AWAITED_RESULT.clear();
    Plain::OWN.clear();
    Plain::METHOD.clear();
    let _ = (looks_up(HashMap::new(), 1), scoped(Plain(1), 1), may_fail(1));
}
