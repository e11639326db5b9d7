//! One node in its world: the core, the disk, the server and the clocks, in one thread and no time at all.
//!
//! A world is a value of a few kilobytes that is cloned and hashed by the million. The only mutator of the machine
//! in it is [`World::give`]; after each step the specification and the invariants are asked.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use certrotate_core::config::{Config, Template};
use certrotate_core::facts::CertFacts;
use certrotate_core::id::{CertHandle, Generation, RunId};
use certrotate_core::input::{Disposition, ExitReason, Input};
use certrotate_core::rotator::Step;
use certrotate_core::time::{MonoTime, Now, Span, WallTime};
use certrotate_core::trace::{TraceHeader, TraceRecord};
use certrotate_core::view::Phase;

use crate::disk::Disk;
use crate::disk::image::Profile;
use crate::fingerprint;
use crate::ghost::{Ghost, Kept};
use crate::invariants::{self, Violation};
use crate::list::List;
use crate::marks::Marks;
use crate::server::Server;
use crate::spec::{Spec, Wanted};

mod answer;
mod driver;
mod happen;
mod heal;
mod log;
mod node;
mod operations;
mod outside;
mod script;
mod templates;
mod watch;

pub use answer::{Answer, Outcome};
pub use driver::{Asked, Driver, What, operation};
pub use heal::SETTLE_INPUTS;
pub use log::Log;
pub use node::Node;
pub use operations::Operations;
pub(crate) use templates::{FEWER_USAGES, Fit, MORE_USAGES, ONE_NAME};

/// The wall time at which a world begins: 2026-01-01T00:00:00Z.
pub const START: WallTime = WallTime::from_unix_secs(1_767_225_600);

/// A key that was made, and what is asked for with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Request {
    /// Which of the world's templates.
    pub template: u8,
    /// The lifetime that is wished for.
    pub duration: Option<Span>,
    /// The number of the key that is in it: not its own only where the driver is wrong.
    pub key: u32,
}

/// What a scan misreads (R16), once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lie {
    /// The bundle that the live name names cannot be read.
    Unreadable,
    /// The bundle that the live name names is corrupt.
    Flipped,
    /// The pending file is corrupt.
    FlippedPending,
    /// The live name cannot be looked at.
    LiveUnreadable,
}

/// The world as it was after a step.
#[derive(Clone, Debug)]
pub struct Probe {
    /// Which step.
    pub step: u64,
    /// The world then, without its traces; `None` if there was no such step.
    pub world: Option<World>,
}

/// A node and everything around it.
#[derive(Clone, Debug)]
pub struct World {
    /// The clocks.
    pub now: Now,
    /// The process, while it runs.
    pub node: Option<Node>,
    /// The certificate directory.
    pub disk: Disk,
    /// The server.
    pub server: Server,
    /// The configuration that the next run starts with.
    pub config: Config,
    /// What was asked for and is not answered, the oldest first.
    pub asked: List<Asked, 5>,
    /// Answers that come late: to operations that were given up meanwhile, perhaps.
    pub late: List<Answer, 3>,
    /// What is served, by the node's own actions.
    pub(crate) served: Option<(Generation, CertHandle)>,
    /// What is known of the run beside the machine's state, for the invariants.
    pub ghost: Ghost,
    /// The specification, which is shown every step.
    pub(crate) spec: Spec,
    /// What this run was configured to ask for, in the specification's words.
    pub(crate) wanted: Arc<Wanted>,
    /// How the driver does its work.
    pub driver: Driver,
    /// Keys that were made; the n-th has the number n.
    pub(crate) requests: Vec<Request>,
    /// Templates that are ever configured.
    pub(crate) templates: Arc<Vec<Template>>,
    /// Which of them is in use.
    pub(crate) current: u8,
    /// Answers of the disk that are to be lost.
    pub lose_disk_answers: u16,
    /// Answers of calls that are to be lost.
    pub lose_call_answers: u16,
    /// What the next scan is to misread.
    pub lie: Option<Lie>,
    /// How far the server's wall clock is ahead of the node's, in milliseconds.
    pub(crate) skew: i128,
    /// How far the clock of a driver that stops it in a suspend lags behind.
    pub(crate) lag: Span,
    /// How the last run ended, if it ended by itself.
    pub exit: Option<ExitReason>,
    /// When the last input was given.
    pub(crate) told: Now,
    /// The last input, if it was an answer.
    pub(crate) last: Option<Answer>,
    /// What the harness is to be blind to.
    pub weakness: Option<crate::weakness::Weakness>,
    /// The first thing that did not hold.
    pub violation: Option<Violation>,
    /// After which step it was found not to hold, and when.
    pub violated_at: Option<(u64, Now)>,
    /// What is to be kept of a step, where somebody looks at one.
    pub probe: Option<Box<Probe>>,
    /// Whether a crash alone is to show what is wrong with a disk: what crashes may leave of it is not looked at before one.
    pub blind: bool,
    /// What was done on the disk so far.
    pub operations: Operations,
    /// Whether a violation ends the story with a panic.
    pub strict: bool,
    /// Everything that happened, for stories.
    pub log: Option<Box<Log>>,
    /// Every run as a trace, where that is asked for.
    pub traces: Option<Vec<(TraceHeader, Vec<TraceRecord>)>>,
    /// What was met, where that is counted.
    pub marks: Option<Box<Marks>>,
    /// How often the core was stepped.
    pub steps: u64,
    pub(crate) runs: u64,
    /// The number of the latest operation.
    pub(crate) ops: u32,
}

