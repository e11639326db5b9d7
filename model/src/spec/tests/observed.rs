//! A machine that does what a test says.

use certrotate_core::config::Template;
use certrotate_core::disk::{BundleFound, BundleHeader, Entry};
use certrotate_core::id::{FileNumber, RequestDigest, RunId};
use certrotate_core::input::MadeKey;
use certrotate_core::time::MonoTime;

use super::super::*;
use crate::cert::{Cert, Flaw, key_digest};
use crate::world::START;

pub(super) const HOUR: Span = Span::from_hours(1);
pub(super) const KEY: KeyHandle = KeyHandle(1);
pub(super) const CERT: CertHandle = CertHandle(1);
pub(super) const FIRST: Generation = Generation(1);
pub(super) fn tmp(file: u32) -> Name {
    Name::Temporary { generation: FIRST, file: FileNumber(file) }
}

pub(super) fn pending() -> Name {
    Name::Pending { generation: FIRST, file: FileNumber(1) }
}

pub(super) fn bundle() -> Name {
    Name::Bundle { issued: START, generation: FIRST, file: FileNumber(2) }
}

/// A machine that does what a test says, and what the specification says of it.
pub(super) struct Observed {
    pub(super) spec: Spec,
    pub(super) wanted: Wanted,
    pub(super) now: Now,
    pub(super) seq: u32,
}

impl Observed {
    pub(super) fn new() -> Self {
        let Template { subject, sans, usages, .. } = Template::kubelet_client("node-1");
        let wanted = Wanted { subject, sans, usages, chain: false };
        let now = Now { wall: START, mono: MonoTime::from_ms(0) };
        Self { spec: Spec::default(), wanted, now, seq: 0 }
    }

    /// The machine answers an input.
    pub(super) fn steps(&mut self, disposition: Disposition, actions: Vec<Action>) {
        self.spec.answered(self.now, &Step::new(disposition, actions));
    }

    pub(super) fn acts(&mut self, action: Action) {
        self.steps(Disposition::Applied, vec![action]);
    }

    pub(super) fn next(&mut self) -> OpId {
        self.seq += 1;
        OpId { run: RunId(1), seq: self.seq }
    }

    pub(super) fn given(&mut self, input: &Input) {
        self.spec.given(self.now, &self.wanted, input);
    }

    pub(super) fn asks(&mut self, command: DiskCommand) -> OpId {
        let op = self.next();
        self.acts(Action::Disk { op, command });
        op
    }

    pub(super) fn ends(&mut self, op: OpId, result: Result<DiskDone, DiskFault>) {
        self.given(&Input::DiskAnswered { op, result });
        self.steps(Disposition::Applied, vec![]);
    }

    pub(super) fn does(&mut self, command: DiskCommand) {
        let op = self.asks(command);
        self.ends(op, Ok(DiskDone::Done));
    }

    pub(super) fn fails(&mut self, command: DiskCommand) {
        let op = self.asks(command);
        self.ends(op, Err(DiskFault::Io));
    }

    pub(super) fn scans(&mut self, current: CurrentLink, entries: Vec<Entry>) {
        let op = self.asks(DiskCommand::Scan);
        self.ends(
            op,
            Ok(DiskDone::Scanned(Box::new(Inventory { current, entries, more: false, outside: vec![] }))),
        );
    }

    /// Finds an empty directory.
    pub(super) fn started() -> Self {
        let mut it = Self::new();
        it.does(DiskCommand::Lock);
        it.scans(CurrentLink::Absent, vec![]);
        it.does(DiskCommand::SyncDir);
        it.scans(CurrentLink::Absent, vec![]);
        it
    }

    pub(super) fn makes_key(&mut self, key: KeyHandle) {
        let op = self.next();
        self.acts(Action::MakeKey { op, duration: None });
        let made = MadeKey { key, key_digest: key_digest(key.0), request: RequestDigest([1; 32]) };
        self.given(&Input::KeyMade { op, result: Ok(made) });
        self.steps(Disposition::Applied, vec![]);
    }

