//! Every method that the documentation names, called as it is named there.

use std::collections::BTreeMap;
use std::path::Path;

use speedup_runtime::disk::{self, DiskDict, DiskList, Error, Folder, ReadOnly, Shared};

type Dict = DiskDict<u64, String>;
type List = DiskList<u64>;

fn texts(numbers: impl IntoIterator<Item = u64>) -> Vec<(u64, String)> {
    numbers.into_iter().map(|n| (n, n.to_string())).collect()
}

#[test]
fn a_dict() -> Result<(), Error> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let mut d = DiskDict::<u64, String>::builder("sample").location(path).page_size(1024).max_pages(16).open()?;
    assert_eq!(d.insert(3, "d".into())?, None);
    assert_eq!(
        (d.get(&3)?, d.remove(&5)?, d.contains_key(&3)?, d.len(), d.is_empty()),
        (Some("d".into()), None, true, 1, false)
    );
    *d.entry(4).or_insert_with(|| "e".into())? += "!";
    assert_eq!(d.update(&3, |v| v.push('?'))?, Some(()));
    d.extend([(5, "f".to_owned())])?;
    assert_eq!(d.iter().collect::<Result<Vec<_>, _>>()?, [(3, "d?".into()), (4, "e!".into()), (5, "f".into())]);
    assert_eq!(d.range(2..5).count(), 2);
    assert_eq!(d.keys().collect::<Result<Vec<_>, _>>()?, [3, 4, 5]);
    assert_eq!(d.values().collect::<Result<Vec<_>, _>>()?, ["d?", "e!", "f"]);
    assert_eq!(d.compare_and_swap(3, Some(&"d?".into()), Some("g".into()))?, Ok(()));
    d.put(6, "h".into())?;
    d.append(6, "i")?;
    assert_eq!((d.first()?, d.last()?), (Some((3, "g".into())), Some((6, "hi".into()))));
    assert_eq!((d.pop_first()?, d.pop_last()?), (Some((3, "g".into())), Some((6, "hi".into()))));
    d.batch(|b| {
        b.insert(7, "j".into());
        b.remove(&4);
    })?;
    let mut rest = DiskDict::<u64, String>::builder("rest").location(path).open()?;
    d.split_off(&7, &mut rest)?;
    assert_eq!((d.len(), rest.len(), rest.remove_range(7..)?), (1, 1, 1));
    d.flush()?;
    d.compact()?;
    d.clear()?;
    d.close()
}

#[test]
fn a_list() -> Result<(), Error> {
    let folder = tempfile::tempdir().unwrap();
    let mut l = DiskList::<u64>::builder("sample").location(folder.path()).maxlen(100).open()?;
    l.push(1)?;
    l.extend(2..8)?;
    assert_eq!((l.get(3)?, l.set(3, 40)?, l.len(), l.is_empty()), (Some(4), 4, 7, false));
    l.insert(5, 50)?;
    assert_eq!((l.remove(5)?, l.pop()?), (Some(50), Some(7)));
    l.swap(0, 1)?;
    assert_eq!(l.update(2, |v| *v += 10)?, Some(()));
    assert_eq!(l.iter().collect::<Result<Vec<_>, _>>()?, [2, 1, 13, 40, 5, 6]);
    l.truncate(5)?;
    l.truncate_front(4)?;
    l.push_front(9)?;
    assert_eq!((l.to_vec()?, l.pop_front()?), (vec![9, 1, 13, 40, 5], Some(9)));
    l.rotate_left(1)?;
    l.rotate_right(2)?;
    assert_eq!(l.slice(1..3)?, [1, 13]);
    assert_eq!(l.range(2..).count(), 2);
    assert_eq!(l.drain(..1)?.collect::<Result<Vec<_>, _>>()?, [5]);
    l.remove_range(0..1)?;
    assert_eq!((l.contains(&40)?, l.position(|&n| n == 40)?), (true, Some(1)));
    l.batch(|b| {
        b.push(1);
        b.push_front(2);
        b.set(1, 3);
        b.insert(1, 4);
        b.remove(3);
        b.pop();
        b.pop_front();
        b.truncate(2);
    })?;
    assert_eq!(l.to_vec()?, [4, 3]);
    l.flush()?;
    l.compact()?;
    l.clear()?;
    l.close()
}

