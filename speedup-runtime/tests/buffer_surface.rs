//! What a buffer offers, on one thread: reading, searching, ending, failing.

#![allow(clippy::needless_borrow)] // the borrow before `Items` is what finds items without an order

use std::panic::{AssertUnwindSafe, catch_unwind};

use speedup_runtime::buffer::{
    __private, AbsNonDecreasing, Attempts, Buffer, Buffers, FamilyFunction, FamilyState, Full, Function, Gone,
    NonDecreasing, Out, Source, State, Window, WindowState,
};

const COUNT: &Buffer<u64> = {
    static STATE: State<u64> = State::new();
    &Buffer::of(
        &STATE,
        Function::new("count", || Source::from_iter(0..)).size(4).search(|| {
            #[allow(unused_imports)]
            use __private::{Ordered as _, Unordered as _};
            (&__private::Items::<u64>::NEW).__speedup_compare()
        }),
    )
};

fn message(run: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(run)).expect_err("it should have panicked");
    match payload.downcast::<String>() {
        Ok(text) => *text,
        Err(payload) => (*payload.downcast::<&str>().expect("a text")).to_owned(),
    }
}

#[test]
fn a_static_buffer_is_indexed_iterated_and_searched() {
    assert_eq!(COUNT[15], 15);
    assert_eq!(COUNT.get(15), Some(&15));
    for (index, value) in COUNT.iter().enumerate().take(100) {
        assert_eq!(index as u64, *value);
    }
    let mut seen = 0;
    for value in COUNT {
        seen += *value;
        if *value == 10 {
            break;
        }
    }
    assert_eq!(seen, 55);
    assert!(COUNT.contains(&12));
    assert_eq!(COUNT.position(&1000), Some(1000));
    assert_eq!(COUNT.values().skip(3).step_by(7).take(3).collect::<Vec<_>>(), [3, 10, 17]);
    assert!(COUNT.len_ready() > 1000);
    assert!(COUNT.last_ready().is_some_and(|last| *last >= 1000));
    assert!(!COUNT.is_exhausted());
}

#[test]
fn a_static_buffer_lies_within_one_page() {
    let size = size_of::<State<u64>>();
    assert!(size == align_of::<State<u64>>() && 4096 % size == 0, "{size} bytes");
    assert_eq!(size_of::<State<String>>(), size);
}

#[test]
fn addresses_are_stable() {
    let buffer = Buffer::from_iter(0_u64..);
    let first: *const u64 = &raw const buffer[0];
    let _ = buffer[100_000];
    assert_eq!(first, &raw const buffer[0]);
}

#[test]
fn a_finite_generator_ends() {
    let buffer = Buffer::from_iter((0..10).map(|n| n.to_string()));
    assert_eq!(buffer.get(9).map(String::as_str), Some("9"));
    assert_eq!(buffer.get(10), None);
    assert!(buffer.is_exhausted());
    assert_eq!(buffer.iter().count(), 10);
    assert_eq!(buffer.iter().size_hint(), (10, Some(10)));
    assert_eq!(buffer.iter_from(8).collect::<Vec<_>>(), ["8", "9"]);
    assert_eq!(buffer.iter_from(11).next(), None);
    let mut iter = buffer.iter();
    assert_eq!(iter.nth(9).map(String::as_str), Some("9"));
    assert_eq!((iter.next(), iter.next()), (None, None));
    assert_eq!(buffer.chunks().flatten().count(), 10);
    assert_eq!(buffer.ready().map(<[String]>::len).sum::<usize>(), 10);
    assert!(message(|| drop(buffer[10].clone())).contains("index 10 is past the end"));
    assert!(Buffer::from_iter(Vec::<u8>::new()).get(0).is_none());
}

#[test]
fn debug_shows_what_is_computed() {
    let buffer = Buffer::from_iter([1, 2, 3]).name("three");
    assert_eq!(format!("{buffer:?}"), "three [..]");
    assert_eq!(buffer.iter().count(), 3);
    assert_eq!(format!("{buffer:?}"), "three [1, 2, 3]");
    assert_eq!(buffer.stats().len, 3);
}

#[test]
fn searches_end_by_their_conditions() {
    let even = Buffer::from_iter((0_u32..).map(|n| 2 * n));
    assert!(even.contains(&12) && !even.contains(&13) && even.contains(&12));
    assert_eq!(even.position(&400), Some(200));
    assert_eq!(even.position(&401), None);

    let five = Buffer::from_iter(0_u32..).halt(Attempts(5));
    assert_eq!(five.position(&4), Some(4));
    let five = Buffer::from_iter(0_u32..).halt(Attempts(5));
    assert_eq!(five.position(&5), None);

    let swinging = Buffer::from_iter((0_i64..).map(|n| if n % 2 == 0 { n } else { -n })).halt(AbsNonDecreasing);
    assert!(swinging.contains(&-7) && !swinging.contains(&7) && swinging.contains(&8));

    let seen = Buffer::from_iter(10_u32..)
        .halt(|buffer, _, attempts| {
            assert_eq!(buffer.len_ready(), attempts, "the condition sees what the search has seen");
            buffer.last_ready() == Some(&20)
        })
        .size(64);
    assert_eq!(seen.position(&21), None);

    let named = Buffer::from_iter(1_u32..).halt(NonDecreasing);
    assert!(named.contains(&3) && !named.contains(&0));
    let ended = Buffer::from_iter([(1, 2), (0, 1)]).halt(|_, _, _| false);
    assert!(ended.contains(&(0, 1)) && !ended.contains(&(5, 5)));
}

