//! The fields of a world. The methods are in the other files of this folder.

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
    /// The number of the template in the world's list.
    pub template: u8,
    /// The requested lifetime.
    pub duration: Option<Span>,
    /// The number of the key that is in it: not its own only where the driver is wrong.
    pub key: u32,
}

/// A misread of the next scan (R16).
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
    /// The number of the step.
    pub step: u64,
    /// The world then, without its traces; `None` if there was no such step.
    pub world: Option<World>,
}

/// A node and its environment.
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
    /// The operations in flight, the oldest first.
    pub in_flight: List<InFlight, 5>,
    /// Late answers. The node may have abandoned their operations.
    pub late: List<Answer, 3>,
    /// The served identity, by the node's own actions.
    pub(crate) served: Option<(Generation, CertHandle)>,
    /// Facts about the run beside the machine's state, for the invariants.
    pub ghost: Ghost,
    /// The specification, which is shown every step.
    pub(crate) spec: Spec,
    /// The configured template of this run, in the specification's words.
    pub(crate) wanted: Arc<Wanted>,
    /// The kind of driver.
    pub driver: Driver,
    /// Keys that were made; the n-th has the number n.
    pub(crate) requests: Vec<Request>,
    /// Templates that are ever configured.
    pub(crate) templates: Arc<Vec<Template>>,
    /// The number of the present template.
    pub(crate) current: u8,
    /// Answers of the disk that are to be lost.
    pub lose_disk_answers: u16,
    /// Answers of calls that are to be lost.
    pub lose_call_answers: u16,
    /// The misread of the next scan.
    pub lie: Option<Lie>,
    /// How far the server's wall clock is ahead of the node's, in milliseconds.
    pub(crate) skew: i128,
    /// How far the clock of a driver that stops it in a suspend lags behind.
    pub(crate) lag: Span,
    /// How far the driver's monotonic clock went back in this run.
    pub(crate) back: Span,
    /// How the last run ended, if it ended by itself.
    pub exit: Option<ExitReason>,
    /// When the last input was given.
    pub(crate) told: Now,
    /// The last input, if it was an answer.
    pub(crate) last: Option<Answer>,
    /// The weakness of the harness.
    pub weakness: Option<crate::weakness::Weakness>,
    /// The first violation.
    pub violation: Option<Violation>,
    /// After which step it was found not to hold, and when.
    pub violated_at: Option<(u64, Now)>,
    /// The step whose world is kept, for a replay that shows one.
    pub probe: Option<Box<Probe>>,
    /// Whether a crash alone is to show what is wrong with a disk: what crashes may leave of it is not looked at before one.
    pub blind: bool,
    /// The disk operations so far.
    pub operations: Operations,
    /// Whether a violation panics.
    pub strict: bool,
    /// Everything that happened, for scenario tests.
    pub log: Option<Box<Log>>,
    /// Every run as a trace, where traces are recorded.
    pub traces: Option<Vec<(TraceHeader, Vec<TraceRecord>)>>,
    /// The coverage marks, if they are counted.
    pub marks: Option<Box<Marks>>,
    /// How often the core was stepped.
    pub steps: u64,
    pub(crate) runs: u64,
    /// The number of the latest operation.
    pub(crate) ops: u32,
}
