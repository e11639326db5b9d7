//! The certificates API: objects, approver and signer.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use certrotate_x509::csr;
use serde_json::{Value, json};

use crate::fault::Lasting;
use crate::world::{Event, World};

/// How far before its issue a certificate starts, in seconds.
const BACKDATE: i64 = 300;
/// When approver and signer look again at a request that they do not handle now, in milliseconds.
const AGAIN: u64 = 30_000;

/// The objects of the API, and their changes.
#[derive(Debug, Default)]
pub(crate) struct Objects {
    objects: BTreeMap<String, Value>,
    /// The version of each change, its type, and the object after it.
    journal: Vec<(u64, &'static str, String, Value)>,
    version: u64,
    serials: u64,
}

/// An answer: status and body.
pub(crate) type Reply = (u16, Value);

/// Returns a `Status` object, as a failure has it.
pub(crate) fn status(code: u16, message: &str) -> Value {
    json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "code": code})
}

impl Objects {
    /// The version of the last change.
    pub(crate) const fn version(&self) -> u64 {
        self.version
    }

    /// Stores a new object.
    fn create(&mut self, name: &str, mut object: Value, requestor: &str) -> Reply {
        if self.objects.contains_key(name) {
            return (409, status(409, "the object exists already"));
        }
        object["metadata"]["uid"] = json!(format!("uid-{}", self.version + 1));
        object["spec"]["username"] = json!(requestor);
        object["status"] = json!({});
        self.change("ADDED", name, object.clone());
        (201, self.objects.get(name).cloned().unwrap_or(object))
    }

    fn change(&mut self, kind: &'static str, name: &str, mut object: Value) {
        self.version += 1;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        self.journal.push((self.version, kind, name.to_owned(), object.clone()));
        if kind == "DELETED" {
            self.objects.remove(name);
        } else {
            self.objects.insert(name.to_owned(), object);
        }
    }

    pub(crate) fn get(&self, name: &str) -> Reply {
        match self.objects.get(name) {
            Some(object) => (200, object.clone()),
            None => (404, status(404, "there is no such object")),
        }
    }

    pub(crate) fn list(&self, name: Option<&str>) -> Reply {
        let wanted = |(key, _): &(&String, &Value)| name.is_none_or(|name| name == key.as_str());
        let items: Vec<&Value> = self.objects.iter().filter(wanted).map(|(_, object)| object).collect();
        let body = json!({
            "kind": "CertificateSigningRequestList",
            "apiVersion": "certificates.k8s.io/v1",
            "metadata": {"resourceVersion": self.version.to_string()},
            "items": items,
        });
        (200, body)
    }

    /// The changes of an object after a version, each as a line of a watch.
    pub(crate) fn changes(&self, name: Option<&str>, after: u64) -> String {
        let wanted = |change: &&(u64, &'static str, String, Value)| {
            change.0 > after && name.is_none_or(|name| name == change.2)
        };
        let lines = self.journal.iter().filter(wanted);
        lines.map(|(_, kind, _, object)| format!("{}\n", json!({"type": kind, "object": object}))).collect()
    }

    fn conditions(&self, name: &str) -> Vec<String> {
        let conditions = self.objects.get(name).map(|object| &object["status"]["conditions"]);
        let all = conditions.and_then(Value::as_array).into_iter().flatten();
        all.filter_map(|condition| condition["type"].as_str().map(str::to_owned)).collect()
    }

    /// The open requests: without a certificate, and neither denied nor failed.
    pub(crate) fn open(&self) -> usize {
        let is_open = |name: &&String| {
            let conditions = self.conditions(name);
            !conditions.iter().any(|it| it == "Denied" || it == "Failed")
                && self.objects.get(*name).is_some_and(|object| object["status"]["certificate"].is_null())
        };
        self.objects.keys().filter(is_open).count()
    }

    fn condition(&mut self, name: &str, kind: &str, reason: &str) {
        let Some(mut object) = self.objects.get(name).cloned() else { return };
        let condition =
            json!({"type": kind, "status": "True", "reason": reason, "message": "by the simulation"});
        let mut conditions = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
        conditions.push(condition);
        object["status"]["conditions"] = json!(conditions);
        self.change("MODIFIED", name, object);
    }
}

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
            let now = self.clock().true_unix_ms();
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
            drop(state);
            self.note("all requests are deleted");
            return self.delete_objects();
        }
        if state.active().any(|fault| fault == Lasting::NoApprover) {
            drop(state);
            return self.schedule(AGAIN, Event::Approve(name.to_owned()));
        }
        if state.active().any(|fault| fault == Lasting::Denies) {
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
        let now = self.clock().true_unix_ms().div_euclid(1000);
        let mut state = self.lock();
        if state.active().any(|fault| fault == Lasting::NoSigner) {
            drop(state);
            return self.schedule(AGAIN, Event::Sign(name.to_owned()));
        }
        if state.active().any(|fault| fault == Lasting::Fails) {
            state.objects.condition(name, "Failed", "SignerValidationFailure");
            state.checks.denied(name);
        } else if let Some(object) = state.objects.objects.get(name).cloned() {
            let defect = state.active().find_map(|fault| match fault {
                Lasting::Issues(defect) => Some(defect),
                _ => None,
            });
            let lifetime = i64::try_from(state.plan.lifetime / 1000).unwrap_or(i64::MAX);
            let issued = issue(&mut state, name, &object, (now, lifetime), defect);
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
    state: &mut crate::world::State,
    name: &str,
    object: &Value,
    (now, lifetime): (i64, i64),
    defect: Option<crate::fault::Defect>,
) -> Option<String> {
    let pem = STANDARD.decode(object["spec"]["request"].as_str()?).ok()?;
    let facts = csr::read(&pem).ok()?;
    state.objects.serials += 1;
    let validity = match defect {
        Some(crate::fault::Defect::Expired) => (now - lifetime - BACKDATE, now - BACKDATE),
        _ => (now - BACKDATE, now + lifetime),
    };
    let ca = match defect {
        Some(crate::fault::Defect::ForeignCa) => &state.foreign_ca,
        _ => state.client_cas.last()?,
    };
    let issued = ca.sign(&facts, state.objects.serials, validity, defect);
    // Without a client CA file the agent cannot know whose certificate it is.
    let is_good = match defect {
        None => true,
        Some(crate::fault::Defect::ForeignCa) => !state.plan.client_ca,
        Some(_) => false,
    };
    let accepted = defect.is_none();
    state.checks.issued(name, issued.leaf, validity, is_good, accepted);
    Some(issued.pem)
}

/// The first letters of a request's name, for the trace.
pub(crate) fn short(name: &str) -> &str {
    name.get(..17).unwrap_or(name)
}
