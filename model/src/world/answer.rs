//! Compact answers, and their delivery to the node.

use certrotate_core::config::Template;
use certrotate_core::disk::{
    BundleFound, BundleHeader, CurrentLink, DiskDone, DiskFault, Entry, Found, Inventory, Name, PairFound,
    PendingFound, Place,
};
use certrotate_core::facts::Usages;
use certrotate_core::id::{CertHandle, KeyHandle, RequestDigest};
use certrotate_core::input::{Input, KeyFault, MadeKey};
use certrotate_core::issuer::{RequestRecord, RequestState};

use crate::cert::{key_digest, leaf};
use crate::disk::{Bundle, File, Outside, Pending};
use crate::server::{Issue, Object, UNREADABLE};
use crate::world::{Answer, Lie, Outcome, World};

/// The name of the request that is made with the n-th key.
#[must_use]
pub(crate) fn request_digest(key: u32) -> RequestDigest {
    RequestDigest(leaf(key.into()).0)
}

impl World {
    /// Gives an answer.
    pub fn answer(&mut self, answer: Answer) -> Option<certrotate_core::rotator::Step> {
        let input = self.render(answer);
        self.hand_over(&input);
        let step = self.give(input);
        self.last = Some(answer);
        step
    }

    pub(crate) fn render(&mut self, Answer { op, outcome }: Answer) -> Input {
        match outcome {
            // What the node is told of a change that was not made.
            Outcome::Disk(Err(DiskFault::NoEffect)) => Input::DiskAnswered { op, result: Ok(DiskDone::Done) },
            Outcome::Disk(result) => Input::DiskAnswered { op, result: result.map(|()| DiskDone::Done) },
            Outcome::Scan(Ok(())) => {
                let inventory = Box::new(self.inventory());
                let lie = self.lie.take();
                // Core rescans after an unreadable file, and believes a readable but wrong one.
                self.ghost.misread |= matches!(lie, Some(Lie::Flipped | Lie::FlippedPending));
                self.ghost.unread |= lie == Some(Lie::Unreadable);
                if lie == Some(Lie::Flipped) {
                    // Core knows the disk only by the answer: it takes the misread link for a
                    // broken one.
                    self.disk.break_current_link();
                    self.ghost.announced = None;
                }
                Input::DiskAnswered { op, result: Ok(DiskDone::Scanned(inventory)) }
            }
            Outcome::Scan(Err(fault)) => Input::DiskAnswered { op, result: Err(fault) },
            Outcome::Key(None) => Input::KeyMade { op, result: Err(KeyFault::Failed) },
            Outcome::Key(Some(number)) => Input::KeyMade { op, result: Ok(self.made(number)) },
            Outcome::Call(result) => {
                Input::CallAnswered { op, result: result.map(|object| self.object(&object)) }
            }
        }
    }

    /// Records the handles that the driver holds from now on.
    pub(super) fn hand_over(&mut self, input: &Input) {
        match input {
            Input::KeyMade { result: Ok(made), .. } => self.ghost.give_key(made.key),
            Input::CallAnswered { result: Ok(object), .. } => {
                if let RequestState::Issued { cert, .. } = &object.state {
                    self.ghost.give_cert(*cert);
                }
            }
            Input::DiskAnswered { result: Ok(DiskDone::Scanned(inventory)), .. } => {
                for entry in &inventory.entries {
                    match &entry.found {
                        Found::Bundle(found) => {
                            self.ghost.give_key(found.key);
                            self.ghost.give_cert(found.cert);
                        }
                        Found::Pending(found) => self.ghost.give_key(found.key),
                        Found::Unread | Found::Corrupt | Found::Unreadable(_) => {}
                    }
                }
                for pair in &inventory.outside {
                    self.ghost.give_key(pair.key);
                    self.ghost.give_cert(pair.cert);
                }
            }
            Input::Tick
            | Input::DiskAnswered { .. }
            | Input::KeyMade { .. }
            | Input::CallAnswered { .. }
            | Input::RotateNow
            | Input::Reconfigure(_)
            | Input::Shutdown => {}
        }
    }

    fn made(&self, number: u32) -> MadeKey {
        MadeKey {
            key: KeyHandle(number.into()),
            key_digest: key_digest(self.true_key(number).into()),
            request: request_digest(number),
        }
    }

    /// The number of the key that is really in the request of this number.
    pub(crate) fn true_key(&self, number: u32) -> u32 {
        self.request(number).map_or(number, |request| request.key)
    }

    pub(crate) fn request(&self, number: u32) -> Option<&super::Request> {
        self.requests.get((number as usize).checked_sub(1)?)
    }

    fn template(&self, number: u32) -> Template {
        let request = self.request(number);
        let template = request.and_then(|request| self.templates.get(usize::from(request.template)));
        let duration = request.and_then(|request| request.duration);
        Template { duration, ..template.unwrap_or(self.config.template()).clone() }
    }

