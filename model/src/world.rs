//! One node in its world: the core, the disk, the server and the clocks, in one thread and no time at all.
//!
//! A world is a value of a few kilobytes that is cloned and hashed by the million. The only mutator of
//! the machine in it is [`World::give`]; it checks the specification and the invariants after each step.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use certrotate_core::config::Config;
use certrotate_core::facts::CertFacts;
use certrotate_core::id::{CertHandle, Generation, RunId};
use certrotate_core::input::{Disposition, Input};
use certrotate_core::rotator::Step;
use certrotate_core::time::{MonoTime, Now, Span, WallTime};
use certrotate_core::trace::TraceHeader;
use certrotate_core::view::{Phase, View, Wake};

use crate::disk::Disk;
use crate::disk::image::Profile;
use crate::fingerprint;
use crate::ghost::{Ghost, Kept};
use crate::invariants::{self, Violation};
use crate::list::List;
use crate::server::Server;
use crate::spec::Spec;

mod answer;
mod driver;
mod driver_fault;
mod driver_kind;
mod happen;
mod heal;
mod in_flight;
mod log;
mod node;
mod operations;
mod outside;
mod script;
mod state;
mod templates;
mod watch;

pub use driver_kind::Driver;
pub use heal::SETTLE_INPUTS;
pub use in_flight::{Answer, Effect, InFlight, Outcome, operation};
pub use log::Log;
pub use node::Node;
pub use operations::Operations;
pub use state::{Lie, Probe, Request, START, World};
pub(crate) use templates::{FEWER_USAGES, Fit, MORE_USAGES, ONE_NAME};

impl World {
    /// Returns the view of the running process.
    pub(crate) fn view(&self) -> Option<&View> {
        self.node.as_ref().map(Node::view)
    }

    /// Returns the latest time of the next tick of the running process.
    pub(crate) fn wake(&self) -> Option<Wake> {
        self.node.as_ref().map(Node::wake)
    }

    /// Returns the number of failed attempts in a row.
    pub(crate) fn failures(&self) -> u32 {
        let view = self.view();
        let live = self.served().map_or(0, |generation| generation.0);
        view.and_then(|view| view.attempt).map_or(0, |attempt| attempt.0.saturating_sub(live + 1))
    }

    /// Returns the number of recent failed calls: each success takes one away.
    pub(crate) fn call_failures(&self) -> u32 {
        self.node.as_ref().map_or(0, |node| node.view().failures.calls)
    }

    /// How many keys in a row could not be made.
    pub(crate) fn key_failures(&self) -> u32 {
        self.node.as_ref().map_or(0, |node| node.view().failures.keys)
    }

    /// Returns the number of failed disk operations in a row.
    pub(crate) fn disk_failures(&self) -> u32 {
        self.node.as_ref().map_or(0, |node| node.view().failures.disk)
    }
}

impl World {
    /// Makes a world with an empty directory and a server without faults, before the first start.
    /// The first violation is noted in `violation`.
    #[must_use]
    pub fn quiet(config: Config) -> Self {
        let templates = Arc::new(templates::all(config.template()));
        Self {
            now: Now { wall: START, mono: MonoTime::from_ms(1000) },
            node: None,
            disk: Disk::default(),
            server: Server::default(),
            config,
            in_flight: List::default(),
            late: List::default(),
            served: None,
            ghost: Ghost::default(),
            spec: Spec::default(),
            wanted: Arc::default(),
            driver: Driver::Correct,
            requests: Vec::new(),
            templates,
            current: 0,
            lose_disk_answers: 0,
            lose_call_answers: 0,
            lie: None,
            skew: 0,
            lag: Span::ZERO,
            back: Span::ZERO,
            exit: None,
            told: Now { wall: START, mono: MonoTime::from_ms(0) },
            last: None,
            weakness: None,
            violation: None,
            violated_at: None,
            probe: None,
            blind: false,
            operations: Operations::default(),
            strict: false,
            log: None,
            traces: None,
            marks: None,
            steps: 0,
            runs: 0,
            ops: 0,
        }
    }

    /// Starts the process with the present configuration.
    pub fn start(&mut self) {
        self.load();
        self.give(Input::Tick);
    }

    /// Makes a process that has not been given its first input.
    pub fn load(&mut self) {
        self.configured();
        self.runs += 1;
        self.ops = 0;
        self.exit = None;
        self.node = Some(Node::new(self.config.clone(), RunId(self.runs)));
        self.ghost.started(self.now, self.requests.len() as u64);
        self.spec = Spec::default();
        if let Some(traces) = &mut self.traces {
            traces.push((TraceHeader::new(&self.config, RunId(self.runs)), Vec::new()));
        }
    }

