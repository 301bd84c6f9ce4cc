//! `DiskDict(name, size_limit, max_pages, location)` and `DiskList`.

use std::path::Path;
use std::process::Command;

use speedup::{DiskDict, DiskList};

const LETTERS: [&str; 10] = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];

/// The manual's dictionary: 0 to 9 and their letters.
fn letters(folder: &Path) -> DiskDict<u64, String> {
    let mut dict = DiskDict::<u64, String>::builder("sample").location(folder).open().expect("a new dict opens");
    for (number, letter) in LETTERS.iter().enumerate() {
        dict.insert(number as u64, (*letter).to_owned()).expect("an insert succeeds");
    }
    dict
}

/// The manual's list: 0 to 9.
fn numbers(folder: &Path) -> DiskList<u64> {
    let mut list = DiskList::<u64>::builder("sample").location(folder).open().expect("a new list opens");
    for number in 0..10 {
        list.push(number).expect("a push succeeds");
    }
    list
}

fn keys(dict: &DiskDict<u64, String>) -> Vec<u64> {
    dict.keys().collect::<Result<_, _>>().expect("the keys are readable")
}

fn items(list: &DiskList<u64>) -> Vec<u64> {
    list.iter().collect::<Result<_, _>>().expect("the items are readable")
}

#[test]
fn the_letter_of_3_is_d() {
    let folder = tempfile::tempdir().expect("a folder");
    let dict = letters(folder.path());
    assert_eq!(dict.get(&3).expect("a get succeeds").as_deref(), Some("d"));
}

#[test]
fn a_deleted_key_is_gone_and_the_others_stay_in_order() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut dict = letters(folder.path());
    assert_eq!(dict.remove(&5).expect("a remove succeeds").as_deref(), Some("f"));
    assert_eq!(keys(&dict), [0, 1, 2, 3, 4, 6, 7, 8, 9]);
}

#[test]
fn a_dict_knows_its_members() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut dict = letters(folder.path());
    dict.remove(&5).expect("a remove succeeds");
    assert!(dict.contains_key(&4).expect("a look succeeds"));
    assert!(!dict.contains_key(&5).expect("a look succeeds"));
    assert!(!dict.contains_key(&10).expect("a look succeeds"));
    assert_eq!(dict.len(), 9);
}

#[test]
fn a_dict_reopened_by_its_name_holds_the_old_values() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut dict = letters(folder.path());
    dict.remove(&5).expect("a remove succeeds");
    dict.close().expect("a close succeeds");
    let dict = DiskDict::<u64, String>::builder("sample").location(folder.path()).open().expect("it opens again");
    let all: Vec<(u64, String)> = dict.iter().collect::<Result<_, _>>().expect("the entries are readable");
    let wanted = LETTERS.iter().enumerate().filter(|(number, _)| *number != 5);
    assert!(all.into_iter().eq(wanted.map(|(number, letter)| (number as u64, (*letter).to_owned()))));
}

#[test]
fn the_item_at_3_is_3() {
    let folder = tempfile::tempdir().expect("a folder");
    let list = numbers(folder.path());
    assert_eq!(list.get(3).expect("a get succeeds"), Some(3));
}

#[test]
fn a_deleted_index_is_closed_up_and_the_order_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut list = numbers(folder.path());
    list.remove(5).expect("a remove succeeds");
    assert_eq!(items(&list), [0, 1, 2, 3, 4, 6, 7, 8, 9]);
    assert_eq!(list.get(5).expect("a get succeeds"), Some(6));
    assert_eq!(list.len(), 9);
}

#[test]
fn a_list_reopened_by_its_name_holds_the_old_values() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut list = numbers(folder.path());
    list.remove(5).expect("a remove succeeds");
    list.close().expect("a close succeeds");
    let list = DiskList::<u64>::builder("sample").location(folder.path()).open().expect("it opens again");
    assert_eq!(items(&list), [0, 1, 2, 3, 4, 6, 7, 8, 9]);
}

