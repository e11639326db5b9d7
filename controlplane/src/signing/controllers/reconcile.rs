//! Approver, signer and cleaner: the decisions of [`crate::signing::approver`], [`crate::signing::signer`] and [`crate::signing::cleaner`] carried out
//! through a [`Port`], one object at a time.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use k8s_openapi::ByteString;
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::{debug, info, warn};

use crate::base::clock::Clock;
use crate::base::csr::{Condition, Csr, certificate, conditions, name, push_condition};
use crate::base::quiet::Quiet;
use crate::base::sync::lock;
use crate::faults::handle::Faults;
use crate::signing::approver::{Approval, Recognized, Recognizer};
use crate::signing::cleaner::Ages;
use crate::signing::controllers::holder::holder;
use crate::signing::controllers::port::{Port, PortError, Review};
use crate::signing::criteria::Rules;
use crate::signing::pki::issue;
use crate::signing::pki::source::Source;
use crate::signing::signer::{Order, Policy, Unable};
use crate::signing::{approver, cleaner, signer};

/// Type of the condition that says why an approved request has no certificate yet. Clients do not know it and go on
/// waiting, which is right: it is signed as soon as the signer can.
const DELAYED: &str = "SigningDelayed";
/// Reason of a denial by [`ControllerOptions::refuse_taken_names`](crate::ControllerOptions::refuse_taken_names).
const TAKEN: &str = "NodeNameTaken";
/// A certificate whose write has failed is offered again for this long, and then made anew.
const DRAFT: Duration = Duration::from_secs(60);

/// The rules and the authority of one signer name.
#[derive(Debug)]
pub(crate) struct Setup {
    pub(crate) rules: Rules,
    pub(crate) source: Source,
}

/// Approver, signer and cleaner of some signer names.
#[derive(Debug)]
pub struct Controllers {
    pub(crate) signers: BTreeMap<String, Setup>,
    pub(crate) approval: Approval,
    pub(crate) policy: Policy,
    /// `None`: nothing is deleted.
    pub(crate) ages: Option<Ages>,
    /// Whether a bootstrapper is denied a node name that is held.
    pub(crate) refuse_taken_names: bool,
    pub(crate) clock: Clock,
    pub(crate) faults: Option<Faults>,
    pub(crate) memory: Memory,
}

/// Facts about objects that the API does not store, by UID, until the objects are gone.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// When an object was first seen that is to be approved some time after.
    seen: Mutex<HashMap<String, Instant>>,
    /// Certificates that are signed and not known to be stored: signing again would make a second valid one.
    drafts: Mutex<HashMap<String, (SystemTime, String)>>,
    /// Objects whose certificate is noted to hold its name.
    noted: Mutex<HashSet<String>>,
}

impl Memory {
    pub(crate) fn forget(&self, uid: &str) {
        lock(&self.seen).remove(uid);
        lock(&self.drafts).remove(uid);
        lock(&self.noted).remove(uid);
    }
}

/// When to handle an object again although it has not changed.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Next {
    Rest,
    After(Duration),
    At(SystemTime),
    /// It failed, for this reason; or the requestor may not, which may change.
    Again(String),
}

impl Controllers {
    /// Applies the decisions on one object, while `leading` says that this replica acts.
    pub(crate) async fn handle<P: Port>(&self, port: &P, csr: &Csr, leading: &watch::Receiver<bool>) -> Next {
        if let Err(error) = self.record_holder(port, csr).await {
            return unrecorded(&error);
        }
        let cleaned =
            self.ages.map_or(cleaner::Decision::Keep, |ages| cleaner::decide(csr, ages, self.clock.now()));
        let rest = match cleaned {
            cleaner::Decision::Delete(why) => {
                debug!(csr = name(csr), why, "cleaner");
                return after_write(csr, "deleted", port.delete(csr).await);
            }
            cleaner::Decision::Keep => Next::Rest,
            cleaner::Decision::KeepUntil(end) => Next::At(end),
        };
        let Some(setup) = self.signers.get(&csr.spec.signer_name) else { return rest };
        match self.approve(port, csr, setup, leading).await {
            Next::Rest => {}
            next => return next,
        }
        match self.sign(port, csr, setup, leading).await {
            Next::Rest => rest,
            next => next,
        }
    }

