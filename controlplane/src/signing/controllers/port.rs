//! The API as the controllers see it: the store of the embedded control plane, or a real cluster.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::SystemTime;

use futures_util::stream::BoxStream;

use crate::base::csr::Csr;
use crate::signing::approver::Recognizer;

/// An object that has changed.
#[derive(Clone, Debug)]
pub enum Change {
    /// All objects that there are: whatever else was known is gone.
    All(Vec<Arc<Csr>>),
    /// This object is new or has changed.
    Now(Arc<Csr>),
    /// The object of this name is gone.
    Gone(String),
}

/// The question to the authorizer about a requestor: whether it may create the recognizer's subresource of
/// `certificatesigningrequests` in `certificates.k8s.io`, any version.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Review {
    /// `spec.username` of the request.
    pub user: String,
    /// `spec.uid` of the request.
    pub uid: String,
    /// `spec.groups` of the request.
    pub groups: Vec<String>,
    /// `spec.extra` of the request.
    pub extra: BTreeMap<String, Vec<String>>,
    /// The rule, which names the subresource.
    pub recognizer: Recognizer,
}

impl Review {
    /// Of the requestor of `csr`.
    pub(crate) fn of(csr: &Csr, recognizer: Recognizer) -> Self {
        let spec = &csr.spec;
        Self {
            user: spec.username.clone().unwrap_or_default(),
            uid: spec.uid.clone().unwrap_or_default(),
            groups: spec.groups.clone().unwrap_or_default(),
            extra: spec.extra.clone().unwrap_or_default(),
            recognizer,
        }
    }
}

/// Why the API did not do it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum PortError {
    /// The object has changed or is gone; its new state comes as a [`Change`].
    Stale,
    /// Anything else: tried again later.
    Failed(String),
}

impl fmt::Display for PortError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stale => f.write_str("the object has changed meanwhile"),
            Self::Failed(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for PortError {}

/// The API as the controllers use it.
///
/// Each write is of one object as it was seen, its resource version included: one that has changed since is
/// [`PortError::Stale`], never overwritten.
pub trait Port: Send + Sync + 'static {
    /// Everything there is, and from then on every change. It ends only with the program.
    fn changes(&self) -> BoxStream<'static, Change>;

    /// Writes the conditions through `approval`.
    fn decide(&self, csr: Csr) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Writes conditions and certificate through `status`.
    fn set_status(&self, csr: Csr) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Deletes the very object that was seen: UID and resource version are preconditions.
    fn delete(&self, csr: &Csr) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Records that this common name has a certificate up to `until`. A later time that is already recorded stays.
    /// It outlives the request, which the cleaner deletes long before. The signer calls it before it stores the certificate.
    fn hold(
        &self,
        common_name: &str,
        until: SystemTime,
    ) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Returns up to when this common name is held; `None`: it is free.
    fn held_until(
        &self,
        common_name: &str,
    ) -> impl Future<Output = Result<Option<SystemTime>, PortError>> + Send;

    /// Whether the authorizer lets it.
    fn allows(&self, review: Review) -> impl Future<Output = Result<bool, PortError>> + Send;
}
