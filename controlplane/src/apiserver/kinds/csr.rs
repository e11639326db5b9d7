//! CertificateSigningRequests as a kind of object; their rules are in [`super::validation`] and [`super::update`].

use std::time::{Duration, SystemTime};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::{Value, json};

use crate::apiserver::access::authorizer;
use crate::apiserver::api_error::{ApiError, FieldError};
use crate::apiserver::change::ChangeKind;
use crate::apiserver::kinds::meta;
use crate::apiserver::object::{Column, Object, block, map_size, text_size, texts_size};
use crate::apiserver::resource::{Kind, Resource, STORED_VERBS, Subresource};
use crate::apiserver::user::{MASTERS, User};
use crate::apiserver::wire::table::{age, human_duration};
use crate::base::budgets::{CERTIFICATE_ROOM, CSR_BYTES};
use crate::base::csr::{Condition, Csr, condition_text, conditions, name, open};
use crate::signing::pki::pkcs10;
use crate::statistics::open_csrs::OpenCounts;

pub(crate) mod admission;
#[cfg(test)]
mod tests;
pub(crate) mod update;
pub(crate) mod validation;

/// CertificateSigningRequests, as they are named.
pub(crate) static CSRS: Resource = Resource {
    group: "certificates.k8s.io",
    version: "v1",
    kind: Kind::CertificateSigningRequest,
    plural: "certificatesigningrequests",
    singular: "certificatesigningrequest",
    short_names: &["csr"],
    namespaced: false,
    subresources: &[Subresource::Approval, Subresource::Status],
    verbs: STORED_VERBS,
};

impl Object for Csr {
    const API: &'static Resource = &CSRS;
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
        Column { name: "Condition", format: "", description: "The state of the request." },
    ];
    const FIELDS: &'static [&'static str] = &["spec.signerName"];
    const STORED_BYTES: usize = CSR_BYTES;
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
        admission::node_restriction(user, self)
    }

    fn admit_valid(&self) -> Result<(), String> {
        admission::subject_restriction(self)
    }

    fn normalize(&mut self) {
        meta::normalize(&mut self.metadata);
        update::normalize(self);
    }

    fn check(&self) -> Vec<FieldError> {
        validation::create(self)
    }

    fn change(new: Self, old: &Self, subresource: Option<Subresource>, now: Time) -> Result<Self, ApiError> {
        update::apply(new, old, subresource, now)
    }

    fn admit_change(&self, old: &Self, subresource: Option<Subresource>, user: &User) -> Result<(), String> {
        admission::change(self, old, subresource, |verb, signer| {
            authorizer::may_for_signer(user, verb, signer)
        })
    }

    fn account(&self) -> &str {
        self.spec.username.as_deref().unwrap_or_default()
    }

    fn heap_size(&self) -> usize {
        let (spec, status) = (&self.spec, self.status.as_ref());
        let conditions = conditions(self);
        let of_condition = |condition: &Condition| {
            block(condition.type_.len())
                + block(condition.status.len())
                + text_size(condition.reason.as_ref())
                + text_size(condition.message.as_ref())
        };
        let certificate =
            status.and_then(|status| status.certificate.as_ref()).map_or(0, |bytes| bytes.0.len());
        // A request at the limit of its requestor must not be in the way of its own approval.
        let room = if open(self) { CERTIFICATE_ROOM } else { 0 };
        meta::heap_size(&self.metadata)
            + block(spec.request.0.len())
            + block(spec.signer_name.len())
            + text_size(spec.username.as_ref())
            + text_size(spec.uid.as_ref())
            + texts_size(spec.usages.as_ref())
            + texts_size(spec.groups.as_ref())
            + map_size(spec.extra.as_ref(), |list| texts_size(Some(list)))
            + block(certificate)
            + block(size_of_val(conditions))
            + conditions.iter().map(of_condition).sum::<usize>()
            + room
    }

    fn limited_account(&self) -> Option<&str> {
        let is_admin = self.spec.groups.iter().flatten().any(|group| group == MASTERS);
        (!is_admin).then(|| self.account())
    }

    fn tally(tally: &mut OpenCounts, kind: ChangeKind, key: &str, object: &Self, before: Option<&Self>) {
        if let Some(before) = before.filter(|_| kind == ChangeKind::Modified) {
            tally.durations.changed(before, object);
        }
        tally.record((kind != ChangeKind::Deleted).then_some(object), key, |csr| {
            pkcs10::common_name(&csr.spec.request.0)
        });
        tally.created += u64::from(kind == ChangeKind::Added);
    }
}
