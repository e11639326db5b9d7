//! Log lines that a client can cause: so many in a while, and then only their number.

use std::sync::Mutex;
use std::time::Instant;

use crate::base::budgets::{LOG_LINES, LOG_LINES_TIME};
use crate::base::sync::lock;

/// Counts the lines of one kind.
#[derive(Debug, Default)]
pub(crate) struct Quiet(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// When the current period began, and the lines in it.
    since: Option<Instant>,
    lines: u64,
    left_out: u64,
}

impl Quiet {
    /// A kind of which no line was written yet.
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(State { since: None, lines: 0, left_out: 0 }))
    }

    /// Whether a line may be written now; if so, how many were left out before it.
    pub(crate) fn allow(&self, now: Instant) -> Option<u64> {
        let mut state = lock(&self.0);
        if state.since.is_none_or(|since| now.duration_since(since) >= LOG_LINES_TIME) {
            state.since = Some(now);
            state.lines = 0;
        }
        if state.lines >= LOG_LINES {
            state.left_out += 1;
            return None;
        }
        state.lines += 1;
        Some(std::mem::take(&mut state.left_out))
    }
}

#[cfg(test)]
mod tests;
