//! What the second byte of a transition chooses from.

use certrotate_core::disk::DiskFault;
use certrotate_core::issuer::IssuerFault;
use certrotate_core::time::Span;

use super::{Damage, DriverFault, Edit, Jump, Lost, ObjectChange, Until};
use crate::cert::Flaw;
use crate::disk::{How, Kind};
use crate::server::{Approver, Bad};
use crate::world::Lie;

const SPANS: [Until; 10] = [
    Until::Wake,
    Until::BeforeWake,
    Until::End,
    Until::BeforeEnd,
    Until::Renewal,
    Until::Overslept(Span::from_hours(1)),
    Until::Overslept(Span::from_hours(720)),
    Until::Span(Span::from_mins(1)),
    Until::Span(Span::from_hours(30)),
    Until::Span(Span::from_hours(8760)),
];

const HOUR: i64 = 3_600_000;
const YEAR: i64 = 8760 * HOUR;

const JUMPS: [Jump; 16] = [
    Jump::By(1000),
    Jump::By(-1000),
    Jump::By(HOUR),
    Jump::By(-HOUR),
    Jump::End,
    Jump::BeforeStart,
    Jump::Renewal,
    Jump::By(YEAR),
    Jump::By(-YEAR),
    Jump::By(100 * YEAR),
    Jump::By(-100 * YEAR),
    Jump::To(0),
    Jump::To(i64::MIN),
    Jump::To(i64::MAX),
    Jump::By(10),
    Jump::By(-10),
];

/// Locked, Unsafe and NoDirectory end a run, which is started again.
pub(super) const DISK_FAULTS: [DiskFault; 9] = [
    DiskFault::NoSpace,
    DiskFault::ReadOnly,
    DiskFault::Denied,
    DiskFault::Io,
    DiskFault::Exists,
    DiskFault::NotFound,
    DiskFault::Locked,
    DiskFault::Unsafe,
    DiskFault::NoDirectory,
];

const DECADE: Option<Span> = Some(Span::from_hours(87_600));

pub(super) const ISSUER_FAULTS: [IssuerFault; 14] = [
    IssuerFault::Unreachable,
    IssuerFault::NotAuthenticated,
    IssuerFault::NotPermitted,
    IssuerFault::NotFound,
    IssuerFault::AlreadyExists,
    IssuerFault::Throttled { retry_after: Some(Span::ZERO) },
    IssuerFault::Throttled { retry_after: DECADE },
    IssuerFault::Throttled { retry_after: None },
    IssuerFault::Invalid,
    IssuerFault::Unavailable { retry_after: None },
    IssuerFault::Unavailable { retry_after: DECADE },
    IssuerFault::WatchEnded,
    IssuerFault::NoCredential,
    IssuerFault::Unexpected,
];

/// Of how many calls the server answers one.
pub(super) const RARELY: [u8; 8] = [2, 3, 4, 5, 6, 7, 3, 0];

/// The periods of crash loops: shorter and longer than a supervisor's pause, than the first wait for a new request, and than the
/// longest wait for a call.
pub(super) const EVERY: [Span; 4] =
    [Span::from_secs(5), Span::from_secs(40), Span::from_mins(11), Span::from_mins(50)];

pub(super) const APPROVERS: [Approver; 5] =
    [Approver::Denies, Approver::Fails, Approver::NoSigner, Approver::Absent, Approver::Auto];

pub(super) const BADS: [Bad; 17] = [
    Bad::Flawed(Flaw::Key),
    Bad::Flawed(Flaw::Subject),
    Bad::Flawed(Flaw::SubjectCase),
    Bad::Flawed(Flaw::Organization),
    Bad::Flawed(Flaw::Sans),
    Bad::Flawed(Flaw::Usage),
    Bad::Flawed(Flaw::ExtraUsage),
    Bad::Flawed(Flaw::Ca),
    Bad::Flawed(Flaw::Chain),
    Bad::Expired,
    Bad::Early,
    Bad::Short,
    Bad::Unreadable,
    Bad::Between(-YEAR, 20_000),
    Bad::Between(i64::MIN, 1000 * YEAR),
    Bad::Between(174 * YEAR, 175 * YEAR),
    Bad::Between(-1000, 100 * YEAR),
];

