//! The simulated environment of a driver: disk, issuer, key maker and clocks, by a script.

use std::collections::{BTreeMap, VecDeque};

use certrotate_core::config::{Config, ConfigSpec, Template};
use certrotate_core::disk::{DiskCommand, DiskDone, DiskFault};
use certrotate_core::id::{Handle, OpId};
use certrotate_core::input::{Action, Input, KeyFault};
use certrotate_core::issuer::IssuerFault;
use certrotate_core::time::{MonoTime, Now, Span, WallTime};

use crate::conformance::handles::Handles;
use crate::conformance::script::{Crash, Fate, Moment, Operation, Script, can_fail_done};
use crate::disk::How;
use crate::disk::image::Profile;
use crate::random::Random;
use crate::world::{Effect, InFlight, World, operation};

/// How long a driver that waits for a disk or a key hangs where the answer is lost.
const HANG: Span = Span::from_mins(10);

/// How long the issuer takes: longer than the first poll, so that core polls and watches in each rotation.
const LATENCY: Span = Span::from_secs(15);
/// How often the kit calls the issuer again for an open call.
const POLL: Span = Span::from_secs(1);

/// What carrying out an action led to.
#[expect(clippy::large_enum_variant, reason = "there is one at a time, and it is taken apart at once")]
pub(super) enum Carried {
    /// The answer is there.
    Answer(Input),
    /// The answer comes later, or never.
    Later,
    /// The process was killed.
    Crashed,
}

/// What ends a sleep.
#[expect(clippy::large_enum_variant, reason = "there is one at a time, and it is taken apart at once")]
pub(super) enum Woken {
    /// An answer, or a request of the operator.
    Input(Input),
    /// The time was reached.
    Due,
    /// The process was killed.
    Crashed,
}

pub(super) struct Environment {
    world: World,
    pub(super) script: Script,
    handles: Handles,
    random: Random,
    begun: u32,
    counts: BTreeMap<Operation, u32>,
    /// Answers on their way, with the true monotonic time of their arrival.
    deliveries: Vec<(MonoTime, Input)>,
    /// Calls without an answer yet.
    open: Vec<Action>,
    moments: VecDeque<(MonoTime, Moment)>,
}

/// The part of a script that did not happen.
#[derive(Debug)]
#[cfg_attr(not(test), expect(dead_code, reason = "a test asserts that every script is played to its end"))]
pub(super) struct Unplayed {
    /// The operations of rules that no operation met.
    pub(super) rules: Vec<Operation>,
    /// The number of moments.
    pub(super) moments: usize,
    /// Whether the crash did not come.
    pub(super) has_crash: bool,
}

impl Environment {
    pub(super) fn new(config: Config, script: Script) -> Self {
        let mut world = World::quiet(config);
        world.server.lifetime = Span::from_hours(1);
        world.server.latency = LATENCY;
        let start = world.now.mono;
        let moments = script.moments.iter().map(|(after, moment)| (start.plus(*after), *moment)).collect();
        let random = Random::new(script.seed.unwrap_or_default());
        Self {
            world,
            script,
            handles: Handles::default(),
            random,
            begun: 0,
            counts: BTreeMap::new(),
            deliveries: Vec::new(),
            open: Vec::new(),
            moments,
        }
    }

    /// Reads the driver's clocks.
    pub(super) fn now(&self) -> Now {
        self.world.shown()
    }

    /// Whether nothing of the script is left to happen.
    pub(super) fn is_played(&self) -> bool {
        self.moments.is_empty()
    }

    pub(super) fn unplayed(&self) -> Unplayed {
        let count = |operation| self.counts.get(&operation).copied().unwrap_or_default();
        let unmet = self.script.rules.iter().filter(|rule| count(rule.operation) < rule.from);
        Unplayed {
            rules: unmet.map(|rule| rule.operation).collect(),
            moments: self.moments.len(),
            has_crash: self.script.crash.is_some(),
        }
    }

    pub(super) fn erase(&mut self, handles: &[Handle]) {
        self.handles.erase(handles);
    }

