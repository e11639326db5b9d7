//! The visible state of a directory, and its possible states after a power cut.

use certrotate_core::disk::{CurrentLink, Name, Place};
use certrotate_core::id::Generation;

use crate::disk::{Bundle, CHANGES, Disk, File, Inode, Named, Outside, Pending};
use crate::list::List;

impl Disk {
    /// Returns the file behind a name, as system calls see it.
    #[must_use]
    pub fn read(&self, name: Name) -> Option<File> {
        self.number_of(name).map(|number| self.file(number).file)
    }

    /// Returns the bundle that a reader of the current link gets.
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

    /// Returns the pairs that a scan finds beside the bundles, each with its key and certificate.
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

    /// Returns whether a durable bundle has this pair, regardless of its mode.
    #[must_use]
    pub fn has_bundle_of(&self, key: u32, cert: u32) -> bool {
        let bundles = self.durable.iter().filter(|it| matches!(it.name, Name::Bundle { .. }));
        let same = |file| matches!(file, File::Bundle(it) if (it.key, it.cert) == (key, cert));
        bundles.map(|it| self.file(it.inode)).any(|inode| inode.durable && same(inode.file))
    }

    /// Returns whether others may read a file without an external change of its mode.
    #[must_use]
    pub fn is_careless(&self, name: Name) -> bool {
        let inode = self.number_of(name).map(|number| self.file(number));
        inode.is_some_and(|inode| inode.public && !inode.exposed)
    }

    /// Returns whether others may read a file.
    #[must_use]
    pub fn is_public(&self, name: Name) -> bool {
        self.number_of(name).is_some_and(|number| self.file(number).public)
    }

    /// Returns whether a rename to or from this name is not durable yet.
    #[must_use]
    pub fn is_renaming(&self, name: Name) -> bool {
        self.pending.iter().any(|change| change.name == name && change.inode.is_some())
    }

    /// Returns the names of ours, sorted.
    pub fn names(&self) -> impl Iterator<Item = Name> {
        self.visible.iter().map(|it| it.name)
    }

    /// Returns the possible inodes of a name after a power cut, independently of other names.
    pub(crate) fn outcomes(&self, name: Name) -> impl Iterator<Item = Option<u8>> {
        let before = self.durable.iter().find(|it| it.name == name).map(|it| it.inode);
        let changes =
            self.pending.iter().filter(move |change| change.name == name).map(|change| change.inode);
        std::iter::once(before).chain(changes)
    }

    /// Returns the possible targets of the current link after a power cut now: the generation of a
    /// whole bundle, or no link. An error is the name of a file that is not whole.
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

    /// Returns the number of names in the fullest possible image, of those that `counts` accepts.
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

    /// Returns the keys of files with a durable final name, with their generations.
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

    /// Returns the number of name changes that a power cut may keep or lose.
    #[must_use]
    pub fn changes(&self) -> usize {
        self.pending.len()
    }

    /// Returns the current link, as a scan reports it.
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
