//! The forms of an answer about objects.

use serde_json::json;

use crate::apiserver::object::Object;

#[cfg(test)]
mod tests;

/// The form of an answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Form {
    /// The object itself.
    Whole,
    /// A Table for people.
    Table,
    /// `PartialObjectMetadata`.
    Metadata,
}

/// The first form that the client names and that is served.
pub(crate) fn form(accept: &str) -> Form {
    for form in accept.split(',') {
        let mut parameters = form.split(';').map(str::trim);
        let kind = parameters.next().unwrap_or_default();
        if !matches!(kind, "application/json" | "application/*" | "*/*") {
            continue;
        }
        let parameters: Vec<_> = parameters.collect();
        if !parameters.iter().any(|p| p.starts_with("as=")) {
            return Form::Whole;
        }
        if !["v=v1", "g=meta.k8s.io"].iter().all(|p| parameters.contains(p)) {
            continue;
        }
        if parameters.contains(&"as=Table") {
            return Form::Table;
        }
        if parameters.contains(&"as=PartialObjectMetadata")
            || parameters.contains(&"as=PartialObjectMetadataList")
        {
            return Form::Metadata;
        }
    }
    Form::Whole
}

/// An object without spec and status.
pub(crate) fn only_metadata<T: Object>(object: &T) -> serde_json::Value {
    json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object.metadata()})
}
