//! The environment of a node: a server, a record of its events, and the decision when it stops.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use certrotate_core::id::{Generation, LeafDigest};
use certrotate_core::issuer::IssuerFault;
use certrotate_core::time::WallTime;

use crate::plane::{Plane, Shown, Verdict};
use crate::reader::Reader;

/// A report of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// This identity is live now.
    Live(Generation, LeafDigest),
    /// No identity is live now.
    Withdrawn,
    /// A disk operation failed: the line for the operator.
    Fault(String),
    /// A scan found a defect: the line for the operator.
    Remark(String),
    /// The name of any other event.
    Event(String),
}

/// The environment in which a node runs.
pub trait World {
    /// Creates the request with this name.
    ///
    /// # Errors
    ///
    /// As the server answers.
    fn create(&mut self, name: &str, csr_pem: &str, now: WallTime) -> Result<Shown, IssuerFault>;

    /// Returns the request with this name.
    ///
    /// # Errors
    ///
    /// As the server answers.
    fn get(&mut self, name: &str, now: WallTime) -> Result<Shown, IssuerFault>;

    /// Receives a report of the node.
    fn report(&mut self, report: Report, now: WallTime);

    /// Returns whether the node goes on after it came to rest: nothing is in flight.
    fn rested(&mut self, now: WallTime) -> bool;

    /// Returns whether the machine is off, whatever is in flight.
    fn is_off(&self) -> bool {
        false
    }
}

/// A world that outlives its nodes: tests kill them and start them again in it.
#[derive(Debug)]
pub struct Session {
    /// The server.
    pub plane: Plane,
    /// The latest time of any node.
    pub now: WallTime,
    /// The reports with their times, since the beginning or the last [`Session::forget`].
    pub reports: Vec<(WallTime, Report)>,
    /// The latest identity that a node reported live.
    pub announced: Option<(Generation, LeafDigest)>,
    /// The highest number of requests that were open together.
    pub most_open: usize,
    /// How often a node came to rest.
    pub rests: u32,
    /// The number of reads of another program, which must catch up before time jumps.
    pub looks: Option<Arc<AtomicU64>>,
}

/// The start of the first node, in seconds since 1970.
const BEGINNING: i64 = 1_800_000_000;

impl Session {
    /// Makes a world with this script of verdicts.
    #[must_use]
    pub fn new(script: &[Verdict]) -> Self {
        Self {
            plane: Plane::new(script),
            now: WallTime::from_unix_secs(BEGINNING),
            reports: Vec::new(),
            announced: None,
            most_open: 0,
            rests: 0,
            looks: None,
        }
    }

    /// Returns whether the script is complete and its last good certificate is live.
    #[must_use]
    pub fn is_through(&self) -> bool {
        self.plane.is_through() && self.announced.map(|(_, leaf)| leaf) == self.plane.last_good()
    }

    /// Forgets the reports, and keeps the live identity.
    pub fn forget(&mut self) {
        self.reports.clear();
    }

    /// The lines about failed disk operations.
    pub fn faults(&self) -> impl Iterator<Item = &str> {
        self.reports.iter().filter_map(|(_, report)| match report {
            Report::Fault(line) | Report::Remark(line) => Some(line.as_str()),
            Report::Live(..) | Report::Withdrawn | Report::Event(_) => None,
        })
    }

    /// Renders every report on one line.
    #[must_use]
    pub fn report_text(&self) -> String {
        let reports: Vec<String> = self.reports.iter().map(|(_, report)| report.to_string()).collect();
        reports.join("; ")
    }

    fn saw(&mut self, now: WallTime) {
        self.now = self.now.max(now);
        self.most_open = self.most_open.max(self.plane.open());
    }
}

impl World for Session {
    fn create(&mut self, name: &str, csr_pem: &str, now: WallTime) -> Result<Shown, IssuerFault> {
        let shown = self.plane.create(name, csr_pem);
        self.saw(now);
        shown
    }

    fn get(&mut self, name: &str, now: WallTime) -> Result<Shown, IssuerFault> {
        self.saw(now);
        self.plane.get(name, now)
    }

    fn report(&mut self, report: Report, now: WallTime) {
        self.saw(now);
        if let Report::Live(generation, leaf) = report {
            self.announced = Some((generation, leaf));
        }
        self.reports.push((now, report));
    }

    fn rested(&mut self, now: WallTime) -> bool {
        self.saw(now);
        self.rests += 1;
        if let Some(looks) = &self.looks {
            Reader::catch_up(looks);
        }
        !self.is_through()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Live(generation, leaf) => write!(f, "live {generation} {leaf}"),
            Self::Withdrawn => f.write_str("withdrawn"),
            Self::Fault(line) => write!(f, "fault {line}"),
            Self::Remark(line) => write!(f, "remark {line}"),
            Self::Event(name) => write!(f, "event {name}"),
        }
    }
}
