//! `move_err` where there is nothing to move, or nobody to move it to.

use speedup::cache;

struct Broken;

#[cache(move_err)]
fn number(n: u64) -> u64 {
    n
}

#[cache(move_err)]
fn option(n: u64) -> Option<u64> {
    Some(n)
}

#[cache(move_err, cache_err)]
fn kept(n: u64) -> Result<u64, Broken> {
    Ok(n)
}

#[cache]
fn unknown(n: u64) -> Result<u64, Broken> {
    if n == 0 { Err(Broken) } else { Ok(n) }
}

#[cache(scoped)]
fn counted(n: u64) -> std::rc::Rc<u64> {
    std::rc::Rc::new(n)
}

fn main() {}
