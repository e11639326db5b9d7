//! Leases of `coordination.k8s.io/v1`: what replicas of a controller elect their leader with, and nodes their heartbeats
//! (`pkg/registry/coordination/lease/strategy.go`, `pkg/apis/coordination/validation/validation.go`).

use std::time::SystemTime;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::{Value, json};

use crate::apiserver::api_error::{ApiError, FieldError};
use crate::apiserver::kinds::meta;
use crate::apiserver::object::{Column, Object, text_size};
use crate::apiserver::resource::{Kind, Resource, STORED_VERBS, Subresource};
use crate::apiserver::user::User;
use crate::apiserver::wire::table::age;
use crate::base::budgets::{LEASE_BYTES, quoted};

pub(crate) use k8s_openapi::api::coordination::v1::Lease;

#[cfg(test)]
mod tests;

/// The namespace of the Leases of nodes.
const NODE_NAMESPACE: &str = "kube-node-lease";

/// Leases, as they are named.
pub(crate) static LEASES: Resource = Resource {
    group: "coordination.k8s.io",
    version: "v1",
    kind: Kind::Lease,
    plural: "leases",
    singular: "lease",
    short_names: &[],
    namespaced: true,
    subresources: &[],
    verbs: STORED_VERBS,
};

impl Object for Lease {
    const API: &'static Resource = &LEASES;
    const COLUMNS: &'static [Column] = &[
        Column { name: "Name", format: "name", description: "Name must be unique within a namespace." },
        Column { name: "Holder", format: "", description: "Who holds the lease." },
        Column { name: "Age", format: "", description: "Time since the object was created." },
    ];
    const OWNER_UPDATES: bool = true;
    const STORED_BYTES: usize = LEASE_BYTES;
    const CREATE_ON_UPDATE: bool = true;
    const UNCONDITIONAL_UPDATE: bool = false;
    type Tally = ();

    fn cells(&self, now: SystemTime) -> Vec<Value> {
        let holder = self.spec.as_ref().and_then(|spec| spec.holder_identity.as_deref());
        vec![json!(self.metadata.name), json!(holder.unwrap_or_default()), json!(age(&self.metadata, now))]
    }

    fn begin(self, _user: &User) -> Self {
        self
    }

    /// `plugin/pkg/admission/noderestriction: admitLease`
    fn admit(&self, user: &User) -> Result<(), String> {
        let Some(node) = user.node() else { return Ok(()) };
        if self.metadata.namespace.as_deref() != Some(NODE_NAMESPACE) {
            return Err(format!("can only access leases in the {NODE_NAMESPACE:?} system namespace"));
        }
        if self.metadata.name.as_deref() != Some(node) {
            return Err("can only access node lease with the same name as the requesting node".to_owned());
        }
        Ok(())
    }

    fn normalize(&mut self) {
        meta::normalize(&mut self.metadata);
        self.spec.get_or_insert_with(Default::default);
    }

    fn account(&self) -> &str {
        self.metadata.namespace.as_deref().unwrap_or_default()
    }

    fn heap_size(&self) -> usize {
        let spec = self.spec.as_ref();
        let texts = spec.map(|spec| [&spec.holder_identity, &spec.preferred_holder, &spec.strategy]);
        meta::heap_size(&self.metadata)
            + texts.iter().flatten().map(|text| text_size(text.as_ref())).sum::<usize>()
    }

    fn check(&self) -> Vec<FieldError> {
        let mut errors = Vec::new();
        match self.metadata.name.as_deref().unwrap_or_default() {
            "" => errors.push(FieldError::required("metadata.name", "name or generateName is required")),
            name if !meta::is_subdomain(name) => {
                let detail = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' \
                              or '.', and must start and end with an alphanumeric character";
                errors.push(FieldError::invalid("metadata.name", &quoted(name), detail));
            }
            _ => {}
        }
        errors.extend(meta::check(&self.metadata));
        let spec = self.spec.clone().unwrap_or_default();
        if let Some(seconds) = spec.lease_duration_seconds.filter(|seconds| *seconds <= 0) {
            let (field, detail) = ("spec.leaseDurationSeconds", "must be greater than 0");
            errors.push(FieldError::invalid(field, &seconds.to_string(), detail));
        }
        if let Some(count) = spec.lease_transitions.filter(|count| *count < 0) {
            let (field, detail) = ("spec.leaseTransitions", "must be greater than or equal to 0");
            errors.push(FieldError::invalid(field, &count.to_string(), detail));
        }
        errors
    }

    fn change(
        new: Self,
        old: &Self,
        _subresource: Option<Subresource>,
        _now: Time,
    ) -> Result<Self, ApiError> {
        meta::same_object(&new, old)?;
        let changed = Self { metadata: meta::of_changed(new.metadata, &old.metadata), spec: new.spec };
        let errors = changed.check();
        let name = old.metadata.name.as_deref().unwrap_or_default();
        if errors.is_empty() { Ok(changed) } else { Err(ApiError::invalid(&LEASES, name, &errors)) }
    }
}
