//! Computing each key once between processes that share a store.
//!
//! Before a call is computed its key is claimed in the store. Its owner says there which keys it needs next, when it comes to
//! several that do not need each other. Who finds a key claimed takes those first, in an order of its own, so that
//! processes meet in the middle of a recursion instead of following each other; then it waits to be told of the value. So
//! every wait follows a dependency, and a circle of waits would be a circle of the recursion itself: what is awaited is
//! said on the claim, too, so that whoever comes there meets its own key again, and reports it.

#[doc(hidden)]
pub mod policy;

use std::{cell::RefCell, future::Future, pin::Pin};

use super::Result;

/// What a store does for processes that compute one recursion together. See [`Store::cooperation`](super::Store::cooperation).
pub trait Cooperate<K, V>: Send + Sync {
    /// The value of a key; or a claim to it, if it has neither; or what its owner needs next.
    ///
    /// A claim of a living process lasts until [`give_up`](Self::give_up) or until the value is put.
    ///
    /// # Errors
    /// If the store could not be asked.
    fn begin(&self, key: &K) -> Result<Begun<K, V>>;

    /// The same after waiting, without asking again and again, until it is another answer than `Taken` with the needs that were seen.
    ///
    /// # Errors
    /// If the store could not be asked.
    fn wait(&self, key: &K, seen: u64) -> Result<Begun<K, V>>;

    /// The same for a task, which cannot wait here: of a key that another process computes, also what it awaits before it asks again.
    ///
    /// `None` in its place says that the store cannot tell. Then calls of `async` functions are computed without waiting for others.
    ///
    /// # Errors
    /// If the store could not be asked.
    fn begin_watching(&self, key: &K) -> Result<(Begun<K, V>, Option<Changed>)> {
        Ok((self.begin(key)?, None))
    }

    /// Looks several keys up, and in the same round trip says on a claim of one's own that they are needed.
    ///
    /// # Errors
    /// If the store could not be asked.
    fn foretell(&self, owner: Option<&[u8]>, keys: &[&K]) -> Result<Vec<Foretold<V>>>;

    /// Says on a claim of one's own which keys are needed next. The key is in the bytes of [`bytes`](Self::bytes).
    ///
    /// # Errors
    /// If the store could not be asked.
    fn needs(&self, key: &[u8], needed: &[&K]) -> Result<()>;

    /// Ends a claim of one's own without a value.
    fn give_up(&self, key: &K);

    /// A key in bytes that are the same in every process.
    fn bytes(&self, key: &K) -> Vec<u8>;

    /// A number of this process's own: the first that cooperates is 1, the next 2. 0 if it could not be had.
    fn member(&self) -> u64;
}

/// Ready when something has happened to a key, or when it is time to look. See [`Cooperate::begin_watching`].
pub type Changed = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What came of asking for a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begun<K, V> {
    /// Its value.
    Value(V),
    /// The caller computes it.
    Mine,
    /// Another process does.
    Taken {
        /// What that needs next, as far as it said.
        needs: Vec<K>,
        /// A number of what it said.
        seen: u64,
    },
}

impl<K, V> Begun<K, V> {
    /// The same of another type of value.
    pub(super) fn map<R>(self, of: impl FnOnce(V) -> R) -> Begun<K, R> {
        match self {
            Begun::Value(value) => Begun::Value(of(value)),
            Begun::Mine => Begun::Mine,
            Begun::Taken { needs, seen } => Begun::Taken { needs, seen },
        }
    }
}

/// What a look at a key has shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Foretold<V> {
    /// Its value.
    Value(V),
    /// Somebody computes it.
    Taken,
    /// Nobody does.
    Free,
}

impl<V> Foretold<V> {
    /// The same of another type of value.
    pub(super) fn map<R>(self, of: impl FnOnce(V) -> R) -> Foretold<R> {
        match self {
            Foretold::Value(value) => Foretold::Value(of(value)),
            Foretold::Taken => Foretold::Taken,
            Foretold::Free => Foretold::Free,
        }
    }
}

