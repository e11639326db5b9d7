//! What all phases share, and what a phase may do in a step.

use alloc::vec::Vec;

use crate::api::{Call, Credential};
use crate::config::Config;
use crate::disk::{DiskCommand, Name};
use crate::event::Event;
use crate::id::{Generation, LeafDigest, OpId, Ops, RunId};
use crate::input::{Action, ExitReason};
use crate::live::{Identity, Live};
use crate::renewal::Renewal;
use crate::time::{MonoTime, Now, Span, WallTime};
use crate::timing::{FULL_LIFETIME, Timing};
use crate::waits::{Early, Late};

/// The state that outlives a phase.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Common {
    pub(crate) config: Config,
    pub(crate) run: RunId,
    /// The last operation's number; also counts the draws of jitter.
    pub(crate) ops: Ops,
    /// The latest mono time that was seen.
    pub(crate) mono: MonoTime,
    pub(crate) live: Live,
    /// The lifetime of the last accepted certificate; scales the timing parameters.
    pub(crate) lifetime: Span,
    /// The highest generation seen or used; the next attempt takes the one after it.
    pub(crate) top: Generation,
    /// The bundle that the live name names.
    pub(crate) linked: Option<Name>,
    /// The superseded bundle that is kept until the next pending key is durable.
    pub(crate) previous: Option<Name>,
    /// The pending file: of the request under way, or of a retired key until its successor is durable.
    pub(crate) pending: Option<Name>,
    /// Failed calls lately: one more with each, half as many with each that succeeds.
    pub(crate) call_failures: u16,
    /// Failed disk operations since the last sequence that succeeded.
    pub(crate) disk_failures: u16,
    /// The credential that was refused last (401, 403, or it could not be read): the other one's turn.
    pub(crate) refused: Option<Refused>,
    /// Whether the lifetime asked for was refused, so that none is asked for any more.
    pub(crate) no_duration: bool,
    /// When leftovers that could not be removed are tried again.
    pub(crate) untidy: Option<MonoTime>,
    /// A bundle on disk that is newer than the live one and not valid yet: looked at again when it starts.
    pub(crate) early: Option<Early>,
    /// A bundle on disk that is newer than the live one and had ended by the clock then: looked at again if that goes back.
    pub(crate) late: Option<Late>,
    /// No attempt begins before this: a good certificate waits for its start.
    pub(crate) held_until: MonoTime,
    /// No attempt begins before this: the clock is before the start of a certificate that was accepted.
    pub(crate) doubted_until: MonoTime,
    /// What is served instead, although it is not known to be durable.
    pub(crate) unsaved: Option<Identity>,
    /// Whether that is withheld, because the clock went back behind its start.
    pub(crate) withheld: bool,
    /// Whether the one request of this run was made whose key is in memory only.
    pub(crate) asked_unsaved: bool,
    /// Whether the clock is before the time at which this program was built.
    pub(crate) implausible: bool,
    /// Whether the clock is so far before the start of what is held that it is not waited for.
    pub(crate) astray: bool,
    /// No attempt begins before this: the floor between two issuances.
    pub(crate) floor: MonoTime,
    /// No attempt that another template leads to begins before this: the same floor between two of them.
    pub(crate) changes: MonoTime,
    /// Whether the template changed and no attempt has begun since.
    pub(crate) changed: bool,
    /// The highest generation that ended in this run.
    pub(crate) ended: Generation,
    /// The end of what ended in this run, the last of them: what is no longer valid than that is not adopted (S14).
    pub(crate) over: Option<WallTime>,
    /// Attempts up to this generation do not count as failed: what they asked for is not wanted any more, or they were installed.
    pub(crate) settled: Generation,
    /// Whether a shutdown was asked for.
    pub(crate) stopping: bool,
    /// What a seeded bug remembers.
    #[cfg(feature = "seeded")]
    pub(crate) seeded: crate::seeded::State,
}

