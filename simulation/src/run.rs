//! A run: one process after the other in the same world, until the node has shown that it recovered.

use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use certrotate::edges::{Edges, Randomness};
use certrotate::node::{Node, StartError};
use certrotate_core::input::ExitReason;
use certrotate_x509::{KeyError, KeyType, SecretKey};

use crate::checks::{Running, Violation};
use crate::clock::SimClock;
use crate::counts::Counts;
use crate::disk::{Gate, SharedGate, gated};
use crate::events::Ending;
use crate::fault::{Lasting, Sudden};
use crate::network::Network;
use crate::observer::Watcher;
use crate::panics;
use crate::pki;
use crate::plan::Plan;
use crate::workers::SimWorkers;
use crate::world::World;

/// How long a supervisor waits before it starts a process that ended by itself, in milliseconds.
const RESTART: u64 = 10_000;
/// When `certrotate run` exits after TERM whatever hangs, in milliseconds: `TERMINATION` in `agent/src/cli/run.rs`.
const TERMINATION: u64 = 700;
/// Processes of one run. More mean that the agent does not start.
const MOST_PROCESSES: u32 = 3_000;

/// Returns the faults of a seed in words.
#[must_use]
pub fn faults(seed: u64) -> Vec<String> {
    Plan::new(seed).faults.iter().map(ToString::to_string).collect()
}

/// The result of a run.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The seed.
    pub seed: u64,
    /// The digest of the trace: the same for every run with this seed.
    pub digest: u64,
    /// The first violation.
    pub violation: Option<Violation>,
    /// The faults in words.
    pub faults: Vec<String>,
    /// The trace in words.
    pub trace: Vec<String>,
    /// What happened.
    pub counts: Counts,
}

/// Runs a seed in a scratch directory of its own.
///
/// # Panics
///
/// If the scratch directory cannot be written.
#[must_use]
pub fn run(seed: u64) -> Outcome {
    let memory = Path::new("/dev/shm");
    let parent = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    let scratch = tempfile::tempdir_in(parent).expect("a scratch directory");
    run_in(seed, scratch.path())
}

fn run_in(seed: u64, directory: &Path) -> Outcome {
    panics::watch();
    let plan = Plan::new(seed);
    let faults = plan.faults.iter().map(ToString::to_string).collect();
    let world = World::new(plan, directory.to_owned());
    let mut processes = 0;
    loop {
        processes += 1;
        world.lock().processes = processes;
        let ending = process(&world);
        if world.lock().checks.violations.is_empty() && processes > MOST_PROCESSES {
            world.lock().checks.fail("L2", "the agent ends by itself repeatedly".into());
        }
        if let Some(text) = panics::take() {
            world.lock().checks.fail("L5", format!("a task panics: {text}"));
        }
        if !world.lock().checks.violations.is_empty() {
            break;
        }
        match ending {
            Ending::Finished => break,
            Ending::Killed(down) | Ending::Terminated(down) => world.pass(down),
        }
    }
    let simulated_ms = world.clock().true_ms();
    let state = world.lock();
    let counts = Counts { seeds: 1, processes: u64::from(processes), simulated_ms, ..state.counts.clone() };
    let checks = &state.checks;
    Outcome {
        seed,
        digest: checks.trace.digest(),
        violation: checks.violations.first().cloned(),
        faults,
        trace: checks.trace.lines().to_vec(),
        counts,
    }
}

/// Runs one process, from start to end, in a runtime of its own: what it spawned ends with it.
fn process(world: &World) -> Ending {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .expect("the system gives a runtime");
    let gate = Arc::new(Mutex::new(None));
    world.lock().ending = None;
    let ending = runtime.block_on(async {
        world.clock().start_process();
        let agenda = tokio::spawn(world.clone().run_agenda());
        let ending = live(world, &gate).await;
        agenda.abort();
        world.clock().end_process();
        ending
    });
    drop(runtime);
    let gate = gate.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(gate) = gate {
        Gate::close(gate);
    }
    let hung = std::mem::take(&mut world.lock().hung);
    drop(hung);
    world.lock().checks.stopped();
    world.check_link();
    ending
}

