//! Errors as Kubernetes' Status objects (`staging/src/k8s.io/apimachinery/pkg/api/errors/errors.go`).

use http::StatusCode;
use serde_json::{Value, json};

use crate::apiserver::attributes::Attributes;
use crate::apiserver::resource::Resource;
use crate::base::budgets::{ERRORS_SHOWN, MESSAGE_BYTES, QUOTE_BYTES, cut, quoted};

/// An error answer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ApiError {
    pub(crate) code: StatusCode,
    pub(crate) reason: &'static str,
    pub(crate) message: String,
    pub(crate) details: Option<Value>,
    /// Seconds, sent as a header and in the details.
    pub(crate) retry_after: Option<u64>,
    /// The token to continue a list with.
    pub(crate) next: Option<String>,
}

/// The error of one field (`field.Error`).
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct FieldError {
    pub(crate) reason: &'static str,
    pub(crate) field: String,
    /// The text without the field.
    pub(crate) text: String,
}

impl FieldError {
    pub(crate) fn required(field: impl Into<String>, detail: &str) -> Self {
        Self::new("FieldValueRequired", field, "Required value", detail)
    }

    pub(crate) fn invalid(field: impl Into<String>, value: &str, detail: &str) -> Self {
        Self::new("FieldValueInvalid", field, &format!("Invalid value: {}", cut(value, QUOTE_BYTES)), detail)
    }

    pub(crate) fn duplicate(field: impl Into<String>, value: &str) -> Self {
        Self::new("FieldValueDuplicate", field, &format!("Duplicate value: {}", quoted(value)), "")
    }

    pub(crate) fn forbidden(field: impl Into<String>, detail: &str) -> Self {
        Self::new("FieldValueForbidden", field, "Forbidden", detail)
    }

    pub(crate) fn too_long(field: impl Into<String>, limit: usize) -> Self {
        let detail = format!("may not be more than {limit} bytes");
        Self::new("FieldValueTooLong", field, "Too long", &detail)
    }

    pub(crate) fn not_supported<'a>(
        field: impl Into<String>,
        value: &str,
        supported: impl Iterator<Item = &'a str>,
    ) -> Self {
        let mut supported: Vec<_> = supported.map(|s| format!("{s:?}")).collect();
        supported.sort_unstable();
        let detail = format!("supported values: {}", supported.join(", "));
        Self::new("FieldValueNotSupported", field, &format!("Unsupported value: {}", quoted(value)), &detail)
    }

    pub(crate) fn too_many(field: impl Into<String>, count: usize, limit: usize) -> Self {
        let detail = format!("must have at most {limit} items");
        Self::new("FieldValueTooMany", field, &format!("Too many: {count}"), &detail)
    }

    fn new(reason: &'static str, field: impl Into<String>, kind: &str, detail: &str) -> Self {
        let detail = cut(detail, 4 * QUOTE_BYTES);
        let text = if detail.is_empty() { kind.to_owned() } else { format!("{kind}: {detail}") };
        Self { reason, field: field.into(), text }
    }
}

impl ApiError {
    fn new(code: StatusCode, reason: &'static str, message: impl Into<String>) -> Self {
        let message = cut(&message.into(), MESSAGE_BYTES).into_owned();
        Self { code, reason, message, details: None, retry_after: None, next: None }
    }

    fn of(mut self, api: &Resource, name: &str) -> Self {
        let mut details = json!({"group": api.group, "kind": api.plural});
        if !name.is_empty() {
            details["name"] = json!(cut(name, QUOTE_BYTES));
        }
        self.details = Some(details);
        self
    }

