//! Models: state words as slots have them, and threads that sleep until what they wait for has ended.
//!
//! Here every end of a claim is told to the graph, so a thread sleeps until it is woken: a lost wake is a deadlock, which the
//! checker reports. The engine leaves the telling out where it sees nobody wait, and its sleepers look again by themselves.

use loom::{sync::Arc, thread};

use super::*;
use crate::{
    cache::table::{State, Word},
    sync::{Condvar, Ordering},
};

/// What threads of a model share: `N` slots, and as many threads.
struct Model<const N: usize> {
    graph: Graph<Slots<N>, u32>,
    slots: Slots<N>,
    /// Whether a thread is to wake up.
    tokens: [(Mutex<bool>, Condvar); N],
}

/// The state words; the number of a slot is its address.
#[derive(Clone)]
struct Slots<const N: usize>(Arc<[State; N]>);

impl<const N: usize> Look for Slots<N> {
    fn is_claimed(&self, busy: &Busy) -> bool {
        self.0[busy.slot].word() == Word::Claimed(busy.owner)
    }
}

/// What a wait came to.
#[derive(Debug, PartialEq, Eq)]
enum Came {
    Circle,
    With(u32),
    Over,
}

fn busy(owner: u32, slot: usize) -> Busy {
    Busy { owner, slot, table: 0 }
}

fn waiter(number: u32) -> Waiter {
    Waiter { number, visits: Vec::new() }
}

impl<const N: usize> Model<N> {
    /// A model in which slots are claimed by these threads.
    fn new(owners: [u32; N]) -> Arc<Self> {
        Arc::new(Self {
            graph: Graph::new(),
            slots: Slots(Arc::new(owners.map(State::claimed))),
            tokens: std::array::from_fn(|_| (Mutex::new(false), Condvar::new())),
        })
    }

    /// Waits as the engine does.
    fn wait(&self, me: u32, busy: Busy) -> Came {
        self.wait_while(me, busy, || self.slots.is_claimed(&busy))
    }

    /// The same where the memory may be claimed for another key: then it is not the one that is needed.
    fn wait_while(&self, me: u32, busy: Busy, is_still: impl Fn() -> bool) -> Came {
        let entered = self.graph.enter(waiter(me), busy, self.slots.clone());
        if is_still() {
            if !entered.count() {
                return Came::Circle;
            }
            let (token, given) = &self.tokens[me as usize];
            let mut token = lock(token);
            while !*token {
                token = given.wait(token).unwrap();
            }
        }
        entered.leave().map_or(Came::Over, Came::With)
    }

    /// Ends a claim without a value, as the engine does; those who wait get what `make` gives.
    fn withdraw(&self, busy: Busy, make: impl Fn() -> Option<u32>) {
        self.graph.deliver(&busy, make, |number| self.wake(number));
        self.slots.0[busy.slot].release();
        self.graph.over(&busy, |number| self.wake(number));
    }

    /// Ends a claim with a value.
    fn publish(&self, busy: Busy) {
        self.slots.0[busy.slot].publish();
        self.graph.over(&busy, |number| self.wake(number));
    }

    fn wake(&self, number: u32) {
        let (token, given) = &self.tokens[number as usize];
        *lock(token) = true;
        given.notify_one();
    }

    /// Whether nobody waits any more.
    fn is_empty(&self) -> bool {
        lock(&self.graph.edges).0.is_empty()
    }
}

/// Runs the parts of the threads 1, 2, .. beside the first one's, and returns what they came to.
fn together<const N: usize, T: 'static>(model: &Arc<Model<N>>, threads: u32, part: fn(&Model<N>, u32) -> T) -> Vec<T> {
    let others: Vec<_> = (1..threads)
        .map(|me| {
            let model = model.clone();
            thread::spawn(move || part(&model, me))
        })
        .collect();
    let mut came = vec![part(model, 0)];
    came.extend(others.into_iter().map(|other| other.join().unwrap()));
    came
}

/// Checks the interleavings with up to this many preemptions; all of them are too many.
fn bounded(preemptions: usize, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(model);
}

/// | thread 0 | thread 1 |
/// |---|---|
/// | has claimed slot 0, waits for slot 1 | has claimed slot 1, waits for slot 0 |
///
/// Who is refused gives its claim up, which ends the other's wait.
#[test]
fn loom_one_of_two_that_close_a_circle_is_refused() {
    bounded(3, || {
        let model = Model::new([0, 1]);
        let came = together(&model, 2, |model, me| {
            let came = model.wait(me, busy(1 - me, 1 - me as usize));
            model.withdraw(busy(me, me as usize), || Some(me));
            came
        });
        assert_eq!(came.iter().filter(|came| **came == Came::Circle).count(), 1, "{came:?}");
        // Who was refused was seen to wait by the other's delivery only if it was, which it was not.
        assert!(came.contains(&Came::With(0)) || came.contains(&Came::With(1)), "{came:?}");
        assert!(model.is_empty());
    });
}

/// | thread 0 | thread 1 | thread 2 |
/// |---|---|---|
/// | waits for slot 1 | waits for slot 2 | waits for slot 0 |
#[test]
fn loom_one_of_three_that_close_a_circle_is_refused() {
    bounded(2, || {
        let model = Model::new([0, 1, 2]);
        let came = together(&model, 3, |model, me| {
            let next = (me + 1) % 3;
            let came = model.wait(me, busy(next, next as usize));
            model.withdraw(busy(me, me as usize), || None);
            came
        });
        assert_eq!(came.iter().filter(|came| **came == Came::Circle).count(), 1, "{came:?}");
        assert!(model.is_empty());
    });
}

