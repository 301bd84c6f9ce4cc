//! Functions whose calls pass on a part of a slice or string that they were given: `f(&text[1..])`, `split_first`,
//! `strip_prefix`.
//!
//! Were the rest the key, it would be hashed and copied whole at each level. So only what the outermost call is given is looked up
//! by its contents. Inside, a call is known by *where* in that its part lies, and how long it is: a number, in a table that belongs
//! to the outermost call.
//!
//! ```text
//! f("abcd")                    by contents, in the function's own cache
//!   `- f(0)                    the same call in the table of places: "abcd" from 0 on
//!        `- f(1) - f(2) ..     "bcd", "cd", ..
//! ```
//!
//! The running call tells which outermost call a call belongs to, and holds a copy of what that was given; the parts that bodies get,
//! and so those that they pass on, lie in that copy. What does not is looked up by its contents.
//!
//! Calls from outside share as they would by their contents: the calls that an outermost call makes itself are looked up there,
//! too, and the last table of places is kept for one whose part begins or ends what that was about.

use std::{fmt, marker::PhantomData, ptr, sync::Arc};

use crate::cache::{
    api::{
        at_place::{AtPlace, AtPlaceHere},
        cache::Cache,
        outermost::{Outermost, callee, first_at},
        tables::Tables,
    },
    call::{
        bodies::{Running, tells_nothing},
        callee::Callee,
        function::{Function, ShowIn},
        parked::Latest,
        state::Core,
        steady::Steady,
    },
    fork::ahead,
    sharing::granularity::Grain,
    table::{
        Current,
        key::{Key, Lookup, Output},
    },
    thread::{call_stack, engine::Header, frame::Frame, registry},
};

/// Shorter ones are hashed and copied as fast as a table is made.
const LEAST: usize = 48;
/// So many running calls are looked through for one of the same function: more than one only if others lie between.
const NEAR: usize = 4;

/// The calls of a function by places: what `#[cache]` makes of one whose calls pass on parts of slices or strings.
///
/// `S` is the tuple of the arguments that all calls pass on, `K` that of the others, both in their owned forms, and `V` the others
/// with a number for each part. Contents of less than 48 bytes in all stay keys by their contents.
pub struct Spans<S: Key, K: Key, V: Key, R: Output> {
    function: Function<V, R>,
    /// The call that is given the first, as one inside an outermost call that was given the second.
    like: fn(&K, &K) -> Option<V>,
    size: fn(&K) -> usize,
    /// The place that is the last in each of its numbers, where all of a place are numbers of parts.
    last: Option<fn(&K) -> V>,
    of: PhantomData<fn(&S)>,
}

