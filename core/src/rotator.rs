//! The machine.

use alloc::vec::Vec;

use crate::common::{Common, Cx};
use crate::config::Config;
use crate::id::{CertHandle, KeyHandle, RunId};
use crate::input::{Action, Disposition, Input, Why};
use crate::live::{Identity, Live};
use crate::renewal::{Renewal, settle};
use crate::time::{MonoTime, Now, Span, WallTime};
use crate::unsaved::rescue_at;
use crate::view::{Handle, View, Wake, WakeReason};

/// The rotation of one identity, as a value: give it one [`Input`] at a time, carry out the [`Action`]s
/// it answers with, and come back at [`Rotator::wake`] at the latest.
///
/// * `step` is the only mutator. It never blocks, reads no clock and does no I/O.
/// * `wake`, `view`, `handles` and `digest` are derived from the state; they can't go stale.
/// * `now.mono` must never go back between steps. `now.wall` may do what it likes.
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

/// What a step did.
#[must_use = "the actions must be carried out, in order"]
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Step {
    /// What became of the input.
    pub disposition: Disposition,
    /// What to do now, in order.
    pub actions: Vec<Action>,
}

impl Rotator {
    /// A machine at rest. The first [`Input::Tick`] starts it.
    #[must_use = "a rotator does nothing until it is stepped"]
    pub fn new(config: Config, run: RunId) -> Self {
        Self { common: Common::new(config, run), renewal: Renewal::New }
    }

    /// Takes one input at one time.
    ///
    /// Expiry of the live identity is judged first, whatever the input is. An input that is
    /// [`Disposition::Ignored`] changes nothing beyond that.
    pub fn step(&mut self, now: Now, input: Input) -> Step {
        let mut actions = Vec::new();
        #[cfg(feature = "seeded")]
        let now = crate::seeded::before(&mut self.common, now, &input);
        if now.mono < self.common.mono {
            return Step { disposition: Disposition::Ignored(Why::ClockRegressed), actions };
        }
        self.common.mono = now.mono;
        let mut cx = Cx { common: &mut self.common, now, actions: &mut actions };
        if !matches!(self.renewal, Renewal::Ended(_)) {
            cx.judge_live();
            cx.judge_unsaved();
            cx.judge_clock();
        }
        let judged = !cx.actions.is_empty();
        let ticked = matches!(input, Input::Tick);
        let outcome = match input {
            Input::Tick => self.renewal.tick(&mut cx),
            Input::DiskAnswered { op, result } => self.renewal.disk_answered(&mut cx, op, result),
            Input::KeyMade { op, result } => self.renewal.key_made(&mut cx, op, result),
            Input::CallAnswered { op, result } => self.renewal.call_answered(&mut cx, op, result),
            Input::RotateNow => self.renewal.rotate_now(&mut cx),
            Input::Reconfigure(config) => self.renewal.reconfigure(&mut cx, config),
            Input::Shutdown => self.renewal.shutdown(&mut cx),
        };
        let (renewal, mut disposition) = settle(self.renewal, outcome);
        self.renewal = renewal;
        let asked = cx.actions.len();
        cx.rescue(&self.renewal);
        let judged = judged || cx.actions.len() > asked;
        if ticked && judged {
            disposition = Disposition::Applied;
        }
        Step { disposition, actions }
    }

