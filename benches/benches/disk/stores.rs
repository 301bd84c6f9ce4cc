//! The contenders: maps from `u64` to `f64`, each with the settings its manual suggests for bounded memory.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use redb::{ReadableDatabase, ReadableTable};
use speedup::disk::DiskDict;

/// A map on disk, as the benchmark uses it.
pub trait Store {
    fn insert(&mut self, key: u64, value: f64);
    fn get(&mut self, key: u64) -> Option<f64>;
    /// How many items there are, and their sum in order.
    fn sum(&mut self) -> (usize, f64);
    /// Makes everything durable and closes.
    fn close(self: Box<Self>);
    /// Gives space back; false if there is no such thing.
    fn compact(&mut self) -> bool {
        false
    }
}

/// The contenders by name, without `speedup`.
pub const PEERS: [&str; 5] = ["sled", "sled1", "redb", "fjall", "BTreeMap"];

/// Opens the contender `name` in `folder`.
pub fn open(name: &str, folder: &Path) -> Box<dyn Store> {
    match name {
        "speedup" => Box::new(Ours(DiskDict::builder("bench").location(folder).open().unwrap())),
        "sled" => {
            let config = sled::Config::new().path(folder.join("sled")).cache_capacity(16 << 20);
            Box::new(Sled(config.open().unwrap()))
        }
        "sled1" => {
            let config = sled1::Config::new().path(folder.join("sled1")).cache_capacity_bytes(16 << 20);
            Box::new(Sled1(config.open().unwrap()))
        }
        "redb" => Box::new(Redb::open(folder.join("redb"))),
        "fjall" => {
            let database = fjall::Database::builder(folder.join("fjall")).cache_size(16 << 20).open().unwrap();
            let items = database.keyspace("items", fjall::KeyspaceCreateOptions::default).unwrap();
            Box::new(Fjall { database, items })
        }
        "BTreeMap" => Box::new(Std(BTreeMap::new())),
        _ => unreachable!("no contender {name}"),
    }
}

struct Ours(DiskDict<u64, f64>);

impl Store for Ours {
    fn insert(&mut self, key: u64, value: f64) {
        self.0.insert(key, value).unwrap();
    }

    fn get(&mut self, key: u64) -> Option<f64> {
        self.0.get(&key).unwrap()
    }

    fn sum(&mut self) -> (usize, f64) {
        self.0.iter().map(Result::unwrap).fold((0, 0.0), |(count, sum), (_, value)| (count + 1, sum + value))
    }

    fn close(self: Box<Self>) {
        self.0.close().unwrap();
    }

    fn compact(&mut self) -> bool {
        self.0.compact().unwrap();
        true
    }
}

struct Sled(sled::Db);

fn float(bytes: &[u8]) -> f64 {
    f64::from_le_bytes(bytes.try_into().unwrap())
}

impl Store for Sled {
    fn insert(&mut self, key: u64, value: f64) {
        self.0.insert(key.to_be_bytes(), &value.to_le_bytes()).unwrap();
    }

    fn get(&mut self, key: u64) -> Option<f64> {
        self.0.get(key.to_be_bytes()).unwrap().map(|bytes| float(&bytes))
    }

    fn sum(&mut self) -> (usize, f64) {
        self.0.iter().fold((0, 0.0), |(count, sum), item| (count + 1, sum + float(&item.unwrap().1)))
    }

    fn close(self: Box<Self>) {
        self.0.flush().unwrap();
    }
}

/// The alpha of 1.0.
struct Sled1(sled1::Db);

impl Store for Sled1 {
    fn insert(&mut self, key: u64, value: f64) {
        self.0.insert(key.to_be_bytes(), value.to_le_bytes()).unwrap();
    }

    fn get(&mut self, key: u64) -> Option<f64> {
        self.0.get(key.to_be_bytes()).unwrap().map(|bytes| float(&bytes))
    }

    fn sum(&mut self) -> (usize, f64) {
        self.0.iter().fold((0, 0.0), |(count, sum), item| (count + 1, sum + float(&item.unwrap().1)))
    }

    fn close(self: Box<Self>) {
        self.0.flush().unwrap();
    }
}

const ITEMS: redb::TableDefinition<'static, u64, f64> = redb::TableDefinition::new("items");
/// How many inserts of redb share a transaction.
const TRANSACTION: usize = 10_000;

struct Redb {
    database: redb::Database,
    waiting: Vec<(u64, f64)>,
    reading: Option<redb::ReadOnlyTable<u64, f64>>,
}

impl Redb {
    fn open(path: PathBuf) -> Self {
        let database = redb::Database::builder().set_cache_size(16 << 20).create(path).unwrap();
        Redb { database, waiting: Vec::new(), reading: None }
    }

    fn commit(&mut self, durability: redb::Durability) {
        let mut writing = self.database.begin_write().unwrap();
        writing.set_durability(durability).unwrap();
        let mut table = writing.open_table(ITEMS).unwrap();
        for (key, value) in self.waiting.drain(..) {
            table.insert(key, value).unwrap();
        }
        drop(table);
        writing.commit().unwrap();
    }

    fn table(&mut self) -> &redb::ReadOnlyTable<u64, f64> {
        self.reading.get_or_insert_with(|| self.database.begin_read().unwrap().open_table(ITEMS).unwrap())
    }
}

impl Store for Redb {
    fn insert(&mut self, key: u64, value: f64) {
        self.waiting.push((key, value));
        if self.waiting.len() == TRANSACTION {
            self.commit(redb::Durability::None);
        }
    }

    fn get(&mut self, key: u64) -> Option<f64> {
        self.table().get(key).unwrap().map(|value| value.value())
    }

    fn sum(&mut self) -> (usize, f64) {
        let items = self.table().iter().unwrap();
        items.fold((0, 0.0), |(count, sum), item| (count + 1, sum + item.unwrap().1.value()))
    }

    fn close(mut self: Box<Self>) {
        self.reading = None;
        self.commit(redb::Durability::Immediate);
    }

    fn compact(&mut self) -> bool {
        self.database.compact().unwrap();
        true
    }
}

struct Fjall {
    database: fjall::Database,
    items: fjall::Keyspace,
}

impl Store for Fjall {
    fn insert(&mut self, key: u64, value: f64) {
        self.items.insert(key.to_be_bytes(), value.to_le_bytes()).unwrap();
    }

    fn get(&mut self, key: u64) -> Option<f64> {
        self.items.get(key.to_be_bytes()).unwrap().map(|bytes| float(&bytes))
    }

    fn sum(&mut self) -> (usize, f64) {
        self.items.iter().fold((0, 0.0), |(count, sum), item| (count + 1, sum + float(&item.into_inner().unwrap().1)))
    }

    fn close(self: Box<Self>) {
        self.database.persist(fjall::PersistMode::SyncAll).unwrap();
    }

    fn compact(&mut self) -> bool {
        self.items.major_compact().unwrap();
        true
    }
}

struct Std(BTreeMap<u64, f64>);

impl Store for Std {
    fn insert(&mut self, key: u64, value: f64) {
        self.0.insert(key, value);
    }

    fn get(&mut self, key: u64) -> Option<f64> {
        self.0.get(&key).copied()
    }

    fn sum(&mut self) -> (usize, f64) {
        self.0.values().fold((0, 0.0), |(count, sum), value| (count + 1, sum + value))
    }

    fn close(self: Box<Self>) {}
}
