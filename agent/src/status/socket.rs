//! The channel from a running agent to `certrotate status`: a Unix socket without a file.
//!
//! Its name is in Linux's abstract namespace and derived from the certificate directory. It needs no write to a disk that
//! may be full or read-only, and a kill leaves no file behind. Names there have no owner: each side checks the other's user,
//! and another user may have bound the name first. Then the agent tries again, and status reports that user.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::Stat;
use rustix::process::geteuid;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::unix::UCred;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::published::{Published, StatusRecorder};
use crate::clock::Clock;

/// The size limit of a published status, in bytes.
const MAX_PUBLISHED: u64 = 256 << 10;
/// The time limit for a client to read its answer, and for `status` to get one.
const PATIENCE: Duration = Duration::from_secs(5);
/// The most clients that are answered at once.
const MAX_CLIENTS: usize = 8;
/// The first and the longest wait before the agent tries again to bind its name. The wait doubles.
const REBIND: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));
/// The pause after a failed accept: while descriptors are short, each one fails at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(500);
/// The pause before a client tries a full backlog again, or an agent that holds the lock and does not listen yet.
const RECONNECT_PAUSE: Duration = Duration::from_millis(20);
/// How long an agent may hold the lock before it listens.
const START_PATIENCE: Duration = Duration::from_secs(1);

/// Why no agent answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NoAnswer {
    /// No socket has the name.
    Unbound,
    /// A process of another user has the name.
    OtherUser { uid: u32, pid: Option<i32> },
    /// Its backlog is full all the time.
    Full,
    /// It does not answer in time.
    Silent,
    /// It answers something else.
    Malformed,
    /// The system refuses.
    System(String),
}

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unbound => f.write_str("nothing listens on its status socket"),
            Self::OtherUser { uid, pid } => {
                write!(f, "user {uid}, who may not answer for it, has the name of its status socket")?;
                pid.map_or(Ok(()), |pid| write!(f, ", in process {pid}"))
            }
            Self::Full => f.write_str("its status socket accepts no connection"),
            Self::Silent => f.write_str("its status socket accepts the question, and no answer comes"),
            Self::Malformed => f.write_str("its answer is not understood: it may be of another version"),
            Self::System(why) => write!(f, "its status socket cannot be reached: {why}"),
        }
    }
}

/// Returns the address of the agent of this pair in the directory of `stat`. The first byte of 0 makes it an abstract one.
fn address(stat: &Stat, pair: &str) -> PathBuf {
    let place = format!("{:x}.{:x} {pair}", stat.st_dev, stat.st_ino);
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, place.as_bytes());
    let name: String = digest.as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("\0certrotate/{name}").into()
}

fn stat(directory: &Path) -> io::Result<Stat> {
    Ok(rustix::fs::stat(directory)?)
}

