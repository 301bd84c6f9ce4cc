//! Bytes that a call needs for a moment: each thread keeps some, so that not every look-up allocates.

use std::cell::Cell;

/// A thread keeps no more than this.
const MOST: usize = 1 << 16;

thread_local! {
    static KEPT: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Does some work with bytes that are empty at first. Within it, other bytes are to be had.
pub(super) fn with<T>(work: impl FnOnce(&mut Vec<u8>) -> T) -> T {
    // A thread that is ending keeps none.
    let mut bytes = KEPT.try_with(Cell::take).unwrap_or_default();
    bytes.clear();
    let result = work(&mut bytes);
    if bytes.capacity() <= MOST {
        let _ = KEPT.try_with(|kept| kept.set(bytes));
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_kept_but_for_many_and_none_are_seen_twice() {
        with(|bytes| {
            bytes.extend([1; 100]);
            with(|inner| {
                assert!(inner.is_empty());
                inner.extend([2; 10]);
            });
            assert_eq!(*bytes, [1; 100]);
        });
        with(|bytes| {
            assert!(bytes.is_empty() && bytes.capacity() >= 100);
            bytes.resize(MOST + 1, 0);
        });
        with(|bytes| assert_eq!(bytes.capacity(), 0));
    }
}