    pub(crate) fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "Unauthorized", "Unauthorized")
    }

    /// The credentials are not good, and this is why.
    pub(crate) fn unauthorized_because(why: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "Unauthorized", format!("Unauthorized: {why}"))
    }

    /// Authorization said no to something about objects.
    pub(crate) fn denied(user: &str, asked: &Attributes<'_>) -> Self {
        let object = if asked.name.is_empty() { String::new() } else { format!(" {}", quoted(asked.name)) };
        let subresource =
            if asked.subresource.is_empty() { String::new() } else { format!("/{}", asked.subresource) };
        let scope = if asked.namespace.is_empty() {
            "at the cluster scope".to_owned()
        } else {
            format!("in the namespace {:?}", asked.namespace)
        };
        let (resource, group, verb) = (asked.resource, asked.group, asked.verb);
        let message = format!(
            "{resource}.{group}{object} is forbidden: User {user:?} cannot {verb} resource \
             \"{resource}{subresource}\" in API group {group:?} {scope}"
        );
        let mut error = Self::new(StatusCode::FORBIDDEN, "Forbidden", message);
        error.details = Some(json!({"name": cut(asked.name, QUOTE_BYTES), "group": group, "kind": resource}));
        error
    }

    /// Authorization said no to a path that is not about objects.
    pub(crate) fn denied_path(user: &str, verb: &str, path: &str) -> Self {
        let message = format!("forbidden: User {user:?} cannot {verb} path {path:?}");
        Self::new(StatusCode::FORBIDDEN, "Forbidden", message)
    }

    /// The request is made in the name of another user.
    pub(crate) fn no_impersonation(user: &str, header: &http::HeaderName) -> Self {
        let message = format!(
            "forbidden: User {} cannot impersonate: this control plane takes no header {}; use a client certificate of \
             the other user",
            quoted(user),
            quoted(header.as_str())
        );
        Self::new(StatusCode::FORBIDDEN, "Forbidden", message)
    }

    /// Admission said no.
    pub(crate) fn refused(api: &Resource, name: &str, why: &str) -> Self {
        let message = format!("{} {} is forbidden: {why}", api.qualified(), quoted(name));
        Self::new(StatusCode::FORBIDDEN, "Forbidden", message).of(api, name)
    }

    pub(crate) fn not_found(api: &Resource, name: &str) -> Self {
        let message = format!("{} {} not found", api.qualified(), quoted(name));
        Self::new(StatusCode::NOT_FOUND, "NotFound", message).of(api, name)
    }

    /// No such path.
    pub(crate) fn no_path() -> Self {
        Self::new(StatusCode::NOT_FOUND, "NotFound", "the server could not find the requested resource")
    }

    pub(crate) fn already_exists(api: &Resource, name: &str) -> Self {
        let message = format!("{} {} already exists", api.qualified(), quoted(name));
        Self::new(StatusCode::CONFLICT, "AlreadyExists", message).of(api, name)
    }

    pub(crate) fn conflict(api: &Resource, name: &str, why: &str) -> Self {
        let message = format!("Operation cannot be fulfilled on {} {}: {why}", api.qualified(), quoted(name));
        Self::new(StatusCode::CONFLICT, "Conflict", message).of(api, name)
    }

    pub(crate) fn modified(api: &Resource, name: &str) -> Self {
        let why =
            "the object has been modified; please apply your changes to the latest version and try again";
        Self::conflict(api, name, why)
    }

    pub(crate) fn invalid(api: &Resource, name: &str, errors: &[FieldError]) -> Self {
        let (shown, rest) = errors.split_at(errors.len().min(ERRORS_SHOWN));
        let mut texts: Vec<_> = shown.iter().map(|e| format!("{}: {}", e.field, e.text)).collect();
        if !rest.is_empty() {
            texts.push(format!("and {} more errors", rest.len()));
        }
        let list = if let [one] = texts.as_slice() { one.clone() } else { format!("[{}]", texts.join(", ")) };
        let causes: Vec<_> =
            shown.iter().map(|e| json!({"reason": e.reason, "message": e.text, "field": e.field})).collect();
        let message = format!("{}.{} {} is invalid: {list}", api.kind, api.group, quoted(name));
        let mut error = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", message);
        error.details = Some(
            json!({"name": cut(name, QUOTE_BYTES), "group": api.group, "kind": api.kind, "causes": causes}),
        );
        error
    }

    pub(crate) fn bad_request(why: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BadRequest", why)
    }

    pub(crate) fn method_not_allowed() -> Self {
        let message = "the server does not allow this method on the requested resource";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", message)
    }

    pub(crate) fn too_large(limit: usize) -> Self {
        let message = format!("Request entity too large: limit is {limit}");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", message)
    }

    /// Too much of something that is not the size of the body.
    pub(crate) fn too_large_because(why: String) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", why)
    }

    /// The request is well-formed, and cannot be carried out.
    pub(crate) fn unprocessable(why: String) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", why)
    }

    pub(crate) fn timeout() -> Self {
        let message = "the request body did not arrive in time";
        Self::new(StatusCode::REQUEST_TIMEOUT, "Timeout", message)
    }

    pub(crate) fn unsupported_media_type(accepted: &str) -> Self {
        let message = format!(
            "the body of the request was in an unknown format - accepted media types include: {accepted}"
        );
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UnsupportedMediaType", message)
    }

    /// A resource version whose events are no longer known.
    pub(crate) fn gone(version: u64, oldest: u64) -> Self {
        Self::new(StatusCode::GONE, "Expired", format!("too old resource version: {version} ({oldest})"))
    }

    /// The rest of a list whose version is no longer known; `fresh` continues with the current version.
    pub(crate) fn continue_expired(fresh: &str) -> Self {
        let message = "The provided continue parameter is too old to display a consistent list result. You can start a \
                       new list without the continue parameter, or use the continue token in this response to \
                       retrieve the remainder of the results.";
        let mut error = Self::new(StatusCode::GONE, "Expired", message);
        error.next = Some(fresh.to_owned());
        error
    }

    /// A resource version that has not been reached yet.
    pub(crate) fn too_new(version: u64, newest: u64) -> Self {
        let message = format!("Too large resource version: {version}, current: {newest}");
        let mut error = Self::new(StatusCode::GATEWAY_TIMEOUT, "Timeout", message);
        let cause = json!({"reason": "ResourceVersionTooLarge", "message": "Too large resource version"});
        error.details = Some(json!({"causes": [cause], "retryAfterSeconds": 1}));
        error.retry_after = Some(1);
        error
    }

    pub(crate) fn internal(why: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "InternalError", why)
    }

    /// A budget is used up for now.
    pub(crate) fn too_many_requests(why: impl Into<String>, retry_after: u64) -> Self {
        let mut error = Self::new(StatusCode::TOO_MANY_REQUESTS, "TooManyRequests", why);
        error.details = Some(json!({"retryAfterSeconds": retry_after}));
        error.retry_after = Some(retry_after);
        error
    }

    pub(crate) fn unavailable(why: &str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable", why)
    }

    /// An injected fault.
    pub(crate) fn injected(code: StatusCode, retry_after: Option<u64>) -> Self {
        let reason = match code.as_u16() {
            401 => "Unauthorized",
            403 => "Forbidden",
            404 => "NotFound",
            409 => "Conflict",
            429 => "TooManyRequests",
            500 => "InternalError",
            503 => "ServiceUnavailable",
            504 => "Timeout",
            _ => "",
        };
        let mut error = Self::new(code, reason, format!("injected fault: {code}"));
        error.retry_after = retry_after;
        error.details = retry_after.map(|seconds| json!({"retryAfterSeconds": seconds}));
        error
    }

    /// The Status object.
    pub(crate) fn to_json(&self) -> Value {
        let mut status = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.message, "reason": self.reason, "code": self.code.as_u16(),
        });
        if let Some(details) = &self.details {
            status["details"] = details.clone();
        }
        if let Some(next) = &self.next {
            status["metadata"]["continue"] = json!(next);
        }
        status
    }
}

/// The Status that answers a deletion.
pub(crate) fn deleted(api: &Resource, name: &str, uid: Option<&str>) -> Value {
    json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success",
        "details": {"name": name, "group": api.group, "kind": api.plural, "uid": uid},
    })
}
