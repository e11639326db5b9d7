//! What there is to see in a directory, and what there may be after a power cut.

use certrotate_core::disk::{CurrentLink, Name, Place};
use certrotate_core::id::Generation;

use crate::disk::{Bundle, CHANGES, Disk, File, Inode, Named, Outside, Pending};
use crate::list::List;

impl Disk {
    /// What is behind a name, as system calls see it.
    #[must_use]
    pub fn read(&self, name: Name) -> Option<File> {
        self.number_of(name).map(|number| self.file(number).file)
    }

    /// The bundle that a reader of the current link gets.
    #[must_use]
    pub fn live_bundle(&self) -> Option<Bundle> {
        let read = match self.read(Name::Current)? {
            File::Link(target) => self.read(target)?,
            other => other,
        };
        match read {
            File::Bundle(bundle) => Some(bundle),
            _ => None,
        }
    }

    /// The pairs that a scan finds beside the bundles, each with its key and certificate.
    pub fn pairs(&self) -> impl Iterator<Item = Outside> {
        let live = match self.read(Name::Current) {
            Some(File::Bundle(Bundle { key, cert, .. })) => {
                Some(Outside { place: Place::Current, key, cert })
            }
            _ => None,
        };
        let linked = self.read(Name::Current) == Some(File::ForeignLink);
        let outside = self.outside.iter().copied().filter(move |it| it.place != Place::Current || linked);
        live.into_iter().chain(outside)
    }

    /// Whether a file of ours has that pair, regardless of who can read it.
    #[must_use]
    pub fn has_bundle_of(&self, key: u32, cert: u32) -> bool {
        let bundles = self.durable.iter().filter(|it| matches!(it.name, Name::Bundle { .. }));
        let same = |file| matches!(file, File::Bundle(it) if (it.key, it.cert) == (key, cert));
        bundles.map(|it| self.file(it.inode)).any(|inode| inode.durable && same(inode.file))
    }

    /// Whether others may read a file, and no external party let them.
    #[must_use]
    pub fn is_careless(&self, name: Name) -> bool {
        let inode = self.number_of(name).map(|number| self.file(number));
        inode.is_some_and(|inode| inode.public && !inode.exposed)
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

    /// What the current link gives in the images that a power cut may leave now: the generation of a whole bundle,
    /// or nothing. An error is a name that gives less than that.
    pub fn current_in_images(&self) -> impl Iterator<Item = Result<Option<Generation>, Name>> {
        self.outcomes(Name::Current).map(|live| {
            let Some(number) = live else { return Ok(None) };
            match self.file(number) {
                Inode { file: File::Link(target), .. } => self.whole_in_images(target).map(Some),
                Inode { file: File::Bundle(bundle), durable: true, .. } => Ok(Some(bundle.generation)),
                Inode { .. } => Err(Name::Current),
            }
        })
    }

    fn whole_in_images(&self, name: Name) -> Result<Generation, Name> {
        let mut lowest = None;
        for outcome in self.outcomes(name) {
            match outcome.map(|number| self.file(number)) {
                Some(Inode { file: File::Bundle(bundle), durable: true, public, exposed, .. })
                    if !public || exposed =>
                {
                    lowest = lowest.into_iter().chain([bundle.generation]).min();
                }
                Some(_) | None => return Err(name),
            }
        }
        lowest.ok_or(name)
    }

    /// How many names there are in the fullest image that a power cut may leave, except those passed over.
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
            if self.strangers.iter().any(|it| it.0 == name) {
                return None;
            }
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

    /// What a scan says of the current link.
    #[must_use]
    pub fn current_link(&self) -> CurrentLink {
        match self.read(Name::Current) {
            None => CurrentLink::Absent,
            Some(File::Link(target @ Name::Bundle { .. })) => CurrentLink::Link(target),
            Some(File::Link(_) | File::ForeignLink) => CurrentLink::Foreign,
            Some(File::Directory) => CurrentLink::Strange,
            Some(File::Empty | File::Torn | File::Bundle(_) | File::Pending(_) | File::Garbage) => {
                CurrentLink::File
            }
        }
    }
}
