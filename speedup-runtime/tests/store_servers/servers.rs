//! Servers of a test's own: each on a free port of the loopback, ended when the test is over.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// What is run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    Redis,
    /// A sentinel of Redis; the first of its words is its configuration.
    Sentinel,
    Memcached,
}

impl Kind {
    fn program(self) -> &'static str {
        match self {
            Kind::Redis | Kind::Sentinel => "redis-server",
            Kind::Memcached => "memcached",
        }
    }

    /// Started at a port, with nothing on disk.
    fn start(self, port: u16, more: &[&str]) -> Child {
        let mut command = Command::new(self.program());
        match self {
            Kind::Redis => {
                command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
                command.current_dir(std::env::temp_dir());
            }
            Kind::Sentinel => {
                command.args(&more[..1]).args(["--sentinel", "--port", &port.to_string(), "--bind", "127.0.0.1"]);
            }
            Kind::Memcached => {
                command.args(["-p", &port.to_string(), "-l", "127.0.0.1", "-U", "0", "-u", "nobody"]);
            }
        }
        let more = if self == Kind::Sentinel { &more[1..] } else { more };
        command.args(more).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().expect("the server starts")
    }

    /// Whether a server answers there.
    fn answers(self, address: SocketAddr) -> bool {
        let (question, answer) = match self {
            Kind::Redis | Kind::Sentinel => ("PING\r\n", "+PONG"),
            Kind::Memcached => ("version\r\n", "VERSION"),
        };
        let ask = || -> std::io::Result<String> {
            let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
            stream.set_read_timeout(Some(Duration::from_secs(1)))?;
            stream.write_all(question.as_bytes())?;
            let mut line = String::new();
            BufReader::new(stream).read_line(&mut line)?;
            Ok(line)
        };
        ask().is_ok_and(|line| line.starts_with(answer))
    }
}

/// A running server.
pub(crate) struct Server {
    kind: Kind,
    port: u16,
    more: Vec<String>,
    child: Child,
}

impl Server {
    /// A server with more words for its command line; `None`, and a line that says so, where it is not installed.
    #[expect(clippy::print_stderr, reason = "who reads the tests' output sees what was left out")]
    pub(crate) fn start(kind: Kind, more: &[&str]) -> Option<Self> {
        let version = Command::new(kind.program()).arg("--version").stdout(Stdio::null()).status();
        if version.is_err() {
            let test = thread::current().name().unwrap_or("a test").to_owned();
            eprintln!("left out: {test}, since {} is not installed", kind.program());
            return None;
        }
        // Between the look for a free port and the start another may take it: then again.
        (0..20).find_map(|_| {
            let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port();
            let child = kind.start(port, more);
            let more = more.iter().map(|word| (*word).to_owned()).collect();
            let mut server = Server { kind, port, more, child };
            server.until_it_answers().then_some(server)
        })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    /// As the store of its kind takes it.
    pub(crate) fn url(&self) -> String {
        url(self.kind, self.address())
    }

    /// Ends it as `kill -9` does.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("it is ours");
        self.child.wait().expect("it is ours");
    }

    /// Starts it again, empty, at the same port.
    pub(crate) fn restart(&mut self) {
        self.kill();
        let words: Vec<&str> = self.more.iter().map(String::as_str).collect();
        self.child = self.kind.start(self.port, &words);
        assert!(self.until_it_answers(), "the server starts again");
    }

    /// It keeps its connections and answers nothing.
    pub(crate) fn pause(&self) {
        self.signal("-STOP");
        // The signal is on its way to each of its threads.
        while !self.is_stopped() {
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Whether all its threads are stopped; true where the system does not tell.
    fn is_stopped(&self) -> bool {
        let Ok(threads) = fs::read_dir(format!("/proc/{}/task", self.child.id())) else { return true };
        let mut states = threads.filter_map(|thread| fs::read_to_string(thread.ok()?.path().join("stat")).ok());
        states.all(|stat| stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('T')))
    }

    pub(crate) fn resume(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([signal, &self.child.id().to_string()]).status();
        assert!(status.expect("kill runs").success());
    }

    /// Whether this one, not another at its port, answers.
    fn until_it_answers(&mut self) -> bool {
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(20) {
            if self.child.try_wait().expect("it is ours").is_some() {
                return false;
            }
            if self.kind.answers(self.address()) {
                return true;
            }
            thread::sleep(Duration::from_millis(5));
        }
        false
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have been killed before.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How the store of a kind is told of a server.
pub(crate) fn url(kind: Kind, address: SocketAddr) -> String {
    match kind {
        Kind::Redis => format!("redis://{address}"),
        Kind::Sentinel => format!("redis-sentinel://{address}#main"),
        Kind::Memcached => address.to_string(),
    }
}
