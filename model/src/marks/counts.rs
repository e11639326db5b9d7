//! The counts of situations, faults and cells.

use std::collections::BTreeMap;

use certrotate_core::disk::DiskDone;
use certrotate_core::input::Input;
use certrotate_core::time::MonoTime;
use certrotate_core::view::Phase;

/// The kinds of inputs, as cells count them.
pub const INPUTS: [&str; 12] = [
    "tick",
    "done",
    "scanned",
    "disk failed",
    "key made",
    "key failed",
    "object",
    "call failed",
    "rotate now",
    "shutdown",
    "answer to nothing",
    "reconfigure",
];

/// The phases, in the order of [`Phase`].
pub const PHASES: [Phase; 9] = [
    Phase::New,
    Phase::Locking,
    Phase::Recovering,
    Phase::Resting,
    Phase::Keying,
    Phase::Saving,
    Phase::Asking,
    Phase::Installing,
    Phase::Ended,
];

/// The number of situations.
pub const SITUATION_COUNT: usize = 24;

/// The counts of a run, or of many.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// The effects of each fault.
    pub faults: BTreeMap<&'static str, u64>,
    /// How often each of [`SITUATIONS`](super::SITUATIONS) was met.
    pub situations: [u64; SITUATION_COUNT],
    /// How often each input met each phase.
    pub cells: [[u64; INPUTS.len()]; PHASES.len()],
    /// Identities that went live, except the first of each run.
    pub rotations: u64,
    /// Identities that went live.
    pub live: u64,
    /// Runs that met the premise of fairness before the world healed; see
    /// [`is_fair`](super::is_fair).
    pub fair: u64,
    /// Runs.
    pub runs: u64,
    /// The fairness of the current run so far.
    pub(super) premise: Premise,
}

/// The facts that decide whether a run is fair.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Premise {
    /// Whether a disk operation was lost and will never be answered.
    pub(super) hung: bool,
    /// Whether the clock was plausible at some transition.
    pub(super) plausible: bool,
    /// The start of the run, by monotonic time.
    pub(super) begun: Option<MonoTime>,
}

impl Marks {
    /// Adds the counts of other runs.
    pub fn add(&mut self, other: &Self) {
        for (name, count) in &other.faults {
            *self.faults.entry(name).or_default() += count;
        }
        for (sum, more) in self.situations.iter_mut().zip(other.situations) {
            *sum += more;
        }
        for (sum, more) in self.cells.as_flattened_mut().iter_mut().zip(other.cells.as_flattened()) {
            *sum += more;
        }
        self.rotations += other.rotations;
        self.live += other.live;
        self.fair += other.fair;
        self.runs += other.runs;
    }

    /// Records an input in a phase. `known` says that it answers an operation in flight, or is no
    /// answer.
    pub fn input(&mut self, phase: Phase, input: &Input, known: bool) {
        let column = match input {
            _ if !known => 10,
            Input::Tick => 0,
            Input::DiskAnswered { result: Ok(DiskDone::Done), .. } => 1,
            Input::DiskAnswered { result: Ok(DiskDone::Scanned(_)), .. } => 2,
            Input::DiskAnswered { result: Err(_), .. } => 3,
            Input::KeyMade { result: Ok(_), .. } => 4,
            Input::KeyMade { result: Err(_), .. } => 5,
            Input::CallAnswered { result: Ok(_), .. } => 6,
            Input::CallAnswered { result: Err(_), .. } => 7,
            Input::RotateNow => 8,
            Input::Shutdown => 9,
            Input::Reconfigure(_) => 11,
        };
        let row = PHASES.iter().position(|it| *it == phase).unwrap_or_default();
        self.cells[row][column] += 1;
    }
}
