//! When the approver approves (`pkg/controller/certificates/approver/sarapprove.go`): pure decisions.

use std::time::Duration;

use crate::api::{Csr, has_condition};
use crate::authz::{self, Permission};
use crate::options::Approval;
use crate::pkcs10::{self, Request};

#[cfg(test)]
mod tests;

/// The signer of kubelet client certificates.
pub(crate) const KUBELET_CLIENT: &str = "kubernetes.io/kube-apiserver-client-kubelet";
/// The signer of kubelet serving certificates.
pub(crate) const KUBELET_SERVING: &str = "kubernetes.io/kubelet-serving";
/// The signer of other API clients.
pub(crate) const API_CLIENT: &str = "kubernetes.io/kube-apiserver-client";

/// What the approver does with one request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Decision {
    /// Nothing, until the object changes.
    Leave,
    /// Look again after this long.
    Wait(Duration),
    /// Approve with this message.
    Approve(&'static str),
    /// Deny: only as an injected fault; the approver of Kubernetes never denies.
    Deny,
}

/// What a test or a person has asked of the approver.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Orders {
    pub(crate) approval: Approval,
    pub(crate) paused: bool,
    pub(crate) deny_all: bool,
}

/// Decides on `csr`, first seen `waited` ago.
pub(crate) fn decide(csr: &Csr, orders: Orders, waited: Duration) -> Decision {
    let status = csr.status.as_ref();
    let issued = status.and_then(|s| s.certificate.as_ref()).is_some_and(|c| !c.0.is_empty());
    if orders.paused || issued || has_condition(csr, "Approved") || has_condition(csr, "Denied") {
        return Decision::Leave;
    }
    if orders.deny_all {
        return Decision::Deny;
    }
    let Some(message) = recognise(csr) else {
        return Decision::Leave;
    };
    match orders.approval {
        Approval::Manual => Decision::Leave,
        Approval::After(delay) if waited < delay => Decision::Wait(delay - waited),
        Approval::Auto | Approval::After(_) => Decision::Approve(message),
    }
}

/// The message of the first recogniser that takes the request and whose permission its requestor holds.
fn recognise(csr: &Csr) -> Option<&'static str> {
    let spec = &csr.spec;
    let request = pkcs10::read(&spec.request.0).ok()?;
    let usages = spec.usages.as_deref().unwrap_or_default();
    if spec.signer_name != KUBELET_CLIENT || node_client(&request, usages).is_err() {
        return None;
    }
    let groups = spec.groups.as_deref().unwrap_or_default();
    let own = spec.username.as_deref() == Some(&request.common_name);
    if own && authz::holds(groups, Permission::SelfNodeClient) {
        return Some("Auto approving self kubelet client certificate after SubjectAccessReview.");
    }
    authz::holds(groups, Permission::NodeClient)
        .then_some("Auto approving kubelet client certificate after SubjectAccessReview.")
}

/// The node client criteria, shared by approver and signer; the error is the rule that is broken
/// (`pkg/apis/certificates/helpers.go`).
pub(crate) fn node_client(request: &Request, usages: &[String]) -> Result<(), &'static str> {
    use pkcs10::AlternativeName::{Dns, Email, Ip, Uri};
    if request.organizations != ["system:nodes"] {
        return Err("subject organization is not system:nodes");
    }
    if let Some(name) = request.names.first() {
        return Err(match name {
            Dns(_) => "DNS subjectAltNames are not allowed",
            Email(_) => "Email subjectAltNames are not allowed",
            Ip(_) => "IP subjectAltNames are not allowed",
            Uri(_) => "URI subjectAltNames are not allowed",
        });
    }
    if !request.common_name.starts_with("system:node:") {
        return Err("subject common name does not begin with system:node: ");
    }
    let has = |usage: &str| usages.iter().any(|u| u == usage);
    let only =
        usages.iter().all(|u| matches!(u.as_str(), "digital signature" | "client auth" | "key encipherment"));
    if !(only && has("digital signature") && has("client auth")) {
        return Err("usages did not match [key encipherment digital signature client auth]");
    }
    Ok(())
}
