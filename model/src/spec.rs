//! The specification: what the machine may do, as a predicate over the inputs and actions so far (M6).
//!
//! It is shown every input and every step, knows the types that these are made of and nothing else of the
//! machine, and does its own arithmetic. So it cannot be wrong in the same way. What it keeps is what an
//! outside observer would: operations under way, files as the answers tell of them, certificates that were shown.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use certrotate_core::api::{ApiFault, Call, Credential, CsrObject, Issued};
use certrotate_core::disk::{Content, DiskCommand, DiskDone, Found, Inventory, LiveName, Name};
use certrotate_core::facts::{CertFacts, Chain, San, Subject, Usages};
use certrotate_core::id::{CertHandle, Generation, KeyDigest, KeyHandle, OpId};
use certrotate_core::input::{Action, Disposition, Input};
use certrotate_core::notice::Notice;
use certrotate_core::rotator::Step;
use certrotate_core::time::Now;

use crate::list::List;

/// What was configured to be asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The subject.
    pub subject: Subject,
    /// The subject alternative names.
    pub sans: Vec<San>,
    /// The usages.
    pub usages: Usages,
    /// Whether a client CA is configured.
    pub chain: bool,
}

/// What an observer of inputs and actions knows.
#[derive(Clone, Debug, Default)]
pub struct Spec {
    wanted: Arc<Wanted>,
    under_way: List<Asked, 6>,
    keys: List<(Handle, Digest), 6>,
    certs: List<Shown, 6>,
    /// Files of this run under temporary names.
    files: List<Written, 4>,
    /// Names that were scanned or given by this run, with the content that they have.
    known: List<Written, 8>,
    /// What the live name names.
    live_name: Option<Name>,
    /// Whether the directory was synced after every change.
    synced: bool,
    served: Option<(Generation, Shown)>,
    /// What was served last: it may come back when the clock gets to its start.
    last: Option<(Generation, Shown)>,
    withdrawn: Generation,
    /// The key of the request that is on its way, unless the server decided on it.
    open: Option<KeyHandle>,
    /// Whether the input that was given must be ignored.
    stray: bool,
    /// The first rule that was broken, under the invariant that it belongs to.
    pub broken: Option<(&'static str, &'static str)>,
}

impl Hash for Spec {
    /// Without what is configured.
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.under_way, &self.keys, &self.certs, &self.files, &self.known).hash(state);
        (self.live_name, self.synced, self.served, self.last, self.withdrawn, self.open).hash(state);
    }
}

type Handle = u64;
type Digest = Option<KeyDigest>;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Asked(Option<(OpId, Kind)>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Disk(DiskCommand),
    Key,
    Call(Call),
}

/// A certificate that was shown: whether it is what was asked for, and when it holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Shown {
    cert: Handle,
    key: Digest,
    good: bool,
    start: i64,
    end: i64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Written {
    name: Option<Name>,
    content: Option<Content>,
    synced: bool,
    failed: bool,
}

impl Spec {
    /// At the start of a run.
    #[must_use]
    pub fn new(wanted: Arc<Wanted>) -> Self {
        Self { wanted, ..Self::default() }
    }

    /// Whether the input that was given last answers nothing that is under way.
    #[must_use]
    pub const fn is_stray(&self) -> bool {
        self.stray
    }

    fn rule(&mut self, id: &'static str, sentence: &'static str, kept: bool) {
        if !kept && self.broken.is_none() {
            self.broken = Some((id, sentence));
        }
    }

    /// Sees an input, before the step.
    pub fn given(&mut self, input: &Input) {
        let op = match input {
            Input::DiskAnswered { op, .. } | Input::KeyMade { op, .. } | Input::CallAnswered { op, .. } => {
                *op
            }
            Input::Tick | Input::RotateNow | Input::Shutdown => {
                self.stray = false;
                return;
            }
        };
        let asked = self.under_way.iter().find_map(|asked| asked.0.filter(|(known, _)| *known == op));
        self.stray = asked.is_none();
        let Some((_, kind)) = asked else { return };
        let fits = match kind {
            Kind::Disk(_) => matches!(input, Input::DiskAnswered { .. }),
            Kind::Key => matches!(input, Input::KeyMade { .. }),
            Kind::Call(_) => matches!(input, Input::CallAnswered { .. }),
        };
        if !fits {
            self.stray = true;
            return;
        }
        self.under_way.retain(|asked| asked.0.is_none_or(|(known, _)| known != op));
        match (kind, input) {
            (Kind::Disk(command), Input::DiskAnswered { result, .. }) => match result {
                Ok(DiskDone::Done) => self.done(command),
                Ok(DiskDone::Scanned(inventory)) => self.scanned(inventory),
                Err(_) => self.failed(command),
            },
            (Kind::Key, Input::KeyMade { result: Ok(made), .. }) => {
                self.has_key(made.key, made.key_digest);
            }
            (Kind::Call(call), Input::CallAnswered { result, .. }) => self.called(call, result),
            (Kind::Disk(_) | Kind::Key | Kind::Call(_), _) => {}
        }
    }

