//! A directory with what system calls see, what is durable, and what is pending between them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use certrotate_core::disk::{
    BundleFound, Content, DiskCommand, DiskDone, DiskFault, Entry, Found, Inventory, LiveName, Name,
    PendingFound,
};
use certrotate_core::id::{Generation, KeyHandle};

/// What a file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum File {
    /// Nothing, or a part of something.
    Partial,
    /// A complete bundle.
    Bundle(Box<BundleFound>),
    /// A complete pending file.
    Pending(Box<PendingFound>),
    /// A symbolic link to a name in the directory.
    Link(Name),
    /// A symbolic link to somewhere else.
    ForeignLink,
    /// Something that somebody else put there.
    Garbage,
}

/// A file, or what is left of it after a crash.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Inode {
    content: File,
    /// Whether a power cut leaves the content. A link is made with its content.
    durable: bool,
}

/// An operation that is to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// How many operations of the kind go well before.
    pub after: u32,
    /// How many fail then.
    pub times: u32,
    /// Which kind, by the name of the command's variant.
    pub kind: Kind,
    /// How.
    pub fault: DiskFault,
}

/// The kind of a disk command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
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

/// The certificate directory.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    inodes: Vec<Inode>,
    /// What system calls see.
    visible: BTreeMap<Name, usize>,
    /// What a power cut leaves for sure.
    durable: BTreeMap<Name, usize>,
    /// Changes of names since the last directory sync, oldest first: a name and what it then named.
    pending: VecDeque<(Name, Option<usize>)>,
    /// Operations that are to fail.
    pub faults: Vec<Fault>,
    /// Every command that was carried out, with how it ended, for a story to look at.
    pub log: Vec<(DiskCommand, Result<(), DiskFault>)>,
    /// How many names of ours there were at the most.
    pub names_max: usize,
    /// Whether somebody else broke what the live name names, and the node has not mended it yet.
    pub damaged: bool,
    /// Whether somebody else ever changed a file of ours: what is damaged beside the live name is found at the next start.
    pub meddled: bool,
    /// Names that somebody else made, and that the node has not dealt with.
    pub strangers: BTreeSet<Name>,
    /// How many removals failed since there were three names at the most.
    pub unremoved: usize,
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

impl Disk {
    /// Carries out a command; `content` makes a file of what a write names.
    ///
    /// # Errors
    ///
    /// What was injected, or what a real directory would say.
    pub fn run(
        &mut self,
        command: &DiskCommand,
        content: impl FnOnce(&Content) -> File,
    ) -> Result<DiskDone, DiskFault> {
        let result = match self.injected(Kind::of(command)) {
            Some(fault) => Err(fault),
            None => self.carry_out(command, content),
        };
        self.log.push((*command, result.as_ref().map(|_| ()).map_err(|fault| *fault)));
        self.names_max = self.names_max.max(self.visible.len());
        if matches!(command, DiskCommand::Unlink { .. }) && result.is_err() {
            self.unremoved += 1;
        } else if self.visible.len() <= 3 {
            self.unremoved = 0;
        }
        result
    }

    fn injected(&mut self, kind: Kind) -> Option<DiskFault> {
        let fault = self.faults.iter_mut().find(|fault| fault.kind == kind && fault.times > 0)?;
        if fault.after > 0 {
            fault.after -= 1;
            return None;
        }
        fault.times -= 1;
        Some(fault.fault)
    }

    fn carry_out(
        &mut self,
        command: &DiskCommand,
        content: impl FnOnce(&Content) -> File,
    ) -> Result<DiskDone, DiskFault> {
        match *command {
            DiskCommand::Lock => {}
            DiskCommand::Scan => return Ok(DiskDone::Scanned(Box::new(self.inventory()))),
            DiskCommand::Create { name } => self.make(name, File::Partial, false)?,
            DiskCommand::Write { name, content: what } => {
                let inode = self.visible(name)?;
                inode.content = content(&what);
                inode.durable = false;
            }
            DiskCommand::SyncFile { name } => self.visible(name)?.durable = true,
            DiskCommand::Rename { from, to } => {
                let inode = self.visible.remove(&from).ok_or(DiskFault::NotFound)?;
                self.strangers.remove(&from);
                self.visible.insert(to, inode);
                self.pending.push_back((to, Some(inode)));
                self.pending.push_back((from, None));
            }
            DiskCommand::Symlink { name, target } => self.make(name, File::Link(target), true)?,
            DiskCommand::Unlink { name } => {
                self.strangers.remove(&name);
                if self.visible.remove(&name).is_some() {
                    self.pending.push_back((name, None));
                }
            }
            DiskCommand::SyncDir => {
                self.durable = self.visible.clone();
                self.pending.clear();
                self.damaged &= self.live_bundle().is_none();
            }
        }
        Ok(DiskDone::Done)
    }

    fn make(&mut self, name: Name, content: File, durable: bool) -> Result<(), DiskFault> {
        if self.visible.contains_key(&name) {
            return Err(DiskFault::Exists);
        }
        self.inodes.push(Inode { content, durable });
        let inode = self.inodes.len() - 1;
        self.visible.insert(name, inode);
        self.pending.push_back((name, Some(inode)));
        Ok(())
    }

    fn visible(&mut self, name: Name) -> Result<&mut Inode, DiskFault> {
        let inode = *self.visible.get(&name).ok_or(DiskFault::Io)?;
        self.inodes.get_mut(inode).ok_or(DiskFault::Io)
    }

    /// What is behind a name, as system calls see it.
    #[must_use]
    pub fn read(&self, name: Name) -> Option<&File> {
        self.visible.get(&name).and_then(|inode| self.inodes.get(*inode)).map(|inode| &inode.content)
    }

