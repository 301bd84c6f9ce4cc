//! Calls that do not need each other, computed together.
//!
//! Who needs a group shows its members and works through them; others who come by take members as well, in another
//! order, so that they meet in the middle instead of following each other. A member in flight elsewhere is left for the
//! end. Source of the orders: A. Stivala, P. Stuckey et al., "Lock-free parallel dynamic programming", JPDC 70 (2010).

use crate::cache::{
    api::{
        function::Function,
        key::{Key, Output},
    },
    block::isolation,
    call::{
        call_stack::{self, Frame},
        inner::Core,
    },
    fork::{leapfrog, published::WINDOW},
    thread::registry::{self, Worker},
};

/// The order in which a worker takes the members of groups.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::cache) enum Order {
    /// First to last: who asked from outside.
    #[default]
    Forward,
    /// Last to first: the first helper.
    Backward,
    /// Rotated by so many: all others.
    From(u32),
}

impl Order {
    /// The order of the helper on this seat.
    pub(in crate::cache) fn of_seat(seat: u32) -> Self {
        if seat == 0 { Self::Backward } else { Self::From(seat) }
    }

    /// The index of the member to take in this step.
    pub(in crate::cache) fn pick(self, step: usize, len: usize) -> usize {
        match self {
            Self::Forward => step,
            Self::Backward => len - 1 - step,
            // Odd seats turn back, so that two of them differ also in pairs.
            Self::From(seat) => {
                let at = (step + seat as usize / 2) % len;
                if seat % 2 == 1 { at } else { len - 1 - at }
            }
        }
    }

    fn arrange(self, members: &mut [usize]) {
        match self {
            Self::Forward => {}
            Self::Backward => members.reverse(),
            Self::From(_) => {
                let sorted = members.to_vec();
                for (step, member) in members.iter_mut().enumerate() {
                    *member = sorted[self.pick(step, sorted.len())];
                }
            }
        }
    }
}

/// Fills in the results of all keys. `scratch` is as long as `keys`.
pub(in crate::cache) fn compute<K: Key, R: Output>(
    core: &Core<K, R>,
    function: &Function<K, R>,
    keys: &[K],
    results: &mut [Option<R>],
    scratch: &mut [usize],
) {
    let worker = registry::current();
    let mut missing = 0;
    for (index, key) in keys.iter().enumerate() {
        results[index] = core.hit(key, key.pack());
        if results[index].is_none() {
            scratch[missing] = index;
            missing += 1;
        }
    }
    let missing = &mut scratch[..missing];
    let alone = missing.len() < 2 || !core.shares(function, worker);
    if alone || isolation::is_isolated(worker) {
        for index in missing {
            results[*index] = Some(core.get(function, &keys[*index]));
        }
        return;
    }
    let later = share(core, function, keys, missing, worker, |index| {
        results[index] = core.compute_if_free(function, &keys[index]);
        if results[index].is_some() { Step::Done } else { Step::Later }
    });
    for index in &missing[..later] {
        results[*index] = Some(function.run(core, &keys[*index], None));
    }
}

/// What has come of a member's turn.
pub(in crate::cache) enum Step {
    Done,
    /// It is in flight elsewhere: it comes again, when all others have been.
    Later,
    /// Nothing more is needed of the group.
    Stop,
}

/// Shows the members that are missing, and goes through them in the worker's order. Returns how many are left for later;
/// they stand first in `missing`.
pub(in crate::cache) fn share<K: Key, R: Output>(
    core: &Core<K, R>,
    function: &Function<K, R>,
    keys: &[K],
    missing: &mut [usize],
    worker: &'static Worker,
    mut take: impl FnMut(usize) -> Step,
) -> usize {
    worker.own.order.get().arrange(missing);
    let show = Show::new(core, worker);
    let mut later = 0;
    for step in 0..missing.len() {
        if step % (WINDOW / 2) == 0 && (step == 0 || missing.len() > WINDOW) {
            show.members(function, keys, &missing[step..]);
            if core.grain.invites(worker) {
                leapfrog::invite(worker);
            }
        }
        let index = missing[step];
        match take(index) {
            Step::Done => {}
            Step::Later => {
                missing[later] = index;
                later += 1;
            }
            Step::Stop => break,
        }
    }
    later
}

/// A group on the board of the worker that needs it, taken off when dropped.
struct Show<'a, K: Key, R: Output> {
    core: &'a Core<K, R>,
    worker: &'static Worker,
    place: usize,
    /// Whether the place was made for the group, because no call that is shown is running.
    own_place: bool,
}

impl<'a, K: Key, R: Output> Show<'a, K, R> {
    fn new(core: &'a Core<K, R>, worker: &'static Worker) -> Self {
        // Whoever helps may hand over what is not kept.
        call_stack::top(worker).inspect(|frame| frame.expects());
        let place = call_stack::top(worker).and_then(Frame::place);
        let slot = call_stack::top(worker).map_or(0, Frame::slot);
        let (place, own_place) = place.map_or_else(|| (worker.board().push(slot), true), |place| (place, false));
        Self { core, worker, place, own_place }
    }

    /// Shows the next members.
    fn members(&self, function: &Function<K, R>, keys: &[K], next: &[usize]) {
        let mut names = [0; WINDOW];
        let mut shown = 0;
        let mut table = 0;
        for index in next.iter().take(WINDOW) {
            let (name, of) = self.core.member(function, &keys[*index], self.worker);
            // After a `clear` in between, the names of the old table mean nothing.
            if of != table {
                (table, shown) = (of, 0);
            }
            names[shown] = name;
            shown += 1;
        }
        self.worker.board().show(self.place, self.core.header(), table, &names[..shown]);
    }
}

impl<K: Key, R: Output> Drop for Show<'_, K, R> {
    fn drop(&mut self) {
        self.worker.board().hide(self.place);
        if self.own_place {
            self.worker.board().pop(self.place);
            if self.worker.own.top.get().is_none() {
                leapfrog::dismiss(self.worker);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_order_takes_every_member_once() {
        for order in [Order::Forward, Order::Backward].into_iter().chain((0..7).map(Order::of_seat)) {
            for len in 1..9 {
                let mut taken: Vec<_> = (0..len).map(|step| order.pick(step, len)).collect();
                let mut arranged: Vec<_> = (0..len).collect();
                order.arrange(&mut arranged);
                assert_eq!(taken, arranged);
                taken.sort_unstable();
                assert_eq!(taken, (0..len).collect::<Vec<_>>(), "{order:?}");
            }
        }
    }
}
