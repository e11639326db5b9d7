//! The observer of a node: it checks each step, and lets the disk work while no simulated time passes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use certrotate::driver::{ObservedStep, Observer};
use certrotate::identity::LiveIdentity;
use certrotate_core::disk::DiskCommand;
use certrotate_core::input::Action;

use crate::checks::Progress;
use crate::disk::{Gate, SharedGate};
use crate::events::{Ending, Event};
use crate::world::World;

/// How long the runtime stays busy, in real time, after the disk was released: the thread ends right then.
const THREAD_END: Duration = Duration::from_millis(20);

/// Sees every step of the node, right after its actions.
pub(crate) struct Watcher {
    pub(crate) world: World,
    pub(crate) gate: SharedGate,
    pub(crate) live: Arc<Mutex<Option<LiveIdentity>>>,
    /// Disk commands that wait for their delay.
    pub(crate) slow: Arc<AtomicU64>,
}

impl Watcher {
    pub(crate) fn observer(self) -> Observer {
        Box::new(move |seen| self.saw(&seen))
    }

    fn saw(&self, seen: &ObservedStep<'_>) {
        let now = self.world.clock().true_ms();
        {
            let mut state = self.world.lock();
            let text = format!("{:?} {:?} {:?}", seen.input, seen.step.actions, seen.view.stage);
            state.checks.trace.hash(&text);
            if !seen.step.actions.is_empty() {
                state.checks.acted(now);
            }
        }
        for report in seen.reports {
            self.world.note(report);
        }
        self.check_identity(seen, now);
        for action in &seen.step.actions {
            match action {
                Action::Disk { command, .. } => self.disk(command),
                Action::Exit(_) if self.slow.load(Ordering::Relaxed) == 0 => {
                    // The disk thread ends now: simulated time must not pass until then.
                    tokio::spawn(stay_busy(Arc::clone(&self.gate)));
                }
                _ => {}
            }
        }
        if !self.world.lock().checks.violations.is_empty() {
            self.world.end(Ending::Finished);
        }
    }

    fn disk(&self, command: &DiskCommand) {
        let Some((order, delay)) = self.world.disk_order(command) else { return };
        let gate = Arc::clone(&self.gate);
        // An order may reach an older command: one whose own order waits for simulated time.
        let run = move || {
            if let Some(gate) = &*gate.lock().unwrap_or_else(PoisonError::into_inner) {
                gate.run(order);
            }
        };
        if delay == 0 {
            return run();
        }
        let slow = Arc::clone(&self.slow);
        slow.fetch_add(1, Ordering::Relaxed);
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(delay)).await;
            run();
            slow.fetch_sub(1, Ordering::Relaxed);
        });
    }

    fn check_identity(&self, seen: &ObservedStep<'_>, now: u64) {
        let wall = seen.now.wall;
        let live = self.live.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let shown = live.and_then(|live| live.current(wall));
        let mut state = self.world.lock();
        let is_first = seen.view.identity.is_some_and(|identity| !state.checks.was_live(&identity.leaf));
        if let Some(identity) = seen.view.identity.filter(|_| seen.view.serving) {
            if wall < identity.not_before || wall >= identity.not_after {
                state.checks.fail("S1", "the served identity is outside its validity".into());
            }
            if shown.as_ref().map(|shown| shown.leaf()) != Some(identity.leaf) {
                state
                    .checks
                    .fail("S1", "the process does not present the identity that core calls live".into());
            }
            if !seen.view.in_memory {
                state.checks.is_live(identity.leaf);
            }
            if !state.checks.is_good(&identity.leaf) {
                state.checks.fail("S2", "an identity is served that must be refused".into());
            }
        } else if shown.is_some() && !seen.step.actions.iter().any(|it| matches!(it, Action::Exit(_))) {
            state.checks.fail("S1", "the process presents an identity that core does not call live".into());
        }
        let went_live = seen.step.actions.iter().any(|it| matches!(it, Action::GoLive { .. }));
        if seen.step.actions.iter().any(|it| matches!(it, Action::Withdraw { .. })) {
            state.checks.may_abandon();
        }
        if let (true, Some(identity)) = (went_live, seen.view.identity) {
            state.counts.rotations += 1;
            let unix_ms = self.world.clock().true_unix_ms();
            let times = (identity.not_before.unix_ms(), identity.not_after.unix_ms());
            let next = state.checks.went_live((now, unix_ms), times, is_first);
            let enough = state.checks.progress == Progress::Second;
            drop(state);
            if let Some(wait) = next {
                self.world.schedule(wait, Event::Deadline);
            }
            if enough {
                self.world.check_kubeconfig();
                self.world.schedule(0, Event::Finish);
            }
        }
    }
}

/// Keeps the runtime busy, so that no simulated time passes, until the disk thread is gone.
async fn stay_busy(gate: SharedGate) {
    let mut closed = None;
    while closed.is_none_or(|since: Instant| since.elapsed() < THREAD_END) {
        let is_closed =
            gate.lock().unwrap_or_else(PoisonError::into_inner).as_ref().is_none_or(Gate::is_closed);
        closed = closed.or_else(|| is_closed.then(Instant::now));
        tokio::task::yield_now().await;
    }
}
