//! Reads one file of ours, once.

use std::os::fd::{BorrowedFd, OwnedFd};

use certrotate_core::disk::DiskFault;
use rustix::fs::{self, FileType, Mode, OFlags, Stat, Uid};
use rustix::io::Errno;
use zeroize::Zeroizing;

use crate::fault::{errno_text, kind_of};

/// The most bytes of one file that are read; a larger one is corrupt. What certrotate writes stays below
/// [`certrotate_x509::MAX_FILE`].
pub const MAX_FILE: usize = 128 * 1024;

/// The result of reading a file.
pub(crate) enum Reading {
    /// The bytes, and who can access the file.
    Bytes(Zeroizing<Vec<u8>>, Access),
    /// Not a file that certrotate could have written; the reason.
    Alien(&'static str),
    /// The file exists, but a read failed.
    Unreadable(DiskFault, Errno),
    /// The file was removed after the listing.
    Gone,
}

/// Who can access a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Only the owner of the directory.
    Private,
    /// Other users, by its mode.
    Open,
    /// The file belongs to another user.
    Foreign,
}

/// Why a file of another program gives no pair.
pub(crate) struct Unread {
    pub(crate) why: String,
    /// Whether the read failed, so that a pair may exist.
    pub(crate) failed: bool,
}

impl From<Errno> for Unread {
    fn from(errno: Errno) -> Self {
        Self { why: errno_text(errno), failed: errno != Errno::NOENT }
    }
}

/// Reads a file of another program: any owner, any number of hard links, and through symbolic
/// links.
pub(crate) fn read_any(directory: BorrowedFd<'_>, file_name: &str) -> Result<Zeroizing<Vec<u8>>, Unread> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = fs::openat(directory, file_name, flags, Mode::empty())?;
    let stat = fs::fstat(&file)?;
    match bytes_of(&file, &stat)? {
        Reading::Bytes(bytes, _) => Ok(bytes),
        Reading::Alien(why) => Err(Unread { why: why.to_owned(), failed: false }),
        Reading::Gone | Reading::Unreadable(..) => Err(Unread { why: NOT_REGULAR.to_owned(), failed: false }),
    }
}

/// Reads the file, unless it is a link, not regular, has other names or is too large.
pub(crate) fn read_own(directory: BorrowedFd<'_>, file_name: &str, owner: Uid) -> Reading {
    // Without O_NONBLOCK a FIFO would hold us until an external party writes to it.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let read =
        fs::openat(directory, file_name, flags, Mode::empty()).and_then(|file| read_open(&file, owner));
    read.unwrap_or_else(|errno| match errno {
        Errno::NOENT => Reading::Gone,
        Errno::LOOP => Reading::Alien("it is a symbolic link"),
        Errno::NXIO | Errno::NODEV => Reading::Alien(NOT_REGULAR),
        _ => Reading::Unreadable(kind_of(errno), errno),
    })
}

const NOT_REGULAR: &str = "it is not a regular file";
const TOO_LARGE: &str = "it is larger than any file that certrotate writes";

fn read_open(file: &OwnedFd, owner: Uid) -> Result<Reading, Errno> {
    let stat = fs::fstat(file)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Ok(Reading::Alien(NOT_REGULAR));
    }
    if stat.st_nlink != 1 {
        return Ok(Reading::Alien("it has more than one name (a hard link)"));
    }
    let read = bytes_of(file, &stat)?;
    Ok(match read {
        Reading::Bytes(bytes, _) if stat.st_uid != owner.as_raw() => Reading::Bytes(bytes, Access::Foreign),
        other => other,
    })
}

/// The bytes of a regular file that is small enough.
fn bytes_of(file: &OwnedFd, stat: &Stat) -> Result<Reading, Errno> {
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Ok(Reading::Alien(NOT_REGULAR));
    }
    let size = match usize::try_from(stat.st_size) {
        Ok(size) if size <= MAX_FILE => size,
        _ => return Ok(Reading::Alien(TOO_LARGE)),
    };
    // One byte more, to see a file that grows; the buffer itself never does, so no copy of a key stays behind.
    let mut bytes = Zeroizing::new(vec![0; size + 1]);
    let mut filled = 0;
    loop {
        match rustix::io::read(file, &mut bytes[filled..]) {
            // The end of the file, or no room left.
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    if filled > size {
        return Ok(Reading::Alien("it grew while it was read"));
    }
    bytes.truncate(filled);
    let access = if stat.st_mode & 0o7777 == 0o600 { Access::Private } else { Access::Open };
    Ok(Reading::Bytes(bytes, access))
}

#[cfg(test)]
mod tests;
