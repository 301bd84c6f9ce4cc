//! The text protocol of memcached, as far as a store needs it: `get`, `set`, `add`, `delete`.
//!
//! <https://github.com/memcached/memcached/blob/master/doc/protocol.txt>

use std::{
    fmt::Display,
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpStream, ToSocketAddrs as _},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::store::{Error, Result, breaker::Breaker, idle::Idle};

/// No line of an answer is longer.
const LONGEST_LINE: u64 = 4096;
/// What memcached takes, unless told otherwise.
const LARGEST: usize = 1 << 20;
/// The most that it can be told to take.
const LARGEST_OF_ALL: usize = 1 << 30;

type Connection = BufReader<TcpStream>;

/// A question that was sent, or was to be.
pub(super) struct Sent {
    question: Vec<u8>,
    connection: io::Result<Connection>,
    was_idle: bool,
}

/// One server.
pub(super) struct Client {
    address: String,
    /// As errors call it.
    name: String,
    timeout: Duration,
    /// Connections that nobody uses, the last used on top: never one that failed.
    idle: Mutex<Idle<Connection>>,
    most_idle: usize,
    breaker: Breaker,
}

/// What is stored.
pub(super) struct Item {
    pub(super) name: String,
    pub(super) seconds: u64,
    pub(super) bytes: Vec<u8>,
}

/// How it is stored.
#[derive(Clone, Copy, Debug)]
pub(super) enum Verb {
    Set,
    /// Only if there is none.
    Add,
}

/// Why an exchange failed.
enum Fault {
    Io(io::Error),
    /// The server's words.
    Refused(String),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Fault::Io(error)
    }
}

/// A server that says something else than the protocol.
fn nonsense(line: &str) -> Fault {
    Fault::Io(io::Error::new(io::ErrorKind::InvalidData, format!("an answer {line:?}")))
}

