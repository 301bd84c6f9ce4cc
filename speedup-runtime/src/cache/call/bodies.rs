//! The kinds of bodies, each as a function that computes a value by it: what a [`Callee`] names.

use std::{hint::assert_unchecked, ptr::NonNull};

use crate::cache::{
    call::{callee::Callee, execute::run, function::Function, state::Core},
    table::key::{Key, Output},
    thread::{claim::Goal, frame::Frame, registry::Worker},
};

/// Computes a value, whose slot has been claimed, by a body that is known when the program is compiled, as is what says which values are kept.
///
/// # Safety
/// Those before the last are the parts of the goal of a flight of this core and of this worker, the calling thread's, which is left to this call.
pub(in crate::cache) unsafe fn run_known<
    K: Key,
    R: Output,
    F: Fn(&K) -> R + Copy + 'static,
    G: Fn(&R) -> bool + Copy + 'static,
>(
    core: &Core<K, R>,
    function: &Function<K, R>,
    key: &K,
    table: u64,
    at: *const (),
    worker: &'static Worker,
) -> R {
    let again = run_known::<K, R, F, G>;
    // SAFETY: whoever named `F` and `G` gave values of them to `Function::new` or `Function::keeping`.
    let (body, keeps) = unsafe { (the_one::<F>(), the_one::<G>()) };
    let body = |key: &K, _: &Frame| body(key);
    // SAFETY: passed on.
    unsafe { run(false, core, function, key, (Goal::of_parts(table, at), worker), (body, keeps), again) }
}

/// What a function is asked that has such a `G`: whether a result is kept.
pub(in crate::cache) fn keeps<R: 'static, G: Fn(&R) -> bool + Copy + 'static>(value: &R) -> bool {
    // SAFETY: whoever named `G` gave a value of it to `Function::keeping`.
    unsafe { the_one::<G>()(value) }
}

/// The `G` of a function of which all results are kept, or of which that is told elsewhere: nothing is known where the body ends.
pub(in crate::cache) fn tells_nothing<R>(_: &R) -> bool {
    false
}

/// The value of a type that has but one.
///
/// # Safety
/// Somebody has had a value of it.
#[cfg_attr(not(debug_assertions), inline(always))]
unsafe fn the_one<F: Copy>() -> F {
    const { assert!(size_of::<F>() == 0, "give a function or a closure that captures nothing") };
    // SAFETY: a type without size has one value, which takes no bytes to make; it is `Copy`, so it may be made once more.
    unsafe { NonNull::<F>::dangling().read() }
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
    at: *const (),
    worker: &'static Worker,
) -> R {
    // SAFETY: passed on.
    unsafe {
        let body = |key: &K, _: &Frame| function.shared(key);
        run(
            false,
            core,
            function,
            key,
            (Goal::of_parts(table, at), worker),
            (body, tells_nothing::<R>),
            run_shared::<K, R>,
        )
    }
}

/// As [`run_known`], by a body that its caller brings: what the thread's [`Own::context`] leads to. That is read before anything else of this thread can
/// begin a call with another one.
///
/// # Safety
/// As for [`run_known`]; and the context is a `B` that outlives the call. `IN_SCOPE` is true for cores of scopes alone.
///
/// [`Own::context`]: crate::cache::thread::worker::Own::context
pub(in crate::cache) unsafe fn run_in<K: Key, R: Output, B: Body<K, R>, const IN_SCOPE: bool>(
    core: &Core<K, R>,
    function: &Function<K, R>,
    key: &K,
    table: u64,
    at: *const (),
    worker: &'static Worker,
) -> R {
    let again = run_in::<K, R, B, IN_SCOPE>;
    // SAFETY: by the contract.
    let (brought, context) = unsafe { brought::<B>(worker) };
    let compute = |key: &K, _: &Frame| {
        let inside = Inside { core, callee: Callee::of(function, again, context, B::IS_LOCAL) };
        // SAFETY: by the contract.
        if IN_SCOPE { unsafe { brought.compute_in_scope(key, inside) } } else { brought.compute(key, inside) }
    };
    // SAFETY: passed on. Scopes last.
    unsafe {
        run(
            IN_SCOPE,
            core,
            function,
            key,
            (Goal::of_parts(table, at), worker),
            (compute, |value: &R| brought.keeps(value)),
            again,
        )
    }
}

/// What the caller of the call that begins passes on to it, and where that is.
///
/// # Safety
/// It is a `C` that outlives `'a`.
#[cfg_attr(not(debug_assertions), inline(always))]
unsafe fn brought<'a, C>(worker: &Worker) -> (&'a C, *const ()) {
    let context = worker.own.context.get();
    // SAFETY: by the contract, and so it is nowhere null.
    unsafe {
        assert_unchecked(!context.is_null());
        (&*context.cast::<C>(), context)
    }
}

