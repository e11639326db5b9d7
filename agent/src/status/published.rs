//! The status that a running agent publishes: the part that is not on disk. Never a key byte, a token or a request's bytes.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use certrotate_core::event::{Event, Severity};
use certrotate_core::id::{OpId, RequestDigest};
use certrotate_core::input::{Action, Input};
use certrotate_core::issuer::{Credential, IssuerFault, RequestRecord, RequestState};
use certrotate_core::time::{MonoTime, Now, Span, WallTime};
use certrotate_core::view::{ClosedGate, Gate, Phase, View, Wake, WakeReason};
use certrotate_x509::request_name;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use crate::driver::ObservedStep;
use crate::log::{self, Losses};

/// The most warnings, and clock jumps, that the record keeps.
const HISTORY: usize = 8;
/// The smallest jump. The clocks drift apart a little, and NTP slews them; a larger difference is a jump.
const JUMP: Span = Span::from_secs(1);

/// The published status of a running agent. A field that the other version does not have keeps its default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Published {
    /// Its process ID.
    pub pid: u32,
    /// When it started, by its wall clock, in milliseconds since 1970.
    pub started: i64,
    /// Its wall clock, in milliseconds since 1970.
    pub now: i64,
    /// The common name of the template.
    pub common_name: String,
    /// The API server.
    pub server: String,
    /// The bootstrap kubeconfig.
    pub bootstrap_kubeconfig: Option<PathBuf>,
    /// Whether it renews by itself.
    pub rotates: bool,
    /// The phase; the names are in ARCHITECTURE.md.
    pub phase: String,
    /// The live generation.
    pub serving: Option<u32>,
    /// The generation that is held: its certificate is not valid yet.
    pub held: Option<u32>,
    /// The generation whose certificate is issued and not durable yet.
    pub unsaved: Option<u32>,
    /// Whether the live identity is in memory only, because the disk refuses it and no other is left.
    pub from_memory: bool,
    /// The `notBefore` of the held certificate, in milliseconds since 1970.
    pub waits_for: Option<i64>,
    /// The build time of the agent, if its wall clock is before it: then it starts no attempt.
    pub built_later: Option<i64>,
    /// The generation of the current attempt.
    pub attempt: Option<u32>,
    /// Its request.
    pub request: Option<ObservedRequest>,
    /// The time until the next scheduled action, in milliseconds, and the action.
    pub next: Option<(u64, String)>,
    /// The time until the next attempt may begin, in milliseconds, and the reason for the wait.
    pub gate: Option<(u64, String)>,
    /// Recent failed calls, less those that succeeded since.
    pub call_failures: u32,
    /// The last failed call, when and why; until a call succeeds.
    pub call_fault: Option<(i64, String)>,
    /// Keys in a row that could not be made.
    pub key_failures: u32,
    /// Failed disk operations in a row.
    pub disk_failures: u32,
    /// When a bootstrap credential was last not accepted, and why; until it is accepted again.
    pub bootstrap_refused: Option<(i64, String)>,
    /// Warnings and errors since the last certificate went live, with their times; the newest last.
    pub trouble: VecDeque<(i64, String)>,
    /// Jumps of the wall clock: when, and by how many milliseconds; the newest last.
    pub jumps: VecDeque<(i64, i64)>,
    /// The lines that the log of the agent has dropped.
    pub lost_log_lines: u64,
    /// Why the last of them was dropped.
    pub log_fault: Option<String>,
    /// The lines that wait for a log that blocks.
    pub stuck_log_lines: u64,
}

/// The last answer of the server about a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObservedRequest {
    /// The object's name.
    pub name: String,
    /// Its conditions as `kubectl get csr` shows them: `Pending`, `Approved`, `Denied`, …
    pub conditions: Vec<String>,
    /// When these conditions were first seen.
    pub since: i64,
    /// When the server last showed it.
    pub seen: i64,
}

/// Records each step for publication. Cheap to clone: a clone is the same recorder.
#[derive(Clone, Debug, Default)]
pub struct StatusRecorder {
    record: Arc<Mutex<Record>>,
    has_lock: Arc<Notify>,
}

#[derive(Debug, Default)]
struct Record {
    published: Published,
    wake: Option<(Wake, View)>,
    calls: BTreeMap<OpId, Credential>,
    last: Option<Now>,
}

impl StatusRecorder {
    /// Returns a recorder with the facts that are known before the first step.
    #[must_use]
    pub fn new(published: Published) -> Self {
        let record = Arc::new(Mutex::new(Record { published, ..Record::default() }));
        Self { record, has_lock: Arc::default() }
    }

