//! A world just rich enough to bring every bug out: a drawn script, not a model. It checks nothing.

use std::collections::{BTreeMap, VecDeque};

use certrotate_core::api::{Call, CsrObject};
use certrotate_core::config::{Config, ConfigSpec, Template};
use certrotate_core::disk::{
    BundleFound, BundleHeader, Content, CurrentLink, DiskCommand, DiskDone, DiskFault, Entry, Found,
    Inventory, Name, PairFound, PendingFound, Place,
};
use certrotate_core::facts::{CertFacts, San};
use certrotate_core::id::{
    CertHandle, FileNumber, Generation, KeyDigest, KeyHandle, OpId, RequestDigest, RunId,
};
use certrotate_core::input::{Action, Input, KeyFault};
use certrotate_core::rotator::{Rotator, Step};
use certrotate_core::seeded::Bug;
use certrotate_core::time::{MonoTime, Now, Span, WallTime};
use certrotate_core::view::Wake;

mod server;

/// What a file holds.
#[derive(Clone)]
enum File {
    Empty,
    Link(Name),
    Bundle(Box<BundleFound>),
    Pending(Box<PendingFound>),
}

struct Key {
    digest: KeyDigest,
    request: RequestDigest,
    template: Template,
}

pub(crate) struct Toy {
    bug: Option<Bug>,
    node: Rotator,
    runs: u64,
    now: Now,
    drawn: u64,
    files: BTreeMap<Name, File>,
    /// What a kubelet left.
    outside: Vec<PairFound>,
    keys: BTreeMap<KeyHandle, Key>,
    certs: BTreeMap<CertHandle, CertFacts>,
    objects: BTreeMap<RequestDigest, CsrObject>,
    outstanding: VecDeque<Action>,
    answered: Vec<Input>,
    handles: u64,
    name: &'static str,
    sans: u64,
    mood: Mood,
}

/// How the world of one run is, each in percent but for the lifetime.
struct Mood {
    disk: u64,
    server: u64,
    pending: u64,
    bad: u64,
    odd: u64,
    lifetime: Span,
    duration: Option<Span>,
}

fn mix(state: u64) -> u64 {
    let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

fn bytes(number: u64) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&mix(number).to_be_bytes());
    bytes
}

impl Toy {
    pub(crate) fn new(bug: Option<Bug>, run: u64) -> Self {
        let of =
            |index: u64, choices: &[u64]| choices[(mix(run << 8 | index) % choices.len() as u64) as usize];
        let hours = of(0, &[1, 1, 24, 24 * 90, 24 * 365]);
        let mood = Mood {
            disk: of(1, &[0, 0, 3, 10]),
            server: of(2, &[0, 5, 40]),
            pending: of(3, &[0, 30, 95]),
            bad: of(4, &[0, 0, 40]),
            odd: of(5, &[0, 2, 8]),
            lifetime: if of(6, &[0, 0, 1]) == 1 { Span::from_mins(10) } else { Span::from_hours(hours) },
            duration: (of(7, &[0, 1]) == 1).then_some(Span::from_hours(2)),
        };
        let start = of(8, &[1_790_000_000, 1_893_455_000]);
        let now = Now { wall: WallTime::from_unix_secs(start.cast_signed()), mono: MonoTime::from_ms(1000) };
        let mut toy = Self {
            bug,
            node: Rotator::new(config(bug, "node-1", 0, mood.duration), RunId(0)),
            runs: 0,
            now,
            drawn: run << 32,
            files: BTreeMap::new(),
            outside: Vec::new(),
            keys: BTreeMap::new(),
            certs: BTreeMap::new(),
            objects: BTreeMap::new(),
            outstanding: VecDeque::new(),
            answered: Vec::new(),
            handles: 0,
            name: "node-1",
            sans: 0,
            mood,
        };
        toy.restart();
        toy
    }

    fn draw(&mut self, below: u64) -> u64 {
        self.drawn += 1;
        mix(self.drawn) % below
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.draw(100) < percent
    }

    fn handle(&mut self) -> u64 {
        self.handles += 1;
        self.handles
    }

    /// A new process, perhaps after a power cut, perhaps with another name for the node.
    fn restart(&mut self) {
        self.runs += 1;
        self.outstanding.clear();
        if self.chance(30) {
            self.litter();
        }
        self.name = if self.chance(15) { "node-2" } else { "node-1" };
        self.node = Rotator::new(self.config(), RunId(self.runs));
    }

    fn config(&self) -> Config {
        config(self.bug, self.name, self.sans, self.mood.duration)
    }

