//! A directory: the state that system calls see, the durable state, and the pending changes between
//! them.
//!
//! An operation on names is at once visible and not yet durable; a sync of the directory makes it
//! durable. A file's content is durable after a sync of the file. [`image`] has the states that a power
//! cut may leave of changes that are not durable.

use std::hash::{Hash, Hasher};

use certrotate_core::disk::{DiskCommand, DiskFault, Name};

use crate::list::List;

mod fault;
mod file;
pub mod image;
mod visible;

pub use fault::{Fault, How, Kind};
pub use file::{Bundle, File, Outside, Pending};
pub(crate) use file::{Change, Inode, Named};

/// The capacity for names; beyond it the disk is full.
pub const NAMES: usize = 11;
const INODES: usize = 16;
const CHANGES: usize = 16;

pub(crate) type Entries = List<Named, NAMES>;

/// The certificate directory.
#[derive(Clone, Copy, Debug, Default)]
pub struct Disk {
    pub(crate) inodes: List<Inode, INODES>,
    /// The visible names, sorted.
    pub(crate) visible: Entries,
    /// The durable names, sorted.
    pub(crate) durable: Entries,
    /// Changes since the last directory sync, oldest first.
    pub(crate) pending: List<Change, CHANGES>,
    /// Whether the current link ever existed.
    pub linked_once: bool,
    /// Whether a power cut during its rename removed the current link, and the node has not made it
    /// again (S3 (b)).
    pub unlinked: bool,
    /// Whether an external change broke the bundle behind the current link, and the node has not
    /// repaired it.
    pub damaged: bool,
    /// Whether a file of ours was changed externally since the last recovery. The next start finds
    /// such damage.
    pub is_changed_externally: bool,
    /// Names from external changes that the node has not handled.
    pub strangers: List<Stranger, 6>,
    /// Pairs of a kubelet or a backup.
    pub outside: List<Outside, 3>,
    /// Names that still exist after the node tried to remove them.
    pub resisting: List<Stranger, 6>,
    /// Whether the last removal failed: the files to be removed after it stay too.
    pub removal_failed: bool,
    /// Whether a removal was answered as done and had no effect.
    pub ineffective_removal: bool,
    /// Injected failures.
    pub faults: List<Fault, 2>,
    /// The forbidden use of a failed file (S7), if there was one.
    pub exposed: Option<&'static str>,
}

/// A name from an external change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Stranger(pub Name);

impl Default for Stranger {
    fn default() -> Self {
        Self(Name::Current)
    }
}

impl Disk {
    /// Carries out a changing command or a sync. A write writes `content`.
    ///
    /// # Errors
    ///
    /// The injected fault, or the error of a real directory.
    pub fn run(&mut self, command: &DiskCommand, how: How, content: File) -> Result<(), DiskFault> {
        match how {
            How::Well => self.carry_out(command, content),
            How::Pretended => Ok(()),
            How::Fails(fault) => self.fail(command, fault),
            How::FailsHalfway(fault) => {
                if let DiskCommand::Write { name, .. } = command
                    && let Some(inode) = self.open(*name)
                {
                    inode.file = File::Torn;
                }
                self.fail(command, fault)
            }
            How::FailsDone(fault) => {
                let done = self.carry_out(command, content);
                self.fail(command, done.err().unwrap_or(fault))
            }
        }
    }

    /// Returns the injected failure of the next operation of this kind.
    pub fn injected(&mut self, kind: Kind) -> Option<DiskFault> {
        let fault = self.faults.iter_mut().find(|fault| fault.kind == kind && fault.times > 0)?;
        if fault.after > 0 {
            fault.after -= 1;
            return None;
        }
        fault.times -= 1;
        let met = fault.fault;
        self.faults.retain(|fault| fault.times > 0);
        Some(met)
    }

