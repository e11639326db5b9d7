//! Faults: why an operation failed, with a kind for core and a line for the operator.

#[cfg(test)]
mod tests;

use core::fmt;
use std::io;
use std::path::{Path, PathBuf};

use certrotate_core::disk::DiskFault;
use rustix::io::Errno;

/// A disk operation that failed.
///
/// Its `Display` is one line that names the operation, the path, the cause and the remedy. It never has bytes
/// of a file in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The kind, which core decides on.
    pub kind: DiskFault,
    /// The operation, as a verb: `create`, `write`, `sync`, …
    pub operation: &'static str,
    /// The path of the operation.
    pub path: PathBuf,
    pub(crate) cause: Cause,
}

/// The cause behind the kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// A system call failed.
    Os(Errno),
    /// A write took fewer bytes than it was given.
    Short { written: usize, given: usize },
    /// The directory belongs to an external party.
    Owner { owner: u32, ours: u32 },
    /// The directory's mode lets others write.
    Mode { mode: u32 },
    /// Another process holds the lock.
    Locked,
    /// Another store of this process holds the lock.
    LockedHere,
    /// The directory is not locked yet.
    NotLocked,
    /// The path leads to another directory than when it was locked.
    Moved,
    /// The file was not created in this run, or its descriptor is closed.
    NoDescriptor,
    /// An operation on this file failed before.
    Failed,
    /// The driver has no bytes for this content.
    NoContent,
    /// The name would not be recognised as one of ours.
    BadName,
}

impl Fault {
    /// A system call on `path` failed.
    pub(crate) fn os(operation: &'static str, path: &Path, errno: Errno) -> Self {
        Self { kind: kind_of(errno), operation, path: path.to_owned(), cause: Cause::Os(errno) }
    }

    /// The certificate directory is missing, and cannot be created or opened.
    pub(crate) fn no_directory(operation: &'static str, path: &Path, errno: Errno) -> Self {
        Self { kind: DiskFault::NoDirectory, ..Self::os(operation, path, errno) }
    }

    /// A fault without an error number.
    pub(crate) fn because(operation: &'static str, path: &Path, cause: Cause) -> Self {
        let kind = match &cause {
            Cause::Os(errno) => kind_of(*errno),
            // A write to a regular file is short at the end of the disk, of the quota or of the
            // file size limit.
            Cause::Short { .. } => DiskFault::NoSpace,
            Cause::Owner { .. } | Cause::Mode { .. } => DiskFault::Unsafe,
            Cause::Locked | Cause::LockedHere => DiskFault::Locked,
            Cause::NoContent => DiskFault::HandleGone,
            Cause::NotLocked | Cause::Moved | Cause::NoDescriptor | Cause::Failed | Cause::BadName => {
                DiskFault::Io
            }
        };
        Self { kind, operation, path: path.to_owned(), cause }
    }

    /// The kernel's error number, where a system call failed.
    #[must_use]
    pub fn errno(&self) -> Option<i32> {
        match self.cause {
            Cause::Os(errno) => Some(errno.raw_os_error()),
            _ => None,
        }
    }

