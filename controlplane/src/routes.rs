//! Which path is what.

use std::sync::Arc;

use http::{Method, Response, StatusCode};
use serde_json::json;

use crate::api::query::{Query, percent_decode};
use crate::api::status::ApiError;
use crate::api::{GROUP, RESOURCE, discovery};
use crate::auth::User;
use crate::authz::{self, Attributes};
use crate::csr;
use crate::http_service::{Body, Call, Shared, json as json_response, text};
use crate::watch;

/// Paths that need no credentials (`system:public-info-viewer`).
pub(crate) fn is_public(path: &str) -> bool {
    matches!(path, "/healthz" | "/livez" | "/readyz" | "/version")
}

/// Answers an authenticated call, or an anonymous one on a public path.
pub(crate) fn dispatch(
    shared: &Arc<Shared>,
    user: Option<&User>,
    call: Call,
) -> Result<Response<Body>, ApiError> {
    let segments: Vec<_> = call.path.split('/').skip(1).collect();
    let get = |document: serde_json::Value| {
        if matches!(call.method, Method::GET | Method::HEAD) {
            Ok(json_response(StatusCode::OK, &document))
        } else {
            Err(ApiError::method_not_allowed())
        }
    };
    match segments.as_slice() {
        ["healthz" | "livez" | "readyz"] => {
            get(json!(null))?;
            Ok(text("ok"))
        }
        ["version"] => get(discovery::version()),
        ["whoami"] => {
            let user = user.ok_or_else(ApiError::unauthorized)?;
            get(json!({"user": user.name, "groups": user.groups, "serial": user.serial}))
        }
        ["api"] => get(discovery::core_versions()),
        ["apis"] => get(discovery::groups()),
        ["apis", group] if *group == GROUP => get(discovery::group()),
        ["apis", group, "v1"] if *group == GROUP => get(discovery::resources()),
        ["apis", group, "v1", resource] if (*group, *resource) == (GROUP, RESOURCE) => {
            collection(shared, user, &call)
        }
        ["apis", group, "v1", resource, name, rest @ ..] if (*group, *resource) == (GROUP, RESOURCE) => {
            let subresource = match rest {
                [] => "",
                [part @ ("approval" | "status")] => part,
                _ => return Err(ApiError::no_path()),
            };
            // In a path, unlike in a query, a plus is a plus.
            let name = percent_decode(&name.replace('+', "%2B"))?;
            object(shared, user, &call, &name, subresource)
        }
        _ => Err(ApiError::no_path()),
    }
}

fn collection(shared: &Arc<Shared>, user: Option<&User>, call: &Call) -> Result<Response<Body>, ApiError> {
    let query = Query::parse(&call.query)?;
    let verb = match call.method {
        Method::GET | Method::HEAD if query.watch => "watch",
        Method::GET | Method::HEAD => "list",
        Method::POST => "create",
        Method::DELETE => "deletecollection",
        _ => return Err(ApiError::method_not_allowed()),
    };
    let user = authorize(user, verb, "", "")?;
    match verb {
        "watch" if shared.faults.forbids_watches() => Err(ApiError::denied(&user.name, verb, RESOURCE, "")),
        "watch" => watch::watch(shared, call, query),
        "list" => Ok(csr::list(shared, call, &query)),
        "create" => csr::create(shared, user, call),
        _ => csr::delete_collection(shared, &query),
    }
}

fn object(
    shared: &Arc<Shared>,
    user: Option<&User>,
    call: &Call,
    name: &str,
    subresource: &str,
) -> Result<Response<Body>, ApiError> {
    let query = Query::parse(&call.query)?;
    let verb = match call.method {
        Method::GET | Method::HEAD => "get",
        Method::PUT => "update",
        Method::PATCH => "patch",
        Method::DELETE if subresource.is_empty() => "delete",
        _ => return Err(ApiError::method_not_allowed()),
    };
    authorize(user, verb, subresource, name)?;
    match verb {
        "get" => csr::get(shared, call, name, &query),
        "delete" => csr::delete(shared, call, name),
        _ => csr::change(shared, call, name, subresource),
    }
}

fn authorize<'a>(
    user: Option<&'a User>,
    verb: &str,
    subresource: &str,
    name: &str,
) -> Result<&'a User, ApiError> {
    let user = user.ok_or_else(ApiError::unauthorized)?;
    if authz::allowed(user, Attributes { verb, subresource }) {
        return Ok(user);
    }
    let resource =
        if subresource.is_empty() { RESOURCE.to_owned() } else { format!("{RESOURCE}/{subresource}") };
    Err(ApiError::denied(&user.name, verb, &resource, name))
}
