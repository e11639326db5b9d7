//! The validation rules of kube-apiserver (`pkg/apis/certificates/validation/validation.go`).

use std::collections::HashSet;

use x509_parser::pem::Pem;

use crate::apiserver::api_error::FieldError;
use crate::apiserver::kinds::meta;
use crate::apiserver::resource::Subresource;
use crate::base::budgets::{NAME_BYTES, PKCS10_BYTES, quoted};
use crate::base::csr::{Condition, Csr, certificate, conditions};
use crate::signing::pki::{pkcs10, usages};
use crate::signing::signer_name;
use crate::signing::signer_name::Defect;

#[cfg(test)]
mod tests;

/// Shortest `expirationSeconds`.
const SHORTEST: i32 = 600;

/// Every rule for a new object.
pub(crate) fn create(csr: &Csr) -> Vec<FieldError> {
    let mut errors = metadata(csr);
    let spec = &csr.spec;
    if spec.request.0.len() > PKCS10_BYTES {
        errors.push(FieldError::too_long("spec.request", PKCS10_BYTES));
    } else if let Err(why) = pkcs10::read(&spec.request.0) {
        errors.push(FieldError::invalid("spec.request", &shown(&spec.request.0), &why));
    }
    errors.extend(usage_names(spec.usages.as_deref().unwrap_or_default()));
    errors.extend(signer_name(&spec.signer_name));
    if let Some(seconds) = spec.expiration_seconds.filter(|s| *s < SHORTEST) {
        let detail = "may not specify a duration less than 600 seconds (10 minutes)";
        errors.push(FieldError::invalid("spec.expirationSeconds", &seconds.to_string(), detail));
    }
    errors.extend(condition_list(conditions(csr), &[]));
    errors.extend(certificate_text(certificate(csr).unwrap_or_default()));
    errors
}

/// The rules of an update, `old` being stored: oddities that are stored already are tolerated.
pub(crate) fn update(new: &Csr, old: &Csr, subresource: Option<Subresource>) -> Vec<FieldError> {
    const FIELD: &str = "status.conditions";
    let (may_decide, may_issue) = match subresource {
        Some(Subresource::Approval) => (true, false),
        Some(Subresource::Status) => (false, true),
        None => (false, false),
    };
    let mut errors = metadata(new);
    errors.extend(condition_list(conditions(new), conditions(old)));
    let count = |csr: &Csr, kind: &str| conditions(csr).iter().filter(|c| c.type_ == kind).count();
    for kind in ["Approved", "Denied", "Failed"] {
        if count(new, kind) < count(old, kind) {
            let detail = format!("updates may not remove a condition of type {kind:?}");
            errors.push(FieldError::forbidden(FIELD, &detail));
        }
    }
    if !may_decide {
        for kind in ["Approved", "Denied"] {
            if count(new, kind) > count(old, kind) {
                let detail = format!("updates may not add a condition of type {kind:?}");
                errors.push(FieldError::forbidden(FIELD, &detail));
            }
        }
    }
    let (new, old) = (certificate(new).unwrap_or_default(), certificate(old).unwrap_or_default());
    if new != old {
        if !may_issue {
            errors
                .push(FieldError::forbidden("status.certificate", "updates may not set certificate content"));
        } else if !old.is_empty() {
            let detail = "updates may not modify existing certificate content";
            errors.push(FieldError::forbidden("status.certificate", detail));
        }
        errors.extend(certificate_text(new));
    }
    errors
}

fn certificate_text(pem: &[u8]) -> Option<FieldError> {
    certificates(pem).err().map(|why| FieldError::invalid("status.certificate", &shown(pem), &why))
}

fn metadata(csr: &Csr) -> Vec<FieldError> {
    let mut errors = Vec::new();
    match csr.metadata.name.as_deref().unwrap_or_default() {
        "" => errors.push(FieldError::required("metadata.name", "name or generateName is required")),
        name @ ("." | "..") => {
            let detail = format!("may not be '{name}'");
            errors.push(FieldError::invalid("metadata.name", &format!("{name:?}"), &detail));
        }
        name => {
            for bad in ["/", "%"] {
                if name.contains(bad) {
                    let detail = format!("may not contain '{bad}'");
                    errors.push(FieldError::invalid("metadata.name", &quoted(name), &detail));
                }
            }
            if name.len() > NAME_BYTES {
                errors.push(FieldError::too_long("metadata.name", NAME_BYTES));
            }
        }
    }
    errors.extend(meta::check(&csr.metadata));
    errors
}