    /// The object as the server shows it.
    #[must_use]
    pub fn object(&self, object: &Object) -> RequestRecord {
        let template = &self.templates[usize::from(object.template).min(self.templates.len() - 1)];
        let signer = if object.foreign_signer { "example.com/other" } else { &template.signer };
        let more = if object.foreign_usages { Usages::SERVER_AUTH } else { Usages::default() };
        let usages = template.usages.with(more);
        RequestRecord {
            key: (object.key != UNREADABLE).then(|| key_digest(object.key.into())),
            signer: signer.into(),
            usages,
            requester: self.requester(object),
            state: self.state(object),
        }
    }

    /// Returns the state that the conditions of an object and its certificate amount to.
    fn state(&self, object: &Object) -> RequestState {
        match object.issue {
            _ if object.denied => RequestState::Denied,
            _ if object.failed => RequestState::Failed,
            _ if !object.approved => RequestState::Pending,
            None => RequestState::Approved,
            Some(Issue::Unreadable) => RequestState::IssuedUnreadable,
            Some(Issue::Cert(number)) => {
                let cert = CertHandle(number.into());
                let facts = self.facts(cert);
                facts.map_or(RequestState::IssuedUnreadable, |facts| RequestState::Issued { cert, facts })
            }
        }
    }

    /// The user whom the server took for the creator of an object.
    fn requester(&self, object: &Object) -> String {
        let template = &self.templates[usize::from(object.template).min(self.templates.len() - 1)];
        if object.by_node { template.subject.common_name.clone() } else { "system:bootstrap:abcdef".into() }
    }

    /// Returns the inventory of a scan.
    #[must_use]
    pub fn inventory(&self) -> Inventory {
        let mut current = self.disk.current_link();
        let target = match current {
            CurrentLink::Link(name) => Some(name),
            CurrentLink::Absent
            | CurrentLink::Foreign
            | CurrentLink::File
            | CurrentLink::Strange
            | CurrentLink::Unreadable(_) => None,
        };
        if self.lie == Some(Lie::LiveUnreadable) {
            current = CurrentLink::Unreadable(DiskFault::Io);
        }
        let names = self.disk.names().filter(|name| *name != Name::Current);
        let entries = names.map(|name| Entry { name, found: self.seen(name, target) }).collect();
        let hidden = current != self.disk.current_link();
        let pairs = self.disk.pairs().filter(|pair| !hidden || pair.place != Place::Current);
        let outside = pairs.filter_map(|pair| self.pair_found(pair)).collect();
        Inventory { current, entries, more: false, outside }
    }

    /// Returns the scan result of a name, unless the disk misreads it.
    fn seen(&self, name: Name, target: Option<Name>) -> Found {
        let current = Some(name) == target;
        match self.lie {
            Some(Lie::Unreadable) if current => Found::Unreadable(DiskFault::Io),
            Some(Lie::Flipped) if current => Found::Corrupt,
            Some(Lie::FlippedPending) if matches!(name, Name::Pending { .. }) => Found::Corrupt,
            Some(Lie::Unreadable | Lie::Flipped | Lie::FlippedPending | Lie::LiveUnreadable) | None => {
                self.found(name)
            }
        }
    }

    fn found(&self, name: Name) -> Found {
        let private = !self.disk.is_public(name);
        match (name, self.disk.read(name)) {
            (Name::Temporary { .. } | Name::Quarantine { .. }, _) => Found::Unread,
            (Name::Bundle { generation, .. }, Some(File::Bundle(bundle)))
                if bundle.generation == generation =>
            {
                self.bundle_found(&bundle, private)
                    .map_or(Found::Corrupt, |found| Found::Bundle(Box::new(found)))
            }
            (Name::Pending { generation, .. }, Some(File::Pending(pending)))
                if pending.generation == generation =>
            {
                Found::Pending(Box::new(self.pending_found(&pending, private)))
            }
            (Name::Bundle { .. } | Name::Pending { .. } | Name::Current, _) => Found::Corrupt,
        }
    }

    fn bundle_found(&self, bundle: &Bundle, private: bool) -> Option<BundleFound> {
        let cert = CertHandle(bundle.cert.into());
        Some(BundleFound {
            header: BundleHeader { generation: bundle.generation, issued: bundle.issued },
            key_digest: key_digest(self.true_key(bundle.key).into()),
            facts: self.facts(cert)?,
            key: KeyHandle(bundle.key.into()),
            cert,
            private,
        })
    }

    fn pair_found(&self, Outside { place, key, cert }: Outside) -> Option<PairFound> {
        let (key_digest, key) = (key_digest(self.true_key(key).into()), KeyHandle(key.into()));
        let cert = CertHandle(cert.into());
        Some(PairFound { place, key_digest, facts: self.facts(cert)?, key, cert })
    }

    fn pending_found(&self, pending: &Pending, private: bool) -> PendingFound {
        PendingFound {
            generation: pending.generation,
            made: pending.made,
            key_digest: key_digest(self.true_key(pending.key).into()),
            request: request_digest(pending.key),
            template: self.template(pending.key),
            key: KeyHandle(pending.key.into()),
            private,
        }
    }
}
