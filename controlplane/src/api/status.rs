//! Errors as Kubernetes' Status objects (`staging/src/k8s.io/apimachinery/pkg/api/errors/errors.go`).

use http::StatusCode;
use serde_json::{Value, json};

use super::{GROUP, RESOURCE};

/// An error answer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ApiError {
    pub(crate) code: StatusCode,
    pub(crate) reason: &'static str,
    pub(crate) message: String,
    pub(crate) details: Option<Value>,
    /// Seconds, sent as a header and in the details.
    pub(crate) retry_after: Option<u64>,
}

/// What is wrong with one field (`field.Error`).
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
        Self::new("FieldValueInvalid", field, &format!("Invalid value: {value}"), detail)
    }

    pub(crate) fn duplicate(field: impl Into<String>, value: &str) -> Self {
        Self::new("FieldValueDuplicate", field, &format!("Duplicate value: {value:?}"), "")
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
        Self::new("FieldValueNotSupported", field, &format!("Unsupported value: {value:?}"), &detail)
    }

    fn new(reason: &'static str, field: impl Into<String>, kind: &str, detail: &str) -> Self {
        let text = if detail.is_empty() { kind.to_owned() } else { format!("{kind}: {detail}") };
        Self { reason, field: field.into(), text }
    }
}

impl ApiError {
    fn new(code: StatusCode, reason: &'static str, message: impl Into<String>) -> Self {
        Self { code, reason, message: message.into(), details: None, retry_after: None }
    }

    fn named(mut self, name: &str) -> Self {
        self.details = Some(json!({"name": name, "group": GROUP, "kind": RESOURCE}));
        self
    }

    pub(crate) fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "Unauthorized", "Unauthorized")
    }

    /// Authorization said no.
    pub(crate) fn denied(user: &str, verb: &str, resource: &str, name: &str) -> Self {
        let object = if name.is_empty() { String::new() } else { format!(" {name:?}") };
        let message = format!(
            "{RESOURCE}.{GROUP}{object} is forbidden: User {user:?} cannot {verb} resource {resource:?} \
             in API group {GROUP:?} at the cluster scope"
        );
        Self::new(StatusCode::FORBIDDEN, "Forbidden", message).named(name)
    }

    /// Admission said no.
    pub(crate) fn refused(name: &str, why: &str) -> Self {
        let message = format!("{RESOURCE}.{GROUP} {name:?} is forbidden: {why}");
        Self::new(StatusCode::FORBIDDEN, "Forbidden", message).named(name)
    }

    pub(crate) fn not_found(name: &str) -> Self {
        let message = format!("{RESOURCE}.{GROUP} {name:?} not found");
        Self::new(StatusCode::NOT_FOUND, "NotFound", message).named(name)
    }

    /// No such path.
    pub(crate) fn no_path() -> Self {
        Self::new(StatusCode::NOT_FOUND, "NotFound", "the server could not find the requested resource")
    }

    pub(crate) fn already_exists(name: &str) -> Self {
        let message = format!("{RESOURCE}.{GROUP} {name:?} already exists");
        Self::new(StatusCode::CONFLICT, "AlreadyExists", message).named(name)
    }

    pub(crate) fn conflict(name: &str, why: &str) -> Self {
        let message = format!("Operation cannot be fulfilled on {RESOURCE}.{GROUP} {name:?}: {why}");
        Self::new(StatusCode::CONFLICT, "Conflict", message).named(name)
    }

    pub(crate) fn modified(name: &str) -> Self {
        let why =
            "the object has been modified; please apply your changes to the latest version and try again";
        Self::conflict(name, why)
    }

    pub(crate) fn invalid(name: &str, errors: &[FieldError]) -> Self {
        let texts: Vec<_> = errors.iter().map(|e| format!("{}: {}", e.field, e.text)).collect();
        let list = if let [one] = texts.as_slice() { one.clone() } else { format!("[{}]", texts.join(", ")) };
        let causes: Vec<_> =
            errors.iter().map(|e| json!({"reason": e.reason, "message": e.text, "field": e.field})).collect();
        let message = format!("CertificateSigningRequest.{GROUP} {name:?} is invalid: {list}");
        let mut error = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", message);
        let kind = "CertificateSigningRequest";
        error.details = Some(json!({"name": name, "group": GROUP, "kind": kind, "causes": causes}));
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

    pub(crate) fn internal(why: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "InternalError", why)
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
        status
    }
}

/// The Status that answers a deletion.
pub(crate) fn deleted(name: &str, uid: Option<&str>) -> Value {
    json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success",
        "details": {"name": name, "group": GROUP, "kind": RESOURCE, "uid": uid},
    })
}
