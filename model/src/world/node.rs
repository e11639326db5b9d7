//! A running core with its visible state.

use std::hash::{Hash, Hasher};
use std::ops::Deref;

use certrotate_core::config::Config;
use certrotate_core::id::RunId;
use certrotate_core::input::Input;
use certrotate_core::rotator::{Rotator, Step};
use certrotate_core::time::Now;
use certrotate_core::trace::TraceRecord;
use certrotate_core::view::{View, Wake};

/// A machine with its view and its wake. They are needed a dozen times after each step and read from
/// the machine once.
#[derive(Clone, Debug)]
pub struct Node {
    machine: Rotator,
    view: View,
    wake: Wake,
}

impl Node {
    /// A machine that has not been given its first input.
    #[must_use]
    pub fn new(config: Config, run: RunId) -> Self {
        let machine = Rotator::new(config, run);
        Self { view: machine.view(), wake: machine.wake(), machine }
    }

    /// Returns the view.
    #[must_use]
    pub const fn view(&self) -> &View {
        &self.view
    }

    /// Returns the latest time of the next tick.
    #[must_use]
    pub const fn wake(&self) -> Wake {
        self.wake
    }

    /// Takes one input.
    pub fn step(&mut self, now: Now, input: Input) -> Step {
        self.with(|machine| machine.step(now, input))
    }

    /// Takes one input and records it.
    pub(super) fn record(&mut self, seq: u64, now: Now, input: Input) -> (TraceRecord, Step) {
        self.with(|machine| TraceRecord::with_step(machine, seq, now, input))
    }

    fn with<T>(&mut self, act: impl FnOnce(&mut Rotator) -> T) -> T {
        let done = act(&mut self.machine);
        (self.view, self.wake) = (self.machine.view(), self.machine.wake());
        done
    }
}

impl Deref for Node {
    type Target = Rotator;

    fn deref(&self) -> &Rotator {
        &self.machine
    }
}

impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.machine == other.machine
    }
}

impl Eq for Node {}

impl Hash for Node {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.machine.hash(state);
    }
}
