//! Rayon threads of their own for generators that use rayon, or may.
//!
//! On a shared pool such a generator can be kept from its next value for ever: the pool's threads may all wait for just
//! that value, or a thread that waits inside the generator may pick up a job which asks for it. In a pool that serves one
//! production at a time there are no jobs but the generator's own.

use std::{
    cell::{Cell, RefCell},
    ptr::{null, null_mut},
};

use super::{circle, token, turn::Turn, wishes::Rank};
use crate::sync::{Arc, AtomicPtr, Ordering};

/// How many threads a production gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    /// As many as rayon has: the generator is known to use them.
    Wide,
    /// One, on which everything happens in turn: it is not known to use rayon, but rayon jobs wait for it.
    Single,
}

struct Lodging {
    pool: rayon_core::ThreadPool,
    /// The turn of the production that the pool serves. Relaxed: it is set before and cleared after `install`, which
    /// orders it for the pool's threads.
    serves: Arc<AtomicPtr<Turn>>,
}

thread_local! {
    /// The pools of this helper thread, by [`Room`]; gone with the thread.
    static OWN: RefCell<[Option<Lodging>; 2]> = const { RefCell::new([None, None]) };
    /// On a thread of such a pool: the pool's `serves`, which its start handler keeps alive as long as its threads.
    static SERVES: Cell<*const AtomicPtr<Turn>> = const { Cell::new(null()) };
    /// Whether this is the only thread of such a pool.
    static ALONE: Cell<bool> = const { Cell::new(false) };
}

/// Runs productions of `turn` in a pool of the calling helper thread, or in place if there are no threads to be had.
pub(super) fn run(turn: &Turn, room: Room, work: impl FnOnce() + Send) {
    OWN.with_borrow_mut(|own| {
        let own = &mut own[room as usize];
        if own.is_none() {
            *own = Lodging::new(room);
        }
        match own {
            Some(lodging) => {
                lodging.serves.store(std::ptr::from_ref(turn).cast_mut(), Ordering::Relaxed);
                lodging.pool.install(work);
                lodging.serves.store(null_mut(), Ordering::Relaxed);
            }
            None => work(),
        }
    });
}

/// Whether the calling thread works for a production of `turn`.
#[inline]
pub(super) fn serves(turn: &Turn) -> bool {
    let serves = SERVES.get();
    // SAFETY: not null only on a thread of a pool, whose start handler owns what it points to.
    !serves.is_null() && std::ptr::eq(unsafe { &*serves }.load(Ordering::Relaxed), turn)
}

/// Whether the calling thread works for any production.
#[inline]
pub(super) fn is_lodger() -> bool {
    !SERVES.get().is_null()
}

/// Whether the calling thread is the only one of its pool: what it asks for, it may as well make.
#[inline]
pub(super) fn is_alone() -> bool {
    ALONE.get()
}

impl Lodging {
    fn new(room: Room) -> Option<Self> {
        let serves = Arc::new(AtomicPtr::new(null_mut()));
        let shared = Arc::clone(&serves);
        let threads = match room {
            Room::Wide => rayon_core::current_num_threads(),
            Room::Single => 1,
        };
        let pool = rayon_core::ThreadPoolBuilder::new()
            .num_threads(threads)
            .stack_size(token::STACK)
            .thread_name(|number| format!("speedup-buffer-rayon-{number}"))
            .start_handler(move |_| {
                SERVES.set(Arc::as_ptr(&shared));
                ALONE.set(room == Room::Single);
            })
            .build()
            .ok()?;
        Some(Lodging { pool, serves })
    }
}

/// For whom the calling thread reads, as far as can be known.
#[inline]
pub(super) fn rank() -> Rank {
    if is_lodger() { Rank::LAST } else { circle::rank() }
}

/// Whether the calling thread belongs to a rayon pool and shares it with other threads.
#[inline]
pub(super) fn on_rayon() -> bool {
    rayon_core::current_thread_index().is_some() && !is_alone()
}
