//! Disk commands, places and faults in words.

use core::fmt;

use super::{DiskCommand, DiskFault, Place};

impl core::error::Error for DiskFault {}

impl fmt::Display for DiskFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoSpace => "no space is left",
            Self::ReadOnly => "the file system is read-only",
            Self::Denied => "permission denied",
            Self::Exists => "the name is taken",
            Self::NotFound => "no such file",
            Self::Locked => "the directory is locked already",
            Self::Unsafe => "the directory is unsafe",
            Self::NoDirectory => "there is no directory",
            Self::HandleGone => "the key is not in memory, which is a bug",
            Self::WrongKind => "an answer of another kind was given, which is a bug",
            Self::NoEffect => "the change was answered as done, but the directory does not show it",
            Self::Io => "input/output error",
        })
    }
}

impl fmt::Display for DiskCommand {
    /// In the infinitive, for texts such as "cannot create tmp-3.1".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lock => f.write_str("lock the directory"),
            Self::Scan => f.write_str("scan the directory"),
            Self::Create { name } => write!(f, "create {name}"),
            Self::Write { name, .. } => write!(f, "write {name}"),
            Self::SyncFile { name } => write!(f, "sync {name}"),
            Self::Rename { from, to } => write!(f, "rename {from} to {to}"),
            Self::Symlink { name, target } => write!(f, "link {name} to {target}"),
            Self::Unlink { name } => write!(f, "remove {name}"),
            Self::SyncDir => f.write_str("sync the directory"),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Current => f.write_str("the current link"),
            Self::Dated(time) => write!(f, "the dated file of {time}"),
            Self::Split => f.write_str("the separate files for certificate and key"),
            Self::Exposed(name) => write!(f, "{name}"),
        }
    }
}
