//! Groups of `async` calls and a store in memory that notes what it is asked: each is one question, whatever its size.

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::{LazyLock, Mutex, MutexGuard};
use std::task::{Context, Waker};
use std::thread;
use std::time::Duration;

use pollster::block_on;
use speedup::cache;
use speedup::store::cooperate::{Begun, Changed, Cooperate, Foretold};
use speedup::store::{Result, Store};

#[derive(Debug, PartialEq)]
enum Asked {
    Get,
    GetMany(usize),
    Begin,
    BeginAll(Option<u32>, Vec<u32>),
    Needs,
}

/// What lies in a store, whose claims it has, and what it was asked.
#[derive(Default)]
struct Board {
    values: Mutex<HashMap<u32, u64>>,
    claimed: Mutex<HashSet<u32>>,
    asked: Mutex<Vec<Asked>>,
}

type Lying = LazyLock<Board>;

impl Board {
    fn values(&self) -> MutexGuard<'_, HashMap<u32, u64>> {
        self.values.lock().unwrap()
    }

    fn claimed(&self) -> MutexGuard<'_, HashSet<u32>> {
        self.claimed.lock().unwrap()
    }

    fn asks(&self, question: Asked) {
        self.asked.lock().unwrap().push(question);
    }

    fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }

    /// Whether it was asked for so many groups.
    fn was_asked(&self, groups: usize) -> bool {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|asked| matches!(asked, Asked::BeginAll(..))).count() >= groups
    }

    fn begun(&self, key: u32) -> Begun<(u32,), u64> {
        if let Some(value) = self.values().get(&key) {
            return Begun::Value(*value);
        }
        if self.claimed().insert(key) { Begun::Mine } else { Begun::Taken { needs: Vec::new(), seen: 0 } }
    }
}

/// The store of one process; of those that compute together if so chosen.
struct Numbers {
    board: &'static Board,
    together: bool,
}

impl Store<(u32,), u64> for Numbers {
    fn get(&self, key: &(u32,)) -> Result<Option<u64>> {
        self.board.asks(Asked::Get);
        Ok(self.board.values().get(&key.0).copied())
    }

    fn get_many(&self, keys: &[&(u32,)]) -> Result<Vec<Option<u64>>> {
        self.board.asks(Asked::GetMany(keys.len()));
        let values = self.board.values();
        Ok(keys.iter().map(|key| values.get(&key.0).copied()).collect())
    }

    fn put(&self, key: &(u32,), value: &u64, _: Option<Duration>) -> Result<()> {
        self.board.values().insert(key.0, *value);
        self.board.claimed().remove(&key.0);
        Ok(())
    }

    fn remove(&self, key: &(u32,)) -> Result<()> {
        self.board.values().remove(&key.0);
        Ok(())
    }

    fn clear(&self) -> Result<()> {
        self.board.values().clear();
        Ok(())
    }

    fn cooperation(&self) -> Option<&dyn Cooperate<(u32,), u64>> {
        self.together.then_some(self as _)
    }
}

impl Cooperate<(u32,), u64> for Numbers {
    fn begin(&self, key: &(u32,)) -> Result<Begun<(u32,), u64>> {
        self.board.asks(Asked::Begin);
        Ok(self.board.begun(key.0))
    }

    fn wait(&self, _: &(u32,), _: u64) -> Result<Begun<(u32,), u64>> {
        unreachable!("tasks do not wait here")
    }

    /// Ready at once: who waits asks again and again.
    fn begin_watching_beside(
        &self,
        key: &(u32,),
        _: &[((u32,), u64)],
    ) -> Result<(Begun<(u32,), u64>, Option<Changed>)> {
        thread::yield_now();
        Ok((self.board.begun(key.0), Some(Box::pin(async {}))))
    }

    fn foretell(&self, _: Option<&[u8]>, _: &[&(u32,)]) -> Result<Vec<Foretold<u64>>> {
        unreachable!("all calls are claimed")
    }

    fn begin_all(&self, owner: Option<&[u8]>, keys: &[&(u32,)]) -> Result<Vec<Begun<(u32,), u64>>> {
        let owner = owner.map(|owner| u32::from_le_bytes(owner.try_into().unwrap()));
        self.board.asks(Asked::BeginAll(owner, keys.iter().map(|key| key.0).collect()));
        Ok(keys.iter().map(|key| self.board.begun(key.0)).collect())
    }

    fn needs(&self, _: &[u8], _: &[&(u32,)]) -> Result<()> {
        self.board.asks(Asked::Needs);
        Ok(())
    }

