//! Groups that lend what they borrow to other threads, walked step by step. Small enough for Miri, which `cargo xtask miri` has run
//! them, too.

use std::{
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use super::{Guest, Open, Show};
use crate::{
    Cache,
    cache::{
        Function, State,
        call::{
            bodies::{Body, Inside, callee_in},
            state::Core,
        },
        sharing::leapfrog::{self, Found},
        thread::{
            call_stack, opened,
            registry::{self, Worker},
        },
    },
};

/// What callers pass on: a list that the body borrows, a signal that it runs, and whose group it is.
struct Lent<'a> {
    list: &'a [u64],
    runs: &'a AtomicBool,
    owner: &'static Worker,
}

type Key = (usize,);

// The member of the list, once the owner of the group has taken it off the board.
impl Body<Key, u64> for Lent<'_> {
    const IS_LOCAL: bool = false;

    fn compute(&self, (at,): &Key, _: Inside<'_, Key, u64>) -> u64 {
        self.runs.store(true, Ordering::SeqCst);
        while self.owner.shown().is_some_and(|board| board.read(0).is_some_and(|shown| !shown.members().is_empty())) {
            thread::yield_now();
        }
        self.list[*at]
    }
}

#[test]
fn what_a_group_lends_stays_until_who_helps_has_left() {
    let (function, core) = (Function::<Key, u64>::of_context("at"), Core::new());
    let (owner, runs) = (registry::current(), AtomicBool::new(false));
    thread::scope(|scope| {
        let helper = {
            // It goes as soon as the group may.
            let list = vec![5, 6, 7];
            let lent = Lent { list: &list, runs: &runs, owner };
            // SAFETY: this is no scope.
            let guest = Guest::new(&core, unsafe { callee_in::<_, _, _, false>(&function, &lent) });
            let show = Show::new(&guest, owner);
            show.members(&[(1,), (2,)], &[0, 1]);
            let helper = scope.spawn(move || leapfrog::look_at(owner, registry::current()));
            while !runs.load(Ordering::SeqCst) {
                thread::yield_now();
            }
            drop(show);
            helper
        };
        assert_eq!(core.peek(&(1,), Some(1), owner), Some(6));
        assert!(matches!(helper.join().expect("no panic"), Found::Computed));
    });
    assert_eq!(core.len(owner), 1, "the other member was taken off before anybody began it");
}

/// A member of two, whose body goes on when another thread has computed what it shows.
struct WaitsForHelp;

impl Body<Key, u64> for WaitsForHelp {
    const IS_LOCAL: bool = false;

    fn compute(&self, (at,): &Key, inside: Inside<'_, Key, u64>) -> u64 {
        if *at > 1 {
            return *at as u64;
        }
        let worker = registry::current();
        let guest = Guest::new(inside.core, inside.callee);
        let show = Show::new(&guest, worker);
        let keys = [(3,), (4,)];
        show.members(&keys, &[0, 1]);
        let began = Instant::now();
        while !keys.iter().all(|key| inside.core.contains(key, worker)) {
            assert!(began.elapsed() < Duration::from_secs(60), "the owner of the group has not helped");
            thread::yield_now();
        }
        1
    }
}

#[test]
fn who_waits_for_visitors_helps_them() {
    let (function, core) = (Function::<Key, u64>::of_context("at"), Core::new());
    let owner = registry::current();
    // SAFETY: this is no scope.
    let callee = unsafe { callee_in::<_, _, _, false>(&function, &WaitsForHelp) };
    let guest = Guest::new(&core, callee);
    let show = Show::new(&guest, owner);
    let keys = [(1,)];
    show.members(&keys, &[0]);
    thread::scope(|scope| {
        let helper = scope.spawn(move || leapfrog::look_at(owner, registry::current()));
        while core.claimed_by_other(&keys[0], owner).is_none() {
            thread::yield_now();
        }
        show.end(&keys, &[0]);
        assert!(matches!(helper.join().expect("no panic"), Found::Computed));
    });
    assert_eq!((core.peek(&(1,), Some(1), owner), core.len(owner)), (Some(1), 3));
}

#[test]
fn a_group_that_is_shown_late_shows_what_has_not_begun() {
    /// What the call whose group it is found out.
    static SEEN: OnceLock<(Vec<u64>, usize, usize)> = OnceLock::new();
    const OUTER: &Cache<(u64,), u64> = {
        static STATE: State<(u64,), u64> = State::new();
        let body = |(n,): &(u64,)| {
            let worker = registry::current();
            let (function, core) = (Function::<Key, u64>::of_context("at"), Core::new());
            let runs = AtomicBool::new(false);
            let lent = Lent { list: &[1, 2, 3, 4], runs: &runs, owner: worker };
            // SAFETY: this is no scope.
            let guest = Guest::new(&core, unsafe { callee_in::<_, _, _, false>(&function, &lent) });
            let (keys, missing) = ([(0,), (1,), (2,), (3,)], [0, 2, 3]);
            let open = Open::new(&guest, &keys, &missing, worker);
            let place = || call_stack::top(worker).and_then(|frame| frame.place());
            let shown =
                || place().and_then(|place| worker.board().read(place)).map_or(0, |shown| shown.members().len());
            let before = open.next(|(at,)| {
                assert_eq!((*at, shown()), (0, 0));
                opened::show_all(&worker.own.opened, worker.board());
                shown()
            });
            let second = open.next(|(at,)| *at as u64);
            drop(open);
            let _ = SEEN.set((vec![*n, second], before, shown()));
            *n
        };
        &Cache::of(&STATE, Function::new("outer", body))
    };
    assert_eq!(OUTER.get((9,)), 9);
    // Two were left when the first had begun, and none is shown when the group has ended.
    assert_eq!(SEEN.get(), Some(&(vec![9, 2], 2, 0)));
    assert_eq!(registry::current().board().depth(), 0);
}
