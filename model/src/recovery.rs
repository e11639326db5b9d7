//! Starts on any directory content: bytes describe the files, and the node must recover.
//!
//! Five bytes are one file: kind of name, generation, file number, content and dates. The first two
//! bytes are the setup, as in a [scenario](crate::scenario); the third chooses the current link.

use certrotate_core::config::ConfigSpec;
use certrotate_core::disk::Name;
use certrotate_core::id::{FileNumber, Generation};
use certrotate_core::time::WallTime;

use crate::cert::{Cert, Flaw};
use crate::disk::{Bundle, File, NAMES, Pending};
use crate::scenario::{Setup, live_on};
use crate::world::{FEWER_USAGES, MORE_USAGES, ONE_NAME, Request, SETTLE_INPUTS, World};

/// The most files; only external changes leave more names of ours.
const MOST_FILES: usize = NAMES - 4;

/// Plays the directory that bytes describe.
///
/// # Panics
///
/// A check fails.
pub fn run(bytes: &[u8]) {
    if let Some(violation) = play(bytes).violation {
        panic!("{violation}\n{bytes:02x?}");
    }
}

/// Returns the world after a start on the directory that bytes describe, and after it has healed.
#[must_use]
pub fn play(bytes: &[u8]) -> World {
    play_in(bytes, |_, _| {})
}

/// As [`play`], in a world that `change` alters.
#[must_use]
pub fn play_in(bytes: &[u8], change: impl FnOnce(&mut ConfigSpec, &mut World)) -> World {
    let byte = |index: usize| bytes.get(index).copied().unwrap_or_default();
    let setup = Setup { settled: false, ..Setup::decode(byte(0), byte(1)) };
    let mut world = setup.begin(change);
    world.kill();
    world.server.lifetime = setup.lifetime;
    for file in bytes.get(3..).unwrap_or_default().as_chunks::<5>().0.iter().take(MOST_FILES) {
        put_external(&mut world, *file);
    }
    put_current_link(&mut world, byte(2));
    let best = best(&world);
    world.start();
    for _ in 0..SETTLE_INPUTS {
        if world.ghost.recovered || world.node.is_none() || world.violation.is_some() {
            break;
        }
        world.advance();
    }
    if world.ghost.recovered {
        let served = world.served() == best;
        world.hold("S6", "a start serves the highest generation that is acceptable now", served);
    }
    if world.violation.is_none() {
        live_on(&mut world);
    }
    world
}

/// Writes one file: kind of name, generation, file number, content, and dates.
fn put_external(world: &mut World, [kind, generation, file, content, dates]: [u8; 5]) {
    let (generation, file) = (Generation(u32::from(generation % 6) + 1), FileNumber(u32::from(file % 4) + 1));
    let issued = world.now.wall;
    let name = match kind % 4 {
        0 | 1 => Name::Bundle { issued: issued.whole_second(), generation, file },
        2 => Name::Pending { generation, file },
        _ => Name::Temporary { generation, file },
    };
    // Each generation has one key.
    while world.requests.len() < generation.0 as usize {
        let key = world.requests.len() as u32 + 1;
        world.requests.push(Request { template: 0, duration: None, key });
    }
    let key = generation.0;
    let file = match content % 8 {
        0 => File::Empty,
        1 => File::Torn,
        2 => File::Garbage,
        3 => File::Pending(Pending { generation, made: issued, key }),
        // A file of another generation under this name.
        4 => File::Pending(Pending { generation: generation.next(), made: issued, key }),
        _ => {
            let cert = issue(world, key, content / 8, dates);
            File::Bundle(Bundle { generation, issued, key, cert })
        }
    };
    world.disk.put_external(name, file);
}

fn issue(world: &mut World, key: u32, flaw: u8, dates: u8) -> u32 {
    let flaws = [Flaw::Key, Flaw::Subject, Flaw::Sans, Flaw::Usage, Flaw::ExtraUsage, Flaw::Ca, Flaw::Chain];
    // A certificate with only other names or usages was requested with another template.
    let asked = |flaw| match flaw {
        Flaw::Sans => (None, ONE_NAME),
        Flaw::Usage => (None, FEWER_USAGES),
        Flaw::ExtraUsage => (None, MORE_USAGES),
        Flaw::Key | Flaw::Subject | Flaw::SubjectCase | Flaw::Organization | Flaw::Ca | Flaw::Chain => {
            (Some(flaw), 0)
        }
    };
    let hours = |count: i64| WallTime::from_unix_ms(world.now.wall.unix_ms() + count * 3_600_000);
    let (not_before, not_after) = match dates % 4 {
        0 | 1 => (hours(-1), hours(i64::from(dates) + 1)),
        2 => (hours(-3), hours(-1)),
        _ => (hours(1), hours(25)),
    };
    let flaw = flaws.get(usize::from(flaw)).copied().filter(|_| dates & 64 != 0);
    let (flaw, template) = flaw.map_or((None, 0), asked);
    world.server.certs.push(Cert { key, template, flaw, not_before, not_after });
    world.server.certs.len() as u32
}

fn put_current_link(world: &mut World, choice: u8) {
    let names: Vec<Name> = world.disk.names().filter(|name| matches!(name, Name::Bundle { .. })).collect();
    let file = match choice % 8 {
        0 => return,
        1 => File::Garbage,
        2 => File::Link(Name::Bundle {
            issued: world.now.wall.whole_second(),
            generation: Generation(77),
            file: FileNumber(1),
        }),
        _ => match names.get(usize::from(choice / 8) % names.len().max(1)) {
            Some(name) => File::Link(*name),
            None => return,
        },
    };
    world.disk.put_external(Name::Current, file);
}

/// Returns the highest generation with an acceptable identity in a file of its own.
fn best(world: &World) -> Option<Generation> {
    let acceptable = |name: Name| match (name, world.disk.read(name)) {
        (Name::Bundle { generation, .. }, Some(File::Bundle(bundle))) if bundle.generation == generation => {
            let cert = world.server.cert(bundle.cert)?;
            let valid = cert.not_before <= world.now.wall && world.now.wall < cert.not_after;
            (valid && world.is_acceptable(&bundle)).then_some(generation)
        }
        _ => None,
    };
    world.disk.names().filter_map(acceptable).max()
}

#[cfg(test)]
mod tests;
