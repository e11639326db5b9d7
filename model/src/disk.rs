//! A directory with what system calls see, what is durable, and what is pending between them.
//!
//! An operation on names is at once visible and not yet durable; a sync of the directory makes it durable. A
//! file's content is durable after a sync of the file. What a power cut may leave of what is not durable is in
//! [`image`].

use std::hash::{Hash, Hasher};

use certrotate_core::disk::{DiskCommand, DiskFault, LiveName, Name};
use certrotate_core::id::Generation;
use certrotate_core::time::WallTime;

use crate::list::List;

pub mod image;

/// What a file holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum File {
    /// Nothing.
    #[default]
    Empty,
    /// A part of something.
    Torn,
    /// A complete bundle.
    Bundle(Bundle),
    /// A complete pending file.
    Pending(Pending),
    /// A symbolic link to a name in the directory.
    Link(Name),
    /// A symbolic link to somewhere else.
    ForeignLink,
    /// Something that somebody else put there.
    Garbage,
    /// A directory.
    Directory,
}

/// A bundle, by the numbers of its key and certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Bundle {
    /// The generation in its header.
    pub generation: Generation,
    /// The time of issue in its header.
    pub issued: WallTime,
    /// The number of its key.
    pub key: u32,
    /// The number of its certificate.
    pub cert: u32,
}

/// A pending file, by the number of its key, which has one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Pending {
    /// The generation in its header.
    pub generation: Generation,
    /// When the key was made.
    pub made: WallTime,
    /// The number of its key.
    pub key: u32,
}

/// A file, or what is left of it after a crash. A link is made with its content.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Inode {
    pub(crate) file: File,
    /// Whether a power cut leaves the content.
    pub(crate) durable: bool,
    /// Whether a sync failed: later ones succeed and do nothing (R12).
    pub(crate) lost: bool,
    /// Whether its descriptor is open: it was created in this run, and neither synced nor failed.
    pub(crate) open: bool,
    /// Whether an operation on it failed in this run.
    pub(crate) failed: bool,
    /// Whether it was created in this run.
    pub(crate) ours: bool,
    /// Whether others may read it.
    pub(crate) public: bool,
}

/// A name and the inode that it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) name: Name,
    pub(crate) inode: u8,
}

/// A change of one name that no sync has made durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) name: Name,
    /// What it names then.
    pub(crate) inode: Option<u8>,
    /// Whether it is one operation with the change before it, where a rename is atomic.
    pub(crate) joined: bool,
}

impl Default for Named {
    fn default() -> Self {
        Self { name: Name::Live, inode: 0 }
    }
}

impl Default for Change {
    fn default() -> Self {
        Self { name: Name::Live, inode: None, joined: false }
    }
}

/// How many names there can be; then the disk is full.
pub const NAMES: usize = 12;
const INODES: usize = 18;
const CHANGES: usize = 20;

pub(crate) type Entries = List<Named, NAMES>;

/// How an operation is to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum How {
    /// As it should.
    Well,
    /// It fails and does nothing.
    Fails(DiskFault),
    /// It fails when a part was done.
    FailsHalfway(DiskFault),
    /// It is done, and reported as failed.
    FailsDone(DiskFault),
    /// A mistake of the driver: it is reported as done, and was not.
    Pretended,
}

/// The kind of a disk command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// [`DiskCommand::Lock`].
    Lock,
    /// [`DiskCommand::Scan`].
    Scan,
    /// [`DiskCommand::Create`].
    Create,
    /// [`DiskCommand::Write`].
    Write,
    /// [`DiskCommand::SyncFile`].
    SyncFile,
    /// [`DiskCommand::Rename`].
    Rename,
    /// [`DiskCommand::Symlink`].
    Symlink,
    /// [`DiskCommand::Unlink`].
    Unlink,
    /// [`DiskCommand::SyncDir`].
    SyncDir,
}

impl Kind {
    /// The kind of a command.
    #[must_use]
    pub const fn of(command: &DiskCommand) -> Self {
        match command {
            DiskCommand::Lock => Self::Lock,
            DiskCommand::Scan => Self::Scan,
            DiskCommand::Create { .. } => Self::Create,
            DiskCommand::Write { .. } => Self::Write,
            DiskCommand::SyncFile { .. } => Self::SyncFile,
            DiskCommand::Rename { .. } => Self::Rename,
            DiskCommand::Symlink { .. } => Self::Symlink,
            DiskCommand::Unlink { .. } => Self::Unlink,
            DiskCommand::SyncDir => Self::SyncDir,
        }
    }
}

/// Operations of a kind that are to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fault {
    /// How many operations of the kind go well before.
    pub after: u16,
    /// How many fail then.
    pub times: u16,
    /// Which kind.
    pub kind: Kind,
    /// How.
    pub fault: DiskFault,
}

impl Default for Fault {
    fn default() -> Self {
        Self { after: 0, times: 0, kind: Kind::Lock, fault: DiskFault::Io }
    }
}

