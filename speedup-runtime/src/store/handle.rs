//! What the handle of a cached function can do with its store.

use std::future::Future;

use super::{
    Error, Result,
    dock::tasks::{self, Asked, Claim},
};
use crate::cache::{
    AsyncCache, AsyncPolicyCache, Behind, Cache, Fault, Handed, Hashed, Help, Key, Moved, Output, PolicyCache, Stored,
};
use crate::seeing::switch;

/// What went wrong behind a cache, as an error of this module.
pub(super) fn typed(fault: Fault) -> Error {
    match fault.downcast::<Error>() {
        Ok(error) => *error,
        Err(other) => Error::other("the store", other),
    }
}

impl<E: From<Error>> From<Error> for Moved<E> {
    fn from(error: Error) -> Self {
        Self::new(error.into())
    }
}

impl<E: From<Error>> From<Error> for Handed<E> {
    fn from(error: Error) -> Self {
        Self::new(error.into())
    }
}

impl<K: Key, R: Output> Cache<K, R> {
    /// The value of a claimed key: found in the store, or computed by the body and noted for the store.
    #[doc(hidden)]
    #[inline]
    pub fn stored(&self, key: &K, body: impl FnOnce() -> R) -> R {
        let Some(behind) = self.behind().filter(|_| !switch::is_off()) else { return body() };
        if behind.is_together() {
            return self.stored_together(behind, key, body);
        }
        // A store that fails is done without.
        if let Ok(Some(value)) = behind.look(key) {
            return value;
        }
        let value = body();
        behind.note(key, &value);
        value
    }

    /// The same where other processes compute, too; out of line, to keep the frames of bodies small.
    #[cold]
    #[inline(never)]
    fn stored_together(&self, behind: &'static dyn Behind<K, R>, key: &K, body: impl FnOnce() -> R) -> R {
        let mut body = Some(body);
        let mut once = || body.take().map(|body| body()).expect("it is called once");
        let help = Help { by: &mut |needs: Vec<K>| self.help(&needs), computes: self.can_help() };
        if let Some(value) = behind.together(key, &mut once, help) {
            return value;
        }
        if let Ok(Some(value)) = behind.look(key) {
            return value;
        }
        let value = once();
        behind.note(key, &value);
        value
    }

    /// As `stored` where what goes wrong with the store is told. A value is written before it is returned. `is_good` is asked of what is found.
    fn stored_or_fault(
        &self,
        behind: &'static dyn Behind<K, R>,
        key: &K,
        is_good: impl Fn(&R) -> bool,
        body: impl FnOnce() -> R,
    ) -> std::result::Result<R, Fault> {
        if behind.is_together() {
            return self.stored_together_or_fault(behind, key, is_good, body);
        }
        if let Some(value) = behind.look(key)?.filter(is_good) {
            return Ok(value);
        }
        let value = body();
        behind.write(key, &value)?;
        Ok(value)
    }

    /// As `stored_together`.
    #[cold]
    #[inline(never)]
    fn stored_together_or_fault(
        &self,
        behind: &'static dyn Behind<K, R>,
        key: &K,
        is_good: impl Fn(&R) -> bool,
        body: impl FnOnce() -> R,
    ) -> std::result::Result<R, Fault> {
        let mut body = Some(body);
        let mut once = || body.take().map(|body| body()).expect("it is called once");
        let help = Help { by: &mut |needs: Vec<K>| self.help(&needs), computes: self.can_help() };
        let shared = behind.together_or_fail(key, &mut once, help)?;
        let found = match shared {
            None => behind.look(key)?.filter(is_good),
            shared => shared,
        };
        if let Some(value) = found {
            return Ok(value);
        }
        let value = once();
        behind.write(key, &value)?;
        Ok(value)
    }

    /// Writes what was computed and is on its way to the store, and asks the store to make it durable. Without a store it does nothing.
    ///
    /// Results are written by themselves at most half a second after they were computed, and when the process exits normally.
    ///
    /// # Errors
    /// Those of the store.
    pub fn flush(&self) -> Result<()> {
        self.behind().map_or(Ok(()), |behind| behind.flush().map_err(typed))
    }
}

