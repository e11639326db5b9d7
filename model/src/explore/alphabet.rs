//! What the explorer lets happen.

use certrotate_core::api::ApiFault;
use certrotate_core::disk::DiskFault;
use certrotate_core::time::Span;

use crate::cert::Flaw;
use crate::disk::How;
use crate::server::{Approver, Bad};
use crate::transition::{Damage, Edit, Jump, Lost, Meddling, Transition, Until};
use crate::world::{Lie, What, World};

/// The course of things: the next answer or deadline, or the answer after the next first.
pub const NATURAL: &[Transition] = &[Transition::Step(0), Transition::Answer(1)];

const HOUR: i64 = 3_600_000;
const YEAR: i64 = 8760 * HOUR;
const DECADE: Option<Span> = Some(Span::from_hours(87_600));

/// While a disk operation is under way.
const DISK: &[Transition] = &[
    Transition::Disk(How::Fails(DiskFault::NoSpace)),
    Transition::Disk(How::Fails(DiskFault::Io)),
    Transition::Disk(How::Fails(DiskFault::Locked)),
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

/// While a call is under way.
const CALL: &[Transition] = &[
    Transition::Call(ApiFault::Unreachable, false),
    Transition::Call(ApiFault::Unreachable, true),
    Transition::Call(ApiFault::Unauthorized, false),
    Transition::Call(ApiFault::NotFound, false),
    Transition::Call(ApiFault::AlreadyExists, false),
    Transition::Call(ApiFault::TooManyRequests { retry_after: Some(Span::ZERO) }, false),
    Transition::Call(ApiFault::TooManyRequests { retry_after: DECADE }, false),
    Transition::Call(ApiFault::Invalid, false),
    Transition::Call(ApiFault::ServerError { retry_after: DECADE }, false),
    Transition::Call(ApiFault::WatchEnded, false),
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
    Transition::Object(Meddling::Delete),
    Transition::Object(Meddling::ForeignKey),
    Transition::Object(Meddling::ForeignSigner),
    Transition::Object(Meddling::Recreate),
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
    Transition::Plant(Damage::TruncateLive),
    Transition::Plant(Damage::FileForLink),
    Transition::Plant(Damage::ForeignLink),
    Transition::Plant(Damage::NoLiveName),
    Transition::Plant(Damage::Temporary),
    Transition::Plant(Damage::PendingGarbage),
    Transition::Plant(Damage::NoPending),
    Transition::Plant(Damage::FarBundle),
    Transition::Plant(Damage::OlderLive),
    Transition::Plant(Damage::OtherKey),
    Transition::Plant(Damage::LinkedPair),
    Transition::Plant(Damage::FiledPair),
    Transition::Plant(Damage::DatedPair),
    Transition::Plant(Damage::StrangersPair),
    Transition::Plant(Damage::CopiedLive),
    Transition::Plant(Damage::Exposed),
    Transition::Plant(Damage::Backup),
    Transition::RotateNow,
    Transition::Shutdown,
    Transition::Slow(Until::End),
    Transition::Slow(Until::Wake),
    Transition::OtherNodeName,
    Transition::Reconfigure(Edit::Subject),
    Transition::Reconfigure(Edit::MoreNames),
    Transition::Reconfigure(Edit::Usages),
    Transition::Reconfigure(Edit::First),
];

/// The faults that something may come of in this world, except power cuts.
pub fn faults(world: &World) -> impl Iterator<Item = Transition> {
    let under_way = |wanted: fn(&What) -> bool| world.asked.iter().any(|asked| wanted(&asked.what));
    let disk = if under_way(|what| matches!(what, What::Disk(_))) { DISK } else { &[] };
    let call = if under_way(|what| matches!(what, What::Call(..))) { CALL } else { &[] };
    let key = under_way(|what| matches!(what, What::Key(_))).then_some(Transition::KeyFails);
    let late = (!world.late.is_empty()).then_some(Transition::Late);
    disk.iter().chain(call).chain(ANY_TIME).copied().chain(key).chain(late)
}
