use super::*;
use crate::scenario::wrong;
use crate::simulate;
use crate::world::Driver;

#[test]
fn replay_has_every_step_with_the_same_outcome() {
    for seed in 0..50 {
        let scenario = simulate::scenario(seed, 60);
        let replay = Replay::of_scenario(&scenario, |_, _| {}, true, None);
        let played = scenario.play();
        assert_eq!(replay.world.steps, played.world.steps);
        assert_eq!(replay.world.fingerprint(), played.world.fingerprint());
        let mut steps = 0;
        let same = walk(&replay.runs, |step| {
            steps += 1;
            step.step == steps
        });
        assert_eq!((same, steps), (Ok(()), played.world.steps));
        assert_eq!(replay.lines().len() as u64, steps);
    }
}

#[test]
fn stopped_replay_has_the_world_of_its_step() {
    let scenario = simulate::scenario(3, 60);
    let whole = Replay::of_scenario(&scenario, |_, _| {}, true, None);
    for until in 1..=whole.world.steps {
        let stopped = Replay::of_scenario(&scenario, |_, _| {}, true, Some(until));
        assert_eq!(stopped.world.steps, until);
        assert_eq!(stopped.lines()[..], whole.lines()[..until as usize]);
        let machine = stopped.world.node.as_ref().map(|node| node.digest());
        let mut recorded = None;
        walk(&whole.runs, |step| {
            recorded = Some(step.after.digest());
            step.step < until
        })
        .expect("it comes out the same");
        assert!(machine.is_none() || machine == recorded, "step {until}");
    }
}

#[test]
fn differing_step_is_named() {
    let mut replay = Replay::of_scenario(&simulate::scenario(1, 20), |_, _| {}, true, None);
    replay.runs[0].1[4].digest ^= 1;
    let Err(Differs::Step(5, records)) = walk(&replay.runs, |_| true) else { panic!("step 5 differs") };
    assert_eq!(records.0.digest ^ 1, records.1.digest);
}

#[test]
fn failure_names_sentence_time_faults_and_replay_command() {
    let change = || wrong(Driver::SkipsDirectorySyncs);
    let mut seeds = (1..).map(|seed| simulate::scenario(seed, 100));
    let failing = seeds.find_map(|it| Some((it.play_in(change(), true).world.violation?, it)));
    let (violation, scenario) = failing.expect("one in a few random scenarios gets to a first certificate");
    let text = scenario.failure_in(&violation, "--driver skips-directory-syncs", change());
    for part in [
        violation.id,
        violation.sentence,
        "after step ",
        "faults so far: ",
        "setup: certificates live",
        "last steps:",
        "sync directory",
        "cargo run --release -p certrotate-model -- replay --driver skips-directory-syncs --hex ",
    ] {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
    assert!(!text.contains("the worlds differ"), "{text}");
    assert!(scenario.failure(&violation).contains("the worlds differ"), "a correct driver does not fail");
}
