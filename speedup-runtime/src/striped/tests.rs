//! The same with threads of the system; short, so that Miri runs it.

use std::thread;

use super::{STRIPES, Striped, this_thread};

const ROUNDS: u64 = if cfg!(miri) { 30 } else { 3000 };

#[test]
fn readers_of_a_striped_value_see_it_whole_while_it_changes() {
    let value: Striped<Vec<u64>, u64, u64> = Striped::new(vec![0; 9], 4, 1);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for _ in 0..ROUNDS {
                    let mut reading = value.read().unwrap();
                    let (body, own) = reading.parts();
                    let body = body.unwrap();
                    assert!(body.iter().all(|number| *number == body[0]));
                    *own += 1;
                    // It may find a free one, but never waits for itself.
                    drop(value.read());
                }
            });
        }
        scope.spawn(|| value.widen());
        for round in 0..ROUNDS {
            let mut writing = value.writer();
            *writing.state() += 1;
            if round % 3 == 0 {
                assert_eq!(writing.body().unwrap()[0], round);
            }
            let mut all = writing.all();
            // It moves, too.
            let grown = all.body().take().unwrap().into_iter().map(|number| number + 1).collect();
            *all.body() = Some(grown);
        }
    });
    assert_eq!(*value.writer().state(), ROUNDS);
    let read: u64 = value.stripes.iter().map(|stripe| *crate::sync::lock(&stripe.own)).sum();
    assert_eq!(read, 3 * ROUNDS);
}

#[test]
fn a_striped_value_that_was_taken_out_is_gone_for_all() {
    let value: Striped<String, (), ()> = Striped::new("there".to_owned(), STRIPES + 5, STRIPES + 5);
    assert_eq!(value.stripes.len(), STRIPES);
    let mut writing = value.writer();
    assert!(value.try_writer().is_none());
    assert_eq!(writing.all().body().take().as_deref(), Some("there"));
    assert!(writing.body().is_none());
    drop(writing);
    assert!(value.read().unwrap().parts().0.is_none());
}

#[test]
fn who_bars_a_striped_value_is_let_in_and_others_come_after() {
    let value: Striped<u64, (), ()> = Striped::new(0, 2, 2);
    let bar = value.bar();
    assert!(value.is_barred());
    assert_ne!(this_thread(), 0);
    thread::scope(|scope| {
        let reader = scope.spawn(|| *value.read_outside().unwrap().parts().0.unwrap());
        for _ in 0..ROUNDS {
            *value.writer().all().body().as_mut().unwrap() += 1;
            assert!(value.read_outside().is_none() && value.read().is_some());
        }
        drop(bar);
        assert_eq!(reader.join().unwrap(), ROUNDS);
    });
}
