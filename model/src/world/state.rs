//! Everything that a world consists of. The methods are in the other files of this folder.

use std::sync::Arc;

use certrotate_core::config::{Config, Template};
use certrotate_core::id::{CertHandle, Generation};
use certrotate_core::input::ExitReason;
use certrotate_core::time::{Now, Span, WallTime};
use certrotate_core::trace::{TraceHeader, TraceRecord};

use super::driver_kind::Driver;
use super::in_flight::{Answer, InFlight};
use super::log::Log;
use super::node::Node;
use super::operations::Operations;
use crate::disk::Disk;
use crate::ghost::Ghost;
use crate::list::List;
use crate::marks::Marks;
use crate::server::Server;
use crate::spec::{Spec, Wanted};
use crate::violation::Violation;

/// The wall time at which a world begins: 2026-01-01T00:00:00Z.
pub const START: WallTime = WallTime::from_unix_secs(1_767_225_600);

/// A key that was made, and the template and lifetime requested with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Request {
    /// Which of the world's templates.
    pub template: u8,
    /// The requested lifetime.
    pub duration: Option<Span>,
    /// The number of the key that is in it: not its own only where the driver is wrong.
    pub key: u32,
}

/// What a scan misreads (R16), once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lie {
    /// The bundle that the current link names cannot be read.
    Unreadable,
    /// The bundle that the current link names is corrupt.
    Flipped,
    /// The pending file is corrupt.
    FlippedPending,
    /// The current link cannot be looked at.
    LiveUnreadable,
}

/// The world as it was after a step.
#[derive(Clone, Debug)]
pub struct Probe {
    /// Which step.
    pub step: u64,
    /// The world then, without its traces; `None` if there was no such step.
    pub world: Option<World>,
}

/// A node and everything around it.
#[derive(Clone, Debug)]
pub struct World {
    /// The clocks.
    pub now: Now,
    /// The process, while it runs.
    pub node: Option<Node>,
    /// The certificate directory.
    pub disk: Disk,
    /// The server.
    pub server: Server,
    /// The configuration that the next run starts with.
    pub config: Config,
    /// Requested operations that are not answered, the oldest first.
    pub in_flight: List<InFlight, 5>,
    /// Answers that come late: to operations that were given up meanwhile, perhaps.
    pub late: List<Answer, 3>,
    /// The served identity, by the node's own actions.
    pub(crate) served: Option<(Generation, CertHandle)>,
    /// Facts about the run beside the machine's state, for the invariants.
    pub ghost: Ghost,
    /// The specification, which is shown every step.
    pub(crate) spec: Spec,
    /// The configured template of this run, in the specification's words.
    pub(crate) wanted: Arc<Wanted>,
    /// How the driver does its work.
    pub driver: Driver,
    /// Keys that were made; the n-th has the number n.
    pub(crate) requests: Vec<Request>,
    /// Templates that are ever configured.
    pub(crate) templates: Arc<Vec<Template>>,
    /// Which of them is in use.
    pub(crate) current: u8,
    /// Answers of the disk that are to be lost.
    pub lose_disk_answers: u16,
    /// Answers of calls that are to be lost.
    pub lose_call_answers: u16,
    /// What the next scan is to misread.
    pub lie: Option<Lie>,
    /// How far the server's wall clock is ahead of the node's, in milliseconds.
    pub(crate) skew: i128,
    /// How far the clock of a driver that stops it in a suspend lags behind.
    pub(crate) lag: Span,
    /// How the last run ended, if it ended by itself.
    pub exit: Option<ExitReason>,
    /// When the last input was given.
    pub(crate) told: Now,
    /// The last input, if it was an answer.
    pub(crate) last: Option<Answer>,
    /// What the harness is to be blind to.
    pub weakness: Option<crate::weakness::Weakness>,
    /// The first thing that did not hold.
    pub violation: Option<Violation>,
    /// After which step it was found not to hold, and when.
    pub violated_at: Option<(u64, Now)>,
    /// The step whose world is kept, for a replay that shows one.
    pub probe: Option<Box<Probe>>,
    /// Whether a crash alone is to show what is wrong with a disk: what crashes may leave of it is not looked at before one.
    pub blind: bool,
    /// What was done on the disk so far.
    pub operations: Operations,
    /// Whether a violation panics.
    pub strict: bool,
    /// Everything that happened, for scenario tests.
    pub log: Option<Box<Log>>,
    /// Every run as a trace, where traces are recorded.
    pub traces: Option<Vec<(TraceHeader, Vec<TraceRecord>)>>,
    /// What was met, where that is counted.
    pub marks: Option<Box<Marks>>,
    /// How often the core was stepped.
    pub steps: u64,
    pub(crate) runs: u64,
    /// The number of the latest operation.
    pub(crate) ops: u32,
}
