//! The parts that the examples share: a [`Node`] with a real directory, real keys and a real issuer over TLS, and the same
//! parts as the conformance kit simulates them, a [`Kit`].
//!
//! An example is a loop over [`Parts`]. It runs twice: the kit plays every scenario with it, and a node gets certificates from
//! a [`Cluster`].
//!
//! ```
//! use certrotate_core::config::Template;
//! use certrotate_examples::{Cluster, Live, Node};
//! use std::time::Duration;
//!
//! let cluster = Cluster::start(Duration::from_secs(20))?;
//! let (home, live) = (tempfile::tempdir()?, Live::default());
//! let template = Template::kubelet_client("node-1");
//! let node = Node::new("kubelet-client", home.path(), template, cluster.api(&live), live)?;
//! assert!(node.live().current().is_none());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod answer;
mod ca;
mod clocks;
mod cluster;
mod exchange;
mod kit;
mod kubernetes;
mod live;
mod node;
mod parts;
mod stub;

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use certrotate_core::config::{Config, ConfigError, ConfigSpec, Template};
use certrotate_core::id::RunId;
use certrotate_core::time::Span;
use certrotate_core::timing::{Backoff, RenewalRange};

pub use answer::Answer;
pub use ca::LocalCa;
pub use clocks::{now, wall};
pub use cluster::Cluster;
pub use exchange::{Exchange, Reply, client_config};
pub use kit::{Kit, conformance};
pub use kubernetes::{Kubernetes, Login, REQUESTS, issued};
pub use live::{Identity, Live};
pub use node::{Issuer, Node};
pub use parts::{Outgoing, Parts, Sleep};
pub use stub::{Request, Stub};

/// The driver of `docs/embedding.md`: its examples run as doc tests.
#[cfg(doctest)]
#[doc = include_str!("../../docs/embedding.md")]
pub struct EmbeddingPage;

/// The random bytes of this process, and the number of its next rotator.
static PROCESS: OnceLock<[u8; 16]> = OnceLock::new();
static ROTATORS: AtomicU32 = AtomicU32::new(0);

/// Draws the id of a run: no other rotator has it, in this process or in another.
#[must_use]
pub fn run_id() -> RunId {
    let process = PROCESS.get_or_init(|| {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).expect("the system has randomness, or no key could be made either");
        bytes
    });
    RunId::new(*process, ROTATORS.fetch_add(1, Ordering::Relaxed))
}

/// Returns a configuration for certificates of 20 seconds. They are renewed after one or two: a busy machine has time left.
///
/// # Errors
///
/// The template is not complete.
pub fn quick_config(template: Template) -> Result<Config, ConfigError> {
    let mut spec = ConfigSpec::new(template);
    spec.seed = run_id().0;
    spec.timing.poll = Backoff { first: Span::from_ms(100), max: Span::from_secs(1) };
    spec.timing.retry.first = Span::from_ms(200);
    spec.timing.lifetime_left.min = Span::from_secs(1);
    spec.timing.renewal = RenewalRange { from: 60, to: 100 };
    Config::new(spec)
}
