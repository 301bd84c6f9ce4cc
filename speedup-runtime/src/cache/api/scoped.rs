//! Functions whose values are kept for the time of an outermost call.

use std::{
    any::{Any, TypeId},
    mem::{self, ManuallyDrop},
    ptr,
};

use once_cell::sync::OnceCell;

use crate::cache::{
    api::context::Body,
    call::{function::Function, known::Known, outlook::Outlook, seen::Seen, state::Core},
    sharing::granularity::Grain,
    table::{
        Current,
        key::{Key, Lookup, Output},
        packed_key,
    },
    thread::{
        call_stack,
        counters::Number,
        frame::Frame,
        registry::{self, Worker},
    },
};

use crate::{
    panics,
    seeing::{
        registry::{Aside, Ticket, Told, Used},
        report::Kind,
    },
    sync::{AtomicU64, Ordering},
};

/// The scope in which it is found out what a hit costs.
const MEASURED: u64 = 15;

/// So many running calls are looked through for one of the same function: more than one only if others lie between.
const NEAR: usize = 4;

/// What the calls of a scoped function have in common, in a static: what is known of their cost.
pub struct Scoped {
    costs: Grain,
    number: Number,
    seen: Seen,
    outlook: Outlook,
    /// Outermost calls that have ended, and what a hit cost in one of them, in nanoseconds. Relaxed: counts.
    scopes: AtomicU64,
    hit_cost: AtomicU64,
    /// The name in reports, and that it is listed: from the first call on.
    listed: OnceCell<(&'static str, Ticket)>,
}

/// What tells an argument that is passed on by reference from others while it is lent: where it lies, and how long it is or, if it is a
/// `dyn`, of which type. A value may lie where one of its fields does, and slices of what has no size all lie at one place.
pub type Place = (u64, u64);

/// The place of a value.
#[cfg_attr(not(debug_assertions), inline(always))]
pub fn place_of<T: ?Sized>(value: &T) -> Place {
    let place = ptr::from_ref(value);
    if const { size_of::<*const T>() != size_of::<[usize; 2]>() } {
        return (place.cast::<()>().addr() as u64, 0);
    }
    // SAFETY: a pointer of two words, the address and what stands beside it, each of which can be read as a number.
    let [one, other] = unsafe { mem::transmute_copy::<*const T, [usize; 2]>(&place) };
    (one as u64, other as u64)
}

/// Tells numbers that are passed on by value from each other, and values of other types not at all.
#[cfg_attr(not(debug_assertions), inline(always))]
pub fn number_of<T: 'static>(value: &T) -> Place {
    let any: &dyn Any = value;
    let bits = packed_key::encode(value)
        .or_else(|| any.downcast_ref::<f64>().map(|number| number.to_bits()))
        .or_else(|| any.downcast_ref::<f32>().map(|number| u64::from(number.to_bits())));
    let big =
        any.downcast_ref::<u128>().copied().or_else(|| any.downcast_ref::<i128>().map(|number| number.cast_unsigned()));
    let big = big.unwrap_or_else(|| u128::from(bits.unwrap_or(0)));
    (big as u64, (big >> 64) as u64)
}

/// The table of one outermost call.
#[repr(C)]
pub(super) struct Scope<const N: usize, K: Key, R: Output> {
    /// Comes first: a frame that names its header names the scope.
    core: Core<K, R>,
    /// What the outermost call was given beside the key.
    passed_on: [Place; N],
}

impl<const N: usize, K: Key, R: Output> Scope<N, K, R> {
    /// The scope of a running call, if it is one of this family. It is there as long as the call runs.
    ///
    /// # Safety
    /// The family is that of these types, see [`Scoped::family`].
    #[cfg_attr(not(debug_assertions), inline(always))]
    unsafe fn of_frame(frame: &Frame, family: TypeId) -> Option<&'static Self> {
        // SAFETY: the family is named by the type of the body's closure, which is that of one function, and for that all cores are
        // those of scopes of these types. The frame is running, and ends before the scope does.
        (frame.header().family == family).then(|| unsafe { &*frame.cache().cast::<Self>() })
    }

    /// The core of a scope, if it is one of this family that was given the same.
    ///
    /// # Safety
    /// The core is that of a scope, which `get_outermost` made.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) unsafe fn of<'a>(
        core: &'a Core<K, R>,
        family: TypeId,
        passed_on: &[Place; N],
    ) -> Option<&'a Core<K, R>> {
        // SAFETY: by the contract. A family names the type of its scopes.
        let is_same = || are_same(&unsafe { &*ptr::from_ref(core).cast::<Self>() }.passed_on, passed_on);
        (core.header.family == family && is_same()).then_some(core)
    }
}

