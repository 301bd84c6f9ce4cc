//! Running a body: the way of a miss from the claim to the published value.
//!
//! A deep recursion returns through more frames than a processor predicts, so each frame of a level costs about as much
//! as a hit. That is why [`run_known`] is made anew for every function, body and all: a level of a recursion through
//! the cache has one frame.

use std::{
    mem::MaybeUninit,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    ptr::NonNull,
};

use crate::cache::{
    block::outcome::Outcome,
    call::{
        callee::Callee,
        claim_guard::Flight,
        failed::crash,
        function::Function,
        inner::{Begun, shown},
        running::Running,
        state::Core,
    },
    table::key::{Key, Output},
    thread::{
        call_stack,
        claim::Goal,
        frame::{Frame, Mark},
        registry::{self, Worker},
        stack,
    },
};
use crate::{
    seeing::{
        switch,
        watch::{self, What},
    },
    sync::Ordering,
};

/// Computes a value: looks the key up and claims its slot, unless that has been done.
///
/// By a body that is known when the program is compiled.
///
/// # Safety
/// The last three are [`Goal::NONE`], or the parts of the goal of a flight of this core and of the calling thread's worker,
/// which is left to this call.
pub(in crate::cache) unsafe fn run_known<K: Key, R: Output, F: Fn(&K) -> R + Copy + 'static>(
    core: &Core<K, R>,
    function: &Function<K, R>,
    key: &K,
    table: u64,
    state: *const (),
    value: *mut (),
) -> R {
    // SAFETY: whoever named `F` gave a value of it to `Function::new`.
    let body = unsafe { the_one::<F>() };
    // SAFETY: passed on.
    unsafe { run(core, function, key, (table, state, value), body, || function.callee()) }
}

/// The value of a type that has but one.
///
/// # Safety
/// Somebody has had a value of it.
#[inline(always)]
unsafe fn the_one<F: Copy>() -> F {
    const { assert!(size_of::<F>() == 0, "give a function or a closure that captures nothing") };
    // SAFETY: a type without size has one value, which takes no bytes to make; it is `Copy`, so it may be made once more.
    unsafe { NonNull::<F>::dangling().read() }
}

/// A body, what its caller passes on to it, and where that is. Before anything else of this thread can begin a call with
/// another one.
///
/// # Safety
/// As for [`run_in`].
#[inline(always)]
unsafe fn body_and_context<'a, C, F: Copy>() -> (F, &'a C, *const ()) {
    let context = registry::current().own.context.get();
    // SAFETY: whoever made the callee had the body and the context, which outlives the call.
    unsafe { (the_one::<F>(), &*context.cast::<C>(), context) }
}

/// As [`run_known`], by the closure that the function carries.
///
/// # Safety
/// As for [`run_known`].
pub(in crate::cache) unsafe fn run_shared<K: Key, R: Output>(
    core: &Core<K, R>,
    function: &Function<K, R>,
    key: &K,
    table: u64,
    state: *const (),
    value: *mut (),
) -> R {
    // SAFETY: passed on.
    unsafe { run(core, function, key, (table, state, value), |key| function.shared(key), || function.callee()) }
}

/// As [`run_known`], by a body that also gets what its caller passes on: what the thread's [`Own::context`] leads to.
///
/// # Safety
/// As for [`run_known`]; and the context is a `C` that outlives the call.
///
/// [`Own::context`]: crate::cache::thread::registry::Own::context
pub(in crate::cache) unsafe fn run_in<K: Key, R: Output, C, F: for<'c> Fn(&C, &K, Inside<'c, K, R>) -> R + Copy>(
    core: &Core<K, R>,
    function: &Function<K, R>,
    key: &K,
    table: u64,
    state: *const (),
    value: *mut (),
) -> R {
    // SAFETY: by the contract.
    let (body, passed_on, context) = unsafe { body_and_context::<C, F>() };
    let is_local = registry::current().own.is_local.get();
    let callee = || Callee::of(function, run_in::<K, R, C, F>, context, is_local);
    // SAFETY: passed on.
    unsafe {
        run(
            core,
            function,
            key,
            (table, state, value),
            |key| body(passed_on, key, Inside { core, callee: callee() }),
            callee,
        )
    }
}

/// As [`run_in`], by a body that only gets what is passed on.
///
/// # Safety
/// As for [`run_in`].
pub(in crate::cache) unsafe fn run_steady<K: Key, R: Output, C, F: Fn(&C, &K) -> R + Copy>(
    core: &Core<K, R>,
    function: &Function<K, R>,
    key: &K,
    table: u64,
    state: *const (),
    value: *mut (),
) -> R {
    // SAFETY: by the contract.
    let (body, passed_on, context) = unsafe { body_and_context::<C, F>() };
    let callee = || function.callee_in(context);
    // SAFETY: passed on.
    unsafe { run(core, function, key, (table, state, value), |key| body(passed_on, key), callee) }
}

