//! The bodies of answers: read within a deadline and a size, and checked to be of a Kubernetes API server.
//!
//! Something in between may answer instead: a login page, a load balancer, another server at the same address. Its text is
//! described and hardly quoted. Before a description is logged, the caller bounds and escapes it.

#[cfg(test)]
mod tests;

use std::fmt;

use http_body_util::{BodyExt as _, Limited};
use hyper::body::{Body, Bytes};
use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderName, LOCATION};
use hyper::http::Response;
use hyper::http::response::Parts;
use kube_core::Status;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::time::{Instant, timeout_at};

use super::CallError;
use crate::connection::{BoxError, Peer};
use crate::fault_texts::bounded;
use crate::limits;

/// The most characters that are quoted of a header, or of a name in a body.
const QUOTED: usize = 80;
/// The most characters that are quoted of a failure's plain text.
const QUOTED_TEXT: usize = 160;

/// The type of the object that a success must carry.
pub(super) struct Expected<'a> {
    /// Its `apiVersion`.
    pub(super) version: std::borrow::Cow<'a, str>,
    /// Its `kind`, of a list that of the items.
    pub(super) kind: std::borrow::Cow<'a, str>,
    /// Whether a list of such objects is expected.
    pub(super) list: bool,
}

/// The type that an object claims.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Claimed {
    #[serde(default)]
    api_version: String,
    #[serde(default)]
    kind: String,
}

/// The body did not arrive in time.
#[derive(Debug)]
struct SlowBody;

impl fmt::Display for SlowBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = limits::CALL.as_secs();
        write!(
            f,
            "the rest of the answer did not arrive within {seconds} s; check the server's log, and what is between"
        )
    }
}

impl std::error::Error for SlowBody {}

/// Reads the whole body. A connection whose answer does not end in time is not used again.
pub(super) async fn collect<B>(answer: Response<B>, until: Instant) -> Result<(Parts, Bytes), CallError>
where
    B: Body<Data = Bytes, Error: Into<BoxError>>,
{
    let (head, body) = answer.into_parts();
    match timeout_at(until, body.collect()).await {
        Ok(Ok(body)) => Ok((head, body.to_bytes())),
        failed => {
            if let Some(peer) = head.extensions.get::<Peer>() {
                peer.distrust();
            }
            Err(CallError::Transport(match failed {
                Ok(Err(error)) => error.into(),
                Ok(Ok(_)) | Err(_) => SlowBody.into(),
            }))
        }
    }
}

/// Returns the error for an answer that is no success. Its status has the meaning, so a body that is too large, too slow or
/// broken counts as empty.
pub(super) async fn failure<B>(answer: Response<B>, until: Instant) -> CallError
where
    B: Body<Data = Bytes, Error: Into<BoxError>>,
{
    let (status, headers) = (answer.status(), answer.headers().clone());
    if !status.is_client_error() && !status.is_server_error() {
        let (head, _) = answer.into_parts();
        return CallError::OddStatus(status, odd(&head));
    }
    let until = until.min(Instant::now() + limits::FAILURE_BODY);
    let answer = answer.map(|body| Limited::new(body, limits::MAX_FAILURE));
    let (message, is_status) = match collect(answer, until).await {
        Ok((head, bytes)) => message(&head, &bytes),
        Err(_) => ("without a complete text".to_owned(), false),
    };
    CallError::Failure { status, headers: Box::new(headers), message, is_status }
}

/// Describes an answer that is neither a success nor a failure. A redirection is not followed: it could lead the credential to
/// another server.
fn odd(head: &Parts) -> String {
    match header(head, &LOCATION) {
        Some(target) if head.status.is_redirection() => {
            format!("it redirects to {target}, and no redirection is followed")
        }
        Some(_) | None => "Kubernetes sends no such status".to_owned(),
    }
}

/// Returns the message of a failure, and whether it is that of a `Status`.
fn message(head: &Parts, body: &[u8]) -> (String, bool) {
    if claimed(body).is_some_and(|claimed| claimed.kind == "Status") {
        let Status { message, reason, .. } = serde_json::from_slice(body).unwrap_or_default();
        return (if message.is_empty() { reason } else { message }, true);
    }
    match std::str::from_utf8(body).map(str::trim) {
        Ok(text) if is_plain(head) && !text.is_empty() => (bounded(text, QUOTED_TEXT), false),
        Ok(_) | Err(_) => (format!("with {}", describe(head, body)), false),
    }
}

/// Whether the body is a text without markup.
fn is_plain(head: &Parts) -> bool {
    header(head, &CONTENT_TYPE).is_some_and(|value| value.starts_with("text/plain"))
        && !head.headers.contains_key(CONTENT_ENCODING)
}

/// Reads an object or a list of objects of the expected type.
pub(super) fn read_json<A: DeserializeOwned>(
    head: &Parts,
    body: &[u8],
    expected: &Expected<'_>,
) -> Result<A, CallError> {
    let kind = format!("{}{}", expected.kind, if expected.list { "List" } else { "" });
    let text = match claimed(body) {
        None => describe(head, body),
        Some(Claimed { api_version, kind }) if api_version.is_empty() || kind.is_empty() => {
            "JSON without apiVersion and kind".to_owned()
        }
        Some(claimed) if claimed.kind != kind || claimed.api_version != expected.version => format!(
            "a {} of {} instead of a {kind} of {}",
            bounded(&claimed.kind, QUOTED),
            bounded(&claimed.api_version, QUOTED),
            expected.version
        ),
        // The error may quote the body: only its place is shown.
        Some(_) => match serde_json::from_slice(body) {
            Ok(object) => return Ok(object),
            Err(error) => {
                format!("a {kind} that cannot be read (line {}, column {})", error.line(), error.column())
            }
        },
    };
    Err(CallError::Malformed(format!("status {} with {text}", head.status.as_u16())))
}

/// Returns the type that a JSON object claims; `None` if the body is no JSON object.
fn claimed(body: &[u8]) -> Option<Claimed> {
    serde_json::from_slice(body).ok()
}

/// Describes a body that is no JSON object of Kubernetes.
fn describe(head: &Parts, body: &[u8]) -> String {
    if body.is_empty() {
        return "an empty body".to_owned();
    }
    let size = body.len();
    if let Some(encoding) = header(head, &CONTENT_ENCODING) {
        return format!("{size} bytes in an encoding that was not requested ({encoding})");
    }
    match header(head, &CONTENT_TYPE) {
        Some(kind) => format!("{size} bytes of type {kind}"),
        None => format!("{size} bytes without a type"),
    }
}

/// Returns the value of a header, bounded and escaped.
fn header(head: &Parts, name: &HeaderName) -> Option<String> {
    head.headers.get(name).map(|value| bounded(&String::from_utf8_lossy(value.as_bytes()), QUOTED))
}