    /// Another configuration, perhaps for another name, with more alternative names or fewer.
    fn edit(&mut self) -> Input {
        if self.chance(40) {
            self.name = if self.name == "node-1" { "node-2" } else { "node-1" };
        } else {
            self.sans = self.draw(3);
        }
        Input::Reconfigure(self.config())
    }

    /// Puts something into the directory that a crash or a person may have left there.
    fn litter(&mut self) {
        let generation = Generation(1 + self.draw(6) as u32);
        let file = FileNumber(1 + self.draw(3) as u32);
        let issued = WallTime::from_unix_secs(self.now.wall.unix_secs());
        let bundle = Name::Bundle { issued, generation, file };
        match self.draw(11) {
            9 | 10 => self.leave(),
            0 => drop(self.files.insert(Name::Current, File::Empty)),
            1 => drop(self.files.insert(bundle, File::Empty)),
            2 => drop(self.files.remove(&Name::Current)),
            3 => {
                self.files.insert(Name::Temporary { generation, file }, File::Empty);
                self.files.insert(Name::Temporary { generation, file: file.next() }, File::Empty);
            }
            choice => {
                let (key, _) = self.make_key(None);
                let cert = self.issue(key, if choice < 6 { 0 } else { 100 });
                let other = if choice == 4 { self.make_key(None).0 } else { key };
                let content = Content::Bundle { generation, key: other, cert, issued };
                let made = self.content(&content);
                self.files.insert(bundle, made);
                if choice == 8 {
                    self.now.wall = self.now.wall.plus(Span::from_ms(self.mood.lifetime.ms() * 2));
                }
            }
        }
    }

    /// A pair in a kubelet's file; its certificate may be another node's.
    fn leave(&mut self) {
        let (key, made) = self.make_key(None);
        let bad = if self.chance(50) { 100 } else { 0 };
        let cert = self.issue(key, bad);
        let place = Place::Dated(self.now.wall.whole_second());
        let facts = self.certs[&cert].clone();
        self.outside.push(PairFound { place, key_digest: made.key_digest, facts, key, cert });
    }

    fn content(&self, content: &Content) -> File {
        match *content {
            Content::Bundle { generation, key, cert, issued } => File::Bundle(Box::new(BundleFound {
                header: BundleHeader { generation, issued },
                key_digest: self.keys[&key].digest,
                facts: self.certs[&cert].clone(),
                key,
                cert,
                private: true,
            })),
            Content::Pending { generation, key, made } => {
                let Key { digest, request, template } = &self.keys[&key];
                let (key_digest, request, template) = (*digest, *request, template.clone());
                let private = true;
                File::Pending(Box::new(PendingFound {
                    generation,
                    made,
                    key_digest,
                    request,
                    template,
                    key,
                    private,
                }))
            }
        }
    }

    fn carry_out(&mut self, command: &DiskCommand) -> Result<DiskDone, DiskFault> {
        if self.chance(self.mood.disk) {
            return Err(DiskFault::NoSpace);
        }
        match command {
            DiskCommand::Lock | DiskCommand::SyncDir | DiskCommand::SyncFile { .. } => {}
            DiskCommand::Scan => return Ok(DiskDone::Scanned(Box::new(self.inventory()))),
            DiskCommand::Create { name } => {
                if self.files.contains_key(name) {
                    return Err(DiskFault::Exists);
                }
                self.files.insert(*name, File::Empty);
            }
            DiskCommand::Write { name, content } => drop(self.files.insert(*name, self.content(content))),
            DiskCommand::Rename { from, to } => {
                let file = self.files.remove(from).ok_or(DiskFault::NotFound)?;
                self.files.insert(*to, file);
            }
            DiskCommand::Symlink { name, target } => drop(self.files.insert(*name, File::Link(*target))),
            DiskCommand::Unlink { name } => drop(self.files.remove(name)),
        }
        Ok(DiskDone::Done)
    }

    fn inventory(&self) -> Inventory {
        let live = match self.files.get(&Name::Current) {
            None => CurrentLink::Absent,
            Some(File::Link(name)) => CurrentLink::Link(*name),
            Some(File::Empty | File::Bundle(_) | File::Pending(_)) => CurrentLink::File,
        };
        let entries = self.files.iter().filter(|(name, _)| **name != Name::Current).map(|(name, file)| {
            let found = match (name, file) {
                (Name::Temporary { .. } | Name::Quarantine { .. }, _) => Found::Unread,
                (Name::Bundle { .. }, File::Bundle(bundle)) => Found::Bundle(bundle.clone()),
                (Name::Pending { .. }, File::Pending(pending)) => Found::Pending(pending.clone()),
                _ => Found::Corrupt,
            };
            Entry { name: *name, found }
        });
        Inventory { current: live, entries: entries.collect(), more: false, outside: self.outside.clone() }
    }

