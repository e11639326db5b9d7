//! The constants that the demo and the chaos run share.

use std::time::Duration;

/// The lifetime of the certificates.
pub(crate) const LIFETIME: Duration = Duration::from_secs(10);
/// The approver's delay: long enough to see a request pending.
pub(crate) const APPROVAL: Duration = Duration::from_millis(250);
/// The interval between two updates of the progress line and of the connections.
pub(crate) const REFRESH: Duration = Duration::from_millis(100);
/// The requests that the last certificate must have carried before a run ends.
pub(crate) const LAST_REQUESTS: u64 = 20;
/// The time beyond the lifetimes of all certificates after which a run has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// The node's name.
pub(crate) const NODE: &str = "demo-node";
