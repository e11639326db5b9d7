//! A run: one process after the other in the same world, until the node has shown that it recovered.

use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use certrotate::clock::Clock as _;
use certrotate::driver::{ObservedStep, Observer};
use certrotate::edges::{Edges, Randomness};
use certrotate::identity::LiveIdentity;
use certrotate::node::{Node, StartError};
use certrotate_core::input::{Action, ExitReason, Input};
use certrotate_x509::{KeyError, KeyType, SecretKey, bundle, pending, request_name};

use crate::checks::{Progress, Running, Violation};
use crate::clock::SimClock;
use crate::disk::{Gate, gated};
use crate::network::Network;
use crate::panics;
use crate::pki;
use crate::plan::Plan;
use crate::world::{Ending, Event, World};

/// How long a supervisor waits before it starts a process that ended by itself, in milliseconds.
const RESTART: u64 = 10_000;
/// The longest time that a requested end may take, in milliseconds (TERM).
const END: u64 = 1_000;
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
    /// The processes that ran.
    pub processes: u32,
    /// The simulated time, in milliseconds.
    pub simulated_ms: u64,
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
    let checks = &world.lock().checks;
    Outcome {
        seed,
        digest: checks.trace.digest(),
        violation: checks.violations.first().cloned(),
        faults,
        trace: checks.trace.lines().to_vec(),
        processes,
        simulated_ms,
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
    world.lock().checks.stopped();
    world.check_link();
    ending
}

type SharedGate = Arc<Mutex<Option<Gate>>>;

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
    let is_slow = || world.lock().active().any(|it| matches!(it, crate::fault::Lasting::DiskSlow(_)));
    let was_slow = is_slow();
    let began = world.clock().true_ms();
    let reason = running.await;
    let took = world.clock().true_ms() - began;
    world.note(&format!("the process ends: {reason:?}"));
    if took > END && !was_slow && !is_slow() && reason == Some(ExitReason::Shutdown) {
        world.lock().checks.fail("L5", format!("the end took {took} ms after TERM"));
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
    };
    let live = Arc::new(Mutex::new(None));
    let watcher = Watcher {
        world: world.clone(),
        gate: Arc::clone(shared),
        live: Arc::clone(&live),
        submitted: AtomicU64::new(0),
        executed: Arc::default(),
        answered: Arc::default(),
    };
    let node = Node::with_parts(&options, watcher.observer(), edges, |disk| {
        let (disk, gate) = gated(disk);
        *shared.lock().unwrap_or_else(PoisonError::into_inner) = Some(gate);
        disk
    })?;
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
                    drop(state);
                    self.world.end(Ending::Killed(down));
                    return Poll::Ready(None);
                }
            }
        }
        self.node.as_mut().poll(cx).map(Some)
    }
}

/// Sees every step of the node, right after its actions.
struct Watcher {
    world: World,
    gate: SharedGate,
    live: Arc<Mutex<Option<LiveIdentity>>>,
    /// Disk commands so far.
    submitted: AtomicU64,
    /// Those that the disk carried out.
    executed: Arc<AtomicU64>,
    /// The answers to them.
    answered: Arc<AtomicU64>,
}

impl Watcher {
    fn observer(self) -> Observer {
        Box::new(move |seen| self.saw(&seen))
    }