#[test]
fn both_save_at_the_end_of_their_scope() {
    let folder = tempfile::tempdir().expect("a folder");
    {
        let _dict = letters(&folder.path().join("dicts"));
        let _list = numbers(&folder.path().join("lists"));
    }
    let dict = DiskDict::<u64, String>::builder("sample").location(folder.path().join("dicts")).open();
    let list = DiskList::<u64>::builder("sample").location(folder.path().join("lists")).open();
    assert_eq!(keys(&dict.expect("it opens again")), (0..10).collect::<Vec<_>>());
    assert_eq!(items(&list.expect("it opens again")), (0..10).collect::<Vec<_>>());
}

#[test]
fn both_stay_usable_after_a_flush() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut dict = letters(&folder.path().join("dicts"));
    let mut list = numbers(&folder.path().join("lists"));
    dict.flush().expect("a flush succeeds");
    list.flush().expect("a flush succeeds");
    dict.insert(10, "k".to_owned()).expect("an insert succeeds");
    list.push(10).expect("a push succeeds");
    assert_eq!((dict.len(), list.len()), (11, 11));
}

#[test]
fn two_names_in_one_location_are_two_collections() {
    let folder = tempfile::tempdir().expect("a folder");
    let open = |name: &str| DiskDict::<u64, u64>::builder(name).location(folder.path()).open().expect("it opens");
    let (mut one, mut two) = (open("x"), open("x1"));
    one.insert(1, 10).expect("an insert succeeds");
    two.insert(1, 20).expect("an insert succeeds");
    assert_eq!(one.get(&1).expect("a get succeeds"), Some(10));
    assert_eq!(two.get(&1).expect("a get succeeds"), Some(20));
}

#[test]
fn page_and_cache_sizes_are_parameters_and_may_change() {
    let folder = tempfile::tempdir().expect("a folder");
    for (page_size, max_pages) in [(4, 1), (1024, 16), (7, 2)] {
        let dict = DiskDict::<u64, u64>::builder("sizes").location(folder.path());
        let mut dict = dict.page_size(page_size).max_pages(max_pages).open().expect("it opens");
        for number in 0..500 {
            let old = dict.insert(number, number * number).expect("an insert succeeds");
            assert_eq!(old, dict_value_before(page_size, number));
        }
        let all: Vec<u64> = dict.values().collect::<Result<_, _>>().expect("the values are readable");
        assert!(all.into_iter().eq((0..500).map(|n| n * n)));
    }
}

/// What was there before: nothing in the first round.
fn dict_value_before(page_size: usize, number: u64) -> Option<u64> {
    (page_size != 4).then_some(number * number)
}

/// Runs one test of this file again in a process of its own, with another environment.
fn child(test: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("the test knows its own path"));
    command.args(["--exact", test, "--nocapture"]).env("SPEEDUP_TEST_CHILD", "1");
    command
}

fn is_child() -> bool {
    std::env::var_os("SPEEDUP_TEST_CHILD").is_some()
}

fn passes(command: &mut Command) {
    let output = command.output().expect("the test starts again");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

/// Whether something was written in this folder.
fn is_filled(folder: &Path) -> bool {
    std::fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some())
}

#[test]
fn an_empty_location_is_the_current_folder() {
    if is_child() {
        let mut list = DiskList::<u64>::builder("here").location("").open().expect("a new list opens");
        list.push(1).expect("a push succeeds");
        list.close().expect("a close succeeds");
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    passes(child("collections::an_empty_location_is_the_current_folder").current_dir(folder.path()));
    assert!(is_filled(folder.path()));
    let list = DiskList::<u64>::builder("here").location(folder.path()).open().expect("it opens again");
    assert_eq!(items(&list), [1]);
}

#[cfg(target_os = "linux")]
#[test]
fn the_default_location_is_a_folder_of_the_users_home() {
    if is_child() {
        let mut dict = DiskDict::<u64, u64>::open("sample").expect("a new dict opens");
        dict.insert(1, 2).expect("an insert succeeds");
        dict.close().expect("a close succeeds");
        return;
    }
    let home = tempfile::tempdir().expect("a folder");
    let name = "collections::the_default_location_is_a_folder_of_the_users_home";
    passes(child(name).env("HOME", home.path()).env_remove("XDG_DATA_HOME"));
    assert!(is_filled(&home.path().join(".local/share/speedup")));
    let other = home.path().join("data");
    passes(child(name).env("XDG_DATA_HOME", &other));
    assert!(is_filled(&other.join("speedup")));
}
