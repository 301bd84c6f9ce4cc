//! A proxy between a store and its server: it counts what passes, makes it slow, and cuts connections.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

#[derive(Default)]
struct State {
    /// How long each piece waits before it is passed on, in microseconds.
    delay: AtomicU64,
    /// Pieces that the server answered: round trips, where each is waited for.
    answers: AtomicU64,
    open: Mutex<Vec<TcpStream>>,
    ended: AtomicBool,
}

pub(crate) struct Proxy {
    address: SocketAddr,
    state: Arc<State>,
}

impl Proxy {
    /// Before a server.
    pub(crate) fn before(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("it is bound");
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if shared.ended.load(Ordering::Acquire) {
                    return;
                }
                let Ok(server) = TcpStream::connect(server) else { continue };
                pass_both_ways(&client, &server, &shared);
            }
        });
        Self { address, state }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn delay(&self, delay: Duration) {
        let micros = u64::try_from(delay.as_micros()).expect("a delay of a test is short");
        self.state.delay.store(micros, Ordering::Release);
    }

    /// Round trips so far.
    pub(crate) fn round_trips(&self) -> u64 {
        self.state.answers.load(Ordering::Acquire)
    }

    /// Ends every connection in the middle of whatever it carries.
    pub(crate) fn cut(&self) {
        for stream in self.state.open.lock().expect("no thread of the proxy panics").drain(..) {
            // It may have ended by itself.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.state.ended.store(true, Ordering::Release);
        self.cut();
        // Wakes the thread that accepts, so that it sees the end.
        let _ = TcpStream::connect(self.address);
    }
}

fn pass_both_ways(client: &TcpStream, server: &TcpStream, state: &Arc<State>) {
    let copy = |stream: &TcpStream| stream.try_clone().expect("a stream can be cloned");
    for stream in [client, server] {
        stream.set_nodelay(true).expect("an option of every stream");
        state.open.lock().expect("no thread of the proxy panics").push(copy(stream));
    }
    for (from, to, answers) in [(copy(client), copy(server), false), (copy(server), copy(client), true)] {
        let state = Arc::clone(state);
        thread::spawn(move || pass(from, to, answers, &state));
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, answers: bool, state: &State) {
    let mut piece = vec![0; 1 << 20];
    while let Ok(length @ 1..) = from.read(&mut piece) {
        let delay = state.delay.load(Ordering::Acquire);
        if delay > 0 {
            thread::sleep(Duration::from_micros(delay));
        }
        // Counted before who waits for it can go on.
        state.answers.fetch_add(u64::from(answers), Ordering::AcqRel);
        if to.write_all(&piece[..length]).is_err() {
            break;
        }
    }
    // The other side may have ended before.
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
