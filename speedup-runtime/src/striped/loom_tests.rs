//! Models of one value, its readers and its writers. The value is a cell that reports when it is read while it is changed.

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

use super::Striped;

type Value = Striped<UnsafeCell<u32>, u32, ()>;

fn value(width: usize) -> Arc<Value> {
    Arc::new(Striped::new(UnsafeCell::new(0), 2, width))
}

fn change(value: &Value) {
    let mut writing = value.writer();
    *writing.state() += 1;
    let mut all = writing.all();
    // SAFETY: the checker reports who else looks at it.
    all.body().as_ref().unwrap().with_mut(|number| unsafe { *number += 1 });
}

/// What a reader finds.
fn look(value: &Value) -> u32 {
    let mut reading = value.read().unwrap();
    // SAFETY: as above.
    reading.parts().0.unwrap().with(|number| unsafe { *number })
}

/// A thread that reads the value, and one that changes it.
fn two(value: &Arc<Value>) -> [thread::JoinHandle<()>; 2] {
    let (reader, writer) = (value.clone(), value.clone());
    [thread::spawn(move || assert!(look(&reader) <= 1)), thread::spawn(move || change(&writer))]
}

#[test]
fn loom_who_changes_a_striped_value_is_alone() {
    loom::model(|| {
        let value = value(2);
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let value = value.clone();
                thread::spawn(move || look(&value))
            })
            .collect();
        change(&value);
        for thread in threads {
            assert!(thread.join().unwrap() < 2);
        }
        assert_eq!((look(&value), *value.writer().state()), (1, 1));
    });
}

#[test]
fn loom_who_has_the_writers_lock_reads_beside_readers_of_a_striped_value() {
    loom::model(|| {
        let value = value(2);
        let threads = two(&value);
        let writing = value.writer();
        // SAFETY: as above.
        let found = writing.body().unwrap().with(|number| unsafe { *number });
        assert!(value.try_writer().is_none());
        drop(writing);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert!(found <= 1);
    });
}

#[test]
fn loom_a_striped_value_may_be_widened_at_any_moment() {
    loom::model(|| {
        let value = value(1);
        let (reader, widener) = (value.clone(), value.clone());
        let looks = move || assert!(look(&reader) <= look(&reader));
        let threads = [thread::spawn(looks), thread::spawn(move || widener.widen())];
        change(&value);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(look(&value), 1);
    });
}

#[test]
fn loom_who_reads_a_striped_value_twice_is_told_and_never_waits_for_itself() {
    loom::model(|| {
        let value = value(2);
        let threads = two(&value);
        let first = value.read();
        assert!(first.is_some() && value.read().is_none());
        drop(first);
        assert!(value.read().is_some());
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

#[test]
fn loom_a_bar_keeps_readers_of_a_striped_value_out() {
    loom::model(|| {
        // What several steps of the thread that bars leave half done.
        let (value, steps) = (value(2), Arc::new(UnsafeCell::new(0)));
        let (outside, seen) = (value.clone(), steps.clone());
        let reader = thread::spawn(move || {
            let reading = outside.read_outside().unwrap();
            // SAFETY: as above.
            let steps = seen.with(|steps| unsafe { *steps });
            drop(reading);
            steps
        });
        let bar = value.bar();
        assert!(value.is_barred() && value.read_outside().is_none() && value.read().is_some());
        change(&value);
        // SAFETY: as above.
        steps.with_mut(|steps| unsafe { *steps += 1 });
        change(&value);
        drop(bar);
        assert!(reader.join().unwrap() < 2);
        assert_eq!(value.read_outside().map(|_| ()), Some(()));
    });
}
