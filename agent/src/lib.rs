//! A node certificate that renews itself: the agent around [`certrotate_core`], as a library and as
//! the program `certrotate`.
//!
//! [`node::Node`] is the whole of it for a program that wants its node's identity in its own process; the modules are
//! its parts: [`driver`] turns core's actions into effects through five ports ([`clock`], [`api`], [`directory`],
//! [`keystore`] and the live [`identity`]), and [`connection`] gives everybody else connections that move to
//! the new certificate at each rotation.
//!
//! It never decides what to do next (core does), never keeps a key byte longer than core names it, never logs
//! one, never presents a certificate that has ended, and never talks to anything but the API server in its kubeconfig.
//!
//! # Example
//!
//! A node against the embedded control plane, from nothing to a live certificate:
//!
//! ```
//! use certrotate::node::{Node, NodeOptions};
//! use certrotate_controlplane::{ControlPlane, Options};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let scratch = tempfile::tempdir()?;
//! # let dir = scratch.path();
//! let plane = ControlPlane::start(Options { dir: Some(dir.join("plane")), ..Options::default() }).await?;
//!
//! let mut options = NodeOptions::new("node-1", dir.join("pki"));
//! options.bootstrap_kubeconfig = plane.bootstrap_kubeconfig_path();
//! options.kubeconfig = Some(dir.join("kubeconfig"));
//! let node = Node::new(&options, Box::new(|_| {}))?;
//! let (live, control) = (node.live(), node.control());
//! let running = tokio::spawn(node.run());
//!
//! let mut changes = live.subscribe();
//! changes.wait_for(Option::is_some).await?;
//! assert!(dir.join("pki/kubelet-client-current.pem").exists());
//!
//! control.shutdown();
//! running.await?;
//! plane.shutdown().await;
//! # Ok(())
//! # }
//! ```

pub mod api;
pub mod cli;
pub mod clock;
pub mod cluster;
pub mod connection;
pub mod demo;
pub mod details;
pub mod directory;
pub mod driver;
pub mod exit;
mod file_client;
#[doc(hidden)]
pub mod fuzz;
pub mod identity;
pub mod keystore;
pub mod kubeconfig;
pub mod node;
pub mod rehearsal;
pub mod report;
pub mod status;
pub mod tls;