impl<K: Key, V, E> Cache<K, std::result::Result<V, E>>
where
    std::result::Result<V, E>: Output,
    E: From<Error>,
{
    /// As `stored`, for a function that fails where its store does. A result is written before it is returned.
    #[doc(hidden)]
    #[inline]
    pub fn stored_or_fail(
        &self,
        key: &K,
        body: impl FnOnce() -> std::result::Result<V, E>,
    ) -> std::result::Result<V, E> {
        let Some(behind) = self.behind().filter(|_| !switch::is_off()) else { return body() };
        self.stored_or_fault(behind, key, |_| true, body).map_err(typed)?
    }
}

/// The value of a call whose turn it is.
async fn claimed<K: Key, R: Output>(claim: Claim<K, R>, body: impl Future<Output = R>) -> R {
    claimed_or_failed(claim, body).await.0
}

/// The same, and whether it was written.
async fn claimed_or_failed<K: Key, R: Output>(
    mut claim: Claim<K, R>,
    body: impl Future<Output = R>,
) -> (R, std::result::Result<(), Fault>) {
    let value = claim.compute(body).await;
    let written = claim.end(&value).await;
    (value, written)
}

/// A value that was computed, and whether it was written: a thread writes where the task would have to wait.
async fn written<K: Key, R: Output>(
    behind: &'static dyn Behind<K, R>,
    value: R,
    key: K,
) -> (R, std::result::Result<(), Fault>) {
    let copy = value.clone();
    let written = tasks::by_thread(move || behind.write(&key, &copy)).await;
    (value, written)
}

impl<K: Key, R: Output> AsyncCache<K, R> {
    /// As `Cache::stored`, for an `async` function.
    #[doc(hidden)]
    pub async fn stored<F: Future<Output = R>>(&'static self, key: K, body: impl FnOnce(K) -> F) -> R {
        let Some(behind) = self.behind().filter(|_| !switch::is_off()) else { return body(key).await };
        match tasks::ask(self, behind, &key).await {
            Ok(Asked::There(value)) => value,
            Ok(Asked::Mine(claim)) => claimed(claim, body(key)).await,
            // A store that fails is done without.
            Ok(Asked::Alone) | Err(_) => {
                let value = body(key.clone()).await;
                tasks::note(behind, &key, &value).await;
                value
            }
        }
    }

    /// As [`Cache::flush`]. It waits for the store: not to be called where other tasks would have to wait, too.
    ///
    /// # Errors
    /// Those of the store.
    pub fn flush(&self) -> Result<()> {
        self.behind().map_or(Ok(()), |behind| behind.flush().map_err(typed))
    }
}

impl<K: Key, V, E> AsyncCache<K, std::result::Result<V, E>>
where
    std::result::Result<V, E>: Output,
    E: From<Error>,
{
    /// As `Cache::stored_or_fail`, for an `async` function.
    #[doc(hidden)]
    pub async fn stored_or_fail<F: Future<Output = std::result::Result<V, E>>>(
        &'static self,
        key: K,
        body: impl FnOnce(K) -> F,
    ) -> std::result::Result<V, E> {
        let Some(behind) = self.behind().filter(|_| !switch::is_off()) else { return body(key).await };
        let (value, written) = match tasks::ask(self, behind, &key).await.map_err(typed)? {
            Asked::There(value) => return value,
            Asked::Mine(claim) => claimed_or_failed(claim, body(key)).await,
            Asked::Alone => written(behind, body(key.clone()).await, key).await,
        };
        written.map_err(typed)?;
        value
    }
}

