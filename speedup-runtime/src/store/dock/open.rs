//! How the store of a function is opened: what the attribute's expression may be, and what of a result is stored.

use std::{any::Any, marker::PhantomData, time::Duration};

use crate::store::{
    Claim, Condition, Error, Result, Store, Timed, Token, Unopened, Watcher,
    cooperate::{Begun, Changed, Cooperate, First, Foretold, Looked},
};
use crate::sync::global::Arc;

/// What opening the store of a function has come to: `Arc<dyn Store<K, R>>` in a box of its own.
pub type Opening = Box<dyn Any + Send + Sync>;

/// What `store = ..` takes: a store, or a `Result` of one. `M` tells which.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no store of results `{V}` under keys `{K}`",
    note = "`store = ..` takes a value that implements `speedup::store::Store<(Args,), Ret>`, or a `Result` of one; of a function that returns `Result` or `Option`, the store holds what is in `Ok` or `Some`"
)]
pub trait IntoStore<K, V, M> {
    /// The store.
    fn into_store(self) -> Arc<dyn Store<K, V>>;
}

/// Marks a store as what it is.
#[derive(Debug)]
pub struct Itself;

/// Marks a store that may not have been opened.
#[derive(Debug)]
pub struct Fallible;

impl<K, V, S: Store<K, V> + 'static> IntoStore<K, V, Itself> for S {
    fn into_store(self) -> Arc<dyn Store<K, V>> {
        Arc::new(self)
    }
}

impl<K, V, S: Store<K, V> + 'static, E: std::fmt::Display> IntoStore<K, V, Fallible> for std::result::Result<S, E> {
    fn into_store(self) -> Arc<dyn Store<K, V>> {
        match self {
            Ok(store) => Arc::new(store),
            Err(error) => Arc::new(Unopened { why: error.to_string() }),
        }
    }
}

/// Opens the store of a function that keeps whole results.
pub fn opened<K: 'static, R: 'static, M>(store: impl IntoStore<K, R, M>) -> Opening {
    Box::new(store.into_store())
}

/// Opens the store of a function that keeps what is in `Ok` or `Some` alone.
pub fn opened_kept<K: 'static, R: Kept + 'static, M>(store: impl IntoStore<K, R::Value, M>) -> Opening
where
    R::Value: 'static,
{
    Box::new(whole::<K, R, M>(store))
}

/// A store of what is in `Ok` or `Some`, as one of results.
pub(super) fn whole<K: 'static, R: Kept + 'static, M>(store: impl IntoStore<K, R::Value, M>) -> Arc<dyn Store<K, R>>
where
    R::Value: 'static,
{
    Arc::new(Parts { store: store.into_store(), whole: PhantomData })
}

/// How a store lets processes compute together: asked for only where it does.
pub(super) fn cooperation<K, V>(store: &dyn Store<K, V>) -> Result<&dyn Cooperate<K, V>> {
    store.cooperation().ok_or_else(|| Error::other("the store", "it no longer lets processes compute together"))
}

/// The store that was opened.
pub(super) fn store_of<K: 'static, R: 'static>(opening: Option<Opening>) -> Arc<dyn Store<K, R>> {
    match opening.map(|opening| opening.downcast::<Arc<dyn Store<K, R>>>()) {
        Some(Ok(store)) => *store,
        _ => Arc::new(Unopened { why: "it is one of other types".to_owned() }),
    }
}

/// A result of which a part is kept: `Ok` of a `Result`, `Some` of an `Option`.
pub trait Kept {
    /// That part.
    type Value;
    /// The part, if there is one.
    fn value(&self) -> Option<&Self::Value>;
    /// The whole.
    fn of(value: Self::Value) -> Self;
}

impl<V, E> Kept for std::result::Result<V, E> {
    type Value = V;

    fn value(&self) -> Option<&V> {
        self.as_ref().ok()
    }

    fn of(value: V) -> Self {
        Ok(value)
    }
}

impl<V> Kept for Option<V> {
    type Value = V;

    fn value(&self) -> Option<&V> {
        self.as_ref()
    }

    fn of(value: V) -> Self {
        Some(value)
    }
}

/// A store of parts, as one of results.
struct Parts<K, R: Kept> {
    store: Arc<dyn Store<K, R::Value>>,
    whole: PhantomData<fn() -> R>,
}

impl<K, R: Kept> Store<K, R> for Parts<K, R> {
    fn get(&self, key: &K) -> Result<Option<R>> {
        Ok(self.store.get(key)?.map(R::of))
    }

    fn put(&self, key: &K, value: &R, ttl: Option<Duration>) -> Result<()> {
        value.value().map_or(Ok(()), |value| self.store.put(key, value, ttl))
    }

    fn remove(&self, key: &K) -> Result<()> {
        self.store.remove(key)
    }

    fn clear(&self) -> Result<()> {
        self.store.clear()
    }

    fn get_many(&self, keys: &[&K]) -> Result<Vec<Option<R>>> {
        Ok(self.store.get_many(keys)?.into_iter().map(|value| value.map(R::of)).collect())
    }

