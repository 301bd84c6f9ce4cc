//! A leaf: the encoded items of one page, read in place.
//!
//! Body, after the page header: `count: u32, prefix: u16, key: u16, value: u16, flags: u16`, the prefix that all keys share,
//! the ends of the key suffixes (`u16` each, `u32` in a page of 64 KiB or more; absent if `key` says that all have that length), the ends of the values (likewise),
//! one bit an item telling which values live outside (absent unless the flag says so), the suffixes, the values.
//! All numbers are little endian.

use std::cmp::Ordering;

use crate::sync::Arc;

/// The bytes a page header takes in front of the body.
pub(crate) const HEADER: usize = 32;
/// The fixed part of the body.
const FIXED: usize = 12;
/// In place of a length: the items differ in length.
const VARIES: u16 = u16::MAX;
/// The flag that says that some value lives outside.
const OUTSIDE: u16 = 1;

/// A stored value: its bytes, or a reference to the pages that hold them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Val<'a> {
    pub(crate) bytes: &'a [u8],
    /// `bytes` is an encoded [`Blob`](super::blob::Blob).
    pub(crate) outside: bool,
}

/// An item on its way into a leaf; the key is `prefix` followed by `suffix`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Item<'a> {
    pub(crate) prefix: &'a [u8],
    pub(crate) suffix: &'a [u8],
    pub(crate) val: Val<'a>,
}

impl Item<'_> {
    /// About how many bytes it takes in a page.
    pub(crate) fn weight(&self) -> usize {
        self.prefix.len() + self.suffix.len() + self.val.bytes.len() + 4
    }

    pub(crate) fn key(&self) -> Vec<u8> {
        [self.prefix, self.suffix].concat()
    }
}

/// Where a table of items lies: `count` slices from `data`, all of one length or with their ends listed at `ends`.
#[derive(Clone, Copy, Debug)]
struct Table {
    fixed: u16,
    /// Bytes of an end.
    wide: usize,
    ends: usize,
    data: usize,
}

/// Bytes of an end in a page of `size` bytes.
fn width(size: usize) -> usize {
    if size > usize::from(u16::MAX) { 4 } else { 2 }
}

impl Table {
    #[inline]
    fn end(&self, page: &[u8], index: usize) -> usize {
        let at = self.ends + index * self.wide;
        match page.get(at..at + self.wide) {
            Some(&[a, b]) => usize::from(u16::from_le_bytes([a, b])),
            Some(&[a, b, c, d]) => u32::from_le_bytes([a, b, c, d]) as usize,
            _ => 0,
        }
    }

    #[inline]
    fn get<'a>(&self, page: &'a [u8], index: usize) -> &'a [u8] {
        let (from, to) = if self.fixed == VARIES {
            (if index == 0 { 0 } else { self.end(page, index - 1) }, self.end(page, index))
        } else {
            let len = self.fixed as usize;
            (index * len, (index + 1) * len)
        };
        page.get(self.data + from..self.data + to).unwrap_or_default()
    }

    /// Where the data of `count` items end.
    fn limit(&self, page: &[u8], count: usize) -> usize {
        self.data
            + match (count, self.fixed) {
                (0, _) => 0,
                (_, VARIES) => self.end(page, count - 1),
                (_, len) => count * len as usize,
            }
    }
}

/// One decoded page of items.
#[derive(Clone, Debug)]
pub(crate) struct Leaf {
    /// The page, header included; the header is filled in when it is written.
    page: Vec<u8>,
    count: usize,
    prefix: usize,
    keys: Table,
    vals: Table,
    /// Where the bits of the values that live outside start.
    outside: Option<usize>,
}

