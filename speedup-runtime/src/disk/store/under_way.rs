//! A publication that is written by another thread while changes go on.
//!
//! From the moment it departs, operations are noted in both journals: until the superblock names the new one, the old one counts. The pager is in
//! the next epoch, so no page of the commit is touched, and what the commit frees is not used before it is there.

use super::super::next::Next;
use super::super::process;
use super::super::tree::KeyEdit;
use super::super::{Error, Result};
use super::Store;
use super::arrival::{Arrival, UnderWay, is_gone, run};
use super::checkpoint::{Extent, Staged};
use crate::sync::global::{Arc, lock};

/// A publication that has departed, and that the store does not know of yet.
pub(crate) struct Departed {
    under_way: UnderWay,
    next: Option<Next>,
}

impl Store {
    /// Sends off what was gathered, while others may read; `rest` are the changes that begin the new journal.
    ///
    /// Where there is no thread to write it, it is written at once.
    pub(crate) fn depart(&self, staged: Staged, rest: &mut dyn Iterator<Item = KeyEdit<'_>>) -> Result<Departed> {
        let (passage, next) = self.prepare(staged, rest)?;
        let (arrival, outcome) = (Arc::<Arrival>::default(), passage.outcome());
        if self.boarding && !passage.is_part {
            arrival.board(passage);
        } else {
            let there = Arc::clone(&arrival);
            process::errands().run(Box::new(move || there.say(run(passage))));
        }
        Ok(Departed { under_way: UnderWay { arrival, outcome, stranded: None }, next })
    }

    /// From here on changes go on.
    pub(crate) fn go_on(&mut self, departed: Departed) {
        let Departed { under_way, next } = departed;
        self.pager.depart();
        self.go_on_with(under_way.outcome, next);
        self.boarding &= under_way.arrival.size_aboard().is_none();
        self.under_way = Some(under_way);
    }

    /// Publishes as far as `extent` says while changes go on, and waits only for what is on its way; `rest` are the changes that begin the new journal.
    ///
    /// While the journal of an earlier process is played, or there is none, it is waited for.
    pub(crate) fn publish_beside(&mut self, extent: Extent, rest: &mut dyn Iterator<Item = KeyEdit<'_>>) -> Result<()> {
        if self.replaying || self.is_recovering() {
            return self.publish(extent, rest);
        }
        self.land()?;
        if let Some(staged) = self.stage(extent)? {
            let departed = self.depart(staged, rest)?;
            self.go_on(departed);
        }
        Ok(())
    }

    /// Leaves what becomes due to whoever tends the structure.
    pub(crate) fn defer(&mut self) {
        self.deferred = true;
    }

    #[inline]
    pub(crate) fn is_deferred(&self) -> bool {
        self.deferred
    }

    /// Whether a publication is on its way.
    #[inline]
    pub(crate) fn is_under_way(&self) -> bool {
        self.under_way.is_some()
    }

    /// Whether what is on its way will name another journal.
    pub(super) fn is_renewing(&self) -> bool {
        self.under_way.as_ref().is_some_and(|under_way| under_way.outcome.renews)
    }

    /// Waits until what is on its way is written, while others may read.
    pub(crate) fn wait(&self) {
        if let Some(under_way) = &self.under_way {
            under_way.arrival.wait();
        }
    }

    /// Whether what is on its way must be waited for; an error where it cannot go on, because the folder is elsewhere.
    pub(crate) fn must_wait(&self) -> Result<bool> {
        match &self.under_way {
            Some(UnderWay { stranded: Some(_), .. }) => self.check_place().map(|()| true),
            under_way => Ok(under_way.is_some()),
        }
    }

    /// Lets what has been written count.
    #[inline]
    pub(crate) fn land_if_there(&mut self) -> Result<()> {
        let is_there = match &self.under_way {
            None => false,
            Some(UnderWay { stranded: Some(_), .. }) => self.lock.check(&self.folder).is_ok(),
            Some(under_way) => under_way.arrival.is_there(),
        };
        if is_there { self.land() } else { Ok(()) }
    }

    /// Lets what is on its way count, and waits for it if it has to.
    pub(super) fn land(&mut self) -> Result<()> {
        let Some(mut under_way) = self.under_way.take() else { return Ok(()) };
        under_way.arrival.wait();
        let written = match under_way.stranded.take() {
            Some(passage) => Some(run(passage)),
            None => lock(&under_way.arrival.written).1.take().map(|(passage, result)| match result {
                // What was gone for a moment may be there again.
                Err(error) if is_gone(&error) => run(passage),
                result => (passage, result),
            }),
        };
        let (passage, result) = match written {
            Some((passage, Err(error @ Error::Replaced { .. }))) => {
                under_way.stranded = Some(passage);
                self.under_way = Some(under_way);
                return Err(error);
            }
            Some((passage, result)) => (Some(passage), result),
            None => (None, Err(Error::Failed { cause: "a checkpoint was lost".into() })),
        };
        drop(passage);
        let landed = result.and_then(|block| self.pager.arrived().map(|()| block));
        let outcome = under_way.outcome;
        self.settle(landed).map(|block| self.count(outcome, block))
    }
}