impl World {
    /// A world with an empty directory and a server without faults, before the first start. Whatever does not
    /// hold is noted in `violation`.
    #[must_use]
    pub fn quiet(config: Config) -> Self {
        let templates = Arc::new(templates::all(config.template()));
        Self {
            now: Now { wall: START, mono: MonoTime::from_ms(1000) },
            node: None,
            disk: Disk::default(),
            server: Server::default(),
            config,
            asked: List::default(),
            late: List::default(),
            served: None,
            ghost: Ghost::default(),
            spec: Spec::default(),
            wanted: Arc::default(),
            driver: Driver::Honest,
            requests: Vec::new(),
            templates,
            current: 0,
            lose_disk_answers: 0,
            lose_call_answers: 0,
            lie: None,
            skew: 0,
            lag: Span::ZERO,
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

    /// Starts the process, with what is configured by now.
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

    /// Kills the process: what it had in memory and what was under way is gone, the disk stays.
    pub fn kill(&mut self) {
        self.node = None;
        self.served = None;
        self.asked.clear();
        self.late.clear();
        self.last = None;
        self.lag = Span::ZERO;
        self.disk.process_ended();
        self.ghost.killed();
    }

    /// Kills the process and starts it again.
    pub fn restart(&mut self) {
        self.kill();
        self.start();
    }

    /// The power goes and comes back; of the images that the disk may be left with, it is the one of this number.
    pub fn power_cut(&mut self, image: usize) {
        self.come_back_with(self.disk.image(Profile::Alice, image));
    }

    /// The power goes and comes back, and this is what is on disk.
    pub(crate) fn come_back_with(&mut self, image: Disk) {
        if let Some(Violation { id, sentence }) = invariants::of_image(self, &image) {
            self.hold(id, sentence, false);
        }
        self.kill();
        self.disk = image;
        self.start();
    }

    /// The generation that is served, by the process's own actions.
    #[must_use]
    pub fn served(&self) -> Option<Generation> {
        self.served.map(|(generation, _)| generation)
    }

    /// The facts of what is served.
    #[must_use]
    pub fn served_facts(&self) -> Option<CertFacts> {
        self.facts(self.served?.1)
    }

    /// The start and the end of a certificate.
    pub(crate) fn dates(&self, cert: CertHandle) -> Option<(WallTime, WallTime)> {
        let cert = self.server.cert(u32::try_from(cert.0).ok()?)?;
        Some((cert.not_before, cert.not_after))
    }

    pub(crate) fn facts(&self, cert: CertHandle) -> Option<CertFacts> {
        let symbolic = self.server.cert(u32::try_from(cert.0).ok()?)?;
        Some(symbolic.facts(cert.0, self.templates.get(usize::from(symbolic.template))?))
    }

    /// What the driver's clocks show.
    pub(crate) fn shown(&self) -> Now {
        Now { wall: self.now.wall, mono: MonoTime::from_ms(self.now.mono.ms().saturating_sub(self.lag.ms())) }
    }

    /// Gives one input now, carries out what is asked for, and asks specification and invariants.
    ///
    /// # Panics
    ///
    /// In a strict world, if one of them does not hold.
    pub fn give(&mut self, input: Input) -> Option<Step> {
        let node = self.node.as_ref()?;
        let (phase, lifetime, now) = (node.view().phase, node.view().lifetime, self.shown());
        (self.last, self.told) = (None, self.now);
        if let Input::DiskAnswered { op, .. } | Input::KeyMade { op, .. } | Input::CallAnswered { op, .. } =
            &input
        {
            self.asked.retain(|it| it.op != *op);
        }
        self.ghost.before(self.now, self.disk.damaged);
        self.watch_input(&input, lifetime);
        self.spec.given(now, &self.wanted, &input);
        self.watch_disk(&input);
        if let Some(marks) = &mut self.marks {
            marks.input(phase, &input, !self.spec.stray);
        }
        // What is under way is never ignored, but where its answer is of another kind.
        let before = (self.spec.stray || is_no_answer(&input)).then(|| self.node.clone()).flatten();
        let ticked = input == Input::Tick;
        let edited = matches!(input, Input::Reconfigure(_));
        let asked = matches!(input, Input::RotateNow | Input::Shutdown);
        let busy = phase != Phase::Resting;
        let looks = ticked && matches!(phase, Phase::Resting | Phase::Asking);
        let step = self.step(now, input)?;
        if edited && step.disposition == Disposition::Applied {
            self.reconfigured(now);
        }
        if edited || asked || ticked && self.view().is_some_and(|view| view.phase != phase) {
            // A tick is no repetition of these, nor of one that led to where other things are due.
            self.told.mono = MonoTime::from_ms(u64::MAX);
        }
        self.spec.answered(now, &step);
        let node = self.node.as_ref()?;
        let handles = node.handles().map(|handle| Kept(Some(handle))).collect();
        let held = before.is_none_or(|it| invariants::s13_ignored_changes_nothing(&it, node, now, &step));
        self.hold("S13", "an input that is ignored changes nothing", held);
        self.steps += 1;
        self.ghost.at_once.count(self.now, looks, !step.actions.is_empty());
        for action in &step.actions {
            self.carry_out(action);
        }
        self.ghost.looked = None;
        self.watch_wake(ticked, &step);
        self.ghost.keep_only(&handles);
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
        let record = node.record(trace.len() as u64 + 1, now, input);
        let step = Step { disposition: record.disposition, actions: record.actions.clone() };
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

    /// Two worlds with the same fingerprint go on in the same way, whenever they were reached.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        fingerprint::of(self, self.now, self.ops)
    }

    /// What a crash leaves but for the disk, as a fingerprint: with the same and the same image, worlds go on in the same way.
    pub(crate) fn ashes(&self) -> u64 {
        let mut ghost = self.ghost;
        ghost.killed();
        ghost.forget_counts(self.now.mono);
        let rest = (self.lose_disk_answers, self.lose_call_answers, self.lie, self.skew as u64, self.current);
        fingerprint::of(&(&self.server, ghost, &self.requests, rest), self.now, 0)
    }
}

fn is_no_answer(input: &Input) -> bool {
    matches!(input, Input::Tick | Input::RotateNow | Input::Reconfigure(_) | Input::Shutdown)
}

impl Hash for World {
    /// Without what only counts or records.
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.node.hash(state);
        self.disk.hash(state);
        self.server.hash(state);
        self.asked.hash(state);
        self.late.hash(state);
        self.served.hash(state);
        self.ghost.hash(state);
        // The rest of what it knows can be told from the rest of the world.
        (self.spec.open, self.spec.lowest).hash(state);
        // A request is told by its number, but for what the last one asks.
        (self.requests.len(), self.requests.last()).hash(state);
        (self.lose_disk_answers, self.lose_call_answers, self.lie, self.lag, self.last).hash(state);
        (self.skew as u64, self.told == self.now, self.current).hash(state);
    }
}
