//! A change of the directory that the driver answered as done. The next scan has to show it.

use crate::disk::{CurrentLink, DiskCommand, Inventory, Name};
use crate::id::FileNumber;

/// What was changed, in few bytes: every recovery has room for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Change {
    /// A name was removed.
    Removed(Name),
    /// A corrupt file was moved to the quarantine name with this number.
    Quarantined { from: Name, number: FileNumber },
    /// The current link was replaced by a link to this bundle, which was made under the temporary name with this number.
    Linked { target: Name, number: FileNumber },
}

impl Change {
    /// The change that this rename made.
    pub(super) fn quarantined(from: Name, to: Name) -> Self {
        Self::Quarantined { from, number: to.file().unwrap_or_default() }
    }

    /// The change that renaming this link onto the current one made.
    pub(super) fn linked(target: Name, temporary: Name) -> Self {
        Self::Linked { target, number: temporary.file().unwrap_or_default() }
    }

    /// The command that made it.
    pub(super) fn command(self) -> DiskCommand {
        match self {
            Self::Removed(name) => DiskCommand::Unlink { name },
            Self::Quarantined { from, number } => {
                let generation = from.generation().unwrap_or_default();
                DiskCommand::Rename { from, to: Name::Quarantine { generation, file: number } }
            }
            Self::Linked { target, number } => {
                let generation = target.generation().unwrap_or_default();
                let from = Name::Temporary { generation, file: number };
                DiskCommand::Rename { from, to: Name::Current }
            }
        }
    }

    /// Whether a scan shows it. A store that caches, or another program, may have undone it. Without this question the decision
    /// would be the same again, at once and for ever.
    pub(super) fn is_shown_by(self, inventory: &Inventory) -> bool {
        let current = inventory.current;
        match self {
            Self::Quarantined { from: Name::Current, .. } => !matches!(current, CurrentLink::File),
            Self::Removed(name) | Self::Quarantined { from: name, .. } => {
                inventory.entries.iter().all(|entry| entry.name != name)
            }
            Self::Linked { target, .. } => {
                current == CurrentLink::Link(target) || matches!(current, CurrentLink::Unreadable(_))
            }
        }
    }
}