    fn change<T>(&self, change: impl FnOnce(&mut Record) -> T) -> T {
        // After a panic the record may have half of a step. It is for people: better that than nothing.
        change(&mut self.record.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Records a step.
    pub fn record(&self, seen: &ObservedStep<'_>) {
        self.change(|record| record.record(seen));
        if !matches!(seen.view.phase, Phase::New | Phase::Locking | Phase::Ended) {
            self.has_lock.notify_one();
        }
    }

    /// Returns when a step has shown that the directory is locked.
    pub(crate) async fn has_lock(&self) {
        self.has_lock.notified().await;
    }

    /// Returns the status to publish at this time.
    #[must_use]
    pub fn at(&self, now: Now) -> Published {
        self.change(|record| {
            let next = record.wake.and_then(|(wake, view)| next(&wake, &view, now));
            let gate = record.wake.and_then(|(_, view)| closed_gate(&view, now));
            let Losses { lines: lost_log_lines, why: log_fault, stuck: stuck_log_lines } = log::losses();
            let published = record.published.clone();
            Published {
                now: now.wall.unix_ms(),
                next,
                gate,
                lost_log_lines,
                log_fault,
                stuck_log_lines,
                ..published
            }
        })
    }
}

impl Record {
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
                // An identity in memory only does not end the trouble.
                Action::GoLive { .. } if seen.view.in_memory => {}
                Action::GoLive { .. } => self.published.trouble.clear(),
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
                push(&mut self.published.jumps, (now.wall.unix_ms(), by));
            }
        } else {
            self.published.started = now.wall.unix_ms();
        }
    }

    fn state(&mut self, view: &View, unsaved: bool) {
        let published = &mut self.published;
        published.phase = view.phase.to_string();
        let generation = view.identity.map(|identity| identity.generation.0);
        published.serving = generation.filter(|_| view.serving);
        published.held = generation.filter(|_| !view.serving);
        published.attempt = view.attempt.map(|generation| generation.0);
        published.from_memory = view.in_memory;
        published.unsaved = if view.in_memory { generation } else { published.attempt.filter(|_| unsaved) };
        published.waits_for = view.held.map(WallTime::unix_ms);
        if !view.clock_invalid {
            published.built_later = None;
        }
        published.call_failures = view.failures.calls;
        published.key_failures = view.failures.keys;
        published.disk_failures = view.failures.disk;
        // The conditions stay until the next request or certificate: they explain why there is no certificate.
        if let Some(request) = view.request {
            let name = request_name(&request);
            if published.request.as_ref().is_none_or(|asked| asked.name != name) {
                published.request = None;
            }
        } else if published.trouble.is_empty() {
            published.request = None;
        }
    }

    fn answered(&mut self, seen: &ObservedStep<'_>, op: OpId, result: &Result<RequestRecord, IssuerFault>) {
        let by = self.calls.remove(&op);
        if by == Some(Credential::Bootstrap) && result.is_ok() {
            self.published.bootstrap_refused = None;
        }
        match result {
            Ok(_) => self.published.call_fault = None,
            // Its conditions are those of an object that is no more.
            Err(IssuerFault::NotFound) => self.published.request = None,
            Err(_) => {}
        }
        let (Some(request), Ok(object)) = (seen.view.request, result) else { return };
        self.conditions(request_name(&request), conditions(object), seen.now.wall);
    }

    fn conditions(&mut self, name: String, conditions: Vec<String>, now: WallTime) {
        let now = now.unix_ms();
        let known = self.published.request.take();
        let same = known.filter(|asked| asked.name == name && asked.conditions == conditions);
        let since = same.map_or(now, |asked| asked.since);
        self.published.request = Some(ObservedRequest { name, conditions, since, seen: now });
    }

    fn reported(&mut self, now: WallTime, event: &Event, line: String) {
        if let Event::CallFailed {
            credential: Credential::Bootstrap,
            fault: IssuerFault::NoCredential | IssuerFault::NotAuthenticated | IssuerFault::NotPermitted,
            ..
        } = event
        {
            self.published.bootstrap_refused = Some((now.unix_ms(), line.clone()));
        }
        if let Event::CallFailed { .. } | Event::CallTimedOut { .. } = event {
            self.published.call_fault = Some((now.unix_ms(), line.clone()));
        }
        // The attempt is over, and the view no longer has its request: only the event has the outcome.
        if let Some((request, condition)) = final_condition(event) {
            self.conditions(request_name(request), vec![condition.to_owned()], now);
        }
        if let Event::ClockInvalid { built } = event {
            self.published.built_later = Some(built.unix_ms());
        }
        if event.severity() >= Severity::Warning
            && self.published.trouble.back().is_none_or(|(_, last)| *last != line)
        {
            push(&mut self.published.trouble, (now.unix_ms(), line));
        }
    }
}

