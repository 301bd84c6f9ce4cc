//! In which order a thread takes the members of groups.
//!
//! Source: A. Stivala, P. Stuckey et al., "Lock-free parallel dynamic programming", JPDC 70 (2010).

/// The order in which a worker takes the members of groups.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::cache) enum Order {
    /// First to last: who asked from outside.
    #[default]
    Forward,
    /// Last to first: the first helper.
    Backward,
    /// Another one in each group: all others. Of two that took the same way through a recursion, one would only wait for the other.
    Across(u32),
}

impl Order {
    /// The order of the helper on this seat.
    pub(in crate::cache) fn of_seat(seat: u32) -> Self {
        // Numbers that differ in all of their bits (Fibonacci hashing).
        if seat == 0 { Self::Backward } else { Self::Across(seat.wrapping_mul(0x9e37_79b9) | 1) }
    }

    /// The order of the next group.
    pub(in crate::cache) fn next(self) -> Self {
        match self {
            // A step of a 32-bit xorshift, which never comes to 0 (G. Marsaglia, "Xorshift RNGs", 2003).
            Self::Across(mut state) => {
                state ^= state << 13;
                state ^= state >> 17;
                state ^= state << 5;
                Self::Across(state)
            }
            same => same,
        }
    }

    /// The index of the member to take in this step.
    pub(in crate::cache) fn pick(self, step: usize, len: usize) -> usize {
        match self {
            Self::Forward => step,
            Self::Backward => len - 1 - step,
            // One bit turns back, so that there are two orders of a pair, and the others rotate.
            Self::Across(state) => {
                let at = (step + (state >> 1) as usize) % len;
                if state % 2 == 1 { at } else { len - 1 - at }
            }
        }
    }

    pub(in crate::cache) fn arrange(self, members: &mut [usize]) {
        match self {
            Self::Forward => {}
            Self::Backward => members.reverse(),
            Self::Across(_) => {
                let sorted = members.to_vec();
                for (step, member) in members.iter_mut().enumerate() {
                    *member = sorted[self.pick(step, sorted.len())];
                }
            }
        }
    }
}

/// Where on the board of who has invited it the helper on this seat first looks for a group, as a part of 2^32. Neighbouring groups of a
/// descent need nearly the same calls, so helpers that all began outermost would wait for each other. One or two get on best from there.
pub(in crate::cache) fn first_part(seat: u32, seats: u32) -> u32 {
    // Halves, quarters, and so on: as far from each other as can be for any number of them (J. van der Corput, "Verteilungsfunktionen", 1935).
    if seats < 3 { 0 } else { seat.reverse_bits() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_order_takes_every_member_once() {
        for order in [Order::Forward, Order::Backward].into_iter().chain((0..7).map(Order::of_seat)) {
            for len in 1..9 {
                let mut taken: Vec<_> = (0..len).map(|step| order.pick(step, len)).collect();
                let mut arranged: Vec<_> = (0..len).collect();
                order.arrange(&mut arranged);
                assert_eq!(taken, arranged);
                taken.sort_unstable();
                assert_eq!(taken, (0..len).collect::<Vec<_>>(), "{order:?}");
            }
        }
    }

    #[test]
    fn many_helpers_begin_far_from_each_other() {
        let eighths = |seats| (0..seats).map(|seat| first_part(seat, seats) >> 29).collect::<Vec<_>>();
        assert_eq!(eighths(2), [0, 0]);
        assert_eq!(eighths(8), [0, 4, 2, 6, 1, 5, 3, 7]);
    }
}
