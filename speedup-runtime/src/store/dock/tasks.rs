//! Calls of `async` functions that are shared with other processes: they wait without a thread, and may be dropped at any time.
//!
//! ```text
//! foretell  a thread asks for all members of a group at once; then each asks for its turn
//! ask       a thread asks for the turn ──> there, or alone
//!           │                          ──> mine: Claim
//!           └── taken: helps with a call that is free, or awaits a change; asks again
//! compute   polls the body with its call on top of the claimed ones of this thread, and measures it
//! Claim     ended with the value; if it is dropped before, a thread gives the claim up
//! ```

use std::{
    any::Any,
    cell::RefCell,
    collections::HashSet,
    future::{Future, poll_fn},
    pin::pin,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use super::{Dock, asking, grain};
use crate::cache::{AsyncCache, Behind, Distinct, Fault, Foretelling, Key, Output, Sought, Turn, wait_for_calls};
use crate::store::Error;
use crate::sync::global::{Arc, Mutex, lock};

/// So many keys that a call needs are told to others.
const MOST: usize = 1_000;

thread_local! {
    /// The claimed calls whose bodies this thread is polling, the innermost last: each an `Arc<Call<K, R>>`.
    static POLLED: RefCell<Vec<Arc<dyn Any + Send + Sync>>> = const { RefCell::new(Vec::new()) };
}

/// A claimed call, and what it waits for.
struct Call<K: 'static, R: 'static> {
    behind: &'static dyn Behind<K, R>,
    key: K,
    needs: Mutex<Needs<K>>,
    /// Whether a thread is about to tell others what is needed. Relaxed: the list is behind its lock, and is read after this was unset.
    is_told: AtomicBool,
}

/// What a call waits for.
struct Needs<K> {
    /// Those who wait in this moment have noted these.
    now: Vec<K>,
    /// What others were told last: as far as that is known here, a list that was sent later may have come first.
    told: HashSet<Distinct<K>>,
}

/// A claim of this process's. If it is dropped before it has ended, a thread gives it up.
pub(in crate::store) struct Claim<K: Key, R: Output> {
    call: Arc<Call<K, R>>,
    ended: bool,
    /// What the body took by itself.
    own: Duration,
}

/// What came of asking for a key.
pub(in crate::store) enum Asked<K: Key, R: Output> {
    There(R),
    Alone,
    Mine(Claim<K, R>),
}

/// Has a thread do something for a task.
pub(in crate::store) async fn by_thread<T: Send + 'static>(
    question: impl FnOnce() -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    asking::ask(question).await.unwrap_or_else(|| Err(Error::other("the store", "it panicked").into()))
}

/// Notes a value that was computed, to be written soon; by a thread where that may have to wait.
pub(in crate::store) async fn note<K: Key, R: Output>(behind: &'static dyn Behind<K, R>, key: &K, value: &R) {
    if !behind.is_behind() {
        return behind.note(key, value);
    }
    let (key, value) = (key.clone(), value.clone());
    // What goes wrong is counted where the store is asked.
    let _ = asking::ask(move || behind.note(&key, &value)).await;
}

/// Asks for all of a group at once, before each of them asks for its turn: one round trip. Other processes are told who needs them.
pub(super) fn foretell<K: Key, R: Output>(dock: &'static Dock<K, R>, keys: Vec<K>) -> Foretelling {
    let by = Call::innermost(dock);
    // The seats are made where the answer is, as a claim is.
    let answer = asking::ask(move || {
        if let Some(by) = &by {
            by.note_told(&keys);
        }
        let seats = dock.fetch_all(by.as_ref().map(|by| &by.key), &keys).into_iter();
        seats.map(|seat| seat.map(|seat| Box::new(Seat(Some(seat))) as Box<dyn Send>)).collect()
    });
    Box::pin(async { answer.await.unwrap_or_default() })
}

