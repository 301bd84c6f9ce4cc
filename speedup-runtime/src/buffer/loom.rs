//! Models of the three protocols, run through every interleaving: append and read, produce and wait, engage and leave.

use loom::{cell::UnsafeCell, model::Builder};

use super::{
    circle::Token,
    engagement::Engagement,
    segments::Segments,
    sink::{Overseer, Room, Sink},
    store::Store,
    turn::Turn,
};
use crate::sync::{Arc, AtomicUsize, Ordering, thread};

fn model(check: impl Fn() + Send + Sync + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(check);
}

/// A value whose every access the model checks for races.
struct Checked(UnsafeCell<usize>);

// SAFETY: after it is made it is only read, and that nobody makes it meanwhile is what the model checks.
unsafe impl Sync for Checked {}

fn read(value: &Checked) -> usize {
    // SAFETY: see `Sync`.
    value.0.with(|value| unsafe { *value })
}

/// Lets the sink have all the room that the segments give, up to a length.
struct UpTo<'a>(&'a Segments<Checked>, usize);

impl Overseer<Checked> for UpTo<'_> {
    fn more(&mut self, len: usize) -> Option<Room<Checked>> {
        (len < self.1).then(|| {
            let mut room = self.0.room(len);
            room.until = room.until.min(self.1);
            room
        })
    }
}

/// Appends values, each equal to its index, until there are `to`.
fn append(segments: &Segments<Checked>, to: usize) {
    let len = segments.len();
    let mut overseer = UpTo(segments, to);
    let Some(room) = overseer.more(len) else { return };
    let mut sink = Sink::new(len, room, segments.published(), &mut overseer);
    let mut next = len;
    while sink.push(Checked(UnsafeCell::new(next))) {
        next += 1;
    }
}

#[test]
fn loom_readers_see_whole_values() {
    model(|| {
        let segments = Arc::new(Segments::new());
        let writer = {
            let segments = Arc::clone(&segments);
            // Across the border of the first segment, which holds two in the model.
            thread::spawn(move || append(&segments, 3))
        };
        let mut seen = 0;
        for index in [2, 0, 1] {
            if let Some(value) = segments.get(index) {
                assert_eq!(read(value), index);
                seen = seen.max(index + 1);
            }
        }
        assert!(segments.len() >= seen);
        for (index, value) in segments.slice(0, 3).iter().enumerate() {
            assert_eq!(read(value), index);
        }
        writer.join().expect("the writer ends");
        assert_eq!(segments.len(), 3);
    });
}

/// What a reader does that misses a value: produce it or wait for who does.
fn need(turn: &Turn, segments: &Segments<Checked>, me: usize, index: usize) {
    while index >= segments.len() {
        match turn.take(Token::of(me)) {
            Ok(held) => {
                append(segments, index + 1);
                drop(held);
            }
            Err(_) => turn.sleep(std::time::Duration::MAX, || index < segments.len() || turn.holder().is_none()),
        }
    }
    assert_eq!(segments.get(index).map(read), Some(index));
}

#[test]
fn loom_two_readers_produce_in_turn_and_none_is_left_asleep() {
    model(|| {
        let shared = Arc::new((Turn::new(), Segments::new()));
        let other = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || need(&shared.0, &shared.1, 1, 1))
        };
        need(&shared.0, &shared.1, 2, 0);
        other.join().expect("the other reader ends");
        assert_eq!(shared.1.len(), 2);
    });
}

#[test]
fn loom_a_value_wakes_who_waits_while_the_turn_goes_on() {
    model(|| {
        let shared = Arc::new((Turn::new(), Segments::new()));
        let producer = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                let (turn, segments) = &*shared;
                let held = turn.take(Token::of(1)).expect("nobody else takes it");
                append(segments, 1);
                turn.wake();
                append(segments, 2);
                drop(held);
            })
        };
        let (turn, segments) = &*shared;
        // A reader that cannot produce in place waits for the value alone.
        while segments.len() == 0 {
            turn.sleep(std::time::Duration::MAX, || segments.len() > 0);
        }
        assert_eq!(segments.get(0).map(read), Some(0));
        producer.join().expect("the producer ends");
    });
}

#[test]
fn loom_no_wish_is_lost_when_a_helper_leaves() {
    model(|| {
        let engagement = Arc::new(Engagement::new());
        let (wished, made) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        assert!(engagement.engage());
        let help = {
            let (engagement, wished, made) = (Arc::clone(&engagement), Arc::clone(&wished), Arc::clone(&made));
            move || {
                loop {
                    made.store(wished.load(Ordering::Relaxed), Ordering::Relaxed);
                    if engagement.sign_off(|| made.load(Ordering::Relaxed) < wished.load(Ordering::Relaxed)) {
                        return;
                    }
                }
            }
        };
        let helper = thread::spawn(help.clone());
        wished.store(1, Ordering::Relaxed);
        let next = engagement.engage().then(|| thread::spawn(help));
        helper.join().expect("the helper ends");
        if let Some(next) = next {
            next.join().expect("the next helper ends");
        }
        assert_eq!(made.load(Ordering::Relaxed), 1);
    });
}
