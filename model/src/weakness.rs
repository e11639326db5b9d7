//! A harness that is blind to something. Bugs must survive there, or runs must miss their marks: otherwise nothing shows that
//! the harness sees what it is not blind to. The kill matrix sets [`World::weakness`](crate::world::World::weakness); every other run leaves it unset.

use certrotate_core::disk::DiskCommand;
use certrotate_core::time::Span;

use crate::disk::{Disk, File, How};
use crate::server::Server;

/// The weakness of the harness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Weakness {
    /// B52: a rename is durable at once, so that nothing is ever pending at a switch.
    RenamesAreDurable,
    /// B53: the invariants are checked at the end of a scenario only.
    ChecksAtTheEnd,
    /// B54: the server never decides on a request, so that no run is fair.
    NothingIsDecided,
}

impl Weakness {
    /// All weaknesses.
    pub const ALL: [Self; 3] = [Self::RenamesAreDurable, Self::ChecksAtTheEnd, Self::NothingIsDecided];

    /// The name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::RenamesAreDurable => "B52",
            Self::ChecksAtTheEnd => "B53",
            Self::NothingIsDecided => "B54",
        }
    }
}

impl Weakness {
    /// After a disk command was carried out.
    pub(crate) fn after(self, disk: &mut Disk, command: &DiskCommand) {
        if let (Self::RenamesAreDurable, DiskCommand::Rename { .. }) = (self, command) {
            let _ = disk.run(&DiskCommand::SyncDir, How::Well, File::Empty);
        }
    }

    /// Before a call is carried out.
    pub(crate) fn before_call(self, server: &mut Server) {
        if self == Self::NothingIsDecided {
            (server.latency, server.cleaner) = (Span::MAX, false);
        }
    }
}
