//! The clocks of the run: true time, and the node's wall clock, which may be wrong.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use certrotate::clock::{Clock, LONGEST};
use certrotate_core::time::{MonoTime, Now, WallTime};
use tokio::sync::watch;
use tokio::time::Instant;

/// The wall-clock time at which every run begins: 1 January 2030.
pub(crate) const EPOCH_MS: i64 = 1_893_456_000_000;

/// What the monotonic clock shows when a run begins: the machine was started before the agent.
const BOOTED: u64 = 5_000;

/// The clocks of a run. A clone is the same clock.
#[derive(Clone, Debug)]
pub(crate) struct SimClock {
    state: Arc<Mutex<State>>,
    /// Ends every sleep, as a change of the wall clock does.
    changes: Arc<watch::Sender<()>>,
}

#[derive(Debug)]
struct State {
    /// The true time when `since` was taken, in milliseconds.
    base: u64,
    /// The start of the process that runs now, by tokio's paused clock.
    since: Option<Instant>,
    /// The error of the node's wall clock, in milliseconds.
    error: i64,
    /// When a clock jumped last, by true time.
    jumped: u64,
}

impl SimClock {
    pub(crate) fn new() -> Self {
        let state = State { base: 0, since: None, error: 0, jumped: 0 };
        Self { state: Arc::new(Mutex::new(state)), changes: Arc::new(watch::Sender::new(())) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// True time since the start of the run, in milliseconds.
    pub(crate) fn true_ms(&self) -> u64 {
        self.lock().now()
    }

    /// True civil time, in milliseconds since 1970.
    pub(crate) fn true_unix_ms(&self) -> i64 {
        EPOCH_MS.saturating_add(i64::try_from(self.true_ms()).unwrap_or(i64::MAX))
    }

    /// A process starts: from now on time is that of its runtime. Called inside that runtime.
    pub(crate) fn start_process(&self) {
        self.lock().since = Some(Instant::now());
    }

    /// The process ended. Called inside its runtime.
    pub(crate) fn end_process(&self) {
        let mut state = self.lock();
        state.base = state.now();
        state.since = None;
    }

    /// True time passes without a process, or in a suspend: no timer counts it.
    pub(crate) fn skip(&self, ms: u64) {
        {
            let mut state = self.lock();
            state.base += ms;
            state.jumped = state.now();
        }
        self.changes.send_replace(());
    }

    /// How long no clock jumped, in milliseconds.
    pub(crate) fn steady_ms(&self) -> u64 {
        let state = self.lock();
        state.now() - state.jumped
    }

    /// Sets the error of the node's wall clock.
    pub(crate) fn set_error(&self, ms: i64) {
        {
            let mut state = self.lock();
            state.error = ms;
            state.jumped = state.now();
        }
        self.changes.send_replace(());
    }
}

impl State {
    fn now(&self) -> u64 {
        let run = self.since.map_or(Duration::ZERO, |since| since.elapsed());
        self.base + u64::try_from(run.as_millis()).unwrap_or(u64::MAX)
    }
}

impl Clock for SimClock {
    fn now(&self) -> Now {
        let state = self.lock();
        let ms = state.now();
        let civil = EPOCH_MS.saturating_add(i64::try_from(ms).unwrap_or(i64::MAX));
        Now {
            wall: WallTime::from_unix_ms(civil.saturating_add(state.error)),
            mono: MonoTime::from_ms(BOOTED + ms),
        }
    }

    async fn until(&self, wall: Option<WallTime>, mono: Option<MonoTime>) {
        let mut changes = self.changes.subscribe();
        let now = self.now();
        let wall = wall.map(|at| at.since(now.wall));
        let mono = mono.map(|at| at.since(now.mono));
        let wait = [wall, mono].into_iter().flatten().fold(LONGEST, certrotate_core::time::Span::min);
        tokio::select! {
            biased;
            () = tokio::time::sleep(Duration::from_millis(wait.ms())) => {}
            // `self` keeps the sender.
            _ = changes.changed() => {}
        }
    }
}
