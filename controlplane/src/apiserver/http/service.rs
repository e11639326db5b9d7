//! One HTTP request: judged, delayed or spoiled by faults, routed, answered.

use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::header::{AUTHORIZATION, CONTENT_TYPE, DATE};
use http::{HeaderMap, HeaderValue, Method, Request, Response};
use http_body_util::BodyExt;
use hyper::body::{Body as HttpBody, Buf, Bytes};
use rustls_pki_types::CertificateDer;
use tokio::time::{sleep, timeout};
use tracing::debug;

use crate::apiserver::access::authenticator::Verdict;
use crate::apiserver::api_error::ApiError;
use crate::apiserver::http::answer::{Body, error_response};
use crate::apiserver::http::connections::{Connection, TrackedBody};
use crate::apiserver::http::context::Context;
use crate::apiserver::http::pending::Share;
use crate::apiserver::http::watch::Lasting;
use crate::apiserver::http::{admin, routes};
use crate::apiserver::store::durable::Durable;
use crate::apiserver::user::User;
use crate::apiserver::wire::call::Call;
use crate::base::budgets::{BODY_BYTES, BODY_TIME, REQUEST_COST};
use crate::statistics::requests::CountedRequest;

#[cfg(test)]
mod tests;

/// 31 December 9999, 23:59:59, since the epoch.
const LAST_HTTP_DATE: Duration = Duration::from_secs(253_402_300_799);

/// The error of a broken body.
type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The answer is dropped, by a fault or for want of memory: hyper ends the connection, or resets the stream.
#[derive(Debug)]
pub(crate) struct Dropped;

impl fmt::Display for Dropped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the answer is dropped")
    }
}

impl std::error::Error for Dropped {}

