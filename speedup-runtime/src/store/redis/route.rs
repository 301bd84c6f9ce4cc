//! Which server a store asks: the one that was named, the one that sentinels name, or the one of a cluster that has the store's keys.
//!
//! All keys of a store lie in one slot of a cluster, since their names have the same tag. So groups, claims and messages are what they are with
//! one server, and different functions lie on different nodes.

use std::io::{self, ErrorKind as Io};

use redis::{Client, ConnectionLike as _, ErrorKind, IntoConnectionInfo as _, RedisError, Value};

use super::pool::{Commands, Timeouts};

/// The ways to a server.
pub(super) enum Route {
    /// This one.
    One(Box<Client>),
    /// The master of this name.
    Sentinels { seeds: Vec<Address>, master: String },
    /// The node that has the slot of this tag.
    Cluster { seeds: Vec<Address>, tag: String },
}

/// What is needed to connect to a server, beside its host and port.
#[derive(Clone)]
pub(super) struct Address {
    /// `redis` or `rediss`.
    scheme: String,
    /// `user:password@`, or nothing.
    who: String,
    /// `host:port`
    host: String,
    /// `/db` and `#insecure`, or nothing.
    rest: String,
}

impl Address {
    fn client(&self) -> Result<Client, RedisError> {
        let Self { scheme, who, host, rest } = self;
        client(&format!("{scheme}://{who}{host}{rest}"))
    }

    /// Another server of the same kind.
    fn at(&self, host: &str, port: i64) -> Self {
        let host = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
        Self { host, ..self.clone() }
    }

    /// The host alone.
    fn bare_host(&self) -> &str {
        self.host.rsplit_once(':').map_or(&*self.host, |(host, _)| host).trim_matches(['[', ']'])
    }
}

impl Route {
    /// The way that an address says; `tag` is what the names of all keys begin with in a cluster.
    pub(super) fn of(address: &str, tag: &str) -> Result<Self, RedisError> {
        let Some((scheme, rest)) = address.split_once("://") else { return one(address) };
        match scheme {
            "redis-cluster" | "rediss-cluster" => {
                Ok(Route::Cluster { seeds: seeds(scheme, rest, "")?, tag: tag.to_owned() })
            }
            "redis-sentinel" | "rediss-sentinel" => {
                let Some((rest, master)) = rest.rsplit_once('#').filter(|(_, master)| !master.is_empty()) else {
                    return Err(invalid("name the master behind the sentinels: `redis-sentinel://host:26379#master`"));
                };
                let (hosts, db) =
                    rest.split_once('/').map_or((rest, String::new()), |(hosts, db)| (hosts, format!("/{db}")));
                Ok(Route::Sentinels { seeds: seeds(scheme, hosts, &db)?, master: master.to_owned() })
            }
            _ => one(address),
        }
    }

    /// As errors call it; without a password.
    pub(super) fn name(&self) -> String {
        let hosts = |seeds: &[Address]| seeds.iter().map(|seed| &*seed.host).collect::<Vec<_>>().join(", ");
        match self {
            Route::One(client) => format!("redis at {}", client.get_connection_info().addr()),
            Route::Sentinels { seeds, master } => format!("redis master {master} of the sentinels at {}", hosts(seeds)),
            Route::Cluster { seeds, .. } => format!("redis cluster at {}", hosts(seeds)),
        }
    }

    /// Whether names of keys need a tag.
    pub(super) fn is_cluster(address: &str) -> bool {
        address.starts_with("redis-cluster://") || address.starts_with("rediss-cluster://")
    }

    /// Finds the server: the first of those that are named who can tell is believed.
    pub(super) fn find(&self, timeouts: Timeouts) -> Result<Client, RedisError> {
        let seeds = match self {
            Route::One(client) => return Ok((**client).clone()),
            Route::Sentinels { seeds, .. } | Route::Cluster { seeds, .. } => seeds,
        };
        let mut failed = None;
        for seed in seeds {
            let found = match self {
                Route::Sentinels { master, .. } => master_of(seed, master, timeouts),
                Route::Cluster { tag, .. } => owner_of(seed, tag, timeouts),
                Route::One(_) => continue,
            };
            match found {
                Ok(found) => return found.client(),
                Err(error) => failed = Some(error),
            }
        }
        Err(failed.unwrap_or_else(|| invalid("no servers")))
    }
}

fn one(address: &str) -> Result<Route, RedisError> {
    if cfg!(not(feature = "redis-tls")) && ["rediss://", "valkeys://"].iter().any(|tls| address.starts_with(tls)) {
        return Err(without_tls());
    }
    Ok(Route::One(Box::new(client(address)?)))
}

/// A client whose connections do not introduce themselves: a server that says nothing would be waited for twice more, and one that answers once more.
fn client(address: &str) -> Result<Client, RedisError> {
    let server = address.into_connection_info()?;
    let settings = server.redis_settings().clone().set_skip_set_lib_name();
    Client::open(server.set_redis_settings(settings))
}

fn invalid(why: &'static str) -> RedisError {
    (ErrorKind::InvalidClientConfig, why).into()
}

fn without_tls() -> RedisError {
    invalid("TLS needs the feature `redis-tls` of speedup")
}

