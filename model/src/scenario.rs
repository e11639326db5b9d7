//! Any bytes as a story: property tests and fuzz targets share it.
//!
//! The first byte chooses the configuration, each pair after it is an [`Event`]. The invariants are checked
//! after every step. In the end everything is healed, and the node must settle within a bound (L2): it
//! serves, rests, has nothing open and no temporary name, and starting it again changes nothing on disk.

mod event;

use certrotate_core::config::{Config, ConfigSpec, Template};
use certrotate_core::disk::Name;
use certrotate_core::input::{Disposition, Input};
use certrotate_core::time::{MonoTime, Span, WallTime};
use certrotate_core::view::Phase;

pub use event::{Damage, Event, events};

use crate::disk::File;
use crate::server::{Approver, Server};
use crate::world::{Driver, START, World};

/// The most events of a scenario; the bytes after them are not read.
pub const MOST_EVENTS: usize = 256;

/// How a scenario went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// A digest of the machine's state after every event.
    pub digest: u64,
    /// How many steps the machine took.
    pub steps: u64,
    /// How many certificates were issued.
    pub issued: u64,
    /// How many events found a request open.
    pub open: u32,
    /// How many events found an identity served.
    pub serving: u32,
    /// How many events found a disk operation under way.
    pub writing: u32,
}

/// Plays a scenario.
///
/// # Panics
///
/// If an invariant does not hold, or the node does not settle.
pub fn run(bytes: &[u8]) {
    let _ = play(&mut world(bytes), bytes);
}

/// The world that a scenario begins with.
#[must_use]
pub fn world(bytes: &[u8]) -> World {
    let choice = bytes.first().copied().unwrap_or_default();
    let mut spec = ConfigSpec::new(Template::node_client("node-1"));
    spec.seed = u64::from(choice).wrapping_mul(0x1234_5678_9abc_def1);
    spec.chain_required = choice & 64 != 0;
    spec.template.duration = (choice & 16 != 0).then_some(Span::from_hours(8760));
    let config = Config::new(spec).expect("the template is complete and the times are the defaults");
    let mut world = World::new(config);
    world.server.lifetime = event::lifetime(choice % 16);
    world
}

/// Plays a scenario in a world that has not begun.
///
/// # Panics
///
/// As [`run`].
pub fn play(world: &mut World, bytes: &[u8]) -> Report {
    let mut report = Report::default();
    world.start();
    for event in events(bytes.get(1..).unwrap_or_default()).take(MOST_EVENTS) {
        happen(world, &event);
        if world.node.is_none() {
            world.start();
        }
        look(world, &mut report);
    }
    heal(world);
    settle(world);
    start_again(world);
    look(world, &mut report);
    (report.steps, report.issued) = (world.steps, world.server.issued);
    report
}

/// Plays only the failures of server and disk of a scenario, after a first certificate: clocks, process
/// and files are left alone, so what is announced must be served to its end (F14).
///
/// # Panics
///
/// If it is not, or an invariant does not hold.
pub fn keeps_serving(bytes: &[u8]) {
    let mut world = world(bytes);
    world.undisturbed = true;
    world.start();
    world.run_until("the first certificate", |world| world.served().is_some());
    for event in events(bytes.get(1..).unwrap_or_default()).take(MOST_EVENTS) {
        match event {
            Event::Jump(_)
            | Event::Absurd(_)
            | Event::Restart
            | Event::Off(_)
            | Event::PowerCut(_)
            | Event::Shutdown
            | Event::Plant(_) => {}
            event => happen(&mut world, &event),
        }
    }
}

fn look(world: &World, report: &mut Report) {
    let node = world.node.as_ref();
    let state = node.map_or(0, |node| node.digest());
    report.digest = (report.digest.rotate_left(5) ^ state).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    report.open += u32::from(world.server.open() > 0);
    report.serving += u32::from(world.served().is_some());
    let phase = node.map(|node| node.view().phase);
    report.writing += u32::from(matches!(phase, Some(Phase::Saving | Phase::Installing)));
}

fn happen(world: &mut World, event: &Event) {
    match event {
        Event::Deliver(count) => {
            for _ in 0..*count {
                world.deliver();
            }
        }
        Event::Advance(count) => {
            for _ in 0..*count {
                world.advance();
            }
        }
        Event::Pass(span) => {
            world.pass(*span);
            world.give(Input::Tick);
        }
        // A year of certificates that live for seconds is a test of patience only.
        Event::Run(span) => world.run_for((*span).min(world.server.lifetime.scaled(5, 1))),
        Event::Jump(ms) => {
            set_wall(world, WallTime::from_unix_ms(world.now.wall.unix_ms().saturating_add(*ms)))
        }
        Event::Absurd(early) => set_wall(world, if *early { WallTime::MIN } else { WallTime::MAX }),
        Event::RotateNow => drop(world.give(Input::RotateNow)),
        Event::Repeat => repeat(world),
        Event::Restart | Event::Off(_) | Event::PowerCut(_) | Event::Shutdown => end(world, event),
        Event::Plant(damage) => plant(world, *damage),
        Event::Disk(fault) => world.disk.faults = vec![*fault],
        Event::LoseDisk(count) => world.lose_disk_answers = (*count).into(),
        Event::LoseCalls(count) => world.lose_call_answers = (*count).into(),
        Event::Answer(_)
        | Event::Outage(_)
        | Event::Silent(_)
        | Event::Approver(_)
        | Event::Bad(_)
        | Event::Refuse(..)
        | Event::Latency(_)
        | Event::Lifetime(_)
        | Event::Watches(..)
        | Event::Forget => change(&mut world.server, event),
    }
}

