//! Changes of several structures of one folder as one step: one frame of the journal that they share, or written down first (`joint`) where each has its own.

mod noted;

use std::fmt;
use std::path::{Path, PathBuf};

use super::body::Body;
use super::dict::{Batch, DiskDict, state::DictState};
use super::handle::Access;
use super::joint::{Intent, Part, Step};
use super::key::Key;
use super::list::{DiskList, ListBatch, state::ListState};
use super::store::LONGEST_BATCH;
use super::value::Value;
use super::{Error, Result};

/// Changes of several dicts and lists of one folder that are made as one; made by [`Folder::batch`](super::Folder::batch).
///
/// They are gathered until [`commit`](Self::commit). After a kill or a power cut all of them are there or none, whichever of the structures is opened
/// first: what is missing is made when a structure is opened. Until then its folder must stay beside the others.
///
/// # Examples
///
/// ```
/// # fn main() -> Result<(), speedup_runtime::disk::Error> {
/// # let place = tempfile::tempdir().unwrap();
/// # let path = place.path();
/// use speedup_runtime::disk::Folder;
///
/// let folder = Folder::open(path)?;
/// let mut accounts = folder.dict::<String, i64>("accounts")?;
/// let mut log = folder.list::<String>("log")?;
///
/// let mut batch = folder.batch();
/// batch.dict(&mut accounts, |accounts| {
///     accounts.insert("Ada".into(), 70);
///     accounts.insert("Grace".into(), 30);
/// })?;
/// batch.list(&mut log, |log| log.push("Ada pays 30".into()))?;
/// batch.commit()?;
/// assert_eq!(accounts.get("Grace")?, Some(30));
/// assert_eq!(log.len(), 1);
/// # Ok(()) }
/// ```
#[doc(alias = "transaction")]
#[must_use = "nothing changes until it is committed"]
pub struct FolderBatch<'a> {
    location: PathBuf,
    parts: Vec<(Target<'a>, Vec<Step>)>,
    size: usize,
}

