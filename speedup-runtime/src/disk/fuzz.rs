//! Random bytes for what is read from disk: pages, journals and keys are refused or read, never a panic. `cargo xtask fuzz` looks further.

use std::fs;

use proptest::{collection::vec, prelude::*, sample::Index};

use super::{
    journal::{Journal, Op, Replay, file_name},
    key::{self, Key},
    leaf::{Item, Leaf, Val},
};

fn config() -> ProptestConfig {
    let cases = if std::env::var_os("SPEEDUP_LONG").is_some() { 100_000 } else { 300 };
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    // Small numbers are lengths and tags more often than others.
    vec(prop_oneof![2 => 0_u8..4, 1 => any::<u8>()], 0..200)
}

/// Whether bytes are one key of this type, which then encodes to the same bytes.
fn is_refused_or_read_whole<K: Key>(bytes: &[u8]) -> Result<(), TestCaseError> {
    if let Ok(key) = key::decode::<K>(bytes) {
        let mut again = Vec::new();
        key.encode_key(&mut again);
        prop_assert_eq!(again, bytes);
    }
    Ok(())
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn keys_are_refused_or_read_whole(bytes in bytes()) {
        is_refused_or_read_whole::<u64>(&bytes)?;
        is_refused_or_read_whole::<(i16, bool)>(&bytes)?;
        is_refused_or_read_whole::<char>(&bytes)?;
        is_refused_or_read_whole::<String>(&bytes)?;
        is_refused_or_read_whole::<(Vec<u8>, Option<String>)>(&bytes)?;
        is_refused_or_read_whole::<Option<Option<u8>>>(&bytes)?;
        is_refused_or_read_whole::<[(u8, String); 2]>(&bytes)?;
    }

    #[test]
    fn pages_of_any_bytes_are_parsed_or_refused(bytes in bytes()) {
        let _ = Leaf::parse(bytes);
    }

    #[test]
    fn pages_are_read_as_they_were_built_and_changed_ones_do_no_harm(
        items in vec((vec(any::<u8>(), 0..12), vec(any::<u8>(), 0..40), any::<bool>()), 1..30),
        (at, byte) in (any::<Index>(), any::<u8>()),
    ) {
        let mut items = items;
        items.sort();
        items.dedup_by(|a, b| a.0 == b.0);
        let of = |(key, bytes, outside): &'_ (Vec<u8>, Vec<u8>, bool)| (key.clone(), bytes.clone(), *outside);
        let built: Vec<Item<'_>> = items
            .iter()
            .map(|(key, bytes, outside)| Item { prefix: &[], suffix: key, val: Val { bytes, outside: *outside } })
            .collect();
        let leaf = Leaf::build(&built);
        let read = Leaf::parse(leaf.page().into());
        let read: Vec<_> = read.iter().flat_map(Leaf::items).map(|item| (item.key(), item.val.bytes.to_vec(), item.val.outside)).collect();
        prop_assert_eq!(read, items.iter().map(of).collect::<Vec<_>>());

        let mut page = leaf.page().to_vec();
        let at = at.index(page.len());
        page[at] = byte;
        let _ = Leaf::parse(page);
    }

    #[test]
    fn journals_that_were_changed_end_or_are_refused(
        (at, byte) in (any::<Index>(), any::<u8>()),
        (first, body) in (prop_oneof![Just(u64::MAX), any::<u64>()], bytes()),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::create(folder.path(), 7, 0).unwrap();
        for seq in 1..=3 {
            journal.note(seq, Op::Push { val: &[seq as u8; 50] }).unwrap();
            journal.write().unwrap();
        }
        drop(journal);
        let path = folder.path().join(file_name(0));
        let sound = fs::read(&path).unwrap();
        let read = |bytes: &[u8]| {
            fs::write(&path, bytes).unwrap();
            let mut replay = Replay::open(folder.path(), 7, 0)?;
            let mut count = 0;
            while let Some(frame) = replay.next_frame()? {
                let _ = frame.for_each(|_, _| Ok(()))?;
                count += 1;
            }
            Ok::<usize, super::Error>(count)
        };

        // A byte that is not as it was.
        let mut changed = sound.clone();
        let at = at.index(changed.len());
        changed[at] = byte;
        let whole = changed == sound;
        prop_assert!(read(&changed).is_ok_and(|count| count <= 3) || !whole);

        // A frame with a sound sum around operations that nobody wrote.
        let mut forged = sound;
        let mut frame = first.to_le_bytes().to_vec();
        frame.extend(&body);
        forged.extend((frame.len() as u32 + 8).to_le_bytes());
        forged.extend(crc32fast::hash(&frame).to_le_bytes());
        forged.extend(frame);
        let count = read(&forged).ok();
        prop_assert!(count.is_some_and(|count| count == 4), "{:?}", count);
    }
}
