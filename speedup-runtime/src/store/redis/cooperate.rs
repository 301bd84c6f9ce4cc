//! What a Redis server does for processes that compute one recursion together.

use std::{
    hash::{DefaultHasher, Hash as _, Hasher as _},
    iter,
    time::Duration,
};

use redis::Value;
use serde::{Serialize, de::DeserializeOwned};

use super::{
    AT_ONCE, RedisStore,
    claims::{self, Answer, Shown},
    events,
    pool::Commands,
};
use crate::store::{
    Error, Result,
    cooperate::{Begun, Changed, Cooperate, First, Foretold, Looked},
};

/// Who waits looks at least so often for itself, should messages have been lost.
const LOOK: Duration = Duration::from_secs(5);
/// So many keys go into one script: a server does nothing else meanwhile.
const CLAIMED_AT_ONCE: usize = 200;

impl<K: Serialize + DeserializeOwned + 'static, V: Serialize + DeserializeOwned + 'static> RedisStore<K, V> {
    /// What a claim says that its owner needs, and a number of that.
    fn needs_of(&self, said: &[impl AsRef<[u8]>]) -> (Vec<K>, u64) {
        let mut hasher = DefaultHasher::new();
        said.iter().for_each(|key| key.as_ref().hash(&mut hasher));
        let needs = said.iter().filter_map(|key| self.codec.decode_key(key.as_ref()).ok()).collect();
        (needs, hasher.finish())
    }

    /// Asks for a key, and claims it if it is free.
    fn ask(&self, key: &[u8]) -> Result<Answered<K, V>> {
        self.ask_beside(key, &[], &[]).map(|(answered, _)| answered)
    }

    /// The same; and whether the others are computed as they were seen to be, or have their values: one round trip. What is damaged counts as
    /// missing: it is removed.
    fn ask_beside(&self, key: &[u8], others: &[Vec<u8>], known: &[(K, u64)]) -> Result<(Answered<K, V>, bool)> {
        loop {
            let mut commands = Commands::default();
            self.add_look(&mut commands, others);
            let token = claims::add_ask(&mut commands, &self.shared, key, self.shared.claims.lease);
            let mut answers = self.shared.pool.ask(&commands)?;
            let answer = claims::answer_of(&self.shared, answers.pop(), token)?;
            let is_as_it_was = |((_, known), looked): (&(K, u64), Looked<K>)| match looked {
                Looked::Taken { seen, .. } => seen == *known,
                Looked::There => true,
                Looked::Free => false,
            };
            let are_as_they_were = known.iter().zip(self.looked(others, answers)).all(is_as_it_was);
            if let Some(answered) = self.answered(key, answer)? {
                return Ok((answered, are_as_they_were));
            }
        }
    }

    /// What an answer says. A claim is held; a damaged value is removed, and `None` says that the key is to be asked for again.
    fn answered(&self, key: &[u8], answer: Answer) -> Result<Option<Answered<K, V>>> {
        Ok(Some(match answer {
            Answer::Value(sealed) => match self.read(key, &sealed) {
                Ok(value) => Answered::Begun(Begun::Value(value)),
                Err(Error::Damaged { .. }) => {
                    claims::forget(&self.shared, key, &sealed)?;
                    return Ok(None);
                }
                Err(other) => return Err(other),
            },
            Answer::Mine(token) => {
                claims::hold(&self.shared, key, token);
                Answered::Begun(Begun::Mine)
            }
            Answer::Taken { needs, left } => {
                let (needs, seen) = self.needs_of(&needs);
                Answered::Taken { needs, seen, left }
            }
        }))
    }

    /// Adds the commands that look at keys, without their values.
    fn add_look(&self, commands: &mut Commands, keys: &[Vec<u8>]) {
        for keys in keys.chunks(AT_ONCE) {
            commands.begin(1 + keys.len());
            commands.word(b"MGET");
            keys.iter().for_each(|key| commands.word(self.shared.name_of_claim(key).as_bytes()));
            // After the claims: a value that is put ends its claim.
            keys.iter().for_each(|key| commands.add(&[b"EXISTS", self.shared.name(key).as_bytes()]));
        }
    }

    /// What the server says to that. Of what it does not say, who asks for it learns more: it counts as free.
    fn looked(&self, keys: &[Vec<u8>], answers: Vec<Value>) -> Vec<Looked<K>> {
        let mut answers = answers.into_iter();
        let mut looked = Vec::with_capacity(keys.len());
        for keys in keys.chunks(AT_ONCE) {
            let claims = array(answers.next());
            let claims = claims.into_iter().chain(iter::repeat(Value::Nil));
            looked.extend(claims.zip(answers.by_ref().take(keys.len())).map(|both| match both {
                (_, Value::Int(1)) => Looked::There,
                (Value::BulkString(claim), _) => {
                    let said = claim.get(claims::TOKEN..).and_then(events::parts).unwrap_or_default();
                    let (needs, seen) = self.needs_of(&said);
                    Looked::Taken { needs, seen }
                }
                _ => Looked::Free,
            }));
        }
        looked.resize_with(keys.len(), || Looked::Free);
        looked
    }

