//! The way from a running agent to `certrotate status`: a Unix socket without a file.
//!
//! Its name is in Linux's abstract namespace and derived from the certificate directory. So nothing is written where
//! the disk may be full or read-only, nothing is left behind by a kill, and no file of ours joins those that others look at.
//! Names there have no owner: each side looks at who the other is.

use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixListener as StdListener, UnixStream as StdStream};
use std::path::Path;
use std::time::Duration;

use rustix::fs::Stat;
use rustix::process::geteuid;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};

use super::published::{Published, StatusRecorder};
use crate::clock::Clock;

/// More than an agent ever tells, in bytes.
const MAX_PUBLISHED: u64 = 256 << 10;
/// How long an agent, or somebody who asks, may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// The address of the agent of this pair in the directory that `stat` is of.
fn address(stat: &Stat, pair: &str) -> io::Result<SocketAddr> {
    let place = format!("{:x}.{:x} {pair}", stat.st_dev, stat.st_ino);
    let digest = ring::digest::digest(&ring::digest::SHA256, place.as_bytes());
    let name: String = digest.as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    SocketAddr::from_abstract_name(format!("certrotate/{name}"))
}

fn stat(directory: &Path) -> io::Result<Stat> {
    Ok(rustix::fs::stat(directory)?)
}

/// Tells whoever asks, and is the same user or root. Never returns, but for an error.
pub(crate) async fn serve(
    directory: &Path,
    pair: &str,
    recorder: &StatusRecorder,
    clock: &impl Clock,
) -> io::Result<()> {
    let listener = StdListener::bind_addr(&address(&stat(directory)?, pair)?)?;
    listener.set_nonblocking(true)?;
    let listener = UnixListener::from_std(listener)?;
    let ours = geteuid().as_raw();
    loop {
        let (mut asking, _) = listener.accept().await?;
        let who = asking.peer_cred().map(|peer| peer.uid());
        if !who.is_ok_and(|uid| uid == 0 || uid == ours) {
            continue;
        }
        let text = serde_json::to_vec(&recorder.at(clock.now()))?;
        // One who asks and does not listen has lost interest.
        let _ = tokio::time::timeout(PATIENCE, asking.write_all(&text)).await;
    }
}

/// Asks the agent of this pair in this directory; `None` if none answers that is root's, ours or the directory's owner's.
pub(crate) async fn ask(directory: &Path, pair: &str) -> Option<Published> {
    let stat = stat(directory).ok()?;
    let stream = StdStream::connect_addr(&address(&stat, pair).ok()?).ok()?;
    stream.set_nonblocking(true).ok()?;
    let stream = UnixStream::from_std(stream).ok()?;
    let uid = stream.peer_cred().ok()?.uid();
    if ![0, stat.st_uid, geteuid().as_raw()].contains(&uid) {
        return None;
    }
    let mut text = Vec::new();
    let mut capped = stream.take(MAX_PUBLISHED);
    tokio::time::timeout(PATIENCE, capped.read_to_end(&mut text)).await.ok()?.ok()?;
    serde_json::from_slice(&text).ok()
}

/// The process that holds the lock on the directory, as the kernel tells. `None` also where it does not tell:
/// in another process namespace, or on a file system whose device has another number there.
pub(crate) fn lock_holder(directory: &Path) -> Option<u32> {
    let stat = stat(directory).ok()?;
    let (major, minor) = (rustix::fs::major(stat.st_dev), rustix::fs::minor(stat.st_dev));
    let place = format!("{major:02x}:{minor:02x}:{}", stat.st_ino);
    holder(&std::fs::read_to_string("/proc/locks").ok()?, &place)
}

/// Lines such as `3: FLOCK  ADVISORY  WRITE 4711 fd:01:131 0 EOF` (proc_locks(5)).
fn holder(locks: &str, place: &str) -> Option<u32> {
    let flocks = locks.lines().map(|line| line.split_ascii_whitespace().collect::<Vec<_>>());
    let mut here = flocks.filter(|words| words.get(1) == Some(&"FLOCK") && words.get(5) == Some(&place));
    here.find_map(|words| words.get(4)?.parse().ok())
}

#[cfg(test)]
mod tests;
