//! The fields that each endpoint may change; every other field is restored from the stored object
//! (`pkg/registry/certificates/certificates/strategy.go`).

use std::collections::HashMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use crate::apiserver::api_error::ApiError;
use crate::apiserver::kinds::csr::validation;
use crate::apiserver::kinds::meta;
use crate::apiserver::object::Object as _;
use crate::apiserver::resource::Subresource;
use crate::base::csr::{Condition, Csr, conditions, name};

#[cfg(test)]
mod tests;

/// A new object as its creator may make it: user fields and status are the server's.
pub(crate) fn prepare_create(mut csr: Csr, username: &str, groups: &[String]) -> Csr {
    csr.spec.username = Some(username.to_owned());
    csr.spec.groups = Some(groups.to_vec());
    csr.spec.uid = None;
    csr.spec.extra = None;
    csr.status = Some(Default::default());
    csr.metadata = meta::of_new(csr.metadata);
    csr
}

/// The stored object with what `subresource` may change taken from `new`; checks name, UID and version.
pub(crate) fn apply(
    new: Csr,
    old: &Csr,
    subresource: Option<Subresource>,
    now: Time,
) -> Result<Csr, ApiError> {
    meta::same_object(&new, old)?;
    let mut result = old.clone();
    result.metadata = meta::of_changed(new.metadata, &old.metadata);
    let given = new.status.unwrap_or_default();
    match subresource {
        None => {}
        Some(Subresource::Approval) => {
            result.status.get_or_insert_with(Default::default).conditions = given.conditions;
            fill_times(&mut result, old, now);
        }
        Some(Subresource::Status) => {
            let status = result.status.get_or_insert_with(Default::default);
            let given_conditions = given.conditions.unwrap_or_default();
            status.conditions = Some(keep_decisions(given_conditions, conditions(old)));
            status.certificate = given.certificate.filter(|c| !c.0.is_empty());
            fill_times(&mut result, old, now);
        }
    }
    let errors = validation::update(&result, old, subresource);
    if errors.is_empty() { Ok(result) } else { Err(ApiError::invalid(Csr::API, name(old), &errors)) }
}

/// Makes one form of all forms of a status that mean the same.
pub(crate) fn normalize(csr: &mut Csr) {
    let status = csr.status.get_or_insert_with(Default::default);
    status.conditions.take_if(|list| list.is_empty());
    status.certificate.take_if(|pem| pem.0.is_empty());
    for condition in status.conditions.iter_mut().flatten() {
        condition.reason.take_if(|text| text.is_empty());
        condition.message.take_if(|text| text.is_empty());
    }
}

/// Whether the two have the same conditions and the same certificate.
pub(crate) fn has_same_status(one: &Csr, other: &Csr) -> bool {
    let [one, other] = [one, other].map(|csr| {
        let mut csr = Csr { status: csr.status.clone(), ..Csr::default() };
        normalize(&mut csr);
        csr.status
    });
    one == other
}

/// Approved and Denied conditions as they are stored, by position, where their counts match.
fn keep_decisions(mut new: Vec<Condition>, old: &[Condition]) -> Vec<Condition> {
    for kind in ["Approved", "Denied"] {
        let stored: Vec<_> = old.iter().filter(|c| c.type_ == kind).collect();
        let given: Vec<_> = new.iter_mut().filter(|c| c.type_ == kind).collect();
        if stored.len() == given.len() {
            given.into_iter().zip(stored).for_each(|(given, stored)| *given = stored.clone());
        }
    }
    new
}

/// Missing times: updated now; changed when the stored condition of same type and status changed, else now.
pub(crate) fn fill_times(new: &mut Csr, old: &Csr, now: Time) {
    let stored: HashMap<_, _> = conditions(old)
        .iter()
        .rev()
        .map(|c| ((c.type_.as_str(), c.status.as_str()), c.last_transition_time.as_ref()))
        .collect();
    let list = new.status.as_mut().and_then(|s| s.conditions.as_mut());
    for condition in list.into_iter().flatten() {
        condition.last_update_time.get_or_insert_with(|| now.clone());
        if condition.last_transition_time.is_none() {
            let same = stored.get(&(condition.type_.as_str(), condition.status.as_str()));
            condition.last_transition_time =
                Some(same.copied().flatten().cloned().unwrap_or_else(|| now.clone()));
        }
    }
}
