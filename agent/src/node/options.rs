//! The options of a node, and the reasons why it does not start.

use std::fmt;
use std::path::{Path, PathBuf};

use certrotate_core::config::ConfigError;
use certrotate_core::time::Span;
use certrotate_x509::KeyType;

use crate::client_ca::ClientCaFile;
use crate::kubeconfig::KubeconfigError;
use crate::offload::Offload;
use crate::server_source::NoServer;

/// The options of a node.
#[derive(Clone, Debug)]
pub struct NodeOptions {
    /// The kubeconfig for the first certificate, and for every request without a live identity.
    pub bootstrap_kubeconfig: Option<PathBuf>,
    /// The node's own kubeconfig. It is written if it is missing, and never overwritten.
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
    /// The requested lifetime; `None` leaves it to the signer.
    pub lifetime: Option<Span>,
    /// The type of new keys. Keys on disk are used whatever their type.
    pub key_type: KeyType,
    /// The prefix of all file names.
    pub pair: String,
}

impl NodeOptions {
    /// Returns the defaults for a node of this name and its certificate directory.
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
        }
    }
}

/// Why a node does not start. Nothing was changed.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// A kubeconfig cannot be used.
    Kubeconfig(KubeconfigError),
    /// Neither kubeconfig exists, so there is no server.
    NoServer,
    /// The node name is not a DNS subdomain (RFC 1123).
    NodeName(String),
    /// The prefix of the file names is not usable.
    PairName(certrotate_store::PairNameError),
    /// The client CA file cannot be used.
    ClientCa {
        /// The file.
        path: PathBuf,
        /// The problem.
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
                "there is no kubeconfig that names an API server; give --bootstrap-kubeconfig FILE",
            ),
            Self::NodeName(name) => write!(
                f,
                "node name {name:?} is not a DNS subdomain (lower-case letters, digits, '-' and '.', at most 253); give the name of its Node object with --node-name"
            ),
            Self::PairName(error) => error.fmt(f),
            Self::ClientCa { path, why } => {
                write!(f, "--client-ca-file {} cannot be used: {why}", path.display())
            }
            Self::Config(error) => error.fmt(f),
            Self::System(error) => write!(
                f,
                "the system gives no thread, no randomness or no current directory: {error}; raise the limit of processes (ulimit -u, TasksMax= in the unit), or start in another directory"
            ),
        }
    }
}

impl std::error::Error for StartError {}

impl From<KubeconfigError> for StartError {
    fn from(error: KubeconfigError) -> Self {
        Self::Kubeconfig(error)
    }
}

impl From<NoServer> for StartError {
    fn from(error: NoServer) -> Self {
        match error {
            NoServer::NotGiven => Self::NoServer,
            NoServer::Unusable(error) => Self::Kubeconfig(error),
        }
    }
}

/// Checks for an RFC 1123 subdomain, the form of a Kubernetes node name (apimachinery `pkg/util/validation`).
pub(super) fn check_node_name(name: &str) -> Result<(), StartError> {
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

/// Reads the client CA file for the first time.
pub(crate) fn open_client_ca(path: &Path, offload: Offload) -> Result<ClientCaFile, StartError> {
    ClientCaFile::open_by(path, offload).map_err(|why| StartError::ClientCa { path: path.to_owned(), why })
}
