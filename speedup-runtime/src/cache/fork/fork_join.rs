//! Calls that do not need each other, computed together.
//!
//! Who needs a group shows its members and works through them; others who come by take members as well, in another
//! order, so that they meet in the middle instead of following each other. A member in flight elsewhere is left for the
//! end. Source of the orders: A. Stivala, P. Stuckey et al., "Lock-free parallel dynamic programming", JPDC 70 (2010).

use crate::cache::{
    call::{asked::Tried, behind::Seat, callee::Callee, function::Function, state::Core},
    fork::{
        shown::{Guest, Show},
        wide::{WIDE, Wide},
    },
    sharing::invitation,
    table::key::{Key, Output},
    thread::{
        board::WINDOW,
        registry::{self, Worker},
    },
};

/// Fills in the results of all keys. `scratch` is as long as `keys`. They may be shared `at_once` if many are asked for by name.
pub(in crate::cache) fn compute<K: Key, R: Output>(
    core: &Core<K, R>,
    callee: Callee<'_, K, R>,
    keys: &[K],
    results: &mut [Option<R>],
    scratch: &mut [usize],
    at_once: bool,
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
    let outside = worker.own.top.get().is_none() && worker.own.home.get().is_none();
    let may_share = !callee.is_local
        && !worker.is_isolated()
        && if outside { at_once } else { core.may_share(callee.function, worker) };
    let shares = |left: usize| {
        may_share
            && left > 1
            && if outside { core.shares_all(callee.function, left) } else { core.shares(callee.function, left, worker) }
    };
    let mut is_shared = shares(missing.len());
    let mut seat = foretell(callee.function, keys, missing, !is_shared);
    let mut alone = 0;
    while alone < missing.len() && !is_shared {
        let index = missing[alone];
        results[index] = Some(callee.run(core, &keys[index], None));
        // That of the first, which has been taken.
        seat = None;
        alone += 1;
        is_shared = shares(missing.len() - alone);
    }
    drop(seat);
    let missing = &mut missing[alone..];
    if missing.is_empty() {
        return;
    }
    let later = share(core, callee, keys, missing, worker, |index| {
        match core.compute_if_free(callee, &keys[index], R::clone) {
            Tried::Found(value) | Tried::Computed(value) => {
                results[index] = Some(value);
                Step::Done
            }
            Tried::Busy => Step::Later,
        }
    });
    for index in &missing[..later] {
        results[*index] = Some(callee.run(core, &keys[*index], None));
    }
}

/// Lets the store, if there is one, fetch what is about to be needed; and claim the first that is computed, if that is done at once.
pub(in crate::cache) fn foretell<K: Key, R: Output>(
    function: &Function<K, R>,
    keys: &[K],
    missing: &mut [usize],
    claims: bool,
) -> Option<Seat> {
    if function.docked.is_none() || missing.len() < 2 {
        return None;
    }
    function.docked()?.foretell(keys, missing, claims)
}

/// Puts calls of one or two small integers into an order whose reverse leads another way, whatever the order in which they were asked for.
///
/// Of the two such orders it is the one in which the first stays in front: that is the way which a thread has gone that came here alone.
fn spread<K: Key>(keys: &[K], members: &mut [usize]) {
    let Some(first) = members.first().copied() else { return };
    if members.iter().all(|member| keys[*member].rank().is_some()) {
        // Mostly they are in this order, or in the reverse, which takes one pass.
        members.sort_by_key(|member| keys[*member].rank());
        if members.iter().position(|member| *member == first) > Some((members.len() - 1) / 2) {
            members.reverse();
        }
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
    callee: Callee<'_, K, R>,
    keys: &[K],
    missing: &mut [usize],
    worker: &'static Worker,
    mut take: impl FnMut(usize) -> Step,
) -> usize {
    spread(keys, missing);
    worker.own.next_order().arrange(missing);
    // Of others the board names as many as there are threads for.
    let is_wide = missing.len() >= WIDE || missing.len() > WINDOW && invitation::may_be_more_than(WINDOW);
    let guest = match is_wide {
        false => Guest::new(core, callee),
        true => Guest::wide(core, callee, Wide::new(keys, missing)),
    };
    let show = Show::new(&guest, worker);
    let mut later = 0;
    for step in 0..missing.len() {
        if step % (WINDOW / 2) == 0 && (step == 0 || missing.len() > WINDOW) {
            // A wide group has been shown once and for all.
            if step == 0 || !is_wide {
                show.members(keys, &missing[step..]);
            }
            if step == 0 || !is_wide || invitation::may_invite(worker) {
                core.open(worker);
                invitation::invite(worker);
            }
        }
        let index = missing[step];
        match take(index) {
            Step::Done => {}
            Step::Later => {
                missing[later] = index;
                later += 1;
            }
            Step::Stop => {
                show.end(keys, missing);
                return later;
            }
        }
    }
    // What one of them needs another one's owner waits for, so a third thread may be of use to any of them.
    if later > 0 && invitation::are_several() {
        let mut left = missing[..later].to_vec();
        while show.help_with(keys, &mut left) {}
    }
    show.end(keys, missing);
    later
}
