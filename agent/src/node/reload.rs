//! The files that others replace: read again every minute, and at a request.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use crate::api::KubeApi;
use crate::client_ca::ClientCaFile;
use crate::connection::LiveClient;
use crate::server_source::ServerSource;

/// The time between two reads. client-go's `DynamicFileCAContent` has the same. Each use reads them besides.
const INTERVAL: Duration = Duration::from_secs(60);

/// The files of a node that others replace.
pub(super) struct Reload {
    pub(super) client_ca: Option<ClientCaFile>,
    pub(super) server: ServerSource,
    pub(super) client: LiveClient,
    pub(super) api: KubeApi,
    /// Requests a reload.
    pub(super) request: Arc<Notify>,
}

impl Reload {
    /// Reads the files periodically and at requests. It never returns.
    pub(super) async fn run(self) {
        loop {
            tokio::select! {
                biased;
                () = self.request.notified() => self.reload().await,
                () = tokio::time::sleep(INTERVAL) => self.refresh().await,
            }
        }
    }

    /// Reads the files. Changes and problems are logged where they are found.
    async fn refresh(&self) {
        if let Some(client_ca) = &self.client_ca {
            let _ = client_ca.fresh_async().await;
        }
        self.server.update(&self.client).await;
    }

    async fn reload(&self) {
        tracing::info!("reading client CA, kubeconfigs and credentials again");
        self.refresh().await;
        if let Some(client_ca) = &self.client_ca {
            tracing::info!("{client_ca}: {}", client_ca.describe());
        }
        if let Some(found) = self.server.last() {
            let path = found.kubeconfig.path.display();
            tracing::info!("kubeconfig {path}: {}", found.endpoint.describe());
        }
        match self.api.check_bootstrap().await {
            None => {}
            Some(Ok(text)) => tracing::info!("bootstrap {text}"),
            Some(Err(error)) => tracing::warn!("bootstrap {error}; it is read again when it is needed"),
        }
    }
}
