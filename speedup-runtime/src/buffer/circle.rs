//! Who waits for whom: how a circle of buffers becomes a panic instead of a hang.
//!
//! A thread waits for one buffer at a time, and each buffer has at most one thread whose turn it is. So the threads
//! that wait form chains: thread, buffer it waits for, holder of that buffer's turn, buffer which that one waits for ...
//! Every thread that is about to sleep enters itself here, under one lock, and follows its chain. The last one to enter
//! a circle finds itself at the end of the chain.
//!
//! Every value is published as soon as it exists, and a production inside another one makes only the value asked for.
//! That is why each circle is a true one: each of its values needs, in the order of the generators, the next.

use std::{cell::Cell, collections::HashMap, ptr::null};

use super::{
    token::{Token, me},
    turn::Turn,
    wishes::Rank,
};
use crate::sync::{AtomicUsize as Length, Ordering, global::Mutex};

thread_local! {
    /// The innermost production of this thread; null outside all. It lies further up this thread's stack.
    static INNERMOST: Cell<*const Producing> = const { Cell::new(null()) };
}

/// Whether the calling thread is not inside any production.
#[inline]
pub(super) fn outermost() -> bool {
    INNERMOST.get().is_null()
}

/// A production of the calling thread, part of the list of all that it is inside of.
pub(super) struct Producing {
    turn: *const Turn,
    outer: *const Producing,
    /// For whom the value is made.
    rank: Cell<Rank>,
}

impl Producing {
    /// Says for whom the next values are made.
    pub(super) fn serve(&self, rank: Rank) {
        self.rank.set(rank);
    }
}

/// For whom the calling thread reads: for itself or, inside a production, for those that one is for.
#[inline]
pub(super) fn rank() -> Rank {
    let innermost = INNERMOST.get();
    if innermost.is_null() {
        return Rank::READER;
    }
    // SAFETY: a production in the list is alive in `producing`, further up this thread's stack.
    unsafe { &*innermost }.rank.get().next()
}

/// Runs a production of the calling thread, which holds `turn` meanwhile, for `rank`.
#[inline]
pub(super) fn producing<R>(turn: &Turn, rank: Rank, work: impl FnOnce(&Producing) -> R) -> R {
    // With `with`, since `set` of the key is not inlined, and this is done for every value.
    let outer = INNERMOST.with(Cell::get);
    let producing = Producing { turn, outer, rank: Cell::new(rank) };
    INNERMOST.with(|innermost| innermost.set(&raw const producing));
    /// Leaves the list, also on a panic.
    struct Leave(*const Producing);
    impl Drop for Leave {
        #[inline]
        fn drop(&mut self) {
            INNERMOST.with(|innermost| innermost.set(self.0));
        }
    }
    let _leave = Leave(outer);
    work(&producing)
}

/// Calls `each` with every turn that the calling thread holds.
fn for_each_held(each: impl Fn(&Turn)) {
    let mut next = INNERMOST.get();
    while !next.is_null() {
        // SAFETY: a production in the list is alive in `producing`, further up this thread's stack.
        let producing = unsafe { &*next };
        // SAFETY: its turn is borrowed there.
        each(unsafe { &*producing.turn });
        next = producing.outer;
    }
}

/// What a thread waits for.
struct Want {
    turn: *const Turn,
    len: *const Length,
    index: usize,
    what: String,
}

// SAFETY: the pointers are followed only while the entry stands in `WAITING`, under its lock; the waiting thread borrows
// what they point to until it has removed the entry.
unsafe impl Send for Want {}

impl Want {
    fn is_met(&self) -> bool {
        // SAFETY: see `Send`. Acquire as for any look at a length.
        self.index < unsafe { &*self.len }.load(Ordering::Acquire)
    }
}

static WAITING: Mutex<Option<HashMap<Token, Want>>> = Mutex::new(None);

fn waiting() -> std::sync::MutexGuard<'static, Option<HashMap<Token, Want>>> {
    WAITING.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// The calling thread's place in a chain; left on drop.
pub(super) struct Waiting<'a> {
    me: Token,
    _borrows: std::marker::PhantomData<&'a Turn>,
}

/// The chain of waits comes back to the calling thread: what is awaited, in order.
pub(super) struct Circle {
    pub(super) chain: Vec<String>,
}

impl<'a> Waiting<'a> {
    /// Enters the calling thread as waiting for the value `index` of the buffer `name`.
    pub(super) fn enter(turn: &'a Turn, len: &'a Length, name: &str, index: usize) -> Result<Self, Circle> {
        let me = me();
        // Whoever waits for what this thread has already published must not be taken for stuck, nor left asleep.
        for_each_held(Turn::announce);
        let mut waiting = waiting();
        let waiting = waiting.get_or_insert_with(HashMap::new);
        let what = format!("value {index} of `{name}`");
        if let Some(circle) = chain_to(me, turn, &what, waiting) {
            return Err(circle);
        }
        waiting.insert(me, Want { turn, len, index, what });
        Ok(Waiting { me, _borrows: std::marker::PhantomData })
    }
}

/// Follows the chain that begins at `turn`; `Some` when it ends at `me`.
fn chain_to(me: Token, turn: &Turn, what: &str, waiting: &HashMap<Token, Want>) -> Option<Circle> {
    let mut chain = vec![what.to_owned()];
    let mut holder = turn.holder()?;
    // A circle that does not hold `me` was found by the last of its own threads; the bound is for safety only.
    while holder != me && chain.len() <= waiting.len() {
        let want = waiting.get(&holder).filter(|want| !want.is_met())?;
        chain.push(want.what.clone());
        // SAFETY: see `Send` of `Want`: the entry stands and its lock is held.
        holder = unsafe { &*want.turn }.holder()?;
    }
    (holder == me).then_some(Circle { chain })
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Some(waiting) = waiting().as_mut() {
            waiting.remove(&self.me);
        }
    }
}
