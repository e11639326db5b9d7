//! The fields of a CertificateSigningRequest that every layer reads.

use k8s_openapi::api::certificates::v1::CertificateSigningRequestCondition;

pub(crate) use k8s_openapi::api::certificates::v1::CertificateSigningRequest as Csr;
pub(crate) type Condition = CertificateSigningRequestCondition;

/// The conditions, none if there is no status.
pub(crate) fn conditions(csr: &Csr) -> &[Condition] {
    csr.status.as_ref().and_then(|s| s.conditions.as_deref()).unwrap_or_default()
}

/// Whether a condition of this type exists, whatever its status says (as Kubernetes reads it).
pub(crate) fn has_condition(csr: &Csr, kind: &str) -> bool {
    conditions(csr).iter().any(|c| c.type_ == kind)
}

/// Whether certificate bytes exist.
pub(crate) fn issued(csr: &Csr) -> bool {
    certificate(csr).is_some_and(|bytes| !bytes.is_empty())
}

/// The certificate bytes.
pub(crate) fn certificate(csr: &Csr) -> Option<&[u8]> {
    csr.status.as_ref()?.certificate.as_ref().map(|bytes| bytes.0.as_slice())
}

/// Neither answered with a certificate nor refused.
pub(crate) fn open(csr: &Csr) -> bool {
    !issued(csr) && !has_condition(csr, "Denied") && !has_condition(csr, "Failed")
}

/// The object's name.
pub(crate) fn name(csr: &Csr) -> &str {
    csr.metadata.name.as_deref().unwrap_or_default()
}

/// The condition text of `kubectl get csr`
/// (`pkg/printers/internalversion/printers.go: extractCSRStatus`).
pub(crate) fn condition_text(csr: &Csr) -> String {
    let mut text = if has_condition(csr, "Denied") {
        "Denied"
    } else if has_condition(csr, "Approved") {
        "Approved"
    } else {
        "Pending"
    }
    .to_owned();
    if has_condition(csr, "Failed") {
        text.push_str(",Failed");
    }
    if issued(csr) {
        text.push_str(",Issued");
    }
    text
}

/// Appends a condition with status True; the times are filled by [`update::fill_times`].
pub(crate) fn push_condition(csr: &mut Csr, kind: &str, reason: &str, message: &str) {
    let status = csr.status.get_or_insert_with(Default::default);
    status.conditions.get_or_insert_with(Vec::new).push(Condition {
        type_: kind.to_owned(),
        status: "True".to_owned(),
        reason: Some(reason.to_owned()),
        message: Some(message.to_owned()),
        ..Condition::default()
    });
}
