//! Renders a world as text: the state of core, the disk with its pending changes, the server's
//! objects.

use std::fmt::Write as _;

use certrotate_core::disk::{CurrentLink, Name};
use certrotate_core::rotator::Rotator;
use certrotate_core::time::{Now, WallTime};

use crate::brief;
use crate::disk::image::Profile;
use crate::disk::{Disk, Entries, File};
use crate::replay::Since;
use crate::world::World;

/// The most images that are listed.
pub const MOST_IMAGES: usize = 64;

fn indented(lines: &[String]) -> String {
    lines.iter().fold(String::new(), |mut text, line| {
        let _ = writeln!(text, "  {line}");
        text
    })
}

/// Renders a wall time relative to the present.
fn from_now(time: WallTime, now: Now) -> String {
    let (ahead, back) = (time.since(now.wall), now.wall.since(time));
    if time == now.wall {
        return "now".into();
    }
    if time > now.wall { format!("in {ahead}") } else { format!("{back} ago") }
}

/// The machine's state.
#[must_use]
pub fn machine(node: &Rotator, now: Now) -> String {
    let (view, wake) = (node.view(), node.wake());
    let mut lines = vec![format!("phase {}, digest {:016x}", view.phase, node.digest())];
    match view.identity {
        None => lines.push("no identity".into()),
        Some(it) => {
            let serves = if view.serving { "serves" } else { "holds back" };
            lines.push(format!("{serves} generation {} ({})", it.generation, it.name));
            lines.push(format!(
                "  key {}, certificate {}: starts {}, renewal {}, ends {}",
                it.key.0,
                it.cert.0,
                from_now(it.not_before, now),
                from_now(it.renew_at, now),
                from_now(it.not_after, now)
            ));
        }
    }
    if let Some(attempt) = view.attempt {
        let request = view.request.map_or("none yet".into(), |request| format!("{request:.8}"));
        lines.push(format!("attempt at generation {attempt}, request {request}"));
    }
    lines.push(format!(
        "failures: {} of calls, {} of keys, {} of the disk; lifetime {}",
        view.failures.calls, view.failures.keys, view.failures.disk, view.lifetime
    ));
    let wall = wake.wall.map(|wall| format!("by wall time {}", from_now(wall, now)));
    let mono = wake.mono.map(|mono| format!("by mono time in {}", mono.since(now.mono)));
    let wanted: Vec<String> = wall.into_iter().chain(mono).collect();
    let wanted = if wanted.is_empty() { "never".into() } else { wanted.join(", ") };
    lines.push(format!("next tick {wanted} ({:?})", wake.reason));
    format!("machine\n{}", indented(&lines))
}

/// The disk: the visible state, the durable state, the pending operations.
#[must_use]
pub fn disk(disk: &Disk) -> String {
    let mut lines = Vec::new();
    let mut listed = |title: &str, entries: &Entries| {
        lines.push(title.to_owned());
        if entries.is_empty() {
            lines.push("  nothing".into());
        }
        for named in entries.iter() {
            let inode = disk.file(named.inode);
            let unsynced = if inode.durable { "" } else { ", not synced" };
            let failed = if inode.failed { ", failed" } else { "" };
            let public = if inode.public { ", readable by others" } else { "" };
            lines.push(format!("  {}: {}{unsynced}{failed}{public}", named.name, file(inode.file)));
        }
    };
    listed("visible", &disk.visible);
    listed("durable", &disk.durable);
    lines.push("pending".into());
    if disk.pending.is_empty() {
        lines.push("  nothing".into());
    }
    for change in disk.pending.iter() {
        let joined = if change.joined { " (with the one before)" } else { "" };
        let what = change.inode.map_or("gone".into(), |inode| file(disk.file(inode).file));
        lines.push(format!("  {}: {what}{joined}", change.name));
    }
    format!("disk\n{}", indented(&lines))
}