impl Client {
    pub(super) fn new(address: String, timeout: Duration, most_idle: usize) -> Self {
        let name = format!("memcached at {address}");
        Self { address, name, timeout, idle: Mutex::new(Idle::new()), most_idle, breaker: Breaker::new() }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn is_down(&self) -> bool {
        self.breaker.is_open()
    }

    /// Asks for the items of these names.
    pub(super) fn ask_for(&self, names: &[&str]) -> Result<Sent> {
        self.send(format!("get {}\r\n", names.join(" ")).into_bytes())
    }

    /// The items of the names that were asked for, in their order.
    pub(super) fn found(&self, sent: Sent, names: &[&str]) -> Result<Vec<Option<Vec<u8>>>> {
        self.receive(sent, |from| {
            let mut found: Vec<Option<Vec<u8>>> = names.iter().map(|_| None).collect();
            let mut next = 0;
            loop {
                let line = line(from)?;
                let mut words = line.split(' ');
                match (words.next(), words.next(), words.nth(1).and_then(|length| length.parse::<usize>().ok())) {
                    (Some("END"), None, _) => return Ok(found),
                    (Some("VALUE"), Some(name), Some(length)) if length <= LARGEST_OF_ALL => {
                        let mut bytes = Vec::with_capacity((length + 2).min(LARGEST));
                        from.by_ref().take(length as u64 + 2).read_to_end(&mut bytes)?;
                        if bytes.len() != length + 2 || !bytes.ends_with(b"\r\n") {
                            return Err(Fault::Io(io::ErrorKind::UnexpectedEof.into()));
                        }
                        bytes.truncate(length);
                        // They come in the order in which they were asked for.
                        let is_it = |at: &usize| names[*at] == name;
                        let at = (next..names.len()).find(is_it).or_else(|| (0..next).find(is_it));
                        let Some(at) = at else { return Err(nonsense(&line)) };
                        found[at] = Some(bytes);
                        next = at + 1;
                    }
                    _ => return Err(answered(&line)),
                }
            }
        })
    }

    /// The items of these names, in their order; one round trip.
    pub(super) fn get(&self, names: &[&str]) -> Result<Vec<Option<Vec<u8>>>> {
        self.found(self.ask_for(names)?, names)
    }

    /// Stores items; one round trip.
    pub(super) fn store(&self, verb: Verb, items: &[Item]) -> Result<()> {
        self.stored(self.give(verb, items)?, items)
    }

    /// Gives the server items to store.
    pub(super) fn give(&self, verb: Verb, items: &[Item]) -> Result<Sent> {
        let verb = match verb {
            Verb::Set => "set",
            Verb::Add => "add",
        };
        items.iter().try_for_each(|item| self.check(item))?;
        let mut question = Vec::new();
        for Item { name, seconds, bytes } in items {
            question.extend(format!("{verb} {name} 0 {seconds} {}\r\n", bytes.len()).bytes());
            question.extend(bytes);
            question.extend(b"\r\n");
        }
        self.send(question)
    }

    /// Refuses what is so large that it would block for long.
    pub(super) fn check(&self, item: &Item) -> Result<()> {
        if item.bytes.len() > 64 * LARGEST { Err(self.too_large(item.bytes.len())) } else { Ok(()) }
    }

    /// Whether the items that were given are stored.
    pub(super) fn stored(&self, sent: Sent, items: &[Item]) -> Result<()> {
        self.receive(sent, |from| {
            let mut refused = None;
            for _ in items {
                let line = line(from)?;
                match line.as_str() {
                    "STORED" | "NOT_STORED" => {}
                    // The others are kept.
                    line if line.starts_with("SERVER_ERROR") => refused = Some(Fault::Refused(line.to_owned())),
                    line => return Err(answered(line)),
                }
            }
            refused.map_or(Ok(()), Err)
        })
        .map_err(|error| match error {
            Error::Refused { reason, .. } if reason.contains("too large") => {
                self.too_large(items.iter().map(|item| item.bytes.len()).max().unwrap_or(0))
            }
            other => other,
        })
    }

    fn too_large(&self, bytes: usize) -> Error {
        Error::TooLarge { store: self.name.clone(), bytes, longest: LARGEST }
    }

    pub(super) fn delete(&self, name: &str) -> Result<()> {
        let sent = self.send(format!("delete {name}\r\n").into_bytes())?;
        self.receive(sent, |from| match line(from)?.as_str() {
            "DELETED" | "NOT_FOUND" => Ok(()),
            line => Err(answered(line)),
        })
    }

    /// Sends a question. What goes wrong with it is told with its answer.
    ///
    /// # Errors
    /// If the server is left alone for the time being.
    fn send(&self, question: Vec<u8>) -> Result<Sent> {
        self.breaker.enter(&self.name)?;
        let idle = self.idle().take();
        let was_idle = idle.is_some();
        let connection = self.send_over(&question, idle);
        Ok(Sent { question, connection, was_idle })
    }

    fn send_over(&self, question: &[u8], idle: Option<Connection>) -> io::Result<Connection> {
        let mut connection = match idle {
            Some(connection) => connection,
            None => self.connect()?,
        };
        connection.get_mut().write_all(question)?;
        Ok(connection)
    }

    /// Reads the answer to a question. A connection that was lost is replaced once, since servers close those that were idle for long, and
    /// all of them when they restart.
    fn receive<T>(&self, sent: Sent, read: impl Fn(&mut Connection) -> Result<T, Fault>) -> Result<T> {
        let Sent { question, connection, was_idle } = sent;
        let answer = match self.read(connection, &read) {
            Err(Fault::Io(error)) if was_idle && !is_timeout(&error) => {
                self.idle().clear();
                self.read(self.send_over(&question, None), &read)
            }
            other => other,
        };
        if matches!(answer, Err(Fault::Io(_))) {
            self.breaker.failed();
        } else {
            self.breaker.worked();
        }
        answer.map_err(|fault| match fault {
            Fault::Refused(reason) => Error::Refused { store: self.name.clone(), reason },
            Fault::Io(error) if is_timeout(&error) => Error::TimedOut { store: self.name.clone(), after: self.timeout },
            Fault::Io(error) => Error::unreachable(self.name.clone(), error),
        })
    }

    /// Reads an answer from a connection, which is kept if it worked.
    fn read<T>(
        &self,
        connection: io::Result<Connection>,
        read: impl Fn(&mut Connection) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let mut connection = connection?;
        let answer = read(&mut connection);
        // After a refusal more may follow.
        if answer.is_ok() && connection.buffer().is_empty() {
            self.idle().put(connection, self.most_idle);
        }
        answer
    }

    fn connect(&self) -> io::Result<Connection> {
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        for address in self.address.to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, self.timeout) {
                Ok(stream) => {
                    stream.set_nodelay(true)?;
                    stream.set_read_timeout(Some(self.timeout))?;
                    stream.set_write_timeout(Some(self.timeout))?;
                    return Ok(BufReader::new(stream));
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Nothing panics while it is held.
    fn idle(&self) -> MutexGuard<'_, Idle<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock)
}

/// A line that is none of those hoped for.
fn answered(line: &(impl Display + ?Sized)) -> Fault {
    let line = line.to_string();
    let is_refusal = line.starts_with("SERVER_ERROR") || line.starts_with("CLIENT_ERROR") || line == "ERROR";
    if is_refusal { Fault::Refused(line) } else { nonsense(&line) }
}

/// The next line, without its end.
fn line(from: &mut Connection) -> Result<String, Fault> {
    let mut line = String::new();
    from.take(LONGEST_LINE).read_line(&mut line)?;
    match line.strip_suffix("\r\n") {
        Some(line) => Ok(line.to_owned()),
        None => Err(Fault::Io(io::ErrorKind::UnexpectedEof.into())),
    }
}
