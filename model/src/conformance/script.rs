//! The script of a scenario: what happens to which operation, and when what else happens.

use certrotate_core::disk::{DiskCommand, DiskFault};
use certrotate_core::input::Action;
use certrotate_core::issuer::{Call, IssuerFault};
use certrotate_core::time::Span;

use crate::disk::Kind;
use crate::random::Random;

/// The kind of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Operation {
    Disk(Kind),
    Key,
    Create,
    Get,
    Watch,
}

impl Operation {
    /// Returns the kind of the operation that an action begins.
    pub(super) const fn of(action: &Action) -> Option<Self> {
        match action {
            Action::Disk { command, .. } => Some(Self::Disk(Kind::of(command))),
            Action::MakeKey { .. } => Some(Self::Key),
            Action::Call { call: Call::Create { .. }, .. } => Some(Self::Create),
            Action::Call { call: Call::Get { .. }, .. } => Some(Self::Get),
            Action::Call { call: Call::Watch { .. }, .. } => Some(Self::Watch),
            Action::Cancel { .. }
            | Action::GoLive { .. }
            | Action::Withdraw { .. }
            | Action::Report(_)
            | Action::Exit(_) => None,
        }
    }
}

/// What becomes of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is carried out at once and answered after this time.
    Answered(Span),
    /// It is answered now, and with the same answer after this time.
    Twice(Span),
    /// It is carried out and never answered.
    Lost,
    /// It is neither carried out nor answered.
    NotDone,
    /// It is answered as another kind of operation.
    OtherKind,
    /// A disk command or a key fails.
    Fails(DiskFault),
    /// A disk command is carried out, and its failure reported.
    FailsDone(DiskFault),
    /// A disk command succeeds without an effect.
    NoEffect,
    /// A call fails; it was carried out if `true`.
    Refused(IssuerFault, bool),
}

/// A crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Crash {
    /// The process is killed.
    Process,
    /// The power is cut; the disk is in the image of this number.
    Power(usize),
}

/// Something that happens at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    /// The wall clock is set by so many milliseconds.
    Jump(i64),
    /// The monotonic clock goes back.
    MonotonicBack(Span),
    /// The machine sleeps.
    Suspend(Span),
    /// The operator requests a rotation.
    RotateNow,
    /// The operator gives the agent this node name.
    Rename(&'static str),
    /// The operator ends the agent.
    Shutdown,
    /// The process is killed while it sleeps.
    Crash(Crash),
    /// Every call meets this fault from now on.
    Outage(Option<IssuerFault>),
    /// The issuer answers nothing from now on, or does again.
    Silent(bool),
    /// The issuer takes this long from now on.
    Latency(Span),
}

/// One rule: from its `from`-th operation of the kind on (1 is the first), `times` of them have the fate.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rule {
    pub(super) operation: Operation,
    pub(super) from: u32,
    pub(super) times: u32,
    pub(super) fate: Fate,
}

/// A script.
#[derive(Clone, Debug, Default)]
pub(super) struct Script {
    pub(super) rules: Vec<Rule>,
    /// Draws faults, if it is set.
    pub(super) seed: Option<u64>,
    /// The crash before this operation is carried out, or after it if `true`; 1 is the first.
    pub(super) crash: Option<(u32, bool, Crash)>,
    /// In order of time since the beginning.
    pub(super) moments: Vec<(Span, Moment)>,
    /// How many identities go live before the scenario ends. 0: it ends by a shutdown.
    pub(super) lives: u32,
}

impl Script {
    /// Returns what becomes of the `nth` operation of this kind.
    pub(super) fn fate(&self, operation: Operation, nth: u32, random: &mut Random) -> Fate {
        let is_meant =
            |rule: &&Rule| rule.operation == operation && rule.from <= nth && nth - rule.from < rule.times;
        if let Some(rule) = self.rules.iter().find(is_meant) {
            return rule.fate;
        }
        if self.seed.is_none() {
            return Fate::Answered(Span::ZERO);
        }
        drawn(operation, random)
    }
}

/// Draws a fate: a fault for one operation in six.
fn drawn(operation: Operation, random: &mut Random) -> Fate {
    if random.below(6) > 0 {
        return Fate::Answered(Span::from_ms(random.below(2000)));
    }
    let is_disk = matches!(operation, Operation::Disk(_));
    let is_call = !is_disk && operation != Operation::Key;
    match random.below(7) {
        0 => Fate::Answered(Span::from_secs(40)),
        1 => Fate::Twice(Span::from_secs(random.below(60))),
        2 => Fate::Lost,
        3 => Fate::NotDone,
        4 => Fate::OtherKind,
        5 if is_call => Fate::Refused(IssuerFault::Unreachable, true),
        _ if is_call => Fate::Refused(IssuerFault::Unavailable { retry_after: None }, false),
        5 if is_disk => Fate::FailsDone(DiskFault::Io),
        _ => Fate::Fails(DiskFault::Io),
    }
}

/// Returns whether a command may report a failure although it was carried out.
pub(super) const fn can_fail_done(action: &Action) -> bool {
    match action {
        Action::Disk { command, .. } => command.mutates() || matches!(command, DiskCommand::SyncDir),
        _ => false,
    }
}
