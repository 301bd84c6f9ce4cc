//! Models: state words as slots have them, and threads that wait for each other's claims.

use loom::{sync::Arc, thread};

use super::{super::slot::State, *};

/// The claims of a model, one for each slot.
type Slots<const N: usize> = Arc<[State; N]>;

/// Looks at a state word of a model, whose slot number is its address.
struct InModel<const N: usize>(Slots<N>);

impl<const N: usize> Look for InModel<N> {
    fn is_claimed(&self, busy: &Busy) -> bool {
        self.0[busy.slot].word() == super::super::slot::Word::Claimed(busy.owner)
    }
}

fn busy(owner: u32, slot: usize) -> Busy {
    Busy { owner, slot, table: 0 }
}

/// What a wait came to.
#[derive(Debug, PartialEq, Eq)]
enum Came {
    Circle,
    With(u32),
    Over,
}

/// Waits as the engine does, but for sleeping: it looks again and again.
fn wait<const N: usize>(graph: &Graph<InModel<N>, u32>, slots: &Slots<N>, me: u32, busy: Busy) -> Came {
    let Entering::Waits(entered) = graph.enter(me, busy, InModel(slots.clone())) else { return Came::Circle };
    while slots[busy.slot].word() == super::super::slot::Word::Claimed(busy.owner) {
        thread::yield_now();
    }
    entered.leave().map_or(Came::Over, Came::With)
}

/// Checks the interleavings with up to this many preemptions; all of them are too many.
fn bounded(model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(model);
}

/// | thread 0 | thread 1 |
/// |---|---|
/// | has claimed slot 0 | has claimed slot 1 |
/// | waits for slot 1 | waits for slot 0 |
/// | whoever is refused gives its own claim up, which ends the other's wait ||
#[test]
fn loom_one_of_two_that_close_a_circle_is_refused() {
    bounded(|| {
        let graph = Arc::new(Graph::new());
        let slots: Slots<2> = Arc::new([State::claimed(0), State::claimed(1)]);
        let part = |graph: &Graph<InModel<2>, u32>, slots: &Slots<2>, me: u32| {
            let other = 1 - me;
            let came = wait(graph, slots, me, busy(other, other as usize));
            graph.deliver(&busy(me, me as usize), || Some(7), |_| ());
            slots[me as usize].release();
            graph.over(&busy(me, me as usize), |_| ());
            came
        };
        let other = thread::spawn({
            let (graph, slots) = (graph.clone(), slots.clone());
            move || part(&graph, &slots, 1)
        });
        let came = [part(&graph, &slots, 0), other.join().unwrap()];
        let refused = came.iter().filter(|came| **came == Came::Circle).count();
        assert_eq!(refused, 1, "{came:?}");
        assert!(lock(&graph.edges).is_empty());
    });
}

/// | thread 0 | thread 1 | thread 2 |
/// |---|---|---|
/// | waits for slot 1 | waits for slot 2 | waits for slot 0 |
#[test]
fn loom_one_of_three_that_close_a_circle_is_refused() {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(2);
    builder.check(|| {
        let graph = Arc::new(Graph::<InModel<3>, u32>::new());
        let slots: Slots<3> = Arc::new([State::claimed(0), State::claimed(1), State::claimed(2)]);
        let part = |graph: &Graph<InModel<3>, u32>, slots: &Slots<3>, me: u32| {
            let next = (me + 1) % 3;
            let came = wait(graph, slots, me, busy(next, next as usize));
            slots[me as usize].release();
            graph.over(&busy(me, me as usize), |_| ());
            came
        };
        let others: Vec<_> = [1, 2]
            .map(|me| {
                let (graph, slots) = (graph.clone(), slots.clone());
                thread::spawn(move || part(&graph, &slots, me))
            })
            .into_iter()
            .collect();
        let mut came = vec![part(&graph, &slots, 0)];
        came.extend(others.into_iter().map(|other| other.join().unwrap()));
        assert_eq!(came.iter().filter(|came| **came == Came::Circle).count(), 1, "{came:?}");
        assert!(lock(&graph.edges).is_empty());
    });
}

/// | thread 0 | thread 1 |
/// |---|---|
/// | publishes slot 0 and then waits for slot 1 | waits for slot 0 and then publishes slot 1 |
#[test]
fn loom_an_edge_whose_claim_has_ended_closes_no_circle() {
    bounded(|| {
        let graph = Arc::new(Graph::<InModel<2>, u32>::new());
        let slots: Slots<2> = Arc::new([State::claimed(0), State::claimed(1)]);
        let other = thread::spawn({
            let (graph, slots) = (graph.clone(), slots.clone());
            move || {
                let came = wait(&graph, &slots, 1, busy(0, 0));
                slots[1].publish();
                graph.over(&busy(1, 1), |_| ());
                came
            }
        });
        slots[0].publish();
        // The waker may be late, as one is that did not see the other begin to wait.
        let came = wait(&graph, &slots, 0, busy(1, 1));
        graph.over(&busy(0, 0), |_| ());
        assert_eq!([came, other.join().unwrap()], [Came::Over, Came::Over]);
    });
}

/// | owner | thread 1 |
/// |---|---|
/// | withdraws its claim with an outcome; claims the slot again, for another key, and withdraws with another | waits for the first |
#[test]
fn loom_an_outcome_reaches_those_who_wait_for_that_claim_alone() {
    bounded(|| {
        let graph = Arc::new(Graph::<InModel<1>, u32>::new());
        let slots: Slots<1> = Arc::new([State::claimed(0)]);
        let first = busy(0, 0);
        // Entered while the first claim holds, which the engine makes sure of by looking once more after it has entered.
        let Entering::Waits(entered) = graph.enter(1, first, InModel(slots.clone())) else { unreachable!() };
        let owner = thread::spawn({
            let (graph, slots) = (graph.clone(), slots.clone());
            move || {
                slots[0].publish();
                graph.over(&first, |_| ());
                slots[0].move_away();
                slots[0].renew(State::claimed(0));
                graph.deliver(&first, || Some(9), |_| ());
                slots[0].release();
            }
        });
        while slots[0].word() == super::super::slot::Word::Claimed(0) {
            thread::yield_now();
        }
        let outcome = entered.leave();
        owner.join().unwrap();
        assert_eq!(outcome, None);
    });
}

/// | owner | threads 1 and 2 |
/// |---|---|
/// | withdraws its claim with an outcome of which there is but one | wait for it |
#[test]
fn loom_an_outcome_is_given_once() {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(2);
    builder.check(|| {
        let graph = Arc::new(Graph::<InModel<1>, u32>::new());
        let slots: Slots<1> = Arc::new([State::claimed(0)]);
        let others: Vec<_> = [1, 2]
            .map(|me| {
                let (graph, slots) = (graph.clone(), slots.clone());
                thread::spawn(move || wait(&graph, &slots, me, busy(0, 0)))
            })
            .into_iter()
            .collect();
        let left = std::cell::Cell::new(Some(7));
        graph.deliver(&busy(0, 0), || left.take(), |_| ());
        slots[0].release();
        graph.over(&busy(0, 0), |_| ());
        let came: Vec<_> = others.into_iter().map(|other| other.join().unwrap()).collect();
        let given = came.iter().filter(|came| **came == Came::With(7)).count();
        assert!(given <= 1 && came.iter().all(|came| matches!(came, Came::With(7) | Came::Over)), "{came:?}");
        assert!(lock(&graph.edges).is_empty());
    });
}