/// Sends the status to every client that is the same user or root. Neither a taken name nor a failed accept ends it.
pub(crate) async fn serve(directory: &Path, pair: &str, recorder: &StatusRecorder, clock: &impl Clock) {
    let listener = bind(directory, pair).await;
    let limit = Arc::new(Semaphore::new(MAX_CLIENTS));
    let mut clients = JoinSet::new();
    let mut has_failed = false;
    loop {
        let Ok(permit) = Arc::clone(&limit).acquire_owned().await else { return };
        while clients.try_join_next().is_some() {}
        let mut client = match listener.accept().await {
            Ok((client, _)) => client,
            Err(error) => {
                if !has_failed {
                    tracing::warn!("the status socket accepts no connection: {error}; trying again");
                }
                has_failed = true;
                sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        has_failed = false;
        let ours = [0, geteuid().as_raw()];
        if !client.peer_cred().is_ok_and(|peer| ours.contains(&peer.uid())) {
            continue;
        }
        // A record of numbers and texts is always JSON.
        let text = serde_json::to_vec(&recorder.at(clock.now())).unwrap_or_default();
        clients.spawn(async move {
            // A client that does not read has given up: its error concerns no other.
            let _ = timeout(PATIENCE, client.write_all(&text)).await;
            drop(permit);
        });
    }
}

/// Binds the name of the socket. While it is taken, tries again.
async fn bind(directory: &Path, pair: &str) -> UnixListener {
    let (mut wait, longest) = REBIND;
    let mut has_failed = false;
    loop {
        match stat(directory).and_then(|stat| UnixListener::bind(address(&stat, pair))) {
            Ok(listener) => {
                if has_failed {
                    tracing::info!("certrotate status can reach this agent now");
                }
                return listener;
            }
            Err(error) => {
                if !has_failed {
                    let whose = owner(directory, pair).await.map(|owner| format!(" ({owner})"));
                    tracing::warn!(
                        "certrotate status cannot reach this agent: {error}{}; end the process that has bound its status socket; trying again",
                        whose.unwrap_or_default()
                    );
                }
                has_failed = true;
            }
        }
        sleep(wait).await;
        wait = (wait * 2).min(longest);
    }
}

/// Returns the user and the process that have bound the name.
async fn owner(directory: &Path, pair: &str) -> Option<String> {
    let address = address(&stat(directory).ok()?, pair);
    let stream = timeout(START_PATIENCE, UnixStream::connect(address)).await.ok()?.ok()?;
    let peer = stream.peer_cred().ok()?;
    Some(format!("user {}, process {}", peer.uid(), peer.pid()?))
}

/// Asks the agent of this pair in this directory. Only root, the directory's owner and the own user may answer for it.
pub(crate) async fn ask(directory: &Path, pair: &str) -> Result<Published, NoAnswer> {
    ask_within(directory, pair, PATIENCE).await
}

async fn ask_within(directory: &Path, pair: &str, patience: Duration) -> Result<Published, NoAnswer> {
    // Without a directory there is no agent.
    let Ok(stat) = stat(directory) else { return Err(NoAnswer::Unbound) };
    let deadline = Instant::now() + patience;
    let stream = connect(&address(&stat, pair), directory, deadline).await?;
    let peer = stream.peer_cred().map_err(system)?;
    may_answer(&peer, &stat)?;
    let mut text = Vec::new();
    let mut capped = stream.take(MAX_PUBLISHED);
    match timeout_at(deadline, capped.read_to_end(&mut text)).await {
        Err(_) => Err(NoAnswer::Silent),
        Ok(Err(error)) => Err(system(error)),
        Ok(Ok(_)) => serde_json::from_slice(&text).map_err(|_| NoAnswer::Malformed),
    }
}

fn may_answer(peer: &UCred, stat: &Stat) -> Result<(), NoAnswer> {
    if [0, stat.st_uid, geteuid().as_raw()].contains(&peer.uid()) {
        return Ok(());
    }
    Err(NoAnswer::OtherUser { uid: peer.uid(), pid: peer.pid() })
}

/// Connects without blocking. A full backlog is tried again until the deadline, and for a moment an agent that has only just
/// locked the directory.
async fn connect(address: &Path, directory: &Path, deadline: Instant) -> Result<UnixStream, NoAnswer> {
    let start = Instant::now();
    loop {
        let fault = match UnixStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => error,
        };
        let last = match fault.kind() {
            io::ErrorKind::WouldBlock if Instant::now() < deadline => None,
            io::ErrorKind::WouldBlock => Some(NoAnswer::Full),
            io::ErrorKind::ConnectionRefused => {
                let may_start = start.elapsed() < START_PATIENCE && lock_holder(directory).is_some();
                (!may_start).then_some(NoAnswer::Unbound)
            }
            _ => Some(system(fault)),
        };
        match last {
            Some(why) => return Err(why),
            None => sleep(RECONNECT_PAUSE).await,
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is the function of a map_err")]
fn system(error: io::Error) -> NoAnswer {
    NoAnswer::System(error.to_string())
}

/// Returns the process that holds the lock on the directory, from the kernel's list.
///
/// `None` also if the list does not show it: in another process namespace, or on a file system whose device has another
/// number there.
pub(crate) fn lock_holder(directory: &Path) -> Option<u32> {
    let stat = stat(directory).ok()?;
    let (major, minor) = (rustix::fs::major(stat.st_dev), rustix::fs::minor(stat.st_dev));
    let place = format!("{major:02x}:{minor:02x}:{}", stat.st_ino);
    holder(&std::fs::read_to_string("/proc/locks").ok()?, &place)
}

/// Whether a process is in another network namespace, where its status socket cannot be reached.
pub(crate) fn is_in_other_network(pid: u32) -> bool {
    let network = |process: &str| std::fs::read_link(format!("/proc/{process}/ns/net")).ok();
    matches!((network(&pid.to_string()), network("self")), (Some(theirs), Some(ours)) if theirs != ours)
}

/// Lines such as `3: FLOCK  ADVISORY  WRITE 4711 fd:01:131 0 EOF` (proc_locks(5)).
fn holder(locks: &str, place: &str) -> Option<u32> {
    let flocks = locks.lines().map(|line| line.split_ascii_whitespace().collect::<Vec<_>>());
    let mut here = flocks.filter(|words| words.get(1) == Some(&"FLOCK") && words.get(5) == Some(&place));
    here.find_map(|words| words.get(4)?.parse().ok())
}

#[cfg(test)]
mod tests;
