//! The files of a directory.

use certrotate_core::disk::{Name, Place};
use certrotate_core::id::Generation;
use certrotate_core::time::WallTime;

/// The content of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum File {
    /// Nothing.
    #[default]
    Empty,
    /// A part of a content.
    Torn,
    /// A complete bundle.
    Bundle(Bundle),
    /// A complete pending file.
    Pending(Pending),
    /// A symbolic link to a name in the directory.
    Link(Name),
    /// A symbolic link to somewhere else.
    ForeignLink,
    /// A foreign content.
    Garbage,
    /// A directory.
    Directory,
}

/// A bundle, by the numbers of its key and certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Bundle {
    /// The generation in its header.
    pub generation: Generation,
    /// The time of issue in its header.
    pub issued: WallTime,
    /// The number of its key.
    pub key: u32,
    /// The number of its certificate.
    pub cert: u32,
}

/// A pair that is in no bundle of ours, by the numbers of its key and certificate. No command of
/// the node names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Outside {
    /// The place of the pair. A pair behind the current link counts only while that is a link to
    /// somewhere else.
    pub place: Place,
    /// The number of its key.
    pub key: u32,
    /// The number of its certificate.
    pub cert: u32,
}

impl Default for Outside {
    fn default() -> Self {
        Self { place: Place::Split, key: 0, cert: 0 }
    }
}

/// A pending file, by the number of its key, which has one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Pending {
    /// The generation in its header.
    pub generation: Generation,
    /// When the key was made.
    pub made: WallTime,
    /// The number of its key.
    pub key: u32,
}

/// A file, or its remains after a crash. A link is made with its content.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Inode {
    pub(crate) file: File,
    /// Whether a power cut leaves the content.
    pub(crate) durable: bool,
    /// Whether a sync failed: later ones succeed and do nothing (R12).
    pub(crate) lost: bool,
    /// Whether its descriptor is open: it was created in this run, and neither synced nor failed.
    pub(crate) open: bool,
    /// Whether an operation on it failed in this run.
    pub(crate) failed: bool,
    /// Whether it was created in this run.
    pub(crate) ours: bool,
    /// Whether others may read it.
    pub(crate) public: bool,
    /// Whether an external change made it readable.
    pub(crate) exposed: bool,
}

/// A name and the inode that it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) name: Name,
    pub(crate) inode: u8,
}

/// A change of one name that no sync has made durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) name: Name,
    /// The inode after the change; `None` for a removal.
    pub(crate) inode: Option<u8>,
    /// Whether it forms one operation with the change before it, on a file system with atomic
    /// renames.
    pub(crate) joined: bool,
}

impl Default for Named {
    fn default() -> Self {
        Self { name: Name::Current, inode: 0 }
    }
}

impl Default for Change {
    fn default() -> Self {
        Self { name: Name::Current, inode: None, joined: false }
    }
}