    /// Records the holder of the stored certificate, once, before the object may be deleted. The signer has done so
    /// before; a signer of an older version, or a person who set the certificate, has not.
    async fn record_holder<P: Port>(&self, port: &P, csr: &Csr) -> Result<(), PortError> {
        let Some((name, end)) = self.held_name(csr) else { return Ok(()) };
        let uid = csr.metadata.uid.clone().unwrap_or_default();
        if !lock(&self.memory.noted).contains(&uid) {
            port.hold(&name, end).await?;
            lock(&self.memory.noted).insert(uid);
        }
        Ok(())
    }

    /// Returns the name that the certificate in `csr` holds, and its expiry, if `refuse_taken_names` is set.
    fn held_name(&self, csr: &Csr) -> Option<(String, SystemTime)> {
        let rules = self.signers.get(&csr.spec.signer_name)?.rules;
        if !self.refuse_taken_names || rules != Rules::KubeletClient {
            return None;
        }
        certificate(csr).and_then(holder)
    }

    async fn approve<P: Port>(
        &self,
        port: &P,
        csr: &Csr,
        setup: &Setup,
        leading: &watch::Receiver<bool>,
    ) -> Next {
        let orders = approver::Orders {
            approval: self.approval,
            paused: self.faults.as_ref().is_some_and(Faults::pauses_approving),
            deny_all: self.faults.as_ref().is_some_and(Faults::denies_all),
        };
        let recognized = match approver::decide(csr, setup.rules, orders, self.waited(csr)) {
            approver::Decision::Leave => return Next::Rest,
            approver::Decision::Wait(rest) => return Next::After(rest),
            approver::Decision::Deny => {
                return self
                    .decide(port, csr, "Denied", "InjectedFault", "denied by an injected fault")
                    .await;
            }
            approver::Decision::Ask(recognized) => recognized,
        };
        for by in recognized.by {
            match port.allows(Review::of(csr, *by)).await {
                Err(error) => return Next::Again(format!("the access review failed: {error}")),
                Ok(false) => {}
                Ok(true) if !*leading.borrow() => return Next::Rest,
                Ok(true) => {
                    return match self.name_conflict(port, *by, &recognized).await {
                        Err(error) => Next::Again(format!("who holds the name is not known: {error}")),
                        Ok(Some(why)) => self.decide(port, csr, "Denied", TAKEN, &why).await,
                        Ok(None) => self.decide(port, csr, "Approved", "AutoApproved", by.message()).await,
                    };
                }
            }
        }
        let user = csr.spec.username.as_deref().unwrap_or_default();
        Next::Again(format!("{user:?} may create none of the subresources that would approve it"))
    }

    /// How long ago the object was first seen, where that matters.
    fn waited(&self, csr: &Csr) -> Duration {
        match self.approval {
            Approval::Auto | Approval::Manual => Duration::ZERO,
            Approval::After(_) => {
                let uid = csr.metadata.uid.clone().unwrap_or_default();
                lock(&self.memory.seen).entry(uid).or_insert_with(Instant::now).elapsed()
            }
        }
    }

    /// Returns why a bootstrapper may not have the name, if `refuse_taken_names` is set.
    async fn name_conflict<P: Port>(
        &self,
        port: &P,
        by: Recognizer,
        recognized: &Recognized,
    ) -> Result<Option<String>, PortError> {
        let name = &recognized.common_name;
        if !self.refuse_taken_names || by != Recognizer::NodeClient {
            return Ok(None);
        }
        let held = port.held_until(name).await?;
        Ok(approver::name_is_taken(by, held, self.clock.now()).then(|| {
            format!("{name} holds a valid certificate: only the node itself may renew it before it expires")
        }))
    }

    async fn decide<P: Port>(&self, port: &P, csr: &Csr, kind: &str, reason: &str, message: &str) -> Next {
        let mut new = csr.clone();
        push_condition(&mut new, kind, reason, message);
        after_write(csr, kind, port.decide(new).await)
    }

