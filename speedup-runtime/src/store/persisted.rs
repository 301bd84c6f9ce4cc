//! The values of a generator that also go to a list on disk: the next run begins with them.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use crate::disk::{DiskList, ListBuilder, Result, Value};

/// What `#[buffer(disk = ..)]` takes: the name of a [`DiskList`], or what opens one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no list on disk of `{T}`",
    note = "write `disk = \"name\"`, or `disk = DiskList::builder(\"name\").location(..)`"
)]
pub trait IntoList<T> {
    /// Opens the list.
    ///
    /// # Errors
    /// Those of [`ListBuilder::open`].
    fn into_list(self) -> Result<DiskList<T>>;
}

impl<T: Value> IntoList<T> for &str {
    fn into_list(self) -> Result<DiskList<T>> {
        DiskList::open(self)
    }
}

impl<T: Value> IntoList<T> for ListBuilder<T> {
    fn into_list(self) -> Result<DiskList<T>> {
        self.open()
    }
}

/// A generator that has begun.
type Running<T> = Box<dyn Iterator<Item = T> + Send>;

/// How the generator is begun again, given the last value.
type Resume<T> = Box<dyn FnOnce(&T) -> Running<T> + Send>;

/// The values of a generator: first those on disk, then those that it makes, which go there, too.
pub struct Persisted<T> {
    open: Option<Box<dyn FnOnce() -> Result<DiskList<T>> + Send>>,
    make: Option<Box<dyn FnOnce() -> Running<T> + Send>>,
    resume: Option<Resume<T>>,
    /// What tells the generator's source from others.
    source: &'static str,
    /// The list, as long as it takes values.
    list: Option<DiskList<T>>,
    /// How many of its values have been given.
    given: usize,
    /// Once there are no more values on disk.
    running: Option<Running<T>>,
    is_over: bool,
}

impl<T> std::fmt::Debug for Persisted<T> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Persisted").field("given", &self.given).finish_non_exhaustive()
    }
}

/// The values of `make`, on disk in `list`. A list that cannot be opened, or that something else has filled, is done without.
pub fn persisted<T, L, I>(list: L, source: &'static str, make: impl FnOnce() -> I + Send + 'static) -> Persisted<T>
where
    T: Value + Clone + Send + 'static,
    L: IntoList<T> + Send + 'static,
    I: IntoIterator<Item = T>,
    I::IntoIter: Send + 'static,
{
    Persisted {
        open: Some(Box::new(|| list.into_list())),
        make: Some(Box::new(|| Box::new(make().into_iter()))),
        resume: None,
        source,
        list: None,
        given: 0,
        running: None,
        is_over: false,
    }
}

impl<T: Value + Clone + Send + 'static> Persisted<T> {
    /// Goes on behind the last value on disk with these, instead of making the values before it once more.
    #[must_use]
    pub fn resume<I>(mut self, resume: impl FnOnce(&T) -> I + Send + 'static) -> Self
    where
        I: IntoIterator<Item = T>,
        I::IntoIter: Send + 'static,
    {
        self.resume = Some(Box::new(|last| Box::new(resume(last).into_iter())));
        self
    }

    /// Opens the list and sees to whom its values belong.
    fn open(&mut self) {
        let Some(Ok(mut list)) = self.open.take().map(|open| open()) else { return };
        let mark = Mark::of(&list);
        match mark.read() {
            Some(found) if found == self.source => {}
            Some(found) if found == ended(self.source, list.len()) => self.is_over = true,
            // A list of somebody else's.
            None if !list.is_empty() => return,
            _ => {
                if list.clear().and_then(|()| list.flush()).is_err() || mark.write(self.source).is_err() {
                    return;
                }
            }
        }
        self.list = Some(list);
    }

    /// The next value on disk. What cannot be read there is made again, with all that follows.
    fn stored(&mut self) -> Option<T> {
        let list = self.list.as_mut()?;
        match list.get(self.given) {
            Ok(Some(value)) => {
                self.given += 1;
                return Some(value);
            }
            Ok(None) => {}
            Err(_) => self.is_over = false,
        }
        if list.len() > self.given && list.truncate(self.given).is_err() {
            self.list = None;
        }
        None
    }

    /// Begins the generator behind the values that were given.
    fn begin(&mut self) -> Running<T> {
        let last = self.given.checked_sub(1).and_then(|last| self.list.as_ref()?.get(last).ok()?);
        let make = self.make.take();
        match (last, self.resume.take()) {
            (Some(last), Some(resume)) => resume(&last),
            _ => match make {
                Some(make) => Box::new(make().skip(self.given)),
                None => Box::new(std::iter::empty()),
            },
        }
    }

    /// Notes that the generator has ended, so that the next run need not find out.
    fn end(&mut self) {
        self.is_over = true;
        if let Some(list) = &mut self.list
            && list.flush().is_ok()
        {
            // Where it cannot be noted, the next run finds out.
            let _ = Mark::of(list).write(&ended(self.source, list.len()));
        }
    }
}

impl<T: Value + Clone + Send + 'static> Iterator for Persisted<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        if self.running.is_none() {
            if self.open.is_some() {
                self.open();
            }
            if let Some(value) = self.stored() {
                return Some(value);
            }
        }
        if self.is_over {
            return None;
        }
        let mut running = self.running.take().unwrap_or_else(|| self.begin());
        let Some(value) = running.next() else {
            self.end();
            return None;
        };
        self.running = Some(running);
        if let Some(list) = &mut self.list
            && list.push(value.clone()).is_err()
        {
            // A gap would be a wrong value: what follows stays in memory.
            self.list = None;
        }
        Some(value)
    }
}

fn ended(source: &str, len: usize) -> String {
    format!("{source} ended after {len}")
}

/// The file beside a list that tells which generator's values it holds.
struct Mark(PathBuf);

impl Mark {
    fn of<T: Value>(list: &DiskList<T>) -> Self {
        Mark(list.path().with_added_extension("source"))
    }

    fn read(&self) -> Option<String> {
        fs::read_to_string(&self.0).ok()
    }

    fn write(&self, text: &str) -> std::io::Result<()> {
        let new: &Path = &self.0.with_added_extension("new");
        let mut file = fs::File::create(new)?;
        // Values without a mark are nobody's: after a power cut it must not be missing where they are there.
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(new, &self.0)?;
        #[cfg(unix)]
        if let Some(folder) = self.0.parent() {
            fs::File::open(folder)?.sync_all()?;
        }
        Ok(())
    }
}
