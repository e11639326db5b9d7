//! The disk as core sees it: names, primitive commands, and the inventory of a scan.
//!
//! Each changing command is one changing system call, relative to the certificate directory. No bytes
//! pass through core; [`Content`] says which of the driver's bytes to write.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use crate::config::Template;
use crate::facts::CertFacts;
use crate::id::{CertHandle, FileNumber, Generation, Handle, KeyDigest, KeyHandle, RequestDigest};
use crate::time::WallTime;

mod text;

/// A file of ours. `<pair>` is the configured pair name (such as `node-client`), which the store adds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Name {
    /// `<pair>-current.pem`, the current link: it names the live bundle.
    Current,
    /// `<pair>-<UTC time>-<g>.<k>.pem`: certificate chain, then key. The time is for people, never for order.
    Bundle {
        /// Time of issue, whole seconds; its text is `YYYY-MM-DD-hh-mm-ss`.
        issued: WallTime,
        /// Whose identity it is.
        generation: Generation,
        /// Which file of that generation.
        file: FileNumber,
    },
    /// `<pair>-pending-<g>.<k>`: key and request of the requested generation.
    Pending {
        /// Whose key it is.
        generation: Generation,
        /// Which file of that generation.
        file: FileNumber,
    },
    /// `<pair>-tmp-<g>.<k>`: a temporary name, never trusted, read or synced by a later run.
    Temporary {
        /// Whose file it is to become.
        generation: Generation,
        /// Which file of that generation.
        file: FileNumber,
    },
    /// `<pair>-quarantine-<g>.<k>`: a file of ours that is not what its name says, kept for an operator.
    Quarantine {
        /// The generation it claimed; 0 for the current link.
        generation: Generation,
        /// Which file of that generation.
        file: FileNumber,
    },
}

impl Name {
    /// The generation in the name; `None` for the current link.
    #[must_use]
    pub const fn generation(self) -> Option<Generation> {
        match self {
            Self::Current => None,
            Self::Bundle { generation, .. }
            | Self::Pending { generation, .. }
            | Self::Temporary { generation, .. }
            | Self::Quarantine { generation, .. } => Some(generation),
        }
    }

    /// The file number in the name; `None` for the current link.
    #[must_use]
    pub const fn file(self) -> Option<FileNumber> {
        match self {
            Self::Current => None,
            Self::Bundle { file, .. }
            | Self::Pending { file, .. }
            | Self::Temporary { file, .. }
            | Self::Quarantine { file, .. } => Some(file),
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Current => f.write_str("current.pem"),
            Self::Bundle { issued, generation, file } => {
                let (year, month, day, hour, minute, second) = issued.civil();
                write!(
                    f,
                    "{year:04}-{month:02}-{day:02}-{hour:02}-{minute:02}-{second:02}-{generation}.{file}.pem"
                )
            }
            Self::Pending { generation, file } => write!(f, "pending-{generation}.{file}"),
            Self::Temporary { generation, file } => write!(f, "tmp-{generation}.{file}"),
            Self::Quarantine { generation, file } => write!(f, "quarantine-{generation}.{file}"),
        }
    }
}

/// Which bytes to write; the driver has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Content {
    /// A pending file: the key and the whole request that was made for it.
    Pending {
        /// The generation that the header names.
        generation: Generation,
        /// Key and request.
        key: KeyHandle,
        /// When the key was made; goes into the header.
        made: WallTime,
    },
    /// A bundle: a header line, the certificate chain, the key.
    Bundle {
        /// The generation that the header names.
        generation: Generation,
        /// The key.
        key: KeyHandle,
        /// The chain that was judged.
        cert: CertHandle,
        /// Time of issue; goes into the header.
        issued: WallTime,
    },
}

/// One primitive operation on the certificate directory.
///
/// Commands are carried out one after the other, in the order given. A created file keeps its descriptor
/// until it is synced or unlinked; a descriptor on which anything failed is never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum DiskCommand {
    /// Take the exclusive lock on the directory and hold it until the process ends.
    Lock,
    /// Read every file of ours once and list them.
    Scan,
    /// Make an empty file, mode 0600; fails if the name exists. The descriptor is kept.
    Create {
        /// A temporary name.
        name: Name,
    },
    /// Write all of the content to the descriptor kept for this name.
    Write {
        /// A name that was created in this run.
        name: Name,
        /// What to write.
        content: Content,
    },
    /// Make data, size and mode of the created file durable, and close its descriptor.
    SyncFile {
        /// A name that was created in this run.
        name: Name,
    },
    /// Give a file another name, replacing a file of that name.
    Rename {
        /// The present name.
        from: Name,
        /// The new name.
        to: Name,
    },
    /// Make a symbolic link with a relative target.
    Symlink {
        /// The link, a temporary name.
        name: Name,
        /// The file in the same directory that it names.
        target: Name,
    },
    /// Remove a name; a descriptor kept for it is closed. Success if there is no such name.
    Unlink {
        /// The name to remove.
        name: Name,
    },
    /// Make the directory's entries durable.
    SyncDir,
}

impl DiskCommand {
    /// Whether it changes the disk. A directory sync does not: it only makes changes durable.
    #[must_use]
    pub const fn mutates(self) -> bool {
        match self {
            Self::Lock | Self::Scan | Self::SyncDir | Self::SyncFile { .. } => false,
            Self::Create { .. }
            | Self::Write { .. }
            | Self::Rename { .. }
            | Self::Symlink { .. }
            | Self::Unlink { .. } => true,
        }
    }
}

