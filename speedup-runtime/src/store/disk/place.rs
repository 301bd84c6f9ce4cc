//! Where the results of a function lie, and what becomes of those that nobody asks for any more.
//!
//! ```text
//! <location>/<name>-<hash of the name>.results/<hash of the identity>/{results, lock}
//! ```

use std::{
    collections::HashSet,
    fs, io,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use super::log::lock_to_delete;
use crate::store::codec;

const SUFFIX: &str = ".results";
/// Results that nobody has opened for so long are deleted.
const AGE: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// Results that another version of the same function has taken the place of take at most so much: the newest of them that fit together stay, and all older
/// ones go.
const MOST: u64 = 1 << 30;

/// The folders that were looked through by this process.
static CLEANED: Mutex<Option<HashSet<PathBuf>>> = Mutex::new(None);

/// The folder of an identity.
pub(super) fn folder(location: &Path, name: &str, identity: &str) -> PathBuf {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c.to_ascii_lowercase() } else { '-' };
    let shown: String = name.chars().map(plain).collect();
    let shown = &shown[shown.len().saturating_sub(80)..];
    let short = &hex(&codec::hash(name.as_bytes()))[..8];
    location.join(format!("{shown}-{short}{SUFFIX}")).join(hex(&codec::hash(identity.as_bytes())))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Deletes what nobody has asked for in a long time, once a process. What cannot be deleted stays.
pub(super) fn clean(location: &Path) {
    let is_first =
        CLEANED.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_default().insert(location.to_owned());
    if is_first {
        let _ = clean_now(location, AGE, MOST);
    }
}

/// The results of one identity.
struct Old {
    folder: PathBuf,
    opened: SystemTime,
    age: Duration,
    bytes: u64,
    /// Results of the same name were asked for later: of newer code.
    is_replaced: bool,
}

/// Deletes what is older than that, and of those that were replaced the oldest that are too much.
pub(super) fn clean_now(location: &Path, age: Duration, most: u64) -> io::Result<()> {
    let mut all = Vec::new();
    for family in fs::read_dir(location)?.flatten() {
        if !family.file_name().to_string_lossy().ends_with(SUFFIX) {
            continue;
        }
        // What is no folder, or cannot be read, keeps nobody from looking at the others.
        let Ok(identities) = fs::read_dir(family.path()) else { continue };
        let mut olds: Vec<Old> = identities.flatten().filter_map(|identity| look(identity.path())).collect();
        olds.sort_by_key(|old| old.age);
        olds.iter_mut().skip(1).for_each(|old| old.is_replaced = true);
        all.append(&mut olds);
    }
    all.sort_by_key(|old| old.age);
    let mut kept = 0_u64;
    for old in all {
        if old.is_replaced {
            kept = kept.saturating_add(old.bytes);
        }
        if old.age > age || (old.is_replaced && kept > most) {
            // What cannot be deleted stays.
            let _ = delete(old);
        }
    }
    Ok(())
}

/// How old and large the results in a folder are, if it is one of ours.
fn look(folder: PathBuf) -> Option<Old> {
    let name = folder.file_name()?.to_string_lossy();
    if name.len() != 32 || !name.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let opened = fs::metadata(folder.join("lock")).and_then(|file| file.modified()).ok()?;
    let age = SystemTime::now().duration_since(opened).unwrap_or_default();
    let bytes =
        fs::read_dir(&folder).ok()?.flatten().filter_map(|file| file.metadata().ok()).map(|file| file.len()).sum();
    Some(Old { folder, opened, age, bytes, is_replaced: false })
}

/// Deletes results, unless somebody writes to them, or has opened them since they were looked at.
fn delete(old: Old) -> io::Result<()> {
    let folder = old.folder.as_path();
    let Some(_lock) = lock_to_delete(&folder.join("lock"))? else { return Ok(()) };
    if look(old.folder.clone()).is_none_or(|now| now.opened != old.opened) {
        return Ok(());
    }
    for file in ["results", "results.new", "results.damaged", "lock"] {
        match fs::remove_file(folder.join(file)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    fs::remove_dir(folder)?;
    // Gone if it was the last of its function.
    if let Some(family) = folder.parent() {
        drop(fs::remove_dir(family));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn results(location: &Path, name: &str, identity: &str, seconds_old: u64) -> PathBuf {
        let folder = folder(location, name, identity);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("results"), vec![1; 1_000]).unwrap();
        let lock = fs::File::create(folder.join("lock")).unwrap();
        lock.set_modified(SystemTime::now() - Duration::from_secs(seconds_old)).unwrap();
        folder
    }

    #[test]
    fn what_was_opened_since_it_was_looked_at_stays() {
        let location = tempfile::tempdir().unwrap();
        let old = results(location.path(), "f", "one", 1_000);
        let seen = look(old.clone()).unwrap();
        results(location.path(), "f", "one", 0);
        delete(seen).unwrap();
        assert!(old.join("results").exists());
        delete(look(old.clone()).unwrap()).unwrap();
        assert!(!old.exists());
    }

    #[test]
    fn nothing_stays_that_is_older_than_what_was_too_much() {
        let location = tempfile::tempdir().unwrap();
        let all =
            [("new", 0), ("large", 10), ("small", 20)].map(|(name, age)| results(location.path(), "f", name, age));
        fs::write(all[1].join("results"), vec![1; 5_000]).unwrap();
        clean_now(location.path(), Duration::from_secs(50), 1_500).unwrap();
        assert_eq!(all.map(|folder| folder.exists()), [true, false, false]);
    }

    #[test]
    fn who_opens_results_that_are_being_deleted_writes_to_new_ones() {
        use crate::store::{Condition, DiskStore, Store};
        let location = tempfile::tempdir().unwrap();
        let open = || DiskStore::<u8, u8>::builder("f").location(location.path()).open().unwrap();
        let store = open();
        store.put(&1, &1, None).unwrap();
        let folder = store.path().to_owned();
        drop(store);
        let lock = lock_to_delete(&folder.join("lock")).unwrap().expect("nobody writes");
        let second = lock_to_delete(&folder.join("lock")).unwrap().expect("others may delete, too");
        std::thread::scope(|scope| {
            let opened = scope.spawn(open);
            for file in ["results", "lock"] {
                fs::remove_file(folder.join(file)).unwrap();
            }
            drop((lock, second));
            let store = opened.join().unwrap();
            assert_eq!(store.condition(), Condition::Sound);
            store.put(&2, &2, None).unwrap();
            assert!(lock_to_delete(&folder.join("lock")).unwrap().is_none(), "it is in use");
        });
        assert_eq!(open().get(&2).unwrap(), Some(2));
    }

    #[test]
    fn what_is_old_or_replaced_and_too_much_is_deleted_and_nothing_else() {
        let location = tempfile::tempdir().unwrap();
        let path = location.path();
        let [a, b, c] = [("a", 100), ("b::<u8>", 0), ("c", 0)].map(|(name, age)| results(path, name, name, age));
        let [older, old] = [("older", 30), ("old", 20)].map(|(identity, age)| results(path, "c", identity, age));
        let strange = path.join("else");
        fs::create_dir(&strange).unwrap();
        fs::write(path.join("a file.results"), "").unwrap();
        let are_there = || [&a, &b, &c, &old, &older, &strange].map(|folder| folder.exists());
        clean_now(path, Duration::from_secs(50), u64::MAX).unwrap();
        assert_eq!(are_there(), [false, true, true, true, true, true], "by age");
        clean_now(path, Duration::from_secs(50), 1_500).unwrap();
        assert_eq!(are_there(), [false, true, true, true, false, true], "by size, the oldest of those replaced");
        let held = fs::File::open(old.join("lock")).unwrap();
        held.lock().unwrap();
        clean_now(path, Duration::from_secs(50), 0).unwrap();
        assert_eq!(are_there(), [false, true, true, true, false, true], "what is in use stays");
        drop(held);
        clean_now(path, Duration::from_secs(50), 0).unwrap();
        assert_eq!(are_there(), [false, true, true, false, false, true], "the newest of each stay, however large");
    }
}