/// Writes a call by its place.
type ShowSpan<S, K, V, R> = fn(&Outermost<S, K, R>, &V, &mut fmt::Formatter<'_>) -> fmt::Result;

impl<S: Key, K: Key, V: Key, R: Output> Spans<S, K, V, R> {
    /// The calls of a function with its name, the sizes of its parts, and its body.
    ///
    /// The body is a function, or a closure that captures nothing: others do not compile.
    #[must_use]
    pub const fn of<F: Fn(&Outermost<S, K, R>, &V) -> R + Copy + 'static>(
        name: &'static str,
        like: fn(&K, &K) -> Option<V>,
        size: fn(&K) -> usize,
        body: F,
    ) -> Self {
        let body = move |own: &Outermost<S, K, R>, key: &V, _: Running<'_, V, R>| body(own, key);
        Self { function: Function::steady(name, body, tells_nothing::<R>), like, size, last: None, of: PhantomData }
    }

    /// The same with a body that also gets the running call, so that its own calls go on in the table.
    #[must_use]
    pub const fn of_inside<F: Fn(&Outermost<S, K, R>, &V, AtPlace<'_, S, K, V, R>) -> R + Copy + 'static>(
        name: &'static str,
        like: fn(&K, &K) -> Option<V>,
        size: fn(&K) -> usize,
        body: F,
    ) -> Self {
        let body = move |own: &Outermost<S, K, R>, key: &V, running: Running<'_, V, R>| {
            // SAFETY: cores of this family are made by `begin`, for what their calls get.
            body(own, key, unsafe { AtPlace::new(own, running.inside) })
        };
        Self { function: Function::steady(name, body, tells_nothing::<R>), like, size, last: None, of: PhantomData }
    }

    /// The same with a body that makes all such calls itself, on the thread that runs it.
    #[must_use]
    pub const fn of_here<F: Fn(&Outermost<S, K, R>, &V, AtPlaceHere<'_, S, K, V, R>) -> R + Copy + 'static>(
        name: &'static str,
        like: fn(&K, &K) -> Option<V>,
        size: fn(&K) -> usize,
        body: F,
    ) -> Self {
        let body = move |own: &Outermost<S, K, R>, key: &V, running: Running<'_, V, R>| {
            // SAFETY: as above.
            body(own, key, unsafe { AtPlaceHere::new(own, running) })
        };
        Self { function: Function::steady(name, body, tells_nothing::<R>), like, size, last: None, of: PhantomData }
    }

    /// Says which place has the largest numbers of parts that reach to the end, where all of a place are such numbers.
    #[must_use]
    pub const fn last(mut self, last: fn(&K) -> V) -> Self {
        self.last = Some(last);
        self
    }

    /// As [`Function::keep`].
    #[must_use]
    pub const fn keep(mut self, keep: fn(&R) -> bool) -> Self {
        self.function.keeps_by(keep);
        self
    }

    /// As [`Function::show`].
    #[must_use]
    pub const fn show(mut self, show: ShowSpan<S, K, V, R>) -> Self {
        // SAFETY: both are pointers to functions that take two thin pointers; it is called with what `begin` has made.
        self.function.show_in = Some(unsafe { std::mem::transmute::<ShowSpan<S, K, V, R>, ShowIn<V>>(show) });
        self
    }

    /// As [`Function::sequential`].
    #[must_use]
    pub const fn sequential(mut self) -> Self {
        self.function.sequential = true;
        self
    }

    /// As [`Function::uses_rayon`].
    #[must_use]
    pub const fn uses_rayon(mut self) -> Self {
        self.function.uses_rayon = true;
        self
    }

    /// The value of a call inside an outermost one, computed if need be: by `inside`, its place in that. `None` for others, which are
    /// looked up by contents.
    ///
    /// What is given leads to no memory where it is not called, so that a hit, which calls nothing, is short where it is inlined.
    ///
    /// # Panics
    /// As [`Cache::get`].
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn get<Q: Lookup<K>>(
        &self,
        key: impl FnOnce() -> Q,
        inside: impl Fn(&Outermost<S, K, R>) -> Option<V::Args>,
    ) -> Option<R> {
        let worker = registry::current();
        let top = call_stack::top(worker)?;
        let (mut frame, mut below) = (top, 0);
        let (core, place) = loop {
            if let Some(core) = self.core_of(frame)
                && let Some(place) = self.outermost(core).and_then(&inside)
            {
                break (core, V::of(place));
            }
            // What is computed by contents goes on by contents.
            if below == NEAR || below == 0 && frame.header().is::<Core<K, R>>() {
                return None;
            }
            (frame, below) = (frame.parent()?, below + 1);
        };
        if below > 0 {
            return Some(self.get_below(core, &place));
        }
        // SAFETY: made by `begin`.
        let free = match unsafe { core.look_at_hand(&place, worker) } {
            Ok(value) => return Some(value),
            Err(free) => free,
        };
        // Made by the outermost call itself, unless by one that goes on in its table.
        if !top.parent().is_some_and(|parent| ptr::eq(parent.cache(), top.cache())) {
            return Some(first_at(core, &self.function, self.outermost(core)?, &place, key()));
        }
        // SAFETY: found for this call.
        Some(unsafe { core.get_free(self.callee(core), &place, worker, free) })
    }

    /// A call between which and the outermost one others lie.
    #[cold]
    #[inline(never)]
    fn get_below(&self, core: &Core<V, R>, place: &V) -> R {
        core.get(self.callee(core), place)
    }

    /// The core of a running call of this function by place.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn core_of<'a>(&self, frame: &'a Frame) -> Option<&'a Core<V, R>> {
        // SAFETY: the family is named by the type of the body, which takes arguments of these types alone, and all cores of it were
        // made by `begin`. The frame keeps its core.
        (frame.header().family == self.function.family).then(|| unsafe { &*frame.cache().cast::<Core<V, R>>() })
    }

    /// What the outermost call of a core of the family was given.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn outermost<'a>(&self, core: &'a Core<V, R>) -> Option<&'a Outermost<S, K, R>> {
        // SAFETY: made by `begin`.
        core.steady.as_ref().map(|own| unsafe { own.at().cast().as_ref() })
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn callee<'a>(&'a self, core: &'a Core<V, R>) -> Callee<'a, V, R> {
        callee(&self.function, core)
    }

    /// Goes on by places, where a body is about to run for a call by contents that is an outermost one: its value then.
    ///
    /// # Panics
    /// As [`Cache::get`].
    #[inline(never)]
    pub fn enter(&self, steady: &S, key: &K) -> Option<R> {
        let is_long = (self.size)(key) >= LEAST;
        let top = call_stack::top(registry::current())?;
        let content = top.downcast::<Core<K, R>>()?;
        if !is_long && !content.parked.is_used() || self.is_inside(top, content) {
            return None;
        }
        let seen = content.parked.look();
        if seen.seeded {
            return None;
        }
        let known = seen.latest.and_then(|latest| Some((self.place_in(&latest, content, steady, key)?, latest)));
        let is_new = known.is_none();
        let (place, latest) = match known {
            Some(known) => known,
            None if is_long => self.begin(content, steady, key)?,
            None => return None,
        };
        // SAFETY: of the family, and kept.
        let core = unsafe { latest.core.cast::<Core<V, R>>().as_ref() };
        if is_new && let Some(last) = self.last {
            core.make_table_up_to(&self.function, &last(key));
        }
        let counting = is_new.then(|| Counting { core, content });
        let value = core.get(self.callee(core), &place);
        drop(counting);
        // One call, which was counted by its contents, too.
        content.seen.counted_twice();
        content.parked.put(seen.edits, latest);
        Some(value)
    }

    /// The place of a call in what an earlier outermost call was about.
    fn place_in(&self, latest: &Latest, content: &Core<K, R>, steady: &S, key: &K) -> Option<V> {
        // SAFETY: kept; the family as in `core_of`.
        if unsafe { latest.core.as_ref() }.family != self.function.family {
            return None;
        }
        // SAFETY: as in `core_of`.
        let own = self.outermost(unsafe { latest.core.cast::<Core<V, R>>().as_ref() })?;
        let same = ptr::eq(own.content, content) && ptr::eq(own.steady, steady);
        if same { (self.like)(key, &own.key) } else { None }
    }

    /// A table of places for an outermost call.
    fn begin(&self, content: &Core<K, R>, steady: &S, key: &K) -> Option<(V, Latest)> {
        let own = Outermost { content, steady, key: key.clone() };
        let place = (self.like)(&own.key, &own.key)?;
        let mut core = Core::<V, R>::one_of(self.function.family, Some(Steady::new(Arc::new(own))));
        core.table = Current::none_lasting();
        // Who helps is a guest, for whom the owner of a group waits, and deputies are joined.
        core.is_lent = true;
        core.number = content.number.lend();
        core.grain.learn_from(&content.grain);
        let (core, kept) = core.into_counted();
        Some((place, Latest { core: core.cast(), _kept: kept }))
    }

    /// Whether the call that has just begun was made by another one of the function.
    fn is_inside(&self, top: &Frame, content: &Core<K, R>) -> bool {
        let (places, contents) = (self.function.family, content.header.family);
        let mut frames = std::iter::successors(top.parent(), |frame| frame.parent()).take(NEAR);
        frames.any(|frame| {
            let header = frame.header();
            let is_table = header.family == contents && contents != Header::ALONE;
            header.family == places || is_table || ptr::eq(header, &raw const content.header)
        })
    }

    /// Lets a body say which of its own calls it will make next, where that [may](may_look_ahead) be worth it. As [`Cache::ahead`];
    /// `contents` is where calls by contents are.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn ahead(&self, contents: impl Foretells<K>, forecast: impl FnOnce(Asked<'_, S, K, V, R>)) {
        let worker = registry::current();
        let Some(core) = call_stack::top(worker).and_then(|top| self.core_of(top)) else {
            return contents.foretell(|call| forecast(Asked(Asking::Contents(call))));
        };
        if !core.grain.goes_alone(worker) {
            self.ahead_with_others(core, forecast);
        }
    }

    /// The same, where it may be worth it; out of line, to keep the frames of bodies small.
    #[cold]
    #[inline(never)]
    fn ahead_with_others(&self, core: &Core<V, R>, forecast: impl FnOnce(Asked<'_, S, K, V, R>)) {
        let Some(own) = self.outermost(core) else { return };
        if core.may_share(&self.function, registry::current()) {
            ahead::run(core, self.callee(core), |call| forecast(Asked(Asking::Places(own, call))));
        }
    }
}

