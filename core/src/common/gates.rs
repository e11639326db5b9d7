//! The gates: named reasons why no attempt begins, each with one deadline on the monotonic clock.
//!
//! [`Common::last_gate`] answers "why is nothing happening, and until when?" for `wake`, for `view` and for every place that
//! begins an attempt.
//!
//! The module also keeps the interval of wall time in which the last scan's judgement holds: outside it a bundle whose only
//! defect was the local clock has none, and the directory is scanned again.

use core::hash::{Hash, Hasher};

use crate::common::{Common, Cx};
use crate::event::Event;
use crate::id::Generation;
use crate::time::{MonoTime, Span, WallTime};
use crate::view::{ClosedGate, Gate};

/// The deadlines. One that has passed is zero, so that states which differ in nothing else are equal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Gates {
    /// The issuance interval: set after every rotation, so that no issuer can make a hot loop (S8).
    pub(crate) issuance: MonoTime,
    /// The template-change interval: set when an attempt begins that a template change caused. It stops only the next attempt
    /// of that kind, so that a template which changes to and fro does not lead to one attempt after the other.
    pub(crate) template_change: MonoTime,
    /// Whether the template changed and no attempt has begun since. Set by a change, cleared by the next attempt.
    pub(crate) is_template_changed: bool,
    /// The newest bundle that is not yet valid, and how long the next attempt waits for it. Set by a scan and by the
    /// installation of such a certificate; cleared when it or a newer one goes live, or when a scan finds none.
    pub(crate) hold: Option<Hold>,
    /// The wait for a suspect clock. Set at a start without a usable identity, when the newest bundle that is not yet valid
    /// starts more than the hold cap ahead; cleared when an identity goes live.
    pub(crate) clock_suspect: MonoTime,
    /// Whether the wall clock of the last step is before the build time: such a clock judges nothing.
    pub(crate) is_clock_invalid: bool,
}

/// The newest bundle that is not yet valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Hold {
    generation: Generation,
    pub(crate) not_before: WallTime,
    old_template: bool,
    /// Decided once, when the bundle is first seen; zero where it is not waited for, or no longer.
    until: MonoTime,
}

/// The wall times between which the last scan's judgement of the bundles holds. Outside, the directory is scanned again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ScanValidity {
    /// Before this, an expired bundle is valid again: the latest notAfter of those newer than the identity in use. Without
    /// one: [`WallTime::MIN`].
    from: WallTime,
    /// From this on, a bundle is valid that was not yet: the earliest notBefore of those newer than the identity in use.
    /// Without one: [`WallTime::MAX`].
    until: WallTime,
}

/// What a scan found that is not yet valid and has no other defect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct NotYetValid {
    /// The newest such bundle.
    pub(crate) generation: Generation,
    pub(crate) not_before: WallTime,
    /// See [`crate::serving::Identity::old_template`]: such a bundle is not waited for.
    pub(crate) old_template: bool,
    /// The earliest notBefore of all such bundles.
    pub(crate) first_not_before: WallTime,
}

/// What a scan found that is expired, was never live in this run and has no other defect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Expired {
    /// The newest such bundle.
    pub(crate) generation: Generation,
    pub(crate) lifetime: Span,
    /// The latest notAfter of all such bundles.
    pub(crate) last_not_after: WallTime,
}

impl Default for ScanValidity {
    fn default() -> Self {
        Self { from: WallTime::MIN, until: WallTime::MAX }
    }
}

impl Hash for ScanValidity {
    /// Without the two ends of time: a model checker hashes wall times relative to the present, and they are no times.
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.has_expired_bundle().then_some(self.from), self.ends_at()).hash(state);
    }
}

impl ScanValidity {
    fn contains(self, now: WallTime) -> bool {
        self.from <= now && (now < self.until || self.until == WallTime::MAX)
    }

    /// Whether the scan found an expired bundle that a clock which goes back makes valid.
    pub(crate) fn has_expired_bundle(self) -> bool {
        self.from > WallTime::MIN
    }

    /// The latest notAfter of those bundles.
    pub(crate) fn last_expiry(self) -> Option<WallTime> {
        Some(self.from).filter(|_| self.has_expired_bundle())
    }

    /// When the wall clock makes a bundle valid.
    pub(crate) fn ends_at(self) -> Option<WallTime> {
        Some(self.until).filter(|until| *until < WallTime::MAX)
    }
}

impl Common {
    /// Whether the clock left the interval in which the last scan's judgement holds.
    pub(crate) fn needs_rescan(&self, now: WallTime) -> bool {
        !self.scan_validity.contains(now)
    }

    /// Whether a certificate with this notBefore is held: it is not yet valid, and within the hold cap.
    pub(crate) fn can_hold(&self, not_before: WallTime, now: WallTime) -> bool {
        not_before > now && not_before.since(now) <= self.timing().hold_cap(self.lifetime)
    }

    /// Whether no attempt begins before that bundle is valid.
    pub(crate) fn waits_for(&self, bundle: NotYetValid, now: WallTime) -> bool {
        !bundle.old_template && self.can_hold(bundle.not_before, now)
    }

