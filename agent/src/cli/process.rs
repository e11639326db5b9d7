//! The limits that the process inherits: its umask, and the number of open files.

#[cfg(test)]
mod tests;

use rustix::fs::Mode;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit, umask};

/// The open files that a command needs: standard streams, event loop, signals, connections, and the file in hand.
const NEEDED: u64 = 32;

/// Makes the inherited limits usable.
///
/// # Errors
///
/// The process may not open enough files, or start a thread. The message names the limit and the remedy.
pub(super) fn prepare() -> Result<(), String> {
    // A file that its owner cannot read is of no use, to us and to everyone: the owner's bits of the umask are cleared.
    let inherited = umask(Mode::RWXG | Mode::RWXO);
    umask(inherited & (Mode::RWXG | Mode::RWXO));
    let limit = raise_open_files();
    check_open_files().map_err(|error| {
        format!(
            "the process may have {limit} open files, and {NEEDED} are needed ({error}); raise the limit: ulimit -n 1024, or LimitNOFILE= in the unit"
        )
    })?;
    let thread = std::thread::Builder::new().spawn(|| ()).map(std::thread::JoinHandle::join);
    thread.map(|_| ()).map_err(|error| {
        format!(
            "the system starts no thread ({error}); raise the limit of processes: ulimit -u, or TasksMax= in the unit"
        )
    })
}

/// Raises the soft limit as far as it is needed and allowed, and returns it.
fn raise_open_files() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let (soft, hard) = (limit.current.unwrap_or(u64::MAX), limit.maximum.unwrap_or(u64::MAX));
    let wanted = NEEDED.min(hard).max(soft);
    let raised = Rlimit { current: Some(wanted), maximum: limit.maximum };
    if wanted > soft && setrlimit(Resource::Nofile, raised).is_ok() { wanted } else { soft }
}

/// Opens as many descriptors as are needed. Some may be inherited, so the limit alone does not tell.
fn check_open_files() -> Result<(), std::io::Error> {
    let mut opened = Vec::new();
    // Two each, and a few are open now.
    for _ in 0..NEEDED * 3 / 8 {
        opened.push(std::io::pipe()?);
    }
    Ok(())
}
