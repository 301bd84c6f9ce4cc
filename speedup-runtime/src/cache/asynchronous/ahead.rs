//! What a store is asked for a group before its members are polled.

use std::task::{Context, Poll};

use super::{get, state::AsyncCache};
use crate::cache::{
    call::behind::{Foretelling, Seat},
    table::key::{Key, Output},
    thread::registry,
};
use crate::seeing::switch;

/// What lies behind the cache of a group is asked for all of it at once.
#[derive(Default)]
pub(super) struct Ahead {
    stage: Stage,
    /// Those that were claimed are kept until their members have their values. By the number of the member; empty where there is none.
    seats: Vec<Option<Seat>>,
}

#[derive(Default)]
enum Stage {
    #[default]
    New,
    /// With the numbers of the members.
    Asking(Foretelling, Vec<usize>),
    Over,
}

impl Ahead {
    /// Polls what is asked, and says whether that is over. Then the members may be polled. `members` are the keys that are to be asked for.
    #[inline]
    pub(super) fn poll<'a, K: Key, R: Output>(
        &mut self,
        members: impl ExactSizeIterator<Item = Asking<'a, K, R>>,
        context: &mut Context<'_>,
    ) -> Poll<()> {
        if matches!(self.stage, Stage::Over) { Poll::Ready(()) } else { self.ask(members, context) }
    }

    #[cold]
    fn ask<'a, K: Key, R: Output>(
        &mut self,
        members: impl ExactSizeIterator<Item = Asking<'a, K, R>>,
        context: &mut Context<'_>,
    ) -> Poll<()> {
        let count = members.len();
        self.begin(|| begin(members));
        self.go_on(count, context)
    }

    /// Begins to ask, unless that has been done.
    pub(super) fn begin(&mut self, asked: impl FnOnce() -> Option<(Foretelling, Vec<usize>)>) {
        if matches!(self.stage, Stage::New) {
            self.stage = asked().map_or(Stage::Over, |(asking, numbers)| Stage::Asking(asking, numbers));
        }
    }

    /// Whether it has not been tried.
    pub(super) fn is_new(&self) -> bool {
        matches!(self.stage, Stage::New)
    }

    /// Whether nothing is asked, now or later.
    pub(super) fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Over)
    }

    /// Polls what has begun to be asked for so many members, and says whether that is over.
    pub(super) fn go_on(&mut self, count: usize, context: &mut Context<'_>) -> Poll<()> {
        let Stage::Asking(asking, numbers) = &mut self.stage else { return Poll::Ready(()) };
        let Poll::Ready(seats) = asking.as_mut().poll(context) else {
            get::waits();
            return Poll::Pending;
        };
        if seats.iter().any(Option::is_some) {
            self.seats.resize_with(count, || None);
            numbers.iter().zip(seats).for_each(|(number, seat)| self.seats[*number] = seat);
        }
        self.stage = Stage::Over;
        Poll::Ready(())
    }

    /// A member has its value.
    #[inline]
    pub(super) fn end(&mut self, member: usize) {
        if let Some(seat) = self.seats.get_mut(member) {
            *seat = None;
        }
    }
}

/// A member of a group that has not begun.
pub(super) type Asking<'a, K, R> = Option<(&'a AsyncCache<K, R>, &'a K)>;

/// Asks for the members that are neither there nor on their way, if there are several.
fn begin<'a, K: Key, R: Output>(members: impl Iterator<Item = Asking<'a, K, R>>) -> Option<(Foretelling, Vec<usize>)> {
    let mut members = members.enumerate().filter_map(|(number, member)| Some((number, member?))).peekable();
    let (_, (cache, _)) = members.peek()?;
    let behind = cache.behind().filter(|_| !switch::is_off())?;
    let worker = registry::current();
    let missing = members.filter(|(_, (cache, key))| !cache.is_known(key, worker));
    let (numbers, keys): (Vec<usize>, Vec<K>) = missing.map(|(number, (_, key))| (number, key.clone())).unzip();
    if numbers.len() < 2 {
        return None;
    }
    Some((behind.foretell_all(keys)?, numbers))
}
