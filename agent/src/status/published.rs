//! What a running agent tells of itself: the part of the status that is not on disk. Never a key byte, a token or a
//! request's bytes.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use certrotate_core::api::{ApiFault, Credential, CsrObject};
use certrotate_core::event::Event;
use certrotate_core::id::OpId;
use certrotate_core::input::{Action, Input};
use certrotate_core::time::{Now, Span, WallTime};
use certrotate_core::view::{Phase, View, Wake, WakeReason};
use certrotate_x509::request_name;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use tracing::Level;

use crate::driver::ObservedStep;
use crate::report::level;

/// The most lines of trouble, and clock changes, that are kept.
const KEPT: usize = 8;
/// The clocks drift apart a little by themselves, and NTP slews them; what is more than this is a jump.
const JUMP: Span = Span::from_secs(1);

/// What a running agent tells.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published {
    /// Its process.
    pub pid: u32,
    /// When it started, by its wall clock, in milliseconds since 1970.
    pub started: i64,
    /// What its wall clock shows.
    pub now: i64,
    /// The common name that it asks for.
    pub common_name: String,
    /// The API server.
    pub server: String,
    /// Where it looks for a bootstrap credential.
    pub bootstrap_kubeconfig: Option<PathBuf>,
    /// Whether it renews by itself.
    pub rotates: bool,
    /// What is in flight; the names are in ARCHITECTURE.md.
    pub phase: String,
    /// The generation that is served.
    pub serving: Option<u32>,
    /// The generation that is not served because the clock is before its start.
    pub held: Option<u32>,
    /// The generation whose certificate was issued and is not durable yet.
    pub unsaved: Option<u32>,
    /// Whether that is what is served, because the disk refuses it and there was nothing else left.
    pub from_memory: bool,
    /// The start of a certificate on disk that is waited for, in milliseconds since 1970.
    pub waits_for: Option<i64>,
    /// When the agent was built, if its wall clock shows less: then it begins nothing.
    pub built_later: Option<i64>,
    /// The generation that is being asked for.
    pub attempt: Option<u32>,
    /// Its request.
    pub request: Option<ObservedRequest>,
    /// How long until something happens by itself, in milliseconds, and what.
    pub next: Option<(u64, String)>,
    /// Failed calls lately.
    pub call_failures: u32,
    /// Failed disk operations in a row.
    pub disk_failures: u32,
    /// When a bootstrap credential was last not accepted, and why; until it is accepted again.
    pub bootstrap_refused: Option<(i64, String)>,
    /// Warnings and errors since the last certificate went live, with their times; the newest last.
    pub trouble: VecDeque<(i64, String)>,
    /// Jumps of the wall clock: when, and by how many milliseconds; the newest last.
    pub jumps: VecDeque<(i64, i64)>,
}

/// What the server last said of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObservedRequest {
    /// The object's name.
    pub name: String,
    /// Its conditions as `kubectl get csr` shows them: `Pending`, `Approved`, `Denied`, …
    pub conditions: Vec<String>,
    /// When that was first seen.
    pub since: i64,
    /// When the server last showed it.
    pub seen: i64,
}

/// Where the agent writes down what it will tell. Cheap to clone: a clone is the same recorder.
#[derive(Clone, Debug, Default)]
pub struct StatusRecorder {
    kept: Arc<Mutex<Kept>>,
    has_lock: Arc<Notify>,
}

#[derive(Debug, Default)]
struct Kept {
    told: Published,
    wake: Option<(Wake, View)>,
    calls: BTreeMap<OpId, Credential>,
    last: Option<Now>,
}

impl StatusRecorder {
    /// A recorder with what is known before the first step.
    #[must_use]
    pub fn new(told: Published) -> Self {
        let kept = Arc::new(Mutex::new(Kept { told, ..Kept::default() }));
        Self { kept, has_lock: Arc::default() }
    }

