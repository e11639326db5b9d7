//! One node in its world: the core, the disk, the server and the clocks, in one thread and no time at all.

use std::collections::{BTreeMap, VecDeque};

use certrotate_core::api::{Call, Credential};
use certrotate_core::config::{Config, Template};
use certrotate_core::facts::CertFacts;
use certrotate_core::id::{CertHandle, Generation, KeyHandle, OpId, RequestDigest, RunId};
use certrotate_core::input::{Action, Disposition, ExitReason, Input, MadeKey};
use certrotate_core::notice::Notice;
use certrotate_core::rotator::{Rotator, Step};
use certrotate_core::time::{MonoTime, Now, Span, WallTime};
use certrotate_core::trace::{TraceHeader, TraceRecord};

use crate::disk::Disk;
use crate::invariants;
use crate::server::Server;

mod driver;

pub use driver::Driver;

/// The wall time at which a world begins: 2026-01-01T00:00:00Z.
pub const START: WallTime = WallTime::from_unix_secs(1_767_225_600);

/// A node and everything around it.
#[derive(Clone, Debug)]
pub struct World {
    /// The clocks.
    pub now: Now,
    /// The certificate directory.
    pub disk: Disk,
    /// The server.
    pub server: Server,
    /// The configuration that the next run starts with.
    pub config: Config,
    /// The process, while it runs.
    pub node: Option<Rotator>,
    /// What it served, by its own actions.
    served: Option<(Generation, CertHandle)>,
    /// The identity that was announced as live last, over all runs, since somebody broke a file.
    announced: Option<(Generation, CertHandle)>,
    /// Whether this run has found out what is on disk.
    pub recovered: bool,
    /// A script's word that clocks, process and files are left alone: then nothing but its end takes an
    /// identity away. Withdrawn at a kill.
    pub undisturbed: bool,
    /// How the last run ended, if it ended by itself.
    pub exit: Option<ExitReason>,
    /// Everything that was reported, with the time.
    pub notices: Vec<(Now, Notice)>,
    /// The credential of every call.
    pub credentials: Vec<Credential>,
    /// Every call, with the time.
    pub calls: Vec<(Now, Call)>,
    /// What was asked for and is not answered, the latest last.
    pub outstanding: Vec<Action>,
    /// Answers that are ready.
    answers: VecDeque<Input>,
    /// Watches that have nothing to tell yet.
    watches: Vec<(OpId, RequestDigest)>,
    /// Keys that were made, and what they ask for.
    requests: BTreeMap<KeyHandle, (MadeKey, Template)>,
    certs: BTreeMap<CertHandle, CertFacts>,
    /// Lost answers: the next so many answers of the disk are dropped.
    pub lose_disk_answers: u32,
    /// Lost answers: the next so many calls are carried out and not answered.
    pub lose_call_answers: u32,
    /// How the driver does its work.
    pub driver: Driver,
    /// Every run as a trace, where that is asked for.
    pub traces: Option<Vec<(TraceHeader, Vec<TraceRecord>)>>,
    /// The last input that was given.
    pub last: Option<Input>,
    /// How often the core was stepped.
    pub steps: u64,
    runs: u64,
    keys: u64,
}