/// A running call, as its body sees it.
pub struct Inside<'a, K: Key, R: Output> {
    pub(in crate::cache) core: &'a Core<K, R>,
    pub(in crate::cache) callee: Callee<'a, K, R>,
}

impl<K: Key, R: Output> Clone for Inside<'_, K, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K: Key, R: Output> Copy for Inside<'_, K, R> {}

/// What to call for a caller who passes this on, by a body that gets it.
///
/// # Safety
/// The context is `Sync`, unless the callee is local.
#[inline(always)]
pub(in crate::cache) unsafe fn callee_in<
    'a,
    K: Key,
    R: Output,
    C,
    F: for<'c> Fn(&C, &K, Inside<'c, K, R>) -> R + Copy,
>(
    function: &'a Function<K, R>,
    context: &'a C,
    _body: F,
    is_local: bool,
) -> Callee<'a, K, R> {
    Callee::of(function, run_in::<K, R, C, F>, std::ptr::from_ref(context).cast(), is_local)
}

/// As [`run_known`], of a function that has no body of its own.
///
/// # Safety
/// As for [`run_known`].
pub(in crate::cache) unsafe fn run_nothing<K: Key, R: Output>(
    core: &Core<K, R>,
    function: &Function<K, R>,
    key: &K,
    table: u64,
    state: *const (),
    value: *mut (),
) -> R {
    let name = function.name;
    let body = |_: &K| panic!("`{name}` needs more than its key: call the function itself, which passes it on");
    // SAFETY: passed on.
    unsafe { run(core, function, key, (table, state, value), body, || function.callee()) }
}

/// The same.
///
/// # Safety
/// As for [`run_known`].
#[inline(always)]
unsafe fn run<'a, K: Key, R: Output>(
    core: &Core<K, R>,
    function: &'a Function<K, R>,
    key: &K,
    (table, state, value): (u64, *const (), *mut ()),
    body: impl Fn(&K) -> R,
    callee: impl Fn() -> Callee<'a, K, R>,
) -> R {
    let worker = registry::current();
    let mark = MaybeUninit::<u8>::uninit();
    if !stack::has_room(worker, mark.as_ptr() as usize, const { stack::room_for(size_of::<R>()) }) {
        // SAFETY: passed on.
        return unsafe { run_on_a_new_piece(core, callee(), key, table, state, value) };
    }
    if worker.handed.any()
        && let Some(value) = handed_over(core, function, key, (table, state, value), worker)
    {
        return value;
    }
    let goal = match Goal::of_parts(table, state, value) {
        Some(goal) => goal,
        None => match core.begin(key, worker) {
            Begun::Mine(flight) => flight.into_goal(),
            Begun::Value(value) => return value,
            Begun::NotYet if not_kept() => Goal::NOWHERE,
            Begun::NotYet => return core.compute(callee(), key, worker),
        },
    };
    // SAFETY: the key outlives the call, and is one of this cache.
    let frame = unsafe { Frame::new(worker.own.top.get(), core.header(), std::ptr::from_ref(key).cast(), goal) };
    let result = catch_unwind(AssertUnwindSafe(|| {
        count(core, function, &frame, worker);
        let _running = Running::begin(worker, &frame);
        // Relaxed: a hint.
        if worker.own.sample.is_shared() || function.uses_rayon || core.notes.any() || watch::is_on() {
            announce(core, function, key, &frame, worker);
        }
        body(key)
    }));
    match result {
        Ok(value) => {
            // SAFETY: by the contract.
            unsafe { land(core, function, key, &frame, worker, &value) };
            value
        }
        // SAFETY: as above.
        Err(payload) => unsafe { crash(core, key, &frame, payload, worker) },
    }
}

/// Whether caching is off, so that the value of a call that begins goes nowhere.
///
/// # Panics
/// If the time for such calls is over.
#[cold]
#[inline(never)]
fn not_kept() -> bool {
    let is_off = switch::is_off();
    if is_off {
        switch::begin_off();
    }
    is_off
}

// What follows out of line takes references to what a frame holds anyway, so that frames need no room for its arguments.

/// As [`run_known`], where there is no room for the body.
///
/// # Safety
/// As for [`run_known`].
#[cold]
#[inline(never)]
unsafe fn run_on_a_new_piece<K: Key, R: Output>(
    core: &Core<K, R>,
    callee: Callee<'_, K, R>,
    key: &K,
    table: u64,
    state: *const (),
    value: *mut (),
) -> R {
    let worker = registry::current();
    // SAFETY: by the contract.
    let claimed = Goal::of_parts(table, state, value).map(|goal| unsafe { Flight::of_goal(core, worker, goal) });
    stack::on_a_new_piece(worker, stack::room_for(size_of::<R>()), || callee.run(core, key, claimed))
}

