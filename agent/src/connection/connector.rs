//! Opens connections with one fixed identity: lookup, TCP, TLS, and the end before that identity's certificate expires.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use certrotate_core::id::Generation;
use certrotate_core::time::{Span, WallTime};
use hyper::http::Uri;
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio_rustls::TlsConnector;

use super::addresses::Addresses;
use super::early::Early;
use super::peer::PeerAddress;
use super::race::race;
use super::stream::{Connections, Ended, Stream};
use crate::edges::{Dial, Socket};
use crate::identity::{Identity, LiveIdentity};
use crate::kubeconfig::Endpoint;

/// Opens connections with one fixed identity.
#[derive(Clone)]
pub(super) struct Connector {
    network: Arc<dyn Dial>,
    tls: TlsConnector,
    server_name: Option<ServerName<'static>>,
    addresses: Addresses,
    pub(super) ending: Option<Ending>,
    pub(super) connections: Connections,
    early: Early,
}

impl Connector {
    /// Returns a connector whose connections are not cut, and counted nowhere.
    ///
    /// # Errors
    ///
    /// Why the endpoint cannot be used.
    pub(super) fn new(
        endpoint: &Endpoint,
        protocols: &[&[u8]],
        config: Result<ClientConfig, rustls::Error>,
        (network, addresses): (&Arc<dyn Dial>, &Addresses),
    ) -> Result<Self, String> {
        let mut config = config.map_err(|error| error.to_string())?;
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        let server_name = endpoint.tls_server_name.clone().map(ServerName::try_from).transpose();
        let server_name = server_name.map_err(|error| error.to_string())?;
        let tls = TlsConnector::from(Arc::new(config));
        let (network, addresses) = (Arc::clone(network), addresses.clone());
        let connections = Connections::default();
        let early = Early::default();
        Ok(Self { network, tls, server_name, addresses, ending: None, connections, early })
    }

    /// Opens the connection of the first request now. A failure is that request's.
    pub(super) fn open_early(&self, uri: Uri) {
        self.early.begin(self.clone().open(uri));
    }

    async fn open(self, uri: Uri) -> io::Result<Stream> {
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let port = uri.port_u16().unwrap_or(443);
        let name = match self.server_name {
            Some(name) => name,
            None => ServerName::try_from(host.clone()).map_err(io::Error::other)?,
        };
        let addresses = self.addresses.lookup(&host, port).await?;
        let dial = |address| self.network.dial(address);
        let (address, tls) =
            race(addresses, dial, |stream: Socket| self.tls.connect(name.clone(), stream)).await?;
        let generation = self.ending.as_ref().map_or(Generation(0), |ending| ending.identity.generation());
        let ended = self.ending.map(|ending| Box::pin(ending.reached()) as Ended);
        Ok(Stream::new(tls, PeerAddress(address), ended, self.connections.count(generation)))
    }
}

impl tower_service::Service<Uri> for Connector {
    type Response = Stream;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Stream>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connector = self.clone();
        Box::pin(async move {
            match connector.early.take().await {
                Some(opened) => opened,
                None => connector.open(uri).await,
            }
        })
    }
}

/// The validity that a connection must not outlive.
#[derive(Clone)]
pub(super) struct Ending {
    pub(super) live: LiveIdentity,
    pub(super) identity: Arc<Identity>,
}

impl Ending {
    /// Returns shortly before the identity's certificate expires by the wall clock, or when it is withdrawn.
    async fn reached(self) {
        let end = cut_at(&self.identity);
        let mut shown = self.live.subscribe();
        let withdrawn = async {
            if shown.wait_for(Option::is_none).await.is_err() {
                // The identity handle is gone; the expiry of this identity still counts.
                std::future::pending::<()>().await;
            }
        };
        let ended = async {
            while self.live.wall() < end {
                self.live.until(end).await;
            }
        };
        tokio::select! {
            biased;
            () = withdrawn => {}
            () = ended => {}
        }
    }
}

/// Returns the time at which connections are cut: shortly before expiry, so that no request arrives after it.
pub(super) fn cut_at(identity: &Identity) -> WallTime {
    let lifetime = identity.not_after().since(identity.not_before());
    let margin = lifetime.scaled(1, 100).min(Span::from_ms(50)).ms();
    let margin = i64::try_from(margin).unwrap_or(i64::MAX);
    WallTime::from_unix_ms(identity.not_after().unix_ms().saturating_sub(margin))
}
