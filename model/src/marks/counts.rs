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

/// How many situations are counted.
pub const SITUATION_COUNT: usize = 24;

/// The counts of a run, or of many.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// How often each fault happened to something.
    pub faults: BTreeMap<&'static str, u64>,
    /// How often each of [`SITUATIONS`](super::SITUATIONS) was met.
    pub situations: [u64; SITUATION_COUNT],
    /// How often each input met each phase.
    pub cells: [[u64; INPUTS.len()]; PHASES.len()],
    /// How many identities went live that are not the first of their run.
    pub rotations: u64,
    /// How many identities went live.
    pub live: u64,
    /// How many runs met the premise of fairness before they were healed; see [`is_fair`](super::is_fair).
    pub fair: u64,
    /// How many runs there were.
    pub runs: u64,
    /// What the run at hand has to do with fairness so far.
    pub(super) premise: Premise,
}

/// What a run has to do with fairness.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Premise {
    /// Whether an operation of the disk was not done and will never be answered.
    pub(super) hung: bool,
    /// Whether the clock was plausible when something happened.
    pub(super) plausible: bool,
    /// When it began, by monotonic time.
    pub(super) begun: Option<MonoTime>,
}

impl Marks {
    /// Adds those of other runs.
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

    /// Notes an input that meets a phase; `known` if it answers something that is under way, or is no answer.
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
