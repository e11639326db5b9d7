//! The specification: which actions core may emit, as a predicate over the inputs and actions so far (M6). It knows their
//! types and nothing else of core. Its copies of core's arithmetic are deliberate: an oracle must not share a bug.

use certrotate_core::disk::{Content, CurrentLink, DiskCommand, DiskDone, DiskFault, Found, Inventory, Name};
use certrotate_core::event::Event;
use certrotate_core::facts::{CertFacts, Chain, San, Subject, Usages};
use certrotate_core::id::{CertHandle, Generation, KeyDigest, KeyHandle, OpId};
use certrotate_core::input::{Action, Disposition, Input};
use certrotate_core::issuer::{Call, Credential, IssuerFault, RequestRecord, RequestState};
use certrotate_core::rotator::Step;
use certrotate_core::time::{Now, Span, WallTime};

use crate::list::{Map, same_set};

/// The configured template.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    pub(crate) subject: Subject,
    pub(crate) sans: Vec<San>,
    pub(crate) usages: Usages,
    pub(crate) chain: bool, // whether a client CA is configured
}

/// The knowledge of an observer of inputs and actions; none at the start of a run.
#[derive(Clone, Debug, Default)]
pub struct Spec {
    pub(crate) in_flight: Map<OpId, Op, 5>, // the operations that core awaits
    keys: Map<KeyHandle, KeyDigest, 9>,
    certs: Map<CertHandle, Good, 8>, // acceptable certificates
    files: Map<Name, File, 10>,
    served: Option<(Generation, Good)>,
    pub(crate) last: Option<(Generation, CertHandle, Good)>, // the last live identity
    pub(crate) lowest: Generation,                           // the lowest generation that may go live
    pub(crate) open: Option<KeyHandle>,                      // the key of the open request
    pub(crate) stray: bool,           // whether the input answers no operation in flight
    pub(crate) external_change: bool, // whether the directory was changed from outside: `files` is not valid
    failing: bool,                    // whether the disk failed since the last durable go-live
    in_memory_identity: bool,         // whether the node reported an identity in memory only
    in_memory_request: bool,          // the same of a request
    pub(crate) broken: Option<(&'static str, &'static str)>, // the first broken rule, and its invariant
}
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Op {
    Disk(DiskCommand),
    Key,
    Call(Call),
}
/// The key of a certificate, and when it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Good {
    key: KeyHandle,
    start: WallTime,
    end: WallTime,
}
impl Good {
    fn holds(&self, wall: WallTime) -> bool {
        self.start <= wall && wall < self.end
    }
}
/// The file of a name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct File {
    content: Option<Content>, // of a link: that of the file that it names
    synced: bool,             // whether this run wrote and synced it
    durable: bool,            // whether the directory was synced since the name last changed
}
impl Spec {
    fn rule(&mut self, id: &'static str, sentence: &'static str, kept: bool) {
        self.broken = self.broken.or((!kept).then_some((id, sentence)));
    }

    /// Sees an input, before the step.
    pub fn given(&mut self, now: Now, wanted: &Wanted, input: &Input) {
        use Input::{CallAnswered, DiskAnswered, KeyMade};
        let (DiskAnswered { op, .. } | KeyMade { op, .. } | CallAnswered { op, .. }) = input else { return };
        match (self.in_flight.get(*op), input) {
            (Some(Op::Disk(command)), DiskAnswered { result, .. }) => self.did(wanted, command, result),
            (Some(Op::Call(call)), CallAnswered { result, .. }) => self.called(now, wanted, call, result),
            (Some(Op::Key), KeyMade { result, .. }) => {
                result.iter().for_each(|made| self.keys.insert(made.key, made.key_digest));
            }
            (Some(_) | None, _) => return self.stray = true,
        }
        self.in_flight.remove(*op);
    }

    fn did(&mut self, wanted: &Wanted, command: DiskCommand, result: &Result<DiskDone, DiskFault>) {
        use DiskCommand::{Create, Lock, Rename, Scan, Symlink, SyncDir, SyncFile, Unlink, Write};
        self.failing |= result.is_err();
        match (command, result) {
            (_, Ok(DiskDone::Scanned(inventory))) => self.scanned(wanted, inventory),
            (Create { name }, Ok(_)) => self.files.insert(name, File::default()),
            (Write { name, content }, Ok(_)) => self.files.change(name, |it| it.content = Some(content)),
            (SyncFile { name }, Ok(_)) => self.files.change(name, |it| it.synced = true),
            (Symlink { name, target }, Ok(_)) => {
                let content = self.files.get(target).and_then(|it| it.content);
                self.files.insert(name, File { content, ..File::default() });
            }
            (Rename { from, to }, Ok(_)) => {
                let file = self.files.remove(from).unwrap_or_default();
                self.files.insert(to, File { durable: false, ..file });
            }
            (SyncDir, Ok(_)) => self.files.values_mut().for_each(|it| it.durable = true),
            // The content after a failed operation is not known.
            (Unlink { name }, Ok(_))
            | (Write { name, .. } | SyncFile { name } | Rename { to: name, .. }, Err(_)) => {
                self.files.remove(name);
            }
            (Lock | Scan, _) | (Create { .. } | Symlink { .. } | Unlink { .. } | SyncDir, Err(_)) => {}
        }
    }

