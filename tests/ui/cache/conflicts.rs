//! Options that exclude each other: a function for each row of `speedup-macros/src/cache/conflicts.rs`, whose test writes this file. None of
//! them has a second error, neither where the function recurses nor where its handle is used.

use serde::{Deserialize, Serialize};
use speedup::{Memo, cache};

#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Db;

#[derive(Clone, Serialize, Deserialize)]
struct Fault;

impl From<speedup::store::Error> for Fault {
    fn from(_: speedup::store::Error) -> Self {
        Fault
    }
}

#[cache(returns = ref, move_err)]
fn row_0(db: &Db, n: u64) -> Result<u64, Fault> {
    if n == 0 { Ok(1) } else { Ok(*row_0(db, n - 1).as_ref().unwrap_or(&0) + 1) }
}

#[cache(returns = ref, scoped)]
fn row_1(db: &Db, n: u64) -> u64 {
    if n == 0 { 1 } else { *row_1(db, n - 1) + 1 }
}

struct Owner2 {
    memo: Memo<(u64,), u64>,
}

impl Owner2 {
    #[cache(returns = ref, field = memo)]
    fn row_2(&self, db: &Db, n: u64) -> u64 {
        if n == 0 { 1 } else { *self.row_2(db, n - 1) + 1 }
    }
}

#[cache(returns = ref, disk)]
fn row_3(db: &Db, n: u64) -> u64 {
    if n == 0 { 1 } else { *row_3(db, n - 1) + 1 }
}

#[cache(returns = ref, capacity = 10)]
fn row_4(db: &Db, n: u64) -> u64 {
    if n == 0 { 1 } else { *row_4(db, n - 1) + 1 }
}

struct Owner5 {
    memo: Memo<(u64,), u64>,
}

impl Owner5 {
    #[cache(field = memo, scoped)]
    fn row_5(&self, db: &Db, n: u64) -> u64 {
        if n == 0 { 1 } else { self.row_5(db, n - 1) + 1 }
    }
}

#[cache(scoped, disk)]
fn row_6(db: &Db, n: u64) -> u64 {
    if n == 0 { 1 } else { row_6(db, n - 1) + 1 }
}

struct Owner7 {
    memo: Memo<(u64,), u64>,
}

impl Owner7 {
    #[cache(field = memo, disk)]
    fn row_7(&self, db: &Db, n: u64) -> u64 {
        if n == 0 { 1 } else { self.row_7(db, n - 1) + 1 }
    }
}

#[cache(disk, store = speedup::store::MemoryStore::new())]
fn row_8(db: &Db, n: u64) -> u64 {
    if n == 0 { 1 } else { row_8(db, n - 1) + 1 }
}

#[cache(store = speedup::store::MemoryStore::new(), version = 2)]
fn row_9(db: &Db, n: u64) -> u64 {
    if n == 0 { 1 } else { row_9(db, n - 1) + 1 }
}

#[cache(scoped, name = TABLE)]
fn row_10(db: &Db, n: u64) -> u64 {
    if n == 0 { 1 } else { row_10(db, n - 1) + 1 }
}

struct Owner11 {
    memo: Memo<(u64,), u64>,
}

impl Owner11 {
    #[cache(field = memo, name = TABLE)]
    fn row_11(&self, db: &Db, n: u64) -> u64 {
        if n == 0 { 1 } else { self.row_11(db, n - 1) + 1 }
    }
}

#[cache(scoped, tables = 4)]
fn row_12(db: &Db, n: u64) -> u64 {
    if n == 0 { 1 } else { row_12(db, n - 1) + 1 }
}

struct Owner13 {
    memo: Memo<(u64,), u64>,
}

impl Owner13 {
    #[cache(field = memo, tables = 4)]
    fn row_13(&self, db: &Db, n: u64) -> u64 {
        if n == 0 { 1 } else { self.row_13(db, n - 1) + 1 }
    }
}

#[cache(disk, tables = 4)]
fn row_14(db: &Db, n: u64) -> u64 {
    if n == 0 { 1 } else { row_14(db, n - 1) + 1 }
}

#[cache(capacity = 10, tables = 4)]
fn row_15(db: &Db, n: u64) -> u64 {
    if n == 0 { 1 } else { row_15(db, n - 1) + 1 }
}

#[cache(key = |n| -> u64 { n }, skip(db))]
fn row_16(db: &Db, n: u64) -> u64 {
    if n == 0 { 1 } else { row_16(db, n - 1) + 1 }
}

#[cache(cache_err, cache_none)]
fn row_17(db: &Db, n: u64) -> Result<u64, Fault> {
    if n == 0 { Ok(1) } else { Ok(row_17(db, n - 1)? + 1) }
}

#[cache(cache_err, stale_on_err, ttl = "30s")]
fn row_18(db: &Db, n: u64) -> Result<u64, Fault> {
    if n == 0 { Ok(1) } else { Ok(row_18(db, n - 1)? + 1) }
}

#[cache(cache_none, stale_on_err, ttl = "30s")]
fn row_19(db: &Db, n: u64) -> Result<u64, Fault> {
    if n == 0 { Ok(1) } else { Ok(row_19(db, n - 1)? + 1) }
}

#[cache(move_err, cache_err)]
fn row_20(db: &Db, n: u64) -> Result<u64, Fault> {
    if n == 0 { Ok(1) } else { Ok(row_20(db, n - 1)? + 1) }
}

#[cache(move_err, cache_none)]
fn row_21(db: &Db, n: u64) -> Result<u64, Fault> {
    if n == 0 { Ok(1) } else { Ok(row_21(db, n - 1)? + 1) }
}

struct Owner22 {
    memo: Memo<(u64,), Result<u64, Fault>>,
}

impl Owner22 {
    #[cache(field = memo, move_err)]
    fn row_22(&self, db: &Db, n: u64) -> Result<u64, Fault> {
        if n == 0 { Ok(1) } else { Ok(self.row_22(db, n - 1)? + 1) }
    }
}

#[cache(on_store_error = "fail", cache_err, disk)]
fn row_23(db: &Db, n: u64) -> Result<u64, Fault> {
    if n == 0 { Ok(1) } else { Ok(row_23(db, n - 1)? + 1) }
}

#[cache(scoped, ttl = "30s")]
fn row_24(db: &Db, n: u64) -> u64 {
    if n == 0 { 1 } else { row_24(db, n - 1) + 1 }
}

fn main() {
    let _ = ROW_0.len();
    let _ = ROW_3.len();
    let _ = ROW_4.len();
    let _ = ROW_8.len();
    let _ = ROW_9.len();
    let _ = ROW_14.len();
    let _ = ROW_15.len();
    let _ = ROW_16.len();
    let _ = ROW_17.len();
    let _ = ROW_18.len();
    let _ = ROW_19.len();
    let _ = ROW_20.len();
    let _ = ROW_21.len();
    let _ = ROW_23.len();
}
