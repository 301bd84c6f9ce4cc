//! What results that outlive the process do not go with.

use speedup::cache;
use speedup::store::MemoryStore;

struct Opaque;

#[cache(disk, store = MemoryStore::new(), scoped, version = "two", on_store_error = "panic")]
fn many(n: u64) -> u64 {
    n
}

#[cache(version = 2, on_store_error = "fail")]
fn nowhere(n: u64) -> u64 {
    n
}

#[cache(disk("here"))]
fn called(n: u64) -> u64 {
    n
}

#[cache(store)]
fn nothing(n: u64) -> u64 {
    n
}

#[cache(disk, on_store_error = "fail")]
fn plain(n: u64) -> u64 {
    n
}

#[cache(store = MemoryStore::new(), version = 2, cache_err, on_store_error = "fail")]
fn kept(n: u64) -> Result<u64, speedup::store::Error> {
    Ok(n)
}

trait Area {
    fn area(side: u64) -> u64;
}

impl Area for Opaque {
    #[cache(disk)]
    fn area(side: u64) -> u64 {
        side * side
    }
}

#[cache(store = Opaque)]
fn no_store(n: u64) -> u64 {
    n
}

fn main() {
    let _ = (many(1), nowhere(1), called(1), nothing(1), plain(1), no_store(1));
}
