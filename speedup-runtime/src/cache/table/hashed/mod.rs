//! All other keys in a sharded hash table whose readers take no lock.
//!
//! A shard has an index of numbers and, in chunks that never move, the entries that they are the numbers of. Writers
//! hold the shard's lock, unless the table is theirs alone; readers use plain loads. A larger index replaces the old one,
//! which is retired. The hash is seeded at random, so keys cannot be chosen to collide.

mod entry;
mod front;
mod index;
mod lanes;
mod memory;
mod named;
mod shard;
mod stock;
mod view;
mod writer;
mod zeroed;

use std::{
    hash::{BuildHasher, Hasher},
    sync::Arc,
};

pub(in crate::cache::table) use self::entry::{Entry, key_of, mark_in, name_of, slot_of};
pub(super) use self::front::Front;
use self::{
    index::SHARD_BITS,
    memory::Memory,
    shard::{RandomState, Shard},
    view::View,
    writer::{Refused, Writing},
};
use super::slot::{State, Word};
#[cfg(not(loom))]
use crate::cache::table::census::Census;
use crate::cache::{
    memory::{
        epoch::{Garbage, Urgency},
        garbage,
    },
    table::{
        bias::{Alone, Turn},
        key::{Key, Lookup, Output},
    },
    thread::registry::Pinned,
};

const SHARDS: usize = 1 << SHARD_BITS;

/// The slots of the keys that are not small integers.
pub(super) struct Hashed<K, R> {
    hasher: RandomState,
    shards: Box<[Shard<K, R>; SHARDS]>,
}

impl<K: Key, R: Output> Hashed<K, R> {
    /// An empty one, which keeps what it outgrows until it goes, or has it retired.
    pub(super) fn new(keeps: bool) -> Self {
        let memory = Arc::new(Memory::default());
        let shards: Box<[_]> = (0..SHARDS).map(|_| Shard::new(keeps, memory.clone())).collect();
        let Ok(shards) = shards.try_into() else { unreachable!("so many were made") };
        Self { hasher: RandomState::default(), shards }
    }