    fn done(&mut self, command: DiskCommand) {
        match command {
            DiskCommand::Lock | DiskCommand::Scan => return,
            DiskCommand::SyncDir => {
                self.synced = true;
                return;
            }
            DiskCommand::Create { name } => {
                self.files.push_out(Written { name: Some(name), ..Written::default() })
            }
            DiskCommand::Write { name, content } => self.each(name, |file| file.content = Some(content)),
            DiskCommand::SyncFile { name } => return self.each(name, |file| file.synced = true),
            DiskCommand::Rename { from, to: Name::Live } => self.live_name = self.link(from),
            DiskCommand::Rename { from, to } => {
                self.known.retain(|file| file.name != Some(from) && file.name != Some(to));
                if let Some(file) = self.files.iter().find(|file| file.name == Some(from)).copied() {
                    self.known.push_out(Written { name: Some(to), ..file });
                }
                self.files.retain(|file| file.name != Some(from));
            }
            DiskCommand::Symlink { name, target } => {
                let content =
                    self.known.iter().find(|file| file.name == Some(target)).and_then(|file| file.content);
                self.files.push_out(Written { name: Some(name), content, synced: true, failed: false });
            }
            DiskCommand::Unlink { name } => {
                self.files.retain(|file| file.name != Some(name));
                self.known.retain(|file| file.name != Some(name));
            }
        }
        self.synced = false;
    }

    /// The bundle that a link of this run names.
    fn link(&self, link: Name) -> Option<Name> {
        let content = self.files.iter().find(|file| file.name == Some(link))?.content;
        self.known.iter().find(|file| file.content == content)?.name
    }

    fn each(&mut self, name: Name, change: impl Fn(&mut Written)) {
        self.files.iter_mut().filter(|file| file.name == Some(name)).for_each(change);
    }

    fn failed(&mut self, command: DiskCommand) {
        match command {
            DiskCommand::Write { name, .. } | DiskCommand::SyncFile { name } => {
                self.each(name, |file| file.failed = true)
            }
            DiskCommand::Lock | DiskCommand::Scan | DiskCommand::SyncDir => {}
            // It may have been done all the same.
            DiskCommand::Create { .. }
            | DiskCommand::Rename { .. }
            | DiskCommand::Symlink { .. }
            | DiskCommand::Unlink { .. } => self.synced = false,
        }
    }

    fn scanned(&mut self, inventory: &Inventory) {
        self.known.clear();
        self.live_name = match inventory.live {
            LiveName::Link(name) => Some(name),
            LiveName::Absent
            | LiveName::Foreign
            | LiveName::File
            | LiveName::Strange
            | LiveName::Unreadable(_) => None,
        };
        for entry in &inventory.entries {
            let content = match &entry.found {
                Found::Bundle(found) => {
                    self.has_key(found.key, found.key_digest);
                    self.show(found.cert, Some(found.key_digest), &found.facts);
                    let (generation, issued) = (found.header.generation, found.header.issued);
                    Content::Bundle { generation, key: found.key, cert: found.cert, issued }
                }
                Found::Pending(found) => {
                    self.has_key(found.key, found.key_digest);
                    Content::Pending { generation: found.generation, key: found.key, made: found.made }
                }
                Found::Unread | Found::Corrupt | Found::Unreadable(_) => continue,
            };
            self.known.push_out(Written {
                name: Some(entry.name),
                content: Some(content),
                synced: true,
                failed: false,
            });
        }
    }