    /// The input that answers an action.
    fn answer(&mut self, action: &Action) -> Option<Input> {
        Some(match action {
            Action::Disk { op, command } => Input::DiskAnswered { op: *op, result: self.carry_out(command) },
            Action::MakeKey { op, duration } => {
                let failed = self.chance(self.mood.disk);
                let made = self.make_key(*duration).1;
                Input::KeyMade { op: *op, result: if failed { Err(KeyFault::Failed) } else { Ok(made) } }
            }
            Action::Call { op, call, .. } => Input::CallAnswered { op: *op, result: self.serve(call) },
            Action::Cancel { .. }
            | Action::GoLive { .. }
            | Action::Withdraw { .. }
            | Action::Report(_)
            | Action::Exit(_) => return None,
        })
    }

    /// One input, drawn, and what came of it.
    pub(crate) fn advance(&mut self) -> (Step, Wake) {
        let input = self.next();
        if !matches!(input, Input::Tick | Input::RotateNow | Input::Reconfigure(_) | Input::Shutdown) {
            self.answered.push(input.clone());
        }
        let step = self.node.step(self.now, input);
        for action in &step.actions {
            match action {
                Action::Disk { .. } | Action::MakeKey { .. } | Action::Call { .. } => {
                    self.outstanding.push_back(action.clone());
                }
                Action::Cancel { op } => self.outstanding.retain(|action| operation(action) != Some(*op)),
                Action::Exit(_) => {}
                Action::GoLive { .. } | Action::Withdraw { .. } | Action::Report(_) => {}
            }
        }
        let wake = self.node.wake();
        if step.actions.iter().any(|action| matches!(action, Action::Exit(_))) {
            self.restart();
        }
        (step, wake)
    }

    fn next(&mut self) -> Input {
        if self.chance(self.mood.odd) {
            match self.draw(9) {
                0 => self.restart(),
                1 => return Input::RotateNow,
                2 => return Input::Shutdown,
                3 => self.now.wall = self.now.wall.plus(self.mood.lifetime.scaled(self.draw(4), 2)),
                4 => {
                    let back = self.mood.lifetime.scaled(self.draw(4), 2).ms().cast_signed();
                    self.now.wall = WallTime::from_unix_ms(self.now.wall.unix_ms() - back);
                }
                5 => drop(self.outstanding.pop_front()),
                8 => return self.edit(),
                6 | 7 => {
                    if let Some(old) = self.answered.last().cloned() {
                        return old;
                    }
                }
                _ => {}
            }
            if self.chance(60) {
                return Input::Tick;
            }
        }
        // A watch is silent for as long as its object is; everything else is answered in order.
        let silent = |action: &Action| matches!(action, Action::Call { call: Call::Watch { .. }, .. });
        let next = self.outstanding.iter().position(|action| !silent(action));
        let watch = if self.chance(20) { self.outstanding.iter().position(silent) } else { None };
        if let Some(action) = next.or(watch).and_then(|index| self.outstanding.remove(index)) {
            self.pass(Span::from_ms(3));
            return self.answer(&action).unwrap_or(Input::Tick);
        }
        let wake = self.node.wake();
        let waits = [
            wake.mono.map(|mono| mono.since(self.now.mono)),
            wake.wall.map(|wall| wall.since(self.now.wall)),
        ];
        let wait = waits.into_iter().flatten().min().unwrap_or(Span::from_mins(1));
        self.pass(wait.min(Span::from_hours(24 * 400)));
        Input::Tick
    }

    fn pass(&mut self, span: Span) {
        self.now = Now { wall: self.now.wall.plus(span), mono: self.now.mono.plus(span) };
    }
}

fn operation(action: &Action) -> Option<OpId> {
    match action {
        Action::Disk { op, .. } | Action::MakeKey { op, .. } | Action::Call { op, .. } => Some(*op),
        Action::Cancel { .. }
        | Action::GoLive { .. }
        | Action::Withdraw { .. }
        | Action::Report(_)
        | Action::Exit(_) => None,
    }
}

fn config(bug: Option<Bug>, node: &str, sans: u64, duration: Option<Span>) -> Config {
    let sans = (0..sans).map(|nth| San::Dns(format!("{nth}.example"))).collect();
    let mut spec = ConfigSpec::new(Template { duration, sans, ..Template::node_client(node) });
    spec.bug = bug;
    // An hour before the earlier start: some clocks that jump back show less.
    spec.built = WallTime::from_unix_secs(1_790_000_000 - 3600);
    Config::new(spec).expect("the template is complete")
}
