//! An embedded Kubernetes control plane for certificate signing requests: an HTTPS API on loopback
//! (`certificates.k8s.io/v1`, for kubectl and other clients), with its own
//! certificate authority, approver and signer.
//!
//! It is what `certrotate controlplane` and `certrotate-demo` run, and a test double for authors of
//! clients of that API: credentials are judged per request, faults are injected through [`Faults`],
//! [`Stats`] counts requests, and a custom [`Clock`] expires credentials without waiting.
//!
//! It never listens on anything but loopback, never stores anything outside [`Options::dir`], never prints,
//! and never shows a key in a log line, an error or a `Debug` form.
//!
//! ```
//! use certrotate_controlplane::{Approval, ControlPlane, Options};
//! use std::time::Duration;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), certrotate_controlplane::Error> {
//! let plane = ControlPlane::start(Options {
//!     approve: Approval::Auto,
//!     cluster_signing_duration: Duration::from_secs(10),
//!     ..Options::default()
//! })
//! .await?;
//!
//! assert!(plane.address().ip().is_loopback());
//! assert!(plane.bootstrap_kubeconfig().contains(plane.bootstrap_token()));
//!
//! plane.faults().answer(503, None, Some(3)).delay(Duration::from_millis(20));
//! plane.faults().clear();
//! assert_eq!(plane.stats().expired_uses, 0);
//! plane.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! It serves, as kube-apiserver does: `certificatesigningrequests` with their `approval` and `status`, `leases`, the
//! reviews of the caller's identity and permissions, discovery and OpenAPI in the forms that kubectl requests, and
//! `/healthz`, `/livez`, `/readyz`, `/version` without credentials. `GET /whoami` is the control plane's own: it answers
//! `{"user", "groups", "serial"}` to every authenticated user. So are the paths under `/certrotate`: faults, bootstrap
//! tokens and statistics, for admins. See `docs/controlplane.md`.

mod apiserver;
mod base;
mod control_plane;
mod dir;
mod faults;
#[doc(hidden)]
pub mod fuzz;
mod kubeconfig;
mod options;
mod signing;
mod statistics;
#[cfg(test)]
mod testing;

pub use apiserver::access::bootstrap_token::BootstrapToken;
pub use apiserver::access::token::TokenUse;
pub use base::clock::Clock;
pub use base::duration::parse_duration;
pub use base::error::Error;
pub use control_plane::{ControlPlane, Handle};
pub use faults::handle::Faults;
pub use faults::spoil::Spoil;
pub use faults::text::Fault;
pub use options::Options;
pub use signing::approver::{Approval, Recognizer};
pub use signing::cleaner::Ages;
pub use signing::controllers::options::{ControllerOptions, SigningFiles};
pub use signing::controllers::port::{Change, Port, PortError, Review};
pub use signing::controllers::reconcile::Controllers;
pub use signing::criteria::Rules;
pub use signing::lease::record::{LeaseRecord, name_lease};
pub use signing::lease::{Elector, LeasePort, LeaseTimes};
pub use signing::pki::authority::ClientIdentity;
pub use signing::pki::source::CaFiles;
pub use statistics::durations::DurationCounts;
pub use statistics::stats::{CsrSummary, Stats};
