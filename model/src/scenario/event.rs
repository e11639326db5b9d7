//! What happens in a scenario, two bytes each: which event, and how much of it.

use certrotate_core::api::ApiFault;
use certrotate_core::disk::{DiskFault, Name};
use certrotate_core::id::{FileNumber, Generation};
use certrotate_core::time::Span;

use crate::disk::{Fault, File, Kind};
use crate::server::{Approver, Bad};

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// So many answers are given.
    Deliver(u8),
    /// So many answers are given, or deadlines come.
    Advance(u8),
    /// Time passes on both clocks, and the node notices.
    Pass(Span),
    /// So much time passes, with everything that happens in it.
    Run(Span),
    /// The wall clock jumps by so many milliseconds.
    Jump(i64),
    /// The wall clock shows the earliest or the latest time there is.
    Absurd(bool),
    /// The process is killed and started.
    Restart,
    /// The process is killed, time passes, it is started.
    Off(Span),
    /// The power goes; these pending changes are kept.
    PowerCut(u64),
    /// Disk operations fail.
    Disk(Fault),
    /// Answers of the disk are lost.
    LoseDisk(u8),
    /// Answers of the server are lost.
    LoseCalls(u8),
    /// The next calls meet these faults.
    Answer(ApiFault),
    /// Every call meets this fault from now on, or none does.
    Outage(Option<ApiFault>),
    /// The server does not answer any more, or does again.
    Silent(bool),
    /// The approver changes.
    Approver(Approver),
    /// What is issued changes.
    Bad(Option<Bad>),
    /// Which credentials are refused: the live one, the bootstrap one.
    Refuse(bool, bool),
    /// How long approver and signer take.
    Latency(Span),
    /// How long certificates live.
    Lifetime(Span),
    /// Watches are closed, or forbidden.
    Watches(bool, bool),
    /// Every object is gone.
    Forget,
    /// Somebody asks for a rotation.
    RotateNow,
    /// A clean shutdown, and another start.
    Shutdown,
    /// The last input is given again.
    Repeat,
    /// Somebody puts something behind a name.
    Plant(Damage),
}

/// What somebody does to the directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    /// The file that the live name names is cut short.
    TruncateLive,
    /// The live name is a file of somebody's.
    FileForLink,
    /// The live name is gone.
    NoLiveName,
    /// A temporary name is left over.
    Temporary,
    /// A pending file is garbage.
    PendingGarbage,
}

impl Damage {
    /// The name and the content for it, where they do not depend on what is there.
    #[must_use]
    pub fn planted(self) -> Option<(Name, File)> {
        let (generation, file) = (Generation(1), FileNumber(99));
        match self {
            Self::TruncateLive | Self::NoLiveName => None,
            Self::FileForLink => Some((Name::Live, File::Garbage)),
            Self::Temporary => Some((Name::Temporary { generation, file }, File::Partial)),
            Self::PendingGarbage => Some((Name::Pending { generation, file }, File::Garbage)),
        }
    }
}

fn pick<T: Clone>(all: &[T], arg: u8) -> T {
    all[usize::from(arg) % all.len()].clone()
}

/// Spans from a millisecond to a year, by powers of two.
fn span(arg: u8) -> Span {
    Span::from_ms(1 << (arg % 35))
}

/// Reads the events; a single byte at the end is no event.
pub fn events(bytes: &[u8]) -> impl Iterator<Item = Event> {
    bytes.chunks_exact(2).map(|pair| event(pair[0], pair[1]))
}

fn event(code: u8, arg: u8) -> Event {
    match code % 32 {
        0..3 => Event::Deliver(arg % 16 + 1),
        3..6 => Event::Advance(arg % 32 + 1),
        6 => Event::Pass(span(arg)),
        7..9 => Event::Run(span(arg % 33)),
        9 => Event::Jump(1 << (arg % 35)),
        10 => Event::Jump(-(1 << (arg % 35))),
        11 if arg < 16 => Event::Absurd(arg & 1 == 0),
        11 | 12 => Event::Restart,
        13 => Event::Off(span(arg)),
        14 | 15 => Event::PowerCut(u64::from(arg) | u64::from(arg) << 8),
        16 | 17 => Event::Disk(disk_fault(arg)),
        18 => Event::LoseDisk(arg % 4),
        19 => Event::LoseCalls(arg % 4),
        20 => Event::Answer(api_fault(arg)),
        21 => Event::Outage((arg >= 64).then(|| api_fault(arg))),
        22 => Event::Silent(arg >= 128),
        23 => {
            let all =
                [Approver::Auto, Approver::Absent, Approver::NoSigner, Approver::Denies, Approver::Fails];
            Event::Approver(pick(&all, arg))
        }
        24 => Event::Bad(bad(arg)),
        25 => Event::Refuse(arg & 1 == 1, arg & 2 == 2),
        26 if arg & 1 == 1 => Event::Latency(span(arg % 28)),
        26 => Event::Lifetime(lifetime(arg >> 1)),
        27 => Event::Watches(arg & 1 == 1, arg & 2 == 2),
        28 => Event::Forget,
        29 => Event::RotateNow,
        30 if arg < 128 => Event::Shutdown,
        30 => Event::Repeat,
        _ => Event::Plant(damage(arg)),
    }
}

/// Lives from ten seconds to a year.
pub(super) fn lifetime(arg: u8) -> Span {
    let secs = [10, 60, 600, 3600, 86_400, 31_536_000];
    Span::from_secs(pick(&secs, arg))
}

fn disk_fault(arg: u8) -> Fault {
    let kinds = [
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
    // Locked, Unsafe and NoDirectory end the run, which is its own story.
    let faults = [DiskFault::NoSpace, DiskFault::ReadOnly, DiskFault::Denied, DiskFault::Io];
    let times = [1, 2, 5, 40];
    Fault {
        after: u32::from(arg / 36 % 3),
        times: pick(&times, arg / 64),
        kind: pick(&kinds, arg),
        fault: pick(&faults, arg / 9),
    }
}

fn api_fault(arg: u8) -> ApiFault {
    let years = Some(Span::from_hours(87_600));
    let all = [
        ApiFault::NoCredential,
        ApiFault::Unreachable,
        ApiFault::Unauthorized,
        ApiFault::Forbidden,
        ApiFault::NotFound,
        ApiFault::AlreadyExists,
        ApiFault::TooManyRequests { retry_after: years },
        ApiFault::TooManyRequests { retry_after: Some(Span::ZERO) },
        ApiFault::Invalid,
        ApiFault::ServerError { retry_after: None },
        ApiFault::ServerError { retry_after: years },
        ApiFault::WatchEnded,
        ApiFault::Unexpected,
    ];
    pick(&all, arg)
}

fn bad(arg: u8) -> Option<Bad> {
    let all = [
        None,
        Some(Bad::Key),
        Some(Bad::Subject),
        Some(Bad::Usage),
        Some(Bad::ExtraUsage),
        Some(Bad::Ca),
        Some(Bad::Chain),
        Some(Bad::Expired),
        Some(Bad::Early),
        Some(Bad::Short),
        Some(Bad::Unreadable),
        Some(Bad::Between(-31_536_000_000, 20_000)),
        Some(Bad::Between(i64::MIN, i64::MAX)),
    ];
    pick(&all, arg)
}

fn damage(arg: u8) -> Damage {
    let all = [
        Damage::TruncateLive,
        Damage::FileForLink,
        Damage::NoLiveName,
        Damage::Temporary,
        Damage::PendingGarbage,
    ];
    pick(&all, arg)
}
