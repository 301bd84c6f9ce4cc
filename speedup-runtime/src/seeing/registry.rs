//! The caches and buffers that have been used in this process.
//!
//! One is listed when it gets its first table or generator, never on the way of a hit. What is owned is listed weakly, and taken off the
//! list when it goes.

use std::mem;

use crate::{
    first,
    seeing::{limit::Held, report::Kind, stats::Stats},
    sync::global::{Arc, Mutex, lock},
};

/// Something that is listed.
pub(crate) trait Used: Send + Sync {
    /// What is to be said of it; `None` if it has gone.
    fn told(&self) -> Option<Told>;

    /// Takes its values out of use, so that it is empty; they come back when what this returns is called. `None` if it has gone, or
    /// keeps what it has.
    fn set_aside(&self) -> Option<Aside>;

    /// Forgets its values, unless it keeps what it has.
    fn empty(&self);

    /// What it takes, if it can forget that. O(bytes / 16 KiB).
    fn held(&self) -> Option<Held> {
        None
    }
}

/// Puts values back that were set aside, as far as that can be done, and lets counts be what they were.
pub(crate) type Aside = Box<dyn FnOnce() + Send>;

/// What something that is listed says of itself.
pub(crate) struct Told {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// Whether all of this name and kind are one row: they are too many to be told apart.
    pub(crate) is_one_of_many: bool,
    /// Whether there is a bound to what it keeps.
    pub(crate) is_bounded: bool,
    pub(crate) stats: Stats,
}

/// All that are listed, and the free places among them.
struct List {
    places: Vec<Option<Arc<dyn Used>>>,
    free: Vec<usize>,
}

static LIST: Mutex<List> = Mutex::new(List { places: Vec::new(), free: Vec::new() });

/// Keeps something on the list until this is dropped.
pub(crate) struct Ticket(usize);

impl Ticket {
    /// Lists it.
    pub(crate) fn new(used: impl Used + 'static) -> Self {
        Self::of(Arc::new(used))
    }

    /// The same of what is shared already.
    #[inline]
    pub(crate) fn of(used: Arc<dyn Used>) -> Self {
        let mut list = lock(&LIST);
        let place = list.free.pop().unwrap_or_else(|| {
            first::push(&mut list.places, None);
            list.places.len() - 1
        });
        list.places[place] = Some(used);
        Self(place)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut list = lock(&LIST);
        let used = mem::take(&mut list.places[self.0]);
        list.free.push(self.0);
        drop(list);
        drop(used);
    }
}

/// All that are listed, by their places, in the order in which they came to be as far as places were not given again.
pub(crate) fn all() -> Vec<(usize, Arc<dyn Used>)> {
    let list = lock(&LIST);
    let places = list.places.iter().enumerate();
    places.filter_map(|(place, used)| Some((place, used.clone()?))).collect()
}
