//! Admission of new objects: NodeRestriction and CertificateSubjectRestriction.

use crate::apiserver::kinds::csr::update;
use crate::apiserver::resource::Subresource;
use crate::apiserver::user::{MASTERS, User};
use crate::base::csr::Csr;
use crate::signing::criteria::{API_CLIENT, KUBELET_CLIENT, KUBELET_SERVING};
use crate::signing::pki::pkcs10;

#[cfg(test)]
mod tests;

/// Returns why an update is refused: an approver or signer needs the permission for the signer of the *stored* object, by its
/// name or for all of its domain (`plugin/pkg/admission/certificates/{approval,signing}`). `may` says whether a verb
/// is allowed on a signer of that name.
pub(crate) fn change(
    new: &Csr,
    old: &Csr,
    subresource: Option<Subresource>,
    may: impl Fn(&str, &str) -> bool,
) -> Result<(), String> {
    let verb = match subresource {
        Some(Subresource::Approval) => "approve",
        Some(Subresource::Status) if !update::has_same_status(new, old) => "sign",
        Some(Subresource::Status) | None => return Ok(()),
    };
    let signer = &old.spec.signer_name;
    let domain = signer.split('/').next().unwrap_or_default();
    if may(verb, signer) || may(verb, &format!("{domain}/*")) {
        Ok(())
    } else {
        Err(format!("user not permitted to {verb} requests with signerName {signer:?}"))
    }
}

/// A node may request only its own certificate (`plugin/pkg/admission/noderestriction`).
pub(crate) fn node_restriction(user: &User, csr: &Csr) -> Result<(), String> {
    let Some(node) = user.node() else { return Ok(()) };
    if !matches!(&*csr.spec.signer_name, KUBELET_CLIENT | KUBELET_SERVING) {
        return Ok(());
    }
    let request = pkcs10::read(&csr.spec.request.0).map_err(|why| format!("unable to parse csr: {why}"))?;
    if request.common_name == user.name {
        return Ok(());
    }
    let name = &request.common_name;
    Err(format!("can only create a node CSR with CN=system:node:{node}, found CN={name:?}"))
}

/// No user gets `system:masters` by a request (`plugin/pkg/admission/certificates/subjectrestriction`).
pub(crate) fn subject_restriction(csr: &Csr) -> Result<(), String> {
    let masters = csr.spec.signer_name == API_CLIENT
        && pkcs10::read(&csr.spec.request.0).is_ok_and(|r| r.organizations.iter().any(|o| o == MASTERS));
    if masters {
        Err(format!("use of {API_CLIENT} signer with {MASTERS} group is not allowed"))
    } else {
        Ok(())
    }
}
