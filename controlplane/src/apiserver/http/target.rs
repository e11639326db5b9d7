//! The target of a path: which objects, which part of them, and what a method does with them.

use http::Method;

use crate::apiserver::api_error::ApiError;
use crate::apiserver::attributes::Attributes;
use crate::apiserver::discovery::served;
use crate::apiserver::kinds::meta;
use crate::apiserver::resource::{Resource, Subresource, Verb};
use crate::apiserver::wire::call::Call;
use crate::apiserver::wire::query::percent_decode;

/// The objects that a path names.
pub(super) struct Target {
    pub(super) api: &'static Resource,
    pub(super) namespace: Option<String>,
    /// Empty: the collection.
    pub(super) name: String,
    pub(super) subresource: Option<Subresource>,
}

impl Target {
    /// Reads the target of `/apis/GROUP/VERSION/…`; `None` if it names no resource, 404 if the resource or subresource is unknown.
    pub(super) fn of(group: &str, version: &str, rest: &[&str]) -> Result<Option<Self>, ApiError> {
        let (namespace, rest) = match rest {
            ["namespaces", namespace, rest @ ..] if !rest.is_empty() => (Some(decoded(namespace)?), rest),
            _ => (None, rest),
        };
        let [plural, rest @ ..] = rest else {
            return Ok(None);
        };
        let found = served::served()
            .into_iter()
            .find(|api| (api.group, api.version, api.plural) == (group, version, *plural));
        let api = found.ok_or_else(ApiError::no_path)?;
        let (name, part) = match rest {
            [] => (String::new(), None),
            [name] => (decoded(name)?, None),
            [name, part] => (decoded(name)?, Some(*part)),
            _ => return Err(ApiError::no_path()),
        };
        let subresource = match part {
            None => None,
            Some(part) => Some(api.subresource(part).ok_or_else(ApiError::no_path)?),
        };
        let stray = namespace.is_some() && !api.namespaced
            || api.namespaced && namespace.is_none() && !name.is_empty();
        if stray || part.is_none() && !rest.is_empty() && name.is_empty() {
            return Err(ApiError::no_path());
        }
        if namespace.as_deref().is_some_and(|namespace| !meta::is_label(namespace)) {
            return Err(ApiError::bad_request("the namespace of the path is no lower-case RFC 1123 label"));
        }
        Ok(Some(Self { api, namespace, name, subresource }))
    }

    /// The attributes of a request with this verb, for authorization.
    pub(super) fn attributes(&self, verb: Verb) -> Attributes<'_> {
        Attributes {
            verb: verb.as_str(),
            group: self.api.group,
            resource: self.api.plural,
            subresource: self.subresource.map_or("", Subresource::as_str),
            namespace: self.namespace.as_deref().unwrap_or_default(),
            name: &self.name,
            path: "",
        }
    }

    /// Returns what a call does with the target, or 405. `watch`: the query says so.
    pub(super) fn verb(&self, call: &Call, watch: bool) -> Result<Verb, ApiError> {
        let all_namespaces = self.api.namespaced && self.namespace.is_none();
        Ok(match (&call.method, self.name.is_empty()) {
            (&Method::GET | &Method::HEAD, true) if watch => Verb::Watch,
            (&Method::GET | &Method::HEAD, true) => Verb::List,
            (&Method::POST, true) if !all_namespaces => Verb::Create,
            (&Method::DELETE, true) if !all_namespaces => Verb::DeleteCollection,
            (&Method::GET | &Method::HEAD, false) => Verb::Get,
            (&Method::PUT, false) => Verb::Update,
            (&Method::PATCH, false) => Verb::Patch,
            (&Method::DELETE, false) if self.subresource.is_none() => Verb::Delete,
            _ => return Err(ApiError::method_not_allowed()),
        })
    }
}

/// In a path, unlike in a query, a plus is a plus.
fn decoded(segment: &str) -> Result<String, ApiError> {
    percent_decode(&segment.replace('+', "%2B"))
}
