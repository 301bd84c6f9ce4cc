//! A source as an iterator, for who puts something between the generator and its buffer.

use std::mem::MaybeUninit;

use super::{
    sink::{Room, Sink},
    source::{Advance, Generator, Source},
};
use crate::sync::{AtomicUsize, Ordering};

impl<T: 'static> Source<T> {
    /// The values one by one; the generator runs when one is asked for.
    pub fn into_values(self) -> impl Iterator<Item = T> + Send
    where
        T: Send,
    {
        Pulled { generator: Some(self.generator) }
    }
}

struct Pulled<T> {
    /// `None` when it has ended.
    generator: Option<Box<dyn Generator<T>>>,
}

impl<T> Iterator for Pulled<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        loop {
            let mut value = MaybeUninit::<T>::uninit();
            let count = AtomicUsize::new(0);
            let advance = {
                let room = Room { slot: value.as_mut_ptr(), until: 1 };
                self.generator.as_mut()?.advance(&mut Sink::limited(0, room, &count))
            };
            if let Advance::Ended = advance {
                self.generator = None;
            }
            // Relaxed: the count is this thread's own.
            if count.load(Ordering::Relaxed) == 1 {
                // SAFETY: the sink counted one value, which it has written here.
                return Some(unsafe { value.assume_init() });
            }
        }
    }
}