    /// Leaves the state of a failed operation.
    fn fail(&mut self, command: &DiskCommand, fault: DiskFault) -> Result<(), DiskFault> {
        self.removal_failed |= matches!(command, DiskCommand::Unlink { .. });
        self.ineffective_removal |= fault == DiskFault::NoEffect;
        match *command {
            DiskCommand::Write { name, .. } => self.mark_failed(name, false),
            DiskCommand::SyncFile { name } => self.mark_failed(name, true),
            DiskCommand::Unlink { name } if !self.resisting.contains(&Stranger(name)) => {
                self.resisting.push(Stranger(name));
            }
            DiskCommand::Lock
            | DiskCommand::Scan
            | DiskCommand::Create { .. }
            | DiskCommand::Rename { .. }
            | DiskCommand::Symlink { .. }
            | DiskCommand::Unlink { .. }
            | DiskCommand::SyncDir => {}
        }
        Err(fault)
    }

    fn mark_failed(&mut self, name: Name, sync: bool) {
        if let Some(inode) = self.inode_of(name) {
            inode.failed = true;
            inode.lost |= sync;
            inode.open = false;
            if sync {
                inode.durable = false;
            }
        }
    }

    fn carry_out(&mut self, command: &DiskCommand, content: File) -> Result<(), DiskFault> {
        match *command {
            DiskCommand::Lock | DiskCommand::Scan => {}
            DiskCommand::Create { name } => self.make(name, File::Empty)?,
            DiskCommand::Write { name, .. } => {
                let inode = self.open(name).ok_or(DiskFault::Io)?;
                // A second write appends to the first.
                let file = if inode.file == File::Empty { content } else { File::Torn };
                (inode.file, inode.durable) = (file, false);
            }
            DiskCommand::SyncFile { name } => self.sync_file(name)?,
            DiskCommand::Rename { from, to } => self.rename(from, to)?,
            DiskCommand::Symlink { name, target } => self.make(name, File::Link(target))?,
            DiskCommand::Unlink { name } => {
                self.unlink(name)?;
                self.removal_failed = false;
            }
            DiskCommand::SyncDir => self.sync_directory(),
        }
        Ok(())
    }

    fn make(&mut self, name: Name, file: File) -> Result<(), DiskFault> {
        if self.number_of(name).is_some() {
            return Err(DiskFault::Exists);
        }
        let link = matches!(file, File::Link(_));
        let inode = Inode { file, durable: link, open: !link, ours: true, ..Inode::default() };
        let number = self.allocate(inode).ok_or(DiskFault::NoSpace)?;
        if self.visible.len() == NAMES {
            return Err(DiskFault::NoSpace);
        }
        self.write_back();
        set(&mut self.visible, name, Some(number));
        self.linked_once |= name == Name::Current;
        self.change(name, Some(number), false);
        Ok(())
    }

    /// A sync by any process makes the cached content durable, unless an earlier sync failed (R12).
    fn sync_file(&mut self, name: Name) -> Result<(), DiskFault> {
        let inode = self.inode_of(name).ok_or(DiskFault::Io)?;
        let (foreign, failed) = (!inode.ours, inode.failed);
        inode.durable |= !inode.lost;
        inode.open = false;
        if foreign || failed {
            self.exposed = Some("a file was synced that failed before, or that this run did not write");
        }
        Ok(())
    }

    fn rename(&mut self, from: Name, to: Name) -> Result<(), DiskFault> {
        let number = self.number_of(from).ok_or(DiskFault::NotFound)?;
        let inode = self.inodes[usize::from(number)];
        let is_directory = |file| file == File::Directory;
        if self.read(to).is_some_and(|there| is_directory(there) != is_directory(inode.file)) {
            return Err(DiskFault::Io);
        }
        let exposes = !matches!(to, Name::Quarantine { .. } | Name::Temporary { .. });
        if exposes && (inode.failed || !inode.ours || !inode.durable) && to != Name::Current {
            self.exposed =
                Some("a file got a final name that was not synced, failed, or was not written by this run");
        }
        let final_name = matches!(to, Name::Bundle { .. } | Name::Pending { .. });
        if final_name && self.number_of(to).is_some() {
            self.exposed = Some("a file was given a final name that another file has");
        }
        self.write_back();
        set(&mut self.visible, from, None);
        let replaces = self.number_of(to).is_some();
        if replaces {
            self.change(to, None, false);
        }
        set(&mut self.visible, to, Some(number));
        self.change(to, Some(number), replaces);
        self.change(from, None, true);
        self.linked_once |= to == Name::Current;
        Ok(())
    }

