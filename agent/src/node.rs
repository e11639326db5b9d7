//! One node: the parts of `certrotate run`, assembled for a program that runs the node in its own process.

mod kubeconfig_writer;
mod options;
mod reload;
mod sink;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use certrotate_core::config::{Config, ConfigError, ConfigSpec, Template};
use certrotate_core::id::RunId;
use certrotate_core::input::{ExitReason, Input};
use certrotate_core::rotator::Rotator;
use certrotate_store::{PairName, Store};
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::api::KubeApi;
use crate::clock::{BUILT, Clock, SystemClock};
use crate::connection::LiveClient;
use crate::directory::{Disk, DiskEnd, DiskThread};
use crate::driver::{Driver, Observer, Ports};
use crate::edges::{Edges, Randomness};
use crate::fault_texts::FaultTexts;
use crate::file_client::FileClient;
use crate::identity::LiveIdentity;
use crate::keystore::{KeyStore, Staging};
use crate::offload::Offload;
use crate::ports::Answer;
use crate::report::Reporter;
use crate::server_source::ServerSource;
use crate::status::published::{Published, StatusRecorder};
use crate::status::publisher::StatusPublisher;

use kubeconfig_writer::KubeconfigWriter;
use options::check_node_name;
pub(crate) use options::open_client_ca;
pub use options::{NodeOptions, StartError};
use reload::Reload;
use sink::ProcessIdentity;

/// The longest wait at the end for the disk thread to release the lock.
const DISK_PATIENCE: Duration = Duration::from_secs(5);

/// A node that was checked and is ready to run.
///
/// `C` is its clock: the system's, except under fault injection.
pub struct Node<C: Clock = SystemClock> {
    driver: Driver<C, KubeApi, DiskThread, KeyStore, ProcessIdentity>,
    control: Control,
    live: LiveIdentity,
    client: LiveClient,
    texts: FaultTexts,
    disk_end: DiskEnd,
    status: StatusPublisher<C>,
    kubeconfig: Option<KubeconfigWriter>,
    reload: Reload,
    /// The current link, and the slot to look for it: where it is missing, the first certificate is about to be requested.
    current: (PathBuf, Offload),
}

impl<C: Clock> fmt::Debug for Node<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node").field("live", &self.live).finish_non_exhaustive()
    }
}

/// Sends requests to a running node. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Control {
    sender: UnboundedSender<Answer>,
    config: Config,
    reload: Arc<Notify>,
}

impl Control {
    /// Requests a rotation now.
    pub fn rotate_now(&self) {
        self.send(Input::RotateNow);
    }

    /// Requests that the node reads client CA, kubeconfigs and credentials again and logs them.
    pub fn reload(&self) {
        self.reload.notify_one();
    }

    /// Requests a clean end.
    pub fn shutdown(&self) {
        self.send(Input::Shutdown);
    }

    /// Requests certificates for this template from now on: another node name, other alternative names or usages.
    ///
    /// A request for the old template is abandoned. The live identity stays until its successor is live, except when its
    /// subject differs from the template's: then it is withdrawn at once, and the bootstrap credential is used.
    ///
    /// # Errors
    ///
    /// The template is not valid; nothing changes.
    pub fn set_template(&self, template: Template) -> Result<(), ConfigError> {
        let config = Config::new(ConfigSpec { template, ..self.config.spec().clone() })?;
        self.send(Input::Reconfigure(config));
        Ok(())
    }

    fn send(&self, input: Input) {
        // The receiver is dropped only when the node ended: the request has no reader.
        let _ = self.sender.send(Answer::from(input));
    }
}

/// The disk of a node: the certificate directory, with its keys in the node's key store.
pub type NodeDisk = Store<Staging>;

impl Node {
    /// Checks the options and assembles a node. It changes nothing on disk and sends nothing.
    ///
    /// # Errors
    ///
    /// The problem and its remedy.
    pub fn new(options: &NodeOptions, observer: Observer) -> Result<Self, StartError> {
        Self::with_parts(options, observer, Edges::system(SystemClock), |disk| disk)
    }
}

