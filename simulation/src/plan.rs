//! The plan of a run: its setup and its faults, drawn from the seed alone.

use crate::fault::{Answer, Damage, Defect, Fault, Input, Lasting, Sudden};
use crate::rng::Rng;

/// The node's name.
pub(crate) const NODE: &str = "sim";
/// The node's user.
pub(crate) const USER: &str = "system:node:sim";

const SECOND: u64 = 1000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;

/// The setup and the faults of a run. Times are in milliseconds from its start.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// The seed.
    pub(crate) seed: u64,
    /// The lifetime of certificates.
    pub(crate) lifetime: u64,
    /// How long approver and signer take.
    pub(crate) approval: (u64, u64),
    /// Whether the server speaks HTTP/2.
    pub(crate) http2: bool,
    /// Whether the bootstrap kubeconfig names a token file.
    pub(crate) token_file: bool,
    /// Whether the bootstrap kubeconfig names a CA file.
    pub(crate) ca_file: bool,
    /// Whether the node is given a client CA file.
    pub(crate) client_ca: bool,
    /// The faults.
    pub(crate) faults: Vec<Fault>,
    /// When all faults are over.
    pub(crate) healed: u64,
}

impl Plan {
    /// Returns the plan of this seed.
    pub(crate) fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed, "plan");
        let lifetime = rng.one_of(&[HOUR, HOUR, 2 * HOUR]);
        // Approver and signer together, and a poll after the watch, fit into the last tenth of a lifetime.
        let slowest = rng.one_of(&[SECOND, 5 * SECOND, 3 * MINUTE]).min(lifetime / 30);
        let period = lifetime * rng.within(5, 25) / 10;
        let count = rng.one_of(&[0, 1, 1, 2, 2, 3, 4, 6]);
        let mut faults: Vec<Fault> = (0..count).map(|_| fault(&mut rng, period)).collect();
        faults.sort_by_key(Fault::start);
        let healed = faults.iter().map(Fault::end).max().unwrap_or(0).max(period);
        Self {
            seed,
            lifetime,
            approval: (50, slowest),
            http2: rng.percent(60),
            token_file: rng.percent(50),
            ca_file: rng.percent(50),
            client_ca: rng.percent(80),
            faults,
            healed,
        }
    }

    /// Whether a fault may lead to a long wait: a request that did not succeed, or a wrong clock.
    pub(crate) fn has_long_waits(&self) -> bool {
        let is_failure = self.faults.iter().any(|fault| match fault {
            Fault::Lasting { fault, .. } => matches!(
                fault,
                Lasting::Denies
                    | Lasting::Fails
                    | Lasting::Issues(_)
                    | Lasting::Clock(_)
                    | Lasting::Answers(Answer::Status(400 | 413 | 422, _), _)
            ),
            Fault::Sudden { .. } => false,
        });
        is_failure || self.has_unread_client_ca()
    }

    /// Whether the node may not learn of the new client CA before the signer uses it.
    fn has_unread_client_ca(&self) -> bool {
        let rotates = |fault: &Fault| matches!(fault, Fault::Sudden { fault: Sudden::RotateClientCa, .. });
        let hides = |fault: &Fault| {
            let Fault::Lasting { fault, .. } = fault else { return false };
            matches!(fault, Lasting::FilesHang | Lasting::Damaged(Input::ClientCa, _))
        };
        self.faults.iter().any(rotates) && self.faults.iter().any(hides)
    }

    /// Whether the node's clock is wrong at some time.
    pub(crate) fn has_wrong_clock(&self) -> bool {
        let is_clock = |fault: &Fault| matches!(fault, Fault::Lasting { fault: Lasting::Clock(_), .. });
        self.faults.iter().any(is_clock)
    }

    /// Whether the disk refuses long enough for a request whose key is in memory only.
    pub(crate) fn has_long_disk_fault(&self) -> bool {
        self.faults.iter().any(|fault| match fault {
            Fault::Lasting { start, end, fault } => {
                matches!(fault, Lasting::DiskFull | Lasting::DiskBroken | Lasting::DiskSlow(_))
                    && end - start > 10 * MINUTE
            }
            Fault::Sudden { .. } => false,
        })
    }
}

impl Fault {
    pub(crate) const fn start(&self) -> u64 {
        match self {
            Self::Lasting { start, .. } => *start,
            Self::Sudden { at, .. } => *at,
        }
    }

    pub(crate) const fn end(&self) -> u64 {
        match self {
            Self::Lasting { end, .. } => *end,
            Self::Sudden { at, fault } => *at + fault.lasts(),
        }
    }
}

impl Sudden {
    /// How long it may take until the fault has had its effects.
    const fn lasts(self) -> u64 {
        match self {
            Self::Kill(down) | Self::Terminate(down) | Self::Suspend(down) => down,
            Self::KillAtPoll(_, down) | Self::KillAtDisk(_, _, down) => down + 10 * MINUTE,
            Self::RotateServerCa | Self::RotateClientCa => 6 * MINUTE,
            // The next request is deleted: at the next renewal, perhaps.
            Self::Delete => 30 * MINUTE,
            Self::RotateNow | Self::Reload | Self::Break => 0,
        }
    }
}

