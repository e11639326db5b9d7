//! What an answer that is no object means.

use std::sync::{Arc, Mutex, PoisonError};

use certrotate_core::api::ApiFault;
use certrotate_core::time::{Span, WallTime};
use http::header::RETRY_AFTER;
use http::{Response, StatusCode};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

use crate::connection::ClientError;
use crate::details::one_line;

/// Status and Retry-After of the last response of a call: kube does not pass them on.
#[derive(Clone, Default)]
pub(super) struct Seen(Arc<Mutex<Option<(StatusCode, Option<String>)>>>);

impl Seen {
    pub(super) fn note<B>(&self, response: &Response<B>) {
        let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let noted = (response.status(), retry_after.map(str::to_owned));
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(noted);
    }

    fn get(&self) -> (Option<StatusCode>, Option<String>) {
        match &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            None => (None, None),
            Some((status, retry_after)) => (Some(*status), retry_after.clone()),
        }
    }
}

/// The fault, and its text for people.
pub(super) fn classify(error: &kube::Error, seen: &Seen, create: bool, now: WallTime) -> (ApiFault, String) {
    let (status, retry_after) = seen.get();
    match error {
        kube::Error::Api(answer) => {
            let code = status.map_or(answer.code, |status| status.as_u16());
            let asked = retry_after.and_then(|text| wait(&text, now));
            (by_code(code, create, asked), format!("{code} {}", one_line(&answer.message)))
        }
        kube::Error::SerdeError(_) | kube::Error::FromUtf8(_) => {
            (ApiFault::Unexpected, "the answer is not what Kubernetes sends".to_owned())
        }
        _ => transport(error),
    }
}

/// There was no answer, or not all of it.
fn transport(error: &(dyn std::error::Error + 'static)) -> (ApiFault, String) {
    let mut cause = error;
    loop {
        if cause.is::<http_body_util::LengthLimitError>() {
            return (ApiFault::Unexpected, "the answer is larger than any object of Kubernetes".to_owned());
        }
        if let Some(ClientError::NoIdentity) = cause.downcast_ref() {
            return (ApiFault::NoCredential, ClientError::NoIdentity.to_string());
        }
        match cause.source() {
            Some(next) => cause = next,
            None => return (ApiFault::Unreachable, cause.to_string()),
        }
    }
}

fn by_code(code: u16, create: bool, retry_after: Option<Span>) -> ApiFault {
    match code {
        401 => ApiFault::Unauthorized,
        403 => ApiFault::Forbidden,
        404 => ApiFault::NotFound,
        409 if create => ApiFault::AlreadyExists,
        429 => ApiFault::TooManyRequests { retry_after },
        400 | 413 | 422 => ApiFault::Invalid,
        500.. => ApiFault::ServerError { retry_after },
        _ => ApiFault::Unexpected,
    }
}

/// Retry-After (RFC 9110, section 10.2.3): seconds, or a date by the local clock. What is absurdly large saturates.
pub(super) fn wait(text: &str, now: WallTime) -> Option<Span> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(text.parse().map_or(Span::MAX, Span::from_secs));
    }
    // An HTTP date is an RFC 2822 date that says GMT for +0000.
    let date = text.strip_suffix("GMT").map(|date| format!("{date}+0000"))?;
    let at = OffsetDateTime::parse(&date, &Rfc2822).ok()?;
    Some(WallTime::from_unix_secs(at.unix_timestamp()).since(now))
}
