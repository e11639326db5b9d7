//! A hyper client with mutual TLS that moves to each new certificate: a new pool for each generation, and no request on an old one.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use certrotate_core::{Generation, Input, Template};
use certrotate_examples::{Cluster, Live, Node, client_config, conformance, quick_config};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::Uri;
use hyper::body::Bytes;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::RootCertStore;
use serde_json::Value;
use tokio::sync::mpsc::unbounded_channel;

#[path = "tokio.rs"]
#[expect(dead_code, reason = "its main function is that of another example")]
mod driver;

/// The longest answer.
const MAX_ANSWER: usize = 64 * 1024;
/// The longest wait of this example for a certificate, and for a request.
const DEADLINE: Duration = Duration::from_secs(30);

type Pool = Client<HttpsConnector<HttpConnector>, Empty<Bytes>>;

/// A client that authenticates with the live identity.
struct RotatingClient {
    live: Live,
    roots: Arc<RootCertStore>,
    pool: Option<(Generation, Pool)>,
}

impl RotatingClient {
    /// Returns the pool of the live identity. Connections of an older one are closed once their requests are answered.
    fn pool(&mut self) -> Result<(Generation, Pool), Box<dyn Error>> {
        let identity = self.live.current().ok_or("no identity is live")?;
        if let Some((generation, pool)) = &self.pool
            && *generation == identity.generation
        {
            return Ok((*generation, pool.clone()));
        }
        let config = client_config(&self.roots, Some(Arc::new(Live::fixed(&identity))))?;
        let connector = HttpsConnectorBuilder::new().with_tls_config((*config).clone()).https_only();
        let pool = Client::builder(TokioExecutor::new()).build(connector.enable_http1().build());
        self.pool = Some((identity.generation, pool.clone()));
        Ok((identity.generation, pool))
    }

    /// Returns the generation that the request went out with, and the answer.
    async fn get(&mut self, uri: &Uri) -> Result<(Generation, Value), Box<dyn Error>> {
        let (generation, pool) = self.pool()?;
        let response = tokio::time::timeout(DEADLINE, pool.get(uri.clone())).await??;
        assert!(response.status().is_success(), "{}", response.status());
        let body = Limited::new(response.into_body(), MAX_ANSWER).collect().await;
        let body = body.map_err(|error| error.to_string())?.to_bytes();
        Ok((generation, serde_json::from_slice(&body)?))
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    conformance(|config, kit| runtime.block_on(driver::drive(config, kit, unbounded_channel())))?;

    let cluster = Cluster::start(Duration::from_secs(20))?;
    let (home, live) = (tempfile::tempdir()?, Live::default());
    let (template, api) = (Template::kubelet_client("node-1"), cluster.api(&live));
    let uri: Uri = format!("https://{}/whoami", api.server).parse()?;
    let node = Node::new("kubelet-client", home.path(), template.clone(), api, live.clone())?;
    let mut client = RotatingClient { live: live.clone(), roots: Arc::clone(cluster.roots()), pool: None };
    let (answers, inbox) = unbounded_channel();
    let config = quick_config(template)?;
    let (requests, serials) = runtime.block_on(async {
        let running = tokio::spawn(driver::drive(config, node, (answers.clone(), inbox)));
        let first = live.clone();
        tokio::task::spawn_blocking(move || first.wait(1, DEADLINE)).await??;
        let (mut requests, mut serials) = (0_u32, BTreeMap::new());
        while serials.len() < 4 {
            let (generation, answer) = client.get(&uri).await?;
            requests += 1;
            assert_eq!(answer["user"], "system:node:node-1");
            let serial = answer["serial"].as_str().ok_or("no serial number")?.to_owned();
            let seen = serials.entry(generation).or_insert_with(|| serial.clone());
            assert_eq!(*seen, serial, "a pool has one certificate");
            tokio::time::sleep(Duration::from_millis(2)).await; // a pace for the load
        }
        answers.send(Input::Shutdown.into())?;
        running.await?;
        Ok::<_, Box<dyn Error>>((requests, serials))
    })?;
    let distinct: std::collections::BTreeSet<_> = serials.values().collect();
    assert_eq!(distinct.len(), serials.len(), "each generation has another certificate");
    println!("hyper client: {requests} requests with {} certificates in turn, 0 failures", serials.len());
    Ok(())
}
