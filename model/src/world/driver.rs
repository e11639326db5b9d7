//! The driver in a world: it carries out what the node asks for, or does not.

use std::collections::BTreeMap;

use certrotate_core::api::{ApiFault, Call, Credential, CsrObject, Issued};
use certrotate_core::config::Template;
use certrotate_core::disk::{
    BundleFound, BundleHeader, Content, DiskCommand, DiskDone, DiskFault, PendingFound,
};
use certrotate_core::facts::CertFacts;
use certrotate_core::id::{CertHandle, KeyDigest, KeyHandle, OpId, RequestDigest};
use certrotate_core::input::{Action, Input, MadeKey};
use certrotate_core::notice::Notice;
use certrotate_core::time::Span;

use crate::disk::File;
use crate::server::leaf;
use crate::world::{World, operation};

/// How the driver does its work. All but the first are wrong on purpose: an invariant must notice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Driver {
    /// As it is told.
    #[default]
    Honest,
    /// Does not sync the directory, and says that it did.
    SkipsDirectorySyncs,
    /// Does not sync files, and says that it did.
    SkipsFileSyncs,
    /// Does not remove anything, and says that it did.
    SkipsUnlinks,
    /// Serves a certificate as soon as it is written, before the core says so.
    ServesEarly,
    /// Does not withdraw what has ended.
    ServesOn,
    /// Makes every request with the first key.
    ReusesKeys,
    /// Makes another request, of which the core knows nothing, with every one that it sends.
    AsksTwice,
}

impl World {
    pub(super) fn carry_out(&mut self, action: Action) {
        if operation(&action).is_some() {
            self.outstanding.push(action.clone());
        }
        match action {
            Action::Disk { op, command } => {
                let result = self.disk(&command);
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
            Action::GoLive { generation, cert, .. } => {
                self.served = Some((generation, cert));
                self.announced = self.served;
            }
            Action::Withdraw { .. } if self.driver == Driver::ServesOn => {}
            Action::Withdraw { .. } => self.served = None,
            Action::Report(notice) => {
                if let Notice::RequestStuck { request, .. } = &notice {
                    self.server.given_up.insert(*request);
                }
                self.notices.push((self.now, notice));
            }
            Action::Exit(reason) => {
                self.kill();
                self.exit = Some(reason);
            }
        }
    }

    fn disk(&mut self, command: &DiskCommand) -> Result<DiskDone, DiskFault> {
        let skipped = match (self.driver, command) {
            (Driver::SkipsDirectorySyncs, DiskCommand::SyncDir)
            | (Driver::SkipsFileSyncs, DiskCommand::SyncFile { .. })
            | (Driver::SkipsUnlinks, DiskCommand::Unlink { .. }) => true,
            (
                Driver::ServesEarly,
                DiskCommand::Write { content: Content::Bundle { generation, cert, .. }, .. },
            ) => {
                self.served = Some((*generation, *cert));
                false
            }
            _ => false,
        };
        if skipped {
            return Ok(DiskDone::Done);
        }
        let (requests, certs) = (&self.requests, &self.certs);
        self.disk.run(command, |content| written(requests, certs, content))
    }

    fn make_key(&mut self, duration: Option<Span>) -> MadeKey {
        self.keys += 1;
        let (key, request) = (KeyHandle(self.keys), RequestDigest(leaf(self.keys).0));
        let number = if self.driver == Driver::ReusesKeys { 1 } else { self.keys };
        let made = MadeKey { key, key_digest: KeyDigest(leaf(number).0), request };
        let template = Template { duration, ..self.config.template().clone() };
        self.requests.insert(key, (made, template));
        made
    }

    fn call(&mut self, op: OpId, call: Call, credential: Credential) {
        self.credentials.push(credential);
        self.calls.push((self.now, call));
        let fault = self.server.fault(credential == Credential::Bootstrap);
        if self.server.silent {
            return;
        }
        let result = match (fault, call) {
            // A request that the server has was valid.
            (Some(ApiFault::Invalid), Call::Create { key }) if self.has_object(key) => {
                Err(ApiFault::AlreadyExists)
            }
            (Some(fault), _) => Err(fault),
            (None, Call::Create { key }) => match self.requests.get(&key) {
                Some((made, template)) => {
                    if self.driver == Driver::AsksTwice {
                        let (request, key) = (RequestDigest([1; 32]), KeyDigest([1; 32]));
                        let _ = self.server.create(request, key, template, self.now.wall);
                    }
                    self.server.create(made.request, made.key_digest, template, self.now.wall)
                }
                None => Err(ApiFault::Invalid),
            },
            (None, Call::Get { request }) => self.look(request),
            (None, Call::Watch { .. }) if self.server.no_watch => Err(ApiFault::Forbidden),
            (None, Call::Watch { .. }) if self.server.watch_ends => Err(ApiFault::WatchEnded),
            (None, Call::Watch { request }) => {
                self.watches.push((op, request));
                return;
            }
        };
        if self.lose_call_answers > 0 {
            self.lose_call_answers -= 1;
        } else {
            self.answers.push_back(Input::CallAnswered { op, result });
        }
    }

    fn has_object(&self, key: KeyHandle) -> bool {
        self.requests.get(&key).is_some_and(|(made, _)| self.server.objects.contains_key(&made.request))
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
    pub(super) fn poll_watches(&mut self) {
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
