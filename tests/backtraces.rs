//! What a backtrace shows of cached calls: the user's names, one frame a level.

use std::backtrace::Backtrace;
use std::sync::Mutex;

use speedup::cache;

static SEEN: Mutex<String> = Mutex::new(String::new());

#[cache]
fn staircase(step: u32) -> u32 {
    if step == 0 {
        *SEEN.lock().expect("one test writes here") = Backtrace::force_capture().to_string();
        return 0;
    }
    staircase(step - 1) + 1
}

#[test]
fn a_level_of_a_recursion_is_one_frame_with_the_functions_own_name() {
    const STEPS: u32 = 12;
    assert_eq!(staircase(STEPS), STEPS);
    let seen = SEEN.lock().expect("the test writes here");
    let frames = seen.lines().filter(|line| line.trim_start().starts_with(|first: char| first.is_ascii_digit()));
    let bodies = frames.filter(|line| line.contains("staircase_uncached")).count();
    assert_eq!(bodies as u32, STEPS + 1, "{seen}");
    assert!(seen.contains("backtraces::a_level_of_a_recursion"), "down to who called: {seen}");
}