    fn unlink(&mut self, name: Name) -> Result<(), DiskFault> {
        match self.read(name) {
            None => return Ok(()),
            Some(File::Directory) => return Err(DiskFault::Io),
            Some(_) => {}
        }
        self.write_back();
        set(&mut self.visible, name, None);
        self.change(name, None, false);
        Ok(())
    }

    fn sync_directory(&mut self) {
        // The node repairs by a new link. A file that an external party put there may be a bundle too.
        let exposed = matches!(self.read(Name::Current), Some(File::Link(target)) if self.is_public(target));
        self.damaged &= !self.is_renaming(Name::Current) || self.live_bundle().is_none() || exposed;
        self.durable = self.visible;
        self.pending.clear();
        self.unlinked &= self.number_of(Name::Current).is_none();
        let there = self.visible;
        self.strangers.retain(|stranger| there.iter().any(|it| it.name == stranger.0));
        self.resisting.retain(|stranger| there.iter().any(|it| it.name == stranger.0));
    }

    fn change(&mut self, name: Name, inode: Option<u8>, joined: bool) {
        self.pending.push(Change { name, inode, joined });
    }

    /// Writes back, as the kernel may at any time. The model does so between two operations when
    /// many changes are pending.
    fn write_back(&mut self) {
        if self.pending.len() + 3 > CHANGES {
            self.durable = self.visible;
            self.pending.clear();
        }
    }

    /// Puts the inode in a place without references.
    fn allocate(&mut self, inode: Inode) -> Option<u8> {
        let used = |number: usize| {
            let number = u8::try_from(number).ok();
            let named = self.visible.iter().chain(self.durable.iter());
            named
                .map(|it| Some(it.inode))
                .chain(self.pending.iter().map(|it| it.inode))
                .any(|it| it == number)
        };
        let free = (0..self.inodes.len()).find(|number| !used(*number));
        match free {
            Some(number) => {
                self.inodes[number] = inode;
                u8::try_from(number).ok()
            }
            None => {
                let number = u8::try_from(self.inodes.len()).ok();
                self.inodes.push(inode).then_some(number).flatten()
            }
        }
    }

    fn number_of(&self, name: Name) -> Option<u8> {
        self.visible.iter().find(|it| it.name == name).map(|it| it.inode)
    }

    pub(crate) fn inode_of(&mut self, name: Name) -> Option<&mut Inode> {
        let number = self.number_of(name)?;
        self.inodes.get_mut(usize::from(number))
    }

    fn open(&mut self, name: Name) -> Option<&mut Inode> {
        self.inode_of(name).filter(|inode| inode.open)
    }

    pub(crate) fn forget_stranger(&mut self, name: Name) {
        self.strangers.retain(|it| it.0 != name);
    }

    pub(crate) fn file(&self, number: u8) -> Inode {
        self.inodes.get(usize::from(number)).copied().unwrap_or_default()
    }

    /// Puts a file under a name, as an external change; the change is durable.
    pub fn put_external(&mut self, name: Name, file: File) {
        let before = self.live_bundle();
        if self.number_of(name).is_none() {
            if self.visible.len() == NAMES {
                return;
            }
            self.strangers.push(Stranger(name));
        }
        let Some(number) = self.allocate(Inode { file, durable: true, ..Inode::default() }) else { return };
        set(&mut self.visible, name, Some(number));
        set(&mut self.durable, name, Some(number));
        self.pending.retain(|change| change.name != name);
        self.is_changed_externally = true;
        if name == Name::Current || before != self.live_bundle() {
            self.break_current_link();
        }
    }

