//! One command at a time, on one locked directory.

#[cfg(test)]
mod tests;

use core::fmt;
use std::collections::HashMap;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use certrotate_core::disk::{Content, DiskCommand, DiskDone, Inventory, Name};
use certrotate_x509::ClientCa;
use rustix::fs::{self, AtFlags, Mode, OFlags};
use rustix::io::Errno;
use rustix::process::geteuid;

use crate::directory;
use crate::fault::{Cause, Fault};
use crate::name::PairName;
use crate::scan::Scanner;
use crate::vault::Vault;

/// The mode of every file: its owner's alone (Kubernetes' client-go writes the same in
/// `util/certificate/certificate_store.go`).
const PRIVATE: Mode = Mode::RUSR.union(Mode::WUSR);

/// The files of one pair in one directory. The lock, once taken, lasts as long as this value.
///
/// It blocks on the disk; an agent with an event loop gives it a thread of its own.
pub struct Store<V> {
    path: PathBuf,
    pair: PairName,
    client_ca: Option<ClientCa>,
    vault: V,
    /// The directory, once it is locked.
    handle: Option<OwnedFd>,
    /// The files created and not yet synced or unlinked, by file name.
    kept: HashMap<String, Kept>,
    remarks: Vec<String>,
}

/// What becomes of a created file until it is synced or unlinked.
enum Kept {
    Open(OwnedFd),
    /// Something failed on it: its descriptor is closed and it is not touched again but to unlink it.
    Failed,
}

