//! Short texts of inputs and actions, for tables, scenario tests and failures.

use certrotate_core::disk::{CurrentLink, DiskCommand, DiskDone};
use certrotate_core::input::{Action, Input};
use certrotate_core::issuer::{Call, Credential, IssuerFault, RequestRecord, RequestState};

/// Returns a short text of a disk command.
#[must_use]
pub fn command(command: &DiskCommand) -> String {
    match command {
        DiskCommand::Lock => "lock".into(),
        DiskCommand::Scan => "scan".into(),
        DiskCommand::Create { name } => format!("create {name}"),
        DiskCommand::Write { name, .. } => format!("write {name}"),
        DiskCommand::SyncFile { name } => format!("sync {name}"),
        DiskCommand::Rename { from, to } => format!("rename {from} to {to}"),
        DiskCommand::Symlink { name, target } => format!("link {name} to {target}"),
        DiskCommand::Unlink { name } => format!("unlink {name}"),
        DiskCommand::SyncDir => "sync directory".into(),
    }
}

/// Returns a short text of an action.
#[must_use]
pub fn action(action: &Action) -> String {
    match action {
        Action::Disk { command: it, .. } => command(it),
        Action::MakeKey { .. } => "make key".into(),
        Action::Call { call, credential, .. } => format!("{} as {}", self::call(call), who(*credential)),
        Action::Cancel { .. } => "cancel".into(),
        Action::GoLive { generation, .. } => format!("**go live {generation}**"),
        Action::Withdraw { generation } => format!("**withdraw {generation}**"),
        Action::Report(event) => {
            let text = format!("{event:?}");
            let name = text.split([' ', '(', '{']).next().unwrap_or_default().to_owned();
            format!("report {name}")
        }
        Action::Exit(reason) => format!("exit: {reason:?}"),
    }
}

fn call(call: &Call) -> &'static str {
    match call {
        Call::Create { .. } => "create",
        Call::Get { .. } => "get",
        Call::Watch { .. } => "watch",
    }
}

fn who(credential: Credential) -> String {
    match credential {
        Credential::Bootstrap => "bootstrap".into(),
        Credential::Live(generation) => format!("live {generation}"),
    }
}

/// Returns a short text of an input.
#[must_use]
pub fn input(input: &Input) -> String {
    match input {
        Input::Tick => "tick".into(),
        Input::DiskAnswered { result: Ok(DiskDone::Done), .. } => "done".into(),
        Input::DiskAnswered { result: Ok(DiskDone::Scanned(inventory)), .. } => {
            let live = match inventory.current {
                CurrentLink::Absent => "no current link",
                CurrentLink::Link(_) => "current link a link of ours",
                CurrentLink::Foreign => "current link a foreign link",
                CurrentLink::File => "current link a file",
                CurrentLink::Strange => "current link a strange thing",
                CurrentLink::Unreadable(_) => "current link unreadable",
            };
            format!("scanned: {live}, {} names", inventory.entries.len())
        }
        Input::DiskAnswered { result: Err(fault), .. } => format!("disk: {fault:?}"),
        Input::KeyMade { result: Ok(_), .. } => "key made".into(),
        Input::KeyMade { result: Err(_), .. } => "key failed".into(),
        Input::CallAnswered { result: Ok(object), .. } => format!("object: {}", state(object)),
        Input::CallAnswered { result: Err(fault), .. } => format!("call: {}", self::fault(fault)),
        Input::RotateNow => "rotate now".into(),
        Input::Reconfigure(_) => "reconfigure".into(),
        Input::Shutdown => "shutdown".into(),
    }
}

/// Returns the state of an object, much as `kubectl get csr` prints it.
#[must_use]
pub fn state(object: &RequestRecord) -> &'static str {
    match object.state {
        RequestState::Denied => "Denied",
        RequestState::Failed => "Failed",
        RequestState::Issued { .. } => "Approved,Issued",
        RequestState::IssuedUnreadable => "Approved,Issued (unreadable)",
        RequestState::Approved => "Approved",
        RequestState::Pending => "Pending",
    }
}

fn fault(fault: &IssuerFault) -> String {
    match fault {
        IssuerFault::Throttled { retry_after: Some(after) } => {
            format!("Throttled, Retry-After {after}")
        }
        other => {
            let text = format!("{other:?}");
            text.split(' ').next().unwrap_or_default().to_owned()
        }
    }
}
