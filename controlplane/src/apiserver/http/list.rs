//! Lists: paged on request, and written while they are sent, so that a long list is never one buffer.

use std::convert::Infallible;
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

#[cfg(test)]
mod tests;

/// About so much of a list is written at a time.
const PIECE: usize = 64 * 1024;

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
    store: &Store<T>,
    (call, query): (&Call, &Query),
    namespace: Option<&str>,
) -> Result<Response<Body>, ApiError> {
    let page = page(store, query, namespace)?;
    let mut metadata = json!({"resourceVersion": page.version.to_string()});
    if let Some(after) = &page.next {
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
    Ok(send(start.into_bytes(), page.objects, write))
}

/// Returns the page that the query names.
fn page<T: Object>(store: &Store<T>, query: &Query, namespace: Option<&str>) -> Result<Page<T>, ApiError> {
    let selector = query.selector.clone().within(namespace);
    let mut ask = Ask { selector, limit: query.limit, ..Ask::default() };
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
        return store.page(&ask).map_err(gone);
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
    store.page(&ask)
}

/// An answer of `start`, the objects with commas between them, and the end of list and object.
fn send<T: Object>(
    start: Vec<u8>,
    objects: Vec<Arc<T>>,
    write: impl Fn(&T, &mut Vec<u8>) + Send + 'static,
) -> Response<Body> {
    let mut left = objects.into_iter();
    let mut first = true;
    let mut buffer = Some(start);
    let mut piece = move || {
        let mut out = buffer.take()?;
        while out.len() < PIECE {
            let Some(object) = left.next() else {
                out.extend_from_slice(b"]}\n");
                return Some((Bytes::from(out), true));
            };
            if !std::mem::take(&mut first) {
                out.push(b',');
            }
            write(&object, &mut out);
        }
        buffer = Some(Vec::with_capacity(PIECE + PIECE / 4));
        Some((Bytes::from(out), false))
    };
    match piece() {
        // Most lists are of one piece, and then the answer has a Content-Length.
        Some((whole, true)) => respond(StatusCode::OK, "application/json", whole),
        begun => {
            let begun = begun.map(|(bytes, _)| bytes);
            let rest = std::iter::from_fn(move || piece().map(|(bytes, _)| bytes));
            let frames = begun.into_iter().chain(rest).map(|bytes| Ok::<_, Infallible>(Frame::data(bytes)));
            let mut response = Response::new(StreamBody::new(stream::iter(frames)).boxed_unsync());
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            response
        }
    }
}
