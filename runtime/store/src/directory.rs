//! Creates, checks and locks the certificate directory.
//!
//! The lock is `flock` on the directory handle itself. It needs no write access, so it also
//! excludes other processes on a read-only directory. It leaves no file behind, and no process can
//! break it by replacing a lock file. The kernel releases it with the last copy of the handle,
//! which no child inherits (`O_CLOEXEC`). A store of the same process that wants the directory gets a
//! text of its own.
//!
//! The operator chooses the path of the directory, which may lead through links (`/var/lib/kubelet`
//! often is one). The store checks and locks the directory that it opened, and does everything
//! relative to its handle.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use certrotate_core::disk::DiskFault;
use rustix::fs::{self, AtFlags, Dir, FlockOperation, Mode, OFlags, Uid};
use rustix::io::Errno;
use rustix::process::geteuid;

use crate::fault::{Cause, Fault, kind_of};
use crate::reservation::Reservation;

const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// The lock of a directory. Dropping it releases the lock: first for other processes, then for other stores of this one.
pub(crate) struct Lock {
    handle: OwnedFd,
    _reservation: Reservation,
}

impl AsFd for Lock {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.handle.as_fd()
    }
}

/// The locked directory.
pub(crate) struct Opened {
    pub(crate) lock: Lock,
    /// Whether its entry in its parent may not be durable: [`sync_entry`] makes it durable.
    pub(crate) is_new: bool,
    /// Whether nothing is in it.
    pub(crate) is_empty: bool,
}

/// Opens and locks the directory. Makes it and its parents with mode 0700 if they are missing, and
/// refuses an unsafe one.
pub(crate) fn open_locked(path: &Path) -> Result<Opened, Fault> {
    let mut opened = fs::open(path, DIRECTORY, Mode::empty());
    let missing = matches!(opened, Err(Errno::NOENT));
    if missing {
        make(path)?;
        opened = fs::open(path, DIRECTORY, Mode::empty());
    }
    let handle = opened.map_err(|errno| unopened(path, errno))?;
    check_safe(&handle, path)?;
    let stat = fs::fstat(&handle).map_err(|errno| Fault::os("look at", path, errno))?;
    let reservation = Reservation::take(stat.st_dev, stat.st_ino)
        .ok_or_else(|| Fault::because("lock", path, Cause::LockedHere))?;
    fs::flock(&handle, FlockOperation::NonBlockingLockExclusive).map_err(|errno| match errno {
        Errno::WOULDBLOCK => Fault::because("lock", path, Cause::Locked),
        _ => Fault::os("lock", path, errno),
    })?;
    let is_empty = is_empty(&handle, path)?;
    // An earlier run may have made an empty directory and stopped before its entry was durable.
    let lock = Lock { handle, _reservation: reservation };
    Ok(Opened { lock, is_new: missing || is_empty, is_empty })
}

/// Opens the directory without the lock and without a change. Also returns the owner whose files
/// are read, and the fault of an unsafe directory.
pub(crate) fn open_unlocked(path: &Path) -> Result<(OwnedFd, Uid, Option<Fault>), Fault> {
    let handle = fs::open(path, DIRECTORY, Mode::empty()).map_err(|errno| unopened(path, errno))?;
    let ours = geteuid();
    let owner = match fs::fstat(&handle) {
        Ok(stat) if ours.is_root() => Uid::from_raw(stat.st_uid),
        Ok(_) => ours,
        Err(errno) => return Err(Fault::os("look at", path, errno)),
    };
    let unsafe_because = check_safe(&handle, path).err().filter(|_| owner == ours);
    Ok((handle, owner, unsafe_because))
}

/// Refuses a directory that other users can write to: they could put another file behind any name
/// in it.
fn check_safe(handle: &OwnedFd, path: &Path) -> Result<(), Fault> {
    let stat = fs::fstat(handle).map_err(|errno| Fault::os("look at", path, errno))?;
    let ours = geteuid().as_raw();
    if stat.st_uid != 0 && stat.st_uid != ours {
        return Err(Fault::because("use", path, Cause::Owner { owner: stat.st_uid, ours }));
    }
    let mode = Mode::from_raw_mode(stat.st_mode);
    if mode.intersects(Mode::WGRP | Mode::WOTH) {
        return Err(Fault::because("use", path, Cause::Mode { mode: mode.as_raw_mode() }));
    }
    Ok(())
}

