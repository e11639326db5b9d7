//! What happens in a scenario, two bytes each: which event, and how much of it.
//!
//! Every pair of bytes is an event, whatever came before it; one that finds nothing to happen to does nothing. All engines
//! share this alphabet, so that what one finds, any other can replay.

use certrotate_core::api::ApiFault;
use certrotate_core::disk::DiskFault;
use certrotate_core::time::Span;

use crate::cert::Flaw;
use crate::disk::{Fault, How, Kind};
use crate::server::{Approver, Bad};
use crate::world::Lie;

mod name;

/// One event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// So many things take their course: an answer comes, or time passes until the node wants its tick.
    Step(u8),
    /// Of the answers that could come now, that of this operation comes first.
    Answer(u8),
    /// Time passes on both clocks, and the node notices; what was asked for is not answered meanwhile.
    Tick(Until),
    /// The wall clock jumps.
    Jump(Jump),
    /// The disk operation that is under way goes wrong.
    Disk(How),
    /// The answer of the disk operation that is under way does not come: it was done or not, and comes late or never.
    DiskLost(Lost),
    /// The call that is under way meets a fault; with `true`, after it was carried out.
    Call(ApiFault, bool),
    /// The answer of the call that is under way does not come.
    CallLost(Lost),
    /// No key can be made.
    KeyFails,
    /// An answer that is late comes.
    Late,
    /// The last input is given again (M1).
    Repeat,
    /// An answer comes to an operation that ended so many operations ago.
    Stale(u8),
    /// What approver and signer do with the next request.
    Verdict(Approver),
    /// What is wrong with the next certificate.
    Bad(Bad),
    /// Somebody changes the object that the node asks for.
    Object(Meddling),
    /// Which credentials are refused from now on: the live one, the bootstrap one.
    Refuse(bool, bool),
    /// Every call meets this fault from now on, or none does.
    Outage(Option<ApiFault>),
    /// The server does not answer any more, or does again.
    Silent(bool),
    /// The approver changes.
    Approver(Approver),
    /// What is issued changes.
    Issues(Option<Bad>),
    /// How long approver and signer take.
    Latency(Span),
    /// How long certificates live.
    Lifetime(Span),
    /// Watches are closed at once, or forbidden.
    Watches(bool, bool),
    /// The process is killed and started; what the disk was doing is not done, half done or done.
    Kill(How),
    /// The process is killed, time passes, it is started.
    Off(Until),
    /// The machine sleeps; nobody notices until the node is told of something else.
    Suspend(Until),
    /// The power goes; the disk is left as in the image of this number.
    PowerCut(u8),
    /// The next scan misreads something.
    Lie(Lie),
    /// Somebody puts something behind a name.
    Plant(Damage),
    /// Disk operations of a kind fail for a while.
    DiskFails(Fault),
    /// So many answers of the disk, and of calls, get lost.
    Lose(u8, u8),
    /// Every failure ends, and what somebody put in the way is moved away; the node is not told.
    Mend,
    /// Somebody asks for a rotation.
    RotateNow,
    /// A clean shutdown, and another start.
    Shutdown,
}

/// What becomes of an answer that does not come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lost {
    /// It was done, and nobody will ever say so.
    Done,
    /// It was not done.
    NotDone,
    /// It was done, and the answer comes late.
    Late,
}

/// How far time goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Until {
    /// To when the node wants its tick.
    Wake,
    /// To a millisecond before that.
    BeforeWake,
    /// To the end of what is live.
    End,
    /// To a millisecond before it.
    BeforeEnd,
    /// To the renewal of what is live.
    Renewal,
    /// To a while after the node wanted its tick.
    Overslept(Span),
    /// So far.
    Span(Span),
}

/// Where the wall clock jumps to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Jump {
    /// So many milliseconds on, or back.
    By(i64),
    /// To the end of what is live.
    End,
    /// To a millisecond before the start of what is live.
    BeforeStart,
    /// To the renewal of what is live.
    Renewal,
    /// To this time, in milliseconds since 1970.
    To(i64),
}