#[test]
fn a_search_without_order_says_what_to_write() {
    #[derive(PartialEq)]
    struct Opaque;
    let buffer = Buffer::from_iter(std::iter::repeat_with(|| Opaque));
    assert!(message(|| assert!(buffer.contains(&Opaque))).contains("halt = Attempts(1000)"));
    assert_eq!(buffer.get(0).map(|_| ()), Some(()));
    let pairs = Buffer::from_iter((0..).map(|n| (n, n))).ordered();
    assert!(pairs.contains(&(5, 5)) && !pairs.contains(&(5, 6)));
}

#[test]
fn bodies_yield_return_and_borrow() {
    let buffer = Buffer::from_source(|| {
        Source::from_body(|out: Out<String>| async move {
            let words = ["a".to_owned(), "b".to_owned()];
            for word in &words {
                out.give(word.clone()).await;
            }
            'outer: loop {
                for n in 0.. {
                    if n == 3 {
                        break 'outer;
                    }
                    out.give(n.to_string()).await;
                }
            }
            if words.len() == 2 {
                return;
            }
            out.give("never".to_owned()).await;
        })
    });
    assert_eq!(buffer.iter().collect::<Vec<_>>(), ["a", "b", "0", "1", "2"]);
}

#[test]
fn a_panic_reaches_those_who_need_the_value() {
    let buffer = Buffer::from_iter((0..).map(|n| if n < 3 { n } else { panic!("boom at {n}") }));
    for _ in 0..3 {
        assert_eq!(message(|| assert!(buffer.get(5).is_some())), "boom at 3");
        assert_eq!(buffer.get(2), Some(&2));
        assert_eq!(buffer.iter().take(3).copied().collect::<Vec<_>>(), [0, 1, 2]);
    }
    assert!(!buffer.is_exhausted());
}

#[test]
fn max_is_an_error_instead_of_endless_memory() {
    let buffer = Buffer::from_iter(0..).max(10).name("numbers");
    assert_eq!(buffer.iter().take(10).count(), 10);
    let full = buffer.fetch(10).unwrap_err();
    assert_eq!((full.name, full.max), ("numbers", 10));
    assert!(message(|| assert!(buffer.get(10).is_some())).contains("`numbers` is full"));
    assert_eq!(buffer.get(9), Some(&9));
    let exact = Buffer::from_iter(0..10).max(10);
    assert_eq!(exact.iter().count(), 10);
    assert_eq!(exact.fetch(10), Ok::<_, Full>(None));
}

#[test]
fn stop_on_err_ends_at_the_first_error() {
    let items = || (0..).map(|n| if n == 3 { Err("three") } else { Ok(n) });
    let buffer = Buffer::from_iter(items()).stop_on_err();
    assert_eq!(buffer.iter().cloned().collect::<Vec<_>>(), [Ok(0), Ok(1), Ok(2), Err("three")]);
    assert!(buffer.is_exhausted());
    let buffer = Buffer::from_iter(items());
    assert_eq!(buffer.get(4), Some(&Ok(4)));
}

#[test]
fn a_family_has_one_buffer_for_each_arguments() {
    const MULTIPLES: &Buffers<(u64,), u64> = {
        static STATE: FamilyState<(u64,), u64> = FamilyState::new();
        &Buffers::of_family(
            &STATE,
            FamilyFunction::new("multiples", |(k,)| Source::from_iter((0..).map(move |n| n * k))).size(4),
        )
    };
    assert!(MULTIPLES.is_empty());
    assert_eq!(MULTIPLES.of((3,))[5], 15);
    assert_eq!(MULTIPLES.of((4,))[5], 20);
    assert!(std::ptr::eq(MULTIPLES.of((3,)), MULTIPLES.of((3,))));
    assert_eq!(MULTIPLES.len(), 2);
    assert_eq!(MULTIPLES.values((5,)).nth(2), Some(10));
}

#[test]
fn a_window_forgets_in_constant_memory() {
    const COUNT: &Window<u64> = {
        static STATE: WindowState<u64> = WindowState::new();
        &Window::of(&STATE, Function::new("count", || Source::from_iter(0..1000)), 3)
    };
    assert_eq!(COUNT.get(10), Ok(10));
    assert_eq!(COUNT.get(8), Ok(8));
    assert!(matches!(COUNT.get(7), Err(Gone::Left { first: 8, index: 7, .. })));
    assert!(matches!(COUNT.iter().next(), Some(Err(Gone::Left { .. }))));
    assert!(COUNT.iter().skip(1).map(Result::unwrap).eq(8..1000));
    assert!(matches!(COUNT.get(1000), Err(Gone::Ended { len: 1000, .. })));
    assert!(COUNT.values().eq(0..1000));
    assert_eq!((COUNT.len_ready(), COUNT.is_exhausted()), (1000, true));
}

