//! Lists: paged on request, and written while they are sent, so that a long list is never one buffer.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::stream;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Bytes, Frame};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::apiserver::api_error::ApiError;
use crate::apiserver::http::answer::{Body, respond};
use crate::apiserver::http::context::Context;
use crate::apiserver::object::Object;
use crate::apiserver::store::objects::Store;
use crate::apiserver::store::page::{Ask, Page};
use crate::apiserver::wire::call::Call;
use crate::apiserver::wire::form::{Form, form, only_metadata};
use crate::apiserver::wire::query::{Query, VersionMatch};
use crate::apiserver::wire::table::{columns, row};
use crate::base::budgets::{CHUNK_BYTES, CHUNK_OBJECTS, PAGE_OBJECTS, PIECE_BYTES};

#[cfg(test)]
mod tests;

/// The place to continue, which the client carries.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Token {
    /// The version of the first part; 0: of now.
    version: u64,
    after: String,
}

impl Token {
    fn write(&self) -> String {
        // A number and a text always have a JSON form.
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).unwrap_or_default())
    }

    fn read(text: &str) -> Result<Self, ApiError> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok();
        let token = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        token.ok_or_else(|| ApiError::bad_request("continue key is not valid: it is not one of this server"))
    }
}

/// GET on a collection.
pub(crate) fn list<T: Object>(
    context: &Context,
    store: &Arc<Store<T>>,
    (call, query): (&Call, &Query),
    namespace: Option<&str>,
) -> Result<Response<Body>, ApiError> {
    let (mut ask, page) = page(store, query, namespace)?;
    let mut metadata = json!({"resourceVersion": page.version.to_string()});
    if let Some(after) = page.next.as_ref().filter(|_| query.limit > 0) {
        metadata["continue"] = json!(Token { version: page.version, after: after.clone() }.write());
        if let Some(remaining) = page.remaining {
            metadata["remainingItemCount"] = json!(remaining);
        }
    }
    let form = form(&call.accept);
    let (kind, version, items) = match form {
        Form::Whole => (format!("{}List", T::API.kind), T::API.group_version(), "items"),
        Form::Metadata => ("PartialObjectMetadataList".to_owned(), "meta.k8s.io/v1".to_owned(), "items"),
        Form::Table => ("Table".to_owned(), "meta.k8s.io/v1".to_owned(), "rows"),
    };
    let mut start =
        format!("{{\"kind\":{},\"apiVersion\":{},\"metadata\":{metadata},", json!(kind), json!(version));
    if form == Form::Table {
        start.push_str(&format!("\"columnDefinitions\":{},", columns::<T>()));
    }
    start.push_str(&format!("\"{items}\":["));
    let (include, now) = (query.include, context.clock.now());
    let write = move |object: &T, out: &mut Vec<u8>| {
        // Every stored object has a JSON form, and a vector takes it all.
        let _written = match form {
            Form::Whole => serde_json::to_writer(out, object),
            Form::Metadata => serde_json::to_writer(out, &only_metadata(object)),
            Form::Table => serde_json::to_writer(out, &row(object, include, now)),
        };
    };
    // The client limits how much it gets, else the rest follows while it reads.
    let is_last = query.limit > 0 || page.next.is_none();
    (ask.after, ask.at) = (page.next, Some(page.version));
    let objects = Objects { store: Arc::clone(store), ask, chunk: page.objects.into(), is_last };
    Ok(send(start.into_bytes(), objects, write))
}

/// The answer that lists these objects, written while it is sent.
pub(crate) fn whole<T: Object>(store: &Arc<Store<T>>, page: Page<T>) -> Response<Body> {
    let start = format!(
        "{{\"kind\":\"{}List\",\"apiVersion\":{},\"metadata\":{{\"resourceVersion\":\"{}\"}},\"items\":[",
        T::API.kind,
        json!(T::API.group_version()),
        page.version
    );
    let objects =
        Objects { store: Arc::clone(store), ask: Ask::default(), chunk: page.objects.into(), is_last: true };
    send(start.into_bytes(), objects, |object: &T, out: &mut Vec<u8>| {
        // Every stored object has a JSON form, and a vector takes it all.
        let _written = serde_json::to_writer(out, object);
    })
}