/// A fault in a period. Half of them are in the first minutes, in which most happens.
fn fault(rng: &mut Rng, period: u64) -> Fault {
    let start = if rng.percent(50) { rng.within(0, 10 * SECOND) } else { rng.within(0, period) };
    if rng.percent(40) {
        return Fault::Sudden { at: start, fault: sudden(rng) };
    }
    let length = match rng.within(0, 3) {
        0 => rng.within(SECOND, 30 * SECOND),
        1 => rng.within(30 * SECOND, 10 * MINUTE),
        _ => rng.within(10 * MINUTE, period.max(11 * MINUTE)),
    };
    Fault::Lasting { start, end: start + length, fault: lasting(rng) }
}

fn sudden(rng: &mut Rng) -> Sudden {
    let down = match rng.within(0, 3) {
        0 => rng.within(10, SECOND),
        1 | 2 => rng.within(SECOND, MINUTE),
        _ => rng.within(MINUTE, 2 * HOUR),
    };
    match rng.within(0, 12) {
        0 => Sudden::Kill(down),
        1 | 2 => Sudden::KillAtPoll(rng.within(1, 90), down),
        3 | 4 => Sudden::KillAtDisk(rng.within(1, 40), rng.percent(50), down),
        5 => Sudden::Terminate(down),
        6 => Sudden::Suspend(rng.within(SECOND, 3 * HOUR)),
        7 => Sudden::RotateNow,
        8 => Sudden::Delete,
        9 => Sudden::Break,
        10 => Sudden::RotateServerCa,
        11 => Sudden::RotateClientCa,
        _ => Sudden::Reload,
    }
}

fn lasting(rng: &mut Rng) -> Lasting {
    match rng.within(0, 29) {
        0 => Lasting::Refused,
        1 => Lasting::Unanswered,
        2 => Lasting::Mute,
        3 => Lasting::Reset(rng.within(1, 6000)),
        4 => Lasting::Stalled(rng.within(1, 6000)),
        5 => Lasting::Trickled(rng.within(20, 400)),
        6..=11 => Lasting::Answers(answer(rng), rng.one_of(&[30, 60, 100])),
        12 => Lasting::WatchesEnd,
        13 => rng.one_of(&[Lasting::WatchesSilent, Lasting::WatchesForbidden, Lasting::WatchesGarbled]),
        14 => Lasting::NoApprover,
        15 => Lasting::NoSigner,
        16 => Lasting::Denies,
        17 => Lasting::Fails,
        18 => Lasting::Issues(rng.one_of(&[
            Defect::Key,
            Defect::Subject,
            Defect::ForeignCa,
            Defect::Authority,
            Defect::Expired,
            Defect::Garbage,
        ])),
        19 => Lasting::IdentityRefused,
        20 => Lasting::TokenExpired,
        21 | 27 | 28 => Lasting::Damaged(
            rng.one_of(&[Input::Bootstrap, Input::Token, Input::ServerCa, Input::ClientCa]),
            rng.one_of(&[Damage::Missing, Damage::Cut, Damage::Garbage, Damage::Empty]),
        ),
        22 => Lasting::Clock(clock_error(rng)),
        23 => Lasting::DiskFull,
        24 => Lasting::DiskBroken,
        25 => Lasting::FilesHang,
        26 => Lasting::NoKubeconfig,
        _ => Lasting::DiskSlow(rng.one_of(&[20, 500, 5000, 40_000])),
    }
}

fn clock_error(rng: &mut Rng) -> i64 {
    let size = match rng.within(0, 3) {
        0 => rng.within(100, 10 * SECOND),
        1 | 2 => rng.within(10 * SECOND, HOUR),
        _ => rng.within(HOUR, 2000 * HOUR),
    };
    let size = i64::try_from(size).unwrap_or(0);
    if rng.percent(50) { size } else { -size }
}

fn answer(rng: &mut Rng) -> Answer {
    match rng.within(0, 12) {
        0 => Answer::Status(429, Some(rng.one_of(&[0, 1, 30, 3600, 1_000_000_000]))),
        1 => Answer::Status(503, rng.one_of(&[None, Some(5), Some(60)])),
        2 | 3 => Answer::Status(rng.one_of(&[400, 401, 403, 404, 409, 410, 413, 422, 500, 502, 504]), None),
        4 => Answer::Status(rng.one_of(&[204, 302, 304, 307, 418, 599]), None),
        5 => Answer::LoginPage,
        6 => Answer::Garbage,
        7 => rng.one_of(&[Answer::Huge, Answer::EmptyObject]),
        8 => Answer::EmptyObject,
        9 => Answer::CutBody,
        10 => Answer::Lost,
        11 => Answer::Silent,
        _ => Answer::Delayed(rng.one_of(&[100, 2000, 20_000, 60_000])),
    }
}
