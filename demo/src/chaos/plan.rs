//! The faults of a run and their times: a pure function of the seed.
//!
//! Every fault ends early enough in the lifetime of a certificate for a correct agent to get the next one before expiry.
//! So a request that fails is the agent's fault and not the plan's.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use crate::settings::LIFETIME;

/// The number of kinds of faults. A run of this many certificates has each kind once, in an order of its own.
pub(crate) const DECK: usize = 12;
/// The largest share of all outages in the shortest duration of a run, in percent.
const OUTAGES: u64 = 18;
/// The shortest lifetime of a certificate that is rotated early.
const SHORT: Duration = Duration::from_millis(1500);
/// The shortest lifetime of a certificate that is renewed by its schedule.
const LONG: Duration = Duration::from_millis(7000);
/// The shortest outage, in milliseconds.
const LEAST_OUTAGE: u64 = 300;

/// A fault and its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Planned {
    /// The number of the certificate that is live then, from 1.
    pub(crate) certificate: u32,
    /// The time after that certificate went live.
    pub(crate) at_ms: u64,
    /// Whether the agent is killed a moment before, and started again at once.
    pub(crate) killed_before: bool,
    /// The fault.
    pub(crate) fault: Fault,
}

/// A fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Fault {
    /// The agent gets SIGKILL, and is started again.
    Kill {
        /// The time until the restart.
        down_ms: u64,
    },
    /// It gets SIGKILL in the middle of a renewal.
    KillInRenewal {
        /// The moment of the kill.
        after: Moment,
        /// The time until the restart.
        down_ms: u64,
    },
    /// The server is out.
    Outage {
        /// The kind of outage.
        how: Outage,
        /// The duration.
        for_ms: u64,
        /// Whether a renewal begins during the outage.
        rotate: bool,
    },
    /// Every answer comes late, until the next certificate is there.
    Slow {
        /// By how much.
        delay_ms: u64,
    },
    /// A renewal is denied.
    Denied,
    /// A renewal is answered with an unrequested certificate.
    Spoiled {
        /// What is wrong with it.
        how: Spoiled,
    },
    /// The disk has no room.
    FullDisk {
        /// From when on.
        from: Full,
        /// The duration.
        for_ms: u64,
    },
    /// The wall clock is wrong.
    Clock {
        /// By how much.
        by_ms: i64,
        /// The duration.
        for_ms: u64,
        /// What else happens.
        and: And,
    },
}

/// The last event on the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Moment {
    /// The request is there.
    Created,
    /// The certificate is issued.
    Issued,
}

/// A kind of outage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Outage {
    /// It takes no connection, and drops those that there are.
    Refused,
    /// It answers everything with 503.
    Unavailable,
}

/// A defect of an issued certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Spoiled {
    /// It is for another key.
    WrongKey,
    /// It is for another node.
    WrongSubject,
    /// Another CA issued it.
    ForeignCa,
}

/// When the disk becomes full.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Full {
    /// Before the renewal begins: there is no room for its key.
    BeforeTheRequest,
    /// From the request on: there is no room for the certificate.
    AfterTheRequest,
}

/// A second fault while the clock is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum And {
    /// Nothing.
    Nothing,
    /// A renewal begins.
    Rotate,
    /// The agent is killed and started again.
    Kill,
}

/// SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
struct SeededRandom(u64);

impl SeededRandom {
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

/// Plans a run of this many rotations: one fault for each certificate that is replaced.
#[must_use]
pub(crate) fn plan(seed: u64, rotations: u32) -> Vec<Planned> {
    let mut random = SeededRandom(seed);
    let mut kinds: Vec<usize> = Vec::new();
    while kinds.len() < rotations as usize {
        let mut deck: [usize; DECK] = std::array::from_fn(|kind| kind);
        for last in (1..DECK).rev() {
            deck.swap(last, random.between(0, last as u64) as usize);
        }
        kinds.extend(deck);
    }
    let drawn = kinds.into_iter().zip(1..=rotations);
    let mut planned: Vec<Planned> =
        drawn.map(|(kind, certificate)| draw(&mut random, kind, certificate)).collect();
    fit_outages(&mut planned);
    planned
}

/// Draws a fault of this kind. The comments give the latest time of the next certificate.
fn draw(random: &mut SeededRandom, kind: usize, certificate: u32) -> Planned {
    let early_ms = random.between(1500, 3000);
    let down_ms = random.between(0, 1500);
    let (at_ms, fault) = match kind {
        0 => (random.between(300, 5000), Fault::Kill { down_ms }),
        1 => (early_ms, Fault::KillInRenewal { after: Moment::Created, down_ms }),
        2 => (early_ms, Fault::KillInRenewal { after: Moment::Issued, down_ms }),
        // Ends at 7.3 s at the latest. A renewal that began at 7.0 s is tried again within 0.4 s.
        3 => {
            let how = random.one_of([Outage::Refused, Outage::Unavailable]);
            (
                random.between(3500, 4300),
                Fault::Outage { how, for_ms: random.between(1500, 3000), rotate: false },
            )
        }
        // Ends at 5 s at the latest; the backoff has then grown to 2.5 s.
        4 => {
            let how = random.one_of([Outage::Refused, Outage::Unavailable]);
            (
                random.between(1000, 2000),
                Fault::Outage { how, for_ms: random.between(1500, 3000), rotate: true },
            )
        }
        5 => (early_ms, Fault::Slow { delay_ms: random.between(100, 600) }),
        // A new request comes two seconds later.
        6 => (early_ms, Fault::Denied),
        7 => {
            let how = random.one_of([Spoiled::WrongKey, Spoiled::WrongSubject, Spoiled::ForeignCa]);
            (early_ms, Fault::Spoiled { how })
        }
        8 => (early_ms, Fault::FullDisk { from: Full::BeforeTheRequest, for_ms: random.between(500, 2000) }),
        9 => (early_ms, Fault::FullDisk { from: Full::AfterTheRequest, for_ms: random.between(500, 2000) }),
        // Right again at 4.5 s; a certificate that the clock made refused is requested anew two seconds later.
        10 => (early_ms, clock(random, 1)),
        _ => (early_ms, clock(random, -1)),
    };
    let killed_before = at_ms >= 1500 && random.between(0, 3) == 0;
    Planned { certificate, at_ms, killed_before, fault }
}

fn clock(random: &mut SeededRandom, way: i64) -> Fault {
    const SECOND: i64 = 1000;
    const DAY: i64 = 86_400 * SECOND;
    let by = random.one_of([2 * SECOND, 60 * SECOND, 3600 * SECOND, DAY, 366 * DAY, 50 * 366 * DAY]);
    let and = random.one_of([And::Nothing, And::Rotate, And::Kill]);
    Fault::Clock { by_ms: way * by, for_ms: random.between(300, 1500), and }
}

/// Shortens outages until their sum is a small part of even the shortest run.
fn fit_outages(planned: &mut Vec<Planned>) {
    let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let least: u64 = planned.iter().map(|planned| millis(planned.fault.min_life())).sum();
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
    /// Returns the shortest lifetime of a certificate that has this fault.
    fn min_life(self) -> Duration {
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

/// Returns the longest permitted outage: a third of a certificate's lifetime.
#[must_use]
pub(crate) fn longest_outage() -> Duration {
    LIFETIME / 3
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