/// Whether both are the same: without the call that a comparison of arrays is where units of code are optimized each by itself.
#[cfg_attr(not(debug_assertions), inline(always))]
pub(super) fn are_same<const N: usize>(some: &[Place; N], others: &[Place; N]) -> bool {
    let (mut same, mut at) = (true, 0);
    while at < N {
        same &= some[at] == others[at];
        at += 1;
    }
    same
}

/// A scoped function on the list of all that have been used. It keeps nothing.
struct Listed(&'static Scoped);

impl Used for Listed {
    fn told(&self) -> Option<Told> {
        let Scoped { number, seen, outlook, hit_cost, listed, .. } = self.0;
        let known = Known {
            totals: number.totals(),
            counts: seen.counts(),
            outlook: outlook.totals(),
            hit_cost: Some(hit_cost.load(Ordering::Relaxed)).filter(|cost| *cost != 0),
            ..Known::default()
        };
        Some(Told {
            name: listed.get()?.0.to_owned(),
            kind: Kind::Scoped,
            is_one_of_many: false,
            is_bounded: true,
            stats: known.stats(),
        })
    }

    fn set_aside(&self) -> Option<Aside> {
        let (scoped, counted) = (self.0, self.0.number.totals());
        Some(Box::new(move || scoped.number.rewind(counted)))
    }

    fn empty(&self) {}
}

/// Takes over what was counted and learnt in a scope when its outermost call ends, in a panic, too.
struct Counted<'a, K: Key, R: Output> {
    scoped: &'a Scoped,
    core: &'a Core<K, R>,
}

impl<K: Key, R: Output> Drop for Counted<'_, K, R> {
    fn drop(&mut self) {
        self.scoped.costs.learn_from(&self.core.grain);
        self.scoped.seen.add(&self.core.seen.counts());
        self.scoped.outlook.add(self.core.outlook.totals());
        // Not of the first ones, of which it would be a good part.
        if self.scoped.scopes.fetch_add(1, Ordering::Relaxed) == MEASURED && !std::thread::panicking() {
            panics::contain(|| {
                let cost = self.core.hit_cost(registry::current()).unwrap_or(0);
                self.scoped.hit_cost.store(cost, Ordering::Relaxed);
            });
        }
        // What was put out for want of room is given back to the table when nobody can be looking at it: the table stays until then.
        if self.core.function.get().is_some_and(|function| function.settle.is_some()) {
            self.core.clear();
        }
    }
}

impl Scoped {
    /// Nothing is known.
    #[must_use]
    #[allow(clippy::new_without_default, reason = "made in statics")]
    pub const fn new() -> Self {
        Self {
            costs: Grain::new(),
            number: Number::new(),
            seen: Seen::new(),
            outlook: Outlook::new(),
            scopes: AtomicU64::new(0),
            hit_cost: AtomicU64::new(0),
            listed: OnceCell::new(),
        }
    }

