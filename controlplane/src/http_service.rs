//! One HTTP request: judged, delayed or spoiled by faults, routed, answered.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::header::{AUTHORIZATION, CONTENT_TYPE, DATE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Body as HttpBody, Bytes};
use rustls_pki_types::CertificateDer;
use serde::Serialize;
use time::OffsetDateTime;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tracing::debug;

use crate::admin;
use crate::api::lease::Lease;
use crate::api::status::ApiError;
use crate::auth::{Authenticator, User, Verdict};
use crate::faults::Faults;
use crate::options::Clock;
use crate::routes;
use crate::stats::Recorder;
use crate::store::Store;

#[cfg(test)]
mod tests;

/// Largest request body (`MaxRequestBodyBytes` of kube-apiserver).
pub(crate) const LARGEST_BODY: usize = 3 << 20;
/// Bound of reading a request's body.
const BODY: Duration = Duration::from_secs(30);

/// What a broken body says.
type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// An answer's body.
pub(crate) type Body = UnsyncBoxBody<Bytes, Infallible>;

/// What every request works with.
pub(crate) struct Shared {
    pub(crate) clock: Clock,
    pub(crate) store: Arc<Store>,
    pub(crate) leases: Arc<Store<Lease>>,
    pub(crate) authenticator: Authenticator,
    pub(crate) faults: Faults,
    pub(crate) recorder: Recorder,
    /// True once the control plane is to end.
    pub(crate) stop: watch::Receiver<bool>,
}

/// A request with its body read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Call {
    pub(crate) method: Method,
    /// Path as it came, percent-encoded.
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) accept: String,
    /// The ETag of what the client has.
    pub(crate) known: String,
    pub(crate) content_type: String,
    pub(crate) body: Bytes,
}

/// The answer is dropped on purpose: hyper ends the connection, or resets the stream.
#[derive(Debug)]
pub(crate) struct Dropped;

impl fmt::Display for Dropped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("answer dropped by an injected fault")
    }
}

impl std::error::Error for Dropped {}

/// Answers one request.
pub(crate) async fn serve<B: HttpBody<Error: Into<BoxError>>>(
    shared: Arc<Shared>,
    chain: Arc<[CertificateDer<'static>]>,
    request: Request<B>,
) -> Result<Response<Body>, Dropped> {
    let post = request.method() == Method::POST;
    debug!(method = %request.method(), uri = %request.uri(), "request");
    let answer = answer(&shared, &chain, request).await;
    if post && shared.faults.take_drop() {
        return Err(Dropped);
    }
    let mut response = answer.unwrap_or_else(|error| error_response(&error));
    if let Ok(date) = HeaderValue::from_str(&http_date(shared.clock.now())) {
        response.headers_mut().insert(DATE, date);
    }
    Ok(response)
}

async fn answer<B: HttpBody<Error: Into<BoxError>>>(
    shared: &Arc<Shared>,
    chain: &[CertificateDer<'static>],
    request: Request<B>,
) -> Result<Response<Body>, ApiError> {
    let user = judge(shared, chain, &request);
    // Faults leave the place alone where they are taken back.
    if !admin::is_path(request.uri().path()) {
        let delay = shared.faults.delays();
        if delay > Duration::ZERO {
            sleep(delay).await;
        }
        if let Some(error) = shared.faults.take_answer() {
            return Err(error);
        }
    }
    let user = user?;
    let (parts, body) = request.into_parts();
    let text =
        |name| parts.headers.get(name).and_then(|v: &HeaderValue| v.to_str().ok()).unwrap_or("").to_owned();
    let call = Call {
        accept: text(http::header::ACCEPT),
        known: text(http::header::IF_NONE_MATCH),
        content_type: text(CONTENT_TYPE),
        body: read(body).await?,
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        method: parts.method,
    };
    routes::dispatch(shared, user.as_ref(), &call)
}

/// Who asks: `None` is anonymous, which only public paths take.
fn judge<B>(
    shared: &Shared,
    chain: &[CertificateDer<'static>],
    request: &Request<B>,
) -> Result<Option<User>, ApiError> {
    let authorization = request.headers().get(AUTHORIZATION);
    let judgement = shared.authenticator.judge(chain, authorization, shared.clock.now());
    let result = match judgement.verdict.clone() {
        Verdict::User(user) => Ok(Some(user)),
        Verdict::Anonymous if routes::is_public(request.uri().path()) => Ok(None),
        Verdict::Anonymous => Err(ApiError::unauthorized()),
        Verdict::Refused(why) => Err(ApiError::unauthorized_because(&why)),
    };
    shared.recorder.judged(&judgement, result.is_err());
    result
}

async fn read<B: HttpBody<Error: Into<BoxError>>>(body: B) -> Result<Bytes, ApiError> {
    let collected = timeout(BODY, Limited::new(body, LARGEST_BODY).collect()).await;
    match collected {
        Err(_) => Err(ApiError::timeout()),
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
            Err(ApiError::too_large(LARGEST_BODY))
        }
        Ok(Err(_)) => Err(ApiError::bad_request("the request body ended early")),
    }
}

/// An answer with a JSON document.
pub(crate) fn json(code: StatusCode, document: &impl Serialize) -> Response<Body> {
    // Every stored object and every document has a JSON form.
    respond(code, "application/json", serde_json::to_vec(document).unwrap_or_default())
}

/// An answer of this media type.
pub(crate) fn respond(code: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(Full::new(body.into()).boxed_unsync());
    *response.status_mut() = code;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

pub(crate) fn error_response(error: &ApiError) -> Response<Body> {
    let mut response = json(error.code, &error.to_json());
    let headers = response.headers_mut();
    if error.code == StatusCode::UNAUTHORIZED {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if let Some(seconds) = error.retry_after {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// The form of RFC 9110, 5.6.7; from the injected clock, so that clients who look at `Date` see its time.
fn http_date(at: SystemTime) -> String {
    let at = OffsetDateTime::from(at);
    let (weekday, month) = (at.weekday().to_string(), at.month().to_string());
    let (hour, minute, second) = at.to_hms();
    let (day, year) = (at.day(), at.year());
    format!("{}, {day:02} {} {year:04} {hour:02}:{minute:02}:{second:02} GMT", &weekday[..3], &month[..3])
}