/// Answers one request.
pub(crate) async fn serve<B: HttpBody<Error: Into<BoxError>>>(
    (context, connection): (Arc<Context>, Arc<Connection>),
    chain: Arc<[CertificateDer<'static>]>,
    request: Request<B>,
) -> Result<Response<TrackedBody>, Dropped> {
    let open_request = connection.begin();
    // As every fault, a dropped answer spares the paths where faults are cleared.
    let may_drop = request.method() == Method::POST && !admin::is_path(request.uri().path());
    debug!(method = %request.method(), uri = %request.uri(), "request");
    // In a box, so that an answer that waits for its client does not keep the room that making it takes.
    let answer = Box::pin(answer(&context, (&connection, &chain), request)).await;
    if may_drop && context.faults.take_drop() {
        return Err(Dropped);
    }
    let mut share = connection.share();
    let answer = answer.and_then(|response| {
        // A long watch or list has no size: its pieces count.
        let size = response.body().size_hint().exact().unwrap_or(0);
        share.set(usize::try_from(size).unwrap_or(usize::MAX / 4)).map(|()| response)
    });
    let mut response = answer.unwrap_or_else(|error| error_response(&error));
    if !share.is_taken() && share.set(REQUEST_COST).is_err() {
        // There is no room for the refusal either.
        return Err(Dropped);
    }
    if let Ok(date) = HeaderValue::from_str(&http_date(context.clock.now())) {
        response.headers_mut().insert(DATE, date);
    }
    if response.extensions_mut().remove::<Lasting>().is_some() {
        open_request.lasts();
    }
    Ok(response.map(|body| open_request.track(body, share)))
}

async fn answer<B: HttpBody<Error: Into<BoxError>>>(
    context: &Arc<Context>,
    (connection, chain): (&Connection, &[CertificateDer<'static>]),
    request: Request<B>,
) -> Result<Response<Body>, ApiError> {
    let user = judge(context, chain, &request);
    if let Ok(Some(user)) = &user {
        connection.authenticated(&user.name, user.is_master())?;
    }
    // Faults leave the place alone where they are taken back.
    if !admin::is_path(request.uri().path()) {
        let delay = context.faults.delays();
        if delay > Duration::ZERO {
            sleep(delay).await;
        }
        if let Some(injected) = context.faults.take_answer() {
            return Err(ApiError::injected(injected.code, injected.retry_after));
        }
    }
    let user = user?;
    refuse_impersonation(request.headers(), user.as_ref())?;
    let (parts, body) = request.into_parts();
    let mut share = connection.share();
    share.set(head_size(&parts))?;
    let body = match &user {
        // Public paths take no body.
        None => Bytes::new(),
        Some(_) => read(body, &mut share).await?,
    };
    let text =
        |name| parts.headers.get(name).and_then(|v: &HeaderValue| v.to_str().ok()).unwrap_or("").to_owned();
    let call = Call {
        accept: text(http::header::ACCEPT),
        if_none_match: text(http::header::IF_NONE_MATCH),
        content_type: text(CONTENT_TYPE),
        body,
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        method: parts.method,
    };
    let mut response = routes::dispatch(context, user.as_ref(), &call)?;
    if let Some(durable) = response.extensions_mut().remove::<Durable>() {
        durable.wait().await?;
    }
    Ok(response)
}

/// Refuses a request in the name of another user: a client that drops rights on purpose must not keep them.
fn refuse_impersonation(headers: &HeaderMap, user: Option<&User>) -> Result<(), ApiError> {
    match headers.keys().find(|name| name.as_str().starts_with("impersonate-")) {
        None => Ok(()),
        Some(name) => {
            Err(ApiError::no_impersonation(user.map_or("system:anonymous", |user| &user.name), name))
        }
    }
}

/// Who asks: `None` is anonymous, which only public paths take.
fn judge<B>(
    context: &Context,
    chain: &[CertificateDer<'static>],
    request: &Request<B>,
) -> Result<Option<User>, ApiError> {
    let authorization = request.headers().get(AUTHORIZATION);
    let judgement = context.authenticator.judge(chain, authorization, context.clock.now());
    let result = match judgement.verdict.clone() {
        Verdict::User(user) => Ok(Some(user)),
        Verdict::Anonymous if routes::is_public(request.uri().path()) => Ok(None),
        Verdict::Anonymous => Err(ApiError::unauthorized()),
        Verdict::Refused(why) => Err(ApiError::unauthorized_because(&why)),
    };
    context.recorder.count(&CountedRequest {
        serial: judgement.serial.as_deref(),
        expired: judgement.expired,
        authenticated: matches!(judgement.verdict, Verdict::User(_)),
        unauthorized: result.is_err(),
    });
    result
}

/// The memory of a head, about.
fn head_size(parts: &http::request::Parts) -> usize {
    let headers: usize = parts
        .headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + size_of::<HeaderValue>())
        .sum();
    headers + parts.uri.path().len() + parts.uri.query().map_or(0, str::len)
}

/// Reads the body into one buffer: a list of its pieces would cost far more than the pieces if they are small.
async fn read<B: HttpBody<Error: Into<BoxError>>>(body: B, share: &mut Share) -> Result<Bytes, ApiError> {
    let mut body = pin!(body);
    let reading = async {
        let mut bytes = Vec::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| ApiError::bad_request("the request body ended early"))?;
            // Trailers are ignored.
            let Ok(mut data) = frame.into_data() else { continue };
            if bytes.len() + data.remaining() > BODY_BYTES {
                return Err(ApiError::too_large(BODY_BYTES));
            }
            share.grow(data.remaining())?;
            while data.has_remaining() {
                let piece = data.chunk();
                bytes.extend_from_slice(piece);
                let size = piece.len();
                data.advance(size);
            }
        }
        Ok(Bytes::from(bytes))
    };
    timeout(BODY_TIME, reading).await.unwrap_or_else(|_| Err(ApiError::timeout()))
}

/// Returns `at` in the form of RFC 9110, 5.6.7. It comes from the injected clock, so that clients that read `Date` see its
/// time. A time that the form cannot express becomes the nearest one that it can.
fn http_date(at: SystemTime) -> String {
    // `fmt_http_date` panics before 1970 and after 9999.
    httpdate::fmt_http_date(at.clamp(UNIX_EPOCH, UNIX_EPOCH + LAST_HTTP_DATE))
}
