//! A server that misbehaves: with TLS, in HTTP/1.1, the same to every connection.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use crate::manner::{Manner, connection, server};

/// The token in the kubeconfig.
pub(crate) const TOKEN: &str = "abcdef.0123456789abcdef";

pub(crate) struct Stub {
    dir: tempfile::TempDir,
    reached: watch::Receiver<bool>,
    task: tokio::task::JoinHandle<()>,
}

impl Stub {
    /// Starts a server on an address of its own.
    pub(crate) async fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        Self::serve(listener, manner, (-1, 9))
    }

    /// Starts a silent server whose certificate is valid from and until so many days from now.
    pub(crate) async fn with_days(from: i64, until: i64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        Self::serve(listener, Manner::Silent, (from, until))
    }

    /// Starts a server on this listener.
    pub(crate) fn serve(listener: TcpListener, manner: Manner, days: (i64, i64)) -> Self {
        let (config, pem) = server(days);
        let dir = tempfile::tempdir().expect("a scratch directory");
        let address = listener.local_addr().expect("it is bound");
        std::fs::write(dir.path().join("kubeconfig"), kubeconfig(address, &pem)).expect("it is writable");
        let (say, reached) = watch::channel(false);
        let acceptor = TlsAcceptor::from(config);
        let task = tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                tokio::spawn(connection(tcp, acceptor.clone(), manner.clone(), say.clone()));
            }
        });
        Self { dir, reached, task }
    }

    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.dir.path().join("kubeconfig")
    }

    /// Returns when a client is at the point where the server misbehaves.
    pub(crate) async fn reached(&self) {
        self.reached.clone().wait_for(|reached| *reached).await.expect("the server runs");
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn kubeconfig(address: SocketAddr, pem: &str) -> String {
    let ca = base64::engine::general_purpose::STANDARD.encode(pem);
    format!(
        "current-context: c\ncontexts: [{{name: c, context: {{cluster: k, user: u}}}}]\nclusters: [{{name: k, cluster: {{server: 'https://{address}', tls-server-name: localhost, certificate-authority-data: {ca}}}}}]\nusers: [{{name: u, user: {{token: {TOKEN}}}}}]\n"
    )
}