    /// As [`Cooperate::foretell`], and [`Cooperate::foretell_and_claim`].
    fn foretell_with(&self, owner: Option<&[u8]>, keys: &[&K], claims: bool) -> Result<Vec<Foretold<V>>> {
        let asked = keys;
        let keys = self.encoded(keys)?;
        let mut commands = Commands::default();
        if let Some(owner) = owner {
            claims::add_needs(&mut commands, &self.shared, owner, &keys);
        }
        let claimable = if claims { &keys[..keys.len().min(CLAIMED_AT_ONCE)] } else { &[] };
        let before = commands.len();
        let token = claims.then(|| claims::add_first(&mut commands, &self.shared, claimable));
        for keys in keys.chunks(AT_ONCE) {
            commands.begin(1 + 2 * keys.len());
            commands.word(b"MGET");
            keys.iter().for_each(|key| commands.word(self.shared.name(key).as_bytes()));
            keys.iter().for_each(|key| commands.word(self.shared.name_of_claim(key).as_bytes()));
        }
        let mut answers = self.shared.pool.ask(&commands)?.into_iter().skip(before);
        let mut claimed = None;
        if let Some(token) = token {
            let (is_claimed, shown) = claims::first_of(&self.shared, answers.next(), claimable, token)?;
            claimed = is_claimed.then_some(shown.len());
        }
        let mut foretold = Vec::with_capacity(keys.len());
        for keys in keys.chunks(AT_ONCE) {
            let found = array(answers.next()).into_iter().chain(iter::repeat(Value::Nil));
            let mut found: Vec<Value> = found.take(2 * keys.len()).collect();
            let claims = found.split_off(keys.len());
            for ((key, found), claim) in keys.iter().zip(found).zip(claims) {
                let value = if let Value::BulkString(sealed) = found { self.read(key, &sealed).ok() } else { None };
                foretold.push(match value {
                    Some(value) => Foretold::Value(value),
                    None if claimed == Some(foretold.len()) => Foretold::Mine,
                    None if claim == Value::Nil => Foretold::Free,
                    None => Foretold::Taken,
                });
            }
        }
        // Somebody has put a value between the claim and the look.
        if let Some(at) = claimed.filter(|at| matches!(foretold.get(*at), Some(Foretold::Value(_)))) {
            self.give_up(asked[at]);
        }
        Ok(foretold)
    }

    fn encoded(&self, keys: &[&K]) -> Result<Vec<Vec<u8>>> {
        keys.iter().map(|key| self.codec.encode_key(key)).collect()
    }
}

/// The parts of an answer; none where it is something else.
fn array(answer: Option<Value>) -> Vec<Value> {
    if let Some(Value::Array(parts)) = answer { parts } else { Vec::new() }
}

enum Answered<K, V> {
    Begun(Begun<K, V>),
    Taken { needs: Vec<K>, seen: u64, left: Duration },
}

impl<K, V> Answered<K, V> {
    fn begun(self) -> Begun<K, V> {
        match self {
            Answered::Begun(begun) => begun,
            Answered::Taken { needs, seen, .. } => Begun::Taken { needs, seen },
        }
    }
}

