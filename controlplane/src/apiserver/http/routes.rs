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
use crate::apiserver::http::target::Target;
use crate::apiserver::http::verbs::{Request, is_read};
use crate::apiserver::http::{admin, list, watch};
use crate::apiserver::kinds::{lease, review};
use crate::apiserver::object::Object;
use crate::apiserver::resource::{Kind, ReviewKind, Verb};
use crate::apiserver::store::objects::Store;
use crate::apiserver::user::User;
use crate::apiserver::wire::call::Call;
use crate::apiserver::wire::decode;
use crate::apiserver::wire::query::{FieldValidation, Query};
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
            Kind::CertificateSigningRequest => stored::<Csr>(context, &context.store, user, call, &target),
            Kind::Lease => stored::<lease::Lease>(context, &context.leases, user, call, &target),
            Kind::Review(kind) => reviewed(user, call, &target, kind),
        };
    }
    if !is_public(&call.path) {
        let user = user.ok_or_else(ApiError::unauthorized)?;
        let verb = call.method.as_str().to_ascii_lowercase();
        let verb = if verb == "head" { "get" } else { &verb };
        let is_discovery = matches!(segments.first(), Some(&("api" | "apis" | "openapi")));
        let attributes = Attributes { verb, path: &call.path, ..Attributes::default() };
        // Discovery is open to every user, so it also says 404 and 405 to every user.
        if !is_discovery && call.path != "/whoami" && !authorizer::allowed(user, &attributes) {
            return Err(ApiError::denied_path(&user.name, verb, &call.path));
        }
    }
    if let ["certrotate", rest @ ..] = segments.as_slice() {
        return admin::dispatch(context, call, rest);
    }
    document(user, call, &segments)
}

/// Answers the read-only documents.
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

/// Old clients request the protobuf form by a name that Go's own parser of media types refuses; all accept the other name.
fn openapi_v2(call: &Call) -> Response<Body> {
    if call.accept.contains("application/com.github.proto-openapi.spec.v2") {
        let form = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";
        tagged(call, form, || openapi::protobuf::document(&openapi::v2()))
    } else {
        tagged(call, "application/json", || openapi::v2().to_string().into())
    }
}

/// Answers with a document that never changes while the program runs: 304 to a client that has it.
fn tagged(call: &Call, kind: &'static str, body: impl FnOnce() -> Vec<u8>) -> Response<Body> {
    let tag = format!("\"{}\"", served::hash());
    let mut response = if call.if_none_match.contains(&tag) {
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

fn authorize(user: &User, attributes: &Attributes<'_>) -> Result<(), ApiError> {
    if authorizer::allowed(user, attributes) { Ok(()) } else { Err(ApiError::denied(&user.name, attributes)) }
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
    let verb = target.verb(call, query.watch)?;
    authorize(user, &target.attributes(verb))?;
    let namespace = target.namespace.as_deref();
    let (name, subresource) = (target.name.as_str(), target.subresource);
    match verb {
        Verb::Watch if context.faults.forbids_watches() => {
            Err(ApiError::denied(&user.name, &target.attributes(verb)))
        }
        Verb::Watch => watch::watch(context, store, call, query, namespace),
        Verb::List => list::list(context, store, (call, &query), namespace),
        Verb::Create | Verb::Get | Verb::Update | Verb::Patch | Verb::Delete | Verb::DeleteCollection => {
            let request = Request { context, store, user, call, query, namespace, name, subresource };
            request.carry_out(verb, || authorize(user, &target.attributes(Verb::Create)))
        }
    }
}

/// A question that is answered and not kept.
fn reviewed(user: &User, call: &Call, target: &Target, kind: ReviewKind) -> Result<Response<Body>, ApiError> {
    if call.method != Method::POST || !target.name.is_empty() {
        return Err(ApiError::method_not_allowed());
    }
    authorize(user, &target.attributes(Verb::Create))?;
    let validation = Query::parse(&call.query).map_or(FieldValidation::Warn, |query| query.validation);
    let document = decode::document(target.api, call, validation)?.document;
    Ok(json_response(StatusCode::CREATED, &review::answer((target.api, kind), document, user)?))
}
