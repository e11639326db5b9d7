//! Operations, three bytes each.

use certrotate_core::disk::{Content, DiskCommand, Name};
use certrotate_core::id::{CertHandle, FileNumber, Generation, KeyHandle};
use certrotate_core::time::WallTime;

use super::{CERTS, KEYS};

/// A command of ours, a restart, or an external change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// A command of ours.
    Run(DiskCommand),
    /// The process ends, and another starts.
    Restart,
    /// An external change of a name of ours.
    External(ExternalChange, Name),
}

/// An external change of a name. It first removes the existing file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExternalChange {
    /// Remove only.
    Remove,
    /// A file with a foreign content.
    Garbage,
    /// An empty file.
    Empty,
    /// The first half of the proper content.
    Truncated,
    /// The proper content.
    Proper,
    /// The proper content, readable by all users.
    Public,
    /// The proper content in a file with a second name elsewhere.
    Linked,
    /// The proper content of another name.
    Improper,
    /// A link to a file elsewhere with the proper content.
    LinkElsewhere,
    /// A link to a bundle's name.
    LinkToBundle,
    /// A link to a temporary name.
    LinkToTemporary,
    /// A directory.
    Directory,
}

const EXTERNAL_CHANGES: [ExternalChange; 12] = [
    ExternalChange::Remove,
    ExternalChange::Garbage,
    ExternalChange::Empty,
    ExternalChange::Truncated,
    ExternalChange::Proper,
    ExternalChange::Public,
    ExternalChange::Linked,
    ExternalChange::Improper,
    ExternalChange::LinkElsewhere,
    ExternalChange::LinkToBundle,
    ExternalChange::LinkToTemporary,
    ExternalChange::Directory,
];

/// The time of issue of bundles, and of the making of keys.
const TIME: WallTime = WallTime::from_unix_secs(1_800_000_000);

const fn temporary(generation: u32, file: u32) -> Name {
    Name::Temporary { generation: Generation(generation), file: FileNumber(file) }
}

const fn bundle(generation: u32) -> Name {
    Name::Bundle { issued: TIME, generation: Generation(generation), file: FileNumber(1) }
}

const fn pending(generation: u32) -> Name {
    Name::Pending { generation: Generation(generation), file: FileNumber(1) }
}

/// The names of the operations, fewer than the model's disk has room for.
const NAMES: [Name; 9] = [
    temporary(1, 1),
    temporary(1, 2),
    temporary(2, 1),
    bundle(1),
    bundle(2),
    pending(1),
    pending(2),
    Name::Current,
    Name::Quarantine { generation: Generation(1), file: FileNumber(1) },
];

/// The bundle that [`ExternalChange::LinkToBundle`] links to, and the temporary name.
pub(super) const TARGETS: [Name; 2] = [bundle(1), temporary(1, 1)];

fn pick<T: Copy>(all: &[T], byte: u8) -> T {
    all[usize::from(byte) % all.len()]
}

/// Returns a temporary name in three of four cases, as core would choose it.
fn working(byte: u8) -> Name {
    if byte < 192 { pick(&NAMES[..3], byte) } else { pick(&NAMES, byte) }
}

/// Returns a file content of any generation, with any key and any certificate.
fn content(byte: u8) -> Content {
    let generation = Generation(1 + u32::from(byte & 1));
    let key = KeyHandle(1 + u64::from(byte >> 1) % KEYS);
    if byte & 64 == 0 {
        let cert = CertHandle(1 + u64::from(byte >> 2) % CERTS);
        Content::Bundle { generation, key, cert, issued: TIME }
    } else {
        Content::Pending { generation, key, made: TIME }
    }
}

/// Returns the proper content of a name: a bundle for a name that scans never read.
pub(super) fn proper(name: Name) -> Content {
    let generation = name.generation().unwrap_or(Generation(1));
    match name {
        Name::Pending { .. } => Content::Pending { generation, key: KeyHandle(1), made: TIME },
        Name::Bundle { .. } | Name::Current | Name::Temporary { .. } | Name::Quarantine { .. } => {
            Content::Bundle { generation, key: KeyHandle(2), cert: CertHandle(1), issued: TIME }
        }
    }
}

/// Returns the proper content of a name of another generation.
pub(super) fn improper(name: Name) -> Content {
    let generation = name.generation().unwrap_or(Generation(1));
    Content::Bundle {
        generation: Generation(generation.0 + 1),
        key: KeyHandle(2),
        cert: CertHandle(1),
        issued: TIME,
    }
}

impl Op {
    /// Decodes an operation.
    #[must_use]
    pub fn decode([what, one, two]: [u8; 3]) -> Self {
        Self::Run(match what {
            0..8 => DiskCommand::Lock,
            8..48 => DiskCommand::Create { name: working(one) },
            48..80 => DiskCommand::Write { name: working(one), content: content(two) },
            80..108 => DiskCommand::SyncFile { name: working(one) },
            108..144 => DiskCommand::Rename { from: working(one), to: pick(&NAMES, two) },
            144..158 => {
                DiskCommand::Symlink { name: working(one), target: pick(&[bundle(1), bundle(2)], two) }
            }
            158..176 => DiskCommand::Unlink { name: pick(&NAMES, one) },
            176..186 => DiskCommand::SyncDir,
            186..208 => DiskCommand::Scan,
            208..212 => return Self::Restart,
            _ => return Self::External(pick(&EXTERNAL_CHANGES, one), pick(&NAMES[3..], two)),
        })
    }

    /// Decodes a sequence of operations.
    #[must_use]
    pub fn sequence(bytes: &[[u8; 3]]) -> Vec<Self> {
        bytes.iter().map(|bytes| Self::decode(*bytes)).collect()
    }
}