impl Leaf {
    /// Reads a page; `None` if its parts do not add up.
    pub(crate) fn parse(page: Vec<u8>) -> Option<Self> {
        let half = |at: usize| page.get(at..at + 2).map(|raw| u16::from_le_bytes([raw[0], raw[1]]));
        let count = u32::from_le_bytes(page.get(HEADER..HEADER + 4)?.try_into().ok()?) as usize;
        let [prefix, key, value, flags] = [half(HEADER + 4)?, half(HEADER + 6)?, half(HEADER + 8)?, half(HEADER + 10)?];
        let (prefix, wide) = (prefix as usize, width(page.len()));
        let mut at = HEADER + FIXED + prefix;
        let mut table = |fixed| {
            let ends = at;
            at += if fixed == VARIES { count.checked_mul(wide)? } else { 0 };
            Some(Table { fixed, wide, ends, data: 0 })
        };
        let (mut keys, mut vals) = (table(key)?, table(value)?);
        let outside = (flags & OUTSIDE != 0).then_some(at);
        at += if outside.is_some() { count.div_ceil(8) } else { 0 };
        keys.data = at;
        vals.data = keys.limit(&page, count);
        let whole = vals.limit(&page, count) == page.len() && vals.data <= page.len();
        whole.then_some(Leaf { page, count, prefix, keys, vals, outside })
    }

    /// Which leaf it is, and in the lowest byte how often it was split: the same in each version of it in between, whatever slot that
    /// lies in; 0 if it has no number yet.
    pub(crate) fn id(&self) -> u64 {
        u64::from_le_bytes(self.page[HEADER - 8..HEADER].try_into().unwrap_or_default()) >> 8
    }

    pub(crate) fn set_id(&mut self, id: u64) {
        self.page[HEADER - 7..HEADER].copy_from_slice(&id.to_le_bytes()[..7]);
    }

    /// The memory of a page that nobody else looks at, for another one.
    pub(crate) fn room(leaf: Arc<Self>) -> Vec<u8> {
        Arc::try_unwrap(leaf).map_or_else(|_| Vec::new(), |leaf| leaf.page)
    }

    /// The page; of its header, only the number of the leaf is filled in.
    pub(crate) fn page(&self) -> &[u8] {
        &self.page
    }

    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// How many bytes of a page it fills.
    pub(crate) fn size(&self) -> usize {
        self.page.len()
    }

    /// How many bytes of memory its page takes.
    pub(crate) fn memory(&self) -> usize {
        self.page.capacity()
    }

    pub(crate) fn prefix(&self) -> &[u8] {
        &self.page[HEADER + FIXED..HEADER + FIXED + self.prefix]
    }

    #[inline]
    pub(crate) fn suffix(&self, index: usize) -> &[u8] {
        self.keys.get(&self.page, index)
    }

