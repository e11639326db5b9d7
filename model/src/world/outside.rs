//! What other people do to a node's files.

use certrotate_core::disk::Name;
use certrotate_core::id::{FileNumber, Generation};

use crate::disk::{Bundle, File};
use crate::event::Damage;
use crate::world::World;

impl World {
    /// Somebody changes the directory.
    pub(super) fn plant(&mut self, damage: Damage) -> bool {
        self.spec.meddled = true;
        let (generation, file) = (Generation(1), FileNumber(99));
        let target = match self.disk.read(Name::Live) {
            Some(File::Link(target)) => Some(target),
            _ => None,
        };
        match damage {
            Damage::TruncateLive => match target {
                Some(target) => self.disk.plant(target, File::Torn),
                None => return false,
            },
            Damage::FileForLink => self.disk.plant(Name::Live, File::Garbage),
            Damage::ForeignLink => self.disk.plant(Name::Live, File::ForeignLink),
            Damage::Directory => self.disk.plant(Name::Live, File::Directory),
            Damage::NoLiveName => self.disk.remove(Name::Live),
            Damage::Temporary => self.disk.plant(Name::Temporary { generation, file }, File::Torn),
            Damage::PendingGarbage => self.disk.plant(Name::Pending { generation, file }, File::Garbage),
            Damage::NoPending => {
                let Some(name) = self.disk.names().find(|name| matches!(name, Name::Pending { .. })) else {
                    return false;
                };
                self.disk.remove(name);
                self.ghost.requests_lost = self.ghost.requests_lost.saturating_add(1);
            }
            Damage::FarBundle => {
                let far = Name::Bundle { issued: super::START, generation: Generation(1 << 30), file };
                self.disk.plant(far, File::Garbage);
            }
            Damage::OtherKey => {
                let (Some(target), Some(bundle)) = (target, self.disk.live_bundle()) else { return false };
                if self.disk.is_renaming(Name::Live) {
                    return false;
                }
                // As from a backup of one half: while the node is off, since a running one does not look again.
                self.kill();
                self.disk.plant(target, File::Bundle(Bundle { key: 0, ..bundle }));
                self.start();
            }
            Damage::OlderLive => {
                let bundles = self.disk.names().filter(|name| matches!(name, Name::Bundle { .. }));
                let Some(older) =
                    bundles.min_by_key(|name| name.generation()).filter(|it| Some(*it) != target)
                else {
                    return false;
                };
                self.disk.plant(Name::Live, File::Link(older));
            }
        }
        true
    }
}