    fn get_with_time_left(&self, keys: &[&K]) -> Result<Vec<Option<Timed<R>>>> {
        let found = self.store.get_with_time_left(keys)?.into_iter();
        Ok(found.map(|found| found.map(|(value, left)| (R::of(value), left))).collect())
    }

    fn put_many(&self, entries: &[(&K, &R)], ttl: Option<Duration>) -> Result<()> {
        let parts: Vec<_> = entries.iter().filter_map(|(key, value)| Some((*key, value.value()?))).collect();
        self.store.put_many(&parts, ttl)
    }

    fn flush(&self) -> Result<()> {
        self.store.flush()
    }

    fn claim(&self, key: &K, lease: Duration) -> Result<Claim> {
        self.store.claim(key, lease)
    }

    fn renew(&self, key: &K, token: Token, lease: Duration) -> Result<bool> {
        self.store.renew(key, token, lease)
    }

    fn release(&self, key: &K, token: Token) -> Result<()> {
        self.store.release(key, token)
    }

    fn watch(&self, changed: Watcher<K>) -> Result<bool> {
        self.store.watch(changed)
    }

    fn cooperation(&self) -> Option<&dyn Cooperate<K, R>> {
        if self.store.cooperation().is_some() { Some(self) } else { None }
    }

    fn is_near(&self) -> bool {
        self.store.is_near()
    }

    fn entries(&self, each: &mut dyn FnMut(K, R) -> bool) -> Result<bool> {
        self.store.entries(&mut |key, value| each(key, R::of(value)))
    }

    fn bound(&self, entries: usize) {
        self.store.bound(entries);
    }

    fn condition(&self) -> Condition {
        self.store.condition()
    }
}

impl<K, R: Kept> Parts<K, R> {
    fn inner(&self) -> Result<&dyn Cooperate<K, R::Value>> {
        cooperation(&*self.store)
    }
}

impl<K, R: Kept> Cooperate<K, R> for Parts<K, R> {
    fn begin(&self, key: &K) -> Result<Begun<K, R>> {
        Ok(self.inner()?.begin(key)?.map(R::of))
    }

    fn wait_beside(&self, key: &K, seen: u64, beside: &[(K, u64)]) -> Result<Begun<K, R>> {
        Ok(self.inner()?.wait_beside(key, seen, beside)?.map(R::of))
    }

    fn look(&self, keys: &[&K]) -> Result<Vec<Looked<K>>> {
        self.inner()?.look(keys)
    }

    fn claim_first(&self, keys: &[&K]) -> Result<First<K>> {
        self.inner()?.claim_first(keys)
    }

    fn begin_watching(&self, key: &K) -> Result<(Begun<K, R>, Option<Changed>)> {
        let (begun, changed) = self.inner()?.begin_watching(key)?;
        Ok((begun.map(R::of), changed))
    }

    fn begin_watching_beside(&self, key: &K, beside: &[(K, u64)]) -> Result<(Begun<K, R>, Option<Changed>)> {
        let (begun, changed) = self.inner()?.begin_watching_beside(key, beside)?;
        Ok((begun.map(R::of), changed))
    }

    fn wait(&self, key: &K, seen: u64) -> Result<Begun<K, R>> {
        Ok(self.inner()?.wait(key, seen)?.map(R::of))
    }

    fn foretell(&self, owner: Option<&[u8]>, keys: &[&K]) -> Result<Vec<Foretold<R>>> {
        Ok(self.inner()?.foretell(owner, keys)?.into_iter().map(|foretold| foretold.map(R::of)).collect())
    }

    fn foretell_and_claim(&self, owner: Option<&[u8]>, keys: &[&K]) -> Result<Vec<Foretold<R>>> {
        let foretold = self.inner()?.foretell_and_claim(owner, keys)?;
        Ok(foretold.into_iter().map(|foretold| foretold.map(R::of)).collect())
    }

    fn begin_all(&self, owner: Option<&[u8]>, keys: &[&K]) -> Result<Vec<Begun<K, R>>> {
        Ok(self.inner()?.begin_all(owner, keys)?.into_iter().map(|begun| begun.map(R::of)).collect())
    }

    fn needs(&self, key: &[u8], needed: &[&K]) -> Result<()> {
        self.inner()?.needs(key, needed)
    }

    fn give_up(&self, key: &K) {
        if let Ok(inner) = self.inner() {
            inner.give_up(key);
        }
    }

    fn stir(&self, key: &K) {
        if let Ok(inner) = self.inner() {
            inner.stir(key);
        }
    }

    fn claims_all(&self) -> bool {
        self.inner().is_ok_and(|inner| inner.claims_all())
    }

    fn bytes(&self, key: &K) -> Vec<u8> {
        self.inner().map(|inner| inner.bytes(key)).unwrap_or_default()
    }

    fn member(&self) -> u64 {
        self.inner().map_or(0, |inner| inner.member())
    }
}