impl<C: Clock> Node<C> {
    /// As [`Node::new`], with other edges, and with the disk that `disk` makes of the real one.
    ///
    /// # Errors
    ///
    /// The problem and its remedy.
    pub fn with_parts<D: Disk>(
        options: &NodeOptions,
        observer: Observer,
        edges: Edges<C>,
        disk: impl FnOnce(NodeDisk) -> D,
    ) -> Result<Self, StartError> {
        let Edges { clock, network, randomness, workers } = edges;
        let offload = || Offload::new(&workers);
        check_node_name(&options.node_name)?;
        let pair = PairName::new(options.pair.clone()).map_err(StartError::PairName)?;
        let client_ca = options.client_ca_file.as_deref();
        let client_ca = client_ca.map(|path| open_client_ca(path, offload())).transpose()?;
        let link = std::path::absolute(&options.cert_dir)
            .map_err(StartError::System)?
            .join(format!("{}-current.pem", options.pair));
        let current = (link.clone(), offload());
        let own = options.kubeconfig.clone().map(|path| (path, link.clone()));
        let server = ServerSource::new(own, options.bootstrap_kubeconfig.clone(), offload);
        let endpoint = server.start()?.endpoint.clone();
        let config = config(options, client_ca.is_some(), &*randomness)?;

        let keys = key_store(options, &config, Arc::clone(&randomness));
        let live = LiveIdentity::with_clock(clock.clone());
        let connect = || LiveClient::new(endpoint.clone(), live.clone()).with_network(Arc::clone(&network));
        let client = connect();
        let (sender, inbox): (_, UnboundedReceiver<Answer>) = unbounded_channel();
        let texts = FaultTexts::default();
        let reporter = Reporter::new(&options.cert_dir, pair.clone(), endpoint.server.clone(), texts.clone());
        let staging = Staging::new(keys.clone());
        let store = Store::new(&options.cert_dir, pair, None, staging.clone());
        let disk = disk(match client_ca.clone() {
            Some(file) => store.with_client_ca(move || file.fresh()),
            None => store,
        });
        let (directory, disk_end) =
            DiskThread::start(disk, staging, sender.clone(), texts.clone()).map_err(StartError::System)?;
        let bootstrap = options.bootstrap_kubeconfig.clone();
        let api = KubeApi::new(
            bootstrap.map(|path| FileClient::new(path, Arc::clone(&network), offload())),
            (client.with_own_pool(), Some(server.clone())),
            keys.clone(),
            client_ca.clone(),
            texts.clone(),
        );
        let kubeconfig = options.kubeconfig.clone();
        let kubeconfig = kubeconfig.map(|path| KubeconfigWriter::new(path, link, server.clone(), offload()));
        let request = Arc::new(Notify::new());
        let reload = {
            let (client, request) = (client.clone(), Arc::clone(&request));
            Reload { client_ca, server, client, api: api.clone(), request }
        };
        let sink = ProcessIdentity {
            keys: keys.clone(),
            live: live.clone(),
            reporter,
            kubeconfig: kubeconfig.clone(),
        };
        let ports = Ports { clock: clock.clone(), issuer: api, directory, keys, sink };
        let rotator = Rotator::new(config.clone(), RunId(randomness.number().map_err(StartError::System)?));
        let common_name = rotator.config().template().subject.common_name.clone();
        let recorder = StatusRecorder::new(published(options, common_name, endpoint.server));
        let status = StatusPublisher {
            directory: options.cert_dir.clone(),
            pair: options.pair.clone(),
            recorder,
            clock,
        };
        let driver = Driver::new(rotator, ports, (sender.clone(), inbox), status.observe(observer));
        let control = Control { sender, config, reload: request };
        Ok(Self { driver, control, live, client, texts, disk_end, status, kubeconfig, reload, current })
    }

    /// Returns a handle on the live identity.
    #[must_use]
    pub fn live(&self) -> LiveIdentity {
        self.live.clone()
    }

    /// Returns a client of the API server that authenticates with the live identity.
    #[must_use]
    pub fn client(&self) -> LiveClient {
        self.client.clone()
    }

    /// Returns a handle that requests a rotation or the end while the node runs.
    #[must_use]
    pub fn control(&self) -> Control {
        self.control.clone()
    }

    /// Runs until shutdown is requested, or the certificate directory cannot be used.
    pub async fn run(self) -> ExitReason {
        let ((link, offload), api) = (self.current, self.reload.api.clone());
        tokio::spawn(async move {
            if offload.run_async(move || link.symlink_metadata().is_err()).await == Ok(true) {
                // TCP and TLS take place while the disk makes the key durable.
                api.connect_early().await;
            }
        });
        let status = tokio::spawn(self.status.run());
        let reload = tokio::spawn(self.reload.run());
        let reason = self.driver.run().await;
        status.abort();
        reload.abort();
        self.disk_end.wait(DISK_PATIENCE).await;
        if let Some(kubeconfig) = self.kubeconfig {
            kubeconfig.settle().await;
        }
        if reason != ExitReason::Shutdown {
            let fault = self.texts.take_disk();
            tracing::error!("{}", fault.as_deref().unwrap_or("the certificate directory cannot be used"));
        }
        reason
    }
}

/// Returns the part of the published status that does not change.
fn published(options: &NodeOptions, common_name: String, server: String) -> Published {
    let bootstrap = options.bootstrap_kubeconfig.as_ref();
    Published {
        pid: std::process::id(),
        common_name,
        server,
        bootstrap_kubeconfig: bootstrap.and_then(|path| std::path::absolute(path).ok()),
        rotates: options.rotate,
        ..Published::default()
    }
}

fn config(
    options: &NodeOptions,
    chain_required: bool,
    randomness: &dyn Randomness,
) -> Result<Config, StartError> {
    let template = Template { duration: options.lifetime, ..Template::kubelet_client(&options.node_name) };
    let spec = ConfigSpec {
        chain_required,
        rotate: options.rotate,
        adopt: options.adopt,
        seed: randomness.number().map_err(StartError::System)?,
        built: BUILT,
        ..ConfigSpec::new(template)
    };
    Config::new(spec).map_err(StartError::Config)
}

/// An empty key store that takes its keys from this source.
fn key_store(options: &NodeOptions, config: &Config, randomness: Arc<dyn Randomness>) -> KeyStore {
    let keys = KeyStore::new(config.template().clone()).with_key_type(options.key_type);
    keys.with_source(move |key_type| randomness.key(key_type))
}
