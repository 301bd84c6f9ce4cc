//! A few threads that ask stores for tasks, which must not wait themselves.

use std::{
    collections::VecDeque,
    future::Future,
    pin::Pin,
    task::{Context, Poll, Waker},
    thread,
};

use crate::panics;
use crate::sync::global::{Arc, Condvar, Mutex, lock};

/// So many questions are asked at the same time.
const MOST: usize = 4;

type Question = Box<dyn FnOnce() + Send>;

struct Desk {
    waiting: VecDeque<Question>,
    /// Threads that were started, and in which process: a fork has none.
    threads: (usize, u32),
    idle: usize,
}

static DESK: Mutex<Desk> = Mutex::new(Desk { waiting: VecDeque::new(), threads: (0, 0), idle: 0 });
static WAKE: Condvar = Condvar::new();

/// Has a question asked by another thread. `None` if it panics.
pub(in crate::store) fn ask<T: Send + 'static>(question: impl FnOnce() -> T + Send + 'static) -> Answer<T> {
    let slot = Arc::new(Mutex::new(Slot::Waiting(None)));
    let answer = Answer { slot: Arc::clone(&slot) };
    put(Box::new(move || {
        let mut found = None;
        panics::contain(|| found = Some(question()));
        let waiting = std::mem::replace(&mut *lock(&slot), Slot::There(found));
        if let Slot::Waiting(Some(waker)) = waiting {
            panics::contain(|| waker.wake());
        }
    }));
    answer
}

fn put(question: Question) {
    let mut desk = lock(&DESK);
    let process = std::process::id();
    if desk.threads.1 != process {
        desk.threads = (0, process);
        desk.idle = 0;
    }
    if desk.idle <= desk.waiting.len() && desk.threads.0 < MOST {
        let started = thread::Builder::new().name("speedup-store-ask".to_owned()).spawn(run);
        desk.threads.0 += usize::from(started.is_ok());
    }
    if desk.threads.0 == 0 {
        drop(desk);
        // Rather late than never.
        return question();
    }
    desk.waiting.push_back(question);
    drop(desk);
    WAKE.notify_one();
}

fn run() {
    loop {
        let question = {
            let mut desk = lock(&DESK);
            loop {
                if let Some(question) = desk.waiting.pop_front() {
                    break question;
                }
                desk.idle += 1;
                desk = WAKE.wait(desk).unwrap_or_else(|poisoned| poisoned.into_inner());
                desk.idle -= 1;
            }
        };
        question();
    }
}

enum Slot<T> {
    /// With who is to be woken.
    Waiting(Option<Waker>),
    There(Option<T>),
}

/// The answer to a question, once it is there.
pub(in crate::store) struct Answer<T> {
    slot: Arc<Mutex<Slot<T>>>,
}

impl<T> Future for Answer<T> {
    type Output = Option<T>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        let mut slot = lock(&self.slot);
        match &mut *slot {
            Slot::There(answer) => Poll::Ready(answer.take()),
            Slot::Waiting(waker) => {
                *waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}
