//! The scenarios of the kit.

use certrotate_core::disk::DiskFault;
use certrotate_core::issuer::IssuerFault;
use certrotate_core::time::Span;

use crate::conformance::script::{Crash, Fate, Moment, Operation, Rule, Script};
use crate::disk::Kind;

/// A scenario.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Its name.
    pub name: &'static str,
    /// What happens in it.
    pub sentence: &'static str,
    pub(super) script: Script,
}

/// The operations after each of which a crash is played. The first certificate takes fewer.
const CRASHES: u32 = 36;
/// The number of scenarios with drawn faults.
const SEEDS: u64 = 12;

const LATE: Span = Span::from_secs(45);
const CALLS: [Operation; 3] = [Operation::Create, Operation::Get, Operation::Watch];

const fn mins(mins: u64) -> Span {
    Span::from_mins(mins)
}

impl Scenario {
    /// Returns all scenarios.
    #[must_use]
    pub fn all() -> Vec<Self> {
        let mut all = vec![
            new("undisturbed", "three certificates go live and nothing fails", Script::default()),
            new(
                "slow-answers",
                "answers take two seconds",
                every(&operations(), Fate::Answered(Span::from_secs(2))),
            ),
        ];
        all.extend(answers());
        all.extend(disks());
        all.extend(issuers());
        all.extend(clocks());
        all.extend(operators());
        all.extend(crashes());
        all.extend((1..=SEEDS).map(|seed| Self {
            script: Script { seed: Some(seed), ..three(Script::default()) },
            ..new(
                "drawn-faults",
                "one operation in six fails, is late, is lost or is answered twice",
                Script::default(),
            )
        }));
        all
    }
}

fn three(script: Script) -> Script {
    Script { lives: 3, ..script }
}

fn new(name: &'static str, sentence: &'static str, script: Script) -> Scenario {
    Scenario { name, sentence, script: three(script) }
}

fn operations() -> Vec<Operation> {
    Kind::ALL.map(Operation::Disk).into_iter().chain([Operation::Key]).chain(CALLS).collect()
}

/// Each operation of these kinds has this fate at its second time, and each first one of a kind that comes rarely.
fn each_second(kinds: &[Operation], fate: Fate) -> Script {
    rules(kinds, 2, 1, fate)
}

fn every(kinds: &[Operation], fate: Fate) -> Script {
    rules(kinds, 1, u32::MAX, fate)
}

fn rules(kinds: &[Operation], from: u32, times: u32, fate: Fate) -> Script {
    let rules = kinds.iter().map(|operation| Rule { operation: *operation, from, times, fate }).collect();
    Script { rules, ..Script::default() }
}

fn moments(moments: &[(Span, Moment)]) -> Script {
    Script { moments: moments.to_vec(), ..Script::default() }
}

fn answers() -> Vec<Scenario> {
    let lockless: Vec<_> = operations().into_iter().filter(|it| *it != Operation::Disk(Kind::Lock)).collect();
    vec![
        new(
            "late-answers",
            "each kind of operation is answered late once",
            each_second(&operations(), Fate::Answered(LATE)),
        ),
        new(
            "late-first-answers",
            "the first answer of each kind is late",
            rules(&operations(), 1, 1, Fate::Answered(LATE)),
        ),
        new(
            "lost-answers",
            "each kind of operation loses its answer once",
            each_second(&operations(), Fate::Lost),
        ),
        new(
            "undone-operations",
            "each kind of operation is once neither carried out nor answered",
            each_second(&lockless, Fate::NotDone),
        ),
        new(
            "double-answers",
            "every operation is answered again five seconds later",
            every(&operations(), Fate::Twice(Span::from_secs(5))),
        ),
        new(
            "wrong-kinds",
            "each kind of operation is once answered as another kind",
            each_second(&operations(), Fate::OtherKind),
        ),
        new(
            "out-of-order",
            "reads of a request take longer than its watch",
            every(&[Operation::Get], Fate::Answered(Span::from_secs(20))),
        ),
    ]
}

