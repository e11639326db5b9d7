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
    /// What was there before; of a deletion what was deleted.
    pub(crate) before: Option<Arc<T>>,
    /// The line of a watch that shows the event as it is: made once, whoever watches.
    pub(crate) line: Arc<OnceLock<Bytes>>,
}
