//! One change of one object.

use std::sync::{Arc, OnceLock};

use hyper::body::Bytes;

use crate::apiserver::change::ChangeKind;
use crate::apiserver::object::Size;
use crate::base::csr::Csr;

impl<T> Event<T> {
    /// The memory that it takes where no one else has its object, with its line.
    pub(crate) fn memory(&self) -> usize {
        self.size.memory + self.size.json
    }
}

/// A stored object, and its size.
#[derive(Debug)]
pub(crate) struct Stored<T> {
    pub(crate) object: Arc<T>,
    pub(crate) size: Size,
}

impl<T> Clone for Stored<T> {
    fn clone(&self) -> Self {
        Self { object: Arc::clone(&self.object), size: self.size }
    }
}

/// One change. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Event<T = Csr> {
    pub(crate) version: u64,
    pub(crate) kind: ChangeKind,
    pub(crate) key: Arc<str>,
    pub(crate) object: Arc<T>,
    pub(crate) size: Size,
    /// The object before the change; for a deletion the deleted object.
    pub(crate) before: Option<Stored<T>>,
    /// The watch line of the unfiltered event: encoded once for all watches.
    pub(crate) line: Arc<OnceLock<Bytes>>,
}
