//! The effects of transitions on a world.

use certrotate_core::disk::DiskFault;
use certrotate_core::id::OpId;
use certrotate_core::input::{Disposition, Input};
use certrotate_core::issuer::IssuerFault;
use certrotate_core::time::{MonoTime, Span, WallTime};
use certrotate_core::view::{Gate, Phase};

use crate::disk::How;
use crate::server::Object;
use crate::transition::{Jump, KILLS, Lost, ObjectChange, Transition, Until};
use crate::world::{Answer, Driver, Effect, Lie, Outcome, World};

const CENTURY: Span = Span::from_hours(876_000);

impl World {
    /// Applies a transition. Returns `false` if it had no target and changed nothing. A stopped
    /// process is started again.
    pub fn happen(&mut self, transition: Transition) -> bool {
        let happened = self.happens(transition);
        if self.node.is_none() && self.violation.is_none() {
            self.start();
        }
        happened
    }

    fn happens(&mut self, transition: Transition) -> bool {
        match transition {
            Transition::Step(more) => return self.steps(more),
            Transition::Answer(index) => return self.answer_out_of_order(index.into()),
            Transition::Tick(until) => return self.tick_after(until),
            Transition::Jump(jump) => return self.jump(jump),
            Transition::Disk(how) => return self.disk_fails(how),
            Transition::DiskLost(lost) => return self.lose(true, lost),
            Transition::CallLost(lost) => return self.lose(false, lost),
            Transition::Call(fault, done) => return self.call_fails(fault, done),
            Transition::KeyFails => return self.key_fails(),
            Transition::Late => return self.late.pop_front().map(|answer| self.answer(answer)).is_some(),
            Transition::Repeat => return self.repeat_last(),
            Transition::Stale(ago) => return self.stale(ago.into()),
            Transition::Object(change) => return self.change_object(change),
            Transition::Kill(how) => return self.killed(how),
            Transition::CrashLoop(every) => return self.crash_loop(every),
            Transition::Off(until) => return self.off(until),
            Transition::Suspend(until) => return self.suspend(until),
            Transition::PowerCut(image) => self.power_cut(image.into()),
            Transition::Lie(lie) => {
                self.ghost.load.forget_requests();
                self.ghost.requests_lost = self
                    .ghost
                    .requests_lost
                    .saturating_add(u8::from(lie == Lie::FlippedPending && self.lie != Some(lie)));
                return self.lie.replace(lie).is_none();
            }
            Transition::Damage(damage) => return self.damage_disk(damage),
            Transition::DiskFails(fault) => drop(self.disk.faults.push(fault)),
            Transition::Lose(disk, calls) => {
                (self.lose_disk_answers, self.lose_call_answers) = (disk.into(), calls.into());
            }
            Transition::Mend => self.mend(),
            Transition::RotateNow => drop(self.give(Input::RotateNow)),
            Transition::Shutdown => self.shutdown(),
            Transition::Slow(until) => return self.slow(until),
            Transition::OtherNodeName => return self.renamed(),
            Transition::Reconfigure(edit) => return self.edited(edit),
            Transition::Driver(fault) => return self.driver_fails(fault),
            Transition::Verdict(approver) => self.server.verdict = Some(approver),
            Transition::Bad(bad) => self.server.bad_next = Some(bad),
            Transition::Refuse(live, bootstrap) => {
                (self.server.refuse_live, self.server.refuse_bootstrap) = (live, bootstrap);
            }
            Transition::Outage(fault) => self.server.outage = fault,
            Transition::Silent(silent) => self.server.silent = silent,
            Transition::Rarely(one_in) => self.server.rarely = (one_in, 0),
            Transition::Approver(approver) => self.server.approver = approver,
            Transition::Issues(bad) => self.server.bad = bad,
            Transition::Latency(span) => self.server.latency = span,
            Transition::Lifetime(span) => self.server.lifetime = span,
            Transition::Watches(ends, none) => {
                (self.server.watch_ends, self.server.no_watch) = (ends, none);
            }
        }
        true
    }

