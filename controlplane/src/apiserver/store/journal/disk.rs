//! The file of the journal, as far as the journal needs one.

use std::fs::File;
use std::io;
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::base::files::{append_private, write_private_with};

/// A file that grows, is cut back, and is replaced as a whole.
pub(super) trait Disk: Send {
    /// Writes at the end.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Brings everything that was appended to the disk.
    fn sync(&mut self) -> io::Result<()>;

    /// Removes everything after the last sync.
    fn cut_back(&mut self) -> io::Result<()>;

    /// Replaces the file by what `write` writes: all of it, or nothing.
    fn replace(&mut self, write: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>) -> io::Result<()>;
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

    fn replace(&mut self, write: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
        write_private_with(&self.path, |file| write(file)).map_err(io::Error::other)?;
        *self = Self::open(&self.path)?;
        Ok(())
    }
}
