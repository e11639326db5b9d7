//! Which path is what.

use std::sync::Arc;

use http::header::{CONTENT_TYPE, ETAG, VARY};
use http::{HeaderValue, Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::apiserver::access::authorizer;
use crate::apiserver::api_error::ApiError;
use crate::apiserver::attributes::Attributes;
use crate::apiserver::discovery::{documents, openapi, served};
use crate::apiserver::http::answer::{Body, json as json_response, respond};
use crate::apiserver::http::context::Context;
use crate::apiserver::http::verbs::{Request, is_read};
use crate::apiserver::http::{admin, list, watch};
use crate::apiserver::kinds::{lease, meta, review};
use crate::apiserver::object::Object;
use crate::apiserver::resource::Resource;
use crate::apiserver::store::objects::Store;
use crate::apiserver::user::User;
use crate::apiserver::wire::call::Call;
use crate::apiserver::wire::decode;
use crate::apiserver::wire::query::{FieldValidation, Query, percent_decode};
use crate::base::csr::Csr;

#[cfg(test)]
mod tests;

/// Paths that need no credentials (`system:public-info-viewer`).
pub(crate) fn is_public(path: &str) -> bool {
    matches!(path, "/healthz" | "/livez" | "/readyz" | "/version" | "/version/")
}

/// Answers an authenticated call, or an anonymous one on a public path.
pub(crate) fn dispatch(
    context: &Arc<Context>,
    user: Option<&User>,
    call: &Call,
) -> Result<Response<Body>, ApiError> {
    let path = call.path.strip_suffix('/').unwrap_or(&call.path);
    let segments: Vec<_> = path.split('/').skip(1).collect();
    if let ["apis", group, version, rest @ ..] = segments.as_slice()
        && let Some(target) = Target::of(group, version, rest)?
    {
        let user = user.ok_or_else(ApiError::unauthorized)?;
        return match target.api.kind {
            "CertificateSigningRequest" => stored::<Csr>(context, &context.store, user, call, &target),
            "Lease" => stored::<lease::Lease>(context, &context.leases, user, call, &target),
            _ => reviewed(user, call, &target),
        };
    }
    if !is_public(&call.path) {
        let user = user.ok_or_else(ApiError::unauthorized)?;
        let verb = call.method.as_str().to_ascii_lowercase();
        let verb = if verb == "head" { "get" } else { &verb };
        let known = matches!(segments.first(), Some(&("api" | "apis" | "openapi")));
        let deed = Attributes { verb, path: &call.path, ..Attributes::default() };
        // Whoever may look around may also be told that nothing is there, or that it cannot be written.
        if !known && call.path != "/whoami" && !authorizer::allowed(user, &deed) {
            return Err(ApiError::denied_path(&user.name, verb, &call.path));
        }
    }
    if let ["certrotate", rest @ ..] = segments.as_slice() {
        return admin::dispatch(context, call, rest);
    }
    document(user, call, &segments)
}

/// What is only read.
fn document(user: Option<&User>, call: &Call, segments: &[&str]) -> Result<Response<Body>, ApiError> {
    let found = match segments {
        ["healthz" | "livez" | "readyz"] => Some(respond(StatusCode::OK, "text/plain; charset=utf-8", "ok")),
        ["version"] => Some(json_response(StatusCode::OK, &documents::version())),
        ["whoami"] => {
            let user = user.ok_or_else(ApiError::unauthorized)?;
            let document = json!({"user": user.name, "groups": user.groups, "serial": user.serial});
            Some(json_response(StatusCode::OK, &document))
        }
        ["api"] => Some(discovered(call, documents::aggregated_core, documents::core_versions)),
        ["apis"] => Some(discovered(call, documents::aggregated, documents::groups)),
        ["apis", group] => documents::group(group).map(|group| json_response(StatusCode::OK, &group)),
        ["apis", group, version] => {
            documents::resources(group, version).map(|list| json_response(StatusCode::OK, &list))
        }
        ["openapi", "v2"] => Some(openapi_v2(call)),
        ["openapi", "v3"] => {
            Some(tagged(call, "application/json", || openapi::v3_index().to_string().into()))
        }
        ["openapi", "v3", "apis", group, version] => openapi::v3(group, version)
            .map(|document| tagged(call, "application/json", || document.to_string().into())),
        _ => None,
    };
    let found = found.ok_or_else(ApiError::no_path)?;
    if is_read(&call.method) { Ok(found) } else { Err(ApiError::method_not_allowed()) }
}

/// Old clients ask for the protobuf form by a name that Go's own reader of media types refuses; all take the other one.
fn openapi_v2(call: &Call) -> Response<Body> {
    if call.accept.contains("application/com.github.proto-openapi.spec.v2") {
        let form = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";
        tagged(call, form, || openapi::protobuf::document(&openapi::v2()))
    } else {
        tagged(call, "application/json", || openapi::v2().to_string().into())
    }
}

/// A document that stays the same as long as the program does: whoever has it is told so.
fn tagged(call: &Call, kind: &'static str, body: impl FnOnce() -> Vec<u8>) -> Response<Body> {
    let tag = format!("\"{}\"", served::hash());
    let mut response = if call.known.contains(&tag) {
        respond(StatusCode::NOT_MODIFIED, kind, Vec::new())
    } else {
        respond(StatusCode::OK, kind, body())
    };
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        response.headers_mut().insert(ETAG, tag);
    }
    response.headers_mut().insert(VARY, HeaderValue::from_static("Accept"));
    response
}

