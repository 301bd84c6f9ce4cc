//! Several values on their way, awaited together.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, Wake, Waker, ready},
};

use super::{
    ahead::{Ahead, Asking},
    gathered,
    get::Get,
};
use crate::{
    cache::table::key::{Key, Output},
    sync::lock,
};

/// A poll too many.
#[cold]
fn polled_again() -> ! {
    panic!("several calls awaited together were polled after they were ready")
}

/// A few values awaited together, as returned by [`AsyncCache::group`](super::state::AsyncCache::group): what `#[cache]` makes of
/// several awaited calls.
#[must_use = "futures do nothing unless they are awaited"]
pub struct Group<'cache, K: Key, R: Output, const N: usize> {
    members: [Member<'cache, K, R>; N],
    ahead: Ahead,
}

/// A few calls awaited together, each with what it passes on, as returned by [`together`].
#[must_use = "futures do nothing unless they are awaited"]
pub struct Together<'a, R, const N: usize> {
    calls: [Call<'a, R>; N],
    ahead: Ahead,
}

/// One of several calls.
enum Call<'a, R> {
    Running(Pin<Box<dyn Future<Output = R> + Send + 'a>>),
    Ended(R),
    Taken,
}

impl<R> Call<'_, R> {
    /// Whether it has ended.
    fn poll(&mut self, context: &mut Context<'_>) -> bool {
        let Self::Running(running) = self else { return true };
        let Poll::Ready(value) = running.as_mut().poll(context) else { return false };
        *self = Self::Ended(value);
        true
    }
}

/// Awaits a few calls together: what `#[cache]` makes of several awaited calls that have context.
pub fn together<'a, R, const N: usize>(calls: [Pin<Box<dyn Future<Output = R> + Send + 'a>>; N]) -> Together<'a, R, N> {
    Together { calls: calls.map(Call::Running), ahead: Ahead::default() }
}

/// Nothing in it is pinned but what is in boxes.
impl<R, const N: usize> Unpin for Together<'_, R, N> {}

impl<R, const N: usize> Future for Together<'_, R, N> {
    type Output = [R; N];

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<[R; N]> {
        let Self { calls, ahead } = &mut *self;
        let is_new = ahead.is_new();
        let mut complete = true;
        if is_new {
            ahead.begin(|| gathered::gather(N, |number| complete &= calls[number].poll(context)));
        }
        // What was polled to tell its key has begun, if that is not to be asked for.
        if !(is_new && ahead.is_over()) {
            ready!(ahead.go_on(N, context));
            complete = true;
            for (number, call) in calls.iter_mut().enumerate() {
                if call.poll(context) {
                    ahead.end(number);
                } else {
                    complete = false;
                }
            }
        }
        if !complete {
            return Poll::Pending;
        }
        Poll::Ready(self.calls.each_mut().map(|call| match std::mem::replace(call, Call::Taken) {
            Call::Ended(value) => value,
            Call::Running(_) | Call::Taken => polled_again(),
        }))
    }
}

impl<R, const N: usize> fmt::Debug for Together<'_, R, N> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Together").finish_non_exhaustive()
    }
}

/// All values of many keys, as returned by [`AsyncCache::get_all`](super::state::AsyncCache::get_all).
#[must_use = "futures do nothing unless they are awaited"]
pub struct GetAll<'cache, K: Key, R: Output> {
    members: Vec<Member<'cache, K, R>>,
    ahead: Ahead,
    /// One for each member that has had to wait.
    wakers: Vec<Option<Waker>>,
    /// Members that have no value yet.
    missing: usize,
    woken: Arc<Woken>,
}

/// One of several values.
pub(super) enum Member<'cache, K: Key, R: Output> {
    Asked(Get<'cache, K, R>),
    There(R),
    Taken,
}

