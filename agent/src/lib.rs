//! The agent around [`certrotate_core`]: it gets a node's client certificate and renews it, as a library and as the program
//! `certrotate`.
//!
//! [`node::Node`] runs a node in the process of its user. Its parts are the modules: [`driver`] turns core's actions into
//! effects through five [`ports`] (the [`clock`], the [`api`], the [`directory`], the [`keystore`] and the live
//! [`identity`]), and [`connection`] offers connections that follow the identity at each rotation.
//!
//! The agent decides nothing: core does. It erases each key that core no longer names, logs no key byte, presents no expired
//! certificate, and connects only to the API server in its kubeconfig.
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
pub mod client_ca;
pub mod clock;
pub mod cluster;
pub mod connection;
pub mod directory;
pub mod driver;
pub mod edges;
pub mod exit;
pub mod fault_texts;
mod file_client;
mod files;
#[doc(hidden)]
pub mod fuzz;
pub mod identity;
pub mod keystore;
pub mod kubeconfig;
mod kubernetes;
mod last_good;
mod limits;
mod log;
pub mod node;
mod offload;
pub mod ports;
pub mod report;
mod server_source;
pub mod status;
mod threads;
pub mod tls;
