//! Kubeconfig files: the bootstrap one is read, the node's own is written.
//!
//! The reader takes `current-context`, and from its cluster and user: the server, the CA, the TLS server name, a token,
//! a token file or a client certificate. Unsupported fields (`insecure-skip-tls-verify`, `proxy-url`, exec plugins, basic
//! authentication, impersonation) are errors, so that no connection is less safe than its file says. Relative paths are
//! relative to the file, as in kubectl.

mod error;
pub(crate) mod fuzz;
mod material;
mod raw;
mod read;
mod server;
mod text;
mod types;
mod write;
mod yaml;

#[cfg(test)]
mod tests;

pub use crate::files::FileError;
pub use error::{KubeconfigError, Problem};
pub use material::{Endpoint, MAX_MATERIAL, Secret};
pub use read::MAX_KUBECONFIG;
pub use types::{Kubeconfig, Material, User};
pub(crate) use write::ensure_while;
pub use write::{Standing, ensure, standing};
