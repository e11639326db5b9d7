//! What goes wrong in a run, and when: a pure function of the seed.
//!
//! Every fault leaves room: it ends so early in the lifetime of a certificate that an agent that does as it promises has the next
//! one in time. So a request that fails is the agent's fault and not the plan's.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use crate::demo::LIFE;

/// The faults that every run of this many certificates has, each once, in an order of its own.
pub const DECK: usize = 12;
/// Of the run's shortest length, how much outages may take together, in percent.
const OUTAGES: u64 = 18;
/// A certificate that is rotated early lives this long at least.
const SHORT: Duration = Duration::from_millis(1500);
/// One that is renewed by itself lives this long at least.
const LONG: Duration = Duration::from_millis(7000);
/// No outage shorter than this is worth it.
const LEAST_OUTAGE: u64 = 300;

/// A fault and its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Planned {
    /// Which certificate, the first being 1, is live then.
    pub certificate: u32,
    /// How long after it went live.
    pub at_ms: u64,
    /// Whether the agent is killed a moment before, and started again at once.
    pub killed_before: bool,
    /// What happens.
    pub fault: Fault,
}

/// Something that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The agent gets SIGKILL, and is started again.
    Kill {
        /// How long it is away.
        down_ms: u64,
    },
    /// It gets SIGKILL in the middle of a renewal.
    KillInRenewal {
        /// What it has just achieved.
        after: Moment,
        /// How long it is away.
        down_ms: u64,
    },
    /// The server is out.
    Outage {
        /// In which way.
        how: Outage,
        /// How long.
        for_ms: u64,
        /// Whether a renewal begins in it.
        rotate: bool,
    },
    /// Every answer comes late, until the next certificate is there.
    Slow {
        /// By how much.
        delay_ms: u64,
    },
    /// A renewal is denied.
    Denied,
    /// A renewal is answered with a certificate that is not what was asked for.
    Spoiled {
        /// What is wrong with it.
        how: Spoiled,
    },
    /// The disk has no room.
    FullDisk {
        /// From when on.
        from: Full,
        /// How long.
        for_ms: u64,
    },
    /// The wall clock is wrong.
    Clock {
        /// By how much.
        by_ms: i64,
        /// How long.
        for_ms: u64,
        /// What else happens.
        and: And,
    },
}

/// What has just happened on the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Moment {
    /// The request is there.
    Created,
    /// The certificate is issued.
    Issued,
}

/// In which way a server is out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outage {
    /// It takes no connection, and drops those that there are.
    Refused,
    /// It answers everything with 503.
    Unavailable,
}

/// What is wrong with a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Spoiled {
    /// It is for another key.
    WrongKey,
    /// It is for another node.
    WrongSubject,
    /// Another CA issued it.
    ForeignCa,
}

/// From when on the disk is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Full {
    /// Before the renewal begins: there is no room for its key.
    BeforeTheRequest,
    /// From the request on: there is no room for the certificate.
    AfterTheRequest,
}

/// What else happens while the clock is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum And {
    /// Nothing.
    Nothing,
    /// A renewal begins.
    Rotate,
    /// The agent is killed and started again.
    Kill,
}

/// SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// A number in the range, its ends included.
    fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.next() % (most - least + 1)
    }

    fn one_of<T: Copy, const N: usize>(&mut self, choices: [T; N]) -> T {
        choices[(self.next() % N as u64) as usize]
    }
}

/// The faults of a run of so many rotations: one for each certificate that is replaced.
#[must_use]
pub fn plan(seed: u64, rotations: u32) -> Vec<Planned> {
    let mut dice = Dice(seed);
    let mut kinds: Vec<usize> = Vec::new();
    while kinds.len() < rotations as usize {
        let mut deck: [usize; DECK] = std::array::from_fn(|kind| kind);
        for last in (1..DECK).rev() {
            deck.swap(last, dice.between(0, last as u64) as usize);
        }
        kinds.extend(deck);
    }
    let drawn = kinds.into_iter().zip(1..=rotations);
    let mut planned: Vec<Planned> =
        drawn.map(|(kind, certificate)| draw(&mut dice, kind, certificate)).collect();
    fit_outages(&mut planned);
    planned
}

/// A fault of this kind. The comments say by when the next certificate is there, at worst.
fn draw(dice: &mut Dice, kind: usize, certificate: u32) -> Planned {
    let early = dice.between(1500, 3000);
    let down_ms = dice.between(0, 1500);
    let (at_ms, fault) = match kind {
        0 => (dice.between(300, 5000), Fault::Kill { down_ms }),
        1 => (early, Fault::KillInRenewal { after: Moment::Created, down_ms }),
        2 => (early, Fault::KillInRenewal { after: Moment::Issued, down_ms }),
        // Over by 7.3 s. A renewal that began at 7.0 s is tried again within 0.4 s.
        3 => {
            let how = dice.one_of([Outage::Refused, Outage::Unavailable]);
            (dice.between(3500, 4300), Fault::Outage { how, for_ms: dice.between(1500, 3000), rotate: false })
        }
        // Over by 5 s; by then the waits between two tries have grown to 2.5 s.
        4 => {
            let how = dice.one_of([Outage::Refused, Outage::Unavailable]);
            (dice.between(1000, 2000), Fault::Outage { how, for_ms: dice.between(1500, 3000), rotate: true })
        }
        5 => (early, Fault::Slow { delay_ms: dice.between(100, 600) }),
        // A new request comes two seconds later.
        6 => (early, Fault::Denied),
        7 => {
            let how = dice.one_of([Spoiled::WrongKey, Spoiled::WrongSubject, Spoiled::ForeignCa]);
            (early, Fault::Spoiled { how })
        }
        8 => (early, Fault::FullDisk { from: Full::BeforeTheRequest, for_ms: dice.between(500, 2000) }),
        9 => (early, Fault::FullDisk { from: Full::AfterTheRequest, for_ms: dice.between(500, 2000) }),
        // Right again by 4.5 s; a certificate that was refused because of it is asked for anew two seconds later.
        10 => (early, clock(dice, 1)),
        _ => (early, clock(dice, -1)),
    };
    let killed_before = at_ms >= 1500 && dice.between(0, 3) == 0;
    Planned { certificate, at_ms, killed_before, fault }
}

