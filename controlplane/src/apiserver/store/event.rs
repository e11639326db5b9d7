//! One change of one object.

use std::sync::{Arc, OnceLock};

use hyper::body::Bytes;

use crate::apiserver::change::ChangeKind;
use crate::base::csr::Csr;

/// One change. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Event<T = Csr> {
    pub(crate) version: u64,
    pub(crate) kind: ChangeKind,
    pub(crate) key: Arc<str>,
    pub(crate) object: Arc<T>,
    /// The object before the change; for a deletion the deleted object.
    pub(crate) before: Option<Arc<T>>,
    /// The watch line of the unfiltered event: encoded once for all watches.
    pub(crate) line: Arc<OnceLock<Bytes>>,
}
