//! The limits that the process inherits: its umask, and the number of open files.

#[cfg(test)]
mod tests;

use rustix::fs::Mode;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit, umask};

/// The open files that a command needs: standard streams, event loop, signals, connections, and the file in hand.
const NEEDED: u64 = 32;
/// The stack of the program, in bytes. Parsing the flags takes the most.
const STACK: usize = 4 << 20;

/// Makes the inherited limits usable.
///
/// # Errors
///
/// The process may not open enough files. The message names the limit and the remedy.
pub(super) fn prepare() -> Result<(), String> {
    // A file that its owner cannot read is of no use, to us and to everyone: the owner's bits of the umask are cleared.
    let inherited = umask(Mode::RWXG | Mode::RWXO);
    umask(inherited & (Mode::RWXG | Mode::RWXO));
    let limit = raise_open_files();
    check_open_files().map_err(|error| {
        format!(
            "the process may have {limit} open files, and {NEEDED} are needed ({error}); raise the limit: ulimit -n 1024, or LimitNOFILE= in the unit"
        )
    })
}

/// Runs the program on a thread whose stack does not depend on an inherited limit (`ulimit -s`), as that of the main thread does.
///
/// # Errors
///
/// The system starts no thread; the message names the remedy. Or the program panicked, which the log shows.
pub(super) fn on_own_stack<T: Send + 'static>(
    program: impl FnOnce() -> T + Send + 'static,
) -> Result<T, String> {
    let thread = std::thread::Builder::new().name("program".into()).stack_size(STACK).spawn(program);
    let thread = thread.map_err(|error| {
        format!(
            "the system starts no thread ({error}); raise the limit of processes: ulimit -u, or TasksMax= in the unit"
        )
    })?;
    thread.join().map_err(|_| "the program ends after a panic".to_owned())
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
