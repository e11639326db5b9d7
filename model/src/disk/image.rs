//! The images of a power cut: every legal state of a directory afterwards.
//!
//! The `alice` profile is the weakest that POSIX allows (Pillai et al., OSDI 2014). Changes of
//! different names are independent of each other and of every file's content, a rename is three
//! changes, and an unsynced file is empty, torn or whole. So the images are the product of the
//! possible inodes of each name and the possible contents of each file. All of them are enumerated.
//! The other profiles model real file systems.

use std::fmt;

use certrotate_core::disk::Name;

use crate::disk::{Change, Disk, Entries, File, set};

/// The guarantees of a file system.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Profile {
    /// As little as POSIX allows: the profile that invariants must hold in.
    #[default]
    Alice,
    /// ext4, data=ordered: a journal in order, atomic renames, files empty or whole.
    Ext4Ordered,
    /// XFS: a journal in order, atomic renames, files empty, torn or whole.
    Xfs,
    /// btrfs: atomic renames, changes of names in any order.
    Btrfs,
    /// The process dies and the machine does not: nothing is lost.
    ProcessCrashOnly,
}

impl Profile {
    /// All profiles.
    pub const ALL: [Self; 5] =
        [Self::Alice, Self::Ext4Ordered, Self::Xfs, Self::Btrfs, Self::ProcessCrashOnly];
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Alice => "alice",
            Self::Ext4Ordered => "ext4-ordered",
            Self::Xfs => "xfs",
            Self::Btrfs => "btrfs",
            Self::ProcessCrashOnly => "process-crash-only",
        })
    }
}

impl Disk {
    /// Gives every image that a power cut may leave now to `look`, until it says that it has seen enough.
    ///
    /// Each is the directory as the next process finds it: what it says is all there is, and durable.
    pub fn images(&self, profile: Profile, mut look: impl FnMut(&Self) -> bool) {
        let mut all = |entries: &Entries| self.each_content(profile, entries, &mut look);
        match profile {
            Profile::Alice => drop(self.each_name(self.durable, 0, &mut all)),
            Profile::Ext4Ordered | Profile::Xfs => drop(self.first_operations().iter().all(all)),
            Profile::Btrfs => drop(self.any_operations().iter().all(all)),
            Profile::ProcessCrashOnly => {
                let mut same = *self;
                same.process_ended();
                look(&same);
            }
        }
    }

    /// Returns the number of images.
    #[must_use]
    pub fn count_images(&self, profile: Profile) -> usize {
        let mut count = 0;
        self.images(profile, |_| {
            count += 1;
            true
        });
        count
    }

    /// Returns the image with this number, modulo the number of images.
    #[must_use]
    pub fn image(&self, profile: Profile, number: usize) -> Self {
        let mut left = number % self.count_images(profile).max(1);
        let mut found = *self;
        self.images(profile, |image| {
            found = *image;
            left = left.wrapping_sub(1);
            left != usize::MAX
        });
        found
    }

    /// Each name that changed names, apart from all others, what it did or what some change made of it.
    fn each_name(&self, entries: Entries, from: usize, look: &mut impl FnMut(&Entries) -> bool) -> bool {
        let first = |index: usize| {
            let name = self.pending[index].name;
            self.pending[..index].iter().all(|earlier| earlier.name != name)
        };
        let Some(index) = (from..self.pending.len()).find(|index| first(*index)) else {
            return look(&entries);
        };
        let name = self.pending[index].name;
        let before = entries.iter().find(|it| it.name == name).map(|it| it.inode);
        let changes = || self.pending.iter().filter(|change| change.name == name).map(|change| change.inode);
        let outcomes = std::iter::once(before).chain(changes());
        for (nth, outcome) in outcomes.clone().enumerate() {
            if outcomes.clone().take(nth).any(|earlier| earlier == outcome) {
                continue;
            }
            let mut chosen = entries;
            set(&mut chosen, name, outcome);
            if !self.each_name(chosen, index + 1, look) {
                return false;
            }
        }
        true
    }

    /// Returns the entries with each operation kept or lost, independently.
    fn any_operations(&self) -> Vec<Entries> {
        let mut all = vec![self.durable];
        let mut from = 0;
        while from < self.pending.len() {
            let parts = 1 + self.pending[from + 1..].iter().take_while(|next| next.joined).count();
            for mut kept in all.clone() {
                for Change { name, inode, .. } in &self.pending[from..from + parts] {
                    set(&mut kept, *name, *inode);
                }
                if !all.contains(&kept) {
                    all.push(kept);
                }
            }
            from += parts;
        }
        all
    }

    /// Returns the entries with a prefix of the operations kept.
    fn first_operations(&self) -> Vec<Entries> {
        let mut all = vec![self.durable];
        let mut kept = self.durable;
        for (index, change) in self.pending.iter().enumerate() {
            set(&mut kept, change.name, change.inode);
            let whole = self.pending.get(index + 1).is_none_or(|next| !next.joined);
            if whole && !all.contains(&kept) {
                all.push(kept);
            }
        }
        all
    }

    /// Each file that was not synced is empty, torn or whole.
    fn each_content(
        &self,
        profile: Profile,
        entries: &Entries,
        look: &mut impl FnMut(&Self) -> bool,
    ) -> bool {
        let mut image = *self;
        image.visible = *entries;
        image.durable = *entries;
        image.pending.clear();
        // A power cut in the middle of the rename of the current link may take it away.
        let live = |entries: &Entries| entries.iter().any(|it| it.name == Name::Current);
        image.unlinked |= !live(entries) && live(&self.visible);
        image.process_ended();
        image.fill(profile, 0, look)
    }

    fn fill(&self, profile: Profile, from: usize, look: &mut impl FnMut(&Self) -> bool) -> bool {
        let unsynced = |named: &&crate::disk::Named| !self.file(named.inode).durable;
        let next = self.visible.iter().skip(from).find(unsynced).map(|it| (it.inode, it.name));
        let Some((number, name)) = next else { return look(self) };
        let place = self.visible.iter().position(|it| it.name == name).unwrap_or(from);
        let number = usize::from(number);
        let before = self.inodes[number];
        let torns = profile != Profile::Ext4Ordered && before.file != File::Empty;
        let torn = torns.then_some(File::Torn);
        let contents = [Some(File::Empty), torn, Some(before.file)].into_iter().flatten();
        for (nth, file) in contents.enumerate() {
            if nth > 0 && (file == File::Empty || nth == 2 && file == File::Torn) {
                continue;
            }
            let mut after = *self;
            after.inodes[number].file = file;
            after.inodes[number].durable = true;
            after.inodes[number].lost = false;
            if !after.fill(profile, place + 1, look) {
                return false;
            }
        }
        true
    }
}