fn usage_names(names: &[String]) -> Vec<FieldError> {
    if names.is_empty() {
        return vec![FieldError::required("spec.usages", "")];
    }
    let mut errors = Vec::new();
    let mut seen = HashSet::new();
    for (index, name) in names.iter().enumerate() {
        let field = format!("spec.usages[{index}]");
        if !usages::names().any(|known| known == name) {
            errors.push(FieldError::not_supported(field.clone(), name, usages::names()));
        }
        if !seen.insert(name) {
            errors.push(FieldError::duplicate(field, name));
        }
    }
    errors
}

fn signer_name(name: &str) -> Vec<FieldError> {
    const FIELD: &str = "spec.signerName";
    let to_error = |defect| match defect {
        Defect::Missing => FieldError::required(FIELD, ""),
        Defect::Invalid { value, detail } => FieldError::invalid(FIELD, &quoted(&value), &detail),
        Defect::TooLong { limit } => FieldError::too_long(FIELD, limit),
    };
    signer_name::check(name).into_iter().map(to_error).collect()
}

fn condition_list(new: &[Condition], old: &[Condition]) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let has = |list: &[Condition], kind: &str| list.iter().any(|c| c.type_ == kind);
    let tolerate_empty = has(old, "");
    let tolerate_both = has(old, "Approved") && has(old, "Denied");
    let kinds: HashSet<_> = old.iter().map(|c| &c.type_).collect();
    let tolerate_repeats = kinds.len() < old.len();
    let mut seen = HashSet::new();
    for (index, condition) in new.iter().enumerate() {
        let field = |name: &str| format!("status.conditions[{index}].{name}");
        let kind = condition.type_.as_str();
        if kind.is_empty() && !tolerate_empty {
            errors.push(FieldError::required(field("type"), ""));
        }
        let allowed: &[&str] = match kind {
            "Approved" | "Denied" | "Failed" => &["True"],
            _ => &["True", "False", "Unknown"],
        };
        if condition.status.is_empty() {
            errors.push(FieldError::required(field("status"), ""));
        } else if !allowed.contains(&condition.status.as_str()) {
            let supported = allowed.iter().copied();
            errors.push(FieldError::not_supported(field("status"), &condition.status, supported));
        }
        let opposite = match kind {
            "Approved" => "Denied",
            "Denied" => "Approved",
            _ => "\0",
        };
        if seen.contains(opposite) && !tolerate_both {
            let detail = "Approved and Denied conditions are mutually exclusive";
            errors.push(FieldError::invalid(field("type"), &quoted(kind), detail));
        }
        if !seen.insert(kind) && !tolerate_repeats {
            errors.push(FieldError::duplicate(field("type"), kind));
        }
    }
    errors
}

/// Only CERTIFICATE blocks, at least one, each holding a certificate; text around them is allowed.
fn certificates(pem: &[u8]) -> Result<(), String> {
    if pem.is_empty() {
        return Ok(());
    }
    let mut count = 0;
    for block in Pem::iter_from_buffer(pem) {
        let block = block.map_err(|_| "malformed PEM block".to_owned())?;
        if block.label != "CERTIFICATE" {
            return Err(format!("only CERTIFICATE PEM blocks are allowed, found {}", quoted(&block.label)));
        }
        block.parse_x509().map_err(|_| "a CERTIFICATE block does not hold a certificate".to_owned())?;
        count += 1;
    }
    if count == 0 { Err("must contain at least one CERTIFICATE PEM block".to_owned()) } else { Ok(()) }
}

/// A byte field as the API would show it, cut so that an answer stays small.
fn shown(bytes: &[u8]) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(&bytes[..bytes.len().min(96)]);
    let rest = if bytes.len() > 96 { "..." } else { "" };
    format!("\"{text}{rest}\"")
}
