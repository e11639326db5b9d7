//! Outcomes of disk operations, and injected failures.

use certrotate_core::disk::{DiskCommand, DiskFault};

/// The outcome of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum How {
    /// Success.
    Well,
    /// Failure without an effect.
    Fails(DiskFault),
    /// Failure after a part of the effect.
    FailsHalfway(DiskFault),
    /// Failure reported after the whole effect.
    FailsDone(DiskFault),
    /// A fault of the driver: it reports the command as done, but did not carry it out.
    Pretended,
}

/// The kind of a disk command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// [`DiskCommand::Lock`].
    Lock,
    /// [`DiskCommand::Scan`].
    Scan,
    /// [`DiskCommand::Create`].
    Create,
    /// [`DiskCommand::Write`].
    Write,
    /// [`DiskCommand::SyncFile`].
    SyncFile,
    /// [`DiskCommand::Rename`].
    Rename,
    /// [`DiskCommand::Symlink`].
    Symlink,
    /// [`DiskCommand::Unlink`].
    Unlink,
    /// [`DiskCommand::SyncDir`].
    SyncDir,
}

impl Kind {
    /// All kinds. The bytes of a scenario name them by their place here.
    pub const ALL: [Self; 9] = [
        Self::Lock,
        Self::Scan,
        Self::Create,
        Self::Write,
        Self::SyncFile,
        Self::Rename,
        Self::Symlink,
        Self::Unlink,
        Self::SyncDir,
    ];

    /// Returns the kind of a command.
    #[must_use]
    pub const fn of(command: &DiskCommand) -> Self {
        match command {
            DiskCommand::Lock => Self::Lock,
            DiskCommand::Scan => Self::Scan,
            DiskCommand::Create { .. } => Self::Create,
            DiskCommand::Write { .. } => Self::Write,
            DiskCommand::SyncFile { .. } => Self::SyncFile,
            DiskCommand::Rename { .. } => Self::Rename,
            DiskCommand::Symlink { .. } => Self::Symlink,
            DiskCommand::Unlink { .. } => Self::Unlink,
            DiskCommand::SyncDir => Self::SyncDir,
        }
    }
}

/// Injected failures of one kind of operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fault {
    /// The number of successful operations of the kind before the first failure.
    pub after: u16,
    /// The number of failures.
    pub times: u16,
    /// The kind of operation.
    pub kind: Kind,
    /// The error.
    pub fault: DiskFault,
}

impl Default for Fault {
    fn default() -> Self {
        Self { after: 0, times: 0, kind: Kind::Lock, fault: DiskFault::Io }
    }
}
