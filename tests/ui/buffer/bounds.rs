//! Items are kept and read by any thread, generators move between threads, arguments are compared: each missing bound is
//! one error.

use std::cell::Cell;
use std::rc::Rc;

use speedup::buffer;

#[buffer]
fn generator() -> impl Iterator<Item = u64> {
    Multiples { step: Rc::new(2), next: 0 }
}

// Of this project, since the compiler shows types of the standard library only where their source is installed.
struct Multiples {
    step: Rc<u64>,
    next: u64,
}

impl Iterator for Multiples {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        self.next += *self.step;
        Some(self.next)
    }
}

#[buffer]
fn body() -> u64 {
    let step = Rc::new(2);
    loop {
        yield_!(*step);
    }
}

#[buffer]
fn counted() -> impl Iterator<Item = Rc<u64>> {
    (0..).map(Rc::new)
}

#[buffer]
fn cells() -> Cell<u64> {
    yield_!(Cell::new(1));
}

#[buffer(keep = 3)]
fn window() -> impl Iterator<Item = Rc<u64>> {
    (0..).map(Rc::new)
}

#[buffer]
fn multiples(k: u64) -> impl Iterator<Item = Rc<u64>> {
    (0..).map(move |n| Rc::new(n * k))
}

#[buffer]
fn scaled(factor: f64) -> impl Iterator<Item = f64> {
    (0..).map(move |n| f64::from(n) * factor)
}

struct Single(u64);

#[buffer]
fn singles() -> impl Iterator<Item = Single> {
    (0..).map(Single)
}

#[buffer]
fn lines() -> impl Iterator<Item = std::io::Result<String>> {
    std::io::BufRead::lines(std::io::Cursor::new("a"))
}

#[buffer]
fn guarded() -> u64 {
    static LOCK: std::sync::Mutex<u64> = std::sync::Mutex::new(7);
    let guard = LOCK.lock().unwrap();
    yield_!(*guard);
    drop(guard);
}

fn main() {
    // Who uses the handle has no error of its own.
    let _ = (COUNTED[5].clone(), CELLS.iter().count(), SINGLES[0].0);
}