/// Returns the request that an event ends, and the request's last condition.
fn final_condition(event: &Event) -> Option<(&RequestDigest, &'static str)> {
    match event {
        Event::RequestDenied { request, .. } => Some((request, "Denied")),
        Event::RequestFailed { request, .. } => Some((request, "Failed")),
        Event::RequestStuck { request, .. } => Some((request, "Approved")),
        Event::CertificateRefused { request, .. } => Some((request, "Issued")),
        _ => None,
    }
}

fn push<T>(kept: &mut VecDeque<T>, item: T) {
    if kept.len() == HISTORY {
        kept.pop_front();
    }
    kept.push_back(item);
}

/// In the words and the order of kubectl's column CONDITION.
fn conditions(object: &RequestRecord) -> Vec<String> {
    let words: &[&str] = match object.state {
        RequestState::Pending => &["Pending"],
        RequestState::Approved => &["Approved"],
        RequestState::Denied => &["Denied"],
        RequestState::Failed => &["Approved", "Failed"],
        RequestState::Issued { .. } | RequestState::IssuedUnreadable => &["Approved", "Issued"],
    };
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// Returns the time until the next scheduled action, and the action.
fn next(wake: &Wake, view: &View, now: Now) -> Option<(u64, String)> {
    let by_wall = wake.wall.map(|at| (at.since(now.wall), action_by_wall(at, view)));
    let by_mono = wake.mono.map(|at| (at.since(now.mono), action_by_mono(at, wake.reason, view)));
    let renewal = view.identity.map(|identity| identity.renew_at).filter(|at| *at > now.wall);
    let (by_mono, renewal) = match (wake.reason, renewal, view.gate) {
        // A gate that opens before the renewal point opens for nothing.
        (WakeReason::Renewal, Some(at), Some(gate)) if wake.mono == Some(gate.until) => {
            (None, Some((at.since(now.wall), "the renewal")))
        }
        _ => (by_mono, None),
    };
    let (wait, what) = by_wall.into_iter().chain(by_mono).chain(renewal).min_by_key(|(wait, _)| *wait)?;
    Some((wait.ms(), what.to_owned()))
}

/// Returns what happens when the wall clock shows `at`.
fn action_by_wall(at: WallTime, view: &View) -> &'static str {
    if view.held == Some(at) {
        return "the start of validity of the held certificate";
    }
    match view.identity {
        Some(identity) if identity.not_after == at => "the expiry of the certificate",
        Some(identity) if identity.renew_at == at => "the renewal",
        Some(_) | None => "the next scan of the directory",
    }
}

/// Returns what happens when the monotonic clock shows `at`.
fn action_by_mono(at: MonoTime, reason: WakeReason, view: &View) -> &'static str {
    match (reason, view.phase) {
        (WakeReason::Renewal | WakeReason::Phase(_), Phase::Resting)
            if view.gate.is_some_and(|gate| gate.until == at) =>
        {
            "a new request"
        }
        (WakeReason::Renewal, _) => match view.identity {
            Some(identity) if identity.renew_by == at => "the renewal",
            Some(_) | None => "the next scan of the directory",
        },
        (WakeReason::Nothing, _) => "the expiry of the certificate",
        (WakeReason::Phase(_), Phase::Resting) => "a new request",
        (WakeReason::Phase(_), Phase::Asking) => "the next poll of the request, or the next call",
        (WakeReason::Phase(_), Phase::Recovering) => "the next scan of the directory",
        _ => "a deadline",
    }
}

/// Returns the time until an attempt may begin, and the reason for the wait.
fn closed_gate(view: &View, now: Now) -> Option<(u64, String)> {
    let ClosedGate { gate, until, .. } = view.gate?;
    let why = match gate {
        Gate::Backoff => "the last attempt failed",
        Gate::IssuanceInterval => "the last certificate was issued a moment ago",
        Gate::TemplateChange => "the template changed a moment ago",
        Gate::Hold => "a newer certificate is held until it is valid",
        Gate::ClockSuspect | Gate::ClockInvalid => "the clock has to be set first",
        _ => return Some((until.since(now.mono).ms(), gate.to_string())),
    };
    Some((until.since(now.mono).ms(), why.to_owned()))
}
