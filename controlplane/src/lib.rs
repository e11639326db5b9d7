//! An embedded Kubernetes control plane for certificate signing requests: an HTTPS API on loopback
//! (`certificates.k8s.io/v1`, as real kubectl and other people's clients speak it), with its own
//! certificate authority, approver and signer.
//!
//! It is what `certrotate controlplane` and `certrotate-demo` run, and a test double for anybody who writes
//! a client of that API: credentials are judged per request, faults are injected through [`Faults`],
//! [`Stats`] says what was seen, and a [`Clock`] of one's own expires things without waiting.
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
//! What is served, as kube-apiserver serves it: `certificatesigningrequests` with their `approval` and `status`, `leases`, the
//! reviews that answer who one is and what one may do, discovery and OpenAPI in the forms that kubectl asks for, and
//! `/healthz`, `/livez`, `/readyz`, `/version` without credentials. `GET /whoami` is the control plane's own: it answers
//! `{"user", "groups", "serial"}` to whoever has good credentials. So is what is under `/certrotate`: faults, bootstrap
//! tokens and statistics, for admins. The book has the rest: `docs/controlplane.md`.

mod admin;
mod admission;
mod api;
mod approver;
mod auth;
mod authority;
mod authz;
mod ca;
mod ca_key;
mod cleaner;
mod control_plane;
mod controllers;
mod criteria;
mod der;
mod dir;
mod durations;
mod error;
mod faults;
#[doc(hidden)]
pub mod fuzz;
mod http_service;
mod issue;
mod journal;
mod kubeconfig;
mod leaf;
mod lease;
mod list;
mod options;
mod pkcs10;
mod protobuf;
mod routes;
mod server;
mod signer;
mod stats;
mod store;
mod sync;
#[cfg(test)]
mod testing;
mod tls;
mod usages;
mod verbs;
mod watch;

pub use auth::{BootstrapToken, TokenUse};
pub use authority::CaFiles;
pub use ca::ClientIdentity;
pub use cleaner::Ages;
pub use control_plane::{ControlPlane, Handle};
pub use controllers::Controllers;
pub use controllers::options::{ControllerOptions, SigningFiles};
pub use controllers::port::{Change, Port, PortError, Review};
pub use criteria::Rules;
pub use durations::DurationCounts;
pub use error::Error;
pub use faults::{Fault, Faults, Spoil};
pub use lease::{Elector, LeasePort, LeaseRecord, LeaseTimes, name_lease};
pub use options::{Approval, Clock, Options, parse_duration};
pub use stats::{CsrSummary, Stats};
