//! `certrotate-model simulate`.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Command, Stdio};

use crate::{model, model_in};

#[test]
fn holding_runs_exit_with_0_and_end_with_a_json_line() {
    let ran = model(&["simulate", "--seed", "1", "--runs", "40", "--threads", "2", "--json"]);
    assert_eq!(ran.status, Some(0), "{}", ran.err);
    assert_eq!(ran.out.lines().count(), 1, "words go to standard error");
    assert!(ran.err.contains("situations met") && ran.err.ends_with("held\n"), "{}", ran.err);
    let said = ran.json();
    assert_eq!((&said["outcome"], &said["ended"]), (&"held".into(), &"done".into()));
    assert_eq!((&said["complete"], &said["seed"], &said["runs"]), (&true.into(), &1.into(), &40.into()));
    let more_than = |key: &str, least: u64| assert!(said[key].as_u64().is_some_and(|it| it > least), "{key}");
    more_than("steps", 1000);
    more_than("rotations", 100);
    more_than("fair_runs", 20);
    assert!(said["faults"].as_object().is_some_and(|faults| faults.len() > 60), "{said}");
}

#[test]
fn the_report_does_not_depend_on_the_threads() {
    let said = ["1", "2", "3"].map(|threads| {
        let ran = model(&["simulate", "--seed", "5", "--runs", "30", "--threads", threads, "--json"]);
        let said = ran.json();
        ["runs", "steps", "rotations", "live", "fair_runs", "faults", "situations"]
            .map(|key| said[key].clone())
    });
    assert_eq!(said[0], said[1]);
    assert_eq!(said[0], said[2]);
}

#[test]
fn default_seed_is_printed() {
    let ran = model(&["simulate", "--runs", "1", "--transitions", "5", "--json"]);
    let seed = ran.json()["seed"].as_u64().expect("there is a seed");
    assert!(ran.err.contains(&format!("seeds from {seed}, ")), "{}", ran.err);
}

#[test]
fn every_seed_plays_the_same_twice() {
    let ran = model(&["simulate", "--seed", "9", "--runs", "30", "--double"]);
    assert_eq!(ran.status, Some(0), "{}", ran.out);
}

#[test]
fn s15_trace_of_a_seed_is_reproducible_and_replays() {
    let folder = tempfile::tempdir().expect("there is room");
    let traces = ["one.jsonl", "two.jsonl"].map(|name| {
        let ran = model_in(folder.path(), &["simulate", "--seed", "7", "--runs", "1", "--trace", name]);
        assert_eq!(ran.status, Some(0), "{}", ran.err);
        fs::read(folder.path().join(name)).expect("it was written")
    });
    assert!(traces[0].len() > 10_000, "a run of {} bytes", traces[0].len());
    assert!(traces[0] == traces[1], "the traces differ");
    let ran = model_in(folder.path(), &["replay", "one.jsonl", "--json"]);
    assert_eq!((ran.status, &ran.json()["outcome"]), (Some(0), &"held".into()), "{}", ran.err);
    let same = model_in(folder.path(), &["replay", "one.jsonl", "--diff", "seed:7"]);
    assert_eq!(same.status, Some(0), "{}", same.out);
}

#[test]
fn faulty_driver_is_found_reduced_kept_and_replayed() {
    let folder = tempfile::tempdir().expect("there is room");
    let simulate = |threads: &str| {
        let flags =
            ["simulate", "--driver", "skips-file-syncs", "--seed", "1", "--threads", threads, "--json"];
        model_in(folder.path(), &flags)
    };
    let ran = simulate("2");
    assert_eq!(ran.status, Some(1), "{}", ran.err);
    let said = ran.json();
    assert_eq!((&said["outcome"], &said["complete"]), (&"violated".into(), &false.into()));
    assert_eq!(
        said["violation"],
        simulate("1").json()["violation"],
        "the lowest seed is the one that is shown"
    );
    let text = |key: &str| said["violation"][key].as_str().expect("it is there").to_owned();
    for part in [&text("sentence"), &text("by"), "after step", "last steps:", "target/found/", "VIOLATED"] {
        assert!(ran.err.contains(part), "{part:?} is not in:\n{}", ran.err);
    }
    let command = ran.err.lines().find_map(|line| line.split("certrotate-model -- ").nth(1));
    let flags: Vec<&str> = command.expect("the command is shown").split(' ').collect();
    let again = model_in(folder.path(), &flags);
    assert_eq!(again.status, Some(1), "{}", again.out);
    assert!(again.out.contains(&format!("VIOLATED {}", text("id"))), "{}", again.out);
    let kept = text("file");
    let again = model_in(folder.path(), &["replay", &kept, "--driver", "skips-file-syncs", "--json"]);
    assert_eq!((again.status, &again.json()["violation"]["id"]), (Some(1), &said["violation"]["id"]));
    assert_eq!(model_in(folder.path(), &["replay", &kept]).status, Some(0), "a correct driver does not fail");
}

#[test]
fn memory_cap_stops_with_a_partial_report() {
    let ran = model(&["simulate", "--seed", "1", "--memory", "0", "--json"]);
    assert_eq!(ran.status, Some(0), "{}", ran.err);
    assert!(ran.err.contains("--memory allows 0; what is above is partial"), "{}", ran.err);
    let said = ran.json();
    assert_eq!((&said["complete"], &said["ended"]), (&false.into(), &"memory".into()));
}

#[test]
fn time_bound_stops_the_search_with_success() {
    let ran = model(&["simulate", "--seed", "1", "--seconds", "0", "--json"]);
    assert_eq!((ran.status, &ran.json()["ended"]), (Some(0), &"seconds".into()), "{}", ran.err);
    assert_eq!(ran.json()["complete"], true, "no more runs were requested");
    let ran = model(&["simulate", "--seed", "1", "--seconds", "0", "--runs", "5", "--json"]);
    assert_eq!(ran.json()["complete"], false, "five runs were requested");
}

#[test]
fn interrupt_stops_with_a_partial_report() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_certrotate-model"))
        .args(["simulate", "--seed", "1", "--seconds", "600", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut words = BufReader::new(child.stderr.take().expect("it is piped"));
    let mut first = String::new();
    words.read_line(&mut first).expect("it prints text");
    assert!(first.starts_with("seeds from 1, "), "it listens by then: {first}");
    let sent =
        Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("there is a kill");
    assert!(sent.success());
    let (mut err, mut out) = (String::new(), String::new());
    words.read_to_string(&mut err).expect("it prints text");
    child.stdout.take().expect("it is piped").read_to_string(&mut out).expect("it prints text");
    assert_eq!(child.wait().expect("it ends").code(), Some(0), "{err}");
    assert!(err.contains("stopped by a signal; what is above is partial"), "{err}");
    assert!(out.contains("\"complete\":false") && out.contains("\"ended\":\"interrupted\""), "{out}");
}