/// A kind of credential that the server did not take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Refused {
    Live,
    Bootstrap,
}

/// An operation that was asked for and has not been answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Outstanding {
    pub(crate) op: OpId,
    pub(crate) due: MonoTime,
}

/// One step in the making.
pub(crate) struct Cx<'a> {
    pub(crate) common: &'a mut Common,
    pub(crate) now: Now,
    pub(crate) actions: &'a mut Vec<Action>,
}

impl Common {
    pub(crate) fn new(config: Config, run: RunId) -> Self {
        let lifetime = config.template().duration.unwrap_or(FULL_LIFETIME);
        Self {
            config,
            run,
            ops: Ops(0),
            mono: MonoTime::default(),
            live: Live::None,
            lifetime,
            top: Generation(0),
            linked: None,
            previous: None,
            pending: None,
            call_failures: 0,
            disk_failures: 0,
            refused: None,
            no_duration: false,
            untidy: None,
            early: None,
            late: None,
            held_until: MonoTime::default(),
            doubted_until: MonoTime::default(),
            unsaved: None,
            withheld: false,
            asked_unsaved: false,
            implausible: false,
            astray: false,
            floor: MonoTime::default(),
            changes: MonoTime::default(),
            changed: false,
            ended: Generation(0),
            over: None,
            settled: Generation(0),
            stopping: false,
            #[cfg(feature = "seeded")]
            seeded: crate::seeded::State::default(),
        }
    }

    pub(crate) fn timing(&self) -> &Timing {
        self.config.timing()
    }

    /// As whom to call: by validity *now*. An expired identity is never presented.
    pub(crate) fn credential(&self, now: WallTime) -> Credential {
        #[cfg(feature = "seeded")]
        if let Some(credential) = crate::seeded::credential(self) {
            return credential;
        }
        match self.serving() {
            Some(identity) if identity.is_valid(now) && self.refused != Some(Refused::Live) => {
                Credential::Live(identity.generation)
            }
            Some(_) | None => Credential::Bootstrap,
        }
    }

    /// What is served, durable or not.
    pub(crate) fn serving(&self) -> Option<Identity> {
        match (self.unsaved, self.live) {
            (Some(unsaved), _) => Some(unsaved).filter(|_| !self.withheld),
            (None, Live::Serving(identity)) => Some(identity),
            (None, Live::None | Live::Held(_) | Live::Withdrawn(_) | Live::OtherSubject(_)) => None,
        }
    }

    /// What is served, or was and is held back until the clock gets to its start.
    pub(crate) const fn in_use(&self) -> Option<&Identity> {
        match &self.unsaved {
            Some(unsaved) => Some(unsaved),
            None => self.live.identity(),
        }
    }

    /// Whether something is to be tidied away by now.
    pub(crate) fn is_untidy(&self) -> bool {
        self.untidy.is_some_and(|again| self.mono >= again)
    }

    /// Whether that very certificate is in use, from disk or from memory.
    pub(crate) fn uses(&self, leaf: &LeafDigest) -> bool {
        self.in_use().is_some_and(|identity| identity.leaf == *leaf)
    }

    /// Whether a bundle is that of the identity that is served, or held until the clock gets to its start.
    pub(crate) fn is_live(&self, name: Name) -> bool {
        self.live.identity().is_some_and(|identity| identity.name == name)
    }

    /// Nothing up to this generation goes live any more. What is for the subject that is wanted by now may well be older than
    /// what is not.
    pub(crate) fn past(&self) -> Generation {
        match self.live {
            Live::OtherSubject(_) => self.ended,
            Live::None | Live::Serving(_) | Live::Held(_) | Live::Withdrawn(_) => self.live.generation(),
        }
    }

    /// How many attempts in a row came to nothing, counting `generation`'s; survives restarts, because it
    /// is read off the disk.
    pub(crate) fn failed_attempts(&self, generation: Generation) -> u32 {
        generation.0.saturating_sub(self.live.generation().max(self.settled).0)
    }
}

