//! A short map without an allocation.

use std::hash::{Hash, Hasher};

use crate::list::List;

/// At most `N` keys with a value each; a further key replaces the oldest.
#[derive(Clone, Copy, Debug)]
pub struct Map<K, V, const N: usize> {
    pairs: List<Option<(K, V)>, N>,
}

impl<K: Copy + PartialEq, V: Copy, const N: usize> Map<K, V, N> {
    /// Sets the value of a key, which becomes the newest.
    pub fn insert(&mut self, key: K, value: V) {
        self.remove(key);
        self.pairs.push_out(Some((key, value)));
    }

    /// Removes a key.
    pub fn remove(&mut self, key: K) -> Option<V> {
        let value = self.get(key);
        self.pairs.retain(|pair| pair.is_none_or(|(known, _)| known != key));
        value
    }

    /// A key's value.
    #[must_use]
    pub fn get(&self, key: K) -> Option<V> {
        self.iter().find(|(known, _)| *known == key).map(|(_, value)| value)
    }

    /// Changes a key's value, if it has one.
    pub fn change(&mut self, key: K, change: impl FnOnce(&mut V)) {
        if let Some((_, value)) = self.pairs.iter_mut().flatten().find(|(known, _)| *known == key) {
            change(value);
        }
    }

    /// The keys with their values, the oldest first.
    pub fn iter(&self) -> impl Iterator<Item = (K, V)> {
        self.pairs.iter().flatten().copied()
    }

    /// All values.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.pairs.iter_mut().flatten().map(|(_, value)| value)
    }

    /// Removes every key.
    pub fn clear(&mut self) {
        self.pairs.clear();
    }
}

impl<K: Copy, V: Copy, const N: usize> Default for Map<K, V, N> {
    fn default() -> Self {
        Self { pairs: List::default() }
    }
}

impl<K: Hash, V: Hash, const N: usize> Hash for Map<K, V, N> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.pairs.hash(state);
    }
}
