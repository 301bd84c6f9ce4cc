//! Attributes of other crates beside ours.

use async_trait::async_trait;
use quick::cache;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

#[cache(crate = quick)]
#[tracing::instrument]
fn below(n: u64, text: &str) -> Result<u64, String> {
    if n == 0 { Ok(text.len() as u64) } else { Ok(below(n - 1, text)? + 1) }
}

#[tracing::instrument(skip(text), ret)]
#[cache(crate = quick)]
fn above(n: u64, text: String) -> u64 {
    if n == 0 { text.len() as u64 } else { above(n - 1, text.clone()) + above(n - 1, text) }
}

struct Server;

impl Server {
    #[cache(crate = quick)]
    #[tracing::instrument]
    fn inside(n: u64) -> u64 {
        if n == 0 { 1 } else { Self::inside(n - 1) + Server::inside(n - 1) }
    }
}

#[test]
fn instrumented_functions_are_cached() {
    assert_eq!((below(5, "ab"), BELOW.len()), (Ok(7), 6));
    assert_eq!((above(5, "ab".to_owned()), ABOVE.len()), (64, 6));
    assert_eq!((Server::inside(5), Server::INSIDE.len()), (32, 6));
}

#[async_trait]
trait Service {
    async fn ask(&self, n: u64) -> u64;
}

#[async_trait]
impl Service for Server {
    async fn ask(&self, n: u64) -> u64 {
        #[cache(crate = quick)]
        fn answer(n: u64) -> u64 {
            if n < 2 { n } else { answer(n - 1) + answer(n - 2) }
        }
        answer(n) + ANSWER.len() as u64
    }
}

#[test]
fn functions_in_an_async_trait_are_cached() {
    let mut context = Context::from_waker(Waker::noop());
    assert_eq!(pin!(Server.ask(10)).poll(&mut context), Poll::Ready(66));
}
