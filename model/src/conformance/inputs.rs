//! Which promise an input breaks.

use certrotate_core::disk::{DiskCommand, DiskDone};
use certrotate_core::id::OpId;
use certrotate_core::input::{Action, Input};

use crate::brief;
use crate::conformance::promise::Promise;

/// The promise that is broken where a result was given otherwise than the driver got it.
pub(super) fn altered(owed: &Input, given: &Input) -> (Promise, String) {
    use Input::{CallAnswered, DiskAnswered, KeyMade};
    let promise = match (owed, given) {
        (
            DiskAnswered { result: Ok(DiskDone::Scanned(_)), .. },
            DiskAnswered { result: Ok(DiskDone::Done), .. },
        ) => Promise::ScanInventory,
        (KeyMade { result: Ok(made), .. }, KeyMade { result: Ok(said), .. })
            if made.key_digest != said.key_digest =>
        {
            Promise::KeyDigest
        }
        (DiskAnswered { .. }, DiskAnswered { .. })
        | (KeyMade { .. }, KeyMade { .. })
        | (CallAnswered { .. }, CallAnswered { .. }) => Promise::TrueAnswer,
        _ => Promise::AnswerKind,
    };
    (promise, format!("the result {owed:?} was given as {given:?}"))
}

/// The promise that is broken where the result of an operation is given that has none.
pub(super) fn not_ended(op: OpId, asked: Option<&Action>) -> (Promise, String) {
    let promise = match asked {
        Some(Action::Disk { command: DiskCommand::SyncDir | DiskCommand::SyncFile { .. }, .. }) => {
            Promise::SyncDone
        }
        Some(Action::Disk { command: DiskCommand::Unlink { .. }, .. }) => Promise::UnlinkDone,
        _ => Promise::RealAnswer,
    };
    let detail = match asked {
        Some(action) => format!("it answered {} ({op}), which has not ended", brief::action(action)),
        None => format!("it answered operation {op}, which core never requested"),
    };
    (promise, detail)
}

/// The promise that is broken where a result or request never reaches core.
pub(super) fn unanswered(owed: &Input) -> (Promise, String) {
    let promise = match owed {
        Input::DiskAnswered { .. } => Promise::DiskAnswered,
        Input::KeyMade { .. } => Promise::KeyAnswered,
        Input::CallAnswered { .. } => Promise::CallAnswered,
        Input::Tick => Promise::Ticks,
        Input::RotateNow | Input::Reconfigure(_) | Input::Shutdown => Promise::RequestGiven,
    };
    (promise, format!("it sleeps, and core has not been given: {}", brief::input(owed)))
}

/// Says which action the driver left out.
pub(super) fn not_carried_out(action: &Action) -> String {
    format!(
        "it sleeps, and has not carried out: {}; if another thread carries it out, sleep only when that thread is idle",
        brief::action(action)
    )
}
