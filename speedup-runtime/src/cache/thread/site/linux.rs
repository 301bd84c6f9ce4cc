//! Where a thread sleeps that belongs to no pool.
//!
//! Whoever calls rayon from outside sleeps on a latch in a thread-local variable of rayon's, until the pool is done. How far
//! that variable lies from one of ours is the same in every thread, and is measured once. Linux tells, for a thread that
//! sleeps in `futex(2)`, the address that it sleeps on.

/// What a thread is doing.
#[cfg_attr(not(all(target_os = "linux", not(miri))), allow(dead_code, reason = "there is no telling"))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cache) enum Sleep {
    /// It runs, or is about to.
    Not,
    /// It sleeps where rayon has threads from outside sleep.
    Rayon,
    /// It sleeps for another reason.
    Otherwise,
    /// It sleeps on a lock that may be rayon's, or there is no telling.
    Unclear,
}

#[cfg(all(target_os = "linux", not(miri)))]
pub(super) use self::proc::{handle, is_joined_at, joins_at, sleep, this_thread};

/// The system's number of the calling thread, and the address of a thread-local variable.
#[cfg(not(all(target_os = "linux", not(miri))))]
pub(super) fn this_thread() -> (u32, usize) {
    (0, 0)
}

/// What names the calling thread to who joins it.
#[cfg(not(all(target_os = "linux", not(miri))))]
pub(super) fn handle() -> usize {
    0
}

/// Where the thread with this number sleeps, if it may be joining another one.
#[cfg(not(all(target_os = "linux", not(miri))))]
pub(super) fn joins_at(_thread: u32) -> Option<usize> {
    None
}

/// Whether who sleeps there joins the thread with this handle.
#[cfg(not(all(target_os = "linux", not(miri))))]
pub(super) fn is_joined_at(_handle: usize, _at: usize) -> bool {
    false
}

/// What the thread is doing whose number and variable these are.
#[cfg(not(all(target_os = "linux", not(miri))))]
pub(super) fn sleep(_thread: u32, _mark: usize) -> Sleep {
    Sleep::Unclear
}

#[cfg(all(target_os = "linux", not(miri)))]
mod proc {
    use std::{cell::Cell, fs, os::unix::thread::JoinHandleExt, sync::mpsc::sync_channel, thread, time::Duration};

    use once_cell::sync::Lazy;

    use super::Sleep;

    thread_local! {
        /// Where this lies in a thread says where rayon's latch lies.
        static MARK: Cell<u8> = const { Cell::new(0) };
    }

    /// A scope of rayon's that was entered in place has its latch in the frame of the function that made it, which is not
    /// farther than this from the frames that sleep.
    const FRAMES: usize = 16 * 1024;

    /// How far rayon's latch lies from [`MARK`], the same in all threads; `None` where it could not be measured.
    static DISTANCE: Lazy<Option<usize>> = Lazy::new(|| {
        let first = measure()?;
        (measure() == Some(first)).then_some(first)
    });

    /// The system's number of the calling thread, and the address of its [`MARK`].
    pub(in super::super) fn this_thread() -> (u32, usize) {
        // SAFETY: the call takes nothing and cannot fail.
        let thread = unsafe { libc::syscall(libc::SYS_gettid) };
        (thread as u32, MARK.with(|mark| std::ptr::from_ref(mark) as usize))
    }

    /// What the thread is doing whose number and variable these are.
    pub(in super::super) fn sleep(thread: u32, mark: usize) -> Sleep {
        match blocked(thread) {
            Some(Blocked::Not) => Sleep::Not,
            Some(Blocked::Otherwise) => Sleep::Otherwise,
            Some(Blocked::OnFutex { at, stack }) => match *DISTANCE {
                Some(distance) if at == mark.wrapping_add(distance) => Sleep::Rayon,
                Some(_) if at.wrapping_sub(stack) >= FRAMES => Sleep::Otherwise,
                _ => Sleep::Unclear,
            },
            None => Sleep::Unclear,
        }
    }

    /// How far from its handle those sleep who join a thread, the same for all threads; `None` where it could not be measured.
    static JOIN: Lazy<Option<usize>> = Lazy::new(|| {
        let first = measure_join()?;
        (measure_join() == Some(first)).then_some(first)
    });

    /// What names the calling thread to who joins it.
    pub(in super::super) fn handle() -> usize {
        // SAFETY: the call takes nothing and cannot fail.
        unsafe { libc::pthread_self() as usize }
    }

    /// Where the thread with this number sleeps, if it may be joining another one.
    pub(in super::super) fn joins_at(thread: u32) -> Option<usize> {
        match blocked(thread)? {
            Blocked::OnFutex { at, .. } => Some(at),
            Blocked::Not | Blocked::Otherwise => None,
        }
    }

    /// Whether who sleeps there joins the thread with this handle.
    pub(in super::super) fn is_joined_at(handle: usize, at: usize) -> bool {
        JOIN.is_some_and(|distance| handle != 0 && at == handle.wrapping_add(distance))
    }