#[test]
fn prefetch_computes_in_the_background() {
    let (told, tells) = std::sync::mpsc::channel();
    let buffer = Buffer::from_iter((0..).inspect(move |n| told.send(*n).expect("the test listens")));
    buffer.prefetch(20);
    assert_eq!(tells.iter().take(20).count(), 20);
    assert_eq!(buffer.get(3), Some(&3));
}

const PRIMES: &Buffer<u64> = {
    static STATE: State<u64> = State::new();
    &Buffer::of(&STATE, Function::new("primes", sieve).size(8))
};

fn sieve() -> Source<u64> {
    Source::from_body(|out| async move {
        out.give(2).await;
        for n in (3..).step_by(2) {
            if PRIMES.values().take_while(|p| p * p <= n).all(|p| n % p != 0) {
                out.give(n).await;
            }
        }
    })
}

const LUCKY: &Buffer<u64> = {
    static STATE: State<u64> = State::new();
    &Buffer::of(&STATE, Function::new("lucky", lucky_source))
};

fn lucky_source() -> Source<u64> {
    Source::from_iter(lucky())
}

fn lucky() -> impl Iterator<Item = u64> {
    (0..).map(|n| if n < 2 { n } else { LUCKY[n as usize - 1] + LUCKY[n as usize - 2] })
}

#[test]
fn a_generator_reads_its_own_buffer() {
    assert_eq!(PRIMES[999], 7919);
    assert_eq!(LUCKY[20], 6765);
}

const SELFISH: &Buffer<u64> = {
    static STATE: State<u64> = State::new();
    &Buffer::of(&STATE, Function::new("selfish", || Source::from_iter((0..).map(|n| SELFISH[n] + 1))))
};

#[test]
fn asking_oneself_for_what_is_not_yet_made_is_a_panic() {
    let text = message(|| assert!(SELFISH.get(0).is_some()));
    assert!(text.contains("`selfish` asked for value 0 of `selfish` itself"), "{text}");
}

#[test]
fn what_is_not_computed_is_not_made_by_looking() {
    let buffer = Buffer::from_source(|| -> Source<u64> { panic!("nobody asked for a value") });
    assert_eq!((buffer.try_get(0), buffer.last_ready(), buffer.len_ready()), (None, None, 0));
    assert_eq!((buffer.ready().count(), buffer.iter().size_hint()), (0, (0, None)));
    assert!(!buffer.is_exhausted());
    let stats = buffer.stats();
    assert_eq!((stats.len, stats.computed_by_readers + stats.computed_ahead, stats.is_exhausted), (0, 0, false));
    let buffer = Buffer::from_iter(0_u64..10).size(4);
    assert_eq!((buffer[4], buffer.try_get(4)), (4, Some(&4)));
    assert_eq!(buffer.stats().size, 4);
    assert_eq!(buffer.stats().computed_by_readers + buffer.stats().computed_ahead, buffer.len_ready() as u64);
}

#[test]
fn iterators_are_fused_move_between_threads_and_know_their_least_length() {
    fn is_fused<I: std::iter::FusedIterator + Send>(iterator: I) -> I {
        iterator
    }
    let buffer = Buffer::from_iter(0_u64..100);
    assert_eq!(buffer[9], 9);
    let mut iter = is_fused(buffer.iter());
    assert_eq!(iter.next(), Some(&0));
    let (least, most) = iter.size_hint();
    assert!(least >= 9 && most.is_none(), "{least} {most:?}");
    let rest = std::thread::scope(|scope| scope.spawn(move || iter.count()).join().expect("it counts"));
    assert_eq!(rest, 99);
    assert_eq!(is_fused(buffer.iter_from(90)).size_hint(), (10, Some(10)));
    assert_eq!(is_fused(buffer.chunks()).map(<[u64]>::len).sum::<usize>(), 100);
    assert_eq!(is_fused(buffer.ready()).flatten().count(), 100);
    assert_eq!(is_fused(COUNT.values()).nth(5), Some(5));
    let window = Window::from_iter(0_u64..10, 2);
    assert_eq!(is_fused(window.iter()).flatten().count(), 10);
}

#[test]
fn an_index_past_the_end_is_reported_where_it_was_written() {
    let (sender, receiver) = std::sync::mpsc::channel();
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if info.payload().downcast_ref::<String>().is_some_and(|text| text.contains("`written_here`")) {
            _ = sender.send(info.location().map(|location| location.file().to_owned()));
        } else {
            report(info);
        }
    }));
    let few = Buffer::from_iter(0..3).name("written_here").max(2);
    message(|| _ = few[2]);
    message(|| _ = few.get(2));
    let places: Vec<_> = receiver.try_iter().collect();
    assert_eq!(places, [Some(file!().to_owned()), Some(file!().to_owned())]);
}
