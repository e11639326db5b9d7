//! The loops around the decisions: each looks at what changed, decides, and writes through the store.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::ByteString;
use tokio::time::Instant;
use tracing::{info, warn};

use crate::api::selector::Selector;
use crate::api::status::ApiError;
use crate::api::{self, Csr, name, push_condition, update};
use crate::approver;
use crate::ca::Authority;
use crate::faults::Faults;
use crate::issue;
use crate::options::{Approval, Clock};
use crate::signer::{self, Policy};
use crate::store::Store;

/// When something that failed is tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// Something that looks at one object at a time.
pub(crate) trait Controller {
    /// Handles the object as it is now; the answer is when to look again though nothing changed.
    fn handle(&mut self, csr: &Csr) -> Option<Duration>;

    /// The object is gone.
    fn gone(&mut self, _csr: &Csr) {}
}

/// Shows `controller` every object, every change, and all objects again whenever a fault changes.
pub(crate) async fn drive(store: Arc<Store>, faults: Faults, mut controller: impl Controller) {
    let mut changed = store.subscribe();
    let mut faults_changed = faults.subscribe();
    let mut again = BTreeSet::new();
    let mut seen = None;
    loop {
        changed.borrow_and_update();
        let mut objects = Vec::new();
        match seen.and_then(|version| store.since(version).ok()) {
            Some(events) => {
                for event in events {
                    seen = Some(event.version);
                    if event.kind == crate::store::Kind::Deleted {
                        controller.gone(&event.object);
                    } else {
                        objects.push(event.object);
                    }
                }
            }
            None => {
                let (all, version) = store.list(&Selector::default());
                objects = all;
                seen = Some(version);
            }
        }
        let now = Instant::now();
        while let Some((_, name)) = again.pop_first_if_due(now) {
            objects.extend(store.get(&name));
        }
        for csr in objects {
            if let Some(wait) = controller.handle(&csr) {
                again.insert((now + wait, name(&csr).to_owned()));
            }
        }
        let due = again.first().map(|(at, _)| *at);
        tokio::select! {
            answer = changed.changed() => if answer.is_err() { return },
            answer = faults_changed.changed() => {
                if answer.is_err() { return }
                seen = None;
            }
            () = tokio::time::sleep_until(due.unwrap_or(now)), if due.is_some() => {}
        }
    }
}

trait PopDue {
    fn pop_first_if_due(&mut self, now: Instant) -> Option<(Instant, String)>;
}

impl PopDue for BTreeSet<(Instant, String)> {
    fn pop_first_if_due(&mut self, now: Instant) -> Option<(Instant, String)> {
        if self.first()?.0 <= now { self.pop_first() } else { None }
    }
}

/// Approves as [`approver::decide`] says.
pub(crate) struct Approver {
    pub(crate) store: Arc<Store>,
    pub(crate) faults: Faults,
    pub(crate) clock: Clock,
    pub(crate) approval: Approval,
    /// UID to when it was first seen.
    pub(crate) seen: HashMap<String, Instant>,
}

impl Controller for Approver {
    fn handle(&mut self, csr: &Csr) -> Option<Duration> {
        let orders = approver::Orders {
            approval: self.approval,
            paused: self.faults.pauses_approving(),
            deny_all: self.faults.denies_all(),
        };
        let uid = csr.metadata.uid.clone().unwrap_or_default();
        let first = *self.seen.entry(uid.clone()).or_insert_with(Instant::now);
        let (kind, reason, message) = match approver::decide(csr, orders, first.elapsed()) {
            approver::Decision::Leave => {
                self.seen.remove(&uid);
                return None;
            }
            approver::Decision::Wait(rest) => return Some(rest),
            approver::Decision::Approve(message) => ("Approved", "AutoApproved", message),
            approver::Decision::Deny => ("Denied", "InjectedFault", "denied by an injected fault"),
        };
        let written = change(&self.store, csr, &self.clock, |new| push_condition(new, kind, reason, message));
        match written {
            Ok(()) => {
                info!(csr = name(csr), condition = kind, "approver");
                None
            }
            Err(error) => retry("approver", csr, &error.message),
        }
    }

    fn gone(&mut self, csr: &Csr) {
        self.seen.remove(csr.metadata.uid.as_deref().unwrap_or_default());
    }
}

/// Signs as [`signer::decide`] says.
pub(crate) struct Signer {
    pub(crate) store: Arc<Store>,
    pub(crate) faults: Faults,
    pub(crate) clock: Clock,
    pub(crate) authority: Arc<Authority>,
    pub(crate) policy: Policy,
}

impl Controller for Signer {
    fn handle(&mut self, csr: &Csr) -> Option<Duration> {
        let fail = |reason: &'static str, message: String| {
            change(&self.store, csr, &self.clock, |new| push_condition(new, "Failed", reason, &message))
        };
        let written = match signer::decide(csr, self.policy) {
            signer::Decision::Leave => return None,
            signer::Decision::Retry(why) => return retry("signer", csr, &why),
            signer::Decision::Fail(why) => fail("SignerValidationFailure", why),
            signer::Decision::Sign(..) if self.faults.fails_all() => {
                fail("InjectedFault", "failed by an injected fault".to_owned())
            }
            signer::Decision::Sign(request, granted) => {
                let (now, spoils) = (self.clock.now(), self.faults.spoils());
                let issue =
                    issue::issue(&self.authority, (csr, &request), (granted, self.policy), now, &spoils);
                match issue {
                    Err(error) => return retry("signer", csr, &error.to_string()),
                    Ok(pem) => change(&self.store, csr, &self.clock, |new| {
                        let status = new.status.get_or_insert_with(Default::default);
                        status.certificate = Some(ByteString(pem.into_bytes()));
                    }),
                }
            }
        };
        match written {
            Ok(()) => {
                info!(csr = name(csr), "signer");
                None
            }
            Err(error) => retry("signer", csr, &error.message),
        }
    }
}

fn retry(who: &str, csr: &Csr, why: &str) -> Option<Duration> {
    warn!(csr = name(csr), why, "{who} tries again");
    Some(AGAIN)
}

/// Writes a change to the very object that was looked at; if it has changed since, its event brings it back.
fn change(store: &Store, seen: &Csr, clock: &Clock, change: impl FnOnce(&mut Csr)) -> Result<(), ApiError> {
    let written = store.update(name(seen), |stored| {
        let mut new = stored.clone();
        if stored.metadata.resource_version == seen.metadata.resource_version {
            change(&mut new);
            update::fill_times(&mut new, stored, api::time(clock.now()));
        }
        Ok(new)
    });
    match written {
        Err(error) if error.code == http::StatusCode::NOT_FOUND => Ok(()),
        other => other.map(|_| ()),
    }
}
