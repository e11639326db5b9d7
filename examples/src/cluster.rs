//! A real issuer on loopback: the certificates API of `certrotate-controlplane`, over TLS.

use std::error::Error;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use certrotate_controlplane::{Approval, ControlPlane, Handle, Options, Stats};
use certrotate_core::id::Generation;
use certrotate_core::time::WallTime;
use rustls::RootCertStore;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use tokio::sync::oneshot::{Sender, channel};

use crate::exchange::Reply;
use crate::kubernetes::{Kubernetes, Login, REQUESTS};
use crate::live::{Identity, Live};

/// The signer of serving certificates. Kubernetes approves its requests never by itself.
const SERVING: &str = "kubernetes.io/kubelet-serving";
/// The lifetime of certificates that are not rotated: longer than an example runs.
const LONG: Duration = Duration::from_secs(3600);

/// A control plane in a thread of its own. It ends when it is dropped.
#[derive(Debug)]
pub struct Cluster {
    plane: Arc<Handle>,
    roots: Arc<RootCertStore>,
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Cluster {
    /// Starts a control plane that approves the requests of nodes and issues certificates for this lifetime. An administrator
    /// approves serving certificates.
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
        let plane = Arc::new(runtime.block_on(ControlPlane::start(options))?);
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(plane.ca_pem().as_bytes())?)?;
        let roots = Arc::new(roots);
        let approver =
            approve(Arc::clone(&plane), api(&plane, &roots, login(&plane, "admin", "system:masters")?));
        let (stop, stopped) = channel::<()>();
        let thread = std::thread::spawn(move || {
            runtime.block_on(async move {
                tokio::select! {
                    // It ends when the sender is dropped.
                    _ = stopped => {}
                    () = approver => {}
                }
            });
        });
        Ok(Self { plane, roots, stop: Some(stop), thread: Some(thread) })
    }

    /// Returns the API for a node that bootstraps with a token and renews with the identity in `live`.
    #[must_use]
    pub fn api(&self, live: &Live) -> Kubernetes {
        Kubernetes {
            server: self.plane.address(),
            roots: Arc::clone(&self.roots),
            bootstrap: Login::Token(self.plane.bootstrap_token().to_owned()),
            live: Login::Identity(live.clone()),
        }
    }

    /// Returns the API for the serving identity of a node. The node has a client identity, which another program renews.
    ///
    /// # Errors
    ///
    /// The control plane signs none.
    pub fn serving_api(&self, node: &str) -> Result<Kubernetes, Box<dyn Error>> {
        let login = login(&self.plane, &format!("system:node:{node}"), "system:nodes")?;
        Ok(api(&self.plane, &self.roots, login))
    }

    /// The CA that signed its own and all issued certificates.
    #[must_use]
    pub const fn roots(&self) -> &Arc<RootCertStore> {
        &self.roots
    }

    /// Returns what it counted, and the requests.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.plane.stats()
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

/// Returns the API with one login for every call.
fn api(plane: &Handle, roots: &Arc<RootCertStore>, login: Login) -> Kubernetes {
    Kubernetes { server: plane.address(), roots: Arc::clone(roots), bootstrap: login.clone(), live: login }
}

/// Returns a login with a certificate that the control plane signs by itself.
fn login(plane: &Handle, user: &str, group: &str) -> Result<Login, Box<dyn Error>> {
    let start = SystemTime::now();
    let pair = plane.client_identity(user, &[group], start, start + LONG)?;
    let chain = vec![CertificateDer::from_pem_slice(pair.certificate.as_bytes())?];
    let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes())?;
    let live = Live::default();
    live.set(Some(Identity::new(Generation(0), (WallTime::MIN, WallTime::MAX), &key, chain)?));
    Ok(Login::Identity(live))
}

/// Approves each pending request for a serving certificate, as an administrator does.
async fn approve(plane: Arc<Handle>, admin: Kubernetes) {
    let mut changes = plane.changes();
    loop {
        changes.mark_unchanged();
        let requests = plane.stats().csrs;
        for request in requests.iter().filter(|csr| csr.signer_name == SERVING && csr.condition == "Pending")
        {
            let (admin, path) = (admin.clone(), format!("{REQUESTS}/{}", request.name));
            // It blocks. A request that changed meanwhile is tried again at the next change.
            let _ = tokio::task::spawn_blocking(move || approve_one(&admin, &path)).await;
        }
        if changes.changed().await.is_err() {
            return;
        }
    }
}

fn approve_one(admin: &Kubernetes, path: &str) -> Option<()> {
    let send = |method: &str, path: &str, body: &str| {
        let read = |reply: Result<Reply, _>| reply.ok().filter(|reply| reply.status == 200);
        admin.exchange(&admin.live, method, path, body, read).ok()?.run()
    };
    let mut object: Value = serde_json::from_slice(&send("GET", path, "")?.body).ok()?;
    let message = "an administrator of the example approves serving certificates";
    let condition = json!({"type": "Approved", "status": "True", "reason": "Example", "message": message});
    object["status"]["conditions"] = json!([condition]);
    send("PUT", &format!("{path}/approval"), &object.to_string()).map(drop)
}