impl Outstanding {
    pub(crate) fn is_overdue(&self, now: Now) -> bool {
        now.mono >= self.due
    }
}

impl Cx<'_> {
    fn operation(&mut self) -> OpId {
        self.common.ops = Ops(self.common.ops.0.saturating_add(1));
        OpId { run: self.common.run, seq: self.common.ops.0 }
    }

    pub(crate) fn disk(&mut self, command: DiskCommand) -> Outstanding {
        let op = self.operation();
        self.actions.push(Action::Disk { op, command });
        Outstanding { op, due: self.after(self.common.timing().disk_deadline(self.common.lifetime)) }
    }

    /// Whether a lifetime is configured, and was not refused.
    pub(crate) fn has_wish(&self) -> bool {
        self.common.config.template().duration.is_some() && !self.common.no_duration
    }

    pub(crate) fn make_key(&mut self) -> Outstanding {
        let op = self.operation();
        let asked = self.common.config.template().duration;
        let duration = if self.has_wish() { asked } else { None };
        self.actions.push(Action::MakeKey { op, duration });
        Outstanding { op, due: self.after(self.call_deadline()) }
    }

    pub(crate) fn call(&mut self, call: Call, credential: Credential) -> OpId {
        let op = self.operation();
        self.actions.push(Action::Call { op, call, credential });
        op
    }

    pub(crate) fn call_deadline(&self) -> Span {
        self.common.timing().call_deadline(self.common.lifetime)
    }

    pub(crate) fn report(&mut self, event: Event) {
        self.actions.push(Action::Report(event));
    }

    pub(crate) fn exit(&mut self, reason: ExitReason) -> Renewal {
        self.actions.push(Action::Exit(reason));
        Renewal::Ended(reason)
    }

    /// `span` from now on the mono clock.
    pub(crate) fn after(&self, span: Span) -> MonoTime {
        self.now.mono.plus(span)
    }

    /// A number for jitter: the same on every replay, different on every node and in every run.
    pub(crate) fn draw(&mut self) -> u64 {
        self.common.ops = Ops(self.common.ops.0.saturating_add(1));
        let seed = self.common.config.spec().seed ^ self.common.run.0.rotate_left(32);
        splitmix64(seed.wrapping_add(u64::from(self.common.ops.0).wrapping_mul(0x9e37_79b9_7f4a_7c15)))
    }

    /// Counts a failed disk operation and gives the wait before the next try.
    pub(crate) fn disk_backoff(&mut self) -> Span {
        self.common.disk_failures = self.common.disk_failures.saturating_add(1);
        self.retry_wait(self.common.disk_failures.into())
    }

    /// Counts a failed call and gives the wait before the next one.
    pub(crate) fn call_backoff(&mut self) -> Span {
        self.common.call_failures = self.common.call_failures.saturating_add(1);
        self.retry_wait(self.common.call_failures.into())
    }

    /// The wait after so many failures in a row.
    pub(crate) fn retry_wait(&mut self, failures: u32) -> Span {
        let draw = self.draw();
        #[cfg(feature = "seeded")]
        if let Some(wait) = crate::seeded::retry_badly(self, failures) {
            return wait;
        }
        self.common.timing().retry(self.common.lifetime, failures, draw)
    }

    /// The wait for a new request when the attempt of this generation came to nothing.
    pub(crate) fn renew_wait(&mut self, generation: Generation) -> Span {
        let draw = self.draw();
        let attempts = self.common.failed_attempts(generation);
        #[cfg(feature = "seeded")]
        if let Some(wait) = crate::seeded::renew_badly(self, attempts) {
            return wait;
        }
        self.common.timing().renew(self.common.lifetime, attempts, draw)
    }

    /// Serves an identity that is durable under the live name; if it ended in the meantime, it is
    /// remembered as withdrawn.
    pub(crate) fn go_live(&mut self, identity: Identity) {
        #[cfg(feature = "seeded")]
        let identity = crate::seeded::planned(self, identity);
        let before = self.common.live.identity().map(|old| old.not_after);
        let mut identity = identity;
        let same = |it: &&Identity| it.leaf == identity.leaf;
        let known = self.common.unsaved.as_ref().filter(same).or(self.common.live.identity().filter(same));
        if let Some(known) = known {
            // It was adopted then, and a clock that went back meanwhile does not postpone its renewal (S14).
            identity.renew_by = identity.renew_by.min(known.renew_by);
        }
        // What is served from memory goes on, if it is newer.
        self.common.unsaved = self.common.unsaved.filter(|unsaved| unsaved.generation > identity.generation);
        if self.common.unsaved.is_none() {
            self.takes_life(identity.lifetime());
        }
        if before.is_none() || self.common.live.generation() != identity.generation {
            self.common.refused = None;
        }
        self.outdated_by(identity.generation);
        if self.common.linked != Some(identity.name) {
            let superseded = self.common.linked.replace(identity.name);
            // One that is there from before would be forgotten.
            if core::mem::replace(&mut self.common.previous, superseded).is_some() {
                self.common.untidy = Some(self.now.mono);
            }
        }
        self.common.live = Live::Held(identity);
        self.judge_live();
        if identity.old_template {
            self.report(Event::OldTemplate { generation: identity.generation });
        }
        if matches!(self.common.live, Live::Serving(_)) && self.common.unsaved.is_none() {
            self.report(Event::Live {
                generation: identity.generation,
                not_after: identity.not_after,
                renew_at: identity.renew_at,
                shorter: before.is_some_and(|end| identity.not_after < end),
            });
        }
    }

    /// The timing parameters scale with this lifetime from now on; what is waited for is waited for no longer than by that.
    pub(crate) fn takes_life(&mut self, lifetime: Span) {
        self.common.lifetime = lifetime;
        let floor = self.after(self.common.timing().issuance_interval(lifetime));
        self.common.changes = self.common.changes.min(floor);
        self.common.floor = self.common.floor.min(floor);
    }

    /// Judges the live identity by the time now. Every step begins with this, so nothing that is in
    /// flight can keep an expired identity alive (S1).
    pub(crate) fn judge_live(&mut self) {
        #[cfg(feature = "seeded")]
        if crate::seeded::judged(self) {
            return;
        }
        let wall = self.now.wall;
        // What is behind one that is served from memory comes and goes unseen.
        let shown = self.common.unsaved.is_none();
        self.common.live = match self.common.live {
            Live::Serving(identity) | Live::Held(identity) if wall >= identity.not_after => {
                let Identity { generation, not_after, .. } = identity;
                if shown && matches!(self.common.live, Live::Serving(_)) {
                    self.actions.push(Action::Withdraw { generation });
                }
                self.report(Event::Expired { generation, not_after });
                self.common.ended = self.common.ended.max(generation);
                self.common.over = self.common.over.max(Some(not_after));
                Live::Withdrawn(generation)
            }
            Live::Serving(identity) if wall < identity.not_before => {
                let Identity { generation, not_before, .. } = identity;
                if shown {
                    self.actions.push(Action::Withdraw { generation });
                    self.report(Event::NotYetValid { generation, not_before });
                }
                Live::Held(identity)
            }
            Live::Held(identity) if wall >= identity.not_before => {
                let Identity { generation, key, cert, .. } = identity;
                if shown {
                    self.actions.push(Action::GoLive { generation, key, cert });
                }
                Live::Serving(identity)
            }
            same @ (Live::None
            | Live::Serving(_)
            | Live::Held(_)
            | Live::Withdrawn(_)
            | Live::OtherSubject(_)) => same,
        };
    }
}

/// The finaliser of SplitMix64 (Steele, Lea, Flood 2014): pinned here, so that a trace replays with any version.
const fn splitmix64(state: u64) -> u64 {
    let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests;
