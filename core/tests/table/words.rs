//! Actions in words for the page, without generations and file numbers.

use certrotate_core::disk::{DiskCommand, Name};
use certrotate_core::input::Action;
use certrotate_core::issuer::Call;

/// An action in a few words.
pub(crate) fn action(action: &Action) -> String {
    match action {
        Action::Disk { command, .. } => self::command(command),
        Action::MakeKey { .. } => "make key".into(),
        Action::Call { call: Call::Create { .. }, .. } => "call create".into(),
        Action::Call { call: Call::Get { .. }, .. } => "call get".into(),
        Action::Call { call: Call::Watch { .. }, .. } => "open watch".into(),
        Action::Cancel { .. } => "cancel".into(),
        Action::GoLive { .. } => "**go live**".into(),
        Action::Withdraw { .. } => "**withdraw**".into(),
        Action::Report(event) => {
            let text = format!("{event:?}");
            let name = text.split([' ', '(', '{']).next().unwrap_or_default().to_owned();
            format!("report {name}")
        }
        Action::Exit(reason) => format!("exit: {reason:?}"),
    }
}

fn command(command: &DiskCommand) -> String {
    match *command {
        DiskCommand::Lock => "lock".into(),
        DiskCommand::Scan => "scan".into(),
        DiskCommand::Create { name } => format!("create {}", kind(name)),
        DiskCommand::Write { name, .. } => format!("write {}", kind(name)),
        DiskCommand::SyncFile { name } => format!("sync {}", kind(name)),
        DiskCommand::Rename { to, .. } => format!("rename to {}", kind(to)),
        DiskCommand::Symlink { .. } => "make link".into(),
        DiskCommand::Unlink { name } => format!("remove {}", kind(name)),
        DiskCommand::SyncDir => "sync directory".into(),
    }
}

const fn kind(name: Name) -> &'static str {
    match name {
        Name::Current => "current link",
        Name::Bundle { .. } => "bundle",
        Name::Pending { .. } => "pending file",
        Name::Temporary { .. } => "temporary file",
        Name::Quarantine { .. } => "quarantine",
    }
}