    fn called(&mut self, call: Call, result: &Result<CsrObject, ApiFault>) {
        match result {
            Ok(object) => {
                let asked = self.open.and_then(|open| self.digest(open));
                if let Some(Issued::Readable { cert, facts }) = &object.certificate {
                    self.show(*cert, asked, facts);
                }
                if object.denied || object.failed || object.certificate.is_some() || object.key != asked {
                    self.open = None;
                }
            }
            // It was never made.
            Err(ApiFault::Invalid) if matches!(call, Call::Create { .. }) => self.open = None,
            Err(_) => {}
        }
    }

    fn has_key(&mut self, key: KeyHandle, digest: KeyDigest) {
        self.keys.retain(|(known, _)| *known != key.0);
        self.keys.push_out((key.0, Some(digest)));
    }

    fn digest(&self, key: KeyHandle) -> Digest {
        self.keys.iter().rev().find(|(known, _)| *known == key.0).and_then(|(_, digest)| *digest)
    }

    /// Judges a certificate by what it says, in its own words.
    fn show(&mut self, cert: CertHandle, key: Digest, facts: &CertFacts) {
        let Wanted { subject, sans, usages, chain } = &*self.wanted;
        let all = |one: &[String], other: &[String]| one.iter().all(|it| other.contains(it));
        let harmless = Usages::KEY_ENCIPHERMENT;
        let good = key == Some(facts.key)
            && facts.subject.common_name == subject.common_name
            && facts.subject.others == subject.others
            && all(&facts.subject.organizations, &subject.organizations)
            && all(&subject.organizations, &facts.subject.organizations)
            && facts.sans.len() == sans.len()
            && facts.sans.iter().all(|it| sans.contains(it))
            && facts.usages.with(harmless) == usages.with(harmless)
            && facts.usages.has(*usages)
            && !facts.ca
            && (facts.chain == Chain::Trusted || facts.chain == Chain::Unchecked && !chain);
        let (start, end) = (facts.not_before.unix_ms(), facts.not_after.unix_ms());
        self.certs.retain(|shown| shown.cert != cert.0);
        self.certs.push_out(Shown { cert: cert.0, key, good, start, end });
    }

    fn shown(&self, cert: CertHandle) -> Shown {
        self.certs.iter().rev().find(|shown| shown.cert == cert.0).copied().unwrap_or_default()
    }

    /// Sees what a step answered with.
    pub fn answered(&mut self, now: Now, step: &Step) {
        let wall = now.wall.unix_ms();
        if self.stray {
            let still = |action: &Action| {
                matches!(action, Action::Withdraw { .. } | Action::GoLive { .. } | Action::Report(_))
            };
            let ignored = step.disposition != Disposition::Applied && step.actions.iter().all(still);
            self.rule("S13", "an answer to an operation that is not under way is ignored", ignored);
        }
        for action in &step.actions {
            self.acts(wall, action);
        }
        let served = self.served.map(|(_, shown)| shown);
        self.rule("S1", "what is served is valid", served.is_none_or(|it| it.start <= wall && wall < it.end));
    }

    fn acts(&mut self, wall: i64, action: &Action) {
        match *action {
            Action::Disk { op, command } => self.writes(op, command),
            Action::MakeKey { op, .. } => {
                let busy = self.under_way.iter().any(|it| matches!(it.0, Some((_, Kind::Disk(_)))));
                self.rule("S8", "a key is made when nothing is being written", !busy);
                self.rule("S8", "a key is made when no request is open", self.open.is_none());
                self.ask(op, Kind::Key);
            }
            Action::Call { op, call, credential } => self.calls(wall, op, call, credential),
            Action::Cancel { op } => self.under_way.retain(|it| it.0.is_none_or(|(known, _)| known != op)),
            Action::GoLive { generation, key, cert } => self.goes_live(wall, generation, key, cert),
            Action::Withdraw { generation } => {
                let cert = self.served.filter(|(served, _)| *served == generation).map(|(_, shown)| shown);
                let over = cert.is_some_and(|it| wall >= it.end || wall < it.start);
                self.rule("S1", "only what is not valid is withdrawn", over);
                if cert.is_some_and(|it| wall >= it.end) {
                    self.withdrawn = self.withdrawn.max(generation);
                }
                self.served = None;
            }
            Action::Report(Notice::RequestStuck { .. } | Notice::RequestForeign { .. }) => self.open = None,
            Action::Report(_) => {}
            Action::Exit(_) => self.under_way.clear(),
        }
    }

