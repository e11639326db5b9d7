//! The file of the journal, as far as the journal needs one.

use std::fs::File;
use std::io;
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::base::files::{append_private, prepare, put_in_place};

/// A file that grows, is cut back, and is replaced as a whole.
pub(super) trait Disk: Send {
    /// Writes at the end.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Brings everything that was appended to the disk.
    fn sync(&mut self) -> io::Result<()>;

    /// Removes everything after the last sync.
    fn cut_back(&mut self) -> io::Result<()>;

    /// The free bytes of the file system, if they are known.
    fn room(&self) -> Option<u64>;

    /// Replaces the file by what `write` writes: all of it, or nothing.
    fn replace(&mut self, write: &mut Content<'_>) -> Result<(), NotReplaced>;
}

/// Writes a whole file.
pub(super) type Content<'a> = dyn FnMut(&mut dyn Write) -> io::Result<()> + 'a;

/// Why a file was not replaced.
#[derive(Debug)]
pub(super) enum NotReplaced {
    /// The file is as it was, and open.
    Unchanged(io::Error),
    /// The name may lead to the old file or to the new one.
    Unknown(io::Error),
}

impl NotReplaced {
    pub(super) fn into_error(self) -> io::Error {
        match self {
            Self::Unchanged(error) | Self::Unknown(error) => error,
        }
    }
}

/// A file of the system.
pub(super) struct FileDisk {
    path: PathBuf,
    file: File,
    /// Its length at the last sync.
    synced: u64,
    length: u64,
}

impl FileDisk {
    /// Opens the file, and creates it where it is missing.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = append_private(path)?;
        let synced = file.metadata()?.len();
        Ok(Self { path: path.to_owned(), file, synced, length: synced })
    }

    /// Its bytes.
    pub(super) fn length(&self) -> u64 {
        self.length
    }
}

impl Disk for FileDisk {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.length += bytes.len() as u64;
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()?;
        self.synced = self.length;
        Ok(())
    }

    fn cut_back(&mut self) -> io::Result<()> {
        self.file.set_len(self.synced)?;
        self.length = self.synced;
        self.file.sync_all()
    }

    fn room(&self) -> Option<u64> {
        rustix::fs::fstatvfs(&self.file).ok().map(|found| found.f_bavail.saturating_mul(found.f_frsize))
    }

    fn replace(&mut self, write: &mut Content<'_>) -> Result<(), NotReplaced> {
        let new = prepare(&self.path, |file| write(file)).map_err(NotReplaced::Unchanged)?;
        let replace = || {
            put_in_place(&new, &self.path)?;
            Self::open(&self.path)
        };
        *self = replace().map_err(NotReplaced::Unknown)?;
        Ok(())
    }
}