impl<K: Key, R: Output> PolicyCache<K, R> {
    /// As `Cache::stored`; what is computed is noted with its time to live.
    #[doc(hidden)]
    #[inline]
    pub fn stored(&self, key: &K, body: impl FnOnce() -> R) -> Stored<R> {
        let (values, key) = (self.values(), Hashed::of_ref(key));
        let body = || self.ending(body());
        let Some(behind) = values.behind().filter(|_| !switch::is_off()) else { return body() };
        if behind.is_together() {
            return values.stored_together(behind, key, body);
        }
        // What is on its way to the store may have ended meanwhile.
        if let Ok(Some(found)) = behind.look(key)
            && !found.has_ended()
        {
            return found;
        }
        let value = body();
        behind.note(key, &value);
        value
    }

    /// As [`Cache::flush`].
    ///
    /// # Errors
    /// Those of the store.
    pub fn flush(&self) -> Result<()> {
        self.values().flush()
    }
}

/// A fault of the store, as a result of the function.
fn failed<V, E: From<Error>>(fault: Fault) -> Stored<std::result::Result<V, E>> {
    Stored::of(Err(typed(fault).into()))
}

impl<K: Key, V, E> PolicyCache<K, std::result::Result<V, E>>
where
    std::result::Result<V, E>: Output,
    E: From<Error>,
{
    /// As `Cache::stored_or_fail`.
    #[doc(hidden)]
    pub fn stored_or_fail(
        &self,
        key: &K,
        body: impl FnOnce() -> std::result::Result<V, E>,
    ) -> Stored<std::result::Result<V, E>> {
        let Some(behind) = self.values().behind().filter(|_| !switch::is_off()) else { return self.ending(body()) };
        let key = Hashed::of_ref(key);
        let is_good = |found: &Stored<_>| !found.has_ended();
        self.values().stored_or_fault(behind, key, is_good, || self.ending(body())).unwrap_or_else(failed)
    }
}

impl<K: Key, R: Output> AsyncPolicyCache<K, R> {
    /// As `PolicyCache::stored`, for an `async` function.
    #[doc(hidden)]
    pub async fn stored<F: Future<Output = R>>(&'static self, key: Hashed<K>, body: impl FnOnce(K) -> F) -> Stored<R> {
        let Some(behind) = self.values().behind().filter(|_| !switch::is_off()) else {
            return self.ending(body(key.0).await);
        };
        let body = async |key: K| self.ending(body(key).await);
        match tasks::ask(self.values(), behind, &key).await {
            // What is on its way to the store may have ended meanwhile.
            Ok(Asked::There(found)) if !found.has_ended() => found,
            Ok(Asked::Mine(claim)) => claimed(claim, body(key.0)).await,
            Ok(Asked::There(_) | Asked::Alone) | Err(_) => {
                let value = body(key.0.clone()).await;
                tasks::note(behind, &key, &value).await;
                value
            }
        }
    }

    /// As [`AsyncCache::flush`].
    ///
    /// # Errors
    /// Those of the store.
    pub fn flush(&self) -> Result<()> {
        self.values().flush()
    }
}

impl<K: Key, V, E> AsyncPolicyCache<K, std::result::Result<V, E>>
where
    std::result::Result<V, E>: Output,
    E: From<Error>,
{
    /// As `PolicyCache::stored_or_fail`, for an `async` function.
    #[doc(hidden)]
    pub async fn stored_or_fail<F: Future<Output = std::result::Result<V, E>>>(
        &'static self,
        key: Hashed<K>,
        body: impl FnOnce(K) -> F,
    ) -> Stored<std::result::Result<V, E>> {
        let Some(behind) = self.values().behind().filter(|_| !switch::is_off()) else {
            return self.ending(body(key.0).await);
        };
        let body = async |key: K| self.ending(body(key).await);
        let (value, written) = match tasks::ask(self.values(), behind, &key).await {
            Ok(Asked::There(found)) if !found.has_ended() => return found,
            Ok(Asked::Mine(claim)) => claimed_or_failed(claim, body(key.0)).await,
            Ok(Asked::There(_) | Asked::Alone) => written(behind, body(key.0.clone()).await, key).await,
            Err(fault) => return failed(fault),
        };
        match written {
            Ok(()) => value,
            Err(fault) => failed(fault),
        }
    }
}
