//! The table of seeded bugs.
//!
//! A check that has never failed shows nothing. Each [`Bug`] is a defect that an engineer could introduce, or one
//! that another project shipped. A test harness that runs with one must report it, under an invariant that the
//! table names beforehand.
//!
//! # Example
//!
//! ```
//! use certrotate_seeded_bugs::{Bug, Home, is_chosen, with};
//!
//! let bug = Bug::parse("X6").expect("a bug of the store");
//! assert_eq!((bug.home(), bug.breaks()), (Home::Store, ["S3", "S4"].as_slice()));
//! assert!(with(bug, || is_chosen(bug)));
//! assert!(!is_chosen(bug));
//! ```

use std::cell::Cell;

mod home;
mod incidents;
mod table;

pub use home::Home;
pub use incidents::INCIDENTS;
pub use table::Bug;

impl Bug {
    /// Returns the bug with this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|bug| bug.name() == name)
    }

    /// Returns the bugs of the state machine, in order.
    pub fn of_core() -> impl Iterator<Item = Self> {
        Self::ALL.iter().copied().filter(|bug| bug.home() == Home::Core)
    }

    /// Returns the bugs that the engines of the model look for, in order.
    pub fn of_engines() -> impl Iterator<Item = Self> {
        Self::ALL.iter().copied().filter(|bug| bug.home().tests().is_none())
    }

    /// Returns the bugs that tests of other crates look for, in order.
    pub fn of_tests() -> impl Iterator<Item = Self> {
        Self::ALL.iter().copied().filter(|bug| bug.home().tests().is_some())
    }
}

thread_local! {
    static CHOSEN: Cell<Option<Bug>> = const { Cell::new(None) };
}

/// Restores the previous choice, after a panic too.
struct Before(Option<Bug>);

impl Drop for Before {
    fn drop(&mut self) {
        CHOSEN.set(self.0);
    }
}

/// Runs `run` with a bug chosen for this thread. Code that takes no configuration asks [`is_chosen`].
pub fn with<T>(bug: Bug, run: impl FnOnce() -> T) -> T {
    let _before = Before(CHOSEN.replace(Some(bug)));
    run()
}

/// Whether this bug is chosen for this thread.
#[must_use]
pub fn is_chosen(bug: Bug) -> bool {
    CHOSEN.get() == Some(bug)
}

#[cfg(test)]
mod tests;