/// The aggregated form of discovery where the client prefers it, else the plain one.
fn discovered(call: &Call, aggregated: fn(&str) -> Value, plain: fn() -> Value) -> Response<Body> {
    let Some(form) = documents::wants_aggregated(&call.accept) else {
        return tagged(call, "application/json", || plain().to_string().into());
    };
    let mut response = tagged(call, "application/json", || aggregated(form).to_string().into());
    let kind = format!("application/json;g=apidiscovery.k8s.io;v={form};as=APIGroupDiscoveryList");
    if let Ok(kind) = HeaderValue::from_str(&kind) {
        response.headers_mut().insert(CONTENT_TYPE, kind);
    }
    response
}

/// Objects that a path is about.
struct Target {
    api: &'static Resource,
    namespace: Option<String>,
    /// Empty: the collection.
    name: String,
    subresource: &'static str,
}

impl Target {
    /// What `/apis/GROUP/VERSION/…` is about; `None` if it is not about objects.
    fn of(group: &str, version: &str, rest: &[&str]) -> Result<Option<Self>, ApiError> {
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
            None => "",
            Some(part) => {
                api.subresources.iter().find(|known| **known == part).ok_or_else(ApiError::no_path)?
            }
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

    fn deed<'a>(&'a self, verb: &'a str) -> Attributes<'a> {
        Attributes {
            verb,
            group: self.api.group,
            resource: self.api.plural,
            subresource: self.subresource,
            namespace: self.namespace.as_deref().unwrap_or_default(),
            name: &self.name,
            path: "",
        }
    }
}

/// In a path, unlike in a query, a plus is a plus.
fn decoded(segment: &str) -> Result<String, ApiError> {
    percent_decode(&segment.replace('+', "%2B"))
}

fn authorize(user: &User, deed: &Attributes<'_>) -> Result<(), ApiError> {
    if authorizer::allowed(user, deed) { Ok(()) } else { Err(ApiError::denied(&user.name, deed)) }
}

/// A call about stored objects.
fn stored<T: Object>(
    context: &Arc<Context>,
    store: &Arc<Store<T>>,
    user: &User,
    call: &Call,
    target: &Target,
) -> Result<Response<Body>, ApiError> {
    let query = Query::parse(&call.query)?;
    query.selector.check::<T>()?;
    let verb = verb(call, target, query.watch)?;
    authorize(user, &target.deed(verb))?;
    let namespace = target.namespace.as_deref();
    if verb == "watch" {
        if context.faults.forbids_watches() {
            return Err(ApiError::denied(&user.name, &target.deed(verb)));
        }
        return watch::watch(context, store, call, query, namespace);
    }
    if verb == "list" {
        return list::list(context, store, (call, &query), namespace);
    }
    let (name, subresource) = (target.name.as_str(), target.subresource);
    let request = Request { context, store, user, call, query, namespace, name, subresource };
    match verb {
        "create" => request.create(),
        "get" => request.get(),
        "update" => request.replace(|| authorize(user, &target.deed("create"))),
        "patch" => request.patch(),
        "delete" => request.delete(),
        _ => request.delete_collection(),
    }
}

fn verb(call: &Call, target: &Target, watch: bool) -> Result<&'static str, ApiError> {
    let all_namespaces = target.api.namespaced && target.namespace.is_none();
    Ok(match (&call.method, target.name.is_empty()) {
        (&Method::GET | &Method::HEAD, true) if watch => "watch",
        (&Method::GET | &Method::HEAD, true) => "list",
        (&Method::POST, true) if !all_namespaces => "create",
        (&Method::DELETE, true) if !all_namespaces => "deletecollection",
        (&Method::GET | &Method::HEAD, false) => "get",
        (&Method::PUT, false) => "update",
        (&Method::PATCH, false) => "patch",
        (&Method::DELETE, false) if target.subresource.is_empty() => "delete",
        _ => return Err(ApiError::method_not_allowed()),
    })
}

/// A question that is answered and not kept.
fn reviewed(user: &User, call: &Call, target: &Target) -> Result<Response<Body>, ApiError> {
    if call.method != Method::POST || !target.name.is_empty() {
        return Err(ApiError::method_not_allowed());
    }
    authorize(user, &target.deed("create"))?;
    let validation = Query::parse(&call.query).map_or(FieldValidation::Warn, |query| query.validation);
    let document = decode::document(target.api, call, validation)?.document;
    Ok(json_response(StatusCode::CREATED, &review::answer(target.api, document, user)?))
}
