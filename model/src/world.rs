//! One node in its world: the core, the disk, the server and the clocks, in one thread and no time at all.

use std::collections::{BTreeMap, VecDeque};

use certrotate_core::api::{ApiFault, Call, Credential, CsrObject, Issued};
use certrotate_core::config::{Config, Template};
use certrotate_core::disk::{BundleFound, BundleHeader, Content, PendingFound};
use certrotate_core::facts::CertFacts;
use certrotate_core::id::{CertHandle, Generation, KeyDigest, KeyHandle, OpId, RequestDigest, RunId};
use certrotate_core::input::{Action, ExitReason, Input, MadeKey};
use certrotate_core::notice::Notice;
use certrotate_core::rotator::{Rotator, Step};
use certrotate_core::time::{MonoTime, Now, Span, WallTime};

use crate::disk::{Disk, File};
use crate::invariants;
use crate::server::{Server, leaf};

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
    /// How the last run ended, if it ended by itself.
    pub exit: Option<ExitReason>,
    /// Everything that was reported, with the time.
    pub notices: Vec<(Now, Notice)>,
    /// The credential of every call.
    pub credentials: Vec<Credential>,
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
            exit: None,
            notices: Vec::new(),
            credentials: Vec::new(),
            outstanding: Vec::new(),
            answers: VecDeque::new(),
            watches: Vec::new(),
            requests: BTreeMap::new(),
            certs: BTreeMap::new(),
            lose_disk_answers: 0,
            steps: 0,
            runs: 0,
            keys: 0,
        }
    }

    /// Starts the process.
    pub fn start(&mut self) {
        self.runs += 1;
        self.exit = None;
        self.node = Some(Rotator::new(self.config.clone(), RunId(self.runs)));
        self.give(Input::Tick);
    }

    /// Kills the process: what it had in memory and what was under way is gone, the disk stays.
    pub fn kill(&mut self) {
        self.node = None;
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
        self.give(Input::Tick);
        true
    }

    /// Gives one input now, carries out what is asked for, and checks the invariants.
    ///
    /// # Panics
    ///
    /// If an invariant does not hold.
    pub fn give(&mut self, input: Input) -> Option<Step> {
        let node = self.node.as_mut()?;
        if let Input::DiskAnswered { op, .. } | Input::KeyMade { op, .. } | Input::CallAnswered { op, .. } =
            &input
        {
            self.outstanding.retain(|action| operation(action) != Some(*op));
        }
        let step = node.step(self.now, input);
        self.steps += 1;
        for action in step.actions.clone() {
            self.carry_out(action);
        }
        invariants::check(self);
        Some(step)
    }

    fn carry_out(&mut self, action: Action) {
        if operation(&action).is_some() {
            self.outstanding.push(action.clone());
        }
        match action {
            Action::Disk { op, command } => {
                let (requests, certs) = (&self.requests, &self.certs);
                let result = self.disk.run(&command, |content| written(requests, certs, content));
                if self.lose_disk_answers > 0 {
                    self.lose_disk_answers -= 1;
                } else {
                    self.answers.push_back(Input::DiskAnswered { op, result });
                }
            }
            Action::MakeKey { op, duration } => {
                let made = self.make_key(duration);
                self.answers.push_back(Input::KeyMade { op, result: Ok(made) });
            }
            Action::Call { op, call, credential } => self.call(op, call, credential),
            Action::Cancel { op } => {
                self.watches.retain(|(watch, _)| *watch != op);
                self.outstanding.retain(|action| operation(action) != Some(op));
            }
            Action::GoLive { generation, cert, .. } => self.served = Some((generation, cert)),
            Action::Withdraw { .. } => self.served = None,
            Action::Report(notice) => self.notices.push((self.now, notice)),
            Action::Exit(reason) => {
                self.kill();
                self.exit = Some(reason);
            }
        }
    }

    fn make_key(&mut self, duration: Option<Span>) -> MadeKey {
        self.keys += 1;
        let (key, digest) = (KeyHandle(self.keys), leaf(self.keys).0);
        let made = MadeKey { key, key_digest: KeyDigest(digest), request: RequestDigest(digest) };
        let template = Template { duration, ..self.config.template().clone() };
        self.requests.insert(key, (made, template));
        made
    }

    fn call(&mut self, op: OpId, call: Call, credential: Credential) {
        self.credentials.push(credential);
        let fault = self.server.fault(credential == Credential::Bootstrap);
        if self.server.silent {
            return;
        }
        let result = match (fault, call) {
            (Some(fault), _) => Err(fault),
            (None, Call::Create { key }) => match self.requests.get(&key) {
                Some((made, template)) => {
                    self.server.create(made.request, made.key_digest, template, self.now.wall)
                }
                None => Err(ApiFault::Invalid),
            },
            (None, Call::Get { request }) => self.look(request),
            (None, Call::Watch { .. }) if self.server.no_watch => Err(ApiFault::Forbidden),
            (None, Call::Watch { request }) => {
                self.watches.push((op, request));
                return;
            }
        };
        self.answers.push_back(Input::CallAnswered { op, result });
    }

    fn look(&mut self, request: RequestDigest) -> Result<CsrObject, ApiFault> {
        self.server.control(self.config.template(), self.now.wall);
        let object = self.server.objects.get(&request).cloned().ok_or(ApiFault::NotFound)?;
        if let Some(Issued::Readable { cert, facts }) = &object.certificate {
            self.certs.insert(*cert, facts.clone());
        }
        Ok(object)
    }

    /// Ends the watches that have something to tell.
    fn poll_watches(&mut self) {
        if self.server.outage.is_some() || self.server.silent {
            return;
        }
        for (op, request) in std::mem::take(&mut self.watches) {
            match self.look(request) {
                Ok(object) if !object.denied && !object.failed && object.certificate.is_none() => {
                    self.watches.push((op, request));
                }
                result => self.answers.push_back(Input::CallAnswered { op, result }),
            }
        }
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

fn written(
    requests: &BTreeMap<KeyHandle, (MadeKey, Template)>,
    certs: &BTreeMap<CertHandle, CertFacts>,
    content: &Content,
) -> File {
    match *content {
        Content::Pending { generation, key, made } => match requests.get(&key) {
            None => File::Garbage,
            Some((request, template)) => File::Pending(Box::new(PendingFound {
                generation,
                made,
                key_digest: request.key_digest,
                request: request.request,
                template: template.clone(),
                key,
                private: true,
            })),
        },
        Content::Bundle { generation, key, cert, issued } => match (requests.get(&key), certs.get(&cert)) {
            (Some((request, _)), Some(facts)) => File::Bundle(Box::new(BundleFound {
                header: BundleHeader { generation, issued },
                key_digest: request.key_digest,
                facts: facts.clone(),
                key,
                cert,
                private: true,
            })),
            (None, _) | (_, None) => File::Garbage,
        },
    }
}
