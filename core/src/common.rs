//! The state that all phases share, and the context of a step.

use alloc::vec::Vec;

use crate::config::Config;
use crate::digest::{GOLDEN, mixed};
use crate::directory::{Directory, Generations};
use crate::disk::{DiskCommand, Name};
use crate::event::Event;
use crate::id::{Generation, OpId, Ops, RunId};
use crate::input::Action;
use crate::issuer::{Call, Credential};
use crate::serving::{Identity, Judged, Live, Serving, Source, Standing};
use crate::time::{MonoTime, Now, Span, WallTime};
use crate::timing::{FULL_LIFETIME, Timing};

pub(crate) mod gates;

use gates::{Gates, ScanValidity};

/// The state that outlives a phase.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Common {
    /// Replaced by `Input::Reconfigure`.
    pub(crate) config: Config,
    /// Drawn by the driver at start; never changes.
    pub(crate) run: RunId,
    /// The last operation's number; also counts the draws of jitter.
    pub(crate) ops: Ops,
    /// The monotonic time of the last step. `wake` and `view` compare deadlines with it.
    pub(crate) mono: MonoTime,
    /// How far the driver's monotonic clock went back in this run. Added to what it shows; zero with a correct driver.
    pub(crate) regressed: Span,
    /// The lifetime of the last accepted certificate, which scales the timing parameters. Until there is one: the requested
    /// lifetime.
    pub(crate) lifetime: Span,
    pub(crate) serving: Serving,
    pub(crate) gates: Gates,
    pub(crate) scan_validity: ScanValidity,
    pub(crate) directory: Directory,
    pub(crate) generations: Generations,
    pub(crate) issuer: Issuer,
    /// Keys in a row that could not be made; they set the backoff. Cleared when a key is made.
    pub(crate) key_failures: u16,
    /// Whether a shutdown was requested. Never cleared: no phase begins anything after it.
    pub(crate) is_stopping: bool,
}

/// What this run learnt about the server and the signer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Issuer {
    /// The kind of credential that was rejected last, or could not be read: the next call uses the other one.
    /// Cleared when another identity goes live.
    pub(crate) rejected: Option<CredentialKind>,
    /// Whether the requested lifetime was rejected, so that requests carry none. Cleared when the template's lifetime changes.
    pub(crate) is_duration_rejected: bool,
    /// Failed calls lately: one more with each, one fewer with each that succeeds; they set the backoff. Cleared by a rotation.
    pub(crate) call_failures: u16,
    /// Whether this run has made its one request whose key is in memory only. Never cleared: a second one would be a second
    /// open request that no restart can resume.
    pub(crate) has_requested_in_memory: bool,
}

/// A kind of credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum CredentialKind {
    Live,
    Bootstrap,
}

/// An operation that has not been answered yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Outstanding {
    /// Its number in this run.
    op: Ops,
    /// When it counts as timed out.
    pub(crate) due: MonoTime,
}