/// Asks for the value of a key, or to be the one who computes it; waits for another process that does.
///
/// # Errors
/// Those of the store.
pub(in crate::store) async fn ask<K: Key, R: Output>(
    cache: &AsyncCache<K, R>,
    behind: &'static dyn Behind<K, R>,
    key: &K,
) -> Result<Asked<K, R>, Fault> {
    if behind.is_prompt() {
        return Ok(behind.look(key)?.map_or(Asked::Alone, Asked::There));
    }
    let needed = Needed::by_innermost(behind, key);
    let mut helped = Vec::new();
    // What the search has come to, and what the key's own owner needed then.
    let mut watched: Option<(Vec<(K, u64)>, u64)> = None;
    let mut is_first = true;
    loop {
        let beside = watched.as_ref().map_or_else(Vec::new, |(beside, _)| beside.clone());
        let (key, beside) = (key.clone(), (!is_first).then_some(beside));
        // The claim is made where the answer is: it is given up, too, if nobody is there any more to take it.
        let (turn, claim) = by_thread(move || {
            let turn = behind.turn(&key, beside.as_deref())?;
            let claim = matches!(turn, Turn::Mine).then(|| Claim::new(behind, key));
            Ok((turn, claim))
        })
        .await?;
        let (needs, seen, changed) = match (turn, claim) {
            (Turn::There(value), _) => return Ok(Asked::There(value)),
            (Turn::Mine, Some(claim)) => return Ok(Asked::Mine(claim)),
            (Turn::Alone | Turn::Mine, _) => return Ok(Asked::Alone),
            (Turn::Taken { needs, seen, changed }, _) => (needs, seen, changed),
        };
        if std::mem::replace(&mut is_first, false)
            && let Some(needed) = &needed
        {
            // So that who waits for what is computed here can help, or finds the circle.
            needed.by.tell();
        }
        match (watched.take(), changed) {
            (Some((_, known)), Some(changed)) if known == seen => changed.await,
            _ => watched = help(cache, behind, needs, &mut helped).await?.map(|beside| (beside, seen)),
        }
    }
}

/// Helps with a call that is needed and that nobody computes. If there is none, returns those that others compute: to wait for.
async fn help<K: Key, R: Output>(
    cache: &AsyncCache<K, R>,
    behind: &'static dyn Behind<K, R>,
    needs: Vec<K>,
    helped: &mut Vec<K>,
) -> Result<Option<Vec<(K, u64)>>, Fault> {
    if needs.is_empty() {
        return Ok(Some(Vec::new()));
    }
    let (known, claims) = (helped.clone(), cache.can_help());
    // The seat is made where the answer is, as a claim is.
    let seek = move || {
        Ok(match behind.seek(needs, &known, claims)? {
            Sought::Free(key, seat) => Sought::Free(key, Box::new(Seat(Some(seat)))),
            sought => sought,
        })
    };
    let (key, _seat) = match by_thread(seek).await? {
        Sought::Free(key, seat) => (key, Some(seat)),
        // Another task's, which is waited for as ever; or this one's, which closes a circle.
        Sought::Ours(key) => (key, None),
        Sought::Taken(beside) => return Ok(Some(beside)),
    };
    // Once: it may panic, or have no value that is kept.
    helped.push(key.clone());
    cache.help(key).await;
    Ok(None)
}

/// A call that is kept free for a task. A thread gives it up if it has not been computed.
struct Seat(Option<Box<dyn Send>>);

impl Drop for Seat {
    fn drop(&mut self) {
        if let Some(seat) = self.0.take() {
            // The question is put already; nobody waits for the answer.
            drop(asking::ask(move || drop(seat)));
        }
    }
}

impl<K: Key, R: Output> Claim<K, R> {
    fn new(behind: &'static dyn Behind<K, R>, key: K) -> Self {
        let call = Call {
            behind,
            key,
            needs: Mutex::new(Needs { now: Vec::new(), told: HashSet::new() }),
            is_told: AtomicBool::new(false),
        };
        Self { call: Arc::new(call), ended: false, own: Duration::ZERO }
    }