    fn ask(&mut self, op: OpId, kind: Kind) {
        let known = self.under_way.iter().filter_map(|it| it.0);
        let fresh =
            known.map(|(earlier, _)| earlier).all(|earlier| earlier.run == op.run && earlier.seq < op.seq);
        self.rule("S13", "operations are numbered upwards", fresh);
        self.under_way.push_out(Asked(Some((op, kind))));
    }

    fn writes(&mut self, op: OpId, command: DiskCommand) {
        let busy = self.under_way.iter().any(|it| matches!(it.0, Some((_, Kind::Disk(_)))));
        let looks = matches!(command, DiskCommand::Scan | DiskCommand::Lock);
        self.rule("S7", "while an operation is not answered, only a scan follows it", !busy || looks);
        self.under_way.retain(|it| !matches!(it.0, Some((_, Kind::Disk(_)))));
        match command {
            DiskCommand::Rename { from, to: Name::Bundle { .. } | Name::Pending { .. } } => {
                let ready = self.files.iter().any(|it| it.name == Some(from) && it.synced && !it.failed);
                self.rule("S7", "only a file that was written and synced gets a final name", ready);
            }
            DiskCommand::Rename { to: Name::Live, .. } | DiskCommand::Symlink { .. } => {}
            DiskCommand::Write { name, content: Content::Bundle { key, cert, .. } } => {
                let fits = self.shown(cert).good && self.shown(cert).key == self.digest(key);
                self.rule("S2", "only a certificate that was judged, with its own key, is written", fits);
                self.rule("S7", "nothing is written to a file that failed", self.sound(name));
            }
            DiskCommand::SyncFile { name } => {
                self.rule("S7", "only a file of this run that did not fail is synced", self.sound(name));
            }
            _ => {}
        }
        self.ask(op, Kind::Disk(command));
    }

    fn sound(&self, name: Name) -> bool {
        self.files.iter().any(|it| it.name == Some(name) && !it.failed)
    }

    fn calls(&mut self, wall: i64, op: OpId, call: Call, credential: Credential) {
        if let Credential::Live(generation) = credential {
            let cert = self.served.filter(|(served, _)| *served == generation).map(|(_, shown)| shown);
            self.rule(
                "L3",
                "only what is served and valid is presented",
                cert.is_some_and(|it| wall < it.end),
            );
        }
        if let Call::Create { key } = call {
            let saved = |it: &Written| {
                matches!(it.content, Some(Content::Pending { key: saved, .. }) if saved == key)
                    && matches!(it.name, Some(Name::Pending { .. }))
            };
            let durable = self.synced && self.known.iter().any(saved);
            self.rule("S8", "a request is sent when its key is durable", durable);
            self.rule("S8", "there is no other request open", self.open.is_none_or(|open| open == key));
            self.open = Some(key);
        }
        self.ask(op, Kind::Call(call));
    }

    fn goes_live(&mut self, wall: i64, generation: Generation, key: KeyHandle, cert: CertHandle) {
        let last = self.last.filter(|(its, shown)| *its == generation && shown.cert == cert.0);
        let shown = last.map_or(self.shown(cert), |(_, shown)| shown);
        let fits = last.is_some() || shown.key == self.digest(key);
        self.rule("S2", "only what was asked for goes live", shown.good && fits);
        self.rule("S1", "only what is valid goes live", shown.start <= wall && wall < shown.end);
        let live = self.known.iter().find(|it| it.name.is_some() && it.name == self.live_name);
        let named = |content: Content| match content {
            Content::Bundle { generation: its, key: its_key, cert: its_cert, .. } => {
                (its, its_key, its_cert) == (generation, key, cert)
            }
            Content::Pending { .. } => false,
        };
        let linked = live.and_then(|it| it.content).is_some_and(named);
        let durable = last.is_some() || linked && self.synced;
        self.rule("S4", "what goes live has the live name, durably", durable);
        let newer = generation > self.withdrawn && self.served.is_none_or(|(served, _)| generation >= served);
        self.rule("S13", "nothing that was withdrawn, or is older than what is served, goes live", newer);
        self.served = Some((generation, shown));
        self.last = self.served;
    }
}
