//! Running a body: the way of a miss from the claim to the published value.
//!
//! A deep recursion returns through more frames than a processor predicts, so each frame of a level costs about as much
//! as a hit. That is why [`run`] is made anew for every function, body and all: a level of a recursion through
//! the cache has one frame.

use std::{
    mem::MaybeUninit,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
};

use crate::cache::{
    block::outcome::Outcome,
    call::{
        callee::Callee,
        claim_guard::Flight,
        failed::{Crashed, crash},
        function::Function,
        inner::{Begun, shown},
        running,
        state::Core,
    },
    sharing::invitation,
    table::key::{Key, Output},
    thread::{
        call_stack,
        claim::Goal,
        frame::{Frame, Mark},
        opened,
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

/// Computes a value by this body: looks the key up and claims its slot, unless that has been done.
///
/// # Safety
/// The tuple is [`Goal::NONE`], or the parts of the goal of a flight of this core and of the calling thread's worker, which is left to
/// this call. The core [lasts](Core::lasts) if `lasting` is true.
#[cfg_attr(not(debug_assertions), inline(always))]
pub(super) unsafe fn run<'a, K: Key, R: Output>(
    lasting: bool,
    core: &Core<K, R>,
    function: &'a Function<K, R>,
    key: &K,
    (table, state, value): (u64, *const (), *mut ()),
    body: impl Fn(&K) -> R,
    callee: impl Fn() -> Callee<'a, K, R> + Copy,
) -> R {
    let worker = registry::current();
    let mut slot = MaybeUninit::<Frame>::uninit();
    // Written before anything else: what is rare below takes from there what it needs, so that nothing else is put aside for it.
    let goal = Goal { table, state, value };
    // SAFETY: the key outlives the call, and is one of this cache.
    let frame = unsafe { Frame::new(worker.own.top.get(), core.header(), std::ptr::from_ref(key).cast(), goal) };
    let frame = &*slot.write(frame);
    if !stack::has_room(worker, std::ptr::from_ref(frame).addr(), const { stack::room_for(size_of::<R>()) }) {
        // SAFETY: passed on.
        return unsafe { run_on_a_new_piece(frame, callee) };
    }
    if worker.handed.any()
        // SAFETY: passed on.
        && let Some(value) = unsafe { handed_over(function, frame) }
    {
        return value;
    }
    if frame.goal().is_none() {
        // SAFETY: the frame is of a call of this core.
        return unsafe { unclaimed(frame, callee) };
    }
    let result = catch_unwind(AssertUnwindSafe(|| {
        count(core, function, frame, worker);
        running::begin(worker, frame);
        // Relaxed: a hint.
        if worker.own.sample.is_shared() || core.notes.any() || watch::is_on() {
            announce(core, function, key, frame, worker);
        }
        let value = body(key);
        running::end(worker, frame);
        value
    }));
    // From here on the core and the key are those that the frame tells, so that neither takes room on the stack beside it.
    match result {
        Ok(value) => {
            // SAFETY: by the contract.
            unsafe { land(lasting, running::core_of(frame), function, frame, worker, &value) };
            value
        }
        // SAFETY: as above.
        Err(payload) => unsafe { crash::<K, R>(frame, payload, worker) },
    }
}

// What follows out of line takes references to what a frame holds anyway, so that frames need no room for its arguments.

/// As [`run`], where there is no room for the body.
///
/// # Safety
/// As for [`run`], which has written the frame.
#[cold]
#[inline(never)]
unsafe fn run_on_a_new_piece<'a, K: Key, R: Output>(frame: &Frame, callee: impl Fn() -> Callee<'a, K, R>) -> R {
    let worker = registry::current();
    // SAFETY: the frame is of a call of such a core.
    let (core, key) = unsafe { (running::core_of::<K, R>(frame), frame.key::<K>()) };
    // SAFETY: by the contract.
    let claimed = frame.goal().if_any().map(|goal| unsafe { Flight::of_goal(core, worker, goal) });
    stack::on_a_new_piece(worker, stack::room_for(size_of::<R>()), || callee().run(core, key, claimed))
}

/// As [`run`] where nobody has claimed the slot: mostly the key's page is yet to be made.
///
/// # Safety
/// The frame is one that [`run`] has written.
#[cold]
#[inline(never)]
unsafe fn unclaimed<'a, K: Key, R: Output>(frame: &Frame, callee: impl Fn() -> Callee<'a, K, R>) -> R {
    // SAFETY: the frame is of a call of such a core.
    let (core, key) = unsafe { (running::core_of::<K, R>(frame), frame.key::<K>()) };
    let worker = registry::current();
    match core.begin(key, worker) {
        Begun::Mine(flight) => callee().run(core, key, Some(flight)),
        Begun::Value(value) => value,
        Begun::NotYet if switch::begins_off() => {
            core.note_habits(callee().function);
            // SAFETY: there is no claim to leave to it.
            callee().run(core, key, Some(unsafe { Flight::of_goal(core, worker, Goal::NOWHERE) }))
        }
        Begun::NotYet => core.compute(callee(), key, worker),
    }
}

