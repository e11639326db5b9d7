//! How far an engine is, and when it has to stop: signals, time, memory.

use std::io::{IsTerminal as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use crate::output::number;

/// How often memory is measured at and the line rewritten.
const MEASURE_EVERY: Duration = Duration::from_millis(200);

/// Why an engine was stopped before its own end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stopped {
    /// `--seconds` are over.
    Seconds,
    /// `--memory` is used up.
    Memory,
    /// An external party pressed Ctrl-C.
    Interrupted,
}

impl Stopped {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Seconds => "seconds",
            Self::Memory => "memory",
            Self::Interrupted => "interrupted",
        }
    }
}

/// A flag that Ctrl-C and SIGTERM set; once it is set, they end the process at once.
pub(crate) fn listen() -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // Without them the signal ends the process as ever: nothing is lost but the partial result.
        let _ = flag::register_conditional_shutdown(signal, 130, Arc::clone(&stop));
        let _ = flag::register(signal, Arc::clone(&stop));
    }
    stop
}

/// How far an engine is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Progress<'a> {
    /// How much it did.
    pub(crate) done: u64,
    /// Of how much, if it knows.
    pub(crate) all: Option<u64>,
    /// Of what: `runs`, `states`.
    pub(crate) unit: &'a str,
}

/// Tells an engine whether to go on, and the terminal how far it is.
#[derive(Debug)]
pub(crate) struct Meter {
    started: Instant,
    measured: Option<Instant>,
    seconds: Option<Duration>,
    /// In MiB.
    memory: u64,
    stop: Arc<AtomicBool>,
    terminal: bool,
    shown: bool,
    /// Why it said that it is enough.
    pub(crate) stopped: Option<Stopped>,
    /// The resident size at the last measurement, in MiB.
    pub(crate) resident: u64,
}

impl Meter {
    pub(crate) fn new(seconds: Option<u64>, memory: u64, stop: &Arc<AtomicBool>) -> Self {
        Self {
            started: Instant::now(),
            measured: None,
            seconds: seconds.map(Duration::from_secs),
            memory,
            stop: Arc::clone(stop),
            terminal: std::io::stderr().is_terminal(),
            shown: false,
            stopped: None,
            resident: 0,
        }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Whether Ctrl-C was pressed.
    pub(crate) fn is_interrupted(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Whether the engine is to go on. Cheap enough for a million calls a second.
    pub(crate) fn go_on(&mut self, progress: Progress<'_>) -> bool {
        let now = Instant::now();
        if self.is_interrupted() {
            self.stopped = Some(Stopped::Interrupted);
        } else if self.seconds.is_some_and(|seconds| now - self.started >= seconds) {
            self.stopped = Some(Stopped::Seconds);
        } else if self.measured.is_none_or(|measured| now - measured >= MEASURE_EVERY) {
            self.resident = resident().unwrap_or(0);
            if self.resident > self.memory {
                self.stopped = Some(Stopped::Memory);
            }
            if self.terminal && self.measured.is_some() {
                self.show(progress);
            }
            self.measured = Some(now);
        }
        self.stopped.is_none()
    }

    fn show(&mut self, Progress { done, all, unit }: Progress<'_>) {
        let elapsed = self.elapsed().as_secs_f64();
        let rate = done as f64 / elapsed;
        let of = all.map_or(String::new(), |all| format!(" of {}", number(all)));
        let by_count = all.map(|all| all.saturating_sub(done) as f64 / rate);
        let by_time = self.seconds.map(|seconds| seconds.as_secs_f64() - elapsed);
        let left = match by_count.into_iter().chain(by_time).min_by(f64::total_cmp) {
            Some(left) if left.is_finite() => format!("{left:.0} s left"),
            _ => format!("{elapsed:.0} s"),
        };
        let text =
            format!("{}{of} {unit}, {}/s, {} MiB, {left}", number(done), number(rate as u64), self.resident);
        let _ = write!(std::io::stderr().lock(), "\r\x1b[K{text}");
        self.shown = true;
    }

    /// Takes the line away.
    pub(crate) fn clear(&mut self) {
        if self.shown {
            let _ = write!(std::io::stderr().lock(), "\r\x1b[K");
            self.shown = false;
        }
    }
}

/// Our own resident size in MiB; `None` where there is no /proc, and the cap is no cap.
fn resident() -> Option<u64> {
    // /proc/self/statm counts pages, whose size takes a call of its own to know; this counts KiB.
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib / 1024)
}
