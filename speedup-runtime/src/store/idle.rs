//! Connections that nobody uses now.

use std::process;

/// Those of this process, the last used on top. A fork has copies of its parent's, over which it would read what the other has asked.
#[derive(Debug)]
pub(super) struct Idle<C> {
    connections: Vec<C>,
    of: u32,
}

impl<C> Idle<C> {
    pub(super) fn new() -> Self {
        Self { connections: Vec::new(), of: process::id() }
    }

    /// Takes one, which is then used by the caller alone.
    pub(super) fn take(&mut self) -> Option<C> {
        self.see_whose();
        self.connections.pop()
    }

    /// Puts one back that has answered all that it was asked, unless there are enough.
    pub(super) fn put(&mut self, connection: C, most: usize) {
        self.see_whose();
        if self.connections.len() < most {
            self.connections.push(connection);
        }
    }

    pub(super) fn clear(&mut self) {
        self.connections.clear();
    }

    fn see_whose(&mut self) {
        let process = process::id();
        if self.of != process {
            self.of = process;
            self.connections.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_of_another_process_are_not_used() {
        let mut idle = Idle::new();
        idle.put(1, 2);
        idle.put(2, 2);
        idle.put(3, 2);
        assert_eq!(idle.take(), Some(2));
        // As a fork finds it.
        idle.of = idle.of.wrapping_add(1);
        assert_eq!(idle.take(), None);
        idle.put(4, 2);
        assert_eq!([idle.take(), idle.take()], [Some(4), None]);
    }
}
