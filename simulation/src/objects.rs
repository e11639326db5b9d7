//! The objects of the certificates API.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// The objects of the API, and their changes.
#[derive(Debug, Default)]
pub(crate) struct Objects {
    pub(crate) objects: BTreeMap<String, Value>,
    /// The version of each change, its type, and the object after it.
    journal: Vec<(u64, &'static str, String, Value)>,
    version: u64,
    /// The certificates so far.
    pub(crate) serials: u64,
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
    pub(crate) fn create(&mut self, name: &str, mut object: Value, requestor: &str) -> Reply {
        if self.objects.contains_key(name) {
            return (409, status(409, "the object exists already"));
        }
        object["metadata"]["uid"] = json!(format!("uid-{}", self.version + 1));
        object["spec"]["username"] = json!(requestor);
        object["status"] = json!({});
        self.change("ADDED", name, object.clone());
        (201, self.objects.get(name).cloned().unwrap_or(object))
    }

    pub(crate) fn change(&mut self, kind: &'static str, name: &str, mut object: Value) {
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

    pub(crate) fn condition(&mut self, name: &str, kind: &str, reason: &str) {
        let Some(mut object) = self.objects.get(name).cloned() else { return };
        let condition =
            json!({"type": kind, "status": "True", "reason": reason, "message": "by the simulation"});
        let mut conditions = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
        conditions.push(condition);
        object["status"]["conditions"] = json!(conditions);
        self.change("MODIFIED", name, object);
    }
}

/// The first letters of a request's name, for the trace.
pub(crate) fn short(name: &str) -> &str {
    name.get(..17).unwrap_or(name)
}