/// The context of one step.
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
            regressed: Span::ZERO,
            lifetime,
            serving: Serving::new(),
            gates: Gates::default(),
            scan_validity: ScanValidity::default(),
            directory: Directory::default(),
            generations: Generations::default(),
            issuer: Issuer::default(),
            key_failures: 0,
            is_stopping: false,
        }
    }

    pub(crate) fn timing(&self) -> &Timing {
        self.config.timing()
    }

    /// Returns the monotonic time of a step at which the driver's clock shows `shown`.
    ///
    /// If that clock went back, the time continues from the last step: a deadline that waits until the clock has caught up
    /// might never pass. Only the first time is reported, because threads that read the clock out of order cause many.
    pub(crate) fn continue_mono(&mut self, shown: MonoTime, actions: &mut Vec<Action>) -> MonoTime {
        let by = self.mono.since(shown.plus(self.regressed));
        if by > Span::ZERO {
            if self.regressed == Span::ZERO {
                actions.push(Action::Report(Event::MonotonicClockRegressed { by }));
            }
            self.regressed = self.regressed.plus(by);
        }
        self.mono = self.mono.max(shown.plus(self.regressed));
        self.mono
    }

    /// Returns the time that the driver's monotonic clock shows at `mono`.
    pub(crate) fn on_driver_clock(&self, mono: MonoTime) -> MonoTime {
        MonoTime::from_ms(mono.ms().saturating_sub(self.regressed.ms()))
    }

    /// Returns the credential of the next call, by validity *now*: an expired identity is never presented (S1).
    pub(crate) fn credential(&self, now: WallTime) -> Credential {
        match self.serving.presented() {
            Some(identity)
                if identity.is_valid(now) && self.issuer.rejected != Some(CredentialKind::Live) =>
            {
                Credential::Live(identity.generation)
            }
            Some(_) | None => Credential::Bootstrap,
        }
    }

    /// Whether stale files are to be removed now.
    pub(crate) fn needs_cleanup(&self) -> bool {
        self.directory.needs_cleanup(self.mono)
    }

    /// Whether a bundle is that of the durable identity, presented or not yet valid.
    pub(crate) fn is_live_bundle(&self, name: Name) -> bool {
        self.serving.durable.identity().is_some_and(|identity| identity.name == name)
    }

    /// Returns the latest notAfter of the identities that have expired, in this run or before it.
    pub(crate) fn last_expiry(&self) -> Option<WallTime> {
        let in_this_run = self.serving.expired.map(|expired| expired.not_after);
        in_this_run.max(self.scan_validity.last_expiry())
    }

    /// Returns how many attempts in a row failed, counting `generation`'s. The number survives restarts, because both bounds
    /// are read off the disk.
    pub(crate) fn failed_attempts(&self, generation: Generation) -> u32 {
        let succeeded = self.serving.durable.generation().max(self.generations.finished());
        generation.0.saturating_sub(succeeded.0)
    }

    /// Whether no two parts contradict each other; checked at the end of every step where debug assertions are on.
    pub(crate) fn is_consistent(&self) -> bool {
        let newer = self.serving.in_memory_generation().is_none_or(|newer| {
            newer > self.serving.durable.identity().map_or(Generation(0), |durable| durable.generation)
        });
        let suspect = self.gates.clock_suspect > self.mono;
        newer
            && self.generations.finished() <= self.generations.used()
            && !(suspect && self.serving.in_use().is_some())
    }
}

impl Outstanding {
    pub(crate) const fn new(op: OpId, due: MonoTime) -> Self {
        Self { op: Ops(op.seq), due }
    }

