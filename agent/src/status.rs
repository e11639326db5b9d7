//! The state of a node's certificate, for people and for scripts: `certrotate status`.
//!
//! The directory is read without the lock, so this works beside a running agent and without one. A running agent
//! [publishes](mod@published) the rest over a Unix socket: the request's conditions, the next action, jumps of the clock.
//! Nothing is changed, and no key byte is shown.

mod assemble;
mod bootstrap_fallback;
mod disk;
pub mod published;
pub(crate) mod publisher;
mod reasons;
pub(crate) mod socket;
mod text;
mod timing;
mod types;
mod verdict;

#[cfg(test)]
mod tests;

use std::path::Path;

use certrotate_core::time::Now;
use certrotate_store::{Fault, PairName};

use crate::clock::BUILT;
use published::Published;
use socket::NoAnswer;
use types::Answer;
pub use types::{
    Agent, AgentState, BootstrapFallback, Clock, File, Identity, Question, Renewal, Request, Status, Unsaved,
    Verdict,
};

/// Reads the directory, asks the agent, and combines both.
///
/// # Errors
///
/// The directory exists and cannot be read.
pub async fn ask(question: &Question, now: Now) -> Result<Status, Fault> {
    let pair = question.pair.as_str();
    let answer = match socket::ask(&question.cert_dir, pair).await {
        Ok(published) => Answer::Running(Box::new(published)),
        Err(why) => no_answer(&why, socket::lock_holder(&question.cert_dir)),
    };
    let looked = disk::OnDisk::look(&question.cert_dir, &question.pair, question.client_ca.clone());
    assemble::assemble(question, answer, looked, (now.wall, BUILT))
}

/// Returns the name of the node whose certificate is in a kubelet's files in this directory.
pub(crate) fn node_on_disk(cert_dir: &Path) -> Option<String> {
    let pair = PairName::new("kubelet-client").ok()?;
    disk::OnDisk::look(cert_dir, &pair, None).ok()?.node()
}

/// Says whether an agent runs that does not answer.
fn no_answer(why: &NoAnswer, holder: Option<u32>) -> Answer {
    match (why, holder) {
        (NoAnswer::Unbound, None) => Answer::Stopped,
        (NoAnswer::Unbound, Some(pid)) if socket::is_in_other_network(pid) => Answer::Silent {
            pid: Some(pid),
            why: format!(
                "it is in another network namespace; ask there: nsenter --target {pid} --net certrotate status"
            ),
        },
        (why, pid) => Answer::Silent { pid, why: why.to_string() },
    }
}

/// Returns the status that the running agent of this directory publishes; `None` if no agent answers.
pub async fn published(cert_dir: &Path, pair: &str) -> Option<Published> {
    socket::ask(cert_dir, pair).await.ok()
}