    fn give_up(&self, key: &(u32,)) {
        self.board.claimed().remove(&key.0);
    }

    fn claims_all(&self) -> bool {
        true
    }

    fn bytes(&self, key: &(u32,)) -> Vec<u8> {
        key.0.to_le_bytes().into()
    }

    fn member(&self) -> u64 {
        1
    }
}

static LOOKED_UP: Lying = Lying::new(Board::default);

#[cache(store = Numbers { board: &LOOKED_UP, together: false })]
async fn looked(n: u32) -> u64 {
    u64::from(n) + 100
}

#[test]
fn a_group_is_looked_up_by_one_question() {
    (0..10).for_each(|n| _ = LOOKED_UP.values().insert(n, u64::from(n)));
    let values = block_on(LOOKED.get_all((0..40).map(|n| (n,))));
    assert_eq!(values, (0..10).chain(110..140).collect::<Vec<u64>>());
    assert_eq!(LOOKED_UP.asked(), [Asked::GetMany(40)]);
    // What is in memory is not asked for; and one alone is no group.
    assert_eq!(block_on(LOOKED.get_all((0..41).map(|n| (n,)))).len(), 41);
    assert_eq!(LOOKED_UP.asked(), [Asked::Get]);
}

static CLAIMS: Lying = Lying::new(Board::default);

#[cache(store = Numbers { board: &CLAIMS, together: true })]
async fn claimed(n: u32) -> u64 {
    assert!(n >= 10, "the store has it");
    assert!(CLAIMS.claimed().contains(&n), "{n} is not claimed");
    u64::from(n) + 100
}

#[test]
fn a_group_is_looked_up_and_claimed_by_one_question() {
    (0..10).for_each(|n| _ = CLAIMS.values().insert(n, u64::from(n)));
    // Another process computes one of them.
    CLAIMS.claimed().insert(20);
    let (values, ()) = block_on(async {
        tokio::join!(CLAIMED.get_all((0..40).map(|n| (n,))), async {
            while CLAIMS.values().len() < 39 {
                tokio::task::yield_now().await;
            }
            CLAIMS.values().insert(20, 20);
        })
    });
    let wanted: Vec<u64> = (0..40).map(|n| if n < 10 || n == 20 { n } else { n + 100 }).collect();
    assert_eq!(values, wanted);
    // The one that is waited for is asked for once more.
    assert_eq!(CLAIMS.asked(), [Asked::BeginAll(None, (0..40).collect()), Asked::Begin]);
    assert_eq!(*CLAIMS.claimed(), HashSet::from([20]));
}

static TOLD: Lying = Lying::new(Board::default);

#[cache(store = Numbers { board: &TOLD, together: true })]
async fn fibonacci(n: u32) -> u64 {
    if n < 2 { u64::from(n) } else { fibonacci(n - 1).await + fibonacci(n - 2).await }
}

#[test]
fn what_a_call_needs_is_told_with_the_question() {
    assert_eq!(block_on(fibonacci(3)), 2);
    let mut asked = TOLD.asked();
    assert_eq!(asked.remove(0), Asked::Begin);
    assert_eq!(asked.remove(0), Asked::BeginAll(Some(3), vec![2, 1]));
    // Of the second level, one is on its way, unless this comes to it first.
    let rest = |asked: &Asked| match asked {
        Asked::Begin | Asked::Needs => true,
        Asked::BeginAll(owner, keys) => *owner == Some(2) && *keys == [1, 0],
        _ => false,
    };
    assert!(asked.iter().all(rest), "{asked:?}");
    assert_eq!(TOLD.values().len(), 4);
    assert!(TOLD.claimed().is_empty());
}

static LEFT: Lying = Lying::new(Board::default);

#[cache(store = Numbers { board: &LEFT, together: true }, name = LEFT_CALLS)]
async fn left(n: u32) -> u64 {
    std::future::pending::<()>().await;
    u64::from(n)
}

#[test]
fn a_group_that_is_dropped_gives_its_claims_up() {
    for rounds in 0..20 {
        let mut group: Pin<Box<dyn Future<Output = Vec<u64>>>> = Box::pin(LEFT_CALLS.get_all((0..8).map(|n| (n,))));
        // Before the answer is there, or after, or in the middle of the calls.
        for _ in 0..=rounds {
            assert!(group.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        }
        drop(group);
        while !LEFT.was_asked(rounds + 1) || !LEFT.claimed().is_empty() {
            thread::yield_now();
        }
    }
}
