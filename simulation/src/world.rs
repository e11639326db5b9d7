//! The world outside the agent: clocks, server, signer, files and the faults in force.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use certrotate::edges::Work;
use rustls::ServerConfig;
use tokio::sync::{Notify, watch};

use crate::checks::{Checks, KUBECONFIG};
use crate::clock::SimClock;
use crate::counts::Counts;
use crate::events::{Armed, Ending, Event};
use crate::fault::{Fault, Lasting, clock};
use crate::objects::Objects;
use crate::pki::Authority;
use crate::plan::Plan;
use crate::rng::Rng;

/// The world of a run. A clone is the same world.
#[derive(Clone)]
pub(crate) struct World(Arc<Shared>);

struct Shared {
    clock: SimClock,
    directory: PathBuf,
    state: Mutex<State>,
    /// Wakes the agenda when an event was added.
    agenda_changed: Notify,
    /// Wakes watches: the version of the objects.
    objects_changed: watch::Sender<u64>,
    /// Ends connections and stalled reads.
    broken: watch::Sender<u64>,
    /// Ends the process.
    kill: Notify,
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World").field("clock", &self.0.clock).finish_non_exhaustive()
    }
}

/// The state of the world.
pub(crate) struct State {
    pub(crate) plan: Plan,
    pub(crate) rng: Rng,
    pub(crate) keys: Rng,
    pub(crate) objects: Objects,
    pub(crate) server_cas: Vec<Authority>,
    pub(crate) client_cas: Vec<Authority>,
    pub(crate) foreign_ca: Authority,
    pub(crate) tls: Arc<ServerConfig>,
    /// The valid bootstrap token, and how many came before it.
    pub(crate) token: (String, u64),
    pub(crate) checks: Checks,
    pub(crate) armed: Armed,
    /// How the process that runs is to be ended.
    pub(crate) ending: Option<Ending>,
    pub(crate) healed: bool,
    pub(crate) counts: Counts,
    /// The processes so far.
    pub(crate) processes: u32,
    /// Whether the node is being assembled.
    pub(crate) is_starting: bool,
    /// Work on files that hangs.
    pub(crate) hung: Vec<Work>,
    agenda: BTreeMap<(u64, u64), Event>,
    sequence: u64,
    active: BTreeMap<usize, Lasting>,
}

impl World {
    /// Returns the world of this plan, with its files in a directory.
    pub(crate) fn new(plan: Plan, directory: PathBuf) -> Self {
        let mut ca_keys = Rng::new(plan.seed, "authorities");
        let server_ca = Authority::new(&mut ca_keys, "server CA 1");
        let client_ca = Authority::new(&mut ca_keys, "client CA 1");
        let foreign_ca = Authority::new(&mut ca_keys, "foreign CA");
        let tls = server_ca.server(&mut ca_keys, plan.http2);
        let state = State {
            rng: Rng::new(plan.seed, "world"),
            keys: Rng::new(plan.seed, "keys"),
            objects: Objects::default(),
            server_cas: vec![server_ca],
            client_cas: vec![client_ca],
            foreign_ca,
            tls,
            token: (String::new(), 0),
            checks: Checks::new(&plan, directory.display().to_string()),
            armed: Armed::default(),
            ending: None,
            healed: false,
            counts: Counts::default(),
            processes: 0,
            is_starting: false,
            hung: Vec::new(),
            agenda: BTreeMap::new(),
            sequence: 0,
            active: BTreeMap::new(),
            plan,
        };
        let world = Self(Arc::new(Shared {
            clock: SimClock::new(),
            directory,
            state: Mutex::new(state),
            agenda_changed: Notify::new(),
            objects_changed: watch::Sender::new(0),
            broken: watch::Sender::new(0),
            kill: Notify::new(),
        }));
        world.schedule_plan();
        world
    }

    fn schedule_plan(&self) {
        let mut state = self.lock();
        state.renew_token();
        for index in 0..state.plan.faults.len() {
            let fault = state.plan.faults[index];
            state.at(fault.start(), Event::Begin(index));
            if let Fault::Lasting { end, .. } = fault {
                state.at(end, Event::End(index));
            }
        }
        let healed = state.plan.healed;
        state.at(healed + 1, Event::Healed);
        drop(state);
        self.write_files();
    }