    /// Has a key in a file that has its final name.
    pub(super) fn named() -> Self {
        let mut it = Self::started();
        it.makes_key(KEY);
        it.does(DiskCommand::Create { name: tmp(1) });
        it.does(DiskCommand::Write {
            name: tmp(1),
            content: Content::Pending { generation: FIRST, key: KEY, made: START },
        });
        it.does(DiskCommand::SyncFile { name: tmp(1) });
        it.does(DiskCommand::Rename { from: tmp(1), to: pending() });
        it
    }

    /// Has a key that is durable.
    pub(super) fn saved() -> Self {
        let mut it = Self::named();
        it.does(DiskCommand::SyncDir);
        it
    }

    pub(super) fn asks_for(&mut self, key: KeyHandle) -> OpId {
        let op = self.next();
        self.acts(Action::Call { op, call: Call::Create { key }, credential: Credential::Bootstrap });
        op
    }

    pub(super) fn facts(flaw: Option<Flaw>) -> CertFacts {
        let cert = Cert { key: 1, template: 0, flaw, not_before: START, not_after: START.plus(HOUR) };
        cert.facts(CERT.0, &Template::kubelet_client("node-1"))
    }

    pub(super) fn shows(&mut self, op: OpId, facts: Option<CertFacts>, denied: bool) {
        let issued = facts.map(|facts| RequestState::Issued { cert: CERT, facts });
        let undecided = if denied { RequestState::Denied } else { RequestState::Approved };
        let Template { signer, usages, .. } = Template::kubelet_client("node-1");
        let key = Some(key_digest(1));
        let object = RequestRecord {
            key,
            signer,
            usages,
            requester: String::new(),
            state: issued.unwrap_or(undecided),
        };
        self.given(&Input::CallAnswered { op, result: Ok(object) });
        self.steps(Disposition::Applied, vec![]);
    }

    /// Has a certificate with this flaw.
    pub(super) fn issued(flaw: Option<Flaw>) -> Self {
        let mut it = Self::saved();
        let op = it.asks_for(KEY);
        it.shows(op, Some(Self::facts(flaw)), false);
        it
    }

    pub(super) fn content(generation: Generation) -> Content {
        Content::Bundle { generation, key: KEY, cert: CERT, issued: START }
    }

    /// Has given the certificate the current link, all but the last sync.
    pub(super) fn switched() -> Self {
        let mut it = Self::issued(None);
        it.does(DiskCommand::Create { name: tmp(2) });
        it.does(DiskCommand::Write { name: tmp(2), content: Self::content(FIRST) });
        it.does(DiskCommand::SyncFile { name: tmp(2) });
        it.does(DiskCommand::Rename { from: tmp(2), to: bundle() });
        it.does(DiskCommand::SyncDir);
        it.does(DiskCommand::Unlink { name: pending() });
        it.does(DiskCommand::Symlink { name: tmp(3), target: bundle() });
        it.does(DiskCommand::Rename { from: tmp(3), to: Name::Current });
        it
    }

    pub(super) fn goes_live(&mut self, generation: Generation) {
        self.acts(Action::GoLive { generation, key: KEY, cert: CERT });
    }

    pub(super) fn live() -> Self {
        let mut it = Self::switched();
        it.does(DiskCommand::SyncDir);
        it.goes_live(FIRST);
        assert_eq!(it.spec.broken, None);
        it
    }

    pub(super) fn at(mut self, wall: WallTime) -> Self {
        self.now.wall = wall;
        self
    }

    pub(super) fn refused(&self, id: &'static str, sentence: &'static str) {
        assert_eq!(self.spec.broken, Some((id, sentence)));
    }
}

/// What a scan finds of the first bundle.
pub(super) fn found(flaw: Option<Flaw>) -> Entry {
    let header = BundleHeader { generation: FIRST, issued: START };
    let facts = Observed::facts(flaw);
    let found = BundleFound { header, key_digest: key_digest(1), facts, key: KEY, cert: CERT, private: true };
    Entry { name: bundle(), found: Found::Bundle(Box::new(found)) }
}