thread_local! {
    /// The claimed calls that this thread computes, the innermost last: a store, and the bytes of a key.
    static COMPUTED: RefCell<Vec<(usize, Vec<u8>)>> = const { RefCell::new(Vec::new()) };
}

/// Which store it is, for as long as it lives.
fn place<K, V>(store: &dyn Cooperate<K, V>) -> usize {
    std::ptr::from_ref(store).cast::<()>() as usize
}

/// A claimed call while it is computed; given up if it does not come to an end.
struct Computed<'a, K, V> {
    store: &'a dyn Cooperate<K, V>,
    key: &'a K,
    ended: bool,
}

impl<'a, K, V> Computed<'a, K, V> {
    fn begin(store: &'a dyn Cooperate<K, V>, key: &'a K) -> Self {
        COMPUTED.with_borrow_mut(|computed| computed.push((place(store), store.bytes(key))));
        Self { store, key, ended: false }
    }
}

impl<K, V> Drop for Computed<'_, K, V> {
    fn drop(&mut self) {
        COMPUTED.with_borrow_mut(Vec::pop);
        if !self.ended {
            self.store.give_up(self.key);
        }
    }
}

/// The value of a key of which this was [begun](Cooperate::begin): from the store, or computed here, or by another process meanwhile.
///
/// `compute` computes and keeps it, and says whether it did keep it: what is not kept is computed by each process for itself. `help` computes
/// other keys, which end up here in turn.
///
/// # Errors
/// If the store could not be asked; then `compute` has not been called.
///
/// # Panics
/// If `compute` or `help` does; the claim is given up.
pub fn together<K, V>(
    store: &dyn Cooperate<K, V>,
    key: &K,
    mut begun: Begun<K, V>,
    mut compute: impl FnMut() -> (V, bool),
    help: &mut dyn FnMut(Vec<K>),
) -> Result<V> {
    let mut told = false;
    loop {
        let (needs, seen) = match begun {
            Begun::Value(value) => return Ok(value),
            Begun::Mine => {
                let mut computed = Computed::begin(store, key);
                let (value, kept) = compute();
                computed.ended = kept;
                return Ok(value);
            }
            Begun::Taken { needs, seen } => (needs, seen),
        };
        if !told {
            // So that who waits for what is computed here can help, or finds the circle.
            told = true;
            announce(store, &[key]);
        }
        if !needs.is_empty() {
            help(needs);
        }
        begun = store.wait(key, seen)?;
    }
}

/// Says in the store that the innermost claimed call of this thread needs these keys next.
pub fn announce<K, V>(store: &dyn Cooperate<K, V>, needed: &[&K]) {
    if let Some(key) = owner(store) {
        // Others then only know less.
        let _ = store.needs(&key, needed);
    }
}

/// The innermost claimed call of this thread, if it is one of this store.
fn owner<K, V>(store: &dyn Cooperate<K, V>) -> Option<Vec<u8>> {
    let place = place(store);
    COMPUTED.with_borrow(|computed| computed.last().filter(|(of, _)| *of == place).map(|(_, key)| key.clone()))
}

/// Looks keys up that the innermost claimed call of this thread needs next, and says so in the store.
///
/// # Errors
/// If the store could not be asked.
pub fn foretell<K, V>(store: &dyn Cooperate<K, V>, keys: &[&K]) -> Result<Vec<Foretold<V>>> {
    store.foretell(owner(store).as_deref(), keys)
}

/// The order in which this process takes the members of a group: those last that another one computes.
///
/// Of each member it is said which one it is, its key, and whether it is [taken](Foretold::Taken).
pub fn order<K, V>(store: &dyn Cooperate<K, V>, group: &[(usize, &K, bool)]) -> Vec<usize> {
    let bytes: Vec<Vec<u8>> = group.iter().map(|(_, key, _)| store.bytes(key)).collect();
    let group = group.iter().zip(&bytes).map(|((index, _, is_taken), bytes)| (*index, &bytes[..], *is_taken));
    policy::order(store.member(), group)
}
