//! Calls that are shared with other processes through a store that lets them, see [`cooperate`](crate::store::cooperate).

use std::time::Instant;

use super::{AFRESH, Dock, ahead::Asked, grain};
use crate::cache::{Behind as _, Fault, Help, Key, Output, Seat, Sought, Turn};
use crate::store::{
    Result,
    cooperate::{self, All, Begun, Cooperate, Found, Group},
};
use crate::sync::global::Ordering;

impl<K: Key, R: Output> Dock<K, R> {
    /// How the store lets processes compute together, unless it rests.
    pub(super) fn cooperation(&'static self) -> Option<&'static dyn Cooperate<K, R>> {
        if self.breaker.is_open() { None } else { self.shore().store.cooperation() }
    }

    /// See [`Behind::together`](crate::cache::Behind::together), and `together_or_fail`, where nothing may be lost.
    pub(super) fn compute_together(
        &'static self,
        key: &K,
        body: &mut dyn FnMut() -> R,
        help: Help<'_, K>,
        is_strict: bool,
    ) -> Result<Option<R>> {
        let is_afresh = AFRESH.get() == std::ptr::from_ref(key).cast();
        let Some(store) = self.cooperation() else { return Ok(None) };
        if is_afresh {
            return Ok(None);
        }
        // By a search or a group of this process. That has taken no trip.
        let is_taken = cooperate::take(store, key);
        if !is_taken && !self.is_worth_a_claim(store) {
            return Ok(None);
        }
        if !is_taken && let Some(value) = self.pending.find(key).or_else(|| self.ahead.take(key).flatten()) {
            self.found.fetch_add(1, Ordering::Relaxed);
            return Ok(Some(value));
        }
        grain::within(|| {
            let begun = if is_taken { Begun::Mine } else { self.ask_timed(|| store.begin(key))? };
            let (mut is_ours, mut failed) = (false, None);
            let compute = || {
                is_ours = true;
                let value = self.grain.body(&mut *body);
                let mut kept = self.keeps(&value);
                // Written now, since others wait for it.
                if kept && let Err(error) = self.ask(|store| store.put(key, &value, None)) {
                    kept = false;
                    if is_strict {
                        failed = Some(error);
                    } else {
                        self.note(key, &value);
                    }
                }
                (value, kept)
            };
            let value = cooperate::together_by(store, key, begun, compute, Some(help))?;
            if !is_ours {
                self.found.fetch_add(1, Ordering::Relaxed);
            }
            failed.map_or(Ok(Some(value)), Err)
        })
    }

    fn is_worth_a_claim(&'static self, store: &dyn Cooperate<K, R>) -> bool {
        store.claims_all() || self.grain.is_worth_a_claim()
    }

    /// Asks the store, and notes what the way there and back takes.
    fn ask_timed<T>(&'static self, question: impl FnOnce() -> Result<T>) -> Result<T> {
        let began = Instant::now();
        let answer = self.ask(|_| question())?;
        self.grain.trip(began.elapsed());
        Ok(answer)
    }

    /// See [`Behind::turn`](crate::cache::Behind::turn).
    pub(super) fn ask_for_turn(
        &'static self,
        key: &K,
        beside: Option<&[(K, u64)]>,
    ) -> std::result::Result<Turn<K, R>, Fault> {
        let alone = || Ok(self.look(key)?.map_or(Turn::Alone, Turn::There));
        let Some(store) = self.cooperation() else { return alone() };
        let is_taken = cooperate::take(store, key);
        if !is_taken && beside.is_none() && !self.is_worth_a_claim(store) {
            return alone();
        }
        let ahead = || if beside.is_none() { self.ahead.take(key).flatten() } else { None };
        if !is_taken && let Some(value) = self.pending.find(key).or_else(ahead) {
            self.found.fetch_add(1, Ordering::Relaxed);
            return Ok(Turn::There(value));
        }
        let (mut begun, changed) = match beside {
            _ if is_taken => (Begun::Mine, None),
            None => (self.ask_timed(|| store.begin(key))?, None),
            Some(beside) => self.ask(|_| store.begin_watching_beside(key, beside))?,
        };
        // By a search of this process, which now waits for this call. One that claims it later than this tells.
        if matches!(begun, Begun::Taken { .. }) && cooperate::take(store, key) {
            begun = Begun::Mine;
        }
        Ok(match begun {
            Begun::Value(value) => {
                self.found.fetch_add(1, Ordering::Relaxed);
                Turn::There(value)
            }
            Begun::Mine => {
                cooperate::computes(store, key, true);
                Turn::Mine
            }
            // Nobody would tell when it is over.
            Begun::Taken { .. } if beside.is_some() && changed.is_none() => Turn::Alone,
            Begun::Taken { needs, seen } => Turn::Taken { needs, seen, changed },
        })
    }

    /// See [`Behind::seek`](crate::cache::Behind::seek).
    pub(super) fn seek_free(&'static self, needs: Vec<K>, helped: &[K], claims: bool) -> Result<Sought<K>> {
        let Some(store) = self.cooperation() else { return Ok(Sought::Taken(Vec::new())) };
        let helped = helped.iter().map(|key| store.bytes(key)).collect();
        let seek = if claims { cooperate::search } else { cooperate::look_around };
        Ok(match self.ask(|_| seek(store, needs, &helped))? {
            Found::Free(call) => Sought::Free(call.key.clone(), Box::new(call)),
            Found::Ours(key) => Sought::Ours(key),
            Found::Taken(beside) => Sought::Taken(beside),
        })
    }

    /// A task no longer computes a call that it had claimed. Also while the store rests, since its claims are renewed all the same.
    pub(super) fn ends(&'static self, key: &K) -> Option<&'static dyn Cooperate<K, R>> {
        let store = self.shore().store.cooperation()?;
        cooperate::computes(store, key, false);
        Some(store)
    }

    /// Writes a value that was computed for others, too; or gives its claim up.
    pub(super) fn keep_together(&'static self, key: &K, value: &R) -> Result<()> {
        let kept =
            if self.keeps(value) { self.ask(|store| store.put(key, value, None)).map(|()| true) } else { Ok(false) };
        if !matches!(kept, Ok(true)) {
            self.give_up(key);
        }
        if kept.is_err() {
            self.note(key, value);
        }
        kept.map(drop)
    }

    /// Fetches members ahead, and puts those first that no other process computes: in an order of this process's own. The first is claimed, if that
    /// is wanted and worth it.
    pub(super) fn foretell_together(&'static self, keys: &[K], members: &mut [usize], claims: bool) -> Option<Seat> {
        let store = self.cooperation()?;
        let claims = claims && self.is_worth_a_claim(store);
        let asked = self.ahead.ask();
        let wanted: Vec<&K> = members.iter().map(|index| &keys[*index]).collect();
        let Group { order, there, free, first } = self.ask(|_| cooperate::group(store, &wanted, claims)).ok()?;
        keep(asked, &wanted, there, free);
        let before = members.to_vec();
        members.iter_mut().zip(order).for_each(|(member, index)| *member = before[index]);
        first
    }

    /// Fetches members ahead that a task is about to ask for, all of them at once; those that are free are claimed, if that is worth it. `owner`
    /// needs them.
    pub(super) fn foretell_all_together(
        &'static self,
        store: &'static dyn Cooperate<K, R>,
        owner: Option<&K>,
        keys: &[K],
    ) -> Option<Vec<Option<Seat>>> {
        let claims = self.is_worth_a_claim(store);
        let asked = self.ahead.ask();
        let wanted: Vec<&K> = keys.iter().collect();
        let All { there, free, seats } = self.ask(|_| cooperate::all(store, owner, &wanted, claims)).ok()?;
        keep(asked, &wanted, there, free);
        Some(seats)
    }
}

/// Keeps what is known of members: their values; and that others are missing, for those who look without claiming.
fn keep<K: Key, R: Output>(asked: Asked<'_, K, R>, members: &[&K], there: Vec<(usize, R)>, free: Vec<usize>) {
    let there = there.into_iter().map(|(index, value)| (index, Some(value)));
    let free = free.into_iter().map(|index| (index, None));
    asked.keep(there.chain(free).map(|(index, value)| (members[index].clone(), value)));
}
