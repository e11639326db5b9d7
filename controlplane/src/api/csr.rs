//! CertificateSigningRequests as a kind of object; their rules are in [`super::validation`] and [`super::update`].

use std::time::{Duration, SystemTime};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::{Value, json};

use super::object::{Api, Column, Object, STORED_VERBS};
use super::status::{ApiError, FieldError};
use super::table::{age, human_duration};
use super::{Csr, condition_text, name, update, validation};
use crate::admission;
use crate::auth::User;
use crate::authz;
use crate::stats::OpenCounts;
use crate::store::Kind;

#[cfg(test)]
mod tests;

/// CertificateSigningRequests, as they are named.
pub(crate) static CSRS: Api = Api {
    group: "certificates.k8s.io",
    version: "v1",
    kind: "CertificateSigningRequest",
    plural: "certificatesigningrequests",
    singular: "certificatesigningrequest",
    short_names: &["csr"],
    namespaced: false,
    subresources: &["approval", "status"],
    verbs: STORED_VERBS,
};

impl Object for Csr {
    const API: &'static Api = &CSRS;
    const COLUMNS: &'static [Column] = &[
        Column { name: "Name", format: "name", description: "Name must be unique within the cluster." },
        Column { name: "Age", format: "", description: "Time since the object was created." },
        Column { name: "SignerName", format: "", description: "The requested signer." },
        Column { name: "Requestor", format: "", description: "The user that created the request." },
        Column {
            name: "RequestedDuration",
            format: "",
            description: "The requested lifetime of the certificate.",
        },
        Column { name: "Condition", format: "", description: "What has become of the request." },
    ];
    const FIELDS: &'static [&'static str] = &["spec.signerName"];
    type Tally = OpenCounts;

    fn field(&self, path: &str) -> &str {
        if path == "spec.signerName" { &self.spec.signer_name } else { "" }
    }

    /// `pkg/printers/internalversion/printers.go: printCertificateSigningRequest`
    fn cells(&self, now: SystemTime) -> Vec<Value> {
        let spec = &self.spec;
        let signer = if spec.signer_name.is_empty() { "<none>" } else { &spec.signer_name };
        let requested = spec.expiration_seconds.map_or_else(
            || "<none>".to_owned(),
            |seconds| human_duration(Duration::from_secs(u64::try_from(seconds).unwrap_or(0))),
        );
        vec![
            json!(name(self)),
            json!(age(&self.metadata, now)),
            json!(signer),
            json!(spec.username.as_deref().unwrap_or_default()),
            json!(requested),
            json!(condition_text(self)),
        ]
    }

    fn begin(self, user: &User) -> Self {
        let mut csr = update::prepare_create(self, &user.name, &user.groups);
        csr.spec.uid.clone_from(&user.uid);
        csr.spec.extra = Some(user.extra.clone()).filter(|extra| !extra.is_empty());
        csr
    }

    fn admit(&self, user: &User) -> Result<(), String> {
        admission::create(user, self)
    }

    fn check(&self) -> Vec<FieldError> {
        validation::create(self)
    }

    fn change(new: Self, old: &Self, subresource: &str, now: Time) -> Result<Self, ApiError> {
        update::apply(new, old, subresource, now)
    }

    fn admit_change(&self, old: &Self, subresource: &str, user: &User) -> Result<(), String> {
        admission::change(self, old, subresource, |verb, signer| authz::may_for_signer(user, verb, signer))
    }

    fn tally(tally: &mut OpenCounts, kind: Kind, key: &str, object: &Self, before: Option<&Self>) {
        if let Some(before) = before.filter(|_| kind == Kind::Modified) {
            tally.durations.changed(before, object);
        }
        tally.changed((kind != Kind::Deleted).then_some(object), key);
        tally.created += u64::from(kind == Kind::Added);
    }
}
