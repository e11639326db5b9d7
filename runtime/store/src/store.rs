//! Carries out one command at a time on one locked directory.

#[cfg(test)]
mod tests;

use core::fmt;
use std::collections::HashMap;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use certrotate_core::disk::{Content, DiskCommand, DiskDone, Inventory, Name};
use certrotate_x509::ClientCa;
use rustix::fs::{self, AtFlags, Mode, OFlags};
use rustix::io::Errno;
use rustix::process::geteuid;

use crate::directory::{self, Lock, Opened};
use crate::fault::{Cause, Fault};
use crate::name::PairName;
use crate::scan::Scanner;
use certrotate_keys::Vault;

/// The mode of every file: for its owner only (Kubernetes' client-go writes the same in
/// `util/certificate/certificate_store.go`).
const PRIVATE: Mode = Mode::RUSR.union(Mode::WUSR);

/// The files of one pair in one directory. The store holds the lock, once taken, until it is
/// dropped.
///
/// A command blocks on the disk; an agent with an event loop gives the store its own thread.
pub struct Store<V> {
    path: PathBuf,
    pair: PairName,
    client_ca: ClientCaSource,
    vault: V,
    /// The handle of the directory, once it is locked.
    lock: Option<Lock>,
    /// Whether the entry of the directory in its parent may not be durable.
    is_new: bool,
    /// Whether the directory was empty when it was locked, and no command has changed it since.
    is_empty: bool,
    /// The created files that are neither synced nor unlinked yet, by file name.
    created: HashMap<String, Created>,
    remarks: Vec<String>,
}

/// Returns the client CA of the moment.
type ClientCaSource = Box<dyn Fn() -> Option<Arc<ClientCa>> + Send>;

/// The state of a created file until it is synced or unlinked.
enum Created {
    Open(OwnedFd),
    /// A write or sync failed: the descriptor is closed, and the only further operation is to
    /// unlink it.
    Failed,
}

