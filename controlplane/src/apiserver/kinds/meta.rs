//! The metadata of an object: the fields of the client, the fields of the server
//! (`staging/src/k8s.io/apiserver/pkg/registry/rest`, `staging/src/k8s.io/apimachinery/pkg/api/validation/objectmeta.go`).

use std::collections::HashSet;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};

use crate::apiserver::api_error::{ApiError, FieldError};
use crate::apiserver::object::{Object, block, map_size, text_size, texts_size};
use crate::apiserver::wire::selector::is_value;
use crate::base::budgets::{QUOTE_BYTES, cut, quoted};
use crate::base::random::random;

#[cfg(test)]
mod tests;

const MAX_ANNOTATIONS: usize = 256 * 1024;

/// Of a new object's metadata what its creator may say.
pub(crate) fn of_new(given: ObjectMeta) -> ObjectMeta {
    ObjectMeta {
        name: given.name,
        generate_name: given.generate_name,
        namespace: given.namespace,
        labels: given.labels,
        annotations: given.annotations,
        finalizers: given.finalizers,
        owner_references: given.owner_references,
        ..ObjectMeta::default()
    }
}

/// The stored metadata with what an update may change. While an object waits to be deleted it gets no new finalizers.
pub(crate) fn of_changed(given: ObjectMeta, stored: &ObjectMeta) -> ObjectMeta {
    let mut finalizers = given.finalizers;
    if stored.deletion_timestamp.is_some()
        && let Some(list) = &mut finalizers
    {
        let stored: HashSet<_> = stored.finalizers.iter().flatten().collect();
        list.retain(|name| stored.contains(name));
    }
    ObjectMeta {
        labels: given.labels.filter(|map| !map.is_empty()),
        annotations: given.annotations.filter(|map| !map.is_empty()),
        finalizers: finalizers.filter(|list| !list.is_empty()),
        owner_references: given.owner_references.filter(|list| !list.is_empty()),
        ..stored.clone()
    }
}

/// The memory of metadata beside its struct.
pub(crate) fn heap_size(meta: &ObjectMeta) -> usize {
    let texts = [&meta.name, &meta.generate_name, &meta.namespace, &meta.uid, &meta.resource_version];
    let owners = meta.owner_references.as_deref().unwrap_or_default();
    let of_owner = |owner: &OwnerReference| {
        [&owner.api_version, &owner.kind, &owner.name, &owner.uid]
            .map(|text| block(text.len()))
            .iter()
            .sum::<usize>()
    };
    let maps = [&meta.labels, &meta.annotations];
    texts.iter().map(|text| text_size(text.as_ref())).sum::<usize>()
        + maps.iter().map(|map| map_size(map.as_ref(), |text| block(text.len()))).sum::<usize>()
        + texts_size(meta.finalizers.as_ref())
        + block(size_of_val(owners))
        + owners.iter().map(of_owner).sum::<usize>()
}

/// Makes one form of all forms of metadata that mean the same.
pub(crate) fn normalize(meta: &mut ObjectMeta) {
    meta.labels.take_if(|map| map.is_empty());
    meta.annotations.take_if(|map| map.is_empty());
    meta.finalizers.take_if(|list| list.is_empty());
    meta.owner_references.take_if(|list| list.is_empty());
    meta.generate_name.take_if(|text| text.is_empty());
}

/// Whether the metadata of an update says which version it is about; 0 is none.
pub(crate) fn has_version(meta: &ObjectMeta) -> bool {
    !matches!(meta.resource_version.as_deref(), None | Some("" | "0"))
}

/// Refuses an update that is about another object, or another version of this one.
pub(crate) fn same_object<T: Object>(new: &T, old: &T) -> Result<(), ApiError> {
    let (new, old) = (new.metadata(), old.metadata());
    let stored = old.name.as_deref().unwrap_or_default();
    if let Some(given) = new.name.as_deref().filter(|name| *name != stored) {
        let why = format!(
            "the name of the object ({}) does not match the name on the URL ({})",
            cut(given, QUOTE_BYTES),
            cut(stored, QUOTE_BYTES)
        );
        return Err(ApiError::bad_request(why));
    }
    if new.uid.is_some() && new.uid != old.uid {
        let (given, stored_uid) = (new.uid.clone(), old.uid.clone());
        let why = format!(
            "Precondition failed: UID in precondition: {}, UID in object meta: {}",
            given.unwrap_or_default(),
            stored_uid.unwrap_or_default()
        );
        return Err(ApiError::conflict(T::API, stored, &why));
    }
    if has_version(new) && new.resource_version != old.resource_version {
        return Err(ApiError::modified(T::API, stored));
    }
    Ok(())
}

/// The rules for labels, annotations and finalizers.
pub(crate) fn check(meta: &ObjectMeta) -> Vec<FieldError> {
    let mut errors = Vec::new();
    for (key, value) in meta.labels.iter().flatten() {
        errors.extend(qualified_name("metadata.labels", key));
        if !is_value(value) || value.trim() != value {
            let detail = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or \
                          '.', and must start and end with an alphanumeric character, at most 63 of them";
            errors.push(FieldError::invalid("metadata.labels", &quoted(value), detail));
        }
    }
    for key in meta.annotations.iter().flat_map(|map| map.keys()) {
        errors.extend(qualified_name("metadata.annotations", &key.to_lowercase()));
    }
    for name in meta.finalizers.iter().flatten() {
        errors.extend(qualified_name("metadata.finalizers", name));
    }
    let annotations = meta.annotations.iter().flatten();
    if annotations.map(|(key, value)| key.len() + value.len()).sum::<usize>() > MAX_ANNOTATIONS {
        errors.push(FieldError::too_long("metadata.annotations", MAX_ANNOTATIONS));
    }
    errors
}

fn qualified_name(field: &str, key: &str) -> Option<FieldError> {
    let (prefix, name) = key.rsplit_once('/').map_or((None, key), |(prefix, name)| (Some(prefix), name));
    let good = !name.is_empty() && is_value(name) && name.trim() == name && prefix.is_none_or(is_subdomain);
    let detail = "a qualified name must consist of alphanumeric characters, '-', '_' or '.', and must start and end \
                  with an alphanumeric character, with an optional DNS subdomain prefix and '/'";
    (!good).then(|| FieldError::invalid(field, &quoted(key), detail))
}

/// Lower-case RFC 1123 labels with dots between them, 253 characters at most.
pub(crate) fn is_subdomain(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_label)
}

/// A lower-case RFC 1123 label.
pub(crate) fn is_label(text: &str) -> bool {
    let inner = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-';
    let bytes = text.as_bytes();
    !bytes.is_empty()
        && bytes.len() <= 63
        && bytes.iter().all(inner)
        && bytes[0] != b'-'
        && !text.ends_with('-')
}

/// A random UUID (RFC 9562, 5.4).
pub(crate) fn new_uid() -> Result<String, ApiError> {
    let mut bytes = random::<16>().map_err(|e| ApiError::internal(e.to_string()))?;
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
    Ok(format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]))
}