/// The servers of `user:password@host:port,host:port`.
fn seeds(scheme: &str, text: &str, rest: &str) -> Result<Vec<Address>, RedisError> {
    let scheme = scheme.split('-').next().unwrap_or_default();
    if cfg!(not(feature = "redis-tls")) && scheme == "rediss" {
        return Err(without_tls());
    }
    let (who, hosts) = text.rsplit_once('@').map_or(("", text), |(who, hosts)| (who, hosts));
    let who = if who.is_empty() { String::new() } else { format!("{who}@") };
    let hosts = hosts.trim_end_matches('/').split(',').map(str::trim);
    let address = |host: &str| {
        let (scheme, who) = (scheme.to_owned(), who.clone());
        let host = if host.ends_with(|last: char| last.is_ascii_digit()) && host.contains(':') {
            host.to_owned()
        } else {
            format!("{host}:6379")
        };
        let address = Address { scheme, who, host, rest: rest.to_owned() };
        address.client().map(|_| address)
    };
    hosts.map(address).collect()
}

/// Asks a server once, over a connection of its own.
fn ask(client: &Client, timeouts: Timeouts, words: &[&[u8]]) -> Result<Value, RedisError> {
    let mut connection = client.get_connection_with_timeout(timeouts.connect)?;
    connection.set_read_timeout(Some(timeouts.answer))?;
    connection.set_write_timeout(Some(timeouts.answer))?;
    match connection.req_packed_command(Commands::one(words).bytes())? {
        Value::ServerError(error) => Err(error.into()),
        value => Ok(value),
    }
}

/// Nobody is there who could be asked now.
fn nobody(why: impl Into<String>) -> RedisError {
    io::Error::new(Io::NotConnected, why.into()).into()
}

/// Where a sentinel says that a master is.
fn master_of(sentinel: &Address, master: &str, timeouts: Timeouts) -> Result<Address, RedisError> {
    // Passwords and databases are the master's.
    let asked = Address { who: String::new(), rest: String::new(), ..sentinel.clone() };
    let words: [&[u8]; 3] = [b"SENTINEL", b"GET-MASTER-ADDR-BY-NAME", master.as_bytes()];
    let found = ask(&asked.client()?, timeouts, &words)?;
    if let Value::Array(parts) = &found
        && let [host, port] = &parts[..]
        && let (Some(host), Some(port)) = (text(host), text(port).and_then(|port| port.parse().ok()))
    {
        return Ok(sentinel.at(host, port));
    }
    Err(nobody(format!("the sentinel at {} knows no master `{master}`", sentinel.host)))
}

/// Where a node of a cluster says that the keys of a tag are.
fn owner_of(node: &Address, tag: &str, timeouts: Timeouts) -> Result<Address, RedisError> {
    let client = node.client()?;
    let slot = ask(&client, timeouts, &[b"CLUSTER", b"KEYSLOT", tag.as_bytes()])?;
    let slots = ask(&client, timeouts, &[b"CLUSTER", b"SLOTS"])?;
    let (Value::Int(slot), Value::Array(slots)) = (slot, slots) else { return Err(nobody("no node of a cluster")) };
    for range in &slots {
        if let Value::Array(range) = range
            && let [Value::Int(first), Value::Int(last), Value::Array(master), ..] = &range[..]
            && (*first..=*last).contains(&slot)
            && let [host, Value::Int(port), ..] = &master[..]
        {
            // A node that does not know how it is reached is the one that was asked.
            let host = text(host).filter(|host| !host.is_empty()).unwrap_or_else(|| node.bare_host());
            return Ok(node.at(host, *port));
        }
    }
    Err(nobody(format!("no node of the cluster at {} has slot {slot}", node.host)))
}

fn text(value: &Value) -> Option<&str> {
    match value {
        Value::BulkString(bytes) => std::str::from_utf8(bytes).ok(),
        Value::SimpleString(text) => Some(text),
        _ => None,
    }
}

/// Whether an answer says that this is not the server to ask, or not any more.
pub(super) fn is_elsewhere(answer: &Value) -> bool {
    matches!(answer, Value::ServerError(error) if ["MOVED", "ASK", "READONLY", "CLUSTERDOWN", "MASTERDOWN"].contains(&error.code()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_say_the_way_and_names_hide_the_password() {
        let name = |address| Route::of(address, "tag").map(|route| route.name()).map_err(|error| error.to_string());
        assert_eq!(name("redis://:secret@10.0.0.1").unwrap(), "redis at 10.0.0.1:6379");
        assert_eq!(name("redis-cluster://u:se@cret@a:1,b").unwrap(), "redis cluster at a:1, b:6379");
        let of = "redis master main of the sentinels at a:26379, b:26379";
        assert_eq!(name("redis-sentinel://:secret@a:26379,b:26379/2#main").unwrap(), of);
        assert!(name("redis-sentinel://a:26379").unwrap_err().contains("name the master"));
        assert!(name("http://a").is_err() && name("redis-cluster://").is_err() && name("nothing").is_err());
    }

    #[cfg(not(feature = "redis-tls"))]
    #[test]
    fn without_the_feature_tls_is_an_error_that_names_it() {
        for address in ["rediss://a", "rediss-cluster://a", "rediss-sentinel://a#main"] {
            let error = Route::of(address, "tag").map(|route| route.name()).expect_err("there is no TLS");
            assert!(error.to_string().contains("redis-tls"), "{error}");
        }
    }
}
