//! Dialogues: generators that wait for what their reader does with a value before they have the next.
//!
//! Each goes on for so long that its values are known to be cheap. A reader that made one value more than it asked for
//! would wait for itself.

use std::{
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use speedup_runtime::buffer::{Buffer, Out, Source, Window};

/// Values a dialogue lasts.
const LONG: u64 = 20_000;

/// Fails instead of hanging.
fn within_a_minute(work: impl FnOnce() + Send + 'static) {
    let (done, finished) = mpsc::channel();
    let worker = thread::spawn(move || {
        work();
        // The test may have given up.
        let _ = done.send(());
    });
    match finished.recv_timeout(Duration::from_secs(60)) {
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("the dialogue has come to a stop"),
        _ => worker.join().expect("the dialogue passes"),
    }
}

#[test]
fn values_that_the_reader_feeds_by_index() {
    within_a_minute(|| {
        let (feed, food) = mpsc::channel();
        let buffer = Buffer::from_iter(food);
        for n in 0..LONG {
            feed.send(n).expect("the generator lives");
            assert_eq!(buffer[n as usize], n);
        }
        drop(feed);
        assert_eq!(buffer.get(LONG as usize), None);
    });
}

#[test]
fn values_that_the_reader_feeds_while_it_iterates() {
    within_a_minute(|| {
        let (feed, food) = mpsc::channel();
        feed.send(0).expect("the generator lives");
        let buffer = Buffer::from_iter(food);
        for value in buffer.iter().take(LONG as usize) {
            feed.send(value + 1).expect("the generator lives");
        }
        assert_eq!(buffer.iter().take(LONG as usize).sum::<u64>(), LONG * (LONG - 1) / 2);
    });
}

#[test]
fn values_that_the_reader_feeds_to_a_body() {
    within_a_minute(|| {
        let (feed, food) = mpsc::channel();
        feed.send(0).expect("the generator lives");
        let body = |out: Out<u64>| async move {
            for value in food {
                out.give(value).await;
            }
        };
        let buffer = Buffer::from_source(move || Source::from_body(body));
        for value in buffer.chunks().flatten().take(LONG as usize) {
            feed.send(value + 1).expect("the generator lives");
        }
        assert!(buffer.len_ready() as u64 >= LONG);
    });
}

#[test]
fn values_that_the_reader_feeds_to_a_window() {
    within_a_minute(|| {
        let (feed, food) = mpsc::channel();
        feed.send(0).expect("the generator lives");
        let window = Window::from_iter(food, 10);
        for value in window.iter().take(LONG as usize) {
            feed.send(value.expect("nobody else reads") + 1_u64).expect("the generator lives");
        }
    });
}

#[test]
fn values_that_come_through_another_buffer() {
    within_a_minute(|| {
        let (feed, food) = mpsc::channel();
        feed.send(0).expect("the generator lives");
        let first = Arc::new(Buffer::from_iter(food));
        let second = Buffer::from_iter((0..).map(move |n| first[n]));
        for value in second.iter().take(LONG as usize) {
            feed.send(value + 1_u64).expect("the generator lives");
        }
    });
}

#[test]
fn a_server_that_answers_one_question_at_a_time() {
    within_a_minute(|| {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let server = thread::spawn(move || {
            let (stream, _) = listener.accept().expect("a caller");
            stream.set_nodelay(true).expect("a socket");
            let mut answers = stream.try_clone().expect("a second handle");
            for question in BufReader::new(stream).lines() {
                let answer = format!("re: {}\n", question.expect("a line"));
                answers.write_all(answer.as_bytes()).expect("the caller listens");
            }
        });
        let mut questions = TcpStream::connect(address).expect("a connection");
        questions.set_nodelay(true).expect("a socket");
        let answers = BufReader::new(questions.try_clone().expect("a second handle")).lines();
        let buffer = Buffer::from_iter(answers.map(|line| line.expect("a line")));
        for n in 0..3_000 {
            questions.write_all(format!("{n}\n").as_bytes()).expect("the server listens");
            assert_eq!(buffer[n], format!("re: {n}"));
        }
        questions.shutdown(std::net::Shutdown::Both).expect("an open connection");
        server.join().expect("the server ends");
    });
}

#[test]
fn values_that_are_made_by_a_helper() {
    within_a_minute(|| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a thread can be had");
        let (feed, food) = mpsc::channel();
        feed.send(0).expect("the generator lives");
        // A job makes no values itself; what a helper has given is there before it waits for the next.
        let window = Window::from_iter(food, 10);
        pool.install(|| {
            for value in window.iter().take(3_000) {
                feed.send(value.expect("nobody else reads") + 1_u64).expect("the generator lives");
            }
        });
        let (feed, food) = mpsc::channel();
        feed.send(0).expect("the generator lives");
        let buffer = Buffer::from_iter(food);
        pool.install(|| {
            for value in buffer.iter().take(3_000) {
                feed.send(value + 1_u64).expect("the generator lives");
            }
        });
    });
}
