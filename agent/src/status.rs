//! How a node's certificate is, for people and for scripts: `certrotate status`.
//!
//! What is on disk is looked at without the lock, so this works beside a running agent and without one. What only the
//! agent knows (the request's conditions, what it waits for, what the clock did), it [tells](published) over a Unix socket.
//! Nothing is changed, and no key byte is shown.

mod assemble;
mod disk;
pub mod published;
pub(crate) mod publisher;
mod reasons;
pub(crate) mod socket;
mod text;
mod timing;
mod way_back;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use certrotate_core::time::{Now, WallTime};
use certrotate_store::{Fault, PairName};
use certrotate_x509::ClientCa;
use serde::Serialize;

use crate::clock::BUILT;
use crate::exit::Exit;
use published::Published;

/// Where to look.
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
    pub client_ca: Option<ClientCa>,
}

/// The answer in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// A valid certificate is in use, and all goes as it should.
    Valid,
    /// A valid certificate is in use, but something needs looking after before it ends.
    Degraded,
    /// The certificate has ended.
    Expired,
    /// There is no certificate that can be used now.
    None,
}

impl Verdict {
    /// The exit status that scripts go by.
    #[must_use]
    pub const fn exit(self) -> Exit {
        match self {
            Self::Valid => Exit::Done,
            Self::Degraded => Exit::Degraded,
            Self::Expired | Self::None => Exit::Without,
        }
    }
}

/// How a node's certificate is. In JSON, times are RFC 3339 in UTC and lengths are in seconds.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// The answer in one word.
    pub verdict: Verdict,
    /// Why it is not valid, each with the remedy; empty if it is.
    pub because: Vec<String>,
    /// The certificate directory.
    pub directory: PathBuf,
    /// The certificate that the live name leads to.
    pub identity: Option<Identity>,
    /// When it is renewed, and why then.
    pub renewal: Option<Renewal>,
    /// The request that is open, or why the last one came to nothing.
    pub request: Option<Request>,
    /// The pending file: the key that is being asked for.
    pub pending: Option<File>,
    /// The certificate before, which stays until the next key is on disk.
    pub previous: Option<File>,
    /// A certificate that was issued and is in the agent's memory only, since the disk refuses it.
    pub unsaved: Option<Unsaved>,
    /// A good certificate that the clock is still before the start of.
    pub held: Option<File>,
    /// Whether there is a way back if the certificate ends.
    pub way_back: WayBack,
    /// The local clock.
    pub clock: Clock,
    /// The agent.
    pub agent: Agent,
    /// The timing parameters for certificates of this lifetime, in milliseconds and without jitter; the names are in docs/timing.md.
    pub timing_ms: BTreeMap<&'static str, u64>,
    /// What else is worth knowing: files that are not used, and the agent's last warnings.
    pub notes: Vec<String>,
}

/// A certificate in use.
#[derive(Clone, Debug, Serialize)]
pub struct Identity {
    /// Its number.
    pub generation: u32,
    /// Its serial number, as `openssl x509 -serial` prints it.
    pub serial: String,
    /// Its subject.
    pub subject: String,
    /// Its start, the latest over its chain.
    pub not_before: String,
    /// Its end, the earliest over its chain.
    pub not_after: String,
    /// How much of its lifetime is over, in percent: more than 100 after its end.
    pub age_percent: u64,
    /// How long it is valid still.
    pub left_seconds: u64,
    /// Its file.
    pub file: PathBuf,
    /// The link that leads to it.
    pub link: PathBuf,
    #[serde(skip)]
    left: String,
}

/// A renewal to come.
#[derive(Clone, Debug, Serialize)]
pub struct Renewal {
    /// When, by the wall clock.
    pub at: String,
    /// How long until then; 0 when it is due.
    pub in_seconds: u64,
    /// Why then.
    pub why: String,
    /// What is done about it now.
    pub state: String,
    #[serde(skip)]
    wait: String,
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
    /// What a person can do about it.
    pub command: String,
    #[serde(skip)]
    age: String,
}

/// A file of ours.
#[derive(Clone, Debug, Serialize)]
pub struct File {
    /// Its generation.
    pub generation: u32,
    /// Where it is.
    pub path: PathBuf,
    /// What there is to say about it.
    pub what: String,
}

/// A certificate that is on no disk: the end of the agent would be its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Unsaved {
    /// Its generation.
    pub generation: u32,
    /// Whether the agent serves it, because there was nothing else left.
    pub served: bool,
}

/// The way back to a certificate when there is none to ask with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WayBack {
    /// Whether there is a credential that can be read, and that was not refused the last time; `None` if nobody
    /// says where to look.
    pub usable: Option<bool>,
    /// Where it is.
    pub bootstrap_kubeconfig: Option<PathBuf>,
    /// What is known of it.
    pub what: String,
}

/// The local clock.
#[derive(Clone, Debug, Serialize)]
pub struct Clock {
    /// What it shows.
    pub now: String,
    /// What is odd about it.
    pub notes: Vec<String>,
}

/// Whether an agent looks after the certificate.
#[derive(Clone, Debug, Serialize)]
pub struct Agent {
    /// `running`; `silent`: a process has the directory and does not answer; or `stopped`.
    pub state: &'static str,
    /// Its process.
    pub pid: Option<u32>,
    /// What it is at.
    pub phase: Option<String>,
    /// When it started.
    pub since: Option<String>,
    /// What it does next by itself.
    pub next: Option<String>,
}

/// Who answered.
#[derive(Clone, Debug)]
enum Answer {
    Running(Box<Published>),
    Silent(u32),
    Stopped,
}

/// Looks at the directory, asks the agent, and puts both together.
///
/// # Errors
///
/// The directory is there, and cannot be looked at.
pub async fn ask(question: &Question, now: Now) -> Result<Status, Fault> {
    let pair = question.pair.as_str();
    let answer = match socket::ask(&question.cert_dir, pair).await {
        Some(told) => Answer::Running(Box::new(told)),
        None => socket::lock_holder(&question.cert_dir).map_or(Answer::Stopped, Answer::Silent),
    };
    let looked = disk::OnDisk::look(&question.cert_dir, &question.pair, question.client_ca.clone());
    assemble::assemble(question, answer, looked, (now.wall, BUILT))
}

/// Returns the status that the running agent of this directory publishes; `None` if no agent answers.
pub async fn published(cert_dir: &Path, pair: &str) -> Option<Published> {
    socket::ask(cert_dir, pair).await
}

/// A length of time for people.
fn span(from: WallTime, to: WallTime) -> String {
    to.since(from).to_string()
}
