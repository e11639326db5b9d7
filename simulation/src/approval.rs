//! Approver, signer and cleaner of the certificates API.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use certrotate_x509::csr;
use serde_json::{Value, json};

use crate::checks;
use crate::events::Event;
use crate::fault::{Defect, Lasting, Sudden};
use crate::objects::{Reply, short, status};
use crate::world::{State, World};

/// How far before its issue a certificate starts, in seconds.
const BACKDATE: i64 = 300;
/// When approver and signer look again at a request that they do not handle now, in milliseconds.
const AGAIN: u64 = 30_000;

impl World {
    /// Carries out a create.
    pub(crate) fn create(&self, body: &[u8], requestor: &str) -> Reply {
        let Ok(object) = serde_json::from_slice::<Value>(body) else {
            return (400, status(400, "the body is no JSON"));
        };
        let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        let request = object["spec"]["request"].as_str().and_then(|text| STANDARD.decode(text).ok());
        let Some(facts) = request.and_then(|pem| csr::read(&pem).ok()) else {
            return (422, status(422, "spec.request is no certificate request"));
        };
        self.check_durable(&name);
        let mut state = self.lock();
        state.checks.posted(&name);
        let reply = state.objects.create(&name, object, requestor);
        if reply.0 == 201 {
            let open = state.objects.open();
            let now = (self.clock().true_ms(), self.clock().true_unix_ms());
            state.checks.created(&name, &facts, open, now);
            let (least, most) = state.plan.approval;
            let wait = state.rng.within(least, most);
            drop(state);
            self.objects_changed();
            self.schedule(wait, Event::Approve(name));
        }
        reply
    }

    /// The approver comes to a request.
    pub(crate) fn approve(&self, name: &str) {
        let mut state = self.lock();
        if std::mem::take(&mut state.armed.delete) {
            state.counts.strike(Sudden::Delete);
            drop(state);
            self.note("all requests are deleted");
            return self.delete_objects();
        }
        if state.bites(Lasting::NoApprover) {
            drop(state);
            return self.schedule(AGAIN, Event::Approve(name.to_owned()));
        }
        if state.bites(Lasting::Denies) {
            state.objects.condition(name, "Denied", "NotThisTime");
            state.checks.denied(name);
            drop(state);
        } else {
            state.objects.condition(name, "Approved", "AutoApproved");
            let (least, most) = state.plan.approval;
            let wait = state.rng.within(least, most);
            drop(state);
            self.schedule(wait, Event::Sign(name.to_owned()));
        }
        self.note(&format!("approver: {}", short(name)));
        self.objects_changed();
    }

    /// The signer comes to an approved request.
    pub(crate) fn sign(&self, name: &str) {
        let (ms, now) = (self.clock().true_ms(), self.clock().true_unix_ms().div_euclid(1000));
        let mut state = self.lock();
        if state.bites(Lasting::NoSigner) {
            drop(state);
            return self.schedule(AGAIN, Event::Sign(name.to_owned()));
        }
        if state.bites(Lasting::Fails) {
            state.objects.condition(name, "Failed", "SignerValidationFailure");
            state.checks.denied(name);
        } else if let Some(object) = state.objects.objects.get(name).cloned() {
            let defect = state.active().find_map(|fault| match fault {
                Lasting::Issues(defect) => Some(defect),
                _ => None,
            });
            if let Some(defect) = defect {
                state.counts.bite(Lasting::Issues(defect));
            }
            state.counts.certificates += 1;
            let lifetime = i64::try_from(state.plan.lifetime / 1000).unwrap_or(i64::MAX);
            let issued = issue(&mut state, name, &object, (ms, now, lifetime), defect);
            if let Some(pem) = issued {
                let mut object = object;
                object["status"]["certificate"] = json!(STANDARD.encode(pem));
                state.objects.change("MODIFIED", name, object);
            }
        }
        drop(state);
        self.note(&format!("signer: {}", short(name)));
        self.objects_changed();
    }

    /// All requests are deleted, as a cleaner or an operator does.
    pub(crate) fn delete_objects(&self) {
        let mut state = self.lock();
        let all: Vec<(String, Value)> =
            state.objects.objects.iter().map(|(name, object)| (name.clone(), object.clone())).collect();
        for (name, object) in all {
            state.checks.deleted(&name);
            state.objects.change("DELETED", &name, object);
        }
        drop(state);
        self.objects_changed();
    }
}

fn issue(
    state: &mut State,
    name: &str,
    object: &Value,
    (ms, now, lifetime): (u64, i64, i64),
    defect: Option<Defect>,
) -> Option<String> {
    let pem = STANDARD.decode(object["spec"]["request"].as_str()?).ok()?;
    let facts = csr::read(&pem).ok()?;
    state.objects.serials += 1;
    let validity = match defect {
        Some(Defect::Expired) => (now - lifetime - BACKDATE, now - BACKDATE),
        _ => (now - BACKDATE, now + lifetime),
    };
    let ca = match defect {
        Some(Defect::ForeignCa) => &state.foreign_ca,
        _ => state.client_cas.last()?,
    };
    let issued = ca.sign(&facts, state.objects.serials, validity, defect);
    // Without a client CA file the agent cannot know whose certificate it is.
    let is_good = match defect {
        None => true,
        Some(Defect::ForeignCa) => !state.plan.client_ca,
        Some(_) => false,
    };
    let facts = checks::Issued { validity, is_good, is_accepted: defect.is_none() };
    state.checks.issued(ms, name, issued.leaf, facts);
    Some(issued.pem)
}
