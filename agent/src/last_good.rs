//! The last good version of a file that other programs replace.

use std::fmt::Display;
use std::sync::{Arc, Mutex, PoisonError};

/// The last good version, and the problem of the latest read.
///
/// A writer that does not rename leaves a cut file for a moment. The good version stays in use meanwhile. Each problem is
/// logged once, not at each read.
#[derive(Debug)]
pub(crate) struct LastGood<T>(Mutex<State<T>>);

#[derive(Debug)]
struct State<T> {
    good: Option<Arc<T>>,
    problem: Option<String>,
}

impl<T> Default for LastGood<T> {
    fn default() -> Self {
        Self(Mutex::new(State { good: None, problem: None }))
    }
}

impl<T: PartialEq> LastGood<T> {
    /// Returns the last good version, if there was one.
    pub(crate) fn get(&self) -> Option<Arc<T>> {
        self.change(|state| state.good.clone())
    }

    /// Keeps a good version, and logs it if `name` had another one or a problem. `describe` says what it is.
    pub(crate) fn accept(&self, new: T, name: &dyn Display, describe: impl FnOnce(&T) -> String) -> Arc<T> {
        self.change(|state| {
            let problem = state.problem.take();
            let new = Arc::new(new);
            let old = state.good.replace(Arc::clone(&new));
            if old.is_some_and(|old| old != new) {
                tracing::info!("{name} changed: {}; it is used from now on", describe(&new));
            } else if problem.is_some() {
                tracing::info!("{name} is usable again: {}", describe(&new));
            }
            new
        })
    }

    /// Returns the last good version after a read that failed, and logs the problem if it is another than before.
    pub(crate) fn fall_back(&self, problem: &dyn Display, name: &dyn Display) -> Option<Arc<T>> {
        self.change(|state| {
            let good = state.good.clone()?;
            let problem = problem.to_string();
            if state.problem.as_ref() != Some(&problem) {
                tracing::warn!(
                    "{name} cannot be used now: {problem}; the last good version stays in use, and the file is read again"
                );
                state.problem = Some(problem);
            }
            Some(good)
        })
    }

    /// Forgets the good version: the file was removed on purpose.
    pub(crate) fn forget(&self) {
        self.change(|state| state.good = None);
    }

    fn change<R>(&self, change: impl FnOnce(&mut State<T>) -> R) -> R {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
