//! The verbs on CertificateSigningRequests, watch excepted.

use http::{Method, Response, StatusCode};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::DeleteOptions;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::admission;
use crate::api::query::Query;
use crate::api::status::{ApiError, deleted};
use crate::api::table::{Include, table};
use crate::api::update::{apply, merge_patch, prepare_create};
use crate::api::{self, Csr, validation};
use crate::auth::User;
use crate::ca::random;
use crate::http_service::{Body, Call, Shared, json as json_response};
use crate::protobuf;

/// Room for the random part of a generated name.
const LONGEST_BASE: usize = 58;
const NAME_TRIES: usize = 8;
const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";

/// POST on the collection.
pub(crate) fn create(shared: &Shared, user: &User, call: &Call) -> Result<Response<Body>, ApiError> {
    let csr = prepare_create(decode(call)?, &user.name, &user.groups);
    let generate = csr.metadata.name.as_deref().unwrap_or_default().is_empty()
        && csr.metadata.generate_name.as_deref().is_some_and(|base| !base.is_empty());
    let tries = if generate { NAME_TRIES } else { 1 };
    let mut result = Err(ApiError::internal("no name was tried"));
    for _ in 0..tries {
        let mut csr = csr.clone();
        if generate {
            csr.metadata.name =
                Some(generated_name(csr.metadata.generate_name.as_deref().unwrap_or_default())?);
        }
        let name = api::name(&csr).to_owned();
        // Admission comes before validation, as in kube-apiserver.
        admission::create(user, &csr).map_err(|why| ApiError::refused(&name, &why))?;
        let errors = validation::create(&csr);
        if !errors.is_empty() {
            return Err(ApiError::invalid(&name, &errors));
        }
        csr.metadata.uid = Some(new_uid()?);
        csr.metadata.creation_timestamp = Some(api::time(shared.clock.now()));
        result = shared.store.create(csr);
        if !matches!(&result, Err(e) if e.reason == "AlreadyExists") {
            break;
        }
    }
    let stored = result?;
    Ok(present(shared, call, StatusCode::CREATED, &stored, Include::Metadata))
}

/// GET on one object or its subresource.
pub(crate) fn get(
    shared: &Shared,
    call: &Call,
    name: &str,
    query: &Query,
) -> Result<Response<Body>, ApiError> {
    let csr = shared.store.get(name)?;
    Ok(present(shared, call, StatusCode::OK, &csr, query.include))
}

/// GET on the collection.
pub(crate) fn list(shared: &Shared, call: &Call, query: &Query) -> Response<Body> {
    let (objects, version) = shared.store.list(&query.selector);
    let version = version.to_string();
    let objects = objects.iter().map(AsRef::as_ref);
    let document = if wants_table(&call.accept) {
        table(objects, &version, query.include, shared.clock.now())
    } else {
        json!({
            "kind": "CertificateSigningRequestList", "apiVersion": "certificates.k8s.io/v1",
            "metadata": {"resourceVersion": version}, "items": objects.collect::<Vec<_>>(),
        })
    };
    json_response(StatusCode::OK, &document)
}

/// PUT or PATCH on an object, its approval or its status.
pub(crate) fn change(
    shared: &Shared,
    call: &Call,
    name: &str,
    subresource: &str,
) -> Result<Response<Body>, ApiError> {
    let now = api::time(shared.clock.now());
    let stored = if call.method == Method::PUT {
        let new: Csr = decode(call)?;
        shared.store.update(name, |old| apply(new, old, subresource, now))?
    } else {
        let patch = patch(call)?;
        shared.store.update(name, |old| {
            let mut document = serde_json::to_value(old).map_err(|e| ApiError::internal(e.to_string()))?;
            merge_patch(&mut document, patch);
            apply(from_value(document)?, old, subresource, now)
        })?
    };
    Ok(present(shared, call, StatusCode::OK, &stored, Include::Metadata))
}

/// DELETE of one object.
pub(crate) fn delete(shared: &Shared, call: &Call, name: &str) -> Result<Response<Body>, ApiError> {
    let options: DeleteOptions = if call.body.is_empty() { Default::default() } else { parse(&call.body)? };
    let wanted = options.preconditions.unwrap_or_default();
    let gone = shared.store.delete(name, |old| {
        let uid = wanted.uid.is_none() || wanted.uid == old.metadata.uid;
        let version =
            wanted.resource_version.is_none() || wanted.resource_version == old.metadata.resource_version;
        if uid && version { Ok(()) } else { Err(ApiError::conflict(name, "Precondition failed")) }
    })?;
    Ok(json_response(StatusCode::OK, &deleted(name, gone.metadata.uid.as_deref())))
}

