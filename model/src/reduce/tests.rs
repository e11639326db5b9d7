use crate::reduce::reduce;
use crate::scenario::{Scenario, wrong};
use crate::simulate::scenario;
use crate::transition::Transition;
use crate::world::Driver;

#[test]
fn long_scenario_is_reduced_to_a_few_transitions_that_still_fail() {
    let fails = |scenario: &Scenario| {
        let played = scenario.play_in(wrong(Driver::SkipsDirectorySyncs), false);
        played.world.violation.map(|violation| (violation, played.transitions))
    };
    let long = (1..).map(|seed| scenario(seed, 100)).find(|it| fails(it).is_some());
    let long = long.expect("one in a few random scenarios gets to a first certificate");
    let short = reduce(&long, fails);
    assert!(short.transitions.len() <= 8, "{short}");
    assert_eq!(fails(&short).map(|(it, _)| it.id), fails(&long).map(|(it, _)| it.id));
    assert!(
        short.transitions.iter().all(|transition| matches!(transition, Transition::Step(_))),
        "no fault is needed: {short}"
    );
}