/// Whether anything may come of a forecast. Where a body asks this first, what its forecast captures is put together only if so.
#[cfg_attr(not(debug_assertions), inline(always))]
pub fn may_look_ahead() -> bool {
    !Grain::is_alone(registry::current())
}

/// Adds what is known of an outermost call to what is known of the function when it ends, also by a panic.
struct Counting<'a, K: Key, V: Key, R: Output> {
    core: &'a Core<V, R>,
    content: &'a Core<K, R>,
}

impl<K: Key, V: Key, R: Output> Drop for Counting<'_, K, V, R> {
    fn drop(&mut self) {
        let Self { core, content } = self;
        content.grain.learn_from(&core.grain);
        content.seen.add(&core.seen.counts());
        content.outlook.add(core.outlook.totals());
    }
}

/// What takes forecasts of calls by contents, or of calls of another function: the handle as it is named, so that what is none is told here.
#[diagnostic::on_unimplemented(
    message = "`with` names a function whose calls nobody can make ahead of its caller",
    label = "leave this one out",
    note = "`with(..)` takes functions with a `#[cache]` of their own that are neither `async` nor generic"
)]
pub trait Foretells<K: Key> {
    /// As [`Cache::ahead`].
    fn foretell(self, forecast: impl FnOnce(&(dyn Fn(K::Args) + Sync)));
}

