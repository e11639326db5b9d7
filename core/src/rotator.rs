//! The state machine.

use alloc::vec::Vec;
use core::time::Duration;

use crate::common::{Common, Cx};
use crate::config::Config;
use crate::id::{CertHandle, KeyHandle, RunId};
use crate::in_memory::rescue_at;
use crate::input::{Action, Disposition, Input};
use crate::renewal::{Renewal, disposition};
use crate::serving::{Identity, Judged, Source};
use crate::time::{MonoTime, Now, Span, WallTime};
use crate::view::{ClosedGate, Failures, Handle, View, Wake, WakeReason};

/// The rotation of one identity, as a value. Give it one [`Input`] at a time, carry out the [`Action`]s that it returns,
/// sleep for [`Rotator::sleep`] at most, and call it again.
///
/// * `step` is the only mutator. It never blocks, reads no clock and does no I/O.
/// * `sleep`, `wake`, `view`, `handles` and `digest` are computed from the state; they are never stale.
/// * `now.wall` may jump either way. `now.mono` should never go back. If it does, core continues from the time of the last
///   step and reports [`crate::event::Event::MonotonicClockRegressed`] once.
/// * Disk commands are carried out one after the other, in the order given, a timed-out one before the
///   scan that follows it.
///
/// # Panics
///
/// Nothing here panics; a panic is a bug.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Rotator {
    common: Common,
    renewal: Renewal,
}

/// The result of a step.
#[must_use = "the actions must be carried out, in order"]
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Step {
    /// Whether the input was applied.
    pub disposition: Disposition,
    /// The actions, in order.
    pub actions: Vec<Action>,
    /// The keys and chains that are no longer needed: those that the input brought, or that were needed before the step. The
    /// driver erases these, and no others. A handle whose answer was not stepped yet is never among them.
    pub erase: Vec<Handle>,
}

impl Step {
    /// Returns a step with these actions that erases nothing: for the tests of a driver.
    pub const fn new(disposition: Disposition, actions: Vec<Action>) -> Self {
        Self { disposition, actions, erase: Vec::new() }
    }
}

impl Rotator {
    /// Returns a machine that has not started. The first [`Input::Tick`] starts it.
    #[must_use = "a rotator does nothing until it is stepped"]
    pub fn new(config: Config, run: RunId) -> Self {
        Self { common: Common::new(config, run), renewal: Renewal::New }
    }

    /// Applies one input.
    ///
    /// Expiry of the live identity is judged first, whatever the input is. An input that is
    /// [`Disposition::Ignored`] changes nothing beyond that.
    pub fn step(&mut self, now: Now, input: Input) -> Step {
        let mut actions = Vec::new();
        let (brought, needed) = (input.handles(), self.named());
        let now = Now { mono: self.common.continue_mono(now.mono, &mut actions), ..now };
        let mut cx = Cx { common: &mut self.common, now, actions: &mut actions };
        if !matches!(self.renewal, Renewal::Ended(_)) {
            // The durable identity first: an in-memory one that hides it may expire in the same step.
            cx.judge(Source::Durable);
            cx.judge(Source::InMemory);
            cx.reset_open_gates();
            cx.check_clock();
        }
        let judged = !cx.actions.is_empty();
        let ticked = matches!(input, Input::Tick);
        let input = self.renewal.checked(cx.common.run, input);
        let outcome = match input {
            Input::Tick => self.renewal.tick(&mut cx),
            Input::DiskAnswered { op, result } => self.renewal.disk_answered(&mut cx, op, result),
            Input::KeyMade { op, result } => self.renewal.key_made(&mut cx, op, result),
            Input::CallAnswered { op, result } => self.renewal.call_answered(&mut cx, op, result),
            Input::RotateNow => self.renewal.rotate_now(&mut cx),
            Input::Reconfigure(config) => self.renewal.reconfigure(&mut cx, config),
            Input::Shutdown => self.renewal.shutdown(&mut cx),
        };
        let (renewal, mut disposition) = disposition(self.renewal, outcome);
        self.renewal = renewal;
        let before = cx.actions.len();
        cx.rescue(&self.renewal);
        let judged = judged || cx.actions.len() > before;
        if ticked && judged {
            disposition = Disposition::Applied;
        }
        let is_consistent = self.common.is_consistent();
        debug_assert!(is_consistent, "parts of the state contradict each other: {:?}", self.common);
        let named = self.named();
        let erase = brought.into_iter().chain(needed.into_iter().flatten());
        let erase = erase.filter(|handle| !named.contains(&Some(*handle))).collect();
        Step { disposition, actions, erase }
    }

    /// Returns how long the driver may sleep from `now` on: until [`Rotator::wake`], and no longer than
    /// [`Rotator::clock_check`], because the wall clock may be set meanwhile. It is zero where a tick is due.
    ///
    /// Returns `None` after the run ended: there is nothing to wait for.
    ///
    /// Read both clocks right before. An answer or a request of the operator ends the sleep early. A driver with several
    /// machines sleeps for the shortest of their times and reads the clocks once for all of them: then it gives a tick to each
    /// machine whose time is zero. That is one clock check for the whole process.
    #[must_use]
    pub fn sleep(&self, now: Now) -> Option<Duration> {
        if matches!(self.renewal, Renewal::Ended(_)) {
            return None;
        }
        let Wake { wall, mono, .. } = self.wake();
        let (by_wall, by_mono) = (wall.map(|at| at.since(now.wall)), mono.map(|at| at.since(now.mono)));
        let sleep = by_wall.into_iter().chain(by_mono).fold(self.clock_check(), Span::min);
        Some(Duration::from_millis(sleep.ms()))
    }