async fn live(world: &World, shared: &SharedGate) -> Ending {
    world.note("the process starts");
    let node = match start(world, shared) {
        Ok(node) => node,
        Err(error) => {
            world.note(&format!("the process ends: {error}"));
            return Ending::Killed(RESTART);
        }
    };
    let control = node.control();
    world.lock().checks.started(Running { control: control.clone(), live: node.live() });
    let mut running = std::pin::pin!(Polled { node: Box::pin(node.run()), world: world.clone() });
    let ending = tokio::select! {
        biased;
        reason = &mut running => {
            world.note(&format!("the process ends by itself: {reason:?}"));
            return world.lock().ending.unwrap_or(Ending::Killed(RESTART));
        }
        ending = requested(world) => ending,
    };
    if let Ending::Killed(_) = ending {
        world.note("the process is killed");
        return ending;
    }
    if !world.lock().checks.violations.is_empty() {
        return ending;
    }
    world.note("TERM");
    control.shutdown();
    let is_slow = || world.lock().active().any(|it| matches!(it, Lasting::DiskSlow(_) | Lasting::FilesHang));
    let was_slow = is_slow();
    let began = world.clock().true_ms();
    let term = Duration::from_millis(TERMINATION);
    let reason = tokio::time::timeout(term, running).await.ok().flatten();
    let took = world.clock().true_ms() - began;
    world.note(&format!("the process ends: {reason:?}"));
    if took >= TERMINATION && !was_slow && !is_slow() {
        world.lock().checks.fail("L5", "the node does not end after TERM".into());
    }
    ending
}

async fn requested(world: &World) -> Ending {
    loop {
        if let Some(ending) = world.lock().ending {
            return ending;
        }
        world.ended().await;
    }
}

fn start(world: &World, shared: &SharedGate) -> Result<Node<SimClock>, StartError> {
    let options = world.options(&world.lock().plan.clone());
    let edges = Edges {
        clock: world.clock().clone(),
        network: Arc::new(Network(world.clone())),
        randomness: Arc::new(SeededRandomness(world.clone())),
        workers: Arc::new(SimWorkers(world.clone())),
    };
    let live = Arc::new(Mutex::new(None));
    let watcher = Watcher {
        world: world.clone(),
        gate: Arc::clone(shared),
        live: Arc::clone(&live),
        slow: Arc::default(),
    };
    world.lock().is_starting = true;
    let node = Node::with_parts(&options, watcher.observer(), edges, |disk| {
        let (disk, gate) = gated(disk);
        *shared.lock().unwrap_or_else(PoisonError::into_inner) = Some(gate);
        disk
    });
    world.lock().is_starting = false;
    let node = node?;
    *live.lock().unwrap_or_else(PoisonError::into_inner) = Some(node.live());
    Ok(node)
}

/// Keys and numbers from the seed.
struct SeededRandomness(World);

impl Randomness for SeededRandomness {
    fn number(&self) -> std::io::Result<u64> {
        Ok(self.0.lock().keys.next())
    }

    fn key(&self, _: KeyType) -> Result<SecretKey, KeyError> {
        Ok(pki::secret_key(&mut self.0.lock().keys))
    }
}

/// The future of a node, which a kill may end between any two polls.
struct Polled<F> {
    node: Pin<Box<F>>,
    world: World,
}

impl<F: Future<Output = ExitReason>> Future for Polled<F> {
    type Output = Option<ExitReason>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        {
            let mut state = self.world.lock();
            if let Some((left, down)) = state.armed.polls {
                state.armed.polls = (left > 1).then_some((left - 1, down));
                if left <= 1 {
                    state.counts.strike(Sudden::KillAtPoll(left, down));
                    drop(state);
                    self.world.end(Ending::Killed(down));
                    return Poll::Ready(None);
                }
            }
        }
        self.node.as_mut().poll(cx).map(Some)
    }
}
