//! Names to be removed, as a small plain value.

use core::hash::{Hash, Hasher};

use crate::disk::Name;
use crate::id::{FileNumber, Generation};
use crate::time::WallTime;

/// How many names are removed between two scans.
const SLOTS: usize = 4;

/// Some names to be removed. Their parts stand in arrays of their own: every state has room for them, and padding would cost it
/// forty bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Names {
    kinds: [Option<Kind>; SLOTS],
    issued: [WallTime; SLOTS],
    numbers: [(Generation, FileNumber); SLOTS],
}

/// A kind of [`Name`] that a scan lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Bundle,
    Pending,
    Temporary,
    Quarantine,
}

impl Hash for Names {
    /// As the list of the names: the time in an empty slot is no time, and a model checker hashes times relative to the present.
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_usize(self.len());
        self.iter().for_each(|name| name.hash(state));
    }
}

impl Names {
    pub(super) fn collect(names: impl Iterator<Item = Name>) -> Self {
        let mut list = Self::default();
        let parts = names.filter_map(|name| match name {
            Name::Current => None,
            Name::Bundle { issued, generation, file } => Some((Kind::Bundle, issued, (generation, file))),
            Name::Pending { generation, file } => {
                Some((Kind::Pending, WallTime::default(), (generation, file)))
            }
            Name::Temporary { generation, file } => {
                Some((Kind::Temporary, WallTime::default(), (generation, file)))
            }
            Name::Quarantine { generation, file } => {
                Some((Kind::Quarantine, WallTime::default(), (generation, file)))
            }
        });
        let slots = list.kinds.iter_mut().zip(&mut list.issued).zip(&mut list.numbers);
        for (((kind, issued), numbers), part) in slots.zip(parts) {
            (*kind, *issued, *numbers) = (Some(part.0), part.1, part.2);
        }
        list
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Name> {
        let slots = self.kinds.iter().zip(&self.issued).zip(&self.numbers);
        slots.filter_map(|((kind, &issued), &(generation, file))| {
            Some(match (*kind)? {
                Kind::Bundle => Name::Bundle { issued, generation, file },
                Kind::Pending => Name::Pending { generation, file },
                Kind::Temporary => Name::Temporary { generation, file },
                Kind::Quarantine => Name::Quarantine { generation, file },
            })
        })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn len(&self) -> usize {
        self.kinds.iter().flatten().count()
    }

    pub(crate) fn first(&self) -> Option<Name> {
        self.iter().next()
    }

    /// Returns the names after the first one.
    pub(crate) fn rest(&self) -> Self {
        Self::collect(self.iter().skip(1))
    }
}