impl<V: Vault> Store<V> {
    /// Makes a store for the pair `pair` in the directory `path`, without touching the disk. The
    /// first command must be [`DiskCommand::Lock`].
    ///
    /// [`certrotate_x509::bundle::decode`] checks the chain of a bundle against `client_ca`.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>, pair: PairName, client_ca: Option<ClientCa>, vault: V) -> Self {
        let client_ca = client_ca.map(Arc::new);
        Self {
            path: path.into(),
            pair,
            client_ca: Box::new(move || client_ca.clone()),
            vault,
            lock: None,
            is_new: false,
            is_empty: false,
            created: HashMap::new(),
            remarks: Vec::new(),
        }
    }

    /// Calls `source` for the client CA at each scan: its file may be replaced at any time.
    #[must_use]
    pub fn with_client_ca(self, source: impl Fn() -> Option<Arc<ClientCa>> + Send + 'static) -> Self {
        Self { client_ca: Box::new(source), ..self }
    }

    /// Carries out one command. A [`DiskCommand::Lock`] of a locked store succeeds immediately.
    ///
    /// # Errors
    ///
    /// The first failure. The store repeats nothing, except a call that a signal interrupted before
    /// it had any effect. After a failed write or sync of a file every further command that names
    /// it fails without touching the disk; only unlinking it is left.
    pub fn run(&mut self, command: &DiskCommand) -> Result<DiskDone, Fault> {
        self.is_empty &= !command.mutates();
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

    /// Returns the path of the current link, which the operator gives to other programs:
    /// `<directory>/<pair>-current.pem`.
    #[must_use]
    pub fn current_link_path(&self) -> PathBuf {
        self.path_of(Name::Current)
    }

    /// Returns the path of a file of ours.
    #[must_use]
    pub fn path_of(&self, name: Name) -> PathBuf {
        self.path.join(self.pair.file_name(name))
    }

    /// Returns the path of the directory, as given to [`Store::new`].
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.path
    }

    /// The pair name.
    #[must_use]
    pub const fn pair(&self) -> &PairName {
        &self.pair
    }

    /// Returns the vault.
    #[must_use]
    pub const fn vault(&self) -> &V {
        &self.vault
    }

    /// Scans without the lock, to show the directory to an operator. It changes nothing and blocks
    /// no other process. Another process may be in the middle of a change, so nothing may be
    /// decided by the result. Root sees the files of the directory's owner as that user would.
    ///
    /// # Errors
    ///
    /// The directory is missing, or an open or listing failed.
    pub fn scan_unlocked(&mut self) -> Result<Inventory, Fault> {
        let (handle, owner, remark) = directory::open_unlocked(&self.path)?;
        let mut remarks: Vec<String> = remark.into_iter().map(|fault| fault.to_string()).collect();
        let scanner = Scanner { handle: handle.as_fd(), path: &self.path, pair: &self.pair, owner };
        let inventory = scanner.scan(&self.vault, (self.client_ca)().as_deref(), &mut remarks);
        self.remarks = remarks;
        inventory
    }

    /// Returns the remarks of the last scan, for the operator: a line for every name of ours that
    /// is corrupt or unreadable, and for a current link that links to no bundle of ours. At most
    /// [`crate::MAX_NAMES`] + 1.
    #[must_use]
    pub fn remarks(&self) -> &[String] {
        &self.remarks
    }

    fn lock(&mut self) -> Result<(), Fault> {
        if self.lock.is_none() {
            let Opened { lock, is_new, is_empty } = directory::open_locked(&self.path)?;
            (self.lock, self.is_new, self.is_empty) = (Some(lock), is_new, is_empty);
        }
        Ok(())
    }

    fn scan(&mut self) -> Result<Inventory, Fault> {
        directory::check_same(self.locked("scan")?, &self.path)?;
        let mut remarks = Vec::new();
        let inventory = self.scanner("scan")?.scan(&self.vault, (self.client_ca)().as_deref(), &mut remarks);
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
        // A umask removes bits from the mode and never adds any, so the file is never wider than
        // 0600.
        let mended = fs::fstat(&made).and_then(|stat| match Mode::from_raw_mode(stat.st_mode) {
            PRIVATE => Ok(()),
            _ => fs::fchmod(&made, PRIVATE),
        });
        let created = if mended.is_ok() { Created::Open(made) } else { Created::Failed };
        self.created.insert(file_name, created);
        mended.map_err(|errno| self.fault("set the mode of", name, errno))
    }

    fn write(&mut self, name: Name, content: &Content) -> Result<(), Fault> {
        const OPERATION: &str = "write";
        let file_name = self.usable(OPERATION, name)?;
        let Some(Created::Open(file)) = self.created.get(&file_name) else {
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
        self.created.insert(file_name, Created::Failed);
        Err(self.because(OPERATION, name, cause))
    }

    fn sync_file(&mut self, name: Name) -> Result<(), Fault> {
        const OPERATION: &str = "sync";
        let file_name = self.usable(OPERATION, name)?;
        let Some(Created::Open(file)) = self.created.remove(&file_name) else {
            return Err(self.because(OPERATION, name, Cause::NoDescriptor));
        };
        fs::fsync(&file).map_err(|errno| {
            self.created.insert(file_name, Created::Failed);
            self.fault(OPERATION, name, errno)
        })
    }

    fn rename(&mut self, from: Name, to: Name) -> Result<(), Fault> {
        const OPERATION: &str = "rename";
        let (old, new) = (self.usable(OPERATION, from)?, self.usable(OPERATION, to)?);
        let handle = self.locked(OPERATION)?;
        fs::renameat(handle, &old, handle, &new).map_err(|errno| match errno {
            // Only a directory at the new name can be in the way.
            Errno::ISDIR | Errno::NOTEMPTY => self.fault("rename a file to", to, errno),
            _ => self.fault(OPERATION, from, errno),
        })?;
        // The descriptor moves with its file; the replaced file is gone.
        self.created.remove(&new);
        if let Some(created) = self.created.remove(&old) {
            self.created.insert(new, created);
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
        let created = self.created.remove(&file_name);
        match fs::unlinkat(self.locked(OPERATION)?, &file_name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(errno) => {
                if created.is_some() {
                    self.created.insert(file_name, Created::Failed);
                }
                Err(self.fault(OPERATION, name, errno))
            }
        }
    }

    /// An empty directory has no entry that a sync could make durable. The first sync of an entry
    /// also makes the directory itself durable, which was worth nothing before. It comes second: a
    /// journal has then written the entry in the parent, too, and that sync is cheap.
    fn sync_directory(&mut self) -> Result<(), Fault> {
        if self.is_empty {
            return Ok(());
        }
        fs::fsync(self.locked("sync")?).map_err(|errno| Fault::os("sync", &self.path, errno))?;
        if self.is_new {
            directory::sync_entry(&self.path)?;
            self.is_new = false;
        }
        Ok(())
    }

    fn locked(&self, operation: &'static str) -> Result<BorrowedFd<'_>, Fault> {
        let handle = self.lock.as_ref().map(AsFd::as_fd);
        handle.ok_or_else(|| Fault::because(operation, &self.path, Cause::NotLocked))
    }

    /// Returns the file name of `name`, unless a write or sync of that file failed.
    fn usable(&self, operation: &'static str, name: Name) -> Result<String, Fault> {
        let file_name = self.file_name(operation, name)?;
        match self.created.get(&file_name) {
            Some(Created::Failed) => Err(self.because(operation, name, Cause::Failed)),
            Some(Created::Open(_)) | None => Ok(file_name),
        }
    }

    /// Returns the file name of `name`. Refuses a name that a scan would not recognise as ours.
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
            .field("locked", &self.lock.is_some())
            .finish_non_exhaustive()
    }
}

/// Writes once, and repeats only a write that a signal interrupted before the first byte.
fn write_once(file: BorrowedFd<'_>, bytes: &[u8]) -> Result<usize, Errno> {
    loop {
        match rustix::io::write(file, bytes) {
            Err(Errno::INTR) => {}
            result => return result,
        }
    }
}
