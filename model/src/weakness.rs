//! A harness that is blind to something. Bugs must survive there, or runs must miss their marks: otherwise nothing shows that
//! the harness sees what it is not blind to. The kill matrix sets [`World::weakness`]; every other run leaves it unset.

use certrotate_core::disk::DiskCommand;
use certrotate_core::time::Span;

use crate::disk::{File, How};
use crate::invariants;
use crate::world::World;

/// What the harness is blind to.
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
    /// All of them.
    pub const ALL: [Self; 3] = [Self::RenamesAreDurable, Self::ChecksAtTheEnd, Self::NothingIsDecided];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::RenamesAreDurable => "B52",
            Self::ChecksAtTheEnd => "B53",
            Self::NothingIsDecided => "B54",
        }
    }
}

/// After a disk command was carried out.
pub(crate) fn after(world: &mut World, command: &DiskCommand) {
    if let (Some(Weakness::RenamesAreDurable), DiskCommand::Rename { .. }) = (world.weakness, command) {
        let _ = world.disk.run(&DiskCommand::SyncDir, How::Well, File::Empty);
    }
}

/// Before a call is made.
pub(crate) fn before_call(world: &mut World) {
    if world.weakness == Some(Weakness::NothingIsDecided) {
        (world.server.latency, world.server.cleaner) = (Span::MAX, false);
    }
}

/// At the end of a scenario.
pub(crate) fn at_the_end(world: &mut World) {
    if world.weakness == Some(Weakness::ChecksAtTheEnd) {
        world.weakness = None;
        invariants::check(world);
        invariants::check_disk(world);
    }
}
