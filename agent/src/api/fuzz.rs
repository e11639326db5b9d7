//! Any bytes in the place of the server's answers: a fuzz target, and a way to test an answer without a server.
//!
//! The first line is `CALL STATUS RETRY-AFTER`: `get`, `create` or `watch`, and what the head of the answer says. The rest is
//! the body; of a watch the list in one line and then the events, one a line.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use certrotate_core::config::Template;
use certrotate_core::facts::Usages;
use certrotate_core::id::{KeyHandle, OpId, RequestDigest, RunId};
use certrotate_core::input::Input;
use certrotate_core::issuer::{Call, IssuerFault, RequestRecord, RequestState};
use certrotate_x509::request_name;
use http_body_util::{Full, Limited};
use hyper::body::Bytes;
use hyper::header::{HeaderMap, HeaderValue, RETRY_AFTER};
use hyper::http::{Request, Response, StatusCode};
use serde_json::Value;

use super::answer;
use crate::connection::{Body, BoxError};
use crate::fault_texts::FaultTexts;
use crate::keystore::{KeyStore, SigningRequest};
use crate::kubernetes::{Objects, Transport};
use crate::limits::MAX_ANSWER;

/// When every answer comes: a date in a Retry-After is then the same wait in every run.
const NOW: Duration = Duration::from_secs(1_795_521_600);

/// The request that every call is about.
pub(super) const REQUEST: RequestDigest = RequestDigest([7; 32]);

/// The outcome of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    /// The result for core.
    pub(super) result: Result<RequestRecord, IssuerFault>,
    /// The line for the log.
    pub(super) text: Option<String>,
    /// The number of chains in the key store.
    pub(super) chains: usize,
}

/// The answers to one call.
struct Answers<'a> {
    call: Call,
    status: StatusCode,
    retry_after: Option<HeaderValue>,
    body: &'a [u8],
    events: &'a [u8],
}

impl<'a> Answers<'a> {
    fn of(bytes: &'a [u8]) -> Self {
        let (head, body) = line(bytes);
        let head = String::from_utf8_lossy(head);
        let mut words = head.splitn(3, ' ');
        let call = match words.next() {
            Some("create") => Call::Create { key: KeyHandle(1) },
            Some("watch") => Call::Watch { request: REQUEST },
            Some(_) | None => Call::Get { request: REQUEST },
        };
        let status = words.next().and_then(|word| StatusCode::from_bytes(word.as_bytes()).ok());
        let retry_after = words.next().and_then(|word| HeaderValue::from_str(word).ok());
        let (body, events) = if matches!(call, Call::Watch { .. }) { line(body) } else { (body, &[][..]) };
        Self { call, status: status.unwrap_or(StatusCode::OK), retry_after, body, events }
    }

    fn queue(&self) -> Vec<Stored> {
        let answer = |status: StatusCode, body: &[u8]| {
            let mut response =
                Response::new(Limited::new(Full::new(Bytes::copy_from_slice(body)), MAX_ANSWER));
            *response.status_mut() = status;
            if let Some(value) = &self.retry_after {
                response.headers_mut().insert(RETRY_AFTER, value.clone());
            }
            response
        };
        // The last one is given first.
        vec![answer(StatusCode::OK, self.events), answer(self.status, self.body)]
    }
}

/// Returns the first line and the rest.
fn line(bytes: &[u8]) -> (&[u8], &[u8]) {
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    (&bytes[..end], bytes.get(end + 1..).unwrap_or_default())
}

/// An answer in memory.
type Stored = Response<Limited<Full<Bytes>>>;

/// The transport of a client: answers that are there already.
#[derive(Clone, Debug)]
struct Canned(Arc<Mutex<Vec<Stored>>>);

impl Transport for Canned {
    type Answer = Limited<Full<Bytes>>;

    async fn send(&self, _: Request<Body>) -> Result<Stored, BoxError> {
        let answer = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        Ok(answer.expect("no call needs more than two answers"))
    }
}

thread_local! {
    /// Reused: starting a runtime costs more than a call.
    static RUNTIME: tokio::runtime::Runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime without sockets needs nothing from the system");
}

/// Returns the outcome of these answers.
pub(super) fn outcome(bytes: &[u8]) -> Outcome {
    let answers = Answers::of(bytes);
    let template = Template::kubelet_client("node-1");
    let (keys, texts) = (KeyStore::new(template.clone()), FaultTexts::default());
    let asked = SigningRequest { name: request_name(&REQUEST), csr_pem: "a request".to_owned(), template };
    let requests = Objects::all(Canned(Arc::new(Mutex::new(answers.queue()))));
    let result =
        RUNTIME.with(|runtime| runtime.block_on(answer::call(&requests, answers.call, Some(&asked))));
    let result = match result {
        Ok(object) => {
            let (object, staged) = answer::read(object, &keys, None, &texts);
            let op = OpId { run: RunId(1), seq: 1 };
            let accepted = keys.accept(staged, &Input::CallAnswered { op, result: Ok(object.clone()) });
            accepted.expect("one chain is below the limit");
            Ok(object)
        }
        Err(failure) => {
            let (fault, text) = failure.explain(SystemTime::UNIX_EPOCH + NOW);
            text.iter().for_each(|text| texts.set_call(text));
            Err(fault)
        }
    };
    Outcome { result, text: texts.take_call(), chains: keys.handles().len() }
}