    /// Computes the value.
    pub(in crate::store) async fn compute(&mut self, body: impl Future<Output = R>) -> R {
        let mut body = pin!(body);
        // Since when it waits for something of its own.
        let mut idle: Option<Instant> = None;
        poll_fn(|context| {
            self.own += idle.take().map_or(Duration::ZERO, |since| since.elapsed());
            let poll = || {
                let _polled = Polled::begin(Arc::clone(&self.call) as _);
                grain::alone(|| wait_for_calls(|| body.as_mut().poll(context)))
            };
            let ((polled, waits_for_calls), took) = grain::within(poll);
            self.own += took;
            idle = (polled.is_pending() && !waits_for_calls).then(Instant::now);
            polled
        })
        .await
    }

    /// Ends the turn with the value: it is written before this is ready.
    ///
    /// # Errors
    /// Those of the store; then the value is noted, to be written later.
    pub(in crate::store) async fn end(mut self, value: &R) -> Result<(), Fault> {
        // The thread goes on with it if the call is dropped.
        self.ended = true;
        let (call, own, value) = (Arc::clone(&self.call), self.own, value.clone());
        by_thread(move || call.behind.end_turn(&call.key, &value, own)).await
    }
}

impl<K: Key, R: Output> Drop for Claim<K, R> {
    fn drop(&mut self) {
        if !self.ended {
            let call = Arc::clone(&self.call);
            // The question is put already; nobody waits for the answer.
            drop(asking::ask(move || call.behind.give_up(&call.key)));
        }
    }
}

/// The body of a claimed call is polled by this thread as long as this lives.
struct Polled(());

impl Polled {
    fn begin(call: Arc<dyn Any + Send + Sync>) -> Self {
        POLLED.with_borrow_mut(|polled| polled.push(call));
        Self(())
    }
}

impl Drop for Polled {
    fn drop(&mut self) {
        // Dropped when the list is not borrowed.
        let _call = POLLED.with_borrow_mut(Vec::pop);
    }
}

/// That the innermost claimed call needs a key, for as long as this lives.
struct Needed<K: Key, R: Output> {
    by: Arc<Call<K, R>>,
    key: K,
}

impl<K: Key, R: Output> Needed<K, R> {
    /// If it is one of the same function. What is needed beside others is told, so that other processes can help.
    fn by_innermost(behind: &'static dyn Behind<K, R>, key: &K) -> Option<Self> {
        let by = Call::innermost(behind)?;
        let is_new = {
            let mut needs = lock(&by.needs);
            needs.now.push(key.clone());
            needs.now.len() > 1 && !needs.told.contains(Distinct::of(key))
        };
        if is_new {
            by.tell();
        }
        Some(Self { by, key: key.clone() })
    }
}

impl<K: Key, R: Output> Drop for Needed<K, R> {
    fn drop(&mut self) {
        let mut needs = lock(&self.by.needs);
        if let Some(at) = needs.now.iter().position(|key| key.is_key(&self.key)) {
            let key = needs.now.swap_remove(at);
            drop(needs);
            drop(key);
        }
    }
}

impl<K: Key, R: Output> Call<K, R> {
    /// The innermost claimed call that this thread polls, if it is one of the same function.
    fn innermost(behind: &'static dyn Behind<K, R>) -> Option<Arc<Self>> {
        let innermost = POLLED.with_borrow(|polled| polled.last().cloned())?;
        innermost.downcast::<Self>().ok().filter(|by| std::ptr::addr_eq(by.behind, behind))
    }

    /// Notes that others are told of these needs.
    fn note_told(&self, needed: &[K]) {
        let told = needed.iter().take(MOST).map(|key| Distinct(key.clone())).collect();
        let _old = std::mem::replace(&mut lock(&self.needs).told, told);
    }

    /// Has a thread tell other processes what is needed, unless one is about to.
    fn tell(self: &Arc<Self>) {
        if self.is_told.swap(true, Ordering::Relaxed) {
            return;
        }
        let call = Arc::clone(self);
        drop(asking::ask(move || {
            call.is_told.store(false, Ordering::Relaxed);
            let needed: Vec<K> = lock(&call.needs).now.iter().take(MOST).cloned().collect();
            call.note_told(&needed);
            call.behind.needs(&call.key, &needed);
        }));
    }
}