pub(super) const OBJECT_CHANGES: [ObjectChange; 6] = [
    ObjectChange::Delete,
    ObjectChange::ForeignKey,
    ObjectChange::ForeignSigner,
    ObjectChange::ForeignUsages,
    ObjectChange::ForgetAll,
    ObjectChange::Recreate,
];

pub(super) const LIES: [Lie; 4] = [Lie::Unreadable, Lie::Flipped, Lie::FlippedPending, Lie::LiveUnreadable];

/// What other programs, and backups, leave.
pub(super) const LEFT: [Damage; 8] = [
    Damage::LinkedPair,
    Damage::FiledPair,
    Damage::DatedPair,
    Damage::EndedPair,
    Damage::StrangersPair,
    Damage::CopiedLive,
    Damage::Exposed,
    Damage::Backup,
];

pub(super) const DAMAGES: [Damage; 11] = [
    Damage::TruncateLive,
    Damage::FileForLink,
    Damage::ForeignLink,
    Damage::Directory,
    Damage::NoCurrentLink,
    Damage::Temporary,
    Damage::PendingGarbage,
    Damage::NoPending,
    Damage::FarBundle,
    Damage::OlderLive,
    Damage::OtherKey,
];

pub(super) const LOSTS: [Lost; 3] = [Lost::Done, Lost::NotDone, Lost::Late];

/// Edits that end the request are listed more often.
pub(super) const EDITS: [Edit; 8] = [
    Edit::Subject,
    Edit::MoreNames,
    Edit::FewerNames,
    Edit::Usages,
    Edit::First,
    Edit::RequestedLifetime,
    Edit::Subject,
    Edit::Seed,
];

pub(super) fn pick<T: Copy, const N: usize>(all: &[T; N], arg: u8) -> T {
    all[usize::from(arg) % N]
}

/// A span by powers of two: from a millisecond to a year.
pub(super) fn span(arg: u8) -> Span {
    Span::from_ms(1 << (arg % 36))
}

pub(super) fn until(arg: u8) -> Until {
    if arg < 64 { pick(&SPANS, arg) } else { Until::Span(span(arg)) }
}

pub(super) fn jump(arg: u8) -> Jump {
    match arg {
        0..160 => pick(&JUMPS, arg),
        160..208 => Jump::By(1 << (arg % 36)),
        _ => Jump::By(-(1 << (arg % 36))),
    }
}

/// The failure that a kind of operation keeps.
pub(super) fn lasting_fault(kind: Kind, arg: u8) -> DiskFault {
    match (kind, arg) {
        (Kind::Unlink, 192..) => DiskFault::NoEffect,
        _ => pick(&DISK_FAULTS, arg / 9 % 4),
    }
}

pub(super) fn how(arg: u8) -> How {
    let fault = pick(&DISK_FAULTS, arg % 18 / 2);
    match arg / 18 % 3 {
        _ if arg >= 234 => How::Fails(DiskFault::NoEffect),
        0 => How::Fails(fault),
        1 => How::FailsHalfway(DiskFault::NoSpace),
        _ => How::FailsDone(DiskFault::Io),
    }
}

pub(super) fn driver_fault(arg: u8) -> DriverFault {
    match arg {
        0..128 => DriverFault::MonoBack(Span::from_ms(1 << (arg % 36))),
        128..192 => DriverFault::WrongKind,
        _ => DriverFault::LosesHandles,
    }
}

/// Lives from ten seconds to a year.
pub(crate) fn lifetime(arg: u8) -> Span {
    Span::from_secs(pick(&[86_400, 3600, 600, 10, 60, 31_536_000], arg))
}
