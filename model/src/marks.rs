//! Coverage marks of a run: faults by name, situations, and cells of phase × input.
//!
//! A check that never had a chance to fail is a defect. So engines count the marks, and tests
//! require every one.

use certrotate_core::time::Span;
use certrotate_core::view::Phase;

use crate::server::Object;
use crate::transition::{Edit, Lost, Transition};
use crate::world::World;

mod counts;

use counts::Premise;
pub use counts::{INPUTS, Marks, PHASES, SITUATION_COUNT};

/// A situation, and the condition on a world and a transition that shows it.
pub type Situation = (&'static str, fn(&World, Transition) -> bool);

/// The situations that some runs must meet.
pub const SITUATIONS: [Situation; SITUATION_COUNT] = [
    ("killed while a request was open", |world, transition| is_kill(transition) && world.server.open() > 0),
    ("power cut while a request was open", |world, transition| is_cut(transition) && world.server.open() > 0),
    ("power cut while the pending file was made", |world, transition| {
        is_cut(transition) && is_in(world, Phase::Saving)
    }),
    ("power cut while a certificate was installed", |world, transition| {
        is_cut(transition) && is_in(world, Phase::Installing)
    }),
    ("power cut in recovery", |world, transition| is_cut(transition) && is_in(world, Phase::Recovering)),
    ("power cut with changes pending", |world, transition| is_cut(transition) && world.disk.changes() > 2),
    ("killed in recovery", |world, transition| is_kill(transition) && is_in(world, Phase::Recovering)),
    ("a disk fault in recovery", |world, transition| is_disk(transition) && is_in(world, Phase::Recovering)),
    ("a disk fault while installing", |world, transition| {
        is_disk(transition) && is_in(world, Phase::Installing)
    }),
    ("a disk fault before the request", |world, transition| {
        is_disk(transition) && is_in(world, Phase::Saving)
    }),
    ("ended while it was being replaced on disk", |world, _| {
        has_ended(world) && is_in(world, Phase::Installing)
    }),
    ("expired while a call to the server was pending", |world, _| {
        has_ended(world) && is_in(world, Phase::Asking)
    }),
    ("withdrawn and without any", |world, _| world.ghost.withdrawn.0 > 0 && world.served().is_none()),
    ("the clock is before the start of the live identity", |world, _| is_held(world)),
    ("two answers under way", |world, _| world.in_flight.len() > 1),
    ("a request retired while another identity is served", |world, _| {
        world.served().is_some() && world.failures() > 0
    }),
    ("five calls failed, less those that succeeded", |world, _| world.call_failures() >= 5),
    ("disk operations have failed three times in a row", |world, _| world.disk_failures() >= 3),
    ("both credentials are refused", |world, _| world.server.refuse_live && world.server.refuse_bootstrap),
    ("another template while a request was open", |world, transition| {
        is_edit(transition) && is_in(world, Phase::Asking) && world.open() > 0
    }),
    ("another template while a certificate was installed", |world, transition| {
        is_edit(transition) && is_in(world, Phase::Installing)
    }),
    ("the live identity is of an old template", |world, _| {
        world.served().is_some() && !world.serves_what_is_wanted()
    }),
    ("killed, cut or failing while the live identity is of an old template", |world, transition| {
        let fails = is_disk(transition) || matches!(transition, Transition::DiskFails(_));
        let happens = is_cut(transition) || is_kill(transition) || fails;
        happens && world.served().is_some() && !world.serves_what_is_wanted()
    }),
    ("the current link is broken while an identity is live", |world, _| {
        world.disk.damaged && world.served().is_some()
    }),
];

/// The largest error of a node's clock in a fair run.
const PLAUSIBLE: i128 = 24 * 3_600_000;

/// The longest time that the server may leave a request undecided (D of the premise): its cleaner
/// removes requests that are pending for a day.
const DECIDES: Span = Span::from_hours(25);

/// The premise of every liveness invariant, of a run as it is before it heals: the server decided on some request, and
/// none is older than a day and an hour that it neither decided nor removed; no disk operation hung for ever; time
/// went on; and the clock was plausible at some time.
#[must_use]
pub fn is_fair(world: &World, marks: &Marks) -> bool {
    let Premise { hung, plausible, begun } = marks.premise;
    let wall = world.server_wall();
    let waits = |it: &Object| {
        let age = wall.since(it.made);
        let removed = world.server.cleaner && !it.approved && age >= Span::from_hours(24);
        !it.is_decided() && !removed && age > DECIDES
    };
    let decided =
        world.server.issued() > world.server.foreign || world.server.objects.iter().any(Object::is_decided);
    decided
        && !world.server.objects.iter().any(waits)
        && !hung
        && plausible
        && begun.is_some_and(|begun| begun < world.now.mono)
}

/// Records the end of a run, before the world heals.
pub fn ended(world: &mut World) {
    if let Some(mut marks) = world.marks.take() {
        marks.runs += 1;
        marks.fair += u64::from(is_fair(world, &marks));
        marks.premise = Premise::default();
        world.marks = Some(marks);
    }
}

impl Marks {
    /// Records a transition before it happens.
    pub fn before(&mut self, world: &World, transition: Transition) {
        self.premise.begun = self.premise.begun.or(Some(world.now.mono));
        self.premise.plausible |= world.skew.abs() <= PLAUSIBLE;
        for (count, (_, met)) in self.situations.iter_mut().zip(SITUATIONS) {
            *count += u64::from(met(world, transition));
        }
    }

    /// Records a transition that had an effect.
    pub fn happened(&mut self, transition: Transition) {
        self.premise.hung |= matches!(transition, Transition::DiskLost(Lost::NotDone));
        if let Some(fault) = transition.fault() {
            *self.faults.entry(fault).or_default() += 1;
        }
    }
}

fn is_kill(transition: Transition) -> bool {
    matches!(transition, Transition::Kill(_) | Transition::Off(_))
}

fn is_cut(transition: Transition) -> bool {
    matches!(transition, Transition::PowerCut(_))
}

fn is_edit(transition: Transition) -> bool {
    matches!(transition, Transition::Reconfigure(edit) if edit != Edit::Seed)
}

fn is_disk(transition: Transition) -> bool {
    matches!(transition, Transition::Disk(_) | Transition::DiskLost(_))
}

fn is_in(world: &World, phase: Phase) -> bool {
    world.node.as_ref().is_some_and(|node| node.view().phase == phase)
}

fn is_held(world: &World) -> bool {
    let view = world.view();
    view.is_some_and(|view| view.identity.is_some() && !view.serving)
}

fn has_ended(world: &World) -> bool {
    world.ghost.withdrawn.0 > 0
}