impl<V: Vault> Store<V> {
    /// A store for the pair `pair` in the directory `path`. Touches nothing: the first command has to be
    /// [`DiskCommand::Lock`].
    ///
    /// `client_ca` is what the chain of a bundle is checked against, as [`certrotate_x509::bundle::decode`]
    /// does it.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>, pair: PairName, client_ca: Option<ClientCa>, vault: V) -> Self {
        Self {
            path: path.into(),
            pair,
            client_ca,
            vault,
            handle: None,
            kept: HashMap::new(),
            remarks: Vec::new(),
        }
    }

    /// Carries out one command. A [`DiskCommand::Lock`] that is already held is done at once.
    ///
    /// # Errors
    ///
    /// What failed, once; nothing is tried again but a call that a signal interrupted before it did anything.
    /// After a failed write or sync of a file every further command that names it, but the one to unlink it,
    /// fails without touching the disk.
    pub fn run(&mut self, command: &DiskCommand) -> Result<DiskDone, Fault> {
        match *command {
            DiskCommand::Lock => self.lock(),
            DiskCommand::Scan => return Ok(DiskDone::Scanned(Box::new(self.scan()?))),
            DiskCommand::Create { name } => self.create(name),
            DiskCommand::Write { name, content } => self.write(name, &content),
            DiskCommand::SyncFile { name } => self.sync_file(name),
            DiskCommand::Rename { from, to } => self.rename(from, to),
            DiskCommand::Symlink { name, target } => self.symlink(name, target),
            DiskCommand::Unlink { name } => self.unlink(name),
            DiskCommand::SyncDir => self.sync_directory(),
        }?;
        Ok(DiskDone::Done)
    }

    /// The path of the current link, which other programs are given: `<directory>/<pair>-current.pem`.
    #[must_use]
    pub fn live_path(&self) -> PathBuf {
        self.path_of(Name::Current)
    }

    /// The path of a file of ours.
    #[must_use]
    pub fn path_of(&self, name: Name) -> PathBuf {
        self.path.join(self.pair.file_name(name))
    }

    /// The directory, as it was given.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.path
    }

    /// The pair name.
    #[must_use]
    pub const fn pair(&self) -> &PairName {
        &self.pair
    }

    /// The vault that was given.
    #[must_use]
    pub const fn vault(&self) -> &V {
        &self.vault
    }

    /// Scans without the lock, for people: it makes nothing, changes nothing and is in nobody's way. Another process may
    /// be at work, so what it shows may be half done; nothing may be decided by it. Root sees the files of the
    /// directory's owner as that user would.
    ///
    /// # Errors
    ///
    /// The directory is not there, or cannot be opened or listed.
    pub fn look(&mut self) -> Result<Inventory, Fault> {
        let (handle, owner, remark) = directory::open_to_look(&self.path)?;
        let mut remarks: Vec<String> = remark.into_iter().map(|fault| fault.to_string()).collect();
        let scanner = Scanner { handle: handle.as_fd(), path: &self.path, pair: &self.pair, owner };
        let inventory = scanner.scan(&self.vault, self.client_ca.as_ref(), &mut remarks);
        self.remarks = remarks;
        inventory
    }

    /// What the last scan found amiss, for people: a line for every own name that is corrupt or cannot be read,
    /// and for a current link that is no link to a bundle of ours. At most [`crate::MAX_NAMES`] and one.
    #[must_use]
    pub fn remarks(&self) -> &[String] {
        &self.remarks
    }

    fn lock(&mut self) -> Result<(), Fault> {
        if self.handle.is_none() {
            self.handle = Some(directory::open_locked(&self.path)?);
        }
        Ok(())
    }

    fn scan(&mut self) -> Result<Inventory, Fault> {
        directory::check_same(self.locked("scan")?, &self.path)?;
        let mut remarks = Vec::new();
        let inventory = self.scanner("scan")?.scan(&self.vault, self.client_ca.as_ref(), &mut remarks);
        self.remarks = remarks;
        inventory
    }

    fn scanner(&self, operation: &'static str) -> Result<Scanner<'_>, Fault> {
        let handle = self.locked(operation)?;
        Ok(Scanner { handle, path: &self.path, pair: &self.pair, owner: geteuid() })
    }

    fn create(&mut self, name: Name) -> Result<(), Fault> {
        const OPERATION: &str = "create";
        let file_name = self.usable(OPERATION, name)?;
        directory::check_same(self.locked(OPERATION)?, &self.path)?;
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let made = fs::openat(self.locked(OPERATION)?, &file_name, flags, PRIVATE);
        let made = made.map_err(|errno| self.fault(OPERATION, name, errno))?;
        // A umask takes bits from the mode and never adds any, so the file is at no moment wider than 0600.
        let mended = fs::fstat(&made).and_then(|stat| match Mode::from_raw_mode(stat.st_mode) {
            PRIVATE => Ok(()),
            _ => fs::fchmod(&made, PRIVATE),
        });
        let kept = if mended.is_ok() { Kept::Open(made) } else { Kept::Failed };
        self.kept.insert(file_name, kept);
        mended.map_err(|errno| self.fault("set the mode of", name, errno))
    }

    fn write(&mut self, name: Name, content: &Content) -> Result<(), Fault> {
        const OPERATION: &str = "write";
        let file_name = self.usable(OPERATION, name)?;
        let Some(Kept::Open(file)) = self.kept.get(&file_name) else {
            return Err(self.because(OPERATION, name, Cause::NoDescriptor));
        };
        let Some(bytes) = self.vault.content(content) else {
            return Err(self.because(OPERATION, name, Cause::NoContent));
        };
        let cause = match write_once(file.as_fd(), &bytes) {
            Ok(written) if written == bytes.len() => return Ok(()),
            Ok(written) => Cause::Short { written, given: bytes.len() },
            Err(errno) => Cause::Os(errno),
        };
        self.kept.insert(file_name, Kept::Failed);
        Err(self.because(OPERATION, name, cause))
    }

    fn sync_file(&mut self, name: Name) -> Result<(), Fault> {
        const OPERATION: &str = "sync";
        let file_name = self.usable(OPERATION, name)?;
        let Some(Kept::Open(file)) = self.kept.remove(&file_name) else {
            return Err(self.because(OPERATION, name, Cause::NoDescriptor));
        };
        fs::fsync(&file).map_err(|errno| {
            self.kept.insert(file_name, Kept::Failed);
            self.fault(OPERATION, name, errno)
        })
    }

    fn rename(&mut self, from: Name, to: Name) -> Result<(), Fault> {
        const OPERATION: &str = "rename";
        let (old, new) = (self.usable(OPERATION, from)?, self.usable(OPERATION, to)?);
        let handle = self.locked(OPERATION)?;
        fs::renameat(handle, &old, handle, &new).map_err(|errno| match errno {
            // Nothing can be in the way but a directory, which stands at the new name.
            Errno::ISDIR | Errno::NOTEMPTY => self.fault("rename a file to", to, errno),
            _ => self.fault(OPERATION, from, errno),
        })?;
        // A descriptor goes with its file, and the file that was replaced is gone.
        self.kept.remove(&new);
        if let Some(kept) = self.kept.remove(&old) {
            self.kept.insert(new, kept);
        }
        Ok(())
    }

    fn symlink(&self, name: Name, target: Name) -> Result<(), Fault> {
        const OPERATION: &str = "link";
        let (link, target) = (self.usable(OPERATION, name)?, self.usable(OPERATION, target)?);
        let made = fs::symlinkat(&target, self.locked(OPERATION)?, &link);
        made.map_err(|errno| self.fault(OPERATION, name, errno))
    }

    fn unlink(&mut self, name: Name) -> Result<(), Fault> {
        const OPERATION: &str = "remove";
        let file_name = self.file_name(OPERATION, name)?;
        let kept = self.kept.remove(&file_name);
        match fs::unlinkat(self.locked(OPERATION)?, &file_name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(errno) => {
                if kept.is_some() {
                    self.kept.insert(file_name, Kept::Failed);
                }
                Err(self.fault(OPERATION, name, errno))
            }
        }
    }

    fn sync_directory(&self) -> Result<(), Fault> {
        fs::fsync(self.locked("sync")?).map_err(|errno| Fault::os("sync", &self.path, errno))
    }

    fn locked(&self, operation: &'static str) -> Result<BorrowedFd<'_>, Fault> {
        let handle = self.handle.as_ref().map(AsFd::as_fd);
        handle.ok_or_else(|| Fault::because(operation, &self.path, Cause::NotLocked))
    }

    /// The file name of `name`, unless something failed on that file.
    fn usable(&self, operation: &'static str, name: Name) -> Result<String, Fault> {
        let file_name = self.file_name(operation, name)?;
        match self.kept.get(&file_name) {
            Some(Kept::Failed) => Err(self.because(operation, name, Cause::Failed)),
            Some(Kept::Open(_)) | None => Ok(file_name),
        }
    }

    /// A name that a scan would not take for ours is never given to a file.
    fn file_name(&self, operation: &'static str, name: Name) -> Result<String, Fault> {
        let file_name = self.pair.file_name(name);
        match self.pair.parse(file_name.as_ref()) {
            Some(_) => Ok(file_name),
            None => Err(self.because(operation, name, Cause::BadName)),
        }
    }

    fn fault(&self, operation: &'static str, name: Name, errno: Errno) -> Fault {
        Fault::os(operation, &self.path_of(name), errno)
    }

    fn because(&self, operation: &'static str, name: Name, cause: Cause) -> Fault {
        Fault::because(operation, &self.path_of(name), cause)
    }
}

impl<V> fmt::Debug for Store<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("path", &self.path)
            .field("pair", &self.pair)
            .field("locked", &self.handle.is_some())
            .finish_non_exhaustive()
    }
}

/// One `write`, repeated only where a signal came before it wrote anything.
fn write_once(file: BorrowedFd<'_>, bytes: &[u8]) -> Result<usize, Errno> {
    loop {
        match rustix::io::write(file, bytes) {
            Err(Errno::INTR) => {}
            result => return result,
        }
    }
}