/// As [`run_in`], by a body of a function whose calls pass on what the core owns.
///
/// # Safety
/// As for [`run_known`]; and the thread's context is a `C` that outlives the call. The tables of the core are as long there as the core.
pub(in crate::cache) unsafe fn run_steady<
    K: Key,
    R: Output,
    C,
    F: for<'c> Fn(&'c C, &K, Running<'c, K, R>) -> R + Copy,
    G: Fn(&R) -> bool + Copy,
>(
    core: &Core<K, R>,
    function: &Function<K, R>,
    key: &K,
    table: u64,
    at: *const (),
    worker: &'static Worker,
) -> R {
    let again = run_steady::<K, R, C, F, G>;
    // SAFETY: by the contract; and whoever named `F` and `G` gave values of them to `Function::steady`.
    let (body, keeps, (passed_on, context)) = unsafe { (the_one::<F>(), the_one::<G>(), brought::<C>(worker)) };
    let compute = |key: &K, frame: &Frame| {
        let inside = Inside { core, callee: Callee::of(function, again, context, false) };
        body(passed_on, key, Running { inside, worker, frame })
    };
    // SAFETY: passed on.
    unsafe {
        let lasting = const { Core::<K, R>::lasts() };
        run(lasting, core, function, key, (Goal::of_parts(table, at), worker), (compute, keeps), again)
    }
}

/// The body of a call: a closure that is `Sync`, since calls that do not need each other run on several threads; or one in
/// [`Local`](crate::cache::Local).
#[diagnostic::on_unimplemented(
    message = "what this call passes on cannot be shared between threads",
    note = "calls that do not need each other run on several threads, with all that the function gets beside its key: that must be `Sync`",
    note = "of a type parameter, write `T: Sync`; without `scoped` and `field` the table outlives the call: `T: Sync + 'static`",
    note = "write `#[cache(sequential, ..)]` to run all calls on the caller's thread"
)]
pub trait Body<K: Key, R: Output> {
    /// Whether the body runs on the caller's thread alone.
    #[doc(hidden)]
    const IS_LOCAL: bool;

    /// Computes the value of a key.
    #[doc(hidden)]
    fn compute(&self, key: &K, inside: Inside<'_, K, R>) -> R;

    /// The same for a call of a scope.
    ///
    /// # Safety
    /// The core of the running call is that of a scope.
    #[doc(hidden)]
    #[cfg_attr(not(debug_assertions), inline(always))]
    unsafe fn compute_in_scope(&self, key: &K, inside: Inside<'_, K, R>) -> R {
        self.compute(key, inside)
    }

    /// Whether it is known where the body ends that this value is kept.
    #[doc(hidden)]
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn keeps(&self, _: &R) -> bool {
        false
    }
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

/// The same on the thread that runs it, which has this worker.
pub(in crate::cache) struct Running<'a, K: Key, R: Output> {
    pub(in crate::cache) inside: Inside<'a, K, R>,
    pub(in crate::cache) worker: &'static Worker,
    /// The innermost running call wherever the body itself makes one.
    pub(in crate::cache) frame: &'a Frame,
}

/// What to call for a caller who brings this body.
///
/// # Safety
/// `IN_SCOPE` is true for cores of scopes alone.
#[cfg_attr(not(debug_assertions), inline(always))]
pub(in crate::cache) unsafe fn callee_in<'a, K: Key, R: Output, B: Body<K, R>, const IN_SCOPE: bool>(
    function: &'a Function<K, R>,
    body: &'a B,
) -> Callee<'a, K, R> {
    Callee::of(function, run_in::<K, R, B, IN_SCOPE>, std::ptr::from_ref(body).cast(), B::IS_LOCAL)
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
    at: *const (),
    worker: &'static Worker,
) -> R {
    let name = function.name;
    let body =
        |_: &K, _: &Frame| panic!("`{name}` needs more than its key: call the function itself, which passes it on");
    // SAFETY: passed on.
    unsafe {
        run(
            false,
            core,
            function,
            key,
            (Goal::of_parts(table, at), worker),
            (body, tells_nothing::<R>),
            run_nothing::<K, R>,
        )
    }
}

#[cfg(all(test, target_os = "linux", not(any(loom, miri))))]
mod tests {
    use super::*;
    use crate::cache::thread::{counters::Number, registry};

    // What the linker says of the section of first calls, see [`first`](crate::first).
    // SAFETY: the linker gives both names to addresses, which alone are asked for.
    unsafe extern "C" {
        static __start_speedup_first: u8;
        static __stop_speedup_first: u8;
    }

    #[test]
    fn what_a_first_call_runs_lies_together() {
        type Of = Core<(u64,), u64>;
        let section = (&raw const __start_speedup_first).addr()..(&raw const __stop_speedup_first).addr();
        let first = [
            Of::compute as *const (),
            Of::list as *const (),
            Of::cast as *const (),
            Number::give as *const (),
            registry::totals as *const (),
        ];
        assert!(first.iter().all(|code| section.contains(&code.addr())), "{first:?} are not all in {section:?}");
    }
}
