//! What cannot be a key, and what to write instead.

use speedup::disk::Key;

#[derive(Key)]
struct Borrowed<'a> {
    name: &'a str,
}

#[derive(Key)]
union Either {
    small: u8,
    large: u64,
}

#[derive(Key)]
enum Never {}

#[derive(Key)]
enum Unsorted {
    Late = 9,
    Early = 2,
}

const SOME: isize = 4;

#[derive(Key)]
enum Hidden {
    First = SOME,
    Second,
}

fn main() {}
