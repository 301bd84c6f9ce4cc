//! Awaited calls with context that do not need one another are on their way at the same time.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::Poll;

use pollster::block_on;
use speedup::{AsyncMemo, cache};

/// Who has come to a meeting.
#[derive(Default)]
struct Meeting(AtomicUsize);

impl Meeting {
    /// Whether two are here at the same time: the first gives the second many chances to come.
    async fn attend(&self) -> bool {
        self.0.fetch_add(1, Relaxed);
        let mut chances = 100;
        poll_fn(|context| {
            if chances == 0 || self.0.load(Relaxed) == 2 {
                return Poll::Ready(self.0.load(Relaxed) == 2);
            }
            chances -= 1;
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await
    }
}

#[cache(skip(meeting))]
async fn skipped(meeting: &Arc<Meeting>, n: u64) -> bool {
    if n > 0 { meeting.attend().await } else { skipped(meeting, 1).await & skipped(meeting, 2).await }
}

#[cache(key = |meeting, n| -> u64 { n })]
async fn keyed(meeting: Arc<Meeting>, n: u64) -> bool {
    if n > 0 {
        return meeting.attend().await;
    }
    let one = keyed(meeting.clone(), 1).await;
    let two = keyed(meeting.clone(), 2).await;
    one && two
}

/// Not `Clone`.
#[derive(Debug, PartialEq, Eq)]
struct Alone;

#[cache(move_err, skip(meeting))]
async fn tried(meeting: &Arc<Meeting>, n: u64) -> Result<u64, Alone> {
    if n > 0 {
        return if meeting.attend().await { Ok(n) } else { Err(Alone) };
    }
    let one = tried(meeting, 1).await?;
    let two = tried(meeting, 2).await?;
    Ok(one + two)
}

#[cache(sequential, skip(meeting))]
async fn one_by_one(meeting: &Arc<Meeting>, n: u64) -> bool {
    if n > 0 { meeting.attend().await } else { one_by_one(meeting, 1).await | one_by_one(meeting, 2).await }
}

#[derive(Clone, Default)]
struct Host(Arc<Meeting>);

impl Host {
    #[cache(skip(self))]
    async fn by_reference(&self, n: u64) -> bool {
        if n > 0 { self.0.attend().await } else { self.by_reference(1).await & self.by_reference(2).await }
    }
}

#[derive(Default)]
struct House {
    meeting: Meeting,
    memo: AsyncMemo<(u64,), bool>,
}

impl House {
    #[cache(field = memo)]
    async fn in_field(self: Arc<Self>, n: u64) -> bool {
        match n {
            0 => self.clone().in_field(1).await & self.clone().in_field(2).await,
            _ => self.meeting.attend().await,
        }
    }
}

#[test]
fn calls_of_every_form_meet() {
    assert!(block_on(skipped(&Arc::default(), 0)));
    assert!(block_on(keyed(Arc::default(), 0)));
    assert_eq!(block_on(tried(&Arc::default(), 0)), Ok(3));
    assert!(block_on(Host::default().by_reference(0)));
    let house = Arc::new(House::default());
    assert!(block_on(house.clone().in_field(0)));
    assert_eq!(house.memo.len(), 3);
}

#[test]
fn sequential_calls_come_one_by_one() {
    let meeting = Arc::new(Meeting::default());
    assert!(block_on(one_by_one(&meeting, 0)), "the second finds that the first has been here");
    assert_eq!(meeting.0.load(Relaxed), 2);
    assert_eq!(one_by_one_peeked(), [Some(false), Some(true)]);
}

fn one_by_one_peeked() -> [Option<bool>; 2] {
    [1, 2].map(|n| ONE_BY_ONE.peek(&(n,)))
}

#[cache(skip(log))]
async fn in_order(log: &Arc<std::sync::Mutex<Vec<u64>>>, n: u64) -> u64 {
    log.lock().unwrap().push(n);
    if n >= 4 {
        return n;
    }
    let mut next = 2 * n;
    let left = in_order(log, next).await;
    next += 1;
    left + in_order(log, next).await
}

#[test]
fn arguments_that_change_in_between_are_taken_where_they_stand() {
    let log = Arc::default();
    assert_eq!(block_on(in_order(&log, 1)), 4 + 5 + 6 + 7);
    assert_eq!(*log.lock().unwrap(), [1, 2, 4, 5, 3, 6, 7]);
}
