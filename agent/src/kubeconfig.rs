//! Kubeconfig files: the bootstrap one is read, the node's own is written.
//!
//! Read is what a node needs to reach its API server: `current-context`, and of its cluster and user the server,
//! the CA, the TLS server name, a token, a token file or a client certificate. What cannot be honoured
//! (`insecure-skip-tls-verify`, `proxy-url`, exec plugins, basic authentication, impersonation) is refused by name
//! rather than ignored, so that no connection is less safe than its file says. Relative paths are relative to the
//! file, as kubectl takes them.

mod error;
pub(crate) mod fuzz;
mod material;
mod raw;
mod read;
mod types;
mod write;
mod yaml;

#[cfg(test)]
mod tests;

pub use error::{KubeconfigError, Problem};
pub use material::{Endpoint, MAX_MATERIAL, Secret};
pub use read::MAX_KUBECONFIG;
pub use types::{Kubeconfig, Material, User};
pub use write::{Standing, ensure, standing};