    fn saw(&self, seen: &ObservedStep<'_>) {
        let now = self.world.clock().true_ms();
        if let Input::DiskAnswered { .. } = seen.input {
            self.answered.fetch_add(1, Ordering::Relaxed);
        }
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
                Action::Exit(_) if self.disk_is_idle() => {
                    // The disk thread ends now: simulated time must not pass until then.
                    tokio::spawn(busy(Arc::clone(&self.answered), u64::MAX));
                }
                _ => {}
            }
        }
        if !self.world.lock().checks.violations.is_empty() {
            self.world.end(Ending::Finished);
        }
    }

    fn disk_is_idle(&self) -> bool {
        self.submitted.load(Ordering::Relaxed) == self.answered.load(Ordering::Relaxed)
    }

    fn disk(&self, command: &certrotate_core::disk::DiskCommand) {
        self.submitted.fetch_add(1, Ordering::Relaxed);
        let Some((order, delay)) = self.world.disk_order(command) else { return };
        let (gate, answered) = (Arc::clone(&self.gate), Arc::clone(&self.answered));
        let executed = Arc::clone(&self.executed);
        // An order may reach an older command: one whose own order waits for simulated time. So executions are counted.
        let run = move || {
            if let Some(gate) = &*gate.lock().unwrap_or_else(PoisonError::into_inner) {
                gate.run(order);
            }
            executed.fetch_add(1, Ordering::Relaxed) + 1
        };
        if delay == 0 {
            tokio::spawn(busy(answered, run()));
        } else {
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(delay)).await;
                let number = run();
                busy(answered, number).await;
            });
        }
    }

    fn check_identity(&self, seen: &ObservedStep<'_>, now: u64) {
        let wall = seen.now.wall;
        let live = self.live.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let shown = live.and_then(|live| live.current(wall));
        let mut state = self.world.lock();
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
            let unix_ms = self.world.clock().true_unix_ms();
            let times = (identity.not_before.unix_ms(), identity.not_after.unix_ms());
            let next = state.checks.went_live(now, unix_ms, times);
            let enough = state.checks.progress == Progress::Second;
            drop(state);
            if let Some(end) = next {
                self.world.schedule(end - now, Event::Deadline);
            }
            if enough {
                self.world.check_kubeconfig();
                self.world.schedule(0, Event::Finish);
            }
        }
    }
}

/// Keeps the runtime busy, so that no simulated time passes, until so many disk commands are answered.
async fn busy(answered: Arc<AtomicU64>, number: u64) {
    while answered.load(Ordering::Relaxed) < number {
        tokio::task::yield_now().await;
    }
}

impl World {
    /// S8: a request is sent after its key is durable.
    pub(crate) fn check_durable(&self, name: &str) {
        if self.lock().checks.may_be_in_memory() {
            return;
        }
        let files = std::fs::read_dir(self.cert_dir()).into_iter().flatten().flatten();
        let found = files.filter_map(|entry| std::fs::read(entry.path()).ok()).any(|bytes| {
            pending::decode(&bytes).is_ok_and(|(_, request)| request_name(&request.request()) == name)
        });
        if !found {
            self.lock().checks.fail("S8", "a request is sent whose key is not on disk".into());
        }
    }

    fn link(&self) -> PathBuf {
        self.cert_dir().join("kubelet-client-current.pem")
    }

    /// S3: the current link leads to a whole bundle, whose certificate is good.
    fn check_link(&self) {
        let Ok(bytes) = std::fs::read(self.link()) else {
            if self.link().is_symlink() {
                self.lock().checks.fail("S3", "the current link leads nowhere".into());
            }
            return;
        };
        let bundle = bundle::decode(&bytes, None);
        let mut state = self.lock();
        match bundle {
            Err(error) => state.checks.fail("S3", format!("the current link leads to no bundle: {error}")),
            Ok(bundle) if !state.checks.is_good(&bundle.facts.leaf) => {
                state
                    .checks
                    .fail("S2", "the current link leads to a certificate that must be refused".into());
            }
            Ok(_) => {}
        }
    }

    /// L2: the node's own kubeconfig names the current link, and nothing else.
    fn check_kubeconfig(&self) {
        let text = std::fs::read_to_string(self.kubeconfig()).unwrap_or_default();
        let link = self.link();
        let named = text.matches(&*link.to_string_lossy()).count();
        if named != 2 {
            let what = format!("the node's kubeconfig names the current link {named} times, not twice");
            self.lock().checks.fail("L2", what);
        }
    }

    /// S1, by the node's own clock: no connection outlives its certificate.
    pub(crate) fn check_connections(&self) {
        let wall = self.clock().wall();
        self.lock().checks.connections_are_valid(wall, 1_000);
    }
}
