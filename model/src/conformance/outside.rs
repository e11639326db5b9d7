//! The simulated environment as a driver sees it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use certrotate_core::config::Config;
use certrotate_core::id::{Handle, RunId};
use certrotate_core::input::{Action, Input};
use certrotate_core::rotator::Step;
use certrotate_core::time::{Now, Span};

use crate::conformance::judge::Judge;
use crate::conformance::promise::Promise;

/// A driver under test: the loop of an embedding program around core, on the kit's disk, issuer, keys and clocks.
pub trait Driver {
    /// Runs one process: starts a `Rotator` with this configuration and drives it, until core exits or
    /// [`Outside::wait`] returns `None`. Nothing that it keeps in memory reaches the next call.
    fn run(&mut self, config: Config, outside: &Outside);
}

impl<F: FnMut(Config, &Outside)> Driver for F {
    fn run(&mut self, config: Config, outside: &Outside) {
        self(config, outside);
    }
}

/// Disk, issuer, key store, clocks and sink of the driver under test. Cheap to clone, and usable from every thread.
#[derive(Clone)]
pub struct Outside(pub(super) Arc<Mutex<Judge>>);

impl std::fmt::Debug for Outside {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outside").finish_non_exhaustive()
    }
}

impl Outside {
    pub(super) fn lock(&self) -> MutexGuard<'_, Judge> {
        // A driver that panics ends its scenario. What the judge has noted until then is in order.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says that a run starts, with the `RunId` that the driver drew.
    pub fn started(&self, run: RunId) {
        self.lock().started(run);
    }

    /// Reads both clocks. They stand still except in [`Self::wait`] and [`Self::finish`].
    #[must_use]
    pub fn now(&self) -> Now {
        self.lock().now()
    }

    /// Says that the driver took a step. Call it after `Rotator::step` and before the actions are carried out.
    pub fn stepped(&self, now: Now, input: &Input, step: &Step) {
        self.lock().stepped(now, input, Some(step));
    }

    /// Takes the step in the kit's core, for a driver whose language has none. Returns `None` where the run is over.
    #[must_use]
    pub fn step(&self, now: Now, input: &Input) -> Option<Step> {
        self.lock().stepped(now, input, None)
    }

    /// Whether core has exited: the driver carries out the last step and ends.
    #[must_use]
    pub fn has_exited(&self) -> bool {
        self.lock().has_exited()
    }

    /// Whether the process was killed, core has exited, or the scenario is over.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.lock().has_ended()
    }

    /// Begins a disk command, a key or a call, whose answer [`Self::wait`] returns; or carries out another action.
    pub fn begin(&self, action: &Action) {
        self.lock().carry_out(action, false);
    }

    /// Carries out a disk command, makes a key, or makes a call, and returns the answer. Time passes meanwhile. Returns `None` where
    /// there is no answer yet (a watch), and where the process was killed.
    #[must_use]
    pub fn finish(&self, action: &Action) -> Option<Input> {
        self.lock().carry_out(action, true)
    }

    /// Says that the driver erased these keys and chains. It has those of each answer that [`Self::wait`] or [`Self::finish`]
    /// returned.
    pub fn erase(&self, handles: &[Handle]) {
        self.lock().erase(handles);
    }

    /// Returns how long the driver may sleep from `now` on, by the kit's core: `Rotator::sleep`, for a driver whose language has
    /// no core.
    #[must_use]
    pub fn sleep(&self, now: Now) -> Option<Duration> {
        self.lock().sleep(now)
    }

    /// Sleeps for this time, or until an answer or a request of the operator comes. Returns the next input; `Tick` if it is none
    /// of these. Returns `None` where the process was killed: the driver returns.
    #[must_use]
    pub fn wait(&self, sleep: Duration) -> Option<Input> {
        let sleep = Span::from_duration(sleep);
        self.lock().wait(sleep)
    }

    /// Notes a promise that the adapter of a driver finds broken, and ends the scenario.
    pub fn broken(&self, promise: Promise, detail: impl Into<String>) {
        self.lock().breaks(promise, detail);
    }
}
