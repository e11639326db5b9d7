//! Every budget of the API server in one place: how much a client may send, keep, or make the server do.
//!
//! `docs/controlplane.md` has the same table with the error that a breach causes.

use std::time::Duration;

// One request.

/// Largest request body (`MaxRequestBodyBytes` of kube-apiserver).
pub(crate) const BODY_BYTES: usize = 3 << 20;
/// Bound of reading a request's body.
pub(crate) const BODY_TIME: Duration = Duration::from_secs(30);
/// Most values in one JSON or protobuf document: members of maps and items of lists, at every depth.
pub(crate) const DOCUMENT_VALUES: usize = 100_000;
/// Most operations in a JSON patch, as in kube-apiserver.
pub(crate) const PATCH_OPERATIONS: usize = 10_000;
/// Most list items that the operations of one JSON patch may shift.
pub(crate) const PATCH_SHIFTS: usize = 10_000_000;
/// Most terms and values of a selector.
pub(crate) const SELECTOR_TERMS: usize = 100;

// One object.

/// Largest object in its JSON form (`--max-request-bytes` of etcd).
pub(crate) const OBJECT_BYTES: usize = 3 << 19;
/// Most items in one list or map of an object.
pub(crate) const LIST_ITEMS: usize = 1_000;
/// Longest name of an object, in bytes.
pub(crate) const NAME_BYTES: usize = 1_024;
/// Largest PKCS#10 request, PEM.
pub(crate) const PKCS10_BYTES: usize = 256 << 10;

// One answer.

/// Most field errors that an answer lists.
pub(crate) const ERRORS_SHOWN: usize = 30;
/// Most unknown and duplicate fields that an answer lists.
pub(crate) const FIELDS_SHOWN: usize = 10;
/// Longest text of a client that an error quotes, in bytes.
pub(crate) const QUOTE_BYTES: usize = 256;
/// Longest message of an error, in bytes.
pub(crate) const MESSAGE_BYTES: usize = 32 << 10;

// Statistics.

/// Most user names, common names or serial numbers that are counted one by one.
pub(crate) const COUNTED_NAMES: usize = 10_000;

/// Returns the beginning of `text` that fits into `limit` bytes, and `...` if that is not all of it.
pub(crate) fn cut(text: &str, limit: usize) -> std::borrow::Cow<'_, str> {
    if text.len() <= limit {
        return text.into();
    }
    let end = (0..=limit.saturating_sub(3)).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0);
    format!("{}...", &text[..end]).into()
}

/// Returns `text` in quotation marks as an error quotes it: escaped, and cut before that.
pub(crate) fn quoted(text: &str) -> String {
    format!("{:?}", cut(text, QUOTE_BYTES))
}