    /// The bundle that a reader of the live name gets.
    #[must_use]
    pub fn live_bundle(&self) -> Option<&BundleFound> {
        match self.read(Name::Live)? {
            File::Link(target) => match self.read(*target)? {
                File::Bundle(bundle) => Some(bundle),
                File::Partial | File::Pending(_) | File::Link(_) | File::ForeignLink | File::Garbage => None,
            },
            File::Bundle(bundle) => Some(bundle),
            File::Partial | File::Pending(_) | File::ForeignLink | File::Garbage => None,
        }
    }

    /// The names of ours, sorted.
    pub fn names(&self) -> impl Iterator<Item = Name> {
        self.visible.keys().copied()
    }

    /// Puts something behind a name, as somebody else would; it is durable.
    pub fn plant(&mut self, name: Name, content: File) {
        let before = self.live_bundle().cloned();
        if !self.visible.contains_key(&name) {
            self.strangers.insert(name);
        }
        self.inodes.push(Inode { content, durable: true });
        self.visible.insert(name, self.inodes.len() - 1);
        self.durable.insert(name, self.inodes.len() - 1);
        self.pending.retain(|(pending, _)| *pending != name);
        self.meddled = true;
        self.damaged |= name == Name::Live || before.as_ref() != self.live_bundle();
    }

    /// Removes a name, as somebody else would; the removal is durable.
    pub fn remove(&mut self, name: Name) {
        let before = self.live_bundle().cloned();
        self.visible.remove(&name);
        self.durable.remove(&name);
        self.pending.retain(|(pending, _)| *pending != name);
        self.meddled = true;
        self.damaged |= before.as_ref() != self.live_bundle();
    }

    /// What the live name gives in the images that a power cut may leave now: the bundle's generation,
    /// `None` where the name is absent. An error is a name that gives less than a whole bundle.
    ///
    /// Any subset of the pending changes may be kept, each on its own (DISK.md, R9), so each name is looked at alone.
    pub fn live_in_images(&self) -> impl Iterator<Item = Result<Option<Generation>, Name>> {
        self.in_images(Name::Live).map(|live| {
            let Some(inode) = live else { return Ok(None) };
            let target = match self.inodes.get(inode) {
                Some(Inode { content: File::Link(target), .. }) => *target,
                Some(Inode { content: File::Bundle(bundle), durable: true }) => {
                    return Ok(Some(bundle.header.generation));
                }
                Some(_) | None => return Err(Name::Live),
            };
            let whole = |inode: Option<usize>| match self.inodes.get(inode?)? {
                Inode { content: File::Bundle(bundle), durable: true } => Some(bundle.header.generation),
                Inode { .. } => None,
            };
            let found: Vec<_> = self.in_images(target).map(whole).collect();
            let lowest = found.iter().flatten().min().copied();
            if found.contains(&None) { Err(target) } else { Ok(lowest) }
        })
    }

    /// What may be behind a name after a power cut.
    fn in_images(&self, name: Name) -> impl Iterator<Item = Option<usize>> {
        let pending = self.pending.iter().filter(move |(changed, _)| *changed == name);
        std::iter::once(self.durable.get(&name).copied()).chain(pending.map(|(_, inode)| *inode))
    }

    /// How many changes of names a power cut may keep or lose.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.pending.len()
    }

    /// The power goes: of the pending changes of names those are kept whose bit is set in `kept`
    /// (the oldest is bit 0); files that were not synced are cut short.
    pub fn power_cut(&mut self, kept: u64) {
        let pending = std::mem::take(&mut self.pending);
        for (index, (name, inode)) in pending.into_iter().enumerate() {
            if kept >> index.min(63) & 1 == 1 {
                match inode {
                    Some(inode) => self.durable.insert(name, inode),
                    None => self.durable.remove(&name),
                };
            }
        }
        for inode in self.inodes.iter_mut().filter(|inode| !inode.durable) {
            inode.content = File::Partial;
            inode.durable = true;
        }
        self.visible = self.durable.clone();
    }

    fn inventory(&self) -> Inventory {
        let live = match self.read(Name::Live) {
            None => LiveName::Absent,
            Some(File::Link(target @ Name::Bundle { .. })) => LiveName::Link(*target),
            Some(File::Link(_) | File::ForeignLink) => LiveName::Foreign,
            Some(File::Partial | File::Bundle(_) | File::Pending(_) | File::Garbage) => LiveName::File,
        };
        let entries = self.visible.keys().filter(|name| **name != Name::Live);
        let entries = entries.map(|name| Entry { name: *name, found: self.found(*name) }).collect();
        Inventory { live, entries, more: false }
    }

    fn found(&self, name: Name) -> Found {
        match (name, self.read(name)) {
            (Name::Temporary { .. } | Name::Quarantine { .. }, _) => Found::Unread,
            (Name::Bundle { generation, .. }, Some(File::Bundle(bundle)))
                if bundle.header.generation == generation =>
            {
                Found::Bundle(bundle.clone())
            }
            (Name::Pending { generation, .. }, Some(File::Pending(pending)))
                if pending.generation == generation =>
            {
                Found::Pending(pending.clone())
            }
            (Name::Bundle { .. } | Name::Pending { .. } | Name::Live, _) => Found::Corrupt,
        }
    }

    /// Every key that a file of ours holds.
    pub fn keys(&self) -> impl Iterator<Item = KeyHandle> {
        self.visible.values().filter_map(|inode| match &self.inodes.get(*inode)?.content {
            File::Bundle(bundle) => Some(bundle.key),
            File::Pending(pending) => Some(pending.key),
            File::Partial | File::Link(_) | File::ForeignLink | File::Garbage => None,
        })
    }
}
