//! The environment of a node: a server, a record of its events, and the decision when it stops.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use certrotate_core::api::ApiFault;
use certrotate_core::id::{Generation, LeafDigest};
use certrotate_core::time::WallTime;

use crate::plane::{Plane, Shown, Verdict};
use crate::reader::Reader;

/// What a node says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// It serves this from now on.
    Live(Generation, LeafDigest),
    /// It serves nothing from now on.
    Withdrawn,
    /// A disk operation failed: the line for people.
    Fault(String),
    /// A scan found something amiss: the line for people.
    Remark(String),
    /// Anything else that an operator hears: its name.
    Event(String),
}

/// What a node is run in.
pub trait World {
    /// Creates the request of this name.
    ///
    /// # Errors
    ///
    /// As the server answers.
    fn create(&mut self, name: &str, csr_pem: &str, now: WallTime) -> Result<Shown, ApiFault>;

    /// Looks at the request of this name.
    ///
    /// # Errors
    ///
    /// As the server answers.
    fn get(&mut self, name: &str, now: WallTime) -> Result<Shown, ApiFault>;

    /// Is told something.
    fn told(&mut self, told: Told, now: WallTime);

    /// Nothing is in flight: whether time shall go on.
    fn rested(&mut self, now: WallTime) -> bool;

    /// Whether the machine is switched off, whatever is in flight.
    fn is_off(&self) -> bool {
        false
    }
}

/// A world that outlives its nodes: they are killed and started again in it.
#[derive(Debug)]
pub struct Session {
    /// The server.
    pub plane: Plane,
    /// The latest time that was seen in it.
    pub now: WallTime,
    /// What was told, and when, since the beginning or the last [`Session::forget`].
    pub told: Vec<(WallTime, Told)>,
    /// The latest identity that was said to be live.
    pub announced: Option<(Generation, LeafDigest)>,
    /// At most how many requests were open at once.
    pub most_open: usize,
    /// How often a node came to rest.
    pub rests: u32,
    /// The number of reads of another program, which must catch up before time jumps.
    pub looks: Option<Arc<AtomicU64>>,
}

/// When the first node starts, in seconds since 1970.
const BEGINNING: i64 = 1_800_000_000;

impl Session {
    /// With a server that answers so.
    #[must_use]
    pub fn new(script: &[Verdict]) -> Self {
        Self {
            plane: Plane::new(script),
            now: WallTime::from_unix_secs(BEGINNING),
            told: Vec::new(),
            announced: None,
            most_open: 0,
            rests: 0,
            looks: None,
        }
    }

    /// Whether the script is over and its last good certificate is served.
    #[must_use]
    pub fn is_through(&self) -> bool {
        self.plane.is_through() && self.announced.map(|(_, leaf)| leaf) == self.plane.last_good()
    }

    /// Forgets the events, and keeps the live identity.
    pub fn forget(&mut self) {
        self.told.clear();
    }

    /// The lines about what went wrong on disk.
    pub fn faults(&self) -> impl Iterator<Item = &str> {
        self.told.iter().filter_map(|(_, told)| match told {
            Told::Fault(line) | Told::Remark(line) => Some(line.as_str()),
            Told::Live(..) | Told::Withdrawn | Told::Event(_) => None,
        })
    }

    /// Everything that was told, on one line.
    #[must_use]
    pub fn story(&self) -> String {
        let told: Vec<String> = self.told.iter().map(|(_, told)| told.to_string()).collect();
        told.join("; ")
    }

    fn saw(&mut self, now: WallTime) {
        self.now = self.now.max(now);
        self.most_open = self.most_open.max(self.plane.open());
    }
}

impl World for Session {
    fn create(&mut self, name: &str, csr_pem: &str, now: WallTime) -> Result<Shown, ApiFault> {
        let shown = self.plane.create(name, csr_pem);
        self.saw(now);
        shown
    }

    fn get(&mut self, name: &str, now: WallTime) -> Result<Shown, ApiFault> {
        self.saw(now);
        self.plane.get(name, now)
    }

    fn told(&mut self, told: Told, now: WallTime) {
        self.saw(now);
        if let Told::Live(generation, leaf) = told {
            self.announced = Some((generation, leaf));
        }
        self.told.push((now, told));
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

impl fmt::Display for Told {
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
