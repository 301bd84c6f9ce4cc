//! So is a method, an associated function and an `async` one.

#![deny(unconditional_recursion)]

use speedup::cache;

struct Ladder(u64);

impl Ladder {
    #[cache(scoped)]
    fn up(&self, n: u64) -> u64 {
        let next = n + self.0;
        self.up(next) + 1
    }

    #[cache]
    fn down(n: u64) -> u64 {
        1 + Self::down(n.wrapping_sub(1))
    }
}

#[cache]
async fn later(n: u64) -> u64 {
    later(n + 1).await + 1
}

fn main() {
    Ladder(1).up(3);
    Ladder::down(3);
    drop(later(3));
}
