//! The options of a control plane.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::Duration;

use crate::apiserver::access::bootstrap_token::BootstrapToken;
use crate::base::clock::Clock;
use crate::base::duration::{at_least_a_second, check_lifetimes};
use crate::base::error::Error;
use crate::faults::text::Fault;
use crate::signing::approver::Approval;
use crate::signing::cleaner::Ages;
use crate::signing::controllers::options::{DEFAULT_BACKDATE, DEFAULT_LIFETIME, SigningFiles};

#[cfg(test)]
mod tests;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How a control plane runs. [`Options::default`] is a control plane in memory on any free port.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where CA, tokens and requests are kept and the kubeconfigs are written; `None`: nowhere, all is lost at the end.
    pub dir: Option<PathBuf>,
    /// The loopback address to listen on.
    pub listen: IpAddr,
    /// The loopback port; 0 takes the port of the last run on the same directory if it is free, else any.
    pub port: u16,
    /// Who approves requests.
    pub approve: Approval,
    /// Default and maximum lifetime of an issued certificate (`--cluster-signing-duration`).
    pub cluster_signing_duration: Duration,
    /// How far before its issue a certificate starts; 5 minutes in kube-controller-manager.
    pub backdate: Duration,
    /// How long a new bootstrap token lives; kubeadm's default is 24 hours.
    pub token_ttl: Duration,
    /// The CA files of the signers; none: they sign with the CA that the control plane makes for itself.
    pub signing_files: SigningFiles,
    /// When the cleaner deletes requests; `None`: never.
    pub ages: Option<Ages>,
    /// Stricter than Kubernetes: a bootstrapper is denied the name of a node that holds a valid certificate.
    pub refuse_taken_names: bool,
    /// How long a new certificate authority lives.
    pub ca_lifetime: Duration,
    /// Faults that are set from the start.
    pub faults: Vec<Fault>,
    /// Bootstrap tokens beside the one that is made and kept; they are not kept over a restart.
    pub bootstrap_tokens: Vec<BootstrapToken>,
    /// The source of the wall-clock time.
    pub clock: Clock,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            dir: None,
            listen: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 0,
            approve: Approval::Auto,
            cluster_signing_duration: DEFAULT_LIFETIME,
            backdate: DEFAULT_BACKDATE,
            token_ttl: DAY,
            signing_files: SigningFiles::default(),
            ages: Some(Ages::default()),
            refuse_taken_names: false,
            ca_lifetime: 3650 * DAY,
            faults: Vec::new(),
            bootstrap_tokens: Vec::new(),
            clock: Clock::system(),
        }
    }
}

impl Options {
    pub(crate) fn validate(&self) -> Result<(), Error> {
        if !self.listen.is_loopback() {
            let why = format!("{} is no loopback address, such as 127.0.0.2 or ::1", self.listen);
            return Err(Error::Option { name: "--listen", why });
        }
        self.signing_files.validate()?;
        check_lifetimes(self.cluster_signing_duration, self.backdate)?;
        at_least_a_second("--token-ttl", self.token_ttl)?;
        at_least_a_second("CA lifetime", self.ca_lifetime)
    }
}