    /// Kills the process: its memory and its operations in flight are lost, the disk stays.
    pub fn kill(&mut self) {
        let (now, lifetime) = (self.now.mono, self.lifetime());
        self.node = None;
        self.served = None;
        self.in_flight.clear();
        self.late.clear();
        self.last = None;
        (self.lag, self.back) = (Span::ZERO, Span::ZERO);
        self.disk.process_ended();
        self.ghost.killed(now, lifetime);
    }

    /// Kills the process and starts it again.
    pub fn restart(&mut self) {
        self.kill();
        self.start();
    }

    /// Cuts the power and restarts with the image of this number.
    pub fn power_cut(&mut self, image: usize) {
        self.come_back_with(self.disk.image(Profile::Alice, image));
    }

    /// Cuts the power and restarts with this image.
    pub(crate) fn come_back_with(&mut self, image: Disk) {
        if let Some(Violation { id, sentence }) = invariants::of_image(self, &image) {
            self.hold(id, sentence, false);
        }
        self.kill();
        self.disk = image;
        self.start();
    }

    /// Returns the generation that the process announced as live.
    #[must_use]
    pub fn served(&self) -> Option<Generation> {
        self.served.map(|(generation, _)| generation)
    }

    /// The facts of the served identity.
    #[must_use]
    pub fn served_facts(&self) -> Option<CertFacts> {
        self.facts(self.served?.1)
    }

    /// The notBefore and the notAfter of a certificate.
    pub(crate) fn dates(&self, cert: CertHandle) -> Option<(WallTime, WallTime)> {
        let cert = self.server.cert(u32::try_from(cert.0).ok()?)?;
        Some((cert.not_before, cert.not_after))
    }

    pub(crate) fn facts(&self, cert: CertHandle) -> Option<CertFacts> {
        let symbolic = self.server.cert(u32::try_from(cert.0).ok()?)?;
        Some(symbolic.facts(cert.0, self.templates.get(usize::from(symbolic.template))?))
    }

    /// Returns the time on the driver's clocks.
    #[must_use]
    pub fn shown(&self) -> Now {
        let mono = self.continued().mono.ms().saturating_sub(self.back.ms());
        Now { wall: self.now.wall, mono: MonoTime::from_ms(mono) }
    }

    /// Returns the same with a monotonic clock that never went back: the time that core counts.
    pub(crate) fn continued(&self) -> Now {
        Now { wall: self.now.wall, mono: MonoTime::from_ms(self.now.mono.ms().saturating_sub(self.lag.ms())) }
    }

    /// Gives one input now, carries out the actions, and checks specification and invariants.
    ///
    /// # Panics
    ///
    /// In a strict world, if one of them does not hold.
    pub fn give(&mut self, input: Input) -> Option<Step> {
        self.give_seen(input, None)
    }

    /// The same. The specification and the invariants see `seen` in place of the input: the failure that an answer of another
    /// kind means.
    pub(crate) fn give_seen(&mut self, input: Input, seen: Option<&Input>) -> Option<Step> {
        let seen = seen.unwrap_or(&input);
        let node = self.node.as_ref()?;
        let (phase, lifetime, now) = (node.view().phase, node.view().lifetime, self.shown());
        let calls = matches!(seen, Input::KeyMade { .. }).then(|| node.view().failures.calls);
        (self.last, self.told) = (None, self.now);
        if let Input::DiskAnswered { op, .. } | Input::KeyMade { op, .. } | Input::CallAnswered { op, .. } =
            &input
        {
            self.in_flight.retain(|it| it.op != *op);
        }
        self.ghost.before(self.now, self.disk.damaged);
        let to_give_up = self.request_to_give_up(seen);
        self.watch_input(seen, lifetime);
        self.spec.given(now, &self.wanted, seen);
        self.watch_disk(seen);
        if let Some(marks) = &mut self.marks {
            marks.input(phase, seen, !self.spec.stray);
        }
        // An answer to an operation in flight is never ignored, unless it timed out.
        let before = (self.spec.stray || is_no_answer(&input)).then(|| self.node.clone()).flatten();
        let ticked = input == Input::Tick;
        let edited = matches!(input, Input::Reconfigure(_));
        let asked = matches!(input, Input::RotateNow | Input::Shutdown);
        let busy = phase != Phase::Resting;
        let may_rescan = ticked && matches!(phase, Phase::Resting | Phase::Asking);
        let step = self.step(now, input)?;
        if edited && step.disposition == Disposition::Applied {
            self.reconfigured(now);
        }
        if edited || asked || ticked && self.view().is_some_and(|view| view.phase != phase) {
            // A tick does not repeat these, nor a tick that changed the due operations.
            self.told.mono = MonoTime::from_ms(u64::MAX);
        }
        self.spec.answered(now, &step);
        let node = self.node.as_ref()?;
        let is_apart = calls.is_none_or(|calls| node.view().failures.calls == calls);
        let handles = node.handles().map(|handle| Kept(Some(handle))).collect();
        let held = before.is_none_or(|it| invariants::s13_ignored_changes_nothing(&it, node, now, &step));
        self.hold("S13", "an ignored input changes nothing", held);
        self.hold("L4", "an answer about a key is not counted as a call", is_apart);
        self.steps += 1;
        self.ghost.burst.count(self.now, may_rescan, !step.actions.is_empty());
        for action in &step.actions {
            self.carry_out(action);
        }
        self.ghost.better_pair_seen = None;
        self.watch_found();
        self.watch_wake(ticked, &step);
        let is_kept = to_give_up.is_some() && self.view().and_then(|view| view.request) == to_give_up;
        self.hold("L3", "a request of an expired identity is given up when bootstrap reads it", !is_kept);
        self.ghost.erase(&step.erase);
        self.hold(
            "S11",
            "core lists every handle for erasure that it no longer needs",
            self.ghost.holds_only(&handles),
        );
        let lifetime = self.lifetime();
        if busy {
            self.ghost.busy(self.now, lifetime);
        }
        self.ghost.forget_time(self.now.mono, lifetime);
        invariants::check(self);
        if self.probe.is_some() {
            self.look_at_step();
        }
        assert!(
            !self.strict || self.violation.is_none(),
            "{}\n{}",
            self.violation.map(|it| it.to_string()).unwrap_or_default(),
            self.summary()
        );
        Some(step)
    }