#[test]
fn a_shared_dict() -> Result<(), Error> {
    let folder = tempfile::tempdir().unwrap();
    let backups = tempfile::tempdir().unwrap();
    let d: Shared<Dict> = DiskDict::builder("sample").location(folder.path()).open()?.shared();
    d.extend(texts(0..10))?;
    assert_eq!(
        (d.insert(3, "d".into())?, d.get(&3)?, d.remove(&5)?),
        (Some("3".into()), Some("d".into()), Some("5".into()))
    );
    assert_eq!((d.contains_key(&5)?, d.len()?, d.is_empty()?), (false, 9, false));
    assert_eq!(d.update(&3, |v| v.push('?'))?, Some(()));
    d.put(5, "5".into())?;
    d.append(5, "6")?;
    assert_eq!(d.get_many([&5, &77])?, [Some("56".into()), None]);
    assert_eq!(d.get_or_insert_with(5, || "no".into())?, "56");
    assert_eq!(d.compare_and_swap(5, None, None)?, Err(Some("56".into())));
    assert_eq!(d.keys().collect::<Result<Vec<_>, _>>()?, (0..10).collect::<Vec<_>>());
    assert_eq!(d.values().next_back().transpose()?, Some("9".into()));
    assert_eq!((d.iter().count(), d.range(2..7).count(), d.remove_range(2..4)?), (10, 5, 2));
    assert_eq!((d.first()?, d.last()?), (Some((0, "0".into())), Some((9, "9".into()))));
    assert_eq!((d.pop_first()?, d.pop_last()?), (Some((0, "0".into())), Some((9, "9".into()))));
    d.batch(|b| b.remove(&1))?;
    assert_eq!(d.to_map()?, BTreeMap::from_iter([(4, "4".into()), (5, "56".into())].into_iter().chain(texts(6..9))));
    let before: ReadOnly<Dict> = d.snapshot()?;
    d.backup_to(backups.path())?;
    d.lock().entry(4).or_default()?.push('!');
    d.clear()?;
    d.flush()?;
    assert_eq!((before.len(), before.get(&4)?, before.range(5..).count()), (5, Some("4".into()), 4));
    drop(before);
    d.close()?;
    assert!(matches!(d.len(), Err(Error::Closed { .. })));
    let words: Shared<DiskDict<String, u8>> = DiskDict::builder("words").location(folder.path()).open()?.shared();
    words.extend([("user:1".into(), 1), ("user:2".into(), 2), ("used".into(), 3)])?;
    assert_eq!(words.prefix("user:").collect::<Result<Vec<_>, _>>()?, [("user:1".into(), 1), ("user:2".into(), 2)]);
    Ok(())
}

#[test]
fn a_shared_list() -> Result<(), Error> {
    let folder = tempfile::tempdir().unwrap();
    let backups = tempfile::tempdir().unwrap();
    let l: Shared<List> = DiskList::builder("sample").location(folder.path()).open()?.shared();
    l.extend(0..10)?;
    l.push(10)?;
    l.push_front(77)?;
    assert_eq!((l.pop()?, l.pop_front()?, l.len()?, l.is_empty()?), (Some(10), Some(77), 10, false));
    assert_eq!((l.get(3)?, l.set(3, 30)?, l.first()?, l.last()?), (Some(3), 3, Some(0), Some(9)));
    l.insert(1, 50)?;
    assert_eq!((l.remove(1)?, l.update(2, |v| *v += 1)?, l.contains(&30)?), (Some(50), Some(()), true));
    l.swap(0, 1)?;
    l.rotate_left(1)?;
    l.rotate_right(2)?;
    assert_eq!(l.iter().collect::<Result<Vec<_>, _>>()?, [9, 1, 0, 3, 30, 4, 5, 6, 7, 8]);
    assert_eq!((l.range(2..4).count(), l.slice(1..3)?, l.get_many([1, 99])?), (2, vec![1, 0], vec![Some(1), None]));
    l.truncate(8)?;
    l.truncate_front(6)?;
    l.remove_range(..2)?;
    l.batch(|b| b.push(1))?;
    assert_eq!(l.to_vec()?, [30, 4, 5, 6, 1]);
    let before: ReadOnly<List> = l.snapshot()?;
    l.backup_to(backups.path())?;
    l.lock().clear()?;
    l.clear()?;
    l.flush()?;
    assert_eq!((before.len(), before.get(0)?, before.iter().count()), (5, Some(30), 5));
    drop(before);
    l.close()?;
    assert!(matches!(l.push(1), Err(Error::Closed { .. })));
    Ok(())
}