#[diagnostic::do_not_recommend]
impl<K: Key, R: Output> Foretells<K> for &Cache<K, R> {
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn foretell(self, forecast: impl FnOnce(&(dyn Fn(K::Args) + Sync))) {
        // What needs its caller cannot be computed ahead of it.
        if self.function.has_body {
            self.ahead(forecast);
        }
    }
}

#[diagnostic::do_not_recommend]
impl<S: Key, K: Key, R: Output> Foretells<K> for &Tables<S, K, R> {
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn foretell(self, forecast: impl FnOnce(&(dyn Fn(K::Args) + Sync))) {
        self.ahead(forecast);
    }
}

/// What a forecast names calls with.
pub struct Asked<'a, S: Key, K: Key, V: Key, R: Output>(Asking<'a, S, K, V, R>);

enum Asking<'a, S: Key, K: Key, V: Key, R: Output> {
    Places(&'a Outermost<S, K, R>, &'a (dyn Fn(V::Args) + Sync)),
    Contents(&'a (dyn Fn(K::Args) + Sync)),
}

impl<S: Key, K: Key, V: Key, R: Output> Asked<'_, S, K, V, R> {
    /// Names a call, by its place if that can be known.
    pub fn ask(&self, inside: impl FnOnce(&Outermost<S, K, R>) -> Option<V::Args>, contents: impl FnOnce() -> K::Args) {
        match &self.0 {
            Asking::Places(own, call) => {
                if let Some(place) = inside(own) {
                    call(place);
                }
            }
            Asking::Contents(call) => call(contents()),
        }
    }
}
