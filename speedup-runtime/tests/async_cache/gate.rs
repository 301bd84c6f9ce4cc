//! A gate for futures, opened by hand: what happens before and what after is up to the test.

use std::{
    future::poll_fn,
    sync::{Arc, Mutex},
    task::{Poll, Waker},
};

/// Lets futures through once it is open.
#[derive(Clone, Default)]
pub(crate) struct Gate(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    is_open: bool,
    came: usize,
    waiting: Vec<Waker>,
}

impl Gate {
    /// Comes to the gate; ready when it is open.
    pub(crate) async fn pass(&self) {
        self.0.lock().unwrap().came += 1;
        poll_fn(|context| {
            let mut state = self.0.lock().unwrap();
            if state.is_open {
                return Poll::Ready(());
            }
            state.waiting.push(context.waker().clone());
            Poll::Pending
        })
        .await;
    }

    pub(crate) fn open(&self) {
        let wakers = {
            let mut state = self.0.lock().unwrap();
            state.is_open = true;
            std::mem::take(&mut state.waiting)
        };
        wakers.into_iter().for_each(Waker::wake);
    }

    /// How many have come to it.
    pub(crate) fn came(&self) -> usize {
        self.0.lock().unwrap().came
    }
}
