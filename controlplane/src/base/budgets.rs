//! Every budget of the API server in one place: how much a client may send, keep, or make the server do.
//!
//! `docs/controlplane.md` has the same table with the error that a breach causes.

use std::time::Duration;

// Connections.

/// Most connections, if the limit of open files (`RLIMIT_NOFILE`) is not lower. Those that have not
/// authenticated get three quarters of them at most, and one user gets half.
pub(crate) const CONNECTIONS: usize = 10_000;
/// Open files that are kept for anything else.
pub(crate) const DESCRIPTORS_KEPT: usize = 64;
/// Bound of a TLS handshake.
pub(crate) const HANDSHAKE_TIME: Duration = Duration::from_secs(10);
/// Bound from the TLS handshake to the end of the first request's head.
pub(crate) const FIRST_REQUEST_TIME: Duration = Duration::from_secs(10);
/// How long a connection may be without a request after the first one (`IdleTimeout` of kube-apiserver).
pub(crate) const IDLE_TIME: Duration = Duration::from_secs(90);
/// Bound of a request, until its answer is read.
pub(crate) const RESPONSE_TIME: Duration = Duration::from_secs(300);
/// The longest lifetime of a watch; `timeoutSeconds` may shorten it.
pub(crate) const WATCH_LIFETIME: Duration = Duration::from_secs(30 * 60);
/// Bound of a watch, until its last line is read.
pub(crate) const WATCH_TIME: Duration = Duration::from_secs(31 * 60);
/// Largest head of a request.
pub(crate) const HEAD_BYTES: usize = 64 << 10;
/// Most streams of one HTTP/2 connection, as in kube-apiserver.
pub(crate) const STREAMS: u32 = 250;
/// Most bytes that wait in one HTTP/2 stream for its client to read them, beside the piece that is being sent.
pub(crate) const STREAM_BYTES: usize = PIECE_BYTES;

/// Most bytes of all open requests: heads, bodies that are being read, and unread parts of answers.
pub(crate) const PENDING_BYTES: usize = 160 << 20;
/// So much more is left to `system:masters`.
pub(crate) const MASTERS_PENDING_BYTES: usize = 32 << 20;
/// The share of one user. Clients without credentials have one share together.
pub(crate) const USER_PENDING_BYTES: usize = 64 << 20;
/// The share of one connection.
pub(crate) const CONNECTION_PENDING_BYTES: usize = USER_PENDING_BYTES / 2;
/// How much of these an open request takes at least.
pub(crate) const REQUEST_COST: usize = 8 << 10;

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

// All objects of one kind.

/// Most stored objects.
pub(crate) const STORED_OBJECTS: usize = 200_000;
/// Most memory of all stored requests. Together with the budgets of Leases, changes and open requests it is less than 1 GiB.
pub(crate) const CSR_BYTES: usize = 512 << 20;
/// Most memory of all stored Leases.
pub(crate) const LEASE_BYTES: usize = 96 << 20;
/// What an open request counts for its certificate and conditions.
pub(crate) const CERTIFICATE_ROOM: usize = 1_536;
/// Most stored objects of one requestor, or Leases of one namespace.
pub(crate) const REQUESTOR_OBJECTS: usize = STORED_OBJECTS / 2;

/// Most memory of the stored objects of one requestor, or of the Leases of one namespace, if all may have `stored`.
pub(crate) const fn requestor_bytes(stored: usize) -> usize {
    stored / 8 * 7
}

/// Seconds after which a client may try again when a budget of all objects is used up.
pub(crate) const STORED_RETRY: u64 = 60;
/// Most memory of the changes of one kind that wait for the disk.
pub(crate) const STAGED_BYTES: usize = 16 << 20;
/// Most changes that a watch or a page may lag behind before it gets 410.
pub(crate) const LOG_CHANGES: usize = 10_000;
/// Most memory of those changes.
pub(crate) const LOG_BYTES: usize = 48 << 20;
/// Most changes that wait for one watch. A slower watch is cut off from the feed and reads on in the log, so that it does
/// not slow other watches down.
pub(crate) const WATCH_QUEUE: usize = 1_000;
/// Most objects that a list or a watch takes out of the store at a time.
pub(crate) const CHUNK_OBJECTS: usize = 100;
/// Most objects that are looked at before others get the store.
pub(crate) const SCANNED_OBJECTS: usize = 5_000;
/// About so many bytes of objects are taken out at a time.
pub(crate) const CHUNK_BYTES: usize = 256 << 10;
/// About so much of a list is written at a time.
pub(crate) const PIECE_BYTES: usize = 32 << 10;
/// Most objects in a page of a list with a limit.
pub(crate) const PAGE_OBJECTS: usize = 1_000;

// The log.

/// Most lines of one kind that clients can cause, in [`LOG_LINES_TIME`].
pub(crate) const LOG_LINES: u64 = 10;
/// The time in which [`LOG_LINES`] are allowed.
pub(crate) const LOG_LINES_TIME: Duration = Duration::from_secs(10);

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
