//! Golden scenarios: what happened to others (docs/incidents.md), and what once went wrong here, told in a few transitions.
//!
//! Each passes on the shipped core. Those that name a bug after "Seeded bug" fail with it, under the invariant that they
//! name: a scenario that nothing can fail shows nothing.

use std::fs::{read, read_dir, read_to_string};
use std::path::Path;

use certrotate_model::scenario::Scenario;
use certrotate_seeded_bugs::{Bug, INCIDENTS};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/golden");

/// The most transitions of one: it is to be read.
const MOST_TRANSITIONS: usize = 8;

struct Golden {
    name: String,
    text: String,
    scenario: Scenario,
}

impl Golden {
    fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for entry in read_dir(FOLDER).expect("the folder is there") {
            let path = entry.expect("it can be listed").path();
            if path.extension().is_some_and(|it| it == "scenario") {
                let name = path.file_stem().and_then(|it| it.to_str()).expect("a sentence").to_owned();
                let text = read_to_string(&path).expect("it can be read");
                let scenario = Scenario::from_text(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
                all.push(Self { name, text, scenario });
            }
        }
        all.sort_by(|one, other| one.name.cmp(&other.name));
        all
    }

    /// The lines for people.
    fn why(&self) -> String {
        let lines = self.text.lines().filter_map(|line| line.strip_prefix("# "));
        lines.collect::<Vec<_>>().join("\n")
    }

    /// The number of the incident that it tells.
    fn incident(&self) -> Option<u8> {
        let number = self.name.strip_prefix('f')?.split('_').next()?;
        number.parse().ok()
    }

    /// The bug that it fails with, and the invariant that it breaks.
    fn without(&self) -> Option<(Bug, &str)> {
        let line = self.text.lines().find_map(|line| line.strip_prefix("# Seeded bug: "))?;
        let (bug, id) = line.split_once(" breaks ").expect("a bug breaks an invariant");
        Some((Bug::parse(bug).expect("a bug that there is"), id))
    }
}

#[test]
fn golden_scenarios_hold() {
    for golden in Golden::all() {
        let violation = golden.scenario.play().world.violation;
        let failure = violation.map(|violation| golden.scenario.failure(&violation));
        assert_eq!(failure, None, "{}", golden.name);
    }
}

#[test]
fn golden_scenarios_fail_with_their_seeded_bug() {
    let (mut about, mut wrong) = (0, Vec::new());
    for golden in Golden::all() {
        let Some((bug, id)) = golden.without() else { continue };
        about += 1;
        let bytes = golden.scenario.encode();
        let seeded = certrotate_model_seeded::scenario::Scenario::decode(&bytes);
        let played = seeded.play_in(|spec, _| spec.bug = Some(bug), true);
        let found = played.world.violation.map(|it| it.id);
        if found != Some(id) {
            wrong.push(format!("{} with {} breaks {found:?}", golden.name, bug.name()));
        }
        let played = seeded.play_in(|_, _| {}, true);
        assert_eq!(played.world.violation, None, "{} without a bug", golden.name);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(about >= 35, "most of them are about a bug");
}

#[test]
fn golden_scenarios_are_short_and_canonical() {
    let all = Golden::all();
    assert!(all.len() >= 30, "{FOLDER} has scenarios");
    for golden in all {
        assert!(golden.scenario.transitions.len() <= MOST_TRANSITIONS, "{} is short", golden.name);
        assert!(golden.why().len() > 40, "{} says why it is kept", golden.name);
        assert_eq!(golden.scenario.to_text(&golden.why()), golden.text, "{}", golden.name);
    }
}

#[test]
fn incident_scenario_fails_with_the_bug_of_its_incident() {
    for golden in Golden::all() {
        let (Some(number), Some((bug, _))) = (golden.incident(), golden.without()) else { continue };
        let known: Vec<_> = INCIDENTS.iter().filter(|(its, _)| *its == number).map(|(_, bug)| *bug).collect();
        assert!(known.is_empty() || known.contains(&bug), "{}: {known:?} is the bug", golden.name);
    }
}

#[test]
fn f63_directory_of_another_cluster_is_not_used() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/recovery");
    let bytes = read(corpus.join("f63_directory_of_another_cluster_is_not_used")).expect("it is there");
    assert_eq!(certrotate_model::recovery::play(&bytes).violation, None);
    let world = certrotate_model_seeded::recovery::play_in(&bytes, |spec, _| spec.bug = Some(Bug::F63));
    assert_eq!(world.violation.map(|it| it.id), Some("S2"));
}

#[test]
fn every_incident_has_a_scenario_or_a_reason() {
    let told: Vec<_> = Golden::all().iter().filter_map(Golden::incident).collect();
    let reasons = read_to_string(Path::new(FOLDER).join("README.md")).expect("the reasons are there");
    let incidents = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/incidents.md");
    let incidents = read_to_string(incidents).expect("the page is there");
    let rows = incidents.lines().filter_map(|line| line.strip_prefix("| F")?.split(' ').next()?.parse().ok());
    let mut seen = 0;
    for number in rows {
        let reason = reasons.contains(&format!("| F{number:02} |"));
        assert!(told.contains(&number) != reason, "F{number:02} is told, or has a reason, and not both");
        seen += 1;
    }
    assert!(seen >= 30, "the page has rows");
}
