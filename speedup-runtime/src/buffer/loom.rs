//! Models of the protocols, run through every interleaving: append and read, mark and read, produce and wait, wish,
//! engage and leave.

use loom::{cell::UnsafeCell, model::Builder};

use super::{
    engagement::Engagement,
    mark::Mark,
    segments::Segments,
    sink::{Overseer, Room, Sink},
    store::Store,
    token::Token,
    turn::Turn,
    wishes::{Rank, Wishes},
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

#[test]
fn loom_a_mark_that_a_reader_raised_covers_whole_values() {
    model(|| {
        let shared = Arc::new((Segments::new(), Mark::new(), AtomicUsize::new(0)));
        let raise = |role: fn(&Segments<Checked>, &Mark)| {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                role(&shared.0, &shared.1);
                shared.2.fetch_add(1, Ordering::Relaxed);
            })
        };
        let writer = raise(|segments, mark| {
            append(segments, 2);
            mark.raise(2);
        });
        // It raises the mark to what it has seen, whatever the writer does with it meanwhile.
        let other = raise(|segments, mark| mark.raise(segments.len().min(1)));
        let (segments, mark, over) = &*shared;
        // That one of them is over is known, but orders nothing: only the mark does.
        while over.load(Ordering::Relaxed) == 0 {
            thread::yield_now();
        }
        let covered = mark.get();
        if covered > 0 {
            // SAFETY: what the model is about.
            let values = unsafe { segments.slice_unchecked(0, covered) };
            assert!(values.iter().map(read).eq(0..covered));
        }
        writer.join().expect("the writer ends");
        other.join().expect("the other reader ends");
        assert!(mark.get() >= 1);
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

#[test]
fn loom_a_wish_that_a_hint_has_undone_comes_again() {
    model(|| {
        let shared = Arc::new((Engagement::new(), Wishes::new(), AtomicUsize::new(0)));
        let help = {
            let shared = Arc::clone(&shared);
            move || {
                let (engagement, wishes, made) = &*shared;
                loop {
                    made.store(wishes.furthest(), Ordering::Release);
                    if engagement.sign_off(|| made.load(Ordering::Relaxed) < wishes.furthest()) {
                        return;
                    }
                }
            }
        };
        let other = {
            let shared = Arc::clone(&shared);
            // A reader of a computed value, which has looked at the wishes before the other reader made its own.
            thread::spawn(move || shared.1.hint(1, Rank::READER))
        };
        let (engagement, wishes, made) = &*shared;
        while made.load(Ordering::Acquire) < 2 {
            wishes.want(2, Rank::READER);
            if engagement.engage() {
                help();
            }
            thread::yield_now();
        }
        other.join().expect("the other reader ends");
    });
}
