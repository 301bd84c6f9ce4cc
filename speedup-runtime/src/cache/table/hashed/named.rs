//! Entries by their names, which say where they lie: so a bound finds what it puts out without its key.

use super::{Hashed, SHARDS, entry::Entry, shard::Shard};
use crate::cache::{
    memory::epoch::Urgency,
    table::{
        bias::Turn,
        key::{Key, Lookup, Output},
    },
    thread::registry::Pinned,
};

impl<K: Key, R: Output> Hashed<K, R> {
    /// The entry of a key that is ready, with its hash.
    #[inline]
    pub(in crate::cache::table) fn find_place<'pin, Q: Lookup<K>>(
        &self,
        key: Q,
        pin: Pinned<'pin>,
    ) -> Option<(u64, &'pin Entry<K, R>)> {
        let hash = self.hash(key);
        let entry = self.shard(hash).find(hash, key, pin).ok()?;
        entry.state.is_ready().then_some((hash, entry))
    }

    /// The name of an entry with this hash, see [`at`](Self::at).
    pub(in crate::cache::table) fn place(hash: u64, entry: &Entry<K, R>) -> Option<u32> {
        let number = entry.number().checked_mul(SHARDS as u32)?;
        Some(number + hash as u32 % SHARDS as u32)
    }

    /// The name of an entry whose key has this hash, unless that has changed since it came: then it takes a search.
    #[inline]
    pub(in crate::cache::table) fn place_of(&self, hash: u64, entry: &Entry<K, R>, pin: Pinned<'_>) -> Option<u32> {
        let is_of = |shard: &Shard<K, R>| shard.view(pin).is_some_and(|view| view.has(entry));
        if is_of(self.shard(hash)) {
            return Self::place(hash, entry);
        }
        // The low bits of a hash are its shard.
        Self::place(self.shards.iter().position(is_of)? as u64, entry)
    }

    /// The entry of this name, if it is ready.
    #[inline]
    pub(in crate::cache::table) fn at<'pin>(&self, place: u32, pin: Pinned<'pin>) -> Option<&'pin Entry<K, R>> {
        let view = self.shards[place as usize % SHARDS].view(pin)?;
        Some(view.entry(place / SHARDS as u32)).filter(|entry| entry.state.is_ready())
    }

    /// Has the entry of this name come, and its shard, in order to be removed.
    #[inline]
    pub(in crate::cache::table) fn expect(&self, place: u32, pin: Pinned<'_>) {
        let shard = &self.shards[place as usize % SHARDS];
        shard.expect();
        if let Some(view) = shard.view(pin) {
            view.expect(place / SHARDS as u32);
        }
    }

    /// The hash of the key of the entry of this name. What is written when that is removed comes meanwhile, if it is shared.
    #[inline]
    pub(in crate::cache::table) fn hash_at(&self, place: u32, key: &K, is_shared: bool, pin: Pinned<'_>) -> u64 {
        let hash = self.hash(key);
        if let Some(view) = self.shards[place as usize % SHARDS].view(pin).filter(|_| is_shared) {
            view.index.expect_unlink(hash);
        }
        hash
    }

    /// Takes the value of the entry of this name out, which was ready under the pin, if it still is. Its key has this hash, unless that has
    /// changed.
    ///
    /// # Safety
    /// As for [`remove`](Self::remove).
    pub(in crate::cache::table) unsafe fn remove_at<'pin, 'a>(
        &self,
        place: u32,
        entry: &'pin Entry<K, R>,
        (hash, urgency): (u64, Urgency),
        turn: impl Fn() -> Turn<'a>,
    ) -> bool {
        // By the name: the key may have another hash than when it came.
        let shard = &self.shards[place as usize % SHARDS];
        {
            let turn = turn();
            let mut writer = shard.write(&turn);
            if !entry.state.is_ready() {
                return false;
            }
            shard.unlink(&mut writer, hash, entry);
        }
        // SAFETY: passed on.
        unsafe { Self::retire_with::<true>(shard, entry, urgency) };
        true
    }
}
