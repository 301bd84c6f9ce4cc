//! The server as a machine sees it.

use std::cell::Cell;
use std::time::Duration;

use speedup::store::Result;
use speedup::store::cooperate::{Begun, Cooperate, First, Foretold, Looked};

use super::world::{Claimed, Entry, Server, World};
use crate::recursions::Key;

/// A machine's connection to the server.
pub(super) struct Link<'a> {
    world: &'a World,
    machine: usize,
    /// How long a message takes one way.
    way: Duration,
    trips: std::sync::atomic::AtomicUsize,
}

impl<'a> Link<'a> {
    pub(super) fn new(world: &'a World, machine: usize, trip: Duration) -> Self {
        Self { world, machine, way: trip / 2, trips: 0.into() }
    }

    pub(super) fn trips(&self) -> usize {
        self.trips.load(std::sync::atomic::Ordering::Relaxed)
    }

    pub(super) fn pass(&self, time: Duration) {
        self.world.pass(self.machine, time, self.way);
    }

    /// A question: a round trip.
    fn ask<T>(&self, question: impl FnOnce(&mut Server) -> T) -> T {
        self.trips.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        self.pass(self.way);
        let answer = self.world.ask(self.way, question);
        self.pass(self.way);
        answer
    }

    pub(super) fn get(&self, key: Key) -> Option<u64> {
        self.ask(|server| server.entry(key).value)
    }

    pub(super) fn put(&self, key: Key, value: u64) {
        self.ask(|server| server.put(key, value));
    }

    /// What a look at a key shows, which is claimed if it is free.
    fn see(&self, server: &mut Server, key: Key) -> Begun<Key, u64> {
        let entry = server.entry(key);
        if let Some(value) = entry.value {
            return Begun::Value(value);
        }
        match &entry.claim {
            Some(claim) if claim.owner != self.machine => Begun::Taken { needs: claim.needs.clone(), seen: claim.seen },
            _ => {
                entry.claim = Some(Claimed { owner: self.machine, needs: Vec::new(), seen: 0 });
                Begun::Mine
            }
        }
    }

    fn foretold(&self, owner: Option<&[u8]>, keys: &[&Key], mut claims: bool) -> Vec<Foretold<u64>> {
        self.ask(|server| {
            if let Some(owner) = owner {
                self.tell(server, key_of(owner), keys);
            }
            let look = |key: &&Key| match server.entry(**key) {
                Entry { value: Some(value), .. } => Foretold::Value(*value),
                Entry { claim: Some(_), .. } => Foretold::Taken,
                entry if std::mem::take(&mut claims) => {
                    entry.claim = Some(Claimed { owner: self.machine, needs: Vec::new(), seen: 0 });
                    Foretold::Mine
                }
                _ => Foretold::Free,
            };
            keys.iter().map(look).collect()
        })
    }

    fn tell(&self, server: &mut Server, owner: Key, needed: &[&Key]) {
        if let Some(claim) = &mut server.entry(owner).claim
            && claim.owner == self.machine
        {
            claim.needs = needed.iter().map(|key| **key).collect();
            claim.seen += 1;
            server.changed(owner);
        }
    }
}

fn key_of(bytes: &[u8]) -> Key {
    let number = |at: usize| bytes[at..at + 4].iter().fold(0, |number, byte| number << 8 | u32::from(*byte));
    (number(0), number(4))
}

impl Cooperate<Key, u64> for Link<'_> {
    fn begin(&self, key: &Key) -> Result<Begun<Key, u64>> {
        Ok(self.ask(|server| self.see(server, *key)))
    }

    fn wait(&self, key: &Key, known: u64) -> Result<Begun<Key, u64>> {
        self.wait_beside(key, known, &[])
    }

    fn wait_beside(&self, key: &Key, known: u64, beside: &[(Key, u64)]) -> Result<Begun<Key, u64>> {
        let is_as_it_was = |(key, seen): &(Key, u64), server: &mut Server| match server.entry(*key) {
            entry if entry.value.is_some() => true,
            entry => entry.claim.as_ref().is_some_and(|claim| claim.seen == *seen),
        };
        // Who is told of the keys is decided with the look, as by a listener that was there before.
        let answer = Cell::new(None);
        self.ask(|server| {
            let as_they_were = beside.iter().all(|beside| is_as_it_was(beside, server));
            let begun = self.see(server, *key);
            if as_they_were && matches!(begun, Begun::Taken { seen, .. } if seen == known) {
                server.wait(self.machine, beside.iter().map(|(key, _)| *key).chain([*key]));
            } else {
                answer.set(Some(begun));
            }
        });
        if let Some(begun) = answer.into_inner() {
            return Ok(begun);
        }
        self.world.wait(self.machine, self.way);
        self.begin(key)
    }

    fn look(&self, keys: &[&Key]) -> Result<Vec<Looked<Key>>> {
        Ok(self.ask(|server| {
            let look = |key: &&Key| match server.entry(**key) {
                Entry { value: Some(_), .. } => Looked::There,
                Entry { claim: Some(claim), .. } => Looked::Taken { needs: claim.needs.clone(), seen: claim.seen },
                _ => Looked::Free,
            };
            keys.iter().map(look).collect()
        }))
    }

    fn claim_first(&self, keys: &[&Key]) -> Result<First<Key>> {
        Ok(self.ask(|server| {
            let mut before = Vec::new();
            for key in keys {
                match server.entry(**key) {
                    Entry { value: Some(_), .. } => before.push(Looked::There),
                    // Also one of this machine's own: who searches asks for none that it computes.
                    Entry { claim: Some(claim), .. } => {
                        before.push(Looked::Taken { needs: claim.needs.clone(), seen: claim.seen })
                    }
                    entry => {
                        entry.claim = Some(Claimed { owner: self.machine, needs: Vec::new(), seen: 0 });
                        return First { is_claimed: true, before };
                    }
                }
            }
            First { is_claimed: false, before }
        }))
    }

    fn foretell(&self, owner: Option<&[u8]>, keys: &[&Key]) -> Result<Vec<Foretold<u64>>> {
        Ok(self.foretold(owner, keys, false))
    }

    fn foretell_and_claim(&self, owner: Option<&[u8]>, keys: &[&Key]) -> Result<Vec<Foretold<u64>>> {
        Ok(self.foretold(owner, keys, true))
    }

    fn needs(&self, key: &[u8], needed: &[&Key]) -> Result<()> {
        self.ask(|server| self.tell(server, key_of(key), needed));
        Ok(())
    }

    fn give_up(&self, key: &Key) {
        self.ask(|server| {
            server.entry(*key).claim = None;
            server.changed(*key);
        });
    }

    fn bytes(&self, (x, y): &Key) -> Vec<u8> {
        [x.to_be_bytes(), y.to_be_bytes()].concat()
    }

    fn member(&self) -> u64 {
        self.machine as u64 + 1
    }
}
