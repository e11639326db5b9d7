//! The system calls of a node as text for review: [`realfs/snapshots`](../../../realfs/snapshots).
//!
//! The text omits numbers of descriptors, sizes, times in names and the paths above the directory.
//! It keeps every call on the directory, in order and with its flags.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

use crate::CURRENT_LINK;
use crate::disk::Manner;
use crate::scenario::{Scenario, run_in};
use crate::strace::{Inject, Runner, SysCall};
use crate::world::Session;

/// A part of a run, with its calls.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Section {
    title: String,
    lines: Vec<String>,
    syncs: u32,
    /// Syncs since the last answer of the server.
    critical: u32,
    /// The syncs among them before the switch of the current link, which readers wait for.
    before_switch: u32,
}

impl Section {
    fn new(title: String) -> Self {
        Self { title, lines: Vec::new(), syncs: 0, critical: 0, before_switch: 0 }
    }
}

/// The snapshots, by file name.
const SNAPSHOTS: [&str; 4] = ["rotations", "clean-up", "start", "empty"];

/// Compares the snapshots, or writes them anew if `bless` says so, and counts the syncs: five in a
/// rotation, three of them after the certificate arrives, two of these before the switch, and one at
/// a start without stale files.
///
/// # Errors
///
/// The first difference, or a wrong count.
pub fn check(runner: &Runner, home: &Path, folder: &Path, bless: bool) -> Result<(), String> {
    for name in SNAPSHOTS {
        let sections = sections(runner, home, name)?;
        let text = render(&sections);
        let path = folder.join(format!("{name}.txt"));
        if bless {
            fs::write(&path, &text).map_err(|error| format!("{}: {error}", path.display()))?;
        }
        let known = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        for (number, (line, was)) in text.lines().chain([""]).zip(known.lines().chain([""])).enumerate() {
            if line != was {
                return Err(format!(
                    "{} line {}: it is {line:?} and was {was:?}; if that is meant, read the difference and run: realfs snapshots --bless",
                    path.display(),
                    number + 1
                ));
            }
        }
        count(name, &sections)?;
    }
    Ok(())
}

/// Returns the costs of a renewal by strace: system calls on the directory, syncs, and syncs after
/// the certificate arrives.
///
/// # Errors
///
/// strace failed.
pub fn renewal(runner: &Runner, home: &Path) -> Result<(usize, u32, u32), String> {
    let sections = sections(runner, home, "rotations")?;
    let section = sections.iter().find(|section| section.title == "live 2").ok_or("there is no renewal")?;
    let calls = section.lines.iter().filter(|line| !line.starts_with('#')).count();
    Ok((calls, section.syncs, section.critical))
}

/// Checks the syncs. docs/disk.md has the reason for each of them.
fn count(name: &str, sections: &[Section]) -> Result<(), String> {
    let find = |title: &str| {
        let section = sections.iter().find(|section| section.title.starts_with(title));
        section.ok_or_else(|| format!("{name}: nothing is called {title}"))
    };
    let wanted: &[(&str, u32, u32)] = match name {
        // The first identity needs the entry of the directory, too. The second replaces the first,
        // and the sixth the fifth: no attempt failed in between.
        "rotations" => &[("live 1", 6, 3), ("live 2", 5, 3), ("live 6", 5, 3)],
        "start" => &[("live", 1, 1)],
        // The five of a rotation, and one for the entry of the directory, since another program may
        // have made it without a sync.
        "empty" => &[("live 1", 6, 3)],
        // Stale files of another program cost one more sync, before the renewal.
        _ => &[("live 4", 6, 3)],
    };
    for (title, syncs, critical) in wanted {
        let section = find(title)?;
        if (section.syncs, section.critical) != (*syncs, *critical) {
            return Err(format!(
                "{name}, {title}: {} syncs, {} of them since the certificate came; there must be {syncs} and {critical}",
                section.syncs, section.critical
            ));
        }
        let before_switch = if name == "start" { 0 } else { 2 };
        if section.before_switch != before_switch {
            return Err(format!(
                "{name}, {title}: {} syncs between certificate and switch; there must be {before_switch}",
                section.before_switch
            ));
        }
    }
    Ok(())
}