    /// Takes over the scanned files. Durable names stay durable.
    fn scanned(&mut self, wanted: &Wanted, inventory: &Inventory) {
        let before = std::mem::take(&mut self.files);
        let file = |name, content| File { content, synced: false, ..before.get(name).unwrap_or_default() };
        for entry in &inventory.entries {
            let content = match &entry.found {
                Found::Bundle(found) => {
                    self.keys.insert(found.key, found.key_digest);
                    self.show(wanted, found.cert, found.key, &found.facts, true);
                    let (generation, issued) = (found.header.generation, found.header.issued);
                    Some(Content::Bundle { generation, key: found.key, cert: found.cert, issued })
                }
                Found::Pending(found) => {
                    self.keys.insert(found.key, found.key_digest);
                    Some(Content::Pending { generation: found.generation, key: found.key, made: found.made })
                }
                Found::Corrupt | Found::Unreadable(_) => None,
                Found::Unread => continue,
            };
            self.files.insert(entry.name, file(entry.name, content));
        }
        for it in &inventory.outside {
            self.keys.insert(it.key, it.key_digest);
            self.show(wanted, it.cert, it.key, &it.facts, true);
        }
        let target =
            if let CurrentLink::Link(target) = inventory.current { self.files.get(target) } else { None };
        self.files.insert(Name::Current, file(Name::Current, target.and_then(|it| it.content)));
    }

    fn called(&mut self, now: Now, wanted: &Wanted, call: Call, result: &Result<RequestRecord, IssuerFault>) {
        let decided = match result {
            Ok(object) => {
                // Core does not install a certificate with less than five seconds left.
                if let (RequestState::Issued { cert, facts }, Some(key)) = (&object.state, self.open)
                    && facts.not_after.since(now.wall) >= Span::from_secs(5)
                {
                    self.show(wanted, *cert, key, facts, false);
                }
                !matches!(object.state, RequestState::Pending | RequestState::Approved)
            }
            Err(fault) => *fault == IssuerFault::Invalid && matches!(call, Call::Create { .. }), // never made
        };
        self.open = self.open.filter(|_| !decided);
    }

    /// Judges a certificate by what it says. A `found` one may have other names or usages than the template.
    fn show(&mut self, wanted: &Wanted, cert: CertHandle, key: KeyHandle, facts: &CertFacts, found: bool) {
        let (usages, harmless) = (wanted.usages, Usages::KEY_ENCIPHERMENT);
        let usages = facts.usages.has(usages) && facts.usages.with(harmless) == usages.with(harmless);
        let good = self.keys.get(key) == Some(facts.key)
            && facts.subject.common_name == wanted.subject.common_name
            && same_set(&facts.subject.others, &wanted.subject.others)
            && same_set(&facts.subject.organizations, &wanted.subject.organizations)
            && (found || usages && same_set(&facts.sans, &wanted.sans))
            && !facts.ca
            && (facts.chain == Chain::Trusted || facts.chain == Chain::Unchecked && !wanted.chain);
        let other = self.certs.remove(cert).filter(|it| it.key != key);
        let its = Good { key, start: facts.not_before, end: facts.not_after };
        if let Some(known) = good.then_some(its).or(other) {
            self.certs.insert(cert, known);
        }
    }

    /// Sees the actions of a step.
    pub fn answered(&mut self, now: Now, step: &Step) {
        let still =
            |it: &Action| matches!(it, Action::Withdraw { .. } | Action::GoLive { .. } | Action::Report(_));
        let ignored = step.disposition != Disposition::Applied && step.actions.iter().all(still);
        let stray = std::mem::take(&mut self.stray);
        self.rule("S13", "an answer to no operation in flight is ignored", ignored || !stray);
        step.actions.iter().for_each(|action| self.acts(now.wall, action));
        self.rule("S1", "a live identity is valid", self.served.is_none_or(|(_, good)| good.holds(now.wall)));
    }

    /// The template changed. Certificates for another subject are no longer valid.
    pub(crate) fn edited(&mut self, subject: bool) {
        self.open = None;
        if subject {
            self.served.iter_mut().for_each(|(_, good)| good.start = WallTime::MAX);
            (self.last, self.certs) = (None, Map::default());
        }
    }

