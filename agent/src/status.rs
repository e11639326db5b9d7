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

#[cfg(test)]
mod tests;

use std::path::Path;

use certrotate_core::time::Now;
use certrotate_store::Fault;

use crate::clock::BUILT;
use published::Published;
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
        Some(published) => Answer::Running(Box::new(published)),
        None => socket::lock_holder(&question.cert_dir).map_or(Answer::Stopped, Answer::Silent),
    };
    let looked = disk::OnDisk::look(&question.cert_dir, &question.pair, question.client_ca.clone());
    assemble::assemble(question, answer, looked, (now.wall, BUILT))
}

/// Returns the status that the running agent of this directory publishes; `None` if no agent answers.
pub async fn published(cert_dir: &Path, pair: &str) -> Option<Published> {
    socket::ask(cert_dir, pair).await
}
