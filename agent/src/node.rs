//! One node: everything that `certrotate run` puts together, for a program that wants it in its own process.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use certrotate_core::config::{Config, ConfigError, ConfigSpec, Template};
use certrotate_core::event::Event;
use certrotate_core::id::{CertHandle, Generation, KeyHandle, RunId};
use certrotate_core::input::{ExitReason, Input};
use certrotate_core::rotator::Rotator;
use certrotate_core::time::Span;
use certrotate_store::{PairName, Store};
use certrotate_x509::{ClientCa, KeyType};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::api::KubeApi;
use crate::clock::BUILT;
use crate::connection::LiveClient;
use crate::details::Details;
use crate::directory::{DiskEnd, DiskThread};
use crate::driver::{Answer, Driver, Front, Observer, Ports};
use crate::identity::LiveIdentity;
use crate::keystore::{KeyStore, Staging};
use crate::kubeconfig::{self, Kubeconfig, KubeconfigError, Problem, Standing};
use crate::rehearsal::Rehearsal;
use crate::report::Reporter;
use crate::status::published::{Board, Published};
use crate::status::telling::Telling;

/// The largest client CA file that is read, in bytes.
const MAX_CA_FILE: u64 = 1 << 20;
/// How long the end waits for the disk to give the lock back.
const DISK_PATIENCE: Duration = Duration::from_secs(5);

/// What a node is told.
#[derive(Clone, Debug)]
pub struct NodeOptions {
    /// The kubeconfig to ask for the first certificate with, and whenever there is no live one.
    pub bootstrap_kubeconfig: Option<PathBuf>,
    /// The node's own kubeconfig. It is written where there is none, and never overwritten.
    pub kubeconfig: Option<PathBuf>,
    /// The certificate directory.
    pub cert_dir: PathBuf,
    /// The node's name.
    pub node_name: String,
    /// Whether certificates are renewed.
    pub rotate: bool,
    /// Whether a key and certificate that a kubelet left, or a backup brought, are adopted.
    pub adopt: bool,
    /// The CAs that issue client certificates; issued certificates are checked against them.
    pub client_ca_file: Option<PathBuf>,
    /// The lifetime to ask for; `None` leaves it to the signer.
    pub lifetime: Option<Span>,
    /// The type of new keys. What is on disk is used whatever its type.
    pub key_type: KeyType,
    /// What the names of the files begin with.
    pub pair: String,
    /// Clock and disk; as they are, but in a rehearsal.
    pub rehearsal: Rehearsal,
}

impl NodeOptions {
    /// The defaults for a node of this name and its certificate directory.
    #[must_use]
    pub fn new(node_name: impl Into<String>, cert_dir: impl Into<PathBuf>) -> Self {
        Self {
            bootstrap_kubeconfig: None,
            kubeconfig: None,
            cert_dir: cert_dir.into(),
            node_name: node_name.into(),
            rotate: true,
            adopt: true,
            client_ca_file: None,
            lifetime: None,
            key_type: KeyType::default(),
            pair: "kubelet-client".into(),
            rehearsal: Rehearsal::default(),
        }
    }
}

/// Why a node does not start. Nothing was changed.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// A kubeconfig cannot be used.
    Kubeconfig(KubeconfigError),
    /// Neither kubeconfig is there to say which server to ask.
    NoServer,
    /// The node name is not a DNS subdomain (RFC 1123).
    NodeName(String),
    /// The name that files begin with is not usable.
    PairName(certrotate_store::PairNameError),
    /// The client CA file cannot be used.
    ClientCa {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The configuration is not valid.
    Config(ConfigError),
    /// The system gives no thread or no randomness.
    System(std::io::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kubeconfig(error) => error.fmt(f),
            Self::NoServer => f.write_str(
                "there is no kubeconfig to say which API server to ask; give --bootstrap-kubeconfig FILE",
            ),
            Self::NodeName(name) => write!(
                f,
                "node name {name:?} is not a DNS subdomain (lower-case letters, digits, '-' and '.', at most 253); give --node-name"
            ),
            Self::PairName(error) => error.fmt(f),
            Self::ClientCa { path, why } => {
                write!(
                    f,
                    "client CA file {} cannot be used: {why}; give another --client-ca-file",
                    path.display()
                )
            }
            Self::Config(error) => error.fmt(f),
            Self::System(error) => write!(f, "the system gives no thread or no randomness: {error}"),
        }
    }
}

impl std::error::Error for StartError {}