    /// Returns when to give the next [`Input::Tick`] at the latest, and the reason: whichever of the two times comes first.
    #[must_use]
    pub fn wake(&self) -> Wake {
        let mono = self.renewal.wake(&self.common).map(|mono| self.common.on_driver_clock(mono));
        let reason = match (mono, &self.renewal) {
            (None, _) => WakeReason::Nothing,
            (Some(_), Renewal::Resting(_)) if self.common.serving.in_use().is_some() => WakeReason::Renewal,
            (Some(_), _) => WakeReason::Phase(self.renewal.phase()),
        };
        match &self.renewal {
            Renewal::Ended(_) => Wake { wall: None, mono, reason },
            Renewal::Resting(resting) => {
                let renewal = self.renewal_by_wall().filter(|_| resting.is_open(&self.common));
                let rescan = self.common.scan_validity.ends_at();
                let edge = self.edge().into_iter().chain(rescan).min();
                match (renewal, edge) {
                    (Some(renewal), Some(edge)) if renewal < edge => {
                        Wake { wall: Some(renewal), mono, reason: WakeReason::Renewal }
                    }
                    (_, edge) => Wake { wall: edge, mono, reason },
                }
            }
            Renewal::New
            | Renewal::Locking(_)
            | Renewal::Recovering(_)
            | Renewal::Keying(_)
            | Renewal::Saving(_)
            | Renewal::Asking(_)
            | Renewal::Installing(_) => Wake { wall: self.edge(), mono, reason },
        }
    }

    /// The renewal point, by the wall clock.
    fn renewal_by_wall(&self) -> Option<WallTime> {
        let rotates = self.config().spec().rotate;
        self.common.serving.in_use().filter(|_| rotates).map(|judged| judged.identity.renew_at)
    }

    /// When the wall clock changes the standing of an identity, shows the build time, or calls for an in-memory identity.
    fn edge(&self) -> Option<WallTime> {
        let built = Some(self.config().spec().built).filter(|_| self.common.gates.is_clock_invalid);
        let durable = self.common.serving.durable.judged().map(Judged::changes_at);
        let in_memory = self.common.serving.in_memory.as_deref().map(Judged::changes_at);
        let rescue = rescue_at(&self.common, &self.renewal);
        [built, durable, in_memory, rescue].into_iter().flatten().min()
    }

    /// Returns the state as far as a driver and an operator need it.
    #[must_use]
    pub fn view(&self) -> View {
        let in_use = self.common.serving.in_use();
        let attempt = self.renewal.attempt();
        View {
            phase: self.renewal.phase(),
            stage: self.renewal.stage(),
            live: self.common.serving.state(),
            serving: in_use.is_some_and(Judged::is_presented),
            identity: in_use.map(|&Judged { identity, .. }| Identity {
                renew_by: self.common.on_driver_clock(identity.renew_by),
                ..identity
            }),
            attempt: attempt.map(|attempt| attempt.generation),
            request: attempt.map(|attempt| attempt.request),
            failures: Failures {
                calls: self.common.issuer.call_failures.into(),
                keys: self.common.key_failures.into(),
                disk: self.common.directory.failures.into(),
            },
            lifetime: self.common.lifetime,
            in_memory: self.common.serving.in_memory.is_some(),
            held: self.common.held_not_before(),
            clock_invalid: self.common.gates.is_clock_invalid,
            gate: self
                .renewal
                .gate(&self.common)
                .map(|closed| ClosedGate { until: self.common.on_driver_clock(closed.until), ..closed }),
        }
    }

    /// Returns the live identity's key and chain, checked against `wall` once more (S1).
    #[must_use]
    pub fn live(&self, wall: WallTime) -> Option<(KeyHandle, CertHandle)> {
        let identity = self.common.serving.presented().filter(|identity| identity.is_valid(wall))?;
        Some((identity.key, identity.cert))
    }

    /// Returns every key and certificate that is still needed.
    ///
    /// A driver erases what [`Step::erase`] lists. It must not erase everything that is not named here: a key is named only after
    /// its answer was stepped.
    pub fn handles(&self) -> impl Iterator<Item = Handle> {
        self.named().into_iter().flatten()
    }

    fn named(&self) -> [Option<Handle>; 6] {
        let (key, cert) = self.renewal.handles();
        let durable = self.common.serving.durable.identity();
        let in_memory = self.common.serving.in_memory.as_ref().map(|judged| &judged.identity);
        let keys = [key, durable.map(|it| it.key), in_memory.map(|it| it.key)];
        let certs = [cert, durable.map(|it| it.cert), in_memory.map(|it| it.cert)];
        let ([one, two, three], [four, five, six]) =
            (keys.map(|key| key.map(Handle::Key)), certs.map(|cert| cert.map(Handle::Cert)));
        [one, two, three, four, five, six]
    }

    /// Returns the longest time between two checks of the wall clock by the driver. [`Rotator::sleep`] keeps it.
    #[must_use]
    pub fn clock_check(&self) -> Span {
        self.common.timing().clock_check(self.common.lifetime)
    }

    /// The configuration.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.common.config
    }

    /// The monotonic time of the last step, on the driver's clock.
    #[must_use]
    pub fn mono(&self) -> MonoTime {
        self.common.on_driver_clock(self.common.mono)
    }

    /// A digest of the whole state, configuration included: equal on every platform and in every build.
    #[must_use]
    pub fn digest(&self) -> u64 {
        crate::digest::of(self)
    }
}

#[cfg(test)]
mod tests;
