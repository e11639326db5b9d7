//! A request with its body read.

use http::Method;
use hyper::body::Bytes;

/// A request with its body read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Call {
    pub(crate) method: Method,
    /// Path as it came, percent-encoded.
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) accept: String,
    /// The ETag of what the client has.
    pub(crate) if_none_match: String,
    pub(crate) content_type: String,
    pub(crate) body: Bytes,
}
