//! The question and the status: the JSON object of `certrotate status --json`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use certrotate_core::time::WallTime;
use certrotate_store::PairName;
use certrotate_x509::ClientCa;
use serde::Serialize;

use super::published::Published;
use crate::exit::Exit;

/// The question: which directory and which node.
#[derive(Clone, Debug)]
pub struct Question {
    /// The certificate directory.
    pub cert_dir: PathBuf,
    /// What the names of the files begin with.
    pub pair: PairName,
    /// The node's name, if it is known; else that of the running agent, or of the certificate.
    pub node_name: Option<String>,
    /// The bootstrap kubeconfig, if it is known; else the running agent's.
    pub bootstrap_kubeconfig: Option<PathBuf>,
    /// The CAs that issue client certificates, where chains are to be checked.
    pub client_ca: Option<Arc<ClientCa>>,
}

/// The answer in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// A valid certificate is live, and there is no problem.
    Valid,
    /// A valid certificate is live, but a problem needs the operator before it expires.
    Degraded,
    /// The certificate has expired.
    Expired,
    /// No certificate is usable now.
    None,
}

impl Verdict {
    /// Returns the exit status.
    #[must_use]
    pub const fn exit(self) -> Exit {
        match self {
            Self::Valid => Exit::Done,
            Self::Degraded => Exit::Degraded,
            Self::Expired | Self::None => Exit::Without,
        }
    }
}

/// The state of a node's certificate. In JSON, times are RFC 3339 in UTC and durations are in seconds.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// The answer in one word.
    pub verdict: Verdict,
    /// Why it is not valid, each with the remedy; empty if it is.
    pub because: Vec<String>,
    /// The certificate directory.
    pub directory: PathBuf,
    /// The certificate that the current link points to.
    pub identity: Option<Identity>,
    /// When it is renewed, and why then.
    pub renewal: Option<Renewal>,
    /// The open request, or the reason why the last one failed.
    pub request: Option<Request>,
    /// The pending file: the key of the current request.
    pub pending: Option<File>,
    /// The previous certificate, which stays until the next key is on disk.
    pub previous: Option<File>,
    /// An issued certificate that is in the agent's memory only, because the disk refuses it.
    pub unsaved: Option<Unsaved>,
    /// A held certificate: it is not valid yet by the local clock.
    pub held: Option<File>,
    /// The bootstrap fallback: how the node gets a certificate after this one has expired.
    pub bootstrap_fallback: BootstrapFallback,
    /// The local clock.
    pub clock: Clock,
    /// The agent.
    pub agent: Agent,
    /// The timing parameters for certificates of this lifetime, in milliseconds and without jitter; the names are in docs/timing.md.
    pub timing_ms: BTreeMap<&'static str, u64>,
    /// Further remarks: unused files, and the agent's last warnings.
    pub notes: Vec<String>,
}

/// The certificate behind the current link.
#[derive(Clone, Debug, Serialize)]
pub struct Identity {
    /// Its number.
    pub generation: u32,
    /// Its serial number, as `openssl x509 -serial` prints it.
    pub serial: String,
    /// Its subject.
    pub subject: String,
    /// `notBefore`: the latest over its chain.
    pub not_before: String,
    /// `notAfter`: the earliest over its chain.
    pub not_after: String,
    /// The elapsed share of its lifetime in percent: more than 100 after expiry.
    pub age_percent: u64,
    /// The remaining lifetime.
    pub left_seconds: u64,
    /// Its file.
    pub file: PathBuf,
    /// The link that leads to it.
    pub link: PathBuf,
    #[serde(skip)]
    pub(super) left: String,
}

/// The next renewal.
#[derive(Clone, Debug, Serialize)]
pub struct Renewal {
    /// When, by the wall clock.
    pub at: String,
    /// How long until then; 0 when it is due.
    pub in_seconds: u64,
    /// Why then.
    pub why: String,
    /// The current action.
    pub state: String,
    #[serde(skip)]
    pub(super) wait: String,
}

/// A CertificateSigningRequest.
#[derive(Clone, Debug, Serialize)]
pub struct Request {
    /// The object's name.
    pub name: String,
    /// The generation that it is for.
    pub generation: Option<u32>,
    /// When its key was made.
    pub made: Option<String>,
    /// How long ago.
    pub age_seconds: Option<u64>,
    /// Its conditions as `kubectl get csr` shows them; `None` if no running agent knows them.
    pub conditions: Option<Vec<String>>,
    /// The command for the operator.
    pub command: String,
    #[serde(skip)]
    pub(super) age: String,
    /// What the table shows in place of unknown conditions.
    #[serde(skip)]
    pub(super) unknown: &'static str,
}

/// A file of ours.
#[derive(Clone, Debug, Serialize)]
pub struct File {
    /// Its generation.
    pub generation: u32,
    /// Where it is.
    pub path: PathBuf,
    /// Its state, in words.
    pub what: String,
}

/// A certificate that is on no disk: it is lost when the agent ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Unsaved {
    /// Its generation.
    pub generation: u32,
    /// Whether it is live, because no other was left.
    pub served: bool,
}

/// The credential for a certificate request without a live identity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BootstrapFallback {
    /// Whether the credential is readable and was not refused the last time; `None` if its place is unknown.
    pub usable: Option<bool>,
    /// Its kubeconfig.
    pub bootstrap_kubeconfig: Option<PathBuf>,
    /// Its state, in words.
    pub what: String,
}

/// The local clock.
#[derive(Clone, Debug, Serialize)]
pub struct Clock {
    /// The wall clock.
    pub now: String,
    /// Remarks about it.
    pub notes: Vec<String>,
}

/// The state of the agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AgentState {
    /// It answers.
    Running,
    /// A process holds the lock of the directory or the name of the status socket, and no agent answers.
    Silent,
    /// No process holds the lock.
    Stopped,
}

/// The agent that manages the certificate.
#[derive(Clone, Debug, Serialize)]
pub struct Agent {
    /// Whether it runs.
    pub state: AgentState,
    /// Its process.
    pub pid: Option<u32>,
    /// Its phase.
    pub phase: Option<String>,
    /// When it started.
    pub since: Option<String>,
    /// Its next scheduled action.
    pub next: Option<String>,
    /// Why it does not answer.
    pub silence: Option<String>,
    /// The lines that its log has dropped, because standard error could not be written.
    pub lost_log_lines: Option<u64>,
    /// Why the last of them was dropped.
    pub log_fault: Option<String>,
    /// The lines that wait for a log that blocks.
    pub stuck_log_lines: Option<u64>,
}

/// The answer of the agent.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    Running(Box<Published>),
    /// An agent holds the lock, or a process has the name of its socket, and no agent answers.
    Silent {
        pid: Option<u32>,
        why: String,
    },
    Stopped,
}

/// A length of time for people.
pub(super) fn span(from: WallTime, to: WallTime) -> String {
    to.since(from).to_string()
}
