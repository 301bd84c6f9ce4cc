//! Models of the tables: the very code that ships, run through the interleavings of two or three threads.
//!
//! Keys and values are read and dropped under the eyes of the checker, which reports a value that is read while it is
//! written or dropped; and all values are counted, so one that is dropped twice, or written where nobody drops it, shows.

mod bounded;
mod changes;
mod flights;
mod hashed;
mod pages;

use std::{
    cell::Cell,
    hash::{Hash, Hasher},
    sync::atomic::{AtomicU32, Ordering::Relaxed},
};

use loom::{cell::UnsafeCell, sync::Arc, thread};

use crate::cache::{
    call::{claim_guard::Flight, state::Core},
    table::{Claim, Table, key::Key},
    thread::registry::{self, Worker},
};

std::thread_local! {
    /// Values that are alive. All threads of a model run on one of the system.
    static LIVE: Cell<i32> = const { Cell::new(0) };
}

/// A number that the checker watches: a value, or a key that is no small integer.
struct Watched(UnsafeCell<u32>);

// SAFETY: that it is never written while it is read is what the models check.
unsafe impl Sync for Watched {}

impl Watched {
    fn new(number: u32) -> Self {
        LIVE.set(LIVE.get() + 1);
        Self(UnsafeCell::new(number))
    }

    fn read(&self) -> u32 {
        // SAFETY: see `Sync`.
        self.0.with(|number| unsafe { *number })
    }
}

impl Clone for Watched {
    fn clone(&self) -> Self {
        Self::new(self.read())
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        LIVE.set(LIVE.get() - 1);
        // SAFETY: as above.
        self.0.with_mut(|number| unsafe { *number = u32::MAX });
    }
}

impl PartialEq for Watched {
    fn eq(&self, other: &Self) -> bool {
        self.read() == other.read()
    }
}

impl Eq for Watched {}

impl Hash for Watched {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u32(self.read());
    }
}

/// A cache whose value of a key is a multiple of the number in it.
struct Cache<K: Key> {
    core: Core<K, Watched>,
    /// How often the keys with these numbers were computed. Not watched: every thread adds to it at a moment of its own.
    runs: [AtomicU32; 12],
    number: fn(&K) -> u32,
    key: fn(u32) -> K,
    /// Whether calls begin as those do of keys that no page can have.
    is_far: bool,
}

impl Cache<(u32,)> {
    /// With keys that lie in pages.
    fn paged() -> Arc<Self> {
        Self::new(|(number,)| *number, |number| (number,))
    }
}

impl Cache<(Watched,)> {
    /// With keys that lie in the hash table.
    fn hashed() -> Arc<Self> {
        Self::new(|(number,)| number.read(), |number| (Watched::new(number),))
    }

    /// The same, where calls begin as those do of integers that no page can have.
    fn far() -> Arc<Self> {
        let mut cache = Self::make(|(number,)| number.read(), |number| (Watched::new(number),));
        cache.is_far = true;
        Arc::new(cache)
    }

    /// A model with keys of both kinds.
    fn check_hashed_and_far(model: impl Fn(Arc<Self>) + Send + Sync + 'static) {
        let model = std::sync::Arc::new(model);
        let far = model.clone();
        check(move || model(Self::hashed()));
        check(move || far(Self::far()));
    }
}

impl<K: Key> Cache<K> {
    fn new(number: fn(&K) -> u32, key: fn(u32) -> K) -> Arc<Self> {
        Arc::new(Self::make(number, key))
    }

    fn make(number: fn(&K) -> u32, key: fn(u32) -> K) -> Self {
        LIVE.set(0);
        Self { core: Core::new(), runs: std::array::from_fn(|_| AtomicU32::new(0)), number, key, is_far: false }
    }

