//! A web server whose pages are dear to make: the handler is a cached `async fn`, and the source behind it may fail.
//!
//! ```text
//! cargo run --release --example web_cache [ADDRESS]
//! ```
//!
//! Without an address it serves itself a load, tells what came of it and ends. With one, such as `127.0.0.1:8080`, it serves until it is
//! stopped.

#![allow(clippy::print_stdout, reason = "an example shows its results")]

use std::{
    error::Error,
    io::{self, BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use speedup::cache;
use speedup::cache::Stats;

/// How often pages were made, and whether what they are made of is out of order.
static MADE: AtomicU64 = AtomicU64::new(0);
static BROKEN: AtomicBool = AtomicBool::new(false);

/// A page, kept for half a minute. In the last five seconds the next who asks renews it while all others are served the old one, and when
/// the source fails the last good page stays in service. Of many who ask at once for a page that is not there, one makes it.
#[cache(capacity = 1_000, ttl = "30s", refresh_ahead = "5s", stale_on_err)]
async fn page(path: &str) -> Result<Arc<str>, Arc<str>> {
    let made = MADE.fetch_add(1, Ordering::Relaxed) + 1;
    // Stands for a database and a template.
    thread::sleep(Duration::from_millis(2));
    if BROKEN.load(Ordering::Relaxed) {
        return Err("the source of the pages does not answer".into());
    }
    Ok(format!("<h1>{path}</h1><p>made as number {made}</p>").into())
}

/// Answers one request.
async fn answer(path: &str, stream: &mut impl Write) -> io::Result<()> {
    let (status, body) = match page(path).await {
        Ok(body) => ("200 OK", body),
        Err(fault) => ("502 Bad Gateway", fault),
    };
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\nContent-Type: text/html\r\nContent-Length: {length}\r\n\r\n");
    // In one piece: small pieces wait for each other on their way.
    stream.write_all((head + &body).as_bytes())
}

/// Serves one connection until the client closes it.
fn serve(stream: TcpStream) -> io::Result<()> {
    let mut requests = BufReader::new(stream.try_clone()?).lines();
    let mut stream = stream;
    while let Some(line) = requests.next().transpose()? {
        let path = line.split(' ').nth(1).unwrap_or("/").to_owned();
        // The headers, which end with an empty line.
        while requests.next().transpose()?.is_some_and(|header| !header.is_empty()) {}
        pollster::block_on(answer(&path, &mut stream))?;
    }
    Ok(())
}

/// Listens, and serves each connection on a thread of its own.
fn listen(listener: TcpListener) {
    for stream in listener.incoming().flatten() {
        thread::spawn(|| serve(stream));
    }
}

/// Asks for pages over one connection, and returns the status and the body of each.
fn ask(server: SocketAddr, paths: &[&str]) -> io::Result<Vec<(u16, String)>> {
    let mut stream = TcpStream::connect(server)?;
    let mut answers = BufReader::new(stream.try_clone()?);
    let mut ask = |path: &&str| {
        stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes())?;
        let (mut status, mut length) = (0, 0);
        loop {
            let mut line = String::new();
            if answers.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            match line.trim_end().split_once(' ') {
                Some(("HTTP/1.1", rest)) => status = rest[..3].parse().unwrap_or(0),
                Some(("Content-Length:", rest)) => length = rest.parse().unwrap_or(0),
                None if line == "\r\n" => break,
                _ => {}
            }
        }
        let mut body = vec![0; length];
        io::Read::read_exact(&mut answers, &mut body)?;
        Ok((status, String::from_utf8_lossy(&body).into_owned()))
    };
    paths.iter().map(&mut ask).collect()
}

/// What a load came to.
pub(crate) struct Served {
    pub(crate) requests: usize,
    pub(crate) made: u64,
    /// What one page looked like: at first, in the last seconds of its life, and while the source failed.
    pub(crate) looks: [(u16, String); 3],
    /// And one that nobody had asked for before.
    pub(crate) unknown: (u16, String),
    pub(crate) stats: Stats,
}

/// Clients that ask for a few pages again and again, then a source that fails. The clock of the caches is set by hand: no second passes.
pub(crate) fn load(clients: usize, rounds: usize) -> Result<Served, Box<dyn Error>> {
    const PATHS: [&str; 4] = ["/", "/news", "/about", "/contact"];
    let clock = speedup::clock::Mock::new();
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let server = listener.local_addr()?;
    thread::spawn(|| listen(listener));
    let one = |path| Ok::<_, io::Error>(ask(server, &[path])?.swap_remove(0));

    let asked = thread::scope(|scope| {
        let client = || ask(server, &PATHS.repeat(rounds)).map(|pages| pages.len());
        let clients: Vec<_> = (0..clients).map(|_| scope.spawn(client)).collect();
        clients.into_iter().map(|client| client.join().unwrap_or(Ok(0))).sum::<io::Result<usize>>()
    })?;
    let made = MADE.load(Ordering::Relaxed);
    let first = one("/news")?;
    clock.advance(Duration::from_secs(26));
    let renewed = one("/news")?;
    BROKEN.store(true, Ordering::Relaxed);
    clock.advance(Duration::from_secs(31));
    let stale = one("/news")?;
    let unknown = one("/prices")?;
    Ok(Served { requests: asked + 4, made, looks: [first, renewed, stale], unknown, stats: PAGE.stats() })
}

pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    if let Some(address) = std::env::args().nth(1) {
        listen(TcpListener::bind(address)?);
        return Ok(());
    }
    let began = std::time::Instant::now();
    let served = load(8, 500)?;
    println!(
        "{} requests by 8 clients in {:?}; {} pages were made for them",
        served.requests,
        began.elapsed(),
        served.made
    );
    println!("late in its life: {}", served.looks[1].1);
    println!("while the source failed: {} {}", served.looks[2].0, served.looks[2].1);
    println!("one that nobody had asked for: {} {}", served.unknown.0, served.unknown.1);
    println!("{:?}", served.stats);
    Ok(())
}