/// The result of a call that was computed ahead of the running one and is not kept. The claim is given up if there is one.
///
/// # Panics
/// As the call did.
#[cold]
#[inline(never)]
fn handed_over<K: Key, R: Output>(
    core: &Core<K, R>,
    function: &Function<K, R>,
    key: &K,
    (table, state, value): (u64, *const (), *mut ()),
    worker: &'static Worker,
) -> Option<R> {
    // What is kept for a call that ended before its helper did is not for one that fills the same slot later.
    let running = call_stack::top(worker).filter(|frame| frame.is(Mark::Expecting))?.slot();
    // SAFETY: by the contract of `run`; where it goes on with the claim, it is forgotten here.
    let claimed = Goal::of_parts(table, state, value).map(|goal| unsafe { Flight::of_goal(core, worker, goal) });
    let member = core.member(function, key, worker);
    let found = worker.handed.take(running, member, |of: &K| of.is_key(key));
    match found {
        Some(Ok(value)) => Some(value),
        Some(Err(payload)) => {
            worker.own.blame.comes(worker.own.top.get(), &payload, shown(function, key));
            call_stack::note_panic(worker);
            resume_unwind(payload)
        }
        None => {
            std::mem::forget(claimed);
            None
        }
    }
}

/// Counts the call, and sees to what is done every so many calls.
#[inline(always)]
fn count<K: Key, R: Output>(core: &Core<K, R>, function: &Function<K, R>, frame: &Frame, worker: &'static Worker) {
    if worker.own.top.get().is_none() {
        core.grain.begin(worker);
        worker.outermost.store(core.address(), Ordering::Relaxed);
    }
    let computed = worker.count_computed(core.number.index());
    if !function.sequential {
        core.grain.count(worker, computed, &core.number);
    }
    if worker.own.timing.is_due(computed) {
        time(frame, core.number.index(), worker);
    }
}

/// Takes the time of a call, from now to its end.
#[cold]
#[inline(never)]
fn time(frame: &Frame, cache: u32, worker: &'static Worker) {
    frame.mark(Mark::Timed, true);
    worker.own.timing.begin(worker.counted(cache));
}

/// Lets others know of a running call what they need to.
#[cold]
#[inline(never)]
fn announce<K: Key, R: Output>(
    core: &Core<K, R>,
    function: &Function<K, R>,
    key: &K,
    frame: &Frame,
    worker: &'static Worker,
) {
    if watch::is_on() {
        frame.mark(Mark::Watched, watch::begin(What::Call, worker.number, frame));
    }
    core.suspects().check_doom(key, frame.slot());
    if worker.own.sample.is_shared() {
        core.check_failed(key, frame, worker);
        if core.shares(function, worker) {
            call_stack::show(frame, worker);
        }
    }
    if function.uses_rayon || core.notes.rayon() {
        call_stack::note_rayon(frame, worker);
    }
}

/// Publishes a value, or gives it only to those who wait.
///
/// The claim stays in the frame until it is given up: a copy that is made of it as a whole, just after its parts were
/// stored, would have to wait until all that was stored before has reached the processor's cache.
///
/// # Safety
/// The frame's goal came from [`Flight::into_goal`] of a flight of this core and worker, and is given up by this.
#[inline(always)]
unsafe fn land<K: Key, R: Output>(
    core: &Core<K, R>,
    function: &Function<K, R>,
    key: &K,
    frame: &Frame,
    worker: &'static Worker,
    value: &R,
) {
    if let Some(keep) = function.keep {
        // SAFETY: passed on.
        return unsafe { judge(core, function, keep, key, frame, worker, value) };
    }
    let crashed = Crashed { core, frame, worker };
    let copy = value.clone();
    std::mem::forget(crashed);
    // SAFETY: by the contract.
    unsafe { frame.goal().publish(core, worker, copy) };
    registry::collect_if_due();
}

/// Gives the claim of a frame back if the clone of its value panics.
struct Crashed<'a, K: Key, R: Output> {
    core: &'a Core<K, R>,
    frame: &'a Frame,
    worker: &'static Worker,
}

impl<K: Key, R: Output> Drop for Crashed<'_, K, R> {
    #[cold]
    fn drop(&mut self) {
        // SAFETY: by the contract of `land`, the only one to make this.
        drop(unsafe { Flight::of_goal(self.core, self.worker, self.frame.goal()) });
    }
}

/// Publishes a value if it is to be kept, in the core that it renews if it renews one.
///
/// # Safety
/// As for [`land`].
#[inline(never)]
unsafe fn judge<K: Key, R: Output>(
    core: &Core<K, R>,
    function: &Function<K, R>,
    keep: fn(&R) -> bool,
    key: &K,
    frame: &Frame,
    worker: &'static Worker,
    value: &R,
) {
    // SAFETY: by the contract.
    let flight = unsafe { Flight::of_goal(core, worker, frame.goal()) };
    if keep(value) && !core.renews(function, key, value, worker) {
        flight.publish(value.clone());
        if let Some(settle) = &function.settle {
            settle.settle(core, key, None);
        }
    } else {
        flight.withdraw(|| Some(Outcome::value(value.clone())));
    }
    registry::collect_if_due();
}