    async fn sign<P: Port>(
        &self,
        port: &P,
        csr: &Csr,
        setup: &Setup,
        leading: &watch::Receiver<bool>,
    ) -> Next {
        let fail = |reason: &'static str, why: &str| {
            let mut new = csr.clone();
            push_condition(&mut new, "Failed", reason, why);
            new
        };
        let (new, what) = match signer::decide(csr, setup.rules, self.policy) {
            signer::Decision::Leave => return Next::Rest,
            signer::Decision::Fail(why) => (fail("SignerValidationFailure", &why), "failed"),
            signer::Decision::Sign(_) if self.faults.as_ref().is_some_and(Faults::fails_all) => {
                (fail("InjectedFault", "failed by an injected fault"), "failed")
            }
            signer::Decision::Sign(order) => match self.draft(csr, &order, setup) {
                Ok(pem) => (issued(csr, pem), "signed"),
                Err(unable) => return self.report_delay(port, csr, &unable, leading).await,
            },
        };
        // First the name, then the certificate. In the other order a replica that stops here, a failed write of the
        // Lease, or a watch that lags behind leaves an issued name free for another requestor.
        if *leading.borrow()
            && let Some((name, end)) = self.held_name(&new)
            && let Err(error) = port.hold(&name, end).await
        {
            return unrecorded(&error);
        }
        if !*leading.borrow() {
            return Next::Rest;
        }
        let uid = csr.metadata.uid.as_deref().unwrap_or_default();
        let answer = port.set_status(new).await;
        if answer.is_ok() {
            self.memory.forget(uid);
        }
        after_write(csr, what, answer)
    }

    /// The certificate: the one whose write has failed, or a new one.
    fn draft(&self, csr: &Csr, order: &Order, setup: &Setup) -> Result<String, Unable> {
        let (now, uid) = (self.clock.now(), csr.metadata.uid.clone().unwrap_or_default());
        if let Some((made, pem)) = lock(&self.memory.drafts).get(&uid)
            && now.duration_since(*made).is_ok_and(|age| age < DRAFT)
        {
            return Ok(pem.clone());
        }
        let authority = setup.source.current();
        let spoils = self.faults.as_ref().map(Faults::spoils).unwrap_or_default();
        let pem = issue::issue(&authority, order, self.policy, now, &spoils)?;
        lock(&self.memory.drafts).insert(uid, (now, pem.clone()));
        Ok(pem)
    }

    /// Says in the object, once, that the signer cannot sign.
    async fn report_delay<P: Port>(
        &self,
        port: &P,
        csr: &Csr,
        unable: &Unable,
        leading: &watch::Receiver<bool>,
    ) -> Next {
        let why = unable.to_string();
        let is_reported = |c: &Condition| {
            (c.type_.as_str(), c.status.as_str(), c.reason.as_deref(), c.message.as_deref())
                == (DELAYED, "True", Some(unable.reason()), Some(&why))
        };
        if !conditions(csr).iter().any(is_reported) && *leading.borrow() {
            let mut new = csr.clone();
            set_delayed(&mut new, "True", unable.reason(), &why);
            if let Err(error) = port.set_status(new).await {
                debug!(csr = name(csr), %error, "cannot say that signing is delayed");
            }
        }
        Next::Again(why)
    }
}

/// Returns the object with its certificate, and with no delay reported.
fn issued(csr: &Csr, pem: String) -> Csr {
    let mut new = csr.clone();
    if conditions(csr).iter().any(|c| c.type_ == DELAYED && c.status == "True") {
        set_delayed(&mut new, "False", "Signed", "signed after a delay");
    }
    new.status.get_or_insert_with(Default::default).certificate = Some(ByteString(pem.into_bytes()));
    new
}

fn set_delayed(csr: &mut Csr, status: &str, reason: &str, message: &str) {
    if let Some(list) = csr.status.as_mut().and_then(|s| s.conditions.as_mut()) {
        list.retain(|condition| condition.type_ != DELAYED);
    }
    push_condition(csr, DELAYED, reason, message);
    if let Some(last) = csr.status.as_mut().and_then(|s| s.conditions.as_mut()?.last_mut()) {
        status.clone_into(&mut last.status);
    }
}

fn unrecorded(error: &PortError) -> Next {
    Next::Again(format!("the holder of the name could not be recorded: {error}"))
}

/// The lines about writes that failed: a flood of requests may fail at once.
static FAILED: Quiet = Quiet::new();

fn after_write(csr: &Csr, what: &str, answer: Result<(), PortError>) -> Next {
    match answer {
        Ok(()) => {
            info!(csr = name(csr), what, "controller");
            Next::Rest
        }
        // The new state arrives as a change. The retry covers the case that it does not.
        Err(PortError::Stale) => Next::Again(PortError::Stale.to_string()),
        Err(PortError::Failed(why)) => {
            if let Some(left_out) = FAILED.allow(std::time::Instant::now()) {
                warn!(csr = name(csr), what, why, left_out, "a controller tries again");
            }
            Next::Again(why)
        }
    }
}
