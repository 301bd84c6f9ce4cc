//! Forms and options that exclude each other; those that go together are run in `tests/forms/cells.rs`.

use std::sync::Arc;

use speedup::{AsyncMemo, Memo, cache};

#[cache(scoped, name = TABLE)]
fn scoped_with_a_name(n: u64) -> u64 {
    n
}

#[cache(scoped, tables = 4)]
fn scoped_with_tables(list: &[u64], n: usize) -> u64 {
    if n == 0 { 0 } else { list[n] + scoped_with_tables(list, n - 1) }
}

#[cache(skip(list), key = |n| -> usize { n })]
fn skipped_and_keyed(list: &[u64], n: usize) -> u64 {
    list[n]
}

#[cache(key = |n| -> usize { n }, tables = 4)]
fn keyed_with_tables(list: &[u64], n: usize) -> u64 {
    list[n]
}

#[cache(tables = 4)]
fn generic_with_tables<T: Clone>(item: T, n: usize) -> usize {
    n
}

#[cache(field = memo)]
fn field_without_self(n: u64) -> u64 {
    n
}

struct Owner {
    memo: Memo<(u64,), u64>,
    later: AsyncMemo<(u64,), u64>,
}

impl Owner {
    #[cache(field = memo, name = TABLE)]
    fn field_with_a_name(&self, n: u64) -> u64 {
        n
    }

    #[cache(field = memo, scoped)]
    fn field_and_scoped(&self, n: u64) -> u64 {
        n
    }

    #[cache(field = memo, tables = 4)]
    fn field_with_tables(&self, n: u64) -> u64 {
        n
    }

    #[cache(field = memo, move_err)]
    fn field_that_moves(&self, n: u64) -> Result<u64, String> {
        Ok(n)
    }

    #[cache(field = later, name = LATER)]
    async fn async_field_with_a_name(self: Arc<Self>, n: u64) -> u64 {
        n
    }

    #[cache]
    fn of_self(&self, n: u64) -> u64 {
        n
    }
}

trait Named {
    fn named(n: u64) -> u64;
}

impl Named for Owner {
    #[cache(name = TABLE)]
    fn named(n: u64) -> u64 {
        n
    }
}

#[cache(skip(list), returns = ref, move_err)]
fn lent_and_moved(list: &[u64], n: usize) -> Result<u64, String> {
    Ok(list[n])
}

#[cache(tables = 4)]
async fn async_with_tables(list: &[u64], n: usize) -> u64 {
    if n == 0 { 0 } else { list[n] + async_with_tables(list, n - 1).await }
}

fn main() {}
