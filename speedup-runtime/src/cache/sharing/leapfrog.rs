//! Helping: finding a call that nobody has begun, by descending from a call in flight.
//!
//! Whoever helps looks at somebody's board for members of groups that are not yet claimed, outermost first, and for members of
//! the groups of those who have claimed the others.

use crate::cache::thread::{
    board::{Board, Shown, WINDOW},
    claim::Busy,
    engine::{Engine, Group, Header, Helped, Kept},
    registry::{self, Worker},
};
use crate::sync::timed;

/// So many boards are looked at before a search is given up.
const BOARDS: usize = 16;

/// What came of a search for a call that nobody has begun.
pub(in crate::cache) enum Found {
    /// There was one, and now it is computed.
    Computed,
    /// There was one, and it panicked. A search would find it again, so the searcher leaves it to those who need it.
    Panicked,
    /// There is none.
    Nothing,
}

/// Computes one call that the awaited call, of the key with this mark, is waiting for and that nobody has begun.
pub(in crate::cache) fn toward(busy: &Busy, mark: u16, worker: &'static Worker) -> Found {
    Search::new(worker).below(busy, mark)
}

/// Computes one call that a worker shows and nobody has begun, as who helps it does; or one that another of its helpers shows.
pub(in crate::cache) fn look_at(owner: &'static Worker, worker: &'static Worker) -> Found {
    look_from(0, owner, worker)
}

/// The same from this part of the board on, of which a whole one has 2^32, and then round.
pub(in crate::cache) fn look_from(part: u32, owner: &'static Worker, worker: &'static Worker) -> Found {
    let depth = owner.shown().map_or(0, Board::depth);
    let first = (depth as u64 * u64::from(part)) >> 32;
    let mut search = Search::new(worker);
    match search.on_board(owner, 0, first as usize, None) {
        // An owner that has begun all members of a group and waits for others that have some of them shows it no more.
        Found::Nothing => search.on_boards_of_helpers(owner),
        found => found,
    }
}

/// A search over boards.
struct Search {
    worker: &'static Worker,
    /// Slots whose owners' boards have been looked at.
    seen: Vec<usize>,
}

impl Search {
    fn new(worker: &'static Worker) -> Self {
        Self { worker, seen: Vec::new() }
    }

    /// Looks at what the owner of a slot shows of the call that fills it, if the key has this mark, and of inner ones. By then
    /// the owner may be filling the same slot for another key, on which who waits need not depend, but perhaps it on them.
    fn below(&mut self, busy: &Busy, mark: u16) -> Found {
        if self.seen.len() >= BOARDS || self.seen.contains(&busy.name()) || busy.owner == self.worker.number {
            return Found::Nothing;
        }
        self.seen.push(busy.name());
        let Some(owner) = registry::by_number(busy.owner) else { return Found::Nothing };
        let Some(board) = owner.shown() else { return Found::Nothing };
        let base = (busy.name(), mark);
        let place = (0..board.depth()).find(|place| {
            timed::step();
            board.read(*place).is_some_and(|shown| (shown.slot, shown.mark) == base)
        });
        place.map_or(Found::Nothing, |place| self.on_board(owner, place, place, Some(base)))
    }

    /// Looks at what a worker shows from this place on, where the call that fills the slot `base` for the key with that mark
    /// stands, if it is given; computes the first call that is free. Places before `first` come last.
    fn on_board(&mut self, owner: &'static Worker, from: usize, first: usize, base: Option<(usize, u16)>) -> Found {
        let Some(board) = owner.shown() else { return Found::Nothing };
        let mut busy = Vec::new();
        for place in (first..board.depth()).chain(from..first) {
            timed::step();
            let pin = self.worker.pin();
            let Some(shown) = board.read(place).filter(|shown| !shown.is_empty()) else { continue };
            // Read after the inner entry: if the owner has gone on to another call, what it shows now is no concern of
            // the awaited one.
            let is_left =
                || base.is_some_and(|base| board.read(from).is_none_or(|shown| (shown.slot, shown.mark) != base));
            if is_left() {
                return Found::Nothing;
            }
            if shown.is_wide {
                drop(pin);
                match self.in_wide(owner, place, &shown, is_left, &mut busy) {
                    Found::Nothing => continue,
                    found => return found,
                }
            }
            // A guest lies on its owner's stack, who waits for visitors before it goes.
            let visit = if is_guest(shown.owner) { board.visit(place, &shown, self.worker.number) } else { None };
            let visit = visit.map(|visit| (self.worker.visits(board.name(place)), visit));
            if is_guest(shown.owner) && visit.is_none() {
                continue;
            }
            // SAFETY: what a board names lives while the reader is pinned: caches are retired before they are freed, and
            // taken off the board before they are retired. Guests live while they are visited.
            let engine = Looked::at(unsafe { Header::engine(untagged(shown.owner)) });
            drop(pin);
            let group = group_of(owner, shown.generation, &shown);
            let order = self.worker.own.next_order();
            let len = shown.members().len();
            // The owner is at one of them.
            let mut owners = 1;
            for step in 0..len {
                timed::step();
                let member = shown.members()[order.pick(step, len)];
                let group = Group { goes_on: len - step - 1 > owners, ..group };
                match engine.0.help(member, group) {
                    Helped::Computed => return Found::Computed,
                    Helped::Panicked => return Found::Panicked,
                    Helped::Busy(by, mark) => {
                        if by.owner == owner.number {
                            owners = 0;
                        }
                        busy.push((by, mark));
                    }
                    Helped::Settled => {}
                }
            }
        }
        for (busy, mark) in &busy {
            match self.below(busy, *mark) {
                Found::Nothing => {}
                found => return found,
            }
        }
        Found::Nothing
    }
}

