//! Actions of core as structs of the interface.

use certrotate_core::disk::{Content, DiskCommand};
use certrotate_core::event::Event;
use certrotate_core::id::{Handle, OpId};
use certrotate_core::input::Action as CoreAction;
use certrotate_core::issuer::{Call, Credential};

use crate::convert;
use crate::types::codes::{self, ActionKind, HandleKind};
use crate::types::event::{EventCode, Severity};
use crate::types::step::Action;
use crate::types::{self, Digest, Name, Op, Text};

/// An event in the two forms that C gets, each ending with NUL.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) text: Vec<u8>,
    pub(crate) json: Vec<u8>,
}

impl Report {
    /// Returns the forms of an event, if the action reports one.
    pub(crate) fn of(action: &CoreAction) -> Option<Self> {
        let CoreAction::Report(event) = action else { return None };
        let mut text = event.to_string().into_bytes();
        text.push(0);
        // Maps with string keys only, and no value of its own: this cannot fail.
        let mut json = serde_json::to_vec(event).unwrap_or_default();
        json.push(0);
        Some(Self { text, json })
    }
}

const NO_TEXT: Text = Text { bytes: std::ptr::null(), length: 0 };

fn borrowed(bytes: &[u8]) -> Text {
    Text { bytes: bytes.as_ptr().cast(), length: bytes.len().saturating_sub(1) }
}

/// An action of this kind with every other field zero.
fn empty(kind: ActionKind) -> Action {
    Action {
        size: size_of::<Action>(),
        kind: kind as u32,
        command: 0,
        op: Op::default(),
        name: Name::default(),
        target: Name::default(),
        content: 0,
        generation: 0,
        time: 0,
        key: 0,
        cert: 0,
        duration: 0,
        has_duration: 0,
        call: 0,
        credential: 0,
        request: Digest::default(),
        reason: 0,
        event: 0,
        severity: 0,
        text: NO_TEXT,
        json: NO_TEXT,
    }
}

/// Returns the action; its texts point into `report`.
pub(crate) fn action(action: &CoreAction, report: Option<&Report>) -> Action {
    match action {
        CoreAction::Disk { op, command } => disk(*op, *command),
        CoreAction::MakeKey { op, duration } => Action {
            op: convert::op_of(*op),
            duration: duration.map_or(0, |duration| duration.ms()),
            has_duration: duration.is_some().into(),
            ..empty(ActionKind::MakeKey)
        },
        CoreAction::Call { op, call, credential } => issuer(*op, *call, *credential),
        CoreAction::Cancel { op } => Action { op: convert::op_of(*op), ..empty(ActionKind::Cancel) },
        CoreAction::GoLive { generation, key, cert } => {
            Action { generation: generation.0, key: key.0, cert: cert.0, ..empty(ActionKind::GoLive) }
        }
        CoreAction::Withdraw { generation } => {
            Action { generation: generation.0, ..empty(ActionKind::Withdraw) }
        }
        CoreAction::Report(event) => reported(event, report),
        CoreAction::Exit(reason) => {
            Action { reason: convert::exit_reason(*reason) as u32, ..empty(ActionKind::Exit) }
        }
    }
}

fn reported(event: &Event, report: Option<&Report>) -> Action {
    Action {
        event: EventCode::of(event) as u32,
        severity: Severity::of(event) as u32,
        text: report.map_or(NO_TEXT, |report| borrowed(&report.text)),
        json: report.map_or(NO_TEXT, |report| borrowed(&report.json)),
        ..empty(ActionKind::Report)
    }
}

fn disk(op: OpId, command: DiskCommand) -> Action {
    use codes::DiskCommand as Code;
    let with =
        |code: Code| Action { op: convert::op_of(op), command: code as u32, ..empty(ActionKind::Disk) };
    let named = |code, name| Action { name: convert::name_of(name), ..with(code) };
    match command {
        DiskCommand::Lock => with(Code::Lock),
        DiskCommand::Scan => with(Code::Scan),
        DiskCommand::SyncDir => with(Code::SyncDir),
        DiskCommand::Create { name } => named(Code::Create, name),
        DiskCommand::SyncFile { name } => named(Code::SyncFile, name),
        DiskCommand::Unlink { name } => named(Code::Unlink, name),
        DiskCommand::Rename { from, to } => {
            Action { target: convert::name_of(to), ..named(Code::Rename, from) }
        }
        DiskCommand::Symlink { name, target } => {
            Action { target: convert::name_of(target), ..named(Code::Symlink, name) }
        }
        DiskCommand::Write { name, content } => write(named(Code::Write, name), content),
    }
}

const fn write(action: Action, content: Content) -> Action {
    match content {
        Content::Pending { generation, key, made } => Action {
            content: codes::Content::Pending as u32,
            generation: generation.0,
            key: key.0,
            time: made.unix_ms(),
            ..action
        },
        Content::Bundle { generation, key, cert, issued } => Action {
            content: codes::Content::Bundle as u32,
            generation: generation.0,
            key: key.0,
            cert: cert.0,
            time: issued.unix_ms(),
            ..action
        },
    }
}

fn issuer(op: OpId, call: Call, credential: Credential) -> Action {
    let (credential, generation) = match credential {
        Credential::Bootstrap => (codes::Credential::Bootstrap, 0),
        Credential::Live(generation) => (codes::Credential::Live, generation.0),
    };
    let action = Action {
        op: convert::op_of(op),
        credential: credential as u32,
        generation,
        ..empty(ActionKind::Call)
    };
    match call {
        Call::Create { key } => Action { call: codes::Call::Create as u32, key: key.0, ..action },
        Call::Get { request } => {
            Action { call: codes::Call::Get as u32, request: Digest { bytes: request.0 }, ..action }
        }
        Call::Watch { request } => {
            Action { call: codes::Call::Watch as u32, request: Digest { bytes: request.0 }, ..action }
        }
    }
}

pub(crate) const fn handle(handle: Handle) -> types::Handle {
    match handle {
        Handle::Key(key) => types::Handle { kind: HandleKind::Key as u32, number: key.0 },
        Handle::Cert(cert) => types::Handle { kind: HandleKind::Cert as u32, number: cert.0 },
    }
}