    fn acts(&mut self, wall: WallTime, action: &Action) {
        match *action {
            Action::Disk { op, command } => self.writes(op, command),
            Action::MakeKey { op, .. } => {
                let idle = self.open.is_none() && self.writing().is_none();
                self.rule("S8", "a key is made when no write and no request is in flight", idle);
                self.asks(op, Op::Key);
            }
            Action::Call { op, call, credential } => self.calls(wall, op, call, credential),
            Action::Cancel { op } => drop(self.in_flight.remove(op)),
            Action::GoLive { generation, key, cert } => self.goes_live(wall, generation, key, cert),
            Action::Withdraw { generation } => {
                let served = self.served.take().filter(|(served, _)| *served == generation);
                let over = served.is_some_and(|(_, good)| !good.holds(wall));
                self.rule("S1", "only a served identity that is not valid is withdrawn", over);
                let expired = served.filter(|(_, good)| wall >= good.end);
                self.lowest = expired.map_or(Generation(0), |_| generation.next());
            }
            Action::Report(Event::RequestStuck { .. } | Event::RequestForeign { .. }) => self.open = None,
            Action::Report(Event::RequestOfExpired { .. } | Event::HandleGone { .. }) => self.open = None,
            Action::Report(Event::DiskTimedOut { .. }) => self.failing = true,
            Action::Report(Event::DiskFailed { fault: DiskFault::NoEffect, .. }) => self.failing = true,
            Action::Report(Event::IdentityInMemory { .. }) => self.in_memory_identity = true,
            Action::Report(Event::RequestInMemory { .. }) => {
                let first = self.failing && !self.in_memory_request;
                self.rule("S8", "a key is in memory only after the disk failed, and once a run", first);
                self.in_memory_request = true;
            }
            Action::Exit(_) => self.in_flight.clear(),
            Action::Report(_) => {}
        }
    }

    fn asks(&mut self, op: OpId, what: Op) {
        let fresh = self.in_flight.iter().all(|(it, _)| it.run == op.run && it.seq < op.seq);
        self.rule("S13", "operation numbers increase", fresh);
        self.in_flight.insert(op, what);
    }

    /// The disk operation that is under way.
    fn writing(&self) -> Option<OpId> {
        self.in_flight.iter().find(|(_, what)| matches!(what, Op::Disk(_))).map(|(op, _)| op)
    }

    fn writes(&mut self, op: OpId, command: DiskCommand) {
        if let Some(late) = self.writing() {
            let looks = matches!(command, DiskCommand::Scan | DiskCommand::Lock);
            self.rule("S7", "an unanswered disk operation is followed by a scan or a lock only", looks);
            self.in_flight.remove(late);
        }
        if let DiskCommand::Rename { from, to: Name::Bundle { .. } | Name::Pending { .. } } = command {
            let synced = self.files.get(from).is_some_and(|it| it.synced);
            self.rule("S7", "only a file that this run wrote and synced gets a final name", synced);
        }
        if let DiskCommand::Write { name, .. } | DiskCommand::SyncFile { name } = command {
            let sound = self.files.get(name).is_some();
            self.rule("S7", "only a file on which no operation failed is written and synced", sound);
        }
        if let DiskCommand::Write { content: Content::Bundle { key, cert, .. }, .. } = command {
            let fits = self.certs.get(cert).is_some_and(|it| it.key == key);
            self.rule("S2", "only an acceptable certificate is written, with its own key", fits);
        }
        self.asks(op, Op::Disk(command));
    }

    fn calls(&mut self, wall: WallTime, op: OpId, call: Call, credential: Credential) {
        if let Credential::Live(generation) = credential {
            let valid = self.served.is_some_and(|(served, good)| served == generation && good.holds(wall));
            self.rule("L3", "only the served, valid identity is presented", valid);
        }
        if let Call::Create { key } = call {
            let has = |it: &File| matches!(it.content, Some(Content::Pending { key: its, .. }) if its == key);
            let kept = |name, it: &File| matches!(name, Name::Pending { .. }) && (it.durable || self.failing);
            let saved = self.files.iter().any(|(name, it)| kept(name, &it) && has(&it));
            self.rule("S8", "a request is sent after its key is durable", saved || self.in_memory_request);
            self.rule("S8", "no other request is open", self.open.is_none_or(|open| open == key));
            self.open = Some(key);
        }
        self.asks(op, Op::Call(call));
    }

    fn goes_live(&mut self, wall: WallTime, generation: Generation, key: KeyHandle, cert: CertHandle) {
        let live = (generation, cert);
        // An identity that was held for the clock was live before.
        let before = self.last.filter(|(its, its_cert, _)| (*its, *its_cert) == live).map(|last| last.2);
        let good = before.or(self.certs.get(cert)).filter(|good| good.key == key);
        self.rule("S2", "only an acceptable certificate with its own key goes live", good.is_some());
        self.rule("S1", "only a valid certificate goes live", good.is_none_or(|it| it.holds(wall)));
        let linked = self.files.get(Name::Current).filter(|it| it.durable).and_then(|it| it.content);
        let named = |it| matches!(it, Content::Bundle { generation, cert, .. } if (generation, cert) == live);
        let in_memory_identity = self.failing & std::mem::take(&mut self.in_memory_identity);
        let live_before = before.is_some();
        self.failing &= in_memory_identity || live_before;
        let durable = linked.is_some_and(named) || live_before || self.external_change || in_memory_identity;
        self.rule("S4", "an identity goes live first when the current link leads to it durably", durable);
        self.rule("S13", "no older and no expired identity goes live", generation >= self.lowest);
        self.served = good.map(|good| (generation, good));
        (self.last, self.lowest) = (good.map(|good| (generation, cert, good)), generation);
    }
}

#[cfg(test)]
mod tests;
