//! Every field is a key, too.

use speedup::disk::Key;

struct Plain;

#[derive(Key)]
struct Outer {
    number: u32,
    plain: Plain,
}

#[derive(Key)]
enum Choice {
    One(u8),
    Many(Vec<u32>),
}

fn main() {}
