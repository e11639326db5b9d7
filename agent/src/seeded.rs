//! Bugs on purpose, to measure what the tests can see. Only with the feature `seeded`, which is not for shipping.
//!
//! [`with`] chooses one for a thread. Without a choice everything is as it is without the feature.

use std::cell::Cell;

/// A mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Bug {
    /// `Debug` of the key store shows the keys.
    B44,
}

impl Bug {
    /// All of them, in order.
    pub const ALL: &'static [Self] = &[Self::B44];
}

thread_local! {
    static CHOSEN: Cell<Option<Bug>> = const { Cell::new(None) };
}

/// Puts back what was chosen before, after a panic too.
struct Before(Option<Bug>);

impl Drop for Before {
    fn drop(&mut self) {
        CHOSEN.set(self.0);
    }
}

/// Makes the mistake in what `run` does on this thread.
pub fn with<T>(bug: Bug, run: impl FnOnce() -> T) -> T {
    let _before = Before(CHOSEN.replace(Some(bug)));
    run()
}

pub(crate) fn has(bug: Bug) -> bool {
    CHOSEN.get() == Some(bug)
}