impl Search {
    /// Looks at what all show who help the same owner, beginning with another one than others do.
    fn on_boards_of_helpers(&mut self, owner: &'static Worker) -> Found {
        let helpers = registry::helpers_of(owner);
        let (before, after) = helpers.split_at(helpers.partition_point(|helper| helper.number <= self.worker.number));
        for helper in after.iter().chain(before).filter(|helper| helper.number != self.worker.number) {
            match self.on_board(helper, 0, 0, None) {
                Found::Nothing => {}
                found => return found,
            }
        }
        Found::Nothing
    }

    /// Computes members of a group that names them itself, one after the other, as long as it is shown and not `is_left`.
    fn in_wide(
        &self,
        owner: &'static Worker,
        place: usize,
        shown: &Shown<Header>,
        is_left: impl Fn() -> bool,
        busy: &mut Vec<(Busy, u16)>,
    ) -> Found {
        let Some(board) = owner.shown() else { return Found::Nothing };
        let mut found = Found::Nothing;
        // Whoever passes something on is visited as long as a call runs that may borrow it.
        while let Some(visit) = board.visit(place, shown, self.worker.number) {
            let visit = (self.worker.visits(board.name(place)), visit);
            let mut names = [0; WINDOW];
            // SAFETY: guests live while they are visited.
            let guest = unsafe { Header::engine(untagged(shown.owner)) };
            let (named, table) = guest.name_more(&mut names);
            // SAFETY: the cache lives as long as the group does, and is kept alive from here on if it may go.
            let cache = guest.behind().map(|cache| Looked::at(unsafe { Header::engine(cache) }));
            let (engine, _visit) = match &cache {
                Some(cache) => {
                    drop(visit);
                    (cache.0, None)
                }
                None => (guest, Some(visit)),
            };
            let (mut came, mut over) = (Found::Nothing, is_left() || !board.still_shows(place, shown));
            if !over {
                engine.help_in_turn(&names[..named], group_of(owner, table, shown), &mut |helped| {
                    timed::step();
                    match helped {
                        Helped::Computed => came = Found::Computed,
                        Helped::Panicked => came = Found::Panicked,
                        Helped::Busy(by, mark) => busy.push((by, mark)),
                        Helped::Settled => {}
                    }
                    over = matches!(came, Found::Panicked) || is_left() || !board.still_shows(place, shown);
                    over
                });
            }
            match came {
                Found::Panicked => return came,
                Found::Nothing => return found,
                Found::Computed => found = came,
            }
            if over {
                break;
            }
        }
        found
    }
}

/// What a worker shows, whose members were named in this table.
fn group_of(owner: &'static Worker, table: u64, shown: &Shown<Header>) -> Group<'static> {
    Group { table, handed: &owner.handed, frame: shown.slot, goes_on: false }
}

/// Marks the address of an [`Engine`] on a board as one that lies on its owner's stack.
const GUEST: usize = 1;

/// The address of a guest, as boards show it.
pub(in crate::cache) fn as_guest(header: *mut Header) -> *mut Header {
    header.map_addr(|at| at | GUEST)
}

fn is_guest(shown: *mut Header) -> bool {
    shown.addr() & GUEST != 0
}

fn untagged(shown: *mut Header) -> *mut Header {
    shown.map_addr(|at| at & !GUEST)
}

/// A cache that stays alive while it is looked at.
struct Looked<'a>(&'a dyn Engine, Option<Kept>);

impl<'a> Looked<'a> {
    fn at(engine: &'a dyn Engine) -> Self {
        Self(engine, engine.keep())
    }
}

impl Drop for Looked<'_> {
    fn drop(&mut self) {
        drop(self.1.take());
        // What is released is retired, also where nobody computes.
        registry::collect_if_due();
    }
}