    /// Its id in this run.
    pub(crate) const fn op(self, run: RunId) -> OpId {
        OpId { run, seq: self.op.0 }
    }

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
        Outstanding::new(op, self.after(self.common.timing().disk_deadline(self.common.lifetime)))
    }

    /// Whether requests carry a lifetime: one is configured, and the server did not reject it.
    pub(crate) fn requests_duration(&self) -> bool {
        self.common.config.template().duration.is_some() && !self.common.issuer.is_duration_rejected
    }

    pub(crate) fn make_key(&mut self) -> Outstanding {
        let op = self.operation();
        let requested = self.common.config.template().duration;
        let duration = if self.requests_duration() { requested } else { None };
        self.actions.push(Action::MakeKey { op, duration });
        Outstanding::new(op, self.after(self.call_deadline()))
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

    /// Returns the time `span` from now on the monotonic clock.
    pub(crate) fn after(&self, span: Span) -> MonoTime {
        self.now.mono.plus(span)
    }

    /// Returns a number for jitter: the same on every replay, different on every node and in every run.
    pub(crate) fn draw(&mut self) -> u64 {
        self.common.ops = Ops(self.common.ops.0.saturating_add(1));
        let seed = self.common.config.spec().seed ^ self.common.run.0.rotate_left(32);
        mixed(seed.wrapping_add(u64::from(self.common.ops.0).wrapping_mul(GOLDEN)))
    }

    /// Counts a failed disk operation and returns the wait before the next try.
    pub(crate) fn disk_backoff(&mut self) -> Span {
        self.common.directory.failures = self.common.directory.failures.saturating_add(1);
        self.retry_wait(self.common.directory.failures.into())
    }

    /// Counts a failed call and returns the wait before the next one.
    pub(crate) fn call_backoff(&mut self) -> Span {
        self.common.issuer.call_failures = self.common.issuer.call_failures.saturating_add(1);
        self.retry_wait(self.common.issuer.call_failures.into())
    }

    /// Counts a key that could not be made and returns the wait before the next attempt.
    pub(crate) fn key_backoff(&mut self) -> Span {
        self.common.key_failures = self.common.key_failures.saturating_add(1);
        self.retry_wait(self.common.key_failures.into())
    }

    /// Returns the wait after this count of failures.
    pub(crate) fn retry_wait(&mut self, failures: u32) -> Span {
        let draw = self.draw();
        self.common.timing().retry(self.common.lifetime, failures, draw)
    }

    /// Returns the time that has passed since an earlier run took this wall time. A clock that went back behind it cannot tell:
    /// then every wait from that time on is over, because a wait that begins anew in each run may never end.
    pub(crate) fn passed_since(&self, earlier: WallTime) -> Span {
        if self.now.wall < earlier { Span::MAX } else { self.now.wall.since(earlier) }
    }

    /// Returns the rest of a wait that an earlier run began at `start`. It is never longer than the wait, and never shorter than
    /// the first retry wait, whatever the clock does.
    pub(crate) fn rest_of_wait(&mut self, wait: Span, start: WallTime) -> Span {
        let shortest = self.retry_wait(1).min(wait);
        wait.minus(self.passed_since(start)).max(shortest)
    }

    /// Returns the wait for a new request after the failed attempt of this generation.
    pub(crate) fn renew_wait(&mut self, generation: Generation) -> Span {
        let draw = self.draw();
        let attempts = self.common.failed_attempts(generation);
        self.common.timing().renew(self.common.lifetime, attempts, draw)
    }

    /// Puts an identity in use that is durable under the current link. If it expired in the meantime, it is remembered as
    /// withdrawn.
    pub(crate) fn go_live(&mut self, identity: Identity) {
        let serving = &mut self.common.serving;
        let (before, generation) = (serving.durable.identity().copied(), serving.durable.generation());
        let mut identity = identity;
        let same = |old: &&Identity| old.leaf == identity.leaf;
        let in_memory = serving.in_memory.as_ref().map(|judged| &judged.identity);
        if let Some(old) = in_memory.filter(same).or(before.as_ref().filter(same)) {
            // The same certificate was accepted before. A clock that went back since must not postpone its renewal (S14).
            identity.renew_by = identity.renew_by.min(old.renew_by);
        }
        // The in-memory identity stays in use only while it is newer.
        if serving.in_memory_generation().is_some_and(|newer| newer <= identity.generation) {
            serving.in_memory = None;
        }
        let is_hidden = serving.in_memory.is_some();
        if !is_hidden {
            self.set_lifetime(identity.lifetime());
        }
        if before.is_none() || generation != identity.generation {
            self.common.issuer.rejected = None;
        }
        self.supersede(identity.generation);
        self.common.directory.record_switch(identity.name, self.now.mono);
        self.common.serving.durable = Live::Identity(Judged::unseen(identity));
        self.judge(Source::Durable);
        if identity.old_template {
            self.report(Event::OldTemplate { generation: identity.generation });
        }
        if !is_hidden && self.common.serving.durable.presented().is_some() {
            self.report(Event::Live {
                generation: identity.generation,
                not_after: identity.not_after,
                renew_at: identity.renew_at,
                shorter: before.is_some_and(|old| identity.not_after < old.not_after),
            });
        }
    }

    /// Scales the timing parameters by this lifetime from now on. The gates that scale with it open no later than by that.
    pub(crate) fn set_lifetime(&mut self, lifetime: Span) {
        self.common.lifetime = lifetime;
        let longest = self.after(self.common.timing().issuance_interval(lifetime));
        let gates = &mut self.common.gates;
        gates.template_change = gates.template_change.min(longest);
        gates.issuance = gates.issuance.min(longest);
    }

    /// Judges one of the two identities by the wall clock of this step. Every step begins with this, so no operation in flight
    /// can keep an expired identity in use (S1).
    pub(crate) fn judge(&mut self, source: Source) {
        let wall = self.now.wall;
        // The in-memory identity hides the durable one, which comes and goes without an action.
        let is_hidden = source == Source::Durable && self.common.serving.in_memory.is_some();
        let Some(&mut Judged { identity, standing }) = self.common.serving.judged_mut(source) else { return };
        let Identity { generation, key, cert, not_before, not_after, .. } = identity;
        let was_presented = standing == Standing::Presented;
        if wall >= not_after {
            self.common.serving.expire(source, generation, not_after);
            if was_presented && !is_hidden {
                self.actions.push(Action::Withdraw { generation });
            }
            self.report(Event::Expired { generation, not_after });
            return;
        }
        let standing = if wall >= not_before {
            Standing::Presented
        } else if is_hidden || self.common.can_hold(not_before, wall) {
            Standing::NotYetValid
        } else {
            Standing::FarFromValid
        };
        if let Some(judged) = self.common.serving.judged_mut(source) {
            judged.standing = standing;
        }
        match (was_presented, standing == Standing::Presented) {
            (true, false) if !is_hidden => {
                self.actions.push(Action::Withdraw { generation });
                self.report(Event::NotYetValid { generation, not_before });
            }
            (false, true) if !is_hidden => self.actions.push(Action::GoLive { generation, key, cert }),
            (true | false, _) => {}
        }
    }
}

#[cfg(test)]
mod tests;