/// Returns the page that the query names, or the first chunk of a list without a limit, with the selection that leads to the rest.
fn page<T: Object>(
    store: &Store<T>,
    query: &Query,
    namespace: Option<&str>,
) -> Result<(Ask, Page<T>), ApiError> {
    let selector = query.selector.clone().within(namespace);
    let (limit, bytes) = match query.limit {
        0 => (CHUNK_OBJECTS, CHUNK_BYTES),
        // A page may have fewer objects than the client lets it.
        limit => (limit.min(PAGE_OBJECTS), 0),
    };
    let mut ask = Ask { selector, limit, bytes, ..Ask::default() };
    if !query.next.is_empty() {
        if !matches!(query.resource_version.as_str(), "" | "0") {
            let why = "specifying resource version is not allowed when using continue";
            return Err(ApiError::bad_request(why));
        }
        let token = Token::read(&query.next)?;
        let fresh = Token { version: 0, after: token.after.clone() }.write();
        ask.at = Some(token.version).filter(|version| *version > 0);
        ask.after = Some(token.after);
        let gone = |error: ApiError| match error.code {
            StatusCode::GONE => ApiError::continue_expired(&fresh),
            _ => error,
        };
        let page = store.page(&ask).map_err(gone)?;
        return Ok((ask, page));
    }
    if !matches!(query.resource_version.as_str(), "" | "0") {
        let text = &query.resource_version;
        let bad = |_| ApiError::bad_request(format!("invalid resource version {text:?}"));
        let version = text.parse::<u64>().map_err(bad)?;
        let newest = store.version();
        if version > newest {
            return Err(ApiError::too_new(version, newest));
        }
        if query.version_match == VersionMatch::Exact {
            ask.at = Some(version);
        }
    }
    let page = store.page(&ask)?;
    Ok((ask, page))
}

/// The objects of a list, taken out of the store a chunk at a time while the client reads.
struct Objects<T: Object> {
    store: Arc<Store<T>>,
    ask: Ask,
    chunk: VecDeque<Arc<T>>,
    is_last: bool,
}

impl<T: Object> Objects<T> {
    /// The next object; 410 if the log no longer reaches the version of the list.
    fn next(&mut self) -> Result<Option<Arc<T>>, ApiError> {
        if self.chunk.is_empty() && !self.is_last {
            let page = self.store.page(&self.ask)?;
            self.is_last = page.next.is_none();
            self.ask.after = page.next;
            self.chunk = page.objects.into();
        }
        Ok(self.chunk.pop_front())
    }
}

/// An answer of `start`, the objects with commas between them, and the end of list and object.
fn send<T: Object>(
    start: Vec<u8>,
    mut left: Objects<T>,
    write: impl Fn(&T, &mut Vec<u8>) + Send + 'static,
) -> Response<Body> {
    let mut first = true;
    let mut buffer = Some(start);
    let mut piece = move || -> Option<io::Result<(Bytes, bool)>> {
        let mut out = buffer.take()?;
        while out.len() < PIECE_BYTES {
            match left.next() {
                // The client sees that the answer is cut off, and lists again.
                Err(error) => return Some(Err(io::Error::other(error.message))),
                Ok(None) => {
                    out.extend_from_slice(b"]}\n");
                    return Some(Ok((Bytes::from(out), true)));
                }
                Ok(Some(object)) => {
                    if !std::mem::take(&mut first) {
                        out.push(b',');
                    }
                    write(&object, &mut out);
                }
            }
        }
        buffer = Some(Vec::with_capacity(PIECE_BYTES + PIECE_BYTES / 4));
        Some(Ok((Bytes::from(out), false)))
    };
    match piece() {
        // Most lists are of one piece, and then the answer has a Content-Length.
        Some(Ok((whole, true))) => respond(StatusCode::OK, "application/json", whole),
        begun => {
            let pieces = begun.into_iter().chain(std::iter::from_fn(piece));
            let frames = pieces.map(|piece| piece.map(|(bytes, _)| Frame::data(bytes)));
            let mut response = Response::new(StreamBody::new(stream::iter(frames)).boxed_unsync());
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            response
        }
    }
}
