//! What was asked for lately.

use std::collections::VecDeque;

/// Values by keys: those that were used last, and no more than agreed.
#[derive(Debug)]
pub(crate) struct Recent<K, V> {
    /// The last used comes first.
    entries: VecDeque<(K, V)>,
    most: usize,
}

impl<K: PartialEq, V> Recent<K, V> {
    pub(crate) fn new(most: usize) -> Self {
        Self {
            entries: VecDeque::new(),
            most,
        }
    }

    pub(crate) fn get(&mut self, key: &K) -> Option<&mut V> {
        let place = self.entries.iter().position(|(known, _)| known == key)?;
        if place > 0 {
            let entry = self.entries.remove(place)?;
            self.entries.push_front(entry);
        }
        self.entries.front_mut().map(|(_, value)| value)
    }

    pub(crate) fn insert(&mut self, key: K, value: V) {
        self.remove(&key);
        self.entries.truncate(self.most.saturating_sub(1));
        self.entries.push_front((key, value));
    }

    pub(crate) fn remove(&mut self, key: &K) {
        self.entries.retain(|(known, _)| known != key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_used_for_longest_goes_first() {
        let mut recent = Recent::new(2);
        recent.insert("a", 1);
        recent.insert("b", 2);
        assert_eq!(recent.get(&"a"), Some(&mut 1));
        recent.insert("c", 3);
        assert_eq!(recent.get(&"b"), None);
        recent.insert("a", 4);
        assert_eq!(recent.get(&"a"), Some(&mut 4));
        assert_eq!(recent.get(&"c"), Some(&mut 3));
        recent.remove(&"a");
        assert_eq!(recent.get(&"a"), None);
    }
}