fn disks() -> Vec<Scenario> {
    let kinds = Kind::ALL.map(Operation::Disk);
    let writes = [Kind::Create, Kind::Write, Kind::SyncFile].map(Operation::Disk);
    let unlink = [Operation::Disk(Kind::Unlink)];
    vec![
        new(
            "disk-errors",
            "each kind of disk command fails once",
            each_second(&kinds, Fate::Fails(DiskFault::Io)),
        ),
        new(
            "disk-errors-done",
            "each kind of disk command reports a failure although it was carried out",
            each_second(&kinds, Fate::FailsDone(DiskFault::Io)),
        ),
        new(
            "full-disk",
            "writes fail four times for lack of space",
            rules(&writes, 2, 4, Fate::Fails(DiskFault::NoSpace)),
        ),
        new(
            "ineffective-unlinks",
            "every removal succeeds without an effect",
            every(&unlink, Fate::NoEffect),
        ),
        new(
            "no-keys",
            "no key can be made at first",
            rules(&[Operation::Key], 1, 2, Fate::Fails(DiskFault::Io)),
        ),
    ]
}

fn issuers() -> Vec<Scenario> {
    let unreachable = Some(IssuerFault::Unreachable);
    vec![
        new(
            "refused-calls",
            "each kind of call fails once, and was carried out",
            each_second(&CALLS, Fate::Refused(IssuerFault::Unreachable, true)),
        ),
        new(
            "slow-issuer",
            "the issuer takes three minutes",
            moments(&[(Span::ZERO, Moment::Latency(mins(3)))]),
        ),
        new(
            "silent-issuer",
            "the issuer does not answer for ten minutes",
            moments(&[(Span::ZERO, Moment::Silent(true)), (mins(10), Moment::Silent(false))]),
        ),
        new(
            "expiry-in-outage",
            "the issuer is unreachable until the certificate expires",
            moments(&[(mins(1), Moment::Outage(unreachable)), (mins(90), Moment::Outage(None))]),
        ),
    ]
}

fn clocks() -> Vec<Scenario> {
    const HOUR: i64 = 3_600_000;
    vec![
        new(
            "wall-clock-forward",
            "the wall clock is set forward by half an hour",
            moments(&[(mins(20), Moment::Jump(HOUR / 2))]),
        ),
        new(
            "wall-clock-past-expiry",
            "the wall clock is set past the expiry, and back after five minutes",
            moments(&[(mins(20), Moment::Jump(2 * HOUR)), (mins(25), Moment::Jump(-2 * HOUR))]),
        ),
        new(
            "wall-clock-back",
            "the wall clock is set back by two hours, and forward after five minutes",
            moments(&[(mins(20), Moment::Jump(-2 * HOUR)), (mins(25), Moment::Jump(2 * HOUR))]),
        ),
        new(
            "suspend",
            "the machine sleeps for three hours",
            moments(&[(mins(20), Moment::Suspend(mins(180)))]),
        ),
        new(
            "monotonic-clock-back",
            "the system's monotonic clock goes back by ten seconds",
            moments(&[(mins(20), Moment::MonotonicBack(Span::from_secs(10)))]),
        ),
    ]
}

fn operators() -> Vec<Scenario> {
    let mut shutdown =
        new("shutdown", "the operator ends the agent", moments(&[(mins(5), Moment::Shutdown)]));
    shutdown.script.lives = 0;
    // The issuer takes longer.
    let in_flight = mins(20).plus(Span::from_secs(5));
    vec![
        shutdown,
        new(
            "another-template",
            "the operator renames the node, and back while the request is open",
            moments(&[
                (mins(5), Moment::Rename("node-2")),
                (mins(20), Moment::Rename("node-3")),
                (in_flight, Moment::Rename("node-1")),
            ]),
        ),
        new("rotate-now", "the operator requests a rotation", moments(&[(mins(5), Moment::RotateNow)])),
    ]
}

fn crashes() -> Vec<Scenario> {
    let crash = |at, done, crash| Script { crash: Some((at, done, crash)), ..Script::default() };
    let killed =
        |at| new("killed", "the process is killed before an operation", crash(at, false, Crash::Process));
    let killed_after = |at| {
        new(
            "killed-after",
            "the process is killed after an operation, before its answer",
            crash(at, true, Crash::Process),
        )
    };
    let cut = |at: u32| {
        let image = Crash::Power(usize::try_from(at).unwrap_or_default() * 7);
        new("power-cut", "the power is cut after an operation", crash(at, true, image))
    };
    let mut all: Vec<_> = (1..=CRASHES).flat_map(|at| [killed(at), killed_after(at), cut(at)]).collect();
    all.push(new(
        "killed-at-rest",
        "the process is killed while it sleeps",
        moments(&[(mins(10), Moment::Crash(Crash::Process))]),
    ));
    all
}

#[cfg(test)]
mod tests;
