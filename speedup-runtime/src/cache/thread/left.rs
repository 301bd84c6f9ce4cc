//! Keys of calls that leave no value behind, made for an outermost call that several threads work for.
//!
//! As long as that runs, others may have named their slots, to find what has come of them. So they are let go of when it has ended, and
//! nobody works for it any more.

use std::sync::Mutex;

use crate::{
    panics,
    sync::{AtomicBool, Ordering, lock},
};

/// What lets go of a key, unless that has got a value meanwhile.
type Errand = Box<dyn FnOnce() + Send>;

/// The keys that are to be let go of when outermost calls of a thread have ended.
#[derive(Default)]
pub(in crate::cache) struct Left {
    /// Whether there are any. Relaxed: a hint, since the lock decides.
    any: AtomicBool,
    /// Each with the number of its outermost call.
    keys: Mutex<Vec<(u64, Errand)>>,
}

impl Left {
    /// Whether there may be any.
    #[inline]
    pub(in crate::cache) fn any(&self) -> bool {
        self.any.load(Ordering::Relaxed)
    }

    /// Notes a key of the outermost call with this number.
    pub(in crate::cache) fn note(&self, root: u64, errand: impl FnOnce() + Send + 'static) {
        lock(&self.keys).push((root, Box::new(errand)));
        self.any.store(true, Ordering::Relaxed);
    }

    /// Lets go of the keys of outermost calls before the one with this number.
    #[cold]
    pub(in crate::cache) fn let_go_before(&self, root: u64) {
        let gone: Vec<_> = {
            let mut keys = lock(&self.keys);
            let gone = keys.extract_if(.., |(of, _)| *of < root).collect();
            self.any.store(!keys.is_empty(), Ordering::Relaxed);
            gone
        };
        for (_, errand) in gone {
            panics::contain(errand);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn keys_go_when_their_outermost_call_is_over() {
        let (left, gone) = (Left::default(), Arc::new(Mutex::new(Vec::new())));
        for (root, key) in [(1, 'a'), (3, 'b'), (1, 'c')] {
            let gone = gone.clone();
            left.note(root, move || gone.lock().expect("nobody panics").push(key));
        }
        left.note(1, || panic!("the hash of a key"));
        let known = || gone.lock().expect("nobody panics").clone();
        left.let_go_before(1);
        assert!(known().is_empty());
        left.let_go_before(2);
        assert!(left.any() && known() == ['a', 'c']);
        left.let_go_before(5);
        assert!(!left.any() && known() == ['a', 'c', 'b']);
    }
}
