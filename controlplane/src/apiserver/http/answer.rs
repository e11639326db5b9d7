//! Answers: JSON documents, other media types, errors.

use std::io;

use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use serde::Serialize;

use crate::apiserver::api_error::ApiError;

/// The body of an answer. An error cuts it off in the middle.
pub(crate) type Body = UnsyncBoxBody<Bytes, io::Error>;

/// An answer with a JSON document.
pub(crate) fn json(code: StatusCode, document: &impl Serialize) -> Response<Body> {
    // Every stored object and every document has a JSON form.
    respond(code, "application/json", serde_json::to_vec(document).unwrap_or_default())
}

/// An answer of this media type.
pub(crate) fn respond(code: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(Full::new(body.into()).map_err(|never| match never {}).boxed_unsync());
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
