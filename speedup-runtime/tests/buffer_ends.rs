//! The ends of a buffer: what is there when the generator has ended, was closed, or is searched to its end.

use std::{
    net::TcpListener,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use speedup_runtime::buffer::{Buffer, Function, Gone, Source, State, Window};

fn message(run: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(run)).expect_err("it should have panicked");
    match payload.downcast::<String>() {
        Ok(text) => *text,
        Err(payload) => (*payload.downcast::<&str>().expect("a text")).to_owned(),
    }
}

#[test]
fn asking_beyond_the_end_leaves_a_window_as_it_is() {
    let window = Window::from_iter(0..10, 3);
    for _ in 0..2 {
        assert!(matches!(window.get(1_000), Err(Gone::Ended { len: 10, .. })));
        assert_eq!((window.get(7), window.get(8), window.get(9)), (Ok(7), Ok(8), Ok(9)));
        assert!(matches!(window.get(6), Err(Gone::Left { first: 7, .. })));
        assert_eq!(window.try_get(9), Some(9));
    }
}

#[test]
fn a_window_clones_what_it_hands_out_and_no_more() {
    #[derive(Debug)]
    struct Heavy(Arc<AtomicUsize>);
    impl Clone for Heavy {
        fn clone(&self) -> Self {
            self.0.fetch_add(1, Ordering::Relaxed);
            Heavy(Arc::clone(&self.0))
        }
    }
    let clones = Arc::new(AtomicUsize::new(0));
    let window = Window::from_iter(std::iter::repeat_n(Heavy(Arc::clone(&clones)), 100), 50);
    assert!(window.get(40).is_ok());
    clones.store(0, Ordering::Relaxed);
    let mut iter = window.iter();
    for taken in 1..=3 {
        assert!(iter.next().is_some_and(|value| value.is_ok()));
        // The generator clones as well, one for each value that it makes.
        assert!(clones.load(Ordering::Relaxed) <= taken, "{clones:?} clones for {taken}");
    }
}

#[test]
#[cfg(debug_assertions)]
fn searching_values_that_decrease_is_a_panic_in_debug_builds() {
    let unsorted = || Buffer::from_iter([1, 5, 3, 8, 9, 2]);
    assert!(message(|| _ = unsorted().contains(&100)).contains("decrease at index 2"));
    // Whatever was computed before the search.
    let computed = unsorted();
    assert_eq!(computed.iter().count(), 6);
    assert!(message(|| _ = computed.contains(&3)).contains("decrease at index 2"));
    assert!(message(|| _ = computed.contains(&3)).contains("decrease at index 2"), "and at each search");
    let prefetched = unsorted();
    let _ = prefetched[3];
    assert!(message(|| _ = prefetched.position(&9)).contains("decrease at index 2"));
    // With a condition of one's own, nothing is said of an order.
    assert!(unsorted().halt(speedup_runtime::buffer::Attempts(10)).contains(&3));
}

#[test]
fn a_search_through_all_there_is_needs_no_condition() {
    let buffer = Buffer::from_iter([vec![3]]);
    assert_eq!(buffer.iter().count(), 1);
    assert!(buffer.is_exhausted());
    assert!(!buffer.contains(&vec![7]));
    assert_eq!(buffer.position(&vec![3]), Some(0));
    // While there may be more, it could go on for ever.
    let endless = Buffer::from_iter(std::iter::repeat(vec![3]));
    assert!(message(|| _ = endless.contains(&vec![7])).contains("for ever"));
}

#[test]
fn close_waits_until_the_generator_is_dropped() {
    for ahead in [false, true] {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let buffer = Buffer::from_iter((0..).inspect(move |_| {
            let _ = &listener;
            // Long enough for a helper to be at it.
            thread::sleep(Duration::from_millis(1));
        }))
        .size(1_000_000);
        if ahead {
            buffer.prefetch(1_000_000);
        }
        assert_eq!(buffer[5], 5);
        buffer.close();
        TcpListener::bind(address).expect("the port is free");
    }
    let (told, tells) = mpsc::channel::<()>();
    let window = Window::from_iter((0..).inspect(move |_| drop(told.clone())), 5);
    assert_eq!(window.get(5), Ok(5));
    window.close();
    assert_eq!(tells.try_recv(), Err(mpsc::TryRecvError::Disconnected));
}

#[test]
fn a_static_buffer_that_is_closed_has_ended() {
    static STATE: State<u32> = State::new();
    let handle = || Buffer::of(&STATE, Function::new("count", || Source::from_iter(0..)));
    assert_eq!(handle()[3], 3);
    let made = handle().len_ready();
    handle().close();
    assert!(handle().is_exhausted());
    assert_eq!(handle().get(made), None);
    assert_eq!(handle().iter().count(), made);
}

#[test]
fn a_generator_that_closes_its_own_buffer_panics() {
    static STATE: State<u32> = State::new();
    fn handle() -> Buffer<u32> {
        Buffer::of(&STATE, Function::new("own", || Source::from_iter((0..).inspect(|_| handle().close()))))
    }
    assert!(message(|| _ = handle().get(0)).contains("closed the buffer"));
}

#[test]
fn a_finished_buffer_is_read_as_a_slice() {
    let buffer = Buffer::from_iter(0..1_000);
    let all = buffer.all();
    let vec: Vec<i32> = (0..1_000).collect();
    assert_eq!(all.len(), 1_000);
    assert!(all.iter().eq(&vec) && all.iter().rev().eq(vec.iter().rev()));
    assert_eq!(all.to_vec(), vec);
    assert_eq!(all.chunks().flatten().count(), 1_000);
    // Across the borders of segments, which a window does not see.
    for size in [1, 2, 63, 64, 65, 1_000] {
        let windows = all.windows(size);
        assert_eq!(windows.len(), 1_001 - size);
        assert!(windows.zip(vec.windows(size)).all(|(ours, theirs)| ours.iter().eq(theirs)), "of {size}");
    }
    assert_eq!(all.windows(1_001).count(), 0);
    assert_eq!(all.range(62..66), [62, 63, 64, 65]);
    assert_eq!(all.range(..2).range(1..), [1]);
    assert_eq!((all.first(), all.last(), all.get(1_000)), (Some(&0), Some(&999), None));
    let mut both = all.range(..=3).into_iter();
    assert_eq!((both.next(), both.next_back(), both.len()), (Some(&0), Some(&3), 2));
    assert_eq!((both.nth(1), both.next_back(), both.next()), (Some(&2), None, None));
    assert!(message(|| _ = all.range(3..1_001)).contains("1000 values"));
    assert!(message(|| _ = all[1_000]).contains("past the end"));
    let endless = Buffer::from_iter(0..);
    let _ = endless[9];
    assert!(endless.computed().len() >= 10);
}
