//! The certificates API over kube: `certificates.k8s.io/v1`, create, get, list and watch, and nothing else.

#[cfg(test)]
mod tests;

use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::SystemTime;

use certrotate_core::api::{ApiFault, Call, Credential, CsrObject, Issued};
use certrotate_core::facts::Usages;
use certrotate_core::id::RequestDigest;
use certrotate_core::time::Span;
use certrotate_x509::{CertChain, ClientCa, csr, request_name};
use futures_util::{FutureExt as _, StreamExt as _};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::header::{HeaderMap, RETRY_AFTER};
use hyper::http::{Request, Response, StatusCode};
use k8s_openapi::ByteString;
use k8s_openapi::api::certificates::v1::{CertificateSigningRequest, CertificateSigningRequestSpec};
use kube::api::{ListParams, PostParams, WatchEvent, WatchParams};
use kube::{Api, Client};

use crate::connection::{BoxError, ConnectionError, FixedClient, LiveClient};
use crate::details::Details;
use crate::driver::CsrApi;
use crate::keystore::{Asked, KeyStore, Staged};
use crate::kubeconfig::{Endpoint, Kubeconfig, Secret};

/// The most bytes that are read of one answer.
const MAX_ANSWER: usize = 4 << 20;
/// How long the server is asked to keep a watch open, in seconds; kube takes no more than 294.
const WATCH_SECONDS: u32 = 290;
/// What the calls are known by in the server's log.
const USER_AGENT: &str = concat!("certrotate/", env!("CARGO_PKG_VERSION"));

/// The certificates API as a node uses it.
#[derive(Clone, Debug)]
pub struct KubeApi(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// The bootstrap kubeconfig; read anew for each call, because a token may be replaced at any time.
    bootstrap: Option<std::path::PathBuf>,
    live: LiveClient,
    keys: KeyStore,
    client_ca: Option<ClientCa>,
    details: Details,
    /// The last bootstrap client: as long as the files say the same, its connections serve.
    last: Mutex<Option<(Endpoint, Secret, FixedClient)>>,
}

impl KubeApi {
    /// Calls as the live identity go through `live`, the others by the bootstrap kubeconfig at that path. Issued
    /// chains are looked at with the client CA.
    #[must_use]
    pub fn new(
        bootstrap: Option<std::path::PathBuf>,
        live: LiveClient,
        keys: KeyStore,
        client_ca: Option<ClientCa>,
        details: Details,
    ) -> Self {
        Self(Arc::new(Shared { bootstrap, live, keys, client_ca, details, last: Mutex::default() }))
    }
}

impl CsrApi for KubeApi {
    fn call(
        &self,
        call: Call,
        credential: Credential,
    ) -> impl Future<Output = (Result<CsrObject, ApiFault>, Staged)> + Send + 'static {
        // What is to be sent is taken now, while core still names the key.
        let asked = match call {
            Call::Create { key } => self.0.keys.asked(key),
            Call::Get { .. } | Call::Watch { .. } => None,
        };
        let shared = Arc::clone(&self.0);
        async move {
            match shared.call(call, asked, credential).await {
                Ok(object) => shared.read(object),
                Err(fault) => (Err(fault), Staged::default()),
            }
        }
        .boxed()
    }
}

impl Shared {
    async fn call(
        &self,
        call: Call,
        asked: Option<Asked>,
        credential: Credential,
    ) -> Result<CertificateSigningRequest, ApiFault> {
        let head = Head::default();
        let service = Service { sender: self.sender(credential)?, head: head.clone() };
        let api: Api<CertificateSigningRequest> = Api::all(Client::new(service, "default"));
        let result = match call {
            Call::Create { .. } => match asked {
                Some(asked) => api.create(&PostParams::default(), &object(&asked)).await,
                // The handle is core's own; without its request there is nothing to send.
                None => return Err(ApiFault::Invalid),
            },
            Call::Get { request } => api.get(&request_name(&request)).await,
            Call::Watch { request } => {
                return watch(&api, &request).await.map_err(|ended| self.fault(ended, &head));
            }
        };
        result.map_err(|error| self.fault(Ended::Error(error), &head))
    }

    /// What core is told; the text is left for the line that reports it.
    fn fault(&self, ended: Ended, head: &Head) -> ApiFault {
        match ended {
            Ended::Fault(fault) => fault,
            Ended::Error(error) => {
                let (fault, text) = classify(&error, head);
                self.details.set_call(&text);
                fault
            }
        }
    }

    fn sender(&self, credential: Credential) -> Result<Sender, ApiFault> {
        match credential {
            Credential::Live(_) => Ok(Sender::Live(self.live.clone())),
            Credential::Bootstrap => {
                self.bootstrap().map(|client| Sender::Fixed(Box::new(client))).map_err(|error| {
                    self.details.set_call(&error.to_string());
                    ApiFault::NoCredential
                })
            }
        }
    }