impl<K, V> Cooperate<K, V> for RedisStore<K, V>
where
    K: Serialize + DeserializeOwned + 'static,
    V: Serialize + DeserializeOwned + 'static,
{
    fn begin(&self, key: &K) -> Result<Begun<K, V>> {
        self.ask(&self.codec.encode_key(key)?).map(Answered::begun)
    }

    fn begin_watching(&self, key: &K) -> Result<(Begun<K, V>, Option<Changed>)> {
        self.begin_watching_beside(key, &[])
    }

    fn begin_watching_beside(&self, key: &K, beside: &[(K, u64)]) -> Result<(Begun<K, V>, Option<Changed>)> {
        let bytes = self.codec.encode_key(key)?;
        let others = self.encoded(&beside.iter().map(|(key, _)| key).collect::<Vec<_>>())?;
        let is_told = events::listen(&self.shared);
        // Before the look, so that nothing is missed between both.
        let signal = self.shared.events.signal_of(iter::once(bytes.clone()).chain(others.iter().cloned()).collect());
        let (answered, are_as_they_were) = self.ask_beside(&bytes, &others, beside)?;
        Ok(match answered {
            Answered::Begun(begun) => (begun, None),
            Answered::Taken { needs, seen, left } => {
                let changed: Changed =
                    if are_as_they_were { Box::pin(signal.at_most(left.min(LOOK))) } else { Box::pin(async {}) };
                (Begun::Taken { needs, seen }, is_told.then_some(changed))
            }
        })
    }

    fn wait(&self, key: &K, known: u64) -> Result<Begun<K, V>> {
        let key = self.codec.encode_key(key)?;
        events::listen(&self.shared);
        // Before the look, so that nothing is missed between both.
        let signal = self.shared.events.signal(&key);
        let mut has_waited = false;
        loop {
            match self.ask(&key)? {
                Answered::Begun(begun) => return Ok(begun),
                Answered::Taken { needs, seen, left } => {
                    // A search or a group of this process has come first, and may be waiting for the caller.
                    let is_ours = has_waited && self.shared.claims.token(&key).is_some();
                    if seen != known || is_ours {
                        return Ok(Begun::Taken { needs, seen });
                    }
                    signal.wait(left.clamp(Duration::from_millis(1), LOOK));
                    has_waited = true;
                }
            }
        }
    }

    fn wait_beside(&self, key: &K, known: u64, beside: &[(K, u64)]) -> Result<Begun<K, V>> {
        let bytes = self.codec.encode_key(key)?;
        let others = self.encoded(&beside.iter().map(|(key, _)| key).collect::<Vec<_>>())?;
        events::listen(&self.shared);
        // Before the look, so that nothing is missed between both.
        let signal = self.shared.events.signal_of(iter::once(bytes.clone()).chain(others.iter().cloned()).collect());
        let (answered, are_as_they_were) = self.ask_beside(&bytes, &others, beside)?;
        match answered {
            Answered::Begun(begun) => Ok(begun),
            Answered::Taken { seen, left, .. } if seen == known && are_as_they_were => {
                signal.wait(left.clamp(Duration::from_millis(1), LOOK));
                self.begin(key)
            }
            Answered::Taken { needs, seen, .. } => Ok(Begun::Taken { needs, seen }),
        }
    }

    fn look(&self, keys: &[&K]) -> Result<Vec<Looked<K>>> {
        let keys = self.encoded(keys)?;
        let mut commands = Commands::default();
        self.add_look(&mut commands, &keys);
        Ok(self.looked(&keys, self.shared.pool.ask(&commands)?))
    }

    fn claim_first(&self, keys: &[&K]) -> Result<First<K>> {
        let keys = self.encoded(keys)?;
        let mut before = Vec::with_capacity(keys.len());
        for keys in keys.chunks(CLAIMED_AT_ONCE) {
            let (is_claimed, shown) = claims::first(&self.shared, keys)?;
            before.extend(shown.into_iter().map(|shown| match shown {
                Shown::There => Looked::There,
                Shown::Taken(needs) => {
                    let (needs, seen) = self.needs_of(&needs);
                    Looked::Taken { needs, seen }
                }
            }));
            if is_claimed {
                return Ok(First { is_claimed, before });
            }
        }
        Ok(First { is_claimed: false, before })
    }

    fn foretell(&self, owner: Option<&[u8]>, keys: &[&K]) -> Result<Vec<Foretold<V>>> {
        self.foretell_with(owner, keys, false)
    }

    fn foretell_and_claim(&self, owner: Option<&[u8]>, keys: &[&K]) -> Result<Vec<Foretold<V>>> {
        self.foretell_with(owner, keys, true)
    }

    fn begin_all(&self, owner: Option<&[u8]>, keys: &[&K]) -> Result<Vec<Begun<K, V>>> {
        let keys = self.encoded(keys)?;
        let mut commands = Commands::default();
        if let Some(owner) = owner {
            claims::add_needs(&mut commands, &self.shared, owner, &keys);
        }
        let before = commands.len();
        let tokens: Vec<_> =
            keys.chunks(CLAIMED_AT_ONCE).map(|keys| claims::add_ask_all(&mut commands, &self.shared, keys)).collect();
        let mut answers = self.shared.pool.ask(&commands)?.into_iter().skip(before);
        let mut begun = Vec::with_capacity(keys.len());
        for (keys, token) in keys.chunks(CLAIMED_AT_ONCE).zip(tokens) {
            for (key, answer) in keys.iter().zip(claims::answers_of(&self.shared, answers.next(), keys.len(), token)) {
                begun.push(match self.answered(key, answer) {
                    Ok(Some(answered)) => answered.begun(),
                    // Whoever needs it asks again, and is told what is wrong. The others are claimed by now.
                    Ok(None) | Err(_) => Begun::Taken { needs: Vec::new(), seen: 0 },
                });
            }
        }
        Ok(begun)
    }

    fn needs(&self, key: &[u8], needed: &[&K]) -> Result<()> {
        let needed = self.encoded(needed)?;
        claims::needs(&self.shared, key, &needed)
    }

    fn give_up(&self, key: &K) {
        if let Ok(key) = self.codec.encode_key(key)
            && let Some(token) = self.shared.claims.token(&key)
        {
            // What cannot be told now ends with its lease.
            let _ = claims::release(&self.shared, &key, token);
        }
    }

    fn stir(&self, key: &K) {
        if let Ok(key) = self.codec.encode_key(key) {
            self.shared.events.stir(&key);
        }
    }

    fn claims_all(&self) -> bool {
        self.claims_all
    }

    fn bytes(&self, key: &K) -> Vec<u8> {
        self.codec.encode_key(key).unwrap_or_default()
    }

    fn member(&self) -> u64 {
        claims::member(&self.shared)
    }
}