/// Checks that the path still leads to the locked directory. Elsewhere no program would find the
/// files.
pub(crate) fn check_same(handle: BorrowedFd<'_>, path: &Path) -> Result<(), Fault> {
    let looking = |errno| Fault::os("look at", path, errno);
    let locked = fs::fstat(handle).map_err(looking)?;
    match fs::stat(path) {
        Ok(there) if (there.st_dev, there.st_ino) == (locked.st_dev, locked.st_ino) => Ok(()),
        Ok(_) | Err(Errno::NOENT | Errno::NOTDIR) => Err(Fault::because("use", path, Cause::Moved)),
        Err(errno) => Err(looking(errno)),
    }
}

fn is_empty(handle: &OwnedFd, path: &Path) -> Result<bool, Fault> {
    let listing = |errno| Fault::os("list", path, errno);
    for entry in Dir::read_from(handle).map_err(listing)? {
        let entry = entry.map_err(listing)?;
        if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Makes every missing directory of `path`, each durable before the next. Only the entry of `path`
/// itself is left to the first sync of the directory.
fn make(path: &Path) -> Result<(), Fault> {
    let mut missing = Vec::new();
    for ancestor in path.ancestors().filter(|ancestor| !ancestor.as_os_str().is_empty()) {
        match fs::stat(ancestor) {
            Err(Errno::NOENT) => missing.push(ancestor),
            // A directory that stat fails on may exist.
            Err(errno) => return Err(unreachable("look at", ancestor, errno)),
            Ok(_) => {
                // An earlier run may have made it and stopped before the sync.
                sync_entry(ancestor)?;
                break;
            }
        }
    }
    for directory in missing.into_iter().rev() {
        match fs::mkdir(directory, Mode::RWXU) {
            Ok(()) => mend_mode(directory)?,
            Err(Errno::EXIST) => {}
            Err(errno) => return Err(unreachable("make", directory, errno)),
        }
        if directory != path {
            sync_entry(directory)?;
        }
    }
    Ok(())
}

/// Returns the fault of a failed open. An existing directory may open later; a path to none needs
/// the operator.
fn unopened(path: &Path, errno: Errno) -> Fault {
    if errno == Errno::NOENT || leads_nowhere(errno) {
        Fault::no_directory("open", path, errno)
    } else {
        Fault::os("open", path, errno)
    }
}

/// Returns the fault of a failed step on the path. A refusing disk may recover; a path that cannot
/// lead to a directory needs the operator.
fn unreachable(operation: &'static str, path: &Path, errno: Errno) -> Fault {
    match kind_of(errno) {
        DiskFault::Io | DiskFault::NoSpace | DiskFault::ReadOnly if !leads_nowhere(errno) => {
            Fault::os(operation, path, errno)
        }
        _ => Fault::no_directory(operation, path, errno),
    }
}

/// Returns whether the path itself is wrong.
fn leads_nowhere(errno: Errno) -> bool {
    matches!(errno, Errno::NOTDIR | Errno::LOOP | Errno::NAMETOOLONG | Errno::INVAL)
}

/// Gives the owner's bits back: a umask can remove bits of 0700, but never adds any.
fn mend_mode(made: &Path) -> Result<(), Fault> {
    let failed = |errno| Fault::os("open", made, errno);
    let handle = fs::open(made, DIRECTORY | OFlags::NOFOLLOW, Mode::empty()).map_err(failed)?;
    let mode = Mode::from_raw_mode(fs::fstat(&handle).map_err(failed)?.st_mode);
    if !mode.contains(Mode::RWXU) {
        fs::fchmod(&handle, Mode::RWXU).map_err(|errno| Fault::os("chmod", made, errno))?;
    }
    Ok(())
}

/// Makes the entry of `directory` in its parent durable. Skips a parent that we may not read, and
/// one on another file system: a mount point has no entry of ours.
pub(crate) fn sync_entry(directory: &Path) -> Result<(), Fault> {
    let above = directory.join("..");
    let parent = match fs::open(&above, DIRECTORY, Mode::empty()) {
        Ok(parent) => parent,
        // A dangling link has the name and no parent; opening it fails later.
        Err(Errno::ACCESS | Errno::PERM | Errno::NOENT) => return Ok(()),
        Err(errno) => return Err(Fault::os("open", &above, errno)),
    };
    let looking = |errno| Fault::os("look at", directory, errno);
    let own = fs::statat(fs::CWD, directory, AtFlags::empty()).map_err(looking)?;
    if own.st_dev != fs::fstat(&parent).map_err(looking)?.st_dev {
        return Ok(());
    }
    fs::fsync(&parent).map_err(|errno| Fault::os("sync", &above, errno))
}

#[cfg(test)]
mod tests;