impl From<KubeconfigError> for StartError {
    fn from(error: KubeconfigError) -> Self {
        Self::Kubeconfig(error)
    }
}

/// A node that was checked and is ready to run.
pub struct Node {
    driver: Driver<Rehearsal, KubeApi, DiskThread, KeyStore, Serving>,
    control: Control,
    live: LiveIdentity,
    client: LiveClient,
    details: Details,
    disk_end: DiskEnd,
    telling: Telling,
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node").field("live", &self.live).finish_non_exhaustive()
    }
}

/// Talks to a running node.
#[derive(Clone, Debug)]
pub struct Control {
    sender: UnboundedSender<Answer>,
    config: Config,
}

impl Control {
    /// Asks for a rotation now.
    pub fn rotate_now(&self) {
        self.give(Input::RotateNow);
    }

    /// Asks for a clean end.
    pub fn shutdown(&self) {
        self.give(Input::Shutdown);
    }

    /// Asks for something else from now on: another name of the node, other alternative names or usages.
    ///
    /// What is open for the old template is dropped. The live identity is served until its successor is there, unless it is for
    /// another subject: then it is withdrawn at once, and the bootstrap credential asks.
    ///
    /// # Errors
    ///
    /// The template is not valid; nothing changes.
    pub fn ask_for(&self, template: Template) -> Result<(), ConfigError> {
        let config = Config::new(ConfigSpec { template, ..self.config.spec().clone() })?;
        self.give(Input::Reconfigure(config));
        Ok(())
    }

    fn give(&self, input: Input) {
        // A node that has ended has nothing left to do.
        let _ = self.sender.send(Answer::from(input));
    }
}

impl Node {
    /// Checks the options and puts a node together. Nothing is changed on disk and nothing is sent.
    ///
    /// # Errors
    ///
    /// What is wrong, and what to do about it.
    pub fn new(options: &NodeOptions, observer: Observer) -> Result<Self, StartError> {
        check_node_name(&options.node_name)?;
        let pair = PairName::new(options.pair.clone()).map_err(StartError::PairName)?;
        let client_ca = options.client_ca_file.as_deref().map(read_client_ca).transpose()?;
        let link = std::path::absolute(&options.cert_dir)
            .map_err(StartError::System)?
            .join(format!("{}-current.pem", options.pair));
        let source = server(options, &link)?;
        let endpoint = source.endpoint()?;
        let config = config(options, client_ca.is_some())?;

        let keys = KeyStore::new(config.template().clone()).with_key_type(options.key_type);
        let clock = options.rehearsal.clone();
        let live = LiveIdentity::new({
            let clock = clock.clone();
            move || clock.wall()
        });
        let client = LiveClient::new(endpoint.clone(), live.clone());
        let (sender, inbox): (_, UnboundedReceiver<Answer>) = unbounded_channel();
        let details = Details::default();
        let reporter =
            Reporter::new(&options.cert_dir, pair.clone(), endpoint.server.clone(), details.clone());
        let store = Store::new(&options.cert_dir, pair, client_ca.clone(), Staging::new(keys.clone()));
        let (directory, disk_end) = DiskThread::start(store, sender.clone(), details.clone(), clock.clone())
            .map_err(StartError::System)?;
        let api = KubeApi::new(
            options.bootstrap_kubeconfig.clone(),
            LiveClient::new(endpoint.clone(), live.clone()),
            keys.clone(),
            client_ca,
            details.clone(),
        );
        let front = Serving {
            keys: keys.clone(),
            live: live.clone(),
            reporter,
            kubeconfig: options.kubeconfig.clone().map(|path| (path, link, Box::new(source))),
        };
        let ports = Ports { clock: clock.clone(), api, directory, keys, front };
        let rotator = Rotator::new(config.clone(), RunId(random().map_err(StartError::System)?));
        let board = Board::new(Published {
            pid: std::process::id(),
            common_name: rotator.config().template().subject.common_name.clone(),
            server: endpoint.server,
            bootstrap_kubeconfig: options
                .bootstrap_kubeconfig
                .as_ref()
                .and_then(|it| std::path::absolute(it).ok()),
            rotates: options.rotate,
            ..Published::default()
        });
        let telling =
            Telling { directory: options.cert_dir.clone(), pair: options.pair.clone(), board, clock };
        let driver = Driver::new(rotator, ports, (sender.clone(), inbox), telling.observe(observer));
        Ok(Self { driver, control: Control { sender, config }, live, client, details, disk_end, telling })
    }