/// The certificate directory.
#[derive(Clone, Copy, Debug, Default)]
pub struct Disk {
    pub(crate) inodes: List<Inode, INODES>,
    /// What system calls see, sorted.
    pub(crate) visible: Entries,
    /// What a power cut leaves for sure, sorted.
    pub(crate) durable: Entries,
    /// Changes since the last directory sync, oldest first.
    pub(crate) pending: List<Change, CHANGES>,
    /// Whether the live name was ever there.
    pub linked_once: bool,
    /// Whether a power cut took the live name away in the middle of its rename, and it has not been made again (S3 (b)).
    pub unlinked: bool,
    /// Whether somebody else broke what the live name names, and the node has not mended it yet.
    pub damaged: bool,
    /// Whether somebody else ever changed a file of ours: what is damaged beside the live name is found at the next start.
    pub meddled: bool,
    /// Names that somebody else made, and that the node has not dealt with.
    pub strangers: List<Stranger, 6>,
    /// Names that the node tried to remove, and that are there all the same.
    pub resisting: List<Stranger, 6>,
    /// Failures that operations are to meet.
    pub faults: List<Fault, 2>,
    /// What was done with a file on which something had failed (S7), if anything was.
    pub exposed: Option<&'static str>,
}

/// A name that somebody else made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Stranger(pub Name);

impl Default for Stranger {
    fn default() -> Self {
        Self(Name::Live)
    }
}

impl Disk {
    /// Carries out a changing command or a sync; `content` is what a write writes.
    ///
    /// # Errors
    ///
    /// What was asked for, or what a real directory would say.
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

    /// The failure that an operation of this kind is to meet now.
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

