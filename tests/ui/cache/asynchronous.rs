//! What a cached `async fn` cannot be.

use std::{cell::Cell, rc::Rc};

use speedup::cache;

struct Plain;

async fn rest() {}

#[cache]
async fn holds_an_rc(n: u64) -> u64 {
    let shared = Rc::new(n);
    rest().await;
    *shared
}

#[cache]
async fn takes_what_is_no_key(plain: Plain) -> u64 {
    rest().await;
    let _ = plain;
    1
}

#[cache]
async fn gives_what_is_no_result(n: u64) -> Cell<u64> {
    Cell::new(n)
}

struct Shape;

impl Shape {
    #[cache]
    async fn method(&self) -> u64 {
        1
    }
}

#[cache]
async fn generic<T: Clone>(n: T) -> u64 {
    1
}

impl Shape {
    #[cache(skip(self))]
    async fn cloned(&self) -> u64 {
        1
    }
}

struct Owner {
    memo: speedup::AsyncMemo<(u64,), u64>,
}

impl Owner {
    #[cache(field = memo)]
    async fn lent(&self, n: u64) -> u64 {
        n
    }
}

struct Lent<'a>(&'a str);

impl<'a> Lent<'a> {
    #[cache(skip(self))]
    async fn outlived(self: std::sync::Arc<Self>, n: u64) -> u64 {
        n
    }
}

#[cache(scoped)]
async fn ends_with_no_scope(n: u64) -> u64 {
    n
}

#[cache(skip(plain))]
async fn passes_on_what_it_cannot_own(plain: &Plain, n: u64) -> u64 {
    n
}

#[cache]
async fn gives_nothing(n: u64) {}

#[cache]
async fn borrows(text: &str) -> &str {
    text
}

#[cache(cache_none)]
async fn wrong_flag(n: u64) -> Result<u64, String> {
    Ok(n)
}

fn main() {
    speedup::AsyncCache::from_fn(|n: u64| async move {
        let shared = Rc::new(n);
        rest().await;
        *shared
    });
    speedup::AsyncCache::from_fn(after);
}

// The compiler writes out where a closure stands, and shortens what it says by the length of that path.
fn after(n: u64) -> u64 {
    n + 1
}
