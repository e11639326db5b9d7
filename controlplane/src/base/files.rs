//! Private files: mode 0600 from their creation, replaced as a whole.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::{fs, io};

use crate::base::error::Error;

/// Replaces a file, mode 0600 from its creation, by temporary name, sync and rename.
pub(crate) fn write_private(path: &Path, content: &[u8]) -> Result<(), Error> {
    // Without a buffer, where bytes of a key could stay behind.
    write_private_with(path, |file| file.write_all(content))
}

/// The same with a content that is written piece by piece.
pub(crate) fn write_private_with(
    path: &Path,
    content: impl FnOnce(&mut File) -> io::Result<()>,
) -> Result<(), Error> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".tmp");
    let temporary = PathBuf::from(temporary);
    let write = || -> io::Result<()> {
        // A leftover of a run that died: the lock guarantees that no other process writes it.
        match fs::remove_file(&temporary) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
        let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&temporary)?;
        content(&mut file)?;
        file.sync_all()?;
        fs::rename(&temporary, path)?;
        let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(parent)?.sync_all()
    };
    write().map_err(|source| Error::Io { what: "write", path: path.to_owned(), source })
}

/// Opens a file to append to it, mode 0600 if it is created.
pub(crate) fn append_private(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).mode(0o600).open(path)
}