/// DELETE of the collection, or what the selector leaves of it.
pub(crate) fn delete_collection(shared: &Shared, query: &Query) -> Result<Response<Body>, ApiError> {
    let (objects, version) = shared.store.list(&query.selector);
    for csr in &objects {
        match shared.store.delete(api::name(csr), |_| Ok(())) {
            Err(error) if error.code != StatusCode::NOT_FOUND => return Err(error),
            _ => {}
        }
    }
    let document = json!({
        "kind": "CertificateSigningRequestList", "apiVersion": "certificates.k8s.io/v1",
        "metadata": {"resourceVersion": version.to_string()},
        "items": objects.iter().map(AsRef::as_ref).collect::<Vec<&Csr>>(),
    });
    Ok(json_response(StatusCode::OK, &document))
}

/// Whether the first form that the client names and that is served is a Table.
pub(crate) fn wants_table(accept: &str) -> bool {
    for form in accept.split(',') {
        let mut parameters = form.split(';').map(str::trim);
        let kind = parameters.next().unwrap_or_default();
        if !matches!(kind, "application/json" | "application/*" | "*/*") {
            continue;
        }
        let parameters: Vec<_> = parameters.collect();
        let transformed = parameters.iter().any(|p| p.starts_with("as="));
        if !transformed {
            return false;
        }
        if ["as=Table", "v=v1", "g=meta.k8s.io"].iter().all(|p| parameters.contains(p)) {
            return true;
        }
    }
    false
}

fn present(shared: &Shared, call: &Call, code: StatusCode, csr: &Csr, include: Include) -> Response<Body> {
    let version = csr.metadata.resource_version.as_deref().unwrap_or_default();
    let document = if wants_table(&call.accept) {
        table([csr], version, include, shared.clock.now())
    } else {
        json!(csr)
    };
    json_response(code, &document)
}

fn media_type(call: &Call) -> &str {
    call.content_type.split(';').next().unwrap_or_default().trim()
}

fn decode(call: &Call) -> Result<Csr, ApiError> {
    match media_type(call) {
        "" | "application/json" => from_value(parse(&call.body)?),
        PROTOBUF => protobuf::decode(&call.body).map_err(ApiError::bad_request),
        _ => Err(ApiError::unsupported_media_type("application/json, application/vnd.kubernetes.protobuf")),
    }
}

fn patch(call: &Call) -> Result<Value, ApiError> {
    const MERGE: &str = "application/merge-patch+json";
    let patch: Value = parse(&call.body)?;
    let plain = match media_type(call) {
        MERGE => true,
        // For this kind a strategic merge is a plain one, unless it carries a directive.
        "application/strategic-merge-patch+json" => !has_directive(&patch),
        _ => false,
    };
    if !plain {
        return Err(ApiError::unsupported_media_type(MERGE));
    }
    Ok(patch)
}

fn has_directive(patch: &Value) -> bool {
    match patch {
        Value::Object(members) => {
            members.iter().any(|(key, value)| key.starts_with('$') || has_directive(value))
        }
        Value::Array(items) => items.iter().any(has_directive),
        _ => false,
    }
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(body)
        .map_err(|e| ApiError::bad_request(format!("the object provided is unrecognized: {e}")))
}

fn from_value(document: Value) -> Result<Csr, ApiError> {
    let (kind, version) = (document["kind"].clone(), document["apiVersion"].clone());
    if kind != "CertificateSigningRequest" || version != "certificates.k8s.io/v1" {
        let why = format!(
            "the API version in the data ({version}, {kind}) does not match the expected one \
             (certificates.k8s.io/v1, CertificateSigningRequest)"
        );
        return Err(ApiError::bad_request(why));
    }
    serde_json::from_value(document).map_err(|e| {
        let why = format!("CertificateSigningRequest in version \"v1\" cannot be handled: {e}");
        ApiError::bad_request(why)
    })
}

fn generated_name(base: &str) -> Result<String, ApiError> {
    const ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
    let end = (0..=LONGEST_BASE.min(base.len())).rev().find(|i| base.is_char_boundary(*i)).unwrap_or(0);
    let bytes = random::<5>().map_err(|e| ApiError::internal(e.to_string()))?;
    let tail: String = bytes.iter().map(|b| char::from(ALPHABET[usize::from(*b) % ALPHABET.len()])).collect();
    Ok(format!("{}{tail}", &base[..end]))
}

/// A random UUID (RFC 9562, 5.4).
fn new_uid() -> Result<String, ApiError> {
    let mut bytes = random::<16>().map_err(|e| ApiError::internal(e.to_string()))?;
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
    Ok(format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]))
}

#[cfg(test)]
mod tests;
