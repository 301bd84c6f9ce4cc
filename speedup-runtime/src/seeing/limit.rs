//! One bound for all caches of the program.

use std::{
    collections::HashMap,
    fmt,
    str::FromStr,
    sync::{
        Arc, LazyLock, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use crate::{
    clock,
    seeing::registry::{self, Used},
    sync::lock_std,
    timer,
};

/// What all caches may take, in bytes. Relaxed: a number of its own.
static LIMIT: AtomicU64 = AtomicU64::new(NONE);
/// Whether a look is on the timer's agenda. `AcqRel` where it is set: exactly one puts it there.
static DUE: AtomicBool = AtomicBool::new(false);
/// How much each cache has been used, by its place on the list.
static LATELY: LazyLock<Mutex<HashMap<usize, Use>>> = LazyLock::new(Mutex::default);

const NONE: u64 = u64::MAX;
/// Tables that have grown are looked at together, so long after the first of them.
const SOON: u64 = 10_000_000;

/// How much a cache has been used.
#[derive(Clone, Copy, Default)]
struct Use {
    /// Calls up to the last look.
    counted: u64,
    /// Calls before it, each look counting for half of the one after it.
    lately: u64,
}

/// What a cache takes, and how often it has been called.
pub(crate) struct Held {
    pub(crate) bytes: usize,
    pub(crate) calls: u64,
}

/// Bounds what all caches of the program take together, from now on: `"512 MiB"`, or a number of bytes. `u64::MAX` lifts it.
///
/// **What is measured** are the tables of all caches, of every kind, with their keys and values: what [`memory`](crate::memory) says, without buffers. What
/// values own elsewhere (the text of a `String`) is not known and not in it: a `capacity` in bytes with a `weight` is for those.
///
/// **When**: some milliseconds after a table has grown, on a thread of its own, which is there only then. What is computed meanwhile comes on top.
///
/// **How exact**: after such a look the tables take no more than the limit. Between two of them, some 15 ms, there may be as much more as is computed in that time. Whole
/// caches give way, so what is left may be much less than the limit: nothing, where there is one cache.
///
/// **Who gives way**: as long as it is too much, the cache that was used least for what it takes, by its calls of late for each byte, forgets all its values, as
/// [`clear`](crate::Cache::clear) does it, bounded or not. So what is used much keeps its values, what is used little is computed
/// again when it is needed. Calls that are running are not disturbed, but their values, and those of a recursion that does not fit, are not kept: as with a bound that is too small,
/// that can cost as much as no cache. A cache that is part of a call (`scoped`) goes with it, and is left alone; buffers lend their values, and keep them.
///
/// # Complexity
/// A hit is not touched. A look is O(caches + bytes / 16 KiB).
///
/// # Panics
/// If the text is no size: read one that comes from outside with `text.parse::<Bytes>()`.
///
/// # Examples
/// ```
/// use speedup_runtime::{limit, seeing::Bytes};
///
/// limit("512 MiB");
/// limit(1_u64 << 30);
/// let from_outside = "2 GB".parse::<Bytes>();
/// assert_eq!(from_outside, Ok(Bytes(2_000_000_000)));
/// assert!("a lot".parse::<Bytes>().is_err());
/// ```
pub fn limit(size: impl Size) {
    LIMIT.store(size.bytes(), Ordering::Relaxed);
    grown();
}

/// A table has grown: to be looked at soon, if there is a limit.
#[inline]
pub(crate) fn grown() {
    if LIMIT.load(Ordering::Relaxed) != NONE {
        look_soon();
    }
}

#[cold]
#[inline(never)]
fn look_soon() {
    if DUE.load(Ordering::Relaxed) || DUE.swap(true, Ordering::AcqRel) {
        return;
    }
    timer::at(clock::now().saturating_add(SOON), Box::new(look));
}

/// Has caches forget their values until what is left fits.
fn look() {
    DUE.store(false, Ordering::Release);
    let limit = LIMIT.load(Ordering::Relaxed);
    let mut caches = used_lately();
    caches.retain(|cache| cache.bytes > 0);
    let mut total: u64 = caches.iter().map(|cache| cache.bytes).sum();
    if total <= limit {
        return;
    }
    // By uses for each byte, without dividing.
    caches.sort_by(|a, b| (a.lately * u128::from(b.bytes)).cmp(&(b.lately * u128::from(a.bytes))));
    for cache in caches {
        if total <= limit {
            return;
        }
        cache.used.empty();
        total -= cache.bytes;
    }
}

/// A cache that can forget what it has.
struct Candidate {
    used: Arc<dyn Used>,
    bytes: u64,
    lately: u128,
}

/// All caches that can, and how much they have been used of late.
fn used_lately() -> Vec<Candidate> {
    // Looked at without the lock: what has gone meanwhile is dropped, with users' code.
    let held: Vec<_> =
        registry::all().into_iter().filter_map(|(place, used)| Some((place, used.held()?, used))).collect();
    let mut uses = lock_std(&LATELY);
    let old = std::mem::take(&mut *uses);
    let candidates = held.into_iter().map(|(place, held, used)| {
        let before = old.get(&place).copied().unwrap_or_default();
        // Fewer than before: it is another cache, or its counts were set back.
        let new = held.calls.checked_sub(before.counted);
        let lately = new.map_or(held.calls, |new| new + before.lately / 2);
        uses.insert(place, Use { counted: held.calls, lately });
        Candidate { used, bytes: held.bytes as u64, lately: u128::from(lately) }
    });
    candidates.collect()
}

/// A size that [`limit`] takes: a number of bytes, or a text such as `"512 MiB"`.
pub trait Size {
    /// The size in bytes.
    fn bytes(self) -> u64;
}

/// A number of bytes, which can be read from a text: a number with `B`, `kB`, `KiB`, `MB`, `MiB`, `GB`, `GiB`, `TB` or `TiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bytes(pub u64);

/// A text is no size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoSize(String);

impl fmt::Display for NoSize {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "`{}` is no size: write a number with its unit such as `512 MiB`, in B, kB, KiB, MB, MiB, GB, GiB, TB or TiB",
            self.0
        )
    }
}

impl std::error::Error for NoSize {}

impl FromStr for Bytes {
    type Err = NoSize;

    fn from_str(text: &str) -> Result<Self, NoSize> {
        let text = text.trim();
        let end = text.find(|letter: char| !letter.is_ascii_digit() && letter != '_').unwrap_or(text.len());
        let factor = match text[end..].trim() {
            "" | "B" => Some(1),
            "kB" => Some(1_000),
            "KiB" => Some(1 << 10),
            "MB" => Some(1_000_000),
            "MiB" => Some(1 << 20),
            "GB" => Some(1_000_000_000),
            "GiB" => Some(1 << 30),
            "TB" => Some(1_000_000_000_000),
            "TiB" => Some(1 << 40),
            _ => None,
        };
        let number = text[..end].replace('_', "").parse::<u64>().ok();
        let bytes = number.zip(factor).and_then(|(number, factor)| number.checked_mul(factor));
        bytes.map(Self).ok_or_else(|| NoSize(text.to_owned()))
    }
}

impl Size for Bytes {
    fn bytes(self) -> u64 {
        self.0
    }
}

impl Size for u64 {
    fn bytes(self) -> u64 {
        self
    }
}

impl Size for usize {
    fn bytes(self) -> u64 {
        self as u64
    }
}

impl Size for &str {
    #[track_caller]
    fn bytes(self) -> u64 {
        match self.parse::<Bytes>() {
            Ok(Bytes(bytes)) => bytes,
            Err(error) => std::panic::panic_any(error.to_string()),
        }
    }
}