impl<K: Key, R: Output> Member<'_, K, R> {
    /// The key that is to be asked for, if nothing has begun.
    fn asking(&self) -> Asking<'_, K, R> {
        if let Self::Asked(get) = self { get.asking() } else { None }
    }

    /// Whether the value is there.
    fn poll(&mut self, waker: &Waker) -> bool {
        let Self::Asked(get) = self else { return true };
        let Poll::Ready(value) = Pin::new(get).poll(&mut Context::from_waker(waker)) else { return false };
        *self = Self::There(value);
        true
    }

    /// The value if it is there, without a look at who is to be woken.
    fn hit(&mut self) -> bool {
        let Self::Asked(get) = self else { return true };
        let Some(value) = get.hit() else { return false };
        *self = Self::There(value);
        true
    }

    fn take(&mut self) -> R {
        match std::mem::replace(self, Self::Taken) {
            Self::There(value) => value,
            Self::Asked(_) | Self::Taken => polled_again(),
        }
    }
}

impl<'cache, K: Key, R: Output, const N: usize> Group<'cache, K, R, N> {
    pub(super) fn of(members: [Member<'cache, K, R>; N]) -> Self {
        Self { members, ahead: Ahead::default() }
    }
}

/// Nothing in it is pinned, as in [`Get`].
impl<K: Key, R: Output, const N: usize> Unpin for Group<'_, K, R, N> {}

impl<K: Key, R: Output, const N: usize> Future for Group<'_, K, R, N> {
    type Output = [R; N];

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<[R; N]> {
        let Self { members, ahead } = &mut *self;
        ready!(ahead.poll(members.iter().map(Member::asking), context));
        let mut complete = true;
        for (number, member) in members.iter_mut().enumerate() {
            if member.poll(context.waker()) {
                ahead.end(number);
            } else {
                complete = false;
            }
        }
        if complete { Poll::Ready(members.each_mut().map(Member::take)) } else { Poll::Pending }
    }
}

impl<K: Key, R: Output, const N: usize> fmt::Debug for Group<'_, K, R, N> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Group").finish_non_exhaustive()
    }
}

/// Which members were woken, so that a poll looks at no others.
#[derive(Default)]
struct Woken(Mutex<State>);

#[derive(Default)]
struct State {
    members: Vec<usize>,
    waker: Option<Waker>,
}

/// Wakes a member, and who waits for all.
struct Wakes {
    member: usize,
    woken: Arc<Woken>,
}

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        let waker = {
            let mut state = lock(&self.woken.0);
            state.members.push(self.member);
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl<'cache, K: Key, R: Output> GetAll<'cache, K, R> {
    pub(super) fn new(gets: impl Iterator<Item = Get<'cache, K, R>>) -> Self {
        let members: Vec<_> = gets.map(Member::Asked).collect();
        let (missing, woken) = (members.len(), Arc::new(Woken::default()));
        lock(&woken.0).members = (0..missing).collect();
        Self { wakers: Vec::new(), members, ahead: Ahead::default(), missing, woken }
    }

    /// Polls a member that was woken.
    fn poll_member(&mut self, at: usize) {
        let count = self.members.len();
        let member = &mut self.members[at];
        if matches!(member, Member::There(_)) {
            return;
        }
        let there = member.hit() || {
            self.wakers.resize(count, None);
            let wake = || Waker::from(Arc::new(Wakes { member: at, woken: self.woken.clone() }));
            member.poll(self.wakers[at].get_or_insert_with(wake))
        };
        if there {
            self.missing -= 1;
            self.ahead.end(at);
        }
    }
}

/// Nothing in it is pinned, as in [`Get`].
impl<K: Key, R: Output> Unpin for GetAll<'_, K, R> {}

impl<K: Key, R: Output> Future for GetAll<'_, K, R> {
    type Output = Vec<R>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Vec<R>> {
        let this = &mut *self;
        ready!(this.ahead.poll(this.members.iter().map(Member::asking), context));
        let waker = context.waker().clone();
        let (members, _old) = {
            let mut state = lock(&this.woken.0);
            (std::mem::take(&mut state.members), state.waker.replace(waker))
        };
        for at in members {
            this.poll_member(at);
        }
        if this.missing > 0 {
            return Poll::Pending;
        }
        Poll::Ready(this.members.iter_mut().map(Member::take).collect())
    }
}

impl<K: Key, R: Output> fmt::Debug for GetAll<'_, K, R> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("GetAll").field("missing", &self.missing).finish_non_exhaustive()
    }
}