    /// Does something with the table and a key of this number, pinned.
    fn with<T>(
        &self,
        me: &'static Worker,
        number: u32,
        see: impl FnOnce(&Table<K, Watched>, &K, registry::Pinned<'_>) -> T,
    ) -> T {
        let key = (self.key)(number);
        let pin = me.pin();
        see(self.core.table.get_or_make(|| Table::new(me), pin.at()), &key, pin.at())
    }

    /// The claim of a key, or the value if it is there; waits for others.
    fn claim(&self, me: &'static Worker, number: u32) -> Result<Flight<'_, K, Watched>, u32> {
        loop {
            let claimed = self.with(me, number, |table, key, pin| {
                let mine = |slot| Some(Ok(Flight::new(&self.core, me, table.id(), slot)));
                // As a call does: by a look, and then by all means.
                let begun =
                    if self.is_far { table.begin_far(key, me, pin) } else { table.begin(key, key.pack(), me, pin) };
                match begun {
                    Some((slot, true)) => return mine(slot),
                    Some((slot, false)) if let Some(value) = slot.value() => return Some(Err(value.read())),
                    _ => {}
                }
                match table.claim(key, key.pack(), me, pin) {
                    Claim::Ready(value) => Some(Err(value.read())),
                    Claim::Mine(slot) => mine(slot),
                    Claim::Busy(..) => None,
                }
            });
            match claimed {
                Some(claimed) => return claimed,
                None => thread::yield_now(),
            }
        }
    }

    /// The value of a key, computed if need be as this multiple of its number.
    fn get_as(&self, me: &'static Worker, number: u32, factor: u32) -> u32 {
        self.claim(me, number).map_or_else(
            |value| value,
            |flight| {
                self.runs[number as usize].fetch_add(1, Relaxed);
                flight.publish(Watched::new(number * factor));
                number * factor
            },
        )
    }

    /// The value of a key, computed if need be; checked.
    fn get(&self, me: &'static Worker, number: u32) {
        assert_eq!(self.get_as(me, number, 10), number * 10);
    }

    /// The value of a key if it is there.
    fn peek(&self, me: &'static Worker, number: u32) -> Option<u32> {
        self.with(me, number, |table, key, pin| table.find(key, key.pack(), pin).map(Watched::read))
    }

    /// Takes a value out, which is returned.
    fn take(&self, me: &'static Worker, number: u32) -> Option<u32> {
        // SAFETY: tables are retired later than what is removed from them.
        self.with(me, number, |table, key, pin| unsafe { table.remove(key, me, pin).map(Watched::read) })
    }

    /// Takes a value out; whether there was one, checked.
    fn remove(&self, me: &'static Worker, number: u32) -> bool {
        self.take(me, number).inspect(|value| assert_eq!(*value, number * 10)).is_some()
    }

    /// Puts a value in the place of one that is there, which is returned.
    fn replace(&self, me: &'static Worker, number: u32, value: u32) -> Result<Option<u32>, u32> {
        self.with(me, number, |table, key, pin| {
            // SAFETY: as in `take`.
            match unsafe { table.replace(key, Watched::new(value), me, pin) } {
                Ok(old) => Ok(old.map(Watched::read)),
                Err(back) => Err(back.read()),
            }
        })
    }

    fn runs(&self, number: u32) -> u32 {
        self.runs[number as usize].load(Relaxed)
    }

    /// Asserts that everything is given back in the end.
    fn ends(&self) {
        registry::set_frees(true);
        self.core.table.clear();
        registry::collect();
        registry::collect();
        assert_eq!(LIVE.get(), 0, "values and keys that were not dropped, or dropped twice");
    }
}

/// Checks the interleavings with up to three preemptions, or more if the environment says so; all of them are too many.
fn check(model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.max(Some(3));
    // Who waits for the owner of a table looks again and again while that makes an index.
    builder.max_branches = 10_000;
    let model = std::sync::Arc::new(model);
    for (frees, biased) in [(true, true), (true, false), (false, false)] {
        let model = model.clone();
        builder.check(move || {
            registry::set_frees(frees);
            registry::set_biased(biased);
            model();
        });
    }
}

/// Starts a thread of a model.
fn start<K: Key>(
    cache: &Arc<Cache<K>>,
    number: usize,
    part: impl FnOnce(&Cache<K>, &'static Worker) + Send + 'static,
) -> thread::JoinHandle<()> {
    let cache = cache.clone();
    thread::spawn(move || part(&cache, registry::numbered(number)))
}
