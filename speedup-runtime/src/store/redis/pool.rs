//! Connections to a server: kept, used again, and made anew when they break.

use std::{
    fmt,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use redis::{Client, Connection, RedisError, Value};

use super::route::{Route, is_elsewhere};
use crate::store::{Error, Result, breaker::Breaker, idle::Idle};

/// How long a server is waited for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timeouts {
    pub(super) connect: Duration,
    /// Of each answer.
    pub(super) answer: Duration,
}

/// The connections of a store to its server.
pub(super) struct Pool {
    route: Route,
    /// Where that led, until it is known to lead there no more.
    found: Mutex<Option<Client>>,
    /// As errors call the server.
    name: String,
    timeouts: Timeouts,
    /// Those that nobody uses, the last used on top: never one that failed.
    idle: Mutex<Idle<Connection>>,
    most_idle: usize,
    breaker: Breaker,
}

impl fmt::Debug for Pool {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the client: it knows the password.
        out.debug_struct("Pool").field("name", &self.name).field("timeouts", &self.timeouts).finish_non_exhaustive()
    }
}

impl Pool {
    pub(super) fn new(route: Route, timeouts: Timeouts, most_idle: usize) -> Self {
        let (name, found, idle) = (route.name(), Mutex::default(), Mutex::new(Idle::new()));
        Self { route, found, name, timeouts, idle, most_idle, breaker: Breaker::new() }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Whether the server is left alone for the time being.
    pub(super) fn is_down(&self) -> bool {
        self.breaker.is_open()
    }

    /// Sends all commands and waits for all answers: one round trip.
    ///
    /// A connection that was lost is replaced once, since servers close those that were idle for long, and all of them when they
    /// restart; and one to a server that no longer is the one to ask. So a command may be carried out twice.
    ///
    /// # Errors
    /// If the server cannot be reached, does not answer in time, or refuses any of the commands.
    pub(super) fn ask(&self, commands: &Commands) -> Result<Vec<Value>> {
        if commands.count == 0 {
            return Ok(Vec::new());
        }
        self.breaker.enter(&self.name)?;
        let answers = match self.exchange(commands, self.pop()) {
            Err(error) if error.is_connection_dropped() && !error.is_connection_refusal() => {
                self.forget();
                self.exchange(commands, None)
            }
            Ok(answers) if answers.iter().any(is_elsewhere) => {
                self.forget();
                self.exchange(commands, None)
            }
            other => other,
        };
        if answers.as_ref().is_err_and(RedisError::is_io_error) {
            self.forget();
            self.breaker.failed();
        } else {
            self.breaker.worked();
        }
        let answers = answers.map_err(|error| self.error(error))?;
        match answers.iter().find_map(|answer| match answer {
            Value::ServerError(error) => Some(error.to_string()),
            _ => None,
        }) {
            Some(reason) => Err(Error::Refused { store: self.name.clone(), reason }),
            None => Ok(answers),
        }
    }

    /// Asks over a connection, which is kept if it worked.
    fn exchange(&self, commands: &Commands, idle: Option<Connection>) -> Result<Vec<Value>, RedisError> {
        let mut connection = match idle {
            Some(connection) => connection,
            None => self.connect()?,
        };
        connection.send_packed_command(&commands.bytes)?;
        // The client's own pipelines wait for each answer even if those before it did not come in time.
        let began = Instant::now();
        let mut answers = Vec::with_capacity(commands.count);
        while answers.len() < commands.count {
            answers.push(connection.recv_response()?);
            if began.elapsed() > self.timeouts.answer.saturating_mul(8) {
                return Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into());
            }
        }
        lock(&self.idle).put(connection, self.most_idle);
        Ok(answers)
    }

    /// Forgets connections, and where the route led.
    fn forget(&self) {
        lock(&self.idle).clear();
        *lock(&self.found) = None;
    }

    fn pop(&self) -> Option<Connection> {
        lock(&self.idle).take()
    }

    /// A connection of its own, with the timeouts set.
    pub(super) fn connect(&self) -> Result<Connection, RedisError> {
        let found = lock(&self.found).clone();
        let client = match found {
            Some(client) => client,
            None => {
                // Others may look for it at the same time.
                let client = self.route.find(self.timeouts)?;
                lock(&self.found).insert(client).clone()
            }
        };
        let connection = client.get_connection_with_timeout(self.timeouts.connect)?;
        connection.set_read_timeout(Some(self.timeouts.answer))?;
        connection.set_write_timeout(Some(self.timeouts.answer))?;
        Ok(connection)
    }

    fn error(&self, error: RedisError) -> Error {
        let store = self.name.clone();
        if error.is_timeout() {
            Error::TimedOut { store, after: self.timeouts.answer }
        } else if error.is_io_error() {
            Error::unreachable(store, error)
        } else {
            Error::Refused { store, reason: error.to_string() }
        }
    }
}

/// Nothing panics while it is held.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Commands that are sent at once, in the protocol of Redis.
#[derive(Debug, Default)]
pub(super) struct Commands {
    bytes: Vec<u8>,
    count: usize,
}

impl Commands {
    /// One command.
    pub(super) fn one(words: &[&[u8]]) -> Self {
        let mut commands = Self::default();
        commands.add(words);
        commands
    }

    /// How many they are.
    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// As they are sent.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Adds a command.
    pub(super) fn add(&mut self, words: &[&[u8]]) {
        self.begin(words.len());
        words.iter().for_each(|word| self.word(word));
    }

    /// Begins a command, whose words follow.
    pub(super) fn begin(&mut self, words: usize) {
        self.count += 1;
        self.number(b'*', words);
    }

    /// A word of the command that was begun.
    pub(super) fn word(&mut self, word: &[u8]) {
        self.number(b'$', word.len());
        self.bytes.extend_from_slice(word);
        self.bytes.extend_from_slice(b"\r\n");
    }

    fn number(&mut self, mark: u8, number: usize) {
        let mut digits = [0; 20];
        let mut at = digits.len();
        let mut rest = number;
        loop {
            at -= 1;
            digits[at] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        self.bytes.push(mark);
        self.bytes.extend_from_slice(&digits[at..]);
        self.bytes.extend_from_slice(b"\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_written_as_the_protocol_says() {
        let mut commands = Commands::one(&[b"GET", b"key"]);
        commands.add(&[b"SET", b"", &[b'x'; 120]]);
        let expected =
            format!("*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n*3\r\n$3\r\nSET\r\n$0\r\n\r\n$120\r\n{}\r\n", "x".repeat(120));
        assert_eq!(String::from_utf8(commands.bytes).expect("all of it is text"), expected);
        assert_eq!(commands.count, 2);
    }
}
