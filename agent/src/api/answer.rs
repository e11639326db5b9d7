//! What the server's answers mean: status, headers and JSON in, what core is told out.
//!
//! kube reads the JSON; the client that it is given may be one over a network or one over bytes in memory.

#[cfg(test)]
mod tests;

use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use certrotate_core::api::{ApiFault, Call, CsrObject, Issued};
use certrotate_core::facts::Usages;
use certrotate_core::id::RequestDigest;
use certrotate_core::time::Span;
use certrotate_x509::{CertChain, ClientCa, csr, request_name};
use futures_util::StreamExt as _;
use http_body_util::LengthLimitError;
use hyper::header::{HeaderMap, RETRY_AFTER};
use hyper::http::{Response, StatusCode};
use k8s_openapi::ByteString;
use k8s_openapi::api::certificates::v1::{CertificateSigningRequest, CertificateSigningRequestSpec};
use kube::api::{ListParams, PostParams, WatchEvent, WatchParams};
use kube::{Api, Client};

use super::MAX_ANSWER;
use crate::connection::ConnectionError;
use crate::fault_texts::FaultTexts;
use crate::keystore::{KeyStore, SigningRequest, Staged};

/// How long the server is signing_request to keep a watch open, in seconds; kube takes no more than 294.
const WATCH_SECONDS: u32 = 290;

/// Makes one call through `client`, whose service notes each answer in `head`.
pub(super) async fn ask(
    client: Client,
    call: Call,
    signing_request: Option<&SigningRequest>,
    head: &Head,
) -> Result<CertificateSigningRequest, Ended> {
    let api: Api<CertificateSigningRequest> = Api::all(client);
    match call {
        Call::Create { .. } => match signing_request {
            Some(signing_request) => {
                head.vouch(api.create(&PostParams::default(), &object(signing_request)).await)
            }
            // The handle is core's own; without its request there is nothing to send.
            None => Err(Ended::Fault(ApiFault::Invalid)),
        },
        Call::Get { request } => head.vouch(api.get(&request_name(&request)).await),
        Call::Watch { request } => watch(&api, &request, head).await,
    }
}

fn object(signing_request: &SigningRequest) -> CertificateSigningRequest {
    let template = &signing_request.template;
    let mut object = CertificateSigningRequest {
        spec: CertificateSigningRequestSpec {
            request: ByteString(signing_request.csr_pem.clone().into_bytes()),
            signer_name: template.signer.clone(),
            usages: Some(template.usages.names().map(str::to_owned).collect()),
            expiration_seconds: template.duration.and_then(|span| i32::try_from(span.ms() / 1000).ok()),
            ..CertificateSigningRequestSpec::default()
        },
        ..CertificateSigningRequest::default()
    };
    object.metadata.name = Some(signing_request.name.clone());
    object
}

/// What core needs to know of an object, and its chain.
pub(super) fn read(
    object: CertificateSigningRequest,
    keys: &KeyStore,
    client_ca: Option<&ClientCa>,
    texts: &FaultTexts,
) -> (CsrObject, Staged) {
    let (spec, status) = (object.spec, object.status.unwrap_or_default());
    let mut read = Staged::default();
    let pem = status.certificate.map(|bytes| bytes.0).filter(|bytes| !bytes.is_empty());
    let certificate = pem.map(|pem| match CertChain::read(&pem, client_ca) {
        Ok((chain, facts)) => {
            let cert = keys.stage_chain(&mut read, chain, facts.clone());
            Issued::Readable { cert, facts }
        }
        Err(error) => {
            texts.set_call(&error.to_string());
            Issued::Unreadable
        }
    });
    let conditions = status.conditions.unwrap_or_default();
    let has = |kind: &str| conditions.iter().find(|condition| condition.type_ == kind);
    if let Some(condition) = has("Denied").or(has("Failed")) {
        let reason = condition.reason.as_deref().unwrap_or("no reason given");
        let message = condition.message.as_deref().unwrap_or("no message");
        texts.set_call(&format!("{reason}: {message}"));
    }
    let usages = spec.usages.unwrap_or_default();
    let object = CsrObject {
        key: csr::read(&spec.request.0).ok().map(|facts| facts.key),
        signer: spec.signer_name,
        usages: usages
            .iter()
            .map(|name| Usages::named(name).unwrap_or(Usages::OTHER))
            .fold(Usages::NONE, Usages::with),
        approved: has("Approved").is_some(),
        denied: has("Denied").is_some(),
        failed: has("Failed").is_some(),
        certificate,
    };
    (object, read)
}

/// How a call came to nothing.
pub(super) enum Ended {
    Error(kube::Error),
    /// An answer that is neither a success nor a failure.
    Odd(StatusCode),
    Fault(ApiFault),
}

impl Ended {
    /// What core is told, and the text for the line that reports it.
    pub(super) fn explain(self, head: &Head) -> (ApiFault, Option<String>) {
        match self {
            Self::Fault(fault) => (fault, None),
            Self::Odd(code) => {
                (ApiFault::Unexpected, Some(format!("{} is not what Kubernetes sends", code.as_u16())))
            }
            Self::Error(error) => {
                let (fault, text) = classify(&error, head);
                (fault, Some(text))
            }
        }
    }
}

