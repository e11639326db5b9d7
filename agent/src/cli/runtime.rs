//! What every command needs: a log, an event loop, and the signals that end it.

use std::io::IsTerminal as _;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::prelude::*;

use crate::exit::Exit;

/// Returns the level `verbose` steps above `base`: one for each `-v`.
#[must_use]
pub fn raise(base: LevelFilter, verbose: u8) -> LevelFilter {
    let all =
        [LevelFilter::ERROR, LevelFilter::WARN, LevelFilter::INFO, LevelFilter::DEBUG, LevelFilter::TRACE];
    let start = all.iter().position(|level| *level == base).unwrap_or(0);
    let wanted = start + usize::from(verbose);
    all.get(wanted).copied().unwrap_or(LevelFilter::TRACE)
}

/// Runs a command on a runtime of one thread and logs to standard error.
pub fn block_on(level: LevelFilter, command: impl Future<Output = Result<Exit, String>>) -> Exit {
    let terminal = std::io::stderr().is_terminal();
    // Other crates log warnings and errors only, whatever `-v` says. A prefix matches all crates of this project.
    let filter = Targets::new().with_default(LevelFilter::WARN).with_target("certrotate", level);
    let log =
        tracing_subscriber::fmt::layer().with_ansi(terminal).with_target(false).with_writer(std::io::stderr);
    tracing_subscriber::registry().with(log.with_filter(filter)).init();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("certrotate: the system gives no event loop: {error}");
            return Exit::Internal;
        }
    };
    let exit = match runtime.block_on(command) {
        Ok(exit) => exit,
        Err(message) => {
            eprintln!("certrotate: {message}");
            Exit::Usage
        }
    };
    // A disk that hangs must not keep the process alive: its thread is abandoned.
    runtime.shutdown_background();
    exit
}

/// Returns at SIGTERM or SIGINT.
///
/// # Errors
///
/// The system takes no signal handler.
pub async fn termination() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