/// A structure that is to change.
enum Target<'a> {
    Dict(&'a Access<DictState>),
    List(&'a Access<ListState>),
}

impl<'a> FolderBatch<'a> {
    pub(crate) fn new(location: &Path) -> Self {
        FolderBatch { location: location.to_path_buf(), parts: Vec::new(), size: 0 }
    }

    /// Adds changes of a dict, which is lent to the batch; what `fill` returns is passed on.
    ///
    /// # Errors
    ///
    /// [`Error::OtherFolder`] if the dict lies elsewhere; if a value cannot be encoded, or would not come back. Then the batch is as before.
    pub fn dict<K: Key, V: Value, R>(
        &mut self,
        dict: &'a mut DiskDict<K, V>,
        fill: impl FnOnce(&mut Batch<K, V>) -> R,
    ) -> Result<R> {
        self.check(&dict.path())?;
        let (steps, result) = dict.gather_batch(fill)?;
        self.add(Target::Dict(dict.access()), steps)?;
        Ok(result)
    }

    /// Adds changes of a list, which is lent to the batch; what `fill` returns is passed on.
    ///
    /// # Errors
    ///
    /// [`Error::OtherFolder`] if the list lies elsewhere; as the methods of [`ListBatch`] say; if a value cannot be encoded, or would not come back. Then
    /// the batch is as before.
    pub fn list<T: Value, R>(
        &mut self,
        list: &'a mut DiskList<T>,
        fill: impl FnOnce(&mut ListBatch<T>) -> R,
    ) -> Result<R> {
        self.check(&list.path())?;
        let (steps, result) = list.gather_batch(fill)?;
        self.add(Target::List(list.access()), steps)?;
        Ok(result)
    }

    fn check(&self, path: &Path) -> Result<()> {
        if path.parent() == Some(&*self.location) {
            return Ok(());
        }
        Err(Error::OtherFolder { path: path.to_path_buf(), folder: self.location.clone() })
    }

    fn add(&mut self, target: Target<'a>, steps: Vec<Step>) -> Result<()> {
        let size = self.size + steps.iter().map(Step::size).sum::<usize>();
        if size > LONGEST_BATCH {
            return Err(Error::BatchTooLarge { size, limit: LONGEST_BATCH });
        }
        self.size = size;
        self.parts.push((target, steps));
        Ok(())
    }

    /// Makes all changes; when this returns they are durable.
    ///
    /// Complexity: one sync, of the journal that the structures share. Where each has its own ([`Folder::of_user`](super::Folder::of_user)): a sync for each structure before, if it has changes that are not durable,
    /// and one after; three for what is written down in between.
    ///
    /// # Errors
    ///
    /// When the disk fails. Nothing has changed then, or the error is [`Error::Failed`] from all structures of the batch until they are opened again, and then
    /// all changes are there or none.
    pub fn commit(self) -> Result<()> {
        let (targets, steps): (Vec<Target<'_>>, Vec<Vec<Step>>) = self.parts.into_iter().unzip();
        if let Some(common) = noted::common_of(&targets)? {
            return noted::commit(&common, &targets, &steps);
        }
        let parts =
            targets.iter().zip(steps).map(|(target, steps)| target.prepare(steps)).collect::<Result<Vec<_>>>()?;
        if parts.is_empty() {
            return Ok(());
        }
        match Intent::write(&self.location, &parts) {
            Ok(intent) => make(&targets, &parts, intent),
            Err((error, is_gone)) => {
                if !is_gone {
                    give_up(&targets, &error);
                }
                Err(error)
            }
        }
    }
}

/// Makes what is written down.
fn make(targets: &[Target<'_>], parts: &[Part], intent: Intent) -> Result<()> {
    let made = targets.iter().zip(parts).try_for_each(|(target, part)| target.make(part));
    made.and_then(|()| intent.remove()).inspect_err(|error| give_up(targets, error))
}

/// Lets all structures fail, those too that have made their changes: they will make them again when they are opened, and what came meanwhile would be
/// undone by that.
fn give_up(targets: &[Target<'_>], error: &Error) {
    targets.iter().for_each(|target| target.fail(error));
}

impl Target<'_> {
    /// Sees to it that what was done before is durable, and that the changes can be made.
    fn prepare(&self, steps: Vec<Step>) -> Result<Part> {
        match self {
            Target::Dict(access) => access.change(|state| {
                state.check_joint(&steps)?;
                part(state, 0, steps)
            }),
            Target::List(access) => access.change(|state| {
                state.check_batch(&steps)?;
                let steps = state.joint_steps(steps);
                part(state, state.len(), steps)
            }),
        }
    }

    fn make(&self, part: &Part) -> Result<()> {
        match self {
            Target::Dict(access) => access.change(|state| state.make_joint(part)),
            Target::List(access) => access.change(|state| state.make_joint(part)),
        }
    }

    /// Nobody knows what it will be when it is opened again.
    fn fail(&self, error: &Error) {
        let cause = || Err::<(), _>(Error::Failed { cause: error.to_string() });
        // It may have failed or been closed already.
        let _known = match self {
            Target::Dict(access) => access.read(|state| state.seen().settle(cause())),
            Target::List(access) => access.read(|state| state.seen().settle(cause())),
        };
    }
}

fn part(state: &impl Body, len: u64, steps: Vec<Step>) -> Result<Part> {
    let store = state.seen();
    store.flush()?;
    let name = store.folder().file_name().unwrap_or_default();
    Ok(Part { folder: name.to_string_lossy().into_owned(), identity: store.identity(), len, steps })
}

impl fmt::Debug for FolderBatch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FolderBatch").field("structures", &self.parts.len()).field("size", &self.size).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::disk::Folder;
    use crate::disk::testing::copy_all;

    type Dict = DiskDict<u64, String>;

    /// Structures with a journal each, as earlier versions made them.
    fn open(path: &Path) -> (Dict, Dict, DiskList<u64>) {
        let folder = Folder::apart(path).unwrap();
        (folder.dict("a").unwrap(), folder.dict("b").unwrap(), folder.list("c").unwrap())
    }

    fn prepared(batch: FolderBatch<'_>) -> (Vec<Target<'_>>, Vec<Part>) {
        let (targets, steps): (Vec<Target<'_>>, Vec<Vec<Step>>) = batch.parts.into_iter().unzip();
        let parts = targets.iter().zip(steps).map(|(target, steps)| target.prepare(steps).unwrap()).collect();
        (targets, parts)
    }

    fn intents(path: &Path) -> Vec<PathBuf> {
        let entries = fs::read_dir(path.join(".batches"));
        entries.map(|entries| entries.map(|entry| entry.unwrap().path()).collect()).unwrap_or_default()
    }

    /// What the structures hold before a batch and after it.
    fn is_made(path: &Path, first: &str) -> bool {
        let folder = Folder::apart(path).unwrap();
        // Whichever is opened first.
        match first {
            "b" => drop(folder.dict::<u64, String>("b").unwrap()),
            "c" => drop(folder.list::<u64>("c").unwrap()),
            _ => {}
        }
        let (mut a, b, mut c) = open(path);
        let made = a.get(&1).unwrap().is_none();
        let text = |text: &str| Some(text.to_owned());
        if made {
            assert_eq!((a.get(&2).unwrap(), b.get(&7).unwrap()), (text("new"), text("new")));
            assert_eq!(c.to_vec().unwrap(), [0, 1, 2, 3]);
        } else {
            assert_eq!((a.get(&1).unwrap(), a.get(&2).unwrap(), b.get(&7).unwrap()), (text("old"), None, None));
            assert_eq!(c.to_vec().unwrap(), [0, 1]);
        }
        // What comes later is not done over.
        a.insert(2, "later".into()).unwrap();
        c.push(9).unwrap();
        drop((a, b, c));
        let (a, _b, c) = open(path);
        assert_eq!((a.get(&2).unwrap(), c.last().unwrap()), (text("later"), Some(9)));
        assert_eq!(c.len(), if made { 5 } else { 3 });
        made
    }

    /// Commits a batch, and stops after so many of its structures have made their changes.
    fn stopped_after(path: &Path, count: usize, published: bool) {
        let (mut a, mut b, mut c) = open(path);
        a.insert(1, "old".into()).unwrap();
        c.extend([0, 1]).unwrap();
        let mut batch = FolderBatch::new(path);
        let change = |a: &mut Batch<u64, String>| {
            a.remove(&1);
            a.insert(2, "new".into());
        };
        batch.dict(&mut a, change).unwrap();
        batch.dict(&mut b, |b| b.insert(7, "new".into())).unwrap();
        let lengthen = |c: &mut ListBatch<u64>| {
            // A second time it would make another list.
            c.insert(1, 7);
            c.pop_front();
            c.set(0, 0);
            [2, 4].into_iter().for_each(|n| c.push(n));
            c.set(3, 3);
        };
        batch.list(&mut c, lengthen).unwrap();
        let (targets, parts) = prepared(batch);
        let _intent = Intent::write(path, &parts).unwrap();
        for (target, part) in targets.iter().zip(&parts).take(count) {
            target.make(part).unwrap();
        }
        if published {
            // What was made is no longer in the journal.
            drop((a.snapshot().unwrap(), b.snapshot().unwrap(), c.snapshot().unwrap()));
        }
        let copy = path.join("copy");
        for name in ["a.speedup", "b.speedup", "c.speedup", ".batches"] {
            copy_all(&path.join(name), &copy.join(name));
        }
    }

    #[test]
    fn what_was_written_down_is_made_by_who_opens_the_structures_next() {
        for (count, published) in (0..=3).flat_map(|count| [(count, false), (count, true)]) {
            for (first, joint) in ["a", "b", "c"].into_iter().flat_map(|first| [(first, false), (first, true)]) {
                let place = tempfile::tempdir().unwrap();
                stopped_after(place.path(), count, published);
                let copy = place.path().join("copy");
                let folder = Folder::apart(&copy).unwrap();
                let unfinished = folder.dict_builder::<u64, String>("b").open_read_only();
                assert!(matches!(unfinished, Err(Error::Unfinished { .. })), "{unfinished:?}");
                if joint {
                    // From here on they share a journal, the first of them after the others.
                    let folder = Folder::open(&copy).unwrap();
                    drop(folder.list::<u64>("other").unwrap());
                }
                assert!(is_made(&copy, first), "{count} {first}");
                let own = (0..9).any(|number| copy.join(format!("c.speedup/journal.{number}")).exists());
                assert_eq!(own, !joint, "{count} {first}");
                assert!(intents(&copy).is_empty(), "{count} {first}");
            }
        }
    }

    #[cfg(unix)]
    #[test]
    fn nothing_comes_after_a_batch_of_which_only_a_part_was_made() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path();
        let (mut a, mut b, c) = open(path);
        let mut batch = FolderBatch::new(path);
        batch.dict(&mut a, |a| a.insert(2, "new".into())).unwrap();
        batch.dict(&mut b, |b| b.insert(7, "new".into())).unwrap();
        let (targets, parts) = prepared(batch);
        let intent = Intent::write(path, &parts).unwrap();
        let (here, there) = (path.join("b.speedup"), path.join("elsewhere"));
        fs::rename(&here, &there).unwrap();
        let failed = make(&targets, &parts, intent);
        assert!(matches!(failed, Err(Error::Replaced { .. })), "{failed:?}");
        drop(targets);
        fs::rename(&there, &here).unwrap();
        // It would be gone when the batch is made once more.
        for refused in [a.insert(2, "later".into()), b.insert(7, "later".into())] {
            assert!(matches!(refused, Err(Error::Failed { .. })), "{refused:?}");
        }
        drop((a, b, c));
        let (a, b, _c) = open(path);
        let new = || Some("new".to_owned());
        assert_eq!((a.get(&2).unwrap(), b.get(&7).unwrap(), intents(path).len()), (new(), new(), 0));
    }

    #[test]
    fn what_was_not_wholly_written_down_is_never_made() {
        let place = tempfile::tempdir().unwrap();
        stopped_after(place.path(), 0, false);
        let from = place.path().join("copy");
        let whole = fs::read(&intents(&from)[0]).unwrap();
        for len in [0, 7, 15, 18, 19, 40, whole.len() - 1] {
            let copy = tempfile::tempdir().unwrap();
            copy_all(&from, copy.path());
            fs::write(&intents(copy.path())[0], &whole[..len]).unwrap();
            assert!(!is_made(copy.path(), "a"), "{len}");
            assert!(intents(copy.path()).is_empty(), "{len}");
        }
    }

    #[test]
    fn a_structure_that_is_gone_keeps_nothing_waiting() {
        let place = tempfile::tempdir().unwrap();
        stopped_after(place.path(), 1, false);
        let copy = place.path().join("copy");
        assert!(Folder::apart(&copy).unwrap().delete("c").unwrap());
        let (_, b, c) = open(&copy);
        assert_eq!((b.get(&7).unwrap(), c.len()), (Some("new".into()), 0));
        assert!(intents(&copy).is_empty());
    }

    #[test]
    fn what_an_earlier_version_wrote_down_is_made() {
        for made in 0..3 {
            let place = tempfile::tempdir().unwrap();
            let path = place.path();
            let mut list = Folder::apart(path).unwrap().list::<u64>("c").unwrap();
            list.extend([0, 1]).unwrap();
            let batch: Vec<Step> = (2..4_u8).map(|n| Step::Push(vec![n])).collect();
            let part = list.access().change(|state| part(state, 2, batch)).unwrap();
            let _intent = Intent::write(path, &[part]).unwrap();
            list.extend((2..4).take(made)).unwrap();
            list.close().unwrap();
            let list = Folder::apart(path).unwrap().list::<u64>("c").unwrap();
            assert_eq!((list.to_vec().unwrap(), intents(path).len()), (vec![0, 1, 2, 3], 0), "{made}");
        }
    }
}