/// Why a disk operation failed, as far as core decides on it. The text of the error stays with the driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum DiskFault {
    /// ENOSPC or EDQUOT.
    NoSpace,
    /// EROFS.
    ReadOnly,
    /// EACCES or EPERM.
    Denied,
    /// The name is taken (EEXIST).
    Exists,
    /// There is no such name (ENOENT).
    NotFound,
    /// Another process holds the lock.
    Locked,
    /// The directory's owner is neither us nor root, or group or others may write to it.
    Unsafe,
    /// The directory is not a directory, or is missing and cannot be made.
    NoDirectory,
    /// The key or the certificate of a handle is gone from the driver's key store, so the file cannot be written. Core abandons
    /// the attempt, and makes another key.
    HandleGone,
    /// The driver gave the answer of another kind of operation. Core says this; a driver never answers it.
    WrongKind,
    /// The driver answered that the change is done, but a scan after a sync of the directory does not show it. Core says this; a
    /// driver never answers it.
    NoEffect,
    /// EIO, or anything else.
    Io,
}

/// The result of a disk operation that succeeded.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum DiskDone {
    /// Done; answers every command but [`DiskCommand::Scan`].
    Done,
    /// The inventory.
    Scanned(Box<Inventory>),
}

/// The first line of a bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct BundleHeader {
    /// Whose identity it is.
    pub generation: Generation,
    /// When its certificate was taken, by the local clock.
    pub issued: WallTime,
}

/// A bundle that is intact: its header names its generation and the SHA-256 of the rest, and that holds.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct BundleFound {
    /// What the header says.
    pub header: BundleHeader,
    /// The private key, by its public half.
    pub key_digest: KeyDigest,
    /// What the certificate says.
    pub facts: CertFacts,
    /// The key that was read.
    pub key: KeyHandle,
    /// The chain that was read.
    pub cert: CertHandle,
    /// Whether the file is ours alone: our own, with one name and mode 0600.
    pub private: bool,
}

/// A pending file that is intact.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct PendingFound {
    /// The generation in its header.
    pub generation: Generation,
    /// When the key was made, by the local clock.
    pub made: WallTime,
    /// The private key, by its public half.
    pub key_digest: KeyDigest,
    /// The name of its request.
    pub request: RequestDigest,
    /// The template that it was made for.
    pub template: Template,
    /// Key and request as they were read.
    pub key: KeyHandle,
    /// Whether the file has mode 0600.
    pub private: bool,
}

/// The content of a file of ours.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Found {
    /// An intact bundle.
    Bundle(Box<BundleFound>),
    /// An intact pending file.
    Pending(Box<PendingFound>),
    /// A temporary or quarantined name: not read.
    Unread,
    /// Readable, but not what its name says: empty, cut short, changed, another generation's, not
    /// a single regular file of our own.
    Corrupt,
    /// It could not be read. It is not absent.
    Unreadable(DiskFault),
}

/// A name of ours and its content.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Entry {
    /// The name; never the current link.
    pub name: Name,
    /// Its content.
    pub found: Found,
}

/// The file with the name of the current link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum CurrentLink {
    /// Nothing.
    Absent,
    /// A link to a bundle name of ours (which need not exist).
    Link(Name),
    /// A link to something else.
    Foreign,
    /// A regular file.
    File,
    /// A directory or another kind of file.
    Strange,
    /// It could not be examined.
    Unreadable(DiskFault),
}

/// The place of a pair of key and certificate that another program or a backup wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Place {
    /// The target of the current link, or a regular file in its place.
    Current,
    /// `<pair>-<UTC time>.pem`, a new name for each certificate.
    Dated(WallTime),
    /// `<pair>.crt` and `<pair>.key`.
    Split,
    /// A bundle of ours that others can read or write, or that is another user's.
    Exposed(Name),
}

/// A pair outside our bundles. It is read and copied; the original is never changed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct PairFound {
    /// Where it is.
    pub place: Place,
    /// The private key, by its public half.
    pub key_digest: KeyDigest,
    /// What the certificate says.
    pub facts: CertFacts,
    /// The key that was read.
    pub key: KeyHandle,
    /// The chain that was read.
    pub cert: CertHandle,
}

/// The inventory of a scan: every name of ours.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Inventory {
    /// The current link.
    pub current: CurrentLink,
    /// The other names of ours, sorted, 64 at most.
    pub entries: Vec<Entry>,
    /// Whether there were more than 64.
    pub more: bool,
    /// Pairs outside our bundles, four at most.
    #[cfg_attr(feature = "serde", serde(default))]
    pub outside: Vec<PairFound>,
}

impl Inventory {
    /// Returns the inventory of a directory without a name of ours.
    #[must_use]
    pub const fn empty() -> Self {
        Self { current: CurrentLink::Absent, entries: Vec::new(), more: false, outside: Vec::new() }
    }

    /// Returns every key and certificate that was read.
    pub(crate) fn handles(&self) -> Vec<Handle> {
        let pair = |key, cert| [Some(Handle::Key(key)), Some(Handle::Cert(cert))];
        let files = self.entries.iter().flat_map(|entry| match &entry.found {
            Found::Bundle(found) => pair(found.key, found.cert),
            Found::Pending(found) => [Some(Handle::Key(found.key)), None],
            Found::Unread | Found::Corrupt | Found::Unreadable(_) => [None, None],
        });
        let outside = self.outside.iter().flat_map(|found| pair(found.key, found.cert));
        files.chain(outside).flatten().collect()
    }
}

#[cfg(test)]
mod tests;