/// What somebody does to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Meddling {
    /// Deletes it.
    Delete,
    /// Replaces it by one for another key.
    ForeignKey,
    /// Replaces it by one for another signer.
    ForeignSigner,
    /// Replaces it by one for other usages.
    ForeignUsages,
    /// Deletes everything.
    ForgetAll,
    /// Deletes it and makes it anew, so that it waits again.
    Recreate,
}

/// What somebody does to the directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Damage {
    /// The file that the live name names is cut short.
    TruncateLive,
    /// The live name is a file of somebody's.
    FileForLink,
    /// The live name leads elsewhere.
    ForeignLink,
    /// The live name is a directory.
    Directory,
    /// The live name is gone.
    NoLiveName,
    /// A temporary name is left over.
    Temporary,
    /// A pending file is garbage.
    PendingGarbage,
    /// The pending file is gone.
    NoPending,
    /// A bundle of a far generation is garbage.
    FarBundle,
    /// The previous bundle has the live name.
    OlderLive,
}

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
const DISK_FAULTS: [DiskFault; 9] = [
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

const KINDS: [Kind; 9] = [
    Kind::Lock,
    Kind::Scan,
    Kind::Create,
    Kind::Write,
    Kind::SyncFile,
    Kind::Rename,
    Kind::Symlink,
    Kind::Unlink,
    Kind::SyncDir,
];

const DECADE: Option<Span> = Some(Span::from_hours(87_600));

const API_FAULTS: [ApiFault; 14] = [
    ApiFault::Unreachable,
    ApiFault::Unauthorized,
    ApiFault::Forbidden,
    ApiFault::NotFound,
    ApiFault::AlreadyExists,
    ApiFault::TooManyRequests { retry_after: Some(Span::ZERO) },
    ApiFault::TooManyRequests { retry_after: DECADE },
    ApiFault::TooManyRequests { retry_after: None },
    ApiFault::Invalid,
    ApiFault::ServerError { retry_after: None },
    ApiFault::ServerError { retry_after: DECADE },
    ApiFault::WatchEnded,
    ApiFault::NoCredential,
    ApiFault::Unexpected,
];

const APPROVERS: [Approver; 5] =
    [Approver::Denies, Approver::Fails, Approver::NoSigner, Approver::Absent, Approver::Auto];

const BADS: [Bad; 17] = [
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

const MEDDLINGS: [Meddling; 6] = [
    Meddling::Delete,
    Meddling::ForeignKey,
    Meddling::ForeignSigner,
    Meddling::ForeignUsages,
    Meddling::ForgetAll,
    Meddling::Recreate,
];

const LIES: [Lie; 4] = [Lie::Unreadable, Lie::Flipped, Lie::FlippedPending, Lie::LiveUnreadable];

const DAMAGES: [Damage; 10] = [
    Damage::TruncateLive,
    Damage::FileForLink,
    Damage::ForeignLink,
    Damage::Directory,
    Damage::NoLiveName,
    Damage::Temporary,
    Damage::PendingGarbage,
    Damage::NoPending,
    Damage::FarBundle,
    Damage::OlderLive,
];

const LOSTS: [Lost; 3] = [Lost::Done, Lost::NotDone, Lost::Late];

fn pick<T: Copy, const N: usize>(all: &[T; N], arg: u8) -> T {
    all[usize::from(arg) % N]
}

/// A span by powers of two: from a millisecond to a year.
fn span(arg: u8) -> Span {
    Span::from_ms(1 << (arg % 36))
}

fn until(arg: u8) -> Until {
    if arg < 64 { pick(&SPANS, arg) } else { Until::Span(span(arg)) }
}

fn jump(arg: u8) -> Jump {
    match arg {
        0..64 => pick(&JUMPS, arg),
        64..160 => Jump::By(1 << (arg % 36)),
        _ => Jump::By(-(1 << (arg % 36))),
    }
}

fn how(arg: u8) -> How {
    let fault = pick(&DISK_FAULTS, arg % 18 / 2);
    match arg / 18 % 3 {
        0 => How::Fails(fault),
        1 => How::FailsHalfway(fault),
        _ => How::FailsDone(fault),
    }
}

/// Lives from ten seconds to a year.
pub(crate) fn lifetime(arg: u8) -> Span {
    Span::from_secs(pick(&[86_400, 3600, 600, 10, 60, 31_536_000], arg))
}

/// How many codes there are; a byte is taken modulo this.
pub const CODES: u8 = 40;

impl Event {
    /// The event that two bytes mean.
    #[must_use]
    pub fn decode(code: u8, arg: u8) -> Self {
        match code % CODES {
            0..5 => Self::Step(arg % 8),
            5 => Self::Answer(arg % 4),
            6 => Self::Tick(until(arg)),
            7 => Self::Jump(jump(arg)),
            8 => Self::Disk(how(arg)),
            9 => Self::DiskLost(pick(&LOSTS, arg)),
            10 => Self::Call(pick(&API_FAULTS, arg % 128 / 2), arg >= 128),
            11 => Self::CallLost(pick(&LOSTS, arg)),
            12 => Self::KeyFails,
            13 => Self::Late,
            14 => Self::Repeat,
            15 => Self::Stale(arg % 8),
            16 => Self::Verdict(pick(&APPROVERS, arg)),
            17 => Self::Bad(pick(&BADS, arg)),
            18 => Self::Object(pick(&MEDDLINGS, arg)),
            19 => Self::Refuse(arg & 1 == 1, arg & 2 == 2),
            20 => Self::Outage((arg >= 64).then(|| pick(&API_FAULTS, arg))),
            21 => Self::Silent(arg & 1 == 1),
            22 => Self::Approver(pick(&APPROVERS, arg)),
            23 => Self::Issues((arg >= 64).then(|| pick(&BADS, arg))),
            24 => Self::Latency(span(arg % 28)),
            25 => Self::Lifetime(lifetime(arg)),
            26 => Self::Watches(arg & 1 == 1, arg & 2 == 2),
            27 | 28 => Self::Kill(pick(
                &[How::Well, How::Fails(DiskFault::Io), How::FailsHalfway(DiskFault::Io)],
                arg,
            )),
            29 => Self::Off(until(arg)),
            30 => Self::Suspend(until(arg)),
            31 | 32 => Self::PowerCut(arg),
            33 => Self::Lie(pick(&LIES, arg)),
            34 => Self::Plant(pick(&DAMAGES, arg)),
            35 => Self::DiskFails(Fault {
                after: u16::from(arg / 36 % 3),
                times: pick(&[1, 2, 5, 40], arg / 64),
                kind: pick(&KINDS, arg),
                fault: pick(&DISK_FAULTS, arg / 9 % 4),
            }),
            36 => Self::Lose(arg % 4, arg / 4 % 4),
            37 => Self::RotateNow,
            38 => Self::Shutdown,
            _ => Self::Mend,
        }
    }

    /// The first pair of bytes that mean this event.
    ///
    /// # Panics
    ///
    /// If there is none: the event was not decoded from bytes.
    #[must_use]
    pub fn encode(self) -> [u8; 2] {
        let all = (0..CODES).flat_map(|code| (0..=u8::MAX).map(move |arg| [code, arg]));
        let mut meaning = all.filter(|[code, arg]| Self::decode(*code, *arg) == self);
        meaning.next().unwrap_or_else(|| panic!("{self:?} is the meaning of no two bytes"))
    }

    /// Every event that is the meaning of two bytes, once.
    #[must_use]
    pub fn all() -> Vec<Self> {
        let mut seen = std::collections::HashSet::new();
        let all = (0..CODES).flat_map(|code| (0..=u8::MAX).map(move |arg| Self::decode(code, arg)));
        all.filter(|event| seen.insert(*event)).collect()
    }

    /// Whether it is the course of things and no fault.
    #[must_use]
    pub const fn is_natural(self) -> bool {
        matches!(self, Self::Step(_) | Self::Answer(_))
    }
}

/// Reads the events; a single byte at the end is no event.
pub fn events(bytes: &[u8]) -> impl Iterator<Item = Event> {
    bytes.as_chunks::<2>().0.iter().map(|[code, arg]| Event::decode(*code, *arg))
}

#[cfg(test)]
mod tests;
