//! Generators move between threads.

use std::rc::Rc;

use speedup::buffer;

#[buffer]
fn generator() -> impl Iterator<Item = u64> {
    let step = Rc::new(2);
    (0..).map(move |n| n * *step)
}

#[buffer]
fn body() -> u64 {
    let step = Rc::new(2);
    loop {
        yield_!(*step);
    }
}

fn main() {}