    fn step(&mut self, now: Now, input: Input) -> Option<Step> {
        let node = self.node.as_mut()?;
        let Some((_, trace)) = self.traces.as_mut().and_then(|traces| traces.last_mut()) else {
            return Some(node.step(now, input));
        };
        let (record, step) = node.record(trace.len() as u64 + 1, now, input);
        trace.push(record);
        Some(step)
    }

    fn look_at_step(&mut self) {
        let (Some(mut probe), traces) = (self.probe.take(), self.traces.take()) else { return };
        if probe.step == self.steps {
            probe.world = Some(self.clone());
        }
        (self.probe, self.traces) = (Some(probe), traces);
    }

    /// Notes a violation, if it is the first.
    pub(crate) fn hold(&mut self, id: &'static str, sentence: &'static str, holds: bool) {
        if self.weakness == Some(crate::weakness::Weakness::ChecksAtTheEnd) && !id.starts_with('L') {
            return;
        }
        if !holds && self.violation.is_none() {
            self.violation = Some(Violation { id, sentence });
            self.violated_at = Some((self.steps, self.now));
        }
    }

    /// Checks every invariant of a world whose harness checks only at the end of a scenario.
    pub(crate) fn check_at_the_end(&mut self) {
        if self.weakness == Some(crate::weakness::Weakness::ChecksAtTheEnd) {
            self.weakness = None;
            invariants::check(self);
            invariants::check_disk(self);
        }
    }

    /// Two worlds with the same fingerprint go on in the same way, whenever they were reached.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        fingerprint::of(self, self.now, self.ops)
    }

    /// What a crash leaves except the disk, as a fingerprint: with the same and the same image, worlds go on in the same way.
    pub(crate) fn without_disk(&self) -> u64 {
        let mut ghost = self.ghost;
        ghost.killed(self.now.mono, self.lifetime());
        ghost.forget_counts(self.now.mono);
        let rest = (self.lose_disk_answers, self.lose_call_answers, self.lie, self.skew as u64, self.current);
        fingerprint::of(&(&self.server, ghost, &self.requests, rest), self.now, 0)
    }
}

fn is_no_answer(input: &Input) -> bool {
    matches!(input, Input::Tick | Input::RotateNow | Input::Reconfigure(_) | Input::Shutdown)
}

impl Hash for World {
    /// Leaves out the fields that only count or record.
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.node.hash(state);
        self.disk.hash(state);
        self.server.hash(state);
        self.in_flight.hash(state);
        self.late.hash(state);
        self.served.hash(state);
        self.ghost.hash(state);
        // The rest of what it knows can be told from the rest of the world.
        (self.spec.open, self.spec.lowest).hash(state);
        // A request is told by its number, except what the last one asks.
        (self.requests.len(), self.requests.last()).hash(state);
        (self.lose_disk_answers, self.lose_call_answers, self.lie, self.lag, self.back, self.last)
            .hash(state);
        (self.skew as u64, self.told == self.now, self.current).hash(state);
    }
}
