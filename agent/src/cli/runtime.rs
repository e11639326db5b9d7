//! What every command needs: a log, an event loop, and the signals that end it.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::IsTerminal as _;

use rustix::process::Signal;
use tokio::signal::unix::{SignalKind, signal};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::prelude::*;

use crate::exit::Exit;
use crate::log::{self, Log, complain};

/// The crates of the HTTP connection, which log at [`HTTP_LEVEL`] once our own level is raised beyond trace.
const HTTP: [&str; 2] = ["hyper_util", "h2"];
/// Their lines at this level have addresses, frame types and states; at trace they would have headers, and so credentials.
const HTTP_LEVEL: LevelFilter = LevelFilter::DEBUG;

/// The detail of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Detail {
    /// The level of the crates of this project.
    pub(super) level: LevelFilter,
    /// Whether the HTTP connection is logged as well.
    pub(super) http: bool,
}

/// Returns the level `verbose` steps above `base`: one for each `-v`. The step after trace adds the HTTP connection.
#[must_use]
pub fn raise(base: LevelFilter, verbose: u8) -> Detail {
    let all =
        [LevelFilter::ERROR, LevelFilter::WARN, LevelFilter::INFO, LevelFilter::DEBUG, LevelFilter::TRACE];
    let start = all.iter().position(|level| *level == base).unwrap_or(0);
    let wanted = start + usize::from(verbose);
    Detail { level: all.get(wanted).copied().unwrap_or(LevelFilter::TRACE), http: wanted >= all.len() }
}

/// Runs a command on a runtime of one thread and logs to standard error.
pub fn block_on(detail: Detail, command: impl Future<Output = Result<Exit, String>>) -> Exit {
    let log = match log::start() {
        Ok(log) => log,
        Err(error) => {
            complain(&format!("the system gives no thread for the log: {error}"));
            return Exit::Internal;
        }
    };
    init(detail, &log);
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            complain(&format!("the system gives no event loop: {error}"));
            return Exit::Internal;
        }
    };
    let exit = match runtime.block_on(async {
        outlive_signals();
        command.await
    }) {
        Ok(exit) => exit,
        Err(message) => {
            complain(&message);
            Exit::Usage
        }
    };
    // A disk that hangs must not keep the process alive: its thread is abandoned.
    runtime.shutdown_background();
    log.flush();
    exit
}

/// Sends the events of all crates, and panics, to the log.
fn init(detail: Detail, log: &Log) {
    let terminal = std::io::stderr().is_terminal();
    // Other crates log warnings and errors only. A prefix matches all crates of this project.
    let mut filter = Targets::new().with_default(LevelFilter::WARN).with_target("certrotate", detail.level);
    if detail.http {
        filter = filter.with_targets(HTTP.map(|target| (target, HTTP_LEVEL)));
    }
    let layer = tracing_subscriber::fmt::layer()
        .with_ansi(terminal)
        .with_target(false)
        // It would report a failed write with `eprintln!`, which panics when standard error is the place that failed.
        .log_internal_errors(false)
        .with_writer(log.clone());
    tracing_subscriber::registry().with(layer.with_filter(filter)).init();
    let log = log.clone();
    // The standard hook writes to standard error directly, and so may block for good.
    std::panic::set_hook(Box::new(move |panic| {
        tracing::error!("{panic}; this is a bug: please report it");
        let trace = Backtrace::capture();
        if trace.status() == BacktraceStatus::Captured {
            trace.to_string().lines().for_each(|line| tracing::error!("{line}"));
        }
        log.flush();
    }));
}

/// Takes the signals that would end the process for no good reason: that of a write beyond the file size limit (`ulimit -f`), which
/// is an error then, and USR2, which has no meaning here.
fn outlive_signals() {
    for kind in [SignalKind::from_raw(Signal::XFSZ.as_raw()), SignalKind::user_defined2()] {
        // The handler stays when the stream is dropped. Without one, the signal ends the process as it ends any other.
        let _ = signal(kind);
    }
}

/// Returns at SIGTERM or SIGINT.
///
/// # Errors
///
/// The system takes no signal handler.
pub async fn termination() -> std::io::Result<()> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