    fn change<T>(&self, change: impl FnOnce(&mut Kept) -> T) -> T {
        // What is shown is for people; half of a step is better than nothing.
        change(&mut self.kept.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes in a step.
    pub fn record(&self, seen: &ObservedStep<'_>) {
        self.change(|kept| kept.record(seen));
        if !matches!(seen.view.phase, Phase::New | Phase::Locking | Phase::Ended) {
            self.has_lock.notify_one();
        }
    }

    /// Returns when a step has shown that the directory is locked.
    pub(crate) async fn has_lock(&self) {
        self.has_lock.notified().await;
    }

    /// What is to be told at this time.
    #[must_use]
    pub fn at(&self, now: Now) -> Published {
        self.change(|kept| {
            let next = kept.wake.and_then(|(wake, view)| next(&wake, &view, now));
            Published { now: now.wall.unix_ms(), next, ..kept.told.clone() }
        })
    }
}

impl Kept {
    fn record(&mut self, seen: &ObservedStep<'_>) {
        self.jump(seen.now);
        self.wake = Some((seen.wake, seen.view));
        self.state(&seen.view, seen.unsaved);
        if let Input::CallAnswered { op, result } = seen.input {
            self.answered(seen, *op, result);
        }
        let mut reports = seen.reports.iter();
        for action in &seen.step.actions {
            match action {
                Action::Call { op, credential, .. } => {
                    self.calls.insert(*op, *credential);
                }
                Action::Cancel { op } => {
                    self.calls.remove(op);
                }
                // What is in memory only is trouble still.
                Action::GoLive { .. } if seen.view.unsaved => {}
                Action::GoLive { .. } => self.told.trouble.clear(),
                Action::Report(event) => {
                    let line = reports.next().cloned().unwrap_or_default();
                    self.reported(seen.now.wall, event, line);
                }
                Action::Disk { .. } | Action::MakeKey { .. } | Action::Withdraw { .. } | Action::Exit(_) => {}
            }
        }
    }

    fn jump(&mut self, now: Now) {
        if let Some(last) = self.last.replace(now) {
            let passed = i64::try_from(now.mono.since(last.mono).ms()).unwrap_or(i64::MAX);
            let by = now.wall.unix_ms().saturating_sub(last.wall.unix_ms()).saturating_sub(passed);
            if by.unsigned_abs() >= JUMP.ms() {
                push(&mut self.told.jumps, (now.wall.unix_ms(), by));
            }
        } else {
            self.told.started = now.wall.unix_ms();
        }
    }

    fn state(&mut self, view: &View, unsaved: bool) {
        let told = &mut self.told;
        told.phase = view.phase.to_string();
        let generation = view.identity.map(|identity| identity.generation.0);
        told.serving = generation.filter(|_| view.serving);
        told.held = generation.filter(|_| !view.serving);
        told.attempt = view.attempt.map(|generation| generation.0);
        told.from_memory = view.unsaved;
        told.unsaved = if view.unsaved { generation } else { told.attempt.filter(|_| unsaved) };
        told.waits_for = view.held.map(WallTime::unix_ms);
        if !view.clock_invalid {
            told.built_later = None;
        }
        told.call_failures = view.call_failures;
        told.disk_failures = view.disk_failures;
        // What was said of a request stays until there is another, or a certificate: it tells why there is none.
        if let Some(request) = view.request {
            let name = request_name(&request);
            if told.request.as_ref().is_none_or(|asked| asked.name != name) {
                told.request = None;
            }
        } else if told.trouble.is_empty() {
            told.request = None;
        }
    }

    fn answered(&mut self, seen: &ObservedStep<'_>, op: OpId, result: &Result<CsrObject, ApiFault>) {
        let by = self.calls.remove(&op);
        if by == Some(Credential::Bootstrap) && result.is_ok() {
            self.told.bootstrap_refused = None;
        }
        let (Some(request), Ok(object)) = (seen.view.request, result) else { return };
        self.conditions(request_name(&request), conditions(object), seen.now.wall);
    }

    fn conditions(&mut self, name: String, conditions: Vec<String>, now: WallTime) {
        let now = now.unix_ms();
        let known = self.told.request.take();
        let same = known.filter(|asked| asked.name == name && asked.conditions == conditions);
        let since = same.map_or(now, |asked| asked.since);
        self.told.request = Some(ObservedRequest { name, conditions, since, seen: now });
    }

    fn reported(&mut self, now: WallTime, event: &Event, line: String) {
        if let Event::CallFailed {
            credential: Credential::Bootstrap,
            fault: ApiFault::NoCredential | ApiFault::Unauthorized | ApiFault::Forbidden,
            ..
        } = event
        {
            self.told.bootstrap_refused = Some((now.unix_ms(), line.clone()));
        }
        // The object is gone from the view with its attempt; what became of it is told by the event only.
        let ended = match event {
            Event::RequestDenied { request, .. } => Some((request, "Denied")),
            Event::RequestFailed { request, .. } => Some((request, "Failed")),
            Event::RequestStuck { request, .. } => Some((request, "Approved")),
            Event::CertificateRefused { request, .. } => Some((request, "Issued")),
            _ => None,
        };
        if let Some((request, condition)) = ended {
            self.conditions(request_name(request), vec![condition.to_owned()], now);
        }
        if let Event::ClockInvalid { built } = event {
            self.told.built_later = Some(built.unix_ms());
        }
        if level(event) <= Level::WARN && self.told.trouble.back().is_none_or(|(_, last)| *last != line) {
            push(&mut self.told.trouble, (now.unix_ms(), line));
        }
    }
}

fn push<T>(kept: &mut VecDeque<T>, item: T) {
    if kept.len() == KEPT {
        kept.pop_front();
    }
    kept.push_back(item);
}

/// In the words and the order of kubectl's column CONDITION.
fn conditions(object: &CsrObject) -> Vec<String> {
    let all = [
        (object.approved, "Approved"),
        (object.denied, "Denied"),
        (object.failed, "Failed"),
        (object.certificate.is_some(), "Issued"),
    ];
    let met: Vec<String> = all.iter().filter(|(met, _)| *met).map(|(_, name)| (*name).to_owned()).collect();
    if met.is_empty() { vec!["Pending".to_owned()] } else { met }
}

/// How long until the machine does something by itself, and what.
fn next(wake: &Wake, view: &View, now: Now) -> Option<(u64, String)> {
    let by_wall = wake.wall.map(|at| at.since(now.wall));
    let by_mono = wake.mono.map(|at| at.since(now.mono));
    let wait = by_wall.into_iter().chain(by_mono).min()?;
    if view.held.is_some() && view.held == wake.wall && by_wall == Some(wait) {
        return Some((wait.ms(), "the start of the certificate that is held".to_owned()));
    }
    let what = match (wake.reason, view.phase) {
        (WakeReason::Renewal, _) => "the renewal",
        (WakeReason::Nothing, _) => "the end of the certificate",
        (WakeReason::Phase(_), Phase::Resting) => "a new request",
        (WakeReason::Phase(_), Phase::Asking) => "the next look at the request, or the next call",
        (WakeReason::Phase(_), Phase::Recovering) => "the next look at the directory",
        (WakeReason::Phase(_), _) => "a deadline",
    };
    Some((wait.ms(), what.to_owned()))
}