    /// When to give the next [`Input::Tick`] at the latest, and what for: whichever of the two times comes first.
    #[must_use]
    pub fn wake(&self) -> Wake {
        #[cfg(feature = "seeded")]
        if let Some(wake) = crate::seeded::wake(&self.common, &self.renewal, self.edge()) {
            return wake;
        }
        let mono = self.renewal.wake(&self.common);
        let reason = match (mono, &self.renewal) {
            (None, _) => WakeReason::Nothing,
            (Some(_), Renewal::Resting(_)) if self.common.in_use().is_some() => WakeReason::Renewal,
            (Some(_), _) => WakeReason::Phase(self.renewal.phase()),
        };
        match &self.renewal {
            Renewal::Ended(_) => Wake { wall: None, mono, reason },
            Renewal::Resting(resting) => {
                let renewal = self.renewal_by_wall().filter(|_| resting.is_open(&self.common));
                let early = self.common.early.map(|early| early.first());
                #[cfg(feature = "seeded")]
                let early = early.filter(|_| !self.common.bug(crate::seeded::Bug::H03));
                let edge = self.edge().into_iter().chain(early).min();
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

    /// When the live identity is to be renewed, by the wall clock.
    fn renewal_by_wall(&self) -> Option<WallTime> {
        let rotates = self.config().spec().rotate;
        self.common.in_use().filter(|_| rotates).map(|identity| identity.renew_at)
    }

    /// When the live identity is to be withdrawn, the one that is held goes live, or the clock shows what it may show.
    fn edge(&self) -> Option<WallTime> {
        let built = Some(self.config().spec().built).filter(|_| self.common.implausible);
        let live = match self.common.live {
            Live::None | Live::Withdrawn(_) | Live::OtherSubject(_) => None,
            Live::Serving(identity) => Some(identity.not_after),
            Live::Held(identity) => Some(identity.not_before),
        };
        let changes = |it: Identity| if self.common.withheld { it.not_before } else { it.not_after };
        let unsaved = self.common.unsaved.map(changes);
        let rescue = rescue_at(&self.common, &self.renewal);
        [built, live, unsaved, rescue].into_iter().flatten().min()
    }

    /// What there is to see.
    #[must_use]
    pub fn view(&self) -> View {
        let (identity, serving) = match self.common.live {
            _ if self.common.unsaved.is_some() => (self.common.unsaved, !self.common.withheld),
            Live::Serving(identity) => (Some(identity), true),
            Live::Held(identity) => (Some(identity), false),
            Live::None | Live::Withdrawn(_) | Live::OtherSubject(_) => (None, false),
        };
        View {
            phase: self.renewal.phase(),
            serving,
            identity,
            attempt: self.renewal.attempt().map(|attempt| attempt.generation),
            request: self.renewal.attempt().map(|attempt| attempt.request),
            call_failures: self.common.call_failures.into(),
            disk_failures: self.common.disk_failures.into(),
            lifetime: self.common.lifetime,
            unsaved: self.common.unsaved.is_some(),
            held: self
                .common
                .early
                .map(|early| early.start)
                .filter(|_| self.common.held_until > self.common.mono),
            clock_invalid: self.common.implausible,
        }
    }

    /// The live identity's key and chain, checked against `wall` once more (S1).
    #[must_use]
    pub fn live(&self, wall: WallTime) -> Option<(KeyHandle, CertHandle)> {
        let identity = self.common.serving().filter(|identity| identity.is_valid(wall))?;
        Some((identity.key, identity.cert))
    }

    /// Every key and certificate that is still needed. The driver erases all others after each step.
    pub fn handles(&self) -> impl Iterator<Item = Handle> {
        let (key, cert) = self.renewal.handles();
        let live = self.common.live.identity();
        #[cfg(feature = "seeded")]
        let (key, live) = self.common.seeded.handles(key, live);
        let unsaved = self.common.unsaved;
        let keys =
            [key, live.map(|it| it.key), unsaved.map(|it| it.key)].into_iter().flatten().map(Handle::Key);
        let certs =
            [cert, live.map(|it| it.cert), unsaved.map(|it| it.cert)].into_iter().flatten().map(Handle::Cert);
        keys.chain(certs)
    }

    /// The longest time that the driver may go without looking at the wall clock.
    #[must_use]
    pub fn clock_check(&self) -> Span {
        self.common.timing().clock_check(self.common.lifetime)
    }

    /// The configuration.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.common.config
    }

    /// The latest mono time that was seen.
    #[must_use]
    pub fn mono(&self) -> MonoTime {
        self.common.mono
    }

    /// A digest of the whole state, configuration included: equal on every platform and in every build.
    #[must_use]
    pub fn digest(&self) -> u64 {
        crate::digest::of(self)
    }
}

#[cfg(test)]
mod tests;