    fn steps(&mut self, more: u8) -> bool {
        let moved = self.takes_its_course();
        for _ in 0..more {
            if self.violation.is_none() && self.node.is_some() {
                self.takes_its_course();
            }
        }
        moved
    }

    fn takes_its_course(&mut self) -> bool {
        let soon = |wait| wait <= CENTURY;
        self.deliver() || self.until_wake().is_some_and(soon) && self.wait_until(Self::FOR_EVER)
    }

    fn answer_out_of_order(&mut self, index: usize) -> bool {
        index > 0 && self.deliver_at(index, How::Well)
    }

    /// How far it is.
    fn distance(&self, until: Until) -> Span {
        let identity = self.node.as_ref().and_then(|node| node.view().identity);
        let to = |wall: Option<WallTime>| wall.map_or(Span::ZERO, |wall| wall.since(self.now.wall));
        let wake = self.until_wake().unwrap_or_default();
        let span = match until {
            Until::Wake => wake,
            Until::BeforeWake => Span::from_ms(wake.ms().saturating_sub(1)),
            Until::End => to(identity.map(|it| it.not_after)),
            Until::BeforeEnd => Span::from_ms(to(identity.map(|it| it.not_after)).ms().saturating_sub(1)),
            Until::Renewal => to(identity.map(|it| it.renew_at)),
            Until::Overslept(more) => wake.plus(more),
            Until::Span(span) => span,
        };
        // A wait beyond a century shows nothing new.
        span.min(CENTURY)
    }

    fn tick_after(&mut self, until: Until) -> bool {
        let span = self.distance(until);
        let idle = self.in_flight.is_empty();
        if span == Span::ZERO && !self.is_due() || idle && until == Until::Wake {
            return false;
        }
        self.pass(span);
        self.give(Input::Tick);
        true
    }

    /// Kills the process repeatedly, each time this long after its start. A node that owes calls must still make them: a wait that
    /// begins anew in each run would never end.
    fn crash_loop(&mut self, every: Span) -> bool {
        let mut owes = every >= Span::from_mins(11);
        let mut calls = false;
        for _ in 0..KILLS {
            self.restart();
            let end = self.now.mono.plus(every);
            while self.now.mono < end && self.violation.is_none() {
                if !self.deliver() && !self.wait_until(end) {
                    self.pass(end.since(self.now.mono));
                }
            }
            owes &= self.owes_calls();
            calls |= self.ghost.load.called_yet;
        }
        self.hold("L4", "a node that is killed every eleven minutes still makes calls", calls || !owes);
        true
    }

    /// Whether the node needs a certificate, and neither its clock nor its disk keeps it from requesting one.
    fn owes_calls(&self) -> bool {
        let Some(view) = self.view() else { return false };
        // At the end of all times the clock does not show how long ago the last request was made.
        let is_clock_right = !view.clock_invalid && view.held.is_none() && self.now.wall < WallTime::MAX;
        let waits = view.gate.is_none_or(|it| it.gate == Gate::Backoff) && view.phase != Phase::Recovering;
        let takes_changes = view.failures.disk == 0 && self.disk.faults.is_empty() && view.failures.keys == 0;
        view.identity.is_none() && is_clock_right && waits && takes_changes
    }

    fn off(&mut self, until: Until) -> bool {
        let span = self.distance(until);
        self.kill();
        self.pass(span);
        self.start();
        true
    }

    fn suspend(&mut self, until: Until) -> bool {
        let span = self.distance(until);
        self.pass(span);
        if self.driver == Driver::StopsInSuspend {
            self.lag = self.lag.plus(span);
        }
        self.give(Input::Tick);
        span != Span::ZERO
    }