/// | thread 0 | thread 1 |
/// |---|---|
/// | publishes slot 0 without telling, waits for slot 1, tells of slot 0 | waits for slot 0, publishes slot 1 |
#[test]
fn loom_an_edge_whose_claim_has_ended_closes_no_circle() {
    bounded(3, || {
        let model = Model::new([0, 1]);
        let other = thread::spawn({
            let model = model.clone();
            move || {
                // Looks again by itself, since it may not be told in time.
                let first = busy(0, 0);
                let entered = model.graph.enter(waiter(1), first, model.slots.clone());
                let came = if model.slots.is_claimed(&first) && !entered.count() {
                    Came::Circle
                } else {
                    while model.slots.is_claimed(&first) {
                        thread::yield_now();
                    }
                    entered.leave().map_or(Came::Over, Came::With)
                };
                model.publish(busy(1, 1));
                came
            }
        });
        model.slots.0[0].publish();
        let came = model.wait(0, busy(1, 1));
        model.graph.over(&busy(0, 0), |number| model.wake(number));
        assert_eq!([came, other.join().unwrap()], [Came::Over, Came::Over]);
        assert!(model.is_empty());
    });
}

/// | thread 0 | thread 1 |
/// |---|---|
/// | publishes slot 0; claims its memory again, for another key; waits for slot 1 | waits for the first claim, publishes slot 1 |
///
/// The other key may need the one of slot 1: nobody waits in a circle.
#[test]
fn loom_who_waits_for_memory_that_has_another_key_closes_no_circle() {
    bounded(3, || {
        let model = Model::new([0, 1]);
        let keys = Arc::new(loom::sync::atomic::AtomicU32::new(0));
        let other = thread::spawn({
            let (model, keys) = (model.clone(), keys.clone());
            move || {
                let first = busy(0, 0);
                let is_still = || model.slots.is_claimed(&first) && keys.load(Ordering::SeqCst) == 0;
                let came = model.wait_while(1, first, is_still);
                model.publish(busy(1, 1));
                came
            }
        });
        model.publish(busy(0, 0));
        model.slots.0[0].remove();
        keys.store(1, Ordering::SeqCst);
        model.slots.0[0].renew(State::claimed(0));
        let came = model.wait(0, busy(1, 1));
        model.publish(busy(0, 0));
        assert_eq!([came, other.join().unwrap()], [Came::Over, Came::Over]);
        assert!(model.is_empty());
    });
}

/// | thread 0 | thread 1 |
/// |---|---|
/// | publishes slot 0; claims its memory again, for another key, and withdraws that claim with an outcome | has entered a wait for the first claim |
#[test]
fn loom_an_outcome_reaches_those_who_wait_for_that_claim_alone() {
    bounded(3, || {
        let model = Model::new([0, 1]);
        let claim = busy(0, 0);
        // Entered while the first claim holds, which the engine makes sure of by looking the key up after it has entered.
        let entered = model.graph.enter(waiter(1), claim, model.slots.clone());
        assert!(entered.count());
        let owner = thread::spawn({
            let model = model.clone();
            move || {
                model.publish(claim);
                model.slots.0[0].remove();
                model.slots.0[0].renew(State::claimed(0));
                model.withdraw(claim, || Some(9));
            }
        });
        let (token, given) = &model.tokens[1];
        let mut token = lock(token);
        while !*token {
            token = given.wait(token).unwrap();
        }
        drop(token);
        assert_eq!(entered.leave(), None);
        owner.join().unwrap();
    });
}

/// | thread 0 | threads 1 and 2 |
/// |---|---|
/// | withdraws its claim with an outcome of which there is but one | wait for it |
#[test]
fn loom_all_who_wait_wake_up_and_one_gets_the_only_outcome() {
    bounded(2, || {
        let model = Model::new([0, 1, 2]);
        let came = together(&model, 3, |model, me| {
            if me > 0 {
                return model.wait(me, busy(0, 0));
            }
            let left = std::cell::Cell::new(Some(7));
            model.withdraw(busy(0, 0), || left.take());
            left.take().map_or(Came::Over, Came::With)
        });
        // With one who waited; with the owner, if nobody did by then; or with nobody, if who waited left meanwhile.
        assert!(came.iter().filter(|came| **came == Came::With(7)).count() <= 1, "{came:?}");
        assert!(!came.contains(&Came::Circle) && model.is_empty());
    });
}

/// | thread 0 | thread 1 |
/// |---|---|
/// | waits for the end of slot 1, on behalf of thread 1 or not | has claimed slot 1, waits for its visitors, of whom thread 0 came last |
#[test]
fn loom_who_has_only_come_to_look_closes_no_circle() {
    bounded(2, || {
        for visits in [Vec::new(), vec![8], vec![5, 7]] {
            let model = Model::new([0, 1]);
            let waits = model.graph.enter_for_visitors(waiter(1), 7, 0);
            let entered =
                model.graph.enter(Waiter { number: 0, visits: visits.clone() }, busy(1, 1), model.slots.clone());
            assert_eq!(entered.count(), !visits.contains(&7));
            // What only seems so is good for finding out where a thread is.
            assert_eq!(model.graph.next(1), Some(0));
            drop((entered, waits));
            assert!(model.is_empty());
        }
    });
}
