//! The identity sink of a node.

use certrotate_core::event::Event;
use certrotate_core::id::{CertHandle, Generation, KeyHandle};

use crate::identity::LiveIdentity;
use crate::keystore::{self, KeyStore};
use crate::ports::IdentitySink;
use crate::report::Reporter;

use super::kubeconfig_writer::KubeconfigWriter;

/// Presents the live identity in this process, and writes the node's kubeconfig once its certificate exists.
pub(super) struct ProcessIdentity {
    pub(super) keys: KeyStore,
    pub(super) live: LiveIdentity,
    pub(super) reporter: Reporter,
    /// The writer of the node's kubeconfig.
    pub(super) kubeconfig: Option<KubeconfigWriter>,
}

impl IdentitySink for ProcessIdentity {
    fn go_live(&self, generation: Generation, key: KeyHandle, cert: CertHandle) {
        match keystore::identity(&self.keys, generation, key, cert) {
            Ok(identity) => {
                tracing::info!(%generation, serial = identity.summary().serial, "serving");
                self.live.go_live(identity);
            }
            Err(error) => {
                tracing::error!("certificate {generation} cannot be served: {error}");
                self.live.withdraw();
            }
        }
        if let Some(kubeconfig) = &self.kubeconfig {
            kubeconfig.start();
        }
    }

    fn withdraw(&self) {
        self.live.withdraw();
    }

    fn report(&self, event: &Event) -> String {
        self.reporter.report(event)
    }
}
