//! A value that is made when it is first needed.
//!
//! As `once_cell` has it, whose code lies in another part of a program: a first call would wait until that is fetched.

use std::mem::MaybeUninit;

use crate::sync::{AtomicBool, Mutex, Ordering, WatchedCell, const_unless_loom, lock};

/// A value that is made once. Of several threads that need it at the same time one makes it, and the others wait.
pub(in crate::cache) struct Once<T> {
    /// Whether there is a value; then it stays as it is. Release by who has made it, Acquire by who looks at it.
    made: AtomicBool,
    /// Held by who makes it.
    making: Mutex<()>,
    value: WatchedCell<MaybeUninit<T>>,
}

// SAFETY: the value is made by the one thread that holds the lock, is only looked at from then on, and may be dropped by another.
unsafe impl<T: Send + Sync> Sync for Once<T> {}

impl<T> Once<T> {
    const_unless_loom! {
        /// No value.
        pub(in crate::cache) fn new() -> Self {
            Self { made: AtomicBool::new(false), making: Mutex::new(()), value: WatchedCell::new(MaybeUninit::uninit()) }
        }
    }

    /// The value, if it has been made.
    #[inline]
    pub(in crate::cache) fn get(&self) -> Option<&T> {
        // SAFETY: written before `made`, and never again.
        self.made.load(Ordering::Acquire).then(|| self.value.with(|value| unsafe { (*value).assume_init_ref() }))
    }

    /// The value, made now if there is none. If making it panics there is none yet.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache) fn get_or_init(&self, make: impl FnOnce() -> T) -> &T {
        if let Some(value) = self.get() {
            return value;
        }
        {
            let _making = lock(&self.making);
            // Relaxed: written under the lock.
            if !self.made.load(Ordering::Relaxed) {
                let made = make();
                // SAFETY: nobody looks at it before it is said to be made, and nobody else makes it.
                self.value.with_mut(|value| unsafe { (*value).write(made) });
                self.made.store(true, Ordering::Release);
            }
        }
        // SAFETY: as in `get`; by this thread, or under the lock before.
        self.value.with(|value| unsafe { (*value).assume_init_ref() })
    }
}

impl<T> Drop for Once<T> {
    fn drop(&mut self) {
        // Relaxed: nobody else looks.
        if self.made.load(Ordering::Relaxed) {
            // SAFETY: made, and nobody else looks.
            self.value.with_mut(|value| unsafe { (*value).assume_init_drop() });
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::sync::{
        Arc, Barrier,
        atomic::{AtomicUsize, Ordering},
    };

    use super::*;
    use crate::panics;

    #[test]
    fn of_all_who_need_it_one_makes_it() {
        let (once, made, start) = (Once::new(), AtomicUsize::new(0), Barrier::new(4));
        assert_eq!(once.get(), None);
        let make = || made.fetch_add(1, Ordering::Relaxed) + 7;
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    start.wait();
                    assert_eq!(*once.get_or_init(make), 7);
                });
            }
        });
        assert_eq!((once.get(), made.load(Ordering::Relaxed)), (Some(&7), 1));
    }

    #[test]
    fn what_panics_has_made_nothing() {
        let once = Once::new();
        panics::contain(|| _ = once.get_or_init(|| std::panic::resume_unwind(Box::new(()))));
        assert_eq!(once.get(), None);
        assert_eq!(*once.get_or_init(|| 3), 3);
    }

    #[test]
    fn it_goes_with_what_has_it() {
        let value = Arc::new(());
        let (made, empty) = (Once::new(), Once::<Arc<()>>::new());
        made.get_or_init(|| value.clone());
        assert_eq!(Arc::strong_count(&value), 2);
        drop((made, empty));
        assert_eq!(Arc::strong_count(&value), 1);
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    use loom::{sync::Arc, thread};

    use super::*;

    #[test]
    fn loom_who_sees_that_it_is_made_sees_it_whole() {
        loom::model(|| {
            let (once, made) = (Arc::new(Once::new()), Arc::new(crate::sync::AtomicUsize::new(0)));
            let makers: Vec<_> = (0..2)
                .map(|_| {
                    let (once, made) = (once.clone(), made.clone());
                    thread::spawn(move || {
                        let value = *once.get_or_init(|| {
                            made.fetch_add(1, Ordering::Relaxed);
                            7
                        });
                        assert_eq!(value, 7);
                    })
                })
                .collect();
            assert!(once.get().is_none_or(|value| *value == 7));
            makers.into_iter().for_each(|maker| maker.join().expect("no panic"));
            assert_eq!((once.get(), made.load(Ordering::Relaxed)), (Some(&7), 1));
        });
    }
}