    /// The identity that is served.
    #[must_use]
    pub fn live(&self) -> LiveIdentity {
        self.live.clone()
    }

    /// A client of the API server that proves itself with the live identity.
    #[must_use]
    pub fn client(&self) -> LiveClient {
        self.client.clone()
    }

    /// Asks for a rotation or the end while the node runs.
    #[must_use]
    pub fn control(&self) -> Control {
        self.control.clone()
    }

    /// Runs until the end is asked for, or the certificate directory cannot be used.
    pub async fn run(self) -> ExitReason {
        let telling = tokio::spawn(self.telling.run());
        let reason = self.driver.run().await;
        telling.abort();
        self.disk_end.wait(DISK_PATIENCE).await;
        if reason != ExitReason::Shutdown {
            let fault = self.details.take_disk();
            tracing::error!("{}", fault.as_deref().unwrap_or("the certificate directory cannot be used"));
        }
        reason
    }
}

/// The kubeconfig that says which server to ask: the node's own where there is one, else the bootstrap one.
fn server(options: &NodeOptions, link: &Path) -> Result<Kubeconfig, StartError> {
    let standing = match &options.kubeconfig {
        Some(path) => kubeconfig::standing(path, link)?,
        None => Standing::Absent,
    };
    let bootstrap = options.bootstrap_kubeconfig.as_deref().map(Kubeconfig::read);
    match (standing, bootstrap) {
        (Standing::Ours(own), None | Some(Ok(_))) => Ok(*own),
        // Installers remove it after the join; that is no reason not to serve what is there.
        (Standing::Ours(own), Some(Err(KubeconfigError { problem: Problem::Missing, path }))) => {
            tracing::warn!(
                "there is no bootstrap kubeconfig at {}; if the certificate ends, there is no way back without it",
                path.display()
            );
            Ok(*own)
        }
        (Standing::Absent, Some(Ok(bootstrap))) => Ok(bootstrap),
        (_, Some(Err(error))) => Err(error.into()),
        (Standing::Absent, None) => Err(StartError::NoServer),
    }
}

fn config(options: &NodeOptions, chain_required: bool) -> Result<Config, StartError> {
    let template = Template { duration: options.lifetime, ..Template::node_client(&options.node_name) };
    let spec = ConfigSpec {
        chain_required,
        rotate: options.rotate,
        adopt: options.adopt,
        seed: random().map_err(StartError::System)?,
        built: BUILT,
        ..ConfigSpec::new(template)
    };
    Config::new(spec).map_err(StartError::Config)
}

/// RFC 1123 subdomain, as Kubernetes asks of a node's name (apimachinery `pkg/util/validation`).
fn check_node_name(name: &str) -> Result<(), StartError> {
    let edge = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let label = |label: &str| {
        let bytes = label.as_bytes();
        bytes.first().is_some_and(|byte| edge(*byte))
            && bytes.last().is_some_and(|byte| edge(*byte))
            && bytes.iter().all(|byte| edge(*byte) || *byte == b'-')
    };
    if name.len() <= 253 && name.split('.').all(label) {
        Ok(())
    } else {
        Err(StartError::NodeName(name.into()))
    }
}

pub(crate) fn read_client_ca(path: &Path) -> Result<ClientCa, StartError> {
    let fail = |why: String| StartError::ClientCa { path: path.to_owned(), why };
    let file = std::fs::File::open(path).map_err(|error| fail(error.to_string()))?;
    let mut pem = Vec::new();
    let mut capped = std::io::Read::take(file, MAX_CA_FILE + 1);
    std::io::Read::read_to_end(&mut capped, &mut pem).map_err(|error| fail(error.to_string()))?;
    if pem.len() as u64 > MAX_CA_FILE {
        return Err(fail(format!("it is larger than {MAX_CA_FILE} bytes")));
    }
    ClientCa::read(&pem).map_err(|error| fail(error.to_string()))
}

fn random() -> std::io::Result<u64> {
    use ring::rand::SecureRandom as _;
    let mut bytes = [0; 8];
    ring::rand::SystemRandom::new().fill(&mut bytes).map_err(|_| std::io::Error::other("no randomness"))?;
    Ok(u64::from_le_bytes(bytes))
}

/// Serves the live identity in this process, and writes the node's kubeconfig when there is one to name.
struct Serving {
    keys: KeyStore,
    live: LiveIdentity,
    reporter: Reporter,
    kubeconfig: Option<(PathBuf, PathBuf, Box<Kubeconfig>)>,
}

impl Front for Serving {
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
