//! Fork and join for bodies and for what they call: closures as the members of a group.
//!
//! Each `join` and each `map` is a cache of its own, as long as it lasts: its keys are the positions, and a value says that
//! the closure has run. So claims, boards, waits, cycles and room on the stack are those of any call.

use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{Condvar, Mutex, PoisonError},
    time::Duration,
};

use crate::cache::{
    block::waits,
    call::{function::Function, state::Core},
    fork::fork_join,
    thread::{
        call_stack,
        registry::{self, Worker},
    },
};
use crate::{
    seeing::switch,
    sync::{Arc, lock},
};

/// How often a thread that waits for those inside looks again.
const LOOK: Duration = Duration::from_millis(2);

/// Runs two closures, side by side where a thread is free and it is worth it, and returns both results.
///
/// For bodies of cached functions, and for the functions that they call: what the closures call of cached functions keeps
/// all their promises (each key once, no deadlock, any depth, cycles and panics reported), which `rayon::join` inside a
/// body does not. The closures may borrow. They are `Fn`, because a closure that could only be waited for in a circle is run
/// once more instead.
///
/// Outside of cached functions it is an ordinary fork and join, with some microseconds of overhead.
///
/// # Panics
/// If a closure panics, with its payload, when both have ended or will not begin any more; of two, with the first one's.
///
/// # Examples
/// ```
/// let words = ["one", "two", "three"];
/// let (letters, longest) = speedup_runtime::join(
///     || words.iter().map(|word| word.len()).sum::<usize>(),
///     || words.iter().max_by_key(|word| word.len()),
/// );
/// assert_eq!((letters, longest), (11, Some(&"three")));
/// ```
pub fn join<A: Send, B: Send>(a: impl Fn() -> A + Sync, b: impl Fn() -> B + Sync) -> (A, B) {
    if !may_share(registry::current()) {
        return (a(), b());
    }
    let (left, right) = (Mutex::new(None), Mutex::new(None));
    run("join", 2, &|position| {
        if position == 0 {
            keep(&left, a());
        } else {
            keep(&right, b());
        }
    });
    (taken(left), taken(right))
}

/// Calls a closure for each item, side by side where threads are free and it is worth it, and returns the results in the
/// order of the items.
///
/// As [`join`], for any number: of a slice, a range, or whatever gives items that can be cloned.
///
/// # Panics
/// If a call panics, with its payload; calls that have not begun by then do not begin any more. Of several, with that of the
/// first item whose call did.
///
/// # Examples
/// ```
/// let squares = speedup_runtime::map(0..5u64, |n| n * n);
/// assert_eq!(squares, [0, 1, 4, 9, 16]);
///
/// let names = vec!["ada".to_owned(), "bob".to_owned()];
/// assert_eq!(speedup_runtime::map(&names, |name| name.len()), [3, 3]);
/// ```
pub fn map<I, R>(items: I, each: impl Fn(I::Item) -> R + Sync) -> Vec<R>
where
    I: IntoIterator,
    I::Item: Clone + Send + Sync,
    R: Send,
{
    if !may_share(registry::current()) {
        return items.into_iter().map(each).collect();
    }
    let items: Vec<I::Item> = items.into_iter().collect();
    let results: Vec<Mutex<Option<R>>> = items.iter().map(|_| Mutex::new(None)).collect();
    run("map", items.len(), &|position| keep(&results[position], each(items[position].clone())));
    results.into_iter().map(taken).collect()
}

/// Whether others can be asked for help where this thread is.
fn may_share(worker: &'static Worker) -> bool {
    !worker.is_isolated() && switch::shares() && call_stack::top(worker).is_none_or(|frame| frame.engine().forks())
}

/// Keeps the first result.
fn keep<T>(place: &Mutex<Option<T>>, result: T) {
    let mut place = lock(place);
    if place.is_none() {
        *place = Some(result);
    }
}

fn taken<T>(place: Mutex<Option<T>>) -> T {
    place.into_inner().unwrap_or_else(PoisonError::into_inner).expect("every member of a group has its result")
}

/// The closures of a group, on the stack of its owner, and who is inside of them.
struct Gate {
    /// Valid as long as the gate is not closed and, after that, as long as anybody is inside.
    job: *const (dyn Fn(usize) + Sync),
    inside: Mutex<Inside>,
    left: Condvar,
}

#[derive(Default)]
struct Inside {
    closed: bool,
    /// The numbers of the workers that are inside, as often as they are.
    who: Vec<u32>,
}

// SAFETY: the job is `Sync`, and is called only between `enter` and `leave`, which `close` waits for.
unsafe impl Send for Gate {}
// SAFETY: as above.
unsafe impl Sync for Gate {}

