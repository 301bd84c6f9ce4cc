//! One of the calls that a forecast has named, computed ahead of the body: it is claimed like any other, and its panic, or a result that is not
//! kept, is [handed over](crate::cache::thread::handed) to the running call.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::{
    cache::{
        call::{asked::Tried, callee::Callee, state::Core},
        fork::fork_join::Step,
        table::key::{Key, Output},
        thread::{
            call_stack,
            handed::{End, Member},
            registry::Worker,
        },
    },
    panics::Payload,
};

/// Computes one call, unless it needs nobody any more.
#[cfg_attr(not(debug_assertions), inline(always))]
pub(super) fn compute<K: Key, R: Output>(
    core: &Core<K, R>,
    callee: Callee<'_, K, R>,
    key: &K,
    worker: &'static Worker,
    mut helped: impl FnMut(u64),
) -> Step {
    if callee.function.keep.is_some() {
        return compute_judged(core, callee, key, worker, &mut helped);
    }
    // What is kept leaves nothing to be handed over, unless it panics: so the calls that follow need not look for that.
    match try_apart(core, callee, key, worker) {
        Ok(Tried::Computed(_)) => Step::Done,
        Ok(tried) => left(&tried, &mut helped),
        Err(payload) => {
            expect(worker);
            fail(core, callee, key, None, payload, worker)
        }
    }
}

/// The same where results are not kept that the body is to have all the same.
#[cold]
#[inline(never)]
fn compute_judged<K: Key, R: Output>(
    core: &Core<K, R>,
    callee: Callee<'_, K, R>,
    key: &K,
    worker: &'static Worker,
    helped: &mut dyn FnMut(u64),
) -> Step {
    if core.contains(key, worker) {
        helped(1);
        return Step::Done;
    }
    expect(worker);
    let (frame, member) = (worker.running(), core.member(callee.function, key, worker));
    if !worker.handed.begin(frame, member) {
        helped(1);
        return Step::Done;
    }
    let (step, end) = match try_apart(core, callee, key, worker) {
        Ok(Tried::Computed(value)) => {
            let is_kept = callee.function.keep.is_none_or(|keep| keep(&value));
            (Step::Done, (!is_kept).then(|| callee.function.end_of(value)))
        }
        Ok(tried) => (left(&tried, helped), None),
        Err(payload) => return fail(core, callee, key, Some(member), payload, worker),
    };
    worker.handed.finish(frame, member, end.map(|end| (key.clone(), end)));
    step
}

/// Computes a value if nobody else does. The body of the running call does not get its panic.
#[inline(never)]
#[cfg_attr(target_os = "linux", unsafe(link_section = "speedup_first"))]
fn try_apart<K: Key, R: Output>(
    core: &Core<K, R>,
    callee: Callee<'_, K, R>,
    key: &K,
    worker: &'static Worker,
) -> Result<Tried<(), R>, Payload> {
    call_stack::apart(worker, || catch_unwind(AssertUnwindSafe(|| core.compute_if_free(callee, key, |_| ()))))
}

/// Whoever computes a call is left to it: the body waits when it comes to it.
fn left<R>(tried: &Tried<(), R>, helped: &mut dyn FnMut(u64)) -> Step {
    helped(1);
    if matches!(tried, Tried::Busy) { Step::Later } else { Step::Done }
}

/// Ends of calls may be handed over to the running call from now on.
fn expect(worker: &'static Worker) {
    call_stack::top(worker).inspect(|frame| frame.expects(&worker.handed, &worker.own.attention));
}

/// The panic of a call that was computed ahead: the body meets it in its own time, and perhaps never.
#[cold]
#[inline(never)]
fn fail<K: Key, R: Output>(
    core: &Core<K, R>,
    callee: Callee<'_, K, R>,
    key: &K,
    begun: Option<Member>,
    payload: Payload,
    worker: &'static Worker,
) -> Step {
    let (frame, member) = (worker.running(), begun.unwrap_or_else(|| core.member(callee.function, key, worker)));
    worker.handed.begin(frame, member);
    worker.handed.finish(frame, member, Some((key.clone(), End::<R>::of_panic(payload))));
    Step::Stop
}