    /// Looks where a thread sleeps that certainly joins another.
    fn measure_join() -> Option<usize> {
        let (tell, told) = sync_channel::<u32>(1);
        let (end, ended) = sync_channel::<u32>(1);
        let joined = start(Box::new(move || ended.recv().ok().map(|_| 0)))?;
        let handle = joined.as_pthread_t() as usize;
        let joins = start(Box::new(move || {
            let _ = tell.send(this_thread().0);
            joined.join().ok().flatten()
        }));
        let number = told.recv().ok()?;
        let found = (0..200).find_map(|_| {
            thread::sleep(Duration::from_micros(50));
            let distance = joins_at(number)?.wrapping_sub(handle);
            // Within what the system knows of a thread; it may sleep for a moment on its way.
            (distance < 8 * 1024).then_some(distance)
        });
        drop(end);
        joins?.join().ok()?;
        found
    }

    /// What a thread finds out.
    type Found = Option<usize>;

    /// Starts a thread. Nothing of it is generic: that is much code for each type.
    fn start(run: Box<dyn FnOnce() -> Found + Send>) -> Option<thread::JoinHandle<Found>> {
        thread::Builder::new().spawn(run).ok()
    }

    enum Blocked {
        Not,
        /// In a futex: its address, and how far the stack reaches down.
        OnFutex {
            at: usize,
            stack: usize,
        },
        Otherwise,
    }

    /// In which call of the system a thread of this process is; `None` where the system does not tell.
    fn blocked(thread: u32) -> Option<Blocked> {
        // Either `running`, or the number of the call (-1 for none), its six arguments, the stack pointer and the next
        // instruction.
        let text = fs::read_to_string(format!("/proc/self/task/{thread}/syscall")).ok()?;
        let mut words = text.split_whitespace();
        let call = words.next()?;
        if call == "running" {
            return Some(Blocked::Not);
        }
        if call.parse::<libc::c_long>().ok()? != libc::SYS_futex {
            return Some(Blocked::Otherwise);
        }
        let hex = |word: &str| usize::from_str_radix(word.trim_start_matches("0x"), 16).ok();
        Some(Blocked::OnFutex { at: hex(words.next()?)?, stack: hex(words.nth(5)?)? })
    }

    /// Looks where a thread sleeps that certainly sleeps in rayon.
    fn measure() -> Option<usize> {
        let sleeper = start(Box::new(|| {
            let (sleeper, mark) = this_thread();
            let pool = rayon_core::ThreadPoolBuilder::new().num_threads(1).build().ok()?;
            pool.install(|| {
                (0..200).find_map(|_| {
                    thread::sleep(Duration::from_micros(50));
                    match blocked(sleeper)? {
                        Blocked::OnFutex { at, .. } => Some(at.wrapping_sub(mark)),
                        _ => None,
                    }
                })
            })
        }));
        sleeper?.join().ok()?
    }

    #[cfg(test)]
    mod tests {
        use std::{
            io::Read,
            os::unix::net::UnixStream,
            sync::{Arc, Condvar, Mutex, mpsc::sync_channel},
        };

        use super::*;

        /// What a thread is seen doing while it does this, once it sleeps; `end` ends it.
        fn seen(what: impl FnOnce() + Send + 'static, end: impl FnOnce()) -> Sleep {
            let (sender, receiver) = sync_channel(1);
            let thread = thread::spawn(move || {
                sender.send(this_thread()).expect("somebody listens");
                what();
            });
            let (number, mark) = receiver.recv().expect("it has begun");
            // It may sleep for a moment on its way to where it stays: what counts is what it does ever after.
            let mut seen = (Sleep::Not, 0);
            while seen.1 < 20 {
                thread::sleep(Duration::from_millis(1));
                let now = sleep(number, mark);
                seen = (now, if now == seen.0 && now != Sleep::Not { seen.1 + 1 } else { 0 });
            }
            end();
            thread.join().expect("it has ended");
            seen.0
        }

        #[test]
        fn who_waits_for_a_pool_is_told_from_who_waits_for_anything_else() {
            let gate = || {
                let gate = Arc::new((Mutex::new(false), Condvar::new()));
                let (inner, outer) = (gate.clone(), gate);
                let wait = move || drop(inner.1.wait_while(inner.0.lock().expect("sound"), |open| !*open));
                let open = move || {
                    *outer.0.lock().expect("sound") = true;
                    outer.1.notify_all();
                };
                (wait, open)
            };
            let (wait, open) = gate();
            assert_eq!(seen(wait, open), Sleep::Otherwise);
            let (wait, open) = gate();
            let pool = rayon_core::ThreadPoolBuilder::new().num_threads(1).build().expect("a pool");
            assert_eq!(seen(move || pool.install(wait), open), Sleep::Rayon);
            let (wait, open) = gate();
            assert_eq!(seen(|| rayon_core::join(wait, || ()).0, open), Sleep::Rayon);
            let (wait, open) = gate();
            assert_eq!(seen(move || rayon_core::scope(|scope| scope.spawn(|_| wait())), open), Sleep::Rayon);
            // The latch of this one lies on the stack.
            let (wait, open) = gate();
            assert_eq!(seen(move || rayon_core::in_place_scope(|scope| scope.spawn(|_| wait())), open), Sleep::Unclear);
            let (sender, receiver) = sync_channel::<()>(0);
            assert_eq!(seen(move || assert!(receiver.recv().is_err()), || drop(sender)), Sleep::Otherwise);
            // Not on a futex.
            let (mut reader, writer) = UnixStream::pair().expect("a pair");
            assert_eq!(
                seen(move || assert_eq!(reader.read(&mut [0]).ok(), Some(0)), || drop(writer)),
                Sleep::Otherwise
            );
        }
    }
}
