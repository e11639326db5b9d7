//! How operations go, and which are to fail.

use certrotate_core::disk::{DiskCommand, DiskFault};

/// How an operation is to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum How {
    /// As it should.
    Well,
    /// It fails and does nothing.
    Fails(DiskFault),
    /// It fails when a part was done.
    FailsHalfway(DiskFault),
    /// It is done, and reported as failed.
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
    /// The kind of a command.
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

/// Operations of a kind that are to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fault {
    /// How many operations of the kind go well before.
    pub after: u16,
    /// How many fail then.
    pub times: u16,
    /// Which kind.
    pub kind: Kind,
    /// How.
    pub fault: DiskFault,
}

impl Default for Fault {
    fn default() -> Self {
        Self { after: 0, times: 0, kind: Kind::Lock, fault: DiskFault::Io }
    }
}