fn change(server: &mut Server, event: &Event) {
    match event {
        Event::Answer(fault) => server.answers.push(*fault),
        Event::Outage(fault) => server.outage = *fault,
        Event::Silent(silent) => server.silent = *silent,
        Event::Approver(approver) => server.approver = *approver,
        Event::Bad(bad) => server.bad = *bad,
        Event::Refuse(live, bootstrap) => {
            (server.refuse_live, server.refuse_bootstrap) = (*live, *bootstrap);
        }
        Event::Latency(span) => server.latency = *span,
        Event::Lifetime(span) => server.lifetime = *span,
        Event::Watches(ends, none) => (server.watch_ends, server.no_watch) = (*ends, *none),
        _ => server.objects.clear(),
    }
}

fn end(world: &mut World, event: &Event) {
    match event {
        Event::Off(span) => {
            world.kill();
            world.pass(*span);
            world.start();
        }
        Event::PowerCut(kept) => world.power_cut(*kept),
        Event::Shutdown => {
            world.give(Input::Shutdown);
            world.settle();
            world.run_for(Span::from_mins(2));
            assert!(world.node.is_none(), "L5: a shutdown ends\n{}", world.summary());
            world.start();
        }
        _ => world.restart(),
    }
}

fn set_wall(world: &mut World, wall: WallTime) {
    world.now.wall = wall;
    world.give(Input::Tick);
}

/// M1: an input that is given again at the same time is ignored, and asks for nothing.
fn repeat(world: &mut World) {
    if let Some(input) = world.last.clone() {
        let first = world.give(input.clone());
        let again = world.node.is_some().then(|| world.give(input.clone())).flatten();
        if let (Some(_), Some(again)) = (first, again) {
            let ignored = matches!(again.disposition, Disposition::Ignored(_));
            assert!(ignored && again.actions.is_empty(), "M1: {input:?} twice\n{}", world.summary());
        }
    }
}

fn plant(world: &mut World, damage: Damage) {
    match (damage, damage.planted()) {
        (_, Some((name, content))) => world.disk.plant(name, content),
        (Damage::NoLiveName, _) => world.disk.remove(Name::Live),
        (_, None) => {
            if let Some(File::Link(target)) = world.disk.read(Name::Live).cloned() {
                world.disk.plant(target, File::Partial);
            }
        }
    }
}

/// Ends every failure.
fn heal(world: &mut World) {
    world.disk.faults.clear();
    (world.lose_disk_answers, world.lose_call_answers) = (0, 0);
    let server = &mut world.server;
    (server.outage, server.bad, server.longest_wish) = (None, None, None);
    (server.silent, server.no_watch, server.watch_ends) = (false, false, false);
    (server.refuse_live, server.refuse_bootstrap) = (false, false);
    (server.approver, server.latency) = (Approver::Auto, Span::ZERO);
    server.answers.clear();
    world.now.wall = START.plus(world.now.mono.since(MonoTime::from_ms(1000)));
    world.give(Input::Tick);
    // What somebody else did to the files of a running node is found at the next start.
    if world.disk.meddled || !world.disk.strangers.is_empty() {
        world.restart();
    }
}

/// L2: the node settles within the life of a certificate, the longest wait and some, and in few steps.
fn settle(world: &mut World) {
    let longest = Span::from_hours(8760).plus(Span::from_hours(48));
    let (end, most) = (world.now.mono.plus(longest), world.steps + 5000);
    while !is_settled(world) {
        assert!(world.now.mono < end && world.steps < most, "L2: it settles\n{}", world.summary());
        assert!(world.advance(), "L2: something happens\n{}", world.summary());
    }
}

fn is_settled(world: &World) -> bool {
    let phase = world.node.as_ref().map(|node| node.view().phase);
    let passing = |name: &Name| matches!(name, Name::Temporary { .. } | Name::Pending { .. });
    let kept = world.disk.names().filter(|name| !matches!(name, Name::Quarantine { .. })).count();
    let untidy = kept > 3 || world.disk.names().any(|name| passing(&name));
    world.served().is_some() && phase == Some(Phase::Resting) && world.server.open() == 0 && !untidy
}

/// S6, M3: starting again at rest changes nothing on disk and serves the same identity.
fn start_again(world: &mut World) {
    let (served, before) = (world.served(), world.disk.log.len());
    world.restart();
    world.run_until("recovery", |world| world.recovered);
    assert_eq!(world.served(), served, "M3: a restart at rest serves the same\n{}", world.summary());
    let changes = world.disk.log.iter().skip(before).filter(|(command, _)| command.mutates()).count();
    assert_eq!(changes, 0, "S6: a start on a directory in order changes nothing\n{}", world.summary());
}

/// A world whose driver is wrong on purpose.
#[must_use]
pub fn broken(driver: Driver, bytes: &[u8]) -> World {
    let mut world = world(bytes);
    world.driver = driver;
    world
}