    fn bootstrap(&self) -> Result<FixedClient, BoxError> {
        let path =
            self.bootstrap.as_ref().ok_or("no bootstrap kubeconfig is given; give --bootstrap-kubeconfig")?;
        let kubeconfig = Kubeconfig::read(path)?;
        let (endpoint, secret) = (kubeconfig.endpoint()?, kubeconfig.secret()?);
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, used, client)) = &*last
            && *known == endpoint
            && *used == secret
        {
            return Ok(client.clone());
        }
        let client = FixedClient::new(&endpoint, kubeconfig.secret()?)?;
        *last = Some((endpoint, secret, client.clone()));
        Ok(client)
    }

    /// What core needs to know of an object, and its chain.
    fn read(&self, object: CertificateSigningRequest) -> (Result<CsrObject, ApiFault>, Staged) {
        let (spec, status) = (object.spec, object.status.unwrap_or_default());
        let mut read = Staged::default();
        let pem = status.certificate.map(|bytes| bytes.0).filter(|bytes| !bytes.is_empty());
        let certificate = pem.map(|pem| match CertChain::read(&pem, self.client_ca.as_ref()) {
            Ok((chain, facts)) => {
                let cert = self.keys.stage_chain(&mut read, chain, facts.clone());
                Issued::Readable { cert, facts }
            }
            Err(error) => {
                self.details.set_call(&error.to_string());
                Issued::Unreadable
            }
        });
        let conditions = status.conditions.unwrap_or_default();
        let has = |kind: &str| conditions.iter().find(|condition| condition.type_ == kind);
        if let Some(condition) = has("Denied").or(has("Failed")) {
            let reason = condition.reason.as_deref().unwrap_or("no reason given");
            let message = condition.message.as_deref().unwrap_or("no message");
            self.details.set_call(&format!("{reason}: {message}"));
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
        (Ok(object), read)
    }
}

fn object(asked: &Asked) -> CertificateSigningRequest {
    let template = &asked.template;
    let mut object = CertificateSigningRequest {
        spec: CertificateSigningRequestSpec {
            request: ByteString(asked.csr_pem.clone().into_bytes()),
            signer_name: template.signer.clone(),
            usages: Some(template.usages.names().map(str::to_owned).collect()),
            expiration_seconds: template.duration.and_then(|span| i32::try_from(span.ms() / 1000).ok()),
            ..CertificateSigningRequestSpec::default()
        },
        ..CertificateSigningRequest::default()
    };
    object.metadata.name = Some(asked.name.clone());
    object
}

/// How a call came to nothing.
enum Ended {
    Error(kube::Error),
    Fault(ApiFault),
}

/// Lists and watches one object until it has something to tell.
async fn watch(
    api: &Api<CertificateSigningRequest>,
    request: &RequestDigest,
) -> Result<CertificateSigningRequest, Ended> {
    let fields = format!("metadata.name={}", request_name(request));
    let list = api.list(&ListParams::default().fields(&fields)).await.map_err(Ended::Error)?;
    let version = list.metadata.resource_version.unwrap_or_default();
    let object = list.items.into_iter().next().ok_or(Ended::Fault(ApiFault::NotFound))?;
    if has_news(&object) {
        return Ok(object);
    }
    let parameters = WatchParams::default().fields(&fields).timeout(WATCH_SECONDS);
    let events = api.watch(&parameters, &version).await.map_err(Ended::Error)?;
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
struct Head(Arc<Mutex<Option<Noted>>>);

type Noted = (StatusCode, Option<Span>);

impl Head {
    fn note(&self, response: &Response<Incoming>) {
        let noted = (response.status(), asked_to_wait(response.headers()));
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(noted);
    }

    fn get(&self) -> Option<Noted> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What an error means, and its text.
fn classify(error: &kube::Error, head: &Head) -> (ApiFault, String) {
    match error {
        kube::Error::Api(status) => {
            let (code, retry_after) =
                head.get().map_or((status.code, None), |(code, retry_after)| (code.as_u16(), retry_after));
            (by_code(code, retry_after), format!("{code} {}", status.message))
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
fn asked_to_wait(headers: &HeaderMap) -> Option<Span> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Span::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    let left = date.duration_since(SystemTime::now()).unwrap_or_default();
    Some(Span::from_secs(left.as_secs()))
}

#[derive(Clone, Debug)]
enum Sender {
    Live(LiveClient),
    Fixed(Box<FixedClient>),
}

/// The service under a kube client: our connections, the answer's size capped, Retry-After noted.
#[derive(Clone, Debug)]
struct Service {
    sender: Sender,
    head: Head,
}

impl tower::Service<Request<kube::client::Body>> for Service {
    type Response = Response<Limited<Incoming>>;
    type Error = ConnectionError;
    type Future = futures_util::future::BoxFuture<'static, Result<Self::Response, ConnectionError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectionError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<kube::client::Body>) -> Self::Future {
        let Self { sender, head } = self.clone();
        async move {
            let mut request = request.map(|body| body.map_err(Into::into).boxed_unsync());
            let agent = hyper::header::HeaderValue::from_static(USER_AGENT);
            request.headers_mut().insert(hyper::header::USER_AGENT, agent);
            let response = match sender {
                Sender::Live(client) => client.request(request).await?,
                Sender::Fixed(client) => client.request(request).await?,
            };
            head.note(&response);
            Ok(response.map(|body| Limited::new(body, MAX_ANSWER)))
        }
        .boxed()
    }
}