    /// Makes a file readable by others, as a restored backup would. The current link may lead to
    /// it.
    pub fn expose(&mut self, name: Name) {
        self.open_to_others(name);
        if let Some(inode) = self.inode_of(name) {
            inode.exposed = true;
        }
        if !self.strangers.contains(&Stranger(name)) {
            self.strangers.push(Stranger(name));
        }
        self.is_changed_externally = true;
        self.break_current_link();
    }

    /// Makes a file readable by others, as an external change.
    pub fn open_to_others(&mut self, name: Name) {
        if let Some(inode) = self.inode_of(name) {
            inode.public = true;
        }
    }

    /// Removes a name, as an external change; the removal is durable.
    pub fn remove(&mut self, name: Name) {
        let before = self.live_bundle();
        set(&mut self.visible, name, None);
        set(&mut self.durable, name, None);
        self.pending.retain(|change| change.name != name);
        self.forget_stranger(name);
        self.is_changed_externally = true;
        if before != self.live_bundle() {
            self.break_current_link();
        }
    }

    /// Forgets a foreign current link that the node has replaced: no image has it.
    pub(crate) fn forget_foreign_current_link(&mut self) {
        let inodes = self.inodes;
        let foreign = |number: u8| {
            let file = inodes.get(usize::from(number)).map(|inode| inode.file);
            matches!(file, Some(File::ForeignLink | File::Directory))
        };
        if self.durable.iter().any(|it| it.name == Name::Current && foreign(it.inode)) {
            set(&mut self.durable, Name::Current, None);
        }
        self.pending.retain(|change| change.name != Name::Current || !change.inode.is_some_and(foreign));
    }

    /// Marks the target of the current link as broken, until the node repoints the link.
    pub(crate) fn break_current_link(&mut self) {
        self.damaged = true;
    }

    /// Ends the process: it loses its descriptors, but the kernel keeps the pending changes (R15).
    pub fn process_ended(&mut self) {
        for inode in self.inodes.iter_mut() {
            (inode.open, inode.ours, inode.failed) = (false, false, false);
        }
    }
}

impl Hash for Disk {
    /// Hashes the content of the directory, not the places of the inodes.
    fn hash<H: Hasher>(&self, state: &mut H) {
        let mut rank = [u8::MAX; INODES];
        let mut next = 0;
        let mut put = |number: Option<u8>, state: &mut H| {
            let Some(number) = number else { return state.write_u8(u8::MAX) };
            let slot = &mut rank[usize::from(number)];
            if *slot == u8::MAX {
                *slot = next;
                next += 1;
                self.file(number).hash(state);
            }
            state.write_u8(*slot);
        };
        for named in self.visible.iter().chain(self.durable.iter()) {
            named.name.hash(state);
            put(Some(named.inode), state);
        }
        state.write_u8(self.visible.len() as u8);
        for change in self.pending.iter() {
            change.name.hash(state);
            put(change.inode, state);
        }
        (self.linked_once, self.unlinked, self.damaged, self.is_changed_externally).hash(state);
        self.strangers.hash(state);
        (self.resisting, self.removal_failed, self.ineffective_removal, self.faults, self.outside)
            .hash(state);
    }
}

/// Sets or removes the inode of a name; the list stays sorted.
pub(crate) fn set(entries: &mut Entries, name: Name, inode: Option<u8>) {
    match (entries.binary_search_by(|it| it.name.cmp(&name)), inode) {
        (Ok(index), Some(inode)) => entries[index].inode = inode,
        (Ok(index), None) => drop(entries.remove(index)),
        (Err(index), Some(inode)) => drop(entries.insert(index, Named { name, inode })),
        (Err(_), None) => {}
    }
}

#[cfg(test)]
mod tests;