    /// Returns why no attempt begins and until when: the gate that opens last. It is closed while that is in the future.
    ///
    /// `backoff` is the deadline of the resting phase. A rotation that an operator requests passes none: it skips
    /// the backoff and the template-change interval.
    pub(crate) fn last_gate(&self, backoff: Option<MonoTime>) -> ClosedGate {
        let clock_invalid = if self.gates.is_clock_invalid {
            // The wall clock may be set at any time: it is checked again after this.
            self.mono.plus(self.timing().clock_check(self.lifetime))
        } else {
            MonoTime::default()
        };
        let change = Some(self.gates.template_change).filter(|_| self.gates.is_template_changed);
        let hold = self.hold_until();
        let gates = [
            (Gate::Backoff, backoff.unwrap_or_default()),
            (Gate::TemplateChange, change.filter(|_| backoff.is_some()).unwrap_or_default()),
            (Gate::IssuanceInterval, self.gates.issuance),
            (Gate::ClockSuspect, self.gates.clock_suspect),
            (Gate::ClockInvalid, clock_invalid),
            (Gate::Hold, hold),
        ];
        let [first, rest @ ..] = gates;
        let (gate, until) =
            rest.into_iter().fold(first, |last, next| if next.1 > last.1 { next } else { last });
        ClosedGate { gate, until }
    }

    /// Returns the time at which the last gate opens for an attempt that an operator requests.
    pub(crate) fn opens_at(&self) -> MonoTime {
        self.last_gate(None).until
    }

    fn hold_until(&self) -> MonoTime {
        self.gates.hold.map_or(MonoTime::default(), |hold| hold.until)
    }

    /// The notBefore of the bundle that the next attempt waits for.
    pub(crate) fn held_not_before(&self) -> Option<WallTime> {
        self.gates.hold.filter(|hold| hold.until > self.mono).map(|hold| hold.not_before)
    }
}

impl Cx<'_> {
    /// Waits for a durable bundle that is not yet valid, unless its notBefore is beyond the hold cap.
    pub(crate) fn hold(&mut self, bundle: Option<NotYetValid>) {
        let before = self.common.gates.hold;
        self.common.scan_validity.until = bundle.map_or(WallTime::MAX, |bundle| bundle.first_not_before);
        self.common.gates.hold = bundle.map(|bundle| {
            let NotYetValid { generation, not_before, old_template, .. } = bundle;
            let same = before.filter(|hold| {
                (hold.generation, hold.not_before, hold.old_template)
                    == (generation, not_before, old_template)
            });
            let until = match same {
                // Decided when it was first seen. A wall clock that goes back repeatedly must not make the wait any longer (S9).
                Some(hold) => hold.until,
                None if self.common.waits_for(bundle, self.now.wall) => self.mono_at(not_before),
                None => MonoTime::default(),
            };
            Hold { generation, not_before, old_template, until }
        });
    }

    /// Records the expired bundles that are valid again if the clock goes back.
    pub(crate) fn record_expired(&mut self, expired: Option<Expired>) {
        let in_use = self.common.serving.in_use_generation();
        let newer = expired.filter(|expired| expired.generation > in_use);
        self.common.scan_validity.from = newer.map_or(WallTime::MIN, |expired| expired.last_not_after);
        if let (None, Some(expired)) = (self.common.serving.in_use(), expired) {
            // It was accepted once: its lifetime scales the waits, as it did then.
            self.set_lifetime(expired.lifetime);
        }
    }

    /// Opens the gates that an identity of this generation supersedes: it goes live, and older bundles are waited for no longer.
    pub(crate) fn supersede(&mut self, generation: Generation) {
        // The clock is right enough for this one.
        self.common.gates.clock_suspect = MonoTime::default();
        // Expired bundles that are newer can only be another program's. The rescan before the next attempt finds them.
        self.common.scan_validity.from = WallTime::MIN;
        if self.common.gates.hold.is_some_and(|hold| hold.generation <= generation) {
            self.common.gates.hold = None;
            self.common.scan_validity.until = WallTime::MAX;
        }
    }

    /// The mono time at which the wall clock should show that time, and one clock check more.
    fn mono_at(&self, wall: WallTime) -> MonoTime {
        let left = wall.since(self.now.wall);
        self.after(left.plus(self.common.timing().clock_check(self.common.lifetime)))
    }

    /// Resets the gates that opened, at the beginning of every step.
    pub(crate) fn reset_open_gates(&mut self) {
        let Gates { issuance, template_change, hold, clock_suspect, .. } = &mut self.common.gates;
        let hold = hold.as_mut().map(|hold| &mut hold.until);
        for time in [issuance, template_change, clock_suspect].into_iter().chain(hold) {
            *time = if *time <= self.now.mono { MonoTime::default() } else { *time };
        }
    }

    /// Compares the wall clock with the build time, at the beginning of every step.
    pub(crate) fn check_clock(&mut self) {
        let built = self.common.config.spec().built;
        let is_invalid = self.now.wall < built;
        if is_invalid && !self.common.gates.is_clock_invalid {
            self.report(Event::ClockInvalid { built });
        }
        self.common.gates.is_clock_invalid = is_invalid;
    }
}

#[cfg(test)]
mod tests;
