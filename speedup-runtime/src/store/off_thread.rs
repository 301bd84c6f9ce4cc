//! Stores whose calls wait, for code that must not: each call runs on another thread.

use std::{any::type_name, fmt, sync::Arc, time::Duration};

use serde::{Serialize, de::DeserializeOwned};

use super::{Answer, AsyncStore, Error, Result, Store, codec::Codec, dock::asking};

/// A [`Store`] whose calls may wait for a server or a disk, as an [`AsyncStore`]: they wait on a few threads that
/// all such stores share, and never where they are polled.
///
/// It is bound to no runtime. Keys and values go to the threads as bytes, so they need serde and no `Clone`. A call is under way when its future has been
/// made; one that is dropped leaves it to take effect.
///
/// # Examples
/// ```
/// use speedup_runtime::store::{AsyncStore, MemoryStore, OffThread};
///
/// let store = OffThread::new(MemoryStore::<(u64,), String>::new());
/// pollster::block_on(async {
///     store.put(&(7,), &"seven".to_string(), None).await?;
///     assert_eq!(store.get(&(7,)).await?.as_deref(), Some("seven"));
///     Ok::<(), speedup_runtime::store::Error>(())
/// })?;
/// # Ok::<(), speedup_runtime::store::Error>(())
/// ```
pub struct OffThread<S> {
    store: Arc<S>,
}

impl<S> OffThread<S> {
    /// The store, asked by threads.
    #[must_use]
    pub fn new(store: S) -> Self {
        Self { store: Arc::new(store) }
    }
}

impl<S> Clone for OffThread<S> {
    /// The same store.
    fn clone(&self) -> Self {
        Self { store: Arc::clone(&self.store) }
    }
}

impl<S> fmt::Debug for OffThread<S> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_tuple("OffThread").field(&type_name::<S>()).finish()
    }
}

impl<S: Send + Sync + 'static> OffThread<S> {
    /// Runs a call of the store on a thread, if what it needs could be made.
    fn run<T: Send + 'static>(
        &self,
        call: Result<impl FnOnce(&S) -> Result<T> + Send + 'static>,
    ) -> Answer<'static, T> {
        let call = match call {
            Ok(call) => call,
            Err(error) => return Box::pin(async { Err(error) }),
        };
        let store = Arc::clone(&self.store);
        let asked = asking::ask(move || call(&store));
        Box::pin(async { asked.await.unwrap_or_else(|| Err(Error::other("the store", "it panicked"))) })
    }
}

impl<K, V, S> AsyncStore<K, V> for OffThread<S>
where
    K: Serialize + DeserializeOwned + Sync + 'static,
    V: Serialize + DeserializeOwned + Send + Sync + 'static,
    S: Store<K, V> + 'static,
{
    fn get<'a>(&'a self, key: &'a K) -> Answer<'a, Option<V>> {
        let codec = Codec::<K, V>::new();
        self.run(codec.encode_key(key).map(|key| move |store: &S| store.get(&codec.decode_key(&key)?)))
    }

    fn put<'a>(&'a self, key: &'a K, value: &'a V, ttl: Option<Duration>) -> Answer<'a, ()> {
        let codec = Codec::<K, V>::new();
        let both = codec.encode_key(key).and_then(|key| Ok((key, codec.encode(value)?)));
        self.run(
            both.map(|(key, value)| move |store: &S| store.put(&codec.decode_key(&key)?, &codec.decode(&value)?, ttl)),
        )
    }

    fn remove<'a>(&'a self, key: &'a K) -> Answer<'a, ()> {
        let codec = Codec::<K, V>::new();
        self.run(codec.encode_key(key).map(|key| move |store: &S| store.remove(&codec.decode_key(&key)?)))
    }

    fn clear(&self) -> Answer<'_, ()> {
        self.run(Ok(|store: &S| store.clear()))
    }

    fn get_many<'a>(&'a self, keys: &'a [&'a K]) -> Answer<'a, Vec<Option<V>>> {
        let codec = Codec::<K, V>::new();
        let keys: Result<Vec<_>> = keys.iter().map(|key| codec.encode_key(key)).collect();
        self.run(keys.map(|keys| {
            move |store: &S| {
                let keys: Vec<K> = keys.iter().map(|key| codec.decode_key(key)).collect::<Result<_>>()?;
                store.get_many(&keys.iter().collect::<Vec<_>>())
            }
        }))
    }

    fn put_many<'a>(&'a self, entries: &'a [(&'a K, &'a V)], ttl: Option<Duration>) -> Answer<'a, ()> {
        let codec = Codec::<K, V>::new();
        let entry = |(key, value): &(&K, &V)| Ok((codec.encode_key(key)?, codec.encode(value)?));
        let entries: Result<Vec<_>> = entries.iter().map(entry).collect();
        self.run(entries.map(|entries| {
            move |store: &S| {
                let entry = |(key, value): &(Vec<u8>, Vec<u8>)| Ok((codec.decode_key(key)?, codec.decode(value)?));
                let entries: Vec<(K, V)> = entries.iter().map(entry).collect::<Result<_>>()?;
                store.put_many(&entries.iter().map(|(key, value)| (key, value)).collect::<Vec<_>>(), ttl)
            }
        }))
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{Mutex, PoisonError, mpsc},
        task::{Context, Waker},
    };

    use super::*;

    /// Waits until it is let go, or panics.
    struct Slow(Mutex<mpsc::Receiver<bool>>);

    impl Store<u8, u8> for Slow {
        fn get(&self, key: &u8) -> Result<Option<u8>> {
            let panics = self.0.lock().unwrap_or_else(PoisonError::into_inner).recv().expect("the test lives");
            assert!(!panics, "as it was told");
            Ok(Some(*key))
        }
        fn put(&self, _: &u8, _: &u8, _: Option<Duration>) -> Result<()> {
            Ok(())
        }
        fn remove(&self, _: &u8) -> Result<()> {
            Ok(())
        }
        fn clear(&self) -> Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_call_that_waits_does_not_hold_up_who_polls() {
        let (let_go, waits) = mpsc::channel();
        let store = OffThread::new(Slow(Mutex::new(waits)));
        let mut calls: Vec<_> = (0..40).map(|_| store.get(&7)).collect();
        let mut context = Context::from_waker(Waker::noop());
        assert!(calls.iter_mut().all(|call| call.as_mut().poll(&mut context).is_pending()));
        (0..40).for_each(|_| let_go.send(false).expect("it waits"));
        for call in calls {
            assert_eq!(pollster::block_on(call).expect("it answers"), Some(7));
        }
    }

    #[test]
    fn a_panic_in_a_store_is_an_error_and_the_store_goes_on() {
        let (let_go, waits) = mpsc::channel();
        let store = OffThread::new(Slow(Mutex::new(waits)));
        for panics in [true, false] {
            let_go.send(panics).expect("it is there");
            assert_eq!(pollster::block_on(store.get(&7)).is_err(), panics);
        }
    }
}
