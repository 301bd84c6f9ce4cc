//! The attribute goes on a function.

use speedup::cache;

#[cache]
struct Point {
    x: u64,
}

#[cache]
enum Shape {
    Round,
}

#[cache]
impl Point {}

#[cache]
const SIZE: u64 = 3;

#[cache(sequentiel)]
mod inner {}

fn main() {
    let _ = (Point { x: SIZE }.x, Shape::Round);
}