    fn slow(&mut self, until: Until) -> bool {
        let span = self.distance(until);
        if self.in_flight.is_empty() || span == Span::ZERO {
            return false;
        }
        self.pass(span);
        let before = self.steps;
        self.deliver();
        if self.steps == before {
            self.give(Input::Tick);
        }
        true
    }

    /// Changes the wall clock of the node, but not the server's.
    fn jump(&mut self, jump: Jump) -> bool {
        let identity = self.node.as_ref().and_then(|node| node.view().identity);
        let before = self.now.wall.unix_ms();
        let after = match (jump, identity) {
            (Jump::By(ms), _) => before.saturating_add(ms),
            (Jump::To(ms), _) => ms,
            (Jump::End, Some(it)) => it.not_after.unix_ms(),
            (Jump::BeforeStart, Some(it)) => it.not_before.unix_ms().saturating_sub(1),
            (Jump::Renewal, Some(it)) => it.renew_at.unix_ms(),
            (Jump::End | Jump::BeforeStart | Jump::Renewal, None) => before,
        };
        self.skew = self.skew.saturating_add(i128::from(before) - i128::from(after));
        self.now.wall = WallTime::from_unix_ms(after);
        // A clock change may cause a rescan and then resume a request: two calls more.
        self.ghost.load.calls.grant(2);
        // The node counts by this clock how long ago its last request was made.
        self.ghost.load.forget_requests();
        self.give(Input::Tick);
        before != after
    }

    fn under_way(&self, wanted: fn(&Effect) -> bool) -> Option<usize> {
        self.in_flight.iter().position(|asked| wanted(&asked.effect))
    }

    fn disk_fails(&mut self, how: How) -> bool {
        let Some(index) = self.under_way(|effect| matches!(effect, Effect::Disk(_))) else { return false };
        let Effect::Disk(command) = self.in_flight[index].effect else { return false };
        if !can_fail(&command, how) {
            return false;
        }
        self.perform(index, how).map(|answer| self.answer(answer)).is_some()
    }

    fn lose(&mut self, disk: bool, lost: Lost) -> bool {
        let wanted: fn(&Effect) -> bool = if disk {
            |effect| matches!(effect, Effect::Disk(_))
        } else {
            |effect| matches!(effect, Effect::Call(..))
        };
        let Some(index) = self.under_way(wanted) else { return false };
        if lost == Lost::NotDone {
            self.in_flight.remove(index);
            return true;
        }
        match self.perform(index, How::Well) {
            Some(answer) if lost == Lost::Late => self.late.push(answer),
            Some(_) => true,
            None => false,
        }
    }

    fn call_fails(&mut self, fault: IssuerFault, done: bool) -> bool {
        let Some(index) = self.under_way(|effect| matches!(effect, Effect::Call(..))) else { return false };
        let super::InFlight { op, effect, .. } = self.in_flight[index];
        // A request that the server has was valid.
        if fault == IssuerFault::Invalid && (done || self.has_object(&effect)) {
            return false;
        }
        if done && self.perform(index, How::Well).is_none() {
            return false;
        }
        self.answer(Answer { op, outcome: Outcome::Call(Err(fault)) });
        true
    }

    fn key_fails(&mut self) -> bool {
        let Some(index) = self.under_way(|effect| matches!(effect, Effect::Key(_))) else { return false };
        let op = self.in_flight.remove(index).op;
        self.answer(Answer { op, outcome: Outcome::Key(None) });
        true
    }

    /// M1: an input that is given again at the same time is ignored, and requests nothing.
    fn repeat_last(&mut self) -> bool {
        if self.told != self.now {
            return false;
        }
        let again = self.repeat();
        let nothing = again.is_none_or(|step| {
            matches!(step.disposition, Disposition::Ignored(_)) && step.actions.is_empty()
        });
        self.hold("M1", "an input given twice at one time does nothing the second time", nothing);
        true
    }