fn file(file: File) -> String {
    match file {
        File::Empty => "empty".into(),
        File::Torn => "torn".into(),
        File::Bundle(it) => {
            format!("bundle of generation {}, key {}, certificate {}", it.generation, it.key, it.cert)
        }
        File::Pending(it) => format!("pending file of generation {}, key {}", it.generation, it.key),
        File::Link(target) => format!("→ {target}"),
        File::ForeignLink => "→ elsewhere".into(),
        File::Garbage => "garbage".into(),
        File::Directory => "directory".into(),
    }
}

/// Renders the operations in flight.
#[must_use]
pub fn under_way(world: &World) -> String {
    let mut lines: Vec<String> = world
        .in_flight
        .iter()
        .map(|it| {
            let given_up = if it.given_up { ", given up" } else { "" };
            format!("{}: {}{given_up}", it.op, brief::action(&it.action()))
        })
        .collect();
    lines.extend(world.late.iter().map(|it| format!("{}: late: {:?}", it.op, it.outcome)));
    if lines.is_empty() {
        lines.push("nothing".into());
    }
    format!("under way\n{}", indented(&lines))
}

/// Renders the server: its objects and its faults.
#[must_use]
pub fn server(world: &World) -> String {
    let server = &world.server;
    let mut lines = vec![format!(
        "approver {:?}, latency {}, certificates live {}; {} created, {} issued, {} open",
        server.approver,
        server.latency,
        server.lifetime,
        server.created(),
        server.issued(),
        server.open()
    )];
    if let Some(fault) = server.outage {
        lines.push(format!("outage: {fault:?}"));
    }
    let flags = [
        (server.silent, "silent"),
        (server.no_watch, "watches are forbidden"),
        (server.watch_ends, "watches end at once"),
        (server.refuse_live, "the live identity is refused"),
        (server.refuse_bootstrap, "the bootstrap credential is refused"),
    ];
    lines.extend(flags.iter().filter(|(is, _)| *is).map(|(_, word)| (*word).to_owned()));
    for object in &server.objects {
        let state = brief::state(&world.object(object));
        let given_up = if object.given_up { ", given up by the node" } else { "" };
        lines.push(format!(
            "object {:.8}: key {}, {state}, made {}{given_up}",
            object.request,
            object.key,
            from_now(object.made, world.now)
        ));
    }
    format!("server\n{}", indented(&lines))
}

/// The world: time, machine, what is under way, disk and server.
#[must_use]
pub fn world(world: &World, start: Now) -> String {
    let time = format!("time {}, wall clock {}\n", Since(world.now, start), world.now.wall);
    let node = match (&world.node, world.exit) {
        (Some(node), _) => machine(node, world.now),
        (None, Some(reason)) => format!("no process: it ended with {reason:?}\n"),
        (None, None) => "no process\n".into(),
    };
    [time, node, under_way(world), disk(&world.disk), server(world)].concat()
}

/// Every image that a power cut may leave now, numbered as the transition `PowerCut` counts them.
#[must_use]
pub fn images(disk: &Disk, profile: Profile) -> String {
    let mut lines = Vec::new();
    let mut count = 0;
    disk.images(profile, |image| {
        if count < MOST_IMAGES {
            let live = match (image.current_link(), image.live_bundle()) {
                (_, Some(bundle)) => format!("generation {}", bundle.generation),
                (CurrentLink::Absent, None) => "absent".into(),
                (other, None) => format!("{other:?}, no bundle"),
            };
            let others = image.visible.iter().filter(|it| it.name != Name::Current);
            let names: Vec<String> =
                others.map(|it| format!("{} ({})", it.name, file(image.file(it.inode).file))).collect();
            lines.push(format!("{count:>3}  current link {live}; {}", names.join(", ")));
        }
        count += 1;
        true
    });
    if count > MOST_IMAGES {
        lines.push(format!("… {} more", count - MOST_IMAGES));
    }
    format!("images after a power cut ({profile}): {count}\n{}", indented(&lines))
}