    #[inline]
    pub(crate) fn val(&self, index: usize) -> Val<'_> {
        let outside = self.outside.is_some_and(|at| self.page[at + index / 8] >> (index % 8) & 1 == 1);
        Val { bytes: self.vals.get(&self.page, index), outside }
    }

    pub(crate) fn item(&self, index: usize) -> Item<'_> {
        Item { prefix: self.prefix(), suffix: self.suffix(index), val: self.val(index) }
    }

    pub(crate) fn items(&self) -> impl DoubleEndedIterator<Item = Item<'_>> {
        (0..self.count).map(|index| self.item(index))
    }

    /// Puts the key of an item into `out`, replacing what it held.
    #[inline]
    pub(crate) fn key_into(&self, index: usize, out: &mut Vec<u8>) {
        out.clear();
        out.extend_from_slice(self.prefix());
        out.extend_from_slice(self.suffix(index));
    }

    /// The index of a key, or where it would stand.
    pub(crate) fn search(&self, key: &[u8]) -> Result<usize, usize> {
        let prefix = self.prefix();
        let shared = key.len().min(prefix.len());
        match key[..shared].cmp(&prefix[..shared]) {
            Ordering::Less => return Err(0),
            Ordering::Greater => return Err(self.count),
            Ordering::Equal if shared < prefix.len() => return Err(0),
            Ordering::Equal => {}
        }
        let rest = &key[shared..];
        let (mut low, mut high) = (0, self.count);
        while low < high {
            let middle = low.midpoint(high);
            match self.suffix(middle).cmp(rest) {
                Ordering::Less => low = middle + 1,
                Ordering::Greater => high = middle,
                Ordering::Equal => return Ok(middle),
            }
        }
        Err(low)
    }

    /// Encodes items that are in order; the header is left empty.
    pub(crate) fn build(items: &[Item<'_>]) -> Self {
        let plan = Plan::of(items);
        let (size, wide) = (plan.size(), plan.wide());
        let mut page = Vec::with_capacity(size);
        page.resize(HEADER, 0);
        page.extend_from_slice(&(items.len() as u32).to_le_bytes());
        for number in [plan.prefix as u16, plan.key, plan.value, if plan.outside { OUTSIDE } else { 0 }] {
            page.extend_from_slice(&number.to_le_bytes());
        }
        if let Some(first) = items.first() {
            push_from(&mut page, first, 0, plan.prefix);
        }
        if plan.key == VARIES {
            ends(&mut page, wide, items.iter().map(|item| item.prefix.len() + item.suffix.len() - plan.prefix));
        }
        if plan.value == VARIES {
            ends(&mut page, wide, items.iter().map(|item| item.val.bytes.len()));
        }
        let bits = plan.outside.then_some(page.len());
        page.resize(page.len() + if plan.outside { items.len().div_ceil(8) } else { 0 }, 0);
        let keys = page.len();
        for item in items {
            push_from(&mut page, item, plan.prefix, usize::MAX);
        }
        let vals = page.len();
        for (index, item) in items.iter().enumerate() {
            page.extend_from_slice(item.val.bytes);
            if let (true, Some(at)) = (item.val.outside, bits) {
                page[at + index / 8] |= 1 << (index % 8);
            }
        }
        let start = HEADER + FIXED + plan.prefix;
        let key_ends = if plan.key == VARIES { items.len() * wide } else { 0 };
        Leaf {
            page,
            count: items.len(),
            prefix: plan.prefix,
            keys: Table { fixed: plan.key, wide, ends: start, data: keys },
            vals: Table { fixed: plan.value, wide, ends: start + key_ends, data: vals },
            outside: bits,
        }
    }
}

/// Changing one item of a list's leaf without taking it apart.
impl Leaf {
    /// The same leaf with the item at `at` taken out if `remove`, and `val` put there; `None` where that is not simple, or
    /// would not fit into `limit` bytes.
    pub(crate) fn spliced(&self, at: usize, remove: bool, val: Option<Val<'_>>, limit: usize) -> Option<Self> {
        let plain = self.prefix == 0 && self.keys.fixed == 0 && self.outside.is_none() && self.count > 1;
        let len = val.map_or(0, |val| val.bytes.len());
        let added = usize::from(val.is_some());
        let count = self.count + added - usize::from(remove);
        let even = self.vals.fixed != VARIES && (val.is_none() || len == usize::from(self.vals.fixed));
        let uneven = self.vals.fixed == VARIES && self.vals.wide == 2;
        if !plain || val.is_some_and(|val| val.outside) || !(even || uneven) || at + usize::from(remove) > self.count {
            return None;
        }
        let start = |index: usize| match (index, uneven) {
            (0, _) => 0,
            (_, true) => self.vals.end(&self.page, index - 1),
            _ => index * usize::from(self.vals.fixed),
        };
        let (from, to) = (start(at), start(at + usize::from(remove)));
        let old = &self.page[self.vals.data..];
        let ends = if uneven { count * 2 } else { 0 };
        let size = HEADER + FIXED + ends + old.len() + len - (to - from);
        if size > limit.min(usize::from(u16::MAX)) {
            return None;
        }
        let mut page = Vec::with_capacity(size);
        page.extend_from_slice(&self.page[..HEADER + FIXED]);
        page[HEADER..HEADER + 4].copy_from_slice(&(count as u32).to_le_bytes());
        if uneven {
            page.extend_from_slice(&self.page[self.vals.ends..self.vals.ends + 2 * at]);
            if added == 1 {
                page.extend_from_slice(&((from + len) as u16).to_le_bytes());
            }
            for index in at + usize::from(remove)..self.count {
                let end = self.vals.end(&self.page, index) + len - (to - from);
                page.extend_from_slice(&(end as u16).to_le_bytes());
            }
        }
        let data = page.len();
        page.extend_from_slice(&old[..from]);
        page.extend_from_slice(val.map_or(&[], |val| val.bytes));
        page.extend_from_slice(&old[to..]);
        let (keys, vals) = (Table { data, ..self.keys }, Table { data, ..self.vals });
        Some(Leaf { page, count, prefix: 0, keys, vals, outside: None })
    }
}

