//! A client of the Kubernetes API over any transport: kube-core builds the requests and the types, this module sends them.

mod answers;

use std::error::Error as StdError;
use std::marker::PhantomData;

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body, Bytes};
use hyper::header::{HeaderMap, HeaderValue, USER_AGENT};
use hyper::http::{Request, Response, StatusCode};
use kube_core::params::{DeleteParams, GetParams, ListParams, PostParams, WatchParams};
use kube_core::{ObjectList, Resource, WatchEvent};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use crate::connection::{Body as RequestBody, BoxError, Deadline};
use crate::limits;

use answers::{Expected, collect, failure, read_json};

/// The name of this program in the server's log.
const AGENT: HeaderValue = HeaderValue::from_static(concat!("certrotate/", env!("CARGO_PKG_VERSION")));

/// Sends one HTTP request. The transport limits the size of the answer.
pub(crate) trait Transport: Send + Sync {
    /// The body of an answer.
    type Answer: Body<Data = Bytes, Error: Into<BoxError>> + Send + Unpin + 'static;

    /// Sends a request and returns the answer once its headers are there.
    fn send(
        &self,
        request: Request<RequestBody>,
    ) -> impl Future<Output = Result<Response<Self::Answer>, BoxError>> + Send;
}

/// Why a call failed.
#[derive(Debug)]
pub(crate) enum CallError {
    /// The server answered with a failure: a status from 400 to 599.
    Failure {
        /// The status of the answer, whatever its body claims.
        status: StatusCode,
        /// The headers of the answer.
        headers: Box<HeaderMap>,
        /// The message of the `Status` in the body, else a description of the body.
        message: String,
        /// Whether the body is a `Status`: otherwise a proxy may have answered.
        is_status: bool,
    },
    /// The server answered with a status that is neither a success nor a failure. The text describes it.
    OddStatus(StatusCode, String),
    /// The body of a success is not the JSON that Kubernetes sends. The text describes the body and quotes little of it.
    Malformed(String),
    /// There was no answer, or only a part of it.
    Transport(BoxError),
    /// The request could not be built: a parameter is out of range.
    Request(kube_core::request::Error),
}

impl From<kube_core::request::Error> for CallError {
    fn from(error: kube_core::request::Error) -> Self {
        Self::Request(error)
    }
}

/// The objects of one kind, in all namespaces or in one.
#[derive(Clone, Debug)]
pub(crate) struct Objects<T, K> {
    transport: T,
    requests: kube_core::Request,
    kind: PhantomData<fn() -> K>,
}

impl<T: Transport, K: Resource<DynamicType = ()> + Serialize + DeserializeOwned + Clone> Objects<T, K> {
    /// Objects that have no namespace.
    pub(crate) fn all(transport: T) -> Self {
        Self::at(transport, None)
    }

    /// The objects of a namespace.
    pub(crate) fn namespaced(transport: T, namespace: &str) -> Self {
        Self::at(transport, Some(namespace))
    }

    fn at(transport: T, namespace: Option<&str>) -> Self {
        let requests = kube_core::Request::new(K::url_path(&(), namespace));
        Self { transport, requests, kind: PhantomData }
    }

    pub(crate) async fn get(&self, name: &str) -> Result<K, CallError> {
        self.read(self.requests.get(name, &GetParams::default())?, false).await
    }

