//! What the explorer lets happen.

use certrotate_core::api::ApiFault;
use certrotate_core::disk::DiskFault;
use certrotate_core::time::Span;

use crate::cert::Flaw;
use crate::disk::How;
use crate::event::{Damage, Edit, Event, Jump, Lost, Meddling, Until};
use crate::server::{Approver, Bad};
use crate::world::{Lie, What, World};

/// The course of things: the next answer or deadline, or the answer after the next first.
pub const NATURAL: &[Event] = &[Event::Step(0), Event::Answer(1)];

const HOUR: i64 = 3_600_000;
const YEAR: i64 = 8760 * HOUR;
const DECADE: Option<Span> = Some(Span::from_hours(87_600));

/// While a disk operation is under way.
const DISK: &[Event] = &[
    Event::Disk(How::Fails(DiskFault::NoSpace)),
    Event::Disk(How::Fails(DiskFault::Io)),
    Event::Disk(How::Fails(DiskFault::Locked)),
    Event::Disk(How::FailsHalfway(DiskFault::NoSpace)),
    Event::Disk(How::FailsDone(DiskFault::Io)),
    Event::DiskLost(Lost::Done),
    Event::DiskLost(Lost::NotDone),
    Event::DiskLost(Lost::Late),
    Event::Lie(Lie::Unreadable),
    Event::Lie(Lie::Flipped),
    Event::Lie(Lie::FlippedPending),
    Event::Lie(Lie::LiveUnreadable),
    Event::Kill(How::Well),
    Event::Kill(How::FailsHalfway(DiskFault::Io)),
];

/// While a call is under way.
const CALL: &[Event] = &[
    Event::Call(ApiFault::Unreachable, false),
    Event::Call(ApiFault::Unreachable, true),
    Event::Call(ApiFault::Unauthorized, false),
    Event::Call(ApiFault::NotFound, false),
    Event::Call(ApiFault::AlreadyExists, false),
    Event::Call(ApiFault::TooManyRequests { retry_after: Some(Span::ZERO) }, false),
    Event::Call(ApiFault::TooManyRequests { retry_after: DECADE }, false),
    Event::Call(ApiFault::Invalid, false),
    Event::Call(ApiFault::ServerError { retry_after: DECADE }, false),
    Event::Call(ApiFault::WatchEnded, false),
    Event::CallLost(Lost::Done),
    Event::CallLost(Lost::NotDone),
    Event::CallLost(Lost::Late),
    Event::Verdict(Approver::Denies),
    Event::Verdict(Approver::Fails),
    Event::Verdict(Approver::NoSigner),
    Event::Verdict(Approver::Absent),
    Event::Bad(Bad::Flawed(Flaw::Key)),
    Event::Bad(Bad::Flawed(Flaw::Subject)),
    Event::Bad(Bad::Flawed(Flaw::Sans)),
    Event::Bad(Bad::Flawed(Flaw::Usage)),
    Event::Bad(Bad::Flawed(Flaw::ExtraUsage)),
    Event::Bad(Bad::Flawed(Flaw::Ca)),
    Event::Bad(Bad::Flawed(Flaw::Chain)),
    Event::Bad(Bad::Expired),
    Event::Bad(Bad::Early),
    Event::Bad(Bad::Short),
    Event::Bad(Bad::Unreadable),
    Event::Object(Meddling::Delete),
    Event::Object(Meddling::ForeignKey),
    Event::Object(Meddling::ForeignSigner),
    Event::Object(Meddling::Recreate),
];

/// At any time.
pub const FAULTS: &[Event] = &[
    Event::Tick(Until::Wake),
    Event::Tick(Until::BeforeWake),
    Event::Tick(Until::End),
    Event::Repeat,
    Event::Stale(0),
    Event::Stale(1),
    Event::Kill(How::Fails(DiskFault::Io)),
    Event::Off(Until::End),
    Event::Suspend(Until::Span(Span::from_hours(30))),
    Event::Jump(Jump::By(HOUR)),
    Event::Jump(Jump::By(-HOUR)),
    Event::Jump(Jump::End),
    Event::Jump(Jump::BeforeStart),
    Event::Jump(Jump::Renewal),
    Event::Jump(Jump::By(YEAR)),
    Event::Jump(Jump::By(-YEAR)),
    Event::Plant(Damage::TruncateLive),
    Event::Plant(Damage::FileForLink),
    Event::Plant(Damage::ForeignLink),
    Event::Plant(Damage::NoLiveName),
    Event::Plant(Damage::Temporary),
    Event::Plant(Damage::PendingGarbage),
    Event::Plant(Damage::NoPending),
    Event::Plant(Damage::FarBundle),
    Event::Plant(Damage::OlderLive),
    Event::Plant(Damage::OtherKey),
    Event::Plant(Damage::LinkedPair),
    Event::Plant(Damage::FiledPair),
    Event::Plant(Damage::DatedPair),
    Event::Plant(Damage::StrangersPair),
    Event::Plant(Damage::CopiedLive),
    Event::Plant(Damage::Exposed),
    Event::Plant(Damage::Backup),
    Event::RotateNow,
    Event::Shutdown,
    Event::Slow(Until::End),
    Event::Slow(Until::Wake),
    Event::Rename,
    Event::Reconfigure(Edit::Subject),
    Event::Reconfigure(Edit::MoreNames),
    Event::Reconfigure(Edit::Usages),
    Event::Reconfigure(Edit::First),
];

/// The faults that something may come of in this world, but for power cuts.
pub fn faults(world: &World) -> impl Iterator<Item = Event> {
    let under_way = |wanted: fn(&What) -> bool| world.asked.iter().any(|asked| wanted(&asked.what));
    let disk = if under_way(|what| matches!(what, What::Disk(_))) { DISK } else { &[] };
    let call = if under_way(|what| matches!(what, What::Call(..))) { CALL } else { &[] };
    let key = under_way(|what| matches!(what, What::Key(_))).then_some(Event::KeyFails);
    let late = (!world.late.is_empty()).then_some(Event::Late);
    disk.iter().chain(call).chain(FAULTS).copied().chain(key).chain(late)
}
