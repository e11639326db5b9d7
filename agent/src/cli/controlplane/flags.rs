//! The flags of `certrotate controlplane`.

use std::net::IpAddr;
use std::path::PathBuf;

use certrotate_controlplane::{CaFiles, Rules, SigningFiles};
use clap::{ArgAction, ValueEnum};

/// `certrotate controlplane`.
#[derive(Debug, clap::Args)]
pub(crate) struct ControlplaneArgs {
    /// Embedded: where CA, tokens, requests and the kubeconfigs are kept
    #[arg(long, value_name = "DIR", required_unless_present_any = ["kubeconfig", "ephemeral"], conflicts_with = "kubeconfig")]
    pub(super) dir: Option<PathBuf>,
    /// Embedded: keep nothing; the kubeconfig of the admin goes to standard output
    #[arg(long, conflicts_with_all = ["dir", "kubeconfig"])]
    pub(super) ephemeral: bool,
    /// Embedded: loopback address, such as 127.0.0.2 or ::1
    #[arg(long, default_value = "127.0.0.1", value_name = "ADDRESS", conflicts_with = "kubeconfig")]
    pub(super) listen: IpAddr,
    /// Embedded: loopback port; 0 takes the last one again if it is free, else any
    #[arg(long, default_value_t = 0, value_name = "N", conflicts_with = "kubeconfig")]
    pub(super) port: u16,
    /// Embedded: how long a new bootstrap token lives
    #[arg(long, default_value = "24h", value_name = "DUR", conflicts_with = "kubeconfig")]
    pub(super) token_ttl: String,
    /// Embedded: one more bootstrap token, ID.SECRET[,ttl=DUR][,usage=authentication|signing][,group=system:bootstrappers:NAME]
    #[arg(long = "bootstrap-token", value_name = "TOKEN", conflicts_with = "kubeconfig")]
    pub(super) bootstrap_tokens: Vec<String>,
    /// Embedded: a fault from the start, such as delay=200ms, answer=429,retry-after=2s,times=3 or wrong-key
    #[arg(long = "fault", value_name = "FAULT", conflicts_with = "kubeconfig")]
    pub(super) faults: Vec<String>,
    /// Run approver, signer and cleaner of --signer-name on the cluster of this kubeconfig, and no API
    #[arg(long, value_name = "FILE", requires = "signer_name")]
    pub(super) kubeconfig: Option<PathBuf>,
    /// On a cluster: the signer name of one's own, domain/path
    #[arg(long, value_name = "NAME", conflicts_with = "dir")]
    pub(super) signer_name: Option<String>,
    /// On a cluster: what that signer asks of requests
    #[arg(long, value_enum, default_value_t = RulesArg::KubeletClient, value_name = "RULES", conflicts_with = "dir")]
    pub(super) signer_rules: RulesArg,
    /// Who approves: auto, manual (kubectl certificate approve NAME), or after=DUR
    #[arg(long, default_value = "auto", value_name = "HOW")]
    pub(super) approve: String,
    /// Stricter than Kubernetes: deny a bootstrapper the name of a node that holds a valid certificate
    #[arg(long)]
    pub(super) refuse_taken_names: bool,
    /// Delete requests at the ages of Kubernetes; =false keeps them all
    #[arg(long, default_value_t = true, default_missing_value = "true", num_args = 0..=1, require_equals = true, action = ArgAction::Set, value_name = "BOOL")]
    pub(super) clean: bool,
    /// How long before its issue a certificate starts
    #[arg(long, default_value = "5m", value_name = "DUR")]
    pub(super) backdate: String,
    #[command(flatten)]
    pub(super) signing: SigningArgs,
    #[command(flatten)]
    pub(super) leader_elect: LeaderElectArgs,
    /// Log more: -v info, -vv debug, -vvv trace
    #[arg(short, action = ArgAction::Count)]
    pub(crate) verbose: u8,
}