    fn stale(&mut self, ago: usize) -> bool {
        let Some(seq) = self.ops.checked_sub(ago as u32 + 1).filter(|seq| *seq > 0) else { return false };
        let op = OpId { run: certrotate_core::id::RunId(self.runs), seq };
        // Core may wait for an answer that was lost: another one is not stale.
        if self.in_flight.iter().any(|asked| asked.op == op) || self.spec.in_flight.get(op).is_some() {
            return false;
        }
        for outcome in [Outcome::Disk(Ok(())), Outcome::Scan(Ok(())), Outcome::Disk(Err(DiskFault::Io))] {
            self.answer(Answer { op, outcome });
        }
        let object = self.server.objects.last().copied().ok_or(IssuerFault::NotFound);
        self.answer(Answer { op, outcome: Outcome::Call(object) });
        true
    }

    fn change_object(&mut self, change: ObjectChange) -> bool {
        if change == ObjectChange::ForgetAll {
            self.server.objects.clear();
            return true;
        }
        let Some(index) = self.server.objects.iter().rposition(|object| !object.is_decided()) else {
            return false;
        };
        let now = self.server_wall();
        let object = &mut self.server.objects[index];
        match change {
            ObjectChange::Delete | ObjectChange::ForgetAll => drop(self.server.objects.remove(index)),
            ObjectChange::ForeignKey => object.key = 0,
            ObjectChange::ForeignSigner => object.foreign_signer = true,
            ObjectChange::ForeignUsages => object.foreign_usages = true,
            ObjectChange::Recreate => *object = Object { approved: false, made: now, ..*object },
        }
        true
    }

    fn killed(&mut self, how: How) -> bool {
        if let Some(index) = self.under_way(|effect| matches!(effect, Effect::Disk(_)))
            && how != How::Fails(DiskFault::Io)
        {
            self.perform(index, how);
        }
        self.restart();
        true
    }

    fn shutdown(&mut self) {
        self.give(Input::Shutdown);
        for _ in 0..64 {
            if self.node.is_none() || self.violation.is_some() {
                return;
            }
            self.advance();
        }
        self.hold("L5", "a shutdown ends within 64 inputs", self.node.is_none());
    }

    /// Returns the server's time.
    pub(crate) fn server_wall(&self) -> WallTime {
        let ms = i128::from(self.now.wall.unix_ms()) + self.skew;
        WallTime::from_unix_ms(ms.clamp(i64::MIN.into(), i64::MAX.into()) as i64)
    }

    /// The latest time that a monotonic clock can show.
    pub(crate) const FOR_EVER: MonoTime = MonoTime::from_ms(u64::MAX);
}

/// Returns whether a command can fail in this way.
fn can_fail(command: &certrotate_core::disk::DiskCommand, how: How) -> bool {
    use certrotate_core::disk::DiskCommand;
    let fault = match how {
        How::Well | How::Pretended => return false,
        How::Fails(fault) => fault,
        How::FailsHalfway(fault) => {
            return matches!(command, DiskCommand::Write { .. }) && fault == DiskFault::NoSpace;
        }
        How::FailsDone(fault) => return command.mutates() && fault == DiskFault::Io,
    };
    match fault {
        DiskFault::Locked | DiskFault::Unsafe | DiskFault::NoDirectory => {
            matches!(command, DiskCommand::Lock)
        }
        DiskFault::Exists => matches!(command, DiskCommand::Create { .. } | DiskCommand::Symlink { .. }),
        DiskFault::NotFound => matches!(command, DiskCommand::Rename { .. }),
        DiskFault::NoSpace | DiskFault::ReadOnly | DiskFault::Denied => {
            command.mutates() || matches!(command, DiskCommand::SyncFile { .. })
        }
        DiskFault::NoEffect => matches!(command, DiskCommand::Unlink { .. }),
        DiskFault::Io => true,
        // Those that core or the driver makes, and those that this world does not know.
        _ => false,
    }
}
