//! The names of faults, as they are counted.

use certrotate_core::disk::DiskFault;
use certrotate_core::issuer::IssuerFault;

use crate::cert::Flaw;
use crate::disk::How;
use crate::server::{Approver, Bad};
use crate::transition::{Damage, DriverFault, Edit, Jump, Lost, ObjectChange, Transition, Until};
use crate::world::Lie;

impl Transition {
    /// The name of the fault that it is; `None` for regular progress and for requests.
    #[must_use]
    pub fn fault(self) -> Option<&'static str> {
        Some(match self {
            Self::Step(_)
            | Self::Answer(_)
            | Self::RotateNow
            | Self::Shutdown
            | Self::OtherNodeName
            | Self::Mend
            | Self::Reconfigure(Edit::Seed)
            | Self::Late => return None,
            Self::Outage(None) | Self::Issues(None) | Self::Silent(false) | Self::Rarely(0) => return None,
            Self::Refuse(false, false) | Self::Watches(false, false) | Self::Lose(0, 0) => return None,
            Self::Approver(Approver::Auto) | Self::Verdict(Approver::Auto) => return None,
            Self::Tick(Until::Overslept(_)) => "time: the node oversleeps",
            Self::Slow(_) => "time: an answer takes its time",
            Self::Tick(_) => "time: an operation is not answered in time",
            Self::Jump(jump) => self::jump(jump),
            Self::Disk(how) => disk(how),
            Self::DiskLost(Lost::Done) => "disk: the answer is lost",
            Self::DiskLost(Lost::NotDone) => "disk: an operation hangs for ever",
            Self::DiskLost(Lost::Late) => "disk: the answer is late",
            Self::Call(_, true) => "issuer: the connection is cut after the request was carried out",
            Self::Call(fault, false) | Self::Outage(Some(fault)) => issuer(fault),
            Self::CallLost(Lost::Done) => "issuer: the answer is lost",
            Self::CallLost(Lost::NotDone) => "issuer: the request is lost",
            Self::CallLost(Lost::Late) => "issuer: the answer is late",
            Self::KeyFails => "key: none can be made",
            Self::Repeat => "driver: an answer is given twice",
            Self::Stale(_) => "driver: an answer to an operation that is over",
            Self::Verdict(approver) | Self::Approver(approver) => self::approver(approver),
            Self::Bad(bad) | Self::Issues(Some(bad)) => self::bad(bad),
            Self::Object(change) => object(change),
            Self::Refuse(true, true) => "issuer: both credentials are refused",
            Self::Refuse(true, false) => "issuer: the live identity is refused",
            Self::Refuse(false, true) => "issuer: the bootstrap credential is refused",
            Self::Silent(true) => "issuer: the server is silent",
            Self::Rarely(_) => "issuer: the server answers few calls",
            Self::Latency(_) => "issuer: approver and signer are slow",
            Self::Lifetime(_) => "issuer: the lifetime of certificates changes",
            Self::Watches(_, true) => "issuer: watches are forbidden",
            Self::Watches(true, false) => "issuer: watches end at once",
            Self::Kill(How::FailsHalfway(_)) => "process: killed in the middle of an operation",
            Self::Kill(_) => "process: killed",
            Self::CrashLoop(_) => "process: killed repeatedly",
            Self::Off(_) => "process: off for a while",
            Self::Suspend(_) => "time: the machine sleeps",
            Self::PowerCut(_) => "power: cut",
            Self::Lie(lie) => self::lie(lie),
            Self::Damage(damage) => self::damage(damage),
            Self::DiskFails(fault) if fault.times > 2 => "disk: fails for a long time",
            Self::DiskFails(_) => "disk: fails for a while",
            Self::Lose(..) => "driver: answers are lost",
            Self::Reconfigure(edit) => self::edit(edit),
            Self::Driver(DriverFault::WrongKind) => "driver: an answer of another kind",
            Self::Driver(DriverFault::LosesHandles) => "driver: a key is erased too early",
            Self::Driver(DriverFault::MonoBack(_)) => "driver: the monotonic clock goes back",
        })
    }
}

fn jump(jump: Jump) -> &'static str {
    match jump {
        Jump::End => "time: the wall clock jumps past the expiry",
        Jump::BeforeStart => "time: the wall clock jumps to before the start",
        Jump::Renewal => "time: the wall clock jumps to the renewal",
        Jump::To(_) => "time: the wall clock shows an impossible time",
        Jump::By(ms) if ms.abs() > 50 * 8_760 * 3_600_000 => "time: the wall clock jumps by a century",
        Jump::By(ms) if ms.abs() <= 1000 => "time: the wall clock drifts",
        Jump::By(0..) => "time: the wall clock jumps ahead",
        Jump::By(_) => "time: the wall clock jumps back",
    }
}

fn disk(how: How) -> &'static str {
    match how {
        How::Well | How::Pretended => "disk: as it should",
        How::FailsHalfway(_) => "disk: fails half done",
        How::FailsDone(_) => "disk: is done and reported as failed",
        How::Fails(DiskFault::NoSpace) => "disk: no space",
        How::Fails(DiskFault::ReadOnly) => "disk: read-only",
        How::Fails(DiskFault::Denied) => "disk: permission denied",
        How::Fails(DiskFault::Io) => "disk: input/output error",
        How::Fails(DiskFault::HandleGone) => "disk: the driver lost the key",
        How::Fails(DiskFault::NoEffect) => "disk: is reported as done, and is not",
        How::Fails(DiskFault::WrongKind) => "disk: an answer of another kind",
        How::Fails(DiskFault::Exists) => "disk: the name is taken",
        How::Fails(DiskFault::NotFound) => "disk: the name is gone",
        How::Fails(DiskFault::Locked) => "disk: the lock is held already",
        How::Fails(DiskFault::Unsafe) => "disk: the directory is unsafe",
        How::Fails(DiskFault::NoDirectory) => "disk: the directory is missing",
        How::Fails(_) => "disk: a fault without a name here",
    }
}

