//! `seeded-overlay`: opens, saves and checks the overlays. `scripts/seeded-overlay` runs it.

use std::io;
use std::path::Path;
use std::process::ExitCode;

use certrotate_seeded_overlay::place::Misfit;
use certrotate_seeded_overlay::{OVERLAYS, Overlay, edit};

const USAGE: &str = "usage: scripts/seeded-overlay open|save|check [core|x509|keys|store|agent]";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (command, overlays) = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["check"] => ("check", OVERLAYS.to_vec()),
        [command @ ("open" | "save" | "check"), name] => match Overlay::named(name) {
            Some(overlay) => (command, vec![overlay]),
            None => return usage(),
        },
        _ => return usage(),
    };
    let results: Vec<_> = overlays.into_iter().map(|overlay| run(command, overlay)).collect();
    if results.into_iter().all(|succeeded| succeeded) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn usage() -> ExitCode {
    eprintln!("{USAGE}");
    ExitCode::from(2)
}

/// Whether the command succeeded for this overlay.
fn run(command: &str, overlay: Overlay) -> bool {
    let (root, name) = (Path::new("."), overlay.name);
    let result = match command {
        "open" => edit::open(overlay, root),
        "save" => edit::save(overlay, root).map(|()| Vec::new()),
        _ => edit::check(overlay, root),
    };
    match (command, report(overlay, result)) {
        // A misfit is no error here: the open copy serves to repair it.
        ("open", Some(_)) => println!(
            "edit target/seeded-overlay/{name}/src; certrotate-{name}-seeded is built from it until \
             scripts/seeded-overlay save {name}"
        ),
        ("save", Some(true)) => println!("saved seeded/{name}"),
        (_, Some(true)) => println!("seeded/{name}/overlay.patch fits {}", overlay.source),
        (_, Some(false) | None) => return false,
    }
    true
}

/// Prints errors and misfits. `None` is an error, `Some(false)` a hunk that does not fit.
fn report(overlay: Overlay, result: io::Result<Vec<Misfit>>) -> Option<bool> {
    let misfits = match result {
        Ok(misfits) => misfits,
        Err(error) => {
            eprintln!("seeded-overlay: {}: {error}", overlay.name);
            return None;
        }
    };
    for line in misfits.iter().flat_map(Misfit::lines) {
        eprintln!("{line}");
    }
    if !misfits.is_empty() {
        eprintln!("{}", overlay.remedy());
    }
    Some(misfits.is_empty())
}
