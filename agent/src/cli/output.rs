//! Standard output: a failed write is an error as for the tools of coreutils, and never a panic.

use std::io;
use std::time::Duration;

use rustix::io::Errno;

use crate::exit::Exit;
use crate::log::complain;
use crate::threads;

/// The longest wait of a program that keeps running for the reader of its standard output.
const PATIENCE: Duration = Duration::from_secs(1);

/// Writes the result of a command. The exit status is `exit`; a failed write is reported and makes it [`Exit::Internal`].
///
/// A reader that closed the pipe has read enough: that is no failure.
pub(super) fn print(text: &str, exit: Exit) -> Exit {
    match write(text) {
        Ok(()) => exit,
        Err(error) => unwritable(&error),
    }
}

/// Reports that standard output cannot be written.
pub(super) fn unwritable(error: &io::Error) -> Exit {
    complain(&format!("standard output cannot be written: {error}"));
    Exit::Internal
}

/// Writes a remark of a program that keeps running: no failure of standard output ends it, and no reader delays it.
pub(super) fn announce(text: String) {
    let written = threads::run(move || write(&text));
    tokio::spawn(async move {
        match tokio::time::timeout(PATIENCE, written).await {
            Ok(Ok(Ok(()))) => {}
            Ok(Ok(Err(error)) | Err(error)) => tracing::warn!("standard output cannot be written: {error}"),
            Err(_) => tracing::warn!("standard output cannot be written: its reader does not read"),
        }
    });
}

/// Writes to the descriptor itself: `std::io::Stdout` reports one that is not open for writing as written.
fn write(text: &str) -> io::Result<()> {
    let mut rest = text.as_bytes();
    while !rest.is_empty() {
        match rustix::io::retry_on_intr(|| rustix::io::write(io::stdout(), rest)) {
            Ok(written) => rest = rest.get(written..).unwrap_or_default(),
            Err(Errno::PIPE) => return Ok(()),
            // Another process made it non-blocking. The reader decides how long that lasts, as with a blocking one.
            Err(Errno::AGAIN) => std::thread::sleep(Duration::from_millis(10)),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
