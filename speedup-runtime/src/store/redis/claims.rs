//! Claims: who computes a key says so on the server, for the time of a lease that it renews.
//!
//! A claim is a key beside the value's: 16 bytes of token, then the keys that its owner will need next, as far as it has said
//! so. Only scripts that have compared the token change one, so a process that was paused beyond its lease cannot end the claim
//! of another.

use std::{
    collections::HashMap,
    process,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use redis::Value;

use super::{
    Shared,
    events::{self, Kind},
    pool::Commands,
};
use crate::store::{Error, Result, Token};

/// The value; or a claim for whoever asks, if there is neither; or what the owner of the claim needs, and how long it lasts. A claim that
/// never ends is nobody's: it is replaced.
const ASK: &[u8] = b"local v = redis.call('GET', KEYS[1])
if v then return {2, v} end
if redis.call('SET', KEYS[2], ARGV[1], 'NX', 'PX', ARGV[2]) then return {1} end
local c = redis.call('GET', KEYS[2])
if string.sub(c, 1, 16) == ARGV[1] then return {1} end
local left = redis.call('PTTL', KEYS[2])
if left >= 0 then return {0, string.sub(c, 17), left} end
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
return {1}";
/// Claims the first free of keys, each of which comes with that of its claim. Of those before it: 2 where there is a value, or what `ASK` says of one that is taken.
const FIRST: &[u8] = b"local out = {}
for i = 1, #KEYS, 2 do
  if redis.call('EXISTS', KEYS[i]) == 1 then
    out[#out + 1] = 2
  else
    local is_mine = redis.call('SET', KEYS[i + 1], ARGV[1], 'NX', 'PX', ARGV[2])
    if not is_mine then
      local c = redis.call('GET', KEYS[i + 1])
      if string.sub(c, 1, 16) == ARGV[1] then
        is_mine = true
      elseif redis.call('PTTL', KEYS[i + 1]) < 0 then
        is_mine = redis.call('SET', KEYS[i + 1], ARGV[1], 'PX', ARGV[2])
      else
        out[#out + 1] = string.sub(c, 17)
      end
    end
    if is_mine then
      out[#out + 1] = 1
      return out
    end
  end
end
return out";
/// As `ASK` for many keys, each of which comes with that of its claim. Of one where something else lies under the key, nothing is known.
const ASK_ALL: &[u8] = b"local function ask(value, claim)
  local v = redis.call('GET', value)
  if v then return {2, v} end
  if redis.call('SET', claim, ARGV[1], 'NX', 'PX', ARGV[2]) then return {1} end
  local c = redis.call('GET', claim)
  if string.sub(c, 1, 16) == ARGV[1] then return {1} end
  local left = redis.call('PTTL', claim)
  if left >= 0 then return {0, string.sub(c, 17), left} end
  redis.call('SET', claim, ARGV[1], 'PX', ARGV[2])
  return {1}
end
local out = {}
for i = 1, #KEYS, 2 do
  local is_known, answer = pcall(ask, KEYS[i], KEYS[i + 1])
  out[#out + 1] = is_known and answer or {0, '', 0}
end
return out";
/// Ends a claim that is still the caller's.
const RELEASE: &[u8] = b"local c = redis.call('GET', KEYS[1])
if c and string.sub(c, 1, 16) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0";
/// Lengthens a claim that is still the caller's.
const RENEW: &[u8] = b"local c = redis.call('GET', KEYS[1])
if c and string.sub(c, 1, 16) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 0";
/// Says what the owner of a claim needs next.
const NEEDS: &[u8] = b"local c = redis.call('GET', KEYS[1])
if c and string.sub(c, 1, 16) == ARGV[1] then redis.call('SET', KEYS[1], ARGV[1] .. ARGV[2], 'KEEPTTL') return 1 end
return 0";

/// Removes a value that is still the one that was seen.
const FORGET: &[u8] = b"if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0";

/// The bytes of a token, which a claim begins with.
pub(super) const TOKEN: usize = 16;

/// The claims that this store has.
#[derive(Debug)]
pub(super) struct Claims {
    /// How long a claim lasts without being renewed.
    pub(super) lease: Duration,
    /// The upper half of all tokens of this store.
    origin: u64,
    next: AtomicU64,
    /// The number of this store among those that cooperate, once it was asked for.
    member: OnceLock<u64>,
    held: Mutex<Held>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Held {
    of: HashMap<Vec<u8>, Token>,
    /// The process in which a thread renews them. A fork has no such thread, and claims that are its parent's.
    renewed_in: Option<u32>,
}

/// What came of asking for a key.
#[derive(Debug)]
pub(super) enum Answer {
    /// Its value, sealed.
    Value(Vec<u8>),
    Mine(Token),
    /// Somebody else has; for so long, if it is not renewed; and needs these keys next.
    Taken {
        needs: Vec<Vec<u8>>,
        left: Duration,
    },
}

impl Claims {
    pub(super) fn new(lease: Duration) -> Self {
        let (held, changed) = (Mutex::default(), Condvar::new());
        Self { lease, origin: events::number(), next: AtomicU64::new(1), member: OnceLock::new(), held, changed }
    }

    /// A new token: no other store's, nor that of a fork, which counts on from the same number. `Relaxed`: the number alone matters.
    fn new_token(&self) -> Token {
        let origin = self.origin ^ u64::from(process::id());
        Token(u128::from(origin) << 64 | u128::from(self.next.fetch_add(1, Ordering::Relaxed)))
    }

    /// The token of a claim to this key.
    pub(super) fn token(&self, key: &[u8]) -> Option<Token> {
        self.held().of.get(key).copied()
    }

    /// A claim is no longer renewed.
    pub(super) fn end(&self, key: &[u8]) {
        self.held().of.remove(key);
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.renewed_in.is_some_and(|process| process != process::id()) {
            *held = Held::default();
        }
        held
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // The renewing thread sees that the store is gone.
        self.claims.changed.notify_all();
        self.events.end();
    }
}

fn bytes(token: Token) -> [u8; TOKEN] {
    token.0.to_be_bytes()
}

fn millis(time: Duration) -> String {
    time.as_millis().max(1).to_string()
}

/// Asks for the value of a key, and claims it if there is none.
pub(super) fn ask(shared: &Shared, key: &[u8], lease: Duration) -> Result<Answer> {
    let mut commands = Commands::default();
    let token = add_ask(&mut commands, shared, key, lease);
    answer_of(shared, shared.pool.ask(&commands)?.pop(), token)
}

/// Adds the command that asks for the value of a key, and claims it with this token if there is none.
pub(super) fn add_ask(commands: &mut Commands, shared: &Shared, key: &[u8], lease: Duration) -> Token {
    let token = shared.claims.new_token();
    let (value, claim, lease) = (shared.name(key), shared.name_of_claim(key), millis(lease));
    commands.add(&[b"EVAL", ASK, b"2", value.as_bytes(), claim.as_bytes(), &bytes(token), lease.as_bytes()]);
    token
}

/// What the server says to that.
pub(super) fn answer_of(shared: &Shared, answer: Option<Value>, token: Token) -> Result<Answer> {
    let answer = answer.unwrap_or(Value::Nil);
    let Value::Array(mut parts) = answer else { return Err(unexpected(shared, &answer)) };
    match &mut parts[..] {
        [Value::Int(2), Value::BulkString(sealed)] => Ok(Answer::Value(std::mem::take(sealed))),
        [Value::Int(1)] => Ok(Answer::Mine(token)),
        [Value::Int(0), Value::BulkString(needs), Value::Int(left)] => {
            let needs = events::parts(needs).unwrap_or_default().into_iter().map(<[u8]>::to_vec).collect();
            Ok(Answer::Taken { needs, left: Duration::from_millis(u64::try_from(*left).unwrap_or(1)) })
        }
        _ => Err(unexpected(shared, &Value::Array(parts))),
    }
}

/// Adds the command that asks for the values of keys, and claims those with this token that have none.
pub(super) fn add_ask_all(commands: &mut Commands, shared: &Shared, keys: &[Vec<u8>]) -> Token {
    add_of_all(commands, shared, ASK_ALL, keys)
}

/// What the server says to that, key by key. What cannot be understood counts as taken: whoever needs it asks again.
pub(super) fn answers_of(shared: &Shared, answer: Option<Value>, count: usize, token: Token) -> Vec<Answer> {
    let parts = if let Some(Value::Array(parts)) = answer { parts } else { Vec::new() };
    let mut parts = parts.into_iter();
    let taken = |_| Answer::Taken { needs: Vec::new(), left: Duration::ZERO };
    (0..count).map(|_| answer_of(shared, parts.next(), token).unwrap_or_else(taken)).collect()
}

/// What a key has shown to who claims the first free one.
pub(super) enum Shown {
    /// It has a value.
    There,
    /// Somebody computes it, and needs these keys next.
    Taken(Vec<Vec<u8>>),
}

/// Claims the first of these keys that is free, if there is one, and holds it: with what those before it have shown.
pub(super) fn first(shared: &Arc<Shared>, keys: &[Vec<u8>]) -> Result<(bool, Vec<Shown>)> {
    let mut commands = Commands::default();
    let token = add_first(&mut commands, shared, keys);
    let answer = shared.pool.ask(&commands)?.pop();
    first_of(shared, answer, keys, token)
}

/// Adds the command that claims, with this token, the first of these keys that is free.
pub(super) fn add_first(commands: &mut Commands, shared: &Shared, keys: &[Vec<u8>]) -> Token {
    add_of_all(commands, shared, FIRST, keys)
}

/// Adds a script for keys and their claims, with a new token and the lease.
fn add_of_all(commands: &mut Commands, shared: &Shared, script: &[u8], keys: &[Vec<u8>]) -> Token {
    let token = shared.claims.new_token();
    let (count, lease) = ((2 * keys.len()).to_string(), millis(shared.claims.lease));
    commands.begin(5 + 2 * keys.len());
    [b"EVAL", script, count.as_bytes()].into_iter().for_each(|word| commands.word(word));
    for key in keys {
        commands.word(shared.name(key).as_bytes());
        commands.word(shared.name_of_claim(key).as_bytes());
    }
    commands.word(&bytes(token));
    commands.word(lease.as_bytes());
    token
}

/// What the server says to that. What was claimed is held.
pub(super) fn first_of(
    shared: &Arc<Shared>,
    answer: Option<Value>,
    keys: &[Vec<u8>],
    token: Token,
) -> Result<(bool, Vec<Shown>)> {
    let answer = answer.unwrap_or(Value::Nil);
    let Value::Array(parts) = &answer else { return Err(unexpected(shared, &answer)) };
    let (mut is_claimed, mut shown) = (false, Vec::with_capacity(parts.len()));
    for part in parts {
        match part {
            _ if is_claimed || shown.len() == keys.len() => return Err(unexpected(shared, &answer)),
            Value::Int(1) => is_claimed = true,
            Value::Int(2) => shown.push(Shown::There),
            Value::BulkString(needs) => {
                let needs = events::parts(needs).unwrap_or_default();
                shown.push(Shown::Taken(needs.into_iter().map(<[u8]>::to_vec).collect()));
            }
            _ => return Err(unexpected(shared, &answer)),
        }
    }
    if let Some(key) = keys.get(shown.len()).filter(|_| is_claimed) {
        hold(shared, key, token);
    }
    Ok((is_claimed, shown))
}

fn unexpected(shared: &Shared, answer: &Value) -> Error {
    Error::Refused { store: shared.pool.name().to_owned(), reason: format!("an answer {answer:?}") }
}

/// Adds the command that ends a claim.
pub(super) fn add_release(commands: &mut Commands, claim: &str, token: Token) {
    commands.add(&[b"EVAL", RELEASE, b"1", claim.as_bytes(), &bytes(token)]);
}

/// Adds the command that lengthens a claim.
pub(super) fn add_renewal(commands: &mut Commands, claim: &str, token: Token, lease: Duration) {
    commands.add(&[b"EVAL", RENEW, b"1", claim.as_bytes(), &bytes(token), millis(lease).as_bytes()]);
}

/// The number of this store among those that cooperate: each that asks gets the next.
pub(super) fn member(shared: &Shared) -> u64 {
    *shared.claims.member.get_or_init(|| {
        let seats = format!("{}/members", shared.space);
        match shared.pool.ask(&Commands::one(&[b"INCR", seats.as_bytes()])).as_deref() {
            Ok([Value::Int(number)]) => u64::try_from(*number).unwrap_or(0),
            _ => 0,
        }
    })
}

/// Gives a claim up, and tells those who wait.
pub(super) fn release(shared: &Shared, key: &[u8], token: Token) -> Result<()> {
    {
        let mut held = shared.claims.held();
        if held.of.get(key) == Some(&token) {
            held.of.remove(key);
        }
    }
    let mut commands = Commands::default();
    add_release(&mut commands, &shared.name_of_claim(key), token);
    shared.tell(&mut commands, Kind::Claims, &[key]);
    shared.pool.ask(&commands).map(drop)
}

/// Adds the commands that say on a claim of ours what is needed next, and tell those who wait.
pub(super) fn add_needs(commands: &mut Commands, shared: &Shared, key: &[u8], needed: &[Vec<u8>]) {
    let Some(token) = shared.claims.token(key) else { return };
    let mut list = Vec::new();
    for key in needed {
        list.extend((key.len() as u32).to_le_bytes());
        list.extend(key);
    }
    commands.add(&[b"EVAL", NEEDS, b"1", shared.name_of_claim(key).as_bytes(), &bytes(token), &list]);
    shared.tell(commands, Kind::Claims, &[key]);
}

/// Says on a claim of ours what is needed next.
pub(super) fn needs(shared: &Shared, key: &[u8], needed: &[Vec<u8>]) -> Result<()> {
    let mut commands = Commands::default();
    add_needs(&mut commands, shared, key, needed);
    shared.pool.ask(&commands).map(drop)
}

/// Notes a claim as ours, to be renewed until it is released or the value is put.
pub(super) fn hold(shared: &Arc<Shared>, key: &[u8], token: Token) {
    let mut held = shared.claims.held();
    held.of.insert(key.to_vec(), token);
    if held.renewed_in.is_none() {
        let (claims, weak) = (Arc::clone(&shared.claims), Arc::downgrade(shared));
        let thread = thread::Builder::new().name("speedup-redis-leases".to_owned());
        // Without a thread the claims end with their leases.
        held.renewed_in = thread.spawn(move || renew_all(&claims, &weak)).is_ok().then(process::id);
    }
}

/// The renewing thread: until its store is gone.
fn renew_all(claims: &Claims, store: &Weak<Shared>) {
    let pause = claims.lease / 3;
    loop {
        let held = claims.changed.wait_timeout(claims.held(), pause).unwrap_or_else(PoisonError::into_inner).0;
        let due: Vec<(Vec<u8>, Token)> = held.of.iter().map(|(key, token)| (key.clone(), *token)).collect();
        drop(held);
        let Some(shared) = store.upgrade() else { return };
        let mut commands = Commands::default();
        for (key, token) in &due {
            add_renewal(&mut commands, &shared.name_of_claim(key), *token, claims.lease);
        }
        // What is not renewed now may be the next time; at worst somebody else computes it, too.
        let _ = shared.pool.ask(&commands);
    }
}

/// Removes what lies under a key if it is still that.
pub(super) fn forget(shared: &Shared, key: &[u8], garbage: &[u8]) -> Result<()> {
    shared.pool.ask(&Commands::one(&[b"EVAL", FORGET, b"1", shared.name(key).as_bytes(), garbage])).map(drop)
}
