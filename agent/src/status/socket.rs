//! The channel from a running agent to `certrotate status`: a Unix socket without a file.
//!
//! Its name is in Linux's abstract namespace and derived from the certificate directory. It needs no write to a disk that
//! may be full or read-only, and a kill leaves no file behind. Names there have no owner: each side checks the other's user.

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

/// The size limit of a published status, in bytes.
const MAX_PUBLISHED: u64 = 256 << 10;
/// The time limit for either side.
const PATIENCE: Duration = Duration::from_secs(5);

/// Returns the address of the agent of this pair in the directory of `stat`.
fn address(stat: &Stat, pair: &str) -> io::Result<SocketAddr> {
    let place = format!("{:x}.{:x} {pair}", stat.st_dev, stat.st_ino);
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, place.as_bytes());
    let name: String = digest.as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    SocketAddr::from_abstract_name(format!("certrotate/{name}"))
}

fn stat(directory: &Path) -> io::Result<Stat> {
    Ok(rustix::fs::stat(directory)?)
}

/// Sends the status to every client that is the same user or root. Returns only with an error.
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
        // A client that does not read has given up: its error concerns no other.
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

/// Lines such as `3: FLOCK  ADVISORY  WRITE 4711 fd:01:131 0 EOF` (proc_locks(5)).
fn holder(locks: &str, place: &str) -> Option<u32> {
    let flocks = locks.lines().map(|line| line.split_ascii_whitespace().collect::<Vec<_>>());
    let mut here = flocks.filter(|words| words.get(1) == Some(&"FLOCK") && words.get(5) == Some(&place));
    here.find_map(|words| words.get(4)?.parse().ok())
}

#[cfg(test)]
mod tests;
