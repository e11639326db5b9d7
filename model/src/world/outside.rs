//! External changes of a node's files.

use certrotate_core::disk::{Name, Place};
use certrotate_core::id::{FileNumber, Generation};
use certrotate_core::time::Span;

use crate::cert::{Cert, Flaw};
use crate::disk::{Bundle, File, Outside};
use crate::transition::Damage;
use crate::world::{Request, World};

impl World {
    /// Makes an external change of the directory.
    pub(super) fn damage_disk(&mut self, damage: Damage) -> bool {
        self.spec.external_change = true;
        self.ghost.load.forget_requests();
        let (generation, file) = (Generation(1), FileNumber(99));
        let target = match self.disk.read(Name::Current) {
            Some(File::Link(target)) => Some(target),
            _ => None,
        };
        match damage {
            Damage::TruncateLive => match target {
                Some(target) => self.disk.put_external(target, File::Torn),
                None => return false,
            },
            Damage::FileForLink => self.disk.put_external(Name::Current, File::Garbage),
            Damage::ForeignLink => self.disk.put_external(Name::Current, File::ForeignLink),
            Damage::Directory => self.disk.put_external(Name::Current, File::Directory),
            Damage::NoCurrentLink => self.disk.remove(Name::Current),
            Damage::Temporary => self.disk.put_external(Name::Temporary { generation, file }, File::Torn),
            Damage::PendingGarbage => {
                self.disk.put_external(Name::Pending { generation, file }, File::Garbage)
            }
            Damage::NoPending => {
                let Some(name) = self.disk.names().find(|name| matches!(name, Name::Pending { .. })) else {
                    return false;
                };
                self.disk.remove(name);
                self.ghost.requests_lost = self.ghost.requests_lost.saturating_add(1);
            }
            Damage::FarBundle => {
                let far = Name::Bundle { issued: super::START, generation: Generation(1 << 30), file };
                self.disk.put_external(far, File::Garbage);
            }
            Damage::OtherKey => {
                let (Some(target), Some(bundle)) = (target, self.disk.live_bundle()) else { return false };
                if self.disk.is_renaming(Name::Current) {
                    return false;
                }
                // As from a backup of one half: while the node is off, since a running one does not look again.
                self.kill();
                self.disk.put_external(target, File::Bundle(Bundle { key: 0, ..bundle }));
                self.start();
            }
            Damage::OlderLive => {
                let bundles = self.disk.names().filter(|name| matches!(name, Name::Bundle { .. }));
                let Some(older) =
                    bundles.min_by_key(|name| name.generation()).filter(|it| Some(*it) != target)
                else {
                    return false;
                };
                self.disk.put_external(Name::Current, File::Link(older));
            }
            Damage::LinkedPair
            | Damage::FiledPair
            | Damage::DatedPair
            | Damage::EndedPair
            | Damage::StrangersPair => return self.leave(damage),
            Damage::CopiedLive | Damage::Exposed | Damage::Backup => return self.restore(damage, target),
        }
        true
    }

    /// Restores a copy of the directory, of now or of another day.
    fn restore(&mut self, damage: Damage, target: Option<Name>) -> bool {
        let (Some(target), Some(bundle)) = (target, self.disk.live_bundle()) else { return false };
        match damage {
            Damage::CopiedLive => {
                self.ghost.copied(bundle.key);
                self.disk.put_external(Name::Current, File::Bundle(bundle));
            }
            Damage::Exposed => self.disk.expose(target),
            _ => {
                let bundles = self.disk.names().filter(|name| matches!(name, Name::Bundle { .. }));
                let older = bundles.filter(|it| it.generation() < target.generation());
                let before = older.max_by_key(|it| it.generation());
                self.disk.remove(target);
                match before {
                    Some(before) => self.disk.put_external(Name::Current, File::Link(before)),
                    None => self.disk.remove(Name::Current),
                }
            }
        }
        true
    }

    /// Returns the number of keys, the node's and foreign ones.
    #[must_use]
    pub fn requests_made(&self) -> u32 {
        self.requests.len() as u32
    }

    /// Makes a foreign key with its template.
    pub fn leave_request(&mut self, request: Request) {
        self.requests.push(request);
    }

    /// Leaves an external pair: a valid one, an expired one, or another node's.
    fn leave(&mut self, damage: Damage) -> bool {
        let number = self.requests.len() as u32 + 1;
        let (template, duration) = (self.current, None);
        let pair = match damage {
            Damage::LinkedPair | Damage::StrangersPair | Damage::FiledPair => Place::Current,
            Damage::DatedPair => Place::Dated(self.now.wall.whole_second()),
            _ => Place::Split,
        };
        let outside = Outside { place: pair, key: number, cert: self.server.certs.len() as u32 + 1 };
        if !self.disk.outside.push(outside) {
            return false;
        }
        self.requests.push(Request { template, duration, key: number });
        let wall = self.server_wall();
        let (not_before, not_after) = match damage {
            Damage::EndedPair => (wall.minus(Span::from_hours(2)), wall.minus(Span::from_hours(1))),
            _ => (wall.minus(Span::from_mins(1)), wall.plus(self.server.lifetime)),
        };
        let flaw = (damage == Damage::StrangersPair).then_some(Flaw::Subject);
        self.server.foreign += 1;
        self.server.certs.push(Cert { key: number, template, flaw, not_before, not_after });
        match damage {
            Damage::LinkedPair | Damage::StrangersPair => {
                self.disk.put_external(Name::Current, File::ForeignLink)
            }
            Damage::FiledPair => {
                let bundle =
                    Bundle { generation: Generation(0), issued: not_before, key: number, cert: outside.cert };
                self.disk.put_external(Name::Current, File::Bundle(bundle));
            }
            _ => self.disk.is_changed_externally = true,
        }
        true
    }
}
