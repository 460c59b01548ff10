//! Counting by names that others choose.

use std::collections::HashMap;

/// Figures by name, for as many names as [`Figure::MOST_NAMES`]: the first ones that are met. What
/// has another name is counted together. Of longer names the first
/// [`LONGEST_NAME`](Self::LONGEST_NAME) characters count.
#[derive(Debug, Clone)]
pub struct Tally<T> {
    names: HashMap<Box<str>, T>,
    others: T,
    any_others: bool,
}

impl<T: Default> Default for Tally<T> {
    fn default() -> Self {
        Self {
            names: HashMap::new(),
            others: T::default(),
            any_others: false,
        }
    }
}

impl<T: Figure + Default> Tally<T> {
    /// In characters.
    pub const LONGEST_NAME: usize = 200;

    pub(super) fn add(&mut self, name: &str, add: impl FnOnce(&mut T)) {
        let name = match name.char_indices().nth(Self::LONGEST_NAME) {
            Some((end, _)) => &name[..end],
            None => name,
        };
        if let Some(figure) = self.names.get_mut(name) {
            return add(figure);
        }
        if self.names.len() < T::MOST_NAMES {
            return add(self.names.entry(name.into()).or_default());
        }
        self.any_others = true;
        add(&mut self.others);
    }

    /// The figures, those of the most frequent name first, and of names that are equally frequent
    /// in alphabetical order.
    pub fn top(&self) -> impl ExactSizeIterator<Item = (&str, &T)> {
        let mut names: Vec<_> = self.names.iter().map(|(name, t)| (&**name, t)).collect();
        names.sort_unstable_by(|(a, left), (b, right)| {
            right.count().cmp(&left.count()).then_with(|| a.cmp(b))
        });
        names.into_iter()
    }

    /// The figures in alphabetical order of the names.
    pub fn sorted(&self) -> impl ExactSizeIterator<Item = (&str, &T)> {
        let mut names: Vec<_> = self.names.iter().map(|(name, t)| (&**name, t)).collect();
        names.sort_unstable_by_key(|(name, _)| *name);
        names.into_iter()
    }

    /// What the names beyond [`Figure::MOST_NAMES`] have together, if there are any.
    pub fn others(&self) -> Option<&T> {
        self.any_others.then_some(&self.others)
    }
}

/// What has a number of capsules.
pub trait Figure {
    /// As many names have figures of their own.
    const MOST_NAMES: usize;

    /// How many they are.
    fn count(&self) -> u64;
}

impl Figure for u64 {
    const MOST_NAMES: usize = 10_000;

    fn count(&self) -> u64 {
        *self
    }
}

/// Each holds a histogram.
impl Figure for super::Group {
    const MOST_NAMES: usize = 1_000;

    fn count(&self) -> u64 {
        self.count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_without_end_take_a_bounded_room() {
        let mut tally = Tally::<u64>::default();
        for number in 0..u64::MOST_NAMES + 5 {
            tally.add(&format!("{number:05}"), |count| *count += 1);
        }
        tally.add("00007", |count| *count += 1);
        assert_eq!(tally.others(), Some(&5));
        assert_eq!(tally.top().len(), u64::MOST_NAMES);
        let first: Vec<_> = tally.top().take(2).collect();
        assert_eq!(first, [("00007", &2), ("00000", &1)]);
        assert_eq!(tally.sorted().next(), Some(("00000", &1)));
    }

    #[test]
    fn of_a_long_name_the_beginning_counts() {
        let mut tally = Tally::<u64>::default();
        for end in ["a", "b"] {
            tally.add(&("é".repeat(200) + end), |count| *count += 1);
        }
        assert_eq!(
            tally.top().map(|(_, count)| *count).collect::<Vec<_>>(),
            [2]
        );
        assert_eq!(tally.others(), None);
    }
}