impl World {
    /// A world with an empty directory and a server without faults, before the first start.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            now: Now { wall: START, mono: MonoTime::from_ms(1000) },
            disk: Disk::default(),
            server: Server::default(),
            config,
            node: None,
            served: None,
            announced: None,
            recovered: false,
            undisturbed: false,
            exit: None,
            notices: Vec::new(),
            credentials: Vec::new(),
            calls: Vec::new(),
            outstanding: Vec::new(),
            answers: VecDeque::new(),
            watches: Vec::new(),
            requests: BTreeMap::new(),
            certs: BTreeMap::new(),
            lose_disk_answers: 0,
            lose_call_answers: 0,
            driver: Driver::Honest,
            traces: None,
            last: None,
            steps: 0,
            runs: 0,
            keys: 0,
        }
    }

    /// Starts the process.
    pub fn start(&mut self) {
        self.runs += 1;
        self.exit = None;
        self.recovered = false;
        self.node = Some(Rotator::new(self.config.clone(), RunId(self.runs)));
        if let Some(traces) = &mut self.traces {
            traces.push((TraceHeader::new(&self.config, RunId(self.runs)), Vec::new()));
        }
        self.give(Input::Tick);
    }

    /// Kills the process: what it had in memory and what was under way is gone, the disk stays.
    pub fn kill(&mut self) {
        self.node = None;
        self.undisturbed = false;
        self.served = None;
        self.answers.clear();
        self.watches.clear();
        self.outstanding.clear();
    }

    /// Kills the process and starts it again.
    pub fn restart(&mut self) {
        self.kill();
        self.start();
    }

    /// The power goes and comes back; see [`Disk::power_cut`].
    pub fn power_cut(&mut self, kept: u64) {
        self.kill();
        self.disk.power_cut(kept);
        self.start();
    }

    /// The generation that is served, by the process's own actions.
    #[must_use]
    pub fn served(&self) -> Option<Generation> {
        self.served.map(|(generation, _)| generation)
    }

    /// The facts of what is served.
    #[must_use]
    pub fn served_facts(&self) -> Option<&CertFacts> {
        self.certs.get(&self.served?.1)
    }

    /// The identity that was announced as live last, over all runs, since somebody broke a file.
    #[must_use]
    pub fn announced(&self) -> Option<(Generation, &CertFacts)> {
        let (generation, cert) = self.announced?;
        Some((generation, self.certs.get(&cert)?))
    }

    /// Time passes on both clocks; nothing is told to the process.
    pub fn pass(&mut self, span: Span) {
        self.now.wall = self.now.wall.plus(span);
        self.now.mono = self.now.mono.plus(span);
    }

    /// Runs until `done`, taking time where there is nothing else to do.
    ///
    /// # Panics
    ///
    /// If that is not so after ten thousand steps, or nothing would ever happen again: `goal` was not reached.
    pub fn run_until(&mut self, goal: &str, mut done: impl FnMut(&Self) -> bool) {
        for _ in 0..10_000 {
            if done(self) {
                return;
            }
            assert!(self.advance(), "nothing happens any more before: {goal}\n{}", self.summary());
        }
        panic!("not reached in 10,000 steps: {goal}\n{}", self.summary());
    }

    /// Runs until both clocks are `span` further.
    pub fn run_for(&mut self, span: Span) {
        let end = self.now.mono.plus(span);
        while self.now.mono < end {
            if !self.deliver() && !self.wait_until(end) {
                self.pass(end.since(self.now.mono));
            }
        }
        while self.deliver() {}
        self.tick_if_due();
    }

    /// Runs until nothing is left to answer, without letting time pass.
    pub fn settle(&mut self) {
        while self.deliver() {}
    }

    /// Gives the next answer, or lets time pass until the next deadline and ticks.
    pub fn advance(&mut self) -> bool {
        self.deliver() || self.wait_until(MonoTime::from_ms(u64::MAX))
    }

    /// Gives the next answer, if there is one.
    pub fn deliver(&mut self) -> bool {
        self.poll_watches();
        match self.answers.pop_front() {
            Some(input) => {
                self.give(input);
                true
            }
            None => false,
        }
    }

    fn tick_if_due(&mut self) {
        let Some(node) = &self.node else { return };
        let wake = node.wake();
        let due = wake.wall.is_some_and(|wall| self.now.wall >= wall)
            || wake.mono.is_some_and(|mono| self.now.mono >= mono);
        if due {
            self.give(Input::Tick);
        }
    }

    fn wait_until(&mut self, end: MonoTime) -> bool {
        let Some(node) = &self.node else { return false };
        let wake = node.wake();
        let by_wall = wake.wall.map(|wall| wall.since(self.now.wall));
        let by_mono = wake.mono.map(|mono| mono.since(self.now.mono));
        let Some(wait) = by_wall.into_iter().chain(by_mono).min() else { return false };
        let left = end.since(self.now.mono);
        if wait > left {
            self.pass(left);
            return true;
        }
        self.pass(wait);
        let step = self.give(Input::Tick);
        let ignored = step.is_some_and(|step| step.disposition != Disposition::Applied);
        let spins = ignored && self.node.as_ref().is_some_and(|node| node.wake() == wake);
        assert!(!spins, "S9: a tick at the wake time does something or moves it\n{}", self.summary());
        true
    }

    /// Gives one input now, carries out what is asked for, and checks the invariants.
    ///
    /// # Panics
    ///
    /// If an invariant does not hold.
    pub fn give(&mut self, input: Input) -> Option<Step> {
        let mut node = self.node.take()?;
        if self.disk.damaged {
            self.announced = None;
        }
        if let Input::DiskAnswered { op, .. } | Input::KeyMade { op, .. } | Input::CallAnswered { op, .. } =
            &input
        {
            self.outstanding.retain(|action| operation(action) != Some(*op));
        }
        let before = node.clone();
        self.last = Some(input.clone());
        let step = self.step(&mut node, input);
        invariants::check_ignored(&before, &node, self.now, &step);
        self.node = Some(node);
        self.steps += 1;
        for action in step.actions.clone() {
            self.carry_out(action);
        }
        invariants::check(self);
        Some(step)
    }

    fn step(&mut self, node: &mut Rotator, input: Input) -> Step {
        let Some((_, trace)) = self.traces.as_mut().and_then(|traces| traces.last_mut()) else {
            return node.step(self.now, input);
        };
        let record = TraceRecord::of_step(node, trace.len() as u64 + 1, self.now, input);
        let step = Step { disposition: record.disposition, actions: record.actions.clone() };
        trace.push(record);
        step
    }

    /// The whole story in a few lines, for a failure.
    #[must_use]
    pub fn summary(&self) -> String {
        let last: Vec<String> =
            self.notices.iter().rev().take(8).map(|(now, it)| format!("  {}: {it:?}", now.wall)).collect();
        let view = self.node.as_ref().map(Rotator::view);
        let names: Vec<String> = self.disk.names().map(|name| name.to_string()).collect();
        format!("now {:?}\nview {view:?}\nnames {names:?}\nlast notices\n{}", self.now, last.join("\n"))
    }
}

/// The operation that an action asks for.
#[must_use]
pub fn operation(action: &Action) -> Option<OpId> {
    match action {
        Action::Disk { op, .. } | Action::MakeKey { op, .. } | Action::Call { op, .. } => Some(*op),
        Action::Cancel { .. }
        | Action::GoLive { .. }
        | Action::Withdraw { .. }
        | Action::Report(_)
        | Action::Exit(_) => None,
    }
}
