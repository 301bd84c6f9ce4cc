//! What a structure gives to the checkpoint of its folder.

use super::super::common::{Common, Entry, Passenger};
use super::super::superblock::Superblock;
use super::super::{Error, Result};
use super::Store;
use super::arrival::{Arrival, run};
use super::passage::Passage;
use crate::sync::global::Arc;

impl Store {
    /// Lets the next publication of everything wait for those of other structures.
    pub(crate) fn begin_boarding(&mut self) {
        self.boarding = true;
    }

    /// Whether what is to be published waits for others.
    pub(super) fn is_aboard(&self) -> bool {
        self.under_way.as_ref().is_some_and(|under_way| under_way.arrival.size_aboard().is_some())
    }

    /// What is written together with other structures, so that no file of the journal before `number` is needed: what waits for that, or what is known
    /// where nothing has changed since.
    pub(crate) fn end_boarding(&mut self, number: u64) -> Option<Box<dyn Passenger>> {
        self.boarding = false;
        let common = Arc::clone(self.common.as_ref()?);
        let member = self.member;
        if let Some(under_way) = &self.under_way {
            let arrival = Arc::clone(&under_way.arrival);
            let size = arrival.size_aboard()?;
            return Some(Box::new(Boarded { member, size, common, arrival, passage: None }));
        }
        if self.changed || self.noted > 0 || !self.needs_before(number) || !self.block.at_rest {
            return None;
        }
        // All that it has noted is published. What comes is in this file of the journal or behind it, whoever says so.
        self.block.journal = number;
        Some(Box::new(Resting(entry(member, &self.block))))
    }
}

fn entry(member: u64, block: &Superblock) -> Entry {
    let Superblock { generation, journal, epoch, applied, floor, at_rest, .. } = *block;
    Entry { member, generation, journal, epoch, applied, floor, at_rest }
}

/// A structure that has not changed since it was published.
struct Resting(Entry);

impl Passenger for Resting {
    fn member(&self) -> u64 {
        self.0.member
    }

    fn size(&self) -> usize {
        0
    }

    fn seal(&mut self) -> bool {
        true
    }

    fn is_published(&self) -> bool {
        true
    }

    fn take_back(&mut self) -> Result<()> {
        Ok(())
    }

    fn write(&mut self) -> Option<Entry> {
        Some(self.0)
    }

    fn arrive(&mut self) {}

    fn go_alone(&mut self) {}
}

/// A publication that waits for others.
struct Boarded {
    member: u64,
    size: usize,
    common: Arc<Common>,
    arrival: Arc<Arrival>,
    /// There once nobody can take it from the others, and what it has come to.
    passage: Option<(Passage, Option<Superblock>)>,
}

impl Passenger for Boarded {
    fn member(&self) -> u64 {
        self.member
    }

    fn size(&self) -> usize {
        self.size
    }

    fn seal(&mut self) -> bool {
        self.passage = self.arrival.take_aboard().map(|passage| (passage, None));
        self.passage.is_some()
    }

    fn is_published(&self) -> bool {
        false
    }

    fn take_back(&mut self) -> Result<()> {
        self.passage.as_ref().map_or(Ok(()), |(passage, _)| passage.take_back())
    }

    fn write(&mut self) -> Option<Entry> {
        let (passage, block) = self.passage.as_mut()?;
        match passage.publish() {
            Ok(published) => {
                *block = Some(published);
                Some(entry(self.member, &published))
            }
            Err(error) => {
                // What was synced and failed may not be synced again.
                let (passage, _) = self.passage.take()?;
                let error = passage.explain(error);
                self.arrival.say((passage, Err(error)));
                None
            }
        }
    }

    fn arrive(&mut self) {
        if let Some((passage, Some(block))) = self.passage.take() {
            self.common.needs(self.member, Some(block.journal));
            self.arrival.say((passage, Ok(block)));
        }
    }

    fn go_alone(&mut self) {
        if let Some((passage, _)) = self.passage.take() {
            self.arrival.say(run(passage));
        }
    }
}

impl Drop for Boarded {
    fn drop(&mut self) {
        // Whoever waits for it is told, also where a panic has left it.
        if let Some((passage, _)) = self.passage.take() {
            self.arrival.say((passage, Err(Error::Failed { cause: "a checkpoint panicked".into() })));
        }
    }
}
