//! Files of other programs: read whole, up to a limit, and only if they are regular files.

#[cfg(test)]
mod tests;

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;
use zeroize::Zeroizing;

/// Why a file was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileError {
    /// There is no such file.
    Missing,
    /// It cannot be read.
    Unreadable {
        /// The error number.
        errno: i32,
    },
    /// It is not a regular file. A read could wait for ever, or have an effect on a device.
    NotRegular {
        /// What it is, with its article.
        kind: &'static str,
    },
    /// It is larger than it may be.
    TooLarge {
        /// The limit, in bytes.
        limit: u64,
    },
    /// Its file system did not answer in time.
    Silent {
        /// The deadline, in seconds.
        seconds: u64,
    },
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("there is no such file; put it there or give another path"),
            Self::Unreadable { errno } => {
                write!(f, "it cannot be read ({}); {}", cause(*errno), remedy(*errno))
            }
            Self::NotRegular { kind } => {
                write!(f, "it is {kind}, not a regular file; give the path of a regular file")
            }
            Self::TooLarge { limit } => write!(f, "it is larger than {limit} bytes; give the right file"),
            Self::Silent { seconds } => {
                write!(f, "its file system did not answer within {seconds} s; check the mount")
            }
        }
    }
}

/// Returns the text of an error number.
fn cause(errno: i32) -> String {
    let error = io::Error::from_raw_os_error(errno);
    let kind = error.kind().to_string();
    // The kind of a lacking thread would be that of a read which would block.
    if kind != "uncategorized error" && error.kind() != io::ErrorKind::WouldBlock {
        return kind;
    }
    let text = error.to_string().to_lowercase();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

fn remedy(errno: i32) -> &'static str {
    match Errno::from_raw_os_error(errno) {
        Errno::ACCESS | Errno::PERM => "check its permissions",
        Errno::LOOP | Errno::NOTDIR | Errno::NAMETOOLONG => "check its path and the links in it",
        Errno::MFILE | Errno::NFILE => {
            "raise the limit of open files: ulimit -n, or LimitNOFILE= in the unit"
        }
        Errno::AGAIN | Errno::NOMEM => "raise the limits of processes and memory: TasksMax= in the unit",
        _ => "check its file system",
    }
}

impl std::error::Error for FileError {}

impl From<io::Error> for FileError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::Missing,
            _ => Self::Unreadable { errno: error.raw_os_error().unwrap_or(Errno::IO.raw_os_error()) },
        }
    }
}

impl From<Errno> for FileError {
    fn from(errno: Errno) -> Self {
        io::Error::from(errno).into()
    }
}

/// Returns the content of a regular file that has at most `limit` bytes. The memory is erased after use.
///
/// It can block as long as the file system does: see [`crate::offload::Offload`].
///
/// # Errors
///
/// As [`FileError`] says.
pub(crate) fn read(path: &Path, limit: u64) -> Result<Zeroizing<Vec<u8>>, FileError> {
    // Before the open, which can have an effect on a device; and after it, because the name may have changed.
    check_regular(rustix::fs::stat(path)?.st_mode)?;
    // Non-blocking: the open of a FIFO waits for a writer otherwise.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = rustix::fs::open(path, flags, Mode::empty())?;
    let stat = rustix::fs::fstat(&file)?;
    check_regular(stat.st_mode)?;
    // Room for the whole file at once: a vector that grows leaves copies behind.
    let expected = u64::try_from(stat.st_size).unwrap_or(0).min(limit);
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(expected).unwrap_or(0) + 1));
    File::from(file).take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(FileError::TooLarge { limit });
    }
    Ok(bytes)
}

fn check_regular(mode: rustix::fs::RawMode) -> Result<(), FileError> {
    let kind = match FileType::from_raw_mode(mode) {
        FileType::RegularFile => return Ok(()),
        FileType::Directory => "a directory",
        FileType::Fifo => "a FIFO",
        FileType::Socket => "a socket",
        FileType::CharacterDevice | FileType::BlockDevice => "a device",
        FileType::Symlink | FileType::Unknown => "of an unknown kind",
    };
    Err(FileError::NotRegular { kind })
}

/// Returns a text without the byte order mark that some editors put before it.
#[must_use]
pub(crate) fn without_bom(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}