/// What the signers sign with, and for how long.
#[derive(Debug, clap::Args)]
pub(super) struct SigningArgs {
    /// Default and longest lifetime of issued certificates, such as 10s, 1h30m or 365d
    #[arg(long, default_value = "365d", value_name = "DUR")]
    pub(super) cluster_signing_duration: String,
    /// The old name of --cluster-signing-duration
    #[arg(long, value_name = "DUR", hide = true, conflicts_with = "cluster_signing_duration")]
    pub(super) experimental_cluster_signing_duration: Option<String>,
    /// CA certificate that signs; read again when it changes [default, embedded: one that is made at the first start]
    #[arg(long, value_name = "FILE", requires = "cluster_signing_key_file")]
    pub(super) cluster_signing_cert_file: Option<PathBuf>,
    /// Its key: RSA, P-256, P-384 or Ed25519, PEM, not encrypted
    #[arg(long, value_name = "FILE", requires = "cluster_signing_cert_file")]
    pub(super) cluster_signing_key_file: Option<PathBuf>,
    /// CA of kubernetes.io/kubelet-serving alone; signers without a pair do not run then. Likewise the next six
    #[arg(long, value_name = "FILE", requires = "cluster_signing_kubelet_serving_key_file")]
    pub(super) cluster_signing_kubelet_serving_cert_file: Option<PathBuf>,
    #[arg(
        long,
        value_name = "FILE",
        requires = "cluster_signing_kubelet_serving_cert_file",
        hide_short_help = true
    )]
    pub(super) cluster_signing_kubelet_serving_key_file: Option<PathBuf>,
    #[arg(
        long,
        value_name = "FILE",
        requires = "cluster_signing_kubelet_client_key_file",
        hide_short_help = true
    )]
    pub(super) cluster_signing_kubelet_client_cert_file: Option<PathBuf>,
    #[arg(
        long,
        value_name = "FILE",
        requires = "cluster_signing_kubelet_client_cert_file",
        hide_short_help = true
    )]
    pub(super) cluster_signing_kubelet_client_key_file: Option<PathBuf>,
    #[arg(
        long,
        value_name = "FILE",
        requires = "cluster_signing_kube_apiserver_client_key_file",
        hide_short_help = true
    )]
    pub(super) cluster_signing_kube_apiserver_client_cert_file: Option<PathBuf>,
    #[arg(
        long,
        value_name = "FILE",
        requires = "cluster_signing_kube_apiserver_client_cert_file",
        hide_short_help = true
    )]
    pub(super) cluster_signing_kube_apiserver_client_key_file: Option<PathBuf>,
    #[arg(
        long,
        value_name = "FILE",
        requires = "cluster_signing_legacy_unknown_key_file",
        hide_short_help = true
    )]
    pub(super) cluster_signing_legacy_unknown_cert_file: Option<PathBuf>,
    #[arg(
        long,
        value_name = "FILE",
        requires = "cluster_signing_legacy_unknown_cert_file",
        hide_short_help = true
    )]
    pub(super) cluster_signing_legacy_unknown_key_file: Option<PathBuf>,
}

impl SigningArgs {
    /// The files that are named.
    pub(super) fn files(&self) -> Result<SigningFiles, String> {
        let pair = |certificate: &Option<PathBuf>, key: &Option<PathBuf>| match (certificate, key) {
            (Some(certificate), Some(key)) => {
                Ok(Some(CaFiles { certificate: certificate.clone(), key: key.clone() }))
            }
            (None, None) => Ok(None),
            // clap requires both flags.
            (Some(_), None) | (None, Some(_)) => {
                Err("a CA certificate file needs its key file, and the other way round".to_owned())
            }
        };
        Ok(SigningFiles {
            all: pair(&self.cluster_signing_cert_file, &self.cluster_signing_key_file)?,
            kubelet_serving: pair(
                &self.cluster_signing_kubelet_serving_cert_file,
                &self.cluster_signing_kubelet_serving_key_file,
            )?,
            kubelet_client: pair(
                &self.cluster_signing_kubelet_client_cert_file,
                &self.cluster_signing_kubelet_client_key_file,
            )?,
            kube_apiserver_client: pair(
                &self.cluster_signing_kube_apiserver_client_cert_file,
                &self.cluster_signing_kube_apiserver_client_key_file,
            )?,
            legacy_unknown: pair(
                &self.cluster_signing_legacy_unknown_cert_file,
                &self.cluster_signing_legacy_unknown_key_file,
            )?,
        })
    }
}

/// On a cluster: which of several replicas acts.
#[derive(Debug, clap::Args)]
pub(super) struct LeaderElectArgs {
    /// On a cluster: the namespace of the Lease by which one of several replicas acts
    #[arg(long, default_value = "kube-system", value_name = "NAME", conflicts_with = "dir")]
    pub(super) leader_elect_resource_namespace: String,
    /// On a cluster: the Lease's name [default: certrotate- and the signer's name]
    #[arg(long, value_name = "NAME", conflicts_with = "dir")]
    pub(super) leader_elect_resource_name: Option<String>,
    /// On a cluster: how long the others wait for a replica that is silent
    #[arg(long, default_value = "15s", value_name = "DUR", conflicts_with = "dir")]
    pub(super) leader_elect_lease_duration: String,
    /// On a cluster: how long a replica acts without having renewed the Lease
    #[arg(long, default_value = "10s", value_name = "DUR", conflicts_with = "dir")]
    pub(super) leader_elect_renew_deadline: String,
    /// On a cluster: how long between two tries
    #[arg(long, default_value = "2s", value_name = "DUR", conflicts_with = "dir")]
    pub(super) leader_elect_retry_period: String,
}

/// `--signer-rules`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum RulesArg {
    /// A node's client certificate; the only ones that are approved by rule
    KubeletClient,
    /// A node's serving certificate
    KubeletServing,
    /// Any client
    ApiClient,
    /// Whatever was approved
    Any,
}

impl From<RulesArg> for Rules {
    fn from(arg: RulesArg) -> Self {
        match arg {
            RulesArg::KubeletClient => Self::KubeletClient,
            RulesArg::KubeletServing => Self::KubeletServing,
            RulesArg::ApiClient => Self::ApiClient,
            RulesArg::Any => Self::Any,
        }
    }
}
