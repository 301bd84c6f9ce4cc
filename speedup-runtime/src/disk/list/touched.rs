//! Which items of a list a batch of changes touches, by where they were before the first of them.
//!
//! The pages that changes need are read before they are noted, and each change moves the positions behind it.

use crate::disk::joint::Step;

/// Into how many pieces changes may part a list before any item counts as touched.
const PIECES: usize = 4096;

/// Some items in a row.
#[derive(Clone, Copy, Debug)]
struct Piece {
    /// Where they were before; `None` for new ones.
    from: Option<u64>,
    len: u64,
}

/// What a list consists of while it changes.
struct Pieces {
    pieces: Vec<Piece>,
    /// Where touched items were.
    touched: Vec<u64>,
}

/// Where the touched items of a list of `len` items were, in order; `None` if any may be touched.
pub(super) fn touched(len: u64, steps: &[Step]) -> Option<Vec<u64>> {
    let whole = (len > 0).then_some(Piece { from: Some(0), len });
    let mut list = Pieces { pieces: whole.into_iter().collect(), touched: Vec::new() };
    for step in steps {
        match *step {
            Step::Push(_) => list.push(),
            Step::Insert(at, _) => list.insert(at),
            Step::Set(at, _) => list.touch(at),
            Step::Cut(from, to) => list.cut(from, to),
            Step::Put(..) | Step::Remove(_) | Step::Since(_) => {}
        }
        if list.pieces.len() > PIECES {
            return None;
        }
    }
    list.touched.sort_unstable();
    list.touched.dedup();
    Some(list.touched)
}

impl Pieces {
    /// The piece that holds a position, and the place in it; `None` past the end.
    fn find(&self, at: u64) -> Option<(usize, u64)> {
        let mut before = 0;
        for (index, piece) in self.pieces.iter().enumerate() {
            if at - before < piece.len {
                return Some((index, at - before));
            }
            before += piece.len;
        }
        None
    }

    fn touch(&mut self, at: u64) {
        if let Some((index, offset)) = self.find(at) {
            self.touched.extend(self.pieces[index].from.map(|from| from + offset));
        }
    }

    /// Lets a piece begin at a position, and says which; past the end, the one that is still to come.
    fn part(&mut self, at: u64) -> usize {
        match self.find(at) {
            None => self.pieces.len(),
            Some((index, 0)) => index,
            Some((index, offset)) => {
                let Piece { from, len } = self.pieces[index];
                self.pieces[index].len = offset;
                self.pieces.insert(index + 1, Piece { from: from.map(|from| from + offset), len: len - offset });
                index + 1
            }
        }
    }

    fn push(&mut self) {
        match self.pieces.last_mut() {
            Some(Piece { from: None, len }) => *len += 1,
            last => {
                self.touched.extend(last.and_then(|&mut Piece { from, len }| Some(from? + len - 1)));
                self.pieces.push(Piece { from: None, len: 1 });
            }
        }
    }

    fn insert(&mut self, at: u64) {
        // Whichever of its neighbours' pages it comes to lie in.
        self.touch(at);
        if let Some(before) = at.checked_sub(1) {
            self.touch(before);
        }
        if let Some((index, _)) = self.find(at).filter(|&(index, _)| self.pieces[index].from.is_none()) {
            self.pieces[index].len += 1;
            return;
        }
        let index = self.part(at);
        match index.checked_sub(1).map(|before| &mut self.pieces[before]) {
            Some(Piece { from: None, len }) => *len += 1,
            _ => self.pieces.insert(index, Piece { from: None, len: 1 }),
        }
    }

    fn cut(&mut self, from: u64, to: u64) {
        if from < to {
            self.touch(from);
            self.touch(to - 1);
            let first = self.part(from);
            let end = self.part(to);
            self.pieces.drain(first..end);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Makes the changes to a list of positions, and tells where each touched item, and each of its neighbours, was.
    fn slowly(len: u64, steps: &[Step]) -> Vec<u64> {
        let mut list: Vec<Option<u64>> = (0..len).map(Some).collect();
        let mut touched = Vec::new();
        for step in steps {
            let places: Vec<usize> = match *step {
                Step::Push(_) => list.len().checked_sub(1).into_iter().collect(),
                Step::Insert(at, _) => (at as usize).checked_sub(1).into_iter().chain([at as usize]).collect(),
                Step::Set(at, _) => vec![at as usize],
                Step::Cut(from, to) => vec![from as usize, to as usize - 1],
                _ => Vec::new(),
            };
            touched.extend(places.into_iter().filter_map(|at| *list.get(at)?));
            match *step {
                Step::Push(_) => list.push(None),
                Step::Insert(at, _) => list.insert(at as usize, None),
                Step::Cut(from, to) => drop(list.drain(from as usize..to as usize)),
                _ => {}
            }
        }
        touched.sort_unstable();
        touched.dedup();
        touched
    }

    #[test]
    fn touched_items_are_found_wherever_changes_have_moved_them() {
        let mut random = 7_u64;
        let mut below = |most: u64| {
            random = random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            (random >> 33) % most
        };
        for round in 0..200 {
            let before = below(40);
            let (mut len, mut steps) = (before, Vec::new());
            for _ in 0..below(60) {
                match below(5) {
                    0 => steps.push(Step::Push(Vec::new())),
                    1 => steps.push(Step::Insert(below(len + 1), Vec::new())),
                    2 if len > 0 => steps.push(Step::Set(below(len), Vec::new())),
                    _ if len > 0 => {
                        let from = below(len);
                        let to = from + 1 + below((len - from).min(4));
                        steps.push(Step::Cut(from, to));
                        len -= to - from;
                        continue;
                    }
                    _ => continue,
                }
                len += u64::from(!matches!(steps.last(), Some(Step::Set(..))));
            }
            assert_eq!(touched(before, &steps), Some(slowly(before, &steps)), "round {round}: {steps:?}");
        }
    }

    #[test]
    fn changes_everywhere_may_touch_anything() {
        let steps: Vec<Step> = (0..PIECES as u64).map(|n| Step::Insert(3 * n + 1, Vec::new())).collect();
        assert_eq!(touched(1 << 20, &steps), None);
        assert_eq!(touched(1 << 20, &steps[..9]).map(|places| places.len()), Some(18));
    }
}
