//! What only the wall clock is against: waited for, within bounds, and looked at when the clock allows it.

use crate::common::{Common, Cx};
use crate::event::Event;
use crate::id::Generation;
use crate::live::Live;
use crate::time::{MonoTime, Span, WallTime};

/// The newest bundle on disk that only the clock is against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Early {
    pub(crate) generation: Generation,
    pub(crate) start: WallTime,
    /// See [`crate::live::Identity::old_template`]: then it is not waited for.
    pub(crate) old_template: bool,
    /// Of the others that only the clock is against, the first to start, and whether it is old_template.
    pub(crate) other: Option<(Generation, WallTime, bool)>,
}

impl Early {
    /// When the first of them starts.
    pub(crate) fn first(&self) -> WallTime {
        self.other.map_or(self.start, |(_, start, _)| start.min(self.start))
    }
}

/// The newest bundle on disk that had ended when it was looked at, and was never served in this run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Late {
    pub(crate) generation: Generation,
    pub(crate) end: WallTime,
    pub(crate) lifetime: Span,
    /// Of the others like that, the last to end, with its end and lifetime.
    pub(crate) other: Option<(Generation, WallTime, Span)>,
}

impl Late {
    /// When the last of them ends.
    fn last(&self) -> WallTime {
        self.other.map_or(self.end, |(_, end, _)| end.max(self.end))
    }
}

impl Common {
    /// Whether the clock has got to where it lets a bundle be used that it was against.
    pub(crate) fn is_to_be_looked_at(&self, now: WallTime) -> bool {
        let over = self.in_use().map_or(self.past(), |identity| identity.generation);
        let started = self.early.is_some_and(|early| now >= early.first());
        #[cfg(feature = "seeded")]
        let started = started && !(self.bug(crate::seeded::Bug::H03) && self.mono < self.held_until);
        started || self.late.is_some_and(|late| now < late.last() && late.generation > over)
    }

    /// Whether a certificate that starts then is waited for.
    pub(crate) fn is_held(&self, start: WallTime, now: WallTime) -> bool {
        #[cfg(feature = "seeded")]
        if self.bug(crate::seeded::Bug::H01) {
            return start > now;
        }
        start > now && start.since(now) <= self.timing().hold_cap(self.lifetime)
    }

    /// Whether nothing else is asked for until that starts.
    pub(crate) fn waits_for(&self, early: Early, now: WallTime) -> bool {
        !early.old_template && self.is_held(early.start, now)
    }

    /// Before this, no attempt begins by itself, whatever is due.
    pub(crate) fn closed_until(&self) -> MonoTime {
        let looks = self.mono.plus(self.timing().clock_check(self.lifetime));
        let implausible = if self.implausible { looks } else { MonoTime::default() };
        #[cfg(feature = "seeded")]
        if self.bug(crate::seeded::Bug::H02) {
            return self.floor.max(self.doubted_until).max(implausible);
        }
        self.floor.max(self.held_until).max(self.doubted_until).max(implausible)
    }
}

impl Cx<'_> {
    /// Waits for the start of a bundle that is durable, unless it is too far away; not longer than that by mono time.
    pub(crate) fn hold(&mut self, early: Option<Early>) {
        let before = core::mem::replace(&mut self.common.early, early);
        let newest =
            |early: Option<Early>| early.map(|early| (early.generation, early.start, early.old_template));
        let known = newest(before) == newest(early);
        match early {
            // It was decided on when it was first seen; a clock that goes back makes it no longer.
            Some(_) if known => {}
            Some(it) if self.common.waits_for(it, self.now.wall) => {
                self.common.held_until = self.until(it.start);
            }
            Some(_) | None => self.common.held_until = MonoTime::default(),
        }
    }

    /// Remembers a bundle that has ended by this clock.
    pub(crate) fn late(&mut self, late: Option<Late>) {
        self.common.late = late;
        if let (None, Some(late)) = (self.common.in_use(), late) {
            // It was accepted once: its lifetime scales the waits, as it did then.
            self.takes_life(late.lifetime);
        }
    }

    /// A newer identity is served. What was waited for before it may outlast its renewal.
    pub(crate) fn outdated_by(&mut self, generation: Generation) {
        // The clock is right enough for this one.
        self.common.doubted_until = MonoTime::default();
        let newer = |other: Generation| other > generation;
        let (late, early) = (self.common.late, self.common.early);
        self.common.late = late.filter(|late| newer(late.generation));
        self.common.early = early.filter(|early| newer(early.generation));
        if let Some(late) = &mut self.common.late {
            late.other = late.other.filter(|(other, ..)| newer(*other));
        }
        if let Some(early) = &mut self.common.early {
            early.other = early.other.filter(|(other, ..)| newer(*other));
        }
        if self.common.early.is_none() {
            self.common.held_until = MonoTime::default();
        }
    }

    /// When the wall clock should show that time, with a look at it to spare.
    fn until(&self, start: WallTime) -> MonoTime {
        let left = start.since(self.now.wall);
        self.after(left.plus(self.common.timing().clock_check(self.common.lifetime)))
    }

    /// What the wall clock alone decides, at the beginning of every step.
    pub(crate) fn judge_clock(&mut self) {
        let Common { held_until, doubted_until, floor, changes, .. } = &mut *self.common;
        for time in [held_until, doubted_until, floor, changes] {
            // A wait that is over counts for nothing: states that differ in no other way are equal.
            *time = if *time <= self.now.mono { MonoTime::default() } else { *time };
        }
        let (wall, built) = (self.now.wall, self.common.config.spec().built);
        let implausible = wall < built;
        #[cfg(feature = "seeded")]
        let implausible = implausible && !self.bug(crate::seeded::Bug::C01);
        if implausible && !self.common.implausible {
            self.report(Event::ClockInvalid { built });
        }
        self.common.implausible = implausible;
        let too_far = |start: WallTime| start > wall && !self.common.is_held(start, wall);
        let astray = match (self.common.unsaved, self.common.live) {
            (Some(identity), _) | (None, Live::Held(identity)) => too_far(identity.not_before),
            (None, Live::None | Live::Serving(_) | Live::Withdrawn(_) | Live::OtherSubject(_)) => false,
        };
        self.common.astray = astray;
    }
}

#[cfg(test)]
mod tests;