    /// The entry of a key, if it has one.
    #[inline]
    pub(super) fn find<'pin, Q: Lookup<K>>(&self, key: Q, pin: Pinned<'pin>) -> Option<&'pin Entry<K, R>> {
        let hash = self.hash(key);
        self.shard(hash).find(hash, key, pin).ok()
    }

    /// For about so many entries there is room.
    pub(super) fn room(&self, pin: Pinned<'_>) -> usize {
        self.shards.first().and_then(|shard| shard.view(pin)).map_or(0, |view| view.index.room() * SHARDS)
    }

    /// The entry of a key, and whether it is a new one: then it has this state, and the value if it is ready. `None` without
    /// a turn, or if `instead` finds, during the turn, that the key has come to belong elsewhere; `made` is called in it.
    ///
    /// Where the table `is_shared`, what is to be written comes before that. The key is hashed, compared and copied before the turn begins: that is users' code, which may call the cache.
    #[inline]
    pub(super) fn find_or_make<'pin, 'a, Q: Lookup<K>>(
        &self,
        (key, is_shared): (Q, bool),
        turn: impl Fn() -> Option<Turn<'a>>,
        pin: Pinned<'pin>,
        instead: impl Fn() -> bool,
        mut make: impl FnMut() -> (State, Option<R>),
        mut made: impl FnMut(),
    ) -> Option<(&'pin Entry<K, R>, bool)> {
        let hash = self.hash(key);
        let shard = self.shard(hash);
        // Dropped after the turn, if it is not used.
        let mut own = None;
        loop {
            let before = shard.linked();
            let missing = match shard.find(hash, key, pin) {
                Ok(found) => return Some((found, false)),
                Err(missing) => missing,
            };
            if is_shared {
                shard.expect_insert(&missing);
            }
            own = own.or_else(|| Some(key.to_key()));
            let refused = {
                let turn = turn()?;
                let mut writer = shard.write(&turn);
                if instead() {
                    return None;
                }
                match shard.place(&writer, missing, before) {
                    Ok(lane) => {
                        let key = own.take()?;
                        let entry = shard.insert(&mut writer, hash, key, make(), lane);
                        made();
                        return Some((entry, true));
                    }
                    Err(refused) => refused,
                }
            };
            if let Refused::Full = refused {
                shard.grow(&self.hasher, &turn, pin)?;
            }
        }
    }

    /// As [`find_or_make`](Self::find_or_make) by who is alone, so that one look is enough. `None` where there is no room.
    ///
    /// # Safety
    /// Neither the hash nor the comparison nor the copy of the key is code of users.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) unsafe fn file_alone<'pin>(
        &self,
        key: &K,
        state: State,
        alone: &Alone<'_>,
        pin: Pinned<'pin>,
    ) -> Option<(&'pin Entry<K, R>, bool)> {
        let hash = self.hash(key);
        let shard = self.shard(hash);
        let lane = match shard.find(hash, key, pin) {
            Ok(found) => return Some((found, false)),
            Err(missing) => missing.at?.1,
        };
        let mut writer = shard.write_alone(alone);
        if shard.is_full(&writer) {
            return None;
        }
        Some((shard.insert(&mut writer, hash, key.to_key(), (state, None), lane), true))
    }

    /// The entry of a key that is made by who is alone. `None` where there is one, or may be, and where it takes more than what there is at hand.
    ///
    /// # Safety
    /// Neither the hash nor the copy of the key is code of users.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) unsafe fn file_at_once<'pin>(
        &self,
        key: &K,
        state: State,
        alone: &Alone<'_>,
        _pin: Pinned<'pin>,
    ) -> Option<&'pin Entry<K, R>> {
        let hash = self.hash(key);
        self.shard(hash).insert_at_once(hash, key, state, alone)
    }

    /// Whether a key has an entry, for the writer, so that what a concurrent maker does is either seen or has not begun.
    /// Only for small keys, whose comparison is no code of users.
    pub(super) fn has_settled<Q: Lookup<K>>(&self, key: Q, turn: &Turn<'_>, pin: Pinned<'_>) -> bool {
        let hash = self.hash(key);
        let shard = self.shard(hash);
        let _writer = shard.write(turn);
        shard.find(hash, key, pin).is_ok()
    }

    /// Takes the value of a key out, if it is ready. It is dropped when nobody can be reading it.
    ///
    /// # Safety
    /// `self` is part of a table that is retired later than what this call retires.
    pub(super) unsafe fn remove<'pin, 'a, Q: Lookup<K>>(
        &self,
        key: Q,
        turn: impl Fn() -> Turn<'a>,
        pin: Pinned<'pin>,
    ) -> Option<&'pin R> {
        let hash = self.hash(key);
        let shard = self.shard(hash);
        let (entry, _) = Self::change(shard, hash, key, turn, pin, |mut writer, entry| {
            shard.unlink(&mut writer, hash, entry);
        })?;
        // SAFETY: passed on.
        Some(unsafe { Self::retire(shard, entry) })
    }

    /// Puts a value in the place of one that is ready, which is dropped when nobody can be reading it. Readers find either.
    ///
    /// # Safety
    /// As for [`remove`](Self::remove).
    pub(super) unsafe fn replace<'pin, 'a>(
        &self,
        key: &K,
        value: &mut Option<R>,
        turn: impl Fn() -> Turn<'a>,
        pin: Pinned<'pin>,
    ) -> Option<&'pin R> {
        let hash = self.hash(key);
        let shard = self.shard(hash);
        let mut own = Some(key.clone());
        loop {
            let (entry, end) = Self::change(shard, hash, key, &turn, pin, |mut writer, entry| match own.take() {
                Some(key) if !shard.is_full(&writer) => {
                    shard.replace(&mut writer, hash, entry, key, value.take());
                    Ok(())
                }
                key => {
                    own = key;
                    Err(Refused::Full)
                }
            })?;
            match end {
                // SAFETY: passed on.
                Ok(()) => return Some(unsafe { Self::retire(shard, entry) }),
                Err(_) => _ = shard.grow(&self.hasher, &|| Some(turn()), pin),
            }
        }
    }

    /// Changes the entry of a key during a turn, if it is ready.
    fn change<'pin, 'a, Q: Lookup<K>, T>(
        shard: &Shard<K, R>,
        hash: u64,
        key: Q,
        turn: impl Fn() -> Turn<'a>,
        pin: Pinned<'pin>,
        change: impl FnOnce(Writing<'_, K, R>, &Entry<K, R>) -> T,
    ) -> Option<(&'pin Entry<K, R>, T)> {
        loop {
            let entry = shard.find(hash, key, pin).ok()?;
            let turn = turn();
            let writer = shard.write(&turn);
            match entry.state.word() {
                Word::Ready => return Some((entry, change(writer, entry))),
                // Others have been faster, and there may be another entry of the key by now.
                Word::Removed => {}
                _ => return None,
            }
        }
    }

    /// Has an entry that is no longer linked given back when nobody can be reading it. Returns the value.
    ///
    /// # Safety
    /// The caller has taken the entry out of use, which was ready, during `'pin`; and as for [`remove`](Self::remove).
    unsafe fn retire<'pin>(shard: &Shard<K, R>, entry: &'pin Entry<K, R>) -> &'pin R {
        // SAFETY: passed on.
        unsafe { Self::retire_with::<true>(shard, entry, Urgency::USUAL) };
        // SAFETY: it was ready, and what was retired just now lives during the pin.
        unsafe { (*entry.value.get()).assume_init_ref() }
    }

    /// The same of an entry that has a value, or has none.
    ///
    /// # Safety
    /// As for [`retire`](Self::retire), but that the entry was ready if `HAS_VALUE`, and otherwise claimed by the caller.
    unsafe fn retire_with<const HAS_VALUE: bool>(shard: &Shard<K, R>, entry: &Entry<K, R>, urgency: Urgency) {
        unsafe fn free<K: Key, R: Output, const HAS_VALUE: bool>(shard: *const (), entry: *mut ()) {
            // SAFETY: the table, and so the shard, is retired after this entry by the caller's contract, and freed behind all that
            // was retired before; nobody reads the entry any more, whose key is initialised, and whose value is if it has one.
            unsafe {
                let (shard, entry) = (&*shard.cast::<Shard<K, R>>(), &*entry.cast::<Entry<K, R>>());
                let key = (*entry.key.get()).assume_init_read();
                let value = HAS_VALUE.then(|| (*entry.value.get()).assume_init_read());
                shard.give_back(entry);
                drop((key, value));
            }
        }
        let (of, at) = (std::ptr::from_ref(shard).cast(), std::ptr::from_ref(entry).cast_mut().cast());
        // SAFETY: keys and values are `Send`; once, by the contract.
        garbage::retire_by(urgency, unsafe { Garbage::new(of, at, free::<K, R, HAS_VALUE>) });
    }

    /// Takes the entry of a key out that gets no value, if this is its state word. It is given back when nobody can be reading it.
    ///
    /// # Safety
    /// The caller has claimed what the word is about; and as for [`remove`](Self::remove).
    #[cfg(not(loom))]
    pub(super) unsafe fn discard<'a>(
        &self,
        key: &K,
        state: *const (),
        turn: impl Fn() -> Turn<'a>,
        pin: Pinned<'_>,
    ) -> bool {
        let hash = self.hash(key);
        let shard = self.shard(hash);
        let Ok(entry) = shard.find(hash, key, pin) else { return false };
        if !std::ptr::eq((&raw const entry.state).cast(), state) {
            return false;
        }
        {
            let turn = turn();
            shard.unlink(&mut shard.write(&turn), hash, entry);
        }
        // SAFETY: nobody but the caller changes what it has claimed; and passed on.
        unsafe { Self::retire_with::<false>(shard, entry, Urgency::USUAL) };
        true
    }

    /// Looks at all entries that are ready.
    #[cfg(not(loom))]
    pub(super) fn each(&self, pin: Pinned<'_>, mut look: impl FnMut(&K, &R)) {
        for view in self.shards.iter().filter_map(|shard| shard.view(pin)) {
            for number in view.index.numbers() {
                let entry = view.entry(number);
                if let Some(value) = entry.slot().value() {
                    // SAFETY: it was ready under the pin, and so has its key until the pin ends.
                    look(unsafe { (*entry.key.get()).assume_init_ref() }, value);
                }
            }
        }
    }

    /// How many entries are ready.
    pub(super) fn len(&self, pin: Pinned<'_>) -> usize {
        let ready =
            |view: &View<K, R>| view.index.numbers().filter(|number| view.entry(*number).state.is_ready()).count();
        self.shards.iter().filter_map(|shard| shard.view(pin)).map(ready).sum()
    }

    /// What the entries and their index take.
    #[cfg(not(loom))]
    pub(super) fn bytes(&self, pin: Pinned<'_>) -> usize {
        let views: usize = self.shards.iter().filter_map(|shard| shard.view(pin)).map(View::bytes).sum();
        size_of::<Self>() + self.shards.len() * size_of::<Shard<K, R>>() + views
    }

    /// Adds what the entries are.
    #[cfg(not(loom))]
    pub(super) fn census(&self, census: &mut Census, pin: Pinned<'_>) {
        for view in self.shards.iter().filter_map(|shard| shard.view(pin)) {
            for number in view.index.numbers() {
                census.add(view.entry(number).state.word());
            }
        }
    }

    #[inline]
    pub(super) fn hash<Q: Lookup<K>>(&self, key: Q) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        key.hash_into(&mut hasher);
        hasher.finish()
    }

    #[inline]
    fn shard(&self, hash: u64) -> &Shard<K, R> {
        // The low bits choose the shard, the next ones the word, the top ones are the tag.
        &self.shards[hash as usize % SHARDS]
    }
}
