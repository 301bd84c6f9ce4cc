//! Models of two threads that open the first structures of a process.

use loom::cell::UnsafeCell;
use loom::sync::{Arc, Mutex};
use loom::thread;

use super::{Forks, OfProcess};

#[test]
fn loom_who_goes_on_finds_the_hook_for_forks_in_place() {
    loom::model(|| {
        let (forks, hooks) = (Arc::new(Forks::new()), Arc::new(Mutex::new(0)));
        let open = |forks: &Forks, hooks: &Mutex<u32>| {
            let before = forks.watch(|| *hooks.lock().unwrap() += 1);
            // What a fork at this moment would run.
            let placed = *hooks.lock().unwrap();
            assert!(placed > 0 && before == 0, "a fork would not be noticed");
        };
        let (others, theirs) = (forks.clone(), hooks.clone());
        let thread = thread::spawn(move || open(&others, &theirs));
        open(&forks, &hooks);
        thread.join().unwrap();
        forks.add();
        assert_eq!(forks.watch(|| unreachable!("it is in place")), 1);
    });
}

#[test]
fn loom_what_belongs_to_a_process_is_made_once_and_left_behind_by_a_fork() {
    loom::model(|| {
        let value = Arc::new(OfProcess::new());
        let make = || Box::new(UnsafeCell::new(7));
        // SAFETY: the checker reports who writes it meanwhile.
        let look = |cell: &UnsafeCell<u32>| (cell.with(|number| unsafe { *number }), std::ptr::from_ref(cell) as usize);
        let theirs = value.clone();
        let thread = thread::spawn(move || look(theirs.get_or(make)));
        let found = look(value.get_or(make));
        assert_eq!(found.0, 7);
        assert_eq!(thread.join().unwrap(), found);
        value.leave();
        assert!(value.there().is_none());
    });
}
