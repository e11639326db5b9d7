//! The transitions of the explorer.

use certrotate_core::disk::DiskFault;
use certrotate_core::issuer::IssuerFault;
use certrotate_core::time::Span;

use crate::cert::Flaw;
use crate::disk::How;
use crate::server::{Approver, Bad};
use crate::transition::{Damage, DriverFault, Edit, Jump, Lost, ObjectChange, Transition, Until};
use crate::world::{Effect, Lie, World};

/// The natural course: the next answer or deadline, or the second answer first.
pub const NATURAL: &[Transition] = &[Transition::Step(0), Transition::Answer(1)];

const HOUR: i64 = 3_600_000;
const YEAR: i64 = 8760 * HOUR;
const DECADE: Option<Span> = Some(Span::from_hours(87_600));

/// Faults while a disk operation is in flight.
const DISK: &[Transition] = &[
    Transition::Disk(How::Fails(DiskFault::NoSpace)),
    Transition::Disk(How::Fails(DiskFault::Io)),
    Transition::Disk(How::Fails(DiskFault::Locked)),
    Transition::Disk(How::Fails(DiskFault::NoEffect)),
    Transition::Disk(How::FailsHalfway(DiskFault::NoSpace)),
    Transition::Disk(How::FailsDone(DiskFault::Io)),
    Transition::DiskLost(Lost::Done),
    Transition::DiskLost(Lost::NotDone),
    Transition::DiskLost(Lost::Late),
    Transition::Lie(Lie::Unreadable),
    Transition::Lie(Lie::Flipped),
    Transition::Lie(Lie::FlippedPending),
    Transition::Lie(Lie::LiveUnreadable),
    Transition::Kill(How::Well),
    Transition::Kill(How::FailsHalfway(DiskFault::Io)),
];

/// Faults while a call is in flight.
const CALL: &[Transition] = &[
    Transition::Call(IssuerFault::Unreachable, false),
    Transition::Call(IssuerFault::Unreachable, true),
    Transition::Call(IssuerFault::NotAuthenticated, false),
    Transition::Call(IssuerFault::NotFound, false),
    Transition::Call(IssuerFault::AlreadyExists, false),
    Transition::Call(IssuerFault::Throttled { retry_after: Some(Span::ZERO) }, false),
    Transition::Call(IssuerFault::Throttled { retry_after: DECADE }, false),
    Transition::Call(IssuerFault::Invalid, false),
    Transition::Call(IssuerFault::Unavailable { retry_after: DECADE }, false),
    Transition::Call(IssuerFault::WatchEnded, false),
    Transition::CallLost(Lost::Done),
    Transition::CallLost(Lost::NotDone),
    Transition::CallLost(Lost::Late),
    Transition::Verdict(Approver::Denies),
    Transition::Verdict(Approver::Fails),
    Transition::Verdict(Approver::NoSigner),
    Transition::Verdict(Approver::Absent),
    Transition::Bad(Bad::Flawed(Flaw::Key)),
    Transition::Bad(Bad::Flawed(Flaw::Subject)),
    Transition::Bad(Bad::Flawed(Flaw::Sans)),
    Transition::Bad(Bad::Flawed(Flaw::Usage)),
    Transition::Bad(Bad::Flawed(Flaw::ExtraUsage)),
    Transition::Bad(Bad::Flawed(Flaw::Ca)),
    Transition::Bad(Bad::Flawed(Flaw::Chain)),
    Transition::Bad(Bad::Expired),
    Transition::Bad(Bad::Early),
    Transition::Bad(Bad::Short),
    Transition::Bad(Bad::Unreadable),
    Transition::Object(ObjectChange::Delete),
    Transition::Object(ObjectChange::ForeignKey),
    Transition::Object(ObjectChange::ForeignSigner),
    Transition::Object(ObjectChange::Recreate),
];

/// At any time: faults, operator actions, and a start with another node name.
pub const ANY_TIME: &[Transition] = &[
    Transition::Tick(Until::Wake),
    Transition::Tick(Until::BeforeWake),
    Transition::Tick(Until::End),
    Transition::Repeat,
    Transition::Stale(0),
    Transition::Stale(1),
    Transition::Kill(How::Fails(DiskFault::Io)),
    Transition::Off(Until::End),
    Transition::Suspend(Until::Span(Span::from_hours(30))),
    Transition::Jump(Jump::By(HOUR)),
    Transition::Jump(Jump::By(-HOUR)),
    Transition::Jump(Jump::End),
    Transition::Jump(Jump::BeforeStart),
    Transition::Jump(Jump::Renewal),
    Transition::Jump(Jump::By(YEAR)),
    Transition::Jump(Jump::By(-YEAR)),
    Transition::Damage(Damage::TruncateLive),
    Transition::Damage(Damage::FileForLink),
    Transition::Damage(Damage::ForeignLink),
    Transition::Damage(Damage::NoCurrentLink),
    Transition::Damage(Damage::Temporary),
    Transition::Damage(Damage::PendingGarbage),
    Transition::Damage(Damage::NoPending),
    Transition::Damage(Damage::FarBundle),
    Transition::Damage(Damage::OlderLive),
    Transition::Damage(Damage::OtherKey),
    Transition::Damage(Damage::LinkedPair),
    Transition::Damage(Damage::FiledPair),
    Transition::Damage(Damage::DatedPair),
    Transition::Damage(Damage::StrangersPair),
    Transition::Damage(Damage::CopiedLive),
    Transition::Damage(Damage::Exposed),
    Transition::Damage(Damage::Backup),
    Transition::RotateNow,
    Transition::Shutdown,
    Transition::Slow(Until::End),
    Transition::Slow(Until::Wake),
    Transition::OtherNodeName,
    Transition::Reconfigure(Edit::Subject),
    Transition::Reconfigure(Edit::MoreNames),
    Transition::Reconfigure(Edit::Usages),
    Transition::Reconfigure(Edit::First),
    Transition::Driver(DriverFault::MonoBack(Span::from_ms(1 << 22))),
    Transition::Driver(DriverFault::WrongKind),
    Transition::Driver(DriverFault::LosesHandles),
];

/// Returns the faults that can have an effect in this world, except power cuts.
pub fn faults(world: &World) -> impl Iterator<Item = Transition> {
    let under_way = |wanted: fn(&Effect) -> bool| world.in_flight.iter().any(|asked| wanted(&asked.effect));
    let disk = if under_way(|effect| matches!(effect, Effect::Disk(_))) { DISK } else { &[] };
    let call = if under_way(|effect| matches!(effect, Effect::Call(..))) { CALL } else { &[] };
    let key = under_way(|effect| matches!(effect, Effect::Key(_))).then_some(Transition::KeyFails);
    let late = (!world.late.is_empty()).then_some(Transition::Late);
    disk.iter().chain(call).chain(ANY_TIME).copied().chain(key).chain(late)
}