    /// Locks the state. Never held over an await.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn clock(&self) -> &SimClock {
        &self.0.clock
    }

    pub(crate) fn directory(&self) -> &std::path::Path {
        &self.0.directory
    }

    /// Adds an event, `ms` from now.
    pub(crate) fn schedule(&self, ms: u64, event: Event) {
        let at = self.clock().true_ms() + ms;
        self.lock().at(at, event);
        self.0.agenda_changed.notify_one();
    }

    /// Writes a line of the trace.
    pub(crate) fn note(&self, text: &str) {
        let now = self.clock().true_ms();
        self.lock().checks.trace.note(now, text);
    }

    /// Ends the process. Returns false if it is ending already.
    pub(crate) fn end(&self, ending: Ending) -> bool {
        let mut state = self.lock();
        let first = state.ending.is_none();
        if first {
            state.ending = Some(ending);
            drop(state);
            self.0.kill.notify_one();
        }
        first
    }

    /// Resolves when the process is to end.
    pub(crate) async fn ended(&self) {
        self.0.kill.notified().await;
    }

    /// Wakes the agenda: an event was added, or there is a violation.
    pub(crate) fn wake(&self) {
        self.0.agenda_changed.notify_one();
    }

    pub(crate) fn objects_changed(&self) {
        self.0.objects_changed.send_modify(|version| *version += 1);
    }

    pub(crate) fn watch_objects(&self) -> watch::Receiver<u64> {
        self.0.objects_changed.subscribe()
    }

    /// A receiver that changes when all connections break.
    pub(crate) fn breaks(&self) -> watch::Receiver<u64> {
        self.0.broken.subscribe()
    }

    /// Handles the events of the agenda while a process runs.
    pub(crate) async fn run_agenda(self) {
        loop {
            let now = self.clock().true_ms();
            let next = self.lock().agenda.keys().next().map(|(at, _)| *at);
            let wait = next.map_or(3_600_000, |at| at.saturating_sub(now));
            self.check_connections();
            if !self.lock().checks.violations.is_empty() {
                self.end(Ending::Finished);
            }
            if wait == 0 {
                self.handle_next();
                continue;
            }
            tokio::select! {
                biased;
                () = tokio::time::sleep(std::time::Duration::from_millis(wait)) => {}
                () = self.0.agenda_changed.notified() => {}
            }
        }
    }

    /// Lets time pass without a process, and handles the events meanwhile.
    pub(crate) fn pass(&self, ms: u64) {
        let end = self.clock().true_ms() + ms;
        while !self.lock().healed {
            let now = self.clock().true_ms();
            let next = self.lock().agenda.keys().next().map(|(at, _)| *at).filter(|at| *at <= end);
            match next {
                Some(at) => {
                    self.clock().skip(at.saturating_sub(now));
                    self.handle_next();
                }
                None => return self.clock().skip(end.saturating_sub(now)),
            }
        }
    }

    fn handle_next(&self) {
        let event = self.lock().agenda.pop_first();
        if let Some((_, event)) = event {
            self.handle(event);
        }
    }

    fn handle(&self, event: Event) {
        match event {
            Event::Begin(index) => {
                let fault = self.lock().plan.faults[index];
                match fault {
                    Fault::Lasting { fault, .. } => self.begin(index, fault),
                    Fault::Sudden { fault, .. } => self.strike(fault),
                }
            }
            Event::End(index) => self.finish(index),
            Event::Approve(name) => self.approve(&name),
            Event::Sign(name) => self.sign(&name),
            Event::SwitchServerCa => self.switch_server_ca(),
            Event::SwitchClientCa => self.switch_client_ca(),
            Event::Healed => self.heal(),
            Event::Deadline => {
                let (now, unix_ms) = (self.clock().true_ms(), self.clock().true_unix_ms());
                let again = self.lock().checks.deadline(now, unix_ms);
                if let Some(left) = again {
                    self.schedule(left, Event::Deadline);
                }
            }
            Event::Reloaded { process, work } => self.check_reloaded(process, work),
            Event::Kubeconfig => {
                if self.lock().checks.is_long_live(self.clock().true_ms()) {
                    self.check_kubeconfig();
                }
            }
            Event::Finish => {
                self.end(Ending::Finished);
            }
        }
    }

    fn begin(&self, index: usize, fault: Lasting) {
        self.note(&format!("fault: {fault:?}"));
        self.lock().active.insert(index, fault);
        self.apply(fault, true);
    }

    fn finish(&self, index: usize) {
        let fault = self.lock().active.remove(&index);
        if let Some(fault) = fault {
            self.note(&format!("end of fault: {fault:?}"));
            self.apply(fault, false);
        }
    }

    /// Carries out the part of a lasting fault that acts at its beginning and at its end.
    fn apply(&self, fault: Lasting, begins: bool) {
        // The other faults count where they act.
        if begins && matches!(fault, Lasting::Clock(_) | Lasting::Damaged(..) | Lasting::NoKubeconfig) {
            self.lock().counts.bite(fault);
        }
        match fault {
            Lasting::Clock(ms) => self.clock().set_error(if begins { ms } else { 0 }),
            Lasting::TokenExpired => {
                let mut state = self.lock();
                state.renew_token();
                drop(state);
                if !begins {
                    self.write_files();
                }
            }
            Lasting::Damaged(..) => self.write_files(),
            Lasting::NoKubeconfig => self.block_kubeconfig(begins),
            Lasting::FilesHang if !begins => {
                let hung = std::mem::take(&mut self.lock().hung);
                hung.into_iter().for_each(|work| work());
            }
            // Connections that were open hang from now on, and break at the end: as with a router that forgets them.
            Lasting::Refused | Lasting::Mute | Lasting::Unanswered if begins => self.break_connections(),
            _ => {}
        }
    }

    pub(crate) fn break_connections(&self) {
        self.0.broken.send_modify(|count| *count += 1);
    }

    fn heal(&self) {
        let now = self.clock().true_ms();
        let mut state = self.lock();
        state.healed = true;
        state.armed = Armed::default();
        let deadline = state.checks.healed(now);
        state.at(deadline, Event::Deadline);
        state.at(now + KUBECONFIG, Event::Kubeconfig);
        drop(state);
        self.note(&format!("all faults are over; an identity is due at {}", clock(deadline)));
    }
}

impl State {
    /// Adds an event.
    pub(crate) fn at(&mut self, at: u64, event: Event) {
        self.sequence += 1;
        self.agenda.insert((at, self.sequence), event);
    }

    /// The lasting faults in force.
    pub(crate) fn active(&self) -> impl Iterator<Item = Lasting> {
        self.active.values().copied()
    }

    /// Whether this fault is in force.
    pub(crate) fn is_active(&self, fault: Lasting) -> bool {
        self.active().any(|active| active == fault)
    }

    /// Whether this fault is in force where it acts; counts it.
    pub(crate) fn bites(&mut self, fault: Lasting) -> bool {
        let bites = self.is_active(fault);
        if bites {
            self.counts.bite(fault);
        }
        bites
    }

    fn renew_token(&mut self) {
        let number = self.token.1 + 1;
        self.token = (format!("abcdef.{number:016}"), number);
    }
}