fn clock(dice: &mut Dice, way: i64) -> Fault {
    const SECOND: i64 = 1000;
    const DAY: i64 = 86_400 * SECOND;
    let by = dice.one_of([2 * SECOND, 60 * SECOND, 3600 * SECOND, DAY, 366 * DAY, 50 * 366 * DAY]);
    let and = dice.one_of([And::Nothing, And::Rotate, And::Kill]);
    Fault::Clock { by_ms: way * by, for_ms: dice.between(300, 1500), and }
}

/// Shortens outages until all of them together are a small part of the run, however quickly it goes.
fn fit_outages(planned: &mut Vec<Planned>) {
    let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let least: u64 = planned.iter().map(|planned| millis(planned.fault.least())).sum();
    let outages = planned.iter().filter(|planned| matches!(planned.fault, Fault::Outage { .. })).count();
    let most = least * OUTAGES / 100 / (outages as u64).max(1);
    for planned in planned.iter_mut() {
        if let Fault::Outage { for_ms, .. } = &mut planned.fault {
            *for_ms = (*for_ms).min(most);
        }
    }
    planned.retain(|planned| !matches!(planned.fault, Fault::Outage { for_ms, .. } if for_ms < LEAST_OUTAGE));
}

impl Fault {
    /// How long a certificate lives at least that has this fault.
    fn least(self) -> Duration {
        match self {
            Self::Kill { .. } | Self::Outage { rotate: false, .. } => LONG,
            Self::Outage { rotate: true, .. } => Duration::from_millis(1000 + LEAST_OUTAGE),
            Self::KillInRenewal { .. }
            | Self::Slow { .. }
            | Self::Denied
            | Self::Spoiled { .. }
            | Self::FullDisk { .. }
            | Self::Clock { .. } => SHORT,
        }
    }
}

/// The longest outage that there may be: a third of a certificate's lifetime.
#[must_use]
pub fn longest_outage() -> Duration {
    LIFE / 3
}

impl fmt::Display for Planned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.at_ms as f64 / 1000.0;
        let killed = if self.killed_before { "SIGKILL and a new start, then " } else { "" };
        write!(f, "certificate {:2}, at {at:.1} s: {killed}{}", self.certificate, self.fault)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = |ms: u64| format!("{:.1} s", ms as f64 / 1000.0);
        match *self {
            Self::Kill { down_ms } => write!(f, "SIGKILL, started again {} later", seconds(down_ms)),
            Self::KillInRenewal { after, down_ms } => {
                let after = match after {
                    Moment::Created => "its request is made",
                    Moment::Issued => "its certificate is issued",
                };
                write!(f, "a renewal, SIGKILL when {after}, started again {} later", seconds(down_ms))
            }
            Self::Outage { how, for_ms, rotate } => {
                let how = match how {
                    Outage::Refused => "the server takes no connection",
                    Outage::Unavailable => "the server answers 503",
                };
                let rotate = if rotate { ", and a renewal" } else { "" };
                write!(f, "{how} for {}{rotate}", seconds(for_ms))
            }
            Self::Slow { delay_ms } => write!(f, "every answer {delay_ms} ms late, and a renewal"),
            Self::Denied => f.write_str("a renewal that is denied"),
            Self::Spoiled { how } => {
                let how = match how {
                    Spoiled::WrongKey => "another key",
                    Spoiled::WrongSubject => "another node",
                    Spoiled::ForeignCa => "another CA",
                };
                write!(f, "a renewal that is answered with a certificate of {how}")
            }
            Self::FullDisk { from, for_ms } => {
                let from = match from {
                    Full::BeforeTheRequest => "a renewal on a full disk",
                    Full::AfterTheRequest => "a renewal, and a full disk once it has asked",
                };
                write!(f, "{from}, for {}", seconds(for_ms))
            }
            Self::Clock { by_ms, for_ms, and } => {
                let way = if by_ms < 0 { "back" } else { "forward" };
                let and = match and {
                    And::Nothing => "",
                    And::Rotate => ", and a renewal",
                    And::Kill => ", SIGKILL and a new start in it",
                };
                let by = certrotate_core::time::Span::from_ms(by_ms.unsigned_abs());
                write!(f, "the wall clock {way} by {by} for {}{and}", seconds(for_ms))
            }
        }
    }
}

#[cfg(test)]
mod tests;