#[test]
fn a_folder_and_what_is_in_it() -> Result<(), Error> {
    let place = tempfile::tempdir().unwrap();
    let path: &Path = place.path();
    let builder = || DiskDict::<u64, String>::builder("a").location(path);
    assert!(!builder().exists()? && builder().open_existing().is_err());
    let folder = Folder::open(path)?;
    let (mut a, mut b) = (folder.dict::<u64, String>("a")?, folder.list::<u64>("b")?);
    let mut batch = folder.batch();
    batch.dict(&mut a, |a| a.insert(1, "one".into()))?;
    batch.list(&mut b, |b| (0..3).for_each(|n| b.push_front(n)))?;
    batch.commit()?;
    let mut batch = folder.batch();
    batch.dict(&mut a, |a| a.insert(2, "two".into()))?;
    let taken = batch.list(&mut b, |b| {
        b.pop_front();
        b.set(0, 10);
        b.len()
    })?;
    batch.commit()?;
    assert_eq!((taken, b.to_vec()?, a.len()), (2, vec![10, 0], 2));
    a.close()?;
    b.close()?;
    let read: ReadOnly<Dict> = builder().open_read_only()?;
    let again = builder().open_read_only()?;
    assert_eq!((read.get(&1)?, again.len()), (Some("one".into()), 2));
    drop((read, again));
    assert_eq!(
        (disk::list(path)?, folder.names()?),
        (vec!["a".to_owned(), "b".into()], vec!["a".to_owned(), "b".into()])
    );
    let lengths = DiskDict::<u64, u32>::builder("a").location(path).migrate(|old: String| old.len() as u32)?;
    assert_eq!(lengths.get(&1)?, Some(3));
    drop(lengths);
    assert!(builder().delete()? && DiskList::<u64>::builder("b").location(path).delete()?);
    assert!(disk::list(path)?.is_empty() && !folder.exists("a")?);
    Ok(())
}

#[test]
fn a_list_is_gone_through_while_others_change_it() {
    let folder = tempfile::tempdir().unwrap();
    let list = DiskList::<u64>::builder("l").location(folder.path()).open().unwrap().shared();
    list.extend(0..5000).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| (5000..8000).for_each(|n| list.push(n).unwrap()));
        scope.spawn(|| {
            for _ in 0..20 {
                // What is added comes behind all that there was.
                let seen: Vec<u64> = list.iter().map(Result::unwrap).collect();
                assert!(seen.len() >= 5000 && (0..seen.len() as u64).eq(seen));
                let mut both = list.range(100..4900);
                assert_eq!((both.next().unwrap().unwrap(), both.next_back().unwrap().unwrap()), (100, 4899));
                assert_eq!(both.count(), 4798);
            }
        });
    });
    assert!(list.iter().rev().map(Result::unwrap).eq((0..8000).rev()));
    let guard = list.lock();
    assert!(matches!(list.iter().next(), Some(Err(Error::Held))));
    drop(guard);
    let mut ended = list.iter();
    list.close().unwrap();
    assert!(matches!(ended.next(), Some(Err(Error::Closed { .. }))) && ended.next().is_none());
}