    /// Carries out an operation. A driver that waits for it gets its answer in any case.
    pub(super) fn carry_out(&mut self, action: &Action, waits: bool) -> Carried {
        let Some(kind) = Operation::of(action) else { return Carried::Later };
        self.begun += 1;
        if let Some((at, done, crash)) = self.script.crash
            && at == self.begun
        {
            if done {
                self.perform(action, How::Well);
            }
            self.crash(crash);
            return Carried::Crashed;
        }
        let nth = self.counts.entry(kind).or_default();
        *nth += 1;
        let fate = self.script.fate(kind, *nth, &mut self.random);
        let Some(input) = self.meet(action, fate) else {
            if !matches!(fate, Fate::Lost | Fate::NotDone) {
                self.open.push(action.clone());
            } else if waits {
                self.pass(HANG);
                return failure(action).map_or(Carried::Later, Carried::Answer);
            }
            return Carried::Later;
        };
        let delay = match fate {
            Fate::Answered(delay) => delay,
            Fate::Twice(later) => {
                self.deliveries.push((self.world.now.mono.plus(later), input.clone()));
                Span::ZERO
            }
            _ => Span::ZERO,
        };
        if waits {
            self.pass(delay);
            return Carried::Answer(input);
        }
        self.deliveries.push((self.world.now.mono.plus(delay), input));
        Carried::Later
    }

    /// Returns the answer of an operation with this fate, if there is one now.
    fn meet(&mut self, action: &Action, fate: Fate) -> Option<Input> {
        let op = operation(action)?;
        match fate {
            Fate::Answered(_) | Fate::Twice(_) => self.perform(action, How::Well),
            Fate::Lost => {
                self.perform(action, How::Well);
                None
            }
            Fate::NotDone => None,
            Fate::OtherKind => {
                // Whether a disk command was carried out is unknown, as after any failure.
                self.perform(
                    action,
                    if can_fail_done(action) { How::FailsDone(DiskFault::Io) } else { How::Well },
                );
                Some(other_kind(action, op))
            }
            Fate::Fails(fault) => self.perform(action, How::Fails(fault)),
            Fate::FailsDone(fault) => {
                let how = if can_fail_done(action) { How::FailsDone } else { How::Fails };
                self.perform(action, how(fault))
            }
            Fate::NoEffect => self.perform(action, How::Pretended),
            Fate::Refused(fault, done) => {
                if done {
                    self.perform(action, How::Well);
                }
                Some(Input::CallAnswered { op, result: Err(fault) })
            }
        }
    }

    /// Carries out an operation in the model.
    fn perform(&mut self, action: &Action, how: How) -> Option<Input> {
        let op = operation(action)?;
        let effect = match self.handles.numbered(action) {
            Some(Action::Disk { command, .. }) => Effect::Disk(command),
            Some(Action::MakeKey { duration, .. }) => Effect::Key(duration),
            Some(Action::Call { call, credential, .. }) => Effect::Call(call, credential),
            // The driver has erased the key: the promise about it is broken already.
            _ => return failure(action),
        };
        self.world.in_flight.clear();
        self.world.in_flight.push(InFlight { op, effect, given_up: false });
        let answer = self.world.perform(0, how)?;
        let mut input = self.world.render(answer);
        self.handles.give(&mut input);
        Some(input)
    }

    /// Ends a call that core no longer needs.
    pub(super) fn cancel(&mut self, op: OpId) {
        self.open.retain(|action| operation(action) != Some(op));
        self.deliveries.retain(|(_, input)| op_of(input) != Some(op));
    }

    fn pass(&mut self, span: Span) {
        self.world.pass(span);
    }

    fn pass_until(&mut self, time: MonoTime) {
        self.pass(time.since(self.world.now.mono));
    }

    /// Returns the wait until a time on the driver's clocks: the shorter one of both.
    pub(super) fn wait_of(&self, wall: Option<WallTime>, mono: Option<MonoTime>) -> Option<Span> {
        let now = self.now();
        let by_wall = wall.map(|wall| if wall <= now.wall { Span::ZERO } else { wall.since(now.wall) });
        let by_mono = mono.map(|mono| if mono <= now.mono { Span::ZERO } else { mono.since(now.mono) });
        by_wall.into_iter().chain(by_mono).min()
    }