    /// What an operation leaves that has failed.
    fn fail(&mut self, command: &DiskCommand, fault: DiskFault) -> Result<(), DiskFault> {
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
                (inode.file, inode.durable) = (content, false);
            }
            DiskCommand::SyncFile { name } => self.sync_file(name)?,
            DiskCommand::Rename { from, to } => self.rename(from, to)?,
            DiskCommand::Symlink { name, target } => self.make(name, File::Link(target))?,
            DiskCommand::Unlink { name } => self.unlink(name),
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
        self.linked_once |= name == Name::Live;
        self.change(name, Some(number), false);
        Ok(())
    }

    /// A sync by whoever it is makes durable what the cache has, unless an earlier one failed (R12).
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
        let exposes = !matches!(to, Name::Quarantine { .. } | Name::Temporary { .. });
        if exposes && (inode.failed || !inode.ours || !inode.durable) && to != Name::Live {
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
        self.linked_once |= to == Name::Live;
        Ok(())
    }

    fn unlink(&mut self, name: Name) {
        if self.number_of(name).is_some() {
            self.write_back();
            set(&mut self.visible, name, None);
            self.change(name, None, false);
        }
    }

    fn sync_directory(&mut self) {
        // Mended is what we made anew; what somebody put there may well be a bundle.
        self.damaged &= !self.is_renaming(Name::Live) || self.live_bundle().is_none();
        self.durable = self.visible;
        self.pending.clear();
        self.unlinked &= self.number_of(Name::Live).is_none();
        let there = self.visible;
        self.strangers.retain(|stranger| there.iter().any(|it| it.name == stranger.0));
        self.resisting.retain(|stranger| there.iter().any(|it| it.name == stranger.0));
    }

    fn change(&mut self, name: Name, inode: Option<u8>, joined: bool) {
        self.pending.push(Change { name, inode, joined });
    }

    /// The kernel may write back whenever it likes, and does, between two operations, when it has gathered much.
    fn write_back(&mut self) {
        if self.pending.len() + 3 > CHANGES {
            self.durable = self.visible;
            self.pending.clear();
        }
    }

    /// A free place for an inode that nothing refers to any more.
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

    /// What is behind a name, as system calls see it.
    #[must_use]
    pub fn read(&self, name: Name) -> Option<File> {
        self.number_of(name).map(|number| self.file(number).file)
    }

    /// The bundle that a reader of the live name gets.
    #[must_use]
    pub fn live_bundle(&self) -> Option<Bundle> {
        let read = match self.read(Name::Live)? {
            File::Link(target) => self.read(target)?,
            other => other,
        };
        match read {
            File::Bundle(bundle) => Some(bundle),
            _ => None,
        }
    }

    /// Whether others may read a file.
    #[must_use]
    pub fn is_public(&self, name: Name) -> bool {
        self.number_of(name).is_some_and(|number| self.file(number).public)
    }

    /// Whether a name was given to a file, or taken from one, since the directory was synced.
    #[must_use]
    pub fn is_renaming(&self, name: Name) -> bool {
        self.pending.iter().any(|change| change.name == name && change.inode.is_some())
    }

    /// The names of ours, sorted.
    pub fn names(&self) -> impl Iterator<Item = Name> {
        self.visible.iter().map(|it| it.name)
    }

    /// What a name may name after a power cut, apart from what other names may.
    pub(crate) fn outcomes(&self, name: Name) -> impl Iterator<Item = Option<u8>> {
        let before = self.durable.iter().find(|it| it.name == name).map(|it| it.inode);
        let changes =
            self.pending.iter().filter(move |change| change.name == name).map(|change| change.inode);
        std::iter::once(before).chain(changes)
    }

    /// What the live name gives in the images that a power cut may leave now: the generation of a whole bundle,
    /// or nothing. An error is a name that gives less than that.
    pub fn live_in_images(&self) -> impl Iterator<Item = Result<Option<Generation>, Name>> {
        self.outcomes(Name::Live).map(|live| {
            let Some(number) = live else { return Ok(None) };
            match self.file(number) {
                Inode { file: File::Link(target), .. } => self.whole_in_images(target).map(Some),
                Inode { file: File::Bundle(bundle), durable: true, .. } => Ok(Some(bundle.generation)),
                Inode { .. } => Err(Name::Live),
            }
        })
    }

    fn whole_in_images(&self, name: Name) -> Result<Generation, Name> {
        let mut lowest = None;
        for outcome in self.outcomes(name) {
            match outcome.map(|number| self.file(number)) {
                Some(Inode { file: File::Bundle(bundle), durable: true, public: false, .. }) => {
                    lowest = lowest.into_iter().chain([bundle.generation]).min();
                }
                Some(_) | None => return Err(name),
            }
        }
        lowest.ok_or(name)
    }

    /// How many names there are in the fullest image that a power cut may leave, but for those passed over.
    pub fn most_names(&self, mut counts: impl FnMut(Name) -> bool) -> usize {
        let there = |name: Name| self.outcomes(name).any(|outcome| outcome.is_some());
        let durable =
            self.durable.iter().map(|it| it.name).filter(|name| counts(*name) && there(*name)).count();
        let mut seen: List<Named, CHANGES> = List::default();
        for change in self.pending.iter().filter(|change| change.inode.is_some()) {
            let known = self.durable.iter().chain(seen.iter()).any(|it| it.name == change.name);
            if !known && counts(change.name) {
                seen.push(Named { name: change.name, inode: 0 });
            }
        }
        durable + seen.len()
    }

    /// The keys of files that have a final name durably, with their generations.
    pub(crate) fn durable_keys(self) -> impl Iterator<Item = (Generation, u32)> {
        (0..self.durable.len()).filter_map(move |index| {
            let Named { name, inode } = self.durable[index];
            match (name, self.file(inode).file) {
                (Name::Bundle { generation, .. }, File::Bundle(Bundle { key, .. }))
                | (Name::Pending { generation, .. }, File::Pending(Pending { key, .. })) => {
                    Some((generation, key))
                }
                _ => None,
            }
        })
    }

    /// How many changes of names a power cut may keep or lose.
    #[must_use]
    pub fn changes(&self) -> usize {
        self.pending.len()
    }

    /// What a scan says of the live name.
    #[must_use]
    pub fn live_name(&self) -> LiveName {
        match self.read(Name::Live) {
            None => LiveName::Absent,
            Some(File::Link(target @ Name::Bundle { .. })) => LiveName::Link(target),
            Some(File::Link(_) | File::ForeignLink) => LiveName::Foreign,
            Some(File::Directory) => LiveName::Strange,
            Some(File::Empty | File::Torn | File::Bundle(_) | File::Pending(_) | File::Garbage) => {
                LiveName::File
            }
        }
    }

    /// Puts something behind a name, as somebody else would; it is durable.
    pub fn plant(&mut self, name: Name, file: File) {
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
        self.meddled = true;
        if name == Name::Live || before != self.live_bundle() {
            self.break_live_name();
        }
    }

    /// Removes a name, as somebody else would; the removal is durable.
    pub fn remove(&mut self, name: Name) {
        let before = self.live_bundle();
        set(&mut self.visible, name, None);
        set(&mut self.durable, name, None);
        self.pending.retain(|change| change.name != name);
        self.forget_stranger(name);
        self.meddled = true;
        if before != self.live_bundle() {
            self.break_live_name();
        }
    }

    /// What the live name names is broken, until the node gives it to something else.
    pub(crate) fn break_live_name(&mut self) {
        self.damaged = true;
    }

    /// The process is gone: its descriptors with it, but not what the kernel has pending (R15).
    pub fn process_ended(&mut self) {
        for inode in self.inodes.iter_mut() {
            (inode.open, inode.ours, inode.failed) = (false, false, false);
        }
    }
}

impl Hash for Disk {
    /// By what there is, not by where it is kept.
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
        (self.linked_once, self.unlinked, self.damaged, self.meddled).hash(state);
        self.strangers.hash(state);
        (self.resisting, self.faults).hash(state);
    }
}

/// Lets a name name an inode, or nothing; the list stays sorted.
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