    /// Returns `None` if there is no object of this name.
    pub(crate) async fn get_opt(&self, name: &str) -> Result<Option<K>, CallError> {
        match self.get(name).await {
            Ok(object) => Ok(Some(object)),
            Err(CallError::Failure { status: StatusCode::NOT_FOUND, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(crate) async fn list(&self, params: &ListParams) -> Result<ObjectList<K>, CallError> {
        self.read(self.requests.list(params)?, true).await
    }

    pub(crate) async fn create(&self, object: &K) -> Result<K, CallError> {
        self.read(self.requests.create(&PostParams::default(), json(object)?)?, false).await
    }

    pub(crate) async fn replace(&self, name: &str, object: &K) -> Result<K, CallError> {
        self.read(self.requests.replace(name, &PostParams::default(), json(object)?)?, false).await
    }

    pub(crate) async fn replace_subresource(
        &self,
        subresource: &str,
        name: &str,
        object: &K,
    ) -> Result<K, CallError> {
        let params = PostParams::default();
        self.read(self.requests.replace_subresource(subresource, name, &params, json(object)?)?, false).await
    }

    pub(crate) async fn delete(&self, name: &str, params: &DeleteParams) -> Result<(), CallError> {
        // The answer is the object or a `Status`: either says that it is done.
        let until = Instant::now() + limits::CALL;
        collect(self.send(self.requests.delete(name, params)?, until).await?, until).await?;
        Ok(())
    }

    /// Watches from this resource version on. The stream ends when the server closes the watch.
    pub(crate) async fn watch(
        &self,
        params: &WatchParams,
        version: &str,
    ) -> Result<Events<T::Answer, K>, CallError> {
        let answer = self.send(self.requests.watch(params, version)?, Instant::now() + limits::CALL).await?;
        Ok(Events { body: answer.into_body(), buffer: Vec::new(), searched: 0, kind: PhantomData })
    }

    async fn read<A: DeserializeOwned>(&self, request: Request<Vec<u8>>, list: bool) -> Result<A, CallError> {
        let until = Instant::now() + limits::CALL;
        let (head, bytes) = collect(self.send(request, until).await?, until).await?;
        let expected = Expected { version: K::api_version(&()), kind: K::kind(&()), list };
        read_json(&head, &bytes, &expected)
    }

    /// Sends a request, and returns the answer if it is a success.
    async fn send(
        &self,
        request: Request<Vec<u8>>,
        until: Instant,
    ) -> Result<Response<T::Answer>, CallError> {
        let mut request =
            request.map(|body| Full::new(Bytes::from(body)).map_err(|never| match never {}).boxed_unsync());
        request.headers_mut().insert(USER_AGENT, AGENT);
        request.extensions_mut().insert(Deadline(limits::HEAD));
        let answer = self.transport.send(request).await.map_err(CallError::Transport)?;
        if answer.status().is_success() { Ok(answer) } else { Err(failure(answer, until).await) }
    }
}

fn json(object: &impl Serialize) -> Result<Vec<u8>, CallError> {
    serde_json::to_vec(object).map_err(|error| kube_core::request::Error::SerializeBody(error).into())
}

/// The events of a watch: one JSON object a line.
pub(crate) struct Events<B, K> {
    body: B,
    /// The bytes after the last complete line.
    buffer: Vec<u8>,
    /// The bytes of the buffer that have no line end: they are not searched again.
    searched: usize,
    kind: PhantomData<fn() -> K>,
}

impl<B, K> Events<B, K>
where
    B: Body<Data = Bytes, Error: Into<BoxError>> + Unpin,
    K: DeserializeOwned + Clone,
{
    /// Returns the next event; `None` when the watch is closed.
    pub(crate) async fn next(&mut self) -> Option<Result<WatchEvent<K>, CallError>> {
        loop {
            while let Some(line) = self.line() {
                if !line.iter().all(u8::is_ascii_whitespace) {
                    return Some(serde_json::from_slice(&line).map_err(|_| no_event()));
                }
            }
            match self.body.frame().await {
                Some(Ok(frame)) => self.buffer.extend(frame.into_data().unwrap_or_default()),
                Some(Err(error)) => {
                    let error = error.into();
                    // A proxy that cuts a watch closes it: the caller watches again.
                    return if is_cut_off(&*error) { None } else { Some(Err(CallError::Transport(error))) };
                }
                None => {
                    let line = std::mem::take(&mut self.buffer);
                    self.searched = 0;
                    return match serde_json::from_slice(&line) {
                        Ok(event) => Some(Ok(event)),
                        // An empty rest, or an event that was cut off.
                        Err(error) if error.is_eof() => None,
                        Err(_) => Some(Err(no_event())),
                    };
                }
            }
        }
    }

    /// Takes the next complete line out of the buffer.
    fn line(&mut self) -> Option<Vec<u8>> {
        let rest = self.buffer.get(self.searched..)?;
        match rest.iter().position(|byte| *byte == b'\n') {
            Some(position) => {
                let end = self.searched + position;
                self.searched = 0;
                Some(self.buffer.drain(..=end).collect())
            }
            None => {
                self.searched = self.buffer.len();
                None
            }
        }
    }
}

fn no_event() -> CallError {
    CallError::Malformed("a line of the watch is no event".to_owned())
}

/// Whether the connection ended in the middle of a chunk or a TLS record.
fn is_cut_off(error: &(dyn StdError + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        let unexpected = |error: &std::io::Error| error.kind() == std::io::ErrorKind::UnexpectedEof;
        if error.downcast_ref().is_some_and(unexpected) || error.to_string().contains("unexpected EOF") {
            return true;
        }
        cause = error.source();
    }
    false
}