impl Gate {
    /// Runs a member, unless the gate is closed.
    fn run(&self, position: usize) {
        let worker = registry::current();
        {
            let mut inside = lock(&self.inside);
            if inside.closed {
                return;
            }
            inside.who.push(worker.number);
        }
        let _leaves = Leaves(self, worker.number);
        let _visits = worker.visits(self.name());
        // SAFETY: counted in while the gate was open, so its owner waits for this to leave.
        unsafe { (*self.job)(position) };
    }

    fn name(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    /// Lets nobody in any more.
    fn close(&self) {
        lock(&self.inside).closed = true;
    }

    /// Waits until nobody is inside. Only behind [`close`](Self::close). Who is inside may need a call of this thread, which then
    /// is a circle in the graph.
    fn wait(&self, worker: &'static Worker) {
        loop {
            let who = lock(&self.inside).who.first().copied();
            let Some(who) = who else { return };
            let _waits = waits::enter_for_visitors(worker, self.name(), who);
            let inside = lock(&self.inside);
            if inside.who.contains(&who) {
                drop(self.left.wait_timeout(inside, LOOK));
            }
        }
    }
}

/// Leaves the gate, also when the member panics.
struct Leaves<'a>(&'a Gate, u32);

impl Drop for Leaves<'_> {
    fn drop(&mut self) {
        let mut inside = lock(&self.0.inside);
        let at = inside.who.iter().position(|who| *who == self.1);
        at.map(|at| inside.who.swap_remove(at));
        drop(inside);
        self.0.left.notify_all();
    }
}

/// Runs the members `0..count` of a group. Inlined, so that the engine of these calls is compiled where it is used, and not by
/// everybody who builds this crate.
#[inline]
fn run(name: &'static str, count: usize, job: &(dyn Fn(usize) + Sync)) {
    // SAFETY: only the lifetime is forgotten; nobody is inside the gate when this function has returned.
    let job =
        unsafe { std::mem::transmute::<*const (dyn Fn(usize) + Sync), *const (dyn Fn(usize) + Sync + 'static)>(job) };
    let gate = Arc::new(Gate { job, inside: Mutex::default(), left: Condvar::new() });
    let by_gate = gate.clone();
    let function = Function::closure(Arc::new(move |&(position,): &(usize,)| by_gate.run(position))).named(name);
    let (core, kept) = Core::<(usize,), ()>::new().into_counted();
    // SAFETY: kept until the end of this function.
    let core = unsafe { core.as_ref() };
    let keys: Vec<(usize,)> = (0..count).map(|position| (position,)).collect();
    let worker = registry::current();
    core.notes.note_positions();
    core.make_unowned_table(&function, worker);
    let (mut results, mut scratch) = (vec![None; count], vec![0; count]);
    let group = || fork_join::compute(core, function.callee(), &keys, &mut results, &mut scratch, true);
    let end = call_stack::apart(worker, || catch_unwind(AssertUnwindSafe(group)));
    gate.close();
    let mut end = end.err();
    if end.is_some() {
        // Those that others have begun end first, as every call that is waited for; those that nobody has, at once.
        for key in &keys {
            let ended =
                call_stack::apart(worker, || catch_unwind(AssertUnwindSafe(|| core.get(function.callee(), key))));
            end = ended.err().or(end);
        }
    }
    gate.wait(worker);
    // On boards there may still be its name: freed when nobody is looking.
    drop(kept);
    registry::collect_if_due();
    if let Some(payload) = end {
        call_stack::note_panic(worker);
        resume_unwind(payload);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_items() {
        assert_eq!(map(0..100usize, |n| n * 2), (0..100).map(|n| n * 2).collect::<Vec<_>>());
        assert_eq!(map(Vec::<u8>::new(), |n| n), []);
        assert_eq!(join(|| 1, || "b"), (1, "b"));
    }

    #[test]
    fn a_panic_comes_through_and_nothing_is_inside_any_more() {
        let inside = AtomicUsize::new(0);
        let end = catch_unwind(AssertUnwindSafe(|| {
            map(0..50usize, |n| {
                inside.fetch_add(1, Ordering::SeqCst);
                let _leaves = Count(&inside);
                assert!(n != 7, "seven");
            })
        }));
        assert_eq!(end.expect_err("one of them panics").downcast_ref::<&str>(), Some(&"seven"));
        assert_eq!(inside.load(Ordering::SeqCst), 0);
    }

    struct Count<'a>(&'a AtomicUsize);

    impl Drop for Count<'_> {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::SeqCst);
        }
    }
}
