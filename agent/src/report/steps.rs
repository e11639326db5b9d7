//! The steps of core in the log: deletions of the request at INFO, and with `-v` and `-vv` what a run does between its events.

use std::collections::BTreeMap;
use std::time::Instant;

use certrotate_core::disk::DiskCommand;
use certrotate_core::id::{OpId, RequestDigest};
use certrotate_core::input::{Action, Input};
use certrotate_core::issuer::{Call, IssuerFault, RequestRecord, RequestState};
use certrotate_core::view::{Phase, Stage};
use certrotate_x509::request_name;

use crate::driver::ObservedStep;

/// Logs each step. It is an observer of the driver.
#[derive(Debug, Default)]
pub(crate) struct StepLog {
    calls: BTreeMap<OpId, Outstanding<Call>>,
    commands: BTreeMap<OpId, Outstanding<DiskCommand>>,
    last: Option<(Phase, Stage)>,
    /// The request that the server had and has no longer.
    deleted: Option<RequestDigest>,
}

#[derive(Debug)]
struct Outstanding<T> {
    what: T,
    since: Instant,
}

impl<T> Outstanding<T> {
    fn new(what: T) -> Self {
        Self { what, since: Instant::now() }
    }

    fn ms(&self) -> u128 {
        self.since.elapsed().as_millis()
    }
}

impl StepLog {
    /// Logs a step.
    pub(crate) fn log(&mut self, seen: &ObservedStep<'_>) {
        tracing::trace!("input {:?}: {:?}", seen.input, seen.step.disposition);
        let request = seen.view.request;
        match seen.input {
            Input::CallAnswered { op, result } => {
                if let Some(call) = self.calls.remove(op) {
                    self.answered(&call, request, result);
                }
            }
            Input::DiskAnswered { op, result } => {
                if let Some(command) = self.commands.remove(op) {
                    let (what, ms) = (command.what, command.ms());
                    match result {
                        Ok(_) => tracing::debug!("disk: {what} took {ms} ms"),
                        Err(fault) => tracing::debug!("disk: {what} failed after {ms} ms: {fault:?}"),
                    }
                }
            }
            Input::KeyMade { result: Ok(made), .. } => {
                tracing::debug!("made a key and {}", request_name(&made.request));
            }
            Input::KeyMade { result: Err(_), .. }
            | Input::Tick
            | Input::RotateNow
            | Input::Reconfigure(_)
            | Input::Shutdown => {}
        }
        for action in &seen.step.actions {
            tracing::trace!("action {action:?}");
            self.begun(action, request);
        }
        self.moved((seen.view.phase, seen.view.stage));
    }

    fn begun(&mut self, action: &Action, request: Option<RequestDigest>) {
        match *action {
            Action::Call { op, call, credential } => {
                let (verb, name) = (verb(call), name(request));
                tracing::debug!("call: {verb} {name} with {}", credential);
                self.calls.insert(op, Outstanding::new(call));
            }
            Action::Disk { op, command } => {
                self.commands.insert(op, Outstanding::new(command));
            }
            Action::Cancel { op } => {
                if let Some(call) = self.calls.remove(&op) {
                    tracing::debug!("call: {} cancelled after {} ms", verb(call.what), call.ms());
                }
            }
            Action::MakeKey { .. }
            | Action::GoLive { .. }
            | Action::Withdraw { .. }
            | Action::Report(_)
            | Action::Exit(_) => {}
        }
    }

    fn answered(
        &mut self,
        call: &Outstanding<Call>,
        request: Option<RequestDigest>,
        result: &Result<RequestRecord, IssuerFault>,
    ) {
        let (verb, ms) = (verb(call.what), call.ms());
        match result {
            Ok(object) => tracing::debug!("call: {verb} answered after {ms} ms: {}", conditions(object)),
            Err(fault) => tracing::debug!("call: {verb} failed after {ms} ms: {fault:?}"),
        }
        match (call.what, result) {
            (Call::Get { .. } | Call::Watch { .. }, Err(IssuerFault::NotFound)) => {
                tracing::info!("{} was deleted on the server; it is created again", name(request));
                self.deleted = request;
            }
            (Call::Create { .. }, Ok(_)) if request.is_some() && self.deleted == request => {
                tracing::info!("{} was created again", name(request));
                self.deleted = None;
            }
            (Call::Create { .. } | Call::Get { .. } | Call::Watch { .. }, _) => {}
        }
    }

    fn moved(&mut self, now: (Phase, Stage)) {
        let last = self.last.replace(now);
        if last.is_none_or(|(phase, _)| phase != now.0) {
            tracing::debug!("phase: {}", now.0);
        }
        if last.is_none_or(|(_, stage)| stage != now.1) {
            tracing::trace!("stage: {}", now.1);
        }
    }
}

const fn verb(call: Call) -> &'static str {
    match call {
        Call::Create { .. } => "create",
        Call::Get { .. } => "get",
        Call::Watch { .. } => "watch",
    }
}

fn name(request: Option<RequestDigest>) -> String {
    request.as_ref().map_or_else(|| "the request".into(), request_name)
}

/// In the words of kubectl's column CONDITION.
const fn conditions(object: &RequestRecord) -> &'static str {
    match object.state {
        RequestState::Denied => "Denied",
        RequestState::Failed => "Failed",
        RequestState::Issued { .. } | RequestState::IssuedUnreadable => "Issued",
        RequestState::Approved => "Approved",
        RequestState::Pending => "Pending",
    }
}