    /// The value of a call, computed if need be: in the table of the outermost call that was given the same beside its key, or in a
    /// new one, which goes when this call ends.
    ///
    /// # Panics
    /// As [`Cache::get`](crate::Cache::get).
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn get<const N: usize, K: Key, R: Output, B: Body<K, R>>(
        &'static self,
        passed_on: [Place; N],
        key: K,
        describe: impl Fn() -> Function<K, R>,
        body: B,
    ) -> R {
        let family = Self::family::<N, K, R, B>();
        let worker = registry::current();
        // A hit has neither in memory: they are put there where they are needed.
        let (mut key, mut body) = (ManuallyDrop::new(key), ManuallyDrop::new(body));
        let Some(core) = Self::running::<N, K, R>(worker, family, &passed_on) else {
            // SAFETY: they are not used again.
            let (key, body) = unsafe { (ManuallyDrop::take(&mut key), ManuallyDrop::take(&mut body)) };
            // One by one: were it passed on as a whole, it would lie in memory on the way of a hit, too.
            let passed_on: [Place; N] = std::array::from_fn(|at| passed_on[at]);
            return self.get_outermost(family, Current::none_of_scope(), passed_on, &key, describe, &body);
        };
        // SAFETY: a scope's.
        match unsafe { core.look_in_scope(&key, worker) } {
            Ok(value) => {
                // SAFETY: they are not used again.
                unsafe {
                    ManuallyDrop::drop(&mut key);
                    ManuallyDrop::drop(&mut body);
                }
                value
            }
            Err(free) => {
                // SAFETY: they are not used again.
                let (key, body) = unsafe { (ManuallyDrop::take(&mut key), ManuallyDrop::take(&mut body)) };
                // SAFETY: a scope's, and found for this key.
                unsafe { core.get_free_in_scope(&key, worker, free, describe, &body) }
            }
        }
    }

    /// The same for a key that is only borrowed.
    ///
    /// # Panics
    /// As [`Cache::get`](crate::Cache::get).
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn get_ref<const N: usize, K: Key, R: Output, Q: Lookup<K>, B: Body<K, R>>(
        &'static self,
        passed_on: [Place; N],
        key: Q,
        describe: impl Fn() -> Function<K, R>,
        body: B,
    ) -> R {
        let family = Self::family::<N, K, R, B>();
        let worker = registry::current();
        match Self::running::<N, K, R>(worker, family, &passed_on) {
            // SAFETY: a scope's.
            Some(core) => unsafe { core.get_ref_in_scope(key, worker, describe, &body) },
            None => self.get_outermost(family, Current::none_of_scope(), passed_on, &key.to_key(), describe, &body),
        }
    }

    /// What names a scoped function: the type of its body.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache) fn family<const N: usize, K: Key, R: Output, B: Body<K, R>>() -> TypeId {
        typeid::of::<(B, Scope<N, K, R>)>()
    }

    /// The table in which the innermost running call goes on, if it is one of this function and was given the same.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache) fn running<const N: usize, K: Key, R: Output>(
        worker: &Worker,
        family: TypeId,
        passed_on: &[Place; N],
    ) -> Option<&'static Core<K, R>> {
        let top = call_stack::top(worker)?;
        // SAFETY: the family is that of scopes of these types.
        match unsafe { Scope::<N, K, R>::of_frame(top, family) } {
            Some(scope) if are_same(&scope.passed_on, passed_on) => Some(&scope.core),
            // By value: what is passed on then lies in memory here alone.
            _ => Self::running_below(top, family, *passed_on),
        }
    }

    /// The same, for calls between which others lie.
    #[cold]
    #[inline(never)]
    fn running_below<const N: usize, K: Key, R: Output>(
        top: &Frame,
        family: TypeId,
        passed_on: [Place; N],
    ) -> Option<&'static Core<K, R>> {
        let frames = std::iter::successors(top.parent(), |frame| frame.parent()).take(NEAR);
        // SAFETY: the family is that of scopes of these types.
        let mut scopes = frames.filter_map(|frame| unsafe { Scope::<N, K, R>::of_frame(frame, family) });
        scopes.find(|scope| scope.passed_on == passed_on).map(|scope| &scope.core)
    }

    #[cold]
    #[inline(never)]
    pub(in crate::cache) fn get_outermost<const N: usize, K: Key, R: Output, B: Body<K, R>>(
        &'static self,
        family: TypeId,
        table: Current<K, R>,
        passed_on: [Place; N],
        key: &K,
        describe: impl Fn() -> Function<K, R>,
        body: &B,
    ) -> R {
        self.number.give();
        self.listed.get_or_init(|| (describe().name, Ticket::new(Listed(self))));
        let mut scope = Scope { core: Core::one_of(family, None), passed_on };
        scope.core.table = table;
        scope.core.number = self.number.lend();
        scope.core.grain.learn_from(&self.costs);
        let _counted = Counted { scoped: self, core: &scope.core };
        // SAFETY: a scope's.
        unsafe { scope.core.get_in_scope(key, registry::current(), describe, body) }
    }
}
