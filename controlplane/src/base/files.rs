//! Private files: mode 0600 from their creation, replaced as a whole.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::{fs, io};

use rustix::fs::OFlags;

use crate::base::error::Error;

/// Replaces a file, mode 0600 from its creation, by temporary name, sync and rename.
pub(crate) fn write_private(path: &Path, content: &[u8]) -> Result<(), Error> {
    // Without a buffer, where bytes of a key could stay behind.
    let written = prepare(path, |file| file.write_all(content)).and_then(|new| put_in_place(&new, path));
    written.map_err(|source| Error::Io { what: "write", path: path.to_owned(), source })
}

/// Writes a synced file under the temporary name beside `path`, and returns that name. An error leaves no such file.
pub(crate) fn prepare(path: &Path, content: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<PathBuf> {
    let temporary = remove_temporary(path)?;
    let write = || {
        let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&temporary)?;
        content(&mut file)?;
        file.sync_all()
    };
    let written = write();
    if written.is_err() {
        // It takes room that others may need.
        let _ = fs::remove_file(&temporary);
    }
    written.map(|()| temporary)
}

/// Renames a prepared file, and syncs its directory.
pub(crate) fn put_in_place(new: &Path, path: &Path) -> io::Result<()> {
    fs::rename(new, path)?;
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(parent)?.sync_all()
}

/// Removes the temporary file that a killed run left, and returns its name. The lock of the directory guarantees that no other
/// process writes it.
pub(crate) fn remove_temporary(path: &Path) -> io::Result<PathBuf> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".tmp");
    let temporary = PathBuf::from(temporary);
    match fs::remove_file(&temporary) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(temporary),
    }
}

/// Opens a file to append to it, mode 0600 if it is created. A symbolic link is refused.
pub(crate) fn append_private(path: &Path) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let mut options = OpenOptions::new();
    regular(
        options.create(true).append(true).mode(0o600).custom_flags(flags.bits().cast_signed()).open(path)?,
    )
}

/// Opens a file to read it. Anything but a regular file is refused: opening a FIFO could wait for ever.
pub(crate) fn open_regular(path: &Path) -> io::Result<File> {
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    regular(OpenOptions::new().read(true).custom_flags(flags).open(path)?)
}

fn regular(file: File) -> io::Result<File> {
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("it is no regular file")) }
}
