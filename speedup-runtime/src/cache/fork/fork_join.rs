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
        results[index] = Some(callee.run_unclaimed(core, &keys[index]));
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
    let later = share(
        core,
        callee,
        keys,
        missing,
        worker,
        |_| 0,
        |index| match core.compute_if_free(callee, &keys[index], R::clone) {
            Tried::Found(value) | Tried::Computed(value) => {
                results[index] = Some(value);
                Step::Done
            }
            Tried::Busy => Step::Later,
        },
    );
    for index in &missing[..later] {
        results[*index] = Some(callee.run_unclaimed(core, &keys[*index]));
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

/// Puts members into the order in which this worker takes them.
pub(in crate::cache) fn arrange<K: Key>(keys: &[K], members: &mut [usize], worker: &Worker) {
    spread(keys, members);
    worker.own.next_order().arrange(members);
}

/// What has come of a member's turn.
pub(in crate::cache) enum Step {
    Done,
    /// It is in flight elsewhere: it comes again, when all others have been.
    Later,
    /// Nothing more is needed of the group.
    Stop,
}

/// Shows the members that are missing, and goes through them in the worker's order, without those which are to be skipped: it is asked how many of
/// the next ones are. Returns how many are left for later; they stand first in `missing`.
pub(in crate::cache) fn share<K: Key, R: Output>(
    core: &Core<K, R>,
    callee: Callee<'_, K, R>,
    keys: &[K],
    missing: &mut [usize],
    worker: &'static Worker,
    mut skip: impl FnMut(&[usize]) -> usize,
    mut take: impl FnMut(usize) -> Step,
) -> usize {
    arrange(keys, missing, worker);
    // Of others the board names as many as there are threads for.
    let is_wide = missing.len() >= WIDE || missing.len() > WINDOW && invitation::may_be_more_than(WINDOW);
    let guest = match is_wide {
        false => Guest::new(core, callee),
        true => Guest::wide(core, callee, Wide::new(keys, missing)),
    };
    let show = Show::new(&guest, worker);
    let (mut later, mut step, mut show_at) = (0, 0, 0);
    while step < missing.len() {
        if step >= show_at {
            // A wide group has been shown once and for all.
            if step == 0 || !is_wide {
                show.members(keys, &missing[step..]);
            }
            if step == 0 || !is_wide || invitation::may_invite(worker) {
                core.open(worker);
                invitation::invite(worker);
            }
            show_at = if missing.len() > WINDOW { step + WINDOW / 2 } else { usize::MAX };
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
        step += 1;
        step += skip(&missing[step..]);
    }
    // What one of them needs another one's owner waits for, so a third thread may be of use to any of them.
    if later > 0 && invitation::are_several() {
        let mut left = missing[..later].to_vec();
        while show.help_with(keys, &mut left) {}
    }
    show.end(keys, missing);
    later
}

#[cfg(all(test, not(any(loom, speedup_simulated))))]
mod tests {
    use std::{
        sync::{
            OnceLock,
            atomic::{AtomicUsize, Ordering},
        },
        thread,
        time::{Duration, Instant},
    };

    use crate::{
        Cache,
        cache::{Function, State, block::waits, thread::registry},
    };

    fn until(what: &str, is_so: impl Fn() -> bool) {
        let began = Instant::now();
        while !is_so() {
            assert!(began.elapsed() < Duration::from_secs(60), "{what}");
            thread::yield_now();
        }
    }

    /// The number of who made the outermost call.
    static OWNER: OnceLock<u32> = OnceLock::new();
    static BEGUN: AtomicUsize = AtomicUsize::new(0);
    static LEAVES: AtomicUsize = AtomicUsize::new(0);
    /// From here on keys are of calls that tell what calls cost.
    const DEAR: u64 = 1_000;

    /// The first needs 1 and 2, and each of those four leaves.
    const TREE: &Cache<(u64,), u64> = {
        static STATE: State<(u64,), u64> = State::new();
        &Cache::of(&STATE, Function::new("tree", |&(n,)| node(n)))
    };

    fn below(n: u64) -> u64 {
        TREE.group([(10 * n,), (10 * n + 1,), (10 * n + 2,), (10 * n + 3,)]).iter().sum()
    }

    fn node(n: u64) -> u64 {
        match n {
            0 => TREE.group([(1,), (2,)]).iter().sum(),
            1 | 2 => {
                BEGUN.fetch_add(1, Ordering::SeqCst);
                until("both have begun", || BEGUN.load(Ordering::SeqCst) == 2);
                let (me, owner) = (registry::current().number, OWNER.get().copied().unwrap_or(u32::MAX));
                // That of the owner ends at once. While it waits for the other one it shows nothing.
                if me != owner {
                    until("the owner waits", || waits::next(owner) == Some(me));
                    return below(n);
                }
                n
            }
            DEAR | 1_001 => below(n),
            DEAR.. => {
                // Dear, wherever it runs.
                thread::sleep(Duration::from_millis(20));
                n
            }
            _ => {
                // Who shows them and who waits for that one are two. The others have come to help.
                LEAVES.fetch_add(1, Ordering::SeqCst);
                until("four threads are at the leaves", || LEAVES.load(Ordering::SeqCst) == 4);
                n
            }
        }
    }

    #[test]
    fn helpers_find_what_helpers_show_when_the_owner_shows_nothing_more() {
        let pool = rayon_core::ThreadPoolBuilder::new().num_threads(8).build().expect("a pool");
        let value = pool.install(|| {
            OWNER.get_or_init(|| registry::current().number);
            TREE.get((DEAR,));
            TREE.get((DEAR + 1,));
            TREE.get((0,))
        });
        assert!([1 + 86, 2 + 46].contains(&value), "{value}");
    }
}
