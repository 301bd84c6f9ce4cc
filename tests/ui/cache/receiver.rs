//! A method has no key.

use speedup::cache;

struct Shape {
    width: u64,
}

impl Shape {
    #[cache]
    fn area(&self) -> u64 {
        self.width
    }

    #[cache]
    fn owned(self, factor: u64) -> u64 {
        self.width * factor
    }

    #[cache(field = memo())]
    fn called(&self, factor: u64) -> u64 {
        self.width * factor
    }

    #[cache]
    fn of(shape: &Self) -> Option<Self> {
        let _ = shape;
        None
    }
}

fn main() {
    let _ = Shape { width: 1 }.area();
}
