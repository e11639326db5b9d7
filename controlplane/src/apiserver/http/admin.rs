//! The control plane's own paths under `/certrotate`: faults, bootstrap tokens and statistics, for cluster admins.
//! No fault acts on them.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::{Method, Response, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::apiserver::access::token::{TokenUse, new_token};
use crate::apiserver::api_error::ApiError;
use crate::apiserver::http::answer::{Body, json as json_response};
use crate::apiserver::http::context::Context;
use crate::apiserver::wire::call::Call;
use crate::apiserver::wire::decode::parse;
use crate::base::duration::parse_duration;
use crate::faults::text::Fault;

/// Whether a path is one of these.
pub(crate) fn is_path(path: &str) -> bool {
    path.strip_prefix("/certrotate").is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// A list of faults in words.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Faults {
    faults: Vec<String>,
}

/// A bootstrap token to add.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Token {
    /// `id.secret`; empty: a new one.
    token: String,
    /// Its lifetime, from now.
    ttl: Option<String>,
    authentication: Option<bool>,
    groups: Vec<String>,
}

/// Answers an authorized call; `rest` are the segments after `/certrotate`.
pub(crate) fn dispatch(
    context: &Arc<Context>,
    call: &Call,
    rest: &[&str],
) -> Result<Response<Body>, ApiError> {
    let document = match (rest, &call.method) {
        (["faults"], method) => {
            match *method {
                Method::GET | Method::HEAD => {}
                Method::DELETE => {
                    context.faults.clear();
                }
                Method::PUT => {
                    let faults = faults(call)?;
                    context.faults.clear();
                    faults.iter().for_each(|fault| {
                        context.faults.set(fault);
                    });
                }
                Method::POST => faults(call)?.iter().for_each(|fault| {
                    context.faults.set(fault);
                }),
                _ => return Err(ApiError::method_not_allowed()),
            }
            let active: Vec<_> = context.faults.active().iter().map(ToString::to_string).collect();
            json!({"faults": active})
        }
        (["tokens"], &Method::POST) => add_token(context, call)?,
        (["tokens", id], &Method::DELETE) => {
            if !context.authenticator.remove_token(id) {
                return Err(ApiError::no_path());
            }
            json!({"removed": id})
        }
        (["stats"], &Method::GET) => statistics(context),
        (["tokens" | "stats"] | ["tokens", _], _) => return Err(ApiError::method_not_allowed()),
        _ => return Err(ApiError::no_path()),
    };
    Ok(json_response(StatusCode::OK, &document))
}

fn faults(call: &Call) -> Result<Vec<Fault>, ApiError> {
    let list: Faults = parse(&call.body)?;
    let faults: Result<Vec<Fault>, _> = list.faults.iter().map(|text| text.parse()).collect();
    faults.map_err(|e| ApiError::bad_request(e.to_string()))
}

fn add_token(context: &Context, call: &Call) -> Result<Value, ApiError> {
    let requested: Token = if call.body.is_empty() { Token::default() } else { parse(&call.body)? };
    let bad = |e: crate::base::error::Error| ApiError::bad_request(e.to_string());
    let lifetime = parse_duration(requested.ttl.as_deref().unwrap_or("24h")).map_err(bad)?;
    let good_for = TokenUse {
        authentication: requested.authentication.unwrap_or(true),
        groups: requested.groups,
        ..TokenUse::until(context.clock.now() + lifetime)
    };
    good_for.check().map_err(bad)?;
    let token = if requested.token.is_empty() {
        new_token().map_err(|e| ApiError::internal(e.to_string()))?
    } else {
        requested.token
    };
    if !context.authenticator.add_token(&token, good_for.clone()) {
        let why = "a bootstrap token is six characters, a dot and sixteen characters of a-z and 0-9";
        return Err(ApiError::bad_request(why));
    }
    let end = crate::base::time::api_time(good_for.end);
    Ok(
        json!({"token": token, "end": end, "authentication": good_for.authentication, "groups": good_for.groups}),
    )
}

fn statistics(context: &Context) -> Value {
    let stats = context.counted();
    let durations: BTreeMap<_, _> = stats
        .durations
        .iter()
        .map(|(signer, counts)| (signer, json!({"requested": counts.requested, "honored": counts.honored})))
        .collect();
    json!({
        "requests": stats.requests,
        "unauthorized": stats.unauthorized,
        "expiredUses": stats.expired_uses,
        "csrsCreated": stats.csrs_created,
        "openCsrs": stats.open_csrs,
        "openCsrsMax": stats.open_csrs_max,
        "requestsBySerial": stats.requests_by_serial,
        "durations": durations,
    })
}
