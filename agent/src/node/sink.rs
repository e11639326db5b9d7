//! The identity sink of a node.

use std::path::PathBuf;

use certrotate_core::event::Event;
use certrotate_core::id::{CertHandle, Generation, KeyHandle};

use crate::identity::LiveIdentity;
use crate::keystore::KeyStore;
use crate::kubeconfig::{self, Kubeconfig};
use crate::ports::IdentitySink;
use crate::report::Reporter;

/// Presents the live identity in this process, and writes the node's kubeconfig once its certificate exists.
pub(super) struct ProcessIdentity {
    pub(super) keys: KeyStore,
    pub(super) live: LiveIdentity,
    pub(super) reporter: Reporter,
    /// The node's kubeconfig, the current link that it names, and the kubeconfig whose cluster it copies.
    pub(super) kubeconfig: Option<(PathBuf, PathBuf, Box<Kubeconfig>)>,
}

impl IdentitySink for ProcessIdentity {
    fn go_live(&self, generation: Generation, key: KeyHandle, cert: CertHandle) {
        match self.keys.identity(generation, key, cert) {
            Ok(identity) => {
                tracing::info!(%generation, serial = identity.summary().serial, "serving");
                self.live.go_live(identity);
            }
            Err(error) => {
                tracing::error!("certificate {generation} cannot be served: {error}");
                self.live.withdraw();
            }
        }
        if let Some((path, link, source)) = &self.kubeconfig {
            match kubeconfig::ensure(path, link, source) {
                Ok(true) => tracing::info!("wrote {}", path.display()),
                Ok(false) => {}
                Err(error) => tracing::error!("{error}"),
            }
        }
    }

    fn withdraw(&self) {
        self.live.withdraw();
    }

    fn report(&self, event: &Event) -> String {
        self.reporter.report(event)
    }
}
