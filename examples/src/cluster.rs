//! A real issuer on loopback: the certificates API of `certrotate-controlplane`, over TLS.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use certrotate_controlplane::{Approval, ControlPlane, Options};
use rustls::RootCertStore;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use tokio::sync::oneshot::{Sender, channel};

use crate::kubernetes::{Kubernetes, Login};
use crate::live::Live;

/// A control plane in a thread of its own. It ends when it is dropped.
#[derive(Debug)]
pub struct Cluster {
    server: SocketAddr,
    roots: Arc<RootCertStore>,
    token: String,
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Cluster {
    /// Starts a control plane that approves the requests of nodes and issues certificates for this lifetime.
    ///
    /// # Errors
    ///
    /// It does not start; the error says why.
    pub fn start(lifetime: Duration) -> Result<Self, Box<dyn Error>> {
        let options = Options {
            approve: Approval::After(Duration::from_millis(50)),
            cluster_signing_duration: lifetime,
            backdate: Duration::ZERO,
            ..Options::default()
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let plane = runtime.block_on(ControlPlane::start(options))?;
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(plane.ca_pem().as_bytes())?)?;
        let (server, token) = (plane.address(), plane.bootstrap_token().to_owned());
        let (stop, stopped) = channel();
        let thread = std::thread::spawn(move || {
            runtime.block_on(async move {
                // Dropping the sender stops it, too.
                let _ = stopped.await;
                plane.shutdown().await;
            });
        });
        Ok(Self { server, roots: Arc::new(roots), token, stop: Some(stop), thread: Some(thread) })
    }

    /// Returns the API for a node that bootstraps with a token and renews with the identity in `live`.
    #[must_use]
    pub fn api(&self, live: &Live) -> Kubernetes {
        Kubernetes {
            server: self.server,
            roots: Arc::clone(&self.roots),
            bootstrap: Login::Token(self.token.clone()),
            live: Login::Identity(live.clone()),
        }
    }

    /// The CA that signed its own and all issued certificates.
    #[must_use]
    pub const fn roots(&self) -> &Arc<RootCertStore> {
        &self.roots
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It panicked; that was reported already.
            let _ = thread.join();
        }
    }
}