/// Any bytes as answers. An answer that is not what Kubernetes sends is `Unexpected`; a failure is known
/// by its status; what is told of an object is in its JSON, and nothing else is.
///
/// # Panics
///
/// Where this is not so.
pub fn api(bytes: &[u8]) {
    let answers = Answers::of(bytes);
    let seen = outcome(bytes);
    assert_eq!(seen, outcome(bytes), "the same bytes are the same answer");
    if let Some(text) = &seen.text {
        // An escaped character has at most ten.
        assert!(!text.contains(char::is_control) && text.chars().count() <= 4001, "one line: {text:?}");
    }
    let readable =
        seen.result.as_ref().is_ok_and(|object| matches!(object.state, RequestState::Issued { .. }));
    assert_eq!(seen.chains, usize::from(readable), "a chain is kept if core is told of it");
    let status = answers.status.as_u16();
    if !(200..300).contains(&status) {
        let fault = by_status(status, answers.retry_after.as_ref());
        let body = serde_json::from_slice::<Value>(answers.body).unwrap_or_default();
        // Only an API server says which objects there are. The object of a create need not exist, so it cannot be missing.
        let is_about_object = matches!(fault, IssuerFault::NotFound | IssuerFault::AlreadyExists);
        let is_create = matches!(answers.call, Call::Create { .. });
        if is_about_object && (body["kind"] != "Status" || (is_create && fault == IssuerFault::NotFound)) {
            assert_eq!(seen.result, Err(IssuerFault::Unexpected), "{status}");
        } else if seen.result != Err(IssuerFault::Unexpected) || !is_about_object {
            assert_eq!(seen.result, Err(fault), "{status}");
        }
        return;
    }
    let body = serde_json::from_slice::<Value>(answers.body).ok();
    let watched = matches!(answers.call, Call::Watch { .. });
    match (&seen.result, body) {
        (Err(fault), None) => assert_eq!(*fault, IssuerFault::Unexpected, "it is no JSON"),
        (Err(fault), Some(_)) if !watched => {
            assert_eq!(*fault, IssuerFault::Unexpected, "it is no request");
        }
        (Err(fault), Some(list)) => match fault {
            IssuerFault::Unexpected => {}
            IssuerFault::NotFound | IssuerFault::WatchEnded => {
                assert!(list["items"].is_array() || list["items"].is_null(), "it is a list");
            }
            other => panic!("{other:?} after a success"),
        },
        (Ok(object), body) => {
            let shown = body
                .into_iter()
                .flat_map(|body| if watched { items(&body, answers.events) } else { vec![body] });
            assert!(shown.into_iter().any(|shown| is_told(&shown, object)), "no answer showed {object:?}");
            let news = !matches!(object.state, RequestState::Pending | RequestState::Approved);
            assert!(!watched || news, "a watch ends when there is something to tell");
        }
    }
}

/// Every object that a list and the events after it show.
fn items(list: &Value, events: &[u8]) -> Vec<Value> {
    let events =
        events.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice::<Value>(line).ok());
    let shown = events.map(|mut event| event["object"].take());
    list["items"].as_array().and_then(|items| items.first()).cloned().into_iter().chain(shown).collect()
}

/// Whether `object` is what `json` says, and no more.
fn is_told(json: &Value, object: &RequestRecord) -> bool {
    let (spec, status) = (&json["spec"], &json["status"]);
    let has = |kind: &str| {
        let conditions = status["conditions"].as_array();
        conditions.is_some_and(|all| all.iter().any(|condition| condition["type"] == kind))
    };
    let usages = spec["usages"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let usages =
        usages.fold(Usages::NONE, |all, name| all.with(Usages::named(name).unwrap_or(Usages::OTHER)));
    let is_issued = status["certificate"].as_str().is_some_and(|text| !text.is_empty());
    let is_state = match object.state {
        RequestState::Denied => has("Denied"),
        RequestState::Failed => has("Failed") && !has("Denied"),
        RequestState::Pending => !has("Denied") && !has("Failed") && !has("Approved"),
        RequestState::Approved => has("Approved") && !has("Denied") && !has("Failed") && !is_issued,
        RequestState::Issued { .. } | RequestState::IssuedUnreadable => {
            has("Approved") && !has("Denied") && !has("Failed") && is_issued
        }
    };
    is_state
        && json["metadata"]["name"] == request_name(&REQUEST)
        && object.signer == spec["signerName"].as_str().unwrap_or_default()
        && object.usages == usages
}

/// What a status that is no success means, whatever comes with it: the rows of `IssuerFault`.
fn by_status(status: u16, retry_after: Option<&HeaderValue>) -> IssuerFault {
    let retry_after = retry_after.and_then(|value| {
        let headers = HeaderMap::from_iter([(RETRY_AFTER, value.clone())]);
        answer::retry_after(&headers, SystemTime::UNIX_EPOCH + NOW)
    });
    match status {
        401 => IssuerFault::NotAuthenticated,
        403 => IssuerFault::NotPermitted,
        404 => IssuerFault::NotFound,
        409 => IssuerFault::AlreadyExists,
        429 => IssuerFault::Throttled { retry_after },
        400 | 413 | 422 => IssuerFault::Invalid,
        500..600 => IssuerFault::Unavailable { retry_after },
        _ => IssuerFault::Unexpected,
    }
}