fn issuer(fault: IssuerFault) -> &'static str {
    match fault {
        IssuerFault::NoCredential => "issuer: no credential",
        IssuerFault::Unreachable => "issuer: unreachable",
        IssuerFault::NotAuthenticated => "issuer: not authenticated",
        IssuerFault::NotPermitted => "issuer: not permitted",
        IssuerFault::NotFound => "issuer: not found",
        IssuerFault::AlreadyExists => "issuer: the name exists",
        IssuerFault::Throttled { retry_after: None } => "issuer: throttled",
        IssuerFault::Throttled { retry_after: Some(after) } if after.ms() == 0 => {
            "issuer: throttled, at once again"
        }
        IssuerFault::Throttled { .. } => "issuer: throttled, in ten years again",
        IssuerFault::Invalid => "issuer: invalid",
        IssuerFault::Unavailable { retry_after: None } => "issuer: unavailable",
        IssuerFault::Unavailable { .. } => "issuer: unavailable, in ten years again",
        IssuerFault::WatchEnded => "issuer: the watch ended",
        IssuerFault::HandleGone => "issuer: the driver lost the key",
        IssuerFault::WrongKind => "issuer: an answer of another kind",
        IssuerFault::Unexpected => "issuer: unexpected",
        _ => "issuer: a fault without a name here",
    }
}

fn approver(approver: Approver) -> &'static str {
    match approver {
        Approver::Auto => "issuer: approved and signed",
        Approver::Absent => "issuer: no approver",
        Approver::NoSigner => "issuer: approved and not signed",
        Approver::Denies => "issuer: denied",
        Approver::Fails => "issuer: failed by the signer",
    }
}

fn bad(bad: Bad) -> &'static str {
    match bad {
        Bad::Flawed(Flaw::Key) => "certificate: for another key",
        Bad::Flawed(Flaw::Subject | Flaw::SubjectCase) => "certificate: for another subject",
        Bad::Flawed(Flaw::Organization) => "certificate: with another group",
        Bad::Flawed(Flaw::Sans) => "certificate: with another name",
        Bad::Flawed(Flaw::Usage) => "certificate: a usage is missing",
        Bad::Flawed(Flaw::ExtraUsage) => "certificate: a usage too many",
        Bad::Flawed(Flaw::Ca) => "certificate: a CA",
        Bad::Flawed(Flaw::Chain) => "certificate: of another CA",
        Bad::Expired => "certificate: over already",
        Bad::Early => "certificate: starts in the future",
        Bad::Short => "certificate: hardly any lifetime left",
        Bad::Between(..) => "certificate: absurd dates",
        Bad::Unreadable => "certificate: not to be read",
    }
}

fn object(change: ObjectChange) -> &'static str {
    match change {
        ObjectChange::Delete => "issuer: the object is deleted",
        ObjectChange::ForeignKey => "issuer: the object is for another key",
        ObjectChange::ForeignSigner => "issuer: the object is for another signer",
        ObjectChange::ForeignUsages => "issuer: the object is for other usages",
        ObjectChange::ForgetAll => "issuer: the server forgets everything",
        ObjectChange::Recreate => "issuer: the object is made anew",
    }
}

fn lie(lie: Lie) -> &'static str {
    match lie {
        Lie::Unreadable => "read: the live bundle cannot be read",
        Lie::Flipped => "read: a bit of the live bundle is flipped",
        Lie::FlippedPending => "read: a bit of the pending file is flipped",
        Lie::LiveUnreadable => "read: the current link cannot be read",
    }
}

fn edit(edit: Edit) -> &'static str {
    match edit {
        Edit::Subject => "template: another subject",
        Edit::MoreNames => "template: one name more",
        Edit::FewerNames => "template: one name less",
        Edit::Usages => "template: other usages",
        Edit::First => "template: as in the beginning",
        Edit::RequestedLifetime => "template: another lifetime",
        Edit::Seed => "template: the same",
    }
}

fn damage(damage: Damage) -> &'static str {
    match damage {
        Damage::TruncateLive => "outside: the live bundle is cut short",
        Damage::FileForLink => "outside: a file in place of the link",
        Damage::ForeignLink => "outside: the link leads elsewhere",
        Damage::Directory => "outside: a directory in place of the link",
        Damage::NoCurrentLink => "outside: the link is removed",
        Damage::Temporary => "outside: a temporary file is left over",
        Damage::PendingGarbage => "outside: a pending file of garbage",
        Damage::NoPending => "outside: the pending file is removed",
        Damage::FarBundle => "outside: a bundle of a far generation",
        Damage::OlderLive => "outside: the link is put back to the bundle before",
        Damage::OtherKey => "outside: the live bundle has another key",
        Damage::LinkedPair => "left: the current link leads to a pair elsewhere",
        Damage::FiledPair => "left: the current link is a file with a pair",
        Damage::DatedPair => "left: a pair in a file with a date",
        Damage::EndedPair => "left: an expired pair",
        Damage::StrangersPair => "left: a pair of another node",
        Damage::CopiedLive => "left: the current link is a copy of its bundle",
        Damage::Exposed => "left: others may read the live bundle",
        Damage::Backup => "left: an older backup",
    }
}