    /// Sleeps for this time, or until an answer or an event of the script.
    pub(super) fn sleep(&mut self, sleep: Span) -> Woken {
        // A clock that is set does not change a sleep: a timer counts time, not its reading.
        let end = self.world.now.mono.plus(sleep);
        loop {
            self.poll();
            let now = self.world.now.mono;
            let end = end.max(now);
            let delivery = (0..self.deliveries.len()).min_by_key(|index| self.deliveries[*index].0);
            let delivery = delivery.filter(|index| self.deliveries[*index].0 <= end);
            let moment = self.moments.front().map(|(at, _)| *at).filter(|at| *at <= end);
            if let Some(index) = delivery
                && moment.is_none_or(|at| self.deliveries[index].0 <= at)
            {
                let (at, input) = self.deliveries.remove(index);
                self.pass_until(at);
                return Woken::Input(input);
            }
            let next = moment.unwrap_or(end);
            if !self.open.is_empty() && next.since(now) > POLL {
                self.pass(POLL);
                continue;
            }
            let Some((at, moment)) = moment.and_then(|_| self.moments.pop_front()) else {
                self.pass_until(end);
                return Woken::Due;
            };
            self.pass_until(at);
            match moment {
                Moment::RotateNow => return Woken::Input(Input::RotateNow),
                Moment::Rename(node) => return Woken::Input(Input::Reconfigure(self.renamed(node))),
                Moment::Shutdown => return Woken::Input(Input::Shutdown),
                Moment::Crash(crash) => {
                    self.crash(crash);
                    return Woken::Crashed;
                }
                other => self.happens(other),
            }
        }
    }

    fn happens(&mut self, moment: Moment) {
        match moment {
            Moment::Jump(ms) => {
                let wall = &mut self.world.now.wall;
                *wall = WallTime::from_unix_ms(wall.unix_ms().saturating_add(ms));
                self.world.skew -= i128::from(ms);
            }
            Moment::MonotonicBack(span) => {
                let span = span.min(Span::from_ms(self.now().mono.ms()));
                self.world.back = self.world.back.plus(span);
            }
            Moment::Suspend(span) => self.pass(span),
            Moment::Outage(fault) => self.world.server.outage = fault,
            Moment::Silent(silent) => self.world.server.silent = silent,
            Moment::Latency(span) => self.world.server.latency = span,
            Moment::RotateNow | Moment::Rename(_) | Moment::Shutdown | Moment::Crash(_) => {}
        }
    }

    /// Returns the configuration for another node name. The world expects certificates for it from now on.
    fn renamed(&mut self, node: &str) -> Config {
        let spec = self.world.config.spec().clone();
        let spec = ConfigSpec { template: Template::kubelet_client(node), ..spec };
        let config = Config::new(spec).expect("a node name is a valid template");
        self.world.expect_for(config.clone());
        config
    }

    /// Asks the issuer again for the calls without an answer.
    fn poll(&mut self) {
        for action in std::mem::take(&mut self.open) {
            match self.perform(&action, How::Well) {
                Some(input) => self.deliveries.push((self.world.now.mono, input)),
                None => self.open.push(action),
            }
        }
    }

    fn crash(&mut self, crash: Crash) {
        if let Crash::Power(image) = crash {
            self.world.disk = self.world.disk.image(Profile::Alice, image);
        }
        self.ended();
    }

    /// The process is gone, and with it its memory. Answers to it arrive at the next process.
    pub(super) fn ended(&mut self) {
        self.world.kill();
        self.handles.clear();
        self.open.clear();
        self.script.crash = None;
        // An answer that brings a key or chain is not late: the kernel and the issuer keep none for a dead process.
        self.deliveries.retain(|(_, input)| input.handles().is_empty());
    }
}

/// Returns the operation that an input answers.
pub(super) const fn op_of(input: &Input) -> Option<OpId> {
    match input {
        Input::DiskAnswered { op, .. } | Input::KeyMade { op, .. } | Input::CallAnswered { op, .. } => {
            Some(*op)
        }
        Input::Tick | Input::RotateNow | Input::Reconfigure(_) | Input::Shutdown => None,
    }
}

/// Returns the answer of an operation that failed.
fn failure(action: &Action) -> Option<Input> {
    Some(match *action {
        Action::Disk { op, .. } => Input::DiskAnswered { op, result: Err(DiskFault::Io) },
        Action::MakeKey { op, .. } => Input::KeyMade { op, result: Err(KeyFault::Failed) },
        Action::Call { op, .. } => Input::CallAnswered { op, result: Err(IssuerFault::Unreachable) },
        _ => return None,
    })
}

/// Returns an answer of another kind of operation.
fn other_kind(action: &Action, op: OpId) -> Input {
    match action {
        Action::Disk { command: DiskCommand::Scan, .. } => {
            Input::DiskAnswered { op, result: Ok(DiskDone::Done) }
        }
        Action::Disk { .. } => Input::CallAnswered { op, result: Err(IssuerFault::Unexpected) },
        _ => Input::DiskAnswered { op, result: Ok(DiskDone::Done) },
    }
}
