//! A TLS server that answers every connection with the same bytes, whatever the request.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use rustls::ServerConfig;
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::kubeconfig::{Endpoint, Kubeconfig};
use crate::tls;

pub(super) struct Stub {
    dir: tempfile::TempDir,
    heard: Arc<Mutex<String>>,
    task: tokio::task::JoinHandle<()>,
}

impl Stub {
    pub(super) async fn start(answer: Vec<u8>) -> Self {
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate =
            rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
        let der = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder_with_provider(tls::provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], der)
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let heard = Arc::<Mutex<String>>::default();
        let task =
            tokio::spawn(serve(listener, TlsAcceptor::from(Arc::new(config)), answer, Arc::clone(&heard)));

        let dir = tempfile::tempdir().unwrap();
        let ca = base64::engine::general_purpose::STANDARD.encode(certificate.pem());
        let text = format!(
            "current-context: c\ncontexts: [{{name: c, context: {{cluster: k, user: u}}}}]\nclusters: [{{name: k, cluster: {{server: 'https://{address}', tls-server-name: localhost, certificate-authority-data: {ca}}}}}]\nusers: [{{name: u, user: {{token: abcdef.0123456789abcdef}}}}]\n"
        );
        std::fs::write(dir.path().join("kubeconfig"), text).unwrap();
        Self { dir, heard, task }
    }

    pub(super) fn kubeconfig(&self) -> PathBuf {
        self.dir.path().join("kubeconfig")
    }

    pub(super) fn endpoint(&self) -> Endpoint {
        Kubeconfig::read(&self.kubeconfig()).unwrap().endpoint().unwrap()
    }

    /// What the last client said.
    pub(super) fn heard(&self) -> String {
        self.heard.lock().unwrap().clone()
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, acceptor: TlsAcceptor, answer: Vec<u8>, heard: Arc<Mutex<String>>) {
    while let Ok((tcp, _)) = listener.accept().await {
        let Ok(mut tls) = acceptor.accept(tcp).await else { continue };
        let mut request = vec![];
        let mut part = [0; 4096];
        while !request.windows(4).any(|end| end == b"\r\n\r\n") {
            match tls.read(&mut part).await {
                Ok(read) if read > 0 => request.extend_from_slice(&part[..read]),
                _ => break,
            }
        }
        *heard.lock().unwrap() = String::from_utf8_lossy(&request).into_owned();
        // A client that has heard enough may be gone.
        let _ = tls.write_all(&answer).await;
        let _ = tls.shutdown().await;
    }
}