    fn remedy(&self) -> &'static str {
        match (&self.cause, self.kind) {
            (Cause::Failed | Cause::NoDescriptor, _) => {
                "it has to be removed and written anew under another name"
            }
            (Cause::NotLocked, _) => "take the lock first",
            (Cause::Moved, _) => "put it back, or restart to use the directory that is there now",
            (Cause::NoContent, _) => "read the directory again",
            (Cause::BadName, _) => "set the clock",
            (Cause::Os(Errno::ISDIR | Errno::NOTEMPTY), _) => "move that directory away by hand",
            (Cause::Os(Errno::FBIG), _) => "raise the limit on the size of files (ulimit -f)",
            (Cause::Os(Errno::MFILE | Errno::NFILE), _) => {
                "raise the limit of open files: ulimit -n, or LimitNOFILE= in the unit"
            }
            (Cause::Os(Errno::BUSY), _) => {
                "it is a mount point: unmount it, and mount the whole directory in its place"
            }
            (Cause::Os(Errno::NOLCK | Errno::OPNOTSUPP), _) if self.operation == "lock" => {
                "choose a directory on a file system that has locks"
            }
            (_, DiskFault::NoSpace) => "free space on that file system",
            (_, DiskFault::ReadOnly) => "mount that file system writable",
            (_, DiskFault::Denied) => "give the user that this runs as access to it",
            (_, DiskFault::Exists) => "move it away",
            (_, DiskFault::NotFound) => "keep other programs from removing files there",
            (Cause::LockedHere, _) => "give each node a directory of its own",
            (_, DiskFault::Locked) => "stop the other process, or choose another directory",
            (_, DiskFault::NoDirectory) => "make that directory, or choose another",
            (_, DiskFault::Unsafe) => "choose another directory",
            (_, DiskFault::HandleGone) => "report it: the key store erased a key that is needed",
            (_, DiskFault::WrongKind) => "report it: this is a bug",
            (_, DiskFault::NoEffect) => "use a file system that shows its own changes",
            _ => "look into the kernel's log and check the disk",
        }
    }
}

/// Returns the kind of an error number.
pub(crate) fn kind_of(errno: Errno) -> DiskFault {
    match errno {
        Errno::NOSPC | Errno::DQUOT => DiskFault::NoSpace,
        Errno::ROFS => DiskFault::ReadOnly,
        Errno::ACCESS | Errno::PERM => DiskFault::Denied,
        Errno::EXIST => DiskFault::Exists,
        Errno::NOENT => DiskFault::NotFound,
        _ => DiskFault::Io,
    }
}

/// `No space left on device (os error 28)` as `no space left on device`.
pub(crate) fn errno_text(errno: Errno) -> String {
    let long = io::Error::from(errno).to_string();
    let text = long.split(" (os error").next().unwrap_or(&long);
    let mut letters = text.chars();
    match letters.next() {
        Some(first) if letters.as_str().starts_with(|next: char| next.is_lowercase() || next == ' ') => {
            first.to_lowercase().chain(letters).collect()
        }
        _ => text.to_owned(),
    }
}

/// Returns a path on one line, with control characters escaped.
pub(crate) fn path_text(path: &Path) -> String {
    let escape =
        |letter: char| if letter.is_control() { letter.escape_default().to_string() } else { letter.into() };
    path.display().to_string().chars().map(escape).collect()
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = path_text(&self.path);
        match &self.cause {
            Cause::Owner { owner, ours } => {
                return write!(
                    f,
                    "certificate directory {path} belongs to user {owner}, neither to root nor to the user this runs as ({ours}); run chown {ours} {path}"
                );
            }
            Cause::Mode { mode } => {
                return write!(
                    f,
                    "certificate directory {path} may be written by group or others (mode {mode:04o}); run chmod go-w {path}"
                );
            }
            _ => write!(f, "cannot {} {path}: ", self.operation)?,
        }
        match &self.cause {
            Cause::Os(errno) => f.write_str(&errno_text(*errno))?,
            Cause::Short { written, given } => write!(f, "only {written} of {given} bytes could be written")?,
            Cause::Locked => f.write_str("another process holds its lock")?,
            Cause::LockedHere => {
                f.write_str("this process holds its lock already, for another node or store")?
            }
            Cause::Moved => {
                f.write_str("the certificate directory was moved or replaced since it was locked")?
            }
            Cause::NotLocked => f.write_str("the certificate directory is not locked")?,
            Cause::NoDescriptor => f.write_str("it is not open for writing")?,
            Cause::Failed => f.write_str("an earlier operation on it failed")?,
            Cause::NoContent => f.write_str("its key or certificate is not in memory")?,
            Cause::BadName => f.write_str("the year in its name has not four digits")?,
            Cause::Owner { .. } | Cause::Mode { .. } => {}
        }
        write!(f, "; {}", self.remedy())
    }
}

impl core::error::Error for Fault {}