/// The result of a call that was computed ahead of the running one and is not kept. The claim is given up if there is one.
///
/// # Panics
/// As the call did.
///
/// # Safety
/// As for [`run`], which has written the frame.
#[cold]
#[inline(never)]
unsafe fn handed_over<K: Key, R: Output>(function: &Function<K, R>, frame: &Frame) -> Option<R> {
    let worker = registry::current();
    // SAFETY: the frame is of a call of such a core.
    let (core, key) = unsafe { (running::core_of::<K, R>(frame), frame.key::<K>()) };
    // What is kept for a call that ended before its helper did is not for one that fills the same slot later.
    let running = call_stack::top(worker).filter(|frame| frame.is(Mark::Expecting))?.slot();
    // SAFETY: by the contract; where it goes on with the claim, it is forgotten here.
    let claimed = frame.goal().if_any().map(|goal| unsafe { Flight::of_goal(core, worker, goal) });
    let member = core.member(function, key, worker);
    let found = worker.handed.take(running, member, |of: &K| of.is_key(key));
    match found {
        Some(Ok(value)) => Some(value),
        Some(Err(payload)) => {
            worker.own.blame.comes(worker.own.top.get(), &payload, &shown(function, key));
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
#[cfg_attr(not(debug_assertions), inline(always))]
fn count<K: Key, R: Output>(core: &Core<K, R>, function: &Function<K, R>, frame: &Frame, worker: &'static Worker) {
    if frame.parent.is_none() {
        core.grain.begin(worker);
        worker.outermost.store(core.address(), Ordering::Relaxed);
    }
    let computed = worker.count_computed(core.number.index());
    core.grain.count(worker, computed, &core.number, function.sequential);
    if worker.own.timing.is_due(computed) {
        time(frame, core.number.index(), worker);
    }
}

/// Takes the time of a call, from now to its end.
#[cold]
#[inline(never)]
#[cfg_attr(target_os = "linux", unsafe(link_section = "speedup_first"))]
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
        if worker.own.home.get().is_some() && worker.is_too_deep() {
            // Who helps leaves what has no end. Who needs the value computes it.
            resume_unwind(Box::new(switch::GivenUp));
        }
        core.check_failed(key, frame, worker);
        if core.shares(function, 0, worker) {
            // Sharing may have begun at a look at the window, between two groups.
            if opened::show_all(&worker.own.opened, worker.board()) {
                invitation::invite(worker);
            }
            call_stack::show_with_group(frame);
        }
    }
    if core.notes.rayon() {
        call_stack::note_rayon(frame, worker);
    }
}

/// Publishes a value, or gives it only to those who wait.
///
/// The claim stays in the frame until it is given up: a copy that is made of it as a whole, just after its parts were
/// stored, would have to wait until all that was stored before has reached the processor's cache.
///
/// # Safety
/// The frame's goal came from [`Flight::into_goal`] of a flight of this core and worker, and is given up by this. The core
/// [lasts](Core::lasts) if `lasting` is true.
#[cfg_attr(not(debug_assertions), inline(always))]
unsafe fn land<K: Key, R: Output>(
    lasting: bool,
    core: &Core<K, R>,
    function: &Function<K, R>,
    frame: &Frame,
    worker: &'static Worker,
    value: &R,
) {
    if let Some(keep) = function.keep {
        // SAFETY: passed on.
        return unsafe { judge(core, function, keep, frame, value) };
    }
    let crashed = Crashed { core, frame };
    let copy = value.clone();
    std::mem::forget(crashed);
    // SAFETY: by the contract.
    unsafe { frame.goal().publish(core, worker, copy, lasting) };
    registry::collect_if_due();
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
    frame: &Frame,
    value: &R,
) {
    let worker = registry::current();
    // SAFETY: the frame is of a call of this core.
    let key = unsafe { frame.key::<K>() };
    let crashed = Crashed { core, frame };
    let copy = (keep(value) && !core.renews(function, key, value, worker)).then(|| value.clone());
    std::mem::forget(crashed);
    // SAFETY: by the contract.
    let flight = unsafe { Flight::of_goal(core, worker, frame.goal()) };
    if let Some(copy) = copy {
        match &function.settle {
            // SAFETY: it is one of this core and worker.
            Some(settle) => unsafe { settle.land(core, flight.into_goal(), worker, copy) },
            None => flight.publish(copy),
        }
    } else {
        flight.discard(key, || Some(Outcome::value(value.clone())));
    }
    registry::collect_if_due();
}