/// Lists and watches one object until it has something to tell.
async fn watch(
    api: &Api<CertificateSigningRequest>,
    request: &RequestDigest,
    head: &Head,
) -> Result<CertificateSigningRequest, Ended> {
    let fields = format!("metadata.name={}", request_name(request));
    let list = head.vouch(api.list(&ListParams::default().fields(&fields)).await)?;
    let version = list.metadata.resource_version.unwrap_or_default();
    let object = list.items.into_iter().next().ok_or(Ended::Fault(ApiFault::NotFound))?;
    if has_news(&object) {
        return Ok(object);
    }
    let parameters = WatchParams::default().fields(&fields).timeout(WATCH_SECONDS);
    let events = head.vouch(api.watch(&parameters, &version).await)?;
    let mut events = pin!(events);
    while let Some(event) = events.next().await {
        match event {
            Ok(WatchEvent::Added(object) | WatchEvent::Modified(object)) if has_news(&object) => {
                return Ok(object);
            }
            Ok(WatchEvent::Deleted(_)) => return Err(Ended::Fault(ApiFault::NotFound)),
            Ok(WatchEvent::Added(_) | WatchEvent::Modified(_) | WatchEvent::Bookmark(_)) => {}
            // 410 Gone and everything else: the next look lists anew.
            Ok(WatchEvent::Error(_)) | Err(_) => break,
        }
    }
    Err(Ended::Fault(ApiFault::WatchEnded))
}

fn has_news(object: &CertificateSigningRequest) -> bool {
    let Some(status) = &object.status else { return false };
    let mut conditions = status.conditions.iter().flatten();
    let has_certificate = status.certificate.as_ref().is_some_and(|bytes| !bytes.0.is_empty());
    conditions.any(|condition| match condition.type_.as_str() {
        "Denied" | "Failed" => true,
        "Approved" => has_certificate,
        _ => false,
    })
}

/// Status and Retry-After of a call's last answer: kube tells the one that the body claims, and not the other.
#[derive(Clone, Debug, Default)]
pub(super) struct Head(Arc<Mutex<Option<Noted>>>);

type Noted = (StatusCode, Option<Span>);

impl Head {
    /// Notes an answer that came at `now`.
    pub(super) fn note<B>(&self, response: &Response<B>, now: SystemTime) {
        let noted = (response.status(), retry_after(response.headers(), now));
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(noted);
    }

    fn get(&self) -> Option<Noted> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What kube read, if the last answer was a success: kube reads all that is no failure, a redirect too.
    fn vouch<T>(&self, read: kube::Result<T>) -> Result<T, Ended> {
        match self.get() {
            Some((code, _)) if !is_failure(code) && !code.is_success() => Err(Ended::Odd(code)),
            Some(_) | None => read.map_err(Ended::Error),
        }
    }
}

fn is_failure(code: StatusCode) -> bool {
    code.is_client_error() || code.is_server_error()
}

/// What an error means, and its text.
fn classify(error: &kube::Error, head: &Head) -> (ApiFault, String) {
    match error {
        kube::Error::Api(status) => {
            let (code, retry_after) =
                head.get().map_or((status.code, None), |(code, retry_after)| (code.as_u16(), retry_after));
            (by_code(code, retry_after), format!("{code} {}", status.message))
        }
        // A failure is told by its status, in whatever encoding a proxy explains it.
        kube::Error::FromUtf8(_)
            if let Some((code, retry_after)) = head.get().filter(|(code, _)| is_failure(*code)) =>
        {
            (by_code(code.as_u16(), retry_after), format!("{} in a text that is not UTF-8", code.as_u16()))
        }
        // Their texts may quote the answer.
        kube::Error::SerdeError(_) | kube::Error::FromUtf8(_) => {
            (ApiFault::Unexpected, "it is not what Kubernetes sends".to_owned())
        }
        other => no_answer(other),
    }
}

/// There was no answer, or not all of it.
fn no_answer(error: &(dyn std::error::Error + 'static)) -> (ApiFault, String) {
    let mut cause = error;
    loop {
        if cause.is::<LengthLimitError>() {
            return (ApiFault::Unexpected, format!("it has more than {MAX_ANSWER} bytes"));
        }
        if let Some(ConnectionError::NoIdentity | ConnectionError::Endpoint(_)) = cause.downcast_ref() {
            return (ApiFault::NoCredential, cause.to_string());
        }
        match cause.source() {
            Some(next) => cause = next,
            // The innermost text is the one that tells something.
            None => return (ApiFault::Unreachable, cause.to_string()),
        }
    }
}

fn by_code(code: u16, retry_after: Option<Span>) -> ApiFault {
    match code {
        401 => ApiFault::Unauthorized,
        403 => ApiFault::Forbidden,
        404 => ApiFault::NotFound,
        409 => ApiFault::AlreadyExists,
        429 => ApiFault::TooManyRequests { retry_after },
        400 | 413 | 422 => ApiFault::Invalid,
        500..=599 => ApiFault::ServerError { retry_after },
        _ => ApiFault::Unexpected,
    }
}

/// Retry-After (RFC 9110, section 10.2.3): seconds, or a date. Absurd values saturate; core clamps them.
pub(super) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Span> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Span::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    let left = date.duration_since(now).unwrap_or_default();
    Some(Span::from_secs(left.as_secs()))
}