/// Appends the bytes `from..to` of the key of `item`.
#[inline]
fn push_from(page: &mut Vec<u8>, item: &Item<'_>, from: usize, to: usize) {
    let cut = item.prefix.len();
    if from < cut {
        page.extend_from_slice(&item.prefix[from..cut.min(to)]);
    }
    let to = to.saturating_sub(cut).min(item.suffix.len());
    let from = from.saturating_sub(cut);
    if from < to {
        page.extend_from_slice(&item.suffix[from..to]);
    }
}

fn ends(page: &mut Vec<u8>, wide: usize, lengths: impl Iterator<Item = usize>) {
    let mut end = 0;
    for length in lengths {
        end += length as u32;
        page.extend_from_slice(&end.to_le_bytes()[..wide]);
    }
}

/// How items will be laid out.
#[derive(Debug)]
pub(crate) struct Plan {
    count: usize,
    prefix: usize,
    key: u16,
    value: u16,
    outside: bool,
    key_bytes: usize,
    value_bytes: usize,
}

impl Plan {
    /// The plan for items that are in order.
    pub(crate) fn of(items: &[Item<'_>]) -> Self {
        let prefix = match (items.first(), items.last()) {
            (Some(first), Some(last)) => shared_prefix(first, last).min(usize::from(u16::MAX)),
            _ => 0,
        };
        let mut plan =
            Plan { count: items.len(), prefix, key: 0, value: 0, outside: false, key_bytes: 0, value_bytes: 0 };
        for (index, item) in items.iter().enumerate() {
            let key = item.prefix.len() + item.suffix.len() - prefix;
            plan.key = agreed(plan.key, key, index);
            plan.value = agreed(plan.value, item.val.bytes.len(), index);
            plan.key_bytes += key;
            plan.value_bytes += item.val.bytes.len();
            plan.outside |= item.val.outside;
        }
        plan
    }

    /// The encoded size, header included.
    pub(crate) fn size(&self) -> usize {
        self.size_with(self.wide())
    }

    fn wide(&self) -> usize {
        width(self.size_with(2))
    }

    fn size_with(&self, wide: usize) -> usize {
        let table = |fixed| if fixed == VARIES { self.count * wide } else { 0 };
        let bits = if self.outside { self.count.div_ceil(8) } else { 0 };
        HEADER + FIXED + self.prefix + table(self.key) + table(self.value) + bits + self.key_bytes + self.value_bytes
    }
}

/// The common length so far, given the length of item `index`.
#[inline]
fn agreed(fixed: u16, len: usize, index: usize) -> u16 {
    match u16::try_from(len) {
        Ok(len) if len != VARIES && (index == 0 || len == fixed) => len,
        _ => VARIES,
    }
}

fn shared_prefix(first: &Item<'_>, last: &Item<'_>) -> usize {
    if std::ptr::eq(first.prefix, last.prefix) {
        return first.prefix.len() + common(first.suffix, last.suffix);
    }
    common(&first.key(), &last.key())
}

/// How many bytes two strings share at the front.
#[inline]
pub(crate) fn common(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}
