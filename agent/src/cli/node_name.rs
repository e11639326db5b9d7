//! The node's name: the one that is given, else the host's.

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::time::Duration;

use crate::status::node_on_disk;
use crate::threads;

/// The pause between two looks at the host's name.
const PAUSE: Duration = Duration::from_secs(1);
/// The pauses between two warnings.
const PAUSES_PER_WARNING: u32 = 60;
/// The longest wait for the certificate directory.
const DISK_PATIENCE: Duration = Duration::from_secs(5);

/// Returns a name as the kubelet reads one: without white space around it, in lower case (`pkg/util/node`).
pub(super) fn normalize(name: &str) -> String {
    name.trim().to_lowercase()
}

/// Returns the host's name.
pub(super) fn host_name() -> Result<String, String> {
    let name = read_host_name();
    if name.is_empty() { Err("the host has no name; give --node-name".into()) } else { Ok(name) }
}

fn read_host_name() -> String {
    normalize(&rustix::system::uname().nodename().to_string_lossy())
}

/// Whether this is no name of one host: a system that starts has it until its name is set.
fn is_placeholder(name: &str) -> bool {
    let first = name.split('.').next().unwrap_or_default();
    matches!(first, "" | "(none)" | "localhost" | "localhost4" | "localhost6") || name.ends_with(".localhost")
}

/// Returns the host's name once it has one of its own; `None` if `ending` comes first.
///
/// A certificate for a placeholder would be the identity of every host without a name. A node that has one already keeps it.
///
/// # Errors
///
/// The host has no name of its own when `timeout` ends.
pub(super) async fn wait_for_host_name<E>(
    cert_dir: &Path,
    mut ending: Pin<&mut impl Future<Output = E>>,
    mut timeout: Pin<&mut impl Future<Output = ()>>,
) -> Result<Option<String>, String> {
    let name = read_host_name();
    if !is_placeholder(&name) {
        return Ok(Some(name));
    }
    if is_name_of_certificate(cert_dir.to_owned(), &name).await {
        tracing::warn!(
            "the host is called {name:?}, and so is this node in its certificate; give every host a name of its own"
        );
        return Ok(Some(name));
    }
    let remedy =
        format!("set the host's name, or give --node-name (also for a node that is to be called {name:?})");
    for pauses in 0_u32.. {
        if pauses.is_multiple_of(PAUSES_PER_WARNING) {
            tracing::warn!(
                "the host is called {name:?}, which is no name of its own: waiting until it has one; {remedy}"
            );
        }
        tokio::select! {
            _ = ending.as_mut() => return Ok(None),
            () = timeout.as_mut() => return Err(format!("the host is still called {name:?}: {remedy}")),
            () = tokio::time::sleep(PAUSE) => {}
        }
        let name = read_host_name();
        if !is_placeholder(&name) {
            tracing::info!("the host is called {name:?} now");
            return Ok(Some(name));
        }
    }
    Ok(None)
}

async fn is_name_of_certificate(cert_dir: PathBuf, name: &str) -> bool {
    let look = threads::run(move || node_on_disk(&cert_dir));
    match tokio::time::timeout(DISK_PATIENCE, look).await {
        Ok(Ok(node)) => node.as_deref() == Some(name),
        // No answer is no certificate: the node waits.
        Ok(Err(_)) | Err(_) => false,
    }
}