fn sections(runner: &Runner, home: &Path, name: &str) -> Result<Vec<Section>, String> {
    let scenario = if name == "clean-up" { Scenario::CleanUp } else { Scenario::Rotations };
    let (directory, mut session): (_, Session) = scenario.begin(home).map_err(|error| error.to_string())?;
    if name == "start" {
        let start = session.now;
        let _ = run_in(&directory, Manner::Shipped, &mut session, start);
    }
    if name == "empty" {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&directory)
            .map_err(|error| error.to_string())?;
    }
    let traced = runner.run(&directory, Manner::Shipped, &mut session, &Inject::Nothing);
    let traced = traced.map_err(|error| error.to_string())?;
    if traced.ended.as_deref() != Some("at rest") {
        return Err(format!("{name}: it ended {:?}: {}", traced.ended, traced.stderr));
    }
    let mut sections = split(&traced.calls, &home.join("node").display().to_string());
    if name == "empty" {
        // The calls after that equal those of a missing directory.
        sections.truncate(1);
    }
    Ok(sections)
}

fn split(calls: &[SysCall], node: &str) -> Vec<Section> {
    let (mut done, mut now) = (Vec::new(), Section::new(String::new()));
    for call in calls {
        if call.name == "write" && call.arguments.starts_with("1<") {
            let said = call.strings().next().unwrap_or_default();
            let words: Vec<&str> = said.trim_end_matches("\\n").split(' ').collect();
            match words.as_slice() {
                ["report", _, "live", generation, ..] => {
                    now.title = format!("live {generation}");
                    done.push(std::mem::replace(&mut now, Section::new(String::new())));
                }
                ["report", _, "event", event, ..] => now.lines.push(format!("# {event}")),
                ["report", _, kind, ..] => now.lines.push(format!("# {kind}")),
                [verb @ ("create" | "get"), ..] => {
                    now.lines.push(format!("# {verb} on the server"));
                    now.critical = 0;
                }
                ["rested", ..] => now.lines.push("# at rest".to_owned()),
                _ => {}
            }
        } else if call.touches(node) && call.name != "fcntl" {
            if call.syncs() {
                now.syncs += 1;
                now.critical += 1;
            }
            if call.name.starts_with("rename") && call.strings().last() == Some(CURRENT_LINK) {
                now.before_switch = now.critical;
            }
            now.lines.push(line(call, node));
        }
    }
    now.title = "to the end".to_owned();
    done.push(now);
    done
}

fn render(sections: &[Section]) -> String {
    let mut text = String::new();
    for Section { title, lines, syncs, critical, .. } in sections {
        text += &format!("== {title}: {syncs} syncs, {critical} since the last answer of the server\n");
        for line in lines {
            text += line;
            text.push('\n');
        }
    }
    text
}

/// Renders a call as `name arguments flags`, without the parts that differ from run to run.
fn line(call: &SysCall, node: &str) -> String {
    let name = match call.name.as_str() {
        "open" => "openat",
        "mkdirat" => "mkdir",
        "stat" | "newfstatat" | "statx" => "stat",
        other => other,
    };
    let mut words = vec![name.to_owned()];
    let first = call.descriptor().map(|path| place(path, node));
    let on_file = matches!(
        name,
        "write" | "read" | "fsync" | "close" | "fstat" | "getdents64" | "lseek" | "fchmod" | "flock" | "mmap"
    );
    if on_file {
        words.extend(first);
    } else {
        words.extend(call.strings().filter(|text| !text.is_empty()).map(|text| place(text, node)));
    }
    let flags = call.arguments.split(", ").filter(|part| {
        part.starts_with("O_")
            || part.starts_with("LOCK_")
            || part.starts_with("AT_SYM")
            || (part.len() == 4 && part.starts_with('0') && part.bytes().all(|byte| byte.is_ascii_digit()))
    });
    words.extend(flags.map(|flag| flag.replace("O_LARGEFILE|", "").replace("|O_LARGEFILE", "")));
    if !call.succeeded() {
        words.push(format!("= {}", call.result.split(" (").next().unwrap_or_default()));
    }
    words.join(" ")
}

/// Returns a path without the part above the node's directory, and without times.
fn place(path: &str, node: &str) -> String {
    let path = path
        .replace(&format!("{node}/pki/"), "")
        .replace(&format!("{node}/pki"), "DIR")
        .replace(node, "NODE");
    path.split('/').map(without_time).collect::<Vec<_>>().join("/")
}

/// Renders `kubelet-client-2027-01-15-08-00-00-1.2.pem` as `kubelet-client-TIME-1.2.pem`.
fn without_time(name: &str) -> String {
    const SHAPE: &str = "0000-00-00-00-00-00";
    let shape: String =
        name.chars().map(|letter| if letter.is_ascii_digit() { '0' } else { letter }).collect();
    match shape.find(SHAPE) {
        Some(at) => format!("{}TIME{}", &name[..at], &name[at + SHAPE.len()..]),
        None => name.to_owned(),
    }
}
